"""The whole of `mittaristo up` in real processes, against a stand-in of the source that publishes again and again."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from demo import changes
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.ledger import scope_to_json
from tests.collecting import run
from tests.ports import free_port
from warehouse.engine import reading

ROOT = Path(__file__).resolve().parents[2]
INCOME, RATE, POPULATION = "tjt/14ww", "tyonv/12tf", "vaerak/11ra"
PATIENCE = 240.0  # seconds that anything may take on a machine that has much else to do; a tenth is usual

_RUNNER = """
import asyncio, json, os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from prefect.schedules import Interval
from flows.deployments import deployments
from flows.runner_process import serve
every = Interval(timedelta(seconds=int(os.environ["EVERY_SECONDS"])), anchor_date=datetime(2026, 1, 1, tzinfo=UTC))
served = [one for one in deployments({"statfin": [every]}) if one.name == "statfin"]
for one in served:
    one.parameters["scope"] = json.loads(Path("scope.json").read_text())
asyncio.run(serve(served))
"""
_UP = """
import sys
import flows.up
from flows import cli
run = flows.up.run_up
runner = (sys.executable, "-m", "flows.child", "short_schedule")
flows.up.run_up = lambda environ: run(environ, runner=runner)
cli.main()
"""


class Gate:
    """The way to a PostgreSQL on a socket file, over loopback; it can be shut for a while."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._behind = f"{parsed.query['host']}/.s.PGSQL.{parsed.port or 5432}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{parsed.username}@127.0.0.1:{port}/{parsed.database}"
        self._shut = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def shut(self) -> None:
        """Cuts what is connected, and lets nobody in until `let_in`."""
        with self._lock:
            self._shut = True
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def let_in(self) -> None:
        self._shut = False

    def close(self) -> None:
        self.shut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._shut:
                    client.close()
                    continue
                behind = socket.socket(socket.AF_UNIX)
                behind.connect(self._behind)
                with self._lock:
                    self._open |= {client, behind}
                for one, other in ((client, behind), (behind, client)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65_536):
                other.sendall(piece)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(one)
        one.close()


class Live:
    """`mittaristo up` in a folder of its own, with a run every 15 s; on SQLite unless a database is given."""

    def __init__(self, folder: Path, stand_in: StandIn, database_url: str = "") -> None:
        self.folder = folder
        self.home = folder / "home"
        self.stand_in = stand_in
        self.database_url = database_url
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.published = 0
        (folder / "short_schedule.py").write_text(_RUNNER)
        (folder / "short_up.py").write_text(_UP)
        with open_pipeline(Settings(home=folder / "scope")) as pipeline:
            self.scope = sample_scope(pipeline.catalogue, stand_in.tables)
        (folder / "scope.json").write_text(json.dumps(scope_to_json(self.scope)))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
        self.environ = kept | {
            "MITTARISTO_HOME": str(self.home),
            "MITTARISTO_URL_STATFIN": stand_in.url,
            "PREFECT_SERVER_API_PORT": str(self.port),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "EVERY_SECONDS": "15",
        }
        if database_url:
            self.environ["MITTARISTO_DATABASE_URL"] = database_url

    def until(self, what: Callable[[], Any], why: str, seconds: float = PATIENCE) -> Any:
        """What `what` gives as soon as it is true; fails after `seconds`."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, f"not within {seconds:.0f} s: {why}\n{self.said()}"
            time.sleep(0.2)
        return found

    # --- its processes

    def start(self) -> None:
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "short_up.py", "up"],
                cwd=self.folder,
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def said(self) -> str:
        path = self.folder / "up.log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> float:
        """Stops it as it is meant to be stopped; the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(90) == 0, self.said()
        assert self.processes() == []
        return time.monotonic() - began

    def processes(self) -> list[psutil.Process]:
        """All that runs in this folder's name: up, server, runner, runs."""
        mine = []
        for one in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if (
                    one.pid != os.getpid()
                    and one.status() != psutil.STATUS_ZOMBIE
                    and one.environ().get("MITTARISTO_HOME") == str(self.home)
                ):
                    mine.append(one)
        return mine

    def of(self, kind: str) -> list[psutil.Process]:
        """The processes of a kind: up, server, runner, run, or all of them."""
        marks = {
            "up": "short_up",
            "server": "prefect server",
            "runner": "short_schedule",
            "run": "prefect.engine",
        }
        found = []
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                if kind == "all" or marks[kind] in " ".join(one.cmdline()):
                    found.append(one)
        return found

    def kill(self, kind: str) -> int:
        """Ends processes with SIGKILL; how many."""
        killed = 0
        while found := self.of(kind):
            for one in found:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
            killed += len(found)
            if kind != "all":
                break  # what is started again meanwhile is not meant
        if self.process is not None and kind in ("up", "all"):
            self.process.wait(30)
        return killed

    # --- its Prefect server

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of the server's interface; None where it does not answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return None

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """The runs in a state of these types (COMPLETED, ...), the newest first."""
        chosen = {"state": {"type": {"any_": list(states)}}}
        found: list[dict[str, Any]] | None = self.ask(
            "/flow_runs/filter", {"flow_runs": chosen, "sort": "START_TIME_DESC", "limit": 200}
        )
        return found or []

    # --- its source

    def publish(self) -> None:
        """A new release of every table; in one of them a figure of every area is revised."""
        self.published += 1
        updated = datetime(2026, 11, 1, 6, tzinfo=UTC) + timedelta(days=self.published)
        for name, table in list(self.stand_in.tables.items()):
            if name == INCOME:
                table = changes.revise(table, {"contentscode": ["tjt-ekvikturaha_med"]}, factor=1.001)
            self.stand_in.tables[name] = changes.set_updated(table, updated)

    def prefect_database(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the stopped server's own database."""
        with closing(sqlite3.connect(self.home / "prefect" / "prefect.db")) as connection:
            return connection.execute(query).fetchall()

    def asked(self) -> int:
        """Calls that the source has had."""
        return len(self.stand_in.requests)

    def in_the_midst(self) -> dict[str, Any]:
        """Publishes, and holds the run that collects it: a call of it hangs until the source behaves. That run."""
        asked = self.asked()
        self.publish()
        self.stand_in.misbehave("hang", table=POPULATION, method="POST")
        self.until(
            lambda: any(one.status == 0 for one in self.stand_in.requests[asked:]), "a call of a run hangs"
        )
        found: list[dict[str, Any]] = self.until(
            lambda: self.runs("RUNNING"), "the run is said to be running"
        )
        return found[0]

    # --- its warehouse

    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.database_url, urls={"statfin": self.stand_in.url})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_pipeline(self.settings()) as pipeline, reading(pipeline.engine) as connection:
            return [tuple(one) for one in connection.execute(text(query))]

    def current(self) -> list[tuple[Any, ...]]:
        return self.rows(CURRENT)

    def collected_anew(self) -> list[tuple[Any, ...]]:
        """What one undisturbed collection of the source as it is now gives in an empty warehouse."""
        settings = Settings(home=self.folder / "anew", urls={"statfin": self.stand_in.url})
        with open_pipeline(settings) as pipeline:
            adopt(pipeline, self.scope)
            found = run(pipeline, self.scope, *sorted(self.scope.contents or ()), run_id="anew")
            assert {row.state for row in found.values()} == {"fetched"}, found
            with reading(pipeline.engine) as connection:
                return [tuple(one) for one in connection.execute(text(CURRENT))]


CURRENT = """
    SELECT o.owner, s.area_code, s.content, s.classes, p.code, x.value, x.symbol, x.status
    FROM observation x JOIN owner o ON o.owner_no = x.owner_no JOIN series s ON s.series_id = x.series_id
    JOIN period p ON p.period_no = x.period_no ORDER BY 1, 2, 3, 4, 5
"""


@pytest.fixture
def source() -> Iterator[StandIn]:
    tables = load_sample()
    # a call in 0.2 s: a run takes long enough to be killed at any moment of it
    with StandIn({name: tables[name] for name in (INCOME, RATE, POPULATION)}, calls=40, window=8.0) as one:
        yield one
        one.behave()


@pytest.fixture
def live(tmp_path: Path, source: StandIn) -> Iterator[Live]:
    one = Live(tmp_path, source)
    yield one
    one.kill("all")


@pytest.fixture
def gate(postgres_url: str) -> Iterator[Gate]:
    one = Gate(postgres_url)
    yield one
    one.close()


@pytest.fixture
def live_on_postgresql(tmp_path: Path, source: StandIn, gate: Gate) -> Iterator[Live]:
    one = Live(tmp_path, source, gate.url)
    yield one
    one.kill("all")
