"""What a synthetic table will hold, before it has figures: areas, periods, contents and classes, merged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from demo.sample import load_sample
from models.area import Area, AreaLevel
from models.catalogue.catalogue import Catalogue
from models.dataset import ContentChoice, Dataset, ValueChoice
from models.period import parse_period, shift
from models.resolution import plain

Which = Literal[
    "catalogue", "all"
]  # areas: those the catalogue asks for and a few more, or all of its levels

_LEVEL_CODES: Mapping[AreaLevel, str] = {
    "municipality": r"KU\d{3}",
    "subregion": r"SK\d{3}",
    "region": r"MK\d{2}",
    "country": "SSS",
}
TOTAL = "SSS"  # the code of every total
_STEPS = {"every_2_years": 2, "every_4_years": 4}


@dataclass
class DraftValue:
    """A value of a variable, with every spelling and code hint by which the catalogue means it."""

    code: str
    text: str
    labels: set[str]
    hints: set[str]


@dataclass
class DraftContent(DraftValue):
    """A content, with the unit it is published in and whether it is a count."""

    unit: str = ""
    summable: bool = False


@dataclass
class DraftClass:
    """A class variable with its values, the total first; `spellings` are the texts it goes by."""

    code: str
    text: str
    spellings: set[str]
    values: list[DraftValue]


@dataclass(frozen=True)
class DraftArea:
    """An area value with its share of the whole country; `level` is '' where it is no statistical area."""

    code: str
    name: str
    share: float
    level: str


@dataclass
class Draft:
    """A table before it has figures; `contents` and `keys` lead from a dataset's keys to its codes."""

    table: str
    parts: list[Dataset]
    areas: list[DraftArea]  # one, with the code '', in a table of the whole country
    periods: list[str]
    released: datetime
    content_values: list[DraftContent] = field(default_factory=list)
    class_values: list[DraftClass] = field(default_factory=list)
    contents: dict[tuple[str, str], str] = field(default_factory=dict)  # dataset, content key
    keys: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)  # dataset, class, key


def _released(period: str, lag_days: int) -> datetime:
    """When a period comes out: a weekday at 08:00 in Helsinki, as aware UTC."""
    day = parse_period(period).end + timedelta(days=lag_days)
    day += timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))
    last_sundays = []
    for month in (3, 10):
        last = date(day.year, month, 31)
        last_sundays.append(last - timedelta(days=(last.weekday() + 1) % 7))
    summer = last_sundays[0] <= day < last_sundays[1]
    return datetime(day.year, day.month, day.day, 5 if summer else 6, tzinfo=UTC)


def _periods(parts: Sequence[Dataset], until: date) -> tuple[list[str], datetime]:
    """The periods published by `until`, oldest first, and when the last came out."""
    lag = parts[0].lag_days
    step = _STEPS.get(parts[0].frequency, 1)
    first = min((part.first_period for part in parts), key=lambda code: parse_period(code).start)
    periods = [first]
    while _released(shift(periods[-1], step), lag).date() <= until:
        periods.append(shift(periods[-1], step))
    return periods, _released(periods[-1], lag)


def _statistical_areas() -> list[DraftArea]:
    """The areas of the sample's population table, in StatFin's order; populations serve as shares."""
    table = load_sample()["vaerak/11ra"]
    areas = table.variable(table.area_variable)
    people = table.values[:, 0, 0]
    return [
        DraftArea(code, text, float(count / people[0]), level)
        for code, text, count in zip(areas.values, areas.texts, people, strict=True)
        for level, form in _LEVEL_CODES.items()
        if re.fullmatch(form, code)
    ]


def _areas(
    catalogue: Catalogue, parts: Sequence[Dataset], which: Which, known: Sequence[DraftArea]
) -> list[DraftArea]:
    """The area values of a table: those the catalogue asks for and some more, or all of their levels."""
    queries = [part.query for part in parts if part.query is not None]
    if not any(query.area for query in queries):
        return [DraftArea("", "", 1.0, "country")]
    levels = {level for query in queries for level in query.levels}
    asked: dict[str, Area] = {area.code: area for part in parts for area in catalogue.areas_for(part)}
    areas, strangers = [], Counter[str]()
    for area in known:
        if area.level in levels:
            strangers[area.level] += area.code not in asked
            if which == "all" or area.code in asked or strangers[area.level] <= 2:
                areas.append(area)
    held = {area.code for area in areas}
    areas += [
        DraftArea(one.code, one.name_fi, 0.005, one.level)
        for one in asked.values()
        if one.level in _LEVEL_CODES and one.code not in held
    ]
    others = [one.name_fi for one in asked.values() if one.level not in _LEVEL_CODES]
    if others:
        others.append("Muu asema")
    return areas + [
        DraftArea(f"A{place:02d}", name, 0.3 / place, "") for place, name in enumerate(others, start=1)
    ]


def _text(choice: ValueChoice) -> str:
    if choice.label:
        return choice.label[0]
    if choice.starts_with:
        return f"{choice.starts_with[0].strip()} luokka"
    return choice.key


def _same(held: Iterable[DraftValue], choice: ValueChoice) -> DraftValue | None:
    """The value that another part of the table has taken up for the same choice already."""
    labels = {plain(label) for label in (*choice.label, _text(choice))}
    hints = {hint.casefold() for hint in choice.code}
    return next((value for value in held if value.labels & labels or value.hints & hints), None)


def _take_contents(draft: Draft) -> None:
    subject = draft.table.split("/")[0]
    for part in draft.parts:
        for choice in part.content_choices:
            held = _same(draft.content_values, choice)
            if held is None:
                held = _new_content(draft, subject, choice)
            draft.contents[part.id, choice.key] = held.code
    for number in (1, 2):
        text = f"Muu tieto {number} (lkm)"
        draft.content_values.append(
            DraftContent(f"{subject}-muu{number}", text, {plain(text)}, set(), "", summable=True)
        )


def _new_content(draft: Draft, subject: str, choice: ContentChoice) -> DraftContent:
    name = choice.code[0] if choice.code else f"tieto{len(draft.content_values) + 1:02d}"
    # The employment service statistics kept their codes in June 2026; the others got a prefix.
    code = name if subject == "tyonv" else f"{subject}-{name}"
    held = DraftContent(
        code,
        _text(choice),
        {plain(label) for label in (*choice.label, _text(choice))},
        {hint.casefold() for hint in choice.code},
        choice.unit,
        choice.summable,
    )
    draft.content_values.append(held)
    return held


def _take_classes(draft: Draft) -> None:
    for part in draft.parts:
        for asked in part.class_variables:
            spellings = {plain(text) for text in asked.variable}
            variable = next((one for one in draft.class_values if one.spellings & spellings), None)
            if variable is None:
                number = len(draft.class_values) + 1
                total = DraftValue(TOTAL, "Yhteensä", {"yhteensä"}, {"sss"})
                variable = DraftClass(f"luokitus{number}_9_20180101", asked.variable[0], spellings, [total])
                draft.class_values.append(variable)
            for choice in asked.take:
                value: DraftValue | None = (
                    variable.values[0] if choice.total else _same(variable.values[1:], choice)
                )
                if value is None:
                    value = DraftValue(
                        choice.code[0] if choice.code else f"k{len(variable.values):02d}",
                        _text(choice),
                        {plain(label) for label in (*choice.label, _text(choice))},
                        {hint.casefold() for hint in choice.code},
                    )
                    variable.values.append(value)
                draft.keys[part.id, asked.name, choice.key] = (variable.code, value.code)
    for variable in draft.class_values:
        variable.values.append(DraftValue("muu", "Muu tai tuntematon", {"muu tai tuntematon"}, set()))


def drafts(catalogue: Catalogue, areas: Which, until: date) -> dict[str, Draft]:
    """A draft for each PxWeb table of the catalogue, by its name; datasets that share a table are merged."""
    by_table: dict[str, list[Dataset]] = {}
    for dataset in catalogue.datasets.values():
        if dataset.query is not None:
            by_table.setdefault(dataset.table, []).append(dataset)
    known = _statistical_areas()
    made = {}
    for table, parts in by_table.items():
        periods, released = _periods(parts, until)
        draft = Draft(table, parts, _areas(catalogue, parts, areas, known), periods, released)
        _take_contents(draft)
        _take_classes(draft)
        made[table] = draft
    return made
