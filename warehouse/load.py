"""Storing one owner's observations as vintages: staged, compared and written in sets, in one transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from sqlalchemy import Connection, bindparam, insert, select, text, update

from models.ledger import Counts
from models.period import parse_period
from warehouse.errors import WarehouseError
from warehouse.keys import INDICATOR, indicator_owner, period_number, year_before_number
from warehouse.rows import Integers, checked_rows
from warehouse.staging import add_first, stage, stage_keys
from warehouse.stored import key_of, stored_keys
from warehouse.tables import Load, Owner, Period, Series, inserting, table_of
from warehouse.times import Timestamp, as_utc

__all__ = ["indicator_owner", "lock_owner", "store"]

_MANY = 50_000  # rows from which PostgreSQL is given more memory for its joins


def store(
    connection: Connection,
    owner: str,
    frame: pd.DataFrame,
    *,
    run_id: str,
    collection_id: str,
    recorded_at: datetime,
    source_updated_at: datetime | None,
    synthetic: bool = False,
    absent: Literal["keep", "withdraw"] | pd.DataFrame = "keep",
    restated: Collection[str] = (),
    within: Collection[str] | None = None,
) -> Counts:
    """Stores what is new in `frame` (OBSERVATION_COLUMNS) as vintages of `owner`, and says how many.

    The caller's transaction (warehouse.engine.writing) is used and left open. A row that says what is
    stored already writes nothing; when no row changed, nothing at all is written. What is stored and not in
    the frame stays (`keep`), or gets a vintage without value (`withdraw`); a frame of keys (content, classes,
    area_code, period) withdraws just these. `within` keeps `withdraw` to these areas. Changed values of the
    areas in `restated`, whose whole series moved with a new area division, are so called. Vintages of one
    owner have ever later times: where `recorded_at` is not later than the newest, it is set a microsecond
    after it. In the counts `revised` is everything written that is neither new nor withdrawn, `same` the rows
    of the frame that changed nothing.

    Raises MittaristoError for a frame that says two things of one observation, an infinite value, a value
    with a missing symbol, or an unknown status.
    """
    if connection.dialect.name == "sqlite" and not connection.get_execution_options().get("immediate"):
        raise WarehouseError("store needs a transaction of warehouse.engine.writing")
    rows = checked_rows(frame, owner)
    recorded_at = as_utc(recorded_at)
    owner_no, newest = _locked_owner(connection, owner)
    if newest is not None and recorded_at <= newest:
        recorded_at = newest + timedelta(microseconds=1)
    if connection.dialect.name == "postgresql" and len(rows) > _MANY:
        # Compiling a query costs more than it can save here.
        connection.execute(text("SET LOCAL work_mem = '256MB'; SET LOCAL jit = off"))
    _add_periods(connection, rows.periods)
    series_ids = _series_ids(connection, owner_no, rows.series)
    is_first = newest is None
    if is_first:  # nothing is stored to compare with, and all is new
        written = {"new": len(rows)} if len(rows) else {}
    else:
        stage(connection, rows, series_ids, owner_no)
        gone = _gone(connection, owner_no, key_of(series_ids[rows.position], rows.period_no), absent)
        written = _compare(connection, owner_no, gone=gone, restated=restated, within=within)
    if written:
        load_id = connection.execute(
            insert(table_of(Load)).returning(table_of(Load).c.load_id),
            {
                "owner_no": owner_no,
                "run_id": run_id,
                "collection_id": collection_id,
                "recorded_at": recorded_at,
                "source_updated_at": source_updated_at,
                "is_synthetic": synthetic,
            },
        ).scalar_one()
        if is_first:
            add_first(connection, rows, series_ids, owner_no, load_id, recorded_at)
        else:
            _write(connection, owner_no, load_id, recorded_at)
        connection.execute(
            update(table_of(Owner)).where(table_of(Owner).c.owner_no == owner_no),
            {"last_recorded_at": recorded_at},
        )
        if owner.startswith(INDICATOR):
            _refresh_latest(connection, owner_no, owner.removeprefix(INDICATOR), is_first=is_first)
    if not is_first:
        for name in ("incoming", "changed"):
            connection.execute(text(f"DROP TABLE {name}"))
    new, withdrawn = written.get("new", 0), written.get("withdrawn", 0)
    revised = sum(written.values()) - new - withdrawn
    return Counts(new=new, revised=revised, withdrawn=withdrawn, same=len(rows) - new - revised)


def lock_owner(connection: Connection, owner: str) -> None:
    """Makes other writers of `owner` wait until this transaction ends, so that what it is made of can be read first."""
    _locked_owner(connection, owner)


def _locked_owner(connection: Connection, owner: str) -> tuple[int, datetime | None]:
    """The owner's number and newest time. Its row stays locked: its writers come one after another."""
    table = table_of(Owner)
    query = select(table.c.owner_no, table.c.last_recorded_at).where(table.c.owner == owner).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is None:
        is_indicator = owner.startswith(INDICATOR)
        row = {
            "owner": owner,
            "dataset_id": None if is_indicator else owner,
            "indicator_id": owner.removeprefix(INDICATOR) if is_indicator else None,
        }
        connection.execute(inserting(connection, table).on_conflict_do_nothing(), row)
        found = connection.execute(query).one()
    return int(found.owner_no), found.last_recorded_at


def _add_periods(connection: Connection, codes: list[str]) -> None:
    table = table_of(Period)
    known = set(connection.execute(select(table.c.period_no)).scalars())
    # In order, so that two writers that add the same ones wait for each other and never in a circle.
    rows = [
        {
            "period_no": number,
            "code": code,
            "period_start": parse_period(code).start,
            "period_end": parse_period(code).end,
            "frequency": parse_period(code).frequency,
            "year_before_no": year_before_number(code),
        }
        for number, code in sorted((period_number(code), code) for code in codes)
        if number not in known
    ]
    if rows:
        connection.execute(inserting(connection, table).on_conflict_do_nothing(), rows)


def _series_ids(connection: Connection, owner_no: int, series: list[tuple[str, str, str]]) -> Integers:
    """The id of each series; those not known yet are made."""
    table = table_of(Series)
    wanted = (table.c.area_code, table.c.content, table.c.classes, table.c.series_id)
    found = connection.execute(select(*wanted).where(table.c.owner_no == owner_no))
    known = {(area, content, classes): number for area, content, classes, number in found}
    missing = [
        {"owner_no": owner_no, "area_code": area, "content": content, "classes": classes}
        for area, content, classes in series
        if (area, content, classes) not in known
    ]
    if missing:
        made = connection.execute(insert(table).returning(*wanted), missing)
        known.update({(area, content, classes): number for area, content, classes, number in made})
    return np.array([known[one] for one in series], dtype=np.int64)


# How a staged row, {staged}, finds what is stored. PostgreSQL knows nothing of temporary tables, and of a new owner
# that it has few observations: it would read all of them, or all that is staged for each of them. OFFSET 0 bids it
# to look up one after another. SQLite does so by itself.
_STORED = {
    "sqlite": """observation o
     ON o.owner_no = :owner_no AND o.series_id = {staged}.series_id AND o.period_no = {staged}.period_no""",
    "postgresql": """LATERAL (
    SELECT * FROM observation
    WHERE owner_no = :owner_no AND series_id = {staged}.series_id AND period_no = {staged}.period_no
    OFFSET 0) o ON true""",
}

_COMPARE = """
INSERT INTO changed (series_id, period_no, value, symbol, status, change_class)
SELECT i.series_id, i.period_no, i.value, i.symbol, i.status,
       CASE WHEN o.series_id IS NULL THEN 'new'
            WHEN o.change_class = 'withdrawn' THEN 'returned'
            WHEN i.value {differs} o.value THEN 'revised'
            WHEN i.symbol <> o.symbol THEN 'symbol'
            ELSE 'status' END
FROM incoming i
LEFT JOIN {stored}
WHERE o.series_id IS NULL OR o.change_class = 'withdrawn'
   OR i.value {differs} o.value OR i.symbol <> o.symbol OR i.status <> o.status"""

_WITHDRAW = """
INSERT INTO changed (series_id, period_no, value, symbol, status, change_class)
SELECT o.series_id, o.period_no, NULL, '', o.status, 'withdrawn'
FROM gone g
{then_join} {stored}
WHERE o.change_class <> 'withdrawn'"""

_WITHIN = """
  AND o.series_id IN (SELECT s.series_id FROM series s WHERE s.owner_no = :owner_no AND s.area_code IN :areas)"""

_RESTATE = """
UPDATE changed SET change_class = 'restated'
WHERE change_class = 'revised' AND series_id IN (
    SELECT series_id FROM series WHERE owner_no = :owner_no AND area_code IN :areas)"""

_ADD_VINTAGES = """
INSERT INTO vintage
    (owner_no, series_id, period_no, recorded_at, load_id, value, symbol, status, change_class)
SELECT :owner_no, series_id, period_no, :recorded_at, :load_id, value, symbol, status, change_class
FROM changed"""

_ADD_OBSERVATIONS = """
INSERT INTO observation
    (owner_no, series_id, period_no, load_id, recorded_at, value, vintages, symbol, status, change_class)
SELECT :owner_no, series_id, period_no, :load_id, :recorded_at, value, 1, symbol, status, change_class
FROM changed WHERE change_class = 'new'"""

# Not an UPDATE with a join: this finds each observation by its key, whatever the database believes of the tables.
_CHANGE_OBSERVATIONS = """
INSERT INTO observation
    (owner_no, series_id, period_no, load_id, recorded_at, value, vintages, symbol, status, change_class)
SELECT :owner_no, series_id, period_no, :load_id, :recorded_at, value, 1, symbol, status, change_class
FROM changed WHERE change_class <> 'new'
ON CONFLICT (owner_no, series_id, period_no) DO UPDATE
SET load_id = excluded.load_id, recorded_at = excluded.recorded_at, value = excluded.value,
    vintages = observation.vintages + 1, symbol = excluded.symbol, status = excluded.status,
    change_class = excluded.change_class"""


def _gone(
    connection: Connection, owner_no: int, given: Integers, absent: Literal["keep", "withdraw"] | pd.DataFrame
) -> Integers:
    """The keys of what is stored, is not among the `given`, and is to be withdrawn."""
    if isinstance(absent, str) and absent == "keep":
        return given[:0]
    stored = stored_keys(connection, owner_no)
    gone = stored[~np.isin(stored, given)]
    return gone if isinstance(absent, str) else gone[np.isin(gone, _keys(connection, owner_no, absent))]


def _keys(connection: Connection, owner_no: int, frame: pd.DataFrame) -> Integers:
    """The keys of the observations that the rows of `frame` name."""
    table = table_of(Series)
    known = {
        (row.content, row.classes, row.area_code): row.series_id
        for row in connection.execute(select(table).where(table.c.owner_no == owner_no))
    }
    columns = (frame[name].astype("str") for name in ("content", "classes", "area_code", "period"))
    named = [
        (known[content, classes, area], period_number(period))
        for content, classes, area, period in zip(*columns, strict=True)
        if (content, classes, area) in known
    ]
    found = np.array(named, dtype=np.int64).reshape(-1, 2)
    return key_of(found[:, 0], found[:, 1])


def _compare(
    connection: Connection,
    owner_no: int,
    *,
    gone: Integers,
    restated: Collection[str],
    within: Collection[str] | None,
) -> dict[str, int]:
    """Fills `changed` with what is to be written; how many by change class."""
    dialect = connection.dialect.name
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    compare = _COMPARE.format(differs=differs, stored=_STORED[dialect].format(staged="i"))
    connection.execute(text(compare), {"owner_no": owner_no})
    if restated:
        named = text(_RESTATE).bindparams(bindparam("areas", value=sorted(restated), expanding=True))
        connection.execute(named, {"owner_no": owner_no})
    if len(gone):
        stage_keys(connection, gone)
        join = "CROSS JOIN" if dialect == "sqlite" else "JOIN"  # which keeps SQLite to this order
        query = text(_WITHDRAW.format(then_join=join, stored=_STORED[dialect].format(staged="g")))
        if within is not None:
            query = text(query.text + _WITHIN).bindparams(
                bindparam("areas", value=sorted(within), expanding=True)
            )
        connection.execute(query, {"owner_no": owner_no})
        connection.execute(text("DROP TABLE gone"))
    counted = connection.execute(text("SELECT change_class, count(*) FROM changed GROUP BY change_class"))
    return {str(change_class): int(count) for change_class, count in counted}


def _write(connection: Connection, owner_no: int, load_id: int, recorded_at: datetime) -> None:
    at = bindparam("recorded_at", type_=Timestamp())
    values = {"owner_no": owner_no, "load_id": load_id, "recorded_at": recorded_at}
    for statement in (_ADD_VINTAGES, _ADD_OBSERVATIONS, _CHANGE_OBSERVATIONS):
        connection.execute(text(statement).bindparams(at), values)


# The newest period that has a value; where none has, the newest with a missing symbol. What is withdrawn has
# neither. `ranked` is read once: SQLite may go through all of it for each series where it is joined to itself.
_LATEST = """
INSERT INTO latest
    (series_id, indicator_id, area_code, class_code, period, value, symbol, status, previous_period,
     previous_value, year_before_period, year_before_value, recorded_at, load_id)
WITH ranked AS (
    SELECT o.series_id, o.period_no, o.value, o.symbol, o.status, o.recorded_at, o.load_id,
           row_number() OVER newest AS place,
           lead(o.period_no) OVER newest AS previous_no, lead(o.value) OVER newest AS previous_value
    FROM {figures}
    WHERE o.value IS NOT NULL OR o.symbol <> ''
    WINDOW newest AS (
        PARTITION BY o.series_id ORDER BY CASE WHEN o.value IS NULL THEN 1 ELSE 0 END, o.period_no DESC)
)
SELECT n.series_id, :indicator_id, s.area_code, s.classes, p.code, n.value, n.symbol, n.status,
       q.code, n.previous_value, z.code, y.value, n.recorded_at, n.load_id
FROM ranked n
JOIN series s ON s.series_id = n.series_id
JOIN period p ON p.period_no = n.period_no
LEFT JOIN period q ON q.period_no = n.previous_no AND n.previous_value IS NOT NULL
LEFT JOIN observation y ON y.owner_no = :owner_no AND y.series_id = n.series_id
    AND y.period_no = p.year_before_no AND y.value IS NOT NULL
LEFT JOIN period z ON z.period_no = y.period_no
WHERE n.place = 1"""


_OF_CHANGED_SERIES = """(
        SELECT * FROM observation
        WHERE owner_no = :owner_no AND series_id IN (SELECT series_id FROM changed)) o"""
_OF_ALL_SERIES = "(SELECT * FROM observation WHERE owner_no = :owner_no) o"


def _refresh_latest(connection: Connection, owner_no: int, indicator_id: str, *, is_first: bool) -> None:
    if not is_first:
        connection.execute(text("DELETE FROM latest WHERE series_id IN (SELECT series_id FROM changed)"))
    query = _LATEST.format(figures=_OF_ALL_SERIES if is_first else _OF_CHANGED_SERIES)
    connection.execute(text(query), {"owner_no": owner_no, "indicator_id": indicator_id})
