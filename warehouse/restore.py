"""Restoring a backup into an empty place: everything is looked at before anything is made, and compared afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from models.errors import ConfigurationError
from warehouse import pg_programs
from warehouse.archive import DUMP, RAW, SQLITE_COPY, Manifest, Reading, reading_archive
from warehouse.backup import sqlite_path
from warehouse.checksum import table_sums
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.errors import WarehouseError
from warehouse.revision import check_revision
from warehouse.whole_file import leftovers, sync_folder, unfinished

_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite puts beside its file


@dataclass(frozen=True)
class Restored:
    """What was restored, equal to what was backed up; then its schema was brought from `revision` to the program's."""

    made_at: datetime
    revision: str
    rows: int
    tables: int
    documents: int


def restore(url: str, file: Path, *, raw: Path | None) -> Restored:
    """Puts the backup `file` into the database at `url`, and its raw store into the folder `raw` (None leaves it out).

    Both must be empty. Raises ConfigurationError where the file is no whole backup, is of another kind of database or
    of a newer version, or the place is not empty; WarehouseError where what came of it is not what was backed up. In
    each case nothing is made.
    """
    path = sqlite_path(url)
    with reading_archive(file) as archive:
        manifest = archive.manifest
        check_revision(manifest.revision, f"the backup {file}")
        if (manifest.database == "sqlite") != (path is not None):
            raise ConfigurationError(
                f"the backup {file} is of {manifest.database}, and MITTARISTO_DATABASE_URL names another kind; restore "
                "it to its own kind (mittaristo db move brings SQLite to PostgreSQL)"
            )
        with _raw_store(archive, file, raw):
            if path is not None:
                _restore_sqlite(path, archive)
            else:
                _restore_postgresql(url, archive)
        documents = 0 if raw is None else sum(one.endswith(".json") for one in archive.raw_files())
    sums = manifest.tables.values()
    made_at = datetime.fromisoformat(manifest.made_at)
    return Restored(made_at, manifest.revision, sum(one.rows for one in sums), len(sums), documents)


def check_empty(connection: Connection) -> None:
    """Raises ConfigurationError where the connection's schema holds anything but parts of extensions."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master ORDER BY name LIMIT 1"
    else:
        query = """
            SELECT c.relname FROM pg_class c
            WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
              AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
            ORDER BY c.relname LIMIT 1"""
    found = connection.execute(text(query)).scalar()
    if found is not None:
        shown = connection.engine.url.render_as_string(hide_password=True)
        raise ConfigurationError(
            f"the database {shown} is not empty (it has '{found}'), and nothing in it is replaced; name an empty one, "
            "or move this one away"
        )


def _check_equal(connection: Connection, manifest: Manifest) -> None:
    found = table_sums(connection)
    if other := sorted(
        name for name in found.keys() | manifest.tables.keys() if found.get(name) != manifest.tables.get(name)
    ):
        raise WarehouseError(
            f"what was restored is not what was backed up in {', '.join(other)}; nothing was kept of it, take another "
            "backup"
        )


# --- each kind of database ----------------------------------------------------------------------------------


def _restore_sqlite(path: Path, archive: Reading) -> None:
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {path.parent} to restore into; make it, or check MITTARISTO_HOME"
        )
    _check_empty_file(path)
    draft = unfinished(path)
    try:
        for left in leftovers(path):
            for suffix in ("", *_BESIDE):
                Path(f"{left}{suffix}").unlink(missing_ok=True)
        _write(draft, archive.pieces(SQLITE_COPY))
        engine = open_engine(_address(draft))
        try:
            with reading(engine) as connection:
                _check_equal(connection, archive.manifest)
            upgrade(engine)
        finally:
            engine.dispose()
        with closing(sqlite3.connect(draft)) as connection:  # so that all of it is in the one file
            connection.execute("PRAGMA journal_mode=DELETE")
        _sync(draft)
        for suffix in _BESIDE:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _disk_error(path, error) from error
    finally:
        for suffix in ("", *_BESIDE):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)


def _check_empty_file(path: Path) -> None:
    if path.exists():
        engine = open_engine(_address(path))
        try:
            with reading(engine) as connection:
                check_empty(connection)
        finally:
            engine.dispose()
    elif left := [f"{path.name}{suffix}" for suffix in _BESIDE if Path(f"{path}{suffix}").exists()]:
        raise ConfigurationError(
            f"{path.parent} still has {', '.join(left)} of a database that is gone, which may hold its last figures; "
            "move it away"
        )


def _restore_postgresql(url: str, archive: Reading) -> None:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            with connection.begin():
                check_empty(connection)
                schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
            if schema != archive.manifest.schema:
                raise ConfigurationError(
                    f"the backup's tables are in schema {archive.manifest.schema}, and this database's connection "
                    f"is in {schema}; set its search_path"
                )
            pg_programs.restore_dump(connection, archive.pieces(DUMP))
        try:
            with reading(engine) as connection:
                _check_equal(connection, archive.manifest)
        except WarehouseError:
            with writing(
                engine
            ) as connection:  # it was empty: all there is was just made; parts go with the whole
                quote = connection.dialect.identifier_preparer.quote
                for name in inspect(connection).get_table_names():
                    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {quote(name)} CASCADE")
            raise
        with writing(engine) as connection:  # a dump has no views: they are made anew
            connection.execute(text("DELETE FROM marker WHERE name = 'views'"))
        upgrade(engine)
    finally:
        engine.dispose()


@contextmanager
def _raw_store(archive: Reading, file: Path, raw: Path | None) -> Iterator[None]:
    """The raw store, unpacked beside its place; it takes it when the block ends well."""
    if raw is None:
        yield
        return
    if not archive.manifest.with_raw:
        raise ConfigurationError(
            f"the backup {file} is without the raw store; restore the database alone with --without-raw, and copy the "
            "raw store back by itself"
        )
    if raw.exists() and any(raw.iterdir()):
        raise ConfigurationError(
            f"the raw store {raw} is not empty, and nothing in it is replaced; move it away, or restore the database "
            "alone with --without-raw"
        )
    draft = unfinished(raw)
    try:
        for left in leftovers(raw):  # of a restore that was killed, with people's answers in it
            shutil.rmtree(left)
        draft.mkdir(mode=0o700)
        for name in archive.raw_files():
            target = draft / name.removeprefix(RAW)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, archive.pieces(name))
        yield
        draft.replace(raw)
        sync_folder(raw.parent)
    except OSError as error:
        raise _disk_error(raw, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _address(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()


def _disk_error(path: Path, error: OSError) -> WarehouseError:
    return WarehouseError(
        f"{path} cannot be restored: {error.strerror or error}; make room or give write access, nothing was kept"
    )
