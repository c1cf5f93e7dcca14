"""The figures of synthetic tables: seeded history that keeps every indicator inside its valid range."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.draft import TOTAL, Draft
from demo.table import SYMBOLS, SampleError
from models.catalogue.catalogue import Catalogue
from models.formula import MAX_LAG, Formula, evaluate, is_plain
from models.period import parse_period

Array = NDArray[np.float64]

_RATE = re.compile(r"%|EUR/|EUR$|per |index|ratio|share|persons outside", re.IGNORECASE)
_HIDDEN = SYMBOLS.index("...")
_SMALL = 5  # the employment service statistics hide smaller counts
_FEW_PEOPLE = 0.001  # share of the country below which a municipality may have totals hidden


@dataclass(frozen=True)
class Figures:
    """A table's figures: `values` and `symbols` with the axes areas, classes (one each), periods, contents.

    A table without areas has one area. `rates` are the codes of the contents that do not grow with the area.
    """

    values: Array
    symbols: NDArray[np.int8]
    rates: frozenset[str]


@dataclass
class _Numbers:
    """What figures are made from: levels of the whole country by content, shares of it by class value."""

    level: dict[tuple[str, str], float]
    share: dict[tuple[str, str, str], float]
    low: dict[tuple[str, str], float]
    high: dict[tuple[str, str], float]
    rate: set[tuple[str, str]]  # contents that do not grow with the area


@dataclass(frozen=True)
class _Input:
    """One series of a formula: its table, its content's code, and the class values of each series in it."""

    draft: Draft
    content: str
    series: tuple[Mapping[str, str], ...]  # variable code → value code, one mapping for each class


@dataclass(frozen=True)
class _Case:
    """One indicator, or one class of an indicator that keeps its classes apart, with the inputs it reads."""

    indicator: str
    formula: Formula
    low: float
    high: float
    inputs: Mapping[str, _Input]


def _cases(catalogue: Catalogue, drafts: Mapping[str, Draft]) -> list[_Case]:
    """Every computed indicator whose inputs are all synthetic tables and whose figures have a valid range."""
    by_part = {part.id: draft for draft in drafts.values() for part in draft.parts}
    cases = []
    for indicator in catalogue.indicators.values():
        low, high = indicator.valid_min, indicator.valid_max
        known = set(indicator.datasets) <= set(by_part)
        if indicator.formula is None or low is None or high is None or not known:
            continue
        apart = [
            one.classes[indicator.by] for one in indicator.inputs.values() if indicator.by in one.classes
        ]
        for key in dict.fromkeys(key for keys in apart for key in keys) if indicator.by else ("",):
            inputs = {}
            for name, one in indicator.inputs.items():
                draft = by_part[one.dataset]
                classes = {
                    variable: (key,) if variable == indicator.by else keys
                    for variable, keys in one.classes.items()
                }
                series = tuple(
                    dict(
                        draft.keys[one.dataset, variable, value]
                        for variable, value in zip(classes, keys, strict=True)
                    )
                    for keys in product(*classes.values())
                )
                inputs[name] = _Input(draft, draft.contents[one.dataset, one.content], series)
            cases.append(_Case(indicator.id, indicator.formula, low, high, inputs))
    return cases


def _start(drafts: Mapping[str, Draft], cases: Sequence[_Case], random: np.random.Generator) -> _Numbers:
    """Levels from the ranges of the indicators that show a content as it stands, shares at random."""
    numbers = _Numbers({}, {}, {}, {}, set())
    for case in cases:
        if not is_plain(case.formula):
            continue
        one = next(iter(case.inputs.values()))
        at = (one.draft.table, one.content)
        numbers.low[at] = max(case.low, numbers.low.get(at, case.low))
        numbers.high[at] = max(case.high, numbers.high.get(at, case.high))
    for draft in drafts.values():
        for content in draft.content_values:
            at = (draft.table, content.code)
            if not content.summable and _RATE.search(content.unit):
                numbers.rate.add(at)
            low = numbers.low.setdefault(at, 0.0)
            high = numbers.high.setdefault(at, 40.0 if at in numbers.rate else 200_000.0)
            numbers.level[at] = low + (high - low) * random.uniform(0.35, 0.5)
        for variable in draft.class_values:
            count = len(variable.values) - 1
            for place, value in enumerate(variable.values):
                numbers.share[draft.table, variable.code, value.code] = (
                    1.0 if place == 0 else random.uniform(0.6, 1.4) / count
                )
    return numbers


def _nominal(one: _Input, numbers: _Numbers) -> Array:
    """The whole country's figure of each series of an input, over more periods than formulas look back."""
    at = (one.draft.table, one.content)
    figures = []
    for series in one.series:
        figure = numbers.level[at]
        if at not in numbers.rate:
            for variable, value in series.items():
                figure *= numbers.share[one.draft.table, variable, value]
        figures.append(figure)
    return np.repeat(np.array(figures)[:, None], MAX_LAG + 1, axis=1)


def _fits(case: _Case, numbers: _Numbers) -> bool:
    """Whether the country's figure lies well inside the indicator's range."""
    series = {name: _nominal(one, numbers) for name, one in case.inputs.items()}
    figure = float(evaluate(case.formula, series)[-1])
    room = 0.15 * (case.high - case.low)
    above = 0.0 if case.low == 0 else case.low + room  # shares and counts do not fall below zero
    return above <= figure <= case.high - room or (case.low < 0 < case.high and abs(figure) < room)


def _balance(cases: Sequence[_Case], numbers: _Numbers, random: np.random.Generator) -> None:
    """Change levels and shares until every indicator's figure for the country lies inside its range.

    Raises SampleError with the indicators for which nothing was found.
    """
    touching: dict[tuple[str, ...], list[int]] = {}
    for position, case in enumerate(cases):
        for one in case.inputs.values():
            touching.setdefault((one.draft.table, one.content), []).append(position)
            for series in one.series:
                for variable, value in series.items():
                    touching.setdefault((one.draft.table, variable, value), []).append(position)
    bad = {position for position, case in enumerate(cases) if not _fits(case, numbers)}
    for _ in range(20_000):
        if not bad:
            return
        case = cases[int(random.choice(sorted(bad)))]
        one = list(case.inputs.values())[int(random.integers(len(case.inputs)))]
        at = (one.draft.table, one.content)
        movable: list[tuple[str, ...]] = [at]
        if at not in numbers.rate:
            movable += [
                (one.draft.table, variable, value)
                for series in one.series
                for variable, value in series.items()
                if value != TOTAL
            ]
        chosen = movable[int(random.integers(len(movable)))]
        affected = set(touching[chosen])
        factor = float(np.exp(random.uniform(-1.5, 1.5)))
        if len(chosen) == 3:
            held = numbers.share[chosen]
            numbers.share[chosen] = min(held * factor, 0.95)
        else:
            held = numbers.level[at]
            low, high = numbers.low[at], numbers.high[at]
            numbers.level[at] = min(max(held * factor, low + 0.1 * (high - low)), high - 0.1 * (high - low))
        now = {position for position in affected if not _fits(cases[position], numbers)}
        if len(now) <= len(bad & affected):
            bad = (bad - affected) | now
        elif len(chosen) == 3:
            numbers.share[chosen] = held
        else:
            numbers.level[at] = held
    names = ", ".join(sorted({cases[position].indicator for position in bad}))
    raise SampleError(f"no synthetic figures found inside the valid ranges of {names}; check the ranges")


def _random(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each name, so that a later period never changes an earlier one's figures."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _walk(steps: Array, per_year: int) -> Array:
    """A slow movement round 1 from standard normal `steps` (periods, areas), with a season in the year."""
    moved = np.clip(np.exp(np.cumsum(steps * 0.012 / np.sqrt(per_year), axis=0)), 0.8, 1.25)
    season = np.sin(2 * np.pi * np.arange(len(steps)) / per_year) if per_year > 1 else np.zeros(len(steps))
    result: Array = moved * (1 + 0.04 * season[:, None])
    return result


def _figures(draft: Draft, numbers: _Numbers, seed: int) -> Figures:
    """The figures of one table before outliers are hidden."""
    weights = np.array([area.share for area in draft.areas])
    municipal = np.array([area.level == "municipality" for area in draft.areas])
    sizes = [len(variable.values) for variable in draft.class_values]
    per_year = {"monthly": 12, "quarterly": 4, "weekly": 52}.get(parse_period(draft.periods[0]).frequency, 1)
    shares = np.ones((1,) * len(sizes))
    for axis, variable in enumerate(draft.class_values):
        each = [numbers.share[draft.table, variable.code, value.code] for value in variable.values]
        shares = shares * np.array(each).reshape([-1 if at == axis else 1 for at in range(len(sizes))])
    flat = shares.reshape(-1)
    cells = (len(weights), flat.size, len(draft.content_values))
    base = _random(seed, draft.table).normal(0, 1, cells)
    drawn = [_random(seed, draft.table, period) for period in draft.periods]
    walk = _walk(np.array([random.normal(0, 1, len(weights)) for random in drawn]), per_year)
    values = np.empty((len(weights), flat.size, len(draft.periods), len(draft.content_values)))
    symbols = np.zeros(values.shape, dtype=np.int8)
    extent = weights[:, None] * flat[None, :]
    for at, random in enumerate(drawn):
        noise = random.normal(0, 1, cells)
        # A few figures of municipalities are hidden, totals only in small ones.
        hidden = (random.random(cells) < 0.004) & municipal[:, None, None]
        hidden[:, 0] &= (weights < _FEW_PEOPLE)[:, None]
        for place, content in enumerate(draft.content_values):
            key = (draft.table, content.code)
            level, low, high = numbers.level[key], numbers.low[key], numbers.high[key]
            if low < 0:
                made = np.clip(np.round(level * extent * (0.1 + 0.5 * noise[..., place])), low, high)
            elif key in numbers.rate:
                room = 0.02 * (high - low)
                made = level * (1 + 0.03 * base[..., place]) * (1 + 0.25 * (walk[at][:, None] - 1))
                made = np.round(np.clip(made * (1 + 0.005 * noise[..., place]), low + room, high - room), 1)
            else:
                made = level * extent * walk[at][:, None] * (1 + 0.01 * noise[..., place])
                # The range is that of totals: a part of one may be smaller than its least value.
                made = np.clip(np.round(made), np.where(flat < 1, 0.0, low), high)
                if draft.table.startswith("tyonv/"):
                    hidden[..., place] |= municipal[:, None] & (made > 0) & (made < _SMALL)
            values[:, :, at, place] = made
        symbols[:, :, at][hidden] = _HIDDEN
    values[symbols > 0] = np.nan
    shape = (len(weights), *sizes, len(draft.periods), len(draft.content_values))
    rates = frozenset(
        content.code for content in draft.content_values if (draft.table, content.code) in numbers.rate
    )
    return Figures(values.reshape(shape), symbols.reshape(shape), rates)


def _cells(one: _Input, areas: Sequence[str], periods: Sequence[str]) -> list[tuple[Any, ...]]:
    """Where an input's cells lie in its table's cube: an index for each of its series."""
    draft = one.draft
    by_area = {area.code: at for at, area in enumerate(draft.areas)}
    by_period = {period: at for at, period in enumerate(draft.periods)}
    rows = np.array([by_area[code] for code in areas])[:, None]
    columns = np.array([by_period[period] for period in periods])[None, :]
    content = [value.code for value in draft.content_values].index(one.content)
    return [
        (
            rows,
            *(
                [value.code for value in variable.values].index(series.get(variable.code, TOTAL))
                for variable in draft.class_values
            ),
            columns,
            content,
        )
        for series in one.series
    ]


def _hide_outliers(case: _Case, made: Mapping[str, Figures]) -> None:
    """Hide the inputs of the few cells (rounding, small areas) where an indicator would leave its range."""
    drafts = [one.draft for one in case.inputs.values()]
    areas = [
        area.code
        for area in drafts[0].areas
        if all(area.code in {other.code for other in draft.areas} for draft in drafts[1:])
    ]
    periods = [period for period in drafts[0].periods if all(period in draft.periods for draft in drafts[1:])]
    if not areas or not periods:
        return
    at = {name: _cells(one, areas, periods) for name, one in case.inputs.items()}
    series = {
        name: np.stack([made[one.draft.table].values[index] for index in at[name]])
        for name, one in case.inputs.items()
    }
    figures = evaluate(case.formula, series)
    with np.errstate(invalid="ignore"):
        outside = (figures < case.low) | (figures > case.high)
    if not outside.any():
        return
    for name, one in case.inputs.items():
        table = made[one.draft.table]
        for index in at[name]:
            values, symbols = table.values[index], table.symbols[index]
            values[outside], symbols[outside] = np.nan, _HIDDEN
            table.values[index], table.symbols[index] = values, symbols


def made_up(catalogue: Catalogue, drafts: Mapping[str, Draft], seed: int) -> Mapping[str, Figures]:
    """The figures of each draft, by table. Raises SampleError where an indicator's range leaves no room."""
    random = _random(seed, "levels")
    cases = _cases(catalogue, drafts)
    numbers = _start(drafts, cases, random)
    _balance(cases, numbers, random)
    made = {table: _figures(draft, numbers, seed) for table, draft in drafts.items()}
    for case in cases:
        _hide_outliers(case, made)
    return made
