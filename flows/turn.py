"""The order in which things happen, kept in the raw store, so that a replay can follow it.

A replay applies collections, decisions and states of the catalogue by the time of their newest document. Where this is
not the order in which they were applied (the clock was set back, sources were collected side by side, a crash was
mended late) a notice says when it really was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from flows.pipeline import Pipeline, utc_now
from models.document import Answer, Document
from warehouse import raw as raw_index
from warehouse.turn import take_turn

APPLIED, DISCONTINUED = b"applied", b"discontinued"
_STEP = timedelta(microseconds=1)


def next_moment(connection: Connection) -> datetime:
    """Takes the turn; the time, but later than that of everything that was applied before."""
    before = take_turn(connection)
    return utc_now() if before is None else max(utc_now(), before + _STEP)


def in_turn(connection: Connection, pipeline: Pipeline, collection_id: str) -> list[Document]:
    """Takes the turn; the kept documents of a collection, the newest of them later than all that was applied before."""
    before = take_turn(connection)
    documents = raw_index.indexed(connection, collection_id=collection_id)
    if documents and before is not None and documents[-1].fetched_at <= before:
        documents.append(keep_notice(connection, pipeline, documents[-1], APPLIED, before + _STEP))
    return documents


def settle(connection: Connection, pipeline: Pipeline, document: Document) -> bool:
    """Takes the turn for a kept decision or state of the catalogue; whether it is still to be applied.

    In the index are those that were. This one is from now on, and its time is later than all that was applied before.
    """
    take_turn(connection)
    if not raw_index.not_indexed(connection, [document]):
        return False  # another process was faster
    raw_index.index(connection, document)
    in_turn(connection, pipeline, document.collection_id)
    return True


def keep_notice(
    connection: Connection, pipeline: Pipeline, beside: Document, what: bytes, at: datetime
) -> Document:
    """Keeps that `what` happened at that time to the collection of `beside`."""
    answer = Answer(
        source=beside.source,
        dataset_id=beside.dataset_id,
        kind="notice",
        method="",
        url="",
        request_body=b"",
        status=200,
        content_type="text/plain",
        body=what,
        asked_at=at,
        fetched_at=at,
    )
    document = pipeline.raw.keep(answer, run_id=beside.run_id, collection_id=beside.collection_id)
    raw_index.index(connection, document)
    return document
