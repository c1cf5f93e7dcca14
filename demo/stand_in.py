"""A stand-in of StatFin on loopback: paths, bodies, limits and error pages of PxWeb v1, and its bad days.

    with StandIn(load_sample()) as stand_in:
        ...  # stand_in.url is the base address, as in MITTARISTO_URL_STATFIN

The classification service is there, too: `classifications_url`, as in MITTARISTO_URL_CLASSIFICATIONS. The services of
other sources are given to it (demo.services); `urls` has the base address of each.

Texts are Finnish in all three languages. Answers are made anew for each call: nothing is cached.
"""

from __future__ import annotations

import gzip
import io
import math
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, get_args
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from demo import classifications
from demo.answers import BadRequestError, TooManyCellsError, data, metadata
from demo.limit import SlidingWindow
from demo.service import Asked, Service
from demo.table import SampleTable
from models.divisions import Division
from models.document import MADE_UP
from models.errors import ConfigurationError

Misbehaviour = Literal[
    "429",
    "403_page",
    "500",
    "503",
    "hang",
    "cut_body",
    "html_200",
    "wrong_content_type",
    "empty_values",
    "other_table",
    "slow_drip",
    "redirect",
    "invalid_utf8",
    "no_answer",
    "gzip_bomb",
]
MISBEHAVIOURS: tuple[str, ...] = get_args(Misbehaviour)
_OF_DATA = frozenset({"empty_values", "other_table"})  # they only mean something in an answer with figures

DATABASE = "StatFin"
LANGUAGES = ("fi", "sv", "en")
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
MAX_BODY = 1_000_000  # bytes of a query
BOMB_BYTES = 256 * 1024 * 1024  # what a gzip bomb unpacks to
DRIP_SECONDS = 0.2  # between two bytes of a slow drip


@dataclass(frozen=True)
class Call:
    """One call as it came and the status it got (0 where no answer was sent, or not yet)."""

    at: datetime
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    status: int


@dataclass(frozen=True)
class _Reply:
    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    table: SampleTable | None = None  # the table whose figures or description it gives
    is_data: bool = False
    manner: str = ""  # how it is sent, where not simply: a misbehaviour


@dataclass
class _Plan:
    kind: str
    table: str | None
    path: str | None
    method: str | None
    times: int | None


def _page(status: int, title: str) -> bytes:
    """An error page as a web server in front of PxWeb would send; the words are ours but for the title."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{status}</title></head>\n'
        f"<body><h2>{title}</h2><p>This page comes from the stand-in of Mittaristo.</p></body></html>\n"
    ).encode()


def _html(status: int, title: str) -> _Reply:
    return _Reply(status, HTML, _page(status, title))


def _json(document: object) -> _Reply:
    return _Reply(200, JSON, orjson.dumps(document))


_BAD_REQUEST = _Reply(400, "text/plain; charset=utf-8", b"Bad Request")
_FORBIDDEN = _html(403, "403 - Forbidden: Access is denied.")
_NOT_FOUND = _html(404, "404 - File or directory not found.")


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as out:
        out.write(b"[")
        for _ in range(BOMB_BYTES // 1_048_576):
            out.write(b" " * 1_048_576)
        out.write(b"]")
    return packed.getvalue()


class _Server(ThreadingHTTPServer):
    """The HTTP server below a stand-in; it knows its open connections, so that closing leaves none."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.open: set[socket.socket] = set()
        self.lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would ask the name service for our own name
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that go away while an answer is on its way are no news; anything else the tests shall see.
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.stand_in.errors.append(error)

    def cut(self) -> None:
        """Break every open connection, whatever its thread waits for."""
        with self.lock:
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Mittaristo-stand-in"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(_BAD_REQUEST)
            return
        body = self.rfile.read(int(length))
        stand_in = self.server.stand_in
        reply = stand_in.reply(
            self.command, self.path, body, dict(self.headers.items()), self.client_address[0]
        )
        if reply.manner == "no_answer" or (reply.manner == "hang" and not stand_in.wait()):
            self.close_connection = True
        else:
            self._send(reply)

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        if self.server.stand_in.made_up:
            self.send_header(MADE_UP, "yes")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.manner == "cut_body":
            self.send_header("Connection", "close")
        self.end_headers()
        if reply.manner == "cut_body":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.close_connection = True
        elif reply.manner == "slow_drip":
            for place in range(len(reply.body)):
                if self.server.stand_in.closing(DRIP_SECONDS):
                    self.close_connection = True
                    return
                self.wfile.write(reply.body[place : place + 1])
        else:
            self.wfile.write(reply.body)


class StandIn:
    """The stand-in, listening on 127.0.0.1 from the moment it is made until `close`; a context manager.

    `tables` may be changed while it runs (see `demo.changes`), and so may `divisions`, year → division.
    `services` are the services besides, by the short names of their sources, each at its own path.
    `requests` holds every call that came, also refused ones, and `errors` what went wrong inside the stand-in
    itself. `calls` in `window` seconds and `max_cells` are the limits that `?config` tells and that it keeps.
    """

    def __init__(
        self,
        tables: Mapping[str, SampleTable],
        *,
        services: Mapping[str, Service] | None = None,
        calls: int = 40,
        window: float = 60.0,
        max_cells: int = 120_000,
        port: int = 0,
        made_up: bool = False,
    ) -> None:
        """Start to answer on `port` (0: any free one), each answer marked where figures are `made_up`.

        Raises ConfigurationError where the port is taken.
        """
        self.made_up = made_up
        self.tables = dict(tables)
        self.services = dict(services or {})
        self.divisions: Mapping[int, Division] = classifications.packaged()
        self.max_cells = max_cells
        self.requests: list[Call] = []
        self.errors: list[BaseException] = []
        self._limit = SlidingWindow(calls, window)
        self._plans: list[_Plan] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._hold = threading.Event()
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.come_up()

    def __enter__(self) -> Self:
        """The stand-in itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @property
    def url(self) -> str:
        """The base address, up to before the language: http://127.0.0.1:<port>/PXWeb/api/v1."""
        return f"http://127.0.0.1:{self._port}/PXWeb/api/v1"

    @property
    def classifications_url(self) -> str:
        """The base address of the classification service: http://127.0.0.1:<port>/api/classifications/v2."""
        return f"http://127.0.0.1:{self._port}/{'/'.join(classifications.PATH)}"

    @property
    def urls(self) -> dict[str, str]:
        """The base address of every service by the short name of its source, as in MITTARISTO_URL_<SOURCE>."""
        others = {name: f"http://127.0.0.1:{self._port}/{one.path}" for name, one in self.services.items()}
        pxweb = dict.fromkeys(("statfin", "visitfinland"), self.url)  # one server of theirs, two databases
        return {**pxweb, "classifications": self.classifications_url, **others}

    @property
    def max_in_window(self) -> int:
        """The most calls of one client seen in any window, refused ones with them."""
        return self._limit.most

    def come_up(self) -> None:
        """Listen again after `go_down`, on the same port."""
        if self._server is not None or self._closing.is_set():
            return
        try:
            self._server = _Server(("127.0.0.1", self._port), self)
        except OSError as error:
            raise ConfigurationError(
                f"the stand-in cannot listen on port {self._port} ({error.strerror}); choose another, or 0"
            ) from error
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"stand-in {self._port}"
        )
        self._thread.start()

    def go_down(self) -> None:
        """Refuse connections until `come_up`; open ones break, hanging answers too."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.shutdown()
        thread.join()
        server.socket.close()
        self.release()
        server.cut()
        server.server_close()

    def close(self) -> None:
        """Stop at once: no thread and no socket is left, whatever hangs. Twice is no harm."""
        self._closing.set()
        self.go_down()

    def misbehave(
        self,
        kind: str,
        *,
        table: str | None = None,
        path: str | None = None,
        method: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer the next `times` matching calls badly (None: all until `behave`).

        A call matches where it is for `table` (vkour/12bs), its path contains `path`, and it is a `method`
        ("POST" for data), as far as these are given. `kind` is one of MISBEHAVIOURS; empty_values and
        other_table wait for answers with figures. Raises ConfigurationError for any other kind.
        """
        if kind not in MISBEHAVIOURS:
            raise ConfigurationError(
                f"'{kind}' is no misbehaviour of the stand-in; choose from {', '.join(MISBEHAVIOURS)}"
            )
        if table is not None and table not in self.tables:
            raise ConfigurationError(f"the stand-in has no table '{table}'; it has {', '.join(self.tables)}")
        if kind == "other_table" and len(self.tables) < 2:
            raise ConfigurationError("other_table needs a stand-in with two tables at least")
        with self._lock:
            self._plans.append(_Plan(kind, table, path, method, times))

    def behave(self) -> None:
        """Forget every misbehaviour and let go what hangs."""
        with self._lock:
            self._plans.clear()
        self.release()

    def release(self) -> None:
        """Let hanging calls have their answer."""
        with self._lock:
            held, self._hold = self._hold, threading.Event()
        held.set()

    def wait(self) -> bool:
        """Hang until `release` (True) or until the server goes down (False). For the handler."""
        with self._lock:
            held = self._hold
        held.wait()
        return self._server is not None

    def closing(self, seconds: float) -> bool:
        """Whether it closes within `seconds`; waits that long. For the handler."""
        return self._closing.wait(seconds) or self._server is None

    def reply(self, method: str, path: str, body: bytes, headers: Mapping[str, str], client: str) -> _Reply:
        """What one call gets; logged and counted. For the handler."""
        with self._lock:
            admitted = self._limit.admit(client, time.monotonic())
        reply = self._right(method, path, body, headers) if admitted else self._too_many()
        plan = self._planned(method, path, reply) if admitted else None
        if plan is not None:
            reply = self._wrong(plan.kind, path, body, reply)
        status = 0 if reply.manner in ("hang", "no_answer") else reply.status
        with self._lock:
            self.requests.append(Call(datetime.now(UTC), method, path, body, headers, status))
        return reply

    def _too_many(self) -> _Reply:
        said = {"error": "429 - Too many requests in too short timeframe. Please try again later."}
        return _Reply(429, JSON, orjson.dumps(said), {"Retry-After": str(math.ceil(self._limit.seconds))})

    def _planned(self, method: str, path: str, reply: _Reply) -> _Plan | None:
        """The first plan that fits this call; it is used up by it."""
        with self._lock:
            for plan in self._plans:
                if (
                    (plan.table is None or (reply.table is not None and reply.table.table == plan.table))
                    and (plan.path is None or plan.path in unquote(path))
                    and plan.method in (None, method)
                    and (plan.kind not in _OF_DATA or reply.is_data)
                ):
                    if plan.times is not None:
                        plan.times -= 1
                        if plan.times <= 0:
                            self._plans.remove(plan)
                    return plan
        return None

    def _wrong(self, kind: str, path: str, body: bytes, right: _Reply) -> _Reply:
        match kind:
            case "429":
                return self._too_many()
            case "403_page":
                return _FORBIDDEN
            case "500":
                return _html(500, "500 - Internal server error.")
            case "503":
                return _html(503, "503 - Service unavailable.")
            case "html_200":
                return _html(200, "The service is being maintained.")
            case "wrong_content_type":
                return replace(right, content_type="text/plain; charset=utf-8")
            case "redirect":
                # The same server under another name: a client that follows it is found out by a call more.
                elsewhere = {"Location": f"http://localhost:{self._port}{path}"}
                return _Reply(307, HTML, _page(307, "307 - Temporary redirect."), elsewhere)
            case "invalid_utf8":
                middle = len(right.body) // 2
                return replace(right, body=right.body[:middle] + b"\xff\xfe" + right.body[middle:])
            case "gzip_bomb":
                return _Reply(200, JSON, _bomb(), {"Content-Encoding": "gzip"})
            case "empty_values":
                document = orjson.loads(right.body)
                document["value" if "value" in document else "data"] = []
                document.pop("status", None)
                return replace(right, body=orjson.dumps(document))
            case "other_table":
                return self._of_another(body, right)
        return replace(right, manner=kind)

    def _of_another(self, body: bytes, right: _Reply) -> _Reply:
        """The newest period of another table, in the format asked for: a full answer to another question."""
        asked_for = right.table.table if right.table is not None else ""
        other = next(one for one in list(self.tables.values()) if one.table != asked_for)
        first = [
            {
                "code": one.code,
                "selection": {"filter": "all", "values": ["*"]}
                if one.code == other.contents_variable
                else {"filter": "top", "values": ["1"]},
            }
            for one in other.variables
        ]
        asked = {"query": first, "response": orjson.loads(body).get("response", {})}
        return replace(right, body=data(other, orjson.dumps(asked), max_cells=self.max_cells))

    def _right(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> _Reply:
        """The answer of a service in good health."""
        parts = urlsplit(path)
        names = [name for name in unquote(parts.path).split("/") if name]
        for source, service in self.services.items():
            own = service.path.split("/")
            if names[: len(own)] == own:
                given = service.answer(
                    Asked(
                        method,
                        tuple(names[len(own) :]),
                        parse_qs(parts.query, keep_blank_values=True),
                        body,
                        {name.lower(): value for name, value in headers.items()},
                        self.urls[source],
                    )
                )
                return _Reply(given.status, given.content_type, given.body, given.headers)
        if tuple(names[:3]) == classifications.PATH and method == "GET":
            asked = parse_qs(parts.query, keep_blank_values=True)
            status, document = classifications.answer(
                self.divisions, names[3:], asked, self.classifications_url
            )
            return replace(_json(document), status=status.value)
        if [name.casefold() for name in names[:3]] != ["pxweb", "api", "v1"] or names[3:4] == []:
            return _NOT_FOUND
        language, rest = names[3], names[4:]
        if language not in LANGUAGES:
            return _NOT_FOUND
        asked = parse_qs(parts.query, keep_blank_values=True)
        if "config" in asked:
            return self._config()
        databases = sorted({DATABASE, *(one.database for one in list(self.tables.values()))})
        if not rest:
            listed_all = [{"dbid": name, "text": name} for name in databases]
            return _json(listed_all) if method == "GET" else _BAD_REQUEST
        if rest[0] not in databases or len(rest) > 3:
            return _BAD_REQUEST
        table = self._find(rest[0], rest[1:])
        if table is not None:
            return self._of_table(table, method, body, language)
        if method != "GET":
            return _BAD_REQUEST
        held = [one for one in list(self.tables.values()) if one.database == rest[0]]
        if len(rest) == 1:
            if "query" in asked:
                return self._search(asked["query"][0], asked.get("filter", ["*"])[0])
            texts = {one.subject: one.subject_text or one.subject for one in held}
            return _json([{"id": code, "type": "l", "text": text} for code, text in texts.items()])
        listed = [one for one in held if one.subject == rest[1]]
        if len(rest) == 2 and listed:
            return _json(
                [
                    {
                        "id": one.file_name,
                        "type": "t",
                        "text": one.title,
                        "updated": one.file_time.isoformat(timespec="seconds"),
                    }
                    for one in listed
                ]
            )
        return _BAD_REQUEST

    def _config(self) -> _Reply:
        window = self._limit.seconds
        return _json(
            {
                "maxValues": self.max_cells,
                "maxCells": self.max_cells,
                "maxCalls": self._limit.calls,
                "timeWindow": int(window) if window == int(window) else window,
                "CORS": True,
            }
        )

    def _find(self, database: str, rest: list[str]) -> SampleTable | None:
        """The table of a database at <subject>/<file>, or at <file> alone."""
        for one in list(self.tables.values()):
            if one.database == database and rest in ([one.subject, one.file_name], [one.file_name]):
                return one
        return None

    def _of_table(self, table: SampleTable, method: str, body: bytes, language: str) -> _Reply:
        if method == "GET":
            return replace(_json(metadata(table)), table=table)
        try:
            answer = data(table, body, max_cells=self.max_cells, language=language)
        except BadRequestError:
            return replace(_BAD_REQUEST, table=table)
        except TooManyCellsError:
            return replace(_FORBIDDEN, table=table)
        return _Reply(200, JSON, answer, table=table, is_data=True)

    def _search(self, text: str, what: str) -> _Reply:
        """The tables whose title (filter title), codes (codes) or either (*) have `text`."""
        wanted = text.casefold()
        found = []
        for one in list(self.tables.values()):
            titles = [one.title.casefold()] if what in ("title", "*") else []
            codes = {value.casefold() for variable in one.variables for value in variable.values}
            if any(wanted in title for title in titles) or (what in ("codes", "*") and wanted in codes):
                found.append(
                    {
                        "id": one.file_name,
                        "path": f"/{one.subject}",
                        "title": one.title,
                        "score": 1.0,
                        "published": one.file_time.replace(second=0).isoformat(timespec="seconds"),
                    }
                )
        return _json(found)
