"""A form as a file: its sheets and columns, its identity, and what is found in a filled one before it is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import MittaristoError, printable
from models.forms import ASKS_FI, Question

GUIDE_SHEET, FORM_SHEET = "Ohje", "Mittarit"
ROLE_LABEL = "Vastaajan rooli"
HEADER_ROW = 1  # of the sheet of meters, and of a CSV file
FORM_KIND = "mittaristo1"  # changes when a filled form can no longer be read as before
ALL_PARTIES = "kaikki"
LONGEST_TEXT, LONGEST_REASON, LONGEST_ROLE = 4000, 1000, 100
LONGEST_PLACE = 120  # of a place in a message; a sheet's name has 31 characters at most, in an honest file

ColumnKey = Literal[
    "id",
    "period",
    "party",
    "measure",
    "meter",
    "asks",
    "unit",
    "last_answer",
    "last_period",
    "value",
    "sample_size",
    "status",
    "text",
    "reason",
    "note",
    "due",
    "form",
]


@dataclass(frozen=True)
class Column:
    """One column: its Finnish heading, its width in characters, and whether people fill it."""

    key: ColumnKey
    heading: str
    width: int
    is_input: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("id", "Tunnus", 20),
    Column("period", "Kausi", 9),
    Column("party", "Vastuutaho", 22),
    Column("measure", "Toimenpide", 30),
    Column("meter", "Mittari", 30),
    Column("asks", "Mitä kysytään", 18),
    Column("unit", "Yksikkö", 14),
    Column("last_answer", "Edellinen vastaus", 28),
    Column("last_period", "Edellisen kausi", 10),
    Column("value", "Luku", 14, is_input=True),
    Column("sample_size", "Vastaajien määrä", 12, is_input=True),
    Column("status", "Tila tai kyllä/ei", 15, is_input=True),
    Column("text", "Selvitys", 45, is_input=True),
    Column("reason", "Korjauksen syy", 28, is_input=True),
    Column("note", "Huomautus", 45),
    Column("due", "Määräpäivä", 15),
    Column("form", "Lomake", 16),
)
HEADINGS: dict[str, ColumnKey] = {one.heading: one.key for one in COLUMNS}
HEADING_OF: dict[ColumnKey, str] = {one.key: one.heading for one in COLUMNS}
INPUTS: tuple[ColumnKey, ...] = tuple(one.key for one in COLUMNS if one.is_input)
TAKEN: dict[
    str, tuple[ColumnKey, ...]
] = {  # by what is asked: the columns that may be filled, beside the reason
    "number": ("value", "text"),
    "survey": ("value", "sample_size", "text"),
    "status": ("status", "text"),
    "yes_no": ("status", "text"),
}

CellKind = Literal["blank", "text", "number", "flag", "date", "formula", "error"]


@dataclass(frozen=True)
class Place:
    """Where something stands in a file, in Finnish and English; `row` and `column` order places."""

    fi: str
    en: str
    row: int = 0
    column: int = 0


@dataclass(frozen=True)
class RawCell:
    """One cell as it was found. `number_format` is the spreadsheet's, '' for CSV."""

    place: Place
    kind: CellKind = "blank"
    value: str | float | bool | None = None  # of a date its day as people write it
    number_format: str = ""


@dataclass(frozen=True)
class FormProblem:
    """One thing wrong with a file: where, what, and what to do, in one line of each language."""

    place: Place
    en: str
    fi: str

    @property
    def line_en(self) -> str:
        """The problem in English, with its place."""
        return printable(f"{self.place.en[:LONGEST_PLACE]}: {self.en}")

    @property
    def line_fi(self) -> str:
        """The problem in Finnish, with its place."""
        return printable(f"{self.place.fi[:LONGEST_PLACE]}: {self.fi}")


class FormError(MittaristoError):
    """A file that is refused: all that is wrong with it, a line each; nothing of it was stored."""

    def __init__(self, problems: Sequence[FormProblem]) -> None:
        """`problems` is never empty; they are put in the order of their places."""
        self.problems = tuple(
            sorted(dict.fromkeys(problems), key=lambda one: (one.place.row, one.place.column, one.en))
        )
        super().__init__("\n".join(one.line_en for one in self.problems))


@dataclass(frozen=True)
class RawForm:
    """A filled form as it was found: the rows under the headings, the role given in it, and what is wrong already."""

    rows: tuple[dict[ColumnKey, RawCell], ...]
    role: RawCell | None
    problems: tuple[FormProblem, ...]
    whole: Place  # the file or sheet as a whole


@dataclass(frozen=True)
class FormIdentity:
    """What a form is: of which programme, party ('' for all), period, and in which wording."""

    programme: str
    party: str
    period: str
    version: str

    def __str__(self) -> str:
        return "|".join((FORM_KIND, self.programme, self.party or ALL_PARTIES, self.period, self.version))


def parse_identity(text: str) -> FormIdentity | None:
    """The identity that str() wrote; None where it is something else."""
    parts = text.strip().split("|")
    if len(parts) != 5 or parts[0] != FORM_KIND or not all(parts):
        return None
    _, programme, party, period, version = parts
    return FormIdentity(programme, "" if party == ALL_PARTIES else party, period, version)


def locked_texts(question: Question, period: str, party_name: str) -> dict[ColumnKey, str]:
    """What stands in the columns that nobody changes, but for the answers before and the due date."""
    return {
        "id": question.id,
        "period": period,
        "party": party_name,
        "measure": "\n".join(question.measures_fi),
        "meter": _meter_text(question),
        "asks": ASKS_FI[question.asks] + (" (vapaaehtoinen)" if question.optional else ""),
        "unit": question.unit_fi,
        "note": question.note_fi,
    }


def version_of(rows: Sequence[dict[ColumnKey, str]]) -> str:
    """Eight letters that change when the wording of a form does."""
    text = "\x1e".join("\x1f".join(f"{key}={value}" for key, value in row.items()) for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _meter_text(question: Question) -> str:
    meters = ", ".join(question.meter_ids)
    return f"{question.text_fi} ({meters})" if question.indicator_id else question.text_fi
