"""A source that does one thing wrong at one step for one dataset, and is the stand-in for everything else.

It speaks HTTP byte by byte, so that it can lie where a web server would not. What it has sent wrongly it remembers, to
be compared with what was kept.
"""

from __future__ import annotations

import gzip
import json
import math
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from demo.stand_in import StandIn

JSON = "application/json; charset=utf-8"
DEPTH = 100_000
HUGE = 1e300
BOMB_BYTES = 80 * 1024 * 1024  # unpacked; more than an answer may have
ELSEWHERE = "http://elsewhere.invalid/PXWeb/api/v1/fi/StatFin/vaerak/11ra.px"


@dataclass(frozen=True)
class Asked:
    """One request, and what the healthy source answers to it."""

    method: str
    path: str
    body: bytes
    status: int
    content_type: str
    answer: bytes

    @property
    def step(self) -> str:
        """The step of a collection that asks so."""
        if self.method == "GET":
            return "metadata"
        filters = {one["selection"]["filter"] for one in orjson.loads(self.body)["query"]}
        return "release check" if "top" in filters else "fetch"


@dataclass
class Hostile:
    """The address of the source and what it does wrong; `sent` are the bodies of its wrong answers."""

    stand_in: StandIn
    port: int = 0
    table: str = ""
    step: str = ""
    wrong: Callable[[Hostile, socket.socket, Asked], None] | None = None
    sent: list[bytes] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The base address, as in MITTARISTO_URL_STATFIN."""
        return f"http://127.0.0.1:{self.port}/PXWeb/api/v1"

    def misbehave(self, fault: str, table: str, step: str) -> None:
        """From now on `fault` at a step of the dataset of `table`."""
        self.table, self.step, self.wrong = table, step, WRONG[fault]
        self.sent.clear()

    def behave(self) -> None:
        """From now on all is well."""
        self.wrong = None

    def answer(self, connection: socket.socket, asked: Asked) -> None:
        """Sends what one request gets; the connection is closed after it."""
        if self.wrong is not None and f"/{self.table}" in asked.path and asked.step == self.step:
            self.wrong(self, connection, asked)
        else:
            connection.sendall(answer(asked.answer, f"{asked.status} x", asked.content_type))

    def say(self, connection: socket.socket, body: bytes, *heads: Any, **more: Any) -> None:
        """Sends a wrong answer and remembers its body."""
        self.sent.append(body)
        connection.sendall(answer(body, *heads, **more))


def answer(
    body: bytes, status: str = "200 OK", content_type: str = JSON, *, length: int | None = -1, **headers: str
) -> bytes:
    """An answer on the wire; `length` is the Content-Length it claims (None: none at all)."""
    said = {"Content-Type": content_type, "Connection": "close"}
    if length is not None:
        said["Content-Length"] = str(len(body) if length < 0 else length)
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


PAGE = "<!DOCTYPE html><html><body><h2>{}</h2><p>Palvelussa on häiriö.</p></body></html>"


def _status(text: str, **headers: str) -> Callable[[Hostile, socket.socket, Asked], None]:
    def wrong(source: Hostile, connection: socket.socket, _asked: Asked) -> None:
        source.say(connection, PAGE.format(text).encode(), text, "text/html; charset=utf-8", **headers)

    return wrong


def _hang(source: Hostile, _connection: socket.socket, _asked: Asked) -> None:
    source.closing.wait(30)


def _drip(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    connection.sendall(answer(b"", length=len(asked.answer)))
    for place in range(len(asked.answer)):
        connection.sendall(asked.answer[place : place + 1])
        if source.closing.wait(0.02):
            return


def _cut(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    half = asked.answer[: len(asked.answer) // 2]
    source.say(connection, half, length=len(asked.answer))


def _cut_unseen(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    """Without a length nobody can tell that it was cut, but who reads it."""
    source.say(connection, asked.answer[: len(asked.answer) // 2], length=None)


def _length(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    """It claims less than it sends: what arrives is whole by its head and broken in itself."""
    said = asked.answer[: len(asked.answer) - 7]
    source.sent.append(said)
    connection.sendall(answer(asked.answer, length=len(said)))


def _html(source: Hostile, connection: socket.socket, _asked: Asked) -> None:
    source.say(connection, PAGE.format("Huoltokatko").encode(), content_type="text/html; charset=utf-8")


def _html_as_json(source: Hostile, connection: socket.socket, _asked: Asked) -> None:
    source.say(connection, PAGE.format("Huoltokatko").encode())


def _type(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    source.say(connection, asked.answer, content_type="text/plain; charset=utf-8")


def _utf8(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    """A text is in another encoding; all else is as it should be."""
    body = orjson.loads(asked.answer)
    key = "label" if "label" in body else "title"
    body[key] = "MARK"
    source.say(connection, orjson.dumps(body).replace(b"MARK", "Väestö".encode("latin-1")))


def _deep(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    """The right answer with a part beside it that is nested without end."""
    source.say(connection, asked.answer[:-1] + b',"x":' + b"[" * DEPTH + b"]" * DEPTH + b"}")


def _values(change: Callable[[list[Any]], list[Any]]) -> Callable[[Hostile, socket.socket, Asked], None]:
    def wrong(source: Hostile, connection: socket.socket, asked: Asked) -> None:
        body = json.loads(asked.answer)
        if "value" in body:
            body["value"] = change(body["value"])
        else:  # a description has no figures; its texts are where a number can be wrong
            body["variables"][0]["values"] = change(body["variables"][0]["values"])
        source.say(connection, json.dumps(body).encode())

    return wrong


def _bomb(_source: Hostile, connection: socket.socket, _asked: Asked) -> None:
    with suppress(OSError):  # the other side leaves in the middle of it
        connection.sendall(answer(bomb(), Content_Encoding="gzip"))


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """What unpacks to BOMB_BYTES."""
    return gzip.compress(bytes(BOMB_BYTES), 1)


def _redirect(source: Hostile, connection: socket.socket, _asked: Asked) -> None:
    source.say(connection, b"", "307 Temporary Redirect", "text/html", Location=ELSEWHERE)


def _other_table(source: Hostile, connection: socket.socket, asked: Asked) -> None:
    """A full and faultless answer to what somebody else asked."""
    other = next(one for name, one in source.stand_in.tables.items() if name not in source.table)
    path = asked.path.replace(source.table.split("/")[0], other.subject).replace(
        source.table.split("/")[1], other.table.split("/")[1]
    )
    body = b""
    if asked.method == "POST":
        everything = [
            {"code": one.code, "selection": {"filter": "all", "values": ["*"]}} for one in other.variables
        ]
        body = orjson.dumps({"query": everything, "response": {"format": "json-stat2"}})
    reply = source.stand_in.reply(asked.method, path, body, {}, "other")
    assert reply.status == 200, reply
    source.say(connection, reply.body)


WRONG: dict[str, Callable[[Hostile, socket.socket, Asked], None]] = {
    "hang": _hang,
    "slow drip": _drip,
    "400": _status("400 Bad Request"),
    "403": _status("403 Forbidden"),
    "404": _status("404 Not Found"),
    "429": _status("429 Too Many Requests", Retry_After="0"),
    "500": _status("500 Internal Server Error"),
    "503": _status("503 Service Unavailable"),
    "cut body": _cut,
    "cut body, unseen": _cut_unseen,
    "wrong length": _length,
    "HTML with 200": _html,
    "HTML with 200, called JSON": _html_as_json,
    "wrong content type": _type,
    "invalid UTF-8": _utf8,
    "deep JSON": _deep,
    "NaN and infinity": _values(lambda held: [math.nan, math.inf, -math.inf, *held[3:]]),
    "enormous numbers": _values(lambda held: [HUGE, -HUGE, *held[2:]]),
    "enormous numbers, beyond all": _values(lambda held: [10**400, *held[1:]]),
    "gzip bomb": _bomb,
    "redirect to another host": _redirect,
    "answer for another table": _other_table,
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        told: Hostile = self.server.told  # type: ignore[attr-defined]
        with suppress(OSError):
            first = self.rfile.readline().decode()
            headers: dict[str, str] = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            body = self.rfile.read(int(headers.get("content-length", 0)))
            if not first:
                return
            method, path, _ = first.split(" ", 2)
            right = told.stand_in.reply(method, path, body, headers, "client")
            told.answer(
                self.connection, Asked(method, path, body, right.status, right.content_type, right.body)
            )
            # a reset would tell the other side of an error where there is none
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            while self.connection.recv(65536):
                pass


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error; anything else fails the test by the client's own error."""


@contextmanager
def hostile(stand_in: StandIn) -> Iterator[Hostile]:
    """A source on loopback before `stand_in`."""
    one = Hostile(stand_in)
    listener = _Listener(("127.0.0.1", 0), _Handler)
    listener.told = one  # type: ignore[attr-defined]
    one.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield one
    finally:
        one.closing.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


def free_port() -> int:
    """A port at which nobody answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
