"""The sign of life of each schedule: given by the runs it starts, missed when a look did not take place.

A look at a source is minutes or days after the one before it (nothing is published on weekends), so each beat says
anew how long the next may take. That it counts as dead after twice its interval is the rule for all beats; the interval
written is half the time until PATIENCE after the next look.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from models.problems import SCHEDULE_BEAT
from models.schedule import looks_of, next_looks
from warehouse.heartbeat import beat, beats, forget

PATIENCE = timedelta(hours=2)  # the machine may be busy, or just be started again


def beat_schedule(connection: Connection, source: str, now: datetime) -> None:
    """Writes that the schedule of `source` is alive at `now` (aware), and until when its next look is waited for."""
    (look,) = next_looks(looks_of(source), now, 1)
    until = look.astimezone(UTC) + PATIENCE
    interval = (until - now).total_seconds() / 2
    beat(connection, f"{SCHEDULE_BEAT}{source}", interval, beat_at=now)


def expect_schedules(connection: Connection, sources: Collection[str], now: datetime) -> None:
    """From now on each of `sources` is to be looked at by its schedule, and no other; nothing where that is known."""
    known = {one.name for one in beats(connection) if one.name.startswith(SCHEDULE_BEAT)}
    wanted = {f"{SCHEDULE_BEAT}{source}": source for source in sources}
    for name in known - wanted.keys():
        forget(connection, name)
    for name, source in wanted.items():
        if name not in known:
            beat_schedule(connection, source, now)
