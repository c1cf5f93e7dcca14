"""What survives change: windows that roll, figures withdrawn, restated, recoded, doubled; people's decisions; replay.

On SQLite and PostgreSQL, through the real connector, against the stand-in.
"""

from datetime import timedelta

import pytest

from demo import changes
from flows.decisions import decide
from flows.replay import past_of, replay
from models.errors import ConfigurationError
from tests import collecting
from warehouse.engine import open_engine, reading, upgrade
from warehouse.quarantine import quarantined
from warehouse.recodes import recodes

MIGRATION, MIGRATION_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"
RATE, RATE_TABLE = "statfin/tyonv/12tf", "tyonv/12tf"
POPULATION, POPULATION_TABLE = "statfin/vaerak/11ra", "vaerak/11ra"


def rows(bench, query: str, **values):
    return collecting.rows(bench.pipeline, query, **values)


def series(bench, indicator: str, area: str = "KU205") -> dict[str, float | None]:
    return collecting.series(bench.pipeline, indicator, area)


def vintages(bench, owner: str) -> list[tuple[str, int]]:
    return rows(
        bench,
        "SELECT v.change_class, count(*) FROM vintage v JOIN owner w ON w.owner_no = v.owner_no"
        " WHERE w.owner = :o GROUP BY v.change_class ORDER BY 1",
        o=owner,
    )


def publish(bench, table: str, change) -> None:
    """The source publishes `change` of a table, a day after its last release."""
    old = bench.stand_in.tables[table]
    bench.stand_in.tables[table] = changes.set_updated(change(old), old.updated + timedelta(days=1))


def held(bench):
    with reading(bench.pipeline.engine) as connection:
        return quarantined(connection)


def periods_of(table) -> tuple[str, ...]:
    return next(one.values for one in table.variables if one.time)


def area_variable(table) -> str:
    return next(one.code for one in table.variables if "KU205" in one.values)


# --- windows and withdrawals


def test_what_left_a_rolling_window_is_kept_as_last_known_and_nothing_is_written(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    before, written = series(bench, "unemployment_rate"), vintages(bench, RATE)
    oldest = periods_of(bench.stand_in.tables[RATE_TABLE])[:12]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, oldest))
    row = bench.collect(RATE)[RATE]
    assert row.state == "fetched", row.message
    assert series(bench, "unemployment_rate") == before
    assert vintages(bench, RATE) == written


def test_a_period_that_vanishes_elsewhere_is_quarantined_and_served_on(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    before = series(bench, "unemployment_rate")
    gone = periods_of(bench.stand_in.tables[RATE_TABLE])[-3]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, [gone]))
    row = bench.collect(RATE)[RATE]
    assert row.state == "quarantined"
    assert gone in row.message
    assert series(bench, "unemployment_rate") == before
    assert rows(bench, "SELECT state FROM dashboard_freshness WHERE dataset_id = :d", d=RATE) == [
        ("quarantined",)
    ]


def test_released_by_a_person_it_becomes_withdrawn_and_may_return(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    whole = bench.stand_in.tables[RATE_TABLE]
    gone = periods_of(whole)[-3]
    before = series(bench, "unemployment_rate")[gone]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, [gone]))
    bench.collect(RATE)
    (one,) = held(bench)
    outcome = decide(
        bench.pipeline, one.quarantine_id, "release", role="tietoasiantuntija", reason="lähde vahvisti"
    )
    assert outcome.counts.withdrawn > 0
    assert series(bench, "unemployment_rate")[gone] is None
    assert held(bench) == []
    bench.stand_in.tables[RATE_TABLE] = changes.set_updated(whole, whole.updated + timedelta(days=5))
    assert bench.collect(RATE)[RATE].state == "fetched"
    assert series(bench, "unemployment_rate")[gone] == before
    assert dict(vintages(bench, RATE))["returned"] == outcome.counts.withdrawn


def test_a_rejected_answer_stays_out_and_is_not_asked_about_again(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    before = series(bench, "unemployment_rate")
    gone = periods_of(bench.stand_in.tables[RATE_TABLE])[-3]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, [gone]))
    bench.collect(RATE)
    (one,) = held(bench)
    assert (
        decide(bench.pipeline, one.quarantine_id, "reject", role="tietoasiantuntija", reason="lähteen virhe")
        is None
    )
    assert bench.collect(RATE)[RATE].state == "quarantined", "the source still says it"
    assert held(bench) == [], "and nobody is asked again"
    assert series(bench, "unemployment_rate") == before


def test_a_decision_needs_a_role_and_a_reason_and_an_open_quarantine(long_bench) -> None:
    with pytest.raises(ConfigurationError, match="--reason"):
        decide(long_bench.pipeline, 1, "release", role="x", reason=" ")
    with pytest.raises(ConfigurationError, match="no open quarantine"):
        decide(long_bench.pipeline, 1, "release", role="x", reason="y")


def test_a_later_good_answer_clears_the_quarantine_and_says_so(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    whole = bench.stand_in.tables[RATE_TABLE]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, periods_of(table)[-3:-2]))
    bench.collect(RATE)
    assert len(held(bench)) == 1
    bench.stand_in.tables[RATE_TABLE] = changes.set_updated(whole, whole.updated + timedelta(days=9))
    row = bench.collect(RATE)[RATE]
    assert row.state == "fetched"
    assert "quarantine cleared" in row.message
    assert held(bench) == []


# --- restatements


def moved_division(table):
    return changes.rename_variable(table, "alue_23_20260101", "alue_23_20270101")


def test_a_series_that_moved_with_the_area_division_is_restated_and_not_revised(long_bench) -> None:
    bench = long_bench
    bench.begin(MIGRATION)
    content = "ssaaty-vaesto"

    def restate(table):
        where = {area_variable(table): ["KU205"], "contentscode": [content]}
        return moved_division(changes.revise(table, where, factor=1.02))

    publish(bench, MIGRATION_TABLE, restate)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "fetched", row.message
    classes = dict(vintages(bench, MIGRATION))
    assert classes.get("restated", 0) > 10
    assert "revised" not in classes


def test_a_division_that_moved_without_figures_changing_writes_nothing(long_bench) -> None:
    bench = long_bench
    bench.begin(MIGRATION)
    before = vintages(bench, MIGRATION)
    publish(bench, MIGRATION_TABLE, moved_division)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "fetched", row.message
    assert row.counts.written == 0
    assert vintages(bench, MIGRATION) == before
    with reading(bench.pipeline.engine) as connection:
        assert recodes(connection) == []


# --- recodes


@pytest.mark.parametrize("long_id", [True, False])
@pytest.mark.parametrize("dataset", [MIGRATION, POPULATION])
def test_the_switch_from_the_old_form_of_a_table_to_the_new_is_survived(
    bench, dataset: str, long_id: bool
) -> None:
    table = dataset.removeprefix("statfin/")
    new = bench.stand_in.tables[table]
    old = changes.old_form(new, long_id=long_id)
    del bench.stand_in.tables[table]
    name = old.file_name.removesuffix(".px") if long_id else table.partition("/")[2]
    bench.stand_in.tables[f"{table.partition('/')[0]}/{name}"] = old
    first = bench.collect(dataset)[dataset]
    assert first.state == "fetched", first.message
    indicator = {MIGRATION: "net_migration_total", POPULATION: "population"}[dataset]
    before, written = series(bench, indicator), vintages(bench, dataset)
    assert before

    del bench.stand_in.tables[f"{table.partition('/')[0]}/{name}"]
    bench.stand_in.tables[table] = changes.set_updated(new, new.updated + timedelta(days=1))
    row = bench.collect(dataset)[dataset]
    assert row.state == "fetched", row.message
    assert "recoded" in row.message
    assert series(bench, indicator) == before, "one series with no gap and nothing twice"
    assert vintages(bench, dataset) == written, "a recode writes no vintage"
    with reading(bench.pipeline.engine) as connection:
        assert [one.dataset_id for one in recodes(connection, dataset)] == [dataset]


def test_renamed_codes_with_swapped_columns_are_quarantined_and_nothing_false_is_stored(bench) -> None:
    bench.begin(MIGRATION)
    before = {
        one: series(bench, one)
        for one in ("net_migration_total", "net_immigration", "net_migration_domestic")
    }
    contents = {"ssaaty-vm4142": "x-vm4142n", "ssaaty-koknetmuutto": "x-koknetmuuttox"}

    def swap(table):
        swapped = changes.swap_contents(table, "ssaaty-vm4142", "ssaaty-koknetmuutto")
        return changes.rename_contents(swapped, contents)

    publish(bench, MIGRATION_TABLE, swap)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "quarantined", row.message
    assert {one: series(bench, one) for one in before} == before
    (one,) = held(bench)
    assert one.recode


def test_swapped_columns_under_the_same_codes_are_quarantined_too(bench) -> None:
    bench.begin(MIGRATION)
    before = series(bench, "net_immigration")
    publish(
        bench,
        MIGRATION_TABLE,
        lambda table: changes.swap_contents(table, "ssaaty-vm4142", "ssaaty-koknetmuutto"),
    )
    assert bench.collect(MIGRATION)[MIGRATION].state == "quarantined"
    assert series(bench, "net_immigration") == before


# --- slips


@pytest.mark.parametrize("factor", [2, 100, 1000, -1, 0.001])
def test_a_unit_that_slipped_is_quarantined(long_bench, factor: float) -> None:
    bench = long_bench
    bench.begin(POPULATION)
    before = series(bench, "population")

    def slip(table):
        codes = [
            code
            for code in next(v for v in table.variables if v.code == "contentscode").values
            if "vaesto" in code
        ]
        return changes.revise(table, {"contentscode": [codes[0]]}, factor=factor)

    publish(bench, POPULATION_TABLE, slip)
    row = bench.collect(POPULATION)[POPULATION]
    assert row.state == "quarantined", row.message
    assert series(bench, "population") == before


def test_an_ordinary_new_period_and_a_small_revision_pass(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    newest = periods_of(bench.stand_in.tables[RATE_TABLE])[-1]

    def release(table):
        year, month = int(newest[:4]), int(newest[5:])
        following = f"{year + month // 12}M{month % 12 + 1:02d}"
        grown = changes.add_period(table, following, factor=1.01)
        return changes.revise(
            grown,
            {area_variable(table): ["KU205"], next(v.code for v in table.variables if v.time): [newest]},
            factor=1.01,
        )

    publish(bench, RATE_TABLE, release)
    row = bench.collect(RATE)[RATE]
    assert row.state == "fetched", row.message
    assert row.counts.new > 0


# --- replay


def replayed(bench, target_url: str):
    engine = open_engine(target_url)
    upgrade(engine)
    from dataclasses import replace

    try:
        return replay(past_of(bench.pipeline), replace(bench.pipeline, engine=engine))
    finally:
        engine.dispose()


def test_a_replay_of_revisions_recodes_quarantines_and_decisions_is_identical(long_bench, tmp_path) -> None:
    bench = long_bench
    bench.begin(RATE, MIGRATION, POPULATION)
    publish(
        bench,
        RATE_TABLE,
        lambda table: changes.revise(
            table,
            {
                area_variable(table): ["KU205"],
                next(v.code for v in table.variables if v.time): [periods_of(table)[-1]],
            },
            factor=1.01,
        ),
    )
    publish(
        bench, MIGRATION_TABLE, lambda table: changes.rename_contents(table, {"ssaaty-vaesto": "q-vaestoq"})
    )
    whole = bench.stand_in.tables[POPULATION_TABLE]
    publish(bench, POPULATION_TABLE, lambda table: changes.drop_periods(table, periods_of(table)[-2:-1]))
    states = {key: row.state for key, row in bench.collect(RATE, MIGRATION, POPULATION).items()}
    assert states == {RATE: "fetched", MIGRATION: "fetched", POPULATION: "quarantined"}
    (one,) = held(bench)
    decide(bench.pipeline, one.quarantine_id, "release", role="tietoasiantuntija", reason="lähde vahvisti")
    bench.stand_in.tables[POPULATION_TABLE] = changes.set_updated(whole, whole.updated + timedelta(days=30))
    bench.collect(POPULATION)
    outcome = replayed(bench, f"sqlite:///{tmp_path / 'replayed.db'}")
    assert outcome.different == ()
    assert outcome.before["vintages"] == outcome.after["vintages"]
    assert outcome.events > 5
