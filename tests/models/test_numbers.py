"""Numbers as people read them."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.numbers import LANGUAGES, LOCALES, decimals_for, decimals_of, number_text, places_of, rounded

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "decimals", "fi", "sv", "en"),
    [
        (36370.0, 0, "36\u00a0370", "36\u00a0370", "36,370"),
        (1234567.5, 1, "1\u00a0234\u00a0567,5", "1\u00a0234\u00a0567,5", "1,234,567.5"),
        (-475.0, 0, "−475", "−475", "−475"),
        (12.2, 1, "12,2", "12,2", "12.2"),
        (999.95, 1, "1\u00a0000,0", "1\u00a0000,0", "1,000.0"),
        (0.0, 1, "0,0", "0,0", "0.0"),
    ],
)
def test_each_language_has_its_own_marks(value, decimals, fi, sv, en):
    assert [number_text(value, language, decimals) for language in LANGUAGES] == [fi, sv, en]


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [(2.675, 2, "2,68"), (0.5, 0, "1"), (-0.5, 0, "−1"), (1.5, 0, "2"), (2.5, 0, "3"), (0.25, 1, "0,3")],
)
def test_halves_are_rounded_away_from_zero(value, decimals, shown):
    assert number_text(value, "fi", decimals) == shown


@pytest.mark.parametrize("value", [-0.0, -0.04, -1e-300])
def test_there_is_no_negative_zero(value):
    assert number_text(value, "fi", 1) == "0,0"
    assert number_text(value, "fi", 1, signed=True) == "0,0"


def test_a_change_has_its_sign_and_no_change_has_none():
    shown = [number_text(value, "fi", 1, signed=True) for value in (0.4, -0.4, 0.0, 1234.0)]
    assert shown == ["+0,4", "−0,4", "0,0", "+1\u00a0234,0"]


@settings(max_examples=1000, deadline=None)
@given(finite, st.integers(0, 6))
@example(70368744177664.62, 3)
@example(7.0, 0)
def test_every_finite_number_is_rounded_as_its_shortest_decimal_form(value, decimals):
    exact = Decimal(repr(value))
    step = Decimal(1).scaleb(-decimals)
    read = number_text(value, "en", decimals).replace(",", "").replace("−", "-")
    assert Decimal(read) == rounded(value, decimals)
    if abs(value) < 1e15:
        assert rounded(value, decimals) == exact.quantize(step, rounding=ROUND_HALF_UP)
    assert not read.startswith("-0") or Decimal(read) != 0


@given(st.decimals(-(10**12), 10**12, places=3))
def test_the_marks_are_those_of_cldr(value):
    for language in LANGUAGES:
        pattern = format_decimal(
            value, format="#,##0.000", locale=LOCALES[language], decimal_quantization=False
        )
        assert number_text(float(value), language, 3) == pattern.replace("-", "−").replace(
            "−0,000", "0,000"
        ).replace("−0.000", "0.000")


@pytest.mark.parametrize(
    ("value", "places"), [(7.0, 0), (0.25, 2), (-12.5, 1), (1e22, 0), (1e-7, 7), (2.5e-7, 8), (1.5e300, 0)]
)
def test_the_decimals_of_a_number_are_those_of_its_shortest_form(value, places):
    assert places_of(value) == places


def test_figures_without_agreed_decimals_are_shown_as_they_are_up_to_two():
    assert decimals_of([3.0, 4.5]) == 1
    assert decimals_of([3.0, 4.123]) == 2
    assert decimals_of([]) == 0


@pytest.mark.parametrize(
    ("value", "least", "shown"),
    [
        (143.5, 0, "143,5"),
        (8668955.5, 0, "8\u00a0668\u00a0956"),
        (7.8262, 0, "7,8"),
        (60.31, 0, "60"),
        (0.3542, 1, "0,35"),
        (0.00321, 1, "0,0032"),
    ],
)
def test_a_measure_shows_two_figures_or_all_it_has(value, least, shown):
    assert number_text(value, "fi", decimals_for(value, least, 2)) == shown
