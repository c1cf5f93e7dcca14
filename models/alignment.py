"""Rows of several observation frames side by side: common numbers for what means the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.period import parse_period

Numbers = NDArray[np.int64]

SERIES = ("content", "classes", "area_code")
_LOOSE = 2  # possible numbers for each row up to which a table of all of them is smaller than a hash of those there
KEY = (*SERIES, "period")


def texts_of(column: pd.Series[Any]) -> tuple[Numbers, list[str]]:
    """A column of texts as numbers, and the text that each number stands for. Raises ValueError for a null."""
    coded = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    numbers = coded.cat.codes.to_numpy().astype(np.int64)
    if (numbers < 0).any():
        raise ValueError(f"the column '{column.name}' names what a row is about and has a null")
    return numbers, [str(text) for text in coded.cat.categories]


def common_numbers(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> list[Numbers]:
    """For each frame a number per row: the same for rows with the same texts in `columns`, in all frames.

    The numbers run from 0 without gaps, whatever categories the columns have.
    """
    lengths = [len(frame) for frame in frames]
    rows, borders = sum(lengths), np.cumsum(lengths)[:-1]
    numbers, size = np.zeros(rows, dtype=np.int64), 1
    for column in columns:
        known: dict[str, int] = {}
        for frame in frames:
            for text in texts_of(frame[column])[1]:
                known.setdefault(text, len(known))
        numbers *= max(len(known), 1)
        for frame, its in zip(
            frames, np.split(numbers, borders), strict=True
        ):  # views, so that nothing is copied
            codes, texts = texts_of(frame[column])
            its += np.array([known[text] for text in texts], dtype=np.int64)[codes]
        size *= max(len(known), 1)
        if size > _LOOSE * rows:
            numbers, distinct = pd.factorize(numbers)
            size = len(distinct)
    numbers = _closed(numbers, size)
    return np.split(numbers, borders)


def _closed(numbers: Numbers, size: int) -> Numbers:
    """`numbers`, of 0 to `size`, without gaps: in the order in which they first occur."""
    rows = len(numbers)
    first = np.full(size, rows, dtype=np.int64)
    first[numbers[::-1]] = np.arange(rows - 1, -1, -1)  # of several the last is kept
    there = np.flatnonzero(first < rows)
    place = first  # those there are overwritten, the others not asked
    place[there[np.argsort(first[there])]] = np.arange(len(there))
    return place[numbers]


def positions(wanted: Numbers, within: Numbers) -> Numbers:
    """For each of `wanted` where it stands in `within` (common numbers, each once there), -1 for nowhere."""
    size = int(max(wanted.max(initial=-1), within.max(initial=-1))) + 1
    lookup = np.full(size, -1, dtype=np.int64)
    lookup[within] = np.arange(len(within))
    return lookup[wanted]


def periods_in_order(frames: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """Every period that a row of `frames` bears, in order of time."""
    found: set[str] = set()
    for frame in frames:
        codes, texts = texts_of(frame["period"])
        found.update(texts[number] for number in np.unique(codes))
    return tuple(sorted(found, key=lambda code: parse_period(code).start))


def period_numbers(frame: pd.DataFrame, periods: Sequence[str]) -> Numbers:
    """For each row the place of its period among `periods`, -1 where it is not among them."""
    codes, texts = texts_of(frame["period"])
    place = {period: number for number, period in enumerate(periods)}
    return np.array([place.get(text, -1) for text in texts], dtype=np.int64)[codes]


def not_withdrawn(stored: pd.DataFrame) -> pd.DataFrame:
    """`stored` without the rows that were withdrawn already, renumbered from 0."""
    if "change_class" not in stored.columns:
        return stored.reset_index(drop=True)
    stands = (stored["change_class"] != "withdrawn").to_numpy()
    return (stored if stands.all() else stored[stands]).reset_index(drop=True)
