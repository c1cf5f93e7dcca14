"""Collecting one dataset from its source: release check, fetch, keep; then ingest. One ledger row comes out.

Plain functions; the Prefect tasks are thin wraps of `collect`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from connectors import SOURCES, classifications
from connectors.http import AnswerError, Http
from connectors.pxweb import Limits
from connectors.pxweb_source import PxWebSource, TableGoneError
from flows import areas
from flows.adopt import finish_adoption, in_use
from flows.answers import finish_forms
from flows.arrays import give_back_arrays, give_back_freed
from flows.decisions import context_of, finish_decisions
from flows.ingest import Context, Ingested, in_scope, ingest
from flows.pipeline import VERSION, Pipeline, utc_now, widened
from flows.resume import Request, ResumingHttp, kept_lately
from flows.turn import DISCONTINUED, in_turn, keep_notice
from models import recode
from models.document import Answer, Document
from models.errors import SourceError
from models.ledger import LedgerRow, Scope
from warehouse import raw as raw_index
from warehouse.engine import reading, writing
from warehouse.errors import RawStoreError, WarehouseError
from warehouse.ledger import (
    close_interrupted,
    not_stored,
    oldest_unsettled_run,
    set_state,
    state_of,
    unfinished,
    write_row,
)

log = logging.getLogger("mittaristo.collect")


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
    """Keeps every answer of one collection in the raw store and in its index."""

    def __init__(self, pipeline: Pipeline, run_id: str, collection_id: str) -> None:
        self._pipeline = pipeline
        self._run_id = run_id
        self._collection_id = collection_id

    def __call__(self, answer: Answer) -> None:
        document = self._pipeline.raw.keep(answer, self._run_id, self._collection_id)
        with writing(self._pipeline.engine) as connection:
            raw_index.index(connection, document)


def open_http(pipeline: Pipeline, source: str, run_id: str, collection_id: str) -> Http:
    """A polite session to one source whose answers are all kept."""
    return Http(**_session(pipeline, source, run_id, collection_id))


def open_resuming_http(
    pipeline: Pipeline,
    source: str,
    run_id: str,
    collection_id: str,
    kept: Mapping[Request, Document],
) -> ResumingHttp:
    """The same, which does not ask what is among `kept`."""
    return ResumingHttp(kept, pipeline.raw.read, **_session(pipeline, source, run_id, collection_id))


def _session(pipeline: Pipeline, source: str, run_id: str, collection_id: str) -> dict[str, Any]:
    return {
        "contact": pipeline.settings.contact,
        "version": VERSION,
        "keep": _Keeping(pipeline, run_id, collection_id),
        "limits_folder": pipeline.limits_folder,
        "allowed": (pipeline.base_url(source),),
        "inside": tuple(pipeline.settings.urls.values()),
        "made_up": pipeline.settings.synthetic,
    }


def read_limits(pipeline: Pipeline, source: str, run_id: str) -> tuple[Limits, int]:
    """What the source says of its limits today, and the calls it took. Raises SourceError."""
    http = open_http(pipeline, source, run_id, f"{run_id}:{source}")
    with http:
        config = classifications.config if source == classifications.SOURCE else SOURCES[source].config
        return config(pipeline.base_url(source), http), http.calls


def collect(collection: Collection, dataset_id: str) -> LedgerRow:
    """Collects one dataset and writes its ledger row; what a source does wrong ends as a row, not as an exception."""
    give_back_arrays()
    try:
        return _collected(collection, dataset_id)
    finally:
        give_back_freed()


def _collected(collection: Collection, dataset_id: str) -> LedgerRow:
    started = time.monotonic()
    pipeline = collection.pipeline
    if not collection.scope.expects(dataset_id):
        return leave_out(pipeline, collection.run_id, dataset_id)
    collection_id = f"{collection.run_id}:{dataset_id}"
    kept: Mapping[Request, Document] = {}
    with reading(pipeline.engine) as connection:
        pipeline = widened(connection, pipeline, collection.scope)
        if collection.scope.all_municipalities and isinstance(SOURCES.get(collection.source), PxWebSource):
            kept = kept_lately(connection, dataset_id, utc_now())
    dataset = in_scope(pipeline.catalogue.datasets[dataset_id], collection.scope)
    context = Context(pipeline, dataset, collection.scope, collection.run_id, collection_id)
    http = open_resuming_http(pipeline, collection.source, collection.run_id, collection_id, kept)

    def row(outcome: Ingested) -> LedgerRow:
        return _row(context, outcome, calls=http.calls, seconds=time.monotonic() - started)

    with http:
        try:
            unchanged = _nothing_new(collection, context, http)
            if unchanged is not None:
                with writing(pipeline.engine) as connection:
                    return _end(connection, row(unchanged))
            try:
                return _fetched(collection, context, http, row)
            except SourceError as error:
                if not http.has_taken or (isinstance(error, AnswerError) and error.status != 400):
                    raise  # the next run goes on from here
                log.info("%s: asked anew from the beginning: %s", dataset_id, error)
            http.forget()
            return _fetched(collection, context, http, row)
        except TableGoneError as error:
            with writing(pipeline.engine) as connection:
                return _end(connection, row(_gone(connection, context, error)))
        except SourceError as error:
            with writing(pipeline.engine) as connection:
                return _end(connection, row(Ingested("failed", str(error))))


def _fetched(
    collection: Collection, context: Context, http: ResumingHttp, row: Callable[[Ingested], LedgerRow]
) -> LedgerRow:
    """Fetches and stores the dataset. Raises SourceError, and nothing is stored, where it cannot be had, or where kept
    answers were taken and a release has come since."""
    _fetch(collection, context, http)
    with writing(context.pipeline.engine) as connection:
        documents = in_turn(connection, context.pipeline, context.collection_id)
        outcome = ingest(connection, context, documents)
        if http.is_outdated(outcome.released_at):
            raise SourceError(f"{context.dataset.id}: a release came after the first answers were kept")
        return _end(connection, row(_judged(connection, context, outcome)))


def _fetch(collection: Collection, context: Context, http: Http) -> None:
    """Asks the source for all of the dataset; the answers go to the session's keeping."""
    base_url = context.pipeline.base_url(collection.source)
    with reading(context.pipeline.engine) as connection:
        if collection.source == classifications.SOURCE:
            years = areas.years_wanted(connection, _today(context))
        state = state_of(connection, context.dataset.id)
    if collection.source == classifications.SOURCE:
        for year in years:
            classifications.fetch(year, base_url, http, collection.limits.rate)
        return
    SOURCES[collection.source].fetch(
        context.dataset,
        context.pipeline.catalogue.areas_for(context.dataset),
        base_url,
        http,
        collection.limits,
        recode.overrides_from_json(state.overrides),
        recode.known_from_json(state.known_codes),
    )


def _today(context: Context) -> date:
    """The day at which lateness is judged."""
    return context.scope.today.get(context.dataset.id, utc_now().date())


def _nothing_new(collection: Collection, context: Context, http: Http) -> Ingested | None:
    """`unchanged` where the cheap check says that nothing was released; None where it must be fetched."""
    with reading(context.pipeline.engine) as connection:
        state = state_of(connection, context.dataset.id)
    current = state.entry_fingerprint == context.fingerprint and state.state == "fetched"
    if collection.force or not current:
        return None
    if collection.source == classifications.SOURCE:  # a year's division is there or not, no call tells more
        is_there = state.last_release is not None and state.last_release.year >= _today(context).year
        released = state.last_release if is_there else None
    elif state.release_query is None:
        return None
    else:
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
    documents = in_turn(connection, context.pipeline, context.collection_id)
    keep_notice(connection, context.pipeline, documents[-1], DISCONTINUED, documents[-1].fetched_at)
    set_state(connection, context.dataset.id, state="discontinued")
    return Ingested("discontinued", f"{error}; the last figures are served on")


def _judged(connection: Connection, context: Context, outcome: Ingested) -> Ingested:
    """`unchanged` becomes `late` where the next release should have come by now."""
    if outcome.state != "unchanged":
        return outcome
    state = state_of(connection, context.dataset.id)
    if state.late_after is None or state.late_after >= _today(context):
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
        outcome.gates,
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


def finish_interrupted(pipeline: Pipeline, source: str) -> list[LedgerRow]:
    """Makes good what was cut off: states of the catalogue, decisions and filled forms that were kept and not applied,
    then what earlier runs over `source` fetched whole and could not store.

    The caller holds the source's lock and has begun nothing yet: all is applied under the catalogue that was in use,
    with the times of then, so that the warehouse becomes what it would have been. A collection that is not whole is
    left, the next fetch makes it good.
    """
    finish_adoption(pipeline)
    finish_decisions(pipeline)
    finish_forms(pipeline)
    with writing(pipeline.engine) as connection:
        begun = oldest_unsettled_run(connection, source)
        if begun is None:
            return []
        since = pipeline.raw.documents(source=source, since=begun)
        for document in raw_index.not_indexed(connection, since):
            raw_index.index(connection, document)
        # what failed is tried once more: the database may only have been away, or its disk full
        failed = not_stored(connection, source)
        collections = failed + unfinished(connection, source)
        if collections:
            pipeline = in_use(connection, pipeline)
    rows = []
    for run_id, dataset_id, collection_id in collections:
        has_failed = (run_id, dataset_id, collection_id) in failed  # its ledger row says why
        try:
            with writing(pipeline.engine) as connection:
                context = context_of(connection, pipeline, dataset_id, collection_id)
                documents = in_turn(connection, pipeline, collection_id)
                outcome = ingest(connection, context, documents)
                why = "could not store it" if has_failed else "was cut off"
                note = f"finished after the run {why}; {outcome.message}".rstrip("; ")
                rows.append(_end(connection, _row(context, replace(outcome, message=note))))
        except SourceError as error:
            if has_failed:
                continue
            rows.append(
                fail(pipeline, run_id, dataset_id, f"the run was cut off before all was fetched: {error}")
            )
        except Exception as error:
            if isinstance(error, WarehouseError) and not isinstance(error, RawStoreError):
                raise  # the database is away; all is tried again
            if has_failed:
                continue
            # one answer that cannot be dealt with must not keep this and every later run from the others
            log.exception("%s: what the run that was cut off fetched cannot be stored", dataset_id)
            text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            rows.append(fail(pipeline, run_id, dataset_id, f"the run was cut off; {text}"))
    with writing(pipeline.engine) as connection:
        close_interrupted(connection, source, ended_at=utc_now())
    return rows
