"""Whole numbers for periods, and times as SQLite keeps them: both must sort as what they stand for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.period import parse_period, shift
from warehouse.errors import WarehouseError
from warehouse.keys import period_number, year_before_number
from warehouse.times import as_utc, time_text

YEARS = st.integers(1000, 9997)
PERIODS = st.one_of(
    YEARS.map(str),
    YEARS.map(lambda year: f"{year}/{year + 1}"),
    st.builds(lambda year, quarter: f"{year}Q{quarter}", YEARS, st.integers(1, 4)),
    st.builds(lambda year, month: f"{year}M{month:02d}", YEARS, st.integers(1, 12)),
    st.builds(lambda year, week: f"{year}W{week:02d}", YEARS, st.integers(1, 52)),
)
MOMENTS = st.datetimes(
    min_value=datetime(1000, 1, 2),  # noqa: DTZ001
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("2025", 202512314),
        ("2025Q2", 202506303),
        ("2025M06", 202506302),
        ("2026W23", 202606071),
        ("2023/2024", 202407315),
    ],
)
def test_a_period_is_numbered_by_its_last_day_and_its_frequency(code: str, number: int) -> None:
    assert period_number(code) == number


@given(PERIODS, PERIODS)
def test_numbers_of_periods_sort_by_their_last_day_and_differ_when_the_periods_do(one: str, two: str) -> None:
    first, second = parse_period(one), parse_period(two)
    assert (period_number(one) == period_number(two)) == (one == two)
    if first.end != second.end:
        assert (period_number(one) < period_number(two)) == (first.end < second.end)
    assert 0 < period_number(one) < 2**31


@given(PERIODS)
def test_the_next_period_has_a_larger_number(code: str) -> None:
    assert period_number(shift(code, 1)) > period_number(code)


def test_the_year_before_is_the_same_period_a_year_earlier() -> None:
    assert year_before_number("2025M06") == period_number("2024M06")
    assert year_before_number("2026W53") == period_number("2025W52")


@given(MOMENTS, MOMENTS)
def test_times_as_text_sort_as_times_and_read_back_the_same(one: datetime, two: datetime) -> None:
    assert (time_text(one) < time_text(two)) == (one < two)
    assert len(time_text(one)) == 32
    assert datetime.fromisoformat(time_text(one)) == one


def test_a_time_without_zone_has_no_place() -> None:
    with pytest.raises(WarehouseError, match="no time zone"):
        as_utc(datetime(2026, 1, 1))  # noqa: DTZ001
    assert as_utc(datetime(2026, 1, 1, tzinfo=UTC)).tzinfo is UTC
