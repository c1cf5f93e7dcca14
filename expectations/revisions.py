"""How far stored figures were revised, and how many of them, against what revisions used to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from expectations.compared import Compared, Flags, Matrix, cells_of
from expectations.history_case import (
    MEASURE,
    Case,
    Judged,
    cell_words,
    counted,
    failing_rows,
    figure,
    measured,
)
from models.alignment import SERIES, Numbers, common_numbers, period_numbers
from models.exceptions import REVISED_SHARE, REVISION_SIZE

# A revision is large when it is beyond all of these: three times the largest one before (of the series where
# it has five, else of its content), three times the usual movement, 2 % of the level, and noise.
REVISION_TIMES, REVISION_MOVEMENT, REVISION_LEVEL, REVISION_NOISE = 3.0, 3.0, 0.02, 3.0
# One alone is critical when it is so many times what is allowed: that corrects no figure, it is another one. Of a
# series of which little is stored nobody can say so.
ABSURD_TIMES = 20.0
PAST_OF_ITS_OWN = 5  # past revisions of a series, before it is judged by its own alone
# Many: at least five cells, in a fifth of the series of a content or in half of the figures of one series.
MANY_CELLS, MANY_SERIES, MANY_OF_SERIES = 5, 0.2, 0.5
# Share of older figures of a content that changed by more than rounding: more than in any release before by
# half, and more than half of them (then it is critical) or a fifth (a warning).
SHARE_TIMES, SHARE_CRITICAL, SHARE_WARNING, SHARE_CELLS = 1.5, 0.5, 0.2, 5
ROUNDING = 0.001  # of the level; a change below it, or of a single step, is not counted in the share


@dataclass(frozen=True)
class _Past:
    """Earlier revisions in the numbers of the comparison: series (of the answer), column, size, release."""

    series: Numbers
    column: Numbers
    size: Matrix
    release: Numbers


def _past(case: Case) -> _Past:
    """The past revisions of one figure to another of series that the answer has."""
    compared, past = case.compared, case.past
    own = pd.DataFrame(
        {"content": compared.content, "classes": compared.classes, "area_code": compared.area_code}
    )
    if not len(past):
        empty = np.zeros(0, dtype=np.int64)
        return _Past(empty, empty, np.zeros(0), empty)
    numbers, wanted = common_numbers([past, own], SERIES)
    place = np.full(max(numbers.max(initial=-1), wanted.max(initial=-1)) + 1, -1, dtype=np.int64)
    place[wanted] = np.arange(len(wanted))
    series = place[numbers]
    column = period_numbers(past, compared.periods)
    size = np.abs(
        past["new"].to_numpy(dtype=np.float64, na_value=np.nan)
        - past["old"].to_numpy(dtype=np.float64, na_value=np.nan)
    )
    release = pd.factorize(past["recorded_at"], sort=True)[0].astype(np.int64)
    kept = (series >= 0) & (column >= 0) & ~np.isnan(size)
    return _Past(series[kept], column[kept], size[kept], release[kept])


def _largest_before(compared: Compared, past: _Past) -> Matrix:
    """Per series its largest past revision; where it has few, its level times the largest of its content."""
    largest = np.zeros(len(compared.content))
    np.maximum.at(largest, past.series, past.size)
    relative = np.zeros(len(compared.contents))
    level = np.nan_to_num(compared.level[past.series])
    known = level > 0
    np.maximum.at(relative, compared.content_no[past.series][known], past.size[known] / level[known])
    of_content = relative[compared.content_no] * np.nan_to_num(compared.level)
    own = np.bincount(past.series, minlength=len(largest)) >= PAST_OF_ITS_OWN
    return np.where(own, largest, np.maximum(of_content, largest))


def revision_size(case: Case) -> Judged:
    """How far revised figures moved, against what was ever seen; areas that were restated are left out."""
    compared = case.compared
    revised = compared.revised & case.unmoved[:, None]
    places = cells_of(revised)
    rows, _ = places
    old, new = compared.before[places], compared.now[places]
    usual = np.nan_to_num(compared.usual[rows])
    allowed = np.maximum.reduce(
        [
            REVISION_TIMES * _largest_before(compared, _past(case))[rows],
            REVISION_MOVEMENT * usual,
            REVISION_LEVEL * np.nan_to_num(compared.level[rows]),
            REVISION_NOISE * compared.noise(rows, old),
        ]
    )
    times = np.abs(new - old) / allowed
    frame = measured(compared.frame(places, old=old, new=new, allowed=allowed), times)
    large = np.zeros_like(revised)
    large[places] = times > 1
    comparable = compared.both & case.unmoved[:, None]
    known = (~np.isnan(compared.before)).sum(axis=1)[rows] >= PAST_OF_ITS_OWN
    many = _many(compared, large, comparable) or bool((known & (times > ABSURD_TIMES)).any())
    frame = frame.iloc[np.argsort(-times, kind="stable")].reset_index(drop=True)
    failing = failing_rows(frame, 1)
    return Judged(
        REVISION_SIZE,
        "critical" if many else "warning",
        frame,
        failing,
        f"{len(failing)} of {counted(len(frame), 'revised value')} moved further; {_furthest(failing)}"
        if len(failing)
        else f"{counted(len(frame), 'revised value')}, none moved further",
        f"no revision beyond {REVISION_TIMES:g} times the largest before, {REVISION_MOVEMENT:g} times the usual "
        f"movement, {100 * REVISION_LEVEL:g} % of the level, and noise",
        "another unit or definition, columns that changed places, or figures of another table"
        if many
        else "a correction at the source, or a slip there",
        limit=1,
    )


def _furthest(failing: pd.DataFrame) -> str:
    first = failing.iloc[0].to_dict()
    return (
        f"the furthest {cell_words(first)}: {figure(first['old'])} became {figure(first['new'])}, "
        f"{first[MEASURE]:.1f} times what is allowed"
    )


def _many(compared: Compared, cells: Flags, comparable: Flags) -> bool:
    """Whether `cells` are many in some content, or in some series, of those that are `comparable`."""
    of_series = cells.sum(axis=1)
    if ((of_series >= MANY_CELLS) & (of_series >= MANY_OF_SERIES * comparable.sum(axis=1))).any():
        return True
    size = len(compared.contents)
    number = compared.content_no
    in_cells = np.bincount(number, weights=of_series, minlength=size)
    in_series = np.bincount(number, weights=of_series > 0, minlength=size)
    all_series = np.bincount(number, weights=comparable.any(axis=1), minlength=size)
    return bool(((in_cells >= MANY_CELLS) & (in_series >= MANY_SERIES * all_series)).any())


def revised_share(case: Case) -> Judged:
    """What share of each content's older figures changed; the newest stored period is left out."""
    compared = case.compared
    older = np.arange(len(compared.periods)) < compared.newest_stored
    comparable = compared.both & case.unmoved[:, None] & older
    quiet = np.maximum(compared.step * 1.01, ROUNDING * np.nan_to_num(compared.level))
    difference = np.abs(np.nan_to_num(compared.now - compared.before))
    changed = comparable & (difference > quiet[:, None])
    size, number = len(compared.contents), compared.content_no
    cells = np.bincount(number, weights=comparable.sum(axis=1), minlength=size).astype(np.float64)
    moved = np.bincount(number, weights=changed.sum(axis=1), minlength=size)
    share = np.divide(moved, cells, out=np.zeros(size), where=cells > 0)
    share[moved < SHARE_CELLS] = 0.0
    before = _shares_before(compared, _past(case), cells, quiet)
    wide = SHARE_TIMES * before
    grave = share > np.maximum(SHARE_CRITICAL, wide)
    allowed = np.maximum(SHARE_CRITICAL if grave.any() else SHARE_WARNING, wide)
    frame = measured(
        pd.DataFrame({"content": np.array(compared.contents, dtype=object)}),
        np.divide(share, allowed, out=np.zeros(size), where=allowed > 0),
    )
    failing = frame[MEASURE].to_numpy() > 1
    places = cells_of(changed & failing[number][:, None])
    rows = compared.frame(places, old=compared.before[places], new=compared.now[places])
    said = [
        f"{100 * share[one]:.0f} % of the older values of {compared.contents[one]} changed"
        f" (before at most {100 * before[one]:.0f} %)"
        for one in np.flatnonzero(failing)[:3]
    ]
    total = f"{moved.sum():.0f} of {cells.sum():.0f} older values changed by more than rounding"
    return Judged(
        REVISED_SHARE,
        "critical" if grave.any() else "warning",
        frame,
        rows,
        f"{'; '.join(said)} ({total})" if said else total,
        f"at most {100 * (SHARE_CRITICAL if grave.any() else SHARE_WARNING):.0f} % of a content's older values, or "
        f"{SHARE_TIMES:g} times the share of any release before",
        "the whole table was calculated anew (definition, base, or a division of areas that its codes do not "
        "tell), or another table answered",
        limit=1,
    )


def _shares_before(compared: Compared, past: _Past, cells: Matrix, quiet: Matrix) -> Matrix:
    """Per content the largest share of its older figures (of today's number) that a past release changed."""
    size = len(compared.contents)
    largest = np.zeros(size)
    if not len(past.series):
        return largest
    newest = np.full(int(past.release.max()) + 1, -1, dtype=np.int64)
    np.maximum.at(newest, past.release, past.column)
    newest = np.maximum.accumulate(newest)
    older = (past.column < newest[past.release]) & (past.size > quiet[past.series])
    key = past.release[older] * size + compared.content_no[past.series][older]
    counted = np.bincount(key, minlength=len(newest) * size).reshape(-1, size).astype(np.float64)
    shares = np.divide(counted, cells, out=np.zeros(counted.shape), where=cells > 0)
    most: Matrix = np.minimum(shares.max(axis=0), 1.0)
    return most
