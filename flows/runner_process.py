"""The runner, a child of `mittaristo up`: makes good what the last one left, then runs deployments at their times."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.logging import get_logger
from prefect.runner import Runner
from sqlalchemy.exc import SQLAlchemyError

from flows.automations import keep_automations
from flows.deployments import deployments
from flows.reconcile import end_left_over, run_again, skip_late
from flows.schedule_beats import expect_schedules
from flows.settings import read_settings
from flows.supervise import SAYS
from models.errors import MittaristoError
from models.problems import RUNNER_BEAT
from models.schedule import ZONE, looks_of, next_looks
from warehouse.engine import open_engine, writing
from warehouse.heartbeat import beat

RUNS_AT_ONCE = 4
WATCH_SECONDS = 30.0
BEAT_SECONDS = 30
SERVER_LOOK_SECONDS = 0.5
SERVER_SAY_SECONDS = 60.0


def tell(text: str) -> None:
    """One line for the person who looks at `up`."""
    sys.stdout.write(f"{SAYS}{text}\n")
    sys.stdout.flush()


async def serve(served: Sequence[RunnerDeployment]) -> None:
    """Waits for the server, brings it in line with the code, and runs `served` until SIGTERM.

    Stopping does not pause the schedules: what falls due meanwhile is run once at the next start.
    """
    async with get_client() as client:
        await _wait_for_server(client)
        for name in await keep_automations():
            tell(f"automation '{name}' set up")
        runner = Runner(name="mittaristo", limit=RUNS_AT_ONCE, pause_on_shutdown=False)
        ids = {await runner.aadd_deployment(one): one.name for one in served}
        for run in await end_left_over(client, ids):
            tell(f"{run.name} was left {run.state_name} by a runner that died")
        for line in await run_again(client, ids):
            tell(line)
        for run in await skip_late(client, ids):
            tell(
                f"{run.name}, due {run.expected_start_time:%Y-%m-%d %H:%M} UTC, is skipped: a later one is due too"
            )
        tell(f"up, runs {', '.join(ids.values())} at their times")
        besides = [asyncio.create_task(_watch(client, ids)), asyncio.create_task(_beat(tuple(ids.values())))]
        try:
            await runner.start()
        finally:
            for one in besides:
                one.cancel()


async def _wait_for_server(client: PrefectClient) -> None:
    waited = 0.0
    while (problem := await client.api_healthcheck()) is not None:
        if waited and waited % SERVER_SAY_SECONDS == 0:
            tell(f"waits for the Prefect server at {client.api_url} ({problem})")
        await asyncio.sleep(SERVER_LOOK_SECONDS)
        waited += SERVER_LOOK_SECONDS


async def _watch(client: PrefectClient, ids: Mapping[UUID, str]) -> None:
    """Now and then orders another run for one that was cut off while this runner lives."""
    log: logging.Logger = get_logger("mittaristo.watch")
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            for line in await run_again(client, ids):
                tell(line)
        except Exception as error:  # the server may be away for a while: the next look will do
            log.warning("could not look for runs that were cut off: %s", error)


async def _beat(sources: Sequence[str]) -> None:
    """Writes into the warehouse, now and then, that this runner lives, and whose schedules it keeps.

    `mittaristo health` misses it otherwise.
    """
    log: logging.Logger = get_logger("mittaristo.beat")
    url = read_settings(os.environ).warehouse_url

    def once() -> None:
        # each time anew: the database may be away at first, and a connection is cheap
        engine = open_engine(url)
        try:
            with writing(engine) as connection:
                beat(connection, RUNNER_BEAT, BEAT_SECONDS)
                expect_schedules(connection, sources, datetime.now(UTC))
        finally:
            engine.dispose()

    while True:
        try:
            await asyncio.to_thread(once)
        except (MittaristoError, SQLAlchemyError) as error:  # the database may be away for a while
            log.warning("could not write the heartbeat: %s", error)
        await asyncio.sleep(BEAT_SECONDS)


def main() -> None:
    """Serves the deployments of the connected sources."""
    for one in deployments():
        (look,) = next_looks(looks_of(one.name), datetime.now(UTC), 1)
        tell(f"{one.name}: next look {look:%a %Y-%m-%d %H:%M} {ZONE}")
    asyncio.run(serve(deployments()))


if __name__ == "__main__":
    main()
