"""The lock in the database: one holder at a time, on whatever machine."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from warehouse import lock as lock_module
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.errors import LockHeldError, LockLostError
from warehouse.lock import hold
from warehouse.tables import Lock


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept = 0.0

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rows(engine: Engine) -> list[tuple[str, str, int]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT name, holder, pid FROM lock"))]


def test_the_lock_is_held_within_the_block_and_given_back_after_it(engine: Engine) -> None:
    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60):
        assert rows(engine) == [("statfin", "run 1", os.getpid())]
    assert rows(engine) == []


def test_it_is_given_back_when_the_block_fails(engine: Engine) -> None:
    with pytest.raises(KeyError), hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60):
        raise KeyError
    assert rows(engine) == []


def test_the_second_waits_and_then_says_in_one_line_who_holds_it(engine: Engine, clock: Clock) -> None:
    def second() -> None:
        with hold(
            engine, "statfin", "run 2", wait_seconds=5, lease_seconds=60, clock=clock, sleep=clock.sleep
        ):
            raise AssertionError("it is held")

    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60, clock=clock):
        with pytest.raises(LockHeldError) as caught:
            second()
        told = str(caught.value)
        assert f"'statfin' is held by run 1 on {os.uname().nodename}, process {os.getpid()}" in told
        assert "since 2026-01-01 00:00:00 UTC" in told
        assert "\n" not in told
        assert 5 <= clock.slept < 6
        assert rows(engine) == [("statfin", "run 1", os.getpid())]


def test_locks_of_different_names_do_not_meet(engine: Engine) -> None:
    with (
        hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60),
        hold(engine, "sotkanet", "run 1", wait_seconds=0, lease_seconds=60),
    ):
        assert len(rows(engine)) == 2


def test_a_lease_that_ended_is_taken_over_and_the_first_is_told(engine: Engine, clock: Clock) -> None:
    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60, clock=clock) as first:
        clock.sleep(60)
        with hold(engine, "statfin", "run 2", wait_seconds=0, lease_seconds=60, clock=clock):
            with pytest.raises(LockLostError, match="taken over"):
                first.renew()
            assert [holder for _, holder, _ in rows(engine)] == ["run 2"]


def test_the_first_does_not_give_back_what_the_second_holds(engine: Engine, clock: Clock) -> None:
    outer = hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60, clock=clock)
    outer.__enter__()
    clock.sleep(61)
    with hold(engine, "statfin", "run 2", wait_seconds=0, lease_seconds=60, clock=clock):
        outer.__exit__(None, None, None)
        assert [holder for _, holder, _ in rows(engine)] == ["run 2"]


def test_a_renewed_lease_is_not_taken_over(engine: Engine, clock: Clock) -> None:
    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=60, clock=clock) as first:
        clock.sleep(50)
        first.renew()
        clock.sleep(50)
        with (
            pytest.raises(LockHeldError),
            hold(engine, "statfin", "run 2", wait_seconds=0, lease_seconds=60, clock=clock),
        ):
            pass


def test_a_lock_whose_process_on_this_machine_is_dead_is_taken_over_at_once(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=3600):
        with writing(engine) as connection:
            connection.execute(text("UPDATE lock SET pid = :pid"), {"pid": ended.pid})
        with hold(engine, "statfin", "run 2", wait_seconds=0, lease_seconds=3600):
            assert [holder for _, holder, _ in rows(engine)] == ["run 2"]


@pytest.mark.parametrize("column", ["host", "pid_space"])
def test_a_process_of_another_machine_is_not_judged_by_its_number(engine: Engine, column: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with hold(engine, "statfin", "run 1", wait_seconds=0, lease_seconds=3600):
        with writing(engine) as connection:
            connection.execute(text(f"UPDATE lock SET pid = :pid, {column} = 'other'"), {"pid": ended.pid})
        with (
            pytest.raises(LockHeldError),
            hold(engine, "statfin", "run 2", wait_seconds=0, lease_seconds=3600),
        ):
            pass


def test_of_many_only_one_holds_it_at_a_time(engine: Engine) -> None:
    within, most = 0, 0
    guard = threading.Lock()
    failed: list[BaseException] = []

    def work(number: int) -> None:
        nonlocal within, most
        try:
            with hold(engine, "statfin", f"run {number}", wait_seconds=30, lease_seconds=60, sleep=short):
                with guard:
                    within += 1
                    most = max(most, within)
                threading.Event().wait(0.02)
                with guard:
                    within -= 1
        except BaseException as error:
            failed.append(error)

    def short(_seconds: float) -> None:
        threading.Event().wait(0.01)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (failed, most) == ([], 1)
    assert rows(engine) == []


@pytest.mark.postgresql
def test_of_two_that_find_the_same_dead_holder_one_takes_its_place(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(postgres_url)
    upgrade(engine)
    both_saw_it = threading.Barrier(2)
    taken: list[str] = []

    def dead(other: Lock) -> bool:
        if other.holder != "the dead":
            return False
        both_saw_it.wait(30)
        return True

    def work(name: str) -> None:
        try:
            with hold(engine, "statfin", name, wait_seconds=0, lease_seconds=60):
                taken.append(name)
                both_tried.wait(30)
        except LockHeldError:
            both_tried.wait(30)

    monkeypatch.setattr(lock_module, "_is_dead", dead)
    both_tried = threading.Barrier(2)
    with hold(engine, "statfin", "the dead", wait_seconds=0, lease_seconds=3600):
        threads = [threading.Thread(target=work, args=(f"run {n}",)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(taken) == 1
    engine.dispose()
