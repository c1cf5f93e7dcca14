"""Prefect's server: whoever can reach it from elsewhere must know a password; other origins' pages get nothing."""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.prefect_home import (
    PASSWORD_FILE,
    apply_prefect_settings,
    ask_for_password,
    kept_password,
    note,
    only_one_up,
    server_to_use,
)
from flows.settings import Settings
from flows.up import children
from models.errors import ConfigurationError

EVERYWHERE = "0.0.0.0"  # noqa: S104
OUTSIDE = {"PREFECT_SERVER_API_HOST": EVERYWHERE}


def test_a_server_that_others_can_reach_gets_a_password_that_nobody_had_to_set(tmp_path: Path) -> None:
    environ = dict(OUTSIDE)
    before = os.umask(0)
    try:
        path = ask_for_password(environ, tmp_path)
    finally:
        os.umask(before)
    assert path == tmp_path / PASSWORD_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    user, _, password = path.read_text().strip().partition(":")
    assert user == "mittaristo" and len(password) >= 32
    assert (
        environ["PREFECT_SERVER_API_AUTH_STRING"]
        == environ["PREFECT_API_AUTH_STRING"]
        == f"{user}:{password}"
    )
    assert server_to_use(environ).host == EVERYWHERE
    server, runner = children(environ, Settings(home=tmp_path), server_to_use(environ))
    assert server.environ["PREFECT_SERVER_API_AUTH_STRING"] == runner.environ["PREFECT_API_AUTH_STRING"]
    for one in (server, runner):
        assert password not in " ".join(one.command), "arguments are shown to every user of the machine"
        assert {password, base64.b64encode(f"{user}:{password}".encode()).decode()} <= set(one.hidden)


def test_the_password_stays_the_same_from_start_to_start_and_homes_have_different_ones(
    tmp_path: Path,
) -> None:
    found = []
    for home in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        environ = dict(OUTSIDE)
        ask_for_password(environ, home)
        found.append(environ["PREFECT_API_AUTH_STRING"])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PREFECT_SERVER_API_HOST": "127.0.0.1"},
        {"PREFECT_SERVER_API_HOST": "::1"},
        OUTSIDE | {"PREFECT_SERVER_API_AUTH_STRING": "city:own"},
        OUTSIDE | {"PREFECT_API_URL": "https://prefect.example.org/api"},
    ],
)
def test_on_loopback_or_with_a_password_of_ones_own_or_elsewhere_none_is_made(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    given = dict(environ)
    assert ask_for_password(given, tmp_path) is None
    assert given == environ
    assert not (tmp_path / PASSWORD_FILE).exists()


def test_the_password_goes_to_the_server_of_this_home_and_to_no_other(tmp_path: Path) -> None:
    ask_for_password(dict(OUTSIDE), tmp_path)
    with only_one_up(tmp_path) as path:
        note(path, "http://127.0.0.1:4200/api")
        environ: dict[str, str] = {}
        apply_prefect_settings(environ, tmp_path)
        assert environ["PREFECT_API_AUTH_STRING"] == kept_password(tmp_path)
        environ = {"PREFECT_API_URL": "http://prefect.example.org/api"}
        apply_prefect_settings(environ, tmp_path)
        assert "PREFECT_API_AUTH_STRING" not in environ
    environ = {}
    apply_prefect_settings(environ, tmp_path)
    assert "PREFECT_API_AUTH_STRING" not in environ, "a server of its own, on loopback, asks for none"


@pytest.mark.parametrize("text", ["", "nobody", ":x", "x:", "a:b\nc", "käyttäjä:sana"])
def test_a_password_file_that_holds_none_is_said_and_not_repeated(tmp_path: Path, text: str) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / PASSWORD_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="holds no user:password; remove it") as caught:
        ask_for_password(dict(OUTSIDE), tmp_path)
    assert not text or text not in str(caught.value)


def test_a_password_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = ask_for_password(dict(OUTSIDE), tmp_path)
    assert path is not None
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="a password that others can read"):
        ask_for_password(dict(OUTSIDE), tmp_path)


def test_where_no_password_can_be_kept_the_server_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ConfigurationError, match=r"a password for .* cannot be kept .*No space left"):
        ask_for_password(dict(OUTSIDE), tmp_path)
    assert list((tmp_path / "prefect").iterdir()) == []


@pytest.mark.parametrize("auth", ["nobody", ":secret", "user:", "user: secret", "user:salas\u00e4na"])
def test_a_password_that_is_none_is_refused_and_not_repeated(auth: str) -> None:
    with pytest.raises(ConfigurationError, match="is not user:password") as caught:
        server_to_use(OUTSIDE | {"PREFECT_SERVER_API_AUTH_STRING": auth})
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_pages_of_other_origins_may_not_read_the_server_nor_order_runs(tmp_path: Path) -> None:
    environ = {"PREFECT_SERVER_API_PORT": "4300"}
    server, _ = children(environ, Settings(home=tmp_path), server_to_use(environ))
    assert server.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4300"
    environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = "https://prefect.example.org"
    server, _ = children(environ, Settings(home=tmp_path), server_to_use(environ))
    assert server.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "https://prefect.example.org"


def asked(url: str, data: object = None, **headers: str) -> tuple[int, dict[str, str]]:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


@contextmanager
def running_up(folder: Path, port: int, **environ: str) -> Iterator[list[str]]:
    """`mittaristo up` until its server and its runner are up; what it says, afterwards too."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
    settings = {"MITTARISTO_HOME": str(folder / "home"), "PREFECT_SERVER_API_PORT": str(port)}
    said: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "up"],
        cwd=folder,
        env=kept | settings | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        until = time.monotonic() + 120
        while not any("runner: up, runs" in line for line in said):
            said.append(process.stdout.readline())
            assert said[-1], said
            assert time.monotonic() < until, said
        yield said
    finally:
        process.terminate()
        said.extend(process.communicate(timeout=60)[0].splitlines())


@pytest.mark.long
def test_a_real_server_open_to_others_asks_its_runner_and_everybody_for_the_password(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home, api = tmp_path / "home", f"http://127.0.0.1:{port}/api"
    with running_up(tmp_path, port, **OUTSIDE) as said:
        whole = (home / PASSWORD_FILE).read_text().strip()
        wire = base64.b64encode(whole.encode()).decode()
        good = {"Authorization": f"Basic {wire}"}
        wrong = {"Authorization": f"Basic {base64.b64encode(b'a:b').decode()}"}
        assert asked(f"{api}/flows/filter", {})[0] == asked(f"{api}/flows/filter", {}, **wrong)[0] == 401
        assert asked(f"{api}/flows/filter", {}, **good)[0] == 200
        # What a page of another origin can send without asking first is not taken for JSON.
        forged = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
        assert asked(f"{api}/flows/", {"name": "forged"}, **good, **forged)[0] == 422
        status, headers = asked(f"{api}/version", Origin="https://evil.example", **good)
        assert status == 200
        assert "access-control-allow-origin" not in {name.lower() for name in headers}
        secrets = (whole, whole.partition(":")[2], wire)
        arguments = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
        assert not [one for one in arguments if any(secret in one for secret in secrets)]
    assert any(line.rstrip().endswith(f"user and password are in {home / PASSWORD_FILE}") for line in said)
    logs = [one.read_text(encoding="utf-8", errors="replace") for one in (home / "logs").iterdir()]
    for secret in secrets:
        assert not any(secret in text for text in (*said, *logs))
