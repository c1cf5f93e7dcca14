"""The stand-in in a process of its own, so that what a soak measures is the program's alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

from demo.stand_in import StandIn
from demo.table import SampleTable

CALLS, WINDOW_SECONDS = 10_000, 1.0  # no limit that a soak would meet
FORGETS_SECONDS = 1.0  # how often it forgets the calls that came


class Neighbour:
    """A stand-in elsewhere, told what to do; each method returns when it is done there."""

    def __init__(self, pipe: Connection, url: str) -> None:
        self._pipe = pipe
        self.url = url

    def publish(self, name: str, table: SampleTable) -> None:
        """Answers with `table` from now on."""
        self._ask("publish", name, table)

    def misbehave(self, kind: str, *, times: int, path: str | None = None) -> None:
        """As StandIn.misbehave."""
        self._ask("misbehave", kind, path, times)

    def behave(self) -> None:
        """As StandIn.behave."""
        self._ask("behave")

    def _ask(self, *asked: object) -> None:
        self._pipe.send(asked)
        self._pipe.recv()


@contextmanager
def neighbour(tables: Mapping[str, SampleTable]) -> Iterator[Neighbour]:
    """A stand-in of `tables` in a new process, until the body is through."""
    context = multiprocessing.get_context("spawn")  # a fork would have this process's memory and handles
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, dict(tables)), name="stand-in")
    process.start()
    theirs.close()
    try:
        yield Neighbour(ours, ours.recv())
    finally:
        ours.close()  # which ends it
        process.join()


def _serve(pipe: Connection, tables: dict[str, SampleTable]) -> None:
    with StandIn(tables, calls=CALLS, window=WINDOW_SECONDS) as stand_in:
        pipe.send(stand_in.url)
        try:
            while True:
                if not pipe.poll(FORGETS_SECONDS):
                    stand_in.requests.clear()
                    continue
                match pipe.recv():
                    case ("publish", name, table):
                        stand_in.tables[name] = table
                    case ("misbehave", kind, path, times):
                        stand_in.misbehave(kind, path=path, times=times)
                    case ("behave",):
                        stand_in.behave()
                pipe.send(None)
        except (EOFError, KeyboardInterrupt):
            return
