"""Collecting one dataset from its source: release check, fetch, keep; then ingest. One ledger row comes out.

Plain functions; the Prefect tasks are thin wraps of `collect`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from connectors import SOURCES
from connectors.http import Http
from connectors.pxweb import Limits
from connectors.statfin import TableGoneError
from flows.ingest import Context, Ingested, in_scope, ingest
from flows.pipeline import VERSION, Pipeline, utc_now
from models import recode
from models.document import Answer, Document
from models.errors import SourceError
from models.ledger import LedgerRow, Scope
from warehouse import raw as raw_index
from warehouse.engine import reading, writing
from warehouse.ledger import (
    close_interrupted,
    oldest_open_run,
    set_state,
    state_of,
    unfinished,
    write_row,
)


@dataclass(frozen=True)
class Collection:
    """One run over one source: what its datasets share."""

    pipeline: Pipeline
    run_id: str
    source: str
    limits: Limits
    scope: Scope
    force: bool = False


class _Keeping:
    """Keeps every answer of one collection in the raw store and in its index, and remembers the documents."""

    def __init__(self, pipeline: Pipeline, run_id: str, collection_id: str) -> None:
        self._pipeline = pipeline
        self._run_id = run_id
        self._collection_id = collection_id
        self.documents: list[Document] = []

    def __call__(self, answer: Answer) -> None:
        document = self._pipeline.raw.keep(answer, self._run_id, self._collection_id)
        self.documents.append(document)
        with writing(self._pipeline.engine) as connection:
            raw_index.index(connection, document)


def open_http(
    pipeline: Pipeline, source: str, run_id: str, collection_id: str
) -> tuple[Http, list[Document]]:
    """A polite session to one source whose answers are all kept, and the list that their documents are added to."""
    keeping = _Keeping(pipeline, run_id, collection_id)
    http = Http(
        contact=pipeline.settings.contact,
        version=VERSION,
        keep=keeping,
        limits_folder=pipeline.limits_folder,
        allowed=(pipeline.base_url(source),),
    )
    return http, keeping.documents


def read_limits(pipeline: Pipeline, source: str, run_id: str) -> tuple[Limits, int]:
    """What the source says of its limits today, and the calls it took. Raises SourceError."""
    http, _ = open_http(pipeline, source, run_id, f"{run_id}:{source}")
    with http:
        return SOURCES[source].config(pipeline.base_url(source), http), http.calls


def collect(collection: Collection, dataset_id: str) -> LedgerRow:
    """Collects one dataset and writes its ledger row; what a source does wrong ends as a row, not as an exception."""
    started = time.monotonic()
    pipeline = collection.pipeline
    if not collection.scope.expects(dataset_id):
        return leave_out(pipeline, collection.run_id, dataset_id)
    collection_id = f"{collection.run_id}:{dataset_id}"
    dataset = in_scope(pipeline.catalogue.datasets[dataset_id], collection.scope)
    context = Context(pipeline, dataset, collection.scope, collection.run_id, collection_id)
    http, documents = open_http(pipeline, collection.source, collection.run_id, collection_id)

    def row(outcome: Ingested) -> LedgerRow:
        return _row(context, outcome, calls=http.calls, seconds=time.monotonic() - started)

    with http:
        try:
            unchanged = _nothing_new(collection, context, http)
            if unchanged is not None:
                with writing(pipeline.engine) as connection:
                    return _end(connection, row(unchanged))
            with reading(pipeline.engine) as connection:
                state = state_of(connection, dataset_id)
            SOURCES[collection.source].fetch(
                dataset,
                pipeline.catalogue.areas_for(dataset),
                pipeline.base_url(collection.source),
                http,
                collection.limits,
                recode.overrides_from_json(state.overrides),
                recode.known_from_json(state.known_codes),
            )
            with writing(pipeline.engine) as connection:
                return _end(
                    connection, row(_judged(connection, context, ingest(connection, context, documents)))
                )
        except TableGoneError as error:
            with writing(pipeline.engine) as connection:
                return _end(connection, row(_gone(connection, context, error)))
        except SourceError as error:
            with writing(pipeline.engine) as connection:
                return _end(connection, row(Ingested("failed", str(error))))


def _nothing_new(collection: Collection, context: Context, http: Http) -> Ingested | None:
    """`unchanged` where the cheap check says that nothing was released; None where it must be fetched."""
    with reading(context.pipeline.engine) as connection:
        state = state_of(connection, context.dataset.id)
    current = state.entry_fingerprint == context.fingerprint and state.state == "fetched"
    if collection.force or not current or state.release_query is None:
        return None
    known = recode.known_from_json(state.known_codes)
    released = SOURCES[collection.source].release(
        context.dataset,
        context.pipeline.base_url(collection.source),
        http,
        collection.limits,
        state.release_query,
        known.table if known is not None else None,
    )
    if released is None or released != state.last_release:
        return None
    with reading(context.pipeline.engine) as connection:
        unchanged = Ingested("unchanged", f"no release since {released:%Y-%m-%d}", released_at=released)
        return _judged(connection, context, unchanged)


def _gone(connection: Connection, context: Context, error: TableGoneError) -> Ingested:
    """`discontinued` where the table once answered and its source no longer lists it; else the entry is wrong."""
    if not state_of(connection, context.dataset.id).collection_id:
        return Ingested("failed", str(error))
    set_state(connection, context.dataset.id, state="discontinued")
    return Ingested("discontinued", f"{error}; the last figures are served on")


def _judged(connection: Connection, context: Context, outcome: Ingested) -> Ingested:
    """`unchanged` becomes `late` where the next release should have come by now."""
    if outcome.state != "unchanged":
        return outcome
    state = state_of(connection, context.dataset.id)
    today = context.scope.today.get(context.dataset.id, utc_now().date())
    if state.late_after is None or state.late_after >= today:
        return outcome
    return replace(
        outcome,
        state="late",
        message=f"{outcome.message}; the next was expected by {state.next_expected}, it is late",
    )


def _row(context: Context, outcome: Ingested, *, calls: int = 0, seconds: float = 0.0) -> LedgerRow:
    return LedgerRow(
        context.run_id,
        context.dataset.id,
        outcome.state,
        outcome.message,
        outcome.counts,
        calls,
        seconds,
        outcome.released_at,
        outcome.lost,
    )


def _end(connection: Connection, row: LedgerRow) -> LedgerRow:
    """Writes the ledger row, and what the dataset's state keeps of it."""
    now = utc_now()
    error = row.message if row.state in ("failed", "quarantined") else ""
    set_state(connection, row.dataset_id, last_checked=now, last_error=error)
    write_row(connection, row, recorded_at=now)
    return row


def leave_out(pipeline: Pipeline, run_id: str, dataset_id: str) -> LedgerRow:
    """Writes the ledger row of a dataset of which the sample holds nothing; its source is not called."""
    row = LedgerRow(run_id, dataset_id, "not_in_sample", "the sample holds no figures of this table")
    with writing(pipeline.engine) as connection:
        set_state(connection, dataset_id, state="not_in_sample")
        write_row(connection, row, recorded_at=utc_now())
    return row


def fail(pipeline: Pipeline, run_id: str, dataset_id: str, message: str) -> LedgerRow:
    """Writes a `failed` ledger row for a dataset that could not be tried at all."""
    with writing(pipeline.engine) as connection:
        return _end(connection, LedgerRow(run_id, dataset_id, "failed", message))


def finish_interrupted(pipeline: Pipeline, source: str, scope: Scope) -> list[LedgerRow]:
    """Ingests what earlier runs over `source` fetched whole and could not store before they were cut off.

    The caller holds the source's lock. Times are those of the answers, so that the warehouse becomes what it would
    have been; a collection that is not whole is left, the next fetch makes it good.
    """
    with writing(pipeline.engine) as connection:
        begun = oldest_open_run(connection, source)
        if begun is None:
            return []
        for document in pipeline.raw.documents(source=source, since=begun):
            raw_index.index(connection, document)
        collections = unfinished(connection, source)
    rows = []
    for run_id, dataset_id, collection_id in collections:
        context = Context(
            pipeline, in_scope(pipeline.catalogue.datasets[dataset_id], scope), scope, run_id, collection_id
        )
        try:
            with writing(pipeline.engine) as connection:
                outcome = ingest(
                    connection, context, raw_index.indexed(connection, collection_id=collection_id)
                )
                note = f"finished after the run was cut off; {outcome.message}".rstrip("; ")
                rows.append(_end(connection, _row(context, replace(outcome, message=note))))
        except SourceError as error:
            rows.append(
                fail(pipeline, run_id, dataset_id, f"the run was cut off before all was fetched: {error}")
            )
    with writing(pipeline.engine) as connection:
        close_interrupted(connection, source, ended_at=utc_now())
    return rows
