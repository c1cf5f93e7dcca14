"""Runs that were cut off: marked as what they are, and done again, at most ATTEMPTS times in all.

One runner a Prefect server: at its start it takes every run of its deployments that is still said to be going on for
one that died with the runner before it. Machines that share a server run from work pools instead.

What was cut off is done by a new run, so that the old one stays visible as crashed, and so that the automation that
watches the old one's heartbeat cannot touch the new one. The new run begins at once: it repeats calls of minutes ago,
which were made after the hour of publication, so that no answer from before it is kept alive at the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed, Scheduled

ATTEMPTS = 3
AGAIN_WITHIN = timedelta(days=1)  # what was cut off longer ago is left to the schedule
_SHUT_DOWN = "Runner is shutting down."  # Prefect's own words on runs that end with the runner
_NO_SLOT = "Deployment concurrency limit reached."
_AGAIN = re.compile(r"^again:([0-9a-f-]{36}):([0-9]+)$")


async def end_left_over(client: PrefectClient, served: Mapping[UUID, str]) -> list[FlowRun]:
    """Ends the runs of the `served` deployments (id → name) that a dead runner left going on.

    Crashed, or Cancelled where somebody had asked for that. To be called before our runner starts. The runs as they
    were.
    """
    going_on = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    left = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=list(served)),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=going_on)),
        )
    )
    for run in left:
        state: State[None] = (
            Cancelled(message="It was to be cancelled when the runner died.")
            if run.state_type == StateType.CANCELLING
            else Crashed(message="The runner died while this run was going on.")
        )
        await client.set_flow_run_state(run.id, state, force=True)
    return left


async def run_again(client: PrefectClient, served: Mapping[UUID, str]) -> list[str]:
    """For each of the `served` deployments whose newest run was cut off: another run, unless there were ATTEMPTS.

    A line for each that was made. Calling it again makes no further one.
    """
    said = []
    for deployment_id, name in served.items():
        cut_off = await _newest(client, deployment_id)
        if cut_off is None or not was_cut_off(cut_off.state):
            continue
        first, attempt = attempt_of(cut_off)
        if attempt >= ATTEMPTS:
            continue
        why = f"again: {cut_off.name} was cut off (attempt {attempt + 1} of {ATTEMPTS})"
        await client.create_flow_run_from_deployment(
            deployment_id,
            parameters=cut_off.parameters,
            state=Scheduled(message=why),
            idempotency_key=f"again:{first}:{attempt + 1}",
        )
        said.append(f"{name}: {why}")
    return said


async def skip_late(client: PrefectClient, served: Mapping[UUID, str]) -> list[FlowRun]:
    """Of the `served` deployments' runs whose time has come, skips all but the newest of each; those skipped.

    What a person ordered is not skipped.
    """
    skipped = []
    for deployment_id in served:
        due = [
            run
            for run in await _due(client, deployment_id, [StateType.SCHEDULED], limit=200)
            if is_of_schedule(run)
        ]
        for run in due[1:]:
            late: State[None] = Cancelled(
                name="Skipped", message="A later run of the same source does its work."
            )
            await client.set_flow_run_state(run.id, late, force=True)
            skipped.append(run)
    return skipped


def is_of_schedule(run: FlowRun) -> bool:
    """Whether a schedule made the run, or it does again what one of a schedule could not finish."""
    return run.auto_scheduled or _AGAIN.match(run.idempotency_key or "") is not None


def was_cut_off(state: State[object] | None, now: datetime | None = None) -> bool:
    """Whether `state` is the end of a run that did not end by itself, less than AGAIN_WITHIN ago."""
    if state is None or (now or datetime.now(UTC)) - state.timestamp > AGAIN_WITHIN:
        return False
    shut_down = state.type == StateType.CANCELLED and (state.message or "") == _SHUT_DOWN
    return state.type == StateType.CRASHED or shut_down


def attempt_of(run: FlowRun) -> tuple[str, int]:
    """The id of the run that was cut off first, and which attempt at its work `run` is (1 is that run itself)."""
    found = _AGAIN.match(run.idempotency_key or "")
    return (found[1], int(found[2])) if found else (str(run.id), 1)


async def _newest(client: PrefectClient, deployment_id: UUID) -> FlowRun | None:
    """The newest run whose time has come, but for those that found another one going on."""
    for run in await _due(client, deployment_id, None, limit=20):
        refused = run.state_type == StateType.CANCELLED and run.state and run.state.message == _NO_SLOT
        if not refused:
            return run
    return None


async def _due(
    client: PrefectClient, deployment_id: UUID, types: list[StateType] | None, *, limit: int
) -> list[FlowRun]:
    """Runs whose time has come, the newest first; only those in a state of `types` where it is given."""
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": datetime.now(UTC)}),
            state=None if types is None else FlowRunFilterState(type=FlowRunFilterStateType(any_=types)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=limit,
    )
