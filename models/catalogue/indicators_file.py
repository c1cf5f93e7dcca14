"""`indicators/*.yaml`: what is measured, from which contents of which datasets, by which formula."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from models.area import AreaLevel
from models.catalogue.areas_file import AREA_LEVELS
from models.catalogue.datasets_file import FREQUENCIES, LABELS
from models.catalogue.fields import Draft, Fields, Reference
from models.catalogue.items import Item
from models.catalogue.reporting_fields import RHYTHMS, Asked, read_asked, steps_of
from models.dataset import Dataset, DatasetFrequency, Labels
from models.formula import Formula, FormulaError, matrix_names, parse_formula
from models.indicator import Direction, Indicator, IndicatorKind, Input, RegionRule
from models.period import PeriodError, parse_period

Role: TypeAlias = Literal["meter", "context"]
KINDS: tuple[IndicatorKind, ...] = get_args(IndicatorKind)
AUTOMATIC: tuple[IndicatorKind, ...] = ("open_data", "proxy")
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
ROLES: tuple[Role, ...] = get_args(Role)
REGION_RULES: tuple[RegionRule, ...] = get_args(RegionRule)
TRANSFORMS: Mapping[str, str] = {
    "sum_of_12_months": "monthly",
    "mean_of_12_months": "monthly",
    "yoy_change_pct_of_12_months": "monthly",
    "sum_of_4_quarters": "quarterly",
    "mean_of_4_quarters": "quarterly",
    "yoy_change": "",
    "yoy_change_pct": "",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_YEAR = re.compile(r"[12][0-9]{3}")
SINGLE = "value"  # the name of an indicator's only input in its formula


def read_indicators(draft: Draft, item: Item, datasets: Mapping[str, Dataset]) -> dict[str, Indicator]:
    """The indicators of one file by id, those without problems."""
    Fields(draft, item, "indicators")
    found = {}
    for id, one in item.entries.items():
        draft.declare("indicator", id, one.place)
        indicator = _indicator(draft, id, one, datasets)
        if indicator is not None and draft.place("indicator", id) == one.place:
            found[id] = indicator
    return found


def _indicator(draft: Draft, id: str, item: Item, datasets: Mapping[str, Dataset]) -> Indicator | None:
    f = Fields(draft, item, f"indicator '{id}'")
    if not _NAME.fullmatch(id):
        f.wrong(item.place, "an id is made of small letters a-z, digits and _")
    kind = f.choice("kind", KINDS)
    if not f.ok:
        return None  # what else is expected here depends on the kind
    role = f.choice("role", ROLES)
    meters = f.refers_to_all("meters", "meter")
    if f.ok and bool(meters) is (role == "context"):
        wanted = "serves no 'meters'" if meters else "names the 'meters' it serves"
        f.wrong(item.place, f"an indicator of role '{role}' {wanted}")
    low, high = _valid_range(f)
    baseline = f.text("baseline", required=False)
    if baseline:
        _check_period(f, "baseline", baseline)
    reason_fi, reason_en = f.both("baseline_reason", required=bool(baseline))
    breaks = _breaks(f)
    breaks_fi, breaks_en = f.both("breaks_reason", required=bool(breaks))
    target, target_year = _target(f, low, high)
    unit, unit_fi = f.text("unit"), f.text("unit_fi")
    note_fi, note_en = f.both("note", required=kind == "proxy")  # a proxy says how it differs
    data = _automatic(f, datasets) if kind in AUTOMATIC else _by_hand(f)
    transform = f.choice("transform", tuple(TRANSFORMS)) if f.has("transform") else ""
    if transform and TRANSFORMS[transform] not in ("", data.frequency):
        f.wrong(item.entries["transform"].place, f"'{transform}' does not fit {data.frequency} figures")
    indicator = Indicator(
        id=id,
        name_fi=f.text("name_fi"),
        name_sv=f.text("name_sv"),
        name_en=f.text("name_en"),
        kind=kind,
        role=role,
        unit=unit,
        unit_fi=unit_fi,
        frequency=data.frequency,
        direction=f.choice("direction", DIRECTIONS),
        region=data.region,
        area_levels=data.levels,
        labels=data.labels,
        source=data.source,
        inputs=data.inputs,
        formula=data.formula,
        by=data.by,
        transform=transform,
        valid_min=low,
        valid_max=high,
        headline=f.flag("headline"),
        programme_areas=f.refers_to_all("programme_areas", "programme area", required=True),
        goals=f.refers_to_all("goals", "goal"),
        meters=meters,
        context_measures=f.refers_to_all("context_measures", "measure"),
        reporter=data.reporter,
        lag_fi=data.lag_fi,
        lag_en=data.lag_en,
        first_period=data.first_period,
        note_fi=note_fi,
        note_en=note_en,
        known_values=_known_values(f, low, high),
        decimals=f.integer("decimals", 0, 9) if f.has("decimals") else None,
        baseline=baseline,
        baseline_reason_fi=reason_fi,
        baseline_reason_en=reason_en,
        rhythm=data.asked.rhythm,
        rhythm_assumed=data.asked.rhythm_assumed,
        reporter_assumed=data.reporter_assumed,
        optional=data.optional,
        due_days=data.asked.due_days,
        grace_days=data.asked.grace_days,
        last_period=data.asked.last_period,
        baseline_reason_sv=f.text("baseline_reason_sv", required=False),
        unit_sv=f.text("unit_sv", required=False),
        breaks=breaks,
        breaks_reason_fi=breaks_fi,
        breaks_reason_en=breaks_en,
        breaks_reason_sv=f.text("breaks_reason_sv", required=False),
        target=target,
        target_year=target_year,
    )
    return indicator if f.done() else None


_UNASKED = Asked(
    "annual", rhythm_assumed=True, due_days=None, grace_days=None, first_period="", last_period=""
)


@dataclass(frozen=True)
class _Data:
    """Where an indicator's figures come from, read or taken over from its datasets."""

    source: str = ""
    frequency: DatasetFrequency = "annual"
    region: RegionRule = "none"
    levels: tuple[AreaLevel, ...] = ()
    labels: Labels | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    formula: Formula | None = None
    by: str = ""
    reporter: str = ""
    lag_fi: str = ""
    lag_en: str = ""
    first_period: str = ""
    asked: Asked = _UNASKED
    reporter_assumed: bool | None = None
    optional: bool = False


def _by_hand(f: Fields) -> _Data:
    lag_fi, lag_en = f.both("lag")
    frequency = f.choice("frequency", FREQUENCIES)
    if frequency not in (*RHYTHMS, "per_survey") and f.ok:
        wanted = ", ".join((*RHYTHMS, "per_survey"))
        f.wrong(f.item.entries["frequency"].place, f"'frequency' of what people report is one of {wanted}")
    steps = steps_of(frequency)
    asked = read_asked(f, steps, "every_2_years" if steps == "every_2_years" else "annual")
    if f.ok and f.has("rhythm") and RHYTHMS.index(asked.rhythm) < RHYTHMS.index(steps):
        place = f.item.entries["rhythm"].place
        f.wrong(place, f"'rhythm' is {asked.rhythm}, more often than its figures: 'frequency' is {frequency}")
    assumed = f.flag("reporter_assumed") if f.has("reporter_assumed") else None
    f.known.append("reporter_assumed")
    return _Data(
        source=f.refers("source", "source"),
        frequency=frequency,
        levels=f.choices("area_levels", AREA_LEVELS),
        reporter=f.refers("reporter", "party"),
        lag_fi=lag_fi,
        lag_en=lag_en,
        first_period=asked.first_period,
        asked=asked,
        reporter_assumed=assumed,
        optional=f.flag("optional"),
    )


def _automatic(f: Fields, datasets: Mapping[str, Dataset]) -> _Data:
    labels = f.choice("labels", LABELS)
    region = f.choice("region", REGION_RULES)
    by = f.text("by", required=False)
    narrowed = f.choices("area_levels", AREA_LEVELS, required=False)
    inputs: dict[str, Input] = {}
    read: dict[str, Dataset] = {}
    if f.has("input") is f.has("inputs"):
        f.wrong(f.item.place, "either 'input' (one series) or 'inputs' with a 'formula' is needed")
    elif f.has("input"):
        single = f.take("input", required=True)
        if single is not None:
            _input(f.inner(single, "input"), SINGLE, datasets, by, inputs, read)
    else:
        for name, one in f.entries("inputs", required=True):
            inner = f.inner(one, f"input '{name}'")
            if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name == "t":
                inner.wrong(
                    one.place, "a name in formulas is made of small letters, digits and _, and is not 't'"
                )
            _input(inner, name, datasets, by, inputs, read)
    formula = _formula(f, inputs, read, by)
    used = tuple({dataset.id: dataset for dataset in read.values()}.values())
    if not f.ok or not used:
        return _Data()
    if len({dataset.frequency for dataset in used}) > 1:
        f.wrong(f.item.place, "its datasets differ in 'frequency'")
    if len({dataset.source for dataset in used}) > 1:
        f.wrong(f.item.place, "its datasets are of different sources")
    common = tuple(level for level in used[0].area_levels if all(level in one.area_levels for one in used))
    if not common:
        f.wrong(f.item.place, "its datasets have no area level in common")
    for level in narrowed:
        if level not in common:
            f.wrong(f.item.entries["area_levels"].place, f"its datasets have no areas of the level '{level}'")
    levels = narrowed or common
    _check_region(f, region, levels, inputs, read)
    slowest = max(used, key=lambda dataset: dataset.lag_days)
    return _Data(
        source=used[0].source,
        frequency=used[0].frequency,
        region=region,
        levels=levels,
        labels=labels,
        inputs=inputs,
        formula=formula,
        by=by,
        lag_fi=slowest.lag_fi,
        lag_en=slowest.lag_en,
        first_period=max(dataset.first_period for dataset in used),
    )


def _input(
    f: Fields,
    name: str,
    datasets: Mapping[str, Dataset],
    by: str,
    inputs: dict[str, Input],
    read: dict[str, Dataset],
) -> None:
    """Read one input into `inputs`, every class variable filled in, and its dataset into `read`."""
    dataset_id = f.refers("dataset", "dataset")
    content = f.text("content")
    asked = dict(f.entries("classes"))
    dataset = datasets.get(dataset_id)
    taken: dict[str, tuple[str, ...]] = {}
    if dataset is not None:
        keys = [choice.key for choice in dataset.content_choices]
        if content and content not in keys:
            place = f.item.entries["content"].place
            f.wrong(place, f"dataset '{dataset_id}' has no content '{content}'; it has {', '.join(keys)}")
        names = [variable.name for variable in dataset.class_variables]
        for variable, one in asked.items():
            if variable not in names:
                has = f"it has {', '.join(names)}" if names else "it has none"
                f.wrong(one.place, f"dataset '{dataset_id}' has no class '{variable}'; {has}")
        for choices in dataset.class_variables:
            offered = tuple(choice.key for choice in choices.take)
            total = tuple(choice.key for choice in choices.take if choice.total)
            if choices.name in asked:
                taken[choices.name] = _class_keys(f, choices.name, offered)
            elif len(offered) == 1 or total:
                taken[choices.name] = total or offered
            elif choices.name == by and not offered:
                taken[choices.name] = ()  # every key that comes is kept apart
            elif not offered:
                f.wrong(f.item.place, f"'{choices.name}' has no fixed keys: keep them apart with 'by'")
            else:
                f.wrong(f.item.place, f"say under 'classes' which of '{choices.name}': {', '.join(offered)}")
        if by and by not in names:
            f.wrong(f.item.place, f"'by' is '{by}', which is no class of dataset '{dataset_id}'")
    if f.done() and dataset is not None:
        inputs[name] = Input(dataset_id, content, taken)
        read[name] = dataset


def _class_keys(f: Fields, variable: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    one = f.inner(f.item.entries["classes"], "classes")
    found = one.placed_texts(variable, required=True)
    for key, place in found:
        if key and key not in offered:
            one.wrong(place, f"class '{variable}' has no '{key}'; it has {', '.join(offered)}")
    return tuple(key for key, _ in found)


def _formula(f: Fields, inputs: Mapping[str, Input], read: Mapping[str, Dataset], by: str) -> Formula | None:
    if not f.has("formula"):
        if f.has("inputs"):
            f.wrong(f.item.place, "'formula' is missing")
            return None
        text, place = SINGLE, f.item.place
    else:
        text, place = f.text("formula"), f.item.entries["formula"].place
        if f.has("input"):
            f.wrong(place, "with 'formula' write 'inputs' (name: series), not 'input'")
    if not f.ok or not text:
        return None
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        f.wrong(place, f"the formula '{text}' does not parse: {error}")
        return None
    for name in formula.names:
        if name not in inputs:
            f.wrong(place, f"the formula '{text}' reads '{name}', which is none of {', '.join(inputs)}")
    for name in inputs:
        if name not in formula.names:
            f.wrong(place, f"the formula '{text}' does not use the input '{name}'")
    outside = matrix_names(formula)
    for name, one in inputs.items():
        several = [variable for variable, keys in one.classes.items() if len(keys) > 1 and variable != by]
        if several and name in outside:
            f.wrong(place, f"'{name}' has several keys of '{several[0]}': write e.g. sum({name})")
    if by and len({one.classes.get(by) for one in inputs.values()}) > 1:
        f.wrong(place, f"the inputs differ in their keys of '{by}', which are kept apart")
    return formula


def _check_region(
    f: Fields,
    region: RegionRule,
    levels: tuple[AreaLevel, ...],
    inputs: Mapping[str, Input],
    read: Mapping[str, Dataset],
) -> None:
    place = f.item.entries["region"].place
    if region in ("direct", "region_only") and "region" not in levels:
        f.wrong(place, f"'region' is '{region}', but its datasets have no areas of the level 'region'")
    if region == "region_only" and "municipality" in levels:
        f.wrong(place, "'region' is 'region_only', but its datasets have municipalities")
    if region != "sum":
        return
    if "municipality" not in levels:
        f.wrong(place, "'region' is 'sum', but its datasets have no municipalities to add up")
    if "region" in levels:
        f.wrong(place, "'region' is 'sum', but its datasets have the region itself: use 'direct'")
    for name, one in inputs.items():
        content = next(choice for choice in read[name].content_choices if choice.key == one.content)
        if not content.summable:
            f.wrong(place, f"'region' is 'sum', but '{one.content}' of '{one.dataset}' is not 'summable'")


def _valid_range(f: Fields) -> tuple[float | None, float | None]:
    item = f.take("valid_range")
    if item is None:
        return None, None
    if item.kind != "list" or len(item.elements) != 2:
        f.wrong(
            item.place, "'valid_range' must be a list of two: [lowest, highest]; null where there is none"
        )
        return None, None
    low, high = (f.number_of("valid_range", one) for one in item.elements)
    if low is not None and high is not None and low >= high:
        f.wrong(
            item.place,
            f"'valid_range' is reversed: {item.elements[0].raw} is not below {item.elements[1].raw}",
        )
    return low, high


def _breaks(f: Fields) -> tuple[str, ...]:
    """The periods at which the series breaks, oldest first."""
    found = []
    for code, place in f.placed_texts("breaks"):
        try:
            found.append(parse_period(code))
        except PeriodError as error:
            if code:
                f.wrong(place, f"'breaks': {error}")
    return tuple(period.code for period in sorted(found))


def _target(f: Fields, low: float | None, high: float | None) -> tuple[float | None, str]:
    """The target that the city has set, and the year by which; None and '' where there is none.

    A year-on-year change may lie outside the valid range of the figures themselves.
    """
    item = f.take("target")
    target = f.number_of("target", item) if item is not None else None
    is_change = f.has("transform") and "yoy" in str(f.item.entries["transform"].value)
    outside = target is not None and not ((low is None or low <= target) and (high is None or target <= high))
    if item is not None and outside and not is_change:
        f.wrong(item.place, f"'target' {item.raw} is outside 'valid_range'")
    year = f.text("target_year", required=False)
    if year and item is None:
        f.wrong(f.item.entries["target_year"].place, "'target_year' without a 'target'")
    if year and not _YEAR.fullmatch(year):
        f.wrong(f.item.entries["target_year"].place, f"'target_year' is '{year}'; write a year, e.g. '2029'")
    return target, year


def _known_values(f: Fields, low: float | None, high: float | None) -> dict[str, tuple[str, float]]:
    found: dict[str, tuple[str, float]] = {}
    for period, item in f.entries("known_values"):
        _check_period(f, "known_values", period)
        inner = f.inner(item, f"known_values of {period}")
        for code, one in item.entries.items():
            f.draft.references.append(Reference(one.place, f.what, "area", code))
            value = inner.number_of(code, one)
            if value is None:
                continue
            if code in found:
                inner.wrong(one.place, f"'{code}' has a value already, of {found[code][0]}")
            if (low is not None and value < low) or (high is not None and value > high):
                inner.wrong(one.place, f"{one.raw} of '{code}' is outside 'valid_range'")
            found[code] = (period, value)
    return found


def _check_period(f: Fields, key: str, code: str) -> None:
    try:
        parse_period(code)
    except PeriodError as error:
        f.wrong(f.item.entries[key].place, f"'{key}': {error}")
