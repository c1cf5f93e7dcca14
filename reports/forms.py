"""Empty forms: a workbook, or a CSV file with the same columns, of what is asked for a period.

What was answered for that very period already stands in the form; the last answer before it stands beside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.catalogue import Catalogue
from models.forms import STATUSES_FI, WORDS_FI, YES_NO_FI, Question, party_name, questions_for
from models.forms_answers import Answer, Key, describe
from models.forms_cells import MOST
from models.forms_file import (
    COLUMNS,
    FORM_SHEET,
    GUIDE_SHEET,
    HEADER_ROW,
    HEADING_OF,
    LONGEST_REASON,
    LONGEST_ROLE,
    LONGEST_TEXT,
    ROLE_LABEL,
    TAKEN,
    ColumnKey,
    FormIdentity,
    locked_texts,
    version_of,
)
from models.period import parse_period
from models.spreadsheet import cell_text
from reports.workbook import DARK, FONT, LINE_HEIGHT, border, fill, lines_of, saved

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

FormRow = dict[ColumnKey, str | float | int | None]

LABEL_WIDTH, GUIDE_WIDTH = 28, 90  # of the guide's columns, in characters
_INPUT, _LOCKED, _CLOSED = "FFF7D6", "F2F2F2", "D9D9D9"


def form_rows(
    catalogue: Catalogue, current: Mapping[Key, Answer], period: str, party: str = ""
) -> tuple[FormIdentity, list[tuple[Question, FormRow]]]:
    """What stands in a form: its identity, and a row per question and period. Raises ConfigurationError.

    `current` are all answers there are; `party` is '' for all parties.
    """
    asked = questions_for(catalogue, period, party)
    wording = [locked_texts(one, code, party_name(catalogue, one.party)) for one, code in asked]
    identity = FormIdentity(catalogue.programme.id, party, period, version_of(wording))
    rows = []
    for (question, code), locked in zip(asked, wording, strict=True):
        answer = current.get((question.id, code)) or Answer(question.id, code)
        last = _last_before(current, question.id, code)
        row: FormRow = {
            **locked,
            "last_answer": describe(last, question.unit_fi) if last else "",
            "last_period": last.period if last else "",
            "value": answer.value,
            "sample_size": answer.sample_size,
            "status": WORDS_FI[answer.status] if answer.status else "",
            "text": answer.text,
            "reason": "",
            "due": _day(question, code),
            "form": str(identity),
        }
        rows.append((question, {one.key: row[one.key] for one in COLUMNS}))
    return identity, rows


def csv_form(rows: Sequence[tuple[Question, FormRow]]) -> bytes:
    """The form as CSV: UTF-8 with BOM, semicolons and decimal commas, as Excel in Finnish opens it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([one.heading for one in COLUMNS])
    for _, row in rows:
        writer.writerow([_csv_text(row[one.key]) for one in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def workbook_form(
    catalogue: Catalogue, identity: FormIdentity, rows: Sequence[tuple[Question, FormRow]]
) -> bytes:
    """The form as an .xlsx workbook; the same bytes for the same content."""
    import openpyxl  # here: it takes a third of a second, and most commands write no form

    book = openpyxl.Workbook()
    guide = book.worksheets[0]
    guide.title = GUIDE_SHEET
    _write_guide(guide, catalogue, identity, rows)
    _write_rows(book.create_sheet(FORM_SHEET), identity, rows)
    book.properties.creator = None
    book.properties.title = f"{_whose(catalogue, identity)}, {identity.period}"
    return saved(book)


def form_name(identity: FormIdentity, suffix: str) -> str:
    """A file name for a form: lomake-kajaani_vima-2026.xlsx."""
    return f"lomake-{identity.party or 'kaikki'}-{identity.period.replace('/', '-')}{suffix}"


def _last_before(current: Mapping[Key, Answer], question_id: str, period: str) -> Answer | None:
    start = parse_period(period).start
    earlier = [
        one
        for (id, code), one in current.items()
        if id == question_id and not one.is_blank and parse_period(code).start < start
    ]
    return max(earlier, key=lambda one: parse_period(one.period).start, default=None)


def _day(question: Question, period: str) -> str:
    if question.optional:
        return "vapaaehtoinen"
    day = question.due_at(period)
    return f"{day.day}.{day.month}.{day.year}"


def _csv_text(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return cell_text(value)  # somebody else may have written it
    return f"{value:.15g}".replace(".", ",") if isinstance(value, float) else str(value)


def _whose(catalogue: Catalogue, identity: FormIdentity) -> str:
    return party_name(catalogue, identity.party) if identity.party else "Kaikki vastuutahot"


def _guide(
    catalogue: Catalogue, identity: FormIdentity, rows: Sequence[tuple[Question, FormRow]]
) -> list[tuple[str, str]]:
    """The sheet of instructions: label and text."""
    days = sorted({(question.due_at(str(row["period"]))) for question, row in rows if not question.optional})
    first = f"{days[0].day}.{days[0].month}.{days[0].year}" if days else "ei määräpäivää"
    statuses, yes_no = " / ".join(STATUSES_FI.values()), " / ".join(YES_NO_FI.values())
    return [
        ("Lomake", f"{catalogue.programme.title_fi}: mittarien tiedot, {identity.period}"),
        ("Vastuutaho", _whose(catalogue, identity)),
        ("Kausi", identity.period),
        ("Ensimmäinen määräpäivä", first),
        (ROLE_LABEL, ""),
        ("", "Kirjoita rooliksi tehtävä, esim. viestintäpäällikkö. Älä kirjoita henkilöiden nimiä, sähköposteja "
             "tai muita henkilötietoja mihinkään."),
        ("Täyttö", f"Täytä taulukko {FORM_SHEET}: vain keltaiset solut. Harmaita soluja ei täytetä. Keskeneräisen "
                   "lomakkeen voi palauttaa: tyhjä rivi ei muuta mitään."),
        ("Luku", "Pelkkä luku siinä yksikössä, joka on sarakkeessa Yksikkö, esim. 1234,5. Ei kaavoja. Jos lukua ei "
                 "ole, jätä se tyhjäksi ja kerro syy selvityksessä."),
        ("Kyselyn tulos", "Tulos sarakkeeseen Luku ja vastanneiden määrä sarakkeeseen Vastaajien määrä. Asteikko "
                          "selvitykseen."),
        ("Tila", f"Valitse luettelosta: {statuses}. Kyllä/ei-kysymyksessä: {yes_no}. Kerro selvityksessä, mitä on "
                 "tehty."),
        ("Korjaus", "Jo annettu vastaus on valmiina solussa. Kun muutat sitä, kirjoita sarakkeeseen "
                    f"{HEADING_OF['reason']}, miksi. Vastauksen voi perua: tyhjennä rivin keltaiset solut ja kirjoita "
                    "syy. Vanha vastaus jää historiaan."),
        ("Tallennus", "Tallenna Excel-työkirjana (.xlsx), ilman salasanaa ja makroja. Älä poista, piilota tai yhdistä "
                      "rivejä tai soluja."),
        ("Palautus", "Palauta tiedosto sille, jolta sait sen."),
        ("Lomakkeen tunniste", str(identity)),
    ]  # fmt: skip


def _write_guide(
    sheet: Worksheet,
    catalogue: Catalogue,
    identity: FormIdentity,
    rows: Sequence[tuple[Question, FormRow]],
) -> None:
    from openpyxl.styles import Alignment, Font, Protection
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.properties import PageSetupProperties

    for number, (label, said) in enumerate(_guide(catalogue, identity, rows), start=1):
        left, right = sheet.cell(number, 1, label or None), sheet.cell(number, 2, said or None)
        for cell in (left, right):
            if isinstance(cell.value, str):
                cell.data_type = "s"  # never a formula, whatever it begins with
        left.font = Font(name=FONT, bold=True, size=14 if number == 1 else 11)
        right.font = Font(name=FONT, bold=number == 1, size=14 if number == 1 else 11)
        left.alignment = right.alignment = Alignment(vertical="top", wrap_text=True)
        if label == ROLE_LABEL:
            right.fill, right.border = fill(_INPUT), border()
            right.protection = Protection(locked=False)
            check = DataValidation(
                type="textLength", operator="lessThanOrEqual", formula1=str(LONGEST_ROLE), allow_blank=True
            )
            check.promptTitle, check.prompt = ROLE_LABEL, "Tehtävä, ei nimeä: esim. viestintäpäällikkö"
            check.showInputMessage = check.showErrorMessage = True
            sheet.add_data_validation(check)
            check.add(right.coordinate)
        large = 1.3 if number == 1 else 1.0
        lines = max(lines_of(label, LABEL_WIDTH), lines_of(said, GUIDE_WIDTH))
        sheet.row_dimensions[number].height = large * LINE_HEIGHT * lines
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = LABEL_WIDTH, GUIDE_WIDTH
    sheet.protection.sheet = True
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "portrait", "9"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _write_rows(sheet: Worksheet, identity: FormIdentity, rows: Sequence[tuple[Question, FormRow]]) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
    from openpyxl.worksheet.properties import PageSetupProperties

    for index, column in enumerate(COLUMNS, start=1):
        head = sheet.cell(HEADER_ROW, index, column.heading)
        head.font, head.fill = Font(name=FONT, bold=True, color="FFFFFF"), fill(DARK)
        head.alignment, head.border = Alignment(vertical="center", wrap_text=True), border()
        sheet.column_dimensions[get_column_letter(index)].width = column.width
    sheet.row_dimensions[HEADER_ROW].height = 32
    for number, (question, row) in enumerate(rows, start=HEADER_ROW + 1):
        for index, column in enumerate(COLUMNS, start=1):
            _write_cell(sheet, number, index, column.key, question, row[column.key])
        lines = max(lines_of(str(row[one.key] or ""), one.width) for one in COLUMNS if one.key != "form")
        sheet.row_dimensions[number].height = LINE_HEIGHT * max(2, lines)
    _add_checks(sheet, rows)
    last = HEADER_ROW + len(rows)
    sheet.freeze_panes = f"C{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(len(COLUMNS))}{last}"
    protection = sheet.protection
    protection.sheet = True
    protection.formatColumns = protection.formatRows = False  # may be made wider
    protection.autoFilter = protection.sort = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", "9"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.print_area = f"A1:{get_column_letter(len(COLUMNS) - 1)}{last}"
    sheet.HeaderFooter.oddFooter = HeaderFooterItem(center=_HeaderFooterPart(f"{identity.period} - &P/&N"))


def _write_cell(
    sheet: Worksheet,
    number: int,
    index: int,
    key: ColumnKey,
    question: Question,
    value: str | float | int | None,
) -> None:
    from openpyxl.styles import Alignment, Font, Protection

    cell = sheet.cell(number, index)
    if isinstance(value, str) and value:
        cell.value = value
        cell.data_type = "s"  # never a formula, whatever it begins with
    elif value is not None and not isinstance(value, str):
        cell.value = int(value) if float(value).is_integer() else value
    cell.alignment, cell.border = Alignment(vertical="top", wrap_text=True), border()
    is_open = key in (*TAKEN[question.asks], "reason")
    if is_open:
        cell.fill, cell.protection = fill(_INPUT), Protection(locked=False)
        if key in ("text", "reason"):
            cell.number_format = "@"  # a day or a fraction stays as it was written
    else:
        closed = key in ("value", "sample_size", "status", "text")
        cell.fill = fill(_CLOSED if closed else _LOCKED)
    if key == "form":
        cell.font = Font(name=FONT, size=7, color="808080")


@dataclass(frozen=True)
class _Check:
    """What a spreadsheet program lets into a cell, and what it says of it."""

    kind: Literal["decimal", "whole", "list", "textLength"]
    operator: Literal["between", "greaterThanOrEqual", "lessThanOrEqual"] | None
    one: str
    two: str | None
    title: str
    prompt: str


def _checks(question: Question) -> dict[ColumnKey, _Check]:
    """By column what may be written there."""
    low = _number(-MOST if question.low is None else question.low)
    high = _number(MOST if question.high is None else question.high)
    bounds = [
        f"{word} {_number(bound).replace('.', ',')}"
        for word, bound in (("vähintään", question.low), ("enintään", question.high))
        if bound is not None
    ]
    said = f"Pelkkä luku sarakkeen Yksikkö yksikössä{''.join(f', {one}' for one in bounds)}."
    words = YES_NO_FI if question.asks == "yes_no" else STATUSES_FI
    every: dict[ColumnKey, _Check] = {
        "value": _Check("decimal", "between", low, high, "Luku", said),
        "sample_size": _Check(
            "whole", "greaterThanOrEqual", "1", None, "Vastaajien määrä", "Kuinka moni vastasi: kokonaisluku."
        ),
        "status": _Check(
            "list",
            None,
            f'"{",".join(words.values())}"',
            None,
            "Tila",
            f"Valitse: {' / '.join(words.values())}",
        ),
        "text": _limited("Selvitys", LONGEST_TEXT),
        "reason": _limited("Korjauksen syy", LONGEST_REASON),
    }
    return {key: every[key] for key in (*TAKEN[question.asks], "reason")}


def _limited(title: str, longest: int) -> _Check:
    prompt = f"Enintään {longest} merkkiä. Ei henkilötietoja."
    return _Check("textLength", "lessThanOrEqual", str(longest), None, title, prompt)


def _add_checks(sheet: Worksheet, rows: Sequence[tuple[Question, FormRow]]) -> None:
    """What a spreadsheet program itself refuses or offers: lists, numbers within their bounds, lengths of texts."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    letters = {one.key: get_column_letter(index) for index, one in enumerate(COLUMNS, start=1)}
    made: dict[_Check, DataValidation] = {}
    for number, (question, _) in enumerate(rows, start=HEADER_ROW + 1):
        for key, check in _checks(question).items():
            if check not in made:
                made[check] = DataValidation(
                    type=check.kind,
                    operator=check.operator,
                    formula1=check.one,
                    formula2=check.two,
                    allow_blank=True,
                    showInputMessage=True,
                    showErrorMessage=True,
                    promptTitle=check.title,
                    prompt=check.prompt,
                    errorTitle=check.title,
                    error=check.prompt,
                )
                sheet.add_data_validation(made[check])
            made[check].add(f"{letters[key]}{number}")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.15g}"
