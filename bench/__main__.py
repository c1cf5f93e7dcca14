"""All measurements in one run: `python -m bench [--scale small] [--only serving]`; see `make bench`."""

from __future__ import annotations

import argparse
import inspect
import math
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import psutil

from bench import dlt_merge, gates, growth, idle, memory, parsing, serving, storing, verdicts
from bench.databases import Databases, databases
from bench.measure import SCALES, Figure, Goal, Scale

SECTIONS: dict[str, ModuleType] = {
    "parsing": parsing,
    "gates": gates,
    "storing": storing,
    "dlt": dlt_merge,
    "serving": serving,
    "idle": idle,
    "memory": memory,
    "growth": growth,
    "verdicts": verdicts,
}
RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = (
    "pandas",
    "numpy",
    "orjson",
    "sqlalchemy",
    "psycopg",
    "great-expectations",
    "pyjstat",
    "pxwebpy",
    "dlt",
)
_WIDTHS = (52, 46, 38, 11, 11, 9, 22)


def measured(name: str, scale: Scale, places: Databases) -> Iterator[Figure]:
    """The figures of a section; what goes wrong in it is a figure too, and stops no other."""
    section = SECTIONS[name].figures
    try:
        yield from (
            section(scale, places) if len(inspect.signature(section).parameters) == 2 else section(scale)
        )
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        yield Figure(name, "the rest of its lines", float("nan"), Goal("<=", 0, ""), note=reason)


def row_of(figure: Figure) -> tuple[str, ...]:
    return (
        figure.line,
        figure.what,
        figure.versus or figure.note,
        _seconds(figure.ours),
        _seconds(figure.theirs),
        _value(figure),
        f"{figure.goal or 'no goal'}: {figure.verdict}" if figure.goal is not None else "(beside)",
    )


def _value(figure: Figure) -> str:
    if math.isnan(figure.value):
        return ""
    if figure.goal is not None:
        unit = figure.goal.unit.split()[0]
    else:
        unit = "x" if figure.theirs is not None else "ms" if "p95" in figure.line else "s"
    return f"{figure.value:.3g} {unit}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def machine(places: Databases) -> list[str]:
    memory_gb = psutil.virtual_memory().total / 2**30
    return [
        f"{os.cpu_count()} cores, {memory_gb:.0f} GB of memory, {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {places.version('postgresql')} with its default settings",
        ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def written(figures: Iterable[Figure], scale: Scale, about: list[str], minutes: float) -> str:
    head = ("line", "what", "compared with", "ours", "theirs", "value", "goal")
    rows = [head, ("---",) * len(head), *(row_of(one) for one in figures)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    facts = "\n".join(f"- {one}" for one in [*about, f"{datetime.now(UTC):%Y-%m-%d}, {minutes:.0f} minutes"])
    warning = (
        "" if scale.name == "full" else f"\n**Scale `{scale.name}`: the goals are about the full one.**\n"
    )
    return (
        "# Results of the benchmarks\n\nMade by `make bench`; what is measured, and how, stands in the modules of this "
        f"folder.\n{warning}\n{facts}\n\n{table}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default=os.environ.get("SCALE", "full"))
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", help="this section; RESULTS.md stays as it is"
    )
    chosen = parser.parse_args()
    if chosen.scale not in SCALES:
        parser.error(f"SCALE={chosen.scale}: choose from {', '.join(SCALES)}")
    scale = SCALES[chosen.scale]
    started = time.monotonic()
    figures = []
    with databases() as places:
        about = machine(places)
        print("\n".join(about), flush=True)
        for name in chosen.only or SECTIONS:
            for one in measured(name, scale, places):
                figures.append(one)
                cells = zip(row_of(one), _WIDTHS, strict=True)
                print("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip(), flush=True)
                if one.note and one.versus:
                    print(f"    {one.note}")
    minutes = (time.monotonic() - started) / 60
    goals = [one for one in figures if one.goal is not None]
    reached = sum(one.verdict == "reached" for one in goals)
    print(f"{reached} of {len(goals)} goals reached at scale {scale.name}, in {minutes:.1f} minutes")
    if not chosen.only and scale.name == "full":
        RESULTS.write_text(written(figures, scale, about, minutes), encoding="utf-8")
        print(f"written: {RESULTS.relative_to(Path.cwd())}")
    return 1 if any(one.verdict == "FAILED" for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
