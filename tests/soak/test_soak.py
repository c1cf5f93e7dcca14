"""A soak that is cut short: what is flat over years must be flat over weeks, so that a leak is caught."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from curves import not_flat

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("soak")]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def soaked(script: str, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The samples of a soak in a process of its own: the memory and handles of this one are the whole suite's."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "samples").read_text().splitlines()]


@pytest.fixture
def samples(database_url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Of 360 runs, a month of them; the first third, in which caches fill, is left out."""
    found = soaked(
        "soak.py",
        tmp_path,
        *("--runs", "360", "--every", "20", "--out", "samples"),
        *(() if database_url.startswith("sqlite") else ("--database-url", database_url)),
    )
    assert [one["runs"] for one in found] == list(range(20, 361, 20))
    return found[6:]


def test_over_hundreds_of_runs_nothing_grows_but_what_is_kept(samples: list[dict[str, Any]]) -> None:
    assert not_flat(samples) == []
    assert max(one["wal_bytes"] for one in samples) < 8_000_000
    assert samples[-1]["rows"]["document"] / samples[-1]["runs"] < 6, (
        "three tables and the limits: a call each"
    )
    # days of every kind were among them
    assert samples[-1]["rows"]["vintage"] > samples[0]["rows"]["vintage"]
    assert {"fetched", "unchanged", "failed"} <= set(samples[-1]["states"])


@pytest.mark.parametrize("by", [(), ("--by-server",)], ids=["mittaristo run", "mittaristo up"])
def test_prefect_s_history_of_long_ago_is_cleared_by_run_and_by_up_and_its_room_is_used_again(
    by: tuple[str, ...], tmp_path: Path
) -> None:
    found = soaked("prefect_runs.py", tmp_path, *("--runs", "16", "--every", "4", "--out", "samples"), *by)
    before, cleared = (next(one for one in found if one["what"] == what) for what in ("before", "cleared"))
    last = found[-1]
    assert before["rows"]["flow_run"] == before["runs"] == 8
    assert cleared["rows"]["flow_run"] == 1, "the newest is not old"
    assert cleared["rows"]["task_run"] == before["rows"]["task_run"] / 8
    assert 0 < cleared["rows"]["log"] < before["rows"]["log"] / 4
    assert 0 < cleared["rows"]["artifact"] < before["rows"]["artifact"] / 2
    assert cleared["rows"]["events"] < before["rows"]["events"] / 4
    # eight more runs, and the database is as large as after the first eight
    assert last["rows"]["flow_run"] == 9
    assert last["database_bytes"] < 1.25 * before["database_bytes"]
