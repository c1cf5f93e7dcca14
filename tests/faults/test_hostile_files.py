"""Hostile files and answers, made by hand, through the readers and through whole runs and imports.

What a run meets costs its dataset that run; what a person hands in is refused with what to do. In both cases the
program ends with a code that the handbook names and without a traceback, the last good figures are served, and what a
source sent is kept as it came.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flows import cli
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from tests.faults import hostile_files
from tests.faults.hostile import Asked, Hostile
from tests.faults.matrix import Outcome
from tests.faults.test_matrix_answers import (
    FAULTY_TABLE,
    Case,
    World,
    case,
    catalogue,
    meets,
    world,
)
from warehouse.engine import reading
from warehouse.raw import RawStore

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = (case, catalogue, world)  # of the matrix of faults; pytest finds them by their names


# --- the readers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(one, marks=() if one in hostile_files.QUICK else pytest.mark.long)
        for one in hostile_files.KINDS
    ],
)
def test_every_hostile_file_is_read_or_refused_in_words_in_bounded_time_and_memory(kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.hostile_files", kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


# --- a dataset of a run ---------------------------------------------------------------------------------------------


def _figures(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[bytes], bytes]:
    """What becomes of an answer with figures or of a description; of both as JSON."""
    return lambda body: json.dumps(change(json.loads(body))).encode()


def _resized(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"size": [2**32, *document["size"][1:]]}


def _gap(document: dict[str, Any]) -> dict[str, Any]:
    category = document["dimension"][document["id"][0]]["category"]
    category["index"] = {code: 2 * place for place, code in enumerate(category["index"])}
    return document


HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "no bytes for figures": ("fetch", lambda _: b"", "is no JSON"),
    "UTF-16 figures": ("fetch", hostile_files.JSON["in UTF-16"], "is no JSON"),
    "figures packed twice": ("fetch", hostile_files.JSON["packed"], "is no JSON"),
    "every figure 1e400": ("fetch", hostile_files.JSON["with every number 1e400"], "is no JSON"),
    "every figure NaN as text": (
        "fetch",
        hostile_files.JSON["with every number a text NaN"],
        "size that is no whole",
    ),
    "every text turned round": ("fetch", hostile_files.JSON["with texts that turn round"], "class 'dataset'"),
    "a million nulls for figures": (
        "fetch",
        hostile_files.JSON["a million nulls"],
        "is no JSON-stat 2 dataset",
    ),
    "a size of 2^32": ("fetch", _figures(_resized), "cells; more than 5000000 are not read"),
    "a gap in an index": ("fetch", _figures(_gap), "does not number its categories from 0"),
    "keys twice, the second null": (
        "fetch",
        hostile_files.JSON["with its keys behind them as null"],
        "class 'dataset'",
    ),
    "a cell out of range": (
        "fetch",
        _figures(lambda one: one | {"value": {"99999999": 1}}),
        "'value' of cell 99999999",
    ),
    "a description without values": (
        "metadata",
        hostile_files.JSON["with every list empty"],
        "list no variables",
    ),
    "a description with every value twice": (
        "metadata",
        hostile_files.JSON["with every list twice"],
        "same value of .* twice",
    ),
    "a description with NUL in every text": (
        "metadata",
        hostile_files.JSON["with NUL in every text"],
        "vaerak/11ra",
    ),
    "a description of half a million keys": (
        "metadata",
        hostile_files.JSON["half a million keys"],
        "list no variables",
    ),
}
QUICK = ("UTF-16 figures", "a gap in an index", "a description with every value twice")


@pytest.mark.parametrize(
    "how", [pytest.param(one, marks=() if one in QUICK else pytest.mark.long) for one in HOSTILE]
)
def test_a_hostile_answer_costs_its_dataset_a_run_and_nothing_else(
    world: World, case: Case, how: str
) -> None:
    step, change, says = HOSTILE[how]

    def wrong(source: Hostile, connection: Any, asked: Asked) -> None:
        source.say(connection, change(asked.answer))

    world.source.table, world.source.step, world.source.wrong = FAULTY_TABLE, step, wrong
    world.source.sent.clear()
    meets(world, case, step, Outcome("failed", says))


# --- a whole run of the program -------------------------------------------------------------------------------------


class _Liar:
    """A server that answers every call with status 200 and one hostile body after the other."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        bodies = cycle(
            change(b'{"value":[1,"x"]}') for name, change in hostile_files.JSON.items() if name != "spaces"
        )
        lock, sent = threading.Lock(), self.sent

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    body = next(bodies)
                    sent.append(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def liar() -> Iterator[_Liar]:
    one = _Liar()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.mark.long
def test_a_run_whose_sources_all_lie_is_red_with_a_line_for_each_dataset_and_keeps_what_they_sent(
    liar: _Liar, tmp_path: Path
) -> None:
    catalogue = load_catalogue()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
    sources = [one.id for one in catalogue.sources.values() if one.automatic]
    ran = subprocess.run(
        [sys.executable, "-c", "from flows.cli import main; main()", "run"],
        cwd=tmp_path,
        env=kept
        | {f"MITTARISTO_URL_{one.upper()}": f"{liar.url}/{one}" for one in sources}
        | {
            "MITTARISTO_HOME": str(tmp_path / "home"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    # divisions of areas are asked for on their own: `mittaristo run --source classifications`
    asked = {one.id for one in catalogue.datasets.values() if one.source != "classifications"}
    for one in asked:
        (said,) = [line for line in lines if line.startswith(f"{one}: ")]
        assert said.isprintable()
        assert len(said) < 2500
    with open_pipeline(Settings(home=tmp_path / "home")) as pipeline, reading(pipeline.engine) as connection:
        rows = connection.execute(text("SELECT dataset_id, state, message FROM ledger")).all()
        assert {row[0] for row in rows} == asked
        assert {row[1] for row in rows} == {"failed"}
        assert all(row[2] for row in rows)
        assert connection.execute(text("SELECT COUNT(*) FROM observation")).scalar() == 0
    raw = RawStore(tmp_path / "home" / "raw")
    bodies = {raw.read(one.sha256) for one in raw.documents() if one.source != "catalogue"}
    # of whose bad answers no body may be kept; a list of stations is kept as it came
    reduced = ("prh_ytj", "kuntatalous", "digitraffic_rail")
    assert bodies
    assert bodies - {b""} <= set(liar.sent)
    of_reduced = [one for one in raw.documents() if one.source in reduced and one.kind != "metadata"]
    assert of_reduced
    assert all(one.error for one in of_reduced)
    assert not any(raw.read(one.sha256) for one in of_reduced)


# --- the import of a form -------------------------------------------------------------------------------------------


FORMS: dict[str, Callable[[], bytes]] = {
    "a formula": lambda: hostile_files.workbooks()["a formula"],
    "a shared text out of range": lambda: hostile_files.workbooks()["a shared text out of range"],
    "a cell at the last place": lambda: hostile_files.workbooks()["a cell at the last place of a sheet"],
    "a zip that bursts": lambda: dict(
        hostile_files._zips(hostile_files.unpacked(hostile_files.form()), "xl/workbook.xml")
    )["in which the main part bursts"],
    "entities that grow": lambda: hostile_files._edited(
        book=lambda data: dict(hostile_files._xmls(data))["with entities that grow"]
    ),
    "half a directory": lambda: dict(
        hostile_files._zips(hostile_files.unpacked(hostile_files.form()), "xl/workbook.xml")
    )["with half its directory"],
    "UTF-16 text": lambda: hostile_files.CSVS["UTF-16"],
    "a heading of a million fields": lambda: hostile_files.CSVS["a heading of a million fields"],
    "more than may be read": lambda: b"x" * 50_000_000,
}


@pytest.mark.parametrize("how", FORMS)
def test_a_hostile_form_is_refused_and_nothing_of_it_is_stored_or_kept(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(os.environ):
        if name.startswith("MITTARISTO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))
    (tmp_path / "form").write_bytes(FORMS[how]())
    monkeypatch.setattr(sys, "argv", ["mittaristo", "forms", "import", "form"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert end.value.code == 1, said.err
    assert said.out == ""
    assert all(line.isprintable() and len(line) < 4000 for line in lines)
    assert lines[-1].startswith("mittaristo: form is refused for ")
    with open_pipeline(Settings(home=tmp_path / "home")) as pipeline, reading(pipeline.engine) as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM answer_vintage")).scalar() == 0
    assert list(RawStore(tmp_path / "home" / "raw").documents(source="forms")) == []
