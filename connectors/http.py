"""One polite HTTP session: every answer is kept first, and only a good one is handed on.

Redirects are not followed, hosts other than the configured ones are not called, and the environment is not
looked at (no proxy, .netrc or certificate bundle of its own is taken from it): what a run does depends on
its settings alone. A name that leads to a private address is not called either, whatever the catalogue says,
unless whoever runs the program set that address.
"""

from __future__ import annotations

import html
import ipaddress
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.cells import quoted
from connectors.limiter import PATIENCE_SECONDS, Limiter, RateLimits, host_key
from models.document import MADE_UP, Answer, DocumentKind
from models.errors import SourceError

JSON_TYPES = ("application/json", "text/json")
MAX_BYTES = 64 * 1024 * 1024
TRIES = 4
TRIES_AFTER_TIMEOUT = 2  # a server that hangs costs minutes a try
BACKOFF_SECONDS = 1.0  # before the second try, doubled for each further one, give or take half
_RETRIED = frozenset({429, 500, 502, 503, 504})
_ADVICE = {
    400: "the source does not know what was asked; read the table's metadata again",
    401: "the source wants credentials; check the base address",
    403: "the source refuses: too much was asked, or we may not ask",
    404: "there is no such page; check the base address and the table",
    429: "too many calls; run again later",
}
_ADVICE_PRIVATE = "if it is meant to, set that address as MITTARISTO_URL_<SOURCE>"
_ADVICE_4XX = "check the base address and what was asked"
_ADVICE_5XX = "the source is in trouble; run again later"

log = logging.getLogger("mittaristo.http")


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for one whole try."""

    connect: float = 5.0
    read: float = 60.0
    total: float = 120.0


TIMEOUTS = Timeouts()


class AnswerError(SourceError):
    """A call that got no good answer; `answer` is what the last try got (status 0 where nothing came)."""

    def __init__(self, text: str, answer: Answer) -> None:
        super().__init__(text)
        self.answer = answer

    def __reduce__(self) -> tuple[Any, ...]:
        """How to pickle it: an exception of two arguments does not say so itself."""
        return type(self), (str(self), self.answer)

    @property
    def status(self) -> int:
        """The HTTP status of the last try, 0 where nothing came."""
        return self.answer.status


@dataclass(frozen=True)
class _Failure:
    """Why a try was no good, and what may help."""

    reason: str
    retry: bool = False
    timed_out: bool = False
    retry_after_seconds: float | None = None
    advice: str = ""


class Http:
    """A session for one thread. `calls` counts the requests really sent, every try among them.

    `allowed` are the base URLs that may be called (scheme, host, port and the beginning of the path). `inside` are
    base URLs whose host may lie at a private address (this machine, the city's own network); others may not.
    An answer that a stand-in marks as made up is refused, and not kept, unless `made_up` are what is asked for.
    `keep` gets every other answer, bad and partial ones too, before anything is made of it. `clock` gives seconds
    since 1970 and `sleep` waits; `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        *,
        contact: str,
        version: str,
        keep: Callable[[Answer], None],
        limits_folder: Path,
        allowed: Collection[str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        timeouts: Timeouts = TIMEOUTS,
        inside: Collection[str] = (),
        made_up: bool = False,
    ) -> None:
        self.calls = 0
        self._made_up = made_up
        self._keep = keep
        self._limits_folder = limits_folder
        self._allowed = tuple(urlsplit(url) for url in allowed)
        self._inside = frozenset(host_key(url) for url in inside)
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._timeouts = timeouts
        self._limiters: dict[str, Limiter] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        self._session.headers.update(
            {"User-Agent": _one_line(f"mittaristo/{version} (+{contact})"), "Accept-Encoding": "gzip"}
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter())

    def __enter__(self) -> Http:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def known_limits(self, url: str) -> RateLimits | None:
        """The limits last used with the host of `url` by any process on this machine, if any."""
        return self._limiter(url).limits()

    def send(
        self,
        *,
        source: str,
        dataset_id: str,
        kind: DocumentKind,
        method: str,
        url: str,
        body: bytes = b"",
        accept: tuple[str, ...] = JSON_TYPES,
        max_bytes: int = MAX_BYTES,
        limits: RateLimits,
        headers: Mapping[str, str] | None = None,
        reduce: Callable[[bytes], bytes] | None = None,
    ) -> Answer:
        """The good answer, asked within `limits`: a 2xx of one of the media types `accept` (any if empty).

        `max_bytes` bounds the body after decompression. `headers` are sent besides the session's own. `reduce`
        makes of a good answer's body what may be kept of it, where the source sends what must not be (names of
        people): neither keeper nor caller sees more, and of a bad answer's body nothing is kept then. Tried
        again, at most TRIES times in all, only where that helps. Raises AnswerError after the last try,
        SourceError for a URL that is not allowed.
        """
        self._check_allowed(url)
        limiter = self._limiter(url)
        nothing = Answer(
            source=source,
            dataset_id=dataset_id,
            kind=kind,
            method=method,
            url=url,
            request_body=body,
            status=0,
            content_type="",
            body=b"",
            asked_at=self._now(),
            fetched_at=self._now(),
        )
        timed_out = 0
        for attempt in range(1, TRIES + 1):
            with limiter.slot(limits):
                begun = time.monotonic()
                answer, failure = self._try(
                    replace(nothing, asked_at=self._now()), accept, max_bytes, headers or {}
                )
            answer = replace(answer, fetched_at=self._now(), error=failure.reason if failure else "")
            if reduce is not None:
                answer, failure = _reduced(answer, failure, reduce)
            log.debug(
                "%s %s: %s, %d bytes, %.3f s",
                method,
                url,
                answer.error or answer.status,
                len(answer.body),
                time.monotonic() - begun,
            )
            self._keep(answer)
            if failure is None:
                return answer
            timed_out += failure.timed_out
            wait = failure.retry_after_seconds
            if answer.status == 429 and wait is None:
                wait = limits.window_seconds * (1 + 0.1 * self._jitter())
            if wait is not None:
                limiter.pause(wait)
                if wait > PATIENCE_SECONDS:
                    advice = f"it asks for a pause of {wait:.0f} s; run again after that"
                    raise AnswerError(_line(answer, failure.reason, attempt, advice), answer)
            if not failure.retry or attempt == TRIES or timed_out >= TRIES_AFTER_TIMEOUT:
                raise AnswerError(_line(answer, failure.reason, attempt, failure.advice), answer)
            if wait is None:
                self._sleep(BACKOFF_SECONDS * 2 ** (attempt - 1) * (0.5 + self._jitter()))
        raise AssertionError("unreachable: the last try returns or raises")

    def keep(self, answer: Answer) -> None:
        """Keep what was made of an answer got before (a listing that several datasets share), as had just now."""
        self._keep(replace(answer, fetched_at=self.now()))

    def now(self) -> datetime:
        """The time by the session's clock, aware, in UTC."""
        return self._now()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _limiter(self, url: str) -> Limiter:
        key = host_key(url)
        if key not in self._limiters:
            self._limiters[key] = Limiter(self._limits_folder, url, clock=self._clock, sleep=self._sleep)
        return self._limiters[key]

    def _check_allowed(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            allowed = any(
                host_key(url) == host_key(base.geturl())
                and "@" not in parts.netloc
                and f"{parts.path}/".startswith(f"{base.path.rstrip('/')}/")
                and not re.search(r"/\.\.?(/|$)|\\", unquote(parts.path))
                for base in self._allowed
            )
        except ValueError:  # a port that is no number
            allowed = False
        if not allowed:
            bases = ", ".join(base.geturl() for base in self._allowed) or "none"
            raise SourceError(
                f"{_one_line(url)} is not called: allowed are {bases}; check the base addresses"
            )

    def _try(
        self, answer: Answer, accept: tuple[str, ...], max_bytes: int, others: Mapping[str, str]
    ) -> tuple[Answer, _Failure | None]:
        """One request: the answer as far as it came, and what is wrong with it."""
        headers = {"Accept": ", ".join(accept) or "*/*", **others}
        if answer.request_body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        received = bytearray()
        watch = _Watch(self._timeouts.total, public_only=host_key(answer.url) not in self._inside)
        try:
            with watch:
                response = self._session.request(
                    answer.method,
                    answer.url,
                    data=answer.request_body or None,
                    headers=headers,
                    timeout=(self._timeouts.connect, self._timeouts.read),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    if MADE_UP in response.headers and not self._made_up:
                        raise SourceError(
                            f"{answer.source}: {answer.url} answers with made-up figures, and this warehouse is for "
                            f"real ones; take MITTARISTO_URL_{answer.source.upper()} away, or set "
                            "MITTARISTO_SYNTHETIC=yes for a home of made-up ones"
                        )
                    answer = replace(
                        answer,
                        status=response.status_code,
                        content_type=_one_line(response.headers.get("Content-Type", "")),
                    )
                    # read1 gives what is there: read would wait for a whole piece, however slowly it drips.
                    while piece := response.raw.read1(65536, decode_content=True):
                        received += piece
                        if len(received) > max_bytes or watch.expired:
                            break
            failure = self._judged(replace(answer, body=bytes(received)), response, accept, max_bytes)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = _broken(error, answer, len(received))
        if watch.expired:
            failure = _Failure(
                f"{answer.status or 'nothing'}, not in full after {self._timeouts.total:g} s"
                f" ({len(received)} bytes came)",
                retry=True,
                timed_out=True,
                advice="the source is slow or hangs; run again later",
            )
        self.calls += watch.sent
        return replace(answer, body=bytes(received[:max_bytes])), failure

    def _judged(
        self, answer: Answer, response: requests.Response, accept: tuple[str, ...], max_bytes: int
    ) -> _Failure | None:
        """What is wrong with an answer that came in full; None where nothing is."""
        media = answer.content_type.partition(";")[0].strip().lower()
        if len(answer.body) > max_bytes:
            return _Failure(
                f"{answer.status} with more than {max_bytes} bytes",
                advice="that is more than a table can be; check the base address",
            )
        if 300 <= answer.status < 400:
            target = quoted(response.headers.get("Location", ""), 200)
            return _Failure(
                f"{answer.status}, a redirect to {target}",
                advice="redirects are not followed; if the source has moved, change its base address",
            )
        if not 200 <= answer.status < 300:
            retried = answer.status in _RETRIED
            return _Failure(
                f"{answer.status} ({excerpt(answer.body) or _one_line(response.reason or 'no text')})",
                retry=retried,
                retry_after_seconds=self._retry_after(response) if retried else None,
                advice=_ADVICE.get(answer.status, _ADVICE_4XX if answer.status < 500 else _ADVICE_5XX),
            )
        if accept and media not in accept:
            return _Failure(
                f"{answer.status} with content type {quoted(media)} instead of {accept[0]}"
                f" ({excerpt(answer.body) or 'no text'})",
                advice="that is no data; look at the address in a browser",
            )
        return None

    def _retry_after(self, response: requests.Response) -> float | None:
        """The seconds the answer's Retry-After (seconds or a date) asks to wait; None where it does not."""
        asked = response.headers.get("Retry-After", "").strip()
        if asked.isascii() and asked.isdecimal():
            return float(asked[:9])
        with suppress(ValueError, TypeError, OverflowError):
            moment = parsedate_to_datetime(asked)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return max(0.0, (moment - self._now()).total_seconds())
        return None


def _reduced(
    answer: Answer, failure: _Failure | None, reduce: Callable[[bytes], bytes]
) -> tuple[Answer, _Failure | None]:
    """The answer with what may be kept of its body; one that cannot be reduced is a bad answer."""
    if failure is None:
        try:
            return replace(answer, body=reduce(answer.body)), None
        except SourceError as error:
            failure = _Failure(
                f"{answer.status} that is not as expected: {error}",
                advice="the source's answers may have changed; compare with its own description",
            )
    else:
        failure = replace(
            failure, reason=failure.reason.partition(" (")[0]
        )  # without its excerpt of the body
    return replace(answer, body=b"", error=failure.reason), failure


def excerpt(body: bytes, longest: int = 120) -> str:
    """The beginning of an error body in quotes, one line without markup; '' where there is no text.

    Of a JSON object with a text `error`, that text.
    """
    text = body[:20_000].decode("utf-8", "replace")
    with suppress(orjson.JSONDecodeError):
        document = orjson.loads(text)
        if isinstance(document, dict) and isinstance(document.get("error"), str):
            text = document["error"]
    text = re.sub(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
    return quoted(text, longest) if text else ""


def _line(answer: Answer, reason: str, tries: int, advice: str) -> str:
    after = f" after {tries} tries" if tries > 1 else ""
    what = "answered" if answer.status else "gave no answer:"
    return f"{answer.method} {_one_line(answer.url)} {what} {reason}{after}; {advice}"


def _one_line(text: str) -> str:
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in text)[:500]


def _broken(error: Exception, answer: Answer, received: int) -> _Failure:
    """What it means that `error` ended a try after `received` bytes of the body of `answer`."""
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        connecting = isinstance(error, requests.ConnectTimeout)
        silent = f"{answer.status}, then silence after {received} bytes" if answer.status else "silence"
        return _Failure(
            "no connection in time" if connecting else silent,
            retry=True,
            timed_out=True,
            advice="the source is slow or hangs; run again later",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return _Failure(
            f"no trusted connection ({_words(_root(error))})",
            advice="check the base address and the certificate",
        )
    if isinstance(error, PrivateAddressError):
        return _Failure(f"none was asked for: {error}", advice=_ADVICE_PRIVATE)
    if isinstance(error, ValueError):  # requests' own refusals of a URL or header
        return _Failure(f"the request could not be made ({_words(error)})", advice="check the base address")
    if answer.status == 0:
        return _Failure(
            f"the connection failed ({_words(_root(error))})",
            retry=True,
            advice="check the base address and the network",
        )
    undone = isinstance(error, urllib3.exceptions.DecodeError)
    return _Failure(
        f"{answer.status} with a {'body that does not decompress' if undone else 'cut body'}"
        f" ({received} bytes came)",
        retry=True,
        advice=_ADVICE_5XX,
    )


def _root(error: BaseException) -> BaseException:
    """The innermost reason: requests and urllib3 wrap it several times, each in its own way."""
    while True:
        held = (getattr(error, "reason", None), *error.args, error.__cause__)
        inner = next((one for one in held if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner


def _words(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _one_line(" ".join(text.split())[:120]) or type(error).__name__


class _Watch:
    """A deadline for one whole try: when it passes, the connection in use is cut, wherever the try stands.

    The time-outs of a socket count from byte to byte, so a server that drips could hold a call for hours.
    """

    def __init__(self, seconds: float, *, public_only: bool) -> None:
        self.public_only = public_only
        self.expired = False
        self.sent = 0
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        _current.watch = self
        self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _current.watch = None

    def asked(self, connection: HTTPConnection) -> None:
        """The request went out whole over `connection`; its answer is awaited."""
        self.sent = 1
        self._socket = connection.sock
        if self.expired:
            self._cut()

    def _cut(self) -> None:
        self.expired = True
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket's own shutdown, which pulls the TLS object away under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_current = threading.local()


class PrivateAddressError(ValueError):
    """A host that is not to be called, since its name leads to an address that is not the public internet's."""


def is_public(address: str) -> bool:
    """Whether an IP address (its scope may follow after %) is one of the public internet, and of one machine.

    One of IPv6 that only wraps one of IPv4 (mapped, NAT64, 6to4, Teredo) is as public as that one.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        wrapped = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64 or found in _COMPATIBLE:
            wrapped.append(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF))
        inner = [one for one in wrapped if one is not None]
        if inner:
            return all(is_public(str(one)) for one in inner)
    if found.is_multicast or found.is_reserved or any(found in one for one in _NOT_PUBLIC):
        return False
    return found.is_global


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# What older versions of Python take for public: protocol assignments, 6to4 relays, local NAT64, site-local.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "fec0::/10")
)


def _public_addresses(host: str, port: int) -> list[str]:
    """The addresses of `host`, every one public. Raises PrivateAddressError, or OSError where there is none.

    One that is not is enough to refuse: a name that means several things may mean another at the next look.
    """
    found = dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    for address in found:
        if not is_public(address):
            raise PrivateAddressError(f"{_one_line(host)} leads to the private address {address}")
    return list(found)


class _Watched(HTTPConnection):
    """A connection that asks the current watch where it may go, and tells it when its request is out."""

    def _new_conn(self) -> socket.socket:
        watch = getattr(_current, "watch", None)
        if watch is None or not watch.public_only:
            return super()._new_conn()
        # What was looked at is what is called: a second look at the name could give another address. The name stays
        # that of the certificate and of the Host header.
        name = self._dns_host
        try:
            addresses = _public_addresses(name, self.port)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error
        try:
            for address in addresses[:-1]:
                self._dns_host = address
                with suppress(urllib3.exceptions.HTTPError):
                    return super()._new_conn()
            self._dns_host = addresses[-1]
            return super()._new_conn()
        finally:
            self._dns_host = name

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        if (watch := getattr(_current, "watch", None)) is not None:
            watch.asked(self)
        return super().getresponse()


class _Connection(_Watched):
    """The one over plain TCP."""


class _TlsConnection(_Watched, HTTPSConnection):
    """The one over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """requests' adapter over connections that can be watched."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """Set the pools up."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
