"""Databases of both kinds, copied whole, and homes that are made once in a session and copied for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url


def tell(address: str, statement: str) -> None:
    """Has a PostgreSQL do what cannot be in a transaction, such as making a database."""
    engine = create_engine(
        address.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def sibling(address: str, name: str) -> str:
    """The address of another database of the same server."""
    return make_url(address).set(database=name).render_as_string(hide_password=False)


def copy_database(address: str, to: str) -> None:
    """Puts a copy of a database where another is, or is to be. Nobody may be connected to either."""
    old, new = str(make_url(address).database), str(make_url(to).database)
    if address.startswith("sqlite"):
        assert not Path(f"{old}-wal").exists(), "it is open, or was left open"
        for one in (new, f"{new}-wal", f"{new}-shm"):
            Path(one).unlink(missing_ok=True)
        shutil.copy(old, new)
    else:
        tell(sibling(to, "postgres"), f"DROP DATABASE IF EXISTS {new} WITH (FORCE)")
        tell(sibling(to, "postgres"), f"CREATE DATABASE {new} TEMPLATE {old}")


class Beginnings:
    """What a session's tests begin with: a home and its database after something slow, done once and then copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, ...], tuple[Path, str, Any]] = {}

    def begin(self, home: Path, database_url: str, do: Callable[[], Any], *named: str) -> Any:
        """Puts `home` and its database into the state that `do` leaves, and gives what `do` gave.

        `do` works on them itself where nobody has begun so yet on a database of this kind, and must have closed it;
        `named` says all that the state depends on.
        """
        key = (make_url(database_url).get_backend_name(), *named)
        if key not in self._kept:
            gave = do()
            number = len(self._kept) + 1
            kept_home = self._folder / f"home_{number}"
            shutil.copytree(home, kept_home)
            if key[0] == "sqlite":
                kept_url = f"sqlite:///{self._folder / f'{number}.db'}"
            else:
                kept_url = sibling(database_url, f"beginning_{number}")
            copy_database(database_url, kept_url)
            self._kept[key] = kept_home, kept_url, gave
        else:
            kept_home, kept_url, gave = self._kept[key]
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(kept_home, home)
            copy_database(kept_url, database_url)
        return gave


_NUMBERS = count(1)


@dataclass(frozen=True)
class Databases:
    """New databases of one kind, each a copy of another one where asked; those of SQLite lie in a home folder."""

    kind: str
    server: str

    def new(self, home: Path, of: str = "") -> str:
        if self.kind == "sqlite":
            return f"sqlite:///{home / 'mittaristo.db'}"  # copied with the home folder
        name = f"copy_{os.getpid()}_{next(_NUMBERS)}"
        tell(self.server, f"CREATE DATABASE {name}" + (f" TEMPLATE {make_url(of).database}" if of else ""))
        return sibling(self.server, name)

    def drop(self, url: str) -> None:
        if self.kind == "postgresql":
            tell(self.server, f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def destroy(url: str) -> None:
    """Loses all that a database holds."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            Path(f"{address.database}{suffix}").unlink(missing_ok=True)
        return
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for name in inspect(connection).get_table_names():
            connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')
    engine.dispose()
