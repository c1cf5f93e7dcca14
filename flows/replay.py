"""Replay: a warehouse built again from the raw store alone, offline, and compared with the one that was.

The raw store holds everything that happened, in order: each state of the catalogue, each collection, each decision of
a person. Replaying applies them one after another through the same functions that applied them live.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from flows.adopt import adopt_kept
from flows.decisions import apply_decision, context_of, read_decision
from flows.ingest import ingest
from flows.pipeline import Pipeline
from models.document import Document
from models.errors import MittaristoError
from warehouse import raw as raw_index
from warehouse.checksum import checksums
from warehouse.engine import reading, writing


@dataclass(frozen=True)
class Event:
    """Something that happened: the documents of one collection, one decision, or one state of the catalogue."""

    at: datetime
    documents: tuple[Document, ...]

    @property
    def kind(self) -> str:
        """`catalogue`, `decision` or `collection`."""
        kind = self.documents[0].kind
        return kind if kind in ("catalogue", "decision") else "collection"


@dataclass(frozen=True)
class Replayed:
    """What a replay did: events applied, seconds, and each table's checksum there and here."""

    events: int
    seconds: float
    before: dict[str, str]
    after: dict[str, str]

    @property
    def different(self) -> tuple[str, ...]:
        """The tables whose content differs; () means that the warehouses are identical."""
        names = sorted(self.before.keys() | self.after.keys())
        return tuple(name for name in names if self.before.get(name) != self.after.get(name))


def events(documents: Iterable[Document]) -> list[Event]:
    """The documents gathered into events, in the order in which these were applied."""
    ordered = sorted(documents, key=lambda one: (one.collection_id, one.fetched_at, one.document_id))
    found = []
    for _, group in groupby(ordered, key=lambda one: one.collection_id):
        parts = tuple(group)
        found.append(Event(max(one.fetched_at for one in parts), parts))
    return sorted(found, key=lambda one: (one.at, one.documents[0].collection_id))


def replay(source: Pipeline, target: Pipeline) -> Replayed:
    """Applies everything in `source`'s raw store to `target`'s empty warehouse and compares the two."""
    started = time.monotonic()
    happened = events(source.raw.documents())
    current = target
    for event in happened:
        with writing(target.engine) as connection:
            for document in event.documents:
                raw_index.index(connection, document)
            current = _apply(connection, current, event)
    with reading(source.engine) as connection:
        before = checksums(connection)
    with reading(target.engine) as connection:
        after = checksums(connection)
    return Replayed(len(happened), time.monotonic() - started, before, after)


def _apply(connection: Connection, pipeline: Pipeline, event: Event) -> Pipeline:
    document = event.documents[0]
    if event.kind == "catalogue":
        return adopt_kept(connection, pipeline, document)
    if event.kind == "decision":
        with suppress(MittaristoError), connection.begin_nested():  # it was refused then, too
            apply_decision(connection, pipeline, read_decision(pipeline, document))
        return pipeline
    if document.dataset_id and any(one.kind == "data" for one in event.documents):
        with suppress(MittaristoError), connection.begin_nested():  # it could not be read then, too
            context = context_of(connection, pipeline, document.dataset_id, document.collection_id)
            ingest(connection, context, event.documents)
    return pipeline
