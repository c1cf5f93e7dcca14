"""One cell of a filled form: what it means, or why it means nothing and what to do."""

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forms import STATUSES_FI, YES_NO_FI
from models.forms_cells import CellError, checked_text, count, label, latin, number, role, text, word
from models.forms_file import CellKind, Place, RawCell

HERE = Place("Mittarit!J2", "Mittarit!J2", 2, 10)
PERCENT = {"unit_fi": "%", "low": 0, "high": 100}


def cell(value, number_format: str = "", kind: CellKind | None = None) -> RawCell:
    if kind is None:
        kind = "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return RawCell(HERE, kind, value, number_format)


def refused(read, *args, **more) -> CellError:
    with pytest.raises(CellError) as caught:
        read(*args, **more)
    for said in (caught.value.en, caught.value.fi):
        assert said and "\n" not in said
        assert ";" in said or ":" in said, f"says what is wrong and not what to do: {said}"
    return caught.value


# --- numbers
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", 12), ("1234,5", 1234.5), ("1234.5", 1234.5), ("1 234,5", 1234.5), ("1 234 567", 1234567),
        ("1\u00a0234", 1234), ("1\u202f234,25", 1234.25), ("1\u2009234", 1234), ("  7 ", 7), ("\u00a07\u00a0", 7),
        ("-5", -5), ("−5", -5), ("–5,5", -5.5), ("+3", 3), ("0,5", 0.5), ("0.125", 0.125), ("1234.567", 1234.567),
        ("3,125", 3.125), ("007", 7), ("-0", 0),
    ],
)  # fmt: skip
def test_a_number_as_people_write_it_in_finnish(written: str, meant: float) -> None:
    assert number(cell(written)) == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1.234", "can be read as thousands or as decimals; write 1234 or 1,234"),
        ("1,234,567", "has several commas or points"),
        ("1.234,5", "has several commas or points"),
        ("12 34", "is no number"),
        ("1 2", "is no number"),
        ("1O0", "is no number"),
        ("12 kpl", "is no number; write the number alone"),
        ("noin 50", "is no number"),
        ("50-60", "is no number"),
        ("<5", "is no number"),
        ("1e5", "is no number"),
        ("inf", "is no number"),
        ("nan", "is no number"),
        ("1,", "is no number"),
        ("50 %", "is no number"),
        ("-", "is no number"),
        ("ei tietoa", "is no number; .* anything else under Selvitys"),
        ("１２", "looks like a digit and is none of 0-9"),
        ("٣", "looks like a digit"),
        ("1½", "looks like a digit"),
        ("1\u200b2", r"cannot be seen \(U\+200B\)"),
        ("=A1*2", "holds a formula"),
        ("#N/A", r"holds an error value \(#N/A\)"),
        ("#PUUTTUU!", "holds an error value"),
        ("Err:502", "holds an error value"),
        ("TRUE", "is no number"),
        ("9" * 17, "too large"),
    ],
)
def test_what_is_no_number_is_refused_with_what_to_write(written: str, told: str) -> None:
    assert re.search(told, refused(number, cell(written)).en)


def test_a_cell_without_content_is_no_number_and_no_mistake() -> None:
    for blank in (RawCell(HERE), cell(""), cell(" \u00a0\n")):
        assert number(blank) is None
        assert count(blank) is None
        assert (word(blank, STATUSES_FI), text(blank, 10), label(blank)) == ("", "", "")


def test_a_percent_cell_is_what_it_shows_where_percent_is_asked() -> None:
    assert number(cell(0.5, "0%"), **PERCENT) == 50
    assert number(cell(0.07, "0.0 %"), **PERCENT) == 7
    assert number(cell(50, "General"), **PERCENT) == 50
    assert number(cell("50 %"), **PERCENT) == 50
    told = refused(number, cell(0.5, "0%"), unit_fi="euroa").en
    assert "shows a percentage (50 %), but euroa is asked" in told


@pytest.mark.parametrize(
    "number_format", ["0.00", "# ##0", "#,##0.00", '#,##0.00\\ "€"', "@", "General", "0\\%"]
)
def test_formats_that_show_the_number_itself_change_nothing(number_format: str) -> None:
    assert number(cell(1234.5, number_format)) == 1234.5


@pytest.mark.parametrize("number_format", ["#,##0,", "0,,", '0" milj."', '0.0" t€"', ";;;"])
def test_formats_that_show_another_number_are_refused(number_format: str) -> None:
    assert "shows another number than it holds (12)" in refused(number, cell(12, number_format)).en


def test_days_truth_values_formulas_and_errors_are_no_numbers() -> None:
    assert "holds the date 1.5.2026, not a number" in refused(number, cell("1.5.2026", kind="date")).en
    assert "TOSI (TRUE) is yes or no" in refused(number, cell(True)).en
    assert "=SUM(A1:A3)" in refused(number, cell("=SUM(A1:A3)", kind="formula")).en
    assert "#DIV/0!" in refused(number, cell("#DIV/0!", kind="error")).en


def test_values_outside_the_bounds_are_refused_with_the_bound() -> None:
    assert number(cell(0), low=0, high=100) == 0
    assert "-1 is less than 0" in refused(number, cell(-1), low=0).en
    assert "100,5 on suurempi kuin 100" in refused(number, cell("100,5"), high=100).fi


def test_a_sample_size_is_a_whole_number_from_1_on() -> None:
    assert (count(cell(812)), count(cell("1 200"))) == (812, 1200)
    for wrong in (0, -3, 12.5, 1e8):
        assert "no number of people" in refused(count, cell(wrong)).en


@given(st.floats(min_value=-1e14, max_value=1e14, allow_nan=False))
def test_any_number_written_in_finnish_is_read_back(value: float) -> None:
    value = round(value, 4)
    written = f"{value:.4f}"
    assert number(cell(written.replace(".", ","))) == value
    grouped = f"{value:,.4f}".replace(",", "\u00a0").replace(".", ",")
    assert number(cell(grouped)) == value
    assert number(cell(value)) == value


@given(st.text(max_size=40))
def test_any_text_is_a_finite_number_or_refused_in_one_line(written: str) -> None:
    try:
        found = number(cell(written), unit_fi="%", low=-1e6, high=1e6)
    except CellError as error:
        assert error.en and error.fi
    else:
        assert found is None or (math.isfinite(found) and any(one in "0123456789" for one in written))


@given(st.text(alphabet="0123456789 .,\u00a0-", min_size=1, max_size=12))
def test_a_number_that_is_taken_has_the_digits_that_were_written(written: str) -> None:
    try:
        found = number(cell(written))
    except CellError:
        return
    if found is not None:
        digits = re.sub(r"[^0-9]", "", written).strip("0")
        assert re.sub(r"[^0-9]", "", f"{Decimal(repr(abs(found))):f}").strip("0") == digits


# --- words
# ---------------------------------------------------------------------------------------------------


def test_a_choice_is_read_whatever_its_case_and_spaces() -> None:
    assert word(cell("Käynnissä"), STATUSES_FI) == "under_way"
    assert word(cell("  ei   aloitettu\u00a0"), STATUSES_FI) == "not_started"
    assert word(cell("KYLLÄ"), YES_NO_FI) == "yes"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "kesken",
            "is none of the choices; choose from the list: ei aloitettu / käynnissä / valmis / luovuttu",
        ),
        ("vаlmis", "letters of another alphabet"),  # a Cyrillic a
        ("valmis\u200b", "cannot be seen"),
        (True, "TOSI"),
        (1, "'1' is none of the choices"),
    ],
)
def test_what_is_no_choice_is_refused_with_the_list(written, told: str) -> None:
    assert told in refused(word, cell(written), STATUSES_FI).en


# --- texts
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "Messut 10.–12.5.2026, kävijöitä 1 200", "- ensin\n- sitten", "#1 kärki", "Привет", "5 μm", "€ & <b>",
        "vuosina 2024–2026", "0400 000 euroa", "050 henkilöä", "VTT MIKES 2030-101", "100 % @ Kajaani", "kello 08.15",
    ],
)  # fmt: skip
def test_ordinary_text_is_kept_as_it_was_written(written: str) -> None:
    assert text(cell(written), 4000) == written


def test_the_ends_of_a_text_and_its_line_ends_are_made_plain() -> None:
    assert text(cell(" \u00a0rivi 1\r\nrivi\u00a02\r "), 100) == "rivi 1\nrivi 2"
    assert text(cell("a\u0308a"), 100) == "äa"


def test_a_number_or_a_day_in_a_text_cell_is_taken_as_it_shows() -> None:
    assert text(cell(2026), 100) == "2026"
    assert text(cell(0.5), 100) == "0,5"
    assert text(cell("1.8.2026", kind="date"), 100) == "1.8.2026"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("x" * 101, "has 101 characters, 100 at most"),
        ("=1+1", "looks like a formula"),
        ("#N/A", "error value"),
        ("soita\x07", "U+0007"),
        ("a\u200bb", "U+200B"),
        ("a\u202eb", "U+202E"),
        ("Toteutumatiеto", "the word 'Toteutumatiеto' mixes in letters"),  # a Cyrillic e
        ("Κajaani", "mixes in letters"),  # a Greek K
        ("kysy: matti@kajaani.fi", "there is an e-mail address"),
        ("131052-308T", "there is a personal identity code"),
        ("010203A123N", "there is a personal identity code"),
        ("p. 040 123 4567", "there is a telephone number"),
        ("+358 40 1234567", "there is a telephone number"),
        ("+358 8 6155 1234", "there is a telephone number"),
        (True, "is no text"),
    ],
)
def test_text_that_is_not_taken_is_refused_with_what_to_do(written, told: str) -> None:
    assert told in refused(text, cell(written), 100).en


def test_what_is_found_of_a_person_is_not_repeated_in_the_message() -> None:
    for written in ("matti@kajaani.fi", "131052-308T", "040 1234567"):
        error = refused(text, cell(f"ks. {written}"), 100)
        assert written not in error.en + error.fi


@given(st.text(max_size=200))
def test_a_text_that_is_taken_is_taken_again_the_same(written: str) -> None:
    try:
        once = checked_text(written, 100)
    except CellError:
        return
    assert checked_text(once, 100) == once
    assert len(once) <= 100
    assert not any(ord(one) < 32 and one not in "\n\t" for one in once)


def test_a_role_is_a_role_and_no_name() -> None:
    assert role(" viestintäpäällikkö ") == "viestintäpäällikkö"
    assert role("Hankinta-asiamies") == "Hankinta-asiamies"
    for name in ("Matti Meikäläinen", "Anna-Liisa Virtanen-Mäki"):
        assert "looks like the name of a person" in refused(role, name).en
    assert "e-mail" in refused(role, "matti@kajaani.fi").en


# --- ids
# -----------------------------------------------------------------------------------------------------


def test_look_alikes_become_the_letters_they_look_like() -> None:
    assert latin("аdm_stаrtups") == "adm_startups"
    assert latin("１.1.01-ｍ1") == "1.1.01-m1"
    assert latin("adm\u200b_startups") == "adm_startups"


def test_a_label_is_its_text_on_one_line_whatever_the_cell_holds() -> None:
    assert label(cell(" 2026\u00a0")) == "2026"
    assert label(cell(2026)) == label(cell(2026.0)) == "2026"
    assert label(cell("rivi 1\nrivi 2")) == "rivi 1 rivi 2"
    assert "formula" in refused(label, cell("=A1", kind="formula")).en
