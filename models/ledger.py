"""The ledger: one row per run and expected dataset, and the small records that pass between the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from models.errors import MittaristoError

LedgerState = Literal[
    "fetched", "unchanged", "not_due", "late", "discontinued", "not_in_sample", "failed", "quarantined"
]
GREEN: frozenset[LedgerState] = frozenset(
    {"fetched", "unchanged", "not_due", "late", "discontinued", "not_in_sample"}
)
FreshnessState = Literal[
    "current", "due", "late", "quarantined", "discontinued", "never_fetched", "not_in_sample"
]
Severity = Literal["critical", "warning"]
GateName = Literal["shape", "values", "history"]


@dataclass(frozen=True)
class CheckResult:
    """One rule of a gate.

    What was checked, what it saw, what it expected, and the rows it fell on (at most a few).
    """

    gate: GateName
    rule: str
    severity: Severity
    passed: bool
    saw: str
    expected: str
    cause: str = ""  # the likely cause, in a person's words
    rows: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True)
class GateReport:
    """What a gate found. Held back when any critical rule failed, or when nothing was evaluated."""

    gate: GateName
    checks: tuple[CheckResult, ...]

    @property
    def held_back(self) -> bool:
        """Whether the frame must not be stored."""
        return not self.checks or any(not c.passed and c.severity == "critical" for c in self.checks)

    @property
    def reason(self) -> str:
        """One line: the first critical failures, or ''."""
        if not self.checks:
            return f"gate {self.gate}: no check was evaluated"
        failed = [c for c in self.checks if not c.passed and c.severity == "critical"]
        return "; ".join(f"{c.rule}: saw {c.saw}, expected {c.expected}" for c in failed[:3])

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The warnings that failed."""
        return tuple(c for c in self.checks if not c.passed and c.severity == "warning")


@dataclass(frozen=True)
class Counts:
    """Observations by what became of them in one load."""

    new: int = 0
    revised: int = 0
    withdrawn: int = 0
    same: int = 0

    @property
    def written(self) -> int:
        """Vintages written."""
        return self.new + self.revised + self.withdrawn


@dataclass(frozen=True)
class LedgerRow:
    """What became of one expected dataset in one run."""

    run_id: str
    dataset_id: str
    state: LedgerState
    message: str
    counts: Counts = field(default_factory=Counts)
    calls: int = 0
    seconds: float = 0.0
    released_at: datetime | None = None  # the source's own release time
    missing_indicators: tuple[str, ...] = ()
    # what the gates found, where they were asked; not read back by rows_of
    gates: tuple[GateReport, ...] = ()


@dataclass(frozen=True)
class Scope:
    """What a run may expect. The default expects everything; the demo only what its sample holds.

    `contents` maps dataset id → content keys the sample has; datasets not in it are `not_in_sample`.
    `today` maps dataset id → the date at which its lateness is judged. `all_municipalities` are the datasets that are
    asked for every municipality and not only for those of the catalogue (see flows.all_municipalities).
    """

    contents: Mapping[str, frozenset[str]] | None = None
    today: Mapping[str, date] = field(default_factory=dict)
    synthetic: bool = False
    all_municipalities: frozenset[str] = frozenset()

    def expects(self, dataset_id: str) -> bool:
        """Whether the dataset is to be collected."""
        return self.contents is None or dataset_id in self.contents


def scope_to_json(scope: Scope) -> dict[str, Any]:
    """`scope` as plain JSON values, for a flow's parameters."""
    everywhere = {"all_municipalities": sorted(scope.all_municipalities)}
    return {
        "contents": None if scope.contents is None else {k: sorted(v) for k, v in scope.contents.items()},
        "today": {dataset_id: day.isoformat() for dataset_id, day in scope.today.items()},
        "synthetic": scope.synthetic,
        **(everywhere if scope.all_municipalities else {}),  # without any, a scope reads as it always did
    }


def scope_from_json(values: Mapping[str, Any] | None) -> Scope:
    """The scope that scope_to_json wrote; the whole catalogue for None. Raises MittaristoError for anything else."""
    if values is None:
        return Scope()
    try:
        contents, synthetic = values["contents"], values["synthetic"]
        if not isinstance(synthetic, bool):
            raise TypeError("synthetic is neither true nor false")
        return Scope(
            contents=None if contents is None else {k: _texts(v) for k, v in contents.items()},
            today={dataset_id: date.fromisoformat(day) for dataset_id, day in values["today"].items()},
            synthetic=synthetic,
            all_municipalities=_texts(values.get("all_municipalities", [])),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MittaristoError(
            f"the scope of a run cannot be read ({type(error).__name__}); restore a backup, or replay"
        ) from error


def _texts(values: object) -> frozenset[str]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise TypeError("no list of texts")
    return frozenset(values)
