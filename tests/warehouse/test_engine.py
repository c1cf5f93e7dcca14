"""Opening a database, its transactions, and bringing its schema up to date."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from models.errors import ConfigurationError
from warehouse import engine as engine_module
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.errors import WarehouseError
from warehouse.tables import METADATA
from warehouse.views import VIEWS

ROOT = Path(__file__).resolve().parents[2]


def one_line(caught: pytest.ExceptionInfo[BaseException]) -> str:
    told = str(caught.value)
    assert "\n" not in told
    return told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://user:secret@host/db", "'mysql' is not supported"),
        ("postgresql+asyncpg://user:secret@host/db", "not supported"),
        ("not an address", "no database address"),
        ("sqlite://", "in memory cannot be shared"),
        ("sqlite:///:memory:", "in memory cannot be shared"),
        ("sqlite:////no/such/folder/x.db", "the folder /no/such/folder .* does not exist; make it"),
        ("postgresql://user:secret@127.0.0.1:1/db", "cannot be used: .*; check MITTARISTO_DATABASE_URL"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_one_line_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_engine(url)
    assert "secret" not in one_line(caught)


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, at least a hundred bytes of them " * 10)
    with pytest.raises(ConfigurationError, match="file is not a database") as caught:
        open_engine(f"sqlite:///{path}")
    one_line(caught)
    assert path.read_text().startswith("these are notes")


def test_a_folder_in_the_place_of_the_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to open database file") as caught:
        open_engine(f"sqlite:///{tmp_path}")
    one_line(caught)


@pytest.mark.postgresql
def test_a_postgresql_database_that_is_not_there_is_said_so(postgres_url: str) -> None:
    with pytest.raises(ConfigurationError, match='"nowhere" does not exist') as caught:
        open_engine(
            postgres_url.replace("/test_", "/nowhere?x=").split("?")[0] + "?" + postgres_url.split("?")[1]
        )
    one_line(caught)


def test_sqlite_is_set_for_several_processes_and_for_safety(sqlite_url: str) -> None:
    opened = open_engine(sqlite_url)
    with opened.connect() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 60_000}
    opened.dispose()


def test_upgrading_makes_every_table_and_view_and_a_second_time_changes_nothing(database_url: str) -> None:
    opened = open_engine(database_url)
    upgrade(opened)
    found = inspect(opened)
    assert set(found.get_table_names()) == {*METADATA.tables, "alembic_version"}
    assert set(found.get_view_names()) == set(VIEWS)
    with writing(opened) as connection:
        connection.execute(text("INSERT INTO marker (name, value) VALUES ('mine', '1')"))
        if opened.dialect.name == "sqlite":
            before = connection.execute(text("PRAGMA schema_version")).scalar_one()
        else:
            before = connection.execute(text("SELECT pg_current_wal_lsn()::text")).scalar_one()
    upgrade(opened)
    with reading(opened) as connection:
        assert connection.execute(text("SELECT value FROM marker WHERE name = 'mine'")).scalar_one() == "1"
        if opened.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA schema_version")).scalar_one() == before
    opened.dispose()


def test_the_migrations_make_what_the_table_classes_say(database_url: str) -> None:
    opened = open_engine(database_url)
    upgrade(opened)
    with reading(opened) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            made = {one["name"] for one in found.get_check_constraints(table.name)}
            said = {one.name for one in table.constraints if type(one).__name__ == "CheckConstraint"}
            assert made == said, table.name
    opened.dispose()


def test_views_that_are_not_as_the_program_has_them_are_made_anew(database_url: str) -> None:
    opened = open_engine(database_url)
    upgrade(opened)
    with writing(opened) as connection:
        connection.execute(text("DROP VIEW dashboard_runs"))
        connection.execute(text("UPDATE marker SET value = 'older' WHERE name = 'views'"))
    upgrade(opened)
    assert "dashboard_runs" in inspect(opened).get_view_names()
    opened.dispose()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(database_url: str) -> None:
    opened = open_engine(database_url)
    upgrade(opened)
    with writing(opened) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        ConfigurationError, match=r"newer mittaristo \(schema 9999.*update the program"
    ) as caught:
        upgrade(opened)
    one_line(caught)
    with reading(opened) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    opened.dispose()


def test_a_failed_upgrade_leaves_nothing_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_engine(database_url)

    def fail(_connection: object) -> None:
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "create_views", fail)
        with pytest.raises(KeyError):
            upgrade(opened)
    assert inspect(opened).get_table_names() == []
    upgrade(opened)
    assert "vintage" in inspect(opened).get_table_names()
    opened.dispose()


def test_processes_that_start_at_once_upgrade_once(database_url: str) -> None:
    program = (
        "import sys; from warehouse.engine import open_engine, upgrade; "
        "sys.stdin.readline(); engine = open_engine(sys.argv[1]); upgrade(engine); engine.dispose()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for one in started:  # they wait here, so that importing does not set them apart
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate(timeout=120)[1] for one in started]
    assert [one.returncode for one in started] == [0] * 4, told
    opened = open_engine(database_url)
    with reading(opened) as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    opened.dispose()


def test_foreign_keys_hold_after_an_upgrade_in_the_same_connection(sqlite_url: str) -> None:
    opened = open_engine(sqlite_url)
    upgrade(opened)
    with opened.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    opened.dispose()


def test_what_fails_within_a_writing_transaction_is_undone(engine: Engine) -> None:
    with pytest.raises(KeyError), writing(engine) as connection:
        connection.execute(text("INSERT INTO marker (name, value) VALUES ('mine', '1')"))
        raise KeyError
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM marker WHERE name = 'mine'")).scalar_one() == 0


@pytest.mark.postgresql
def test_times_come_in_utc_whatever_the_zone_of_the_server(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    name = engine.url.database
    with writing(engine) as connection:
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET timezone = 'Europe/Helsinki'"))
    engine.dispose()
    with reading(engine) as connection:
        moment = connection.execute(text("SELECT timestamptz '2026-07-21 08:00+03'")).scalar_one()
    engine.dispose()
    assert moment.isoformat() == "2026-07-21T05:00:00+00:00"


def test_on_postgresql_a_reading_transaction_cannot_write(postgres_url: str) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    with pytest.raises(Exception, match="read-only"), reading(opened) as connection:
        connection.execute(text("INSERT INTO marker (name, value) VALUES ('mine', '1')"))
    with writing(opened) as connection:  # the connection that comes back from the pool can write again
        connection.execute(text("INSERT INTO marker (name, value) VALUES ('mine', '1')"))
    opened.dispose()


def test_a_writer_waits_for_another(sqlite_url: str) -> None:
    opened = open_engine(sqlite_url)
    upgrade(opened)
    order: list[str] = []
    began = threading.Event()

    def second() -> None:
        began.wait()
        with writing(opened):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with writing(opened):
        began.set()
        thread.join(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    opened.dispose()


def test_a_database_that_stays_busy_is_said_in_one_line(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.1)
    opened = open_engine(sqlite_url)
    upgrade(opened)
    with (
        writing(opened),
        pytest.raises(WarehouseError, match="database is locked; another process") as caught,
        writing(opened),
    ):
        pass
    one_line(caught)
    opened.dispose()


@pytest.mark.postgresql
def test_a_database_that_goes_away_is_said_in_one_line(postgres_url: str) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    with (
        pytest.raises(WarehouseError, match=r"terminat.*; check that it is running") as caught,
        writing(opened) as connection,
    ):
        killer = open_engine(postgres_url)
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with killer.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        killer.dispose()
        connection.execute(text("SELECT 1"))
    one_line(caught)
    opened.dispose()
