"""Staging: rows into a temporary table, as fast as each database takes them, without those that are stored already."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int2, Int4
from sqlalchemy import Connection, text

from warehouse.rows import Integers, Rows
from warehouse.stored import key_of, parted, unlike
from warehouse.times import time_text

_BINARY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, length of the header's extension
_BINARY_END = b"\xff\xff"
BATCH = 100_000  # rows turned into the driver's form at a time, which bounds memory
AT_ONCE = 100  # rows that one statement of SQLite's takes: three parameters each, of 32,766 that it may have

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
WITH i (series_id, period_no, value) AS (VALUES {given})
INSERT INTO incoming
SELECT i.series_id, i.period_no, i.value, {symbol}, {status}
FROM i
WHERE NOT EXISTS (
    SELECT 1 FROM observation o
    WHERE o.owner_no = {owner_no} AND o.series_id = i.series_id AND o.period_no = i.period_no
      AND o.value IS i.value AND o.symbol = {symbol} AND o.status = {status} AND o.change_class <> 'withdrawn')"""

_ADD = """
WITH i (series_id, period_no, value) AS (VALUES {given})
INSERT INTO vintage
    (owner_no, series_id, period_no, recorded_at, load_id, value, symbol, status, change_class)
SELECT {owner_no}, i.series_id, i.period_no, {recorded_at}, {load_id}, i.value, {symbol}, {status}, 'new'
FROM i"""

_ADD_CURRENT = """
INSERT INTO observation
    (owner_no, series_id, period_no, load_id, recorded_at, value, vintages, symbol, status, change_class)
SELECT owner_no, series_id, period_no, load_id, recorded_at, value, 1, symbol, status, change_class
FROM vintage WHERE owner_no = ?"""


def stage(connection: Connection, rows: Rows, series_ids: Integers, owner_no: int) -> None:
    """Puts `rows` into the temporary table `incoming`, in the order of the keys; makes it and `changed`.

    `series_ids` has the id of each of rows.series. What says the same as is stored of `owner_no` is left out. Both
    tables are the caller's to drop.
    """
    series_id, key, order = _in_order(rows, series_ids)
    if connection.dialect.name == "sqlite":
        primary = ", PRIMARY KEY (series_id, period_no)"
        connection.execute(text(_INCOMING.format(key=primary, options=" WITHOUT ROWID")))
        _executemany(connection, UNLESS_STORED, rows, series_id, order, {"owner_no": owner_no})
    else:
        order = unlike(connection, owner_no, rows, key, order)
        connection.execute(text(_INCOMING.format(key="", options=" ON COMMIT DROP")))
        copy_rows(connection, "incoming", rows, series_id, order)
    connection.execute(text(_CHANGED))


def add_first(
    connection: Connection,
    rows: Rows,
    series_ids: Integers,
    owner_no: int,
    load_id: int,
    recorded_at: datetime,
) -> None:
    """Puts `rows`, the first of their owner, straight into both tables of values: there is nothing to compare with."""
    series_id, order = _in_order(rows, series_ids)[::2]
    if connection.dialect.name == "sqlite":
        said: dict[str, int | str] = {
            "owner_no": owner_no,
            "load_id": load_id,
            "recorded_at": time_text(recorded_at),
        }
        _executemany(connection, _ADD, rows, series_id, order, said)
        connection.exec_driver_sql(_ADD_CURRENT, (owner_no,))
        return
    same = {
        "owner_no": Int4(owner_no),
        "load_id": Int4(load_id),
        "recorded_at": recorded_at,
        "change_class": "new",
    }
    copy_rows(connection, "vintage", rows, series_id, order, same)
    copy_rows(connection, "observation", rows, series_id, order, {**same, "vintages": Int2(1)})


def _in_order(rows: Rows, series_ids: Integers) -> tuple[Integers, Integers, Integers]:
    """The series and the key of each row, and the rows in the order of the tables' keys.

    Appending to a tree, or walking it, in its order is many times faster.
    """
    series_id = series_ids[rows.position]
    key = key_of(series_id, rows.period_no)
    return series_id, key, np.argsort(key, kind="stable")


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
    connection: Connection,
    statement: str,
    rows: Rows,
    series_id: Integers,
    order: Integers,
    same: Mapping[str, int | str],
) -> None:
    """Does `statement` with SQLite for all rows in `order`; `same` is what it says of every row.

    To hand over texts, and to begin a statement, is what costs most: rows alike in symbol and status have a statement
    of their own, which takes many at once. NaN becomes NULL.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101

    def quoted(value: int | str) -> str:
        return str(driver.execute("SELECT quote(?)", (value,)).fetchone()[0])

    said = {name: quoted(value) for name, value in same.items()}
    for part in _parts(order):
        for chosen, symbol, status in _by_kind(rows, part):
            figures = np.column_stack((series_id[chosen], rows.period_no[chosen], rows.value[chosen]))
            many = len(chosen) // AT_ONCE * AT_ONCE
            for some, at_once in ((figures[:many], AT_ONCE), (figures[many:], 1)):
                given = ", ".join(["(?, ?, ?)"] * at_once)
                whole = statement.format(given=given, symbol=quoted(symbol), status=quoted(status), **said)
                driver.executemany(whole, some.reshape(-1, 3 * at_once).tolist())


def _by_kind(rows: Rows, order: Integers) -> Iterator[tuple[Integers, str, str]]:
    """The rows in `order` that are alike in symbol and status, with both."""
    kind = rows.symbol[order] * len(rows.statuses) + rows.status[order]
    for one in np.unique(kind):
        symbol, status = divmod(int(one), len(rows.statuses))
        yield order[kind == one], str(rows.symbols[symbol]), str(rows.statuses[status])


def copy_rows(
    connection: Connection,
    table: str,
    rows: Rows,
    series_id: Integers,
    order: Integers,
    same: Mapping[str, object] | None = None,
) -> None:
    """Copies the rows in `order` into a table of PostgreSQL's; `same` has its other columns, alike in every row.

    A number among them is an Int2 or Int4 of psycopg's, as the column is.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    same = same or {}
    adapt = Transformer(driver)
    tail = b"".join(_field(adapt.get_dumper(one, PyFormat.BINARY).dump(one)) for one in same.values())
    columns = ", ".join(("series_id", "period_no", "value", "symbol", "status", *same))
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)".encode()) as copy,
    ):
        copy.write(_BINARY_START)
        for part in _parts(order):
            for block in _binary(rows, series_id, part, 5 + len(same), tail):
                copy.write(block)
        copy.write(_BINARY_END)


def _field(value: Buffer | None) -> bytes:
    assert value is not None  # noqa: S101
    return len(bytes(value)).to_bytes(4, "big") + bytes(value)


def _parts(order: Integers) -> Iterator[Integers]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _binary(rows: Rows, series_id: Integers, part: Integers, fields: int, last: bytes) -> Iterator[bytes]:
    """The rows of `part` in PostgreSQL's binary COPY form, without a loop over rows; `last` ends each.

    Rows alike in symbol, in status and in having a value have one layout: each kind is an array of fixed
    width.
    """
    empty = np.isnan(rows.value[part])
    kinds = (rows.symbol[part] * len(rows.statuses) + rows.status[part]) * 2 + empty
    for kind in np.unique(kinds):
        chosen = part[kinds == kind]
        symbol = str(rows.symbols[rows.symbol[chosen[0]]]).encode()
        status = str(rows.statuses[rows.status[chosen[0]]]).encode()
        tail = _field(symbol) + _field(status) + last
        without_value = bool(kind % 2)
        layout = [("fields", ">i2"), ("l1", ">i4"), ("series_id", ">i4"), ("l2", ">i4"), ("period_no", ">i4")]
        layout += [("l3", ">i4")] if without_value else [("l3", ">i4"), ("value", ">f8")]
        block = np.empty(len(chosen), dtype=np.dtype([*layout, ("tail", f"V{len(tail)}")]))
        block["fields"] = fields
        block["l1"] = block["l2"] = 4
        block["series_id"] = series_id[chosen]
        block["period_no"] = rows.period_no[chosen]
        block["l3"] = -1 if without_value else 8
        if not without_value:
            block["value"] = rows.value[chosen]
        block["tail"] = np.void(tail)
        yield block.tobytes()
