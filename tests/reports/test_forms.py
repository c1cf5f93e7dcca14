"""Empty forms: what a person who opens one finds, and may change."""

import csv
import io
import math
import zipfile

import openpyxl
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from models.catalogue import Catalogue, load_catalogue
from models.forms import STATUSES_FI, YES_NO_FI
from models.forms_answers import Answer
from models.forms_file import COLUMNS, FORM_SHEET, GUIDE_SHEET, ROLE_LABEL, parse_identity
from reports.forms import csv_form, form_name, form_rows, workbook_form

INPUTS = ("Luku", "Vastaajien määrä", "Tila tai kyllä/ei", "Selvitys", "Korjauksen syy")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


def made(catalogue: Catalogue, party: str = "kajaani_vima", *answers: Answer, period: str = "2026") -> bytes:
    identity, rows = form_rows(catalogue, {one.key: one for one in answers}, period, party)
    return workbook_form(catalogue, identity, rows)


@pytest.fixture(scope="session")
def book(catalogue: Catalogue) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(made(catalogue, "")))


@pytest.fixture(scope="session")
def sheet(book: Workbook) -> Worksheet:
    return book[FORM_SHEET]


def column(name: str) -> int:
    return [one.heading for one in COLUMNS].index(name) + 1


def row_of(sheet: Worksheet, id: str) -> int:
    return next(n for n in range(2, sheet.max_row + 1) if sheet.cell(n, 1).value == id)


def test_a_form_has_a_sheet_of_instructions_and_one_of_meters_under_fixed_headings(book: Workbook) -> None:
    assert book.sheetnames == [GUIDE_SHEET, FORM_SHEET]
    assert [cell.value for cell in book[FORM_SHEET][1]] == [one.heading for one in COLUMNS]


def test_every_row_is_as_high_as_its_longest_text_needs(book: Workbook) -> None:
    for sheet, unseen in ((book[GUIDE_SHEET], 0), (book[FORM_SHEET], column("Lomake"))):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is None or cell.column == unseen:
                    continue
                width = sheet.column_dimensions[cell.column_letter].width
                lines = math.ceil(len(str(cell.value)) / width)
                height = sheet.row_dimensions[cell.row].height
                assert height is not None and height >= 15 * lines, (sheet.title, cell.coordinate)


def test_the_instructions_say_how_to_fill_correct_and_return_it_and_ask_for_a_role(book: Workbook) -> None:
    guide = book[GUIDE_SHEET]
    said = {guide.cell(n, 1).value: guide.cell(n, 2) for n in range(1, guide.max_row + 1)}
    assert {"Vastuutaho", "Kausi", "Täyttö", "Korjaus", "Palautus", ROLE_LABEL} <= set(said)
    assert said["Ensimmäinen määräpäivä"].value == "1.3.2027"
    assert said[ROLE_LABEL].value is None and not said[ROLE_LABEL].protection.locked
    assert all(cell.protection.locked for label, cell in said.items() if label != ROLE_LABEL)
    identity = parse_identity(said["Lomakkeen tunniste"].value)
    assert identity is not None
    assert (identity.programme, identity.party, identity.period) == (
        "kajaani-elinvoima-2022-2026",
        "",
        "2026",
    )


def test_only_the_cells_that_are_asked_are_open(sheet: Worksheet) -> None:
    asked = {
        "adm_startups": {"Luku", "Selvitys", "Korjauksen syy"},
        "srv_resident_nps": {"Luku", "Vastaajien määrä", "Selvitys", "Korjauksen syy"},
        "1.1.01-m1": {"Tila tai kyllä/ei", "Selvitys", "Korjauksen syy"},
        "5.2.03-m1": {"Tila tai kyllä/ei", "Selvitys", "Korjauksen syy"},
    }
    assert sheet.protection.sheet and not sheet.protection.password
    for id, inputs in asked.items():
        cells = sheet[row_of(sheet, id)]
        opened = {one.heading for one, cell in zip(COLUMNS, cells, strict=True) if not cell.protection.locked}
        assert opened == inputs, id
        fills = {cell.fill.start_color.rgb for cell in cells if not cell.protection.locked}
        locked = {cell.fill.start_color.rgb for cell in cells if cell.protection.locked}
        assert len(fills) == 1 and not fills & locked


def test_choices_drop_down_and_numbers_have_their_bounds(sheet: Worksheet) -> None:
    def checks(id: str, heading: str) -> list[tuple[str, str | None, str | None]]:
        place = sheet.cell(row_of(sheet, id), column(heading)).coordinate
        return [
            (one.type, one.formula1, one.formula2)
            for one in sheet.data_validations.dataValidation
            if place in one.sqref
        ]

    assert checks("1.1.01-m1", "Tila tai kyllä/ei") == [("list", f'"{",".join(STATUSES_FI.values())}"', None)]
    assert checks("5.2.03-m1", "Tila tai kyllä/ei") == [("list", f'"{",".join(YES_NO_FI.values())}"', None)]
    assert checks("srv_resident_nps", "Luku") == [("decimal", "-100", "100")]
    assert checks("adm_startups", "Luku") == [("decimal", "0", "1000000000000000")]
    assert checks("srv_resident_nps", "Vastaajien määrä") == [("whole", "1", None)]
    for one in sheet.data_validations.dataValidation:
        assert len(one.prompt) <= 255 and len(one.promptTitle) <= 32  # Excel takes no more
        assert one.showErrorMessage and one.showInputMessage


def test_it_stays_readable_on_screen_and_on_paper(book: Workbook, sheet: Worksheet) -> None:
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == sheet.dimensions
    assert sheet.print_title_rows == "$1:$1"
    for one in book.worksheets:
        assert one.page_setup.fitToHeight == 0 and one.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.orientation == "landscape"
    assert "2026" in sheet.oddFooter.center.text
    widths = [sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]]
    assert widths == [one.width for one in COLUMNS]
    assert all(cell.alignment.wrap_text for cell in sheet[2])


def test_each_row_says_what_is_asked_in_which_unit_by_when(sheet: Worksheet) -> None:
    cells = {
        one.heading: cell.value
        for one, cell in zip(COLUMNS, sheet[row_of(sheet, "adm_startups")], strict=True)
    }
    assert cells["Mittari"] == "Uudet start-up-yritykset (6.2.03-m2)"
    assert cells["Toimenpide"].startswith("6.2.03 ")
    assert (cells["Mitä kysytään"], cells["Yksikkö"]) == ("Luku (ja tarvittaessa selvitys)", "yritystä")
    assert (cells["Kausi"], cells["Määräpäivä"]) == ("2026", "1.3.2027")
    optional = sheet[row_of(sheet, "adm_return_migrants")]
    assert "(vapaaehtoinen)" in str(optional[column("Mitä kysytään") - 1].value)
    assert optional[column("Määräpäivä") - 1].value == "vapaaehtoinen"


def test_an_answer_of_the_period_is_filled_in_and_the_last_one_before_stands_beside(
    catalogue: Catalogue,
) -> None:
    body = made(
        catalogue,
        "kajaani_vima",
        Answer("adm_employer_cooperation_actions", "2024", value=9),
        Answer("adm_employer_cooperation_actions", "2025", value=12.5, text="Messut"),
        Answer("adm_employer_cooperation_actions", "2026", value=14),
        Answer("1.1.01-m1", "2025", status="under_way", text="=ei kaava"),
        Answer("srv_resident_nps", "2025"),  # taken back
    )
    sheet = openpyxl.load_workbook(io.BytesIO(body))[FORM_SHEET]
    said = sheet[row_of(sheet, "adm_employer_cooperation_actions")]
    assert said[column("Luku") - 1].value == 14
    assert said[column("Edellinen vastaus") - 1].value == "12,5 yhteistyötoimea; Messut"
    assert said[column("Edellisen kausi") - 1].value == "2025"
    told = sheet[row_of(sheet, "1.1.01-m1")][column("Edellinen vastaus") - 1]
    assert (told.value, told.data_type) == ("käynnissä; =ei kaava", "s")
    assert sheet[row_of(sheet, "srv_resident_nps")][column("Edellinen vastaus") - 1].value is None


def test_the_same_form_is_the_same_bytes_and_names_nobody(catalogue: Catalogue) -> None:
    body = made(catalogue)
    assert made(catalogue) == body
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert {one.date_time for one in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = package.read("docProps/core.xml").decode()
    for told in ("creator>", "lastModifiedBy", "dcterms:created>", "dcterms:modified>"):
        assert told not in core
    assert without_formulas(body)


def without_formulas(body: bytes) -> bool:
    book = openpyxl.load_workbook(io.BytesIO(body))
    return not any(
        cell.data_type == "f" for one in book.worksheets for row in one.iter_rows() for cell in row
    )


def test_a_csv_form_has_the_same_columns_and_is_opened_by_excel_in_finnish(catalogue: Catalogue) -> None:
    answer = Answer("adm_employer_cooperation_actions", "2026", value=14.5)
    identity, rows = form_rows(catalogue, {answer.key: answer}, "2026", "kajaani_vima")
    body = csv_form(rows)
    assert body.startswith(b"\xef\xbb\xbf") and b"\r\n" in body
    found = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))
    assert list(found[0]) == [one.heading for one in COLUMNS]
    assert len(found) == len(rows) == 19
    assert next(row for row in found if row["Tunnus"] == answer.question_id)["Luku"] == "14,5"
    assert {row["Lomake"] for row in found} == {str(identity)}


def test_a_form_is_named_after_its_party_and_period(catalogue: Catalogue) -> None:
    identity, _ = form_rows(catalogue, {}, "2026", "kamk")
    assert form_name(identity, ".xlsx") == "lomake-kamk-2026.xlsx"
    identity, _ = form_rows(catalogue, {}, "2026Q3")
    assert form_name(identity, ".csv") == "lomake-kaikki-2026Q3.csv"
