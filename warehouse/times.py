"""Times as they are stored: always aware UTC in Python, sortable in both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, String
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from warehouse.errors import WarehouseError


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """`moment` in UTC. Raises WarehouseError for a naive one: guessing its zone would falsify history."""
    if moment.tzinfo is None:
        raise WarehouseError(f"the time {moment.isoformat()} has no time zone; give an aware one")
    return moment.astimezone(UTC)


def time_text(moment: datetime) -> str:
    """`moment` as SQLite keeps it: 2026-07-21T05:00:00.000000+00:00; of one width, so it sorts."""
    return as_utc(moment).isoformat(timespec="microseconds")


class Timestamp(TypeDecorator[datetime]):
    """A moment: timestamptz in PostgreSQL, text of fixed width in SQLite, an aware UTC datetime in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, timestamptz elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What is sent to the database."""
        if value is None:
            return None
        return time_text(value) if dialect.name == "sqlite" else as_utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What comes from the database."""
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else as_utc(value)
