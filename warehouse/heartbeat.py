"""Signs of life, so that whether the schedules still run can be told from the warehouse alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from models.problems import Beat
from warehouse import tables
from warehouse.times import utc_now

_TABLE = tables.table_of(tables.Heartbeat)


def beat(
    connection: Connection, name: str, interval_seconds: float, *, beat_at: datetime | None = None
) -> None:
    """Writes that the part `name` is alive (now, or at `beat_at`) and gives the next sign within `interval_seconds`.

    It counts as dead when no sign came for twice that long. A part that was stopped on purpose counts as dead too:
    nobody could tell that from one that was stopped by mistake.
    """
    row = {"beat_at": beat_at or utc_now(), "interval_seconds": interval_seconds}
    insert = tables.inserting(connection, _TABLE).values(name=name, **row)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=row))


def forget(connection: Connection, name: str) -> None:
    """Expects no more signs of life of the part `name`, which is gone for good."""
    connection.execute(delete(_TABLE).where(_TABLE.c.name == name))


def beats(connection: Connection) -> tuple[Beat, ...]:
    """The last sign of life of every part that ever gave one, by name."""
    query = select(_TABLE).order_by(_TABLE.c.name)
    return tuple(Beat(**row) for row in connection.execute(query).mappings())
