"""Whole series that moved with a new division of areas, told from ordinary revisions.

Each January Statistics Finland counts history again by the division of the new year. The tables say so: in
the code of their area variable (alue_23_20260101), or in its map ("Alue 2026").

The rule. Only where the division moved forward, an area is restated when in at least one content more than
half of its older values that are in both the store and the answer have changed; the newest stored period is
left out, since that is where ordinary revisions fall. A content whose changed values have all become zero
does not count: a division moves land, which leaves figures behind. Changed values of a restated area are of the class
`restated`; those of all other areas, in the same release, are ordinary revisions. A new division that
changed no history restates nothing. A table without a stamp, or one whose stamp was not known before, has
the division '', of which nobody can say that it moved.
"""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd

from models.alignment import (
    KEY,
    common_numbers,
    not_withdrawn,
    period_numbers,
    periods_in_order,
    positions,
    texts_of,
)
from models.resolution import Resolution
from models.table import TableMeta

_CODE = re.compile(r".*_([0-9]{4})([0-9]{2})([0-9]{2})")
_MAP = re.compile(r".*\b((?:19|20)[0-9]{2})")


def division(meta: TableMeta, resolution: Resolution) -> str:
    """The division of areas a table is in, as the date from which it holds (2026-01-01), '' without a stamp.

    Both stamps give the same form, so that a table that changes from one to the other can be compared.
    """
    variable = next((one for one in meta.variables if one.code == resolution.area_variable), None)
    if variable is None:
        return ""
    coded = _CODE.fullmatch(variable.code)
    if coded:
        try:
            return date(int(coded[1]), int(coded[2]), int(coded[3])).isoformat()
        except ValueError:
            pass  # eight figures that are no date
    mapped = _MAP.fullmatch(variable.map.strip())
    return f"{mapped[1]}-01-01" if mapped else ""


def restated_areas(
    stored: pd.DataFrame, frame: pd.DataFrame, *, division_before: str, division_now: str
) -> frozenset[str]:
    """The codes of the areas whose series moved with the division (see the module's rule).

    `stored` and `frame` have OBSERVATION_COLUMNS (`stored` also `change_class`); divisions as `division`
    gives them. A value that became missing has changed.
    """
    if not division_before or not division_now or division_now <= division_before:
        return frozenset()
    active = not_withdrawn(stored)
    numbers, answered = common_numbers([active, frame], KEY)
    at = positions(numbers, answered)
    both = np.flatnonzero(at >= 0)
    if not len(both):
        return frozenset()
    overlapping = active.iloc[both]
    order = period_numbers(overlapping, periods_in_order([overlapping]))
    before = overlapping["value"].to_numpy(dtype=np.float64)
    now = frame["value"].to_numpy(dtype=np.float64)[at[both]]
    changed = (before != now) & ~(np.isnan(before) & np.isnan(now))
    older = order < order.max()
    areas, codes = texts_of(overlapping["area_code"])
    contents, _ = texts_of(overlapping["content"])
    groups = areas[older] * (int(contents.max()) + 1) + contents[older]
    all_cells = np.bincount(groups)
    changed_cells = np.bincount(groups, weights=changed[older])
    emptied_cells = np.bincount(groups, weights=(changed & (now == 0))[older])
    is_moved = (2 * changed_cells > all_cells) & (emptied_cells < changed_cells)
    moved = np.flatnonzero(is_moved) // (int(contents.max()) + 1)
    return frozenset(codes[number] for number in moved)
