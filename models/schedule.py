"""When a source is looked at: wall-clock times in Finland, right over both clock changes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = "Europe/Helsinki"
_HELSINKI = ZoneInfo(ZONE)
_CLOCK_CHANGE_HOUR = 3  # the hour that is missing once a year and comes twice once a year
EVERY_DAY = frozenset(range(1, 8))
WEEKDAYS = frozenset(range(1, 6))


@dataclass(frozen=True)
class Look:
    """One time of day at which a source is asked whether it has something new, on these ISO weekdays (1 is Monday).

    Raises ValueError for a time that a clock change skips or repeats, and for no day at all.
    """

    at: time
    weekdays: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if self.at.hour == _CLOCK_CHANGE_HOUR or self.at.tzinfo is not None:
            raise ValueError(f"{self.at} is no look: it must be Finnish time, and not between 03 and 04")
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise ValueError(f"{sorted(self.weekdays)} are no ISO weekdays")


# StatFin publishes on weekdays at 08:00; the second look is our own caution. Not on the hour, when everybody asks,
# and hours apart: its server keeps an answer for two minutes after it was last asked for.
_LOOKS: Mapping[str, tuple[Look, ...]] = {
    "statfin": (Look(time(8, 7), WEEKDAYS), Look(time(12, 23), WEEKDAYS)),
    "kuntatalous": (
        Look(time(6, 41), frozenset({3})),
    ),  # its listing is 10 MB, its reports come a few times a year
    # renewed once or twice a year; trains by the week that ended on Sunday; layers of the moment, kept by quarter;
    # tens of thousands of rows, which municipalities send late
    "traficom_broadband": (Look(time(6, 17), frozenset({1})),),
    "digitraffic_rail": (Look(time(6, 33), frozenset({2})),),
    "vayla": (Look(time(6, 23), frozenset({4})),),
    "ryhti": (Look(time(6, 47), frozenset({5})),),
}


def looks_of(source: str) -> tuple[Look, ...]:
    """When `source` is looked at: by its own rhythm, else daily shortly after 06, each source at another minute."""
    minute = 5 + zlib.crc32(source.encode()) % 50
    return _LOOKS.get(source, (Look(time(6, minute)),))


def next_looks(looks: Sequence[Look], after: datetime, count: int) -> list[datetime]:
    """The first `count` moments after `after` (aware) at which `looks` fall, in order, in Finnish time."""
    found: list[datetime] = []
    day: date = after.astimezone(_HELSINKI).date()
    while len(found) < count:
        for look in sorted(looks, key=lambda one: one.at):
            moment = datetime.combine(day, look.at, _HELSINKI)
            # in UTC: two times of one zone are compared by their wall clocks
            if day.isoweekday() in look.weekdays and moment.astimezone(UTC) > after.astimezone(UTC):
                found.append(moment)
        day += timedelta(days=1)
    return found[:count]


def cron(look: Look) -> str:
    """`look` as a cron line, to be read in ZONE."""
    days = "*" if look.weekdays == EVERY_DAY else ",".join(map(str, sorted(look.weekdays)))
    return f"{look.at.minute} {look.at.hour} * * {days}"
