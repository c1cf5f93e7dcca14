"""Going on where a fetch of many calls was cut off: what was kept of it lately is not asked again.

Kept answers are taken only where nothing was released since their table was described; a collection that they do not
make whole is fetched anew from its beginning (flows.collect).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connectors.http import Http
from models.document import Answer, Document
from warehouse import raw as raw_index
from warehouse.ledger import rows_of, state_of

FRESH = timedelta(hours=12)  # what was kept longer ago is asked again
_KINDS = frozenset({"metadata", "listing", "data"})


@dataclass(frozen=True)
class Request:
    """What tells one request from another."""

    method: str
    url: str
    body: str = ""


def kept_lately(connection: Connection, dataset_id: str, now: datetime) -> dict[Request, Document]:
    """The good answers, by their requests, that came in the last FRESH for a PxWeb dataset and went into nothing yet.

    Those of a collection that was stored, or held back, are not among them; nor is what was asked before the newest
    description of the table.
    """
    stored, oldest = state_of(connection, dataset_id).last_fetch, now - FRESH
    good = [
        one
        for one in raw_index.indexed(connection, dataset_id=dataset_id, after=max(stored or oldest, oldest))
        if one.kind in _KINDS and one.status == 200 and not one.error
    ]
    settled = {
        run_id
        for run_id in {one.run_id for one in good}
        for row in rows_of(connection, run_id)
        if row.dataset_id == dataset_id and row.state != "failed"
    }
    waiting = [one for one in good if one.run_id not in settled]
    described = max((one.asked_at for one in waiting if one.kind == "metadata"), default=None)
    return {
        Request(one.method, one.url, one.request_body): one
        for one in waiting
        if described is not None and (one.kind != "data" or one.asked_at >= described)
    }


class ResumingHttp(Http):
    """A session that first looks among `kept`; what it finds there is kept again as an answer of this collection."""

    def __init__(
        self, kept: Mapping[Request, Document], read: Callable[[str], bytes], **session: Any
    ) -> None:
        """`read` gives the bytes with a checksum; `session` is what Http takes."""
        super().__init__(**session)
        self._kept = dict(kept)
        self._read = read
        self._taken: list[Document] = []

    @property
    def has_taken(self) -> bool:
        """Whether any answer was a kept one."""
        return bool(self._taken)

    def is_outdated(self, released_at: datetime | None) -> bool:
        """Whether a release came after the first of the kept answers that were taken was asked."""
        return released_at is not None and any(released_at > one.asked_at for one in self._taken)

    def forget(self) -> None:
        """From now on everything is asked of the source."""
        self._kept.clear()
        self._taken.clear()

    def send(self, **asked: Any) -> Answer:
        """As Http.send, whose arguments it takes; without a call where the answer is among the kept ones."""
        body: bytes = asked.get("body", b"")
        document = self._kept.get(
            Request(asked["method"], asked["url"], body.decode("utf-8", "backslashreplace"))
        )
        if document is None:
            return super().send(**asked)
        answer = Answer(
            source=document.source,
            dataset_id=document.dataset_id,
            kind=document.kind,
            method=document.method,
            url=document.url,
            request_body=body,
            status=document.status,
            content_type=document.content_type,
            body=self._read(document.sha256),
            asked_at=document.asked_at,
            fetched_at=document.fetched_at,
        )
        self._keep(answer)
        self._taken.append(document)
        return answer
