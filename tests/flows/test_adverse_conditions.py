"""What may go wrong around a collection: two at once, a damaged raw store, clocks, slipped figures, false answers."""

import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.http import Http
from demo import changes
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.collect import finish_interrupted
from flows.pipeline import new_run_id, open_pipeline
from models.ledger import LedgerRow
from tests import collecting
from warehouse.engine import reading
from warehouse.errors import RawStoreError
from warehouse.ledger import state_of

MIGRATION, MIGRATION_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"
RATE, RATE_TABLE = "statfin/tyonv/12tf", "tyonv/12tf"
POPULATION, POPULATION_TABLE = "statfin/vaerak/11ra", "vaerak/11ra"
INCOME, INCOME_TABLE = "statfin/tjt/14ww", "tjt/14ww"


def rows(bench, query: str, **values: object) -> list[tuple[Any, ...]]:
    return collecting.rows(bench.pipeline, query, **values)


def series(bench, indicator: str, area: str = "KU205") -> dict[str, float | None]:
    return collecting.series(bench.pipeline, indicator, area)


def history(bench, indicator: str, period: str, area: str = "KU205") -> list[tuple[Any, ...]]:
    """Change class, value, symbol and status of each vintage, oldest first."""
    return rows(
        bench,
        "SELECT change_class, value, symbol, status FROM dashboard_vintages"
        " WHERE indicator_id = :i AND area_code = :a AND period = :p ORDER BY recorded_at",
        i=indicator,
        a=area,
        p=period,
    )


def publish(bench, name: str, change: Callable[[SampleTable], SampleTable]) -> None:
    """The source publishes `change` of a table, a day after its last release."""
    old = bench.stand_in.tables[name]
    bench.stand_in.tables[name] = changes.set_updated(change(old), old.updated + timedelta(days=1))


def area_of(table: SampleTable) -> str:
    return next(one.code for one in table.variables if "KU205" in one.values)


def newest_of(table: SampleTable) -> dict[str, list[str]]:
    """Kajaani in the table's newest period."""
    time = next(one for one in table.variables if one.time)
    return {area_of(table): ["KU205"], time.code: [time.values[-1]]}


def replayed(bench) -> tuple[str, ...]:
    """The tables in which a replay differs."""
    return collecting.replayed(bench.pipeline, bench.pipeline.settings.home / "again.db")


def on_both(cases: Iterable[object], *quick: object) -> list[Any]:
    """(database, case): all cases on SQLite; on PostgreSQL those of `quick`, and the others among the long tests."""
    marks = {one: [pytest.mark.postgresql, *([] if one in quick else [pytest.mark.long])] for one in cases}
    return [("sqlite", one) for one in marks] + [
        pytest.param("postgresql", one, marks=marked) for one, marked in marks.items()
    ]


# --- two at once


def test_two_that_collect_the_same_at_once_although_they_must_not_store_it_once(bench) -> None:
    """A lease may end while its holder still works: then two are at it."""
    settings, scope = bench.pipeline.settings, bench.scope
    found: dict[str, list[LedgerRow]] = {}
    together = threading.Barrier(2)

    def work(run_id: str) -> None:
        with open_pipeline(settings) as pipeline:
            together.wait(30)
            asked = collecting.run(pipeline, scope, MIGRATION, POPULATION, force=True, run_id=run_id)
            found[run_id] = list(asked.values())

    threads = [threading.Thread(target=work, args=(f"{new_run_id()}-{n}",)) for n in (1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    states = [sorted(row.state for row in by) for by in zip(*found.values(), strict=True)]
    assert states == [["fetched", "unchanged"]] * 2, "the second finds what the first has stored"
    assert rows(bench, "SELECT DISTINCT change_class FROM vintage") == [("new",)]
    assert series(bench, "net_immigration") == {"2025": 588}
    assert replayed(bench) == ()


# --- the raw store


def sidecar_of(bench, kind: str) -> Path:
    """The sidecar of the newest answer of that kind."""
    found = [
        path
        for path in (bench.pipeline.raw.root / "documents" / "statfin").rglob("*.json")
        if json.loads(path.read_text())["kind"] == kind
    ]
    return sorted(found)[-1]


def test_a_sidecar_that_is_missing_is_found_out_by_a_replay(bench) -> None:
    bench.begin(RATE)
    sidecar_of(bench, "data").unlink()
    assert "documents" in replayed(bench)


def test_a_sidecar_that_is_there_twice_changes_nothing(bench) -> None:
    bench.begin(RATE)
    for kind in ("data", "metadata"):
        one = sidecar_of(bench, kind)
        shutil.copy(one, one.with_name(one.name.replace(".json", "-copy.json")))
    assert replayed(bench) == ()
    assert bench.collect(RATE, force=True)[RATE].state == "unchanged"
    assert replayed(bench) == ()


def test_bytes_that_are_missing_are_named_by_a_replay(bench) -> None:
    bench.begin(RATE)
    sha256 = json.loads(sidecar_of(bench, "data").read_text())["sha256"]
    (bench.pipeline.raw.root / "objects" / sha256[:2] / f"{sha256}.gz").unlink()
    with pytest.raises(RawStoreError, match=sha256):
        replayed(bench)


def cut_off(bench, monkeypatch, dataset_id: str) -> str:
    """A run that was cut off when it had fetched the dataset and stored nothing; its id."""

    def away(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    run_id = new_run_id()
    with monkeypatch.context() as patch:
        patch.setattr("flows.collect.ingest", away)
        with pytest.raises(KeyboardInterrupt):
            collecting.run(bench.pipeline, bench.scope, dataset_id, force=True, run_id=run_id)
    return run_id


def test_a_cut_off_run_whose_answer_was_damaged_meanwhile_keeps_no_other_run_from_going_on(
    bench, monkeypatch
) -> None:
    run_id = cut_off(bench, monkeypatch, RATE)
    sha256 = json.loads(sidecar_of(bench, "data").read_text())["sha256"]
    path = bench.pipeline.raw.root / "objects" / sha256[:2] / f"{sha256}.gz"
    path.write_bytes(path.read_bytes()[:50])
    (row,) = finish_interrupted(bench.pipeline, "statfin")
    assert (row.run_id, row.state) == (run_id, "failed")
    assert "damaged" in row.message
    assert finish_interrupted(bench.pipeline, "statfin") == []
    assert bench.collect(RATE)[RATE].state == "fetched", (
        "the same bytes came again, they mend what was damaged"
    )
    assert len(series(bench, "unemployment_rate")) == 120


def test_a_cut_off_run_whose_answer_cannot_be_dealt_with_keeps_no_other_run_from_going_on(
    bench, monkeypatch
) -> None:
    run_id = cut_off(bench, monkeypatch, RATE)

    def wrong(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("a slip\nof ours")

    with monkeypatch.context() as patch:
        patch.setattr("flows.collect.ingest", wrong)
        (row,) = finish_interrupted(bench.pipeline, "statfin")
    assert (row.run_id, row.state) == (run_id, "failed")
    assert "ZeroDivisionError: a slip of ours" in row.message
    assert bench.collect(RATE)[RATE].state == "fetched"


# --- clocks


@contextmanager
def clock_at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> Iterator[None]:
    """The machine's clock, which goes on from there a second at a time."""
    now = [moment]

    def tick() -> datetime:
        now[0] += timedelta(seconds=1)
        return now[0]

    with monkeypatch.context() as patch:
        # the pace of calls goes by the real clock
        patch.setattr(Http, "_now", lambda self: tick())
        for module in ("collect", "turn"):
            patch.setattr(f"flows.{module}.utc_now", tick)
        yield


@pytest.mark.long
def test_a_clock_that_was_set_back_puts_nothing_into_the_past(bench, monkeypatch) -> None:
    with clock_at(monkeypatch, datetime(2026, 11, 30, tzinfo=UTC)):
        bench.collect(RATE, MIGRATION)
    for hours in (1, 2, 30):
        publish(bench, RATE_TABLE, lambda table: changes.revise(table, newest_of(table), factor=1.02))
        with clock_at(monkeypatch, datetime(2026, 11, 30, tzinfo=UTC) - timedelta(hours=hours)):
            row = bench.collect(RATE)[RATE]
        assert (row.state, row.counts.revised) == ("fetched", 1), row.message
    period = next(one for one in bench.stand_in.tables[RATE_TABLE].variables if one.time).values[-1]
    told = history(bench, "unemployment_rate", period)
    assert [one[0] for one in told] == ["new", "revised", "revised", "revised"]
    assert told[-1][1] == series(bench, "unemployment_rate")[period] > told[0][1]
    times = [at for (at,) in rows(bench, "SELECT recorded_at FROM load ORDER BY load_id")]
    assert len(times) >= 8
    assert times == sorted(times), "whatever the clock says, what comes later is recorded later"
    assert replayed(bench) == ()


def test_an_unchanged_answer_under_an_earlier_clock_is_told_the_same_by_a_replay(bench, monkeypatch) -> None:
    start = datetime(2026, 11, 30, tzinfo=UTC)
    with clock_at(monkeypatch, start):
        bench.collect(RATE)
    with clock_at(monkeypatch, start + timedelta(hours=5)):
        assert bench.collect(RATE, force=True)[RATE].state == "unchanged"
    publish(bench, RATE_TABLE, lambda table: changes.revise(table, newest_of(table), factor=1.02))
    with clock_at(monkeypatch, start + timedelta(hours=2)):
        assert bench.collect(RATE)[RATE].counts.revised == 1
    assert replayed(bench) == ()


# --- what tables do

DOMESTIC, IMMIGRATION, PEOPLE = "ssaaty-koknetmuutto", "ssaaty-vm4142", "ssaaty-vaesto"


def in_division_of_2027(table: SampleTable) -> SampleTable:
    return changes.rename_variable(table, "alue_23_20260101", "alue_23_20270101")


SWAPPED_AREA = "the figures of KU205 are those stored for KU740"


def swapped_areas(table: SampleTable, one: str, other: str) -> SampleTable:
    """The figures of two areas change places."""
    axis = table.axis(area_of(table))
    first, second = table.positions(area_of(table), [one, other])
    order = np.arange(table.values.shape[axis])
    order[[first, second]] = second, first
    return replace(
        table,
        values=np.take(table.values, order, axis=axis),
        symbols=np.take(table.symbols, order, axis=axis),
    )


def kajaani(table: SampleTable, **more: list[str]) -> dict[str, list[str]]:
    return {area_of(table): ["KU205"], **more}


HELD_BACK: dict[str, tuple[Callable[[SampleTable], SampleTable], str]] = {
    "a year withdrawn": (lambda table: changes.drop_periods(table, ["2010"]), "lost periods"),
    "the oldest year withdrawn of a table that does not roll": (
        lambda table: changes.drop_periods(table, ["1990"]),
        "lost periods",
    ),
    "a unit doubled": (lambda table: changes.revise(table, {"contentscode": [PEOPLE]}, factor=2), "twice"),
    "a unit doubled in the newest year": (
        lambda table: changes.revise(table, {**newest_year(table), "contentscode": [PEOPLE]}, factor=2),
        "twice",
    ),
    "a unit doubled in a new year": (
        lambda table: changes.add_period(
            table, str(int(newest_year(table)["timeperiod_y"][0]) + 1), factor=2
        ),
        "twice",
    ),
    "an empty answer": (lambda table: changes.revise(table, {}, symbol=".."), "no empty value list"),
    "a year without figures": (
        lambda table: changes.revise(table, newest_year(table), symbol="..."),
        "lost figures",
    ),
    "columns swapped": (
        lambda table: changes.swap_contents(table, DOMESTIC, IMMIGRATION),
        "the figures of net_immigration are those stored for net_migration_total",
    ),
    "columns swapped while the division moved": (
        lambda table: in_division_of_2027(changes.swap_contents(table, DOMESTIC, IMMIGRATION)),
        "the figures of net_immigration are those stored for net_migration_total",
    ),
    "one figure that became another altogether": (
        lambda table: changes.revise(
            table, kajaani(table, **newest_year(table), contentscode=[PEOPLE]), factor=10
        ),
        "revision size",
    ),
    "areas swapped": (lambda table: swapped_areas(table, "KU205", "KU740"), SWAPPED_AREA),
    "areas swapped while the division moved": (
        lambda table: in_division_of_2027(swapped_areas(table, "KU205", "KU740")),
        SWAPPED_AREA,
    ),
    "an area that became nothing while the division moved": (
        lambda table: in_division_of_2027(changes.revise(table, kajaani(table), value=0.0)),
        "revision size",
    ),
}


def newest_year(table: SampleTable) -> dict[str, list[str]]:
    time = next(one for one in table.variables if one.time)
    return {time.code: [time.values[-1]]}


@pytest.mark.parametrize(
    ("database_url", "what"),
    on_both(HELD_BACK, "a unit doubled in a new year", "areas swapped while the division moved"),
    indirect=["database_url"],
)
def test_what_is_held_back_leaves_the_last_good_figures_until_a_good_answer_comes(
    long_bench, what: str
) -> None:
    bench = long_bench
    change, why = HELD_BACK[what]
    assert bench.begin(MIGRATION)[MIGRATION].state == "fetched"
    shown = "SELECT indicator_id, area_code, period, value, symbol FROM dashboard_series ORDER BY 1, 2, 3"
    written = "SELECT count(*) FROM vintage"
    before = rows(bench, shown), rows(bench, written)
    good = bench.stand_in.tables[MIGRATION_TABLE]
    publish(bench, MIGRATION_TABLE, change)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "quarantined"
    assert why in row.message
    assert (rows(bench, shown), rows(bench, written)) == before
    assert rows(bench, "SELECT state FROM dashboard_freshness WHERE dataset_id = :d", d=MIGRATION) == [
        ("quarantined",)
    ]
    bench.stand_in.tables[MIGRATION_TABLE] = changes.set_updated(good, good.updated + timedelta(days=9))
    row = bench.collect(MIGRATION)[MIGRATION]
    assert (row.state, row.counts.written) == ("fetched", 0), row.message
    assert "quarantine cleared" in row.message
    assert (rows(bench, shown), rows(bench, written)) == before
    assert replayed(bench) == ()


def test_a_date_that_is_bumped_over_the_same_figures_writes_nothing_however_often(long_bench) -> None:
    bench = long_bench
    bench.begin(MIGRATION)
    before = rows(bench, "SELECT count(*), max(recorded_at) FROM vintage")
    for _ in range(3):
        publish(bench, MIGRATION_TABLE, lambda table: table)
        row = bench.collect(MIGRATION)[MIGRATION]
        assert (row.state, row.counts.written) == ("unchanged", 0), row.message
    assert rows(bench, "SELECT count(*), max(recorded_at) FROM vintage") == before
    with reading(bench.pipeline.engine) as connection:
        state = state_of(connection, MIGRATION)
    assert state.last_release == bench.stand_in.tables[MIGRATION_TABLE].updated, "the date itself is noted"
    assert replayed(bench) == ()


def test_a_restatement_and_a_later_revision_are_told_apart_and_both_can_be_looked_up(long_bench) -> None:
    bench = long_bench
    bench.begin(MIGRATION)
    newest = newest_year(bench.stand_in.tables[MIGRATION_TABLE])["timeperiod_y"][0]
    people = {"contentscode": [PEOPLE]}
    publish(
        bench,
        MIGRATION_TABLE,
        lambda table: in_division_of_2027(changes.revise(table, kajaani(table, **people), factor=1.1)),
    )
    assert bench.collect(MIGRATION)[MIGRATION].state == "fetched"
    publish(
        bench,
        MIGRATION_TABLE,
        lambda table: changes.revise(table, {**kajaani(table, **people), **newest_year(table)}, factor=1.01),
    )
    assert bench.collect(MIGRATION)[MIGRATION].state == "fetched"
    classes = (
        "SELECT v.change_class, v.value FROM vintage v JOIN series s ON s.series_id = v.series_id"
        " JOIN owner w ON w.owner_no = v.owner_no JOIN period p ON p.period_no = v.period_no"
        " WHERE w.owner = :o AND s.area_code = 'KU205' AND s.content = 'population' AND p.code = :p"
        " ORDER BY v.recorded_at"
    )
    told = rows(bench, classes, o=MIGRATION, p=newest)
    assert [one for one, _ in told] == ["new", "restated", "revised"]
    first, second, third = (value for _, value in told)
    assert (second, third) == (pytest.approx(first * 1.1, abs=1), pytest.approx(second * 1.01, abs=1))
    older = rows(bench, classes, o=MIGRATION, p=str(int(newest) - 1))
    assert [one for one, _ in older] == ["new", "restated"]
    assert replayed(bench) == ()


def without_area(table: SampleTable, code: str) -> SampleTable:
    """The table as if the area were not in it."""
    name = area_of(table)
    axis, variable = table.axis(name), table.variable(name)
    keep = [place for place, one in enumerate(variable.values) if one != code]
    fewer = replace(
        variable,
        values=tuple(variable.values[place] for place in keep),
        texts=tuple(variable.texts[place] for place in keep),
    )
    return replace(
        table,
        variables=tuple(fewer if one.code == name else one for one in table.variables),
        values=np.take(table.values, keep, axis=axis),
        symbols=np.take(table.symbols, keep, axis=axis),
    )


def test_an_area_that_comes_into_the_table_is_new_and_completes_the_sum_and_that_leaves_is_held_back(
    bench,
) -> None:
    whole = bench.stand_in.tables[MIGRATION_TABLE]
    bench.stand_in.tables[MIGRATION_TABLE] = without_area(whole, "KU765")
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "fetched", row.message
    assert "KU765" in row.message
    assert series(bench, "net_immigration", "KU765") == {}
    assert series(bench, "net_immigration", "MK18") == {}, "a member lacks"

    publish(bench, MIGRATION_TABLE, lambda table: whole)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert (row.state, row.counts.revised) == ("fetched", 0), row.message
    assert row.counts.new == 4, "its four contents"
    assert set(series(bench, "net_immigration", "KU765")) == {"2025"}
    before = series(bench, "net_immigration", "MK18")
    assert set(before) == {"2025"}

    publish(bench, MIGRATION_TABLE, lambda table: without_area(table, "KU765"))
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "quarantined"
    assert "KU765" in row.message
    assert series(bench, "net_immigration", "MK18") == before
    assert replayed(bench) == ()


def test_an_area_that_nobody_asks_changes_nothing(bench) -> None:
    bench.begin(MIGRATION)
    before = rows(bench, "SELECT count(*) FROM vintage")

    def with_more(table: SampleTable) -> SampleTable:
        return changes.rename_values(table, area_of(table), {"KU020": "KU999"})

    publish(bench, MIGRATION_TABLE, with_more)
    assert bench.collect(MIGRATION)[MIGRATION].state == "unchanged"
    assert rows(bench, "SELECT count(*) FROM vintage") == before


def test_a_figure_that_becomes_a_symbol_another_symbol_and_a_figure_again_is_told_step_by_step(bench) -> None:
    bench.begin(INCOME)
    period = next(one for one in bench.stand_in.tables[INCOME_TABLE].variables if one.time).values[-1]
    contents = {"contentscode": ["tjt-ekvikturaha_med"]}
    for what in ({"symbol": "..."}, {"symbol": "."}, {"value": 29_300.0}):
        publish(
            bench,
            INCOME_TABLE,
            lambda table, what=what: changes.revise(table, {**newest_of(table), **contents}, **what),
        )
        row = bench.collect(INCOME)[INCOME]
        assert row.state == "fetched", row.message
        assert row.counts.revised == 1
    assert history(bench, "median_income", period) == [
        ("new", 29_128.0, "", "final"),
        ("revised", None, "...", "final"),
        ("symbol", None, ".", "final"),
        ("revised", 29_300.0, "", "final"),
    ]
    assert replayed(bench) == ()


def test_a_preliminary_figure_that_becomes_final_is_a_change_of_status_and_of_nothing_else(bench) -> None:
    bench.begin(RATE)
    table = bench.stand_in.tables[RATE_TABLE]
    newest = next(one for one in table.variables if one.time).values[-1]
    following = f"{newest[:5]}{int(newest[5:]) + 1:02d}"
    publish(bench, RATE_TABLE, lambda one: changes.add_period(one, following, factor=1.01, preliminary=True))
    assert bench.collect(RATE)[RATE].counts.new == 1
    publish(bench, RATE_TABLE, changes.finalise)
    row = bench.collect(RATE)[RATE]
    assert row.state == "fetched", row.message
    told = history(bench, "unemployment_rate", following)
    assert [(one[0], one[3]) for one in told] == [("new", "preliminary"), ("status", "final")]
    assert told[0][1] == told[1][1]
    assert replayed(bench) == ()


# --- answers that are not what they say


class Lying(StandIn):
    """A source whose answers with figures are changed by `alter` before they go out."""

    alter: Callable[[dict[str, Any]], None] | None = None

    def reply(self, method: str, path: str, body: bytes, headers: Any, client: str) -> Any:
        found = super().reply(method, path, body, headers, client)
        if self.alter is None or not found.is_data:
            return found
        document = json.loads(found.body)
        self.alter(document)
        return replace(found, body=json.dumps(document).encode())


@pytest.fixture
def lying(open_bench, sample) -> Iterator[Any]:
    with (
        Lying({MIGRATION_TABLE: sample[MIGRATION_TABLE]}, calls=10_000, window=1.0) as stand_in,
        open_bench(stand_in, "migration") as bench,
    ):
        yield bench


def areas_of(document: dict[str, Any]) -> str:
    """The answer's area variable."""
    return next(name for name, one in document["dimension"].items() if "KU205" in one["category"]["index"])


def rearranged(document: dict[str, Any], keep: Callable[[list[str]], list[str]]) -> list[str]:
    """The rows of the answer's areas put as `keep` has them; the codes that they then bear."""
    name = areas_of(document)
    index = document["dimension"][name]["category"]["index"]
    codes = sorted(index, key=index.__getitem__)
    axis = document["id"].index(name)
    before = after = 1
    for size in document["size"][:axis]:
        before *= size
    for size in document["size"][axis + 1 :]:
        after *= size
    wanted, old = keep(codes), document["value"]
    document["value"] = [
        old[(block * len(codes) + codes.index(code)) * after + cell]
        for block in range(before)
        for code in wanted
        for cell in range(after)
    ]
    document.pop("status", None)
    document["size"][axis] = len(wanted)
    return wanted


def fewer_areas(document: dict[str, Any]) -> None:
    """Without Kajaani, and honest about it."""
    category = document["dimension"][areas_of(document)]["category"]
    wanted = rearranged(document, lambda codes: [one for one in codes if one != "KU205"])
    category["index"] = {code: place for place, code in enumerate(wanted)}
    category["label"].pop("KU205")


def doubled_row(document: dict[str, Any]) -> None:
    """Kajaani's row twice, under one code."""
    rearranged(document, lambda codes: [*codes, "KU205"])


def doubled_code(document: dict[str, Any]) -> None:
    """Kajaani's row twice, the code listed twice as some servers write it."""
    name = areas_of(document)
    wanted = rearranged(document, lambda codes: [*codes, "KU205"])
    document["dimension"][name]["category"]["index"] = wanted


def cells_missing(document: dict[str, Any]) -> None:
    """Half of the cells."""
    document["value"] = document["value"][: len(document["value"]) // 2]


def no_cells(document: dict[str, Any]) -> None:
    """None of the cells."""
    document["value"] = []
    document.pop("status", None)


def no_figures(document: dict[str, Any]) -> None:
    """Every cell without a figure."""
    document["value"] = [None] * len(document["value"])


def nothing(document: dict[str, Any]) -> None:
    """An object with nothing in it."""
    document.clear()


@pytest.mark.parametrize(
    ("database_url", "alter"),
    on_both(
        (fewer_areas, doubled_row, doubled_code, cells_missing, no_cells, no_figures, nothing), doubled_code
    ),
    indirect=["database_url"],
)
@pytest.mark.parametrize("loaded", [True, False])
def test_an_answer_that_is_not_what_was_asked_stores_nothing_and_the_last_good_figures_are_served(
    lying, alter: Callable[[dict[str, Any]], None], loaded: bool
) -> None:
    if loaded:
        assert lying.begin(MIGRATION)[MIGRATION].state == "fetched"
    before = rows(lying, "SELECT count(*), sum(value) FROM observation")
    lying.stand_in.alter = alter
    row = lying.collect(MIGRATION, force=True)[MIGRATION]
    assert row.state in ("failed", "quarantined"), row
    assert row.message.startswith(MIGRATION) or "quarantine" in row.message
    assert "\n" not in row.message
    assert rows(lying, "SELECT count(*), sum(value) FROM observation") == before
    lying.stand_in.alter = None
    again = lying.collect(MIGRATION, force=True)[MIGRATION].state
    assert again == ("unchanged" if loaded and row.state == "failed" else "fetched")
    assert series(lying, "net_immigration") == {"2025": 588}
    assert replayed(lying) == ()
