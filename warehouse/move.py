"""Moving a warehouse from SQLite to an empty PostgreSQL: all or nothing, and compared table by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.schema import Table

from models.errors import ConfigurationError
from warehouse.checksum import table_sums
from warehouse.engine import reading, upgrade, writing
from warehouse.errors import WarehouseError
from warehouse.restore import check_empty
from warehouse.revision import migrate
from warehouse.tables import METADATA

_AT_ONCE = 10_000  # rows read at a time, which bounds memory


@dataclass(frozen=True)
class Moved:
    """How many rows of which table were moved; `left` are tables that are not the warehouse's and stayed behind."""

    rows: Mapping[str, int]
    left: tuple[str, ...]


def move(source: Engine, target: Engine) -> Moved:
    """Copies every table of `source`, an SQLite warehouse of this version, into `target`, an empty PostgreSQL.

    The source is read in one state and not changed. Tables and rows come to be in one transaction, which is undone
    unless every table has the same checksum in both and nobody wrote to the source meanwhile; then the views are made.
    Raises ConfigurationError where the target is not empty or either is of another kind, else WarehouseError.
    """
    if (source.dialect.name, target.dialect.name) != ("sqlite", "postgresql"):
        raise ConfigurationError(
            "mittaristo db move brings an SQLite warehouse (MITTARISTO_DATABASE_URL, or the one in MITTARISTO_HOME) to "
            "a PostgreSQL database (postgresql://user@host/database)"
        )
    ours = METADATA.sorted_tables  # what others refer to comes first
    with _watching(source) as has_changed, reading(source) as here:
        left = set(inspect(here).get_table_names()) - {*METADATA.tables, "alembic_version"}
        sums = {name: one for name, one in table_sums(here).items() if name not in left}
        with writing(target) as there:
            check_empty(there)
            migrate(there, "head")
            for table in ours:
                _copy(here, there, table)
                _set_sequence(there, table)
            moved = table_sums(there)
            if other := sorted(name for name, one in sums.items() if moved.get(name) != one):
                raise WarehouseError(
                    f"what was moved is not what was there in {', '.join(other)}; nothing was kept of it"
                )
            there.execute(text("ANALYZE"))
            if has_changed():
                raise WarehouseError(
                    "something wrote to the SQLite warehouse while it was moved, and would be lost; stop what collects "
                    "(mittaristo up, schedules), then run this again; nothing was kept of it"
                )
    upgrade(target)  # the views: the marker that was moved speaks of SQLite's
    return Moved({table.name: sums[table.name].rows for table in ours}, tuple(sorted(left)))


@contextmanager
def _watching(source: Engine) -> Iterator[Callable[[], bool]]:
    """A function that says whether anybody has written to the SQLite database since."""
    with source.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101

        def version() -> int:
            return int(driver.execute("PRAGMA data_version").fetchone()[0])  # changes with others' commits

        before = version()
        yield lambda: version() != before


def _copy(here: Connection, there: Connection, table: Table) -> None:
    quote = there.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    driver = there.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    rows = here.execute(select(table).execution_options(yield_per=_AT_ONCE))
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        told = str(error).strip().splitlines()[0]
        raise WarehouseError(
            f"the table {table.name} cannot be moved: {told}; nothing was kept of it"
        ) from error


def _set_sequence(there: Connection, table: Table) -> None:
    """Lets the numbers that PostgreSQL gives out go on from those that are there."""
    column = table.autoincrement_column
    if column is None:
        return
    newest = there.execute(select(func.max(column))).scalar()
    sequence = there.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
    if newest is not None and sequence is not None:
        there.execute(select(func.setval(sequence, newest)))
