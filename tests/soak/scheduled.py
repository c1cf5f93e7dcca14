"""One scheduled run of a source as flows.prefect_flows makes it, without Prefect."""

from collections.abc import Callable
from datetime import datetime

from flows.adopt import adopt
from flows.alarms import announce
from flows.collect import Collection, collect, fail, finish_interrupted, read_limits
from flows.metrics import write_metrics
from flows.pages import build_pages
from flows.pipeline import VERSION, Pipeline, new_run_id, utc_now
from flows.schedule_beats import beat_schedule
from models.errors import SourceError
from models.ledger import GREEN, LedgerRow, Scope
from warehouse.engine import writing
from warehouse.ledger import close_run, open_run
from warehouse.lock import hold


def scheduled_run(
    pipeline: Pipeline,
    source: str,
    scope: Scope,
    *,
    clock: Callable[[], datetime] = utc_now,
    cut_off: bool = False,
    wait_seconds: float = 60.0,
    pages: bool = True,
) -> list[LedgerRow]:
    """The ledger rows of one run over `source`; one that is cut off ends after its first dataset, without an end."""
    run_id = new_run_id()
    expected = [one.id for one in pipeline.catalogue.datasets_of(source)]
    with writing(pipeline.engine) as connection:
        beat_schedule(connection, source, clock())
    with hold(
        pipeline.engine,
        f"collect {source}",
        f"run {run_id}",
        wait_seconds=wait_seconds,
        lease_seconds=900.0,
        clock=clock,
    ) as lock:
        finish_interrupted(pipeline, source)
        adopt(pipeline, scope)
        with writing(pipeline.engine) as connection:
            open_run(
                connection,
                run_id=run_id,
                source=source,
                started_at=clock(),
                program_version=VERSION,
                catalogue_fingerprint=pipeline.catalogue.fingerprint,
            )
        rows: list[LedgerRow] = []
        try:
            limits, _ = read_limits(pipeline, source, run_id)
        except SourceError as error:
            rows = [fail(pipeline, run_id, one, str(error)) for one in expected]
        else:
            collection = Collection(pipeline, run_id, source, limits, scope)
            for one in expected:
                lock.renew()
                rows.append(collect(collection, one))
                if cut_off:
                    return rows
        red = [row for row in rows if row.state not in GREEN]
        with writing(pipeline.engine) as connection:
            close_run(connection, run_id, ended_at=clock(), state="red" if red else "green")
    if pages:
        build_pages(pipeline, rows, clock=clock)
    announce(pipeline, clock=clock)
    write_metrics(pipeline)
    return rows
