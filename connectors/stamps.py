"""When a source says it released something, where it may tell the moment or the day alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from connectors.cells import parse_stamp

_HELSINKI = ZoneInfo("Europe/Helsinki")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d\d?)\.(\d\d?)\.(\d{4})", re.ASCII)
_FIRST_MS, _LAST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2099


@dataclass(frozen=True)
class Stamp:
    """`at` is aware UTC; of a day alone it is that day's midnight in UTC, so that it shows as that day."""

    at: datetime
    is_day: bool

    def is_settled(self, fetched_at: datetime) -> bool:
        """Whether what was fetched at `fetched_at` (aware) is all that will ever come under this stamp.

        Under a day more may come until that day is over in Finland.
        """
        return not self.is_day or fetched_at.astimezone(_HELSINKI).date() > self.at.date()


def read_stamp(value: object) -> Stamp | None:
    """A stamp as sources write it; None where it is none.

    Read are 2026-04-01, 1.4.2026, times such as 2026-04-01T05:00:00Z (without an offset: UTC), and
    milliseconds since 1970.
    """
    if isinstance(value, int) and not isinstance(value, bool) and _FIRST_MS <= value <= _LAST_MS:
        return Stamp(datetime.fromtimestamp(value // 1000, UTC), is_day=False)
    if not isinstance(value, str):
        return None
    moment = parse_stamp(value)
    if moment is not None:
        return Stamp(moment, is_day=False)
    found = _DAY.fullmatch(value.strip())
    if found is None:
        return None
    year, month, day = (int(one) for one in (found.group(1, 2, 3) if found[1] else found.group(6, 5, 4)))
    try:
        told = date(year, month, day)
    except ValueError:
        return None
    return Stamp(datetime(told.year, told.month, told.day, tzinfo=UTC), is_day=True)
