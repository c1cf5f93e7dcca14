"""By which division which stored period is laid out, which areas have ended, and whose land has moved."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.divisions import (
    Divisions,
    divisions_of,
    ended_areas,
    laid_out,
    layout_from_json,
    layout_to_json,
    load_divisions,
    stamp_text,
    territory_moved,
)

OLD, NEW = "alue_23_20260101", "alue_23_20270101"


@pytest.fixture(scope="module")
def merged() -> Divisions:
    """With a made-up division of 2027 in which Puolanka is a part of Kajaani, and Sotkamo in Pohjois-Savo."""
    known = load_divisions()
    now = known.division(2026)
    left = {code: one for code, one in now.municipalities.items() if code != "KU620"}
    following = replace(
        now,
        year=2027,
        municipalities=left,
        region_of={code: "MK11" if code == "KU765" else now.region(code) for code in left},
        subregion_of={code: "SK112" if code == "KU765" else now.subregion(code) for code in left},
    )
    became = {**known.became, 2027: {"KU620": ("KU205",)}}
    return divisions_of([*known.by_year.values(), following], became)


@pytest.mark.parametrize(
    ("code", "map_text", "text"),
    [
        (OLD, "Alue 2025", OLD),
        ("Alue", "Alue 2026", "Alue 2026"),
        ("Alue", "", ""),
        (None, "", ""),
        ("timeperiod_20260101", "", ""),
    ],
)
def test_the_stamp_is_the_text_that_bears_the_year(code, map_text, text) -> None:
    assert stamp_text(code, map_text) == text


class TestLayout:
    def test_a_source_that_keeps_its_history_is_laid_out_in_one_division(self) -> None:
        assert laid_out((), OLD) == (("", OLD),)
        assert laid_out((("", OLD),), NEW) == (("", NEW),)

    def test_what_had_left_the_window_stays_in_the_division_it_was_in(self) -> None:
        assert laid_out((("", OLD),), NEW, "2026M01") == (("", OLD), ("2026M01", NEW))

    def test_while_the_division_is_the_same_the_window_may_move(self) -> None:
        layout = (("", OLD), ("2026M01", NEW))
        assert laid_out(layout, NEW, "2026M06") == layout

    def test_a_window_that_reaches_back_takes_the_place_of_what_it_covers(self) -> None:
        layout = (("", OLD), ("2026M01", NEW))
        assert laid_out(layout, OLD, "2025M12") == (("", OLD),)
        assert laid_out(layout, OLD, "2026M01") == (("", OLD), ("2026M01", OLD))
        assert laid_out(layout, NEW, "2025M07") == (("", OLD), ("2025M07", NEW))

    def test_it_survives_json(self) -> None:
        layout = (("", OLD), ("2026M01", "Alue 2027"))
        assert layout_from_json(layout_to_json(layout)) == layout
        assert layout_from_json("") == ()

    @given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=12))
    def test_every_period_is_in_the_division_of_the_last_answer_that_had_it(self, answers) -> None:
        def code(month: int) -> str:
            return f"{2020 + month // 12}M{month % 12 + 1:02d}"

        model: dict[int, str] = {}
        layout = ()
        for number, (oldest, stamp) in enumerate(answers):
            first = 0 if number == 0 else oldest  # the first answer brings all that is stored
            model.update(dict.fromkeys(range(first, 61), stamp))
            layout = laid_out(layout, stamp, code(first))
        for month, stamp in model.items():
            assert [its for start, its in layout if start <= code(month)][-1] == stamp


def test_an_area_that_the_division_no_longer_has_is_ended_and_others_are_not(merged) -> None:
    codes = ["KU620", "KU205", "MK18", "SK182", "SSS", "EFKI", "MK99", "SK999"]
    assert ended_areas(merged.division(2027), codes) == {"KU620", "MK99", "SK999"}
    assert ended_areas(merged.division(2026), ["KU620"]) == frozenset()
    assert ended_areas(merged.division(2015), ["KU620", "KU091", "MK01"]) == frozenset(), (
        "not all is known of it"
    )


@pytest.mark.parametrize(
    ("code", "before", "now", "moved"),
    [
        ("KU205", 2026, 2027, True),
        ("KU105", 2026, 2027, False),
        ("KU765", 2026, 2027, False),
        ("MK18", 2026, 2027, True),
        ("SK182", 2026, 2027, True),
        ("MK17", 2026, 2027, False),
        ("MK04", 2020, 2021, False),
        ("KU214", 2020, 2021, True),
        ("MK18", 2006, 2007, False),
        ("MK18", 2015, 2016, True),
    ],
)
def test_whose_land_has_moved(merged, code: str, before: int, now: int, moved: bool) -> None:
    assert territory_moved(merged, code, before, now) is moved
