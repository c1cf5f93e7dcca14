"""The log of recodes: codes that a source renamed, and what proved the new ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from models.recode import RecodeFinding
from warehouse import tables

_TABLE = tables.table_of(tables.Recode)


@dataclass(frozen=True)
class LoggedRecode:
    """One recode. `finding` is JSON of models.recode.RecodeFinding; `decided_by` a role, '' where figures proved it."""

    dataset_id: str
    recorded_at: datetime
    finding: str
    decided_by: str


def log_recode(
    connection: Connection, dataset_id: str, finding: RecodeFinding, *, recorded_at: datetime, decided_by: str
) -> None:
    """Writes that a dataset's codes changed; no vintage comes of it."""
    row = {
        "dataset_id": dataset_id,
        "recorded_at": recorded_at,
        "finding": finding.to_json(),
        "decided_by": decided_by,
    }
    connection.execute(insert(_TABLE), row)


def recodes(connection: Connection, dataset_id: str | None = None) -> list[LoggedRecode]:
    """The logged recodes, oldest first; of one dataset where asked."""
    query = select(_TABLE).order_by(_TABLE.c.recorded_at, _TABLE.c.dataset_id)
    if dataset_id is not None:
        query = query.where(_TABLE.c.dataset_id == dataset_id)
    return [LoggedRecode(**row) for row in connection.execute(query).mappings()]
