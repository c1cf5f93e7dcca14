"""What was done for each source."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from models.ledger import Counts, LedgerRow
from warehouse.activity import Activity, activity
from warehouse.engine import reading, writing
from warehouse.ledger import close_run, open_run, write_row

AT = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)
END = AT + timedelta(minutes=3)


def test_the_newest_run_and_the_sums_of_all_runs_are_said_of_each_source(engine: Engine) -> None:
    with writing(engine) as connection:
        for run_id, source, at in (
            ("r1", "statfin", AT - timedelta(days=1)),
            ("r2", "statfin", AT),
            ("q1", "other", AT),
        ):
            open_run(
                connection,
                run_id=run_id,
                source=source,
                started_at=at,
                program_version="1",
                catalogue_fingerprint="f",
            )
        for row in (
            LedgerRow("r1", "a", "fetched", "", Counts(5, 2, 1, 99), calls=4),
            LedgerRow("r1", "b", "failed", "", calls=1),
            LedgerRow("r2", "a", "unchanged", "", Counts(0, 0, 0, 107), calls=1),
        ):
            write_row(connection, row, recorded_at=AT)
        close_run(connection, "r2", ended_at=END, state="green")
    with reading(engine) as connection:
        assert activity(connection) == (
            Activity("other", "running", AT, None, 0, 0),
            Activity("statfin", "green", AT, END, 6, 8),
        )
    with writing(engine) as connection:  # a run that was cut off accounts for a dataset again
        write_row(
            connection, LedgerRow("r1", "b", "fetched", "", Counts(3, 0, 0, 1), calls=3), recorded_at=END
        )
    with reading(engine) as connection:
        assert activity(connection)[1] == Activity("statfin", "green", AT, END, 8, 11)


def test_where_nothing_ran_nothing_is_said(engine: Engine) -> None:
    with reading(engine) as connection:
        assert activity(connection) == ()
