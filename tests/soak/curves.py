"""The curves of a soak: whether they are flat, and a picture of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

CURVES: tuple[tuple[str, Callable[[dict[str, float]], float]], ...] = (
    ("memory (RSS), MB", lambda one: one["rss"] / 1e6),
    ("open file handles", lambda one: one["handles"]),
    ("threads", lambda one: one["threads"]),
    ("a run, ms of one core", lambda one: one["run_cpu_seconds"] * 1000),
    ("warehouse (SQLite), MB", lambda one: one["database_bytes"] / 1e6),
    ("its write-ahead log, MB", lambda one: one["wal_bytes"] / 1e6),
    ("raw store, thousand files", lambda one: one["raw_files"] / 1000),
    ("other files in the home", lambda one: one["other_files"]),
)


def slope(runs: Sequence[float], values: Sequence[float]) -> float:
    """How much is added with each run: the line of least squares through `values`."""
    return float(np.polyfit(np.asarray(runs, dtype=float), np.asarray(values, dtype=float), 1)[0])


def not_flat(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """What grows over `samples` (soak.Sample as JSON) and must not, or more than what is kept of a run; a line each."""
    runs = [one["runs"] for one in samples]
    calls = samples[-1]["rows"]["document"] / samples[-1]["runs"]  # of a run, on average
    found = []
    for name, most in (("handles", 2), ("threads", 2), ("other_files", 2)):
        spread = max(one[name] for one in samples) - min(one[name] for one in samples)
        if spread > most:
            found.append(f"{name}: differ by {spread}, not by {most}")
    for name, most in (
        ("rss", 40_000),
        ("wal_bytes", 2_000),
        ("other_bytes", 500),
        ("database_bytes", 12_000),  # the ledger and the index of answers
        ("raw_files", 1.3 * calls),  # a sidecar for each call, and now and then new bytes
        ("raw_bytes", 1_500 * calls),
    ):
        grown = slope(runs, [one[name] for one in samples])
        if grown > most:
            found.append(f"{name}: {grown:.1f} more with each run, not {most:.1f}")
    return found


def plot(samples: Sequence[dict[str, float]], path: Path) -> None:
    """Draws all CURVES over the number of runs into `path`, .svg or .png."""
    mpl.rcParams["svg.hashsalt"] = "soak"  # the same figures give the same file
    mpl.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    for axes, (title, value) in zip(figure.subplots(2, 4).flat, CURVES, strict=True):
        axes.plot([one["runs"] for one in samples], [value(one) for one in samples], linewidth=1.2)
        axes.set_title(title, fontsize=9)
        axes.set_ylim(0, 1.3 * max(*(value(one) for one in samples), 1e-3))
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.supxlabel("scheduled runs", fontsize=9)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
