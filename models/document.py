"""Documents: the bytes as they came and what is known of their coming."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DocumentKind = Literal[
    "config", "metadata", "release", "data", "listing", "form", "decision", "catalogue", "notice"
]


MADE_UP = "Mittaristo-Made-Up"  # the header by which a stand-in marks figures that are no source's


@dataclass(frozen=True)
class Answer:
    """One answer of a source, good or bad.

    Times are aware UTC; `status` 0 means that none came (see `error`).
    """

    source: str
    dataset_id: str  # '' where it belongs to no dataset (config, listings)
    kind: DocumentKind
    method: str
    url: str
    request_body: bytes
    status: int
    content_type: str
    body: bytes
    asked_at: datetime
    fetched_at: datetime
    error: str = ""


@dataclass(frozen=True)
class Document:
    """An answer as the raw store keeps it: everything but the bytes, which `sha256` finds."""

    document_id: str
    collection_id: str  # the collection (one dataset in one run) it belongs to
    run_id: str
    source: str
    dataset_id: str
    kind: DocumentKind
    method: str
    url: str
    request_body: str
    status: int
    content_type: str
    asked_at: datetime
    fetched_at: datetime
    error: str
    sha256: str
    size: int


def document_of(
    answer: Answer, *, document_id: str = "", collection_id: str = "", run_id: str = "", sha256: str = ""
) -> Document:
    """What a store keeps of `answer` beside its bytes; a request that is no UTF-8 with its bytes written out."""
    return Document(
        document_id=document_id,
        collection_id=collection_id,
        run_id=run_id,
        source=answer.source,
        dataset_id=answer.dataset_id,
        kind=answer.kind,
        method=answer.method,
        url=answer.url,
        request_body=answer.request_body.decode("utf-8", "backslashreplace"),
        status=answer.status,
        content_type=answer.content_type,
        asked_at=answer.asked_at,
        fetched_at=answer.fetched_at,
        error=answer.error,
        sha256=sha256,
        size=len(answer.body),
    )


def as_documents(answers: Iterable[Answer]) -> list[tuple[Document, bytes]]:
    """The answers as a store would hand them back, where nobody keeps them."""
    return [
        (document_of(answer, document_id=str(number)), answer.body)
        for number, answer in enumerate(answers, start=1)
    ]
