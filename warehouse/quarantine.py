"""What the gates held back, and what was decided about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from models.ledger import GateReport
from warehouse import tables
from warehouse.errors import WarehouseError

QuarantineState = Literal["open", "released", "rejected", "cleared"]
SUPERSEDED = "a newer answer was held back too"
_TABLE = tables.table_of(tables.Quarantine)


@dataclass(frozen=True)
class Quarantine:
    """One collection held back. `report` is JSON: the gates' reports with their checks and rows."""

    quarantine_id: int
    dataset_id: str
    run_id: str
    collection_id: str
    reason: str
    report: str
    opened_at: datetime
    state: QuarantineState
    decided_at: datetime | None
    decided_by: str
    decision_reason: str
    recode: str = ""  # JSON: models.recode.RecodeFinding, '' where codes are not the matter
    checksum: str = ""


def open_quarantine(
    connection: Connection,
    *,
    dataset_id: str,
    run_id: str,
    collection_id: str,
    reports: Sequence[GateReport],
    opened_at: datetime,
    reason: str = "",
    recode: str = "",
    checksum: str = "",
) -> int:
    """Writes that a collection is held back, with all reports of its gates; the number of the quarantine.

    The same content (`checksum`) that is held back already, or was rejected by a person, is not written again;
    another one that is still open is superseded.
    """
    for one in quarantined(connection, dataset_id=dataset_id, open_only=False):
        if checksum and one.checksum == checksum and one.state in ("open", "rejected"):
            return one.quarantine_id
    if checksum:
        clear_quarantine(connection, dataset_id, decided_at=opened_at, reason=SUPERSEDED)
    row = {
        "dataset_id": dataset_id,
        "run_id": run_id,
        "collection_id": collection_id,
        "reason": reason or "; ".join(one.reason for one in reports if one.held_back),
        "recode": recode,
        "checksum": checksum,
        "report": json.dumps([asdict(one) for one in reports], ensure_ascii=False, default=str),
        "opened_at": opened_at,
        "state": "open",
        "decided_by": "",
        "decision_reason": "",
    }
    return int(connection.execute(insert(_TABLE).returning(_TABLE.c.quarantine_id), row).scalar_one())


def clear_quarantine(connection: Connection, dataset_id: str, *, decided_at: datetime, reason: str) -> int:
    """Clears the dataset's open quarantines, as a later good fetch does; how many there were."""
    change = (
        update(_TABLE)
        .where(_TABLE.c.dataset_id == dataset_id, _TABLE.c.state == "open")
        .values(state="cleared", decided_at=decided_at, decided_by="program", decision_reason=reason)
    )
    return int(connection.execute(change).rowcount)


def decide_quarantine(
    connection: Connection,
    quarantine_id: int,
    *,
    state: Literal["released", "rejected"],
    decided_at: datetime,
    role: str,
    reason: str,
) -> None:
    """Writes a person's decision, by role. Raises WarehouseError when none of that number is open."""
    change = (
        update(_TABLE)
        .where(_TABLE.c.quarantine_id == quarantine_id, _TABLE.c.state == "open")
        .values(state=state, decided_at=decided_at, decided_by=role, decision_reason=reason)
    )
    if connection.execute(change).rowcount != 1:
        raise WarehouseError(
            f"quarantine {quarantine_id} is not open; `mittaristo quarantine list` shows which are"
        )


def quarantined(
    connection: Connection, *, dataset_id: str | None = None, open_only: bool = True
) -> list[Quarantine]:
    """The quarantines, oldest first; of one dataset, and decided ones too, where asked."""
    query = select(_TABLE).order_by(_TABLE.c.quarantine_id)
    if dataset_id is not None:
        query = query.where(_TABLE.c.dataset_id == dataset_id)
    if open_only:
        query = query.where(_TABLE.c.state == "open")
    return [Quarantine(**row) for row in connection.execute(query).mappings()]
