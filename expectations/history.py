"""The third gate: whether an answer fits what is stored of its dataset, and how its series used to move.

Great Expectations decides each rule, on columns that are computed beforehand; `RULES` names them. Known
exceptions let a rule pass that objects to nothing else. `backtest` runs all rules over the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from expectations.arrivals import jumps
from expectations.compared import Flags, compare
from expectations.history_case import MEASURE, Case, Judged
from expectations.losses import lost, lost_figures, preliminary_again
from expectations.revisions import revised_share, revision_size
from expectations.suites import Rule
from expectations.unit_slips import unit
from expectations.validation import ROWS_SHOWN, validate
from models.absence import Absence, absent
from models.alignment import KEY, common_numbers, positions
from models.dataset import Dataset
from models.exceptions import RULES, KnownException
from models.ledger import CheckResult, GateReport, Severity
from models.observation import OBSERVATION_COLUMNS
from models.resolution import Resolution
from models.restatement import restated_areas

__all__ = ["RULES", "BacktestFinding", "Snapshot", "apply", "backtest", "check_history"]

EXCEPTIONS = "known exceptions"  # the rule about the exceptions themselves
FIRST_LOAD = "first load"
_RULES = (lost_figures, revision_size, revised_share, jumps, unit, preliminary_again)
PAST_COLUMNS = ("content", "classes", "area_code", "period", "old", "new", "recorded_at")


def check_history(
    frame: pd.DataFrame,
    stored: pd.DataFrame,
    past: pd.DataFrame,
    dataset: Dataset,
    *,
    absence: Absence,
    restated: frozenset[str],
    exceptions: Iterable[KnownException],
    today: date,
) -> GateReport:
    """Gate 3: whether `frame` can follow on what is stored.

    `frame` and `stored` have OBSERVATION_COLUMNS (`stored` also `change_class`), `past` the columns content,
    classes, area_code, period, old, new, recorded_at: earlier revisions, without restatements. `absence` is
    what models.absence says of the two, `restated` the areas whose values are not revisions.

    An exception that is in force on `today` and holds all rows that a rule objects to lets that rule pass,
    with a note. One whose rule objects to nothing of its, or that has expired, is a warning. Of a first
    load nothing can be said; its report has the one check "first load", passed.
    """
    if not len(stored):
        saw = f"nothing is stored of {dataset.id} yet, {len(frame)} values come"
        first = CheckResult(
            "history", FIRST_LOAD, "warning", True, saw, "nothing: there is no history to compare with"
        )
        return GateReport("history", (first,))
    case = Case(compare(stored, frame), past, dataset, absence, restated)
    rules = [*lost(case), *(rule(case) for rule in _RULES)]
    known = [one for one in exceptions if one.dataset == dataset.id]
    report = validate(
        "history", [(one.frame[[MEASURE]].reset_index(drop=True), [_rule(one)]) for one in rules]
    )
    if not report.checks:
        return report
    applied: set[KnownException] = set()
    checks = [
        _checked(check, one, known, today, applied) for check, one in zip(report.checks, rules, strict=True)
    ]
    if known:
        checks.append(_exceptions_needed(known, applied, today))
    return GateReport("history", tuple(checks))


def _rule(one: Judged) -> Rule:
    return Rule(
        one.rule,
        "ExpectColumnValuesToBeBetween",
        {"column": MEASURE, "max_value": one.limit},
        one.expected,
        one.cause,
        one.severity,
    )


def _checked(
    check: CheckResult,
    one: Judged,
    known: Sequence[KnownException],
    today: date,
    applied: set[KnownException],
) -> CheckResult:
    """The library's verdict in our words and with our rows, or passed where known exceptions hold all rows."""
    if check.passed:
        return replace(check, saw=one.saw)
    if check.saw.startswith("the check could not be evaluated") or not len(one.rows):
        return check
    rows = one.rows.drop(columns=[MEASURE], errors="ignore")
    covered = np.zeros(len(rows), dtype=bool)
    used = []
    for exception in known:
        mine = _covers(exception, rows)
        if exception.rule == one.rule and exception.in_force(today) and mine.any():
            covered |= mine
            used.append(exception)
    applied.update(used)
    if covered.all():
        notes = "; ".join(f"{each.reason_en} ({each.role}, until {each.expires})" for each in used)
        return replace(
            check, passed=True, saw=f"{one.saw}; known and allowed: {notes}", cause="", rows=_shown(rows)
        )
    return replace(check, saw=one.saw, rows=_shown(rows[~covered]))


def _covers(exception: KnownException, rows: pd.DataFrame) -> Flags:
    """Which rows an exception holds; a row that does not say what the exception is limited to is not held."""
    held = np.ones(len(rows), dtype=bool)
    for column, keys in (
        ("content", exception.contents),
        ("area_code", exception.areas),
        ("period", exception.periods),
    ):
        if keys:
            held &= rows[column].isin(keys).to_numpy() if column in rows else False
    return held


def _shown(rows: pd.DataFrame) -> tuple[dict[str, object], ...]:
    return tuple(
        {str(name): _plain(value) for name, value in row.items()}
        for row in rows.head(ROWS_SHOWN).to_dict("records")
    )


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value


def _exceptions_needed(
    known: Sequence[KnownException], applied: set[KnownException], today: date
) -> CheckResult:
    """The check about the exceptions themselves: expired ones, and those whose rule objects to nothing."""
    frame = pd.DataFrame(
        {
            "rule": [one.rule for one in known],
            "scope": [one.scope for one in known],
            "state": [
                "expired" if not one.in_force(today) else "in use" if one in applied else "no longer needed"
                for one in known
            ],
            "expires": [one.expires.isoformat() for one in known],
            "role": [one.role for one in known],
            "reason": [one.reason_en for one in known],
        }
    )
    idle = frame["state"] != "in use"
    rule = Rule(
        EXCEPTIONS,
        "ExpectColumnValuesToBeBetween",
        {"column": MEASURE, "max_value": 0},
        "every known exception in force, and needed",
        "what it allowed is over; delete it from exceptions.yaml, or give it a new date with a reason",
        "warning",
    )
    (check,) = validate("history", [(pd.DataFrame({MEASURE: idle.astype(float)}), [rule])]).checks
    said = "; ".join(
        f"exception {'expired' if state == 'expired' else 'no longer needed'}: {scope} (until {expires}, {role})"
        for state, scope, expires, role in frame.loc[idle, ["state", "scope", "expires", "role"]].itertuples(
            index=False
        )
    )
    return replace(check, saw=said or f"{len(known)} in use", rows=_shown(frame[idle]))


# --- the past ---------------------------------------------------------------------------------------------


class Snapshot(NamedTuple):
    """One answer of the past: when it came, its observations and, where known, what it was read with.

    Without a resolution its absences are judged by what the frame holds (see models.absence.absent); without
    a division nothing is restated.
    """

    recorded_at: datetime
    frame: pd.DataFrame
    resolution: Resolution | None = None
    division: str = ""


@dataclass(frozen=True)
class BacktestFinding:
    """What one rule objects to in one snapshot of the past: when that came, and the check that failed."""

    at: datetime
    dataset_id: str
    check: CheckResult

    @property
    def rule(self) -> str:
        """The rule's id."""
        return self.check.rule

    @property
    def severity(self) -> Severity:
        """`critical`: it would have held the snapshot back."""
        return self.check.severity

    @property
    def saw(self) -> str:
        """What the rule saw, in one line."""
        return self.check.saw


def backtest(
    snapshots: Iterable[tuple[datetime, pd.DataFrame] | Snapshot],
    dataset: Dataset,
    exceptions: Iterable[KnownException],
) -> list[BacktestFinding]:
    """Every check of gate 3 that fails when `snapshots` come one after another, oldest first.

    Each is judged against the state that those before it make, whether or not they passed; what is gone
    counts as withdrawn from then on. Exceptions are judged on the day of the snapshot.
    """
    known = tuple(exceptions)
    stored = pd.DataFrame({name: [] for name in (*OBSERVATION_COLUMNS, "change_class")})
    past = pd.DataFrame({name: [] for name in PAST_COLUMNS})
    findings: list[BacktestFinding] = []
    division = ""
    for given in snapshots:
        snapshot = Snapshot(*given)
        frame = snapshot.frame
        absence = absent(stored, frame, snapshot.resolution, dataset)
        restated = restated_areas(stored, frame, division_before=division, division_now=snapshot.division)
        report = check_history(
            frame,
            stored,
            past,
            dataset,
            absence=absence,
            restated=restated,
            exceptions=known,
            today=snapshot.recorded_at.date(),
        )
        findings.extend(
            BacktestFinding(snapshot.recorded_at, dataset.id, check)
            for check in report.checks
            if not check.passed and check.rule != EXCEPTIONS
        )
        stored, revisions = apply(stored, frame, absence, restated, snapshot.recorded_at)
        past = pd.concat([past, revisions], ignore_index=True) if len(past) else revisions
        division = snapshot.division or division
    return findings


def apply(
    stored: pd.DataFrame,
    frame: pd.DataFrame,
    absence: Absence,
    restated: frozenset[str],
    recorded_at: datetime,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is stored after `frame`, and the revisions it brought (as check_history takes them).

    Rows of the frame take the place of theirs; what is gone is withdrawn (no value); all else stays.
    Values of restated areas changed by no revision.
    """
    numbers, coming, going = common_numbers([stored, frame, absence.gone], KEY)
    at = positions(coming, numbers)
    was_there = at >= 0
    old = np.full(len(frame), np.nan)
    old[was_there] = stored["value"].to_numpy(dtype=np.float64)[at[was_there]]
    new = frame["value"].to_numpy(dtype=np.float64)
    withdrawn = np.zeros(len(frame), dtype=bool)
    withdrawn[was_there] = (stored["change_class"] == "withdrawn").to_numpy()[at[was_there]]
    moved = frame["area_code"].astype("str").isin(restated).to_numpy()
    changed = was_there & ~withdrawn & (old != new) & ~(np.isnan(old) & np.isnan(new))
    classes = np.where(
        ~was_there, "new", np.where(withdrawn, "returned", np.where(changed & moved, "restated", "revised"))
    )
    texts = dict.fromkeys((*KEY, "symbol", "status", "change_class"), "str")
    stays = positions(numbers, coming) < 0
    kept = stored[stays].astype(texts | {"value": "float64"})
    gone = positions(numbers[stays], going) >= 0
    kept.loc[gone, "value"] = np.nan
    kept.loc[gone, "symbol"] = ""
    kept.loc[gone, "change_class"] = "withdrawn"
    came = frame[list(OBSERVATION_COLUMNS)].assign(change_class=classes).astype(texts)
    after = pd.concat([kept, came], ignore_index=True).astype(dict.fromkeys(texts, "category"))
    revisions = frame.loc[changed & ~moved, list(KEY)].astype("str").reset_index(drop=True)
    revisions = revisions.assign(
        old=old[changed & ~moved],
        new=new[changed & ~moved],
        recorded_at=pd.Series([recorded_at] * len(revisions), dtype="datetime64[us, UTC]"),
    )
    return after, revisions
