"""One cell of a filled form as a typed answer, or why it cannot be one and what to do about it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NoReturn

from models.errors import MittaristoError
from models.forms_file import RawCell

MOST = 1e15  # beyond it a number in a spreadsheet is no longer exact
MOST_ANSWERS = 10_000_000
_SPACES = " \u00a0\u2007\u2009\u202f"  # plain, no-break, figure, thin and narrow no-break space
_MINUS = "-−–"
_NUMBER = re.compile(r"[0-9]+(?:[,.][0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+(?:,[0-9]+)?")
_DOT_OF_THREE = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_SEVERAL_MARKS = re.compile(r"[0-9]+(?:[,.][0-9]+){2,}")
_ERROR_VALUES = frozenset(  # as spreadsheets in English and in Finnish write them
    {"#n/a", "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#spill!", "#calc!", "#getting_data"}
    | {"#puuttuu!", "#tyhjä!", "#jako/0!", "#arvo!", "#viittaus!", "#nimi?", "#luku!"}
)
_INVISIBLE = frozenset(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_EMAIL = re.compile(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.[^\s@<>(),;:]{2,}")
_IDENTITY_CODE = re.compile(
    r"(?<![0-9A-Za-z])(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y](?![0-9A-Za-z])",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![0-9.,])(?:(?:\+|00)358[ \-]?(?:\(0\)[ \-]?)?|0(?:4[0-9]|50)[ \-]?)(?:[0-9][ \-]?){5,9}(?![0-9])"
)
_PERSON = re.compile(r"[A-ZÅÄÖ][a-zåäöé]+(?:-[A-ZÅÄÖ][a-zåäöé]+)? [A-ZÅÄÖ][a-zåäöé]+(?:-[A-ZÅÄÖ][a-zåäöé]+)?")
# Cyrillic and Greek letters that look like Latin ones.
_ALIKE = dict(
    zip(
        "аеорсухіјѕһАВЕКМНОРСТХІЈЅуУαοινρυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijshABEKMHOPCTXIJSyYaoivpuxABEZHIKMNOPTYX",
        strict=True,
    )
)
_SCALED = re.compile(r"[0#?](?:\.[0#?]+)?,+(?![0#?])|milj|tuhat|thousand|million|t€|k€|M€", re.IGNORECASE)


class CellError(MittaristoError):
    """What is wrong with one cell, in both languages."""

    def __init__(self, en: str, fi: str) -> None:
        """`en` and `fi` say what is wrong and what to do."""
        super().__init__(en)
        self.en = en
        self.fi = fi


def number(
    cell: RawCell, *, unit_fi: str = "", low: float | None = None, high: float | None = None
) -> float | None:
    """The number in a cell, in the unit that is asked; None where the cell is empty. Raises CellError.

    A percentage is in percent: a cell that shows 50 % is 50. As text, spaces may part thousands and a comma or a
    point decimals; 1.234 could be either and is refused.
    """
    if is_blank(cell):
        return None
    _refuse_no_content(cell)
    if cell.kind == "flag":
        raise CellError(
            f"{_shown(cell)} is yes or no, and a number is asked; write the number",
            f"{_shown(cell)} on kyllä tai ei, mutta tässä kysytään lukua; kirjoita luku",
        )
    if cell.kind == "date":
        raise CellError(
            f"the cell holds the date {cell.value}, not a number (the program may have made one of it); "
            "set the cell's format to Number and write the number again",
            f"solussa on päivämäärä {cell.value} eikä luku (ohjelma on voinut tehdä luvusta päivämäärän); "
            "vaihda solun muotoiluksi Luku ja kirjoita luku uudelleen",
        )
    value = (
        float(cell.value)
        if isinstance(cell.value, int | float)
        else _number_of_text(str(cell.value), unit_fi)
    )
    if isinstance(cell.value, int | float):
        value = _as_shown(value, cell.number_format, unit_fi)
    if abs(value) > MOST:
        raise CellError(
            "the number is too large to be exact; check it",
            "luku on liian suuri ollakseen tarkka; tarkista se",
        )
    if low is not None and value < low:
        raise CellError(
            f"{_plain(value)} is less than {_plain(low)}, the least that is possible here; check the number",
            f"{_plain_fi(value)} on pienempi kuin {_plain_fi(low)}, joka on pienin mahdollinen; tarkista luku",
        )
    if high is not None and value > high:
        raise CellError(
            f"{_plain(value)} is more than {_plain(high)}, the most that is possible here; check the number",
            f"{_plain_fi(value)} on suurempi kuin {_plain_fi(high)}, joka on suurin mahdollinen; tarkista luku",
        )
    return value + 0.0  # no -0.0


def count(cell: RawCell) -> int | None:
    """The whole number of answers a survey got; None where the cell is empty. Raises CellError."""
    value = number(cell)
    if value is None:
        return None
    if value != int(value) or not 1 <= value <= MOST_ANSWERS:
        raise CellError(
            f"{_plain(value)} is no number of people who answered; write a whole number from 1 on",
            f"{_plain_fi(value)} ei ole vastaajien määrä; kirjoita kokonaisluku 1 tai suurempi",
        )
    return int(value)


def word(cell: RawCell, words: Mapping[str, str]) -> str:
    """The key of the word (key → Finnish word) that a cell holds; '' where it is empty. Raises CellError."""
    if is_blank(cell):
        return ""
    _refuse_no_content(cell)
    choices = " / ".join(words.values())
    said = one_line(str(cell.value)) if cell.kind == "text" else _shown(cell)
    _refuse_bad_letters(said)
    for key, choice in words.items():
        if cell.kind == "text" and said.casefold() == choice.casefold():
            return key
    if any(latin(said).casefold() == choice.casefold() for choice in words.values()):
        raise CellError(
            f"'{said}' has letters of another alphabet that look like ours; choose from the list: {choices}",
            f"sanassa '{said}' on toisen aakkoston kirjaimia, jotka näyttävät meidän; valitse luettelosta: {choices}",
        )
    raise CellError(
        f"'{said[:60]}' is none of the choices; choose from the list: {choices}",
        f"'{said[:60]}' ei ole vaihtoehto; valitse luettelosta: {choices}",
    )


def text(cell: RawCell, longest: int) -> str:
    """The text of a cell, its ends trimmed; '' where it is empty. A number or a day is taken as written.

    Raises CellError for what is too long, cannot be seen, looks like other letters or is about a person.
    """
    if is_blank(cell):
        return ""
    _refuse_no_content(cell)
    if cell.kind == "flag":
        raise CellError(
            f"{_shown(cell)} is no text; write it in words",
            f"{_shown(cell)} ei ole tekstiä; kirjoita sama sanoin",
        )
    if cell.kind == "number" and isinstance(cell.value, int | float):
        return _plain_fi(float(cell.value))
    return checked_text(str(cell.value), longest)


def checked_text(raw: str, longest: int) -> str:
    """`raw` with its ends trimmed and line ends as \\n. Raises CellError as `text` does."""
    said = unicodedata.normalize("NFC", raw).replace("\r\n", "\n").replace("\r", "\n")
    said = said.replace("\u00a0", " ").replace("\u202f", " ").strip()
    if len(said) > longest:
        raise CellError(
            f"the text has {len(said)} characters, {longest} at most are taken; shorten it",
            f"tekstissä on {len(said)} merkkiä, enintään {longest} otetaan vastaan; lyhennä sitä",
        )
    if said.startswith("="):
        raise CellError(
            "the text begins with = and looks like a formula; write it without",
            "teksti alkaa merkillä = ja näyttää kaavalta; kirjoita se ilman sitä",
        )
    _refuse_error_value(said)
    for character in said:
        if (unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") and character not in "\n\t") or (
            character in _INVISIBLE and character != "\u00ad"
        ):
            raise CellError(
                f"the text has a character that cannot be seen (U+{ord(character):04X}); write it again by hand",
                f"tekstissä on näkymätön merkki (U+{ord(character):04X}); kirjoita teksti uudelleen käsin",
            )
    for piece in re.findall(r"[^\W\d_]+", said):
        if any(one in _ALIKE for one in piece) and any("LATIN" in unicodedata.name(one, "") for one in piece):
            raise CellError(
                f"the word '{piece[:40]}' mixes in letters of another alphabet that look like ours; write it by hand",
                f"sanassa '{piece[:40]}' on toisen aakkoston samannäköisiä kirjaimia; kirjoita se uudelleen käsin",
            )
    _refuse_personal(said)
    return said


def role(raw: str) -> str:
    """A role in words, no name. Raises CellError."""
    said = one_line(checked_text(raw, 100))
    if _PERSON.fullmatch(said):
        raise CellError(
            f"'{said}' looks like the name of a person; write a role only, e.g. viestintäpäällikkö",
            f"'{said}' näyttää henkilön nimeltä; kirjoita vain rooli, esim. viestintäpäällikkö",
        )
    return said


def label(cell: RawCell) -> str:
    """What a cell that nobody is to change says, on one line; '' where it is empty. Raises CellError."""
    if is_blank(cell):
        return ""
    _refuse_no_content(cell)
    if cell.kind == "number" and isinstance(cell.value, int | float):
        return _plain(float(cell.value))
    said = one_line(str(cell.value))
    _refuse_error_value(said)
    return said


def latin(said: str) -> str:
    """`said` with look-alike, full-width and invisible characters as the plain ones they look like."""
    plain = unicodedata.normalize("NFKC", said)
    return "".join(_ALIKE.get(one, one) for one in plain if one not in _INVISIBLE)


def one_line(said: str) -> str:
    """`said` with every run of white space as one space, and none at its ends."""
    return " ".join(said.split())


def is_blank(cell: RawCell) -> bool:
    """Whether nothing is in the cell, or nothing but white space."""
    return cell.kind == "blank" or (cell.kind == "text" and not str(cell.value).strip())


def _number_of_text(raw: str, unit_fi: str) -> float:
    _refuse_error_value(raw.strip())
    if raw.strip().startswith("="):
        _refuse_formula(raw.strip())
    _refuse_bad_letters(raw)
    said = "".join(" " if one in _SPACES else one for one in raw).strip()
    if unit_fi == "%" and said.endswith("%"):
        said = said[:-1].rstrip()
    sign = -1.0 if said[:1] in _MINUS else 1.0
    digits = said[1:].lstrip() if said[:1] in f"+{_MINUS}" else said
    if _DOT_OF_THREE.fullmatch(digits):
        raise CellError(
            f"'{said}' can be read as thousands or as decimals; write {digits.replace('.', '')} or "
            f"{digits.replace('.', ',')}",
            f"'{said}' voi tarkoittaa tuhansia tai desimaaleja; kirjoita {digits.replace('.', '')} tai "
            f"{digits.replace('.', ',')}",
        )
    if _SEVERAL_MARKS.fullmatch(digits):
        raise CellError(
            f"'{said[:60]}' has several commas or points; write thousands with a space and decimals with a comma, "
            "as in 1 234,5",
            f"luvussa '{said[:60]}' on useita pilkkuja tai pisteitä; erota tuhannet välilyönnillä ja desimaalit "
            "pilkulla, kuten 1 234,5",
        )
    if not _NUMBER.fullmatch(digits) and not _GROUPED.fullmatch(digits):
        raise CellError(
            f"'{said[:60]}' is no number; write the number alone, as in 1 234,5, and anything else under Selvitys",
            f"'{said[:60]}' ei ole luku; kirjoita pelkkä luku, kuten 1 234,5, ja muu sarakkeeseen Selvitys",
        )
    return sign * float(digits.replace(" ", "").replace(",", "."))


def _as_shown(value: float, number_format: str, unit_fi: str) -> float:
    """The number that a person sees in a cell: percent cells hold a hundredth of it."""
    shown = re.sub(r"\\.", "", number_format)
    if "%" in re.sub(r'"[^"]*"', "", shown):
        if unit_fi == "%":
            return round(value * 100, 10)
        unit = unit_fi or "a plain number"
        raise CellError(
            f"the cell shows a percentage ({_plain(round(value * 100, 6))} %), but {unit} is asked; "
            "set the cell's format to Number and write the number again",
            f"solu näyttää prosenttia ({_plain_fi(round(value * 100, 6))} %), mutta yksikkö on "
            f"{unit_fi or 'pelkkä luku'}; vaihda muotoiluksi Luku ja kirjoita luku uudelleen",
        )
    if _SCALED.search(shown.split(";")[0]) or (";;" in shown and not shown.replace(";", "").strip()):
        raise CellError(
            f"the cell's format ({number_format[:60]}) shows another number than it holds ({_plain(value)}); "
            "set the format to Number and check the number",
            f"solun muotoilu ({number_format[:60]}) näyttää muun luvun kuin solussa on ({_plain_fi(value)}); "
            "vaihda muotoiluksi Luku ja tarkista luku",
        )
    return value


def _refuse_no_content(cell: RawCell) -> None:
    if cell.kind == "formula":
        _refuse_formula(str(cell.value))
    if cell.kind == "error":
        _refuse_error_value(str(cell.value), always=True)


def _refuse_formula(said: str) -> NoReturn:
    raise CellError(
        f"the cell holds a formula ({said[:60]}); put its value in its place (copy, then paste values only)",
        f"solussa on kaava ({said[:60]}); korvaa se arvolla (kopioi ja liitä pelkät arvot)",
    )


def _refuse_error_value(said: str, *, always: bool = False) -> None:
    if always or said.casefold() in _ERROR_VALUES or re.fullmatch(r"Err:[0-9]+", said):
        raise CellError(
            f"the cell holds an error value ({said[:20]}); write the value, or leave the cell empty",
            f"solussa on virhearvo ({said[:20]}); kirjoita arvo tai jätä solu tyhjäksi",
        )


def _refuse_bad_letters(said: str) -> None:
    for one in said:
        if one in _INVISIBLE or (
            unicodedata.category(one) in ("Cc", "Cs", "Co", "Cn") and one not in "\t\r\n"
        ):
            raise CellError(
                f"there is a character that cannot be seen (U+{ord(one):04X}); write the cell again by hand",
                f"solussa on näkymätön merkki (U+{ord(one):04X}); kirjoita solu uudelleen käsin",
            )
        if (one.isdigit() or one.isnumeric()) and one not in "0123456789":
            raise CellError(
                f"'{one}' looks like a digit and is none of 0-9; write the cell again by hand",
                f"'{one}' näyttää numerolta mutta ei ole mikään merkeistä 0-9; kirjoita solu uudelleen käsin",
            )


def _refuse_personal(said: str) -> None:
    for pattern, en, fi in (
        (_EMAIL, "an e-mail address", "sähköpostiosoite"),
        (_IDENTITY_CODE, "a personal identity code", "henkilötunnus"),
        (_PHONE, "a telephone number", "puhelinnumero"),
    ):
        if pattern.search(said):
            # what was found is not repeated: messages are passed on
            raise CellError(
                f"there is {en} in the text; nothing about persons is stored: take it out (a role is enough)",
                f"tekstissä on {fi}; henkilötietoja ei tallenneta: poista se (rooli riittää)",
            )


def _shown(cell: RawCell) -> str:
    if cell.kind == "flag":
        return "TOSI (TRUE)" if cell.value else "EPÄTOSI (FALSE)"
    if isinstance(cell.value, int | float):
        return _plain_fi(float(cell.value))
    return str(cell.value)


def _plain(value: float) -> str:
    return f"{value:.15g}"


def _plain_fi(value: float) -> str:
    return _plain(value).replace(".", ",")
