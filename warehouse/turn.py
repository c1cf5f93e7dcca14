"""Turns: what changes the warehouse's figures comes one after another, whatever the source."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, text

from warehouse import tables

_TURN_KEY = 7_203_214_412  # of the PostgreSQL advisory lock that the one whose turn it is holds
_OWNER, _VERSION, _QUARANTINE, _STATE, _ANSWER = (
    tables.table_of(one)
    for one in (
        tables.Owner,
        tables.CatalogueVersion,
        tables.Quarantine,
        tables.DatasetState,
        tables.AnswerVintage,
    )
)
_MOMENTS = (
    _OWNER.c.last_recorded_at,
    _VERSION.c.recorded_at,
    _QUARANTINE.c.opened_at,
    _QUARANTINE.c.decided_at,
    _STATE.c.last_fetch,
    _ANSWER.c.recorded_at,
)


def take_turn(connection: Connection) -> datetime | None:
    """Waits until no other turn is open, and holds this one until the transaction ends.

    Gives the time of the newest thing that was applied before. `connection` is one of warehouse.engine.writing.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURN_KEY})
    return newest_moment(connection)


def newest_moment(connection: Connection) -> datetime | None:
    """The time of the newest thing that was applied.

    A vintage, a state of the catalogue, a quarantine, a decision, a fetch without news, an answer of people; None where
    nothing was.
    """
    found = [connection.execute(select(func.max(one))).scalar_one() for one in _MOMENTS]
    return max((one for one in found if one is not None), default=None)
