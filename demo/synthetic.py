"""Synthetic tables: for every PxWeb dataset of the catalogue a table of StatFin's shape, with a made history.

For tests, benchmarks and looking at pages. The figures are seeded and plausible (inside the indicators' valid
ranges) and say nothing about the world; every table is marked `synthetic`, in its source text too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from demo.draft import TOTAL, Draft, Which, drafts
from demo.figures import Figures, made_up
from demo.table import SampleTable
from models.catalogue.catalogue import Catalogue
from models.period import parse_period
from models.table import Variable

SOURCE = "Synteettinen aineisto, ei Tilastokeskuksen lukuja"
STATEMENT = "Synthetic figures made by Mittaristo for tests; they are not figures of Statistics Finland."
UNTIL = date(2026, 9, 30)  # the day on which the tables stand, where no other is given

DATABASES = {"statfin": "StatFin", "visitfinland": "VisitFinland"}
_TIME_CODES = {
    "annual": "timeperiod_y",
    "school_year": "timeperiod_sy",
    "quarterly": "timeperiod_q",
    "monthly": "timeperiod_m",
    "weekly": "timeperiod_w",
}


def _has_areas(draft: Draft) -> bool:
    return draft.areas[0].code != ""


def _variables(draft: Draft) -> Iterator[Variable]:
    """The table's variables in order: area, classes, time, contents."""
    query = draft.parts[0].query
    if query is None:
        return
    if _has_areas(draft):
        # The employment service kept the code Alue in June 2026; airports are no statistical areas.
        dated = draft.areas[0].level != "" and not draft.table.startswith("tyonv/")
        codes = tuple(area.code for area in draft.areas)
        yield Variable(
            "alue_23_20260101" if dated else query.area[0],
            query.area[0],
            codes,
            tuple(area.name for area in draft.areas),
            elimination=TOTAL in codes,
            map="Alue 2026" if dated else "",
        )
    for one in draft.class_values:
        yield Variable(
            one.code,
            one.text,
            tuple(value.code for value in one.values),
            tuple(value.text for value in one.values),
            elimination=True,
        )
    star = "*" if draft.parts[0].preliminary else ""
    frequency = parse_period(draft.periods[0]).frequency
    yield Variable(
        _TIME_CODES[frequency],
        query.time[0],
        tuple(draft.periods),
        tuple(f"{period}{star}" for period in draft.periods),
        time=True,
    )
    yield Variable(
        "contentscode",
        (query.contents_variable or ("Tiedot",))[0],
        tuple(content.code for content in draft.content_values),
        tuple(content.text for content in draft.content_values),
    )


def _table(draft: Draft, figures: Figures) -> SampleTable:
    variables = tuple(_variables(draft))
    star = "*" if draft.parts[0].preliminary else ""
    first, last = draft.periods[0], draft.periods[-1]
    covered = f"{first}{star}" if first == last else f"{first}{star}-{last}{star}"
    with_areas = _has_areas(draft)
    return SampleTable(
        table=draft.table,
        title=f"{draft.table.split('/')[1]} -- {draft.parts[0].title_fi}, {covered}",
        contents=draft.parts[0].title_fi,
        variables=variables,
        values=figures.values if with_areas else figures.values[0],
        symbols=figures.symbols if with_areas else figures.symbols[0],
        updated=draft.released,
        source=SOURCE,
        area_variable=variables[0].code if with_areas else "",
        totals={one.code: TOTAL for one in variables if TOTAL in one.values},
        units={content.code: content.unit for content in draft.content_values},
        decimals={value.code: 1 if value.code in figures.rates else 0 for value in draft.content_values},
        summable=frozenset(content.code for content in draft.content_values if content.summable),
        stub=tuple(one.code for one in variables if not one.time and one.code != "contentscode"),
        statement=STATEMENT,
        synthetic=True,
        database=DATABASES[draft.parts[0].source],
    )


def synthetic_tables(
    catalogue: Catalogue, *, seed: int = 1, areas: Which = "catalogue", until: date = UNTIL
) -> Mapping[str, SampleTable]:
    """A table for every PxWeb table of the catalogue, by name; datasets that share a table share it here too.

    Each has every content, class value and area that its datasets ask for and some that nobody asks for,
    from its first period to the last published by `until`; with areas="all", every area of its levels. The
    same seed gives the same figures, also when a later `until` adds periods. Raises SampleError where an
    indicator's range leaves no room.
    """
    drafted = drafts(catalogue, areas, until)
    figures = made_up(catalogue, drafted, seed)
    return {table: _table(draft, figures[table]) for table, draft in drafted.items()}
