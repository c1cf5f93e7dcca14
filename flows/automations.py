"""Prefect automations, made from code: what the server is to do by itself."""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

SILENCE = timedelta(
    seconds=90
)  # three heartbeats, see PREFECT_FLOWS_HEARTBEAT_FREQUENCY in flows.prefect_home
_RUN = "prefect.flow-run"


def automations() -> list[Automation]:
    """All of them; their names are what they are found by."""
    return [
        Automation(
            name="Runs that fell silent",
            description=(
                f"A run whose heartbeat stopped for {SILENCE.total_seconds():.0f} s "
                "without its having ended was cut off: it is marked Crashed."
            ),
            trigger=EventTrigger(
                match=ResourceSpecification({"prefect.resource.id": f"{_RUN}.*"}),
                for_each={"prefect.resource.id"},
                after={f"{_RUN}.heartbeat"},
                expect={
                    f"{_RUN}.heartbeat",
                    *(f"{_RUN}.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut")),
                },
                posture=Posture.Proactive,
                threshold=1,
                within=SILENCE,
            ),
            # Not forced: it also fires on runs whose end the server had not yet heard of; that is refused then.
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name="Crashed",
                    message="No heartbeat: the run was cut off.",
                    force=False,
                )
            ],
        )
    ]


async def keep_automations() -> list[str]:
    """Creates the automations that are missing and updates those that differ; the names of both."""
    changed = []
    for wanted in automations():
        try:
            kept = await Automation.aread(name=wanted.name)
        except ValueError:
            await wanted.acreate()
            changed.append(wanted.name)
            continue
        if _said(kept) != _said(wanted):
            wanted.id = kept.id
            await wanted.aupdate()
            changed.append(wanted.name)
    return changed


def _said(automation: Automation) -> dict[str, object]:
    return automation.model_dump(include={"description", "enabled", "trigger", "actions"})
