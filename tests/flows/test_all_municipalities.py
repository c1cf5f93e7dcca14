"""`mittaristo run --all-municipalities`: told before it is asked, gone on with after a stop, kept up by later runs."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.limiter import RateLimits
from demo import sotkanet
from demo.changes import set_updated
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from flows.adopt import adopt
from flows.all_municipalities import Budget, Ceiling, budget, pace_seconds
from flows.collect import _Keeping, finish_interrupted
from flows.pipeline import kept_scope, open_pipeline, standing_scope
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.catalogue.files import divisions_folder
from models.divisions import load_divisions
from models.errors import ConfigurationError
from models.ledger import Scope
from tests.collecting import run, unhurried
from warehouse import read
from warehouse.engine import open_engine, reading, upgrade
from warehouse.quarantine import quarantined

POPULATION = "sotkanet/127"
ROOT = Path(__file__).parents[2]
FIRMS, ELECTIONS = "statfin/alyr/13wz", "statfin/kvaa/14z6"
TABLES = {FIRMS: "alyr/13wz", ELECTIONS: "kvaa/14z6"}
CHOSEN = {"statfin": (FIRMS, ELECTIONS)}
MAX_CELLS = 2_000  # so that each table takes several calls
OUTSIDE = "KU091"  # Helsinki, which the catalogue does not name


class KilledError(BaseException):
    """Stands for a process that is no more: nothing handles it."""


@pytest.fixture(scope="module")
def every_area() -> Mapping[str, SampleTable]:
    """Made-up tables with every municipality, as those of the real service have."""
    made = synthetic_tables(load_catalogue(), areas="all")
    return {name: made[name] for name in TABLES.values()}


@pytest.fixture
def wide(open_bench, every_area) -> Iterator:
    """A bench whose stand-in has every municipality, in a warehouse that asks the catalogue's only."""
    with (
        StandIn(every_area, calls=10_000, window=1.0, max_cells=MAX_CELLS) as stand_in,
        open_bench(stand_in, "every area") as bench,
    ):
        yield bench


def widen(bench) -> None:
    """Takes into use that every municipality is asked, as the flow does once the budget is told."""
    bench.scope = replace(bench.scope, all_municipalities=frozenset(TABLES))
    adopt(bench.pipeline, bench.scope)


def told(bench, **how) -> Budget:
    (found,) = budget(
        bench.pipeline, CHOSEN, replace(bench.scope, all_municipalities=frozenset(TABLES)), **how
    )
    return found


def data_calls(bench) -> Counter:
    return Counter((one.path, one.body) for one in bench.stand_in.requests if one.method == "POST")


def series(bench):
    with reading(bench.pipeline.engine) as connection:
        found = read.view(connection, "dashboard_series")
    return found.sort_values(["indicator_id", "area_code", "class_code", "period"], ignore_index=True)


def stop_after(monkeypatch, answers: int) -> None:
    """The process dies right after it kept so many answers with figures, from now on."""
    keep, kept = _Keeping.__call__, []

    def dying(self, answer) -> None:
        keep(self, answer)
        kept.append(answer.kind)
        if kept.count("data") == answers:
            raise KilledError

    monkeypatch.setattr(_Keeping, "__call__", dying)


def test_the_budget_is_told_before_the_first_figures_and_is_what_the_run_takes(wide) -> None:
    budgeted = told(wide)
    asked = len(wide.stand_in.requests)
    assert budgeted.made == asked == 1 + len(TABLES), "the limits, and a description of each table"
    assert not data_calls(wide)

    widen(wide)
    rows = wide.collect(*TABLES)
    assert {row.state for row in rows.values()} == {"fetched"}
    assert len(wide.stand_in.requests) - asked == budgeted.calls > 5
    assert sum(row.counts.new for row in rows.values()) == budgeted.cells
    assert {one.dataset_id: one.calls for one in budgeted.askings} == {
        one: row.calls for one, row in rows.items()
    }


def test_every_municipality_is_in_the_dashboards_with_name_and_level(wide) -> None:
    widen(wide)
    wide.collect(*TABLES)
    found = series(wide)
    municipalities = found[found["area_level"] == "municipality"]
    for indicator in ("establishments", "municipal_election_turnout"):
        of_indicator = municipalities[municipalities["indicator_id"] == indicator]
        assert of_indicator["area_code"].nunique() == 308
    assert set(municipalities.loc[municipalities["area_code"] == OUTSIDE, "area_name_fi"]) == {"Helsinki"}
    assert found["area_name_fi"].notna().all()
    with reading(wide.pipeline.engine) as connection:
        latest = read.view(connection, "dashboard_latest")
    own = {area.code for area in wide.pipeline.catalogue.areas.all()}
    assert set(latest.dropna(subset=["verdict"])["area_code"]) <= own, (
        "verdicts are the catalogue's areas' alone"
    )
    assert OUTSIDE in set(latest["area_code"])


@pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])],
    indirect=True,
)
def test_sums_to_the_region_are_those_of_a_run_without_the_others(wide) -> None:
    wide.collect(FIRMS)

    def region():
        found = series(wide)
        of_region = found[(found["area_code"] == "MK18") & (found["indicator_id"] == "establishments")]
        return of_region.set_index("period")[["value", "vintages"]].to_dict()

    before = region()
    widen(wide)
    assert wide.collect(FIRMS)[FIRMS].state == "fetched"
    assert before["value"]
    assert region() == before


def test_a_run_that_was_killed_goes_on_where_it_stopped(wide, monkeypatch) -> None:
    whole = told(wide).calls
    widen(wide)
    with monkeypatch.context() as patched:
        stop_after(patched, 6)
        with pytest.raises(KilledError):
            wide.collect(*TABLES)
    assert sum(data_calls(wide).values()) == 6

    finish_interrupted(wide.pipeline, "statfin")
    again = told(wide)
    assert again.made == 1, "every description is there already"
    assert again.wanted == (ELECTIONS,), "the first was stored whole"
    assert again.calls == whole - 6
    before = len(wide.stand_in.requests)
    assert wide.collect(*again.wanted)[ELECTIONS].state == "fetched"
    assert len(wide.stand_in.requests) - before == again.calls
    assert set(data_calls(wide).values()) == {1}, "no figures were asked twice"
    assert told(wide).wanted == (), "what was asked lately and is whole is not asked again"
    assert told(wide, force=True).calls == whole


def test_what_was_kept_is_asked_anew_where_a_release_came_since(wide, monkeypatch) -> None:
    widen(wide)
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(KilledError):
            wide.collect(FIRMS)
    table = wide.stand_in.tables[TABLES[FIRMS]]
    wide.stand_in.tables[TABLES[FIRMS]] = set_updated(table, table.updated + timedelta(days=1))
    finish_interrupted(wide.pipeline, "statfin")
    row = wide.collect(FIRMS)[FIRMS]
    assert row.state == "fetched"
    assert row.released_at == table.updated + timedelta(days=1)


def test_a_description_that_is_older_than_the_release_is_not_trusted(wide) -> None:
    told(wide)
    table = wide.stand_in.tables[TABLES[FIRMS]]
    wide.stand_in.tables[TABLES[FIRMS]] = set_updated(table, told_at(wide) + timedelta(days=1))
    widen(wide)
    before = len(wide.stand_in.requests)
    assert wide.collect(FIRMS)[FIRMS].state == "fetched"
    described = [
        one for one in wide.stand_in.requests[before:] if one.method == "GET" and "config" not in one.path
    ]
    assert len(described) == 1


def told_at(bench):
    return bench.stand_in.requests[-1].at


def test_an_ordinary_run_afterwards_goes_on_with_it_and_changes_nothing(wide) -> None:
    widen(wide)
    wide.collect(*TABLES)
    before = series(wide)
    with reading(wide.pipeline.engine) as connection:
        standing = standing_scope(connection, wide.pipeline.settings)
    assert standing.all_municipalities == frozenset(TABLES)
    rows = wide.collect(*TABLES)
    assert {row.state for row in rows.values()} == {"unchanged"}
    assert {row.calls for row in rows.values()} == {1}
    assert series(wide).equals(before)


def test_the_figures_of_others_stay_as_last_known_once_nobody_asks_them(wide) -> None:
    widen(wide)
    wide.collect(*TABLES)
    before = series(wide)
    wide.scope = replace(wide.scope, all_municipalities=frozenset())
    adopt(wide.pipeline, wide.scope)
    rows = wide.collect(*TABLES, force=True)
    assert {row.state for row in rows.values()} <= {"fetched", "unchanged"}
    assert not any(row.counts.written for row in rows.values())
    with reading(wide.pipeline.engine) as connection:
        assert not quarantined(connection)
    assert series(wide).equals(before), "nothing is withdrawn, and names and levels stay"


@pytest.mark.long
def test_one_dataset_less_withdraws_nothing_of_the_other(wide) -> None:
    widen(wide)
    wide.collect(*TABLES)
    before = series(wide)
    wide.scope = replace(wide.scope, all_municipalities=frozenset({FIRMS}))
    adopt(wide.pipeline, wide.scope)
    wide.collect(*TABLES, force=True)
    assert series(wide).equals(before)


def test_a_municipality_that_a_wide_table_loses_is_held_back_as_any_other(wide) -> None:
    widen(wide)
    wide.collect(FIRMS)
    table = wide.stand_in.tables[TABLES[FIRMS]]
    wide.stand_in.tables[TABLES[FIRMS]] = without_area(table, OUTSIDE)
    row = wide.collect(FIRMS, force=True)[FIRMS]
    assert row.state == "quarantined"
    assert OUTSIDE in row.message


def without_area(table: SampleTable, code: str) -> SampleTable:
    axis = table.axis(table.area_variable)
    variable = table.variables[axis]
    kept = [place for place, one in enumerate(variable.values) if one != code]
    left = replace(
        variable,
        values=tuple(variable.values[one] for one in kept),
        texts=tuple(variable.texts[one] for one in kept),
    )
    return replace(
        set_updated(table, table.updated + timedelta(days=1)),
        variables=(*table.variables[:axis], left, *table.variables[axis + 1 :]),
        values=table.values.take(kept, axis),
        symbols=table.symbols.take(kept, axis),
    )


@pytest.mark.long
def test_a_replay_asks_as_widely_and_gives_the_same_warehouse(wide, monkeypatch, tmp_path) -> None:
    wide.collect(FIRMS)
    widen(wide)
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(KilledError):
            wide.collect(FIRMS)
    finish_interrupted(wide.pipeline, "statfin")
    wide.collect(FIRMS)
    engine = open_engine(f"sqlite:///{tmp_path / 'again.db'}")
    try:
        upgrade(engine)
        assert replay(past_of(wide.pipeline), replace(wide.pipeline, engine=engine)).different == ()
    finally:
        engine.dispose()


def test_a_ceiling_is_refused_before_anything_is_asked_where_describing_alone_is_more(wide) -> None:
    with pytest.raises(ConfigurationError, match="--max-calls 2"):
        told(wide, ceiling=Ceiling(calls=2))
    assert not wide.stand_in.requests


@pytest.fixture
def sotkanet_bench(bench_of, database_url, tmp_path) -> Iterator:
    """A bench on Sotkanet's made-up figures of every municipality, in a warehouse that asks the catalogue's only."""
    catalogue = load_catalogue()
    known = load_divisions(divisions_folder())
    municipalities = known.division(known.newest).areas("municipality")
    service = sotkanet.synthetic(
        replace(catalogue, municipalities=municipalities, widened=frozenset({POPULATION}))
    )
    with StandIn({}, services={"sotkanet": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=tmp_path / "home", database_url=database_url, urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            contents = frozenset(choice.key for choice in catalogue.datasets[POPULATION].content_choices)
            yield bench_of(pipeline, stand_in, Scope(contents={POPULATION: contents}, synthetic=True))


def test_sotkanet_is_asked_no_more_for_every_municipality_and_its_budget_needs_no_call(
    sotkanet_bench,
) -> None:
    bench = sotkanet_bench
    scope = replace(bench.scope, all_municipalities=frozenset({POPULATION}))
    (before,) = budget(bench.pipeline, {"sotkanet": (POPULATION,)}, scope)
    assert not bench.stand_in.requests
    assert (before.made, before.calls) == (0, 3)

    bench.scope = scope
    adopt(bench.pipeline, scope)
    row = run(bench.pipeline, scope, POPULATION, limits=unhurried("sotkanet"))[POPULATION]
    assert (row.state, row.calls) == ("fetched", before.calls)
    found = series(bench)
    population = found[found["indicator_id"] == "population_sotkanet"]
    municipalities = population[population["area_level"] == "municipality"]
    assert municipalities["area_code"].nunique() == 308
    assert OUTSIDE in set(municipalities["area_code"])

    (after,) = budget(bench.pipeline, {"sotkanet": (POPULATION,)}, scope)
    assert after.wanted == (), "what was asked lately and is whole is not asked again"
    assert after.calls == 0


def test_the_pace_of_a_budget_is_that_of_the_limiter() -> None:
    rate = RateLimits(40, 60.0)
    assert pace_seconds(1, rate) == 0
    assert pace_seconds(40, rate) == 39 * 1.5
    assert pace_seconds(41, rate) == pytest.approx(60.35)
    assert pace_seconds(121, rate) == pytest.approx(3 * 60.35)


def test_a_scope_without_wide_datasets_is_written_as_before() -> None:
    from models.ledger import scope_from_json, scope_to_json

    assert "all_municipalities" not in scope_to_json(Scope())
    scope = Scope(all_municipalities=frozenset({FIRMS}))
    assert scope_from_json(scope_to_json(scope)) == scope


# --- the command


def command(home: Path, stand_in: StandIn, *arguments: str) -> subprocess.Popen[str]:
    names = [part for one in TABLES for part in ("--dataset", one)]
    environ = {
        **os.environ,
        "MITTARISTO_HOME": str(home),
        "MITTARISTO_DOTENV": os.devnull,
        "MITTARISTO_URL_STATFIN": stand_in.url,
        "XDG_STATE_HOME": str(home / "state"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", *names, *arguments],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=240)
    return process.returncode, output, errors


@pytest.mark.long
def test_the_command_tells_refuses_is_killed_goes_on_and_keeps_the_pace(every_area, tmp_path) -> None:
    home = tmp_path / "home"
    with StandIn(every_area, calls=4, window=2.0, max_cells=MAX_CELLS) as stand_in:
        code, output, _ = finished(command(home, stand_in, "--all-municipalities", "--budget-only"))
        assert code == 0
        assert "of them 3 made for this budget" in output
        code, _, errors = finished(command(home, stand_in, "--all-municipalities", "--max-calls", "5"))
        assert code == 2
        assert "--max-calls 5" in errors
        assert len(errors.splitlines()) == 1
        with open_pipeline(Settings(home=home)) as pipeline, reading(pipeline.engine) as connection:
            assert not kept_scope(connection).all_municipalities, "a budget takes nothing into use"
        assert not [one for one in stand_in.requests if one.method == "POST"]

        process = command(home, stand_in, "--all-municipalities")
        deadline = time.monotonic() + 120
        while sum(one.method == "POST" for one in stand_in.requests) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

        code, output, errors = finished(command(home, stand_in, "--all-municipalities"))
        assert code == 0, errors
        asked = Counter((one.path, one.body) for one in stand_in.requests if one.method == "POST")
        # the answer that was on its way when the process died was not kept
        assert sum(number - 1 for number in asked.values()) <= 1
        assert {one.status for one in stand_in.requests} == {200}
        assert stand_in.max_in_window <= 4

        code, output, errors = finished(command(home, stand_in))
        assert code == 0, errors
        assert "2 datasets: 2" in output
    with open_pipeline(Settings(home=home)) as pipeline, reading(pipeline.engine) as connection:
        found = read.view(connection, "dashboard_series")
        assert kept_scope(connection).all_municipalities == frozenset(TABLES)
    municipal = found[found["area_level"] == "municipality"]
    assert municipal["area_code"].nunique() == 308
