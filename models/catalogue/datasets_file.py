"""`sources.yaml` and `datasets/*.yaml`: who publishes, and what is asked of each table."""

from __future__ import annotations

import re
from typing import get_args

from models.area import Area, AreaLevel
from models.catalogue.areas_file import AREA_LEVELS, STATISTICAL
from models.catalogue.fields import Draft, Fields, Reference
from models.catalogue.items import Item
from models.dataset import (
    ClassVariable,
    ContentChoice,
    Dataset,
    DatasetFrequency,
    Labels,
    Source,
    TableQuery,
    ValueChoice,
)
from models.period import Frequency, PeriodError, parse_period

FREQUENCIES: tuple[DatasetFrequency, ...] = get_args(DatasetFrequency)
LABELS: tuple[Labels, ...] = get_args(Labels)
# Keys are kept in the database for ever, as `age=a25_29;sex=total`.
_KEY = re.compile(r"[a-z0-9][a-z0-9_]*")
_PERIODS: dict[DatasetFrequency, tuple[Frequency, ...]] = {
    "annual": ("annual", "school_year"),
    "every_2_years": ("annual",),
    "every_4_years": ("annual",),
    "per_survey": ("annual", "quarterly", "monthly"),
    "quarterly": ("quarterly",),
    "monthly": ("monthly",),
    "weekly": ("weekly",),
}


def read_sources(draft: Draft, item: Item) -> dict[str, Source]:
    """The sources of `sources.yaml` by id, those without problems."""
    found = {}
    f = Fields(draft, item, "sources")
    for id, one in item.entries.items():
        draft.declare("source", id, one.place)
        s = Fields(draft, one, f"source '{id}'")
        automatic = s.flag("automatic", required=True)
        attribution_fi, attribution_en = s.both("attribution")
        name_fi, name_en = s.both("name")
        note_fi, note_en = s.both("note", required=False)
        source = Source(
            id=id,
            name_fi=name_fi,
            name_en=name_en,
            base_url=s.text("base_url", required=automatic),
            licence=s.text("licence", required=automatic),
            attribution_fi=attribution_fi,
            attribution_en=attribution_en,
            automatic=automatic,
            note_fi=note_fi,
            note_en=note_en,
        )
        if source.base_url and not source.base_url.startswith(("https://", "http://")):
            s.wrong(
                one.place, f"'base_url' is '{source.base_url}', which is no address beginning with https://"
            )
        if s.done():
            found[id] = source
    if f.ok and not found and not draft.problems:
        f.wrong(item.place, "there is no source")
    return found


def read_datasets(draft: Draft, item: Item, areas: tuple[Area, ...]) -> dict[str, Dataset]:
    """The datasets of one file by id, those without problems. `areas` are all the catalogue has."""
    Fields(draft, item, "datasets")
    found = {}
    for id, one in item.entries.items():
        draft.declare("dataset", id, one.place)
        dataset = _dataset(draft, id, one, areas)
        if dataset is not None and draft.place("dataset", id) == one.place:
            found[id] = dataset
    return found


def _dataset(draft: Draft, id: str, item: Item, areas: tuple[Area, ...]) -> Dataset | None:
    f = Fields(draft, item, f"dataset '{id}'")
    source, slash, rest = id.partition("/")
    table, _, _ = rest.partition("#")
    if not slash or not source or not table:
        f.wrong(item.place, "the id must be <source>/<table>, with #part where one table is asked twice")
    else:
        draft.references.append(Reference(item.place, f.what, "source", source))
    frequency = f.choice("frequency", FREQUENCIES)
    title_fi, title_en = f.both("title")
    lag_fi, lag_en = f.both("lag")
    note_fi, note_en = f.both("note", required=False)
    first_period = f.text("first_period", required=False)
    if first_period:
        _check_period(f, item, first_period, frequency)
    query: TableQuery | None = None
    request: dict[str, object] = {}
    contents: tuple[ContentChoice, ...] = ()
    classes: tuple[ClassVariable, ...] = ()
    levels: tuple[AreaLevel, ...] = ()
    asked = f.take("query")
    if asked is not None:
        query = _query(f.inner(asked, "query"), areas)
    else:
        if not f.has("request"):
            f.wrong(item.place, "'query' (of a PxWeb table) or 'request' (of any other source) is missing")
        request = {key: one.plain() for key, one in f.entries("request")}
        levels = f.choices("levels", AREA_LEVELS)
        contents = _contents(f, "contents", needs_words=False)
        classes = _classes(f, "classes", open_ended=True)
    dataset = Dataset(
        id=id,
        source=source,
        table=table,
        title_fi=title_fi,
        title_en=title_en,
        frequency=frequency,
        first_period=first_period,
        lag_days=f.integer("lag_days", -400, 2000),  # a budget is out before its year
        grace_days=f.integer("grace_days", 0, 2000),
        labels=f.choice("labels", LABELS),
        query=query,
        request=request,
        preliminary=f.flag("preliminary"),
        rolling=f.flag("rolling"),
        note_fi=note_fi,
        note_en=note_en,
        web_url=f.text("web_url", required=False),
        levels=levels,
        contents=contents,
        classes=classes,
        lag_fi=lag_fi,
        lag_en=lag_en,
    )
    if dataset.web_url and not dataset.web_url.startswith(("https://", "http://")):  # pages make it a link
        f.wrong(item.place, f"'web_url' is '{dataset.web_url}', which is no address beginning with https://")
    return dataset if f.done() else None


def _check_period(f: Fields, item: Item, code: str, frequency: DatasetFrequency) -> None:
    place = item.entries["first_period"].place
    try:
        period = parse_period(code)
    except PeriodError as error:
        f.wrong(place, f"'first_period': {error}")
        return
    if period.frequency not in _PERIODS[frequency]:
        f.wrong(place, f"'first_period' is {code}, but 'frequency' is {frequency}")


def _query(f: Fields, areas: tuple[Area, ...]) -> TableQuery | None:
    levels = f.choices("levels", AREA_LEVELS, required=f.has("area"))
    query = TableQuery(
        area=f.texts("area", required=bool(levels)),
        levels=levels or ("country",),
        time=f.texts("time", required=True),
        contents_variable=f.texts("contents_variable") or ("Tiedot",),
        contents=_contents(f, "contents", needs_words=True),
        classes=_classes(f, "classes", open_ended=False) + _totals(f),
        area_names=tuple(
            area.name_fi for area in areas if area.level in levels and area.level not in STATISTICAL
        ),
    )
    names = [one.name for one in query.classes]
    for name in dict.fromkeys(one for one in names if names.count(one) > 1):
        f.wrong(f.item.place, f"the class '{name}' stands under both 'classes' and 'totals'")
    return query if f.done() else None


def _contents(f: Fields, key: str, *, needs_words: bool) -> tuple[ContentChoice, ...]:
    found = []
    for name, item in f.entries(key, required=True):
        c = f.inner(item, f"content '{name}'")
        _check_key(c, name)
        choice = _words(c, name, needs_words=needs_words)
        unit = c.text("unit")
        content = ContentChoice(
            name,
            choice.label,
            choice.starts_with,
            choice.code,
            choice.total,
            unit=unit,
            summable=c.flag("summable"),
        )
        if choice.total:
            c.wrong(item.place, "a content has no 'total'")
        if c.done():
            found.append(content)
    return tuple(found)


def _classes(f: Fields, key: str, *, open_ended: bool) -> tuple[ClassVariable, ...]:
    found = []
    for name, item in f.entries(key):
        c = f.inner(item, f"class '{name}'")
        _check_key(c, name)
        variable = c.texts("variable", required=True)
        take = []
        for value, one in c.entries("take", required=not open_ended):
            v = c.inner(one, f"value '{value}'")
            _check_key(v, value)
            choice = _words(v, value, needs_words=True)
            if v.done():
                take.append(choice)
        if c.done():
            found.append(ClassVariable(name, variable, tuple(take)))
    return tuple(found)


def _totals(f: Fields) -> tuple[ClassVariable, ...]:
    found = []
    totals = f.take("totals")
    if totals is not None:
        t = f.inner(totals, "totals")
        for name in totals.entries:
            _check_key(t, name)
            found.append(
                ClassVariable(name, t.texts(name, required=True), (ValueChoice("total", total=True),))
            )
    return tuple(found)


def _check_key(f: Fields, key: str) -> None:
    if not _KEY.fullmatch(key):
        f.wrong(f.item.place, "a key is made of small letters a-z, digits and _")


def _words(f: Fields, key: str, *, needs_words: bool) -> ValueChoice:
    choice = ValueChoice(
        key,
        label=f.texts("label"),
        starts_with=f.texts("starts_with"),
        code=f.texts("code"),
        total=f.flag("total"),
    )
    words = bool(choice.label or choice.starts_with or choice.code)
    if choice.total and words:
        f.wrong(f.item.place, "'total' stands alone, without 'label', 'starts_with' or 'code'")
    elif needs_words and not choice.total and not words:
        f.wrong(f.item.place, "one of 'label', 'starts_with', 'code' (or 'total') is needed to find it")
    return choice
