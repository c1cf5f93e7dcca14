"""What each rule of the history gate is given, and what it hands to Great Expectations.

The limits stand with their rules. They were chosen on real figures (see the tests that replay them):
regions, single ages and months of Kainuu and Kajaani, the population of all municipalities, reported
offences, and published vintages of quarterly accounts. Small counts are noisy, so each limit has a floor.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from expectations.compared import Compared, Flags, Matrix
from models.absence import Absence
from models.dataset import Dataset
from models.ledger import Severity

MEASURE = "_measure"  # the column that is judged


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


def cell_words(row: Mapping[Hashable, Any]) -> str:
    """What a cell is about: its content, classes, area and period."""
    return " ".join(str(row[name]) for name in ("content", "classes", "area_code", "period") if row.get(name))


def counted(count: int, word: str) -> str:
    """A number of things, with a plain English plural."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def measured(rows: pd.DataFrame, measure: Matrix) -> pd.DataFrame:
    """`rows` with MEASURE, the column that is judged."""
    return rows.assign(**{MEASURE: np.asarray(measure, dtype=np.float64)})


def failing_rows(frame: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The rows whose MEASURE is beyond the limit."""
    return frame[frame[MEASURE] > limit]
