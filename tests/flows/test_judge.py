"""What is stored is judged at once: beside the newest figure of a series stands what it says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from demo import changes
from flows.adopt import adopt
from flows.judge import judged, turned
from flows.pipeline import utc_now
from models.catalogue import load_catalogue
from models.catalogue.load import PACKAGED
from warehouse import read
from warehouse.engine import reading

NET, RATE = "statfin/ssaaty/121w", "statfin/tyonv/12tf"
INDICATOR = "net_migration_total"


def latest(bench: Any, indicator_id: str) -> pd.DataFrame:
    with reading(bench.pipeline.engine) as connection:
        found = read.view(connection, "dashboard_latest")
    return found[found["indicator_id"] == indicator_id].set_index("area_code")


def test_every_series_that_has_figures_is_judged_with_its_reason_and_its_inputs(long_bench: Any) -> None:
    long_bench.begin(NET)
    found = latest(long_bench, INDICATOR)
    assert set(found["verdict"]) <= {"improved", "declined", "no_clear_change", "too_little_data"}
    kajaani = found.loc["KU205"]
    assert kajaani["baseline_period"] == "2021" and kajaani["baseline_value"] == kajaani["baseline_value"]
    for name in ("reason_fi", "reason_sv", "reason_en", "verdict_inputs"):
        assert kajaani[name]
    assert kajaani["period"] in kajaani["reason_fi"]


def test_a_revision_is_judged_anew_and_what_was_judged_before_can_be_had_again(long_bench: Any) -> None:
    long_bench.begin(NET)
    before = latest(long_bench, INDICATOR).loc["KU205"]
    table = long_bench.stand_in.tables["ssaaty/121w"]
    time = next(one for one in table.variables if one.time)
    contents = table.variable(table.contents_variable)
    code = next(one for one in contents.values if "koknetmuutto" in one)
    where = {
        table.area_variable: ["KU205"],
        time.code: [time.values[-1]],
        table.contents_variable: [code],
    }
    raised = changes.revise(table, where, value=before["value"] + 40)
    long_bench.stand_in.tables["ssaaty/121w"] = changes.set_updated(raised, table.updated + timedelta(days=1))
    assert long_bench.collect(NET)[NET].state == "fetched"
    after = latest(long_bench, INDICATOR).loc["KU205"]
    assert after["value"] == before["value"] + 40 and after["reason_fi"] != before["reason_fi"]
    with reading(long_bench.pipeline.engine) as connection:
        then = judged(
            connection, long_bench.pipeline.catalogue, [INDICATOR], as_of=before["recorded_at"]
        ).set_index("area_code")
    assert then.loc["KU205", "reason_fi"] == before["reason_fi"]
    assert then.loc["KU205", "verdict"] == before["verdict"]


def test_a_verdict_that_a_revision_turned_is_told_with_what_it_was(long_bench: Any) -> None:
    long_bench.begin(NET)
    since = utc_now()
    table = long_bench.stand_in.tables["ssaaty/121w"]
    time = next(one for one in table.variables if one.time)
    contents = table.variable(table.contents_variable)
    code = next(one for one in contents.values if "koknetmuutto" in one)
    before = latest(long_bench, INDICATOR)
    where = {table.area_variable: ["KU205"], time.code: [time.values[-1]], table.contents_variable: [code]}
    revised = changes.revise(table, where, value=before.loc["KU205", "value"] + 60)
    long_bench.stand_in.tables["ssaaty/121w"] = changes.set_updated(
        revised, table.updated + timedelta(days=1)
    )
    assert long_bench.collect(NET)[NET].state == "fetched"
    after = latest(long_bench, INDICATOR)
    differing = {
        (area, before.loc[area, "verdict"], after.loc[area, "verdict"])
        for area in after.index
        if before.loc[area, "verdict"] != after.loc[area, "verdict"]
    }
    with reading(long_bench.pipeline.engine) as connection:
        found = turned(connection, long_bench.pipeline.catalogue, since)
        nothing = turned(connection, long_bench.pipeline.catalogue, utc_now())
        first = turned(connection, long_bench.pipeline.catalogue, since - timedelta(days=900))
    of_it = found[found["indicator_id"] == INDICATOR]
    assert set(zip(of_it["area_code"], of_it["old"], of_it["new"], strict=True)) == differing
    assert differing, "else this proves nothing"
    assert nothing.empty and first.empty, "what had no figures before has not turned"


def test_another_direction_in_the_catalogue_turns_the_verdict_without_a_call(
    long_bench: Any, tmp_path: Path
) -> None:
    long_bench.begin(RATE)
    before = latest(long_bench, "unemployment_rate").loc["KU205"]
    folder = tmp_path / "catalogue"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "indicators" / "labour_market.yaml"
    head, entry, rest = path.read_text().partition("\nunemployment_rate:\n")
    assert "direction: down" in rest
    path.write_text(head + entry + rest.replace("direction: down", "direction: up", 1))
    calls = len(long_bench.stand_in.requests)
    settings = replace(long_bench.pipeline.settings, programme=folder)
    adopt(replace(long_bench.pipeline, settings=settings, catalogue=load_catalogue(folder)), long_bench.scope)
    after = latest(long_bench, "unemployment_rate").loc["KU205"]
    turned = {"improved": "declined", "declined": "improved"}
    assert after["verdict"] == turned.get(before["verdict"], before["verdict"])
    assert len(long_bench.stand_in.requests) == calls
