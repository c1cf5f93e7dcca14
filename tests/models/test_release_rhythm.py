"""The rhythm of releases: the catalogue's at first, then learnt, and never without bound."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.freshness import late_after, next_expected
from models.period import parse_period, shift
from models.release_rhythm import (
    FEWEST_RELEASES,
    MOST_RELEASES,
    Release,
    Rhythm,
    expected,
    rhythm,
)


@pytest.fixture
def monthly(make_dataset):
    return make_dataset(frequency="monthly", lag_days=22, grace_days=10)


def history(*lags: int, first: str = "2025M01") -> list[Release]:
    """Releases of one period after another, each so many days after the end of its period, at 05:00 UTC."""
    periods = [shift(first, place) for place in range(len(lags))]
    return [
        Release(
            period,
            datetime.combine(parse_period(period).end, datetime.min.time(), UTC)
            + timedelta(days=lag, hours=5),
        )
        for period, lag in zip(periods, lags, strict=True)
    ]


def test_until_there_are_four_releases_the_catalogue_holds(monthly):
    assert rhythm(monthly, history(30, 30, 30)) == Rhythm(22, 10, 0)
    assert expected(monthly, "2026M06", history(30, 30, 30)) == (
        next_expected(monthly, "2026M06"),
        late_after(monthly, "2026M06"),
    )


def test_from_four_releases_on_it_is_learnt(monthly):
    assert rhythm(monthly, history(30, 30, 30, 30)) == Rhythm(30, 5, 4)
    assert expected(monthly, "2026M06", history(30, 30, 30, 30)) == (date(2026, 8, 30), date(2026, 9, 4))


def test_a_source_that_keeps_its_day_is_missed_sooner_and_never_sooner_than_half_the_grace(monthly):
    assert rhythm(monthly, history(22, 22, 22, 22, 22)).grace_days == 5
    assert rhythm(monthly, history(20, 22, 24, 22, 20)).grace_days == 6


def test_a_source_that_keeps_no_day_is_given_longer_and_never_more_than_twice_the_grace(monthly):
    assert rhythm(monthly, history(15, 20, 25, 30, 35)).grace_days == 15
    assert rhythm(monthly, history(10, 20, 40, 60, 80)).grace_days == 20


def test_one_odd_release_changes_nothing(monthly):
    usual = rhythm(monthly, history(21, 22, 23, 22, 21, 22))
    odd = rhythm(monthly, history(21, 22, 23, 22, 21, 22, 200))
    assert (odd.lag_days, odd.grace_days) == (usual.lag_days, usual.grace_days)


def test_early_releases_do_not_make_an_ordinary_one_late(monthly):
    assert rhythm(monthly, history(1, 1, 1, 1)).lag_days == 12
    assert rhythm(monthly, history(-40, -40, -40, -40)).lag_days == 12


def test_what_lies_long_ago_is_forgotten(monthly):
    releases = history(*[60] * 20, *[25] * MOST_RELEASES)
    assert rhythm(monthly, releases) == Rhythm(25, 5, MOST_RELEASES)
    assert rhythm(monthly, releases[::-1]) == Rhythm(25, 5, MOST_RELEASES), "in whatever order they are given"


def test_the_day_of_a_release_is_that_of_utc(monthly):
    release = Release("2026M06", datetime.fromisoformat("2026-07-21T01:30:00+03:00"))
    assert release.lag_days == 20


def test_where_nothing_is_held_or_there_is_no_rhythm_nothing_is_expected(monthly, make_dataset):
    assert expected(monthly, None, history(22, 22, 22, 22)) == (None, None)
    survey = make_dataset(frequency="per_survey")
    assert expected(survey, "2025", history(22, 22, 22, 22)) == (None, None)


def test_school_years_and_rarer_rhythms_are_learnt_too(make_dataset):
    school = make_dataset(frequency="annual", lag_days=420, grace_days=60)
    releases = history(430, 430, 430, 430, first="2020/2021")
    assert expected(school, "2023-2024", releases) == (date(2026, 10, 4), date(2026, 11, 3))
    rare = make_dataset(frequency="every_4_years", lag_days=60, grace_days=30)
    assert expected(rare, "2025", []) == (next_expected(rare, "2025"), late_after(rare, "2025"))


@given(
    st.lists(st.integers(-400, 900), max_size=30),
    st.integers(0, 700),
    st.integers(0, 400),
    st.sampled_from(["annual", "monthly", "quarterly", "weekly"]),
)
def test_what_is_learnt_stays_within_its_bounds(make_dataset, lags, lag, grace, frequency):
    dataset = make_dataset(frequency=frequency, lag_days=lag, grace_days=grace)
    found = rhythm(dataset, history(*lags))
    if len(lags) < FEWEST_RELEASES:
        assert found == Rhythm(lag, grace, 0)
    else:
        assert found.lag_days == max(
            lag - grace, sorted(lags[-MOST_RELEASES:])[len(lags[-MOST_RELEASES:]) // 2]
        )
        assert grace / 2 <= found.grace_days <= 2 * grace
    day, last = expected(dataset, "2025" if frequency == "annual" else "2025M06", history(*lags))
    assert day is not None
    assert last == day + timedelta(days=found.grace_days)
