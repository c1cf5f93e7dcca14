"""Periods as Statistics Finland writes them."""

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.period import PeriodError, from_source, in_year, parse_period, shift, span, year_before, year_of

YEARS = st.integers(1700, 9300)
CODES = st.one_of(
    YEARS.map(str),
    st.builds("{}Q{}".format, YEARS, st.integers(1, 4)),
    st.builds("{}M{:02d}".format, YEARS, st.integers(1, 12)),
    st.builds("{}W{:02d}".format, YEARS, st.integers(1, 52)),
    YEARS.map(lambda year: f"{year}/{year + 1}"),
)


@pytest.mark.parametrize(
    ("code", "start", "end", "frequency"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31), "annual"),
        ("2025Q1", date(2025, 1, 1), date(2025, 3, 31), "quarterly"),
        ("2025Q4", date(2025, 10, 1), date(2025, 12, 31), "quarterly"),
        ("2024M02", date(2024, 2, 1), date(2024, 2, 29), "monthly"),
        ("2025M12", date(2025, 12, 1), date(2025, 12, 31), "monthly"),
        ("2026W01", date(2025, 12, 29), date(2026, 1, 4), "weekly"),
        ("2026W53", date(2026, 12, 28), date(2027, 1, 3), "weekly"),
        ("2023/2024", date(2023, 8, 1), date(2024, 7, 31), "school_year"),
    ],
)
def test_a_period_has_a_first_and_a_last_day(code, start, end, frequency):
    period = parse_period(code)
    assert (period.start, period.end, period.code, period.frequency) == (start, end, code, frequency)


@pytest.mark.parametrize(
    "text",
    [
        *("", "25", "2025M13", "2025M6", "2025Q5", "2025W54", "2025W53", "2023/2025", "2025*", " 2025"),
        *("2025\n", "0999", "9999", "٢٠٢٥", "2025m06", "Tammikuu", "2025-01"),
    ],
)
def test_anything_else_is_no_period(text):
    with pytest.raises(PeriodError) as error:
        parse_period(text)
    assert len(str(error.value).splitlines()) == 1


@given(st.text(max_size=12))
def test_no_text_raises_anything_but_a_period_error(text):
    with contextlib.suppress(PeriodError):
        assert parse_period(text).code == text


@given(CODES)
def test_a_code_is_read_and_written_alike(code):
    period = parse_period(code)
    assert period.code == code and period.start <= period.end


@given(CODES, st.integers(-300, 300), st.integers(-300, 300))
def test_steps_add_up_and_lead_back(code, one, other):
    assert shift(shift(code, one), other) == shift(code, one + other)
    assert shift(shift(code, one), -one) == code
    assert parse_period(shift(code, one)).frequency == parse_period(code).frequency


@given(CODES)
def test_the_next_period_begins_the_day_after(code):
    following = parse_period(shift(code, 1))
    assert following.start == parse_period(code).end + timedelta(days=1)


@given(CODES, st.integers(0, 60))
def test_a_span_holds_all_periods_between(code, steps):
    codes = span(code, shift(code, steps))
    assert len(codes) == steps + 1 and codes[0] == code and codes[-1] == shift(code, steps)
    assert list(codes) == sorted(codes, key=lambda one: parse_period(one).start)
    assert span(shift(code, steps + 1), code) == ()


def test_a_span_is_of_one_frequency():
    with pytest.raises(PeriodError, match="not of one frequency"):
        span("2025", "2025Q4")


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("2025", "2024"),
        ("2025Q3", "2024Q3"),
        ("2026M06", "2025M06"),
        ("2026W10", "2025W10"),
        ("2026W53", "2025W52"),
        ("2023/2024", "2022/2023"),
    ],
)
def test_the_same_period_a_year_before(code, before):
    assert year_before(code) == before


@given(CODES, YEARS)
def test_the_same_period_of_another_year_lies_in_that_year(code, year):
    assert year_of(in_year(code, year)) == year
    assert in_year(code, year_of(code)) == code


@pytest.mark.parametrize("steps", [9000, -9000, 10**9])
def test_a_step_out_of_the_calendar_is_an_error(steps):
    for code in ("2025", "2025Q1", "2025M01", "2025/2026"):
        with pytest.raises(PeriodError):
            shift(code, steps * 12)
    with pytest.raises(PeriodError):
        shift("2025W01", steps * 53)


@pytest.mark.parametrize(
    ("source", "ours"),
    [("2026M06", "2026M06"), (" 2025\n", "2025"), ("2023-2024", "2023/2024"), ("2023 – 2024", "2023/2024")],
)
def test_a_sources_code_becomes_ours(source, ours):
    assert from_source(source) == ours


@pytest.mark.parametrize("source", ["2025*", "2023-2025", "2023-24", "vuosi 2025"])
def test_a_sources_code_that_is_no_period_is_refused(source):
    with pytest.raises(PeriodError):
        from_source(source)
