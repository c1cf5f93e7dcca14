"""Storing 1,000,000 observations: first, again unchanged, again with 1 % revised; against what is bare of checks.

A first load is measured against a bare COPY (SQLite: executemany) of the same rows, made ready beforehand, into
the same two tables with their keys; the others against staging alone: the same frame turned into rows and put into
a temporary table by COPY (SQLite: executemany), nothing else. pandas `to_sql` stands beside, and the 1 % right after
a checkpoint: PostgreSQL then writes every page that it touches to its log as a whole, and 1 % all over a table
touches all of its pages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from sqlalchemy import Connection, Engine, text

from bench.databases import KINDS, Databases
from bench.frames import observations_of, revised
from bench.measure import Figure, Goal, Scale, by_turns
from models.ledger import Counts
from warehouse.engine import writing
from warehouse.load import store
from warehouse.rows import Integers, Rows, checked_rows
from warehouse.staging import BATCH, copy_rows
from warehouse.stored import key_of

OWNER = "statfin/a/1"
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
VINTAGE = (
    "owner_no",
    "series_id",
    "period_no",
    "recorded_at",
    "load_id",
    "value",
    "symbol",
    "status",
    "change_class",
)
OBSERVATION = (
    *(
        "owner_no",
        "series_id",
        "period_no",
        "load_id",
        "recorded_at",
        "value",
        "vintages",
        "symbol",
        "status",
    ),
    "change_class",
)


class Loader:
    """Stores frames of one owner, each under a later time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.day = 0

    def __call__(self, frame: pd.DataFrame, *, settled: bool = True) -> tuple[float, Counts]:
        """The seconds it took, transaction and all, and what was stored."""
        self.day += 1
        if settled:
            settle(self.engine)
        started = time.perf_counter()
        with writing(self.engine) as connection:
            counts = store(
                connection,
                OWNER,
                frame,
                run_id="run",
                collection_id="collection",
                recorded_at=START + timedelta(days=self.day),
                source_updated_at=None,
            )
        return time.perf_counter() - started, counts


def settle(engine: Engine) -> None:
    """What earlier work left the database to do is done now, and not in the next one's time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        statement = "CHECKPOINT" if engine.dialect.name == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)"
        connection.execute(text(statement))


def empty(engine: Engine) -> None:
    tables = ("vintage", "observation", "load", "series", "period", "owner")
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {', '.join(tables)}"))
            return
        for name in tables:
            connection.execute(text(f"DELETE FROM {name}"))


_STAGED = {
    "postgresql": """CREATE TEMPORARY TABLE staged (
        series_id integer NOT NULL, period_no integer NOT NULL, value double precision, symbol text NOT NULL,
        status text NOT NULL) ON COMMIT DROP""",
    "sqlite": """CREATE TEMPORARY TABLE staged (
        series_id integer NOT NULL, period_no integer NOT NULL, value double precision, symbol text NOT NULL,
        status text NOT NULL, PRIMARY KEY (series_id, period_no)) WITHOUT ROWID""",
}


def staged(engine: Engine, frame: pd.DataFrame, series_ids: Integers) -> float:
    """The seconds of staging alone."""
    started = time.perf_counter()
    with writing(engine) as connection:
        rows = checked_rows(frame, OWNER)
        series_id = series_ids[rows.position]
        order = np.argsort(key_of(series_id, rows.period_no), kind="stable")
        connection.execute(text(_STAGED[engine.dialect.name]))
        if engine.dialect.name == "postgresql":
            copy_rows(connection, "staged", rows, series_id, order)
        else:
            for part in np.split(order, range(BATCH, len(order), BATCH)):
                _executemany(connection, rows, series_id, part)
        taken = time.perf_counter() - started
        connection.execute(text("DROP TABLE staged"))
    return taken


def _executemany(connection: Connection, rows: Rows, series_id: Integers, part: Integers) -> None:
    driver: Any = connection.connection.driver_connection
    columns = (
        series_id[part],
        rows.period_no[part],
        rows.value[part],
        rows.symbols[rows.symbol[part]],
        rows.statuses[rows.status[part]],
    )
    ready = zip(*(column.tolist() for column in columns), strict=True)
    driver.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?)", ready)


class Bare:
    """The rows of the two tables as a first load of the frame leaves them, ready to be sent."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        with engine.connect() as connection:
            self.tables = {
                name: self._ready(connection, name, columns)
                for name, columns in (("vintage", VINTAGE), ("observation", OBSERVATION))
            }

    def _ready(self, connection: Connection, name: str, columns: tuple[str, ...]) -> Any:
        driver = connection.connection.driver_connection
        listed = ", ".join(columns)
        query = f"SELECT {listed} FROM {name} ORDER BY owner_no, series_id, period_no"
        if self.sqlite:
            return driver.execute(query).fetchall()  # type: ignore[union-attr]
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
            whole = b"".join(bytes(part) for part in copy)
        return [whole[place : place + 262_144] for place in range(0, len(whole), 262_144)]

    def load(self) -> float:
        settle(self.engine)
        started = time.perf_counter()
        with writing(self.engine) as connection:
            driver: Any = connection.connection.driver_connection
            for (name, ready), columns in zip(self.tables.items(), (VINTAGE, OBSERVATION), strict=True):
                listed = ", ".join(columns)
                if self.sqlite:
                    driver.executemany(
                        f"INSERT INTO {name} ({listed}) VALUES ({', '.join('?' * len(columns))})", ready
                    )
                    continue
                with (
                    driver.cursor() as cursor,
                    cursor.copy(f"COPY {name} ({listed}) FROM STDIN (FORMAT binary)") as copy,
                ):
                    for part in ready:
                        copy.write(part)
        return time.perf_counter() - started


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    frame = observations_of(scale.rows)
    for kind in KINDS:
        with places.warehouse(kind) as engine:
            yield from _first(scale, engine, frame)
        with places.warehouse(kind) as engine:
            yield from _again(scale, engine, frame)


def _first(scale: Scale, engine: Engine, frame: pd.DataFrame) -> Iterator[Figure]:
    name = NAMES[engine.dialect.name]
    load = Loader(engine)
    load(frame)
    bare = Bare(engine)

    def ours() -> float:
        empty(engine)
        seconds, counts = load(frame)
        assert counts == Counts(new=len(frame)), counts
        return seconds

    def theirs() -> float:
        empty(engine)
        return bare.load()

    versus = "bare executemany" if engine.dialect.name == "sqlite" else "bare COPY"
    times = by_turns(min(scale.rounds, 3), {"ours": ours, versus: theirs})
    yield Figure(
        f"store, {name}, first load",
        f"{len(frame):,} observations",
        times[versus] / times["ours"] * 100,
        Goal(">=", 40, "% of its speed"),
        times["ours"],
        times[versus],
        versus,
    )
    seconds = _to_sql(engine, frame)
    yield Figure(
        f"store, {name}, first load",
        f"{len(frame):,} observations",
        seconds / times["ours"],
        None,
        times["ours"],
        seconds,
        "pandas to_sql, one table, no keys",
    )


def _to_sql(engine: Engine, frame: pd.DataFrame) -> float:
    settle(engine)
    texts = frame.astype({name: "str" for name in frame.columns if name != "value"})
    started = time.perf_counter()
    texts.to_sql("by_pandas", engine, index=False, chunksize=10_000)
    taken = time.perf_counter() - started
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE by_pandas"))
    return taken


def _again(scale: Scale, engine: Engine, frame: pd.DataFrame) -> Iterator[Figure]:
    name = NAMES[engine.dialect.name]
    load = Loader(engine)
    load(frame)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT area_code, content, classes, series_id FROM series"))
        ids = {(area, content, classes): number for area, content, classes, number in found}
    series_ids = np.array([ids[one] for one in checked_rows(frame, OWNER).series])
    stored = [frame]

    def unchanged() -> float:
        seconds, counts = load(stored[0], settled=False)
        assert counts == Counts(same=len(frame)), counts
        return seconds

    def one_percent(*, settled: bool = False) -> float:
        later = revised(stored[0], load.day)
        seconds, counts = load(later, settled=settled)
        expected = int((later["value"] != stored[0]["value"]).sum() - later["value"].isna().sum())
        assert counts == Counts(revised=expected, same=len(frame) - expected), counts
        stored[0] = later
        return seconds

    # As autovacuum does by itself within a minute.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    settle(engine)
    checkpointed = "1 % revised, right after a checkpoint"
    works = {
        "unchanged": unchanged,
        "1 % revised": one_percent,
        "staging": lambda: staged(engine, frame, series_ids),
        checkpointed: lambda: one_percent(settled=True),
    }
    times = by_turns(scale.rounds, works)
    for what, bound in (("unchanged", 1.3), ("1 % revised", 1.5), (checkpointed, None)):
        ratio = times[what] / times["staging"]
        goal = None if bound is None else Goal("<=", bound, "x")
        line = f"store, {name}, {what}"
        size = f"{len(frame):,} observations"
        yield Figure(line, size, ratio, goal, times[what], times["staging"], "staging alone")
