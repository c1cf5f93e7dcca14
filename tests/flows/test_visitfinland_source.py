"""Visit Finland's service: the PxWeb client at another address and database, from the call to the dashboards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from demo import changes
from demo.stand_in import StandIn
from demo.synthetic import UNTIL
from demo.table import SampleTable
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.ledger import Scope
from warehouse import read
from warehouse.engine import reading

MONTHLY = "visitfinland/Majoitustilastot/visitfinland_matk_pxt_116n"
TABLE = MONTHLY.partition("/")[2]


@pytest.fixture(scope="module")
def tables(all_synthetic: Mapping[str, SampleTable]) -> Mapping[str, SampleTable]:
    return {name: one for name, one in all_synthetic.items() if one.database == "VisitFinland"}


@pytest.fixture
def rudolf(
    tables: Mapping[str, SampleTable], sqlite_url: str, tmp_path: Path, bench_of: Any
) -> Iterator[Any]:
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=tmp_path / "home", database_url=sqlite_url, urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            yield bench_of(pipeline, stand_in, Scope(today={MONTHLY: UNTIL}))


def series(bench: Any) -> pd.DataFrame:
    with reading(bench.pipeline.engine) as connection:
        found = read.view(connection, "dashboard_series")
    return found[found["dataset_id"] == MONTHLY]


def collected(bench: Any) -> Any:
    return bench.collect(MONTHLY)[MONTHLY]


def test_arrivals_and_nights_come_by_municipality_and_residence_with_assumed_labels(rudolf):
    assert collected(rudolf).state == "fetched"
    found = series(rudolf)
    assert set(found["indicator_id"]) == {"visitor_arrivals_by_residence", "visitor_nights_by_residence"}
    assert {"KU205", "MK18", "SSS"} <= set(found["area_code"])
    assert set(found.loc[found["area_code"] == "KU205", "area_level"]) == {"municipality"}
    assert {"total", "finland", "foreign", "germany"} <= set(found["class_code"])
    assert set(found["labels"]) == {"assumed"} and set(found["source"]) == {"visitfinland"}
    assert all("/VisitFinland/" in one.path or "?config" in one.path for one in rudolf.stand_in.requests)


def test_with_nothing_new_one_call_is_made_beside_that_for_the_limits(rudolf):
    collected(rudolf)
    row = collected(rudolf)
    assert (row.state, row.calls) == ("unchanged", 1)


def test_a_table_that_bears_another_name_now_is_found_in_its_folder(rudolf, tables):
    collected(rudolf)
    before = series(rudolf)["value"].sum()
    rudolf.stand_in.tables[TABLE] = replace(tables[TABLE], file="rudolf_116n.px")
    row = collected(rudolf)
    assert row.state == "fetched" and "recoded" in row.message, row
    assert series(rudolf)["value"].sum() == before


def test_without_kajaani_among_the_areas_the_run_says_so_and_stores_no_other_place_for_it(rudolf, tables):
    table = tables[TABLE]
    area = table.variable(table.area_variable)
    named = {code: f"X{number:02d}" for number, code in enumerate(area.values) if code.startswith("KU")}
    rudolf.stand_in.tables[TABLE] = changes.rename_values(table, area.code, named)
    row = collected(rudolf)
    assert row.state == "fetched" and "KU205" in row.message
    assert not set(series(rudolf)["area_code"]) & {"KU205"}
