"""The board's report as files: sheets, texts, numbers, a page to print."""

import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import html5lib
import openpyxl
import pytest

from reports.board import build_board, report_sheets
from reports.board_book import Column, Sheet, workbook
from reports.facts import gather
from reports.pages import Words
from warehouse.engine import reading

AS_OF = datetime(2099, 1, 1, tzinfo=UTC)
TITLES = {
    "fi": ["Yhteenveto", "Toimenpiteet", "Indikaattorit", "Odotettavat", "Lähteet"],
    "sv": ["Sammandrag", "Åtgärder", "Indikatorer", "Väntade", "Källor"],
    "en": ["Summary", "Measures", "Indicators", "Due", "Sources"],
}


def built(site, folder: Path, language: str = "fi", year: int = 2025) -> tuple[openpyxl.Workbook, str]:
    with reading(site.pipeline.engine) as connection:
        book, page = build_board(connection, site.pipeline.catalogue, folder, year, AS_OF, language)  # type: ignore[arg-type]
    return openpyxl.load_workbook(book), page.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_workbook_has_its_five_sheets_with_every_measure_and_indicator(
    long_site, tmp_path: Path, language: str
) -> None:
    book, page = built(long_site, tmp_path, language)
    catalogue = long_site.pipeline.catalogue
    assert book.sheetnames == TITLES[language]
    summary, measures, indicators, _, sources = book.worksheets
    assert measures.max_row - 1 == len(catalogue.programme.measures) == 79
    assert {row[0].value for row in indicators.iter_rows(min_row=2)} == set(catalogue.indicators)
    assert sources.max_row > 40
    assert f'<html lang="{language}">' in page
    said = " ".join(str(cell.value) for row in summary.iter_rows() for cell in row if cell.value)
    assert "2025" in said and "2099" in said
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(page)
    assert page.count("<h1>") == 1


def test_figures_are_numbers_of_periods_that_ended_by_the_year(long_site, tmp_path: Path) -> None:
    book, _ = built(long_site, tmp_path, "en", 2024)
    sheet = book["Indicators"]
    heads = {cell.value: place for place, cell in enumerate(sheet[1])}
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=2)}
    rate = rows["unemployment_rate"]
    assert rate[heads["Period"]].value == "December 2024"
    assert (
        isinstance(rate[heads["Latest figure"]].value, float)
        and rate[heads["Latest figure"]].number_format == "#,##0.0"
    )
    assert rate[heads["Verdict"]].value and "2024" in rate[heads["Reason"]].value
    years = {
        int(found)
        for row in rows.values()
        for found in re.findall(r"20\d\d", str(row[heads["Period"]].value))
    }
    assert years and max(years) <= 2024


def test_made_up_figures_are_said_to_be_made_up_and_real_ones_are_not(
    long_site, real_site, tmp_path: Path
) -> None:
    book, page = built(long_site, tmp_path / "a")
    assert 'class="watermark"' in page
    assert any(cell.value == "Keksittyjä lukuja" for cell in book["Yhteenveto"]["A"])
    book, page = built(real_site, tmp_path / "b")
    assert 'class="watermark"' not in page
    assert not any(cell.value == "Keksittyjä lukuja" for cell in book["Yhteenveto"]["A"])


def test_no_cell_of_the_workbook_is_a_formula_whatever_a_text_begins_with() -> None:
    hostile = ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tx")
    body = workbook("t", [Sheet("s", [Column("=1+1", 10)] * 5, [hostile], empty="")])
    book = openpyxl.load_workbook(io.BytesIO(body))
    cells = [cell for row in book["s"].iter_rows() for cell in row]
    assert [cell.value for cell in cells[5:]] == list(hostile)
    assert {cell.data_type for cell in cells} == {"s"}


def test_a_name_from_the_catalogue_is_escaped_in_the_page_and_plain_in_the_workbook(long_site) -> None:
    hostile = '<script>alert("x")</script>'
    with reading(long_site.pipeline.engine) as connection:
        facts = gather(connection, long_site.pipeline.catalogue, AS_OF, AS_OF)
    one = facts.indicators["unemployment_rate"]
    risky = replace(one, indicator=replace(one.indicator, name_fi=hostile, headline=True))
    words = Words("fi", replace(facts, indicators={**facts.indicators, "unemployment_rate": risky}))
    from reports.board_page import report_page

    page = report_page(words, 2025)
    assert hostile not in page and "&lt;script&gt;" in page
    names = [row[1] for row in report_sheets(words, 2025)[2].rows]
    assert hostile in names


def test_a_write_that_fails_leaves_the_old_report(long_site, tmp_path: Path, monkeypatch) -> None:
    built(long_site, tmp_path)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        built(long_site, tmp_path, year=2025)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


@pytest.mark.long
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed here")
def test_libreoffice_opens_every_sheet(long_site, tmp_path: Path) -> None:
    built(long_site, tmp_path)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    subprocess.run(
        [
            "soffice",
            profile,
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            tmp_path,
            tmp_path / "board-2025-fi.xlsx",
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    assert (tmp_path / "board-2025-fi.pdf").stat().st_size > 20_000
