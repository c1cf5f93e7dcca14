"""Figures at a factor of their level: the unit changed, something counted twice, the sign turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from expectations.arrivals import JUMP_ALONE, movement, new_figures, steps
from expectations.compared import Compared, Flags, Matrix, Places, cells_of
from expectations.history_case import MEASURE, Case, Judged, cell_words, counted, figure
from expectations.revisions import REVISION_NOISE
from models.alignment import Numbers
from models.exceptions import UNIT

# A unit slip: more than half of the series of a content at one factor. Revised values beyond noise; new ones
# within a wider tolerance, beyond five times the usual movement, and off the level of the whole series.
SLIP_SHARE, SLIP_TIMES = 0.5, 5.0
# With fewer than three series, the movement must be beyond ten times the usual, the factor a hundred or more,
# or revised values ten times or exactly twice (half, opposite) at least two times.
SLIP_SERIES, SLIP_REVISED = 3, 2
SLIP_SIZE = 10.0  # steps; smaller figures say nothing about factors


@dataclass(frozen=True)
class _Slip:
    """One way in which figures come out wrong, by their factor, with its cause in words ('{unit}' filled in)."""

    factor: float
    words: str
    cause: str

    @property
    def size(self) -> float:
        """How far the factor is from 1, whichever way."""
        return max(abs(self.factor), 1 / abs(self.factor))

    @property
    def is_extreme(self) -> bool:
        """A hundred times or more: no series does that by itself."""
        return self.size >= 100


_SLIPS = (
    _Slip(1000, "about 1000 times", "the unit changed from thousands of {unit} to {unit}?"),
    _Slip(
        100, "about 100 times", "the unit changed from a share of 1 to per cent, or a decimal point was lost?"
    ),
    _Slip(10, "about 10 times", "a decimal point was lost?"),
    _Slip(2, "about twice", "doubled: something counted twice, or a total added to its parts?"),
    _Slip(0.5, "about half of", "halved: a part stands for the whole (one sex, half of a year)?"),
    _Slip(0.1, "about a tenth of", "a decimal point moved?"),
    _Slip(0.01, "about a hundredth of", "the unit changed from per cent to a share of 1?"),
    _Slip(0.001, "about a thousandth of", "the unit changed from {unit} to thousands of {unit}?"),
    _Slip(-1, "the opposite of", "the sign turned: out minus in, where it was in minus out?"),
)


def _tolerance(factor: float, *, revised: bool) -> float:
    if abs(factor) in (0.5, 1, 2):
        return 0.03 if revised else 0.1
    return 0.05 if revised else 0.25


@dataclass(frozen=True)
class _Comparison:
    """Cells beside the figures each is compared with.

    `reference` is the figure that was there, or the last one before; `other` that of a year before, NaN for
    none. `times` is how often the usual movement they differ from the nearer, NaN where it is not known.
    """

    places: Places
    reference: Matrix
    other: Matrix
    times: Matrix
    revised: bool


@dataclass(frozen=True)
class _Found:
    """A factor that figures of a content are at: in what share of its series, where, and against what."""

    share: float
    slip: _Slip
    places: Places
    reference: Matrix


def unit(case: Case) -> Judged:
    """Whether most series of a content are at a factor of the level before, revised or new."""
    compared = case.compared
    found: list[tuple[str, str, _Found]] = []
    judged: list[dict[str, object]] = []
    for kind, comparison, group in _comparisons(compared):
        for cells in _groups(group):
            content = compared.contents[compared.content_no[comparison.places[0][cells[0]]]]
            best = _best(compared, comparison, cells)
            judged.append({"content": content, MEASURE: best.share if best else 0.0})
            if best and best.share > SLIP_SHARE:
                found.append((content, kind, best))
    rows = [
        compared.frame(one.places, old=one.reference, new=compared.now[one.places]).assign(
            factor=one.slip.factor
        )
        for _, _, one in found
    ]
    shown = pd.concat(rows, ignore_index=True) if rows else compared.frame(cells_of(compared.given & False))
    units = {choice.key: choice.unit or "units" for choice in case.dataset.content_choices}
    causes = dict.fromkeys(
        f"{content}: {one.slip.cause.format(unit=units.get(content, 'units'))}" for content, _, one in found
    )
    return Judged(
        UNIT,
        "critical",
        pd.DataFrame(judged, columns=["content", MEASURE]).astype({MEASURE: np.float64}),
        shown,
        "; ".join(_slipped(compared, *one) for one in found[:3])
        or f"{counted(len(judged), 'group')} of values, each at its level before",
        "values at the level of those before, in most series of each content",
        "; ".join(list(causes)[:3]),
        limit=SLIP_SHARE,
    )


def _slipped(compared: Compared, content: str, kind: str, one: _Found) -> str:
    first = one.places[0][:1], one.places[1][:1]
    cell = cell_words(compared.frame(first).iloc[0].to_dict())
    return (
        f"{cell}: {figure(compared.now[first][0])} is {one.slip.words} {figure(one.reference[0])}, as are "
        f"{100 * one.share:.0f} % of the series of {content} ({kind})"
    )


def _comparisons(compared: Compared) -> list[tuple[str, _Comparison, Numbers]]:
    """Revised cells by content, and new ones by content and period."""
    places = cells_of(compared.both)
    before = compared.before[places]
    times = np.abs(compared.now[places] - before) / movement(compared, places, before, compared.usual)
    revised = _Comparison(places, before, np.full(len(before), np.nan), times, True)
    rows, at = new_places = cells_of(new_figures(compared))
    last, since_last = steps(compared, new_places, compared.last_stored[new_places], compared.usual)
    a_year, in_a_year = steps(compared, new_places, compared.year_before[at], compared.usual_in_a_year)
    new = _Comparison(new_places, last, a_year, np.fmin(since_last, in_a_year), False)
    return [
        ("revised", revised, compared.content_no[places[0]]),
        ("new", new, compared.content_no[rows] * len(compared.periods) + at),
    ]


def _groups(group: Numbers) -> list[Numbers]:
    """The positions of each number in `group`."""
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    return [part for part in np.split(order, ends) if len(part)]


def _best(compared: Compared, comparison: _Comparison, cells: Numbers) -> _Found | None:
    """The factor that most series of these cells are at; None where none is the factor of most that changed."""
    rows, at = comparison.places[0][cells], comparison.places[1][cells]
    new, old, other = compared.now[rows, at], comparison.reference[cells], comparison.other[cells]
    step, times = compared.step[rows], comparison.times[cells]
    large = np.abs(old) >= SLIP_SIZE * step
    changed = new != old
    if comparison.revised:
        far = np.abs(new - old) > REVISION_NOISE * compared.noise(rows, old)
    else:
        far = ~(times <= SLIP_TIMES)
    best: _Found | None = None
    for slip in _SLIPS:
        comparable = large & (np.abs(slip.factor * old) >= step)
        at_old = _is_near(slip, new, old, step, comparison)
        hit = comparable & changed & far & (at_old | _is_near(slip, new, other, step, comparison))
        if not comparison.revised:
            hit &= _is_off_level(slip, new, compared.level[rows])
        series = len(np.unique(rows[hit]))
        if series < SLIP_SERIES and not comparison.revised and not slip.is_extreme:
            hit &= ~(times <= JUMP_ALONE)
            series = len(np.unique(rows[hit]))
        share = series / max(len(np.unique(rows[comparable])), 1)
        if 2 * hit.sum() <= (comparable & changed).sum() or (best and share <= best.share):
            continue
        if series >= SLIP_SERIES or _is_evidence(slip, comparison, times[hit]):
            against = np.where(at_old, old, other)
            best = _Found(share, slip, (rows[hit], at[hit]), against[hit])
    return best


def _is_near(slip: _Slip, new: Matrix, reference: Matrix, step: Matrix, comparison: _Comparison) -> Flags:
    meant = slip.factor * reference
    tolerance = _tolerance(slip.factor, revised=comparison.revised) * np.abs(meant)
    near: Flags = np.abs(new - meant) <= np.maximum(tolerance, 0.51 * step)
    return near


def _is_off_level(slip: _Slip, new: Matrix, level: Matrix) -> Flags:
    """Whether figures are off the series' level too, and not only off the figure before, which may be small."""
    if slip.factor < 0:
        return np.ones(len(new), dtype=bool)
    off: Flags = np.abs(new) >= slip.factor * level / 2
    if slip.factor < 1:
        off = np.abs(new) <= 2 * slip.factor * level
    return off


def _is_evidence(slip: _Slip, comparison: _Comparison, times: Matrix) -> bool:
    """Whether the factor of a few series can be no chance: extreme, far from what is usual, or exact twice."""
    if slip.is_extreme or bool((times > JUMP_ALONE).any()):
        return True
    return comparison.revised and (slip.size >= 10 or len(times) >= SLIP_REVISED)
