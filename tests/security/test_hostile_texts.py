"""Texts of catalogue and answers that are meant to become markup, script or formulas: in no kind of page they do."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import html5lib
import openpyxl
import pytest
from ruamel.yaml import YAML

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.answers import import_form
from flows.dataset_page import dataset_page
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.errors import ConfigurationError
from models.forms_file import HEADING_OF, FormError
from reports.board import build_board
from reports.forms import csv_form, form_rows, workbook_form
from reports.site import build_site
from reports.validation import build_validation, gather
from tests.collecting import run
from warehouse.engine import reading
from warehouse.exports import build_export
from warehouse.forms import current_answers

SOTKAMO = Path(__file__).resolve().parents[1] / "data" / "sotkamo"
NET, PEOPLE = "statfin/ssaaty/121w", "statfin/vaerak/11ra"
MARKUP = "\"'></title></style><script>alert(1)</script><img src=x onerror=alert(1)><a href=javascript:alert(1)>x</a>"
FORMULA = '=HYPERLINK("http://evil.example";"x")'
IS_TEXT = re.compile(r"(name|title|text|short|theme|unit|lag|note|attribution|definition)(_fi|_sv|_en)$")
EVENTS = {"onerror", "onload", "onclick", "onmouseover", "onfocus"}


def spoilt(node: Any, hostile: str) -> Any:
    """A catalogue's file in which every text that is shown to people begins with `hostile`."""
    if isinstance(node, dict):
        return {
            key: hostile + value
            if isinstance(value, str) and IS_TEXT.search(str(key))
            else spoilt(value, hostile)
            for key, value in node.items()
        }
    return [spoilt(one, hostile) for one in node] if isinstance(node, list) else node


def spoilt_programme(folder: Path, hostile: str) -> Path:
    yaml = YAML(typ="safe", pure=True)
    for path in SOTKAMO.rglob("*.yaml"):
        target = folder / path.relative_to(SOTKAMO)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as file:
            yaml.dump(spoilt(yaml.load(path.read_text(encoding="utf-8")), hostile), file)
    return folder


@dataclass(frozen=True)
class City:
    pipeline: Pipeline
    hostile: str


def city(home: Path, hostile: str) -> Iterator[City]:
    """Two tables collected and one form answered, every text hostile."""
    tables = load_sample()
    programme = spoilt_programme(home / "programme", hostile)
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home / "home", programme=programme, urls={"statfin": stand_in.url})
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            assert {one.state for one in run(pipeline, scope, NET, PEOPLE).values()} == {"fetched"}
            answer(pipeline, "Kesän markkinat" if hostile == FORMULA else hostile)
            yield City(pipeline, hostile)


def answer(pipeline: Pipeline, text: str, reason: str = "") -> None:
    _, rows = form_rows(pipeline.catalogue, {}, "2026", "matkailu")
    lines = list(csv.reader(io.StringIO(csv_form(rows).decode("utf-8-sig")), delimiter=";"))
    columns = {name: number for number, name in enumerate(lines[0])}
    for line in lines[1:]:
        line[columns[HEADING_OF["value"]]] = "5"
        line[columns[HEADING_OF["text"]]] = text
    packed = io.StringIO()
    csv.writer(packed, delimiter=";").writerows(lines)
    import_form(pipeline, packed.getvalue().encode("utf-8-sig"), role="sihteeri", reason=reason)


@pytest.fixture(scope="module")
def marked_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    yield from city(tmp_path_factory.mktemp("markup"), MARKUP)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    yield from city(tmp_path_factory.mktemp("formula"), FORMULA)


def acts(page: str) -> list[str]:
    """What of a page's elements could run, load or send something."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    found = [
        f"<{one.tag}>" for one in tree.iter() if one.tag in ("script", "iframe", "object", "embed", "base")
    ]
    for one in tree.iter():
        for name, value in one.attrib.items():
            plain = str(value).strip().lower()
            if str(name) in EVENTS or plain.startswith(("javascript:", "vbscript:", "data:text")):
                found.append(f"<{one.tag} {name}={value}>")
    return found + [f"<img src={one.get('src')}>" for one in tree.iter("img") if one.get("src") == "x"]


def test_the_check_would_see_them() -> None:
    assert acts(f"<p>{MARKUP}</p>") == [
        "<script>",
        "<img onerror=alert(1)>",
        "<a href=javascript:alert(1)>",
        "<img src=x>",
    ]


def test_no_page_of_site_board_report_or_validation_runs_what_a_text_says(
    marked_up: City, tmp_path: Path
) -> None:
    pipeline, now = marked_up.pipeline, datetime.now(UTC) + timedelta(seconds=1)
    with reading(pipeline.engine) as connection:
        build_site(connection, pipeline.catalogue, tmp_path / "site", now)
        build_validation(connection, tmp_path / "site" / "validation", now)
        for language in ("fi", "sv", "en"):
            build_board(connection, pipeline.catalogue, tmp_path / "board" / language, 2026, now, language)
    pages = sorted(tmp_path.rglob("*.html"))
    assert {one.relative_to(tmp_path).parts[0] for one in pages} == {"site", "board"}
    assert any("validation" in one.parts for one in pages)
    shown = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert acts(text) == [], page
        assert "<script" not in text and "<img src=x" not in text, page
        assert re.search(r'http-equiv="Content-Security-Policy" content="default-src \'none\';', text), page
        shown += "&lt;script&gt;" in text
    assert shown > 20, "the hostile texts are there, as text"


def test_no_page_of_a_dataset_in_prefects_interface_has_markup_of_a_text(marked_up: City) -> None:
    with reading(marked_up.pipeline.engine) as connection:
        pages = gather(connection)
    said = [dataset_page(one, marked_up.pipeline.settings.home) for one in pages]
    assert any("&lt;script&gt;" in one for one in said)
    for one in said:
        assert "<" not in one.replace("<br>", "")
        assert not re.search(r"\]\(\s*javascript:", one)


def test_an_answer_that_begins_like_a_formula_is_not_even_taken(computed: City) -> None:
    with pytest.raises(FormError, match="looks like a formula"):
        answer(computed.pipeline, FORMULA)


@pytest.mark.parametrize("text", ["+358 pomppu", "-2+3", "@SUM(A1)*cmd|'/c calc'!A0", "; =1+1", "'+1"])
def test_an_answer_that_a_spreadsheet_would_run_is_harmless_in_the_next_form_and_comes_back_the_same(
    computed: City, text: str
) -> None:
    answer(computed.pipeline, text, reason="korjaus")
    with reading(computed.pipeline.engine) as connection:
        current = current_answers(connection)
    _, rows = form_rows(computed.pipeline.catalogue, current, "2026", "matkailu")
    body = csv_form(rows)
    (cell,) = (
        line[HEADING_OF["text"]]
        for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=";")
    )
    assert not re.match(r"[=+@\t-]", cell) and not re.search(r";\s*=", cell)
    before = import_form(computed.pipeline, body, role="sihteeri", reason="")
    assert before.judged.changes == (), "nothing has changed"


def test_no_cell_of_workbooks_and_tables_is_a_formula(computed: City, tmp_path: Path) -> None:
    pipeline, now = computed.pipeline, datetime.now(UTC) + timedelta(seconds=1)
    with reading(pipeline.engine) as connection:
        build_site(connection, pipeline.catalogue, tmp_path / "site", now)
        build_board(connection, pipeline.catalogue, tmp_path / "board", 2026, now, "fi")
        build_export(connection, pipeline.catalogue, tmp_path / "export")
    identity, rows = form_rows(pipeline.catalogue, {}, "2026", "matkailu")
    (tmp_path / "form.xlsx").write_bytes(workbook_form(pipeline.catalogue, identity, rows))
    (tmp_path / "form.csv").write_bytes(csv_form(rows))
    tables, books = sorted(tmp_path.rglob("*.csv")), sorted(tmp_path.rglob("*.xlsx"))
    assert {one.relative_to(tmp_path).parts[0] for one in (*tables, *books)} >= {
        "site",
        "board",
        "export",
        "form.csv",
    }
    begun = 0
    for path in tables:
        text = path.read_text(encoding="utf-8-sig")
        for line in csv.reader(io.StringIO(text), delimiter=";" if path.name == "form.csv" else ","):
            for cell in line:
                assert not cell.startswith(("=", "@", "\t", "\r")), (path, cell)
                begun += cell.startswith("'=")
    assert begun > 10, "the hostile texts are there, as text"
    for path in books:
        cells = [cell for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b"}, path
        assert any(str(cell.value).startswith("=HYPERLINK") for cell in cells), path


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil"]
)
def test_an_address_in_the_catalogue_is_one_of_the_web(tmp_path: Path, address: str) -> None:
    folder = Path(shutil.copytree(SOTKAMO, tmp_path / "programme"))
    path = folder / "datasets" / "statfin.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"web_url: .*", f"web_url: '{address}'", text), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"'web_url' is .* no address beginning with https"):
        load_catalogue(folder)
