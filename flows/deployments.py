"""Deployments: one for each source that has a connector, the same flow with its own name, schedule, tags and limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from connectors import CONNECTED
from flows.prefect_flows import collect_source
from models.schedule import ZONE, cron, looks_of


def deployments(schedules: Mapping[str, Sequence[Schedule]] | None = None) -> list[RunnerDeployment]:
    """A Prefect deployment per connected source; a second run of a source is cancelled while one is going on.

    `schedules` gives a source other times than those of models.schedule.
    """
    return [
        RunnerDeployment.from_flow(
            collect_source,
            name=source,
            parameters={"source": source},
            tags=[source],
            schedules=list((schedules or {}).get(source) or source_schedules(source)),
            concurrency_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
            ),
            description=f"Collects the datasets of {source}: release check, fetch, gates, store, derive.",
            entrypoint_type=EntrypointType.MODULE_PATH,  # wherever the package is installed
        )
        for source in CONNECTED
    ]


def source_schedules(source: str) -> list[Schedule]:
    """The looks of `source` as Prefect schedules."""
    return [Cron(cron(look), timezone=ZONE) for look in looks_of(source)]
