"""Runs the flow, an export or the import of a form in a child that meets a fault of its machine at a given step.

Started by test_matrix_machine.py, as kill_driver.py is by its tests, and upon it: a line of JSON in, a child, a line of
JSON out. The fault is there from the entry of the step until the dataset's collection ends (of what is no collection:
until the step ends), and it is a real one: the kernel's limits, mounts and signals, and the server's own errors. Only
the clock is ours.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import great_expectations  # noqa: F401 - slow to import: once, before the children
import kill_driver
import psycopg
from prefect.utilities.engine import capture_sigterm
from sqlalchemy import Connection

import flows.adopt
import flows.alarms
import flows.answers
import flows.collect
import flows.forms
import flows.ingest
import flows.open_data
import flows.pages
import flows.pipeline
import flows.prefect_flows
import flows.turn
from connectors.http import Http
from connectors.pxweb_source import PxWebSource
from warehouse.raw import RawStore

Job = dict[str, Any]

# Where a step begins, and where what the fault may last until ends: owner and name of a function.
BEGINS: dict[str, tuple[Any, str]] = {
    "release check": (PxWebSource, "release"),
    "metadata": (PxWebSource, "_description"),
    "fetch": (Http, "send"),
    "keep": (RawStore, "keep"),
    "parse": (PxWebSource, "read"),
    "gate": (flows.ingest, "check_observations"),
    "map": (flows.ingest, "observations"),
    "store": (flows.ingest, "store"),
    "derive": (flows.ingest, "derive"),
    "publish": (flows.alarms, "look"),
    "report": (flows.pages, "_report"),
    "export": (flows.open_data, "build_export"),
    "form import": (flows.answers, "apply_form"),
}
ENDS: dict[str, tuple[Any, str]] = {
    "publish": (flows.prefect_flows, "write_metrics"),
    "report": (flows.prefect_flows, "build_pages"),
    "export": (flows.open_data, "build_export"),
    "form import": (flows.forms, "import_form"),
}
COLLECTION_ENDS = (flows.prefect_flows, "collect")


# --- faults of the machine: each begins it, and gives what ends it

_LIBC = ctypes.CDLL(None, use_errno=True)
_PRIVATE, _RECURSIVE, _BIND, _READ_ONLY, _AGAIN, _LAZY, _NEW_MOUNTS = (
    1 << 18,
    1 << 14,
    1 << 12,
    1,
    32,
    2,
    0x20000,
)


def _limited(kind: int, soft: int) -> Callable[[], None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, before[1]))
    return lambda: resource.setrlimit(kind, before)


def _disk_full(_job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """No file may grow by a byte."""
    return _limited(resource.RLIMIT_FSIZE, 0)


def _mount(source: str, target: str, flags: int) -> None:
    if _LIBC.mount(source.encode(), target.encode(), b"none", flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def _read_only(job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """The home folder as a read-only disk; what is open already stays as it is."""
    home = job["home"]
    _mount(home, home, _BIND)
    _mount(home, home, _BIND | _READ_ONLY | _AGAIN)

    def end() -> None:
        _LIBC.umount2(home.encode(), _LAZY)

    return end


def own_mounts() -> None:
    """What is mounted from now on is seen by this process alone. Raises OSError."""
    if _LIBC.unshare(_NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", "/", _PRIVATE | _RECURSIVE)


def _no_handles(_job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """Not one file or socket more may be opened."""
    lift = _limited(resource.RLIMIT_NOFILE, max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 1)
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))  # the numbers that are free below

    def end() -> None:
        lift()
        for one in taken:
            os.close(one)

    return end


def _no_memory(_job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """The process has what it has; the step asks for more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    lift = _limited(resource.RLIMIT_AS, pages * resource.getpagesize())
    try:
        bytearray(1 << 30)
    except MemoryError:
        lift_later.append(lift)
        raise
    raise AssertionError("there was memory")


lift_later: list[Callable[[], None]] = []


def _killed(with_signal: int, _job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    os.kill(os.getpid(), with_signal)
    return lambda: None


def _database_gone(job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """Every connection of this process is cut by the server."""
    with psycopg.connect(job["database_url"], autocommit=True) as one:
        one.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'mittaristo'"
        )
    return lambda: None


def _connection(given: tuple[Any, ...]) -> Any:
    return next(one for one in given if isinstance(one, Connection))


def _deadlock(job: Job, given: tuple[Any, ...]) -> Callable[[], None]:
    """Another transaction holds what this one asks for, and asks for what this one holds; the server ends this one."""
    ours = _connection(given)
    theirs = psycopg.connect(job["database_url"])
    theirs.execute("SET deadlock_timeout = '60s'")
    theirs.execute("SELECT pg_advisory_xact_lock(1)")
    ours.exec_driver_sql("SET LOCAL deadlock_timeout = '20ms'")
    ours.exec_driver_sql("SELECT pg_advisory_xact_lock(2)")
    other = threading.Thread(target=lambda: theirs.execute("SELECT pg_advisory_xact_lock(2)"))
    other.start()
    with psycopg.connect(job["database_url"], autocommit=True) as look:
        while not look.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            pass
    try:
        ours.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
    finally:
        other.join()
        theirs.close()
    raise AssertionError("no deadlock")


def _serialization(_job: Job, given: tuple[Any, ...]) -> Callable[[], None]:
    """The server ends the transaction with its error 40001."""
    _connection(given).exec_driver_sql(
        "DO $$ BEGIN RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END $$"
    )
    raise AssertionError("no error")


def _clock(by: timedelta, _job: Job, _given: tuple[Any, ...]) -> Callable[[], None]:
    """All times that are taken from now on are others."""
    flows.prefect_flows.utc_now = partial(_shifted, flows.prefect_flows.utc_now, by)
    flows.turn.utc_now = partial(_shifted, flows.turn.utc_now, by)
    flows.collect.utc_now = partial(_shifted, flows.pipeline.utc_now, by)
    keep = RawStore.keep

    def kept(self: Any, answer: Any, *more: Any) -> Any:
        at = answer.fetched_at
        return keep(self, replace(answer, asked_at=at + by, fetched_at=at + by), *more)

    RawStore.keep = kept  # type: ignore[method-assign]
    return lambda: None


def _shifted(clock: Callable[[], Any], by: timedelta) -> Any:
    return clock() + by


FAULTS: dict[str, Callable[[Job, tuple[Any, ...]], Callable[[], None]]] = {
    "disk full": _disk_full,
    "read-only disk": _read_only,
    "file handles exhausted": _no_handles,
    "out of memory": _no_memory,
    "kill -9": partial(_killed, signal.SIGKILL),
    "SIGTERM": partial(_killed, signal.SIGTERM),
    "database gone": _database_gone,
    "deadlock": _deadlock,
    "serialization failure": _serialization,
    "clock jump": partial(_clock, timedelta(days=-400)),
    "clock jump, ahead": partial(_clock, timedelta(days=400)),
}


# --- where they meet a step


class Meeting:
    """The fault at the step, once; `met` says that it was there."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.met = False
        self._end: Callable[[], None] | None = None

    def arrange(self) -> None:
        step = self._job["step"]
        self._around(*BEGINS[step], self._begin, lambda: None)
        self._around(*ENDS.get(step, COLLECTION_ENDS), lambda _: None, self._over)

    def _around(
        self, owner: Any, name: str, before: Callable[[tuple[Any, ...]], None], after: Callable[[], None]
    ) -> None:
        real = getattr(owner, name)

        def called(*given: Any, **more: Any) -> Any:
            try:
                before((*given, *more.values()))
                return real(*given, **more)
            finally:
                after()

        setattr(owner, name, called)

    def _begin(self, given: tuple[Any, ...]) -> None:
        if self.met or not self._is_meant(given):
            return
        self.met = True
        os.write(self._job["says"], b"m")
        self._end = FAULTS[self._job["fault"]](self._job, given)

    def _is_meant(self, given: tuple[Any, ...]) -> bool:
        """Of keep and fetch, which are called for everything, the calls for the data alone."""
        if self._job["step"] == "fetch":
            return "data" in given
        if self._job["step"] == "keep":
            return getattr(given[1], "kind", "") == "data"
        return True

    def _over(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None
        while lift_later:
            lift_later.pop()()


def export(job: Job) -> str:
    """The views as CSV files, as the command does it."""
    flows.open_data.out = lambda *_: None  # type: ignore[attr-defined]
    flows.open_data.export_open_data(os.environ, "", ["csv"], "")
    return ""


def form(job: Job) -> int:
    """A filled form taken in, as the command does it."""
    return flows.forms.import_file(
        os.environ, job["file"], role="viestintäpäällikkö", reason="", party="", period="", finnish=False
    )


DOES: dict[str, Callable[[Job], Any]] = {
    "run": kill_driver.run,
    "replay": kill_driver.replayed,
    "export": export,
    "form": form,
}


def child(job: Job) -> dict[str, Any]:
    """How a child ended that did the job (negative for a signal), whether it met the fault, what it gave or said."""
    read_end, write_end = os.pipe()
    met_read, met_write = os.pipe()
    number = os.fork()
    if number == 0:
        try:
            os.close(read_end)
            sys.stdout = sys.stderr
            os.environ.update(kill_driver.environment(job))
            kill_driver.tell_times(job["number"])
            job["says"] = met_write
            if job.get("fault") == "read-only disk":
                own_mounts()
            if job.get("fault"):
                Meeting(job).arrange()
            logging.disable(logging.CRITICAL)
            with capture_sigterm():
                gave = DOES[job["do"]](job)
            os.write(write_end, json.dumps({"gave": gave}).encode())
            os._exit(0)
        except BaseException as error:
            with suppress(OSError):
                traceback.print_exc()
            text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            os.write(write_end, json.dumps({"error": text}).encode())
        finally:
            os._exit(1)
    os.close(write_end)
    os.close(met_write)
    with os.fdopen(read_end) as given:
        said = given.read()
    with os.fdopen(met_read) as given:
        met = bool(given.read())
    _, status = os.waitpid(number, 0)
    return {"ended": os.waitstatus_to_exitcode(status), "met": met, **(json.loads(said) if said else {})}


def can_mount() -> bool:
    """Whether a child may have mounts of its own."""
    number = os.fork()
    if number == 0:
        try:
            own_mounts()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(number, 0)[1] == 0


def main() -> None:
    flows.pipeline.load_catalogue = flows.adopt.load_catalogue = kill_driver.load_once
    kill_driver.load_once(None)
    kill_driver.sample()
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps({"can_mount": can_mount()} if job["do"] == "look" else child(job)), flush=True)


if __name__ == "__main__":
    main()
