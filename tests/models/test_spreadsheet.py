"""No text that people open in a spreadsheet program is taken for a formula."""

import pytest

from models.spreadsheet import cell_text, typed_text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", *"＝＋－＠"])
def test_an_apostrophe_stands_before_a_sign_that_begins_a_formula(sign: str) -> None:
    assert cell_text(f"{sign}1+1") == f"'{sign}1+1"


@pytest.mark.parametrize(
    "text", ["", "Kajaani", "2026", "25-29", "a=b;c=d", "1 + 1", "'x", "ä; ö", "...", "{}"]
)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert cell_text(text) == text


def test_where_another_program_sees_a_new_cell_the_same_holds() -> None:
    assert cell_text("a;=1") == "a;'=1"
    assert cell_text('a;" =1') == "a;\" '=1"
    assert cell_text("a\n-1\r\n@b") == "a\n'-1\r\n'@b"
    for blank in (" ", "\u00a0", "\u200b", "\ufeff"):
        assert cell_text(f"{blank}=1") == f"{blank}'=1"
        assert typed_text(cell_text(f"{blank}=1")) == f"{blank}=1"


def test_doing_it_twice_changes_nothing_more() -> None:
    once = cell_text("=1;\t=2")
    assert cell_text(once) == once
