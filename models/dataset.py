"""Datasets: one query to one source table that we keep up to date, said by meaning and not by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.area import AreaLevel

Labels = Literal["verified", "partly", "assumed"]
DatasetFrequency = Literal[
    "annual", "quarterly", "monthly", "weekly", "every_4_years", "per_survey", "every_2_years"
]


@dataclass(frozen=True)
class Source:
    """One provider. `base_url` can be overridden by MITTARISTO_URL_<SOURCE>."""

    id: str
    name_fi: str
    name_en: str
    base_url: str
    licence: str
    attribution_fi: str
    attribution_en: str
    automatic: bool
    note_fi: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class ValueChoice:
    """How to find exactly one value of a variable.

    `total` asks for the variable's total. Otherwise `label` lists spellings of its text (any may match),
    `starts_with` beginnings of its text, and `code` spellings of its code without the prefix that ends in a
    hyphen.
    """

    key: str
    label: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    total: bool = False


@dataclass(frozen=True)
class ContentChoice(ValueChoice):
    """One content (figure) of a table, with the unit it is published in."""

    unit: str = ""
    summable: bool = False  # a count: may be added over municipalities


@dataclass(frozen=True)
class ClassVariable:
    """A variable whose values are kept apart (or totalled), found by its Finnish text.

    `name` is our key for it.
    """

    name: str
    variable: tuple[str, ...]
    take: tuple[ValueChoice, ...]


@dataclass(frozen=True)
class TableQuery:
    """What is asked of a PxWeb table. `area` is empty for tables of the whole country only."""

    area: tuple[str, ...]  # spellings of the area variable's text
    levels: tuple[AreaLevel, ...]
    time: tuple[str, ...]
    contents_variable: tuple[str, ...]
    contents: tuple[ContentChoice, ...]
    classes: tuple[ClassVariable, ...] = ()
    area_names: tuple[
        str, ...
    ] = ()  # for areas that are no statistical areas (airports): their names, by label


@dataclass(frozen=True)
class Dataset:
    """One dataset; `id` is <source>/<subject>/<table>, with #part where one table is asked twice.

    `query` is set for PxWeb sources; the others carry what they ask in `request`, read by their connector,
    and say their `levels`, `contents` and `classes` themselves (a class that takes nothing keeps every
    value the source has apart, under the source's own text). Read these through `area_levels`,
    `content_choices` and `class_variables`. `lag_days` counts from the end of a period to its usual
    publication (negative for budgets, which come before it), `grace_days` from there to `late`.
    """

    id: str
    source: str
    table: str
    title_fi: str
    title_en: str
    frequency: DatasetFrequency
    first_period: str
    lag_days: int
    grace_days: int
    labels: Labels
    query: TableQuery | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[AreaLevel, ...] = ()  # of sources other than PxWeb; for PxWeb see query.levels
    contents: tuple[ContentChoice, ...] = ()  # of sources other than PxWeb; for PxWeb see query.contents
    classes: tuple[ClassVariable, ...] = ()  # of sources other than PxWeb; for PxWeb see query.classes
    preliminary: bool = False  # every value is preliminary, whatever the stars say
    rolling: bool = False  # the source drops its oldest periods
    note_fi: str = ""
    note_en: str = ""
    web_url: str = ""  # the source's own page for people
    lag_fi: str = ""  # the usual delay in words
    lag_en: str = ""

    @property
    def area_levels(self) -> tuple[AreaLevel, ...]:
        """The levels at which areas are asked, whatever the kind of source."""
        return self.query.levels if self.query else self.levels

    @property
    def content_choices(self) -> tuple[ContentChoice, ...]:
        """The contents asked, whatever the kind of source."""
        return self.query.contents if self.query else self.contents

    @property
    def class_variables(self) -> tuple[ClassVariable, ...]:
        """The class variables asked, whatever the kind of source."""
        return self.query.classes if self.query else self.classes
