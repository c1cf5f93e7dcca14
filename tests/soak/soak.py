"""Thousands of scheduled runs on a clock that is moved on: what memory, handles, database and disk do over them.

    python tests/soak/soak.py --runs 10000 --plot docs/images/soak.svg

Everything a scheduled run does is done, on a stand-in of the source over loopback, but for Prefect (prefect_runs.py):
lock, what was cut off, catalogue, limits, collection, ledger, sign of life, pages at their rhythm, alarms, metrics. The
source publishes new periods and revisions, fails, sends nonsense, is late; now and then a run is cut off in its midst.
The tables are made up and small. A look every LOOK_HOURS hours is what a dozen sources with a look a day come to, so
that 10,000 runs are more than two years.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from curves import plot
from neighbour import Neighbour, neighbour
from programme import SOURCE, small_programme
from scheduled import scheduled_run
from sqlalchemy import Connection, NullPool, create_engine, text

import flows.artifacts
import flows.judge
import flows.pipeline
import warehouse.times
from connectors.http import Http
from demo import changes
from demo.sample import sample_scope
from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import Scope

LOOK_HOURS = 2
OPEN_ANEW = 25  # runs after which all is opened anew: each run of `mittaristo up` is a process of its own
FIRST = datetime(2026, 10, 1, 0, 7, tzinfo=UTC)
WITHHELD, WITHHELD_MONTHS = "vaerak/11ra", (6, 7, 8, 9)  # comes in May: in summer it is late
COUNTED = ("run", "ledger", "gate_result", "document", "vintage", "quarantine", "problem")


@dataclass(frozen=True)
class Sample:
    """What was measured after so many runs. Bytes; seconds are a run's, on average since the sample before."""

    runs: int
    day: str
    rss: int
    handles: int
    threads: int
    database_bytes: int
    wal_bytes: int
    raw_bytes: int
    raw_files: int
    other_files: int  # of the home folder: report, metrics, whatever is left behind
    other_bytes: int
    run_seconds: float
    run_cpu_seconds: float
    rows: Mapping[str, int]
    states: Mapping[str, int]  # of ledger rows, all together


class Clock:
    """The time, which goes on by itself a little whenever it is asked, and as far as anybody sleeps."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def seconds(self) -> float:
        return self().timestamp()

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Under this, the program's own functions of the time, and its sessions' clocks, are this clock."""
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return clock().astimezone(tz)

        with ExitStack() as patched:
            for module in (flows.pipeline, warehouse.times, flows.judge, flows.artifacts):
                patched.enter_context(patch.object(module, "datetime", Moved))
            session: dict[str, Any] = Http.__init__.__kwdefaults__
            patched.enter_context(patch.dict(session, clock=clock.seconds, sleep=clock.sleep))
            yield


class Source:
    """The source's days: what it publishes and how it misbehaves is drawn anew, but the same for the same seed."""

    def __init__(
        self, stand_in: Neighbour, tables: Mapping[str, SampleTable], programme: Path, seed: int = 1
    ) -> None:
        self._stand_in = stand_in
        self._catalogue = load_catalogue(programme)
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._truth = dict(tables)
        self._wrong_until: dict[str, datetime] = {}

    def next_day(self, now: datetime) -> None:
        """Publishes what is due by `now`, and now and then revises or spoils a table."""
        if now.isoweekday() == 1:
            for name, table in synthetic_tables(self._catalogue, until=now.date()).items():
                known = self._truth[name]
                is_longer = len(table.variable(table.time_variable).values) > len(
                    known.variable(known.time_variable).values
                )
                if is_longer and not (name == WITHHELD and now.month in WITHHELD_MONTHS):
                    self._publish(name, table, now)
        name = self._random.choice(sorted(self._truth))
        draw = self._random.random()
        if draw < 1 / 30:
            self._publish(name, self._changed(name, 1.01), now)
        elif draw < 2 / 30:
            self._publish(name, self._truth[name], now)  # a new date, the same figures
        elif draw < 2.7 / 30:
            spoilt = self._changed(name, 100_000.0)
            self._stand_in.publish(name, changes.set_updated(spoilt, now.replace(microsecond=0)))
            self._wrong_until[name] = now + timedelta(hours=12)
        elif draw < 4 / 30:
            self._stand_in.misbehave(
                self._random.choice(("500", "403_page", "cut_body", "html_200")), times=6
            )
        elif draw < 5 / 30:
            self._stand_in.misbehave("503", path="config", times=4)
        else:
            self._stand_in.behave()

    def mend(self, now: datetime) -> None:
        """Publishes anew, and right, what was spoilt long enough ago."""
        for name in [one for one, until in self._wrong_until.items() if until <= now]:
            del self._wrong_until[name]
            self._publish(name, self._truth[name], now)

    def _publish(self, name: str, table: SampleTable, now: datetime) -> None:
        self._truth[name] = table
        self._stand_in.publish(name, changes.set_updated(table, now.replace(microsecond=0)))

    def _changed(self, name: str, factor: float) -> SampleTable:
        """The table with the newest period's figures of the programme's municipality times `factor`."""
        table = self._truth[name]
        newest = table.variable(table.time_variable).values[-1]
        where: dict[str, str] = {table.time_variable: newest}
        if table.area_variable:
            where[table.area_variable] = self._catalogue.programme.municipality
        return changes.revise(table, where, factor=factor)


@dataclass
class World:
    """All that a soak is about. `runs` is how many there were."""

    settings: Settings
    clock: Clock
    source: Source
    scope: Scope
    runs: int = 0

    def soak(self, runs: int, every: int) -> Iterator[Sample]:
        """Makes `runs` scheduled runs; a sample after each `every` of them."""
        draw = random.Random(2)  # noqa: S311 - no secret
        first, today = self.clock.now, self.clock.now.date()
        begun, cpu_begun = time.perf_counter(), time.process_time()
        while self.runs < runs:
            with open_pipeline(self.settings) as pipeline:
                for _ in range(min(OPEN_ANEW, runs - self.runs)):
                    self.clock.now = max(self.clock.now, first + timedelta(hours=LOOK_HOURS) * self.runs)
                    if self.clock.now.date() != today:
                        today = self.clock.now.date()
                        self.source.next_day(self.clock.now)
                    self.source.mend(self.clock.now)
                    scheduled_run(
                        pipeline, SOURCE, self.scope, clock=self.clock, cut_off=draw.random() < 1 / 50
                    )
                    self.runs += 1
                    if self.runs % every == 0:
                        each = (
                            (time.perf_counter() - begun) / every,
                            (time.process_time() - cpu_begun) / every,
                        )
                        yield self._sample(pipeline, *each)
                        begun, cpu_begun = time.perf_counter(), time.process_time()

    def _sample(self, pipeline: Pipeline, seconds: float, cpu_seconds: float) -> Sample:
        """What there is now. Counting goes through all of the database, so it has a connection with a small cache."""
        gc.collect()
        process = psutil.Process()
        rss, handles, threads = process.memory_info().rss, process.num_fds(), process.num_threads()
        counting = create_engine(pipeline.engine.url, poolclass=NullPool)
        with counting.begin() as connection:
            rows = {
                name: int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())
                for name in COUNTED
            }
            states = {
                str(state): int(count)
                for state, count in connection.execute(
                    text("SELECT state, count(*) FROM ledger GROUP BY state")
                )
            }
            database, wal = _database_bytes(connection, self.settings)
        home = self.settings.home
        raw_files, raw_bytes = _tree(home / "raw")
        files, size = _tree(
            home, leave_out=("raw", "mittaristo.db", "mittaristo.db-wal", "mittaristo.db-shm")
        )
        return Sample(
            runs=self.runs,
            day=f"{self.clock.now:%Y-%m-%d}",
            rss=rss,
            handles=handles,
            threads=threads,
            database_bytes=database,
            wal_bytes=wal,
            raw_bytes=raw_bytes,
            raw_files=raw_files,
            other_files=files,
            other_bytes=size,
            run_seconds=seconds,
            run_cpu_seconds=cpu_seconds,
            rows=rows,
            states=states,
        )


def _database_bytes(connection: Connection, settings: Settings) -> tuple[int, int]:
    """The database's size and, on SQLite, that of its write-ahead log."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()), 0
    path = settings.home / "mittaristo.db"
    wal = path.with_name(f"{path.name}-wal")
    return path.stat().st_size, wal.stat().st_size if wal.exists() else 0


def _tree(folder: Path, leave_out: tuple[str, ...] = ()) -> tuple[int, int]:
    """Number and bytes of the files under `folder`, less those of the names to leave out at its top."""
    count = size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in leave_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                more, bytes_of_more = _tree(Path(entry.path))
                count, size = count + more, size + bytes_of_more
            else:
                count, size = count + 1, size + entry.stat().st_size
    return count, size


@contextmanager
def soaking(folder: Path, database_url: str = "") -> Iterator[World]:
    """A world in `folder`: its home, its programme, its pace; the database is SQLite in the home, or the one given."""
    clock = Clock(FIRST)
    programme = small_programme(folder / "programme")
    with patch.dict(os.environ, XDG_STATE_HOME=str(folder / "state")), ExitStack() as opened:
        tables = synthetic_tables(load_catalogue(programme), until=FIRST.date())
        stand_in = opened.enter_context(neighbour(tables))
        home = folder / "home"
        settings = Settings(
            home=home,
            database_url=database_url,
            programme=programme,
            urls={SOURCE: stand_in.url},
            metrics_file=home / "mittaristo.prom",
        )
        opened.enter_context(clock.everywhere())
        with open_pipeline(settings) as pipeline:
            scope = replace(sample_scope(pipeline.catalogue, tables), today={})
        yield World(settings, clock, Source(stand_in, tables, programme), scope)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=100, help="runs between two samples")
    parser.add_argument("--database-url", default="", help="PostgreSQL; SQLite where it is not given")
    parser.add_argument("--out", type=Path, help="a file for the samples, a line of JSON each")
    parser.add_argument("--plot", type=Path, help="a picture of the curves, .svg or .png")
    asked = parser.parse_args()
    logging.getLogger("mittaristo").setLevel(logging.CRITICAL)  # thousands of problems begin and end
    begun = time.monotonic()
    samples: list[Sample] = []
    with (
        suppress(KeyboardInterrupt),  # the curves of a soak that is cut short are drawn too
        tempfile.TemporaryDirectory(prefix="mt-soak-") as folder,
        soaking(Path(folder), asked.database_url) as world,
    ):
        for sample in world.soak(asked.runs, asked.every):
            samples.append(sample)
            sys.stdout.write(f"{said(sample)}\n")
            sys.stdout.flush()
            if asked.out is not None:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(asdict(sample))}\n")
    memory = psutil.virtual_memory().total / 2**30
    runs = samples[-1].runs if samples else 0
    sys.stdout.write(
        f"{runs} runs in {(time.monotonic() - begun) / 60:.1f} min; {os.cpu_count()} cores, "
        f"{memory:.0f} GB, Python {platform.python_version()}\n"
    )
    if asked.plot is not None and samples:
        plot([asdict(one) for one in samples], asked.plot)


def said(sample: Sample) -> str:
    """A sample in one line."""
    return (
        f"{sample.runs:6d} runs, {sample.day}: {sample.rss / 1e6:.0f} MB, {sample.handles} handles, "
        f"{sample.threads} threads, database {sample.database_bytes / 1e6:.1f} MB + {sample.wal_bytes / 1e6:.1f}, "
        f"raw {sample.raw_bytes / 1e6:.1f} MB in {sample.raw_files}, other {sample.other_files} files "
        f"{sample.other_bytes / 1e6:.2f} MB, {sample.run_seconds * 1000:.0f} ms a run "
        f"({sample.run_cpu_seconds * 1000:.0f} cpu), {dict(sample.rows)}, {dict(sample.states)}"
    )


if __name__ == "__main__":
    main()
