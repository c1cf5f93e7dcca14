"""A reading: what the kept documents of one collection say, ready for the gates and the mapping."""

from __future__ import annotations

from dataclasses import dataclass

from models.resolution import Resolution
from models.table import SourceTable, TableMeta


@dataclass(frozen=True)
class Reading:
    """One dataset as read from kept bytes.

    The table's own description, how it was resolved, what it answered. `settled` is False where the source may
    still bring other figures under the same release time, since it tells days alone and this one was not over.
    """

    meta: TableMeta
    resolution: Resolution
    table: SourceTable
    settled: bool = True
