"""When sources are looked at, with a clock that is moved through a whole year and over both clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schedule import EVERY_DAY, WEEKDAYS, Look, cron, looks_of, next_looks

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def year_of_looks(source: str) -> list[datetime]:
    """What comes of asking again and again for the next look, from one to the next, through 2026."""
    now, found = NEW_YEAR, []
    while (moment := next_looks(looks_of(source), now, 1)[0]).year == 2026:
        found.append(moment)
        now = moment
    return found


def test_statfin_is_looked_at_twice_on_every_weekday_of_a_year_and_never_at_a_weekend() -> None:
    by_day: dict[date, list[time]] = {}
    for moment in year_of_looks("statfin"):
        by_day.setdefault(moment.date(), []).append(moment.time())
    weekdays = [
        day for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365)) if day.isoweekday() <= 5
    ]
    assert sorted(by_day) == weekdays
    assert {tuple(times) for times in by_day.values()} == {(time(8, 7), time(12, 23))}


@pytest.mark.parametrize(
    ("now", "first_utc", "second_utc"),
    [
        # the Friday before and the Monday after the clocks go forward (29 March 2026) and back (25 October 2026)
        ("2026-03-27T00:00+00:00", "2026-03-27T06:07+00:00", "2026-03-27T10:23+00:00"),
        ("2026-03-29T12:00+00:00", "2026-03-30T05:07+00:00", "2026-03-30T09:23+00:00"),
        ("2026-10-23T00:00+00:00", "2026-10-23T05:07+00:00", "2026-10-23T09:23+00:00"),
        ("2026-10-25T12:00+00:00", "2026-10-26T06:07+00:00", "2026-10-26T10:23+00:00"),
        # Friday afternoon: the next is on Monday
        ("2026-06-05T09:23+00:00", "2026-06-08T05:07+00:00", "2026-06-08T09:23+00:00"),
        # between the two looks of a day
        ("2026-06-08T05:07+00:00", "2026-06-08T09:23+00:00", "2026-06-09T05:07+00:00"),
    ],
)
def test_looks_are_at_finnish_wall_clock_times_over_both_clock_changes(
    now: str, first_utc: str, second_utc: str
) -> None:
    found = next_looks(looks_of("statfin"), datetime.fromisoformat(now), 2)
    assert [one.astimezone(UTC) for one in found] == [
        datetime.fromisoformat(first_utc),
        datetime.fromisoformat(second_utc),
    ]


def test_a_source_without_a_rhythm_of_its_own_is_looked_at_daily_in_the_morning() -> None:
    found = year_of_looks("sotkanet")
    assert [one.date() for one in found] == [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert {one.hour for one in found} == {6}


@pytest.mark.parametrize(
    ("source", "weekday"),
    [("traficom_broadband", 1), ("digitraffic_rail", 2), ("vayla", 4), ("ryhti", 5)],
)
def test_sources_that_change_seldom_are_looked_at_on_one_morning_a_week(source: str, weekday: int) -> None:
    found = year_of_looks(source)
    assert {one.isoweekday() for one in found} == {weekday}
    assert {one.hour for one in found} == {6}
    assert 52 <= len(found) <= 53


@pytest.mark.parametrize("source", ["statfin", "classifications", "sotkanet", "vipunen", "prh_ytj"])
def test_no_look_is_on_the_hour_or_within_the_two_minutes_that_a_server_keeps_an_answer(source: str) -> None:
    found = year_of_looks(source)
    assert 0 not in {one.minute for one in found}
    assert min(b.astimezone(UTC) - a.astimezone(UTC) for a, b in pairwise(found)) > timedelta(hours=2)


def test_sources_are_not_all_looked_at_in_the_same_minute() -> None:
    sources = ["classifications", "sotkanet", "vipunen", "prh_ytj", "vayla", "ryhti", "kuntatalous"]
    assert len({looks_of(one)[0].at for one in sources}) > 3


@given(
    st.integers(0, 5 * 366 * 86_400).map(lambda seconds: NEW_YEAR + timedelta(seconds=seconds)),
    st.lists(
        st.builds(
            Look,
            st.times(timezones=st.none()).filter(lambda one: one.hour != 3),
            st.frozensets(st.integers(1, 7), min_size=1),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_the_next_looks_come_in_order_and_all_lie_ahead(now: datetime, looks: list[Look]) -> None:
    found = [one.astimezone(UTC) for one in next_looks(looks, now, 5)]
    assert len(found) == 5
    assert found == sorted(found)
    assert found[0] > now
    assert found[0] - now <= timedelta(days=8)


def test_a_look_that_a_clock_change_would_skip_or_repeat_is_refused() -> None:
    with pytest.raises(ValueError, match="between 03 and 04"):
        Look(time(3, 30))
    with pytest.raises(ValueError, match="weekdays"):
        Look(time(8, 7), frozenset({0}))


def test_a_look_is_written_as_a_cron_line() -> None:
    assert cron(Look(time(8, 7), WEEKDAYS)) == "7 8 * * 1,2,3,4,5"
    assert cron(Look(time(6, 31), EVERY_DAY)) == "31 6 * * *"
