"""Runs, their ledger, and what is known of each dataset between runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypedDict, Unpack

from sqlalchemy import Connection, and_, func, select, update
from sqlalchemy import Table as SqlTable

from models.freshness import StoredState
from models.ledger import Counts, LedgerRow
from warehouse import tables
from warehouse.errors import WarehouseError
from warehouse.gate_results import keep_gate_results


class StateChanges(TypedDict, total=False):
    """The fields of a dataset's state that can be set; those not named stay as they are."""

    state: StoredState
    release_query: bytes | None
    last_release: datetime | None
    last_fetch: datetime | None
    last_checked: datetime | None
    next_expected: date | None
    late_after: date | None
    judged_on: date | None
    last_error: str
    entry_fingerprint: str
    canonical_sha256: str
    collection_id: str
    known_codes: str
    overrides: str
    division: str
    layout: str


@dataclass(frozen=True)
class DatasetState:
    """What is known of one dataset. `judged_on` is the day its lateness is judged at, None for today."""

    dataset_id: str
    state: StoredState = "never_fetched"
    release_query: bytes | None = None
    last_release: datetime | None = None
    last_fetch: datetime | None = None
    last_checked: datetime | None = None
    next_expected: date | None = None
    late_after: date | None = None
    judged_on: date | None = None
    last_error: str = ""
    entry_fingerprint: str = ""
    canonical_sha256: str = ""
    collection_id: str = ""
    known_codes: str = ""
    overrides: str = ""
    division: str = ""
    layout: str = ""


def open_run(
    connection: Connection,
    *,
    run_id: str,
    source: str,
    started_at: datetime,
    program_version: str,
    catalogue_fingerprint: str,
) -> None:
    """Writes that a run has begun. The same run again (a restart) begins anew and keeps its ledger rows."""
    row = {
        "run_id": run_id,
        "source": source,
        "started_at": started_at,
        "ended_at": None,
        "state": "running",
        "program_version": program_version,
        "catalogue_fingerprint": catalogue_fingerprint,
    }
    _replace(connection, tables.table_of(tables.Run), ["run_id"], row)


def close_run(
    connection: Connection, run_id: str, *, ended_at: datetime, state: Literal["green", "red"]
) -> None:
    """Writes how a run ended. Raises WarehouseError for a run that was never opened."""
    table = tables.table_of(tables.Run)
    change = update(table).where(table.c.run_id == run_id).values(ended_at=ended_at, state=state)
    if connection.execute(change).rowcount != 1:
        raise WarehouseError(f"there is no run '{run_id}' to close; open it first")


def write_row(connection: Connection, row: LedgerRow, *, recorded_at: datetime) -> None:
    """Writes what became of a dataset in a run, with what the gates found in it; again replaces the row."""
    values = {
        "run_id": row.run_id,
        "dataset_id": row.dataset_id,
        "state": row.state,
        "message": row.message,
        "new_count": row.counts.new,
        "revised_count": row.counts.revised,
        "withdrawn_count": row.counts.withdrawn,
        "same_count": row.counts.same,
        "calls": row.calls,
        "seconds": row.seconds,
        "released_at": row.released_at,
        "missing_indicators": json.dumps(row.missing_indicators),
        "recorded_at": recorded_at,
    }
    _count_in(connection, row)
    _replace(connection, tables.table_of(tables.Ledger), ["run_id", "dataset_id"], values)
    keep_gate_results(connection, row.run_id, row.dataset_id, row.gates, recorded_at=recorded_at)


def _count_in(connection: Connection, row: LedgerRow) -> None:
    """Adds the row to its source's totals, less what it says already: nobody need add up the rows of years."""
    run, ledger, total = (tables.table_of(one) for one in (tables.Run, tables.Ledger, tables.SourceTotal))
    vintages = ledger.c.new_count + ledger.c.revised_count + ledger.c.withdrawn_count
    of_row = (ledger.c.run_id == run.c.run_id) & (ledger.c.dataset_id == row.dataset_id)
    before = connection.execute(
        select(run.c.source, func.coalesce(ledger.c.calls, 0), func.coalesce(vintages, 0))
        .outerjoin(ledger, of_row)
        .where(run.c.run_id == row.run_id)
    ).first()
    if before is None:
        return  # a row of a run that was never opened is refused by the database
    source, calls_before, vintages_before = before
    calls = row.calls - calls_before
    added = row.counts.new + row.counts.revised + row.counts.withdrawn - vintages_before
    connection.execute(
        tables.inserting(connection, total)
        .values(source=source, calls=calls, vintages=added)
        .on_conflict_do_update(
            index_elements=["source"],
            set_={"calls": total.c.calls + calls, "vintages": total.c.vintages + added},
        )
    )


def set_state(connection: Connection, dataset_id: str, **changes: Unpack[StateChanges]) -> None:
    """Changes the named fields of a dataset's state; its row is made when there is none."""
    values: dict[str, Any] = dict(changes)
    if values.get("release_query") is not None:
        values["release_query"] = values["release_query"].decode()
    table = tables.table_of(tables.DatasetState)
    first = {
        "dataset_id": dataset_id,
        "state": "never_fetched",
        "last_error": "",
        "entry_fingerprint": "",
        "canonical_sha256": "",
    } | values
    insert = tables.inserting(connection, table).values(first)
    if values:
        connection.execute(insert.on_conflict_do_update(index_elements=["dataset_id"], set_=values))
    else:
        connection.execute(insert.on_conflict_do_nothing())


def state_of(connection: Connection, dataset_id: str) -> DatasetState:
    """What is known of a dataset; the state `never_fetched` where nothing is."""
    return _states(connection, dataset_id).get(dataset_id, DatasetState(dataset_id))


def states(connection: Connection) -> dict[str, DatasetState]:
    """What is known of each dataset of which anything is known."""
    return _states(connection, None)


def _states(connection: Connection, dataset_id: str | None) -> dict[str, DatasetState]:
    table = tables.table_of(tables.DatasetState)
    query = select(table).order_by(table.c.dataset_id)
    if dataset_id is not None:
        query = query.where(table.c.dataset_id == dataset_id)
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        text = values["release_query"]
        values["release_query"] = None if text is None else text.encode()
        found[values["dataset_id"]] = DatasetState(**values)
    return found


def _replace(connection: Connection, table: SqlTable, key: list[str], row: dict[str, Any]) -> None:
    changes = {name: value for name, value in row.items() if name not in key}
    insert = tables.inserting(connection, table).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changes))


def rows_of(connection: Connection, run_id: str) -> list[LedgerRow]:
    """The ledger rows of one run, in the order they were written."""
    table = tables.table_of(tables.Ledger)
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.recorded_at, table.c.dataset_id)
    return [
        LedgerRow(
            run_id=row["run_id"],
            dataset_id=row["dataset_id"],
            state=row["state"],
            message=row["message"],
            counts=Counts(row["new_count"], row["revised_count"], row["withdrawn_count"], row["same_count"]),
            calls=row["calls"],
            seconds=row["seconds"],
            released_at=row["released_at"],
            missing_indicators=tuple(json.loads(row["missing_indicators"])),
        )
        for row in connection.execute(query).mappings()
    ]


def oldest_unsettled_run(connection: Connection, source: str) -> datetime | None:
    """When the oldest run over `source` that never ended began; the newest one where every run ended.

    Of a run that ended the index may lack answers, where the database went away in its midst. None for no run.
    """
    table = tables.table_of(tables.Run)
    of_source = table.c.source == source
    for query in (
        select(func.min(table.c.started_at)).where(of_source, table.c.ended_at.is_(None)),
        select(func.max(table.c.started_at)).where(of_source),
    ):
        found: datetime | None = connection.execute(query).scalar_one()
        if found is not None:
            return found
    return None


def unfinished(connection: Connection, source: str) -> list[tuple[str, str, str]]:
    """Run, dataset and collection of what runs over `source` that never ended fetched and did not account for."""
    run, document, ledger = (tables.table_of(one) for one in (tables.Run, tables.Document, tables.Ledger))
    going_on = select(run.c.run_id).where(run.c.source == source, run.c.ended_at.is_(None)).limit(1)
    if connection.execute(going_on).first() is None:
        return []  # as nearly always; what follows goes through years of documents
    query = (
        select(
            document.c.run_id,
            document.c.dataset_id,
            document.c.collection_id,
            func.min(document.c.fetched_at),
        )
        .join(run, run.c.run_id == document.c.run_id)
        .outerjoin(
            ledger, and_(ledger.c.run_id == document.c.run_id, ledger.c.dataset_id == document.c.dataset_id)
        )
        .where(run.c.source == source, run.c.ended_at.is_(None))
        .where(document.c.kind == "data", ledger.c.run_id.is_(None))
        .group_by(document.c.run_id, document.c.dataset_id, document.c.collection_id)
        .order_by(func.min(document.c.fetched_at))
    )
    return [(row.run_id, row.dataset_id, row.collection_id) for row in connection.execute(query)]


def not_stored(connection: Connection, source: str) -> list[tuple[str, str, str]]:
    """Run, dataset and collection of what the newest run over `source` fetched and said to have failed.

    What was stored of such a collection nevertheless, because only some of its contents failed, is left out.
    """
    run, document, ledger, state = (
        tables.table_of(one) for one in (tables.Run, tables.Document, tables.Ledger, tables.DatasetState)
    )
    newest = select(func.max(run.c.started_at)).where(run.c.source == source).scalar_subquery()
    query = (
        select(document.c.run_id, document.c.dataset_id, document.c.collection_id)
        .join(run, run.c.run_id == document.c.run_id)
        .join(
            ledger, and_(ledger.c.run_id == document.c.run_id, ledger.c.dataset_id == document.c.dataset_id)
        )
        .outerjoin(state, state.c.dataset_id == document.c.dataset_id)
        .where(run.c.source == source, run.c.started_at == newest)
        .where(document.c.kind == "data", ledger.c.state == "failed")
        .where(func.coalesce(state.c.collection_id, "") != document.c.collection_id)
        .group_by(document.c.run_id, document.c.dataset_id, document.c.collection_id)
        .order_by(func.min(document.c.fetched_at))
    )
    return [(row.run_id, row.dataset_id, row.collection_id) for row in connection.execute(query)]


def close_interrupted(connection: Connection, source: str, *, ended_at: datetime) -> None:
    """Ends, red, the runs over `source` that were cut off."""
    table = tables.table_of(tables.Run)
    connection.execute(
        update(table)
        .where(table.c.source == source, table.c.ended_at.is_(None))
        .values(ended_at=ended_at, state="red")
    )
