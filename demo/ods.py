"""Writing small OpenDocument spreadsheets, as an office program would: for services of the stand-in that give files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
Cell = str | float | date | None

_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "style")
)
_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{MEDIA_TYPE}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sheets give the same bytes


def write_ods(sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """A file with these sheets, by name. Numbers between 0 and 1 are shown as per cents; their value stays."""
    tables = "".join(_table(name, rows) for name, rows in sheets.items())
    return zipped(
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_NAMES} office:version="1.3"><office:body>'
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )


def zipped(content: str) -> bytes:
    """A file with this content.xml."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text, packing in (
            ("mimetype", MEDIA_TYPE, zipfile.ZIP_STORED),
            ("content.xml", content, zipfile.ZIP_DEFLATED),
            ("META-INF/manifest.xml", _MANIFEST, zipfile.ZIP_DEFLATED),
        ):
            part = zipfile.ZipInfo(name, _EPOCH)
            part.compress_type = packing
            archive.writestr(part, text)
    return packed.getvalue()


def _table(name: str, rows: Sequence[Sequence[Cell]]) -> str:
    """A sheet, with the empty rest of it repeated as office programs do."""
    lines = "".join(f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in rows)
    rest = (
        '<table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    return f"<table:table table:name={quoteattr(name)}>{lines}{rest}</table:table>"


def _cell(value: Cell) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, float):
        kind = "percentage" if 0 <= value <= 1 else "float"
        shown = f"{100 * value:.0f} %" if kind == "percentage" else f"{value:g}"
        return (
            f'<table:table-cell office:value-type="{kind}" office:value="{value!r}"><text:p>{shown}</text:p>'
            "</table:table-cell>"
        )
    if isinstance(value, date):
        return (
            f'<table:table-cell office:value-type="date" office:date-value="{value.isoformat()}">'
            f"<text:p>{value.day}.{value.month}.{value.year}</text:p></table:table-cell>"
        )
    return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
