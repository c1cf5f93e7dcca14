"""Rows that mean the same have the same number, in whatever frame and with whatever categories."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alignment import (
    KEY,
    common_numbers,
    not_withdrawn,
    period_numbers,
    periods_in_order,
    positions,
    texts_of,
)

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "ab"]),
        st.sampled_from(["", "sex=1", "b"]),
        st.sampled_from(["KU205", "MK18"]),
        st.sampled_from(["2024", "2025"]),
    ),
    max_size=12,
)


def a_frame(rows, spare=()):
    """Rows as categoricals in an order of their own, with categories that no row has."""
    frame = pd.DataFrame(list(rows), columns=list(KEY), dtype="str")
    for column in KEY:
        categories = [*sorted(set(frame[column]), reverse=True), *(f"{one}?" for one in spare)]
        frame[column] = pd.Categorical(frame[column], categories=pd.Index(categories, dtype="str"))
    return frame


@settings(max_examples=200, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_two_rows_have_one_number_when_and_only_when_their_texts_are_the_same(one, two, three):
    rows = [*one, *two, *three]
    frames = [a_frame(one), a_frame(two, spare=["x"]), a_frame(three).astype("str")]
    numbers = np.concatenate(common_numbers(frames, KEY))
    assert len(numbers) == len(rows)
    for i, row in enumerate(rows):
        for j, other in enumerate(rows):
            assert (numbers[i] == numbers[j]) == (row == other)
    assert sorted(set(numbers)) == list(range(len(set(rows))))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9)))
def test_a_position_is_where_the_number_stands(within, wanted):
    found = positions(np.array(wanted, dtype=np.int64), np.array(within, dtype=np.int64))
    assert list(found) == [within.index(one) if one in within else -1 for one in wanted]


def test_periods_come_in_order_of_time_and_only_those_that_rows_bear():
    months = a_frame(
        [("a", "", "KU205", period) for period in ("2024M10", "2024M09", "2023M12")], spare=["no period"]
    )
    assert periods_in_order([months, months]) == ("2023M12", "2024M09", "2024M10")
    assert list(period_numbers(months, ("2023M12", "2024M10"))) == [1, -1, 0]


def test_a_row_that_does_not_say_what_it_is_about_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="'content'"):
        texts_of(pd.Series(["a", None], name="content", dtype="str").astype("category"))


def test_withdrawn_rows_are_left_out_and_a_frame_without_classes_of_change_is_whole():
    frame = a_frame([("a", "", "KU205", "2024"), ("b", "", "KU205", "2024")])
    assert len(not_withdrawn(frame)) == 2
    kept = not_withdrawn(frame.assign(change_class=["withdrawn", "new"]))
    assert list(kept["content"]) == ["b"] and list(kept.index) == [0]
