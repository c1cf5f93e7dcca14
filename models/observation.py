"""Observations.

Dataset × series × area × period, as one frame with fixed columns, the same for every source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.dataset import Dataset
from models.errors import SourceError
from models.period import from_source
from models.resolution import Resolution, series_classes
from models.table import SourceTable

Status = Literal["final", "preliminary"]
Indices = NDArray[np.int64]
ChangeClass = Literal["new", "revised", "restated", "withdrawn", "returned", "symbol", "status"]

STATUSES: tuple[Status, ...] = ("final", "preliminary")

# content, classes ('' or 'age=25-29;sex=total', names sorted), area_code, period, symbol and status are
# categoricals, value is float64. symbol is '' for a figure and for a plain null; a missing symbol always
# comes with a NaN value.
OBSERVATION_COLUMNS = ("content", "classes", "area_code", "period", "value", "symbol", "status")


def class_key(classes: Mapping[str, str]) -> str:
    """The one text that names a combination of class keys: 'age=25-29;sex=total', '' for none."""
    return ";".join(f"{name}={classes[name]}" for name in sorted(classes))


def class_keys(dataset: Dataset, classes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The class keys of all combinations of `classes`, in their order, as `dataset`'s observations bear them.

    Only the dataset's series classes stand in a key. A variable without keys takes whatever the source has,
    and so the answer is () then: every class of the content.
    """
    combinations: list[dict[str, str]] = [{}]
    for name in series_classes(dataset):
        combinations = [{**before, name: key} for before in combinations for key in classes[name]]
    return tuple(class_key(one) for one in combinations)


def _indices(table: SourceTable, dimension: str, wanted: Mapping[str, int]) -> Indices:
    """For each row the number that `wanted` gives its code in `dimension`, -1 where it gives none."""
    column = table.frame[dimension]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    lookup = np.array([*(wanted.get(str(code), -1) for code in column.cat.categories), -1], dtype=np.int64)
    indices: Indices = lookup[column.cat.codes.to_numpy()]
    return indices


def _categorical(indices: NDArray[Any], categories: Sequence[str]) -> pd.Categorical:
    dtype = pd.CategoricalDtype(pd.Index(list(categories), dtype="str"))
    return pd.Categorical.from_codes(indices, dtype=dtype, validate=False)


def observations(
    table: SourceTable, resolution: Resolution, *, all_preliminary: bool = False
) -> pd.DataFrame:
    """The source table in our keys: OBSERVATION_COLUMNS, rows in no promised order, nothing else dropped.

    Cells of values that the resolution does not name are left out; totals are taken as resolved. `classes`
    names the class variables of `resolution.series_classes` only, also where the table lacks one of them.
    Raises SourceError where the answer lacks a dimension that tells figures apart.
    """
    rows = len(table.frame)
    dimensions = set(table.dimensions)

    def indices(dimension: str, wanted: Mapping[str, int]) -> Indices:
        if dimension not in dimensions:
            raise SourceError(
                f"{resolution.dataset_id}: the answer lacks the dimension '{dimension}'; "
                f"it has {', '.join(table.dimensions) or 'none'}"
            )
        return _indices(table, dimension, wanted)

    def numbered(codes: Sequence[str]) -> dict[str, int]:
        return {code: number for number, code in enumerate(codes)}

    keep = np.ones(rows, dtype=bool)

    content_keys = tuple(resolution.contents)
    if resolution.contents_variable is None:
        content = np.zeros(rows, dtype=np.int64)
    else:
        content = indices(
            resolution.contents_variable, numbered([resolution.contents[k] for k in content_keys])
        )
        keep &= content >= 0

    area_sources = tuple(resolution.areas)
    if resolution.area_variable is None:
        area = np.zeros(rows, dtype=np.int64)
    else:
        area = indices(resolution.area_variable, numbered(area_sources))
        keep &= area >= 0

    period = indices(resolution.time_variable, numbered(resolution.periods))
    keep &= period >= 0

    combination = np.zeros(rows, dtype=np.int64)
    combinations: list[dict[str, str]] = [{}]
    for name, (variable, values) in resolution.classes.items():
        keys = tuple(values)
        if variable is not None:
            index = indices(variable, numbered([values[key] for key in keys]))
            keep &= index >= 0
        else:
            index = np.zeros(rows, dtype=np.int64)
        if name in resolution.series_classes:
            combination = combination * len(keys) + index
            combinations = [{**before, name: key} for before in combinations for key in keys]
    for variable, total in resolution.totals.items():
        if variable in dimensions:
            keep &= indices(variable, {total: 0}) >= 0

    value = table.frame["value"].to_numpy(dtype=np.float64, copy=True)
    symbol = table.frame["symbol"]
    if not isinstance(symbol.dtype, pd.CategoricalDtype):
        symbol = symbol.astype("category")
    symbol_codes = symbol.cat.codes.to_numpy()
    if not keep.all():
        content, area, period, combination = content[keep], area[keep], period[keep], combination[keep]
        value, symbol_codes = value[keep], symbol_codes[keep]

    preliminary = np.array(
        [
            [
                all_preliminary
                or code in resolution.preliminary
                or one in resolution.preliminary_areas.get(code, ())
                for code in resolution.periods
            ]
            for one in area_sources or ("",)
        ]
    )
    used = np.flatnonzero(np.bincount(combination, minlength=len(combinations)))
    renumbered = np.zeros(len(combinations), dtype=np.int64)
    renumbered[used] = np.arange(len(used))
    frame = pd.DataFrame(
        {
            "content": _categorical(content, content_keys),
            "classes": _categorical(renumbered[combination], [class_key(combinations[i]) for i in used]),
            "area_code": _categorical(area, [resolution.areas[code] for code in area_sources]),
            "period": _categorical(period, [from_source(code) for code in resolution.periods]),
            "value": value,
            "symbol": _categorical(symbol_codes, [str(text) for text in symbol.cat.categories]),
            "status": _categorical(preliminary[area, period].astype(np.int8), STATUSES),
        },
        copy=False,
    )
    return frame[list(OBSERVATION_COLUMNS)]
