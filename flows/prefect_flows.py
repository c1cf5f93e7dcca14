"""The Prefect flow: one collection of one source, one task a dataset; its state comes from the ledger."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from connectors import classifications
from flows.adopt import adopt
from flows.alarms import announce
from flows.artifacts import (
    Progress,
    fresh_pages,
    publish_dataset,
    publish_summary,
    said_counts,
    said_figures,
    without_id,
)
from flows.borders import refresh_borders
from flows.collect import Collection, collect, fail, finish_interrupted, leave_out, read_limits
from flows.metrics import write_metrics
from flows.pages import build_pages
from flows.pipeline import VERSION, Pipeline, new_run_id, open_pipeline, standing_scope, utc_now
from flows.reconcile import is_of_schedule
from flows.schedule_beats import beat_schedule
from flows.settings import read_settings
from models.errors import ConfigurationError, MittaristoError, SourceError
from models.ledger import GREEN, LedgerRow, Scope, scope_from_json
from warehouse.engine import reading, writing
from warehouse.errors import WarehouseError
from warehouse.ledger import close_run, open_run, rows_of
from warehouse.lock import Lock, hold

LOCK_WAIT_SECONDS = 60.0
LOCK_LEASE_SECONDS = 900.0
_WITHOUT_TEXT: Mapping[type, str] = {  # exceptions that come without a text, and what they mean
    MemoryError: "the machine had no memory left for it; end other programs or give it more, and run again",
    TimeoutError: "something took too long; run again",
    AssertionError: "what the program takes for granted was not so",
}


def _when_database_away(_task: object, _run: object, state: State[Any]) -> bool:
    """Only a database that is away is worth another try of the task; the http session has its own retries."""
    return isinstance(state.result(raise_on_failure=False), WarehouseError)


@task(
    name="collect dataset",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[2, 10, 60],
    retry_condition_fn=_when_database_away,
)
def collect_dataset(dataset_id: str, collection: Any) -> State[Any]:
    """Collects one dataset; the task is red when the dataset is. `collection` carries a flows.collect.Collection."""
    row = collect(collection.value, dataset_id)
    publish_dataset(collection.value.pipeline, row, collection.fresh)
    said = f"{row.state}: {'; '.join(filter(None, (said_figures(row.counts), without_id(row))))}"
    if row.state in GREEN:
        get_run_logger().info("%s", said)
        return Completed(message=said, data=row)
    get_run_logger().error("%s", said)
    return Failed(message=said, data=row)


class _Opaque:
    """Carries a value past Prefect's search for futures in a task's arguments, which would walk the whole catalogue.

    `fresh` are the datasets' pages in the interface that are there already.
    """

    def __init__(self, value: Collection, fresh: frozenset[str]) -> None:
        self.value = value
        self.fresh = fresh


def _run_name() -> str:
    """The source and the run's id, or for a scheduled run the time it was due."""
    asked = flow_run.parameters
    due = flow_run.scheduled_start_time
    return f"{asked['source']}-{asked.get('run_id') or format(due, '%Y%m%dT%H%MZ')}"


@flow(name="collect", flow_run_name=_run_name, validate_parameters=False)
def collect_source(
    source: str,
    run_id: str = "",
    datasets: Sequence[str] = (),
    force: bool = False,
    scope: Mapping[str, Any] | None = None,
) -> State[Any]:
    """Collects every expected dataset of `source` (or only `datasets`); red when the ledger says so.

    `scope` is models.ledger.Scope as JSON; None for everything, as wide as it was asked last. The settings come from
    the environment.
    """
    run_id = run_id or new_run_id()
    with open_pipeline(read_settings(os.environ)) as pipeline:
        expected = expected_datasets(pipeline, source, datasets)
        _beat(pipeline, source)
        if not expected:
            return Completed(message=f"the catalogue has no dataset of '{source}'")
        with hold(
            pipeline.engine,
            f"collect {source}",
            f"run {run_id}",
            wait_seconds=LOCK_WAIT_SECONDS,
            lease_seconds=LOCK_LEASE_SECONDS,
        ) as lock:
            healed = finish_interrupted(pipeline, source)
            for row in healed:
                get_run_logger().info("%s: %s: %s", row.dataset_id, row.state, row.message)
            with reading(pipeline.engine) as connection:
                known_scope = (
                    standing_scope(connection, pipeline.settings) if scope is None else scope_from_json(scope)
                )
            adopt(pipeline, known_scope)
            state, rows = _collect_all(pipeline, lock, source, run_id, expected, force, known_scope)
        _beat(pipeline, source)  # again: a run that began late may have done the work of the next look too
        if source == classifications.SOURCE and scope is None:
            _look_for_borders(pipeline, rows)
        build_pages(pipeline, [*healed, *rows])
        publish_summary(pipeline, source, run_id, rows, expected)
        announce(pipeline)  # outside the lock: telling people may take minutes
        write_metrics(pipeline)
        return state


def _look_for_borders(pipeline: Pipeline, rows: Sequence[LedgerRow]) -> None:
    """Asks for the map's borders with the year's new division, and where they came later, once a month."""
    today = utc_now().date()
    if today.day == 1 or any(row.state == "fetched" for row in rows):
        said = refresh_borders(pipeline, today)
        if said:
            get_run_logger().info("%s", said)


def _beat(pipeline: Pipeline, source: str) -> None:
    """Writes that the source's schedule is alive, where it is the schedule that started this run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not is_of_schedule(context.flow_run):
        return
    try:
        with writing(pipeline.engine) as connection:
            beat_schedule(connection, source, utc_now())
    except WarehouseError as error:
        get_run_logger().warning("could not write the sign of life of the schedule: %s", error)


def expected_datasets(pipeline: Pipeline, source: str, only: Sequence[str]) -> tuple[str, ...]:
    """The ids of the datasets a run over `source` must account for, in the catalogue's order."""
    every = tuple(dataset.id for dataset in pipeline.catalogue.datasets_of(source))
    unknown = [one for one in only if one not in every]
    if unknown:
        raise ConfigurationError(
            f"dataset '{unknown[0]}' is not one of source '{source}'; see mittaristo status"
        )
    return tuple(one for one in every if not only or one in only)


def _collect_all(
    pipeline: Pipeline,
    lock: Lock,
    source: str,
    run_id: str,
    expected: Sequence[str],
    force: bool,
    scope: Scope,
) -> tuple[State[Any], list[LedgerRow]]:
    log = get_run_logger()
    progress = Progress(source, len(expected))
    with writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source=source,
            started_at=utc_now(),
            program_version=VERSION,
            catalogue_fingerprint=pipeline.catalogue.fingerprint,
        )
    try:
        limits, _ = read_limits(pipeline, source, run_id)
    except SourceError as error:
        log.error("%s", error)
        fresh = fresh_pages()
        for dataset_id in expected:
            publish_dataset(pipeline, fail(pipeline, run_id, dataset_id, str(error)), fresh)
            progress.step()
    else:
        collection = _Opaque(Collection(pipeline, run_id, source, limits, scope, force), fresh_pages())
        for dataset_id in expected:
            lock.renew()
            if not scope.expects(dataset_id):
                leave_out(pipeline, run_id, dataset_id)
                progress.step(shown=False)
                continue
            # each tag that no other task has costs a third of a second: Prefect asks for its limit
            named = collect_dataset.with_options(task_run_name=dataset_id, tags=[source])
            state = named(dataset_id, collection, return_state=True)
            outcome = state.result(raise_on_failure=False)
            if not isinstance(outcome, LedgerRow):
                row = fail(pipeline, run_id, dataset_id, unexpected(outcome))
                publish_dataset(pipeline, row, collection.fresh)
            progress.step()
    with reading(pipeline.engine) as connection:
        rows = rows_of(connection, run_id)
    verdict = run_verdict(rows, expected)
    with writing(pipeline.engine) as connection:
        close_run(connection, run_id, ended_at=utc_now(), state="red" if verdict else "green")
    if verdict:
        return Failed(message=verdict), rows
    return Completed(message=f"{len(rows)} datasets: {said_counts(rows, expected)}"), rows


def run_verdict(rows: Sequence[LedgerRow], expected: Sequence[str]) -> str:
    """'' where every expected dataset has a green row, else one line that names those that have not."""
    states = {row.dataset_id: row.state for row in rows}
    red = [
        f"{one} {states.get(one, 'has no ledger row')}" for one in expected if states.get(one) not in GREEN
    ]
    return "; ".join(red)


def unexpected(outcome: object) -> str:
    """One line on what became of a task that has no ledger row: an error on purpose as it is, any other by its name."""
    if isinstance(outcome, MittaristoError):
        return str(outcome)
    said = " ".join(str(outcome).split())[:300] or _WITHOUT_TEXT.get(type(outcome), "it says no more")
    return f"unexpected {type(outcome).__name__}: {said}; the task's log has the traceback"
