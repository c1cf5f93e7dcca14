"""`mittaristo up`: the Prefect server and the runner of the schedules, kept running until they are told to stop."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from flows.pipeline import open_pipeline
from flows.prefect_home import Server, apply_up_settings, ask_for_password, note, only_one_up, server_to_use
from flows.settings import Settings, read_settings
from flows.supervise import Child, say, secrets_in, supervise
from models.errors import ConfigurationError

_CHILD = (sys.executable, "-m", "flows.child")
SERVER = (*_CHILD, "flows.offline", "prefect", "server", "start")
RUNNER = (*_CHILD, "flows.runner_process")
PORT_PATIENCE_SECONDS = 10.0  # the server of an `up` that was killed needs a while to notice
SERVER_HUNG_SECONDS = 600.0  # an update of Prefect may have to rebuild a large database first


def run_up(environ: MutableMapping[str, str], *, runner: Sequence[str] = RUNNER) -> int:
    """Runs until SIGTERM, SIGINT or SIGHUP, then stops the runner and then the server; 0. Raises ConfigurationError.

    `runner` is the command of the child that serves the deployments.
    """
    settings = read_settings(environ)
    with told_to_stop() as stop, only_one_up(settings.home) as lock:
        apply_up_settings(environ, settings.home)
        password = ask_for_password(environ, settings.home)
        server = server_to_use(environ)
        with open_pipeline(settings) as pipeline:
            say(f"warehouse: {pipeline.engine.url.render_as_string(hide_password=True)} is up to date")
        if password is not None:
            say(f"server: others can reach it on {server.host}; user and password are in {password}")
        if server.ours:
            _wait_for_port(server, stop)
        else:
            say(f"server: PREFECT_API_URL is set, so the one at {server.ui} is used")
        note(lock, server.api)
        supervise(children(environ, settings, server, runner), say=say, stop=stop)
    say("stopped")
    return 0


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM, SIGINT and SIGHUP set, unless they are ignored."""
    stop = threading.Event()

    def told(number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            say(f"{signal.Signals(number).name}: stopping")
        stop.set()

    before = {
        name: signal.signal(name, told)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        if signal.getsignal(name) != signal.SIG_IGN  # as nohup and shells in the background want it
    }
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def children(
    environ: Mapping[str, str], settings: Settings, server: Server, runner: Sequence[str] = RUNNER
) -> list[Child]:
    """The server, unless it is somebody else's, and the runner, which waits for the server by itself."""
    common = {
        **environ,
        "MITTARISTO_HOME": str(settings.home),
        "PYTHONUNBUFFERED": "1",  # their lines are to reach the log when they are written
        "PYTHONSAFEPATH": "1",  # nothing is imported from the folder that `up` happens to be called in
    }
    logs = settings.home / "logs"
    in_file = {name: text for name, text in dotenv_values(".env").items() if text is not None}
    hidden = secrets_in(in_file | common)
    found = []
    if server.ours:
        found.append(
            Child(
                "server",
                SERVER,
                # Its own pages need no leave of other origins. Prefect's default gives it to all: any page that a
                # browser on this machine shows could read the answers of the server, and order runs.
                {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": server.ui}
                | common
                | {"PREFECT_SERVER_API_HOST": server.host, "PREFECT_SERVER_API_PORT": str(server.port)},
                logs / "server.log",
                is_up=lambda: answers(server.api + "/health"),
                up_text=f"up, open {server.ui}",
                hidden=hidden,
                hung_seconds=SERVER_HUNG_SECONDS,
                patience=6.0,
            )
        )
    found.append(
        Child(
            "runner",
            runner,
            common | {"PREFECT_API_URL": server.api},
            logs / "runner.log",
            hidden=hidden,
        )
    )
    return found


def answers(url: str) -> bool:
    """Whether a GET of `url` (http) is answered with 200 within a few seconds."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5.0)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _wait_for_port(server: Server, stop: threading.Event) -> None:
    until = time.monotonic() + PORT_PATIENCE_SECONDS
    while not stop.is_set():
        try:
            where: list[Any] = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = where[0]
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
                return
        except socket.gaierror as error:
            raise ConfigurationError(
                f"PREFECT_SERVER_API_HOST: '{server.host}' is no address of this machine; leave it out for 127.0.0.1"
            ) from error
        except OSError as error:
            if time.monotonic() > until:
                raise ConfigurationError(
                    f"port {server.port} on {server.host} is taken ({error.strerror}); set "
                    f"PREFECT_SERVER_API_PORT to a free one, or PREFECT_API_URL={server.api} "
                    "if a Prefect server is there"
                ) from error
        stop.wait(0.5)
