"""The raw store: every answer as it came, kept for ever, found by the checksum of its bytes.

    objects/ab/<sha256>.gz                          the bytes, once, however often they came
    documents/<source>/<year>/<month>/<id>.json     one sidecar an answer: from where, when, in which run

Bytes are written before their sidecar, each to a temporary file that is then renamed: what can be seen is
whole. The index in the database can always be made again from the sidecars.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, Engine, delete, select

from models.document import Answer, Document, document_of
from models.errors import printable
from warehouse import tables
from warehouse.engine import writing
from warehouse.errors import RawStoreError
from warehouse.times import as_utc
from warehouse.whole_file import sync_folder, write_new, write_whole

_SOURCE = re.compile(r"[a-z][a-z0-9_]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_BATCH = 1000


class RawStore:
    """The documents under one folder, which is made when first written to; readable by its owner only."""

    def __init__(self, root: Path) -> None:
        """`root` is the store's own folder."""
        self.root = root

    def keep(self, answer: Answer, run_id: str, collection_id: str) -> Document:
        """Keeps the answer's bytes and its sidecar on disk, in this order, and gives the document.

        No request or response headers are kept, nor a user name or password in the address. Raises
        RawStoreError when the disk refuses.
        """
        if not _SOURCE.match(answer.source):
            raise RawStoreError(f"'{answer.source}' cannot be the name of a source's folder")
        sha256 = hashlib.sha256(answer.body).hexdigest()
        described = document_of(
            answer,
            document_id=f"{_moment(answer.fetched_at)}Z-{answer.kind}-{sha256[:8]}",
            collection_id=collection_id,
            run_id=run_id,
            sha256=sha256,
        )
        document = replace(
            described,
            url=_without_credentials(answer.url),
            asked_at=as_utc(answer.asked_at),
            fetched_at=as_utc(answer.fetched_at),
        )
        try:
            self._keep_bytes(sha256, answer.body)
            return self._keep_sidecar(document)
        except OSError as error:
            raise RawStoreError(
                f"the answer of {document.url} cannot be kept under {self.root}: {error.strerror}; "
                "make room or give write access"
            ) from error

    def read(self, sha256: str) -> bytes:
        """The bytes with that checksum. Raises RawStoreError when they are missing or damaged."""
        path = self._object(sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except FileNotFoundError as error:
            raise RawStoreError(f"the kept bytes {path} are missing; restore them from a backup") from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise RawStoreError(f"the kept bytes {path} are damaged ({error}); restore them") from error
        except OSError as error:  # they may be as they should: nobody is told to restore them
            raise RawStoreError(
                f"the kept bytes {path} cannot be read ({error.strerror}); try again, or look at the disk"
            ) from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise RawStoreError(f"the kept bytes {path} are damaged (other checksum); restore them")
        return body

    def documents(
        self,
        source: str | None = None,
        dataset_id: str | None = None,
        collection_id: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[Document]:
        """The documents, read from the sidecars: source by source, each by time. Raises RawStoreError.

        `since` leaves out what came before it, without opening the sidecars of it.
        """
        top = self.root / "documents"
        if not top.is_dir():
            return
        for folder in sorted(one for one in top.iterdir() if one.is_dir()):
            if source is not None and folder.name != source:
                continue
            for path in _sidecars(folder, since):
                if since is not None and path.name[: len(_moment(since))] < _moment(since):
                    continue
                document = _read_sidecar(path)
                if since is not None and document.fetched_at < since:
                    continue
                if dataset_id is not None and document.dataset_id != dataset_id:
                    continue
                if collection_id is not None and document.collection_id != collection_id:
                    continue
                yield document

    def remove_leftovers(self, older_than_seconds: float = 3600) -> int:
        """Removes temporary files that an interrupted write left behind; how many. They are never read."""
        left = [
            path
            for path in self.root.rglob(".*.tmp")
            if time.time() - path.stat().st_mtime >= older_than_seconds
        ]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _object(self, sha256: str) -> Path:
        if not _SHA256.match(sha256):
            raise RawStoreError(f"'{sha256[:80]}' is no SHA-256 checksum")
        return self.root / "objects" / sha256[:2] / f"{sha256}.gz"

    def _keep_bytes(self, sha256: str, body: bytes) -> None:
        path = self._object(sha256)
        if path.exists():
            try:
                self.read(sha256)
                return
            except RawStoreError:
                pass  # the same bytes came again: they mend what was damaged
        _make_folder(path.parent)
        write_whole(path, gzip.compress(body, mtime=0))

    def _keep_sidecar(self, document: Document) -> Document:
        folder = self.root / "documents" / document.source / f"{document.fetched_at:%Y}"
        folder = folder / f"{document.fetched_at:%m}"
        _make_folder(folder)
        number, first = 1, document.document_id
        while True:
            path = folder / f"{document.document_id}.json"
            if write_new(path, _sidecar(document)):
                return document
            number += 1
            document = replace(document, document_id=f"{first}-{number}")


def index(connection: Connection, document: Document) -> None:
    """Adds the document to the index; again is harmless."""
    _add(connection, [document])


def indexed(
    connection: Connection,
    *,
    collection_id: str | None = None,
    dataset_id: str | None = None,
    after: datetime | None = None,
) -> list[Document]:
    """The documents of the index, by the time they came; of one collection or dataset, or after a time, where asked."""
    table = tables.table_of(tables.Document)
    query = select(table).order_by(table.c.fetched_at, table.c.document_id)
    if collection_id is not None:
        query = query.where(table.c.collection_id == collection_id)
    if dataset_id is not None:
        query = query.where(table.c.dataset_id == dataset_id)
    if after is not None:
        query = query.where(table.c.fetched_at > after)
    return [Document(**row) for row in connection.execute(query).mappings()]


def not_indexed(connection: Connection, documents: Iterable[Document]) -> list[Document]:
    """Those of `documents` that the index does not have, in their order."""
    table = tables.table_of(tables.Document)
    given = list(documents)
    known: set[str] = set()
    for start in range(0, len(given), _BATCH):
        ids = [one.document_id for one in given[start : start + _BATCH]]
        known.update(
            connection.execute(select(table.c.document_id).where(table.c.document_id.in_(ids))).scalars()
        )
    return [one for one in given if one.document_id not in known]


def rebuild_index(engine: Engine, raw: RawStore) -> int:
    """Makes the index again from the sidecars, in one transaction; how many documents it has."""
    raw.remove_leftovers()
    count, batch = 0, []
    with writing(engine) as connection:
        connection.execute(delete(tables.table_of(tables.Document)))
        for document in raw.documents():
            batch.append(document)
            count += 1
            if len(batch) == _BATCH:
                _add(connection, batch)
                batch = []
        if batch:
            _add(connection, batch)
    return count


def _add(connection: Connection, documents: list[Document]) -> None:
    table = tables.table_of(tables.Document)
    insert = tables.inserting(connection, table).on_conflict_do_nothing()
    connection.execute(insert, [asdict(one) for one in documents])


def _moment(moment: datetime) -> str:
    """How the id of a document that came then begins."""
    return f"{as_utc(moment):%Y%m%dT%H%M%S.%f}"


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _sidecars(folder: Path, since: datetime | None) -> Iterator[Path]:
    """The sidecars of one source by time; months before that of `since` are not even listed."""
    first = ("", "") if since is None else (f"{as_utc(since):%Y}", f"{as_utc(since):%m}")
    for month in sorted(folder.glob("[0-9]*/[0-9]*")):
        if (month.parent.name, month.name) >= first:
            yield from sorted(month.glob("[0-9]*.json"))


def _sidecar(document: Document) -> bytes:
    plain = {
        name: one.isoformat() if isinstance(one, datetime) else one for name, one in asdict(document).items()
    }
    return (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode()


def _read_sidecar(path: Path) -> Document:
    try:
        plain: Mapping[str, Any] = json.loads(path.read_bytes())
        values = {one.name: plain[one.name] for one in fields(Document)}
        for name, value in values.items():
            if not isinstance(value, int if name in ("status", "size") else str):
                raise TypeError(f"{name} is {type(value).__name__}")
        for name in ("asked_at", "fetched_at"):
            values[name] = as_utc(datetime.fromisoformat(values[name]))
        return Document(**values)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = printable(repr(error)[:200])
        raise RawStoreError(f"the sidecar {path} cannot be read ({reason}); restore it") from error


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        sync_folder(one.parent)
