"""What is stored and no longer there: areas, periods, cells, figures, and values that were final."""

from __future__ import annotations

import numpy as np
import pandas as pd

from expectations.compared import Compared, Flags, cells_of
from expectations.history_case import (
    Case,
    Judged,
    cell_words,
    counted,
    failing_rows,
    figure,
    measured,
)
from models.exceptions import LOST_AREAS, LOST_CELLS, LOST_FIGURES, LOST_PERIODS, PRELIMINARY_AGAIN
from models.period import parse_period

# Figures that became none: many are five or more, if a fifth of a content, or half of one series or period.
FIGURES_LOST_SHARE, FIGURES_LOST_WHOLE, FIGURES_LOST_CELLS = 0.2, 0.5, 5


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
    areas = _by_name(gone[in_area], "area_code", sorted(set(present.area_code)))
    periods = _by_name(gone[in_period], "period", sorted(given, key=lambda code: parse_period(code).start))
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
    lost_cells = measured(lost_cells, np.ones(len(lost_cells)))
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
            f"{len(lost_cells)} of {counted(were, 'stored value')} gone, {counted(rows, 'row')} in the answer (the "
            f"first: {cell_words(lost_cells.iloc[0].to_dict())}, which was {figure(lost_cells['old'].iloc[0])})"
            if len(lost_cells)
            else f"{counted(rows, 'row')} in the answer, none of {counted(were, 'stored value')} gone",
            "every stored value that the source is asked for, in the answer again",
            "a part of the answer is missing, or the source no longer publishes these cells",
        ),
    ]


def _by_name(gone: pd.DataFrame, column: str, present: list[str]) -> pd.DataFrame:
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
    return measured(both, both["values"].to_numpy(dtype=np.float64))


def _lost(rule: str, frame: pd.DataFrame, column: str, word: str, cause: str) -> Judged:
    rows = failing_rows(frame, 0)
    names = [str(name) for name in rows[column]]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    values = int(rows["values"].sum())
    return Judged(
        rule,
        "critical",
        frame,
        rows,
        f"{counted(len(names), word)} gone with {counted(values, 'stored value')}: {shown}"
        if names
        else f"{counted(len(frame), word)}, none gone",
        f"every {word} that is stored, in the answer again",
        cause,
    )


def lost_figures(case: Case) -> Judged:
    """Figures in whose place the source now has none."""
    compared = case.compared
    had = compared.given & ~np.isnan(compared.before)
    gone = had & np.isnan(compared.now)
    places = cells_of(gone)
    rows = measured(
        compared.frame(places, old=compared.before[places], new=compared.now[places]), np.ones(len(places[0]))
    )
    count = int(gone.sum())
    return Judged(
        LOST_FIGURES,
        "critical" if _figures_lost_in_mass(compared, had, gone) else "warning",
        rows,
        rows,
        f"{count} of {int(had.sum())} stored figures are none any more (the first: "
        f"{cell_words(rows.iloc[0].to_dict())}, which was {figure(rows['old'].iloc[0])})"
        if count
        else f"{counted(int(had.sum()), 'stored figure')}, each still a figure",
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


def preliminary_again(case: Case) -> Judged:
    """Values that were final and are preliminary again."""
    compared = case.compared
    again = compared.stored_final & compared.given_preliminary
    places = cells_of(again)
    rows = measured(
        compared.frame(places, old=compared.before[places], new=compared.now[places]), np.ones(len(places[0]))
    )
    final = int((compared.stored_final & compared.given).sum())
    return Judged(
        PRELIMINARY_AGAIN,
        "warning",
        rows,
        rows,
        f"{len(rows)} of {counted(final, 'final value')} became preliminary again (the first: "
        f"{cell_words(rows.iloc[0].to_dict())})"
        if len(rows)
        else f"{counted(final, 'final value')}, none preliminary again",
        "a final value stays final",
        "the source opened these periods again, or marks them otherwise",
    )
