"""Collecting one dataset: release check, fetch, keep, gates, mapping, store, derive; one ledger row comes out.

Plain functions; the Prefect tasks are thin wraps of `collect`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from connectors import statfin
from connectors.http import Http
from connectors.jsonstat import canonical_checksum
from connectors.pxweb import Limits, release_query
from expectations import check_observations, check_source
from expectations.suites import AREAS_RULE
from flows.derive import derive, reads
from flows.pipeline import VERSION, Pipeline, utc_now
from models.dataset import Dataset
from models.document import Answer, Document
from models.errors import SourceError
from models.formula import is_plain
from models.freshness import late_after, next_expected
from models.ledger import Counts, GateReport, LedgerRow, LedgerState, Scope
from models.observation import observations
from models.reading import Reading
from warehouse import raw as raw_index
from warehouse.engine import reading as reading_transaction
from warehouse.engine import writing
from warehouse.ledger import DatasetState, set_state, state_of, write_row
from warehouse.load import store
from warehouse.quarantine import clear_quarantine, open_quarantine

CONNECTED = {"statfin": statfin}  # the sources that have a connector


@dataclass(frozen=True)
class Collection:
    """One run over one source: what its datasets share."""

    pipeline: Pipeline
    run_id: str
    source: str
    limits: Limits
    scope: Scope
    force: bool = False


class _Kept:
    """Keeps every answer of one dataset's collection, in the raw store and in its index, and remembers what it kept."""

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
    """A polite session to one source whose answers are all kept, and the list that its documents are added to."""
    kept = _Kept(pipeline, run_id, collection_id)
    http = Http(
        contact=pipeline.settings.contact,
        version=VERSION,
        keep=kept,
        limits_folder=pipeline.limits_folder,
        allowed=(pipeline.base_url(source),),
    )
    return http, kept.documents


def read_limits(pipeline: Pipeline, source: str, run_id: str) -> tuple[Limits, int]:
    """What the source says of its limits today, and the calls it took. Raises SourceError."""
    http, _ = open_http(pipeline, source, run_id, f"{run_id}:{source}")
    with http:
        return CONNECTED[source].config(pipeline.base_url(source), http), http.calls


def collect(collection: Collection, dataset_id: str) -> LedgerRow:
    """Collects one dataset and writes its ledger row; what a source does wrong ends as a row, not as an exception."""
    started = time.monotonic()
    pipeline = collection.pipeline
    if not collection.scope.expects(dataset_id):
        return leave_out(pipeline, collection.run_id, dataset_id)
    step = _Step(collection, _in_scope(pipeline.catalogue.datasets[dataset_id], collection.scope), started)
    with step.http:
        try:
            return step.run()
        except SourceError as error:
            return step.failed(str(error))


def leave_out(pipeline: Pipeline, run_id: str, dataset_id: str) -> LedgerRow:
    """Writes the ledger row of a dataset of which the sample holds nothing; its source is not called."""
    row = LedgerRow(run_id, dataset_id, "not_in_sample", "the sample holds no figures of this table")
    with writing(pipeline.engine) as connection:
        set_state(connection, dataset_id, state="not_in_sample")
        write_row(connection, row, recorded_at=utc_now())
    return row


def fail(pipeline: Pipeline, run_id: str, dataset_id: str, message: str) -> LedgerRow:
    """Writes a `failed` ledger row for a dataset that could not be tried at all."""
    row = LedgerRow(run_id, dataset_id, "failed", message)
    now = utc_now()
    with writing(pipeline.engine) as connection:
        set_state(connection, dataset_id, last_checked=now, last_error=message)
        write_row(connection, row, recorded_at=now)
    return row


def _in_scope(dataset: Dataset, scope: Scope) -> Dataset:
    """`dataset` with the contents that the scope holds, all of them where it holds everything."""
    if scope.contents is None or dataset.query is None:
        return dataset
    held = scope.contents[dataset.id]
    contents = tuple(choice for choice in dataset.query.contents if choice.key in held)
    return replace(dataset, query=replace(dataset.query, contents=contents))


class _Step:
    """The way of one dataset through one run; every method that ends it writes the ledger row and returns it."""

    def __init__(self, collection: Collection, dataset: Dataset, started: float) -> None:
        self.collection = collection
        self.pipeline = collection.pipeline
        self.dataset = dataset
        self.started = started
        self.collection_id = f"{collection.run_id}:{dataset.id}"
        self.http, self.documents = open_http(
            self.pipeline, collection.source, collection.run_id, self.collection_id
        )
        self.base_url = self.pipeline.base_url(collection.source)
        self.areas = self.pipeline.catalogue.areas_for(dataset)
        self.fingerprint = self._fingerprint()
        with reading_transaction(self.pipeline.engine) as connection:
            self.state: DatasetState = state_of(connection, dataset.id)

    def _fingerprint(self) -> str:
        contents = (
            ",".join(choice.key for choice in self.dataset.query.contents) if self.dataset.query else ""
        )
        text = f"{VERSION} {self.pipeline.catalogue.dataset_fingerprint(self.dataset.id)} {contents}"
        return hashlib.sha256(text.encode()).hexdigest()

    def run(self) -> LedgerRow:
        known = self.state.entry_fingerprint == self.fingerprint and self.state.state == "fetched"
        if known and not self.collection.force and self.state.release_query is not None:
            released = CONNECTED[self.collection.source].release(
                self.dataset, self.base_url, self.http, self.collection.limits, self.state.release_query
            )
            if released is not None and released == self.state.last_release:  # None: only fetching tells
                return self._unchanged(released, f"no release since {released:%Y-%m-%d}")
        reading = self._read()
        checksum = self._checksum()
        if known and checksum == self.state.canonical_sha256 and not reading.resolution.missing:
            return self._unchanged(reading.table.updated, "the source has a new date but the same figures")
        source_gate = check_source(reading, self.dataset)
        if source_gate.held_back:
            return self._quarantine([source_gate])
        frame = observations(reading.table, reading.resolution, all_preliminary=self.dataset.preliminary)
        value_gate = check_observations(frame, self.dataset, self._bounds(), reading.resolution)
        if value_gate.held_back:
            return self._quarantine([source_gate, value_gate])
        return self._store(reading, frame, checksum, [source_gate, value_gate])

    def _read(self) -> Reading:
        connector = CONNECTED[self.collection.source]
        connector.fetch(self.dataset, self.areas, self.base_url, self.http, self.collection.limits)
        parts = [(document, self.pipeline.raw.read(document.sha256)) for document in self.documents]
        found: Reading = connector.read(self.dataset, self.areas, parts)
        return found

    def _checksum(self) -> str:
        """The checksum of the content that matters of all data documents, whatever order they came in."""
        parts = sorted(
            canonical_checksum(self.pipeline.raw.read(document.sha256), document.content_type)
            for document in self.documents
            if document.kind == "data" and document.status == 200
        )
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def _bounds(self) -> dict[tuple[str, str] | str, tuple[float | None, float | None]]:
        """Bounds by content key, from the indicators that show the content as it is published."""
        bounds: dict[tuple[str, str] | str, tuple[float | None, float | None]] = {}
        for indicator in self.pipeline.catalogue.indicators_of(self.dataset.id):
            if indicator.formula is None or not is_plain(indicator.formula):
                continue
            (one,) = indicator.inputs.values()
            low, high = bounds.get(one.content, (indicator.valid_min, indicator.valid_max))
            bounds[one.content] = (
                _wider(min, low, indicator.valid_min),
                _wider(max, high, indicator.valid_max),
            )
        return bounds

    def _store(
        self, reading: Reading, frame: pd.DataFrame, checksum: str, gates: Sequence[GateReport]
    ) -> LedgerRow:
        recorded_at = max(document.fetched_at for document in self.documents)
        updated = reading.table.updated
        missing = [one for one in reading.resolution.missing if one.what != "area"]
        touched = self.pipeline.catalogue.indicators_of(self.dataset.id)
        lost = tuple(
            indicator.id
            for indicator in touched
            if any(
                reads(
                    one,
                    self.dataset.id,
                    content=gone.key if gone.what == "content" else None,
                    class_value=_class_value(gone.key) if gone.what == "class" else None,
                )
                for gone in missing
                for one in indicator.inputs.values()
            )
        )
        areas_lacking = [one.key for one in reading.resolution.missing if one.what == "area"]
        with writing(self.pipeline.engine) as connection:
            counts = store(
                connection,
                self.dataset.id,
                frame,
                run_id=self.collection.run_id,
                collection_id=self.collection_id,
                recorded_at=recorded_at,
                source_updated_at=updated,
                synthetic=self.collection.scope.synthetic,
            )
            derive(
                connection,
                self.pipeline.catalogue,
                [indicator for indicator in touched if indicator.id not in lost],
                run_id=self.collection.run_id,
                collection_id=self.collection_id,
                recorded_at=recorded_at,
                source_updated_at=updated,
                synthetic=self.collection.scope.synthetic,
            )
            cleared = clear_quarantine(
                connection, self.dataset.id, decided_at=utc_now(), reason="a later fetch passed the gates"
            )
            state: LedgerState = "fetched"
            notes = [f"{counts.new} new, {counts.revised} revised, {counts.same} the same"]
            if cleared:
                notes.append("quarantine cleared")
            if areas_lacking:
                notes.append(f"the table lacks the areas {', '.join(areas_lacking)}")
            notes.extend(
                f"warning: {check.rule}: saw {check.saw}" for gate in gates for check in gate.warnings
            )
            if missing:
                state = "failed"
                notes.insert(0, "; ".join(f"{one.what} {one.key}: {one.reason}" for one in missing))
                notes.insert(
                    1, f"no new figures for {', '.join(lost) or 'no indicator'}; all else was stored"
                )
            row = self._row(state, "; ".join(notes), counts, updated, lost)
            now = utc_now()
            newest = max(reading.resolution.periods)
            set_state(
                connection,
                self.dataset.id,
                state="fetched",
                release_query=release_query(reading.resolution),
                last_release=updated,
                last_fetch=now,
                last_checked=now,
                next_expected=next_expected(self.dataset, newest),
                late_after=late_after(self.dataset, newest),
                judged_on=self.collection.scope.today.get(self.dataset.id),
                last_error=row.message if state == "failed" else "",
                entry_fingerprint=""
                if missing
                else self.fingerprint,  # with something missing, look again each run
                canonical_sha256=checksum,
            )
            write_row(connection, row, recorded_at=now)
        return row

    def _unchanged(self, released: datetime | None, message: str) -> LedgerRow:
        now = utc_now()
        today = self.collection.scope.today.get(self.dataset.id, now.date())
        late = self.state.late_after is not None and self.state.late_after < today
        if late:
            message += f"; the next was expected by {self.state.next_expected}, it is late"
        row = self._row("late" if late else "unchanged", message, Counts(), released, ())
        with writing(self.pipeline.engine) as connection:
            set_state(connection, self.dataset.id, last_release=released, last_checked=now, last_error="")
            write_row(connection, row, recorded_at=now)
        return row

    def _quarantine(self, gates: Sequence[GateReport]) -> LedgerRow:
        reason = "; ".join(gate.reason for gate in gates if gate.held_back)
        row = self._row(
            "quarantined", f"{reason}; the last good figures are still served", Counts(), None, ()
        )
        now = utc_now()
        with writing(self.pipeline.engine) as connection:
            open_quarantine(
                connection,
                dataset_id=self.dataset.id,
                run_id=self.collection.run_id,
                collection_id=self.collection_id,
                reports=gates,
                opened_at=now,
            )
            set_state(
                connection, self.dataset.id, state="quarantined", last_checked=now, last_error=row.message
            )
            write_row(connection, row, recorded_at=now)
        return row

    def failed(self, message: str) -> LedgerRow:
        """Ends the dataset as failed; what was stored before is served on."""
        row = self._row("failed", message, Counts(), None, ())
        now = utc_now()
        with writing(self.pipeline.engine) as connection:
            set_state(connection, self.dataset.id, last_checked=now, last_error=message)
            write_row(connection, row, recorded_at=now)
        return row

    def _row(
        self,
        state: LedgerState,
        message: str,
        counts: Counts,
        released: datetime | None,
        lost: tuple[str, ...],
    ) -> LedgerRow:
        return LedgerRow(
            self.collection.run_id,
            self.dataset.id,
            state,
            message,
            counts,
            self.http.calls,
            time.monotonic() - self.started,
            released,
            lost,
        )


def _lacking(areas: Sequence[str], asked: int) -> str:
    shown = ", ".join(areas[:5]) + (" ..." if len(areas) > 5 else "")
    return f"the table has no figures for {len(areas)} of the {asked} areas asked ({shown})"


def _class_value(key: str) -> tuple[str, str]:
    name, _, value = key.partition("=")
    return name, value


def _wider(pick: object, one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    return min(one, other) if pick is min else max(one, other)
