"""OpenDocument spreadsheets (ODS): bytes to sheets of cells, with bounds on everything that can be blown up.

The file is a zip of XML. Read are the sheets' cells alone: no formulas, styles, notes or links. A file that declares
a document type or entities is refused, and so is one that unpacks, or repeats its cells, beyond what a table can be.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import date
from xml.parsers import expat

from models.errors import SourceError

MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
MAX_MEMBERS = 500
MAX_CONTENT_BYTES = 64 * 1024 * 1024  # of content.xml, unpacked
MAX_COLUMNS = 1_000
MAX_CELLS = 1_000_000  # of the whole file, repeated ones counted as often as they stand there

Cell = str | float | date | None
Row = tuple[Cell, ...]

_TABLE, _TEXT, _OFFICE = (
    f"urn:oasis:names:tc:opendocument:xmlns:{part}:1.0 " for part in ("table", "text", "office")
)
_SPACES = re.compile(r"\s+")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T.*)?", re.DOTALL)
_NUMBERS = frozenset({"float", "percentage", "currency"})


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name and its rows, without empty cells at their ends. Rows that follow empty are one."""

    name: str
    rows: tuple[Row, ...]


def read_ods(body: bytes) -> tuple[Sheet, ...]:
    """The sheets in the file, in its order.

    A cell is a number (also of a percentage: 0.98 for 98 %), a day, text in one line, or None where it is empty or
    covered by a merged one. Raises SourceError, one line, for anything that is not a whole spreadsheet of a
    believable size.
    """
    content = _content(body)
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two of encodings it cannot read
        raise SourceError(f"the spreadsheet's content is no whole XML ({error}); fetch it again") from error
    if not reader.sheets:
        raise SourceError("the spreadsheet has no sheet; look at the file")
    return tuple(reader.sheets)


def _content(body: bytes) -> bytes:
    """content.xml of the archive, never more than MAX_CONTENT_BYTES of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise SourceError(
                    f"the spreadsheet has {len(members)} parts, more than the {MAX_MEMBERS} it can have"
                )
            if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in members):
                raise SourceError(
                    "the spreadsheet is packed in a way that no office program uses; look at it"
                )
            by_name = {one.filename: one for one in members}
            if "content.xml" not in by_name:
                raise SourceError("the file is a zip without content.xml, no ODS spreadsheet; look at it")
            if "mimetype" in by_name:
                with archive.open(by_name["mimetype"]) as part:
                    said = part.read(200).decode("ascii", "replace").strip()
                if said != MEDIA_TYPE:
                    raise SourceError(f"the file says it is {said[:80]!r}, no ODS spreadsheet; look at it")
            with archive.open(by_name["content.xml"]) as part:
                content = part.read(MAX_CONTENT_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise SourceError(f"the file is no whole ODS spreadsheet ({error}); fetch it again") from error
    if len(content) > MAX_CONTENT_BYTES:
        raise SourceError(f"the spreadsheet unpacks to more than the {MAX_CONTENT_BYTES} bytes it can have")
    return content


def _refuse_doctype(*_: object) -> None:
    raise SourceError("the spreadsheet declares a document type, which none needs; it is not read")


@dataclass
class _Reader:
    """The state while content.xml is read: one sheet, row and cell at a time."""

    sheets: list[Sheet] = field(default_factory=list)
    _name: str = ""
    _rows: list[Row] | None = None
    _row: list[Cell] = field(default_factory=list)
    _row_times: int = 1
    _cell: dict[str, str] | None = None
    _covered: bool = False
    _pieces: list[str] = field(default_factory=list)
    _in_text: int = 0
    _aside: int = 0  # depth within a note or a table inside a cell, of which nothing is taken
    _cells: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._aside:
            self._aside += 1
        elif self._cell is not None:
            if tag == f"{_OFFICE}annotation" or tag.startswith(_TABLE):
                self._aside = 1
            elif tag == f"{_TEXT}p":
                if self._pieces:
                    self._pieces.append(" ")
                self._in_text += 1
            elif tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
                self._pieces.append(" ")
        elif tag == f"{_TABLE}table":
            if self._rows is not None:
                raise SourceError("the spreadsheet has a sheet within a sheet; look at the file")
            self._name, self._rows = attributes.get(f"{_TABLE}name", ""), []
        elif tag == f"{_TABLE}table-row" and self._rows is not None:
            self._row, self._row_times = [], _times(attributes, "rows")
        elif tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell") and self._rows is not None:
            self._cell, self._pieces, self._in_text = attributes, [], 0
            self._covered = tag.endswith("covered-table-cell")

    def text(self, piece: str) -> None:
        if self._in_text and not self._aside:
            self._pieces.append(piece)

    def end(self, tag: str) -> None:
        if self._aside:
            self._aside -= 1
        elif self._cell is not None:
            if tag == f"{_TEXT}p":
                self._in_text -= 1
            elif tag.startswith(_TABLE):
                self._end_cell(self._cell)
                self._cell = None
        elif tag == f"{_TABLE}table-row" and self._rows is not None:
            self._end_row(self._rows)
        elif tag == f"{_TABLE}table" and self._rows is not None:
            self.sheets.append(Sheet(self._name, tuple(self._rows)))
            self._rows = None

    def _end_cell(self, attributes: dict[str, str]) -> None:
        value = None if self._covered else _value(attributes, "".join(self._pieces))
        times = _times(attributes, "columns")
        if value is None:
            times = min(times, MAX_COLUMNS + 1)
        elif len(self._row) + times > MAX_COLUMNS:
            raise SourceError(f"a row of the spreadsheet has more than the {MAX_COLUMNS} cells it can have")
        self._row.extend([value] * times)
        del self._row[MAX_COLUMNS + 1 :]

    def _end_row(self, rows: list[Row]) -> None:
        while self._row and self._row[-1] is None:
            self._row.pop()
        if len(self._row) > MAX_COLUMNS:
            raise SourceError(f"a row of the spreadsheet has more than the {MAX_COLUMNS} cells it can have")
        times = self._row_times if self._row else 1
        self._cells += times * max(len(self._row), 1)
        if self._cells > MAX_CELLS:
            raise SourceError(f"the spreadsheet has more than the {MAX_CELLS} cells it can have")
        if self._row or not rows or rows[-1]:
            rows.extend([tuple(self._row)] * times)
        self._row = []


def _times(attributes: dict[str, str], what: str) -> int:
    text = attributes.get(f"{_TABLE}number-{what}-repeated", "1")
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or int(text) < 1:
        raise SourceError(f"the spreadsheet repeats {what} {text[:20]!r} times; look at the file")
    return int(text)


def _value(attributes: dict[str, str], text: str) -> Cell:
    kind = attributes.get(f"{_OFFICE}value-type", "")
    if kind in _NUMBERS:
        written = attributes.get(f"{_OFFICE}value", "")
        try:
            number = float(written)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise SourceError(f"the spreadsheet has a number {written[:40]!r} that is none; look at the file")
        return number
    if kind == "date" and (found := _DAY.fullmatch(attributes.get(f"{_OFFICE}date-value", ""))):
        try:
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError as error:
            raise SourceError(f"the spreadsheet has a day {found[0][:40]!r} that is none") from error
    shown = _SPACES.sub(" ", text).strip()
    return shown or None
