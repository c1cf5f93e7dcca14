"""The compose file's parts run for real, without containers: Prefect's server with a password, set-up.sh, a worker.

Their environment is taken from compose.yaml; only addresses are changed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from connectors import CONNECTED
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.automations import automations
from models.catalogue import load_catalogue
from models.ledger import scope_to_json
from tests.ports import free_port
from warehouse.engine import open_engine, reading
from warehouse.read import view

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("stacks of servers")]

LOGIN = "engineer:pa:ss w%rd"  # not beyond ASCII: Prefect answers 500 then
DATASET = "statfin/ssaaty/121w"
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
VALUES = {
    "PREFECT_API_AUTH_STRING": LOGIN,
    "WAREHOUSE_PASSWORD": "w'a\"r$e:@/%",
    "SERVER_DATABASE_PASSWORD": "s'e\"r$v:@/%",
    "MITTARISTO_CONTACT": "somebody@example.org",
}


def wait_for(what: str, answer: Any, seconds: float = 240.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = answer()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@dataclass
class Stack:
    """A Prefect server that runs, and what its clients need."""

    root: Path
    folder: Path
    api: str
    client: dict[str, str]
    warehouse_url: str
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def call(self, path: str, body: Any = None, *, login: str = LOGIN) -> Any:
        """The answer of Prefect's API: a POST where there is a body."""
        request = Request(self.api + path, None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if login:
            request.add_header("Authorization", "Basic " + b64encode(login.encode()).decode())
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def start(self, name: str, *arguments: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "prefect"), *arguments],
                env=environ,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        self.started.append(process)
        return process

    def set_up(self, kind: str) -> str:
        told = subprocess.run(
            [self.root / "deploy" / "set-up.sh", kind],
            env=self.client,
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    def deployments(self) -> dict[str, Any]:
        return {one["name"]: one for one in self.call("/deployments/filter", {})}


def of_service(root: Path, name: str, **changed: str) -> dict[str, str]:
    """The environment of a service in compose.yaml, with the values that its .env would give."""
    compose = yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    found = {}
    for key, value in compose["services"][name]["environment"].items():
        if value is not None:  # optional, and not set
            found[key] = re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda match: VALUES[match[1]], value)
    keep = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG")}
    keep["PATH"] = f"{Path(sys.executable).parent}:{keep['PATH']}"
    return {**keep, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", **found, **changed}


@contextmanager
def distributions_postgresql(root: Path) -> Iterator[int]:
    """The port of a PostgreSQL of the distribution's, after databases.sh. (That of the wheel has no pg_trgm.)"""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or not list(Path("/usr/share/postgresql").glob("*/extension/pg_trgm.control")):
        pytest.skip("no PostgreSQL of the distribution's with pg_trgm is here")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="mt-stack-"))
    owner = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if owner:
        shutil.chown(folder, owner)
    port = free_port()

    def run(*arguments: str) -> None:
        subprocess.run(list(arguments), user=owner, check=True, capture_output=True, cwd=folder)

    password = folder / "password"
    password.write_text("owner", encoding="utf-8")
    data, log = folder / "data", folder / "log"
    run(
        *(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=scram-sha-256"),
        *(f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8"),
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    with (folder / "start").open("wb") as sink:
        subprocess.run(
            [str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-o", options, "start"],
            user=owner,
            check=True,
            stdout=sink,
            stderr=sink,
            cwd=folder,
        )
    try:
        subprocess.run(
            [root / "deploy" / "postgresql" / "databases.sh"],
            check=True,
            capture_output=True,
            env={
                **VALUES,
                "PATH": f"{programs}:{os.environ['PATH']}",
                "POSTGRES_USER": "postgres",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port),
                "PGPASSWORD": "owner",
            },
        )
        yield port
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Stack]:
    """Prefect's server on SQLite with the warehouse on the wheel's PostgreSQL; or both on the distribution's."""
    if request.param == "sqlite":
        warehouse_url = request.getfixturevalue("postgres_url")
        with _server(root, tmp_path, warehouse_url, {"PREFECT_SERVER_DATABASE_CONNECTION_URL": ""}) as one:
            yield one
        return
    with distributions_postgresql(root) as port:
        url = f"postgresql://mittaristo@127.0.0.1:{port}/mittaristo"
        where = {"PREFECT_SERVER_DATABASE_HOST": "127.0.0.1", "PREFECT_SERVER_DATABASE_PORT": str(port)}
        with _server(root, tmp_path, url, where) as one:
            yield one


@contextmanager
def _server(root: Path, folder: Path, warehouse_url: str, database: dict[str, str]) -> Iterator[Stack]:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    home = {"HOME": str(folder), "PREFECT_HOME": str(folder / "prefect")}
    environ = of_service(root, "prefect", **home, **database)
    if "PREFECT_SERVER_DATABASE_CONNECTION_URL" in database:
        environ = {key: value for key, value in environ.items() if "SERVER_DATABASE" not in key}
    client = of_service(
        root,
        "worker",
        **home,
        PREFECT_API_URL=api,
        MITTARISTO_HOME=str(folder / "home"),
        MITTARISTO_DATABASE_URL=warehouse_url,
    )
    stack = Stack(root, folder, api, client, warehouse_url)
    server = stack.start(
        "server", "server", "start", "--host", "127.0.0.1", "--port", str(port), environ=environ
    )

    def answers() -> bool:
        assert server.poll() is None, (folder / "server.log").read_text()
        try:
            return bool(stack.call("/health", login=""))
        except (URLError, OSError):
            return False

    try:
        wait_for("the server answers", answers)
        yield stack
    finally:
        for process in reversed(stack.started):
            process.terminate()
        for process in reversed(stack.started):
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_worker_collects_from_what_set_up_made(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HTTPError, match="401"):
        stack.call("/deployments/filter", {}, login="")
    with pytest.raises(HTTPError, match="401"):
        stack.call("/deployments/filter", {}, login="engineer:wrong")

    stack.set_up("process")
    made = stack.deployments()
    assert set(made) == set(CONNECTED)
    for one in made.values():
        assert one["work_pool_name"] == "mittaristo-process"
        assert one["pull_steps"] == []
        assert one["schedules"]
        assert all(each["active"] for each in one["schedules"])
        assert one["global_concurrency_limit"]["limit"] == 1

    stack.set_up("process")  # again: nothing twice
    assert {name: one["id"] for name, one in stack.deployments().items()} == {
        name: one["id"] for name, one in made.items()
    }
    kept = stack.call("/automations/filter", {})
    assert sorted(one["name"] for one in kept) == sorted(one.name for one in automations())

    tables = load_sample()
    scope = scope_to_json(sample_scope(load_catalogue(), tables))
    with StandIn(tables) as stand_in:
        health = free_port()
        environ = {
            **stack.client,
            "MITTARISTO_URL_STATFIN": stand_in.url,
            "PREFECT_WORKER_WEBSERVER_PORT": str(health),
        }
        worker = stack.start(
            *("worker", "worker", "start", "--pool", "mittaristo-process", "--type", "process"),
            *("--limit", "2", "--with-healthcheck"),
            environ=environ,
        )
        parameters = {"source": "statfin", "datasets": [DATASET], "scope": scope}
        path = f"/deployments/{made['statfin']['id']}/create_flow_run"
        runs = [
            stack.call(path, {"parameters": parameters, "state": {"type": "SCHEDULED"}}) for _ in range(2)
        ]

        def states() -> list[str] | None:
            assert worker.poll() is None, (stack.folder / "worker.log").read_text()
            found = [stack.call(f"/flow_runs/{one['id']}")["state"]["type"] for one in runs]
            return sorted(found) if set(found) <= ENDED else None

        # One of the two: a source is asked by one run at a time.
        assert wait_for("both runs end", states) == ["CANCELLED", "COMPLETED"]
        with urlopen(f"http://127.0.0.1:{health}/health", timeout=10) as answer:
            assert answer.status == 200
        worker.send_signal(signal.SIGTERM)
        worker.wait(120)

    if "PGPASSWORD" in stack.client:
        monkeypatch.setenv("PGPASSWORD", stack.client["PGPASSWORD"])
    engine = open_engine(stack.warehouse_url)
    try:
        with reading(engine) as connection:
            ledger = view(connection, "dashboard_runs")
            assert len(view(connection, "dashboard_series")) > 0
    finally:
        engine.dispose()
    assert list(ledger[ledger["dataset_id"] == DATASET]["state"]) == ["fetched"]
    assert any((stack.folder / "home" / "raw").rglob("*.json"))


@pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
def test_a_deployment_moves_to_another_kind_of_pool_and_stays_itself(stack: Stack) -> None:
    stack.set_up("process")
    before = stack.deployments()["statfin"]
    for kind in ("docker", "kubernetes"):
        stack.set_up(kind)
        after = stack.deployments()["statfin"]
        assert after["id"] == before["id"]
        assert after["work_pool_name"] == f"mittaristo-{kind}"
        pool = stack.call(f"/work_pools/mittaristo-{kind}")
        ours = json.loads((stack.root / "deploy" / "pools" / f"{kind}.json").read_text(encoding="utf-8"))
        assert pool["base_job_template"] == ours
    assert len(stack.call("/automations/filter", {})) == len(automations())
