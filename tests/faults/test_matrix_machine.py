"""What the machine, the database and the clock can do wrong at each step, in real processes.

The flow, an export or the import of a form runs in a child which meets the fault at the entry of the step
(step_driver.py). However it ends, the warehouse then says what it said before or what is right; nothing that was kept
is lost. The next run brings all that an undisturbed one would have brought, and nothing twice.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from demo.sample import load_sample
from demo.stand_in import StandIn
from demo.table import SampleTable
from models.catalogue import load_catalogue
from models.forms_file import FORM_SHEET, HEADING_OF
from reports.forms import form_rows, workbook_form
from tests.databases import Databases
from tests.faults.driver import Driver
from tests.faults.matrix import Outcome, machine
from tests.faults.test_matrix_answers import CURRENT, FAULTY, OTHER, SERVED, revised
from warehouse.engine import open_engine, reading
from warehouse.raw import RawStore

ROOT = Path(__file__).resolve().parents[2]
DATASETS = [OTHER, FAULTY]  # the fault is met by the first in turn
NUMBERS = count(1)


@dataclass
class Home:
    """A home folder with its database, and what is done there."""

    driver: Driver
    folder: Path
    database_url: str
    url: str
    form: Path

    def do(self, do: str, number: int, **more: Any) -> dict[str, Any]:
        return self.driver(
            do=do,
            number=number,
            home=str(self.folder),
            database_url=self.database_url,
            url=self.url,
            datasets=DATASETS,
            file=str(self.form),
            **more,
        )

    def done(self, do: str, number: int) -> Any:
        answer = self.do(do, number)
        assert answer["ended"] == 0, (answer, self.driver.said())
        return answer["gave"]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        engine = open_engine(self.database_url)
        with reading(engine) as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return found

    def documents(self) -> set[str]:
        """The ids of all that is kept; each can be read whole."""
        raw = RawStore(self.folder / "raw")
        found = list(raw.documents())
        for one in {document.sha256 for document in found}:
            raw.read(one)
        return {one.document_id for one in found}


ANSWERS = "SELECT question_id, period, value, text, status FROM answer ORDER BY 1, 2"


@dataclass
class Stage:
    """Copies of one warehouse for each case, and what an undisturbed run, export and import make of it.

    `before` is the warehouse at the time of a new release, `after` the one that has it; both have an export of before.
    """

    databases: Databases
    folder: Path
    before: Home = field(init=False)
    after: Home = field(init=False)
    old: list[Any] = field(default_factory=list)
    current: list[Any] = field(default_factory=list)
    served: list[Any] = field(default_factory=list)
    answered: list[Any] = field(default_factory=list)
    exported: dict[str, bytes] = field(default_factory=dict)

    def copy(self, of: Home) -> Home:
        home = self.folder / f"home-{next(NUMBERS)}"
        shutil.copytree(of.folder, home)
        return Home(of.driver, home, self.databases.new(home, of=of.database_url), of.url, of.form)

    def discard(self, one: Home) -> None:
        shutil.rmtree(one.folder)
        self.databases.drop(one.database_url)


def exported(home: Home) -> dict[str, bytes]:
    """The files of the last export."""
    folder = home.folder / "export"
    files = (one for one in sorted(folder.rglob("*")) if one.is_file())
    return {str(one.relative_to(folder)): one.read_bytes() for one in files}


def made(driver: Driver, source: StandIn, databases: Databases, folder: Path) -> Stage:
    stage = Stage(databases, folder)
    (folder / "before").mkdir()
    url = databases.new(folder / "before")
    stage.before = Home(driver, folder / "before", url, source.url, _form(folder / "form.xlsx"))
    source.tables = original()
    assert set(stage.before.done("run", 1).values()) == {"fetched"}
    stage.before.done("export", 1)
    stage.old = stage.before.rows(CURRENT)
    source.tables = {name: revised(one) for name, one in original().items()}
    stage.after = stage.copy(stage.before)
    assert set(stage.after.done("run", 2).values()) == {"fetched"}
    stage.current, stage.served = stage.after.rows(CURRENT), stage.after.rows(SERVED)
    one = stage.copy(stage.after)
    one.done("export", 3)
    stage.exported = exported(one)
    assert one.done("form", 4) == 0, driver.said()
    stage.answered = one.rows(ANSWERS)
    assert stage.answered
    stage.discard(one)
    return stage


def original() -> dict[str, SampleTable]:
    sample = load_sample()
    return {one.removeprefix("statfin/"): sample[one.removeprefix("statfin/")] for one in DATASETS}


def _form(path: Path) -> Path:
    """A form in which one question is answered."""
    catalogue = load_catalogue()
    identity, rows = form_rows(catalogue, {}, "2026", "kajaani_vima")
    book = openpyxl.load_workbook(io.BytesIO(workbook_form(catalogue, identity, rows)))
    sheet = book[FORM_SHEET]
    columns = {str(cell.value): cell.column for cell in sheet[1]}
    asked = [str(sheet.cell(number, 1).value) for number in range(1, sheet.max_row + 1)]
    number = asked.index("adm_employer_cooperation_actions") + 1
    sheet.cell(number, columns[HEADING_OF["value"]]).value = 14
    book.save(path)
    return path


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    one = Driver("step_driver.py", tmp_path_factory.mktemp("driver"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def source() -> Iterator[StandIn]:
    with StandIn(original(), calls=100_000, window=1.0) as one:
        yield one


@pytest.fixture(scope="module")
def on_sqlite(driver: Driver, source: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return made(driver, source, Databases("sqlite", ""), tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="module")
def on_postgresql(
    driver: Driver, source: StandIn, _postgresql_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    return made(
        driver, source, Databases("postgresql", _postgresql_server), tmp_path_factory.mktemp("postgresql")
    )


def ended_so(answer: dict[str, Any], home: Home, outcome: Outcome) -> None:
    """The job ended as declared, having met the fault."""
    assert answer.get("met"), answer
    if outcome.state == "dies":
        assert answer["ended"] != 0
        assert re.search(outcome.says, answer.get("error", "")), answer
        return
    assert answer["ended"] == 0, (answer, home.driver.said())


def meets(stage: Stage, step: str, fault: str, outcome: Outcome) -> None:
    if fault == "read-only disk" and not stage.before.driver(do="look")["can_mount"]:
        pytest.skip("a child cannot have mounts of its own here")
    {"export": _export_meets, "form import": _form_meets}.get(step, _run_meets)(stage, step, fault, outcome)


def _run_meets(stage: Stage, step: str, fault: str, outcome: Outcome) -> None:
    home = stage.copy(stage.before)
    kept = home.documents()
    answer = home.do("run", 2, step=step, fault=fault)
    ended_so(answer, home, outcome)
    if outcome.state != "dies":
        messages = home.rows(
            "SELECT state, message FROM ledger WHERE run_id = 'run-2' AND state <> 'fetched'"
        )
        assert [state for state, _ in messages] == ([outcome.state] if outcome.state != "fetched" else [])
        for _, message in messages:
            assert re.search(outcome.says, message), message
            assert "\n" not in message
    assert kept <= home.documents(), "nothing that was kept is lost"
    now = home.rows(CURRENT)
    for one in DATASETS:
        figures = [row for row in now if row[0] == one]
        assert figures in (
            [row for row in stage.old if row[0] == one],
            [row for row in stage.current if row[0] == one],
        )
    assert len(home.rows(SERVED)) == len(stage.served), "all is served on"

    again = home.done("run", 3)
    assert set(again.values()) <= {"fetched", "unchanged"}
    assert home.rows(CURRENT) == stage.current, "as if nothing had been wrong, and nothing twice"
    assert home.rows(SERVED) == stage.served
    assert home.rows("SELECT name FROM lock") == []
    assert home.rows("SELECT count(*) FROM run WHERE ended_at IS NULL") == [(0,)]
    assert home.rows("SELECT DISTINCT last_error FROM dataset_state WHERE collection_id <> ''") == [("",)]
    ((vintages,),) = home.rows("SELECT count(*) FROM vintage")
    assert (home.folder / "report" / "index.html").read_text() == f"{vintages} vintages", "no stale page"
    home.documents()
    stage.discard(home)


def _export_meets(stage: Stage, step: str, fault: str, outcome: Outcome) -> None:
    home = stage.copy(stage.after)
    before = exported(home)
    answer = home.do("export", 3, step=step, fault=fault)
    ended_so(answer, home, outcome)
    assert exported(home) == (before if outcome.state == "dies" else stage.exported), (
        "whole, the old or the new"
    )
    home.done("export", 3)
    assert exported(home) == stage.exported
    beside = [one.name for one in home.folder.iterdir() if one.name.startswith((".export", "export"))]
    assert beside == ["export"], "nothing is left beside it"
    stage.discard(home)


def _form_meets(stage: Stage, step: str, fault: str, outcome: Outcome) -> None:
    home = stage.copy(stage.after)
    kept = home.documents()
    answer = home.do("form", 4, step=step, fault=fault)
    ended_so(answer, home, outcome)
    assert home.rows(ANSWERS) == ([] if outcome.state == "dies" else stage.answered), "all of it or nothing"
    assert kept <= home.documents()
    assert home.rows(CURRENT)
    assert home.done("form", 5) == 0
    assert home.rows(ANSWERS) == stage.answered
    assert home.rows("SELECT count(*) FROM answer_vintage") == [(len(stage.answered),)], "nothing twice"
    assert home.rows("SELECT name FROM lock") == []
    stage.discard(home)


@pytest.mark.parametrize(("step", "fault", "outcome"), machine("sqlite"))
def test_a_fault_of_the_machine_costs_a_run_at_most(
    on_sqlite: Stage, step: str, fault: str, outcome: Outcome
) -> None:
    meets(on_sqlite, step, fault, outcome)


@pytest.mark.long
@pytest.mark.postgresql
@pytest.mark.parametrize(("step", "fault", "outcome"), machine("postgresql"))
def test_a_fault_of_the_database_costs_a_run_at_most(
    on_postgresql: Stage, step: str, fault: str, outcome: Outcome
) -> None:
    meets(on_postgresql, step, fault, outcome)
