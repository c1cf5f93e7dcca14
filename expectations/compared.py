"""What is stored and what the source now says, side by side: a row is a series, a column a period.

Pure and vectorised; the rules of the history gate read their comparison columns from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.alignment import (
    SERIES,
    Numbers,
    common_numbers,
    not_withdrawn,
    period_numbers,
    periods_in_order,
    positions,
    texts_of,
)
from models.period import PeriodError, parse_period, year_before

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = tuple[Numbers, Numbers]  # rows and columns of some cells

LEAST_CHANGES = 5  # of a series, before anything is called its usual movement
_DECIMALS = 6  # more than any published figure has


@dataclass(frozen=True)
class Compared:
    """The series of an answer with their stored values.

    `before` and `now` are values by series and period (NaN where there is no figure); `stored` and `given`
    say where there is a row at all, withdrawn ones aside. `content`, `classes` and `area_code` are the texts
    of each series; `content_no` numbers the contents in `contents`.
    """

    periods: tuple[str, ...]
    contents: tuple[str, ...]
    content_no: Numbers
    content: NDArray[np.object_]
    classes: NDArray[np.object_]
    area_code: NDArray[np.object_]
    before: Matrix
    now: Matrix
    stored: Flags
    given: Flags
    stored_final: Flags
    given_preliminary: Flags

    @cached_property
    def newest_stored(self) -> int:
        """The column of the newest period that is stored of these series, -1 for none."""
        columns = np.flatnonzero(self.stored.any(axis=0))
        return int(columns[-1]) if len(columns) else -1

    @cached_property
    def both(self) -> Flags:
        """Where a figure is stored and given."""
        return ~np.isnan(self.before) & ~np.isnan(self.now)

    @cached_property
    def revised(self) -> Flags:
        """Where one figure took the place of another."""
        differs: Flags = self.both & (self.before != self.now)
        return differs

    @cached_property
    def step(self) -> Matrix:
        """Per series the smallest difference its content's figures show: 1 for whole numbers, 0.1, 0.01..."""
        steps = np.ones(len(self.contents))
        for number in range(len(self.contents)):
            rows = self.content_no == number
            values = self.before[rows]
            values = values[~np.isnan(values)]
            if not len(values):
                values = self.now[rows]
                values = values[~np.isnan(values)]
            steps[number] = 10.0 ** -_decimals(values)
        return steps[self.content_no]

    @cached_property
    def level(self) -> Matrix:
        """Per series the median size of its stored figures, NaN where it has none."""
        return _row_medians(np.abs(self.before), 1)

    @cached_property
    def usual(self) -> Matrix:
        """Per series the median absolute change from period to period, NaN with fewer than five changes."""
        return _row_medians(np.abs(np.diff(self.before, axis=1)), LEAST_CHANGES)

    @cached_property
    def year_before(self) -> Numbers:
        """Per column the column of the same period a year before; -1 for none and for yearly periods."""
        place = {period: number for number, period in enumerate(self.periods)}
        found = np.full(len(self.periods), -1, dtype=np.int64)
        for number, period in enumerate(self.periods):
            if parse_period(period).frequency in ("annual", "school_year"):
                continue
            try:
                found[number] = place.get(year_before(period), -1)
            except PeriodError:  # the first year there is
                continue
        return found

    @cached_property
    def usual_in_a_year(self) -> Matrix:
        """Per series the median absolute change from a period to the same one a year later, NaN as `usual`."""
        has = self.year_before >= 0
        if not has.any():
            return np.full(len(self.content), np.nan)
        changes = self.before[:, has] - self.before[:, self.year_before[has]]
        return _row_medians(np.abs(changes), LEAST_CHANGES)

    @cached_property
    def usual_of_content(self) -> Matrix:
        """Per series its level times the median relative movement of all series of its content, NaN for none."""
        relative = np.full(len(self.contents), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self.usual / self.level
        ratios[~np.isfinite(ratios)] = np.nan
        for number in range(len(self.contents)):
            known = ratios[self.content_no == number]
            known = known[~np.isnan(known)]
            if len(known):
                relative[number] = np.median(known)
        return relative[self.content_no] * self.level

    @cached_property
    def last_known(self) -> Numbers:
        """Per cell the column of the newest figure before it, of the answer or else stored; -1 for none."""
        figures = ~np.isnan(np.where(self.given, self.now, self.before))
        return _previous(figures)

    @cached_property
    def last_stored(self) -> Numbers:
        """Per cell the column of the newest stored figure before it, -1 for none."""
        return _previous(~np.isnan(self.before))

    def noise(self, rows: Numbers, sizes: Matrix) -> Matrix:
        """What counts and rounding alone may move figures of `sizes`: a step, and for counts √size."""
        steps = self.step[rows]
        return np.where(steps == 1.0, np.sqrt(np.maximum(np.abs(sizes), 1.0)), steps)

    def frame(self, places: Places, **columns: Sequence[object] | Matrix) -> pd.DataFrame:
        """Cells as rows for people: content, classes, area_code, period, and the columns given."""
        rows, at = places
        periods = np.array(self.periods, dtype=object)
        return pd.DataFrame(
            {
                "content": self.content[rows],
                "classes": self.classes[rows],
                "area_code": self.area_code[rows],
                "period": periods[at],
                **columns,
            }
        )


def compare(stored: pd.DataFrame, frame: pd.DataFrame) -> Compared:
    """`stored` (OBSERVATION_COLUMNS and `change_class`) beside `frame`; series the frame lacks are left out.

    Each observation stands once in either.
    """
    active = not_withdrawn(stored)
    of_stored, of_frame = common_numbers([active, frame], SERIES)
    series, first = np.unique(of_frame, return_index=True)
    kept = np.isin(of_stored, series)
    if not kept.all():
        active, of_stored = active[kept], of_stored[kept]
    periods = periods_in_order([active, frame])
    shape = (len(series), len(periods))
    here = positions(of_frame, series), period_numbers(frame, periods)
    there = positions(of_stored, series), period_numbers(active, periods)
    del of_stored, of_frame, kept  # as large as the frames
    contents, content_no = np.unique(_texts(frame["content"], first), return_inverse=True)

    def spread(places: Places, values: Matrix) -> Matrix:
        matrix = np.full(shape, np.nan)
        matrix[places] = values
        return matrix

    def marked(places: Places, flags: Flags | bool) -> Flags:
        matrix = np.zeros(shape, dtype=bool)
        matrix[places] = flags
        return matrix

    return Compared(
        periods=periods,
        contents=tuple(str(content) for content in contents),
        content_no=content_no.astype(np.int64),
        content=_texts(frame["content"], first),
        classes=_texts(frame["classes"], first),
        area_code=_texts(frame["area_code"], first),
        before=spread(there, active["value"].to_numpy(dtype=np.float64)),
        now=spread(here, frame["value"].to_numpy(dtype=np.float64)),
        stored=marked(there, True),
        given=marked(here, True),
        stored_final=marked(there, (active["status"] == "final").to_numpy(dtype=bool)),
        given_preliminary=marked(here, (frame["status"] == "preliminary").to_numpy(dtype=bool)),
    )


def cells_of(flags: Flags) -> Places:
    """Where `flags` are true, row by row."""
    rows, columns = np.nonzero(flags)
    return rows.astype(np.int64), columns.astype(np.int64)


def _texts(column: pd.Series[str], rows: Numbers) -> NDArray[np.object_]:
    codes, texts = texts_of(column)
    return np.array(texts, dtype=object)[codes[rows]]


def _decimals(values: Matrix) -> int:
    """The decimals that all of `values` have at most, up to six."""
    for decimals in range(_DECIMALS):
        scaled = values * 10.0**decimals
        if np.allclose(scaled, np.round(scaled), rtol=1e-9, atol=1e-6):
            return decimals
    return _DECIMALS


def _row_medians(matrix: Matrix, at_least: int) -> Matrix:
    """The median of each row's values, NaN where it has fewer than `at_least`."""
    medians = np.full(len(matrix), np.nan)
    enough = (~np.isnan(matrix)).sum(axis=1) >= at_least
    if enough.any():
        medians[enough] = np.nanmedian(matrix[enough], axis=1)
    return medians


def _previous(figures: Flags) -> Numbers:
    """Per cell the column of the last True before it in its row, -1 for none."""
    columns = np.where(figures, np.arange(figures.shape[1]), -1)
    newest = np.maximum.accumulate(columns, axis=1)
    return np.concatenate([np.full((len(figures), 1), -1), newest[:, :-1]], axis=1).astype(np.int64)
