"""What counts as flat: a soak that leaks a little with each run is found out."""

from typing import Any

import pytest
from curves import not_flat

STEADY = {
    "rss": 430_000_000,
    "handles": 12,
    "threads": 6,
    "other_files": 54,
    "other_bytes": 1_480_000,
    "wal_bytes": 4_100_000,
    "database_bytes": 2_000_000,
    "raw_files": 500,
    "raw_bytes": 400_000,
}
KEPT = {"database_bytes": 5_000, "raw_files": 4.1, "raw_bytes": 3_600}  # of a run


def soaked(leak: dict[str, float]) -> list[dict[str, Any]]:
    """Samples of 240 runs of four calls each, of which each leaks so much beside what is kept."""
    return [
        {name: value + runs * (KEPT.get(name, 0) + leak.get(name, 0)) for name, value in STEADY.items()}
        | {"runs": runs, "rows": {"document": 4 * runs}}
        for runs in range(140, 361, 20)
    ]


def test_what_is_kept_of_each_run_may_grow() -> None:
    assert not_flat(soaked({})) == []


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("rss", 50_000),
        ("handles", 0.05),
        ("threads", 0.05),
        ("other_files", 0.05),
        ("other_bytes", 1_000),
        ("wal_bytes", 4_000),
        ("database_bytes", 10_000),
        ("raw_files", 2),
        ("raw_bytes", 5_000),
    ],
)
def test_a_leak_of_a_little_with_each_run_is_found(name: str, each: float) -> None:
    (said,) = not_flat(soaked({name: each}))
    assert said.startswith(f"{name}: ")
