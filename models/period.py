"""Periods as Statistics Finland writes them: 2025, 2025Q1, 2025M06, 2026W23, and school years 2023/2024."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from models.errors import MittaristoError

Frequency = Literal["annual", "quarterly", "monthly", "weekly", "school_year"]

_FORM = re.compile(r"([0-9]{4})(?:Q([1-4])|M(0[1-9]|1[0-2])|W(0[1-9]|[1-4][0-9]|5[0-3])|/([0-9]{4}))?")
_SCHOOL_YEAR = re.compile(r"([0-9]{4})\s*[-–/]\s*([0-9]{4})")


class PeriodError(MittaristoError):
    """A text that is no period, or a step to a period outside the years 1000-9998."""


@dataclass(frozen=True, order=True)
class Period:
    """One period: its code, its first and last day (both inclusive), its frequency."""

    start: date
    end: date
    code: str
    frequency: Frequency


def _first_of_next_month(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


@lru_cache(maxsize=4096)
def parse_period(code: str) -> Period:
    """The period that `code` names. Raises PeriodError for anything else, also years outside 1000-9998."""
    found = _FORM.fullmatch(code)
    if found is None or not 1000 <= int(found[1]) <= 9998:
        raise PeriodError(
            f"{code[:40]!r} is no period; expected e.g. 2025, 2025Q1, 2025M06, 2026W23 or 2023/2024"
        )
    year = int(found[1])
    if found[2]:
        quarter = int(found[2])
        end = _first_of_next_month(year, 3 * quarter) - timedelta(days=1)
        return Period(date(year, 3 * quarter - 2, 1), end, code, "quarterly")
    if found[3]:
        month = int(found[3])
        return Period(
            date(year, month, 1), _first_of_next_month(year, month) - timedelta(days=1), code, "monthly"
        )
    if found[4]:
        try:
            monday = date.fromisocalendar(year, int(found[4]), 1)
        except ValueError as error:
            raise PeriodError(f"'{code}' is no period: {year} has no week {found[4]}") from error
        return Period(monday, monday + timedelta(days=6), code, "weekly")
    if found[5]:
        if int(found[5]) != year + 1:
            raise PeriodError(f"'{code}' is no school year: the second year must follow the first")
        return Period(date(year, 8, 1), date(year + 1, 7, 31), code, "school_year")
    return Period(date(year, 1, 1), date(year, 12, 31), code, "annual")


def from_source(code: str) -> str:
    """Our code of a period as a source writes it.

    It is the same but for spaces around it and for the dash of school years (2023-2024). Raises PeriodError
    for what is no period.
    """
    trimmed = code.strip()
    school_year = _SCHOOL_YEAR.fullmatch(trimmed)
    return parse_period(f"{school_year[1]}/{school_year[2]}" if school_year else trimmed).code


def shift(code: str, steps: int) -> str:
    """The code of the period `steps` periods after `code` (before it where negative).

    Raises PeriodError where that lies outside the years 1000-9998.
    """
    period = parse_period(code)
    year = period.start.year
    match period.frequency:
        case "annual":
            moved = f"{year + steps:04d}"
        case "school_year":
            moved = f"{year + steps:04d}/{year + steps + 1:04d}"
        case "quarterly":
            index = year * 4 + (period.start.month - 1) // 3 + steps
            moved = f"{index // 4:04d}Q{index % 4 + 1}"
        case "monthly":
            index = year * 12 + period.start.month - 1 + steps
            moved = f"{index // 12:04d}M{index % 12 + 1:02d}"
        case "weekly":
            try:
                iso = (period.start + timedelta(weeks=steps)).isocalendar()
            except OverflowError as error:
                raise PeriodError(f"'{code}' moved by {steps} weeks is no period") from error
            moved = f"{iso.year:04d}W{iso.week:02d}"
    return parse_period(moved).code


def span(first: str, last: str) -> tuple[str, ...]:
    """All periods from `first` to `last`, both included, in order; () where `last` comes before `first`.

    Raises PeriodError where the two are of different frequencies.
    """
    start, end = parse_period(first), parse_period(last)
    if start.frequency != end.frequency:
        raise PeriodError(f"'{first}' and '{last}' are not of one frequency; compare like with like")
    codes = []
    code = first
    while parse_period(code).start <= end.start:
        codes.append(code)
        if code == last:
            break
        code = shift(code, 1)
    return tuple(codes)


def in_year(code: str, year: int) -> str:
    """The period of `year` that corresponds to `code`: the same month, quarter or week.

    Week 53 becomes the last week where the year has none. A school year belongs to the year in which it
    begins. Raises PeriodError for a year outside 1000-9998.
    """
    period = parse_period(code)
    if not 1000 <= year <= 9998:
        raise PeriodError(f"'{code}' cannot be moved to a year outside 1000-9998")
    match period.frequency:
        case "annual":
            moved = f"{year:04d}"
        case "school_year":
            moved = f"{year:04d}/{year + 1:04d}"
        case "weekly":
            last = date(year, 12, 28).isocalendar().week
            moved = f"{year:04d}W{min(period.start.isocalendar().week, last):02d}"
        case _:
            moved = f"{year:04d}{code[4:]}"
    return parse_period(moved).code


def year_of(code: str) -> int:
    """The year a period belongs to: that of its code, for a school year the one in which it begins."""
    return int(parse_period(code).code[:4])


def year_before(code: str) -> str:
    """The same period a year earlier; for week 53 the last week of the year before."""
    return in_year(code, year_of(code) - 1)
