"""Prefect's server without a call to the outside; with real pages in test_interface_in_chromium.py."""

import asyncio
from typing import Any

import pytest

from flows.offline import Header, packaged_view, policy


def directives(text: str) -> dict[str, list[str]]:
    return {name: words for name, *words in (one.split() for one in text.split("; "))}


def test_everything_comes_from_the_interface_s_own_host() -> None:
    said = directives(policy("/api"))
    for name, words in said.items():
        allowed = {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}
        assert set(words) <= allowed, name
    assert said["default-src"] == ["'self'"]
    assert said["connect-src"] == ["'self'"]


@pytest.mark.parametrize(
    ("api", "added"),
    [
        ("http://127.0.0.1:4200/api", ["http://127.0.0.1:4200", "ws://127.0.0.1:4200"]),
        ("https://prefect.example.org/x/api", ["https://prefect.example.org", "wss://prefect.example.org"]),
    ],
)
def test_an_interface_whose_api_is_elsewhere_may_ask_that(api: str, added: list[str]) -> None:
    said = directives(policy(api))
    assert said["connect-src"] == ["'self'", *added]
    assert said["img-src"] == ["'self'", "data:", "blob:"]


def test_every_answer_bears_the_policy_and_keeps_its_own_headers() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"x"})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    asyncio.run(Header(app, "the policy")({"type": "http"}, receive, send))
    assert dict(sent[0]["headers"]) == {
        b"a": b"b",
        b"content-security-policy": b"the policy",
        b"referrer-policy": b"same-origin",
    }
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


def test_the_list_of_workers_is_the_packaged_one_and_what_is_not_packaged_is_not_asked_for() -> None:
    assert "process" in asyncio.run(packaged_view("aggregate-worker-metadata"))["prefect"]
    for other in ("aggregate-flow-metadata", "../secrets", "nothing"):
        with pytest.raises(KeyError):
            asyncio.run(packaged_view(other))
