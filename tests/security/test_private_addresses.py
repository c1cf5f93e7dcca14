"""No request to this machine or the city's own network, unless whoever runs the program set that address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import connectors.http as http_module
from connectors.http import AnswerError, Http, is_public
from connectors.limiter import RateLimits
from demo.stand_in import StandIn
from flows.collect import read_limits
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.document import Answer

PUBLIC = "93.184.216.34"


class Inner(ThreadingHTTPServer):
    """A service that nobody outside should reach; `heard` are the requests that came, `opened` the connections."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.opened = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.opened += 1
        return True


class _Handler(BaseHTTPRequestHandler):
    server: Inner

    def do_GET(self) -> None:
        self.server.heard.append((self.headers["Host"], self.path))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def inner() -> Iterator[Inner]:
    server = Inner()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What names lead to: their addresses at the first look, at the second and so on, the last again and again."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *more: Any, **others: Any) -> Any:
        if host not in known:
            return real(host, port, *more, **others)
        looks = known[host]
        addresses = looks.pop(0) if len(looks) > 1 else looks[0]
        return [found for one in addresses for found in real(one, port, *more, **others)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def kept() -> list[Answer]:
    return []


@pytest.fixture
def get(tmp_path: Path, kept: list[Answer]) -> Callable[..., Answer]:
    def one(url: str, *, inside: tuple[str, ...] = ()) -> Answer:
        with Http(
            contact="test",
            version="1",
            keep=kept.append,
            limits_folder=tmp_path / "limits",
            allowed=(url,),
            inside=inside,
            sleep=lambda _: pytest.fail("it is not tried again"),
        ) as http:
            return http.send(
                source="s",
                dataset_id="s/d/1",
                kind="metadata",
                method="GET",
                url=url,
                limits=RateLimits(1000, 1.0),
            )

    return one


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2001:0:a00:1::1",
        "2001:db8::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:0:127.0.0.1",
    ],
)
def test_an_address_of_this_machine_or_an_inner_network_is_none_of_the_internets(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "2a00:1450:4026:803::2004", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "172.32.0.1"],
)
def test_an_address_of_the_internet_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "017700000001", "127.1", "0"],
)
def test_however_this_machine_is_written_nothing_is_asked_of_it(
    inner: Inner, get: Callable[..., Answer], kept: list[Answer], host: str
) -> None:
    with pytest.raises(AnswerError, match="leads to the private address") as caught:
        get(f"http://{host}:{inner.server_address[1]}/admin")
    assert "\n" not in str(caught.value)
    assert "MITTARISTO_URL_<SOURCE>" in str(caught.value)
    assert inner.opened == 0
    assert [one.status for one in kept] == [0]


def test_a_name_of_the_internet_that_leads_inside_is_not_called(
    inner: Inner, get: Callable[..., Answer], names: dict[str, list[list[str]]]
) -> None:
    names["pxdata.example"] = [["127.0.0.1"]]
    with pytest.raises(AnswerError, match=r"pxdata\.example leads to the private address 127\.0\.0\.1"):
        get(f"http://pxdata.example:{inner.server_address[1]}/api")
    assert inner.opened == 0


def test_one_private_address_among_public_ones_is_enough(
    get: Callable[..., Answer], names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["pxdata.example"] = [[PUBLIC, "10.0.0.1"]]
    monkeypatch.setattr(
        "urllib3.util.connection.create_connection", lambda *_, **__: pytest.fail("it was called")
    )
    with pytest.raises(AnswerError, match=r"the private address 10\.0\.0\.1"):
        get("http://pxdata.example/api")


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    get: Callable[..., Answer], names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may mean another address at the next look: it is not looked up a second time."""
    names["pxdata.example"] = [[PUBLIC], ["127.0.0.1"]]
    called: list[Any] = []

    def refused(address: Any, *_: Any, **__: Any) -> None:
        called.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr("urllib3.util.connection.create_connection", refused)
    monkeypatch.setattr(http_module, "TRIES", 1)
    with pytest.raises(AnswerError, match="refused"):
        get("http://pxdata.example/api")
    assert called == [(PUBLIC, 80)]


def test_the_server_is_still_asked_by_its_name(
    inner: Inner,
    get: Callable[..., Answer],
    names: dict[str, list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names["pxdata.example"] = [["127.0.0.1"]]
    monkeypatch.setattr(http_module, "is_public", lambda _: True)
    assert get(f"http://pxdata.example:{inner.server_address[1]}/api").status == 200
    assert inner.heard == [(f"pxdata.example:{inner.server_address[1]}", "/api")]


def test_what_was_set_as_inside_is_called_and_opens_nothing_else(
    inner: Inner, get: Callable[..., Answer]
) -> None:
    url = f"http://127.0.0.1:{inner.server_address[1]}/mirror"
    assert get(url, inside=(url,)).status == 200
    with pytest.raises(AnswerError, match="private address"):
        get(url, inside=("http://127.0.0.1:1/mirror", f"https://127.0.0.1:{inner.server_address[1]}/mirror"))
    assert len(inner.heard) == 1


def test_a_catalogue_cannot_send_a_collection_inside_and_a_setting_can(
    tmp_path: Path, sqlite_url: str, names: dict[str, list[list[str]]]
) -> None:
    names["pxdata.stat.fi"] = [["127.0.0.1"]]
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url)
    with open_pipeline(settings) as pipeline:
        with pytest.raises(AnswerError, match=r"pxdata\.stat\.fi leads to the private address 127\.0\.0\.1"):
            read_limits(pipeline, "statfin", "run-1")
        with StandIn({}, calls=10_000, window=1.0) as stand_in:
            own = replace(pipeline, settings=replace(settings, urls={"statfin": stand_in.url}))
            assert read_limits(own, "statfin", "run-2")[1] == 1
