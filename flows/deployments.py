"""Deployments: one for each source that has a connector, the same flow with its own name, tags and limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

from flows.collect import CONNECTED
from flows.prefect_flows import collect_source


def deployments() -> Sequence[Any]:
    """A Prefect deployment per connected source; a second run of a source is cancelled while one is going on."""
    return [
        collect_source.to_deployment(
            name=source,
            parameters={"source": source},
            tags=[source],
            concurrency_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
            ),
            description=f"Collects the datasets of {source}: release check, fetch, gates, store, derive.",
        )
        for source in CONNECTED
    ]
