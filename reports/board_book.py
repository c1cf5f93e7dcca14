"""The workbook of the board's report: sheets of plain cells that no program takes for formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports.workbook import DARK, FONT, LINE_HEIGHT, border, fill, lines_of, saved

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_TINT = "EEF3F8"


@dataclass(frozen=True)
class Column:
    """A column of a sheet: heading ('' on a sheet without) and width in characters."""

    heading: str
    width: float


@dataclass(frozen=True)
class Sheet:
    """A sheet: a table with headings; or, where no column has a heading, lines (label, text) and tables under them.

    `decimals` are those of the numbers of each row, none for whole ones. `empty` is said where there is no row.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[tuple[Any, ...]]
    decimals: Sequence[int] = ()
    empty: str = ""
    parts: Sequence[tuple[tuple[Any, ...], Sequence[tuple[Any, ...]]]] = field(default_factory=list)


def workbook(title: str, sheets: Sequence[Sheet]) -> bytes:
    """An .xlsx of the sheets; the same bytes for the same content."""
    import openpyxl  # here: it takes a third of a second, and most commands write no workbook

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for one in sheets:
        sheet = book.create_sheet(one.title)
        _set_up(sheet, one)
        if any(column.heading for column in one.columns):
            _table(sheet, one)
        else:
            _lines(sheet, title, one)
    book.properties.creator = None
    book.properties.title = title
    return saved(book)


def _set_up(sheet: Worksheet, one: Sheet) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
    from openpyxl.worksheet.properties import PageSetupProperties

    for index, column in enumerate(one.columns, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = column.width
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", "9"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.HeaderFooter.oddFooter = HeaderFooterItem(center=_HeaderFooterPart(f"{one.title} - &P/&N"))


def _table(sheet: Worksheet, one: Sheet) -> None:
    from openpyxl.utils import get_column_letter

    _head(sheet, 1, [column.heading for column in one.columns])
    lines = max(lines_of(column.heading, column.width) for column in one.columns)
    sheet.row_dimensions[1].height = LINE_HEIGHT * lines + 4
    rows = one.rows or ([(one.empty,)] if one.empty else [])
    for number, row in enumerate(rows, start=2):
        decimals = one.decimals[number - 2] if one.decimals else 0
        _row(sheet, number, row, one.columns, decimals)
    sheet.freeze_panes = "C2" if len(one.columns) > 3 else "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(one.columns))}{max(2, len(rows) + 1)}"
    sheet.print_title_rows = "1:1"


def _lines(sheet: Worksheet, title: str, one: Sheet) -> None:
    from openpyxl.styles import Alignment, Font

    width = sum(column.width for column in one.columns[1:])
    _put(sheet, 1, 1, title)
    sheet.cell(1, 1).font = Font(name=FONT, bold=True, size=16)
    sheet.row_dimensions[1].height = 26
    number = 2
    for label, said in one.rows:
        _put(sheet, number, 1, label)
        sheet.cell(number, 1).font = Font(name=FONT, bold=said is not None)
        last = len(one.columns)
        if said is None:
            sheet.merge_cells(start_row=number, start_column=1, end_row=number, end_column=last)
        else:
            _put(sheet, number, 2, said)
            sheet.merge_cells(start_row=number, start_column=2, end_row=number, end_column=last)
            sheet.row_dimensions[number].height = LINE_HEIGHT * max(
                lines_of(str(said), width), lines_of(str(label), one.columns[0].width)
            )
        for column in (1, 2):
            sheet.cell(number, column).alignment = Alignment(vertical="top", wrap_text=True)
        number += 1
    for headings, rows in one.parts:
        number += 1
        _head(sheet, number, headings)
        sheet.row_dimensions[number].height = LINE_HEIGHT * 2 + 4
        for row in rows:
            number += 1
            _row(sheet, number, row, one.columns, 0)
        number += 1


def _head(sheet: Worksheet, number: int, headings: Sequence[str]) -> None:
    from openpyxl.styles import Alignment, Font

    for index, heading in enumerate(headings, start=1):
        _put(sheet, number, index, heading)
        cell = sheet.cell(number, index)
        cell.font, cell.fill = Font(name=FONT, bold=True, color="FFFFFF"), fill(DARK)
        cell.alignment, cell.border = Alignment(vertical="center", wrap_text=True), border()


def _row(sheet: Worksheet, number: int, row: Sequence[Any], columns: Sequence[Column], decimals: int) -> None:
    from openpyxl.styles import Alignment

    lines = 1
    for index, value in enumerate(row, start=1):
        _put(sheet, number, index, value)
        cell = sheet.cell(number, index)
        cell.alignment, cell.border = Alignment(vertical="top", wrap_text=True), border()
        if number % 2:
            cell.fill = fill(_TINT)
        if isinstance(value, float):
            cell.number_format = "#,##0" + ("." + "0" * decimals if decimals else "")
        elif isinstance(value, str):
            lines = max(lines, lines_of(value, columns[index - 1].width))
    sheet.row_dimensions[number].height = LINE_HEIGHT * lines


def _put(sheet: Worksheet, number: int, index: int, value: Any) -> None:
    cell = sheet.cell(number, index)
    if isinstance(value, str):
        if value:
            cell.value = value
            cell.data_type = "s"  # never a formula, whatever it begins with
    else:
        cell.value = value
