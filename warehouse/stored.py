"""What an owner's observations say now, as arrays: what a load brings unchanged need not be sent at all then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Connection

from warehouse.rows import Integers, Rows

SERIES = 1_000  # whose packed observations are fetched at a time, which bounds memory
_OTHER = 0  # the kind of what is withdrawn, or has a symbol or status that no row of the frame has
_PACKED = np.dtype([("period_and_kind", ">i8"), ("value", ">f8")])


@dataclass(frozen=True)
class Stored:
    """The current observations of an owner by `key` (key_of), ascending; `kind` as in _kinds_of."""

    key: Integers
    value: NDArray[np.float64]
    kind: Integers


def key_of(series_id: Integers, period_no: Integers) -> Integers:
    """One number for each observation of an owner, in the order of the tables' keys."""
    return (series_id << 32) | period_no


def parted(key: Integers) -> tuple[Integers, Integers]:
    """The series and the periods that were joined to `key`."""
    return key >> 32, key & 0xFFFFFFFF


def unlike(connection: Connection, owner_no: int, rows: Rows, key: Integers, order: Integers) -> Integers:
    """Those of `order` (places in `rows`, by ascending `key`) that do not say what PostgreSQL has stored."""
    kind, kinds = _kinds_of(rows)
    stored = _read(connection, owner_no, kinds)
    if not len(stored.key):
        return order
    key, value = key[order], rows.value[order]
    if not np.array_equal(key, stored.key):  # mostly they are the same observations
        place = np.minimum(np.searchsorted(stored.key, key), len(stored.key) - 1)
        stored = Stored(stored.key[place], stored.value[place], stored.kind[place])
    same = (stored.value == value) | (np.isnan(stored.value) & np.isnan(value))
    differs = ~(same & (stored.key == key) & (stored.kind == kind[order]))
    chosen: Integers = order[differs]
    return chosen


def stored_keys(connection: Connection, owner_no: int) -> Integers:
    """The keys of all that is stored of the owner, ascending."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        found = driver.execute(
            "SELECT series_id << 32 | period_no FROM observation WHERE owner_no = ?"
            " ORDER BY series_id, period_no",
            (owner_no,),
        )
        return np.fromiter((key for (key,) in found), dtype=np.int64)
    return _read(connection, owner_no, []).key


def _kinds_of(rows: Rows) -> tuple[Integers, list[tuple[str, str]]]:
    """The kind of each row, from 1, and the symbol and status of each kind, the commonest first."""
    joined = rows.symbol * len(rows.statuses) + rows.status
    counts = np.bincount(joined, minlength=len(rows.symbols) * len(rows.statuses))
    found = [int(one) for one in np.argsort(-counts, kind="stable") if counts[one]]
    number = np.zeros(len(counts), dtype=np.int64)
    number[found] = np.arange(1, len(found) + 1)
    texts = [divmod(one, len(rows.statuses)) for one in found]
    return number[joined], [(str(rows.symbols[one]), str(rows.statuses[other])) for one, other in texts]


def packed_query(kinds: int) -> str:
    """PostgreSQL's query for an owner's observations, packed; it takes each kind's two texts, and the owner."""
    said = " ".join(f"WHEN symbol = %s AND status = %s THEN {number}" for number in range(1, kinds + 1))
    return f"""
        SELECT series_id,
               string_agg(
                   int8send((period_no::bigint << 16)
                            | CASE WHEN change_class = 'withdrawn' THEN {_OTHER} {said} ELSE {_OTHER} END)
                   || float8send(coalesce(value, 'NaN')), ''::bytea)
        FROM observation WHERE owner_no = %s GROUP BY series_id"""  # noqa: S608


def _read(connection: Connection, owner_no: int, kinds: Sequence[tuple[str, str]]) -> Stored:
    """All that PostgreSQL has of the owner.

    Each series comes packed in one piece, 16 bytes an observation: a row for each would take many times as long.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    parts: list[Stored] = []
    with driver.cursor(binary=True) as cursor:
        cursor.execute(
            packed_query(len(kinds)).encode(), [text for kind in kinds for text in kind] + [owner_no]
        )
        while found := cursor.fetchmany(SERIES):
            pieces = [bytes(piece) for _, piece in found]
            lengths = [len(piece) // _PACKED.itemsize for piece in pieces]
            read = np.frombuffer(b"".join(pieces), dtype=_PACKED)
            series_id = np.repeat(np.array([one for one, _ in found], dtype=np.int64), lengths)
            number = read["period_and_kind"].astype(np.int64)
            key = key_of(series_id, number >> 16)
            parts.append(Stored(key, read["value"].astype(np.float64), number & 0xFFFF))
    return _joined(parts)


def _joined(parts: Iterable[Stored]) -> Stored:
    columns = [
        np.concatenate(column) for column in zip(*((p.key, p.value, p.kind) for p in parts), strict=True)
    ]
    if not columns:
        return Stored(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    key, value, kind = columns
    order = np.argsort(key, kind="stable")  # they come in whatever order the database found best
    return Stored(key[order], value[order], kind[order])
