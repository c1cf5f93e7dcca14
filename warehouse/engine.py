"""The database: opening it, its transactions, and bringing its schema up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, ProgrammingError

from models.errors import ConfigurationError
from warehouse.errors import WarehouseError
from warehouse.revision import check_revision, known_revisions, migrate, revision_of
from warehouse.view_grants import keeping_grants
from warehouse.views import create_views, drop_views, views_checksum

BUSY_SECONDS = 60  # how long a writer waits for another before it gives up
OLDEST_SQLITE = (3, 35, 0)  # UPDATE ... FROM and RETURNING
OLDEST_POSTGRESQL = (13,)
# What PostgreSQL says when a table cannot change under a view, or a view cannot be replaced by another.
_VIEWS_IN_THE_WAY = (
    "2BP01",  # dependent_objects_still_exist
    "0A000",  # feature_not_supported: the type of a column used by a view
    "42P16",  # invalid_table_definition: the view's columns are others
)
_UPGRADE_KEY = 7_203_214_411  # of the PostgreSQL advisory lock under which one process at a time upgrades
_MAY_NOT = "42501"  # PostgreSQL: insufficient_privilege


def open_engine(url: str) -> Engine:
    """An engine for `url` (sqlite:///file or postgresql://...), tried out once.

    Raises ConfigurationError, one line, when the database is of no supported kind, or cannot be reached or
    read.
    """
    parsed = _parsed(url)
    shown = parsed.render_as_string(hide_password=True)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        with engine.connect() as connection:
            version = connection.dialect.server_version_info or ()
            connection.execute(
                text("SELECT count(*) FROM sqlite_master" if engine.dialect.name == "sqlite" else "SELECT 1")
            )
    except (DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        raise ConfigurationError(
            f"the database {shown} cannot be used: {_reason(error)}; "
            "check MITTARISTO_DATABASE_URL and that the database is running and may be written"
        ) from error
    if engine.dialect.name == "postgresql" and version < OLDEST_POSTGRESQL:
        engine.dispose()
        raise ConfigurationError(
            f"the database {shown} is PostgreSQL {'.'.join(map(str, version))}; use 13 or newer"
        )
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, undone by an exception.

    On SQLite it takes the write lock at its beginning: one that takes it only at its first change may find
    that what it read has moved. Raises WarehouseError when the database does not answer, or is busy for more
    than BUSY_SECONDS.
    """
    with _answered(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execution_options(immediate=True)
        with connection.begin():
            yield connection
        shrink(connection)


def shrink(connection: Connection) -> None:
    """Gives back what SQLite has cached of the database for this connection: up to 64 MB after a large load."""
    if connection.dialect.name == "sqlite":
        _pragma(connection, "shrink_memory")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads: one and the same state of the database from its first query to its last."""
    with _answered(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def upgrade(engine: Engine) -> None:
    """Brings schema and views up to date; does nothing, and writes nothing, when they are.

    Safe when several processes start at once. Raises ConfigurationError for a database that a newer program
    has made.
    """
    with reading(engine) as connection:
        if _is_current(connection):
            return
    with _answered(engine), engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            # A batch migration copies a table and drops the old one; enforced foreign keys would refuse that.
            _pragma(connection, "foreign_keys=OFF")
            connection.execution_options(immediate=True)
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_KEY})
                if _is_current(connection):  # another process was faster
                    return
                if sqlite:
                    drop_views(connection)
                    _migrate(connection)
                else:
                    _migrate_under_views(connection)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") != _MAY_NOT:
                raise
            shown = engine.url.render_as_string(hide_password=True)
            raise ConfigurationError(
                f"the warehouse {shown} is of an older version, and this role may not change its tables; "
                "run `mittaristo db upgrade` as its owner"
            ) from error
        finally:
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def _migrate(connection: Connection) -> None:
    migrate(connection, known_revisions()[-1])
    create_views(connection)
    _mark_views(connection)


def _migrate_under_views(connection: Connection) -> None:
    """On PostgreSQL: the views are replaced where they stand, so that what others built on them stays.

    Where tables or views change so much that this cannot be, the views are dropped and made anew with their grants.
    """
    try:
        with connection.begin_nested():
            _migrate(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _VIEWS_IN_THE_WAY:
            raise
        with keeping_grants(connection):
            drop_views(connection)
            _migrate(connection)


def open_existing(url: str) -> Engine:
    """An engine for a warehouse that is there and is of this program's version; nothing is made or changed.

    Raises ConfigurationError, one line, where it is not.
    """
    parsed = _parsed(url)
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).is_file()):
        raise ConfigurationError(
            f"there is no warehouse at {shown}; `mittaristo run` or `mittaristo up` makes it, or check MITTARISTO_HOME"
        )
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            if _is_current(connection):
                return engine
    except BaseException:
        engine.dispose()
        raise
    engine.dispose()
    raise ConfigurationError(f"the warehouse {shown} is of an older version; run `mittaristo db upgrade`")


def _is_current(connection: Connection) -> bool:
    revision = revision_of(connection)
    if not revision:
        return False
    check_revision(revision, f"the database {connection.engine.url.render_as_string(hide_password=True)}")
    if revision != known_revisions()[-1]:
        return False
    views = connection.execute(text("SELECT value FROM marker WHERE name = 'views'")).scalar()
    return bool(views == views_checksum(connection.dialect.name))


def _mark_views(connection: Connection) -> None:
    connection.execute(text("DELETE FROM marker WHERE name = 'views'"))
    connection.execute(
        text("INSERT INTO marker (name, value) VALUES ('views', :value)"),
        {"value": views_checksum(connection.dialect.name)},
    )


# --- opening ------------------------------------------------------------------------------------------------


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "MITTARISTO_DATABASE_URL is no database address; give sqlite:///folder/file.db or "
            "postgresql://user:password@host/database"
        ) from error
    if "password" in {name.lower() for name in parsed.query}:
        raise ConfigurationError(  # it would be shown wherever the address is
            "MITTARISTO_DATABASE_URL has a password among its parameters; give it as user:password@host, or in .pgpass"
        )
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigurationError(
        f"the database kind '{parsed.drivername}' is not supported; give sqlite:///folder/file.db or "
        "postgresql://user:password@host/database"
    )


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigurationError(
            "an SQLite database in memory cannot be shared; give a file, sqlite:///folder/file.db"
        )
    folder = Path(url.database).parent
    if not folder.is_dir():
        raise ConfigurationError(
            f"the folder {folder} of the SQLite database does not exist; make it, or check "
            "MITTARISTO_DATABASE_URL"
        )
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigurationError(
            f"this Python has SQLite {sqlite3.sqlite_version}; use one with 3.35 or newer, or PostgreSQL"
        )
    with suppress(OSError):  # SQLite says better what is wrong; it makes the files beside this one as private
        os.close(os.open(url.database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # The connection that was used last comes first: each has a cache of its own.
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_use_lifo=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: sqlite3.Connection, _record: Any) -> None:
    raw.isolation_level = None  # the driver's own BEGIN comes too late and too weak; see _begin_sqlite
    if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _switch_to_wal(raw)
    raw.execute("PRAGMA synchronous=NORMAL")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA temp_store=MEMORY")
    raw.execute("PRAGMA cache_size=-65536")


def _switch_to_wal(raw: sqlite3.Connection) -> None:
    # SQLite does not wait by itself when several processes switch a new file at once.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "application_name": "mittaristo"},
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(raw: Any, _record: Any) -> None:
    # The driver turns times of a session in `UTC` into Python's twice as fast as those of any other zone.
    raw.autocommit = True
    raw.execute("SET TIME ZONE 'UTC'")
    raw.autocommit = False


def _pragma(connection: Connection, setting: str) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101
    driver.execute(f"PRAGMA {setting}")


@contextmanager
def _answered(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        shown = engine.url.render_as_string(hide_password=True)
        reason = _reason(error)
        advice = (
            f"another process has been writing for over {BUSY_SECONDS} s; try again when it is done"
            if "locked" in reason
            else "check that it is running and has room; nothing of this transaction was stored"
        )
        raise WarehouseError(f"the database {shown} failed: {reason}; {advice}") from error


def _reason(error: BaseException) -> str:
    told = str(getattr(error, "orig", None) or error).strip().splitlines()
    return told[0].rstrip(".;") if told else type(error).__name__
