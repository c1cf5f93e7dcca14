"""A scheduled run in which nothing is new: calls a dataset, and our own work beside the call itself.

The datasets of StatFin are collected once from the stand-in's made-up tables; the second time nothing has been
released. What the server takes to answer (here the stand-in, in this very process) is taken off: the time from
sending the request to the answer's first bytes. The stand-in sets no pace; keeping one is our work and counts.
Prefect is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.databases import KINDS, Databases
from bench.measure import Figure, Goal, Scale
from bench.storing import NAMES
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from flows.adopt import adopt
from flows.collect import Collection, collect, read_limits
from flows.pipeline import VERSION, Pipeline, new_run_id, open_pipeline, utc_now
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import LedgerRow, Scope
from warehouse.engine import writing
from warehouse.ledger import close_run, open_run

LINE = "a scheduled run in which nothing is new"
SMALL_DATASETS = 8  # at the small scale


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    tables = synthetic_tables(load_catalogue())
    for kind in KINDS:
        with (
            places.url(kind) as url,
            pipeline_on(url, tables, places.folder / f"home-{kind}") as (pipeline, scope),
        ):
            expected = [one.id for one in pipeline.catalogue.datasets_of("statfin") if scope.expects(one.id)]
            if scale.name == "small":
                expected = expected[:SMALL_DATASETS]
            collect_all(pipeline, scope, expected, lambda: 0.0)
            with _others_time() as others:
                second = collect_all(pipeline, scope, expected, others)
        assert {row.state for row, _ in second} == {"unchanged"}, [row for row, _ in second]
        calls = sum(row.calls for row, _ in second) / len(second)
        own = [seconds * 1000 for _, seconds in second]
        what = f"{NAMES[kind]}, {len(second)} datasets"
        yield Figure(LINE, f"{what}, calls each", calls, Goal("<=", 1, "calls"))
        mean = sum(own) / len(own)
        yield Figure(
            LINE,
            f"{what}, own work each",
            mean,
            Goal("<=", 30, "ms"),
            mean / 1000,
            note=f"longest {max(own):.0f} ms",
        )


@contextmanager
def pipeline_on(
    url: str, tables: dict[str, SampleTable] | Any, home: Path, **stand_in: Any
) -> Iterator[tuple[Pipeline, Scope]]:
    """A warehouse and a stand-in that has the tables and no pace, ready for collecting."""
    with StandIn(tables, **{"calls": 10_000, "window": 1.0, **stand_in}) as running:
        settings = Settings(home=home, database_url=url, urls={"statfin": running.url})
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            yield pipeline, scope


def collect_all(
    pipeline: Pipeline,
    scope: Scope,
    dataset_ids: list[str],
    others: Callable[[], float],
    source: str = "statfin",
) -> list[tuple[LedgerRow, float]]:
    """The ledger row of each dataset, and the seconds it took without those that `others` has counted up."""
    run_id = new_run_id()
    limits, _ = read_limits(pipeline, source, run_id)
    with writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source=source,
            started_at=utc_now(),
            program_version=VERSION,
            catalogue_fingerprint=pipeline.catalogue.fingerprint,
        )
    collection = Collection(pipeline, run_id, source, limits, scope)
    rows = []
    for dataset_id in dataset_ids:
        before, started = others(), time.perf_counter()
        row = collect(collection, dataset_id)
        rows.append((row, time.perf_counter() - started - (others() - before)))
    with writing(pipeline.engine) as connection:
        close_run(connection, run_id, ended_at=utc_now(), state="green")
    return rows


@contextmanager
def _others_time() -> Iterator[Callable[[], float]]:
    """Counts up the seconds between a request and the beginning of its answer."""
    import requests

    spent = [0.0]

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                spent[0] += time.perf_counter() - started

        return run

    with patch.object(requests.Session, "request", timed(requests.Session.request)):
        yield lambda: spent[0]
