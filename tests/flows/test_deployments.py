"""The deployments: what Prefect will do when, against what models.schedule says."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.schedules import Interval
from prefect.server.schemas.schedules import CronSchedule

from connectors import CONNECTED
from flows.deployments import deployments, source_schedules
from models.schedule import ZONE, looks_of, next_looks


def test_every_connected_source_has_a_deployment_with_its_own_schedule_and_one_run_at_a_time() -> None:
    found = {one.name: one for one in deployments()}
    assert set(found) == set(CONNECTED)
    for source, one in found.items():
        assert one.parameters == {"source": source}
        assert one.tags == [source]
        assert one.concurrency_limit == 1
        assert one.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW
        assert [str(kept.schedule.cron) for kept in one.schedules] == [
            each.cron for each in source_schedules(source)
        ]
        assert {kept.schedule.timezone for kept in one.schedules} == {ZONE}
        assert all(kept.active for kept in one.schedules)
        assert one.entrypoint == "flows.prefect_flows.collect_source"


@pytest.mark.parametrize("source", ["statfin", "sotkanet"])
def test_prefect_starts_runs_at_the_very_looks_of_a_whole_year_both_clock_changes_included(
    source: str,
) -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

    async def dates() -> list[datetime]:
        found = []
        for one in source_schedules(source):
            cron = CronSchedule(cron=one.cron, timezone=one.timezone)
            start = begin
            while batch := await cron.get_dates(n=200, start=start, end=end):
                found += batch
                start = batch[-1] + timedelta(seconds=1)
        return sorted(one.astimezone(UTC) for one in found)

    looks = next_looks(looks_of(source), begin, 800)
    assert asyncio.run(dates()) == [one.astimezone(UTC) for one in looks if one < end]


def test_a_source_can_be_given_other_times() -> None:
    (one,) = [
        one for one in deployments({"statfin": [Interval(timedelta(seconds=30))]}) if one.name == "statfin"
    ]
    assert [kept.schedule.interval for kept in one.schedules] == [timedelta(seconds=30)]
