"""Three worker processes on all sources at once, at the real services' pace."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from scheduled import scheduled_run
from soak import Clock
from sqlalchemy import Connection, text

from connectors import CONNECTED
from connectors.limiter import RateLimits
from demo.sample import sample_scope
from demo.services import synthetic_services, with_services
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from flows.collect import read_limits
from flows.demo_run import with_divisions
from flows.pipeline import open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import GREEN, Scope, scope_to_json
from warehouse.engine import reading

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("stacks of servers")]

HERE = Path(__file__).resolve().parent
WORKERS = 3
TABLES = ("ssaaty/121w", "tyonv/12tf", "vkour/12bs")  # of StatFin; the other sources whole
LEFT_OUT = ("prh_ytj",)  # its 137 calls alone take three and a half minutes
SOURCES = tuple(one for one in CONNECTED if one not in LEFT_OUT)
SAME_SERVER = {"visitfinland": "statfin", "classifications": "statfin"}  # who is on another's stand-in
PATIENCE = 1200.0
STORED = """
    SELECT o.owner, s.area_code, s.content, s.classes, p.code, v.value, v.symbol, v.status
    FROM vintage v JOIN owner o ON o.owner_no = v.owner_no JOIN series s ON s.series_id = v.series_id
    JOIN period p ON p.period_no = v.period_no ORDER BY 1, 2, 3, 4, 5
"""


@dataclass
class Load:
    """The stand-ins by source, each with that source's own limits; the settings and the scope of all workers."""

    stand_ins: Mapping[str, StandIn]
    limits: Mapping[str, RateLimits]
    settings: Settings
    scope: Scope


def urls_of(stand_ins: Mapping[str, StandIn]) -> dict[str, str]:
    return {one: stand_ins[SAME_SERVER.get(one, one)].urls[one] for one in SOURCES}


@pytest.fixture
def load(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    catalogue = load_catalogue()
    tables = {
        name: table
        for name, table in synthetic_tables(catalogue).items()
        if name in TABLES or table.database != "StatFin"
    }
    services = {name: one for name, one in synthetic_services(catalogue).items() if name in SOURCES}
    with open_pipeline(Settings(home=tmp_path / "elsewhere")) as pipeline:
        scope = with_services(with_divisions(sample_scope(catalogue, tables)), services, catalogue)
        limits = {one: read_limits(pipeline, one, "limits")[0].rate for one in services}
    with ExitStack() as opened:
        stand_ins = {"statfin": opened.enter_context(StandIn(tables))}
        for name, service in services.items():
            rate = limits[name]
            one = StandIn({}, services={name: service}, calls=rate.calls, window=rate.window_seconds)
            stand_ins[name] = opened.enter_context(one)
        settings = Settings(home=tmp_path / "home", database_url=database_url, urls=urls_of(stand_ins))
        yield Load(stand_ins, limits, settings, scope)


def collect_all_at_once(load: Load, folder: Path) -> list[dict[str, str]]:
    """The state of each dataset's ledger row, as each of the workers says."""
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"sources": SOURCES, "scope": scope_to_json(load.scope)}))
    kept = {name: one for name, one in os.environ.items() if not name.startswith("MITTARISTO_")}
    environ = kept | {
        "MITTARISTO_HOME": str(load.settings.home),
        "MITTARISTO_DATABASE_URL": load.settings.database_url,
        "MITTARISTO_DOTENV": os.devnull,
        **{f"MITTARISTO_URL_{name.upper()}": url for name, url in load.settings.urls.items()},
    }
    logs = [folder / f"worker-{number}.log" for number in range(WORKERS)]
    with ExitStack() as opened:
        workers = [
            subprocess.Popen(
                [sys.executable, str(HERE / "worker.py"), str(asked), str(number * len(SOURCES) // WORKERS)],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=opened.enter_context(log.open("wb")),
            )
            for number, log in enumerate(logs)
        ]
        for one in workers:
            opened.callback(one.wait)
            opened.callback(one.kill)
        said = [one.communicate(timeout=PATIENCE)[0] for one in workers]
    assert [one.returncode for one in workers] == [0] * WORKERS, [one.read_text() for one in logs]
    return [json.loads(one) for one in said]


def rows_of(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return [tuple(one) for one in connection.execute(text(query))]


def most_in(stand_in: StandIn, window: timedelta) -> int:
    """The most calls that came to a stand-in in any such time."""
    moments = sorted(one.at for one in stand_in.requests)
    return max((sum(begun <= other < begun + window for other in moments) for begun in moments), default=0)


def stored_by_one(load: Load, folder: Path) -> list[tuple[object, ...]]:
    """The vintages of one collection of the same sources, one after the other, on a clock that is moved on."""
    services = {name: service for one in load.stand_ins.values() for name, service in one.services.items()}
    clock = Clock(datetime.now(UTC))
    with StandIn(load.stand_ins["statfin"].tables, services=services, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=folder / "by one", urls={one: stand_in.urls[one] for one in SOURCES})
        with clock.everywhere(), open_pipeline(settings) as pipeline:
            for source in SOURCES:
                scheduled_run(pipeline, source, load.scope, clock=clock, pages=False)
            with reading(pipeline.engine) as connection:
                return rows_of(connection, STORED)


def test_three_workers_on_all_sources_at_once_keep_every_pace_and_lock_and_store_nothing_twice(
    load: Load, tmp_path: Path
) -> None:
    said = collect_all_at_once(load, tmp_path)

    # all is green at the end, and everything that was expected was fetched
    expected = {one for one in load.scope.contents or {} if one.partition("/")[0] in SOURCES}
    for states in said:
        assert {one: states[one] for one in expected if states[one] not in GREEN} == {}
    fetched = {one: [states[one] for states in said].count("fetched") for one in expected}
    assert {one: count for one, count in fetched.items() if count < 1} == {}

    # no source was asked faster than it allows, by its own count over all processes
    for name, stand_in in load.stand_ins.items():
        rate = load.limits.get(name, RateLimits(40, 60.0))
        assert 429 not in {one.status for one in stand_in.requests}, name
        assert stand_in.requests and stand_in.errors == []
        assert most_in(stand_in, timedelta(seconds=rate.window_seconds)) <= rate.calls, name
        assert stand_in.max_in_window <= rate.calls, name

    with open_pipeline(load.settings) as pipeline, reading(pipeline.engine) as connection:
        # of one source there was one run after the other, never two at a time
        runs = rows_of(
            connection, "SELECT source, started_at, ended_at, state FROM run ORDER BY source, started_at"
        )
        assert len(runs) == WORKERS * len(SOURCES) and {one[3] for one in runs} == {"green"}
        pairs = [(one, other) for one, other in pairwise(runs) if one[0] == other[0]]
        assert len(pairs) == (WORKERS - 1) * len(SOURCES)
        assert [pair for pair in pairs if str(pair[0][2]) > str(pair[1][1])] == []
        assert rows_of(connection, "SELECT * FROM lock") == []
        stored = rows_of(connection, STORED)

    # what is stored is what one undisturbed worker without any pace stores, each figure once
    assert len(stored) == len({one[:5] for one in stored}) > 1000
    assert stored == stored_by_one(load, tmp_path)
