"""SIGKILL between all steps of a load: after the next run the warehouse is one that was never killed.

A story is a warehouse with a past, and a job that works on it: a run after the source revised its tables, a first run,
a decision that is carried out, and so on. A child does the job once undisturbed, which counts its steps (kill_driver.py
sees them from below, so that none can be forgotten). Then other children, each on a copy of the warehouse, kill
themselves before one step each; of steps in a row before which a death leaves the same bytes behind (those within a
transaction), before the first. The next run heals.

The project's own checksum of the warehouse must then be that of a warehouse in which nobody was killed, and in which
the killed job had gone as far as its last whole piece of work: what had been fetched whole is stored with the times of
then, what had not is as if nobody had asked for it. Answers that are no use any more are kept; a replay of everything
that is kept gives the same warehouse.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from demo import changes
from demo.sample import load_sample
from demo.stand_in import StandIn
from demo.table import SampleTable
from models.catalogue.load import PACKAGED
from tests.databases import Databases
from tests.faults.driver import Driver
from warehouse.checksum import checksums
from warehouse.engine import open_engine, reading
from warehouse.raw import RawStore
from warehouse.tables import METADATA

ROOT = Path(__file__).resolve().parents[2]
RATE, POPULATION = "statfin/tyonv/12tf", "statfin/vaerak/11ra"
DATASETS = [RATE, POPULATION]
CELLS = 60  # of one answer at most, so that each table comes in several
NUMBERS = count(1)
Row = tuple[Any, ...]
Tables = dict[str, SampleTable]


# --- the source


def newest(table: SampleTable) -> dict[str, list[str]]:
    """Kajaani in the table's newest period."""
    area = next(one.code for one in table.variables if "KU205" in one.values)
    time = next(one for one in table.variables if one.time)
    return {area: ["KU205"], time.code: [time.values[-1]]}


def revised(table: SampleTable) -> SampleTable:
    return changes.revise(table, newest(table), factor=1.01)


def slipped(table: SampleTable) -> SampleTable:
    """The table with a unit that slipped."""
    return changes.revise(table, {}, factor=100.0)


def published(
    tables: Mapping[str, SampleTable], change: Callable[[SampleTable], SampleTable], *ids: str
) -> Tables:
    """The tables, those of `ids` changed and released a day later."""
    found = dict(tables)
    for one in ids:
        name = one.removeprefix("statfin/")
        found[name] = changes.set_updated(change(found[name]), found[name].updated + timedelta(days=1))
    return found


def without(tables: Mapping[str, SampleTable], dataset_id: str) -> Tables:
    return {name: one for name, one in tables.items() if f"statfin/{name}" != dataset_id}


# --- the jobs


@dataclass
class Warehouse:
    """A home folder and a database, and what the driver does with them."""

    driver: Driver
    home: Path
    database_url: str
    source: StandIn
    datasets: list[str]
    programme: str = ""

    def job(self, do: str, number: int, **more: Any) -> dict[str, Any]:
        return self.driver(
            do=do,
            number=number,
            home=str(self.home),
            database_url=self.database_url,
            url=self.source.url,
            datasets=self.datasets,
            programme=self.programme,
            **more,
        )

    def done(self, do: str, number: int, **more: Any) -> dict[str, Any]:
        """An undisturbed job: what it gave, and its steps."""
        answer = self.job(do, number, **more)
        assert answer["ended"] == 0, self.driver.said()
        return answer

    def run(self, number: int, **more: Any) -> dict[str, str]:
        """An undisturbed run: what became of each dataset."""
        gave: dict[str, str] = self.done("run", number, **more)["gave"]
        return gave

    def killed(self, do: str, number: int, kill_at: int, step: str) -> None:
        """A job that kills itself before a step."""
        answer = self.job(do, number, kill_at=kill_at)
        assert answer["ended"] == -9, f"step {kill_at} of {do}, {step}\n{self.driver.said()}"
        assert plain(answer["steps"][0]) == plain(step), "the same steps each time"

    def replay_differs_in(self) -> list[str]:
        into = f"sqlite:///{self.home / f'replayed-{next(NUMBERS)}.db'}"
        found: list[str] = self.done("replay", 99, into=into)["gave"]
        return found

    def rows(self, query: str) -> list[Row]:
        engine = open_engine(self.database_url)
        with reading(engine) as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return found

    def checksums(self) -> dict[str, str]:
        engine = open_engine(self.database_url)
        with reading(engine) as connection:
            found = checksums(connection)
        engine.dispose()
        return found

    def kept(self, number: int) -> list[tuple[str, ...]]:
        """What a job left in the raw store: kind, dataset and question of each document."""
        own = (f"run-{number}", "")
        return [
            (one.kind, one.dataset_id, one.url, one.request_body, one.sha256 if one.run_id == "" else "")
            for one in RawStore(self.home / "raw").documents()
            if one.run_id in own
        ]

    def accounted_for(self, number: int) -> set[tuple[str, ...]]:
        """The datasets of a run that have their ledger row."""
        if self.has_no_tables():
            return set()
        return {
            ("dataset", one)
            for (one,) in self.rows(f"SELECT dataset_id FROM ledger WHERE run_id = 'run-{number}'")
        }

    def has_no_tables(self) -> bool:
        return self.database_url.startswith("sqlite") and not self.rows("SELECT 1 FROM sqlite_master LIMIT 1")

    def left(self) -> tuple[Any, ...]:
        """All that a death has left behind, but for times: two warehouses that agree in it heal alike."""
        files = sorted(
            (str(path.relative_to(self.home)), path.stat().st_size)
            for path in (self.home / "raw").rglob("*")
            if path.is_file() and path.suffix != ".tmp"  # they are never read
        )
        if self.has_no_tables():
            return (files,)
        counts = [
            self.rows(f"SELECT count(*) FROM {name}") for name in sorted(METADATA.tables) if name != "lock"
        ]
        states = [
            self.rows("SELECT run_id, state FROM run ORDER BY 1"),
            self.rows("SELECT run_id, dataset_id, state, message FROM ledger ORDER BY 1, 2"),
            self.rows("SELECT dataset_id, state, last_error FROM dataset_state ORDER BY 1"),
        ]
        return files, counts, states, self.checksums()


def plain(step: str) -> str:
    """A step without what differs from process to process."""
    for varying, name in (
        (r"objects/\w+", "objects"),
        (r"metrics\.prom\S*", "metrics.prom"),
        (r"\.home-format\.\w+", ".home-format"),
    ):
        step = re.sub(varying, name, step)
    return step


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    one = Driver("kill_driver.py", tmp_path_factory.mktemp("driver"))
    yield one
    one.close()


# --- stories


@dataclass
class Story:
    """A job on a warehouse with a past. `before` is copied for each death."""

    databases: Databases
    folder: Path
    before: Warehouse
    tables: Tables
    do: str
    number: int
    programme: str = ""
    steps: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # by step: a checksum of what a death before it leaves
    kept: list[tuple[str, ...]] = field(default_factory=list)
    references: dict[frozenset[tuple[str, ...]], Warehouse] = field(default_factory=dict)

    def __post_init__(self) -> None:
        undisturbed = self.copy()
        known = undisturbed.kept(self.number)
        answer = undisturbed.done(self.do, self.number, look=self.databases.kind == "sqlite")
        self.steps, self.left = answer["steps"], answer["left"]
        self.kept = [one for one in undisturbed.kept(self.number) if one not in known]
        pieces = self.pieces() | undisturbed.accounted_for(self.number)
        undisturbed.run(self.number + 1)
        self.references[frozenset(pieces)] = undisturbed

    def copy(self) -> Warehouse:
        """The warehouse before the job, at the source as it is for the job."""
        home = self.folder / f"home-{next(NUMBERS)}"
        shutil.copytree(self.before.home, home)
        url = self.databases.new(home, of=self.before.database_url)
        self.before.source.tables = dict(self.tables)
        return Warehouse(
            self.before.driver, home, url, self.before.source, self.before.datasets, self.programme
        )

    def pieces(self, kept: list[tuple[str, ...]] | None = None) -> set[tuple[str, ...]]:
        """The pieces of the job's work that are whole in what was kept: datasets, decisions, catalogues."""
        kept = self.kept if kept is None else kept
        datasets = {one[1] for one in self.kept if one[0] == "data"}
        whole = {("dataset", one) for one in datasets if {k for k in self.kept if k[1] == one} <= set(kept)}
        return whole | {one for one in self.kept if one in kept and one[0] in ("catalogue", "decision")}

    def reference(self, pieces: set[tuple[str, ...]]) -> Warehouse:
        """A warehouse in which nobody was killed, and in which the job did just these pieces."""
        key = frozenset(pieces)
        if key not in self.references:
            one = self.copy()
            if pieces:
                one.run(self.number, only=[piece[1] for piece in pieces if piece[0] == "dataset"])
            one.run(self.number + 1)
            self.references[key] = one
        return self.references[key]

    def number_of(self, step: str, after: str = "", which: int = 0) -> int:
        """The number of a step, counted from 1: the first (or another) of that name after one of the name `after`."""
        start = self.steps.index(after) if after else 0
        return [n for n, one in enumerate(self.steps, 1) if n > start and plain(one) == step][which]

    def different_deaths(self) -> list[int]:
        """The steps before which a death leaves other bytes behind than before the step before."""
        return [n for n, left in enumerate(self.left, 1) if n == 1 or left != self.left[n - 2]]

    def turning_points(self, until: str = "") -> list[int]:
        """The steps by which something becomes visible to the next run: commits, and sidecars linked."""
        steps = self.steps[: self.steps.index(until)] if until else self.steps
        return [n for n, one in enumerate(steps, 1) if one.partition(" ")[0] in ("COMMIT", "link")]

    def dies_and_heals(self, kill_at: int, healed: set[str], *, replays: bool = True) -> None:
        """A death before step `kill_at`, and the run that heals; not again what heals like one of `healed`."""
        one = self.copy()
        one.killed(self.do, self.number, kill_at, self.steps[kill_at - 1])
        left = repr(one.left())
        if left not in healed:
            healed.add(left)
            death = f"killed before step {kill_at} of {len(self.steps)}, {self.steps[kill_at - 1]}"
            self._heals(one, death, replays=replays)
        self.discard(one)

    def discard(self, one: Warehouse) -> None:
        shutil.rmtree(one.home)
        self.databases.drop(one.database_url)

    def _heals(self, one: Warehouse, death: str, *, replays: bool) -> None:
        pieces = self.pieces(one.kept(self.number)) | one.accounted_for(self.number)
        reference = self.reference(pieces)
        whole = ", ".join(f"'{piece[1]}'" for piece in pieces if piece[0] == "dataset") or "NULL"
        one.run(self.number + 1)
        self._is_tidy(one, reference, death)
        ours, theirs = one.checksums(), reference.checksums()
        same_documents = ours.pop("documents") == theirs.pop("documents")
        assert ours == theirs, death
        kept = (
            f"SELECT document_id FROM document WHERE run_id <> 'run-{self.number}' OR dataset_id IN ({whole})"
        )
        assert set(one.rows(kept)) >= set(reference.rows(kept)), death
        if replays and not same_documents:
            assert one.replay_differs_in() == [], death

    def _is_tidy(self, one: Warehouse, reference: Warehouse, death: str) -> None:
        """The killed run is closed, and red; nobody holds a lock; whatever is kept can be read whole."""
        runs = dict(one.rows("SELECT run_id, state FROM run WHERE ended_at IS NOT NULL"))
        assert [(len(runs),)] == one.rows("SELECT count(*) FROM run"), death
        if ("UPDATE run" in self.steps) and runs.get(f"run-{self.number}") == "green":
            ends = len(self.steps) - self.steps[::-1].index("UPDATE run")
            assert int(death.split()[3]) > ends, death
        query = f"SELECT state FROM run WHERE run_id = 'run-{self.number + 1}'"
        assert one.rows(query) == reference.rows(query), death
        assert one.rows("SELECT name FROM lock") == [], death
        for page in ("report/index.html", "report/validation/index.html"):
            assert (one.home / page).read_text() == (reference.home / page).read_text(), f"stale; {death}"
        raw = RawStore(one.home / "raw")
        kept = list(raw.documents())
        for document in kept:
            raw.read(document.sha256)
        assert sorted((each.document_id,) for each in kept) == sorted(
            tuple(row) for row in one.rows("SELECT document_id FROM document")
        ), death


class Stories:
    """The stories over one kind of database; each is made when it is first asked for."""

    def __init__(self, driver: Driver, databases: Databases, source: StandIn, folder: Path) -> None:
        self._driver = driver
        self._databases = databases
        self._source = source
        self._folder = folder
        self._original = dict(source.tables)
        self._told: dict[str, Story] = {}

    def __call__(self, name: str) -> Story:
        if name not in self._told:
            self._told[name] = getattr(self, f"_{name}")()
        return self._told[name]

    def _story(
        self, before: Warehouse, tables: Tables, *, do: str = "run", number: int = 2, programme: str = ""
    ) -> Story:
        return Story(self._databases, self._folder, before, tables, do, number, programme)

    def _empty(self, datasets: list[str]) -> Warehouse:
        home = self._folder / f"past-{next(NUMBERS)}"
        home.mkdir()
        self._source.tables = dict(self._original)
        return Warehouse(self._driver, home, self._databases.new(home), self._source, datasets)

    def _collected(self, datasets: list[str]) -> Warehouse:
        one = self._empty(datasets)
        assert set(one.run(1).values()) == {"fetched"}
        return one

    def _revised(self) -> Story:
        """Both tables revised: the whole of a load, twice, with what is between two datasets."""
        return self._story(self._collected(DATASETS), published(self._original, revised, *DATASETS))

    def _first(self) -> Story:
        """An empty home: schema, catalogue, first figures."""
        return self._story(self._empty([POPULATION]), self._original, number=1)

    def _held_back(self) -> Story:
        return self._story(self._collected([POPULATION]), published(self._original, slipped, POPULATION))

    def _released(self) -> Story:
        """What was held back is let in by a person."""
        before = self._collected([POPULATION])
        self._source.tables = published(self._original, slipped, POPULATION)
        assert before.run(2) == {POPULATION: "quarantined"}
        return self._story(before, dict(self._source.tables), do="decide", number=3)

    def _recoded(self) -> Story:
        """A table whose codes are others now, as those of all tables of June 2026."""
        name = POPULATION.removeprefix("statfin/")
        before = self._empty([POPULATION])
        self._source.tables[name] = changes.old_form(self._original[name], long_id=False)
        assert before.run(1) == {POPULATION: "fetched"}
        story = self._story(before, published(self._original, lambda table: table, POPULATION))
        assert "INSERT INTO recode" in story.steps
        return story

    def _gone(self) -> Story:
        """A table that its source no longer has."""
        return self._story(self._collected([POPULATION]), without(self._original, POPULATION))

    def _another_catalogue(self) -> Story:
        """An indicator is computed in another way from this run on."""
        copy = self._folder / "programme"
        shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        path = copy / "indicators" / "population.yaml"
        old, new = "100 * (under15 + over64) / (100 - under15 - over64)", "under15 + over64"
        written = path.read_text(encoding="utf-8")
        assert written.count(old) == 1
        path.write_text(written.replace(old, new), encoding="utf-8")
        tables = published(self._original, revised, POPULATION)
        return self._story(self._collected([POPULATION]), tables, programme=str(copy))

    def _healing(self) -> Story:
        """The run that makes good what one before it had fetched and not stored."""
        before = self._collected([POPULATION])
        self._source.tables = published(self._original, revised, POPULATION)
        steps = self._story(before, dict(self._source.tables))
        one = steps.copy()
        at = steps.number_of("COMMIT", after="INSERT INTO vintage")
        one.killed("run", 2, at, "COMMIT")
        return self._story(one, dict(self._source.tables), number=3)


@pytest.fixture(scope="module")
def source() -> Iterator[StandIn]:
    with StandIn(dict(load_sample()), calls=10_000, window=1.0, max_cells=CELLS) as one:
        yield one


@pytest.fixture(scope="module")
def on_sqlite(driver: Driver, source: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    found = Stories(driver, Databases("sqlite", ""), source, tmp_path_factory.mktemp("sqlite"))
    found("revised")
    return found


@pytest.fixture(scope="module")
def on_postgresql(
    driver: Driver, source: StandIn, _postgresql_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Stories:
    databases = Databases("postgresql", _postgresql_server)
    found = Stories(driver, databases, source, tmp_path_factory.mktemp("postgresql"))
    found("revised")
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def stories(request: pytest.FixtureRequest) -> Stories:
    found: Stories = request.getfixturevalue(f"on_{request.param}")
    return found


# --- a handful


def test_killed_while_a_file_is_being_written_the_half_file_is_never_read(on_sqlite: Stories) -> None:
    story = on_sqlite("revised")
    story.dies_and_heals(story.number_of("fsync raw/objects", which=1), set(), replays=False)


def test_killed_between_the_bytes_of_an_answer_and_its_sidecar_it_is_asked_for_again(
    on_sqlite: Stories,
) -> None:
    story = on_sqlite("revised")
    story.dies_and_heals(story.number_of("link raw/documents/statfin", which=-1), set(), replays=False)


def test_killed_between_the_last_sidecar_and_the_index_nothing_is_asked_for_again(stories: Stories) -> None:
    story = stories("revised")
    story.dies_and_heals(story.number_of("INSERT INTO document", which=-1), set(), replays=False)


def test_killed_after_everything_was_written_and_before_the_commit_nothing_is_stored_twice(
    stories: Stories,
) -> None:
    story = stories("revised")
    story.dies_and_heals(story.number_of("COMMIT", after="INSERT INTO ledger"), set(), replays=False)


# --- all of them

NOT_OF_A_LOAD = {
    "heartbeat": "written by the runner, between runs",
    "problem_notice": "written when a channel for alarms is set",
    "answer": "written when a form is imported",
    "answer_vintage": "written when a form is imported",
}
PARTS = 4  # so that several workers share them
ASKS = "open raw/documents/statfin"  # the first answer of a run
# each until the step from which on it is a load like others
OTHERS = {
    "first": "",
    "held_back": "",
    "released": "",
    "recoded": "",
    "gone": "",
    "another_catalogue": ASKS,
    "healing": ASKS,
}


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_before_any_step_of_a_load_it_is_as_if_nobody_had_been_killed(
    on_sqlite: Stories, part: int
) -> None:
    story = on_sqlite("revised")
    deaths = story.different_deaths()
    healed: set[str] = set()
    for kill_at in deaths[part * len(deaths) // PARTS : (part + 1) * len(deaths) // PARTS]:
        story.dies_and_heals(kill_at, healed)


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_killed_where_something_becomes_visible_it_is_as_if_nobody_had_been_killed(
    on_sqlite: Stories, name: str
) -> None:
    story = on_sqlite(name)
    healed: set[str] = set()
    for kill_at in story.turning_points(until=OTHERS[name]):
        story.dies_and_heals(kill_at, healed)


@pytest.mark.long
@pytest.mark.postgresql
def test_killed_before_any_commit_on_postgresql_it_is_as_if_nobody_had_been_killed(
    on_postgresql: Stories,
) -> None:
    story = on_postgresql("revised")
    healed: set[str] = set()
    for kill_at, step in enumerate(story.steps, 1):
        if step == "COMMIT":
            story.dies_and_heals(kill_at, healed)


@pytest.mark.long
def test_the_steps_that_are_seen_write_every_table(on_sqlite: Stories) -> None:
    """So that a table that comes new into the program comes into these tests too."""
    steps = {one for name in ["revised", *OTHERS] for one in on_sqlite(name).steps}
    written = {one.split()[-1] for one in steps if one.startswith(("INSERT", "UPDATE"))}
    assert set(METADATA.tables) - written <= set(NOT_OF_A_LOAD)


@pytest.mark.long
def test_killed_again_while_it_heals_the_next_run_heals_it(on_sqlite: Stories) -> None:
    story = on_sqlite("healing")
    one = story.copy()
    for number in (3, 4, 5):
        assert (
            one.job("run", number, kill_at=story.number_of("COMMIT", after="INSERT INTO vintage"))["ended"]
            == -9
        )
    one.run(6)
    assert one.rows("SELECT count(*) FROM run WHERE ended_at IS NULL") == [(0,)]
    ours, theirs = one.checksums(), on_sqlite("healing").reference(set()).checksums()
    assert ours.pop("documents") != theirs.pop("documents")
    assert ours == theirs
    assert one.replay_differs_in() == []


@pytest.mark.long
def test_killed_at_any_moment_from_outside_it_is_as_if_nobody_had_been_killed(on_sqlite: Stories) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    story = on_sqlite("revised")
    for _ in range(4):
        one = story.copy()
        assert one.job("run", 2, kill_after=chance.uniform(0.05, 1.5))["ended"] in (-9, 0)
        pieces = story.pieces(one.kept(2)) | one.accounted_for(2)
        one.run(3)
        ours, theirs = one.checksums(), story.reference(pieces).checksums()
        del ours["documents"], theirs["documents"]
        assert ours == theirs
        assert one.replay_differs_in() == []
        story.discard(one)


@pytest.mark.long
def test_what_a_killed_run_fetched_is_stored_under_the_catalogue_of_then(on_sqlite: Stories) -> None:
    """... also where another catalogue is taken into use by the very run that heals."""
    healing, other = on_sqlite("healing"), on_sqlite("another_catalogue")
    one = healing.copy()
    one.programme = other.programme
    assert set(one.run(3).values()) == {"unchanged"}
    reference = healing.reference(set())
    recorded = "SELECT owner, max(recorded_at) FROM vintage JOIN owner USING (owner_no) GROUP BY owner"
    ratio = "indicator/demographic_dependency_ratio"
    ours, theirs = dict(one.rows(recorded)), dict(reference.rows(recorded))
    assert {owner for owner in ours if ours[owner] != theirs[owner]} == {ratio}, "computed in another way"
    assert one.replay_differs_in() == []


# --- no room


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes at `folder`."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def room_again(story: Story, one: Warehouse) -> None:
    """What the run without room had fetched whole is stored as of then or as of now, and all else is as ever."""
    pieces = story.pieces(one.kept(story.number))
    assert set(one.run(story.number + 1).values()) <= {"fetched", "unchanged"}
    assert one.rows("SELECT count(*) FROM run WHERE ended_at IS NULL") == [(0,)]
    assert one.rows("SELECT name FROM lock") == []
    ours = one.checksums()
    del ours["documents"]
    possible = []
    for known in [pieces, *({one} for one in pieces), set()]:
        possible.append(story.reference(set(known)).checksums())
        del possible[-1]["documents"]
    assert ours in possible
    assert one.replay_differs_in() == []


@pytest.mark.long
@pytest.mark.parametrize("room", [0, 12, 40, 120, 240], ids="{} KiB".format)
def test_on_a_full_disk_nothing_half_is_stored_and_with_room_the_next_run_makes_good(
    on_sqlite: Stories, tmp_path: Path, room: int
) -> None:
    story = on_sqlite("revised")
    one = story.copy()
    small = tmp_path / "small"
    small.mkdir()
    with small_disk(small, 64 * 1024 * 1024):
        full = replace(one, home=small / "home", database_url=f"sqlite:///{small / 'home' / 'mittaristo.db'}")
        shutil.copytree(one.home, full.home)
        shutil.rmtree(one.home)
        free = shutil.disk_usage(small).free
        (small / "filler").write_bytes(bytes(free - room * 1024))
        answer = full.job("run", 2)
        assert answer["ended"] == 1 or "failed" in answer["gave"].values() or room >= 120
        assert full.driver.said().count("No space left") or "full" in full.driver.said() or room >= 120
        (small / "filler").unlink()
        shutil.copytree(full.home, one.home)
    room_again(story, one)


@pytest.mark.long
@pytest.mark.parametrize("largest", [1, 8, 40, 160], ids="{} KiB".format)
def test_where_files_may_not_grow_nothing_half_is_stored_and_later_the_next_run_makes_good(
    on_sqlite: Stories, largest: int
) -> None:
    story = on_sqlite("revised")
    one = story.copy()
    answer = one.job("run", 2, largest_file=largest * 1024)
    assert answer["ended"] == 1 or "failed" in answer["gave"].values()
    room_again(story, one)
