"""Eurostat from the call to the dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.eurostat import synthetic
from demo.stand_in import StandIn
from flows.pipeline import open_pipeline
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import Scope
from warehouse import read
from warehouse.engine import open_engine, reading, upgrade

GDP = "eurostat/nama_10r_3gdp"


@pytest.fixture
def europe(sqlite_url: str, tmp_path: Path, bench_of: Any) -> Iterator[Any]:
    service = synthetic(load_catalogue())
    with StandIn({}, services={"eurostat": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=tmp_path / "home", database_url=sqlite_url, urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            yield bench_of(pipeline, stand_in, Scope(today={GDP: date(2026, 3, 1)}))


def table(bench: Any) -> Any:
    return bench.stand_in.services["eurostat"].tables["nama_10r_3gdp"]


def figures(bench: Any) -> Any:
    with reading(bench.pipeline.engine) as connection:
        found = read.view(connection, "dashboard_series")
    return found[found["dataset_id"] == GDP]


def test_the_regions_figures_stand_in_the_dashboards_as_the_regions(europe: Any) -> None:
    assert europe.collect(GDP)[GDP].state == "fetched"
    found = figures(europe)
    assert set(found["indicator_id"]) == {"regional_gdp", "regional_gdp_per_inhabitant"}
    assert set(zip(found["area_code"], found["area_level"], strict=True)) == {
        ("MK18", "region"),
        ("SSS", "country"),
    }
    assert set(found["labels"]) == {"assumed"}


def test_nothing_new_is_one_call_and_a_revision_is_a_vintage(europe: Any) -> None:
    europe.collect(GDP)
    row = europe.collect(GDP)[GDP]
    assert (row.state, row.calls) == ("unchanged", 1)
    table(europe).figures["A", "MIO_EUR", "FI1D8", "2024"] += 3
    table(europe).updated = datetime(2026, 4, 1, tzinfo=UTC)
    row = europe.collect(GDP)[GDP]
    assert (row.state, row.counts.new, row.counts.revised) == ("fetched", 0, 1)


def test_figures_that_vanish_are_held_back_and_the_last_good_ones_served(europe: Any) -> None:
    europe.collect(GDP)
    before = figures(europe)["value"].tolist()
    for combination in [one for one in table(europe).figures if one[2] == "FI1D8"]:
        del table(europe).figures[combination]
    table(europe).updated = datetime(2026, 4, 1, tzinfo=UTC)
    assert europe.collect(GDP)[GDP].state == "quarantined"
    assert figures(europe)["value"].tolist() == before


def test_a_replay_is_identical(europe: Any, tmp_path: Path) -> None:
    europe.collect(GDP)
    table(europe).figures["A", "MIO_EUR", "FI1D8", "2024"] += 3
    table(europe).updated = datetime(2026, 4, 1, tzinfo=UTC)
    europe.collect(GDP)
    engine = open_engine(f"sqlite:///{tmp_path / 'again.db'}")
    try:
        upgrade(engine)
        replayed = replay(past_of(europe.pipeline), replace(europe.pipeline, engine=engine))
    finally:
        engine.dispose()
    assert not replayed.different
