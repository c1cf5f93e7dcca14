"""What the gates found is kept with the ledger row, passed or not, and the newest is found again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from models.ledger import CheckResult, GateReport, LedgerRow
from warehouse.engine import reading, writing
from warehouse.gate_results import NOTHING_EVALUATED, newest_gate_results
from warehouse.ledger import open_run, write_row
from warehouse.page_builds import note_page_build, page_builds

AT = datetime(2026, 7, 21, 5, 0, 0, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
RATE, POPULATION = "statfin/tyonv/12tf", "statfin/vaerak/11ra"
SHAPE = GateReport(
    "shape",
    (
        CheckResult("shape", "rows", "critical", True, "60 rows", "at least 1 row"),
        CheckResult("shape", "codes", "warning", False, "59 of 60", "60", "a new code", ({"area": "KU205"},)),
    ),
)
VALUES = GateReport(
    "values", (CheckResult("values", "bounds", "critical", True, "60 rows, none otherwise", "0 to 100"),)
)


def wrote(engine: Engine, run_id: str, dataset_id: str, *gates: GateReport, at: datetime = AT) -> None:
    with writing(engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=at,
            program_version="0.1.0",
            catalogue_fingerprint="f",
        )
        write_row(connection, LedgerRow(run_id, dataset_id, "fetched", "", gates=gates), recorded_at=at)


def found(engine: Engine, dataset_ids: tuple[str, ...] | None = None):
    with reading(engine) as connection:
        return newest_gate_results(connection, dataset_ids)


def test_all_reports_come_back_as_they_were_in_their_order(engine: Engine) -> None:
    wrote(engine, "r1", RATE, SHAPE, VALUES)
    kept = found(engine)[RATE]
    assert (kept.run_id, kept.recorded_at, kept.reports) == ("r1", AT, (SHAPE, VALUES))
    assert [check.rule for check in kept.checks] == ["rows", "codes", "bounds"]


def test_of_several_runs_the_newest_that_reached_the_gates_counts(engine: Engine) -> None:
    wrote(engine, "r1", RATE, SHAPE)
    wrote(engine, "r2", RATE, VALUES, at=AT + HOUR)
    wrote(engine, "r3", RATE, at=AT + 2 * HOUR)  # nothing new: the gates were not asked
    wrote(engine, "r1", POPULATION, SHAPE)
    assert {name: one.run_id for name, one in found(engine).items()} == {RATE: "r2", POPULATION: "r1"}
    assert set(found(engine, (POPULATION,))) == {POPULATION}
    assert found(engine, ()) == {}


def test_the_row_written_again_replaces_what_was_found_before(engine: Engine) -> None:
    wrote(engine, "r1", RATE, SHAPE, VALUES)
    wrote(engine, "r1", RATE, VALUES)
    assert found(engine)[RATE].reports == (VALUES,)
    wrote(engine, "r1", RATE)
    assert found(engine) == {}


def test_a_gate_that_evaluated_nothing_is_seen_as_a_check_that_failed(engine: Engine) -> None:
    wrote(engine, "r1", RATE, GateReport("values", ()))
    (report,) = found(engine)[RATE].reports
    assert report.gate == "values"
    assert report.held_back
    assert report.checks[0].saw == NOTHING_EVALUATED.saw


def test_the_database_refuses_a_gate_and_a_severity_that_there_are_not(engine: Engine) -> None:
    wrote(engine, "r1", RATE, SHAPE)
    for column in ("gate", "severity"):
        with pytest.raises(IntegrityError), writing(engine) as connection:
            connection.execute(text(f"UPDATE gate_result SET {column} = 'other'"))


def test_a_page_that_could_not_be_built_keeps_the_time_when_it_last_was(engine: Engine) -> None:
    with writing(engine) as connection:
        note_page_build(connection, "report", AT)
        note_page_build(connection, "report", AT + HOUR, "no space left")
    with reading(engine) as connection:
        (build,) = page_builds(connection)
    assert (build.name, build.tried_at, build.built_at, build.error) == (
        "report",
        AT + HOUR,
        AT,
        "no space left",
    )
    with writing(engine) as connection:
        note_page_build(connection, "report", AT + 2 * HOUR)
    with reading(engine) as connection:
        (build,) = page_builds(connection)
    assert (build.built_at, build.error) == (AT + 2 * HOUR, "")
