"""Metrics for Prometheus: a text file that node exporter's textfile collector reads (its name must end in .prom).

Times are given as seconds since 1970 and not as ages: an age would grow old in the file between two runs. In Prometheus
the age of a release is `time() - mittaristo_dataset_last_release_timestamp_seconds`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flows.pipeline import Pipeline, utc_now
from models.ledger import FreshnessState
from models.problems import KINDS, Situation, open_problems
from warehouse.activity import Activity, activity
from warehouse.engine import reading
from warehouse.problems import situation
from warehouse.tables import RUN_STATES

log = logging.getLogger("mittaristo.metrics")


def write_metrics(pipeline: Pipeline) -> None:
    """Writes the metrics file where one is set, in one move. Never raises; it logs what went wrong."""
    if pipeline.settings.metrics_file is None:
        return
    try:
        write(pipeline, pipeline.settings.metrics_file, utc_now())
    except Exception as error:  # a run that collected well must not end red because of its metrics
        log.warning("metrics: %s could not be written: %s", pipeline.settings.metrics_file, error)


def write(pipeline: Pipeline, path: Path, now: datetime) -> None:
    """Writes to `path` what the warehouse says at `now`. Raises OSError, WarehouseError."""
    with reading(pipeline.engine) as connection:
        found, done = situation(connection, now), activity(connection)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Warehouse(found, done))
    write_to_textfile(str(path), registry)


class _Warehouse(Collector):
    """Gives the metrics of one moment to a registry."""

    def __init__(self, found: Situation, done: tuple[Activity, ...]) -> None:
        self._found = found
        self._done = done

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield _gauge(
            "mittaristo_written_timestamp_seconds", "When this file was written.", {"": self._found.at}
        )
        yield from self._of_sources()
        yield from self._of_datasets()
        problems = Counter(one.kind for one in open_problems(self._found))
        yield _gauge("mittaristo_problems", "Open problems.", {one: problems[one] for one in KINDS}, "kind")
        yield _gauge(
            "mittaristo_open_quarantines",
            "Collections held back that wait for a decision.",
            {"": len(self._found.quarantines)},
        )
        yield _gauge(
            "mittaristo_heartbeat_timestamp_seconds",
            "Last sign of life of a part of the system.",
            {one.name: one.beat_at for one in self._found.beats},
            "part",
        )

    def _of_sources(self) -> Iterator[Metric]:
        yield _gauge(
            "mittaristo_last_run_timestamp_seconds",
            "When the newest run of a source began.",
            {one.source: one.started_at for one in self._done},
            "source",
        )
        yield _gauge(
            "mittaristo_last_run_duration_seconds",
            "How long the newest run of a source took, where it has ended.",
            {
                one.source: (one.ended_at - one.started_at).total_seconds()
                for one in self._done
                if one.ended_at is not None
            },
            "source",
        )
        states = GaugeMetricFamily(
            "mittaristo_last_run_state",
            "1 for the state of a source's newest run.",
            labels=["source", "state"],
        )
        for one in self._done:
            for state in RUN_STATES:
                states.add_metric([one.source, state], float(one.state == state))
        yield states
        calls = CounterMetricFamily("mittaristo_calls", "Calls to a source.", labels=["source"])
        vintages = CounterMetricFamily(
            "mittaristo_vintages_written", "Vintages of datasets written.", labels=["source"]
        )
        for one in self._done:
            calls.add_metric([one.source], one.calls_total)
            vintages.add_metric([one.source], one.vintages_total)
        yield calls
        yield vintages

    def _of_datasets(self) -> Iterator[Metric]:
        states = Counter(one.freshness for one in self._found.datasets)
        yield _gauge(
            "mittaristo_datasets",
            "Datasets by freshness.",
            {one: states[one] for one in get_args(FreshnessState)},
            "state",
        )
        for what, said in (("release", "The source's newest release."), ("fetch", "The newest good fetch.")):
            yield _gauge(
                f"mittaristo_dataset_last_{what}_timestamp_seconds",
                said,
                {
                    one.dataset_id: moment
                    for one in self._found.datasets
                    if (moment := one.last_release if what == "release" else one.last_fetch) is not None
                },
                "dataset",
            )


def _gauge(
    name: str, said: str, values: Mapping[str, float | datetime], label: str = ""
) -> GaugeMetricFamily:
    """A gauge with a value for each value of `label`, or one value, that of '', where it has no label.

    Moments become seconds since 1970.
    """
    gauge = GaugeMetricFamily(name, said, labels=[label] if label else [])
    for key, value in values.items():
        number = value.timestamp() if isinstance(value, datetime) else float(value)
        gauge.add_metric([key] if label else [], number)
    return gauge
