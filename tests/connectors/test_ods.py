"""ODS spreadsheets as office programs write them, and what is refused of files that only look so."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.ods import MAX_CELLS, MAX_COLUMNS, read_ods
from demo.ods import MEDIA_TYPE, write_ods, zipped
from models.errors import SourceError

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}<office:document-content '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="a">{rows}</table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)


def sheet(rows: str, doctype: str = "") -> bytes:
    return zipped(HEAD.format(rows=rows, doctype=doctype))


def text_cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p></table:table-cell>'


def row_of(inner: str, more: str = "") -> str:
    return f"<table:table-row{more}>{inner}</table:table-row>"


def repeated(times: object) -> str:
    return f' table:number-rows-repeated="{times}"'


ONE = '<table:table-cell office:value-type="float" office:value="{}"/>'


def cells(rows: str):
    (read,) = read_ods(sheet(rows))
    return read.rows


def test_texts_numbers_shares_and_days_are_read_as_what_they_are() -> None:
    rows = [["Kajaani", 0.815, 42.5, date(2025, 12, 31), None, "≥ 100"], [], ["<&>"]]
    first, second = read_ods(write_ods({"Taulukko": rows, "2": [[]]}))
    assert first.name == "Taulukko"
    assert first.rows == (("Kajaani", 0.815, 42.5, date(2025, 12, 31), None, "≥ 100"), (), ("<&>",), ())
    assert second.rows == ((),)


def test_repeated_cells_and_rows_are_there_as_often_as_they_say() -> None:
    cell = text_cell("x", ' table:number-columns-repeated="3"')
    assert cells(row_of(cell, repeated(2))) == (("x", "x", "x"),) * 2


def test_a_merged_cell_keeps_its_place_and_notes_are_not_text() -> None:
    rows = (
        "<table:table-row>"
        '<table:table-cell office:value-type="string" table:number-columns-spanned="2">'
        "<office:annotation><text:p>note</text:p></office:annotation>"
        "<text:p>a<text:s/><text:span>b</text:span></text:p><text:p>c</text:p></table:table-cell>"
        '<table:covered-table-cell office:value-type="string"><text:p>hidden</text:p></table:covered-table-cell>'
        '<table:table-cell office:value-type="float" office:value="1"/></table:table-row>'
    )
    assert cells(rows) == (("a b c", None, 1.0),)


def test_grouped_and_header_rows_are_rows() -> None:
    rows = (
        f"<table:table-header-rows>{row_of(text_cell('h'))}</table:table-header-rows>"
        f"<table:table-row-group>{row_of(text_cell('g'))}</table:table-row-group>"
    )
    assert cells(rows) == (("h",), ("g",))


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (900_000_000, f"more than the {MAX_CELLS} cells"),
        ("x", "repeats rows 'x' times"),
        (-1, "repeats rows '-1' times"),
    ],
)
def test_cells_repeated_beyond_belief_are_refused(times: object, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_ods(sheet(row_of(2 * ONE.format(1), repeated(times))))


def test_a_row_wider_than_any_table_is_refused_but_its_empty_rest_is_nothing() -> None:
    wide = '<table:table-cell table:number-columns-repeated="{}" office:value-type="float" office:value="1"/>'
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    assert cells(f"<table:table-row>{wide.format(2)}{empty}</table:table-row>") == ((1.0, 1.0),)
    for row in (wide.format(999_999_999), empty + wide.format(1)):
        with pytest.raises(SourceError, match=f"more than the {MAX_COLUMNS} cells"):
            read_ods(sheet(f"<table:table-row>{row}</table:table-row>"))


def test_entities_are_not_expanded_since_no_document_type_is_let_in() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    with pytest.raises(SourceError, match="declares a document type"):
        read_ods(sheet(row_of(text_cell("&l9;")), doctype))
    with pytest.raises(SourceError, match="document type"):
        read_ods(sheet("", '<!DOCTYPE x SYSTEM "file:///etc/passwd">'))


def test_a_zip_bomb_is_cut_off_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ods.MAX_CONTENT_BYTES", 100_000)
    with pytest.raises(SourceError, match="unpacks to more than the 100000 bytes"):
        read_ods(zipped(" " * 100_001))


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no whole ODS spreadsheet"),
        (b"<html></html>", "no whole ODS spreadsheet"),
        (write_ods({"a": [["x"]]})[:-40], "no whole ODS spreadsheet"),
        (packed({"xl/workbook.xml": b""}), "a zip without content.xml"),
        (packed({"mimetype": b"application/epub+zip", "content.xml": b"<x/>"}), "no ODS spreadsheet"),
        (packed({"content.xml": b"<x>"}), "no whole XML"),
        (packed({"content.xml": b"<x/>"}), "has no sheet"),
        (packed({f"{n}": b"" for n in range(501)}), "has 501 parts"),
    ],
)
def test_what_is_no_spreadsheet_is_refused_in_one_line(body: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as error:
        read_ods(body)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "x", ""])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(SourceError, match="that is none"):
        read_ods(sheet(row_of(ONE.format(number))))


GOOD = write_ods({"a": [["Kajaani", 0.5, date(2025, 1, 1)], ["x", 2.0]]})


@given(st.binary(max_size=300) | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)))
@settings(max_examples=300)
def test_any_bytes_are_sheets_or_one_line(damage: bytes | tuple[int, bytes]) -> None:
    if isinstance(damage, bytes):
        body = damage
    else:
        at, piece = damage
        body = GOOD[:at] + piece + GOOD[at + len(piece) :]
    try:
        read_ods(body)
    except SourceError as error:
        assert "\n" not in str(error)


@given(st.text(max_size=200))
def test_any_content_is_sheets_or_one_line(content: str) -> None:
    try:
        read_ods(zipped(content.encode("utf-8", "replace").decode()))
    except SourceError as error:
        assert "\n" not in str(error)


def test_the_media_type_is_that_of_the_standard() -> None:
    assert MEDIA_TYPE == "application/vnd.oasis.opendocument.spreadsheet"
