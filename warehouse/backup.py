"""Backing up the warehouse, with its raw store, into one file while others work.

The database is read in one state. The raw store comes after it and is only ever added to, so that every document that
the database knows is in the backup too.
"""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from models.errors import ConfigurationError
from warehouse import pg_programs, tables
from warehouse.archive import DUMP, RAW, SQLITE_COPY, Manifest, Writing, writing_archive
from warehouse.checksum import TableSum, table_sums
from warehouse.engine import open_engine, reading
from warehouse.errors import WarehouseError
from warehouse.revision import check_revision, revision_of
from warehouse.times import time_text

_PIECE = 1 << 20


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds. `missing` are bytes of documents, by SHA-256, that are damaged or not there to be held."""

    rows: int
    tables: int
    documents: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Copied:
    """What of the database is in the backup: its tables, and the bytes that its documents have."""

    schema: str
    sums: Mapping[str, TableSum]
    named: Collection[str]


def back_up(
    url: str, file: Path, *, raw: Path | None, program: str, made_at: datetime, overwrite: bool = False
) -> BackedUp:
    """Writes the warehouse at `url`, and the raw store in the folder `raw` (None leaves it out), to `file`.

    Others may read and write meanwhile. `file` is there once it is whole. Raises ConfigurationError where there is no
    warehouse or the file is there already, WarehouseError where the database is damaged or does not answer.
    """
    with _existing(url) as engine, writing_archive(file, overwrite=overwrite) as archive:
        with reading(engine) as connection:
            revision = _revision(connection)
        sqlite = engine.dialect.name == "sqlite"
        copied = _copy_sqlite(engine, file, archive) if sqlite else _dump_postgresql(engine, archive)
        documents, missing = (0, ()) if raw is None else _add_raw(archive, raw, copied.named)
        archive.finish(
            Manifest(
                made_at=time_text(made_at),
                program=program,
                database=engine.dialect.name,
                schema=copied.schema,
                revision=revision,
                with_raw=raw is not None,
                tables=copied.sums,
            )
        )
    return BackedUp(sum(one.rows for one in copied.sums.values()), len(copied.sums), documents, missing)


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite database; None for another kind, and for what is no address."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def _existing(url: str) -> Iterator[Engine]:
    """The database opened; an SQLite file that is not there is not made."""
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise ConfigurationError(
            f"there is no warehouse {path}; check MITTARISTO_HOME and MITTARISTO_DATABASE_URL"
        )
    engine = open_engine(url)
    try:
        yield engine
    except DBAPIError as error:
        raise _cannot(engine, str(error.orig)) from error
    finally:
        engine.dispose()


def _cannot(engine: Engine, reason: str) -> WarehouseError:
    shown, told = engine.url.render_as_string(hide_password=True), reason.strip().splitlines()[0]
    return WarehouseError(
        f"the database {shown} cannot be backed up: {told}; no backup was made, a damaged one is restored from the last"
    )


def _revision(connection: Connection) -> str:
    shown = connection.engine.url.render_as_string(hide_password=True)
    revision = revision_of(connection)
    if not revision:
        raise ConfigurationError(f"the database {shown} holds no warehouse; check MITTARISTO_DATABASE_URL")
    check_revision(revision, f"the database {shown}")
    return revision


def _copy_sqlite(engine: Engine, file: Path, archive: Writing) -> _Copied:
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
        copy = Path(folder) / SQLITE_COPY
        try:
            with engine.connect() as connection, closing(sqlite3.connect(copy)) as target:
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)  # noqa: S101
                driver.backup(target)  # in one step: one state of it, and with its WAL no writer has to wait
                found = [str(row[0]) for row in target.execute("PRAGMA integrity_check(1)")]
                target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            found = [str(error)]
        if found != ["ok"]:
            raise _cannot(engine, found[0])
        copied = open_engine(f"sqlite:///{copy}")
        try:
            with reading(copied) as connection:
                sums, named = table_sums(connection), _named(connection)
        finally:
            copied.dispose()
        with copy.open("rb") as content:
            archive.add(SQLITE_COPY, iter(lambda: content.read(_PIECE), b""), packed=False)
    return _Copied("", sums, named)


def _dump_postgresql(engine: Engine, archive: Writing) -> _Copied:
    with reading(engine) as connection:
        schema = str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
        names = sorted(inspect(connection).get_table_names())
        archive.add(DUMP, pg_programs.dump(connection, names), packed=True)
        return _Copied(schema, table_sums(connection), _named(connection))


def _named(connection: Connection) -> set[str]:
    return set(connection.execute(select(tables.table_of(tables.Document).c.sha256)).scalars())


def _add_raw(archive: Writing, raw: Path, named: Collection[str]) -> tuple[int, tuple[str, ...]]:
    """The raw store, but for damaged objects; how many documents, and which objects are damaged or not there."""
    # Bytes are kept before their sidecar: those of every sidecar that is seen now are there.
    sidecars = sorted(raw.glob("documents/*/[0-9]*/[0-9]*/*.json"))
    whole, damaged = set(), set()
    for path in sorted(raw.glob("objects/[0-9a-f][0-9a-f]/*.gz")):
        body, sha256 = path.read_bytes(), path.name.removesuffix(".gz")
        if not _is_whole(body, sha256):
            damaged.add(sha256)
            continue
        whole.add(sha256)
        archive.add(RAW + path.relative_to(raw).as_posix(), [body], packed=True)
    for path in sidecars:
        archive.add(RAW + path.relative_to(raw).as_posix(), [path.read_bytes()], packed=False)
    return len(sidecars), tuple(sorted(damaged | (set(named) - whole)))


def _is_whole(body: bytes, sha256: str) -> bool:
    try:
        return hashlib.sha256(gzip.decompress(body)).hexdigest() == sha256
    except (OSError, EOFError, zlib.error):
        return False
