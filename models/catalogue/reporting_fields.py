"""The keys of meters and indicators that people answer for: how often, by when, from which period on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from models.catalogue.fields import Draft, Fields
from models.catalogue.items import Item
from models.period import Frequency, PeriodError, parse_period
from models.programme import Reporting, Rhythm

RHYTHMS: tuple[Rhythm, ...] = get_args(Rhythm)
FREQUENCY_OF: dict[Rhythm, Frequency] = {
    "monthly": "monthly",
    "quarterly": "quarterly",
    "annual": "annual",
    "every_2_years": "annual",
}
DUE_DAYS: dict[Rhythm, int] = {"monthly": 15, "quarterly": 30, "annual": 60, "every_2_years": 60}
GRACE_DAYS: dict[Rhythm, int] = {"monthly": 15, "quarterly": 30, "annual": 30, "every_2_years": 30}
MOST_DAYS = 730


@dataclass(frozen=True)
class Asked:
    """How often something is asked, and by when; fields as of models.programme.Meter."""

    rhythm: Rhythm
    rhythm_assumed: bool
    due_days: int | None
    grace_days: int | None
    first_period: str
    last_period: str


def steps_of(frequency: str) -> Rhythm:
    """The steps of the periods that a figure of this `frequency` is of; a survey's are years."""
    return next((one for one in RHYTHMS if one == frequency), "annual")


def read_asked(f: Fields, steps: Rhythm | None, default: Rhythm) -> Asked:
    """The keys rhythm, rhythm_assumed, due_days, grace_days, first_period and last_period of an entry.

    `steps` are those of its periods, None where they are the rhythm's; without a rhythm it is the `default`, assumed.
    """
    named = f.has("rhythm")
    rhythm = f.choice("rhythm", RHYTHMS, default=default)
    assumed = f.flag("rhythm_assumed") if f.has("rhythm_assumed") else not named
    f.known.append("rhythm_assumed")
    due = _optional_days(f, "due_days")
    grace = _optional_days(f, "grace_days")
    first, last = (_period(f, key, steps or rhythm) for key in ("first_period", "last_period"))
    if first and last and parse_period(last).start < parse_period(first).start:
        f.wrong(f.item.entries["last_period"].place, f"'last_period' {last} is before 'first_period' {first}")
    return Asked(rhythm, assumed, due, grace, first, last)


def read_reporting(draft: Draft, f: Fields, first_year: int, last_year: int) -> Reporting:
    """The programme's key `reporting`, with the defaults where it, or a part of it, is not given."""
    item = f.take("reporting")
    if item is None:
        return Reporting(first_year, DUE_DAYS, GRACE_DAYS)
    inner = f.inner(item, "reporting")
    year = inner.integer("first_year", 1900, 2200) if inner.has("first_year") else first_year
    inner.known.append("first_year")
    if inner.ok and not first_year <= year <= last_year:
        place = item.entries["first_year"].place
        inner.wrong(place, f"'first_year' {year} is not in the programme's years {first_year}-{last_year}")
    due = _days(inner, "due_days", DUE_DAYS)
    grace = _days(inner, "grace_days", GRACE_DAYS)
    inner.done()
    return Reporting(year, due, grace)


def _days(f: Fields, key: str, defaults: dict[Rhythm, int]) -> dict[Rhythm, int]:
    item: Item | None = f.take(key)
    if item is None:
        return defaults
    inner = f.inner(item, key)
    found = {
        rhythm: inner.integer(rhythm, 0, MOST_DAYS) if inner.has(rhythm) else days
        for rhythm, days in defaults.items()
    }
    inner.known.extend(RHYTHMS)
    inner.done()
    return found


def _optional_days(f: Fields, key: str) -> int | None:
    f.known.append(key)
    return f.integer(key, 0, MOST_DAYS) if f.has(key) else None


def _period(f: Fields, key: str, steps: Rhythm) -> str:
    text = f.text(key, required=False)
    if not text:
        return ""
    place = f.item.entries[key].place
    try:
        period = parse_period(text)
    except PeriodError as error:
        f.wrong(place, f"'{key}': {error}")
        return ""
    if period.frequency != FREQUENCY_OF[steps]:
        f.wrong(place, f"'{key}' is {text}, which is no period of what is {steps}")
        return ""
    return text
