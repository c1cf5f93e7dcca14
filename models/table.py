"""A source's table as it describes itself (metadata) and as it answers (source table), before any mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd


@dataclass(frozen=True)
class Variable:
    """One variable of a table: parallel tuples of value codes and their texts, in the table's order."""

    code: str
    text: str
    values: tuple[str, ...]
    texts: tuple[str, ...]
    elimination: bool = False
    time: bool = False
    map: str = ""


@dataclass(frozen=True)
class TableMeta:
    """What a table says of itself: `table` that answered (vkour/12bs), title, variables."""

    table: str
    title: str
    variables: tuple[Variable, ...]


@dataclass(frozen=True)
class SourceTable:
    """What a table answered, raw: nothing renamed, merged or rounded.

    `frame` has one categorical column per dimension code (its categories in the table's order), `value`
    (float64, NaN where there is none) and `symbol` (categorical text: '' for a figure or a plain null, else
    the missing symbol as written: '.', '..', '...', '-'). `labels` maps dimension code → value code → text.
    `updated` is aware UTC, None where the answer does not say. `table_id` is the id the answer itself
    bears, '' where it bears none; `source` the producer as the answer names it.
    """

    frame: pd.DataFrame
    labels: Mapping[str, Mapping[str, str]]
    dimension_texts: Mapping[str, str]
    updated: datetime | None = None
    source: str = ""
    label: str = ""
    table_id: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimension codes, in the order of the frame's columns."""
        return tuple(str(name) for name in self.frame.columns if name not in ("value", "symbol"))
