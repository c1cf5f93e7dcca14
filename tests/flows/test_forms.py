"""Forms out, filled, in, revised, in again; broken ones refused whole; who owes what; all of it replayed."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import Engine, func, select

from connectors.forms import read_form
from flows import cli
from flows.alarms import look
from flows.answers import finish_forms, import_form
from flows.pipeline import Pipeline
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.load import PACKAGED
from models.errors import ConfigurationError
from models.forms import questions_for
from models.forms_answers import Judged, judge
from models.forms_file import COLUMNS, FORM_SHEET, GUIDE_SHEET, HEADING_OF, ROLE_LABEL, FormError
from models.ledger import Scope
from reports.forms import csv_form, form_rows, workbook_form
from warehouse import read
from warehouse.catalogue import sync
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.forms import current_answers
from warehouse.ledger import set_state
from warehouse.raw import RawStore
from warehouse.tables import METADATA

ON = date(2026, 11, 24)
ROLE = "viestintäpäällikkö"
VIMA = "kajaani_vima"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


# --- filling, as a person would
# -------------------------------------------------------------------------------


class Filled:
    """A form in the hands of somebody who fills it."""

    def __init__(self, body: bytes) -> None:
        self.book: Workbook = openpyxl.load_workbook(io.BytesIO(body))
        self.sheet: Worksheet = self.book[FORM_SHEET]
        self.columns = {str(cell.value): cell.column for cell in self.sheet[1]}

    def row(self, id: str, period: str = "2026") -> int:
        for number in range(2, self.sheet.max_row + 1):
            if (self.sheet.cell(number, 1).value, self.sheet.cell(number, 2).value) == (id, period):
                return number
        raise LookupError(f"{id} for {period}")

    def cell(self, id: str, heading: str, period: str = "2026") -> Any:
        return self.sheet.cell(self.row(id, period), self.columns[heading])

    def say(self, id: str, period: str = "2026", **by_key: Any) -> "Filled":
        for key, value in by_key.items():
            self.cell(id, HEADING_OF[key], period).value = value  # type: ignore[index]
        return self

    def role(self, said: str | None) -> "Filled":
        for row in self.book[GUIDE_SHEET].iter_rows():
            for cell in row:
                if cell.value == ROLE_LABEL:
                    self.book[GUIDE_SHEET].cell(cell.row, cell.column + 1).value = said
        return self

    def bytes(self) -> bytes:
        packed = io.BytesIO()
        self.book.save(packed)
        return packed.getvalue()


def workbook(
    catalogue: Catalogue, party: str = VIMA, period: str = "2026", current: Mapping[Any, Any] | None = None
) -> bytes:
    identity, rows = form_rows(catalogue, current or {}, period, party)
    return workbook_form(catalogue, identity, rows)


def csv_rows(catalogue: Catalogue, party: str = VIMA, period: str = "2026") -> list[list[str]]:
    _, rows = form_rows(catalogue, {}, period, party)
    return list(csv.reader(io.StringIO(csv_form(rows).decode("utf-8-sig")), delimiter=";"))


def as_csv(rows: list[list[str]], delimiter: str = ";", encoding: str = "utf-8-sig") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def filled(catalogue: Catalogue, **more: Any) -> Filled:
    form = Filled(workbook(catalogue, **more)).role(ROLE)
    form.say("adm_employer_cooperation_actions", value=14, text="Messut ja kierrokset")
    form.say("adm_media_visibility", "2026Q1", value="1 234,5")
    form.say("srv_resident_nps", value=-7, sample_size=812)
    form.say("1.1.01-m1", status="käynnissä", text="Messut 10.5.2026; kävijöitä & kumppaneita")
    return form


def judged(catalogue: Catalogue, body: bytes, **more: Any) -> Judged:
    return judge(read_form(body), catalogue, more.pop("current", {}), on=ON, **({"role": ROLE} | more))


def lines(catalogue: Catalogue, body: bytes, **more: Any) -> tuple[str, ...]:
    """All that is wrong with a form."""
    with pytest.raises(FormError) as caught:
        judged(catalogue, body, **more)
    assert str(caught.value).splitlines() == [one.line_en for one in caught.value.problems]
    assert all(one.fi and one.place.fi for one in caught.value.problems)
    return tuple(one.line_en for one in caught.value.problems)


def test_a_filled_form_is_read_as_it_was_meant(catalogue: Catalogue) -> None:
    found = judged(catalogue, filled(catalogue).bytes(), role="")
    assert (found.identity.party, found.identity.period, found.role, found.answers) == (VIMA, "2026", ROLE, 4)
    said = {one.answer.key: one.answer for one in found.changes}
    assert said["adm_media_visibility", "2026Q1"].value == 1234.5
    assert (said["srv_resident_nps", "2026"].value, said["srv_resident_nps", "2026"].sample_size) == (-7, 812)
    assert said["1.1.01-m1", "2026"].status == "under_way"
    assert said["adm_employer_cooperation_actions", "2026"].text == "Messut ja kierrokset"


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "utf-8-sig"), (";", "utf-8"), (",", "utf-8"), ("\t", "utf-8-sig")]
)
def test_a_csv_file_says_the_same(catalogue: Catalogue, delimiter: str, encoding: str) -> None:
    rows = csv_rows(catalogue)
    names = rows[0]
    for row in rows[1:]:
        if row[0] == "adm_media_visibility" and row[1] == "2026Q1":
            row[names.index("Luku")] = "1\u00a0234,5"
        if row[0] == "1.1.01-m1":
            row[names.index("Tila tai kyllä/ei")] = "Valmis"
            row[names.index("Selvitys")] = 'rivi; "yksi",\nrivi kaksi'
    body = as_csv(rows, delimiter, encoding)
    for one in (body, b"sep=" + delimiter.encode() + b"\r\n" + body.removeprefix(b"\xef\xbb\xbf")):
        said = {one.answer.key: one.answer for one in judged(catalogue, one).changes}
        assert said["adm_media_visibility", "2026Q1"].value == 1234.5
        assert said["1.1.01-m1", "2026"].text == 'rivi; "yksi",\nrivi kaksi'


def test_an_empty_form_says_nothing_and_is_not_wrong(catalogue: Catalogue) -> None:
    for party in ("", VIMA, "kamk"):
        found = judged(catalogue, workbook(catalogue, party))
        assert (found.answers, found.changes) == (0, ())
        assert len(read_form(workbook(catalogue, party)).rows) == len(questions_for(catalogue, "2026", party))


# --- forty broken files
# ----------------------------------------------------------------------------------------

Break = Callable[[Filled], object]
MEDIA = "adm_media_visibility"
NEXT = "adm_employer_cooperation_actions"


def edited(body: bytes, parts: Mapping[str, bytes | None]) -> bytes:
    """A workbook's package with parts replaced, added or (None) taken out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in parts:
                new.writestr(entry, old.read(entry))
        for name, data in parts.items():
            if data is not None:
                new.writestr(name, data)
    return packed.getvalue()


def part(body: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        return package.read(name)


def bomb(body: bytes) -> bytes:
    return edited(body, {"xl/media/big.bin": b"\0" * 30_000_000})


def ods() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as new:
        new.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        new.writestr("content.xml", "<x/>")
    return packed.getvalue()


def cells(**by_key: Any) -> Break:
    return lambda form: form.say(NEXT, **by_key)


def label_cell(heading: str, value: Any) -> Break:
    def change(form: Filled) -> None:
        form.cell(NEXT, heading).value = value

    return change


def number_format(value: float, said: str) -> Break:
    def change(form: Filled) -> None:
        form.say(NEXT, value=value)
        form.cell(NEXT, "Luku").number_format = said

    return change


def dated(form: Filled) -> None:
    form.say(NEXT, value=datetime(2026, 5, 1))  # noqa: DTZ001 - a cell has no zone
    form.cell(NEXT, "Luku").number_format = "d.m.yyyy"


def extra_sheet(state: str) -> Break:
    def change(form: Filled) -> None:
        sheet = form.book.create_sheet("Laskelmat")
        sheet["A1"] = 12
        sheet.sheet_state = state

    return change


def doubled(form: Filled) -> None:
    number = form.sheet.max_row + 1
    for index in range(1, len(COLUMNS) + 1):
        form.sheet.cell(number, index).value = form.sheet.cell(form.row(NEXT), index).value


def hide_column(form: Filled) -> None:
    form.sheet.column_dimensions["J"].hidden = True
    form.say(NEXT, value=3)


WORKBOOKS: dict[str, tuple[Break, str]] = {
    "a formula": (cells(value="=2*7"), r"Mittarit!J{row}: the cell holds a formula \(=2\*7\); put its value"),
    "a formula in a cell nobody fills": (
        label_cell("Edellinen vastaus", "=A1"),
        "Mittarit!H{row}: .* formula",
    ),
    "an error value": (cells(value="#N/A"), r"Mittarit!J{row}: the cell holds an error value \(#N/A\)"),
    "a truth value": (
        cells(value=True),
        r"Mittarit!J{row}: TOSI \(TRUE\) is yes or no, and a number is asked",
    ),
    "a number turned into a date": (dated, "Mittarit!J{row}: the cell holds the date 1.5.2026, not a number"),
    "a percent cell where euros are asked": (number_format(0.5, "0%"), "Mittarit!J{row}: .* percentage"),
    "a cell shown in millions": (number_format(5, '0" milj."'), "Mittarit!J{row}: .* shows another number"),
    "a text where a number is asked": (cells(value="noin 15"), "Mittarit!J{row}: 'noin 15' is no number"),
    "a number with its unit": (cells(value="14 toimea"), "Mittarit!J{row}: '14 toimea' is no number"),
    "thousands or decimals": (cells(value="1.234"), "Mittarit!J{row}: '1.234' can be read as thousands or"),
    "full-width digits": (cells(value="１４"), "Mittarit!J{row}: '１' looks like a digit"),
    "an invisible character": (cells(value="1\u200b4"), r"Mittarit!J{row}: .* \(U\+200B\)"),
    "a value below the bounds": (cells(value=-1), "Mittarit!J{row}: -1 is less than 0"),
    "a value above the bounds": (
        lambda form: form.say("srv_resident_nps", value=101, sample_size=5),
        "Mittarit!J{nps}: 101 is more than 100",
    ),
    "a survey without its sample": (
        lambda form: form.say("srv_resident_nps", value=50, sample_size=None),
        "Mittarit!K{nps}: the result of a survey",
    ),
    "half a person": (
        lambda form: form.say("srv_resident_nps", value=50, sample_size=7.5),
        "Mittarit!K{nps}: 7.5 is no number of people",
    ),
    "a word that is no choice": (
        lambda form: form.say("1.1.01-m1", status="kesken"),
        "Mittarit!L{text}: 'kesken' is none of the choices",
    ),
    "a choice in another alphabet": (
        lambda form: form.say("1.1.01-m1", status="vаlmis"),
        "Mittarit!L{text}: 'vаlmis' has letters of another alphabet",
    ),
    "a text without a choice": (
        lambda form: form.say("1.1.01-m1", status=None, text="tehty"),
        "Mittarit!L{text}: there is a text but no choice",
    ),
    "an answer that is not asked": (
        lambda form: form.say("1.1.01-m1", value=3),
        "Mittarit!J{text}: Luku is not asked of 1.1.01-m1",
    ),
    "too long a text": (
        cells(text="x" * 4001),
        "Mittarit!M{row}: the text has 4001 characters, 4000 at most",
    ),
    "an e-mail address": (cells(text="kysy matti@kajaani.fi"), "Mittarit!M{row}: there is an e-mail address"),
    "a personal identity code": (
        cells(text="131052-308T"),
        "Mittarit!M{row}: there is a personal identity code",
    ),
    "a telephone number": (cells(text="soita 040 123 4567"), "Mittarit!M{row}: there is a telephone number"),
    "look-alike letters in a text": (
        cells(text="Toteutumatiеto"),
        "Mittarit!M{row}: the word .* mixes in letters",
    ),
    "look-alike letters in an id": (
        label_cell("Tunnus", NEXT.replace("a", "а")),
        "Mittarit!A{row}: .* looks like " + NEXT,
    ),
    "an unknown id": (
        label_cell("Tunnus", "adm_nothing"),
        "Mittarit!A{row}: 'adm_nothing' is no id of this form",
    ),
    "a row of another party": (
        label_cell("Tunnus", "4.3.03-m2"),
        "Mittarit!A{row}: 4.3.03-m2 is asked of kamk, and this is the form of kajaani_vima",
    ),
    "a row without an id": (label_cell("Tunnus", None), "Mittarit!A{row}: the row has no id"),
    "another period": (
        label_cell("Kausi", "2024"),
        "Mittarit!B{row}: '2024' is no period that this form asks",
    ),
    "another form's row": (
        label_cell("Lomake", "mittaristo1|x|y|2026|z"),
        r"Mittarit!Q{row}: the row is of the form",
    ),
    "a unit that was changed": (
        label_cell("Yksikkö", "tuhatta"),
        "Mittarit!G{row}: the cell was changed; it said",
    ),
    "a row that stands twice": (
        doubled,
        r"Mittarit!A\d+: " + NEXT + " for 2026 stands twice, first at Mittarit!A{row}",
    ),
    "a row that is missing": (
        lambda form: form.sheet.delete_rows(form.row(NEXT)),
        "sheet Mittarit: the row of " + NEXT + " for 2026 is missing",
    ),
    "merged cells": (
        lambda form: form.sheet.merge_cells("J3:J4"),
        "Mittarit!J3:J4: these cells are merged; unmerge",
    ),
    "a hidden row": (
        lambda form: setattr(form.sheet.row_dimensions[form.row(NEXT)], "hidden", True),
        "Mittarit, row {row}: the row is hidden",
    ),
    "a hidden column": (hide_column, "Mittarit, column J: the column is hidden and has content"),
    "a hidden sheet": (extra_sheet("veryHidden"), "sheet Laskelmat: it is hidden and has content"),
    "a sheet more": (extra_sheet("visible"), "sheet Laskelmat: it is no part of the form"),
    "no sheet of meters": (
        lambda form: setattr(form.sheet, "title", "Taul1"),
        "the file: it has no sheet Mittarit",
    ),
    "a column less": (
        lambda form: form.sheet.delete_cols(7),
        "sheet Mittarit: the column Yksikkö is missing",
    ),
    "a column more": (
        lambda form: setattr(form.sheet.cell(1, 18), "value", "Oma"),
        "Mittarit!R1: 'Oma' is no heading of the form",
    ),
    "something beside the form": (
        lambda form: setattr(form.sheet.cell(3, 20), "value", "ks. liite"),
        "Mittarit!T3: this is outside the form's columns",
    ),
    "a comment": (
        lambda form: setattr(form.cell(NEXT, "Luku"), "comment", Comment("tarkista", "Matti")),
        "the file: it has comments",
    ),
    "a name for a role": (
        lambda form: form.role("Matti Meikäläinen"),
        r"Ohje!B\d+: 'Matti Meikäläinen' looks like the name",
    ),
    "no role": (lambda form: form.role(None), r"Ohje!B\d+: who answered is missing; write a role"),
    "a reason for nothing": (
        cells(value=None, text=None, reason="kirjoitusvirhe"),
        "Mittarit!N{row}: there is a reason, but no answer",
    ),
    "a period to come": (
        lambda form: form.say("1.1.01-m1", status="valmis"),
        "Mittarit!B{text}: the period 2026 has not begun yet",
    ),
}

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TYPES = "[Content_Types].xml"
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "b">]><sst/>'
LINK = "xl/externalLinks/externalLink1.xml"


def macro_type(body: bytes) -> bytes:
    types = part(body, TYPES).replace(
        b"vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        b"vnd.ms-excel.sheet.macroEnabled.main+xml",
    )
    assert b"macroEnabled" in types
    return edited(body, {TYPES: types})


PACKAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "macros": (lambda body: edited(body, {"xl/vbaProject.bin": b"x"}), "the file: it has macros; save it as"),
    "a macro workbook by its type": (macro_type, "the file: it has macros"),
    "links to other files": (lambda body: edited(body, {LINK: b"<x/>"}), "the file: it has links to other"),
    "an embedded file": (
        lambda body: edited(body, {"xl/embeddings/a.bin": b"x"}),
        "the file: it has embedded",
    ),
    "a zip bomb": (bomb, "the file: it unpacks to more than 20000000 bytes"),
    "many parts": (
        lambda body: edited(body, {f"xl/p{n}.xml": b"" for n in range(400)}),
        r"the file: it has \d+ parts",
    ),
    "XML with entities": (
        lambda body: edited(body, {"xl/sharedStrings.xml": ENTITIES}),
        "the file: its XML declares entities",
    ),
    "XML that is none": (
        lambda body: edited(body, {"xl/workbook.xml": b"<x"}),
        "the file: it cannot be read as a workbook",
    ),
    "an old workbook": (lambda body: OLE + b"\0" * 600, "the file: it is in the old Excel"),
    "a password": (
        lambda body: OLE + "EncryptedPackage".encode("utf-16-le"),
        "the file: it is protected by a password",
    ),
    "an OpenDocument file": (lambda body: ods(), r"the file: it is an OpenDocument file \(.ods\)"),
    "a binary workbook": (lambda body: edited(body, {"xl/workbook.bin": b"x"}), "the file: it is a binary"),
    "another archive": (lambda body: edited(body, {"xl/workbook.xml": None}), "the file: it is no workbook"),
    "half a file": (lambda body: body[: len(body) // 2], "the file: it is damaged or cut off"),
    "no bytes": (lambda body: b" \n", "the file: it is empty"),
    "too large a file": (lambda body: b"x" * 5_000_001, "the file: it has more than 5000000 bytes"),
    "a picture": (lambda body: b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "line 1: the text is not UTF-8"),
}

CsvBreak = Callable[[list[list[str]]], list[list[str]] | bytes]


def csv_cell(heading: str, said: str) -> CsvBreak:
    def change(rows: list[list[str]]) -> list[list[str]]:
        next(row for row in rows if row[0] == NEXT)[rows[0].index(heading)] = said
        return rows

    return change


CSVS: dict[str, tuple[CsvBreak, str]] = {
    "a formula": (csv_cell("Luku", "=2*7"), r"line \d+, column Luku: the cell holds a formula"),
    "a number in words": (
        csv_cell("Luku", "neljätoista"),
        r"line \d+, column Luku: 'neljätoista' is no number",
    ),
    "a number as a program shortens it": (
        csv_cell("Luku", "1,23E+05"),
        r"line \d+, column Luku: .* is no number",
    ),
    "an e-mail address": (csv_cell("Selvitys", "a@b.fi"), r"line \d+, column Selvitys: there is an e-mail"),
    "an unknown id": (csv_cell("Tunnus", "x"), r"line \d+, column Tunnus: 'x' is no id"),
    "a unit that was changed": (csv_cell("Yksikkö", "%"), r"line \d+, column Yksikkö: the cell was changed"),
    "a row less": (lambda rows: [row for row in rows if row[0] != NEXT], "the file: the row of " + NEXT),
    "a row twice": (lambda rows: [*rows, rows[-1]], r"line \d+, column Tunnus: .* stands twice"),
    "a field more": (lambda rows: [*rows[:3], [*rows[3], "x"], *rows[4:]], r"line \d+: it has 18 fields"),
    "a field less": (lambda rows: [*rows[:3], rows[3][:-1], *rows[4:]], r"line \d+: it has 16 fields"),
    "a column less": (lambda rows: [row[:-1] for row in rows], "line 1: the column Lomake is missing"),
    "a column twice": (
        lambda rows: [[*row, row[0]] for row in rows],
        "line 1, column 18: the heading 'Tunnus' stands twice",
    ),
    "no headings": (lambda rows: rows[1:], "the file: its first line has none of the form's headings"),
    "headings alone": (lambda rows: rows[:1], "the file: there are no rows"),
    "another encoding": (
        lambda rows: as_csv(rows).decode("utf-8-sig").encode("cp1252", "replace"),
        r"line 1: the text is not UTF-8; save the file as CSV UTF-8",
    ),
    "two bytes a letter": (lambda rows: as_csv(rows, encoding="utf-16"), "the file: it is UTF-16"),
    "a quote that never ends": (
        lambda rows: as_csv(rows) + b'"kesken',
        r"line \d+: it cannot be read as CSV",
    ),
    "zero bytes": (lambda rows: as_csv(rows) + b"\0", "the file: it is no text file"),
    "no role": (lambda rows: rows, "--role: who answered is missing"),
}


@dataclass(frozen=True)
class Broken:
    body: bytes
    told: str
    role: str
    on: date = ON


def broken_workbook(catalogue: Catalogue, name: str) -> Broken:
    change, told = WORKBOOKS[name]
    form = filled(catalogue)
    rows = {"row": form.row(NEXT), "nps": form.row("srv_resident_nps"), "text": form.row("1.1.01-m1")}
    change(form)
    told = re.sub(r"\{(row|nps|text)\}", lambda found: str(rows[found[1]]), told)
    return Broken(form.bytes(), told, "", date(2025, 12, 31) if name == "a period to come" else ON)


def broken_package(catalogue: Catalogue, name: str) -> Broken:
    change, told = PACKAGES[name]
    return Broken(change(filled(catalogue).bytes()), told, ROLE)


def broken_csv(catalogue: Catalogue, name: str) -> Broken:
    change, told = CSVS[name]
    made = change(csv_rows(catalogue))
    return Broken(made if isinstance(made, bytes) else as_csv(made), told, "" if name == "no role" else ROLE)


def refused_lines(catalogue: Catalogue, broken: Broken) -> list[str]:
    with pytest.raises(FormError) as caught:
        judge(read_form(broken.body), catalogue, {}, on=broken.on, role=broken.role)
    for one in caught.value.problems:
        assert "\n" not in one.line_en and "\n" not in one.line_fi
    return [one.line_en for one in caught.value.problems]


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_broken_workbook_is_refused_with_sheet_cell_and_what_to_do(catalogue: Catalogue, name: str) -> None:
    broken = broken_workbook(catalogue, name)
    found = refused_lines(catalogue, broken)
    assert any(re.match(broken.told, line) for line in found), found


@pytest.mark.parametrize("name", PACKAGES)
def test_a_file_that_is_no_plain_workbook_is_refused_with_what_to_do(catalogue: Catalogue, name: str) -> None:
    broken = broken_package(catalogue, name)
    found = refused_lines(catalogue, broken)
    assert any(re.match(broken.told, line) for line in found), found


@pytest.mark.parametrize("name", CSVS)
def test_a_broken_csv_file_is_refused_with_line_column_and_what_to_do(
    catalogue: Catalogue, name: str
) -> None:
    broken = broken_csv(catalogue, name)
    found = refused_lines(catalogue, broken)
    assert any(re.match(broken.told, line) for line in found), found


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_sheet(catalogue: Catalogue) -> None:
    form = filled(catalogue).role(None)
    form.say(NEXT, value="monta", text="a@b.fi").say("srv_resident_nps", value=500, sample_size=0)
    form.say("1.1.01-m1", status="kesken")
    form.sheet.merge_cells("H2:I2")
    found = lines(catalogue, form.bytes(), role="")
    told = (
        "merged",
        "'kesken' is none",
        "'monta' is no number",
        "e-mail",
        "500 is more than 100",
        "0 is no number of",
    )
    assert len(found) == len(told) + 1
    assert [next(at for at, line in enumerate(found) if one in line) for one in told] == sorted(
        next(at for at, line in enumerate(found) if one in line) for one in told
    )
    assert any("who answered is missing" in line for line in found)


def test_a_form_that_is_expected_from_another_is_refused(catalogue: Catalogue) -> None:
    body = filled(catalogue).bytes()
    assert "the form is of the party 'kajaani_vima', not of 'kamk'" in lines(catalogue, body, party="kamk")[0]
    assert "the form is of the period '2026', not of '2025'" in lines(catalogue, body, period="2025")[0]
    other = replace(catalogue, programme=replace(catalogue.programme, id="sotkamo"))
    assert (
        "the form is of the programme 'kajaani-elinvoima-2022-2026', here is 'sotkamo'"
        in lines(other, body)[0]
    )


def test_a_form_of_an_older_wording_is_taken_unless_a_unit_has_changed(catalogue: Catalogue) -> None:
    body = filled(catalogue).bytes()

    def with_indicator(**changes: Any) -> Catalogue:
        indicator = replace(catalogue.indicators[NEXT], **changes)
        return replace(catalogue, indicators={**catalogue.indicators, NEXT: indicator})

    assert judged(with_indicator(name_fi="Uusi nimi", note_fi="Uusi ohje"), body).answers == 4
    told = lines(with_indicator(unit_fi="tuhatta toimea"), body)
    assert [re.sub(r"J?G\d+", "G", one) for one in told] == [
        "Mittarit!G: the form asks in 'yhteistyötoimea', the catalogue now in 'tuhatta toimea'; export the form again"
    ]


# --- into the warehouse
# ----------------------------------------------------------------------------------------


@pytest.fixture
def pipeline(engine: Engine, catalogue: Catalogue, tmp_path: Path) -> Pipeline:
    """As open_pipeline gives it, without reading the catalogue and making the tables for every test anew."""
    home = tmp_path / "home"
    opened = Pipeline(
        settings=Settings(home=home, database_url=""),
        catalogue=catalogue,
        engine=engine,
        raw=RawStore(home / "raw"),
        limits_folder=home / "limits",
    )
    with writing(engine) as connection:
        sync(connection, catalogue)
    judge_on(opened, ON)
    return opened


def judge_on(pipeline: Pipeline, day: date) -> None:
    """Lateness is judged on that day from now on, as in the demo on the day of the sample."""
    with writing(pipeline.engine) as connection:
        set_state(connection, "statfin/vkour/12bs", state="fetched", judged_on=day)


def rows_of(pipeline: Pipeline, view: str, **where: Any) -> list[dict[str, Any]]:
    with reading(pipeline.engine) as connection:
        frame = read.view(connection, view)
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return [
        {str(key): None if not isinstance(one, bool) and one != one else one for key, one in row.items()}
        for row in frame.to_dict("records")
    ]


def meter(pipeline: Pipeline, id: str) -> dict[str, Any]:
    (found,) = rows_of(pipeline, "dashboard_meters", meter_id=id)
    return found


def exported(pipeline: Pipeline, party: str = VIMA) -> Filled:
    with reading(pipeline.engine) as connection:
        current = current_answers(connection)
    return Filled(workbook(pipeline.catalogue, party, current=current))


def replayed(pipeline: Pipeline, folder: Path) -> tuple[str, ...]:
    engine = open_engine(f"sqlite:///{folder / 'again.db'}")
    upgrade(engine)
    try:
        return replay(past_of(pipeline), replace(pipeline, engine=engine)).different
    finally:
        engine.dispose()


def kept(pipeline: Pipeline) -> list[Any]:
    return list(pipeline.raw.documents(source="forms"))


def test_export_fill_import_revise_import_again(pipeline: Pipeline, tmp_path: Path) -> None:
    body = filled(pipeline.catalogue).bytes()
    first = import_form(pipeline, body)
    assert (first.count("new"), first.judged.role, first.before) == (4, ROLE, None)
    again = import_form(pipeline, body)
    assert again.judged.changes == () and again.before is not None
    assert len(kept(pipeline)) == 1

    figure = meter(pipeline, "1.1.02-m1")
    assert (figure["state"], figure["latest_value"], figure["latest_period"], figure["latest_source"]) == (
        "measured", 14, "2026", "manual",
    )  # fmt: skip
    assert (figure["latest_text"], figure["due_at"]) == ("Messut ja kierrokset", None)
    told = meter(pipeline, "1.1.01-m1")
    assert (told["state"], told["latest_status"], told["latest_period"]) == ("reported", "under_way", "2026")
    assert told["latest_text"] == "Messut 10.5.2026; kävijöitä & kumppaneita"
    assert meter(pipeline, "2.2.03-m1")["latest_sample_size"] == 812
    for id in ("2.1.01-m1", "2.1.02-m1", "2.1.03-m1", "2.1.04-m1"):
        assert meter(pipeline, id)["latest_value"] == 1234.5
    series = rows_of(pipeline, "dashboard_series", indicator_id=MEDIA)
    assert [
        (one["period"], one["value"], one["source"], one["area_code"], one["freshness"]) for one in series
    ] == [("2026Q1", 1234.5, "manual", "KU205", "current")]

    form = exported(pipeline)
    assert form.cell(MEDIA, "Luku", "2026Q1").value == 1234.5
    assert form.cell("1.1.01-m1", "Tila tai kyllä/ei").value == "käynnissä"
    form.say(MEDIA, "2026Q1", value=1300, reason="Mediaseurannan luku tarkentui")
    form.say("1.1.01-m1", status="valmis", reason="Valmistui")
    form.say("srv_resident_nps", value=None, sample_size=None, reason="Kysely uusitaan")
    form.say(MEDIA, "2026Q2", value=1500)
    second = import_form(pipeline, form.role("erityisasiantuntija").bytes())
    assert {one: second.count(one) for one in ("new", "revised", "withdrawn")} == {
        "new": 1, "revised": 2, "withdrawn": 1,
    }  # fmt: skip

    vintages = rows_of(pipeline, "dashboard_vintages", indicator_id=MEDIA, period="2026Q1")
    assert [(one["value"], one["change_class"]) for one in sorted(vintages, key=lambda one: one["recorded_at"])] == [
        (1234.5, "new"), (1300, "revised"),
    ]  # fmt: skip
    reports = rows_of(pipeline, "dashboard_reports", meter_id="1.1.01-m1")
    reports.sort(key=lambda one: one["recorded_at"])
    assert [(one["status_fi"], one["role"], one["reason"], one["change_class"]) for one in reports] == [
        ("käynnissä", ROLE, "", "new"), ("valmis", "erityisasiantuntija", "Valmistui", "revised"),
    ]  # fmt: skip
    assert reports[0]["superseded_at"] == reports[1]["recorded_at"]
    assert meter(pipeline, "2.2.03-m1")["state"] == "no_data"
    (gone,) = rows_of(pipeline, "dashboard_series", indicator_id="srv_resident_nps")
    assert (gone["value"], gone["change_class"]) == (None, "withdrawn")
    changes = rows_of(pipeline, "dashboard_changes", indicator_id=MEDIA, change_class="revised")
    assert [(one["old"], one["new"]) for one in changes] == [(1234.5, 1300)]

    returning = exported(pipeline).say("srv_resident_nps", value=9, sample_size=400, reason="Uusi kysely")
    assert import_form(pipeline, returning.role(ROLE).bytes()).count("returned") == 1
    assert meter(pipeline, "2.2.03-m1")["latest_value"] == 9
    assert replayed(pipeline, tmp_path) == ()


def test_a_changed_answer_needs_a_reason_and_one_for_the_whole_file_will_do(pipeline: Pipeline) -> None:
    import_form(pipeline, filled(pipeline.catalogue).bytes())
    body = exported(pipeline).role(ROLE).say(NEXT, value=15, text=None).bytes()
    with pytest.raises(FormError) as caught:
        import_form(pipeline, body)
    assert re.fullmatch(
        r"Mittarit!J\d+: the answer for 2026 was '14 yhteistyötoimea; Messut ja kierrokset' and would become "
        r"'15 yhteistyötoimea'; write why under Korjauksen syy, or give --reason",
        str(caught.value),
    )
    assert import_form(pipeline, body, reason="Laskettiin uudelleen").count("revised") == 1
    (newest,) = (one for one in rows_of(pipeline, "dashboard_reports", meter_id="1.1.02-m1") if one["reason"])
    assert (newest["reason"], newest["value"], newest["text"]) == ("Laskettiin uudelleen", 15, "")
    assert import_form(pipeline, body).judged.changes == ()  # what is stored already needs no reason


def test_a_form_for_all_parties_answers_every_meter_of_people(pipeline: Pipeline, tmp_path: Path) -> None:
    form = Filled(workbook(pipeline.catalogue, "")).role("ohjelmakoordinaattori")
    for question, period in questions_for(pipeline.catalogue, "2026"):
        if question.asks == "number":
            form.say(question.id, period, value=12)
        elif question.asks == "survey":
            form.say(question.id, period, value=50, sample_size=100)
        else:
            form.say(
                question.id, period, status="kyllä" if question.asks == "yes_no" else "valmis", text="Tehty"
            )
    found = import_form(pipeline, form.bytes())
    assert found.count("new") == 88
    meters = rows_of(pipeline, "dashboard_meters")
    states = {one["meter_id"]: one["state"] for one in meters}
    kinds = {one["meter_id"]: one["kind"] for one in meters}
    by_hand = {
        id: state for id, state in states.items() if kinds[id] in ("administrative", "survey", "narrative")
    }
    assert {kinds[id] for id, state in by_hand.items() if state == "reported"} == {"narrative"}
    assert set(by_hand.values()) == {"measured", "reported"}
    assert len(by_hand) == 81
    assert states["1.2.06-m0"] == "not_measurable"
    measures = rows_of(pipeline, "dashboard_measures")
    assert len(measures) == 79 and all(one["state"] for one in measures)
    assert rows_of(pipeline, "dashboard_due") == []
    assert replayed(pipeline, tmp_path) == ()


def everything(pipeline: Pipeline) -> dict[str, int]:
    """How many rows each table has."""
    with reading(pipeline.engine) as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in METADATA.tables.items()
            if name != "lock"
        }


@pytest.mark.parametrize("kind", ["workbooks", "packages", "csv"])
def test_of_a_broken_file_nothing_is_stored_and_nothing_kept(
    pipeline: Pipeline, catalogue: Catalogue, kind: str
) -> None:
    before = everything(pipeline)
    files = {
        "workbooks": [broken_workbook(catalogue, name) for name in WORKBOOKS if name != "a period to come"],
        "packages": [broken_package(catalogue, name) for name in PACKAGES],
        "csv": [broken_csv(catalogue, name) for name in CSVS],
    }[kind]
    for one in files:
        with pytest.raises(FormError):
            import_form(pipeline, one.body, role=one.role)
    assert everything(pipeline) == before
    assert list(pipeline.raw.documents()) == []


def test_no_name_from_the_properties_of_a_file_is_kept(pipeline: Pipeline) -> None:
    form = filled(pipeline.catalogue)
    form.book.properties.creator, form.book.properties.lastModifiedBy = (
        "Matti Meikäläinen",
        "Maija Meikäläinen",
    )
    body = form.bytes()
    folder = b'<x15ac:absPath url="C:\\Users\\meikalainen" xmlns:x15ac="urn:x"/></workbook>'
    body = edited(body, {"xl/workbook.xml": part(body, "xl/workbook.xml").replace(b"</workbook>", folder)})
    import_form(pipeline, body)
    (document,) = kept(pipeline)
    held = pipeline.raw.read(document.sha256)
    with zipfile.ZipFile(io.BytesIO(held)) as package:
        everything = b"".join(package.read(name) for name in package.namelist())
    assert "Meikäläinen".encode() not in everything and b"meikalainen" not in everything
    assert import_form(pipeline, body).before == document.fetched_at  # the same file is known all the same


def test_a_file_without_names_is_kept_byte_by_byte(pipeline: Pipeline) -> None:
    rows = csv_rows(pipeline.catalogue)
    next(row for row in rows if row[0] == NEXT)[rows[0].index("Luku")] = "7"
    body = as_csv(rows)
    import_form(pipeline, body, role=ROLE)
    (document,) = kept(pipeline)
    assert pipeline.raw.read(document.sha256) == body
    assert (document.kind, document.url, document.content_type) == (
        "form",
        "form:kajaani_vima/2026",
        "text/csv",
    )
    assert json.loads(document.request_body) == {"role": ROLE, "reason": ""}


def test_a_form_that_was_kept_and_not_applied_is_applied_by_whoever_comes_next(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_form(pipeline, filled(pipeline.catalogue).bytes())
    form = exported(pipeline).role(ROLE).say(NEXT, value=20, reason="Tarkentui")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("flows.answers.apply_form", cut_off)
        with pytest.raises(KeyboardInterrupt):
            import_form(pipeline, form.bytes())
    assert meter(pipeline, "1.1.02-m1")["latest_value"] == 14
    finish_forms(pipeline)
    assert meter(pipeline, "1.1.02-m1")["latest_value"] == 20
    assert import_form(pipeline, form.bytes()).judged.changes == ()
    assert replayed(pipeline, tmp_path) == ()


def test_a_replay_takes_each_form_under_the_catalogue_of_its_time(pipeline: Pipeline, tmp_path: Path) -> None:
    import_form(pipeline, filled(pipeline.catalogue).bytes())
    folder = tmp_path / "oma"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    manual = folder / "indicators" / "manual.yaml"
    text = manual.read_text("utf-8")
    assert text.count("  unit_fi: yhteistyötoimea\n") == 1
    manual.write_text(text.replace("  unit_fi: yhteistyötoimea\n", "  unit_fi: tapaamista\n"), "utf-8")
    changed = replace(
        pipeline,
        settings=replace(pipeline.settings, programme=folder),
        catalogue=load_catalogue(folder),
    )
    import_form(changed, exported(changed).role(ROLE).say(NEXT, value=21, reason="Uusi yksikkö").bytes())
    assert replayed(changed, tmp_path) == ()


def test_made_up_figures_and_what_people_report_never_meet(pipeline: Pipeline) -> None:
    from flows.adopt import adopt

    adopt(pipeline, Scope(synthetic=True))
    with pytest.raises(ConfigurationError, match="this warehouse holds made-up figures"):
        import_form(pipeline, filled(pipeline.catalogue).bytes())


# --- who owes what
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2026, 12, 31), "no_data"), (date(2027, 2, 28), "no_data"), (date(2027, 3, 1), "due"),
        (date(2027, 3, 31), "due"), (date(2027, 4, 1), "late"),
    ],
)  # fmt: skip
def test_what_was_never_answered_has_no_data_until_its_first_due_date_then_is_due_then_late(
    pipeline: Pipeline, day: date, state: str
) -> None:
    judge_on(pipeline, day)
    states = {one["kind"]: one["state"] for one in rows_of(pipeline, "dashboard_meters")}
    assert {kind: states[kind] for kind in ("narrative", "administrative", "survey")} == {
        "narrative": state, "administrative": state, "survey": state,
    }  # fmt: skip
    assert {one["state"] for one in rows_of(pipeline, "dashboard_due")} == {
        "coming" if state == "no_data" else state
    }


def test_an_answer_ends_what_is_late_and_the_problem_of_its_party_and_period(pipeline: Pipeline) -> None:
    judge_on(pipeline, date(2027, 3, 2))
    now = datetime(2027, 3, 2, 6, tzinfo=UTC)
    begun = look(pipeline, now).begun
    people = [one for one in begun if one.kind.startswith("answers")]
    assert {one.kind for one in people} == {"answers_due"}
    assert [one.subject for one in people if one.subject.startswith(VIMA)] == [f"{VIMA}/2026"]
    assert len(people) == 24
    judge_on(pipeline, date(2027, 4, 1))
    later = look(pipeline, now + timedelta(days=30))
    assert {one.kind for one in later.begun} == {"answers_late"}
    assert look(pipeline, now + timedelta(days=31)).begun == ()

    form = Filled(workbook(pipeline.catalogue, "cemis")).role("kehittämispäällikkö")
    import_form(pipeline, form.say("adm_cemis_rdi_volume", value=1_000_000).bytes())
    ended = look(pipeline, now + timedelta(days=32)).ended
    assert ended == ("answers_late:cemis/2026",)
    assert meter(pipeline, "3.K1.01-m1")["state"] == "measured"


def test_an_answer_taken_back_is_owed_again(pipeline: Pipeline) -> None:
    form = Filled(workbook(pipeline.catalogue, "cemis")).role("kehittämispäällikkö")
    import_form(pipeline, form.say("adm_cemis_rdi_volume", value=5).bytes())
    judge_on(pipeline, date(2027, 4, 1))
    assert meter(pipeline, "3.K1.01-m1")["state"] == "measured"
    form = exported(pipeline, "cemis").role("kehittämispäällikkö")
    import_form(pipeline, form.say("adm_cemis_rdi_volume", value=None, reason="Väärä luku").bytes())
    assert meter(pipeline, "3.K1.01-m1")["state"] == "late"


# --- the command line
# ------------------------------------------------------------------------------------------


Program = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program as a person runs it, in a home of its own."""
    for name in list(os.environ):
        if name.startswith("MITTARISTO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


def test_the_walk_of_the_handbook_export_fill_import_due_remind_replay(
    program: Program, tmp_path: Path
) -> None:
    code, said, _ = program("forms", "export", "--period", "2026")
    assert code == 0
    made = sorted((tmp_path / "home" / "forms").glob("*.xlsx"))
    assert len(made) == 24 and said.count("form: ") == 24
    form = Filled((tmp_path / "home" / "forms" / "lomake-cemis-2026.xlsx").read_bytes())
    form.role("kehittämispäällikkö").say("adm_cemis_rdi_volume", value="2 500 000")
    path = tmp_path / "täytetty.xlsx"
    path.write_bytes(form.bytes())
    code, said, _ = program("forms", "import", str(path))
    assert code == 0 and "1 new" in said
    code, said, _ = program("forms", "import", str(path))
    assert (
        code == 0
        and "nothing has changed: all of it is stored already; this very file was imported on" in said
    )
    code, said, _ = program("forms", "due", "--json")
    owed = json.loads(said)
    assert "cemis" not in {one["party"] for one in owed["parties"]}
    assert sum(owed["counts"].values()) == len(owed["answers"]) == 84
    assert {"party", "meter", "period", "due_at", "state"} <= set(owed["answers"][0])
    code, said, _ = program("forms", "due", "--party", "kamk")
    assert code == 0 and "7 answers of 1 parties" in said
    code, said, _ = program("forms", "remind", "--party", "kamk", "--coming")
    assert code == 0 and said.startswith("Aihe: ")
    form.say("adm_cemis_rdi_volume", value="paljon")
    path.write_bytes(form.bytes())
    code, said, told = program("forms", "import", str(path), "--finnish")
    assert code == 1 and said == ""
    assert told.splitlines()[0].startswith("Mittarit!J2: 'paljon' ei ole luku; kirjoita pelkkä luku")
    assert told.splitlines()[-1].endswith("is refused for 1 reason; nothing of it was stored")
    code, said, _ = program("replay")
    assert code == 0 and "the replayed warehouse is identical" in said


def test_a_filled_form_is_never_replaced_by_an_empty_one(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "cemis.xlsx"
    export = ("forms", "export", "--period", "2026", "--party", "cemis", "--out", str(path))
    assert program(*export)[0] == 0
    first = path.read_bytes()
    assert program(*export)[0] == 0  # the same form again is the same bytes
    assert path.read_bytes() == first
    path.write_bytes(b"filled")
    code, _, told = program(*export)
    assert code == 2 and "is there already and differs, perhaps because it was filled" in told
    assert path.read_bytes() == b"filled"
    assert program(*export, "--overwrite")[0] == 0
    code, _, told = program("forms", "export", "--period", "2026", "--out", str(path))
    assert code == 2 and "each party gets its own; name a folder" in told


# --- a real spreadsheet program
# --------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed here")
def test_a_form_that_libreoffice_saved_is_read_the_same(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "lomake.xlsx"
    path.write_bytes(filled(pipeline.catalogue).bytes())
    out = tmp_path / "out"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path / 'profile'}", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    found = import_form(pipeline, (out / "lomake.xlsx").read_bytes())
    expected = judged(pipeline.catalogue, path.read_bytes(), role="")
    assert {one.answer.key: one.answer for one in found.judged.changes} == {
        one.answer.key: one.answer for one in expected.changes
    }
    assert found.judged.role == ROLE
