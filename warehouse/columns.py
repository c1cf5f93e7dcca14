"""Rows of the database in columns: a text or a time that many rows bear is kept once, and a number for each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Result

ROWS_AT_A_TIME = 20_000  # of an answer that are Python's objects at once

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Coded:
    """A column of few distinct values: for each row the place of its value among `values`, each there once."""

    codes: Codes
    values: Sequence[Any]

    def at(self, rows: Numbers) -> Coded:
        """The column at these rows, in this order."""
        return Coded(self.codes[rows], self.values)

    def categorical(self) -> pd.Categorical:
        """As a categorical of texts: those that occur, in their order."""
        order = sorted(np.unique(self.codes).tolist(), key=lambda one: self.values[one])
        place = np.zeros(len(self.values), dtype=np.int32)
        place[order] = np.arange(len(order))
        texts = pd.Index([self.values[one] for one in order], dtype="str")
        return pd.Categorical.from_codes(place[self.codes], texts)


@dataclass(frozen=True)
class Columns:
    """Rows in columns: `value` (float64, NaN for none), whole `numbers` and `coded` ones by name."""

    value: NDArray[np.float64]
    numbers: Mapping[str, Numbers]
    coded: Mapping[str, Coded]

    def __len__(self) -> int:
        return len(self.value)

    def at(self, rows: Numbers) -> Columns:
        """These rows, in this order."""
        return Columns(
            self.value[rows],
            {name: one[rows] for name, one in self.numbers.items()},
            {name: one.at(rows) for name, one in self.coded.items()},
        )


def read_columns(results: Iterable[Result[Any]], numbers: Sequence[str], others: Sequence[str]) -> Columns:
    """All rows of `results`, which bear the columns `numbers`, then `value`, then `others`, in this order."""
    known: list[dict[Any, int]] = [{} for _ in others]
    kinds = [*(np.int64 for _ in numbers), np.float64, *(np.int32 for _ in others)]
    # They grow where they are: parts, and the whole made of them, would be twice as much memory.
    grown = [bytearray() for _ in kinds]
    for result in results:
        for rows in result.partitions(ROWS_AT_A_TIME):
            given = list(zip(*rows, strict=True))
            whole, (value, *told) = given[: len(numbers)], given[len(numbers) :]
            part: list[NDArray[Any]] = [
                *(np.array(column, dtype=np.int64) for column in whole),
                np.array(value, dtype=np.float64),  # which makes None NaN
                *(_numbered(column, one) for column, one in zip(told, known, strict=True)),
            ]
            for column, more in zip(grown, part, strict=True):
                column.extend(more.tobytes())
    columns: list[NDArray[Any]] = [
        np.frombuffer(column, dtype=kind) for column, kind in zip(grown, kinds, strict=True)
    ]
    return Columns(
        columns[len(numbers)],
        dict(zip(numbers, columns, strict=False)),
        {
            name: Coded(codes, list(values))
            for name, codes, values in zip(others, columns[len(numbers) + 1 :], known, strict=True)
        },
    )


def coded(column: Sequence[Any]) -> Coded:
    """The column with each of its values once."""
    known: dict[Any, int] = {}
    return Coded(_numbered(column, known), list(known))


def _numbered(column: Sequence[Any], known: dict[Any, int]) -> Codes:
    """For each value its number in `known`, where new ones are added."""
    for one in dict.fromkeys(column):
        known.setdefault(one, len(known))
    return np.fromiter(map(known.__getitem__, column), dtype=np.int32, count=len(column))
