"""Runs, their ledger, what is known of datasets between runs, and what the gates held back."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from models.ledger import CheckResult, Counts, GateReport, LedgerRow
from warehouse import read
from warehouse.engine import reading, writing
from warehouse.errors import WarehouseError
from warehouse.ledger import DatasetState, close_run, open_run, set_state, state_of, states, write_row
from warehouse.quarantine import clear_quarantine, decide_quarantine, open_quarantine, quarantined

AT = datetime(2026, 7, 21, 5, 0, 0, 7, tzinfo=UTC)
DATASET = "statfin/vaerak/11re"


def opened(engine: Engine, run_id: str = "run") -> None:
    with writing(engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=AT,
            program_version="0.1.0",
            catalogue_fingerprint="f1",
        )


def test_a_run_is_running_until_it_is_closed(engine: Engine) -> None:
    opened(engine)
    query = text("SELECT state, ended_at FROM run")
    with reading(engine) as connection:
        assert tuple(connection.execute(query).one()) == ("running", None)
    with writing(engine) as connection:
        close_run(connection, "run", ended_at=AT + timedelta(minutes=5), state="green")
    with reading(engine) as connection:
        assert connection.execute(query).one().state == "green"


def test_a_run_that_was_never_opened_cannot_be_closed(engine: Engine) -> None:
    with pytest.raises(WarehouseError, match="no run 'x'"), writing(engine) as connection:
        close_run(connection, "x", ended_at=AT, state="green")


def test_a_run_that_is_opened_again_runs_again_and_keeps_its_rows(engine: Engine) -> None:
    opened(engine)
    with writing(engine) as connection:
        write_row(connection, LedgerRow("run", DATASET, "fetched", ""), recorded_at=AT)
        close_run(connection, "run", ended_at=AT, state="red")
    opened(engine)
    with reading(engine) as connection:
        found = read.ledger(connection, "run")
    assert list(found["run_state"]) == ["running"]
    assert found["ended_at"].isna().all()


def test_a_datasets_row_is_written_once_a_run_and_replaced_when_written_again(engine: Engine) -> None:
    opened(engine)
    opened(engine, "other")
    rows = [
        LedgerRow("run", DATASET, "failed", "HTTP 403"),
        LedgerRow("other", DATASET, "unchanged", ""),
        LedgerRow("run", DATASET, "fetched", "ok", Counts(1, 2, 3, 4), 5, 6.5, AT, ("a", "b")),
    ]
    with writing(engine) as connection:
        for row in rows:
            write_row(connection, row, recorded_at=AT)
    with reading(engine) as connection:
        found = read.ledger(connection, "run")
        assert len(read.ledger(connection, "nothing")) == 0
    assert len(found) == 1
    one = found.iloc[0]
    assert list(one[["state", "message", "new", "revised", "withdrawn", "same"]]) == [
        "fetched",
        "ok",
        1,
        2,
        3,
        4,
    ]
    assert (one["calls"], one["seconds"], one["released_at"]) == (5, 6.5, AT)
    assert json.loads(one["missing_indicators"]) == ["a", "b"]


def test_a_row_of_a_run_that_was_never_opened_is_refused(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        write_row(connection, LedgerRow("nobody", DATASET, "fetched", ""), recorded_at=AT)


def test_of_a_dataset_of_which_nothing_is_known_the_state_is_never_fetched(engine: Engine) -> None:
    with reading(engine) as connection:
        assert state_of(connection, DATASET) == DatasetState(DATASET)
        assert states(connection) == {}


def test_only_the_named_fields_of_a_state_change(engine: Engine) -> None:
    with writing(engine) as connection:
        set_state(connection, DATASET)
        set_state(connection, DATASET, state="fetched", last_fetch=AT, release_query='{"ä": 1}'.encode())
        set_state(
            connection, DATASET, next_expected=date(2026, 8, 25), last_error="gone", judged_on=AT.date()
        )
        set_state(connection, DATASET, last_error="", judged_on=None)
        set_state(connection, "statfin/b/2", last_error="x")
    with reading(engine) as connection:
        assert states(connection) == {
            "statfin/b/2": DatasetState("statfin/b/2", last_error="x"),
            DATASET: DatasetState(
                DATASET,
                state="fetched",
                release_query='{"ä": 1}'.encode(),
                last_fetch=AT,
                next_expected=date(2026, 8, 25),
            ),
        }


def test_an_unknown_state_is_refused_by_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        set_state(connection, DATASET, state="fine")  # type: ignore[typeddict-item]


REPORTS = (
    GateReport("shape", (CheckResult("shape", "rows", "critical", True, "12", "> 0"),)),
    GateReport(
        "values",
        (
            CheckResult(
                "values", "bounds", "critical", False, "250 %", "0-100", "a slip of unit", ({"value": 250.0},)
            ),
            CheckResult("values", "spread", "warning", False, "x", "y"),
        ),
    ),
)


def held(engine: Engine, dataset_id: str = DATASET) -> int:
    with writing(engine) as connection:
        return open_quarantine(
            connection, dataset_id=dataset_id, run_id="run", collection_id="c", reports=REPORTS, opened_at=AT
        )


def test_what_is_held_back_is_kept_with_its_reason_and_rows(engine: Engine) -> None:
    number = held(engine)
    with reading(engine) as connection:
        (one,) = quarantined(connection)
    assert (one.quarantine_id, one.dataset_id, one.run_id, one.collection_id) == (number, DATASET, "run", "c")
    assert (one.state, one.opened_at, one.reason) == ("open", AT, "bounds: saw 250 %, expected 0-100")
    checks = json.loads(one.report)[1]["checks"]
    assert checks[0]["rows"] == [{"value": 250.0}]
    assert checks[0]["cause"] == "a slip of unit"


def test_a_later_good_fetch_clears_what_is_open_of_its_dataset_only(engine: Engine) -> None:
    held(engine), held(engine), held(engine, "statfin/b/2")
    with writing(engine) as connection:
        assert clear_quarantine(connection, DATASET, decided_at=AT, reason="a later fetch was good") == 2
        assert clear_quarantine(connection, DATASET, decided_at=AT, reason="again") == 0
    with reading(engine) as connection:
        assert [one.dataset_id for one in quarantined(connection)] == ["statfin/b/2"]
        cleared = quarantined(connection, dataset_id=DATASET, open_only=False)
    assert {(one.state, one.decision_reason) for one in cleared} == {("cleared", "a later fetch was good")}


def test_a_decision_is_made_once_by_a_role_with_a_reason(engine: Engine) -> None:
    number = held(engine)
    decision = {"decided_at": AT, "role": "data engineer", "reason": "the source confirmed it"}
    with writing(engine) as connection:
        decide_quarantine(connection, number, state="released", **decision)  # type: ignore[arg-type]
    with reading(engine) as connection:
        (one,) = quarantined(connection, open_only=False)
    assert (one.state, one.decided_by, one.decided_at) == ("released", "data engineer", AT)
    with (
        pytest.raises(WarehouseError, match=f"quarantine {number} is not open"),
        writing(engine) as connection,
    ):
        decide_quarantine(connection, number, state="rejected", **decision)  # type: ignore[arg-type]
