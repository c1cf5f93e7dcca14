"""How far the first figures of new periods are from what their series usually does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from expectations.compared import LEAST_CHANGES, Compared, Flags, Matrix, Places, cells_of
from expectations.history_case import (
    Case,
    Judged,
    cell_words,
    counted,
    failing_rows,
    figure,
    measured,
)
from models.alignment import Numbers
from models.exceptions import JUMPS

# A jump is beyond eight times the usual movement (of the series, of its content, and noise), and beyond eight
# times the usual movement in a year where there is a year before. Critical in three series or more that are
# three tenths of those of a content, or of all; where fewer than three are judged, in all and beyond ten times.
JUMP_TIMES, JUMP_SERIES, JUMP_SHARE, JUMP_ALONE = 8.0, 3, 0.3, 10.0


def new_figures(compared: Compared) -> Flags:
    """Figures where none was stored, of series that have an older one stored."""
    return np.isnan(compared.before) & ~np.isnan(compared.now) & (compared.last_stored >= 0)


def movement(compared: Compared, places: Places, reference: Matrix, usual: Matrix) -> Matrix:
    """What figures may move: the usual of the series or of its content, and noise; NaN where not known."""
    rows, _ = places
    of_content = np.nan_to_num(compared.usual_of_content[rows])
    floor = np.maximum(of_content, compared.noise(rows, reference))
    return np.where(np.isnan(usual[rows]), np.nan, np.fmax(usual[rows], floor))


def steps(compared: Compared, places: Places, columns: Numbers, usual: Matrix) -> tuple[Matrix, Matrix]:
    """The figure that stands in `columns` (-1: NaN) of each cell's series, and its distance in usual movements."""
    rows, at = places
    figures = np.where(compared.given, compared.now, compared.before)
    reference = np.where(columns >= 0, figures[rows, columns], np.nan)
    change = compared.now[rows, at] - reference
    return reference, np.abs(change) / movement(compared, places, np.nan_to_num(reference), usual)


def jumps(case: Case) -> Judged:
    """How far new figures are from the one before and, within years, from the one a year before."""
    compared = case.compared
    places = cells_of(new_figures(compared))
    rows, at = places
    reference, times = steps(compared, places, compared.last_known[places], compared.usual)
    _, in_a_year = steps(compared, places, compared.year_before[at], compared.usual_in_a_year)
    times = np.fmin(times, in_a_year)  # what a season always does is no jump
    judged = ~np.isnan(times)
    places, reference, times = (rows[judged], at[judged]), reference[judged], times[judged]
    rows, at = places
    usual = compared.usual[rows]
    frame = measured(
        compared.frame(places, old=reference, new=compared.now[places], usual_movement=usual),
        times / JUMP_TIMES,
    )
    many = _jump_together(compared, places, times)
    frame = frame.iloc[np.argsort(-times, kind="stable")].reset_index(drop=True)
    failing = failing_rows(frame, 1)
    return Judged(
        JUMPS,
        "critical" if many else "warning",
        frame,
        failing,
        f"{len(failing)} of {counted(len(frame), 'new value')} jumped; {_jumped(failing)}"
        if len(failing)
        else f"{counted(len(frame), 'new value')}, no jump among them",
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
        f"the furthest {cell_words(first)}: {figure(first['old'])} before, {figure(first['new'])} now, where it "
        f"usually moves by {figure(first['usual_movement'])}"
    )


def _jump_together(compared: Compared, places: Places, times: Matrix) -> bool:
    """Whether in some period a large share of the series of a content, or of all, jumped.

    Where fewer than three series were judged at all, each of them must be still further off.
    """
    rows, at = places
    size = len(compared.periods)
    for group in (compared.content_no[rows] * size + at, at):
        judged = np.bincount(group)
        jumped = np.bincount(group, weights=times > JUMP_TIMES)
        if ((jumped >= JUMP_SERIES) & (jumped >= JUMP_SHARE * judged)).any():
            return True
    judged = np.bincount(at)
    alone = np.bincount(at, weights=times > JUMP_ALONE)
    return bool(((judged > 0) & (judged < JUMP_SERIES) & (alone == judged)).any())
