"""Rules put to frames by Great Expectations, and its verdicts as our own small records."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from expectations.suites import BESIDE_SYMBOL, HIGH, KEY, LOW, Rule
from models.ledger import CheckResult, GateName, GateReport

ROWS_SHOWN = 20

_SHOWN_AS = {LOW: "lowest", HIGH: "highest"}


def _great_expectations() -> Any:
    """The library; importing it costs seconds, so nobody pays for it before a gate is asked."""
    with warnings.catch_warnings():
        # It imports sre_constants and sre_parse, which Python has deprecated.
        warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
        import great_expectations
        import great_expectations.data_context.types.base
        import great_expectations.expectations
    return great_expectations


def validate(gate: GateName, parts: Sequence[tuple[pd.DataFrame, Sequence[Rule]]]) -> GateReport:
    """The report of `gate` on its frames (RangeIndex) and their rules.

    The library decides each rule. A rule that it did not answer, or could not evaluate, has failed; when it
    evaluated nothing at all the report has no checks and so holds the frame back.
    """
    gx = _great_expectations()
    config = gx.data_context.types.base
    context = gx.get_context(
        mode="ephemeral",
        project_config=config.DataContextConfig(
            store_backend_defaults=config.InMemoryStoreBackendDefaults(),
            progress_bars=config.ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    definition = (
        context.data_sources.add_pandas("frames")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("all")
    )
    evaluated = 0
    checks: list[CheckResult] = []
    for frame, rules in parts:
        suite = gx.ExpectationSuite(
            name=gate,
            expectations=[
                getattr(gx.expectations, rule.expectation)(
                    **rule.arguments, severity=rule.severity, meta={"rule": number}
                )
                for number, rule in enumerate(rules)
            ],
        )
        answer = definition.get_batch(batch_parameters={"dataframe": frame}).validate(
            suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": ROWS_SHOWN}
        )
        evaluated += int(answer.statistics["evaluated_expectations"])
        # The results are not in the order of the suite.
        results = {result.expectation_config.meta["rule"]: result for result in answer.results}
        checks.extend(_check(gate, rule, results.get(number), frame) for number, rule in enumerate(rules))
    return GateReport(gate, tuple(checks) if evaluated else ())


def _check(gate: GateName, rule: Rule, result: Any, frame: pd.DataFrame) -> CheckResult:
    if result is None:
        return CheckResult(gate, rule.name, rule.severity, False, "no answer of the check", rule.expected)
    failure = _exception(result.exception_info)
    if failure:
        saw = f"the check could not be evaluated ({failure})"
        return CheckResult(gate, rule.name, rule.severity, False, saw, rule.expected, rule.cause)
    passed = bool(result.success)
    rows = () if passed else _rows(rule, result.result, frame)
    saw = _saw(rule, result.result, rows)
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


def _saw(rule: Rule, result: Mapping[str, Any], rows: Sequence[Mapping[str, object]]) -> str:
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
    if "unexpected_count" in result:
        count, total = result["unexpected_count"], result["element_count"]
        words = (
            f"{count} of {total} {rule.about} otherwise" if count else f"{total} {rule.about}, none otherwise"
        )
        first = ", ".join(f"{name} {value}" for name, value in rows[0].items()) if rows else ""
        return f"{words} (the first: {first})" if first else words
    observed = result.get("observed_value")
    if rule.expectation.startswith("ExpectTableRowCount"):
        return f"{observed} rows"
    if rule.expectation.startswith("ExpectColumnProportion"):
        return f"{100 * (observed or 0):.4g} % with a figure"
    return f"{', '.join(str(one) for one in observed)}" if isinstance(observed, list) else str(observed)
