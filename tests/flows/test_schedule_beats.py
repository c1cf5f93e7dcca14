"""A schedule that stopped is noticed soon after its next look did not take place, whatever the calendar does."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from flows.schedule_beats import PATIENCE, beat_schedule, expect_schedules
from models.problems import RUNNER_BEAT, SCHEDULE_BEAT, Beat, Situation, open_problems
from models.schedule import looks_of, next_looks
from warehouse.engine import reading, writing
from warehouse.heartbeat import beat, beats, forget

FINLAND = ZoneInfo("Europe/Helsinki")
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """A time on Finland's clock, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=FINLAND).astimezone(UTC)


def after(engine: Engine, source: str, now: datetime) -> Beat:
    with writing(engine) as connection:
        beat_schedule(connection, source, now)
    with reading(engine) as connection:
        (found,) = beats(connection)
    return found


@pytest.mark.parametrize(
    ("ran", "waited_for"),
    [
        pytest.param("2026-11-24 08:07", "2026-11-24 12:23", id="the same day"),
        pytest.param("2026-11-24 12:23", "2026-11-25 08:07", id="over night"),
        pytest.param("2026-11-27 12:23", "2026-11-30 08:07", id="over a weekend"),
        pytest.param("2026-03-27 12:23", "2026-03-30 08:07", id="over the clock change of spring"),
        pytest.param("2026-10-23 12:23", "2026-10-26 08:07", id="over the clock change of autumn"),
        pytest.param("2026-11-25 12:22", "2026-11-25 12:23", id="begun late, just before the next"),
    ],
)
def test_statfin_is_waited_for_until_two_hours_after_its_next_look(engine: Engine, ran, waited_for) -> None:
    found = after(engine, "statfin", at(ran))
    assert found.name == "schedule statfin"
    until = at(waited_for) + PATIENCE
    assert not found.is_dead(until - MINUTE)
    assert found.is_dead(until + MINUTE)


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-11-27"])
def test_a_daily_source_is_missed_the_day_after_also_where_that_day_has_23_or_25_hours(
    engine: Engine, day
) -> None:
    look = at(f"{day} {looks_of('sotkanet')[0].at:%H:%M}")
    found = after(engine, "sotkanet", look)
    (following,) = next_looks(looks_of("sotkanet"), look, 1)
    assert not found.is_dead(following.astimezone(UTC) + PATIENCE - MINUTE)
    assert found.is_dead(following.astimezone(UTC) + PATIENCE + MINUTE)


def test_the_problem_names_the_source_and_the_look_that_did_not_take_place(engine: Engine) -> None:
    found = after(engine, "statfin", at("2026-11-27 12:23"))
    (problem,) = open_problems(Situation(at("2026-11-30 11:00"), beats=(found,)))
    assert (problem.kind, problem.subject) == ("no_heartbeat", "schedule statfin")
    assert "look of 2026-11-30 08:07" in problem.text_en
    assert "vuoro oli 30.11.2026 klo 08.07" in problem.text_fi
    assert "mittaristo run --source statfin" in problem.todo_en
    assert "\n" not in problem.text_en + problem.todo_en + problem.text_fi + problem.todo_fi
    assert open_problems(Situation(at("2026-11-30 09:00"), beats=(found,))) == ()


def test_where_the_runner_itself_is_dead_its_schedules_are_not_told_of_one_by_one() -> None:
    now = at("2026-11-30 11:00")
    schedules = tuple(
        Beat(f"{SCHEDULE_BEAT}{one}", now - timedelta(days=9), 60.0) for one in ("statfin", "x")
    )
    alive, dead = Beat(RUNNER_BEAT, now, 30.0), Beat(RUNNER_BEAT, now - timedelta(days=3), 30.0)
    assert [one.subject for one in open_problems(Situation(now, beats=(*schedules, dead)))] == [RUNNER_BEAT]
    both = [one.subject for one in open_problems(Situation(now, beats=(*schedules, alive)))]
    assert both == ["schedule statfin", "schedule x"]


def test_a_schedule_is_expected_from_the_runner_s_first_start_and_no_longer_than_there_is_one(
    engine: Engine,
) -> None:
    friday, monday = at("2026-11-27 15:00"), at("2026-11-30 11:00")
    with writing(engine) as connection:
        beat(connection, RUNNER_BEAT, 30.0, beat_at=friday)
        beat_schedule(connection, "gone", friday)
        expect_schedules(connection, ("statfin", "sotkanet"), friday)
    with writing(engine) as connection:
        expect_schedules(connection, ("statfin", "sotkanet"), monday)
    with reading(engine) as connection:
        found = {one.name: one for one in beats(connection)}
    assert set(found) == {RUNNER_BEAT, "schedule statfin", "schedule sotkanet"}
    assert found["schedule statfin"].beat_at == friday, "a later start does not hide that it never ran"
    assert found["schedule statfin"].is_dead(monday)
    with writing(engine) as connection:
        forget(connection, "schedule statfin")
        forget(connection, "never there")
    with reading(engine) as connection:
        assert {one.name for one in beats(connection)} == {RUNNER_BEAT, "schedule sotkanet"}
