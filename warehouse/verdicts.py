"""Writing what was judged beside the newest figures of each series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, bindparam, update

from warehouse import tables

_TEXTS = (
    "baseline_period",
    "verdict",
    "reason_fi",
    "reason_sv",
    "reason_en",
    "beside_fi",
    "beside_sv",
    "beside_en",
)


def write_verdicts(connection: Connection, indicator_ids: Sequence[str], verdicts: pd.DataFrame) -> None:
    """Writes `verdicts` (models.judge.VERDICT_COLUMNS) into the latest figures of those indicators.

    A series of theirs that is not among the verdicts has none from now on.
    """
    latest = tables.table_of(tables.Latest)
    names = (*_TEXTS, "baseline_value", "verdict_inputs")
    empty = update(latest).values(dict.fromkeys(names))
    connection.execute(empty.where(latest.c.indicator_id.in_(list(indicator_ids))))
    rows = [_row(one) for one in verdicts.to_dict("records")]
    if not rows:
        return
    one_series = update(latest).where(
        latest.c.indicator_id == bindparam("of_indicator"),
        latest.c.area_code == bindparam("of_area"),
        latest.c.class_code == bindparam("of_class"),
    )
    connection.execute(one_series.values({name: bindparam(f"new_{name}") for name in names}), rows)


def _row(verdict: Mapping[Any, Any]) -> dict[str, Any]:
    value = verdict["baseline_value"]
    texts = {f"new_{name}": _text(verdict[name]) for name in _TEXTS}
    return texts | {
        "of_indicator": verdict["indicator_id"],
        "of_area": verdict["area_code"],
        "of_class": verdict["class_code"],
        "new_baseline_value": None if value is None or math.isnan(value) else value,
        "new_verdict_inputs": _text(verdict["inputs"]),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
