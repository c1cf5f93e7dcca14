"""An observation frame, checked and turned into arrays of whole numbers: what staging and comparing need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import MittaristoError
from models.observation import OBSERVATION_COLUMNS
from warehouse.keys import period_number
from warehouse.tables import STATUSES

Texts = NDArray[np.object_]
Integers = NDArray[np.int64]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class Rows:
    """A checked frame: per row the position of its series and its period, value, symbol and status.

    `series` has (area_code, content, classes) once each; the rows are in no promised order.
    """

    series: list[tuple[str, str, str]]
    position: Integers
    period_no: Integers
    value: NDArray[np.float64]
    symbol: Places
    status: Places
    symbols: Texts
    statuses: Texts
    periods: list[str]

    def __len__(self) -> int:
        return len(self.value)


def checked_rows(frame: pd.DataFrame, owner: str) -> Rows:
    """The rows of `frame` (OBSERVATION_COLUMNS). Raises MittaristoError, which names `owner` and one cell."""
    lacking = [name for name in OBSERVATION_COLUMNS if name not in frame.columns]
    if lacking:
        raise MittaristoError(f"{owner}: the observations lack the columns {', '.join(lacking)}")
    coded = {name: _coded(frame[name], name, owner) for name in OBSERVATION_COLUMNS if name != "value"}
    value = frame["value"].to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # makes -0.0 a plain zero
    symbol, symbols = coded["symbol"]
    status, statuses = coded["status"]
    unknown = sorted(set(statuses) - set(STATUSES))
    if unknown:
        raise MittaristoError(f"{owner}: '{unknown[0]}' is no status; expected one of {', '.join(STATUSES)}")

    position, series = _distinct_series(coded)
    period, periods = coded["period"]
    keys = position * len(periods) + period

    def named(row: int) -> str:
        return ", ".join(
            f"{name}='{coded[name][1][coded[name][0][row]]}'" for name in coded if name != "status"
        )

    infinite = np.flatnonzero(np.isinf(value))
    if len(infinite):
        raise MittaristoError(
            f"{owner}: an infinite value at {named(infinite[0])}; the source's figure is broken"
        )
    marked = np.array([one != "" for one in symbols], dtype=bool)
    both = np.flatnonzero(marked[symbol] & ~np.isnan(value))
    if len(both):
        raise MittaristoError(f"{owner}: a value and a missing symbol at once at {named(both[0])}")
    ordered = np.sort(keys)  # a table of all keys would take five times as much memory
    if (ordered[1:] == ordered[:-1]).any():
        doubled = np.flatnonzero(pd.Series(keys).duplicated())
        raise MittaristoError(
            f"{owner}: {len(doubled)} observations are given twice, first {named(doubled[0])}"
        )
    del keys, ordered  # as large as the rows
    numbers = np.array([period_number(code) for code in periods], dtype=np.int64)
    return Rows(
        series=series,
        position=position,
        period_no=numbers[period],
        value=value,
        symbol=symbol,
        status=status,
        symbols=symbols,
        statuses=statuses,
        periods=list(periods),
    )


def _coded(column: pd.Series[Any], name: str, owner: str) -> tuple[Places, Texts]:
    """The column as positions in its distinct texts, and those texts; only texts that occur."""
    category = column.astype("category").cat
    codes = category.codes.to_numpy()
    if len(codes) and codes.min() < 0:
        raise MittaristoError(f"{owner}: an observation without {name}")
    occurs = np.zeros(len(category.categories), dtype=bool)
    occurs[codes] = True
    texts = category.categories.to_numpy(dtype=object)
    return (np.cumsum(occurs, dtype=np.int32) - 1)[codes], texts[occurs]


def _distinct_series(coded: dict[str, tuple[Places, Texts]]) -> tuple[Integers, list[tuple[str, str, str]]]:
    (area, areas), (content, contents), (classes, class_texts) = (
        coded[name] for name in ("area_code", "content", "classes")
    )
    joined = (area.astype(np.int64) * len(contents) + content) * len(class_texts) + classes
    position, distinct = pd.factorize(joined, sort=True)
    per_area = len(contents) * len(class_texts)
    series = [
        (
            str(areas[one // per_area]),
            str(contents[one % per_area // len(class_texts)]),
            str(class_texts[one % len(class_texts)]),
        )
        for one in distinct.tolist()
    ]
    return position.astype(np.int64), series
