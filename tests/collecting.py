"""Collecting single datasets as a run does it, without Prefect, and what the warehouse then says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectors import SOURCES
from connectors.pxweb import Limits
from flows.collect import Collection, collect, read_limits
from flows.pipeline import VERSION, Pipeline, new_run_id, utc_now
from flows.replay import past_of, replay
from models.ledger import LedgerRow, Scope
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.ledger import close_run, open_run


def begin_run(pipeline: Pipeline, source: str, run_id: str = "") -> str:
    """Writes into the ledger that a run goes on; its id."""
    run_id = run_id or new_run_id()
    with writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source=source,
            started_at=utc_now(),
            program_version=VERSION,
            catalogue_fingerprint=pipeline.catalogue.fingerprint,
        )
    return run_id


def end_run(pipeline: Pipeline, run_id: str) -> None:
    with writing(pipeline.engine) as connection:
        close_run(connection, run_id, ended_at=utc_now(), state="green")


def run(
    pipeline: Pipeline,
    scope: Scope,
    *dataset_ids: str,
    force: bool = False,
    limits: Limits | None = None,
    run_id: str = "",
) -> dict[str, LedgerRow]:
    """A whole run over datasets of one source: the ledger row of each. Without `limits` the source is asked."""
    (source,) = {dataset_id.partition("/")[0] for dataset_id in dataset_ids}
    run_id = begin_run(pipeline, source, run_id)
    kept_to = limits or read_limits(pipeline, source, run_id)[0]
    collection = Collection(pipeline, run_id, source, kept_to, scope, force)
    rows = {dataset_id: collect(collection, dataset_id) for dataset_id in dataset_ids}
    end_run(pipeline, run_id)
    return rows


def unhurried(source: str) -> Limits:
    """The limits of a source that does not say them itself, but for its pace."""
    return replace(SOURCES[source].config("", None), calls=10_000, window_seconds=1.0)  # type: ignore[arg-type]


def rows(pipeline: Pipeline, query: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows of a query, with `values` for its names."""
    with reading(pipeline.engine) as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def series(pipeline: Pipeline, indicator: str, area: str = "KU205") -> dict[str, float | None]:
    """What dashboard_series has of an indicator in an area: period → value."""
    found = rows(
        pipeline,
        "SELECT period, value FROM dashboard_series WHERE indicator_id = :i AND area_code = :a ORDER BY period_start",
        i=indicator,
        a=area,
    )
    assert len({period for period, _ in found}) == len(found), "no period twice"
    return dict(found)


def replayed(pipeline: Pipeline, path: Path) -> tuple[str, ...]:
    """The tables that a replay of everything so far, into a new database at `path`, makes otherwise."""
    path.unlink(missing_ok=True)
    engine = open_engine(f"sqlite:///{path}")
    try:
        upgrade(engine)
        return replay(past_of(pipeline), replace(pipeline, engine=engine)).different
    finally:
        engine.dispose()
