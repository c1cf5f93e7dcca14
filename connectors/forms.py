"""Filled forms: bytes of a workbook or CSV file → what stands in its cells, with everything wrong about the file.

Nothing in a file is ever run, and nothing outside it is opened. What a cell means is judged in models.forms_answers.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from connectors.cells import quoted
from models.forms_file import (
    COLUMNS,
    FORM_SHEET,
    GUIDE_SHEET,
    HEADER_ROW,
    HEADING_OF,
    HEADINGS,
    ROLE_LABEL,
    ColumnKey,
    FormProblem,
    Place,
    RawCell,
    RawForm,
)
from models.spreadsheet import typed_text

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

LARGEST_FILE = 5_000_000  # bytes; a whole programme's form has a fiftieth of it
LARGEST_UNPACKED = 20_000_000
MOST_PARTS = 300
MOST_ROWS = 5000
MOST_COLUMNS = 200  # of a CSV file's heading
MOST_CELLS = 200_000  # of a sheet, from its first to its last, also where they are empty
MOST_TAGS = 1_000_000  # of all parts of a workbook; a whole programme's form has a twentieth of it
_SHOWN = 5  # of a long list of cells
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FILE = Place("tiedosto", "the file", 0, 0)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


def content_type(body: bytes) -> str:
    """The content type of a form's bytes, by what they begin with."""
    return XLSX if body.startswith(b"PK") else CSV


def read_form(body: bytes) -> RawForm:
    """What stands in a filled form, .xlsx or .csv by its bytes. Never raises for what is wrong with the file."""
    if len(body) > LARGEST_FILE:
        return _refused(
            f"it has more than {LARGEST_FILE} bytes, the most that is taken; take out pictures and copied sheets",
            f"siinä on yli {LARGEST_FILE} tavua, mikä on enimmäismäärä; poista kuvat ja kopioidut taulukot",
        )
    if not body.strip():
        return _refused("it is empty; save the form again", "se on tyhjä; tallenna lomake uudelleen")
    if body.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in body:
            return _refused(
                "it is protected by a password; save it without one",
                "se on suojattu salasanalla; tallenna se ilman salasanaa",
            )
        return _refused(
            "it is in the old Excel format (.xls); save it as an Excel workbook (.xlsx)",
            "se on vanhaa Excel-muotoa (.xls); tallenna se Excel-työkirjana (.xlsx)",
        )
    if body.startswith(b"PK"):
        return _read_workbook(body)
    return _read_csv(body)


def without_names(body: bytes) -> bytes:
    """A workbook's bytes without the names of people and folders that a program wrote into its properties.

    The same bytes where there are none, and for CSV.
    """
    if not body.startswith(b"PK"):
        return body
    changed = False
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            cleaned = _without_names(entry.filename, data)
            changed = changed or cleaned != data
            plain = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            plain.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(plain, cleaned)
    return packed.getvalue() if changed else body


_NAMED = {
    "docProps/core.xml": ("creator", "lastModifiedBy"),
    "docProps/app.xml": ("Manager", "Company", "HyperlinkBase"),
}


def _without_names(name: str, data: bytes) -> bytes:
    for tag in _NAMED.get(name, ()):
        data = re.sub(rf"(<(?:\w+:)?{tag}\b[^<>]*>)[^<]*(</)".encode(), rb"\1\2", data)
    if name == "xl/workbook.xml":  # Excel notes the folder the file was saved in, often with a user's name
        data = re.sub(rb"<x15ac:absPath\b[^<>]*/>", b"", data)
        data = re.sub(rb'(<fileSharing\b[^<>]*\buserName=")[^"]*(")', rb"\1\2", data)
    return data


def _refused(en: str, fi: str) -> RawForm:
    return RawForm((), None, (FormProblem(_FILE, en, fi),), _FILE)


# --- workbooks ----------------------------------------------------------------------------------------------


def _read_workbook(body: bytes) -> RawForm:
    problems: list[FormProblem] = []
    if not _check_parts(body, problems):
        return RawForm((), None, tuple(problems), _FILE)
    import openpyxl  # here: it takes a third of a second, and most commands read no form

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it does not keep; nothing is written back
            book = openpyxl.load_workbook(io.BytesIO(body), data_only=False, keep_links=False)
    except Exception as error:  # openpyxl lets many kinds escape on broken files
        if problems:  # most likely the cause
            return RawForm((), None, tuple(problems), _FILE)
        detail = _shown(error, 120) or type(error).__name__
        return _refused(
            f"it cannot be read as a workbook ({detail}); open it in a spreadsheet program and save it again as .xlsx",
            f"sitä ei voi lukea työkirjana ({detail}); avaa se taulukkolaskennassa ja tallenna uudelleen (.xlsx)",
        )
    rows = _read_sheets(book, problems)
    role = _read_guide(book[GUIDE_SHEET], problems) if GUIDE_SHEET in book.sheetnames else None
    whole = Place(f"taulukko {FORM_SHEET}", f"sheet {FORM_SHEET}", 0, 0)
    return RawForm(tuple(rows), role, tuple(problems), whole)


def _check_parts(body: bytes, problems: list[FormProblem]) -> bool:
    """Notes what must not be in a workbook's package; whether its cells can be read at all."""

    def wrong(en: str, fi: str) -> None:
        problems.append(FormProblem(_FILE, en, fi))

    try:
        package = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        wrong(
            "it is damaged or cut off; save the form again, or ask for it again",
            "se on vaurioitunut tai katkennut; tallenna lomake uudelleen tai pyydä se uudelleen",
        )
        return False
    with package:
        entries = package.infolist()
        names = [entry.filename for entry in entries]
        if any(entry.flag_bits & 1 for entry in entries):
            wrong(
                "it is protected by a password; save it without one",
                "se on suojattu salasanalla; tallenna ilman sitä",
            )
            return False
        if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in entries):
            wrong(
                "it is damaged or cut off; save the form again, or ask for it again",
                "se on vaurioitunut tai katkennut; tallenna lomake uudelleen tai pyydä se uudelleen",
            )
            return False
        if len(entries) > MOST_PARTS or len(set(names)) < len(names) or "" in names:
            wrong(
                f"it has {len(entries)} parts, which a form never has; copy the answers into a form exported again",
                f"siinä on {len(entries)} osaa, mitä lomakkeessa ei ole; kopioi vastaukset uuteen lomakkeeseen",
            )
            return False
        parts: dict[str, bytes] = {}
        left = LARGEST_UNPACKED
        try:
            for entry in entries:
                with package.open(entry) as part:
                    data = part.read(left + 1)
                left -= len(data)
                if left < 0:
                    wrong(
                        f"it unpacks to more than {LARGEST_UNPACKED} bytes, which no form does; copy the answers into "
                        "a form exported again",
                        f"se purkautuu yli {LARGEST_UNPACKED} tavuksi; kopioi vastaukset uuteen lomakkeeseen",
                    )
                    return False
                parts[entry.filename] = data
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ):
            wrong(
                "it is damaged or cut off; save the form again, or ask for it again",
                "se on vaurioitunut tai katkennut; tallenna lomake uudelleen tai pyydä se uudelleen",
            )
            return False
    return _check_content(parts, wrong)


def _check_content(parts: dict[str, bytes], wrong: Any) -> bool:
    kind = parts.get("mimetype", b"")
    if b"opendocument" in kind:
        wrong(
            "it is an OpenDocument file (.ods); save it as an Excel workbook (.xlsx)",
            "se on OpenDocument-tiedosto (.ods); tallenna se Excel-työkirjana (.xlsx)",
        )
        return False
    if "xl/workbook.bin" in parts:
        wrong(
            "it is a binary workbook (.xlsb); save it as an Excel workbook (.xlsx)",
            "se on binäärityökirja (.xlsb); tallenna se Excel-työkirjana (.xlsx)",
        )
        return False
    types = parts.get("[Content_Types].xml", b"")
    if not types or "xl/workbook.xml" not in parts:
        wrong(
            "it is no workbook; fill the exported form and save it as .xlsx or .csv",
            "se ei ole työkirja; täytä saatu lomake ja tallenna se muodossa .xlsx tai .csv",
        )
        return False
    names = " ".join(parts).lower()
    if sum(data.count(b"<") for data in parts.values()) > MOST_TAGS or _merged_cells(parts) > MOST_CELLS:
        wrong(
            "it has more in it than any form, though most of it may be empty; copy the answers into a form exported "
            "again",
            "siinä on enemmän kuin missään lomakkeessa, vaikka suurin osa olisi tyhjää; kopioi vastaukset uuteen "
            "lomakkeeseen",
        )
        return False
    if any(map(_is_other_encoding, parts.values())):
        wrong(
            "its XML is not UTF-8, which every spreadsheet program writes; copy the answers into a form exported again",
            "sen XML ei ole UTF-8-muodossa, jota kaikki ohjelmat kirjoittavat; kopioi vastaukset uuteen lomakkeeseen",
        )
        return False
    if any(re.search(rb"<!\s*(DOCTYPE|ENTITY)", data, re.IGNORECASE) for data in parts.values()):
        wrong(
            "its XML declares entities, which no spreadsheet writes; copy the answers into a form exported again",
            "sen XML määrittelee entiteettejä, joita mikään ohjelma ei kirjoita; kopioi vastaukset uuteen lomakkeeseen",
        )
        return False
    if "vbaproject" in names or "macrosheets/" in names or b"macroenabled" in types.lower():
        wrong(
            "it has macros; save it as an Excel workbook without macros (.xlsx)",
            "siinä on makroja; tallenna se Excel-työkirjana ilman makroja (.xlsx)",
        )
    if "externallinks/" in names or "connections.xml" in names or "querytables/" in names:
        wrong(
            "it has links to other files or data sources; break them (Data, Edit Links) and paste values only",
            "siinä on linkkejä muihin tiedostoihin tai tietolähteisiin; katkaise ne (Tiedot, Muokkaa linkkejä) ja "
            "liitä pelkät arvot",
        )
    if "embeddings/" in names or "activex/" in names:
        wrong(
            "it has embedded files or controls; take them out",
            "siinä on upotettuja tiedostoja tai ohjausobjekteja; poista ne",
        )
    if "comments" in names or "persons/" in names:
        wrong(
            f"it has comments, which bear names; move what matters under {HEADING_OF['text']} and delete them",
            f"siinä on kommentteja, joissa on nimiä; siirrä olennainen sarakkeeseen {HEADING_OF['text']} ja poista ne",
        )
    return True


_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\b[^<>]*>")
_RANGE = re.compile(rb'\sref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_ENCODING = re.compile(rb"\s*<\?xml\b[^<>]*\bencoding\s*=\s*[\"']([^\"']*)")


def _merged_cells(parts: dict[str, bytes]) -> int:
    """How many cells are merged: the reader makes each, even if it is empty. What has no plain range is many."""
    count = 0
    for data in parts.values():
        for merge in _MERGE.finditer(data):
            found = _RANGE.search(merge[0])
            if found is None:
                return MOST_CELLS + 1
            first, last = (int(found[2]), _number(found[1])), (int(found[4]), _number(found[3]))
            count += (abs(last[0] - first[0]) + 1) * (abs(last[1] - first[1]) + 1)
    return count


def _number(letters: bytes) -> int:
    """The number of a column: 1 for A, 28 for AB."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _is_other_encoding(data: bytes) -> bool:
    """Whether a part is XML in another encoding than UTF-8, in which nothing here would be found in it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:8]:
        return True
    said = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    return said is not None and said[1].lower() not in (b"utf-8", b"us-ascii")


def _read_sheets(book: Workbook, problems: list[FormProblem]) -> list[dict[ColumnKey, RawCell]]:
    for sheet in book.worksheets:
        if _reach(sheet) > MOST_CELLS:
            continue
        has_content = any(cell.value is not None for cell in _cells(sheet))
        if sheet.sheet_state != "visible" and has_content:
            problems.append(
                _of_sheet(
                    sheet,
                    "it is hidden and has content; show it (right click on the tabs, Unhide), and delete it if it is "
                    "no part of the form",
                    "se on piilotettu ja siinä on sisältöä; tuo se näkyviin ja poista se, ellei se kuulu lomakkeeseen",
                )
            )
        elif sheet.title not in (FORM_SHEET, GUIDE_SHEET) and has_content:
            problems.append(
                _of_sheet(
                    sheet,
                    f"it is no part of the form; move what matters to {FORM_SHEET} and delete the sheet",
                    f"se ei kuulu lomakkeeseen; siirrä olennainen taulukkoon {FORM_SHEET} ja poista taulukko",
                )
            )
    if FORM_SHEET not in book.sheetnames or not hasattr(book[FORM_SHEET], "iter_rows"):
        problems.append(
            FormProblem(
                _FILE,
                f"it has no sheet {FORM_SHEET}; fill the exported form, and leave the names of its sheets",
                f"siinä ei ole taulukkoa {FORM_SHEET}; täytä saatu lomake äläkä muuta taulukoiden nimiä",
            )
        )
        return []
    for sheet in book.worksheets:
        if _reach(sheet) > MOST_CELLS and (sheet.title != FORM_SHEET or sheet.max_row <= MOST_ROWS):
            problems.append(
                _of_sheet(
                    sheet,
                    f"it reaches to row {sheet.max_row} and column {sheet.max_column}; delete the rows below and the "
                    "columns beside the form",
                    f"se ulottuu riville {sheet.max_row} ja sarakkeeseen {sheet.max_column}; poista rivit lomakkeen "
                    "alta ja sarakkeet sen vierestä",
                )
            )
            if sheet.title == FORM_SHEET:
                return []
    sheet = book[FORM_SHEET]
    if sheet.max_row > MOST_ROWS:
        problems.append(
            _of_sheet(
                sheet,
                f"it has {sheet.max_row} rows, {MOST_ROWS} at most are read; delete the rows below the form",
                f"siinä on {sheet.max_row} riviä, enintään {MOST_ROWS} luetaan; poista lomakkeen alla olevat rivit",
            )
        )
        return []
    _check_shape(sheet, problems)
    columns = _headings(
        [(_place(sheet, cell), _text_of(cell), _index(cell)) for cell in sheet[HEADER_ROW]],
        Place(f"taulukko {FORM_SHEET}", f"sheet {FORM_SHEET}", HEADER_ROW, 0),
        problems,
    )
    if columns is None:
        return []
    rows = []
    for row in sheet.iter_rows(min_row=HEADER_ROW + 1):
        raw = {_index(cell): _raw(sheet, cell) for cell in row}
        if all(cell.kind == "blank" for cell in raw.values()):
            continue
        number = row[0].row or 0
        rows.append(
            _by_key(raw, columns, lambda index, number=number: _at(sheet.title, number, index), problems)
        )
    return rows


def _check_shape(sheet: Worksheet, problems: list[FormProblem]) -> None:
    """Notes merged cells, and hidden rows and columns in which something stands."""
    for merged in sheet.merged_cells.ranges:
        problems.append(
            FormProblem(
                Place(
                    f"{sheet.title}!{merged.coord}",
                    f"{sheet.title}!{merged.coord}",
                    merged.min_row,
                    merged.min_col,
                ),
                "these cells are merged; unmerge them (Home, Merge) and write each answer in its own cell",
                "nämä solut on yhdistetty; pura yhdistäminen ja kirjoita kukin vastaus omaan soluunsa",
            )
        )
    filled = {(cell.row, cell.column) for cell in _cells(sheet) if cell.value is not None}
    rows = {row for row, _ in filled}
    for number, shape in sorted(sheet.row_dimensions.items()):
        if (shape.hidden or shape.ht == 0) and number in rows:
            problems.append(
                FormProblem(
                    Place(f"{sheet.title}, rivi {number}", f"{sheet.title}, row {number}", number, 0),
                    "the row is hidden and has content; clear filters and show it (Unhide)",
                    "rivi on piilotettu ja siinä on sisältöä; poista suodatukset ja tuo rivi näkyviin",
                )
            )
    columns = {column for _, column in filled}
    for letters, width in sorted(sheet.column_dimensions.items()):
        first, last = width.min or 0, width.max or 0
        if (width.hidden or width.width == 0) and any(first <= column <= last for column in columns):
            problems.append(
                FormProblem(
                    Place(f"{sheet.title}, sarake {letters}", f"{sheet.title}, column {letters}", 0, first),
                    "the column is hidden and has content; show it (Unhide)",
                    "sarake on piilotettu ja siinä on sisältöä; tuo se näkyviin",
                )
            )


def _read_guide(sheet: Any, problems: list[FormProblem]) -> RawCell | None:
    """The role that was written on the sheet of instructions."""
    role = None
    for cell in _cells(sheet):
        raw = _raw(sheet, cell)
        if raw.kind in ("formula", "error"):
            problems.append(
                FormProblem(
                    raw.place,
                    "the instructions hold a formula or an error; leave them as they were exported",
                    "ohjeessa on kaava tai virhe; jätä ohje sellaiseksi kuin se oli",
                )
            )
        elif raw.kind == "text" and str(raw.value).strip() == ROLE_LABEL:
            role = _raw(sheet, sheet.cell(cell.row, cell.column + 1))
    return role


def _reach(sheet: Any) -> int:
    """How many cells there are from the first to the last, empty ones too: asking for them makes them."""
    return int(sheet.max_row * sheet.max_column) if hasattr(sheet, "iter_rows") else 0


def _cells(sheet: Any) -> Iterator[Cell]:
    for row in sheet.iter_rows() if hasattr(sheet, "iter_rows") and _reach(sheet) <= MOST_CELLS else ():
        yield from row


def _raw(sheet: Any, cell: Any) -> RawCell:
    place, value = _place(sheet, cell), cell.value
    number_format = cell.number_format if isinstance(cell.number_format, str) else ""
    if value is None:
        return RawCell(place)
    if cell.data_type == "f":
        text = value if isinstance(value, str) else getattr(value, "text", "") or "="
        return RawCell(place, "formula", str(text))
    if cell.data_type == "e":
        return RawCell(place, "error", str(value))
    if isinstance(value, bool):
        return RawCell(place, "flag", value)
    if isinstance(value, int | float):
        return RawCell(place, "number", value, number_format)
    if isinstance(value, datetime | date | time | timedelta):
        return RawCell(place, "date", _day(value))
    return RawCell(place, "text", str(value))


def _day(value: datetime | date | time | timedelta) -> str:
    if isinstance(value, time | timedelta):
        return str(value)
    said = f"{value.day}.{value.month}.{value.year}"
    if isinstance(value, datetime) and (value.hour or value.minute):
        said += f" klo {value.hour}.{value.minute:02d}"
    return said


def _text_of(cell: Any) -> str:
    return "" if cell.value is None else " ".join(str(cell.value).split())


def _index(cell: Any) -> int:
    return int(cell.column)


def _place(sheet: Any, cell: Any) -> Place:
    return _at(sheet.title, cell.row, cell.column)


def _at(title: str, row: int, column: int) -> Place:
    from openpyxl.utils import get_column_letter

    name = f"{title}!{get_column_letter(column)}{row}"
    return Place(name, name, row, column)


def _of_sheet(sheet: Any, en: str, fi: str) -> FormProblem:
    return FormProblem(Place(f"taulukko {sheet.title}", f"sheet {sheet.title}", 0, 0), en, fi)


# --- CSV ----------------------------------------------------------------------------------------------------


def _read_csv(body: bytes) -> RawForm:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _refused("it is UTF-16; save it as CSV UTF-8", "se on UTF-16; tallenna se muodossa CSV UTF-8")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        place = Place(f"rivi {line}", f"line {line}", line, 0)
        problem = FormProblem(
            place,
            "the text is not UTF-8; save the file as CSV UTF-8",
            "teksti ei ole UTF-8-muodossa; tallenna tiedosto muodossa CSV UTF-8",
        )
        return RawForm((), None, (problem,), _FILE)
    if "\0" in text:
        return _refused(
            "it is no text file; fill the exported form and save it as .xlsx or .csv",
            "se ei ole tekstitiedosto; täytä saatu lomake ja tallenna se muodossa .xlsx tai .csv",
        )
    problems: list[FormProblem] = []
    first, _, rest = text.partition("\n")
    skipped = 0
    if re.fullmatch(r"sep=[;,\t]\s*", first):
        text, skipped = rest, 1
        first = text.partition("\n")[0]
    delimiter = max(";,\t", key=lambda one: _headings_in(first, one))
    if not _headings_in(first, delimiter):
        return _refused(
            "its first line has none of the form's headings; fill the exported form and save it as .xlsx or .csv",
            "sen ensimmäisellä rivillä ei ole lomakkeen otsikoita; täytä saatu lomake, tallenna .xlsx tai .csv",
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[ColumnKey, RawCell]] = []
    columns: dict[ColumnKey, int] | None = None
    width, start, lines = 0, 1 + skipped, 0
    try:
        for record in reader:
            line, start = start, reader.line_num + 1 + skipped
            if columns is None:
                width = len(record)
                if width > MOST_COLUMNS:
                    return _refused(
                        f"its heading has {width} columns; fill the exported form and save it as .xlsx or .csv",
                        f"sen otsikossa on {width} saraketta; täytä saatu lomake, tallenna .xlsx tai .csv",
                    )
                named = [
                    (_in_csv(line, f"{index + 1}"), " ".join(cell.split()), index)
                    for index, cell in enumerate(record)
                ]
                columns = _headings(named, Place(f"rivi {line}", f"line {line}", line, 0), problems)
                if columns is None:
                    break
                continue
            if not any(cell.strip() for cell in record):
                continue
            lines += 1
            if lines > MOST_ROWS:
                problems.append(
                    FormProblem(
                        _FILE,
                        f"it has more than {MOST_ROWS} lines; take out those below the form",
                        f"siinä on yli {MOST_ROWS} riviä; poista lomakkeen alla olevat rivit",
                    )
                )
                break
            if len(record) != width:
                problems.append(
                    FormProblem(
                        Place(f"rivi {line}", f"line {line}", line, 0),
                        f"it has {len(record)} fields, the heading {width}; put a text that has '{delimiter}' in it in "
                        "double quotes",
                        f"rivillä on {len(record)} kenttää, otsikossa {width}; kirjoita teksti, jossa on "
                        f"'{delimiter}', lainausmerkkeihin",
                    )
                )
                continue
            raw = {
                index: RawCell(_of_csv(line, columns, index), "text", typed_text(cell))
                if cell
                else RawCell(_of_csv(line, columns, index))
                for index, cell in enumerate(record)
            }
            rows.append(
                _by_key(raw, columns, lambda index, line=line: _in_csv(line, f"{index + 1}"), problems)
            )
    except csv.Error as error:
        place = Place(f"rivi {start}", f"line {start}", start, 0)
        problems.append(
            FormProblem(
                place,
                f"it cannot be read as CSV ({error}); check the double quotes from here on",
                f"sitä ei voi lukea CSV:nä ({error}); tarkista lainausmerkit tästä eteenpäin",
            )
        )
    return RawForm(tuple(rows), None, tuple(problems), _FILE)


def _headings_in(line: str, delimiter: str) -> int:
    return sum(one.strip().strip('"') in HEADINGS for one in line.split(delimiter))


def _in_csv(line: int, column: str) -> Place:
    return Place(
        f"rivi {line}, sarake {column}",
        f"line {line}, column {column}",
        line,
        int(column) if column.isdigit() else 0,
    )


def _of_csv(line: int, columns: dict[ColumnKey, int], index: int) -> Place:
    named = next((HEADING_OF[key] for key, one in columns.items() if one == index), f"{index + 1}")
    return Place(f"rivi {line}, sarake {named}", f"line {line}, column {named}", line, index + 1)


# --- both ---------------------------------------------------------------------------------------------------


def _headings(
    named: Iterable[tuple[Place, str, int]], whole: Place, problems: list[FormProblem]
) -> dict[ColumnKey, int] | None:
    """Where each column of the form stands; None, and why, where that cannot be said."""
    found: dict[ColumnKey, int] = {}
    right = True
    for place, heading, index in named:
        key = HEADINGS.get(heading)
        if key is None and heading:
            right = False
            problems.append(
                FormProblem(
                    place,
                    f"'{_shown(heading)}' is no heading of the form; take the column out, or put its heading back",
                    f"'{_shown(heading)}' ei ole lomakkeen otsikko; poista sarake tai palauta sen otsikko",
                )
            )
        elif key in found:
            right = False
            problems.append(
                FormProblem(
                    place,
                    f"the heading '{heading}' stands twice; take one of the columns out",
                    f"otsikko '{heading}' on kahdesti; poista toinen sarakkeista",
                )
            )
        elif key is not None:
            found[key] = index
    missing = [one.heading for one in COLUMNS if one.key not in found]
    if missing:
        right = False
        problems.append(
            FormProblem(
                whole,
                f"the column {', '.join(missing)} is missing; put it back, or fill a form exported again",
                f"sarake {', '.join(missing)} puuttuu; palauta se tai täytä uusi lomake",
            )
        )
    return found if right else None


def _shown(text: object, longest: int = 60) -> str:
    """A text for a message: on one line, printable, of at most this length."""
    return quoted(text, longest)[1:-1]


def _by_key(
    raw: dict[int, RawCell], columns: dict[ColumnKey, int], place_of: Any, problems: list[FormProblem]
) -> dict[ColumnKey, RawCell]:
    """The cells of a row by their column; what stands outside the form's columns is noted."""
    known = set(columns.values())
    for index, cell in raw.items():
        if index not in known and cell.kind != "blank":
            problems.append(
                FormProblem(
                    cell.place,
                    f"this is outside the form's columns; move it under {HEADING_OF['text']} and empty the cell",
                    f"lomakkeen sarakkeiden ulkopuolella on sisältöä; siirrä se sarakkeeseen {HEADING_OF['text']} ja "
                    "tyhjennä solu",
                )
            )
    return {key: raw.get(index) or RawCell(place_of(index)) for key, index in columns.items()}
