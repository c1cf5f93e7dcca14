"""When something was, how long it took, and units after numbers."""

from dataclasses import replace

import pytest

from models.catalogue import load_catalogue
from models.numbers import LANGUAGES
from models.period import PeriodError
from models.units import UNITS, unit_of, with_unit
from models.wording import in_period, in_year_to, in_years

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def indicators():
    return load_catalogue().indicators


@pytest.mark.parametrize(
    ("code", "fi", "sv", "en"),
    [
        ("2025", "vuonna 2025", "år 2025", "in 2025"),
        ("2026M01", "tammikuussa 2026", "i januari 2026", "in January 2026"),
        ("2026M12", "joulukuussa 2026", "i december 2026", "in December 2026"),
        (
            "2026Q2",
            "vuoden 2026 toisella neljänneksellä",
            "under andra kvartalet 2026",
            "in the second quarter of 2026",
        ),
        ("2026W03", "vuoden 2026 viikolla 3", "vecka 3 år 2026", "in week 3 of 2026"),
        ("2023/2024", "lukuvuonna 2023–2024", "läsåret 2023–2024", "in the school year 2023–2024"),
    ],
)
def test_periods_are_named_in_running_text(code, fi, sv, en):
    assert [in_period(code, language) for language in LANGUAGES] == [fi, sv, en]


@pytest.mark.parametrize(
    ("code", "fi", "sv", "en"),
    [
        (
            "2026M08",
            "elokuuhun 2026 päättyneinä 12 kuukautena",
            "under de tolv månader som slutade i augusti 2026",
            "in the 12 months to August 2026",
        ),
        (
            "2026Q3",
            "vuoden 2026 kolmanteen neljännekseen päättyneinä neljänä neljänneksenä",
            "under de fyra kvartal som slutade med tredje kvartalet 2026",
            "in the four quarters to the third quarter of 2026",
        ),
        ("2025M12", "vuonna 2025", "år 2025", "in 2025"),
        ("2025Q4", "vuonna 2025", "år 2025", "in 2025"),
        ("2025", "vuonna 2025", "år 2025", "in 2025"),
    ],
)
def test_a_window_is_named_by_its_end_and_a_calendar_year_as_such(code, fi, sv, en):
    assert [in_year_to(code, language) for language in LANGUAGES] == [fi, sv, en]


def test_what_is_no_period_has_no_name():
    with pytest.raises(PeriodError):
        in_period("2026M13", "fi")


@pytest.mark.parametrize(
    ("years", "fi", "sv", "en"),
    [
        (1, "vuodessa", "på ett år", "in one year"),
        (4, "neljässä vuodessa", "på fyra år", "in four years"),
        (12, "12 vuodessa", "på 12 år", "in 12 years"),
        (56 / 12, "4,7 vuodessa", "på 4,7 år", "in 4.7 years"),
    ],
)
def test_years_are_counted_in_words_up_to_ten(years, fi, sv, en):
    assert [in_years(years, language) for language in LANGUAGES] == [fi, sv, en]


@pytest.mark.parametrize(
    ("unit_fi", "value", "decimals", "fi", "sv", "en"),
    [
        ("henkilöä", 113.0, 0, "113 henkilöä", "113 personer", "113 persons"),
        ("henkilöä", 1.0, 0, "1 henkilö", "1 person", "1 person"),
        ("henkilöä", -1.0, 0, "−1 henkilö", "−1 person", "−1 person"),
        ("henkilöä", 1.0, 1, "1,0 henkilöä", "1,0 personer", "1.0 persons"),
        ("henkilöä", 0.0, 0, "0 henkilöä", "0 personer", "0 persons"),
        ("%", 12.2, 1, f"12,2{NBSP}%", f"12,2{NBSP}%", "12.2%"),
        ("1 000 euroa", 812.0, 0, "812 tuhatta euroa", "812 tusen euro", "EUR 812 thousand"),
        ("euroa/m²", 1250.0, 0, f"1{NBSP}250 euroa/m²", f"1{NBSP}250 euro/m²", "EUR 1,250 per m²"),
        ("indeksiluku", 310.4, 1, "indeksiluku 310,4", "indextal 310,4", "index 310.4"),
    ],
)
def test_the_unit_fits_the_number(unit_fi, value, decimals, fi, sv, en):
    shown = [with_unit(value, UNITS[unit_fi].value, language, decimals) for language in LANGUAGES]
    assert shown == [fi, sv, en]


def test_a_share_changes_in_points_and_an_index_too():
    assert with_unit(0.4, UNITS["%"].change, "fi", 1, signed=True) == "+0,4 prosenttiyksikköä"
    assert with_unit(-2.0, UNITS["% valmistuneista"].change, "sv", 1, signed=True) == "−2,0 procentenheter"
    assert with_unit(3.0, UNITS["indeksiluku"].change, "en", 0, signed=True) == "+3 points"


def test_every_unit_of_the_catalogue_is_known_in_three_languages(indicators):
    assert {one.unit_fi for one in indicators.values()} - set(UNITS) == set()
    for unit_fi, unit in UNITS.items():
        for language in LANGUAGES:
            assert with_unit(2.0, unit.value, language, 0) != "2" or unit_fi in ("arvosana",), unit_fi


def test_the_form_after_numbers_is_the_catalogues_own(indicators):
    shortened = ("1 000 euroa", "hehtaaria (sovittava)", "käyttäjää (sovittava)", "asiakasta palveluittain")
    for one in indicators.values():
        many = UNITS[one.unit_fi].value["fi"].many
        if many and one.unit_fi not in shortened:
            assert many == one.unit_fi


def test_a_unit_nobody_listed_is_taken_from_the_catalogue(indicators):
    own = replace(indicators["population"], unit="boats", unit_fi="venettä", unit_sv="båtar")
    shown = [with_unit(5.0, unit_of(own).value, language, 0) for language in LANGUAGES]
    assert shown == ["5 venettä", "5 båtar", "5 boats"]
    share = replace(own, unit="% of boats", unit_fi="% veneistä", unit_sv="")
    assert with_unit(5.0, unit_of(share).change, "fi", 1) == "5,0 prosenttiyksikköä"
    assert with_unit(5.0, unit_of(share).value, "sv", 0) == "5"


def test_what_is_counted_one_by_one_is_known(indicators):
    counts = {one.unit_fi for one in indicators.values() if unit_of(one).kind == "count"}
    assert {"henkilöä", "yritystä", "työpaikkaa", "yöpymistä", "suunnitelmaa"} <= counts
    assert not counts & {"%", "euroa", "milj. euroa", "m²", "indeksiluku", "henkilötyövuotta", "arvosana"}
