"""What comes over a socket, byte by byte: HTTP answers to the session and the webhook, a mail server's replies."""

from __future__ import annotations

import gzip
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import connectors.limiter
from connectors.http import Http, Timeouts
from connectors.limiter import RateLimits
from connectors.notify import Mail, MailServer, NotifyError, post, send_mail
from models.document import Answer

QUICK = Timeouts(connect=1.0, read=0.2, total=1.0)
MOST_BYTES = 200_000
PACE = RateLimits(calls=1000, window_seconds=1.0)
SECRET = "T0KEN-in-the-path"


class _Said:
    """What the server says next: to HTTP all of it and then nothing more, to a mail client a line for each of its."""

    def __init__(self, by_line: bool) -> None:
        self.body = b""
        self.by_line = by_line


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    said: _Said

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the client left."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 2.0

    def handle(self) -> None:
        said = self.server.said
        with suppress(OSError):
            if not said.by_line:
                self.rfile.readline(65_536)
                while self.rfile.readline(65_536).strip():
                    pass
                self.connection.sendall(said.body)
                self.connection.shutdown(socket.SHUT_WR)
                return
            for line in said.body.split(b"|"):
                self.connection.sendall(line)
                if line.startswith(b"354"):
                    while self.rfile.readline(65_536) not in (b".\r\n", b""):
                        pass
                elif not self.rfile.readline(65_536):
                    return


@cache
def _server(by_line: bool) -> _Server:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.said = _Said(by_line)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@contextmanager
def _saying(body: bytes, by_line: bool) -> Iterator[int]:
    server = _server(by_line)
    server.said.body = body
    yield server.server_address[1]


@cache
def _limits_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="mittaristo-fuzz-"))


class _Clock:
    """A clock that goes on where somebody sleeps."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, tzinfo=UTC).timestamp()

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= connectors.limiter.PATIENCE_SECONDS + 1
        self.now += seconds


@contextmanager
def _by(clock: _Clock) -> Iterator[None]:
    """Sessions that are made meanwhile go by this clock, as nobody could give it to them."""
    defaults = Http.__init__.__kwdefaults__
    assert defaults is not None
    before = defaults["clock"]
    defaults["clock"] = lambda: clock.now
    try:
        yield
    finally:
        defaults["clock"] = before


OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
HTTP_SEEDS = (
    OK,
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nTrailer: x\r\n\r\n',
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(b'{"a":1}', mtime=0),
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: Mon, 02 Nov 2026 09:00:03 GMT\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html><style>x</style><p>No &amp; no</p></html>",
)
HTTP_WORDS = (
    *(
        "HTTP/1.1",
        "HTTP/9.9",
        "200",
        "204",
        "304",
        "100",
        "999",
        "-1",
        "٣",
        "Content-Length",
        "Transfer-Encoding",
        ":",
    ),
    *(
        "chunked",
        "gzip",
        "gzip, gzip",
        "gzip, " * 40,
        "deflate",
        "br",
        "zstd",
        "identity",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "\0",
    ),
    *(
        "99999999999999999999",
        "-5",
        "ffffffffffffffff\r\n",
        "Retry-After: 9999999999",
        "Retry-After: -1",
        "\x85",
        "x" * 70_000,
    ),
    *(
        "Retry-After: Mon, 99 Nov 99999 99:99:99 +9999",
        "Set-Cookie: a=b; Domain=.test",
        "Location: //[",
        "A: b\r\n" * 200,
    ),
)


def run_http(body: bytes) -> None:
    """An answer as it comes from a source: what is kept of it has bounds, and is kept also where it is a bad one."""
    kept: list[Answer] = []
    clock = _Clock()
    for left in _limits_folder().glob("*"):
        left.unlink()
    with _saying(body, by_line=False) as port:
        url = f"http://127.0.0.1:{port}/x"
        http = Http(
            contact="c",
            version="0",
            keep=kept.append,
            limits_folder=_limits_folder(),
            allowed=(url,),
            inside=(url,),
            timeouts=QUICK,
            clock=lambda: clock.now,
            sleep=clock.sleep,
            jitter=lambda: 0.5,
        )
        with http:
            try:
                http.send(
                    source="x",
                    dataset_id="x",
                    kind="data",
                    method="GET",
                    url=url,
                    limits=PACE,
                    max_bytes=MOST_BYTES,
                )
            finally:
                assert kept
                assert all(len(one.body) <= MOST_BYTES for one in kept)
                assert all(one.content_type.isprintable() and len(one.content_type) <= 500 for one in kept)


def run_webhook(body: bytes) -> None:
    """A webhook's reply: a yes, or one line that does not have the secret of the address."""
    clock = _Clock()
    for left in _limits_folder().glob("*"):
        left.unlink()
    with _saying(body, by_line=False) as port, _by(clock):
        try:
            post(
                f"http://127.0.0.1:{port}/{SECRET}",
                {"text": "x"},
                contact="c",
                version="0",
                limits_folder=_limits_folder(),
                timeouts=QUICK,
                sleep=clock.sleep,
            )
        except NotifyError as error:
            assert SECRET not in str(error)
            raise


MAIL_SEEDS = (
    b"220 x ESMTP\r\n|250-x\r\n250-SIZE 100\r\n250 AUTH CRAM-MD5 PLAIN LOGIN\r\n|334 PDEyM0B4Pg==\r\n|235 ok\r\n"
    b"|250 ok\r\n|250 ok\r\n|250 ok\r\n|354 go on\r\n|250 taken\r\n|221 bye\r\n",
    b"220 x\r\n|250 x\r\n|250 ok\r\n|550 no such person\r\n|250 ok\r\n",
    b"220 x\r\n|250-x\r\n250 STARTTLS\r\n|454 not now\r\n",
    b"554 no\r\n",
)
MAIL_WORDS = (
    *(
        "220",
        "250",
        "334",
        "354",
        "421",
        "535",
        "999",
        "abc",
        "٢٥٠",
        "-",
        " ",
        "\r\n",
        "\n",
        "|",
        "\0",
        "\x1b[2J",
        "\x85",
    ),
    *(
        "AUTH",
        "CRAM-MD5",
        "PLAIN",
        "LOGIN",
        "XOAUTH2",
        "STARTTLS",
        "SIZE",
        "SIZE 1",
        "8BITMIME",
        "SMTPUTF8",
        "===",
        "ä",
    ),
    *("334 !!!\r\n", "334 \xff\r\n", "x" * 9000, "250-x\r\n" * 300),
)


def run_mail(body: bytes) -> None:
    """A mail server's replies: the message is taken, or one line says why not, without the password."""
    with _saying(body, by_line=True) as port:
        server = MailServer("127.0.0.1", port, "a@x.test", ("b@x.test", "c@x.test"), "user", "pa55word")
        mail = Mail("Aihe ä", "Teksti\n.\n..", "1", datetime(2026, 11, 2, 9, tzinfo=UTC))
        try:
            send_mail(server, mail)
        except NotifyError as error:
            assert "pa55word" not in str(error)
            raise
