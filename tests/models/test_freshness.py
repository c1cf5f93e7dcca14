"""When the next figures may be expected, and how fresh a dataset is."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.freshness import freshness_state, late_after, next_expected
from models.period import PeriodError, parse_period


@pytest.fixture(scope="session")
def dataset(make_dataset):
    return make_dataset(lag_days=91, grace_days=30)


@pytest.mark.parametrize(
    ("frequency", "newest", "lag", "expected"),
    [
        ("annual", "2024", 91, date(2026, 4, 1)),
        ("monthly", "2026M06", 22, date(2026, 8, 22)),
        ("monthly", "2025M12", 22, date(2026, 2, 22)),
        ("quarterly", "2025Q4", 22, date(2026, 4, 22)),
        ("weekly", "2026W53", 1, date(2027, 1, 11)),
        ("annual", "2023/2024", 420, date(2026, 9, 24)),
        ("annual", "2023-2024", 420, date(2026, 9, 24)),
        ("every_4_years", "2025", 60, date(2030, 3, 1)),
        ("every_2_years", "2023", 0, date(2025, 12, 31)),
    ],
)
def test_the_next_figures_come_so_long_after_the_end_of_their_period(
    frequency, newest, lag, expected, make_dataset
):
    dataset = make_dataset(frequency=frequency, lag_days=lag, grace_days=10)
    assert next_expected(dataset, newest) == expected
    assert late_after(dataset, newest) == expected + timedelta(days=10)


def test_where_nothing_is_held_nothing_can_be_said(dataset):
    assert next_expected(dataset, None) is None and late_after(dataset, None) is None


def test_what_comes_survey_by_survey_is_never_late(make_dataset):
    dataset = make_dataset(frequency="per_survey")
    assert next_expected(dataset, "2020") is None
    assert freshness_state(dataset, "2020", date(2040, 1, 1)) == "current"


def test_what_is_no_period_is_an_error(dataset):
    with pytest.raises(PeriodError):
        next_expected(dataset, "viime vuosi")


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (date(2026, 3, 31), "current"),
        (date(2026, 4, 1), "due"),
        (date(2026, 5, 1), "due"),
        (date(2026, 5, 2), "late"),
    ],
)
def test_the_calendar_makes_it_due_and_then_late(today, state, dataset):
    assert freshness_state(dataset, "2024", today) == state


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({"in_sample": False, "discontinued": True, "quarantined": True}, "not_in_sample"),
        ({"discontinued": True, "quarantined": True}, "discontinued"),
        ({"quarantined": True}, "quarantined"),
    ],
)
def test_what_is_known_otherwise_goes_before_the_calendar(known, state, dataset):
    assert freshness_state(dataset, "1999", date(2026, 5, 2), **known) == state
    assert freshness_state(dataset, None, date(2026, 5, 2), **known) == state


def test_what_was_never_fetched_is_not_late(dataset):
    assert freshness_state(dataset, None, date(2026, 5, 2)) == "never_fetched"


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(2015, 2039), st.integers(0, 900))
def test_a_state_only_ever_gets_worse_as_days_pass(today, year, lag):
    from models.dataset import Dataset

    dataset = Dataset("s/x", "s", "x", "", "", "annual", "2000", lag, 20, "verified")
    order = ["current", "due", "late"]
    states = [freshness_state(dataset, str(year), today + timedelta(days=n)) for n in range(3)]
    assert [order.index(state) for state in states] == sorted(order.index(state) for state in states)
    expected = next_expected(dataset, str(year))
    assert expected is not None and expected >= parse_period(str(year + 1)).end
