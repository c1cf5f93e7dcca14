"""What the gates found in each collection, passed or not: the evidence behind every figure that was let in."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from models.ledger import CheckResult, GateName, GateReport
from warehouse import tables

NOTHING_EVALUATED = CheckResult(
    gate="shape",
    rule="evaluation",
    severity="critical",
    passed=False,
    saw="no check was evaluated",
    expected="at least one check",
    cause="the gate itself is broken; nothing is let through then",
)
_TABLE = tables.table_of(tables.GateResult)


@dataclass(frozen=True)
class GateResults:
    """The reports of the gates on what one run fetched of a dataset, in the order in which they were asked."""

    dataset_id: str
    run_id: str
    recorded_at: datetime
    reports: tuple[GateReport, ...]

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """All checks of all gates."""
        return tuple(check for report in self.reports for check in report.checks)


def keep_gate_results(
    connection: Connection,
    run_id: str,
    dataset_id: str,
    reports: Sequence[GateReport],
    *,
    recorded_at: datetime,
) -> None:
    """Writes what the gates found in a run's collection of a dataset; again replaces it.

    A gate that evaluated nothing is kept as one check that failed, so that it is seen.
    """
    connection.execute(delete(_TABLE).where(_TABLE.c.run_id == run_id, _TABLE.c.dataset_id == dataset_id))
    found = [(report.gate, check) for report in reports for check in (report.checks or (NOTHING_EVALUATED,))]
    rows = [
        {
            "run_id": run_id,
            "dataset_id": dataset_id,
            "position": position,
            "gate": gate,
            "rule": check.rule,
            "severity": check.severity,
            "passed": check.passed,
            "saw": check.saw,
            "expected": check.expected,
            "cause": check.cause,
            "rows": json.dumps([dict(one) for one in check.rows], ensure_ascii=False, default=str),
            "recorded_at": recorded_at,
        }
        for position, (gate, check) in enumerate(found)
    ]
    if rows:
        connection.execute(insert(_TABLE), rows)


def newest_gate_results(
    connection: Connection, dataset_ids: Collection[str] | None = None
) -> dict[str, GateResults]:
    """Per dataset (or of these) what the gates found when they were last asked; those never asked of are left out."""
    newest = select(_TABLE.c.dataset_id, func.max(_TABLE.c.recorded_at).label("recorded_at")).group_by(
        _TABLE.c.dataset_id
    )
    if dataset_ids is not None:
        newest = newest.where(_TABLE.c.dataset_id.in_(list(dataset_ids)))
    last = newest.subquery()
    query = (
        select(_TABLE)
        .join(
            last,
            (last.c.dataset_id == _TABLE.c.dataset_id) & (last.c.recorded_at == _TABLE.c.recorded_at),
        )
        .order_by(_TABLE.c.dataset_id, _TABLE.c.run_id, _TABLE.c.position)
    )
    kept: dict[tuple[str, str, datetime], dict[GateName, list[CheckResult]]] = {}
    for row in connection.execute(query).mappings():
        gates = kept.setdefault((row["dataset_id"], row["run_id"], row["recorded_at"]), {})
        gates.setdefault(row["gate"], []).append(
            CheckResult(
                gate=row["gate"],
                rule=row["rule"],
                severity=row["severity"],
                passed=row["passed"],
                saw=row["saw"],
                expected=row["expected"],
                cause=row["cause"],
                rows=tuple(json.loads(row["rows"])),
            )
        )
    return {  # of two runs of one moment the one whose id is later
        name: GateResults(
            name,
            run_id,
            recorded_at,
            tuple(GateReport(gate, tuple(checks)) for gate, checks in gates.items()),
        )
        for (name, run_id, recorded_at), gates in kept.items()
    }
