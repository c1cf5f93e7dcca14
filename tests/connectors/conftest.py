"""A server that answers as it is told, byte for byte, and a session to it whose clock is ours."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.http import Http, Timeouts
from connectors.limiter import RateLimits
from models.document import Answer

Step = bytes | Callable[[socket.socket], None]


def raw_answer(
    body: bytes, status: str = "200 OK", content_type: str = "application/json", **headers: str
) -> bytes:
    """An HTTP answer on the wire; `headers` with underscores for hyphens, Content_Length may be a lie."""
    said = {"Content-Length": str(len(body)), "Content-Type": content_type, "Connection": "close"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@pytest.fixture
def raw() -> Callable[..., bytes]:
    return raw_answer


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Server:
    """`script` are the answers in order, the last one again and again; `requests` what came."""

    address: str
    script: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Step] | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        return f"http://{self.address}/PXWeb/api/v1"

    @property
    def url(self) -> str:
        return f"{self.base_url}/fi/StatFin/vkour/12bs.px"

    def next_step(self, request: Request) -> Step:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer(request)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        told: Server = self.server.told  # type: ignore[attr-defined]
        while (request := self._request()) is not None:
            step = told.next_step(request)
            try:
                if callable(step):
                    step(self.connection)
                    return
                self.connection.sendall(step)
            except OSError:
                return
            if b"Connection: close" in step:
                return

    def _request(self) -> Request | None:
        try:
            first = self.rfile.readline().decode()
            headers: dict[str, str] = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            body = self.rfile.read(int(headers.get("content-length", 0)))
        except OSError:
            return None
        if not first:
            return None
        method, path, _ = first.split(" ", 2)
        return Request(method, path, headers, body, time.time())


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = True


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    running: list[tuple[_Listener, Server, threading.Thread]] = []

    def start() -> Server:
        listener = _Listener(("127.0.0.1", 0), _Handler)
        server = Server(f"127.0.0.1:{listener.server_address[1]}")
        listener.told = server  # type: ignore[attr-defined]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((listener, server, thread))
        return server

    yield start
    for listener, server, thread in running:
        server.stop.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


@pytest.fixture
def server(start_server: Callable[[], Server]) -> Server:
    return start_server()


class FakeTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.naps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@dataclass
class Session:
    http: Http
    kept: list[Answer]
    time: FakeTime

    def get(self, url: str, **more: Any) -> Answer:
        wanted: dict[str, Any] = {
            "source": "statfin",
            "dataset_id": "statfin/vkour/12bs",
            "kind": "metadata",
            "method": "GET",
            "url": url,
            "limits": RateLimits(1000, 1.0),
        }
        return self.http.send(**(wanted | more))


@pytest.fixture
def open_session(tmp_path: Path, fake_time: FakeTime) -> Iterator[Callable[..., Session]]:
    opened: list[Http] = []

    def open_one(*allowed: str, **more: Any) -> Session:
        kept: list[Answer] = []
        wanted: dict[str, Any] = {
            "contact": "mittaristo@example.org",
            "version": "1.2.3",
            "keep": kept.append,
            "limits_folder": tmp_path / "limits",
            "allowed": allowed,
            "inside": allowed,
            "clock": fake_time.clock,
            "sleep": fake_time.sleep,
            "jitter": lambda: 0.5,
            "timeouts": Timeouts(connect=2.0, read=2.0, total=5.0),
        }
        http = Http(**(wanted | more))
        opened.append(http)
        return Session(http, kept, fake_time)

    yield open_one
    for http in opened:
        http.close()


@pytest.fixture
def session(server: Server, open_session: Callable[..., Session]) -> Session:
    return open_session(server.base_url)
