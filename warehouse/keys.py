"""Small keys: whole numbers for periods, names for owners."""

from __future__ import annotations

from functools import lru_cache

from models.period import parse_period, year_before

_DIGIT = {"weekly": 1, "monthly": 2, "quarterly": 3, "annual": 4, "school_year": 5}
INDICATOR = "indicator/"


@lru_cache(maxsize=8192)
def period_number(code: str) -> int:
    """The period as a number that sorts by its last day: 2025M06 is 202506302.

    The day, then a digit for the frequency. The same in every database, so that it never has to be looked up.
    Raises PeriodError.
    """
    period = parse_period(code)
    return int(period.end.strftime("%Y%m%d")) * 10 + _DIGIT[period.frequency]


def year_before_number(code: str) -> int:
    """The number of the same period a year earlier."""
    return period_number(year_before(code))


def indicator_owner(indicator_id: str) -> str:
    """The owner under which an indicator's values are stored."""
    return INDICATOR + indicator_id
