"""Checksums of the warehouse, the same on both databases: of what it says, and of its tables row for row.

Two warehouses with equal `checksums` hold the same vintages, current values, people's answers, decisions, recodes,
divisions of areas, documents and states of the catalogue, whatever numbers their rows bear inside. Runs, ledger and
locks are left out: they tell when somebody worked, not what is known. Two with equal `table_sums` are copies of each
other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect, text

from warehouse.times import time_text

_AT_ONCE = 10_000  # rows fetched at a time

_QUERIES = {
    "vintages": """
        SELECT w.owner, s.content, s.classes, s.area_code, p.code, v.recorded_at, v.value, v.symbol, v.status,
               v.change_class, l.collection_id, l.source_updated_at, l.is_synthetic
        FROM vintage v
        JOIN series s ON s.series_id = v.series_id
        JOIN owner w ON w.owner_no = v.owner_no
        JOIN period p ON p.period_no = v.period_no
        JOIN load l ON l.load_id = v.load_id""",
    "observations": """
        SELECT w.owner, s.content, s.classes, s.area_code, p.code, o.recorded_at, o.value, o.symbol, o.status,
               o.change_class, o.vintages
        FROM observation o
        JOIN series s ON s.series_id = o.series_id
        JOIN owner w ON w.owner_no = o.owner_no
        JOIN period p ON p.period_no = o.period_no""",
    "latest": """
        SELECT indicator_id, area_code, class_code, period, value, symbol, status, previous_period, previous_value,
               year_before_period, year_before_value, baseline_period, baseline_value, verdict, reason_fi, reason_sv,
               reason_en, beside_fi, beside_sv, beside_en, verdict_inputs, recorded_at
        FROM latest""",
    "datasets": """
        SELECT dataset_id, state, release_query, last_release, next_expected, late_after, judged_on,
               entry_fingerprint, canonical_sha256, collection_id, known_codes, overrides, division, layout
        FROM dataset_state WHERE collection_id <> '' OR state = 'quarantined'""",
    "quarantine": """
        SELECT dataset_id, collection_id, reason, report, recode, checksum, opened_at, state, decided_at, decided_by,
               decision_reason
        FROM quarantine""",
    "answers": """
        SELECT question_id, period, recorded_at, area_code, party_id, value, sample_size, status, text, change_class,
               role, reason, collection_id
        FROM answer_vintage""",
    "current answers": """
        SELECT question_id, period, value, sample_size, status, text, change_class, recorded_at FROM answer""",
    "recodes": "SELECT dataset_id, recorded_at, finding, decided_by FROM recode",
    "releases": "SELECT dataset_id, period, released_at, seen_at FROM dataset_release",
    "catalogue": "SELECT recorded_at, fingerprint, content FROM catalogue_version",
    "divisions": "SELECT year, is_whole, collection_id, fingerprint, recorded_at FROM division",
    "division areas": """
        SELECT year, area_code, level, name_fi, name_sv, name_en, subregion_code, region_code FROM division_area""",
    "area changes": "SELECT year, kind, predecessor, successor FROM area_change",
    "documents": "SELECT document_id, collection_id, dataset_id, kind, url, fetched_at, status, sha256 FROM document",
}


def checksums(connection: Connection) -> dict[str, str]:
    """SHA-256 of each part, over its rows in a fixed order; the same on both databases."""
    return {name: _checksum(connection, query) for name, query in _QUERIES.items()}


@dataclass(frozen=True)
class TableSum:
    """How many rows a table has, and a checksum of all of them in which their order has no part."""

    rows: int
    checksum: str


def table_sums(connection: Connection) -> dict[str, TableSum]:
    """Of every table that is there, all columns, by the table's name. Reads row by row and keeps none in memory."""
    return {name: _table_sum(connection, name) for name in sorted(inspect(connection).get_table_names())}


def _table_sum(connection: Connection, table: str) -> TableSum:
    quote = connection.dialect.identifier_preparer.quote_identifier
    columns = sorted(one["name"] for one in inspect(connection).get_columns(table))
    query = text(f"SELECT {', '.join(map(quote, columns))} FROM {quote(table)}")  # noqa: S608
    total = rows = 0
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
        line = "\x1f".join(map(_plain, row)).encode()
        # A sum does not depend on the order of rows, in which the databases differ.
        total += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest(), "big")
        rows += 1
    return TableSum(rows, f"{total % 2**128:032x}")


def _checksum(connection: Connection, query: str) -> str:
    lines = sorted("\x1f".join(map(_plain, row)) for row in connection.execute(text(query)))
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\x1e")
    return digest.hexdigest()


def _plain(value: Any) -> str:
    kind = type(value)  # the common kinds first: this is called for every value there is
    if kind is str:
        return str(value)
    if kind is float:
        return repr(value + 0.0)  # SQLite knows no -0.0
    if value is None:
        return "\x00"
    if kind is bool:
        return str(int(value))
    if hasattr(value, "isoformat"):
        return time_text(value) if hasattr(value, "hour") else str(value.isoformat())
    return str(value)
