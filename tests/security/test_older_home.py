"""A home folder of an earlier version: all of it opens in this program, and nothing of it is lost."""

from __future__ import annotations

import json
import os
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.limiter import Limiter, RateLimits
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows import cli
from flows.adopt import adopt
from flows.pipeline import open_pipeline
from flows.settings import Settings
from tests.collecting import run
from warehouse import raw as raw_index
from warehouse import read
from warehouse.engine import reading
from warehouse.home import FORMAT, MARK
from warehouse.tables import Document, table_of

PACKED = Path(__file__).resolve().parents[1] / "data" / "home-v1.tar.xz"
DATASETS = ("statfin/vkour/12bs", "statfin/ssaaty/121w")
HOST = "http://127.0.0.1:8801/"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(PACKED) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def rows(database: Path, query: str) -> list[Any]:
    with sqlite3.connect(database) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_its_database_is_brought_up_its_answers_are_read_and_its_figures_stand(old: Path) -> None:
    home = old / "home"
    assert not (home / MARK).exists()
    columns = ", ".join(one[1] for one in rows(home / "mittaristo.db", "PRAGMA table_info(vintage)"))
    query = f"SELECT {columns} FROM vintage ORDER BY {columns}"
    before = rows(home / "mittaristo.db", query)
    files = {one: one.read_bytes() for one in (home / "raw").rglob("*") if one.is_file()}
    assert len(before) == 281 and len(files) == 12
    with open_pipeline(Settings(home=home)) as pipeline:
        documents = list(pipeline.raw.documents())
        assert len(documents) == 6
        for one in documents:
            assert len(pipeline.raw.read(one.sha256)) == one.size
        with reading(pipeline.engine) as connection:
            assert raw_index.not_indexed(connection, documents) == []
            series = read.view(connection, "dashboard_series")
        assert set(DATASETS) <= set(series["dataset_id"])
        assert raw_index.rebuild_index(pipeline.engine, pipeline.raw) >= len(documents)
        with reading(pipeline.engine) as connection:
            kept = connection.execute(select(table_of(Document).c.document_id)).scalars().all()
        assert {one.document_id for one in documents} <= set(kept)
    assert (home / MARK).read_text() == f"{FORMAT}\n"
    assert rows(home / "mittaristo.db", query) == before
    assert {one: one.read_bytes() for one in files} == files, "kept bytes are never touched"


def test_the_next_collection_goes_on_where_the_old_program_stopped(old: Path) -> None:
    home, tables = old / "home", load_sample()
    count = len(rows(home / "mittaristo.db", "SELECT 1 FROM vintage"))
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, urls={"statfin": stand_in.url})
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            found = run(pipeline, scope, *DATASETS, force=True).values()
    assert {one.state for one in found} <= {"fetched", "unchanged"}
    assert sum(one.counts.revised + one.counts.withdrawn for one in found) == 0
    assert len(rows(home / "mittaristo.db", "SELECT 1 FROM vintage")) >= count


def test_the_pace_that_an_older_program_kept_is_kept_on(old: Path) -> None:
    state = json.loads((old / "limits" / "http-127.0.0.1-8801.json").read_text())
    now = max(ended for _, ended, _ in state["calls"])
    naps: list[float] = []
    clock = [now]

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock[0] += seconds

    limiter = Limiter(old / "limits", HOST, clock=lambda: clock[0], sleep=sleep)
    assert limiter.limits() == RateLimits(*state["limits"])
    with limiter.slot(RateLimits(2, 100.0)):
        pass
    assert sum(naps) > 90, "the calls of the older program count"


def test_an_older_home_whose_database_a_newer_program_has_made_is_refused_in_one_line(
    old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rolled back without its backup: the program that knows less leaves all as it is."""
    home = old / "home"
    with sqlite3.connect(home / "mittaristo.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = rows(home / "mittaristo.db", "SELECT * FROM vintage ORDER BY 1, 2, 3")
    monkeypatch.setenv("MITTARISTO_HOME", str(home))
    monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
    for command in (("status",), ("health",), ("db", "upgrade"), ("report", "build")):
        monkeypatch.setattr("sys.argv", ["mittaristo", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        error = capsys.readouterr().err
        assert (ended.value.code, error.count("\n")) == (2, 1), command
        assert "was made by a newer mittaristo (schema 9999" in error and "update the program" in error
    assert rows(home / "mittaristo.db", "SELECT * FROM vintage ORDER BY 1, 2, 3") == before
