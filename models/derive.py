"""Indicators from observations.

Their values by area and period, and what the newest of them is read against.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.area import level_of_code
from models.catalogue import Catalogue
from models.dataset import Dataset
from models.formula import Formula, FormulaError, evaluate, reads
from models.indicator import Indicator, Input
from models.observation import OBSERVATION_COLUMNS, STATUSES, class_keys
from models.period import PeriodError, parse_period, span
from models.resolution import series_classes

# A region's municipalities: in all periods, or by the first period of each division, oldest first ('': the oldest).
Members = Sequence[str] | Mapping[str, Sequence[str]]

Flags = NDArray[np.bool_]
Bits = NDArray[np.int64]


@dataclass(frozen=True)
class _Axes:
    """What the axes of an indicator's figures stand for; the periods follow one another without gaps."""

    areas: tuple[str, ...]
    periods: tuple[str, ...]
    symbols: tuple[str, ...]  # the missing symbols, by the number of their bit


@dataclass(frozen=True)
class _Figures:
    """One input's figures, (classes, areas, periods).

    Value, whether there is a row, its symbol as a bit.
    """

    value: NDArray[np.float64]
    present: Flags
    preliminary: Flags
    symbols: Bits


@dataclass(frozen=True)
class _Computed:
    """An indicator's figures for one class code, (areas, periods)."""

    value: NDArray[np.float64]
    exists: Flags
    preliminary: Flags
    symbols: Bits


def indicator_values(
    indicator: Indicator,
    inputs: Mapping[str, pd.DataFrame],
    catalogue: Catalogue,
    members: Mapping[str, Members] | None = None,
) -> pd.DataFrame:
    """The indicator's values: OBSERVATION_COLUMNS, content '' and in `classes` the class code ('' for none).

    `inputs` has for each name of the formula the observations of its content (columns classes, area_code,
    period, value, symbol, status); rows of other classes than its own are passed over. The areas are those
    of the indicator's levels. A row comes wherever every figure that the formula reads has a row in the
    source, also in the periods it looks back to. Its value is NaN where it cannot be computed, with the
    missing symbol where all missing figures bear one and the same. It is preliminary when any figure is.

    Where the region's rule is `sum` and the source has no row for the region, its inputs are the sums over
    its municipalities, provided that all of them have a row and the content is a count; a figure that one
    of them lacks is then lacking for the region, too. `members` has for a dataset the region's municipalities
    in the division that its table is laid out in (models.divisions.region_members), in all its periods, or by
    the first period from which on its figures are laid out so; a dataset that is not in it has the catalogue's.

    Raises FormulaError for an indicator without a formula or an input that is not given, PeriodError where
    the inputs are of different frequencies.
    """
    formula = indicator.formula
    if formula is None:
        raise FormulaError(f"indicator '{indicator.id}' is entered by hand; it has no formula to compute")
    for name in formula.names:
        if name not in inputs:
            raise FormulaError(f"indicator '{indicator.id}': its input '{name}' is not given")
    frames = {name: inputs[name] for name in formula.names}
    summed = indicator.region == "sum"
    region = catalogue.areas.region.code
    own = tuple(area.code for area in catalogue.areas.region_municipalities)
    summands = {
        name: _by_period((members or {}).get(one.dataset, own)) for name, one in indicator.inputs.items()
    }
    municipalities = chain.from_iterable(codes for by in summands.values() for codes in by.values())
    axes = _axes(frames.values(), (region, *municipalities) if summed else ())
    shown = _shown_areas(indicator, catalogue, axes.areas)
    taken = {
        name: _classes_by_code(indicator, catalogue.datasets[one.dataset], one, frames[name])
        for name, one in indicator.inputs.items()
        if name in frames
    }
    parts = []
    for code in dict.fromkeys(
        code for by_code in taken.values() for code in by_code if code or not indicator.by
    ):
        figures = {}
        for name, by_code in taken.items():
            texts = by_code.get(code, by_code.get("", ()))
            figures[name] = _figures(frames[name], texts, axes)
            one = indicator.inputs[name]
            if summed and _is_count(catalogue.datasets[one.dataset], one.content):
                for periods, codes in _parts(summands[name], axes.periods):
                    at = [axes.areas.index(code) for code in codes]
                    _add_region(figures[name], axes.areas.index(region), at, periods)
        if all(len(one.value) for one in figures.values()):
            parts.append((code, _computed(formula, figures, shown)))
    return _frame(parts, axes)


def _axes(frames: Iterable[pd.DataFrame], more_areas: Iterable[str]) -> _Axes:
    areas: dict[str, None] = {}
    periods: set[str] = set()
    symbols: dict[str, None] = {}
    for frame in frames:
        areas.update(dict.fromkeys(_texts(frame["area_code"])))
        periods.update(_texts(frame["period"]))
        symbols.update((text, None) for text in _texts(frame["symbol"]) if text)
    areas.update(dict.fromkeys(more_areas))
    ordered = sorted(periods, key=lambda code: parse_period(code).start)
    frequencies = sorted({parse_period(code).frequency for code in ordered})
    if len(frequencies) > 1:
        raise PeriodError(f"{' and '.join(frequencies)} figures cannot be computed with one another")
    return _Axes(tuple(areas), span(ordered[0], ordered[-1]) if ordered else (), tuple(symbols))


def _texts(column: pd.Series) -> list[str]:
    """The texts that occur in a column, each once."""
    return [str(text) for text in column.dropna().unique()]


def _shown_areas(indicator: Indicator, catalogue: Catalogue, areas: Sequence[str]) -> Flags:
    """Which of `areas` the indicator has values for: those of its levels, and the region that is summed."""
    levels = {area.code: area.level for area in catalogue.areas.all()}
    return np.array(
        [
            levels.get(code, level_of_code(code)) in indicator.area_levels
            or (indicator.region == "sum" and code == catalogue.areas.region.code)
            for code in areas
        ],
        dtype=bool,
    )


def _is_count(dataset: Dataset, content: str) -> bool:
    return any(choice.summable for choice in dataset.content_choices if choice.key == content)


def _classes_by_code(
    indicator: Indicator, dataset: Dataset, one: Input, frame: pd.DataFrame
) -> dict[str, tuple[str, ...]]:
    """Class code → the class keys the input reads for it.

    The one code '' where the input is not kept apart.
    """
    if indicator.by not in series_classes(dataset):
        return {"": class_keys(dataset, one.classes)}
    codes = one.classes[indicator.by] or _open_codes(indicator.by, dataset, one, frame)
    return {code: class_keys(dataset, {**one.classes, indicator.by: (code,)}) for code in codes}


def _open_codes(by: str, dataset: Dataset, one: Input, frame: pd.DataFrame) -> tuple[str, ...]:
    """The keys of `by` that the observations bear, where the catalogue leaves them to the source."""
    found: dict[str, None] = {}
    mark = "\0"
    for pattern in class_keys(dataset, {**one.classes, by: (mark,)}):
        before, after = pattern.split(mark)
        for text in _texts(frame["classes"]):
            if text.startswith(before) and text.endswith(after) and len(text) > len(before) + len(after):
                found[text[len(before) : len(text) - len(after)]] = None
    return tuple(sorted(found))


def _positions(column: pd.Series, codes: Sequence[str]) -> NDArray[np.int64]:
    """For each row the position of its text in `codes`, -1 where it is not among them."""
    coded = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    at = {code: position for position, code in enumerate(codes)}
    lookup = np.array([*(at.get(str(text), -1) for text in coded.cat.categories), -1], dtype=np.int64)
    return lookup[coded.cat.codes.to_numpy()]


def _figures(frame: pd.DataFrame, classes: Sequence[str], axes: _Axes) -> _Figures:
    shape = (len(classes), len(axes.areas), len(axes.periods))
    figures = _Figures(
        np.full(shape, np.nan), np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, np.int64)
    )
    at = (
        _positions(frame["classes"], classes),
        _positions(frame["area_code"], axes.areas),
        _positions(frame["period"], axes.periods),
    )
    kept = (at[0] >= 0) & (at[1] >= 0) & (at[2] >= 0)
    cells = tuple(one[kept] for one in at)
    figures.value[cells] = frame["value"].to_numpy(dtype=np.float64)[kept]
    figures.present[cells] = True
    figures.preliminary[cells] = _positions(frame["status"], ("preliminary",))[kept] >= 0
    bits = np.array([*(1 << number for number in range(len(axes.symbols))), 0], dtype=np.int64)
    figures.symbols[cells] = bits[_positions(frame["symbol"], axes.symbols)[kept]]
    return figures


def _by_period(members: Members) -> Mapping[str, Sequence[str]]:
    return members if isinstance(members, Mapping) else {"": members}


def _parts(
    members: Mapping[str, Sequence[str]], periods: Sequence[str]
) -> Iterable[tuple[slice, Sequence[str]]]:
    """The places in `periods` (oldest first) to which each entry of `members` applies."""
    starts = [parse_period(code).start for code in periods]
    firsts = [bisect_left(starts, parse_period(first).start) if first else 0 for first in members]
    for first, following, codes in zip(firsts, [*firsts[1:], len(starts)], members.values(), strict=True):
        yield slice(first, following), codes


def _add_region(figures: _Figures, region: int, members: Sequence[int], periods: slice) -> None:
    """Fill the region's cells that have no row with its members' sum, where all of them have one."""
    if not members:
        return
    at = list(members)
    value, present = figures.value[:, :, periods], figures.present[:, :, periods]
    preliminary, symbols = figures.preliminary[:, :, periods], figures.symbols[:, :, periods]
    cells = ~present[:, region] & np.logical_and.reduce(present[:, at], axis=1)
    value[:, region][cells] = value[:, at].sum(axis=1)[cells]
    preliminary[:, region][cells] = np.logical_or.reduce(preliminary[:, at], axis=1)[cells]
    symbols[:, region][cells] = np.bitwise_or.reduce(symbols[:, at], axis=1)[cells]
    present[:, region][cells] = True


def _earlier(array: NDArray[Any], lag: int) -> NDArray[Any]:
    moved = np.zeros_like(array)
    moved[..., lag:] = array[..., : max(0, array.shape[-1] - lag)]
    return moved


def _computed(formula: Formula, figures: Mapping[str, _Figures], shown: Flags) -> _Computed:
    value = evaluate(formula, {name: one.value for name, one in figures.items()})
    exists = np.broadcast_to(shown[:, None], value.shape).copy()
    preliminary = np.zeros(value.shape, bool)
    symbols = np.zeros(value.shape, np.int64)
    for name, lag in reads(formula):
        one = figures[name]
        exists &= _earlier(np.logical_or.reduce(one.present, axis=0), lag)
        preliminary |= _earlier(np.logical_or.reduce(one.preliminary, axis=0), lag)
        symbols |= _earlier(np.bitwise_or.reduce(one.symbols, axis=0), lag)
    return _Computed(value, exists, preliminary, symbols)


def _frame(parts: Sequence[tuple[str, _Computed]], axes: _Axes) -> pd.DataFrame:
    """The rows that exist, in the columns of observations, class by class, area by area, oldest first."""
    class_numbers, areas, periods, values, preliminary, symbols = ([] for _ in range(6))
    bit = {1 << number: number + 1 for number in range(len(axes.symbols))}
    for number, (_, computed) in enumerate(parts):
        area, period = np.nonzero(computed.exists)
        value = computed.value[area, period]
        bits = np.where(np.isnan(value), computed.symbols[area, period], 0)
        class_numbers.append(np.full(len(area), number))
        areas.append(area)
        periods.append(period)
        values.append(value)
        preliminary.append(computed.preliminary[area, period])
        symbols.append(np.array([bit.get(int(one), 0) for one in bits], dtype=np.int64))

    def column(numbers: list[NDArray[Any]], categories: Sequence[str]) -> pd.Categorical:
        codes = np.concatenate(numbers) if numbers else np.zeros(0, np.int64)
        return pd.Categorical.from_codes(codes, pd.Index(list(categories), dtype="str"))

    rows = sum(len(one) for one in values)
    frame = pd.DataFrame(
        {
            "content": pd.Categorical.from_codes(np.zeros(rows, np.int64), pd.Index([""], dtype="str")),
            "classes": column(class_numbers, [code for code, _ in parts]),
            "area_code": column(areas, axes.areas),
            "period": column(periods, axes.periods),
            "value": np.concatenate(values) if values else np.zeros(0),
            "symbol": column(symbols, ("", *axes.symbols)),
            "status": column([one.astype(np.int64) for one in preliminary], STATUSES),
        }
    )
    return frame[list(OBSERVATION_COLUMNS)]
