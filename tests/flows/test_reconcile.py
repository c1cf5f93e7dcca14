"""What becomes of runs that were cut off, at a real Prefect server: ended, done again, never for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.automations import Automation
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_SERVER_LOGGING_LEVEL, temporary_settings
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running, Scheduled
from prefect.testing.utilities import prefect_test_harness

from flows.automations import automations, keep_automations
from flows.reconcile import ATTEMPTS, attempt_of, end_left_over, run_again, skip_late, was_cut_off

NUMBERS = count(1)


@flow
def nothing(source: str = "x", force: bool = False) -> None:
    """Does nothing."""


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    with (
        temporary_settings({PREFECT_SERVER_LOGGING_LEVEL: "CRITICAL"}),
        prefect_test_harness(server_startup_timeout=90),
    ):
        logging.getLogger("prefect").setLevel("CRITICAL")
        yield


class Bench:
    """A client, and one deployment of its own."""

    def __init__(self, client: PrefectClient, deployment: UUID) -> None:
        self.client = client
        self.deployment = deployment
        self.served = {deployment: "x"}

    async def run(self, *states: Any, minutes_ago: float = 0, **settings: Any) -> FlowRun:
        """A run that was due then and went through `states`."""
        due = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=minutes_ago))
        run = await self.client.create_flow_run_from_deployment(self.deployment, state=due, **settings)
        for state in states:
            await self.client.set_flow_run_state(run.id, state, force=True)
        return await self.client.read_flow_run(run.id)

    async def state(self, run: FlowRun) -> tuple[str | None, str | None]:
        read = await self.client.read_flow_run(run.id)
        assert read.state is not None
        return read.state_name, read.state.message

    async def runs(self, *types: StateType) -> list[FlowRun]:
        every = await self.client.read_flow_runs(limit=200)
        mine = [one for one in every if one.deployment_id == self.deployment]
        return [one for one in mine if not types or one.state_type in types]


@pytest.fixture
def at_server() -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    async def go(test: Callable[[Bench], Awaitable[None]]) -> None:
        async with get_client() as client:
            deployed = RunnerDeployment.from_flow(nothing, name=f"x{next(NUMBERS)}")
            await test(Bench(client, await deployed.aapply()))

    return lambda test: asyncio.run(go(test))


def test_what_a_dead_runner_left_going_on_is_ended(at_server) -> None:
    async def test(bench: Bench) -> None:
        running = await bench.run(Pending(), Running())
        pending = await bench.run(Pending())
        cancelling = await bench.run(Pending(), Running(), Cancelling())
        ended = [
            await bench.run(Running(), Completed()),
            await bench.run(Running(), Failed()),
            await bench.run(),
        ]
        before = [await bench.state(one) for one in ended]
        left = await end_left_over(bench.client, bench.served)
        assert {one.id for one in left} == {running.id, pending.id, cancelling.id}
        assert (await bench.state(running))[0] == "Crashed"
        assert (await bench.state(pending))[0] == "Crashed"
        assert (await bench.state(cancelling))[0] == "Cancelled"
        assert [await bench.state(one) for one in ended] == before
        assert await end_left_over(bench.client, bench.served) == []

    at_server(test)


def test_runs_of_others_are_left_alone(at_server) -> None:
    async def test(bench: Bench) -> None:
        other = await RunnerDeployment.from_flow(nothing, name=f"other{next(NUMBERS)}").aapply()
        running = await Bench(bench.client, other).run(Running())
        assert await end_left_over(bench.client, bench.served) == []
        assert (await bench.state(running))[0] == "Running"

    at_server(test)


@pytest.mark.parametrize(
    "end",
    [Crashed(message="SIGKILL"), Cancelled(message="Runner is shutting down.")],
    ids=["crashed", "shut down"],
)
def test_a_run_that_was_cut_off_is_done_again_once_with_what_it_was_given(at_server, end) -> None:
    async def test(bench: Bench) -> None:
        await bench.run(Running(), end, minutes_ago=3, parameters={"source": "statfin", "force": True})
        said = await run_again(bench.client, bench.served)
        assert len(said) == 1
        assert "was cut off (attempt 2 of 3)" in said[0]
        assert await run_again(bench.client, bench.served) == []
        (again,) = await bench.runs(StateType.SCHEDULED)
        assert again.parameters == {"source": "statfin", "force": True}
        assert again.expected_start_time is not None
        assert again.expected_start_time <= datetime.now(UTC)

    at_server(test)


def test_a_run_that_always_dies_is_tried_three_times_in_all(at_server) -> None:
    async def test(bench: Bench) -> None:
        first = await bench.run(Running(), Crashed(), minutes_ago=3)
        for attempt in range(2, ATTEMPTS + 1):
            assert len(await run_again(bench.client, bench.served)) == 1
            (again,) = await bench.runs(StateType.SCHEDULED)
            assert attempt_of(again) == (str(first.id), attempt)
            # one dies before it begins, the other after
            await bench.client.set_flow_run_state(again.id, Pending(), force=True)
            await bench.client.set_flow_run_state(again.id, Crashed(), force=True)
        assert await run_again(bench.client, bench.served) == []
        assert len(await bench.runs()) == ATTEMPTS

    at_server(test)


@pytest.mark.parametrize(
    "end",
    [
        Completed(),
        Failed(message="statfin/vkour/12bs failed"),
        Cancelled(message="not today"),
        Cancelled(message="Deployment concurrency limit reached."),
    ],
    ids=["completed", "red", "cancelled by a person", "another was going on"],
)
def test_a_run_that_ended_by_itself_is_not_done_again(at_server, end) -> None:
    async def test(bench: Bench) -> None:
        await bench.run(Running(), end, minutes_ago=3)
        assert await run_again(bench.client, bench.served) == []

    at_server(test)


def test_a_run_after_which_another_one_came_is_not_done_again(at_server) -> None:
    async def test(bench: Bench) -> None:
        await bench.run(Running(), Crashed(), minutes_ago=10)
        await bench.run(Running(), Completed(), minutes_ago=5)
        assert await run_again(bench.client, bench.served) == []
        await bench.run(Running(), Crashed(), minutes_ago=4)
        await bench.run(minutes_ago=1)
        assert await run_again(bench.client, bench.served) == [], "one is due already"

    at_server(test)


def test_a_run_that_found_another_going_on_does_not_hide_that_one_s_crash(at_server) -> None:
    async def test(bench: Bench) -> None:
        await bench.run(Running(), Crashed(), minutes_ago=10)
        await bench.run(Cancelled(message="Deployment concurrency limit reached."), minutes_ago=5)
        assert len(await run_again(bench.client, bench.served)) == 1

    at_server(test)


def test_what_was_cut_off_more_than_a_day_ago_is_left_to_the_schedule() -> None:
    state = Crashed()
    assert was_cut_off(state)
    assert was_cut_off(state, state.timestamp + timedelta(hours=23))
    assert not was_cut_off(state, state.timestamp + timedelta(hours=25))
    assert not was_cut_off(None)


def test_of_what_fell_due_while_nothing_ran_only_the_newest_of_each_source_is_run(at_server) -> None:
    async def test(bench: Bench) -> None:
        # runs that the schedule made cannot be made through the interface; those that the last runner ordered count too
        old, older, newest = [
            await bench.run(minutes_ago=minutes, idempotency_key=f"again:{uuid4()}:2")
            for minutes in (20, 30, 10)
        ]
        ordered = await bench.run(minutes_ago=40)
        ahead = await bench.run(minutes_ago=-30, idempotency_key=f"again:{uuid4()}:2")
        other = Bench(
            bench.client, await RunnerDeployment.from_flow(nothing, name=f"y{next(NUMBERS)}").aapply()
        )
        of_other = await other.run(minutes_ago=25, idempotency_key=f"again:{uuid4()}:2")
        served = bench.served | other.served
        assert [one.id for one in await skip_late(bench.client, served)] == [old.id, older.id]
        for one in (old, older):
            assert await bench.state(one) == ("Skipped", "A later run of the same source does its work.")
            assert one.state_type == StateType.SCHEDULED
        for one in (newest, ordered, ahead, of_other):
            assert (await bench.state(one))[0] == "Scheduled"
        assert await skip_late(bench.client, served) == []
        assert await run_again(bench.client, served) == []

    at_server(test)


def test_the_automation_is_made_once_and_brought_in_line_when_it_differs(at_server) -> None:
    async def test(_bench: Bench) -> None:
        names = [one.name for one in automations()]
        assert await keep_automations() == names
        assert await keep_automations() == []
        changed = await Automation.aread(name=names[0])
        changed.description = "by hand"
        changed.enabled = False
        await changed.aupdate()
        assert await keep_automations() == names
        kept = await Automation.aread(name=names[0])
        assert kept.enabled
        assert kept.description != "by hand"
        assert kept.id == changed.id
        assert await keep_automations() == []

    at_server(test)
