"""Texts from outside in lines of logs and on the terminal: none begins a line of its own or moves the cursor."""

from __future__ import annotations

import logging
import os
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import AnswerError, Http
from connectors.limiter import RateLimits
from flows import cli
from flows.commands import out, print_frame
from flows.dataset_page import plain
from flows.shown import shown, shown_lines
from flows.supervise import Child, supervise

ESCAPES = "\x1b[2J\x1b[31mred\x07\x9b31m\u202e\u2028"
FORGED = f"bad\r\n2026-11-28 12:00:00 run: all is green{ESCAPES}"


SPACES = "\u00a0\u202f"  # those that keep a figure together


def tame(text: str) -> bool:
    return all(one.isprintable() or one in SPACES or one == "\n" for one in text)


@given(st.text())
def test_whatever_a_text_holds_it_is_shown_on_one_line_as_long_as_it_is(text: str) -> None:
    assert tame(shown(text)) and "\n" not in shown(text) and len(shown(text)) == len(text)
    assert tame(shown_lines(text)) and shown_lines(text).count("\n") == text.count("\n")


@given(st.text())
def test_an_ordinary_text_is_shown_as_it_is(text: str) -> None:
    if text.isprintable():
        assert shown(f"{text}1{SPACES}000") == f"{text}1{SPACES}000"


class Hostile(socketserver.ThreadingTCPServer):
    """A server that answers every call with `answer`."""

    allow_reuse_address = True
    daemon_threads = True
    answer = b""


class _Handler(socketserver.StreamRequestHandler):
    server: Hostile

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(self.server.answer)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 \x1b[2Jgone\x07\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 400 Bad\r\nContent-Length: 22\r\n\r\n\x1b[31mred\r\nrun: all green",
        b'HTTP/1.1 400 Bad\r\nContent-Length: 42\r\n\r\n{"error": "\\u001b[31mred\\r\\nrun: all green"}',
        b"HTTP/1.1 200 OK\r\nContent-Type: \x1b[31m/x\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Moved\r\nLocation: http://\x1b[31mx\r\nContent-Length: 0\r\n\r\n",
        b"\x1b[31mHTTP\r\nrun: all green\r\n\r\n",
    ],
    ids=["reason", "body", "json", "content type", "location", "no http"],
)
def test_what_a_server_says_is_one_tame_line_wherever_it_is_told(
    hostile: Hostile, tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    hostile.answer = answer
    url = f"http://127.0.0.1:{hostile.server_address[1]}/api"
    kept: list[Any] = []
    with (
        caplog.at_level(logging.DEBUG, logger="mittaristo"),
        Http(
            contact="t",
            version="1",
            keep=kept.append,
            limits_folder=tmp_path,
            allowed=(url,),
            inside=(url,),
            sleep=lambda _: None,
        ) as http,
        pytest.raises(AnswerError) as caught,
    ):
        http.send(
            source="s",
            dataset_id="d",
            kind="data",
            method="GET",
            url=url,
            limits=RateLimits(1000, 1.0),
        )
    for text in (
        str(caught.value),
        *(one.error for one in kept),
        *(one.getMessage() for one in caplog.records),
    ):
        assert text.isprintable(), text


def test_what_a_child_writes_cannot_forge_lines_of_its_log_or_of_the_screen(tmp_path: Path) -> None:
    said: list[str] = []
    stop = threading.Event()
    program = f"print({'mittaristo: ' + FORGED!r}); import time; time.sleep(60)"
    child = Child(
        "runner", (sys.executable, "-c", program), dict(os.environ), tmp_path / "logs" / "runner.log"
    )
    thread = threading.Thread(target=supervise, args=([child],), kwargs={"say": said.append, "stop": stop})
    thread.start()
    until = time.monotonic() + 20
    while (
        not child.log.exists() or "green" not in child.log.read_text("utf-8")
    ) and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert "all is green" in child.log.read_text("utf-8")
    assert tame(child.log.read_text("utf-8"))
    assert all(one.isprintable() for one in said) and said[0].startswith("runner: bad")


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    def one(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
        monkeypatch.setattr("sys.argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return one


def test_the_name_of_a_file_that_is_no_form_is_told_on_one_tame_line(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    name = FORGED.replace("/", "")
    (tmp_path / name).write_bytes(b"no form")
    for file in (str(tmp_path / name), str(tmp_path / f"absent {name}")):
        code, out, error = call("forms", "import", file, "--role", "sihteeri")
        assert code in (1, 2) and tame(out + error)
        assert not any(line.startswith("2026-11-28") for line in error.splitlines())


def test_the_cells_of_a_form_are_told_on_tame_lines(call: Callable[..., Any], tmp_path: Path) -> None:
    assert call("forms", "export", "--period", "2026", "--party", "kajaani_vima", "--csv")[0] == 0
    (form,) = (tmp_path / "home" / "forms").iterdir()
    lines = form.read_text("utf-8-sig").splitlines()
    hostile = lines[1].replace("kajaani_vima", "x").split(";")
    hostile[0] = f'"{ESCAPES}1.1.01"'
    hostile[9] = f'"{ESCAPES}\n12 run: all green"'
    form.write_text("\r\n".join([lines[0], ";".join(hostile)]), "utf-8-sig")
    code, out, error = call("forms", "import", str(form), "--role", "sihteeri")
    assert code == 1 and error
    assert tame(out + error)
    assert not any(line.startswith("12 run") for line in error.splitlines())


@pytest.mark.parametrize(
    "arguments", [("show", FORGED), ("run", "--dataset", FORGED), (FORGED,), ("propose", FORGED)]
)
def test_what_was_typed_is_told_back_on_tame_lines(
    call: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    code, out, error = call(*arguments)
    assert code == 2 and error and tame(out + error)
    assert all(line.startswith("mittaristo: ") for line in error.splitlines())


def test_texts_of_the_warehouse_do_not_steer_the_terminal_nor_its_colours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_frame(pd.DataFrame({"message": [FORGED, "[red]not red[/red]"]}))
    out(FORGED)
    said = capsys.readouterr().out
    assert tame(said)
    assert "[red]not red[/red]" in said


def test_nor_does_a_cell_of_a_page_in_prefects_interface_begin_a_line() -> None:
    assert "\n" not in plain(FORGED) and "\r" not in plain(FORGED)
