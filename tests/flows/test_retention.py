"""Clearing Prefect's history of runs: when it is done, and that it harms no run. What it clears: tests/soak."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import retention
from flows.retention import EVERY_SECONDS, MARK, forget_old_runs


@pytest.fixture
def cleared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each time that something was cleared; nothing really is."""
    times: list[bool] = []

    async def clear() -> None:
        times.append(True)

    monkeypatch.setattr(retention, "_clear", clear)
    return times


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with temporary_settings({PREFECT_HOME: tmp_path}, restore_defaults={PREFECT_API_URL}):
        yield tmp_path


def test_it_is_cleared_after_the_first_run_and_then_once_a_day(home: Path, cleared: list[bool]) -> None:
    assert forget_old_runs()
    assert not forget_old_runs()
    yesterday = time.time() - EVERY_SECONDS - 1
    os.utime(home / MARK, (yesterday, yesterday))
    assert forget_old_runs()
    assert len(cleared) == 2


def test_a_clock_that_was_once_ahead_does_not_keep_it_from_being_cleared(
    home: Path, cleared: list[bool]
) -> None:
    forget_old_runs()
    next_year = time.time() + 365 * EVERY_SECONDS
    os.utime(home / MARK, (next_year, next_year))
    assert forget_old_runs()


def test_another_server_s_history_is_left_to_that_server(home: Path, cleared: list[bool]) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4200/api"}):
        assert not forget_old_runs()
    assert cleared == []


def test_a_history_that_cannot_be_cleared_is_said_and_tried_again_after_the_next_run(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(retention, "_clear", fails)
    monkeypatch.setattr(retention.log, "propagate", True)
    assert not forget_old_runs()
    assert "the disk is full" in caplog.text
    assert not (home / MARK).exists()
