"""What a source can do wrong, at each call of a collection, from end to end.

Two datasets of a source are in the warehouse and have a new release with a revised figure; one of them meets the fault.
It stores nothing, or what is right; its last good figures are served; the ledger says in a line why; the bad answer is
kept as it came; the other dataset has its new figures. The next run, the source being well again, brings all that an
undisturbed one would have brought, and nothing twice.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import flows.pipeline
from connectors.http import Http, Timeouts
from connectors.limiter import host_key
from demo import changes
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.collect import Collection, collect, fail, finish_interrupted, read_limits
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.catalogue import Catalogue, load_catalogue
from models.ledger import LedgerRow, Scope
from tests.collecting import begin_run, end_run
from tests.faults.hostile import Hostile, free_port, hostile
from tests.faults.matrix import ANSWERED, NOT_REACHED, Outcome, answers
from warehouse.engine import reading
from warehouse.raw import RawStore

FAULTY, OTHER = "statfin/vaerak/11ra", "statfin/tyonv/12tf"
FAULTY_TABLE = "vaerak/11ra"

# What is true now and how it became so, without the times and numbers that differ from run to run.
CURRENT = """
    SELECT o.owner, s.area_code, s.content, s.classes, p.code, x.value, x.symbol, x.status, x.vintages
    FROM observation x JOIN owner o ON o.owner_no = x.owner_no JOIN series s ON s.series_id = x.series_id
    JOIN period p ON p.period_no = x.period_no ORDER BY 1, 2, 3, 4, 5
"""
SERVED = "SELECT indicator_id, area_code, class_code, period, value, verdict FROM dashboard_latest ORDER BY 1, 2, 3"


def revised(table: SampleTable) -> SampleTable:
    """The table of a release later, in which Kajaani's newest figures are others."""
    area = next(one.code for one in table.variables if "KU205" in one.values)
    time = next(one for one in table.variables if one.time)
    newest = {area: ["KU205"], time.code: [time.values[-1]]}
    return changes.set_updated(changes.revise(table, newest, factor=1.01), table.updated + timedelta(days=1))


def run(pipeline: Pipeline, scope: Scope) -> dict[str, LedgerRow]:
    """Both datasets collected as the flow does it, with every surprise a ledger row."""
    finish_interrupted(pipeline, "statfin")
    adopt(pipeline, scope)
    run_id = begin_run(pipeline, "statfin")
    limits, _ = read_limits(pipeline, "statfin", run_id)
    collection = Collection(pipeline, run_id, "statfin", limits, scope)
    rows = {}
    for one in (FAULTY, OTHER):
        try:
            rows[one] = collect(collection, one)
        except Exception as error:
            rows[one] = fail(pipeline, run_id, one, f"unexpected {type(error).__name__}: {error}")
    end_run(pipeline, run_id)
    return rows


@dataclass
class World:
    """A source and the warehouse as it was before its new release; what an undisturbed collection makes of it."""

    source: Hostile
    home: Path
    scope: Scope
    current: list[Any]
    served: list[Any]


def selected(pipeline: Pipeline, query: str, **given: Any) -> list[tuple[Any, ...]]:
    with reading(pipeline.engine) as connection:
        return [tuple(row) for row in connection.execute(text(query), given)]


def of(dataset: str, rows: list[Any], catalogue: Catalogue) -> list[Any]:
    """Those of CURRENT that are figures of the dataset, or of indicators that read it alone."""
    owners = {dataset, *(f"indicator/{one.id}" for one in catalogue.indicators_of(dataset))}
    return [row for row in rows if row[0] in owners]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@contextmanager
def opened(home: Path, source: Hostile) -> Iterator[Pipeline]:
    with open_pipeline(Settings(home=home, urls={"statfin": source.url})) as pipeline:
        yield replace(pipeline, limits_folder=home / "limits")


@contextmanager
def quick(catalogue: Catalogue) -> Iterator[None]:
    """The catalogue read once, and no pauses between tries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.pipeline, "load_catalogue", lambda _: catalogue)
        patch.setattr("flows.adopt.load_catalogue", lambda _: catalogue)
        defaults = Http.__init__.__kwdefaults__
        assert defaults is not None
        patch.setitem(defaults, "sleep", lambda _: None)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    sample = load_sample()
    tables: Mapping[str, SampleTable] = {
        one.removeprefix("statfin/"): sample[one.removeprefix("statfin/")] for one in (FAULTY, OTHER)
    }
    scope = sample_scope(catalogue, tables)
    with (
        quick(catalogue),
        StandIn(tables, calls=100_000, window=1.0) as stand_in,
        hostile(stand_in) as source,
    ):
        with opened(folder / "before", source) as pipeline:
            assert {row.state for row in run(pipeline, scope).values()} == {"fetched"}
        stand_in.tables = {name: revised(one) for name, one in tables.items()}
        shutil.copytree(folder / "before", folder / "undisturbed")
        with opened(folder / "undisturbed", source) as pipeline:
            rows = run(pipeline, scope)
            assert all(row.counts.revised for row in rows.values())
            current, served = selected(pipeline, CURRENT), selected(pipeline, SERVED)
        yield World(source, folder / "before", scope, current, served)


@dataclass
class Case:
    """A copy of the warehouse, and what its runs gave."""

    pipeline: Pipeline
    scope: Scope

    def run(self) -> dict[str, LedgerRow]:
        return run(self.pipeline, self.scope)


@pytest.fixture
def case(world: World, tmp_path: Path) -> Iterator[Case]:
    shutil.copytree(world.home, tmp_path / "home")
    with opened(tmp_path / "home", world.source) as pipeline:
        yield Case(pipeline, world.scope)
    world.source.behave()


def meets(world: World, case: Case, step: str, outcome: Outcome) -> None:
    """A run that meets a fault which is there already, and the run after it."""
    catalogue = case.pipeline.catalogue
    before, served_before = selected(case.pipeline, CURRENT), selected(case.pipeline, SERVED)
    rows = case.run()

    row = rows[FAULTY]
    assert row.state == outcome.state, row.message
    assert re.search(outcome.says, row.message), row.message
    assert "\n" not in row.message
    assert len(row.message) < 700
    assert rows[OTHER].state == "fetched", "the other goes on"
    assert rows[OTHER].counts.revised > 0
    now = selected(case.pipeline, CURRENT)
    expected = world.current if outcome.state == "fetched" else before
    assert of(FAULTY, now, catalogue) == of(FAULTY, expected, catalogue), "the last good figures"
    assert of(OTHER, now, catalogue) == of(OTHER, world.current, catalogue)
    served = {row[0] for row in selected(case.pipeline, SERVED)}
    assert served == {row[0] for row in served_before}, "all is served on"
    told = selected(
        case.pipeline,
        "SELECT state, message FROM ledger WHERE run_id = :run AND dataset_id = :id",
        run=row.run_id,
        id=FAULTY,
    )
    assert told == [(row.state, row.message)]
    if outcome.state in ("failed", "quarantined"):
        shown = selected(
            case.pipeline, "SELECT last_error FROM dashboard_freshness WHERE dataset_id = :id", id=FAULTY
        )
        assert shown == [(row.message,)]

    _is_evidence(world, case.pipeline.raw, row.run_id)

    world.source.behave()
    again = case.run()
    assert again[OTHER].state == "unchanged"
    assert again[FAULTY].state in ("fetched", "unchanged"), again[FAULTY].message
    assert selected(case.pipeline, CURRENT) == world.current, (
        "as if nothing had been wrong, and nothing twice"
    )
    assert selected(case.pipeline, SERVED) == world.served
    assert selected(
        case.pipeline, "SELECT DISTINCT last_error FROM dataset_state WHERE collection_id <> ''"
    ) == [("",)]


def _is_evidence(world: World, raw: RawStore, run_id: str) -> None:
    """Every wrong answer was kept as it came, and of each try that got none, that it got none."""
    kept = [one for one in raw.documents(dataset_id=FAULTY) if one.run_id == run_id]
    bodies = [raw.read(one.sha256) for one in kept]
    assert all(sent in bodies for sent in world.source.sent), "as it came"
    assert any(one.error or one.status != 200 for one in kept) or world.source.sent


@pytest.mark.parametrize(("step", "fault", "outcome"), answers(ANSWERED))
def test_a_source_that_answers_wrongly_costs_its_dataset_a_run_and_nothing_else(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch, step: str, fault: str, outcome: Outcome
) -> None:
    if fault in ("hang", "slow drip"):  # the other dataset too has no more than this
        assert Http.__init__.__kwdefaults__ is not None
        short = Timeouts(connect=2.0, read=1.0, total=1.5)
        monkeypatch.setitem(Http.__init__.__kwdefaults__, "timeouts", short)
    world.source.misbehave(fault, FAULTY_TABLE, step)
    meets(world, case, step, outcome)


KINDS = {"release check": "release", "metadata": "metadata", "fetch": "data"}


def elsewhere(world: World, fault: str) -> str:
    """A base address at which there is just that fault."""
    return {
        "connection refused": f"http://127.0.0.1:{free_port()}",
        "DNS failure": "http://nowhere.invalid",
        "TLS error": f"https://127.0.0.1:{world.source.port}",  # it speaks no TLS
    }[fault]


@pytest.mark.parametrize(("step", "fault", "outcome"), answers(NOT_REACHED))
def test_a_source_that_cannot_be_reached_costs_its_dataset_a_run_and_nothing_else(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch, step: str, fault: str, outcome: Outcome
) -> None:
    real, away = Http._try, elsewhere(world, fault)
    tries = []

    def tried(self: Http, answer: Any, *more: Any) -> Any:
        """The source's address has become another one, for this one call."""
        if world.source.wrong is None or (answer.dataset_id, answer.kind) != (FAULTY, KINDS[step]):
            return real(self, answer, *more)
        tries.append(answer)
        self._inside |= {host_key(away)}
        found, failure = real(self, replace(answer, url=answer.url.replace(_host(answer.url), away)), *more)
        return replace(found, url=answer.url), failure

    monkeypatch.setattr(Http, "_try", tried)
    world.source.misbehave("hang", "no such table", step)  # for the time that something is wrong
    meets(world, case, step, outcome)
    assert tries


def _host(url: str) -> str:
    return url.partition("/PXWeb")[0]
