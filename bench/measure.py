"""What a measurement is, and how it is taken: ours and theirs by turns in one process, the best of some rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Work = Callable[[], "float | None"]


@dataclass(frozen=True)
class Scale:
    """How much is measured; `full` is what the goals are about, `small` only shows that all of it runs."""

    name: str
    cells: tuple[int, int]  # of JSON-stat answers
    gate_rows: int  # a multiple of 5,000
    rows: int  # stored at once, a multiple of 2,000
    tenth: int  # a tenth of it
    series: int  # of the big warehouse; each has `periods` periods and `vintages` vintages of each value
    periods: int
    vintages: int
    picks: int  # queries whose 95th percentile is taken
    verdict_series: int
    rounds: int


FULL = Scale("full", (100_000, 1_000_000), 100_000, 1_000_000, 100_000, 10_000, 200, 5, 200, 10_000, 5)
SMALL = Scale("small", (10_000, 50_000), 20_000, 50_000, 5_000, 1_000, 40, 5, 50, 500, 3)
SCALES = {one.name: one for one in (FULL, SMALL)}


@dataclass(frozen=True)
class Goal:
    """What is to be reached: at most, or at least, `bound`, in `unit` (x, ms, MB, calls, s)."""

    sense: Literal["<=", ">="]
    bound: float
    unit: str

    def __str__(self) -> str:
        return f"{self.sense} {self.bound:g} {self.unit}"

    def reached(self, value: float) -> bool:
        return value <= self.bound if self.sense == "<=" else value >= self.bound


@dataclass(frozen=True)
class Figure:
    """One row of the results. Times are in seconds; `goal` is None for what only stands beside a line."""

    line: str  # which line of the table of figures to reach
    what: str
    value: float  # the ratio, the milliseconds, the megabytes that the goal is about; NaN: it failed
    goal: Goal | None
    ours: float | None = None
    theirs: float | None = None
    versus: str = ""  # what theirs is
    note: str = ""

    @property
    def verdict(self) -> str:
        if np.isnan(self.value):
            return "FAILED"
        if self.goal is None:
            return "-"
        return "reached" if self.goal.reached(self.value) else "NOT REACHED"


def by_turns(rounds: int, works: Mapping[str, Work]) -> dict[str, float]:
    """The shortest time of each work in seconds, each done once a round, in an order that turns with the rounds.

    A work that returns a number says itself how long what counts of it took.
    """
    names = list(works)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            said = works[name]()
            taken[name].append(time.perf_counter() - started if said is None else said)
    return {name: min(all_times) for name, all_times in taken.items()}


def percentile_ms(works: list[Callable[[], object]], percent: float = 95) -> float:
    """That percentile of the times of the works, each done once, in milliseconds."""
    taken = []
    for work in works:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.percentile(taken, percent)) * 1000


def faster(line: str, what: str, times: Mapping[str, float], versus: str, bound: float) -> Figure:
    """How many times faster ours is than `versus`: at least `bound`."""
    ours, theirs = times["ours"], times[versus]
    return Figure(line, what, theirs / ours, Goal(">=", bound, "x"), ours, theirs, versus)


def cost(line: str, what: str, times: Mapping[str, float], versus: str, bound: float) -> Figure:
    """How many times the time of `versus` ours takes: at most `bound`."""
    ours, theirs = times["ours"], times[versus]
    return Figure(line, what, ours / theirs, Goal("<=", bound, "x"), ours, theirs, versus)
