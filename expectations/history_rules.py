"""The rules of the history gate: each makes the frame that Great Expectations judges, and the words for it.

All limits stand here. They were chosen on real figures (see the tests that replay them): regions, single
ages and months of Kainuu and Kajaani, the population of all municipalities, reported offences, and the
published vintages of quarterly accounts. Small counts are noisy, so each limit has a floor.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from expectations.compared import LEAST_CHANGES, Compared, Flags, Matrix, Places, cells_of
from models.absence import Absence
from models.alignment import SERIES, Numbers, common_numbers, period_numbers
from models.dataset import Dataset
from models.exceptions import (
    JUMPS,
    LOST_AREAS,
    LOST_CELLS,
    LOST_FIGURES,
    LOST_PERIODS,
    PRELIMINARY_AGAIN,
    REVISED_SHARE,
    REVISION_SIZE,
    UNIT,
)
from models.ledger import Severity
from models.period import parse_period

MEASURE = "_measure"  # the column that is judged

# A revision is large when it is beyond all of these: three times the largest one before (of the series where
# it has five, else of its content), three times the usual movement, 2 % of the level, and noise.
REVISION_TIMES, REVISION_MOVEMENT, REVISION_LEVEL, REVISION_NOISE = 3.0, 3.0, 0.02, 3.0
PAST_OF_ITS_OWN = 5  # past revisions of a series, before it is judged by its own alone
# Many: at least five cells, in a fifth of the series of a content or in half of the figures of one series.
MANY_CELLS, MANY_SERIES, MANY_OF_SERIES = 5, 0.2, 0.5
# Share of older figures of a content that changed by more than rounding: more than in any release before by
# half, and more than half of them (then it is critical) or a fifth (a warning).
SHARE_TIMES, SHARE_CRITICAL, SHARE_WARNING, SHARE_CELLS = 1.5, 0.5, 0.2, 5
ROUNDING = 0.001  # of the level; a change below it, or of a single step, is not counted in the share
# A jump is beyond eight times the usual movement (of the series, of its content, and noise), and beyond eight
# times the usual movement in a year where there is a year before. Critical in three series or more that are
# three tenths of those of a content, or of all contents.
JUMP_TIMES, JUMP_SERIES, JUMP_SHARE = 8.0, 3, 0.3
# A unit slip: more than half of the series of a content at one factor, within a tolerance for what figures
# move by themselves (new ones more than revised ones), and beyond five times the usual movement.
SLIP_SHARE, SLIP_TIMES = 0.5, 5.0
# Where the usual movement is not known, twice, half and a turned sign want as many series, or revised values.
SLIP_SERIES, SLIP_REVISED = 3, 2
SLIP_SIZE = 10.0  # steps; smaller figures say nothing about factors
FIGURES_LOST_SHARE, FIGURES_LOST_WHOLE, FIGURES_LOST_CELLS = 0.2, 0.5, 5


@dataclass(frozen=True)
class Judged:
    """A rule as it is put to one answer.

    `frame` holds what is judged, a row each: MEASURE must be at most `limit`. `rows` are the cells behind
    the rows that fail, gravest first; `saw` is what was seen, in words, passed or not.
    """

    rule: str
    severity: Severity
    frame: pd.DataFrame
    rows: pd.DataFrame
    saw: str
    expected: str
    cause: str
    limit: float = 0.0


@dataclass(frozen=True)
class Case:
    """What all rules look at."""

    compared: Compared
    past: pd.DataFrame
    dataset: Dataset
    absence: Absence
    restated: frozenset[str]

    @property
    def unmoved(self) -> Flags:
        """Per series whether its area was not restated."""
        return np.array([code not in self.restated for code in self.compared.area_code], dtype=bool)


def figure(value: object) -> str:
    """A number as people read it, '-' for none."""
    return "-" if not isinstance(value, int | float | np.number) or np.isnan(value) else f"{value:.10g}"


def _cell(row: Mapping[Hashable, Any]) -> str:
    return " ".join(str(row[name]) for name in ("content", "classes", "area_code", "period") if row.get(name))


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _measured(rows: pd.DataFrame, measure: Matrix | list[float]) -> pd.DataFrame:
    return rows.assign(**{MEASURE: np.asarray(measure, dtype=np.float64)})


def _failing(frame: pd.DataFrame, limit: float) -> pd.DataFrame:
    return frame[frame[MEASURE] > limit]


# --- what is gone -----------------------------------------------------------------------------------------


def lost(case: Case) -> list[Judged]:
    """Lost areas, lost periods, and single lost cells; each gone value counts in the first that fits."""
    gone = case.absence.gone
    present = case.compared
    of_area = gone["area_code"].astype("str")
    of_period = gone["period"].astype("str")
    given = {present.periods[column] for column in np.flatnonzero(present.given.any(axis=0))}
    in_area = ~of_area.isin(set(present.area_code))
    in_period = ~in_area & ~of_period.isin(given)
    cells = gone[~in_area & ~in_period].reset_index(drop=True)
    areas = _counted(gone[in_area], "area_code", sorted(set(present.area_code)))
    periods = _counted(gone[in_period], "period", sorted(given, key=lambda code: parse_period(code).start))
    rows, were = int(present.given.sum()), int(present.stored.sum())
    lost_cells = pd.DataFrame(
        {
            **{
                name: cells[name].astype("str").astype(object)
                for name in ("content", "classes", "area_code", "period")
            },
            "old": cells["value"].to_numpy(dtype=np.float64),
            "new": np.full(len(cells), np.nan),
        }
    )
    lost_cells = _measured(lost_cells, np.ones(len(lost_cells)))
    return [
        _lost(
            LOST_AREAS,
            areas,
            "area_code",
            "area",
            "the source left areas out, or its division of areas changed (a merger): their codes are gone",
        ),
        _lost(
            LOST_PERIODS,
            periods,
            "period",
            "period",
            "the source took periods back, cut its series, or answered before all of it was in place",
        ),
        Judged(
            LOST_CELLS,
            "critical",
            lost_cells,
            lost_cells,
            f"{len(lost_cells)} of {_plural(were, 'stored value')} gone, {_plural(rows, 'row')} in the answer (the "
            f"first: {_cell(lost_cells.iloc[0].to_dict())}, which was {figure(lost_cells['old'].iloc[0])})"
            if len(lost_cells)
            else f"{_plural(rows, 'row')} in the answer, none of {_plural(were, 'stored value')} gone",
            "every stored value that the source is asked for, in the answer again",
            "a part of the answer is missing, or the source no longer publishes these cells",
        ),
    ]


def _counted(gone: pd.DataFrame, column: str, present: list[str]) -> pd.DataFrame:
    """A row for each area (or period) there is or was, with the values that are gone with it."""
    texts = gone[column].astype("str").astype(object)
    found: dict[str, list[object]] = {column: [], "values": [], "first": [], "last": []}
    other = "period" if column == "area_code" else "area_code"
    for name, of in gone.assign(**{column: texts}).groupby(column, sort=False, observed=True):
        others = sorted(set(of[other].astype("str")))
        if other == "period":
            others.sort(key=lambda code: parse_period(code).start)
        found[column].append(str(name))
        found["values"].append(float(len(of)))
        found["first"].append(others[0])
        found["last"].append(others[-1])
    lost = pd.DataFrame(found)
    names = {"first": f"first_{other}", "last": f"last_{other}"}
    whole = pd.DataFrame({column: present, "values": 0.0, "first": "", "last": ""})
    both = pd.concat([lost, whole], ignore_index=True) if len(lost) else whole
    both = both.rename(columns=names)
    return _measured(both, both["values"].to_numpy(dtype=np.float64))


def _lost(rule: str, frame: pd.DataFrame, column: str, word: str, cause: str) -> Judged:
    rows = _failing(frame, 0)
    names = [str(name) for name in rows[column]]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    values = int(rows["values"].sum())
    return Judged(
        rule,
        "critical",
        frame,
        rows,
        f"{_plural(len(names), word)} gone with {_plural(values, 'stored value')}: {shown}"
        if names
        else f"{_plural(len(frame), word)}, none gone",
        f"every {word} that is stored, in the answer again",
        cause,
    )


def lost_figures(case: Case) -> Judged:
    """Figures in whose place the source now has none."""
    compared = case.compared
    had = compared.given & ~np.isnan(compared.before)
    gone = had & np.isnan(compared.now)
    places = cells_of(gone)
    rows = _measured(
        compared.frame(places, old=compared.before[places], new=compared.now[places]), np.ones(len(places[0]))
    )
    count = int(gone.sum())
    return Judged(
        LOST_FIGURES,
        "critical" if _figures_lost_in_mass(compared, had, gone) else "warning",
        rows,
        rows,
        f"{count} of {int(had.sum())} stored figures are none any more (the first: "
        f"{_cell(rows.iloc[0].to_dict())}, which was {figure(rows['old'].iloc[0])})"
        if count
        else f"{_plural(int(had.sum()), 'stored figure')}, each still a figure",
        "a figure wherever one is stored",
        "the source hides them now (too small, or secret), or answered before its figures were in place",
    )


def _figures_lost_in_mass(compared: Compared, had: Flags, gone: Flags) -> bool:
    for number in range(len(compared.contents)):
        rows = compared.content_no == number
        for axis, share in ((None, FIGURES_LOST_SHARE), (0, FIGURES_LOST_WHOLE), (1, FIGURES_LOST_WHOLE)):
            lost_here = np.atleast_1d(gone[rows].sum(axis=axis))
            had_here = np.atleast_1d(had[rows].sum(axis=axis))
            if ((lost_here >= FIGURES_LOST_CELLS) & (lost_here >= share * had_here)).any():
                return True
    return False


# --- what changed -----------------------------------------------------------------------------------------


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
    frame = _measured(compared.frame(places, old=old, new=new, allowed=allowed), times)
    large = np.zeros_like(revised)
    large[places] = times > 1
    comparable = compared.both & case.unmoved[:, None]
    many = _many(compared, large, comparable)
    frame = frame.iloc[np.argsort(-times, kind="stable")].reset_index(drop=True)
    failing = _failing(frame, 1)
    return Judged(
        REVISION_SIZE,
        "critical" if many else "warning",
        frame,
        failing,
        f"{len(failing)} of {_plural(len(frame), 'revised value')} moved further; {_furthest(failing)}"
        if len(failing)
        else f"{_plural(len(frame), 'revised value')}, none moved further",
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
        f"the furthest {_cell(first)}: {figure(first['old'])} became {figure(first['new'])}, "
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
    frame = _measured(
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


def preliminary_again(case: Case) -> Judged:
    """Values that were final and are preliminary again."""
    compared = case.compared
    again = compared.stored_final & compared.given_preliminary
    places = cells_of(again)
    rows = _measured(
        compared.frame(places, old=compared.before[places], new=compared.now[places]), np.ones(len(places[0]))
    )
    final = int((compared.stored_final & compared.given).sum())
    return Judged(
        PRELIMINARY_AGAIN,
        "warning",
        rows,
        rows,
        f"{len(rows)} of {_plural(final, 'final value')} became preliminary again (the first: "
        f"{_cell(rows.iloc[0].to_dict())})"
        if len(rows)
        else f"{_plural(final, 'final value')}, none preliminary again",
        "a final value stays final",
        "the source opened these periods again, or marks them otherwise",
    )


# --- what is new ------------------------------------------------------------------------------------------


def _new(compared: Compared) -> Flags:
    """First figures of cells that have an older stored figure in their series."""
    return compared.given & ~compared.stored & ~np.isnan(compared.now) & (compared.last_stored >= 0)


def _movement(compared: Compared, places: Places, reference: Matrix, usual: Matrix) -> Matrix:
    """What figures may move: the usual of the series or of its content, and noise; NaN where not known."""
    rows, _ = places
    of_content = np.nan_to_num(compared.usual_of_content[rows])
    floor = np.maximum(of_content, compared.noise(rows, reference))
    return np.where(np.isnan(usual[rows]), np.nan, np.fmax(usual[rows], floor))


def _steps(compared: Compared, places: Places, columns: Numbers, usual: Matrix) -> tuple[Matrix, Matrix]:
    """The change of each cell since the figure in `columns` (-1: none), and it as times the movement."""
    rows, at = places
    figures = np.where(compared.given, compared.now, compared.before)
    reference = np.where(columns >= 0, figures[rows, columns], np.nan)
    change = compared.now[rows, at] - reference
    return reference, np.abs(change) / _movement(compared, places, np.nan_to_num(reference), usual)


def jumps(case: Case) -> Judged:
    """How far new figures are from the one before and, within years, from the one a year before."""
    compared = case.compared
    places = cells_of(_new(compared))
    rows, at = places
    reference, times = _steps(compared, places, compared.last_known[places], compared.usual)
    _, in_a_year = _steps(compared, places, compared.year_before[at], compared.usual_in_a_year)
    times = np.fmin(times, in_a_year)  # what a season always does is no jump
    judged = ~np.isnan(times)
    places, reference, times = (rows[judged], at[judged]), reference[judged], times[judged]
    rows, at = places
    usual = compared.usual[rows]
    frame = _measured(
        compared.frame(places, old=reference, new=compared.now[places], usual_movement=usual),
        times / JUMP_TIMES,
    )
    many = _jump_together(compared, places, times > JUMP_TIMES)
    frame = frame.iloc[np.argsort(-times, kind="stable")].reset_index(drop=True)
    failing = _failing(frame, 1)
    return Judged(
        JUMPS,
        "critical" if many else "warning",
        frame,
        failing,
        f"{len(failing)} of {_plural(len(frame), 'new value')} jumped; {_jumped(failing)}"
        if len(failing)
        else f"{_plural(len(frame), 'new value')}, no jump among them",
        f"new values within {JUMP_TIMES:g} times the usual movement of their series (median of at least "
        f"{LEAST_CHANGES} changes)",
        "the unit, the definition or the columns changed, or something happened to all at once (a crisis, a "
        "reform)"
        if many
        else "something happened there, or a slip at the source",
        limit=1,
    )


def _jumped(failing: pd.DataFrame) -> str:
    first = failing.iloc[0].to_dict()
    return (
        f"the furthest {_cell(first)}: {figure(first['old'])} before, {figure(first['new'])} now, where it "
        f"usually moves by {figure(first['usual_movement'])}"
    )


def _jump_together(compared: Compared, places: Places, jumped: Flags) -> bool:
    """Whether in some period a large share of the series of a content, or of all, jumped."""
    rows, at = places
    size = len(compared.periods)
    for group in (compared.content_no[rows] * size + at, at):
        count = np.bincount(group, weights=jumped) if len(group) else np.zeros(1)
        judged = np.bincount(group) if len(group) else np.zeros(1)
        if ((count >= JUMP_SERIES) & (count >= JUMP_SHARE * judged)).any():
            return True
    return False


# --- unit slips -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slip:
    """One way in which figures come out wrong, by their factor, with its cause in words ('{unit}' filled in)."""

    factor: float
    words: str
    cause: str


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
    """Cells beside the figure each is compared with; `times` the usual movement they differ, NaN if unknown."""

    places: Places
    reference: Matrix
    times: Matrix
    revised: bool


def unit(case: Case) -> Judged:
    """Whether most series of a content are at a factor of the level before, revised or new."""
    compared = case.compared
    found: list[tuple[int, str, float, _Slip, Places, Matrix]] = []
    judged: list[dict[str, object]] = []
    for kind, comparison, group in _comparisons(compared):
        for cells in _groups(group):
            content = int(compared.content_no[comparison.places[0][cells[0]]])
            share, slip, matched = _best(compared, comparison, cells)
            judged.append({"content": compared.contents[content], "kind": kind, MEASURE: share})
            if share > SLIP_SHARE and slip is not None:
                places = comparison.places[0][matched], comparison.places[1][matched]
                found.append((content, kind, share, slip, places, comparison.reference[matched]))
    frame = pd.DataFrame(judged, columns=["content", "kind", MEASURE]).astype({MEASURE: np.float64})
    rows = [
        compared.frame(places, old=reference, new=compared.now[places]).assign(factor=slip.factor)
        for _, _, _, slip, places, reference in found
    ]
    said = [
        f"{_cell_of(compared, places)}: {figure(compared.now[places][0])} is {slip.words} {figure(reference[0])}, as "
        f"are {100 * share:.0f} % of the series of {compared.contents[content]} ({kind})"
        for content, kind, share, slip, places, reference in found[:3]
    ]
    units = {choice.key: choice.unit for choice in case.dataset.content_choices}
    causes = dict.fromkeys(
        f"{compared.contents[content]}: {slip.cause.format(unit=units.get(compared.contents[content]) or 'units')}"
        for content, _, _, slip, _, _ in found
    )
    return Judged(
        UNIT,
        "critical",
        frame,
        pd.concat(rows, ignore_index=True) if rows else compared.frame((np.zeros(0, int), np.zeros(0, int))),
        "; ".join(said) if said else f"{_plural(len(frame), 'group')} of values, each at its level before",
        "values at the level of those before, in most series of each content",
        "; ".join(list(causes)[:3]),
        limit=SLIP_SHARE,
    )


def _cell_of(compared: Compared, places: Places) -> str:
    first = places[0][:1], places[1][:1]
    return _cell(compared.frame(first).iloc[0].to_dict())


def _comparisons(compared: Compared) -> list[tuple[str, _Comparison, Numbers]]:
    """Revised cells by content, and new ones by content and period."""
    places = cells_of(compared.both)
    rows, _ = places
    before = compared.before[places]
    difference = np.abs(compared.now[places] - before)
    revised = _Comparison(
        places, before, difference / _movement(compared, places, before, compared.usual), True
    )
    new_rows, new_at = new_places = cells_of(_new(compared))
    last = compared.before[new_rows, compared.last_stored[new_places]]
    times = np.abs(compared.now[new_places] - last) / _movement(compared, new_places, last, compared.usual)
    _, in_a_year = _steps(compared, new_places, compared.year_before[new_at], compared.usual_in_a_year)
    new = _Comparison(new_places, last, np.fmin(times, in_a_year), False)
    return [
        ("revised", revised, compared.content_no[rows]),
        ("new", new, compared.content_no[new_rows] * len(compared.periods) + new_at),
    ]


def _groups(group: Numbers) -> list[Numbers]:
    """The positions of each number in `group`."""
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    return [part for part in np.split(order, ends) if len(part)]


def _best(compared: Compared, comparison: _Comparison, cells: Numbers) -> tuple[float, _Slip | None, Numbers]:
    """The share of series that are at one factor (the one with most), that factor, and its cells."""
    rows, at = comparison.places[0][cells], comparison.places[1][cells]
    old, new = comparison.reference[cells], compared.now[rows, at]
    step, times = compared.step[rows], comparison.times[cells]
    large = np.abs(old) >= SLIP_SIZE * step
    changed = new != old
    level = np.nan_to_num(compared.level[rows])
    best: tuple[float, _Slip | None, Numbers] = (0.0, None, cells[:0])
    for slip in _SLIPS:
        meant = slip.factor * old
        comparable = large & (np.abs(meant) >= step)
        near = np.abs(new - meant) <= np.maximum(
            _tolerance(slip.factor, revised=comparison.revised) * np.abs(meant), 0.51 * step
        )
        hit = comparable & near & changed & _is_far(slip, new, level) & ~(times <= SLIP_TIMES)
        series = len(np.unique(rows[comparable]))
        hit_series = len(np.unique(rows[hit]))
        if hit_series < SLIP_SERIES:
            hit &= ~(times <= JUMP_TIMES)
        if 2 * hit.sum() <= (comparable & changed).sum():
            continue
        if not _is_evidence(slip, comparison, hit, times, hit_series):
            continue
        share = hit_series / series
        if share > best[0]:
            best = share, slip, cells[hit]
    return best


def _is_far(slip: _Slip, new: Matrix, level: Matrix) -> Flags:
    """Whether figures are as far from the series' level as the factor says, and not only from the one before."""
    far: Flags = np.abs(new) >= slip.factor * level / 2
    if slip.factor < 1:
        far = np.abs(new) <= 2 * abs(slip.factor) * level
    return far


def _is_evidence(slip: _Slip, comparison: _Comparison, hit: Flags, times: Matrix, series: int) -> bool:
    """Whether the factor can be no chance: a power of ten, a movement that is known, or enough at once."""
    if abs(slip.factor) >= 10 or abs(slip.factor) <= 0.1 or bool((hit & ~np.isnan(times)).any()):
        return True
    return series >= SLIP_SERIES or (comparison.revised and int(hit.sum()) >= SLIP_REVISED)


RULES_BY_ID: Mapping[str, Callable[[Case], Judged]] = {
    LOST_FIGURES: lost_figures,
    REVISION_SIZE: revision_size,
    REVISED_SHARE: revised_share,
    JUMPS: jumps,
    UNIT: unit,
    PRELIMINARY_AGAIN: preliminary_again,
}


def judged(case: Case) -> list[Judged]:
    """Every rule of models.exceptions.RULES put to the case, in that order."""
    return [*lost(case), *(rule(case) for rule in RULES_BY_ID.values())]
