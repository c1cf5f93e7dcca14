"""Backed up, destroyed, restored: identical, tables and views and raw store. What is not whole is refused."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from models.document import Answer
from models.errors import ConfigurationError
from tests.databases import destroy
from warehouse import backup, pg_programs, read
from warehouse.archive import MANIFEST
from warehouse.backup import BackedUp, back_up
from warehouse.checksum import TableSum, checksums, table_sums
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.errors import WarehouseError
from warehouse.raw import RawStore, index
from warehouse.restore import restore
from warehouse.revision import known_revisions, migrate, revision_of
from warehouse.views import DASHBOARDS

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
Fill = Callable[[Connection], None]


pytestmark = pytest.mark.usefixtures("programs_of_the_server")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "home" / "raw"


def keep(raw: Path, body: bytes, minute: int = 0) -> object:
    moment = datetime(2026, 11, 1, 6, minute, tzinfo=UTC)
    answer = Answer(
        source="statfin",
        dataset_id="statfin/a/1",
        kind="data",
        method="POST",
        url="https://x/y",
        request_body=b"{}",
        status=200,
        content_type="application/json",
        body=body,
        asked_at=moment,
        fetched_at=moment,
    )
    return RawStore(raw).keep(answer, "run-1", "collection-1")


@pytest.fixture
def filled(database_url: str, fill_tables: Fill, raw: Path) -> str:
    """The address of a warehouse with rows in every table, two documents of them in the raw store."""
    engine = open_engine(database_url)
    upgrade(engine)
    documents = [keep(raw, b'{"a": 1}'), keep(raw, b'{"b": 2}' * 1000, minute=1)]
    with writing(engine) as connection:
        fill_tables(connection)
        connection.execute(text("DELETE FROM document"))
        for one in documents:
            index(connection, one)
    engine.dispose()
    return database_url


State = tuple[dict[str, TableSum], dict[str, str], dict[str, pd.DataFrame]]


def state(url: str) -> State:
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            views = {name: read.view(connection, name) for name in DASHBOARDS}
            ordered = {
                name: one.sort_values(list(one.columns), key=lambda c: c.astype("str"), ignore_index=True)
                for name, one in views.items()
            }
            return table_sums(connection), checksums(connection), ordered
    finally:
        engine.dispose()


def same(one: State, other: State) -> None:
    assert one[0] == other[0]
    assert one[1] == other[1]
    for name in DASHBOARDS:
        pd.testing.assert_frame_equal(one[2][name], other[2][name])


def names(url: str) -> list[str]:
    engine = open_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def made(url: str, file: Path, raw: Path | None, **more: bool) -> BackedUp:
    return back_up(url, file, raw=raw, program="0.1.0", made_at=NOW, **more)


def test_backed_up_destroyed_and_restored_it_is_identical(filled: str, raw: Path, tmp_path: Path) -> None:
    before, kept, file = state(filled), files(raw), tmp_path / "backup.zip"
    assert all(not frame.empty for frame in before[2].values())
    done = made(filled, file, raw)
    assert (done.documents, done.missing) == (2, ())
    assert done.tables == len(before[0])
    assert done.rows == sum(one.rows for one in before[0].values())
    same(state(filled), before)

    destroy(filled)
    shutil.rmtree(raw)
    restored = restore(filled, file, raw=raw)

    same(state(filled), before)
    assert files(raw) == kept
    assert (restored.rows, restored.tables, restored.documents) == (done.rows, done.tables, 2)
    assert (restored.made_at, restored.revision) == (NOW, known_revisions()[-1])
    assert {path.name for path in file.parent.iterdir()} <= {"backup.zip", "home", "mittaristo.db"}
    engine = open_engine(filled)  # numbers go on where they were
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO owner (owner) VALUES ('statfin/new/1')"))
        assert connection.execute(text("SELECT max(owner_no) FROM owner")).scalar_one() == 4
    engine.dispose()


def test_an_older_warehouse_is_backed_up_as_it_is_and_brought_up_when_it_is_restored(
    database_url: str, fill_tables: Fill, tmp_path: Path
) -> None:
    engine = open_engine(database_url)
    with writing(engine) as connection:
        migrate(connection, "0003")
        fill_tables(connection)
    engine.dispose()
    file = tmp_path / "backup.zip"
    made(database_url, file, None)
    destroy(database_url)
    assert restore(database_url, file, raw=None).revision == "0003"
    engine = open_engine(database_url)
    with reading(engine) as connection:
        assert revision_of(connection) == known_revisions()[-1]
        assert len(read.view(connection, "dashboard_series")) > 0
    engine.dispose()


@pytest.mark.parametrize("where", ["in the database", "in the backup"])
def test_what_a_newer_program_made_is_refused(filled: str, tmp_path: Path, where: str) -> None:
    file = tmp_path / "backup.zip"
    if where == "in the backup":
        made(filled, file, None)
        changed(file, lambda said: said | {"revision": "9999"})
        destroy(filled)
    else:
        engine = open_engine(filled)
        with writing(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
    with pytest.raises(ConfigurationError, match=r"newer mittaristo \(schema 9999.*update the program"):
        if where == "in the backup":
            restore(filled, file, raw=None)
        else:
            made(filled, file, None)
    assert file.exists() == (where == "in the backup")
    assert where != "in the backup" or names(filled) == []


def changed(file: Path, change: Callable[[dict], dict], **members: bytes) -> None:
    """The backup with another manifest, and members added."""
    with zipfile.ZipFile(file) as old:
        inside = {name: old.read(name) for name in old.namelist()}
    inside[MANIFEST] = json.dumps(change(json.loads(inside[MANIFEST]))).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, body in {**inside, **members}.items():
            new.writestr(name, body)


def refused(url: str, file: Path, raw: Path | None, says: str) -> None:
    """The backup is refused in one line, and nothing is made."""
    before = sorted(str(one) for one in file.parent.rglob("*"))
    with pytest.raises(ConfigurationError, match=says) as caught:
        restore(url, file, raw=raw)
    assert "\n" not in str(caught.value)
    after = sorted(str(one) for one in file.parent.rglob("*"))
    assert after == before
    if make_url(url).get_backend_name() == "postgresql":
        assert names(url) == []


def test_a_backup_that_is_cut_off_anywhere_is_refused_and_nothing_is_made(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    file, whole = tmp_path / "backup.zip", b""
    made(filled, file, raw)
    whole = file.read_bytes()
    destroy(filled)
    shutil.rmtree(raw)
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1000, len(whole) - 1):
        file.write_bytes(whole[:length])
        refused(filled, file, raw, "is no backup of mittaristo, or it is cut off")


def test_a_backup_with_a_damaged_byte_is_refused_or_restored_identical(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    """A few bytes of a zip, as those for the time of a member, say nothing that matters."""
    before, kept, file = state(filled), files(raw), tmp_path / "backup.zip"
    made(filled, file, raw)
    whole = file.read_bytes()
    chance = random.Random(8)  # noqa: S311 - the same places every time
    refusals = 0
    for _ in range(25):
        destroy(filled)
        shutil.rmtree(raw, ignore_errors=True)
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            restore(filled, file, raw=raw)
        except ConfigurationError as error:
            refusals += 1
            assert "\n" not in str(error)
            assert not raw.exists()
            continue
        same(state(filled), before)
        assert files(raw) == kept
    assert refusals > 20


def test_what_is_no_backup_at_all_is_refused(filled: str, tmp_path: Path) -> None:
    destroy(filled)
    file = tmp_path / "notes.zip"
    refused(filled, tmp_path / "nothing.zip", None, "cannot be read: No such file")
    file.write_text("notes")
    refused(filled, file, None, "is no backup of mittaristo")
    with zipfile.ZipFile(file, "w") as other:
        other.writestr("notes.txt", "notes")
    refused(filled, file, None, "is a zip, but no backup of mittaristo")
    with zipfile.ZipFile(file, "w") as other:
        other.writestr(MANIFEST, '{"product": "something else"}')
    refused(filled, file, None, "is a zip, but no backup of mittaristo")


def test_a_backup_whose_files_would_lead_out_of_the_folder_is_refused(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    made(filled, file, raw)
    destroy(filled)
    shutil.rmtree(raw)
    for name in ("raw/../../evil.json", "raw/documents/../../../evil/1/2/x.json", "/etc/evil", "other.txt"):
        whole = file.read_bytes()
        body = {"size": 1, "sha256": ""}
        changed(
            file,
            lambda said, name=name, body=body: said | {"files": said["files"] | {name: list(body.values())}},
            **{name: b"x"},
        )
        refused(filled, file, raw, "has no place in a backup|is not as it was")
        file.write_bytes(whole)


def test_a_backup_that_differs_from_what_it_says_of_its_tables_leaves_nothing(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    made(filled, file, raw)
    changed(file, lambda said: said | {"tables": said["tables"] | {"vintage": {"rows": 3, "checksum": "0"}}})
    destroy(filled)
    shutil.rmtree(raw)
    with pytest.raises(WarehouseError, match="not what was backed up in vintage; nothing was kept"):
        restore(filled, file, raw=raw)
    assert not raw.exists()
    assert names(filled) == []
    destroy(filled)


def test_nothing_is_restored_over_what_is_there(filled: str, raw: Path, tmp_path: Path) -> None:
    file, before = tmp_path / "backup.zip", state(filled)
    made(filled, file, raw)
    with pytest.raises(ConfigurationError, match=r"is not empty.*move this one away"):
        restore(filled, file, raw=None)
    same(state(filled), before)
    destroy(filled)
    with pytest.raises(ConfigurationError, match=r"the raw store .* is not empty.*--without-raw"):
        restore(filled, file, raw=raw)
    assert (
        make_url(filled).get_backend_name() == "postgresql"
        or not Path(str(make_url(filled).database)).exists()
    )
    restore(filled, file, raw=None)
    same(state(filled), before)


def test_a_backup_without_the_raw_store_is_restored_only_when_told_so(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    file, before = tmp_path / "backup.zip", state(filled)
    assert made(filled, file, None).documents == 0
    destroy(filled)
    shutil.rmtree(raw)
    with pytest.raises(ConfigurationError, match=r"is without the raw store; .*--without-raw"):
        restore(filled, file, raw=raw)
    restore(filled, file, raw=None)
    same(state(filled), before)
    assert not raw.exists()


def test_bytes_of_documents_that_are_damaged_or_gone_are_said_and_the_rest_is_backed_up(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    one, other = sorted((raw / "objects").rglob("*.gz"))
    one.write_bytes(one.read_bytes()[:-4])
    other.unlink()
    done = made(filled, tmp_path / "backup.zip", raw)
    assert done.missing == tuple(sorted(path.name.removesuffix(".gz") for path in (one, other)))
    assert done.documents == 2


def test_a_file_that_is_there_is_replaced_only_when_told_so(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    file.write_text("an older one")
    with pytest.raises(ConfigurationError, match=r"is there already; .*--overwrite"):
        made(filled, file, None)
    assert file.read_text() == "an older one"
    made(filled, file, None, overwrite=True)
    assert zipfile.is_zipfile(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="is a folder"):
        made(filled, tmp_path, None, overwrite=True)
    with pytest.raises(ConfigurationError, match=r"there is no folder .*nowhere"):
        made(filled, tmp_path / "nowhere" / "x.zip", None)


def test_a_database_without_a_warehouse_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    says = "there is no warehouse" if database_url.startswith("sqlite") else "holds no warehouse"
    with pytest.raises(ConfigurationError, match=says):
        made(database_url, tmp_path / "backup.zip", None)
    assert not list(tmp_path.iterdir())


class Dies(BaseException):
    pass


def test_a_backup_that_fails_half_way_leaves_the_old_one(
    filled: str, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.zip"
    file.write_text("an older one")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_add_raw", fail)
    with pytest.raises(WarehouseError, match="cannot be written: No space left on device; make room"):
        made(filled, file, raw, overwrite=True)
    assert file.read_text() == "an older one"
    assert not list(tmp_path.glob(".*"))


def test_a_backup_that_is_killed_leaves_no_half_file_under_its_name(
    filled: str, raw: Path, tmp_path: Path
) -> None:
    """A real process, killed after the database is in the file and before the raw store is."""
    program = (
        "import os, sys\n"
        "from datetime import datetime, UTC\n"
        "from pathlib import Path\n"
        "from warehouse import backup\n"
        "backup._add_raw = lambda *_: os.kill(os.getpid(), 9)\n"
        "url, file, raw = sys.argv[1:]\n"
        "backup.back_up(url, Path(file), raw=Path(raw), program='x', made_at=datetime.now(UTC), overwrite=True)\n"
    )
    file = tmp_path / "backup.zip"
    for older in (None, b"an older one"):
        if older is not None:
            file.write_bytes(older)
        ended = subprocess.run(
            [sys.executable, "-c", program, filled, file, raw], cwd=ROOT, capture_output=True
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert (file.read_bytes() if file.exists() else None) == older
    assert [one for one in tmp_path.iterdir() if one.name.startswith(".backup.zip.")]
    made(filled, file, raw, overwrite=True)
    destroy(filled)
    shutil.rmtree(raw)
    restore(filled, file, raw=raw)


@pytest.mark.parametrize("step", ["_check_equal", "upgrade", "Path.replace", "sync_folder"])
def test_a_restore_that_is_killed_never_looks_whole_and_can_be_done_again(
    filled: str, raw: Path, tmp_path: Path, step: str
) -> None:
    """A real process, killed before a step. The backup stays as it is; what is there already is said, not replaced.

    SQLite's file takes its place only when it is whole. PostgreSQL's own program has committed before the first of
    these steps, and the raw store has its place before the last.
    """
    of_dump = filled.startswith("postgresql")
    before, kept, file = state(filled), files(raw), tmp_path / "backup.zip"
    made(filled, file, raw)
    destroy(filled)
    shutil.rmtree(raw)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from warehouse import restore\n"
        f"restore.{step} = lambda *_: os.kill(os.getpid(), 9)\n"
        "url, file, raw = sys.argv[1:]\n"
        "restore.restore(url, Path(file), raw=Path(raw))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, filled, file, raw], cwd=ROOT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert raw.exists() == (of_dump and step == "sync_folder")
    if of_dump or step == "sync_folder":
        with pytest.raises(ConfigurationError, match="is not empty"):
            restore(filled, file, raw=raw)
        destroy(filled)
        shutil.rmtree(raw, ignore_errors=True)
    else:
        assert not Path(filled.removeprefix("sqlite:///")).exists()
    restore(filled, file, raw=raw)
    same(state(filled), before)
    assert files(raw) == kept
    assert not [one for folder in (raw.parent, tmp_path) for one in folder.glob(".*.tmp*")]


def test_a_backup_while_a_writer_works_holds_one_state(filled: str, tmp_path: Path) -> None:
    """The writer adds to two tables in one transaction at a time: a backup between them would have one row alone."""
    stop, began = threading.Event(), threading.Event()

    def write() -> None:
        engine = open_engine(filled)
        number = 100
        while not stop.is_set():
            number += 1
            with writing(engine) as connection:
                connection.execute(
                    text("INSERT INTO marker (name, value) VALUES (:n, 'x')"), {"n": f"n{number}"}
                )
                connection.execute(
                    text(
                        "INSERT INTO heartbeat (name, beat_at, interval_seconds) "
                        "SELECT :n, max(beat_at), 1 FROM heartbeat"
                    ),
                    {"n": f"n{number}"},
                )
            began.set()
        engine.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    began.wait()
    try:
        found = []
        for number in range(3):
            file = tmp_path / f"{number}.zip"
            made(filled, file, None)
            with zipfile.ZipFile(file) as zipped:
                found.append(json.loads(zipped.read(MANIFEST))["tables"])
    finally:
        stop.set()
        writer.join()
    counts = [(one["marker"]["rows"] - 1, one["heartbeat"]["rows"] - 3) for one in found]
    assert all(markers == beats for markers, beats in counts), counts
    assert counts[0][0] > 0 and counts[-1] > counts[0]
    destroy(filled)
    assert restore(filled, tmp_path / "2.zip", raw=None).rows == sum(one["rows"] for one in found[2].values())


def test_a_backup_is_of_its_own_kind_of_database(sqlite_url: str, fill_tables: Fill, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    engine.dispose()
    file = tmp_path / "backup.zip"
    made(sqlite_url, file, None)
    with pytest.raises(
        ConfigurationError, match=r"is of sqlite, and MITTARISTO_DATABASE_URL names another.*db move"
    ):
        restore("postgresql://nobody@127.0.0.1:1/x", file, raw=None)


# --- SQLite alone


def test_a_damaged_sqlite_database_is_not_backed_up(
    sqlite_url: str, fill_tables: Fill, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    with writing(engine) as connection:
        fill_tables(connection)
    engine.dispose()
    path = Path(str(make_url(sqlite_url).database))
    with closing(sqlite3.connect(path)) as opened:
        page = opened.execute("SELECT rootpage FROM sqlite_master WHERE name = 'answer'").fetchone()[0]
    body = bytearray(path.read_bytes())
    body[(page - 1) * 4096 : (page - 1) * 4096 + 100] = b"\xff" * 100
    path.write_bytes(body)
    with pytest.raises(WarehouseError, match=r"cannot be backed up: .*; no backup was made") as caught:
        made(sqlite_url, tmp_path / "backup.zip", None)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*backup*"))


def test_the_copy_in_the_backup_is_an_sqlite_database_anybody_can_open(
    sqlite_url: str, fill_tables: Fill, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    with writing(engine) as connection:
        fill_tables(connection)
    made(sqlite_url, tmp_path / "backup.zip", None)
    engine.dispose()
    with zipfile.ZipFile(tmp_path / "backup.zip") as zipped:
        zipped.extract("mittaristo.db", tmp_path / "by-hand")
    with closing(sqlite3.connect(tmp_path / "by-hand" / "mittaristo.db")) as opened:
        found = opened.execute("SELECT value FROM dashboard_latest ORDER BY value").fetchall()
    assert {value for (value,) in found} == {1.1, None}


def test_what_is_left_beside_a_lost_sqlite_file_is_not_touched(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    engine.dispose()
    made(sqlite_url, tmp_path / "backup.zip", None)
    path = Path(str(make_url(sqlite_url).database))
    path.unlink()
    left = Path(f"{path}-wal")
    left.write_bytes(b"the last figures")
    with pytest.raises(ConfigurationError, match=r"still has mittaristo\.db-wal .*; move it away"):
        restore(sqlite_url, tmp_path / "backup.zip", raw=None)
    assert left.read_bytes() == b"the last figures"
    left.unlink()
    open_engine(sqlite_url).dispose()  # a file without tables is as good as none
    restore(sqlite_url, tmp_path / "backup.zip", raw=None)


# --- PostgreSQL alone


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts programs that only say a version where the real ones are looked for; none others are found."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(pg_programs, "_ELSEWHERE", (f"{tmp_path}/versions/*/bin",))

    def put(version: str, place: Path = folder) -> None:
        place.mkdir(parents=True, exist_ok=True)
        for name in ("pg_dump", "pg_restore"):
            (place / name).write_text(
                f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit\n'
                f'echo "{name}: error: I am {version}" >&2\nexit 1\n'
            )
            (place / name).chmod(0o755)

    yield put


@pytest.fixture
def postgres_warehouse(postgres_url: str) -> str:
    engine = open_engine(postgres_url)
    upgrade(engine)
    engine.dispose()
    return postgres_url


@pytest.mark.postgresql
def test_without_pg_dump_the_command_says_what_to_install(
    postgres_warehouse: str, programs: Callable[..., None], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no pg_dump .*postgresql-client-18") as caught:
        made(postgres_warehouse, tmp_path / "backup.zip", None)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*backup*"))


@pytest.mark.postgresql
def test_a_pg_dump_older_than_the_server_is_not_tried(
    postgres_warehouse: str, programs: Callable[..., None], tmp_path: Path
) -> None:
    programs("15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(
        ConfigurationError, match=r"pg_dump is of PostgreSQL 15 and the server is of 18; install"
    ):
        made(postgres_warehouse, tmp_path / "backup.zip", None)


@pytest.mark.postgresql
def test_of_several_pg_dumps_the_servers_own_is_taken_and_its_failure_is_said(
    postgres_warehouse: str, programs: Callable[..., None], tmp_path: Path
) -> None:
    programs("15.18")
    programs("20.1", tmp_path / "versions" / "20" / "bin")
    programs("19.1", tmp_path / "versions" / "19" / "bin")
    with pytest.raises(WarehouseError, match=r"pg_dump failed: pg_dump: error: I am 19\.1; nothing was made"):
        made(postgres_warehouse, tmp_path / "backup.zip", None)
    programs("18.2", tmp_path / "versions" / "18" / "bin")
    with pytest.raises(WarehouseError, match=r"I am 18\.2"):
        made(postgres_warehouse, tmp_path / "backup.zip", None)
    assert not list(tmp_path.glob("*backup*"))


@pytest.mark.postgresql
def test_a_newer_pg_dump_whose_dump_the_server_could_not_take_back_is_not_tried(
    postgres_warehouse: str, programs: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between 16 and 17, that is; here between this server and the next."""
    monkeypatch.setattr(pg_programs, "_TIMEOUT_SINCE", 19)
    programs("19.1")
    with pytest.raises(
        ConfigurationError, match="pg_dump is of PostgreSQL 19 and the server is of 18; install"
    ):
        made(postgres_warehouse, tmp_path / "backup.zip", None)


@pytest.mark.postgresql
def test_the_password_is_neither_among_the_arguments_nor_in_what_is_said(
    postgres_warehouse: str, programs: Callable[..., None], tmp_path: Path
) -> None:
    told = tmp_path / "told"
    programs("18.1")
    (tmp_path / "programs" / "pg_dump").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 18.1" && exit\necho "$@" > {told}\n'
        f'echo "$PGPASSWORD" > {told}.password\necho "pg_dump: error: no" >&2\nexit 1\n'
    )
    url = make_url(postgres_warehouse).set(password="s3cr3t/@:").render_as_string(hide_password=False)
    with pytest.raises(WarehouseError, match="pg_dump: error: no") as caught:
        made(url, tmp_path / "backup.zip", None)
    assert "s3cr3t" not in told.read_text() + str(caught.value)
    assert Path(f"{told}.password").read_text() == "s3cr3t/@:\n"


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_restore_that_pg_restore_refuses_leaves_the_database_empty(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    made(filled, file, None)
    destroy(filled)
    engine = open_engine(filled)
    with writing(engine) as connection:  # in the way, though no table
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
    try:
        with pytest.raises(
            WarehouseError, match=r"pg_restore failed: .*read-only transaction; nothing was made"
        ):
            restore(filled, file, raw=None)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
            connection.commit()
            connection.exec_driver_sql("ALTER ROLE CURRENT_USER RESET default_transaction_read_only")
            connection.commit()
        engine.dispose()
    assert names(filled) == []
    restore(filled, file, raw=None)
