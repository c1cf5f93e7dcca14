"""The same program with another municipality's catalogue: nothing of the first one stands in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.pipeline import open_pipeline
from flows.settings import Settings
from reports.site import build_site
from warehouse import read
from warehouse.engine import reading

SOTKAMO = Path(__file__).resolve().parents[1] / "data" / "sotkamo"
ROOT = Path(__file__).resolve().parents[2]
NET, PEOPLE = "statfin/ssaaty/121w", "statfin/vaerak/11ra"


@pytest.fixture
def sotkamo(sqlite_url: str, tmp_path: Path, bench_of: Any) -> Iterator[Any]:
    tables = load_sample()
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = replace(
            Settings(home=tmp_path / "home", database_url=sqlite_url, urls={"statfin": stand_in.url}),
            programme=SOTKAMO,
        )
        with open_pipeline(settings) as pipeline:
            yield bench_of(pipeline, stand_in, sample_scope(pipeline.catalogue, tables))


def test_its_figures_measures_and_page_are_its_own(sotkamo: Any, tmp_path: Path) -> None:
    rows = sotkamo.collect(NET, PEOPLE)
    assert {one.state for one in rows.values()} == {"fetched"}
    with reading(sotkamo.pipeline.engine) as connection:
        series = read.view(connection, "dashboard_series")
        measures = read.view(connection, "dashboard_measures").set_index("measure_id")
        meters = read.view(connection, "dashboard_meters").set_index("meter_id")
        page = build_site(connection, sotkamo.pipeline.catalogue, tmp_path / "report", datetime.now(UTC))
    mine = series[(series["indicator_id"] == "net_migration") & (series["period"] == "2025")]
    by_area = dict(zip(mine["area_code"], mine["value"], strict=True))
    municipalities = sotkamo.pipeline.catalogue.areas.region_municipalities
    assert by_area["MK18"] == sum(by_area[area.code] for area in municipalities) == 245
    assert measures.loc["1.1.01", "state"] == "measured"
    assert measures.loc["1.1.02", "state"] in ("no_data", "due", "late")
    assert meters.loc["1.1.01-m1", "latest_area_code"] == "KU765"
    assert meters.loc["1.1.01-m1", "latest_value"] == by_area["KU765"]
    text = page.read_text(encoding="utf-8")
    assert "Sotkamo" in text and "elinvoimaohjelma" not in text


def test_no_place_of_the_first_programme_stands_in_the_code_that_runs() -> None:
    places = re.compile(r"""["'][^"']*(?:Kajaani|Kainuu|KU205|MK18|SK182)[^"']*["']""")
    found = []
    for package in ("models", "connectors", "expectations", "warehouse", "reports", "flows"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name == "demo_run.py":  # the demo is Kajaani's
                continue
            text = re.sub(r'"""(?:.|\n)*?"""', "", path.read_text(encoding="utf-8"))
            text = re.sub(r"#[^\n]*", "", text)
            found += [f"{path.relative_to(ROOT)}: {one.group(0)}" for one in places.finditer(text)]
    assert found == []
