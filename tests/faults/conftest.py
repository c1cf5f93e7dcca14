"""The whole of `mittaristo up` in real processes, against a stand-in of the source that publishes again and again."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from demo import changes
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.ledger import scope_to_json
from warehouse.engine import reading

INCOME = "tjt/14ww"

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
_ONCE = """
import json, os, sys
from pathlib import Path
from flows.commands import collect_through_prefect, print_ledger
from models.ledger import GREEN, scope_from_json
scope = scope_from_json(json.loads(Path("scope.json").read_text()))
rows = collect_through_prefect(os.environ, {"statfin": ()}, force=False, scope=scope)
print_ledger(rows)
sys.exit(not all(row.state in GREEN for row in rows))
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


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Live:
    """`mittaristo up` in a folder of its own, with a run every `every_seconds`."""

    def __init__(self, folder: Path, stand_in: StandIn, every_seconds: int = 15) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.stand_in = stand_in
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.published = 0
        (folder / "short_schedule.py").write_text(_RUNNER)
        (folder / "short_up.py").write_text(_UP)
        with open_pipeline(Settings(home=folder / "scope")) as pipeline:
            self.scope = sample_scope(pipeline.catalogue, load_sample())
        (folder / "scope.json").write_text(json.dumps(scope_to_json(self.scope)))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
        self.environ = kept | {
            "MITTARISTO_HOME": str(self.home),
            "MITTARISTO_URL_STATFIN": stand_in.url,
            "PREFECT_SERVER_API_PORT": str(self.port),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": str(folder),
            "EVERY_SECONDS": str(every_seconds),
        }

    @staticmethod
    def until(what: Callable[[], Any], seconds: float, why: str) -> Any:
        """What `what` gives as soon as it is true; fails after `seconds`."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, f"not within {seconds} s: {why}"
            time.sleep(0.3)
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
        return (self.folder / "up.log").read_text()

    def stop(self) -> tuple[int, float]:
        """Exit code and seconds after SIGTERM."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(60)
        return code, time.monotonic() - began

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
        found = self.of(kind)
        for one in found:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        if self.process is not None and kind in ("up", "all"):
            self.process.wait(10)
        return len(found)

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
        connection = sqlite3.connect(self.home / "prefect" / "prefect.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def asked(self) -> int:
        """Calls that the source has had."""
        return len(self.stand_in.requests)

    # --- its warehouse

    def settings(self) -> Settings:
        return Settings(home=self.home, urls={"statfin": self.stand_in.url})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_pipeline(self.settings()) as pipeline, reading(pipeline.engine) as connection:
            return [tuple(one) for one in connection.execute(text(query))]

    def current(self) -> list[tuple[Any, ...]]:
        return self.rows(CURRENT)

    def collected_anew(self) -> list[tuple[Any, ...]]:
        """What one undisturbed run over the source as it is now gives in an empty warehouse."""
        anew = self.folder / "anew"
        (self.folder / "once.py").write_text(_ONCE)
        environ = self.environ | {"MITTARISTO_HOME": str(anew)}
        done = subprocess.run(
            [sys.executable, "once.py"],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with open_pipeline(Settings(home=anew)) as pipeline, reading(pipeline.engine) as connection:
            return [tuple(one) for one in connection.execute(text(CURRENT))]


CURRENT = """
    SELECT o.owner, s.area_code, s.content, s.classes, p.code, x.value, x.symbol, x.status
    FROM observation x JOIN owner o ON o.owner_no = x.owner_no JOIN series s ON s.series_id = x.series_id
    JOIN period p ON p.period_no = x.period_no ORDER BY 1, 2, 3, 4, 5
"""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    # one call in 0.4 s: a run over the sample takes long enough to be killed in its midst
    with StandIn(load_sample(), calls=40, window=16.0) as stand_in:
        one = Live(tmp_path, stand_in)
        yield one
        one.kill("all")
