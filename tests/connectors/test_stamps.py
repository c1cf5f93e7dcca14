"""Release stamps of sources: a moment, or a day that may still get more until it is over in Finland."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.stamps import Stamp, read_stamp


@pytest.mark.parametrize("text", ["2026-04-01", " 2026-04-01 ", "1.4.2026", "01.04.2026"])
def test_a_day_is_its_midnight_in_utc(text):
    assert read_stamp(text) == Stamp(datetime(2026, 4, 1, tzinfo=UTC), is_day=True)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-04-01T05:00:00Z", datetime(2026, 4, 1, 5, tzinfo=UTC)),
        ("2026-04-01T08:00:00+03:00", datetime(2026, 4, 1, 5, tzinfo=UTC)),
        ("2026-04-01T05:00:00.000+0000", datetime(2026, 4, 1, 5, tzinfo=UTC)),
        ("2026-04-01 05:00:00", datetime(2026, 4, 1, 5, tzinfo=UTC)),
        (1_775_019_600_000, datetime(2026, 4, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_the_forms_that_sources_use(value, at):
    assert read_stamp(value) == Stamp(at, is_day=False)


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "2026-02-30", "31.4.2026", "2026-4-1", 2026, True, 1.5, ["2026-04-01"], -1],
)
def test_anything_else_is_no_stamp(value):
    assert read_stamp(value) is None


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text())))
def test_no_value_breaks_it(value):
    stamp = read_stamp(value)
    assert stamp is None or stamp.at.tzinfo is not None


@pytest.mark.parametrize(
    ("fetched", "settled"),
    [
        ("2026-04-01T12:00:00+00:00", False),
        ("2026-04-01T20:59:59+00:00", False),  # a minute before midnight in Finland
        ("2026-04-01T21:00:00+00:00", True),
        ("2026-05-01T00:00:00+00:00", True),
        ("2026-03-31T12:00:00+00:00", False),  # a day to come
    ],
)
def test_a_day_is_settled_once_it_is_over_in_finland(fetched, settled):
    stamp = read_stamp("2026-04-01")
    assert stamp is not None
    assert stamp.is_settled(datetime.fromisoformat(fetched)) is settled


def test_a_moment_is_settled_at_once():
    stamp = read_stamp("2026-04-01T05:00:00Z")
    assert stamp is not None
    assert stamp.is_settled(datetime(2026, 4, 1, 5, 1, tzinfo=UTC))
