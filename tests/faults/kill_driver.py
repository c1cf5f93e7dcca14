"""Runs the flow and the commands the ordinary way, each in a process of its own that kills itself at a given step.

Started once by test_kill_between_steps.py, so that what is slow to import is imported once: for each line of JSON on
standard input it forks a child that does what the line says, and answers with a line: how the child ended, what it
gave, the steps it took (or the one it died before). The times of all answers are told by the number of the run, so that
a run that was killed and one that was not can be compared to the microsecond.

A step is whatever changes something that is there after a death. They are not listed anywhere but seen from below: each
statement that the database's driver is given and that is no query, each commit, and each file or folder under the home
folder that is opened for writing, synced, linked, renamed, made or removed. So a step that somebody adds to the program
is one more step here.
"""

import hashlib
import json
import logging
import os
import re
import resource
import signal
import sqlite3
import stat
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import great_expectations  # noqa: F401 - slow to import: once, before the children
import psycopg
from sqlalchemy import Connection, Engine, event, text

import flows.adopt
import flows.pages
import flows.pipeline
import flows.prefect_flows
import flows.turn
import warehouse.raw
from demo.sample import load_sample, sample_scope
from flows.pipeline import open_pipeline
from flows.replay import past_of, replay
from flows.review import decide_quarantine
from flows.settings import read_settings
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.files import catalogue_files
from models.ledger import scope_to_json
from warehouse.engine import open_engine, reading, upgrade
from warehouse.ledger import rows_of
from warehouse.quarantine import quarantined

Job = dict[str, Any]
SOURCE = "statfin"
FIRST_HOUR = datetime(2026, 11, 1, 3, tzinfo=UTC)


# --- steps


class Steps:
    """Names each step in turn, and kills this process before the one of number `kill_at` (from 1; 0 for none).

    Where it is to look it keeps a checksum of all that a death before each step would leave behind in the home folder.
    """

    def __init__(self, home: Path, kill_at: int, last_words: int, *, look: bool) -> None:
        self.names: list[str] = []
        self.left: list[str] = []
        self._home = f"{home}/"
        self._kill_at = kill_at
        self._last_words = last_words
        self._look = look

    def step(self, name: str, torn: Callable[[], object] | None = None) -> None:
        """A step is about to be taken. `torn` leaves it half done; it is called before the death."""
        self.names.append(name)
        if self._look:
            self.left.append(self._bytes_left())
        if len(self.names) == self._kill_at:
            if torn is not None:
                torn()
            os.write(self._last_words, json.dumps({"steps": [name]}).encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def _bytes_left(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(Path(self._home).rglob("*")):
            if path.is_file() and not path.name.endswith("-shm"):  # SQLite makes that one anew after a death
                digest.update(f"{path} {path.stat().st_size}\n".encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()

    # --- files

    def watch_files(self) -> None:
        sys.addaudithook(self._audited)
        real = os.fsync

        def fsync(handle: int) -> None:
            path = str(Path(f"/proc/self/fd/{handle}").readlink())
            if path.startswith(self._home):
                is_file = stat.S_ISREG(os.fstat(handle).st_mode)
                half = os.fstat(handle).st_size // 2
                self.step(
                    f"fsync {self._place(path)}", partial(os.ftruncate, handle, half) if is_file else None
                )
            real(handle)

        os.fsync = fsync

    def _audited(self, what: str, arguments: tuple[Any, ...]) -> None:
        if what == "open":
            path, _, flags = arguments
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif what in _CHANGES_OF_FILES:
            path = arguments[0]
        else:
            return
        if isinstance(path, str | Path) and str(path).startswith(self._home):
            self.step(f"{what.removeprefix('os.')} {self._place(str(path))}")

    def _place(self, path: str) -> str:
        """A file's folders in short: which file it is differs from run to run."""
        parts = path.removeprefix(self._home).split("/")
        return "/".join(parts[:3] if parts[0] == "raw" and len(parts) > 3 else parts[:2])

    # --- the database

    def watch_databases(self) -> None:
        @event.listens_for(Engine, "connect")
        def connected(driver: Any, _record: Any) -> None:
            if isinstance(driver, sqlite3.Connection):
                driver.set_trace_callback(_Statements(self.step).say)

        statements: dict[int, _Statements] = {}

        def of(connection: Any) -> "_Statements":
            return statements.setdefault(id(connection), _Statements(self.step))

        for name in ("execute", "executemany", "copy"):
            _before(psycopg.Cursor, name, lambda cursor, text, *_: of(cursor.connection).say(str(text)))
        _before(psycopg.Connection, "commit", lambda connection: of(connection).say("COMMIT"))
        _before(psycopg.Connection, "rollback", lambda connection: of(connection).say("ROLLBACK"))


_CHANGES_OF_FILES = {
    *("os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"),
    *("shutil.move", "shutil.copyfile"),
}
_QUERY = re.compile(r"(SELECT|PRAGMA|EXPLAIN|SHOW|SAVEPOINT|RELEASE|SET|BEGIN|--)\b|--")
_NAME = re.compile(
    r"(INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|COPY|(?:CREATE|DROP|ALTER) (?:TEMPORARY |UNIQUE )?\w+)"
    r"(?: IF (?:NOT )?EXISTS)? +\"?(\w+)"
)


class _Statements:
    """What one connection is told. The same statement for many rows in a row is one step."""

    def __init__(self, step: Callable[[str], None]) -> None:
        self._step = step
        self._changed = False
        self._last = ""

    def say(self, statement: str) -> None:
        text = statement.strip()
        if text == "ROLLBACK" or text.startswith("BEGIN"):
            self._changed, self._last = False, ""
        if text == "ROLLBACK" or _QUERY.match(text):
            return
        if text == "COMMIT":
            if self._changed:
                self._changed, self._last = False, ""
                self._step("COMMIT")
            return
        found = _NAME.match(text)
        name = " ".join(found.groups()) if found else " ".join(text.split()[:3])
        self._changed = True
        if name != self._last:
            self._last = name
            self._step(name)


def _before(owner: Any, name: str, look: Callable[..., None]) -> None:
    real = getattr(owner, name)

    def called(*arguments: Any, **more: Any) -> Any:
        look(*arguments)
        return real(*arguments, **more)

    setattr(owner, name, called)


# --- times


def tell_times(number: int) -> None:
    """Each run has an hour of its own; all times that are kept are of it: an answer a second, pages at half past."""
    begins = FIRST_HOUR + timedelta(hours=number)
    seconds = count(1)
    keep = warehouse.raw.RawStore.keep

    def kept(self: Any, answer: Any, run_id: str, collection_id: str) -> Any:
        if answer.source == SOURCE and answer.kind != "notice":
            at = begins + timedelta(seconds=next(seconds))
            answer = replace(answer, asked_at=at, fetched_at=at)
        return keep(self, answer, run_id, collection_id)

    warehouse.raw.RawStore.keep = kept  # type: ignore[method-assign]
    flows.turn.utc_now = flows.prefect_flows.utc_now = lambda: begins
    flows.prefect_flows.build_pages = partial(
        flows.pages.build_pages, clock=lambda: begins + timedelta(minutes=30)
    )


# --- what is done


class PlainTask:
    """The flow's task without Prefect's engine; of a dataset that is not of `only`, one that failed at once."""

    def __init__(self, only: list[str] | None) -> None:
        self._function = flows.prefect_flows.collect_dataset.fn
        self._only = only

    def with_options(self, **_: Any) -> "PlainTask":
        return self

    def __call__(self, dataset_id: str, collection: Any, **_: Any) -> Any:
        if self._only is not None and dataset_id not in self._only:
            return SimpleNamespace(result=lambda **_: RuntimeError("left out"))
        try:
            outcome = self._function(dataset_id, collection).data
        except Exception as error:
            traceback.print_exc()
            outcome = error
        return SimpleNamespace(result=lambda **_: outcome)


def build_page(connection: Connection, *about: Any, **_: Any) -> Path:
    """A page in place of the hundreds of the report, which take seconds: it says how much the warehouse holds."""
    (folder,) = (one for one in about if isinstance(one, Path))
    folder.mkdir(parents=True, exist_ok=True)
    count = connection.execute(text("SELECT count(*) FROM vintage")).scalar_one()
    (folder / "index.html").write_text(f"{count} vintages")
    return folder


def run(job: Job) -> dict[str, str]:
    """The flow itself, without Prefect around it: what became of each dataset."""
    module = flows.prefect_flows
    flows.pages.build_site = flows.pages.build_validation = build_page  # type: ignore[assignment]
    module.get_run_logger = logging.getLogger  # type: ignore[attr-defined]
    for name, value in list(vars(module).items()):
        asks_the_server = name in ("Progress", "fresh_pages", "publish_dataset", "publish_summary")
        if asks_the_server and getattr(value, "__module__", "") == "flows.artifacts":
            setattr(module, name, MagicMock(name=name))
    module.collect_dataset = PlainTask(job.get("only"))  # type: ignore[assignment]
    run_id = f"run-{job['number']}"
    scope = scope_to_json(sample_scope(load_once(None), sample()))
    module.collect_source.fn(SOURCE, run_id=run_id, datasets=job["datasets"], scope=scope)
    with open_pipeline(read_settings(os.environ)) as pipeline, reading(pipeline.engine) as connection:
        return {row.dataset_id: row.state for row in rows_of(connection, run_id)}


def decide(_job: Job) -> int:
    """The open quarantine released, as the command does it."""
    with open_pipeline(read_settings(os.environ)) as pipeline, reading(pipeline.engine) as connection:
        (held,) = quarantined(connection)
    decide_quarantine(os.environ, held.quarantine_id, "release", "tietoasiantuntija", "lähde vahvisti")
    return held.quarantine_id


def replayed(job: Job) -> list[str]:
    """The tables in which a replay differs."""
    with open_pipeline(read_settings(os.environ)) as pipeline:
        engine = open_engine(job["into"])
        upgrade(engine)
        found = replay(past_of(pipeline), replace(pipeline, engine=engine)).different
        engine.dispose()
        return list(found)


DOES: dict[str, Callable[[Job], Any]] = {"run": run, "decide": decide, "replay": replayed}


def environment(job: Job) -> dict[str, str]:
    found = {
        "MITTARISTO_HOME": job["home"],
        "MITTARISTO_DATABASE_URL": job["database_url"],
        "MITTARISTO_URL_STATFIN": job["url"],
        "MITTARISTO_METRICS_FILE": f"{job['home']}/metrics.prom",
    }
    return found | ({"MITTARISTO_PROGRAMME": job["programme"]} if job.get("programme") else {})


def child(job: Job) -> tuple[int, dict[str, Any]]:
    """The status of a child that did the job (negative for a signal), and what it said."""
    read_end, write_end = os.pipe()
    number = os.fork()
    if number == 0:
        try:
            os.close(read_end)
            sys.stdout = sys.stderr
            if job.get("largest_file"):  # bytes
                resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], job["largest_file"]))
            os.environ.update(environment(job))
            tell_times(job["number"])
            steps = Steps(Path(job["home"]), job.get("kill_at", 0), write_end, look=bool(job.get("look")))
            if job["do"] != "replay":
                steps.watch_databases()
                steps.watch_files()
            gave = DOES[job["do"]](job)
            with os.fdopen(write_end, "w") as out:
                json.dump({"gave": gave, "steps": steps.names, "left": steps.left}, out)
            os._exit(0)
        except BaseException:
            with suppress(OSError):
                traceback.print_exc()
        finally:
            os._exit(1)
    os.close(write_end)
    if job.get("kill_after"):
        time.sleep(job["kill_after"])
        os.kill(number, signal.SIGKILL)
    with os.fdopen(read_end) as given:
        said = given.read()
    _, status = os.waitpid(number, 0)
    return os.waitstatus_to_exitcode(status), json.loads(said) if said else {}


# --- what is slow, done once, before the children


_CATALOGUES: dict[str, Catalogue] = {}
sample = lru_cache(load_sample)


def load_once(folder: Path | None) -> Catalogue:
    """The catalogue of a folder, read once for the same texts."""
    texts = json.dumps(catalogue_files(folder), sort_keys=True)
    if texts not in _CATALOGUES:
        _CATALOGUES[texts] = load_catalogue(folder)
    return _CATALOGUES[texts]


def main() -> None:
    flows.pipeline.load_catalogue = flows.adopt.load_catalogue = load_once
    load_once(None)
    sample()
    for line in sys.stdin:
        job = json.loads(line)
        if job.get("programme"):
            load_once(Path(job["programme"]))
        ended, said = child(job)
        print(json.dumps({"ended": ended, **said}), flush=True)


if __name__ == "__main__":
    main()
