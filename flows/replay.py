"""Replay: a warehouse built again from the raw store alone, offline, and compared with the one that was.

The raw store holds everything that happened, in order: each state of the catalogue, each collection, each decision of
a person, each filled form. Replaying applies them one after another through the same functions that applied them live.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from flows.adopt import adopt_kept
from flows.answers import apply_form
from flows.decisions import apply_decision, context_of, read_decision
from flows.ingest import ingest
from flows.pipeline import Pipeline
from flows.turn import DISCONTINUED
from models.document import Document
from warehouse import raw as raw_index
from warehouse.checksum import checksums
from warehouse.engine import reading, writing
from warehouse.errors import RawStoreError
from warehouse.ledger import set_state

log = logging.getLogger("mittaristo.replay")


@dataclass(frozen=True)
class Event:
    """Something that happened: the documents of one collection, one decision, one filled form, or one state of the
    catalogue."""

    at: datetime
    documents: tuple[Document, ...]

    @property
    def kind(self) -> str:
        """`catalogue`, `decision`, `form` or `collection`."""
        kind = self.documents[0].kind
        return kind if kind in ("catalogue", "decision", "form") else "collection"


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


@dataclass(frozen=True)
class Past:
    """What a warehouse went through, and what came of it: events in order, and each table's checksum."""

    events: tuple[Event, ...]
    checksums: dict[str, str]


def past_of(source: Pipeline) -> Past:
    """The past of a warehouse in which nothing is going on at the moment."""
    with reading(source.engine) as connection:
        return Past(tuple(events(source.raw.documents())), checksums(connection))


def replay(past: Past, target: Pipeline) -> Replayed:
    """Applies everything that happened to `target`'s empty warehouse, and compares what comes of it.

    `target` reads the raw store that `past` is of.
    """
    started = time.monotonic()
    current = target
    for event in past.events:
        with writing(target.engine) as connection:
            for document in event.documents:
                raw_index.index(connection, document)
            current = _apply(connection, current, event)
    with reading(target.engine) as connection:
        after = checksums(connection)
    return Replayed(len(past.events), time.monotonic() - started, past.checksums, after)


@contextmanager
def _refused_then_too(connection: Connection, document: Document) -> Iterator[None]:
    """Undoes what fails and goes on: it failed when it happened. Raises RawStoreError, after which nothing is sure."""
    try:
        with connection.begin_nested():
            yield
    except RawStoreError:
        raise
    except Exception as error:
        log.info("%s is not applied: %s: %s", document.collection_id, type(error).__name__, error)


def _apply(connection: Connection, pipeline: Pipeline, event: Event) -> Pipeline:
    document = event.documents[0]
    if event.kind == "catalogue":
        return adopt_kept(connection, pipeline, document)
    if event.kind == "decision":
        with _refused_then_too(connection, document):
            apply_decision(connection, pipeline, read_decision(pipeline, document))
        return pipeline
    if event.kind == "form":
        with _refused_then_too(connection, document):
            apply_form(connection, pipeline, document)
        return pipeline
    if not document.dataset_id:
        return pipeline  # what the source says of its limits
    for one in event.documents:
        if one.kind == "notice" and pipeline.raw.read(one.sha256) == DISCONTINUED:
            set_state(connection, one.dataset_id, state="discontinued")
            return pipeline
    if any(one.kind == "data" for one in event.documents):
        with _refused_then_too(connection, document):
            context = context_of(connection, pipeline, document.dataset_id, document.collection_id)
            ingest(connection, context, raw_index.indexed(connection, collection_id=document.collection_id))
    return pipeline
