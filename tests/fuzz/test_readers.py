"""Whatever bytes a source, a file or a person gives: a result or one of our own errors, in bounded time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import CASES, TARGETS, keep_promise

ROOT = Path(__file__).resolve().parents[2]
QUICK = settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=300)


def _changed_input_keeps_the_promise(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    body = seeds[data.draw(st.integers(0, len(seeds) - 1))]
    keep_promise(target, target.change(body, lambda n: data.draw(st.integers(0, n - 1))))


@pytest.mark.parametrize("name", TARGETS)
def test_valid_input_is_read(name: str) -> None:
    target = TARGETS[name]
    first, *others = target.seeds()
    target.run(first)
    for body in others:
        keep_promise(target, body)


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
@QUICK
def test_changed_input_is_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    _changed_input_keeps_the_promise(name, data)


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
@LONG
def test_input_changed_in_many_more_ways_is_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    _changed_input_keeps_the_promise(name, data)


def test_every_case_that_once_was_found_is_read_or_refused_in_bounded_time_and_memory() -> None:
    assert {path.name for path in CASES.iterdir()} <= set(TARGETS)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.replay"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_broken_promise_is_found() -> None:
    from dataclasses import replace

    from tests.fuzz.targets import BrokenPromiseError

    def unprintable(body: bytes) -> None:
        from models.errors import SourceError

        raise SourceError("two\nlines")

    broken = replace(TARGETS["ods"], run=unprintable)
    with pytest.raises(BrokenPromiseError, match="no line for a person"):
        keep_promise(broken, b"")
    with pytest.raises(ZeroDivisionError):
        keep_promise(replace(broken, run=lambda body: 1 // len(body)), b"")
