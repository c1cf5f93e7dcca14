"""Staging: rows into a temporary table, as fast as each database takes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from warehouse.rows import Integers, Rows

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


def stage(connection: Connection, rows: Rows, series_ids: Integers) -> None:
    """Puts `rows` into the temporary table `incoming`, in the order of the keys; makes it and `changed`.

    `series_ids` has the id of each of rows.series. Both tables are the caller's to drop.
    """
    series_id = series_ids[rows.position]
    # In the order of the tables' keys: appending to a tree, or walking it, in its order is many times faster.
    order = np.lexsort((rows.period_no, series_id))
    if connection.dialect.name == "sqlite":
        key = ", PRIMARY KEY (series_id, period_no)"
        connection.execute(text(_INCOMING.format(key=key, options=" WITHOUT ROWID")))
        _executemany(connection, rows, series_id, order)
    else:
        connection.execute(text(_INCOMING.format(key="", options=" ON COMMIT DROP")))
        _copy(connection, rows, series_id, order)
    connection.execute(text(_CHANGED))


def _executemany(connection: Connection, rows: Rows, series_id: Integers, order: Integers) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101
    for part in _parts(order):  # NaN becomes NULL
        driver.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, ?)", _tuples(rows, series_id, part))


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
