"""What all workbooks share: how cells look, how high rows are, and bytes that depend on nothing but the content."""

from __future__ import annotations

import io
import re
import textwrap
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpyxl.styles import Border, PatternFill
    from openpyxl.workbook import Workbook

FONT = "Calibri"  # that of cells without a font of their own
DARK = "1F3864"
LINE_HEIGHT, MOST_LINES = 15.0, 27  # points; Excel's rows are at most 409 high


def lines_of(text: str, width: float) -> int:
    """How many lines `text` takes in a column of that width, at least 1. No program makes rows of a form higher."""
    wrapped = sum(len(textwrap.wrap(line, int(width * 0.9))) or 1 for line in text.split("\n"))
    return min(MOST_LINES, max(1, wrapped))


def fill(color: str) -> PatternFill:
    """A cell's even colour, as RRGGBB."""
    from openpyxl.styles import PatternFill

    return PatternFill("solid", start_color=color)


def border() -> Border:
    """A thin grey line around a cell."""
    from openpyxl.styles import Border, Side

    side = Side(style="thin", color="BFBFBF")
    return Border(left=side, right=side, top=side, bottom=side)


def saved(book: Workbook) -> bytes:
    """The workbook's bytes with no moment of saving in them."""
    first = io.BytesIO()
    book.save(first)
    packed = io.BytesIO()
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "docProps/core.xml":
                data = re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", data)
            plain = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            plain.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(plain, data)
    return packed.getvalue()
