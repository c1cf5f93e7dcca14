"""How far a series has moved since its baseline, against its own usual movement: the arithmetic of docs/method.md.

A **figure** is what is judged: the published value, or what the catalogue's `transform` makes of it. Figures of the
same month, quarter or week of other years compare with it; of a 12-month or 4-quarter sum or mean those of whole
calendar years do, since it has no season. Everything here is about one series; nothing depends on what it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.period import Frequency, in_year, parse_period, span, year_before, year_of

WINDOW_YEARS = 10  # how far before the baseline the usual movement is looked for
LEAST_CHANGES = 5
LARGEST = 1e100  # beyond it sums and differences could overflow
TIE = 1e-9  # of the largest figure used: differences this small are those of binary arithmetic, not of the figures

# The figures of a window of so many periods, and of which frequency they must be.
ROLLING: Mapping[str, tuple[Literal["sum", "mean"], int, Frequency]] = {
    "sum_of_12_months": ("sum", 12, "monthly"),
    "mean_of_12_months": ("mean", 12, "monthly"),
    "yoy_change_pct_of_12_months": ("sum", 12, "monthly"),
    "sum_of_4_quarters": ("sum", 4, "quarterly"),
    "mean_of_4_quarters": ("mean", 4, "quarterly"),
}
# The figures that are a change on the year before: in the unit itself, or in per cent.
YEAR_ON_YEAR: Mapping[str, Literal["difference", "percent"]] = {
    "yoy_change": "difference",
    "yoy_change_pct": "percent",
    "yoy_change_pct_of_12_months": "percent",
}

# no_figures: there is none; nothing_later: none after the baseline year; no_baseline: none to compare the newest with;
# few_changes: fewer than LEAST_CHANGES yearly changes before the baseline.
Lacking = Literal["", "no_figures", "nothing_later", "no_baseline", "few_changes"]
# Why the baseline is later than asked: the figures of the years between are missing, or the series breaks.
Moved = Literal["", "missing", "break"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Point(NamedTuple):
    """One figure: that of `period`, for a window its last period."""

    period: str
    figure: float
    preliminary: bool = False


class Change(NamedTuple):
    """The change between two figures that follow one another, `years` apart (more than one where years lack)."""

    start: str
    end: str
    years: int
    size: float

    @property
    def yearly(self) -> float:
        """Its size as of one year: a change over k years is usually √k times as large."""
        return abs(self.size) if self.years == 1 else abs(self.size) / sqrt(self.years)


class Since(NamedTuple):
    """The change from the baseline to the newest figure and the years between."""

    baseline: Point
    years: float
    change: float


class Usual(NamedTuple):
    """u, the median of the yearly changes, and u·√n, what the change is measured by."""

    change: float
    threshold: float


@dataclass(frozen=True)
class Movement:
    """A series' change since its baseline and what it is measured by; None is what there is not."""

    newest: Point | None
    since: Since | None
    changes: tuple[Change, ...]
    usual: Usual | None
    lacking: Lacking
    baseline_year: int  # the one asked for
    moved: Moved = ""

    @property
    def baseline(self) -> Point | None:
        """The figure that the newest is compared with."""
        return None if self.since is None else self.since.baseline

    @property
    def tolerance(self) -> float:
        """The difference below which two of its figures are the same."""
        newest = abs(self.newest.figure) if self.newest is not None else 0.0
        return TIE * (max(newest, abs(self.since.baseline.figure)) if self.since is not None else newest)

    @property
    def is_clear(self) -> bool:
        """Whether the change is larger than the threshold; one as large as it is not."""
        if self.since is None or self.usual is None:
            return False
        return abs(self.since.change) - self.usual.threshold > self.tolerance

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods of all figures it is made of, each once."""
        found = [code for one in self.changes for code in (one.start, one.end)]
        found.extend(one.period for one in (self.baseline, self.newest) if one is not None)
        return tuple(dict.fromkeys(found))


@dataclass
class Timeline:
    """The periods of some series, one after another without gaps, and which of them compare with which.

    `breaks` are the periods from which on figures do not compare with earlier ones, of whatever frequency.
    """

    codes: tuple[str, ...]
    breaks: Sequence[str] = ()
    frequency: Frequency = field(init=False)
    index: Mapping[str, int] = field(init=False)
    stretch: NDArray[np.int64] = field(init=False)  # numbers the stretches between breaks
    stretch_of: list[int] = field(init=False)
    year_of: list[int] = field(init=False)
    _yearly: dict[tuple[int, bool], tuple[tuple[int, int], ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.frequency = parse_period(self.codes[0]).frequency
        self.index = {code: place for place, code in enumerate(self.codes)}
        starts = [parse_period(code).start for code in self.breaks]
        self.stretch = np.array(
            [sum(start <= parse_period(code).start for start in starts) for code in self.codes],
            dtype=np.int64,
        )
        self.stretch_of = self.stretch.tolist()
        self.year_of = [year_of(code) for code in self.codes]

    def yearly(self, newest: int, *, whole_years: bool) -> tuple[tuple[int, int], ...]:
        """(year, place) of the periods that compare with that at `newest`, oldest first, itself not among them.

        With `whole_years` those that end a calendar year, else the same month, quarter or week of other years.
        """
        key = (newest, whole_years)
        if key not in self._yearly:
            code = self.codes[newest]
            first, last = year_of(self.codes[0]), year_of(code)
            if whole_years:
                ends = {"monthly": "M12", "quarterly": "Q4"}[self.frequency]
                named = ((year, f"{year:04d}{ends}") for year in range(first, last + 1))
            else:
                named = ((year, in_year(code, year)) for year in range(first, last))
            self._yearly[key] = tuple(
                (year, place) for year, name in named if (place := self.index.get(name, newest)) < newest
            )
        return self._yearly[key]


@lru_cache(maxsize=256)
def timeline(first: str, last: str, breaks: tuple[str, ...] = ()) -> Timeline:
    """The periods from `first` to `last`. Raises PeriodError where these are of different frequencies."""
    return Timeline(span(first, last), breaks)


def figures(values: Matrix, line: Timeline, transform: str) -> tuple[Matrix, Matrix]:
    """What is judged, and the level it is made of, from `values`; all (series, periods), NaN where there is none.

    The level of a year-on-year change is the value (or window) itself; of all else the two are the same. A window has
    a figure where it lies whole within one stretch of the series and all its values are there. A change in per cent has
    none where the year before is not above zero. Values that are not finite, or too large to reckon with, count as
    missing.
    """
    level = np.where(np.abs(values) < LARGEST, values, np.nan)
    if transform in ROLLING:
        how, size, frequency = ROLLING[transform]
        if line.frequency != frequency:
            return np.full_like(level, np.nan), np.full_like(level, np.nan)
        level = windows(level, size, np.nan).sum(axis=-1)
        if how == "mean":
            level = level / size
        stretches = windows(line.stretch[np.newaxis], size, -1)[0]
        crossing = stretches.min(axis=-1) != stretches.max(axis=-1)
        level[:, crossing] = np.nan
    if transform not in YEAR_ON_YEAR:
        return level, level
    before, known = before_places(line)
    earlier = np.where(known, level[:, before], np.nan)
    with np.errstate(all="ignore"):
        if YEAR_ON_YEAR[transform] == "difference":
            judged = level - earlier
        else:
            judged = np.where(earlier > 0, 100 * (level / earlier - 1), np.nan)
    return np.where(np.isfinite(judged), judged, np.nan), level


def windows(array: NDArray[Any], size: int, fill: Any) -> NDArray[Any]:
    """For each place the `size` entries that end there, in a last axis of their own; `fill` before the first."""
    padded = np.pad(array, ((0, 0), (size - 1, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)


def before_places(line: Timeline) -> tuple[NDArray[np.int64], Flags]:
    """For each place that of the year before, and whether it is there and the series does not break between."""
    places = np.array([line.index.get(year_before(code), -1) for code in line.codes], dtype=np.int64)
    known = (places >= 0) & (line.stretch[places] == line.stretch)
    return places, known


def movement(
    judged: Sequence[float],
    preliminary: Sequence[bool],
    line: Timeline,
    *,
    baseline_year: int,
    whole_years: bool,
) -> Movement:
    """How far one series' newest figure is from its baseline, by the rule of docs/method.md.

    `judged` has the figures of `line`'s periods, NaN where there is none.
    """
    newest = len(judged) - 1
    while newest >= 0 and not isfinite(judged[newest]):
        newest -= 1
    if newest < 0:
        return Movement(None, None, (), None, "no_figures", baseline_year)
    codes, stretches = line.codes, line.stretch_of
    point = Point(codes[newest], judged[newest], preliminary[newest])
    newest_year = line.year_of[newest]
    # A window is so many years old; of other figures the newest is of the same time of the year.
    steps = {"monthly": 12, "quarterly": 4}.get(line.frequency, 1) if whole_years else 0
    yearly = [
        (year, place)
        for year, place in line.yearly(newest, whole_years=whole_years)
        if isfinite(judged[place])
    ]
    candidates = [
        (year, place)
        for year, place in yearly
        if year >= baseline_year and (not steps or newest - place >= steps)
    ]
    comparable = [one for one in candidates if stretches[one[1]] == stretches[newest]]
    if not comparable:
        lacking: Lacking = "no_baseline" if newest_year > baseline_year else "nothing_later"
        return Movement(point, None, (), None, lacking, baseline_year)
    base_year, base = comparable[0]
    moved: Moved = ""
    if base_year > baseline_year:
        moved = "missing" if candidates[0] == comparable[0] else "break"
    years = (newest - base) / steps if steps else float(newest_year - base_year)
    history = [one for one in yearly if base_year - WINDOW_YEARS <= one[0] <= base_year]
    changes = tuple(
        Change(codes[a], codes[b], later - before, judged[b] - judged[a])
        for (before, a), (later, b) in pairwise(history)
        if stretches[a] == stretches[b]
    )
    usual = median([one.yearly for one in changes])
    enough = len(changes) >= LEAST_CHANGES
    return Movement(
        newest=point,
        since=Since(
            Point(codes[base], judged[base], preliminary[base]), years, judged[newest] - judged[base]
        ),
        changes=changes,
        usual=Usual(usual, usual * sqrt(years)) if enough else None,
        lacking="" if enough else "few_changes",
        baseline_year=baseline_year,
        moved=moved,
    )


def median(values: Sequence[float]) -> float:
    """The middle one, or half-way between the two in the middle; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2
