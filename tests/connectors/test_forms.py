"""What stands in a filled form, before it is judged."""

import io
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.forms import content_type, read_form, without_names
from models.forms_file import COLUMNS, FORM_SHEET, GUIDE_SHEET, ROLE_LABEL

HEAD = [one.heading for one in COLUMNS]


def workbook(*rows: dict[str, object], role: object = None) -> bytes:
    book = openpyxl.Workbook()
    guide = book.worksheets[0]
    guide.title = GUIDE_SHEET
    guide.append([ROLE_LABEL, role])
    sheet = book.create_sheet(FORM_SHEET)
    sheet.append(HEAD)
    for row in rows:
        sheet.append([row.get(heading) for heading in HEAD])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def line(*values: str) -> bytes:
    return (";".join(values) + "\r\n").encode()


def test_the_cells_of_a_workbook_come_with_their_kind_and_place() -> None:
    import datetime

    body = workbook(
        {"Tunnus": "a", "Luku": 1.5, "Selvitys": "x"},
        {"Tunnus": "b", "Luku": True, "Selvitys": datetime.date(2026, 5, 1)},
        {"Tunnus": "c", "Luku": "=1+1", "Selvitys": "#N/A"},
        role="päällikkö",
    )
    found = read_form(body)
    assert found.problems == ()
    assert [row["value"].kind for row in found.rows] == ["number", "flag", "formula"]
    assert [row["text"].kind for row in found.rows] == ["text", "date", "error"]
    assert found.rows[1]["text"].value == "1.5.2026"
    assert found.rows[2]["value"].place.en == "Mittarit!J4"
    assert found.role is not None and found.role.value == "päällikkö"


def test_rows_without_any_content_are_no_rows() -> None:
    assert [row["id"].value for row in read_form(workbook({"Tunnus": "a"}, {}, {"Tunnus": "b"})).rows] == [
        "a",
        "b",
    ]


def test_columns_are_found_by_their_headings_wherever_they_stand() -> None:
    turned = list(reversed(HEAD))
    body = line(*turned) + line(*(f"{n}" for n in range(len(turned))))
    (row,) = read_form(body).rows
    assert row["form"].value == "0" and row["id"].value == str(len(HEAD) - 1)
    assert row["id"].place.en == "line 2, column Tunnus"


def test_the_lines_of_a_csv_file_are_those_an_editor_counts() -> None:
    body = line(*HEAD) + line("a", *["x"] * 15, '"kaksi\r\nriviä"') + b"\r\n" + line("b", *["x"] * 15)
    found = read_form(body)
    assert [row["id"].place.en for row in found.rows] == ["line 2, column Tunnus"]
    (problem,) = found.problems
    assert problem.line_en.startswith("line 5: it has 16 fields, the heading 17")


def test_the_type_of_a_file_is_known_by_its_bytes() -> None:
    assert content_type(workbook()).endswith("spreadsheetml.sheet")
    assert content_type(line(*HEAD)) == "text/csv"


def test_only_names_leave_a_workbook_before_it_is_kept() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook({"Tunnus": "a", "Luku": 3})))
    book.properties.creator, book.properties.lastModifiedBy = "Maija M", "Matti M"
    packed = io.BytesIO()
    book.save(packed)
    plain = without_names(packed.getvalue())
    assert without_names(plain) == plain
    with zipfile.ZipFile(io.BytesIO(plain)) as package:
        assert not any(
            b"Matti" in package.read(name) or b"Maija" in package.read(name) for name in package.namelist()
        )
    before, after = read_form(packed.getvalue()), read_form(plain)
    assert before.rows == after.rows
    assert without_names(line(*HEAD)) == line(*HEAD)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_they_are_read_or_refused_in_one_line(body: bytes) -> None:
    for one in (body, b"PK\x03\x04" + body, b"\xd0\xcf\x11\xe0" + body, line(*HEAD) + body):
        found = read_form(one)
        assert found.rows or found.problems or one.startswith(b"Tunnus")
        assert all("\n" not in problem.line_en and "\n" not in problem.line_fi for problem in found.problems)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_workbook_with_any_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(workbook({"Tunnus": "a", "Luku": 3}))
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    found = read_form(bytes(body))
    assert isinstance(found.rows, tuple)


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_the_sheet_of_meters_itself_may_not_be_hidden(state: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook({"Tunnus": "a"})))
    book[FORM_SHEET].sheet_state = state
    packed = io.BytesIO()
    book.save(packed)
    (problem,) = read_form(packed.getvalue()).problems
    assert problem.line_en.startswith("sheet Mittarit: it is hidden and has content")
