"""`mittaristo health`: whether all is well, from the warehouse alone, so that any cron can ask."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from flows.settings import read_settings
from models.problems import UNHEALTHY, Problem, Situation, open_problems, problem_summary
from warehouse.engine import open_existing, reading
from warehouse.problems import situation
from warehouse.times import utc_now


def show_health(environ: Mapping[str, str], *, as_json: bool, notify: bool) -> int:
    """Says what is wrong, a line each; 0 where nothing is, else 1. `notify` also tells it over the channels set.

    Without `notify` nothing is written anywhere, and neither Prefect nor the catalogue is asked.
    """
    settings = read_settings(environ)
    if notify:
        from flows.alarms import announce  # here: the plain question is asked often and must be cheap
        from flows.pipeline import open_pipeline

        with open_pipeline(settings) as pipeline:
            announce(pipeline)
    engine = open_existing(settings.warehouse_url)
    try:
        with reading(engine) as connection:
            found = situation(connection, utc_now())
    finally:
        engine.dispose()
    problems = open_problems(found)
    is_healthy = all(one.kind not in UNHEALTHY for one in problems)
    if as_json:
        _out(json.dumps(_to_json(found, problems, is_healthy), ensure_ascii=False, indent=1))
    else:
        _print(found, problems, is_healthy)
    return 0 if is_healthy else 1


def _out(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _print(found: Situation, problems: tuple[Problem, ...], is_healthy: bool) -> None:
    for one in problems:
        measures = ", ".join(measure.measure_id for measure in one.measures)
        touched = f" Measures touched: {measures}." if measures else ""
        note = "" if one.kind in UNHEALTHY else "note: "
        _out(f"{note}{one.kind}: {one.text_en} {one.todo_en}{touched}")
    states = ", ".join(f"{count} {state}" for state, count in sorted(_states(found).items()))
    _out(f"{'healthy' if is_healthy else 'not healthy'}: {len(found.datasets)} datasets: {states or 'none'}")
    if not found.runs:
        _out("nothing was ever collected here")


def _to_json(found: Situation, problems: tuple[Problem, ...], is_healthy: bool) -> dict[str, Any]:
    return {
        "healthy": is_healthy,
        "at": found.at.isoformat(),
        "problems": [problem_summary(one) | {"unhealthy": one.kind in UNHEALTHY} for one in problems],
        "datasets": dict(sorted(_states(found).items())),
        "heartbeats": [
            {
                "name": one.name,
                "beat_at": one.beat_at.isoformat(),
                "interval_seconds": one.interval_seconds,
                "dead": one.is_dead(found.at),
            }
            for one in found.beats
        ],
    }


def _states(found: Situation) -> Counter[str]:
    return Counter(one.freshness for one in found.datasets)
