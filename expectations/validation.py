"""Rules put to frames by Great Expectations, and its verdicts as our own small records."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from expectations.suites import BESIDE_SYMBOL, HIGH, KEY, LOW, Rule
from models.ledger import CheckResult, GateName, GateReport

ROWS_SHOWN = 20

# How much of an answer the library collects.
_VERDICT = {"result_format": "BOOLEAN_ONLY"}
_WITH_ROWS = {"result_format": "SUMMARY", "partial_unexpected_count": ROWS_SHOWN}

_SHOWN_AS = {LOW: "lowest", HIGH: "highest"}


def _great_expectations() -> Any:
    """The library; importing it costs seconds, so nobody pays for it before a gate is asked."""
    with warnings.catch_warnings():
        # It imports sre_constants and sre_parse, which Python has deprecated.
        warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
        import great_expectations
        import great_expectations.data_context.types.base
        import great_expectations.execution_engine
        import great_expectations.expectations
        import great_expectations.validator.validator
    return great_expectations


@cache
def _context() -> Any:
    """The library's settings, once a process: nothing on disk, no progress bars, no word to its makers."""
    gx = _great_expectations()
    config = gx.data_context.types.base
    return gx.get_context(
        mode="ephemeral",
        project_config=config.DataContextConfig(
            store_backend_defaults=config.InMemoryStoreBackendDefaults(),
            progress_bars=config.ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )


def validate(gate: GateName, parts: Sequence[tuple[pd.DataFrame, Sequence[Rule]]]) -> GateReport:
    """The report of `gate` on its frames (RangeIndex) and their rules.

    The library decides each rule. A rule that it did not answer, or could not evaluate, has failed; when it
    evaluated nothing at all the report has no checks and so holds the frame back.
    """
    evaluated = 0
    checks: list[CheckResult] = []
    for frame, rules in parts:
        answers = _answers(frame, rules)
        evaluated += len(answers)
        checks.extend(_check(gate, rule, answers.get(number), frame) for number, rule in enumerate(rules))
    return GateReport(gate, tuple(checks) if evaluated else ())


def _answers(frame: pd.DataFrame, rules: Sequence[Rule]) -> dict[int, Any]:
    """The library's answer to each rule, by its number.

    It copies the rows that a rule is about with all of their columns: each rule gets those that it reads alone.
    """
    by_columns: dict[tuple[str, ...], list[int]] = {}
    for number, rule in enumerate(rules):
        by_columns.setdefault(rule.columns, []).append(number)
    answers: dict[int, Any] = {}
    for columns, numbers in by_columns.items():
        read = {name: frame[name] for name in columns if name in frame.columns}
        part = pd.DataFrame(read, copy=False) if read else frame
        answers |= _answers_on(part, {number: rules[number] for number in numbers})
    return answers


def _answers_on(frame: pd.DataFrame, rules: Mapping[int, Rule]) -> dict[int, Any]:
    """The library's answer to each rule, by its number.

    A rule about each row is asked for its verdict first, and for its count and rows only where it failed:
    collecting them costs more than the verdict. The frame goes straight into an engine of its own: a data
    source would hash all of it, twice, for a fingerprint that nobody reads.
    """
    gx = _great_expectations()
    engine = gx.execution_engine.PandasExecutionEngine()
    engine.load_batch_data("frame", frame)
    validator = gx.validator.validator.Validator(engine, data_context=_context())

    def asked(numbers: Iterable[int], rows: bool) -> dict[int, Any]:
        expectations = []
        for number in numbers:
            rule = rules[number]
            kind = getattr(gx.expectations, rule.expectation)
            brief = hasattr(kind, "map_metric") and not rows
            shown = _VERDICT if brief else _WITH_ROWS
            expectations.append(
                kind(**rule.arguments, severity=rule.severity, meta={"rule": number}, result_format=shown)
            )
        # The results are not in the order of the expectations.
        results = validator.graph_validate([one.configuration for one in expectations])
        return {result.expectation_config.meta["rule"]: result for result in results}

    answers = asked(rules, rows=False)
    failed = [number for number, answer in answers.items() if not answer.success]
    if failed:
        again = asked(failed, rows=True)
        answers |= {number: again.get(number) for number in failed}
    engine.batch_manager.batch_data_cache.clear()  # it refers to itself, and would hold the frame for long
    return answers


def _check(gate: GateName, rule: Rule, result: Any, frame: pd.DataFrame) -> CheckResult:
    if result is None:
        return CheckResult(gate, rule.name, rule.severity, False, "no answer of the check", rule.expected)
    failure = _exception(result.exception_info)
    if failure:
        saw = f"the check could not be evaluated ({failure})"
        return CheckResult(gate, rule.name, rule.severity, False, saw, rule.expected, rule.cause)
    passed = bool(result.success)
    rows = () if passed else _rows(rule, result.result, frame)
    saw = _saw(rule, result.result, rows, len(frame))
    return CheckResult(
        gate, rule.name, rule.severity, passed, saw, rule.expected, "" if passed else rule.cause, rows
    )


def _exception(info: Mapping[str, Any]) -> str:
    """The first exception's message in one line, '' for none; it comes flat or by metric."""
    found = (
        [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, Mapping)]
    )
    messages = [
        str(one.get("exception_message") or "no message") for one in found if one.get("raised_exception")
    ]
    return " ".join(messages[0].split())[:200] if messages else ""


def _rows(rule: Rule, result: Mapping[str, Any], frame: pd.DataFrame) -> tuple[dict[str, object], ...]:
    positions = result.get("partial_unexpected_index_list") or []
    columns = [name for name in frame.columns if name not in {KEY, BESIDE_SYMBOL} | rule.hidden]
    records = frame.iloc[positions][columns].to_dict("records")
    return tuple(
        {_SHOWN_AS.get(str(name), str(name)): _native(value) for name, value in record.items()}
        for record in records
    )


def _native(value: object) -> object:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value


def _saw(rule: Rule, result: Mapping[str, Any], rows: Sequence[Mapping[str, object]], total: int) -> str:
    mismatched = (result.get("details") or {}).get("mismatched")
    if mismatched:
        return "; ".join(
            f"{word} {', '.join(str(name) for name in names)}"
            for word, names in (
                ("lacking", mismatched.get("missing")),
                ("besides", mismatched.get("unexpected")),
            )
            if names
        )
    if rule.about == "cells":
        count = next(iter(rows[0].values())) if rows else rule.arguments["min_value"]
        return f"{count:.0f} cells"
    if not result:  # the verdict alone: it passed
        return f"{total} {rule.about}, none otherwise"
    if "unexpected_count" in result:
        words = f"{result['unexpected_count']} of {result['element_count']} {rule.about} otherwise"
        first = ", ".join(f"{name} {value}" for name, value in rows[0].items()) if rows else ""
        return f"{words} (the first: {first})" if first else words
    observed = result.get("observed_value")
    if rule.expectation.startswith("ExpectTableRowCount"):
        return f"{observed} rows"
    if rule.expectation.startswith("ExpectColumnProportion"):
        return f"{100 * (observed or 0):.4g} % with a figure"
    return f"{', '.join(str(one) for one in observed)}" if isinstance(observed, list) else str(observed)
