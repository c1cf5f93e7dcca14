"""Staging: rows into a temporary table, as fast as each database takes them, without those that are stored already."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from warehouse.rows import Integers, Rows
from warehouse.stored import key_of, parted, unlike

_BINARY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, length of the header's extension
_BINARY_END = b"\xff\xff"
BATCH = 100_000  # rows turned into the driver's form at a time, which bounds memory

_INCOMING = """
CREATE TEMPORARY TABLE incoming (
    series_id integer NOT NULL, period_no integer NOT NULL, value double precision, symbol text NOT NULL,
    status text NOT NULL{key}
){options}"""

_CHANGED = """
CREATE TEMPORARY TABLE changed (
    series_id integer NOT NULL, period_no integer NOT NULL, value double precision, symbol text NOT NULL,
    status text NOT NULL, change_class text NOT NULL
)"""


_GONE = "CREATE TEMPORARY TABLE gone (series_id integer NOT NULL, period_no integer NOT NULL)"

# SQLite looks each row up as it comes: cheaper than to keep it and to look it up later.
UNLESS_STORED = """
INSERT INTO incoming
SELECT ?1, ?2, ?3, {symbol}, {status}
WHERE NOT EXISTS (
    SELECT 1 FROM observation o
    WHERE o.owner_no = {owner_no} AND o.series_id = ?1 AND o.period_no = ?2
      AND o.value IS ?3 AND o.symbol = {symbol} AND o.status = {status} AND o.change_class <> 'withdrawn')"""


def stage(connection: Connection, rows: Rows, series_ids: Integers, *, owner_no: int | None = None) -> None:
    """Puts `rows` into the temporary table `incoming`, in the order of the keys; makes it and `changed`.

    `series_ids` has the id of each of rows.series. What says the same as is stored of `owner_no` is left out. Both
    tables are the caller's to drop.
    """
    series_id = series_ids[rows.position]
    # In the order of the tables' keys: appending to a tree, or walking it, in its order is many times faster.
    key = key_of(series_id, rows.period_no)
    order = np.argsort(key, kind="stable")
    if connection.dialect.name == "sqlite":
        primary = ", PRIMARY KEY (series_id, period_no)"
        connection.execute(text(_INCOMING.format(key=primary, options=" WITHOUT ROWID")))
        _executemany(connection, rows, series_id, order, owner_no)
    else:
        if owner_no is not None:
            order = unlike(connection, owner_no, rows, key, order)
        connection.execute(text(_INCOMING.format(key="", options=" ON COMMIT DROP")))
        _copy(connection, rows, series_id, order)
    connection.execute(text(_CHANGED))


def stage_keys(connection: Connection, keys: Integers) -> None:
    """Puts the observations with these keys (warehouse.stored.key_of) into the temporary table `gone`, and makes it."""
    connection.execute(text(_GONE))
    series_id, period_no = parted(keys)
    named = zip(series_id.tolist(), period_no.tolist(), strict=True)
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.executemany("INSERT INTO gone VALUES (?, ?)", named)
        return
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    with driver.cursor() as cursor, cursor.copy("COPY gone FROM STDIN") as copy:
        for one in named:
            copy.write_row(one)


def _executemany(
    connection: Connection, rows: Rows, series_id: Integers, order: Integers, owner_no: int | None
) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101
    if owner_no is None:
        for part in _parts(order):  # NaN becomes NULL
            driver.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, ?)", _tuples(rows, series_id, part))
        return
    # Rows alike in symbol and status have a statement of their own: to hand them texts is what costs most.
    for chosen, symbol, status in _by_kind(rows, order):
        quoted = driver.execute("SELECT quote(?), quote(?)", (symbol, status)).fetchone()
        statement = UNLESS_STORED.format(owner_no=owner_no, symbol=quoted[0], status=quoted[1])
        for part in _parts(chosen):
            figures = zip(
                series_id[part].tolist(),
                rows.period_no[part].tolist(),
                rows.value[part].tolist(),
                strict=True,
            )
            driver.executemany(statement, figures)


def _by_kind(rows: Rows, order: Integers) -> Iterator[tuple[Integers, str, str]]:
    """The rows in `order` that are alike in symbol and status, with both."""
    kind = rows.symbol[order] * len(rows.statuses) + rows.status[order]
    for one in np.unique(kind):
        symbol, status = divmod(int(one), len(rows.statuses))
        yield order[kind == one], str(rows.symbols[symbol]), str(rows.statuses[status])


def _copy(connection: Connection, rows: Rows, series_id: Integers, order: Integers) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    with driver.cursor() as cursor, cursor.copy("COPY incoming FROM STDIN (FORMAT binary)") as copy:
        copy.write(_BINARY_START)
        for part in _parts(order):
            for block in _binary(rows, series_id, part):
                copy.write(block)
        copy.write(_BINARY_END)


def _parts(order: Integers) -> Iterator[Integers]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _tuples(rows: Rows, series_id: Integers, part: Integers) -> Iterator[tuple[Any, ...]]:
    return zip(
        series_id[part].tolist(),
        rows.period_no[part].tolist(),
        rows.value[part].tolist(),
        rows.symbols[rows.symbol[part]].tolist(),
        rows.statuses[rows.status[part]].tolist(),
        strict=True,
    )


def _binary(rows: Rows, series_id: Integers, part: Integers) -> Iterator[bytes]:
    """The rows of `part` in PostgreSQL's binary COPY form, without a loop over rows.

    Rows alike in symbol, in status and in having a value have one layout: each kind is an array of fixed
    width.
    """
    empty = np.isnan(rows.value[part])
    kinds = (rows.symbol[part] * len(rows.statuses) + rows.status[part]) * 2 + empty
    for kind in np.unique(kinds):
        chosen = part[kinds == kind]
        symbol = str(rows.symbols[rows.symbol[chosen[0]]]).encode()
        status = str(rows.statuses[rows.status[chosen[0]]]).encode()
        tail = len(symbol).to_bytes(4, "big") + symbol + len(status).to_bytes(4, "big") + status
        without_value = bool(kind % 2)
        layout = [("fields", ">i2"), ("l1", ">i4"), ("series_id", ">i4"), ("l2", ">i4"), ("period_no", ">i4")]
        layout += [("l3", ">i4")] if without_value else [("l3", ">i4"), ("value", ">f8")]
        block = np.empty(len(chosen), dtype=np.dtype([*layout, ("tail", f"V{len(tail)}")]))
        block["fields"] = 5
        block["l1"] = block["l2"] = 4
        block["series_id"] = series_id[chosen]
        block["period_no"] = rows.period_no[chosen]
        block["l3"] = -1 if without_value else 8
        if not without_value:
            block["value"] = rows.value[chosen]
        block["tail"] = np.void(tail)
        yield block.tobytes()
