"""Documents: the bytes as they came and what is known of their coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DocumentKind = Literal[
    "config", "metadata", "release", "data", "listing", "form", "decision", "catalogue", "notice"
]


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
