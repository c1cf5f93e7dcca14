"""`mittaristo up` with real processes: starting, running at the times, stopping, and every kind of sudden death."""

import random
import signal
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psutil
import pytest

pytestmark = pytest.mark.long

GOING_ON = ("RUNNING", "PENDING", "CANCELLING")
MINUTE = 60
# a vintage that says what the one before it said
REPEATED = """
    SELECT count(*) FROM (
        SELECT value, symbol, status, count(*) OVER w AS n,
               lag(value) OVER w AS value_before, lag(symbol) OVER w AS symbol_before,
               lag(status) OVER w AS status_before
        FROM vintage WINDOW w AS (PARTITION BY owner_no, series_id, period_no ORDER BY recorded_at)
    ) AS v WHERE n > 1 AND value IS value_before AND symbol = symbol_before AND status = status_before
"""


class Outside:
    """Listens where calls to the outside are sent to, and keeps how each begins."""

    def __init__(self) -> None:
        self._calls: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                call, _ = self._socket.accept()
                with call:
                    self._calls.append(call.recv(200).partition(b"\r\n")[0])

    def close(self) -> list[bytes]:
        """Stops listening; what came."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        return self._calls


def begun(run) -> datetime:
    return datetime.fromisoformat(run["start_time"])


def due(run) -> datetime:
    return datetime.fromisoformat(run["expected_start_time"])


def wait_for_calls(live, calls: int = 1) -> None:
    """Until a run has made some more calls to the source."""
    before = live.asked()
    live.until(lambda: live.asked() >= before + calls, 2 * MINUTE, f"a run calls the source\n{live.said()}")


def wait_for_a_good_run(live) -> dict:
    """The first run that began from now on and ended well."""
    now = datetime.now(UTC)
    found = live.until(
        lambda: [one for one in live.runs("COMPLETED") if begun(one) > now],
        3 * MINUTE,
        f"a run ends well\n{live.said()}",
    )
    return found[-1]


def no_run_is_left_behind(live, good) -> None:
    """Nothing from before `good` is said to be going on or waits, and the limit is not used up by the dead."""
    old = [one for one in live.runs(*GOING_ON) if due(one) < due(good)]
    assert old == [], "going on for ever"
    waiting = [one for one in live.runs("SCHEDULED") if due(one) < datetime.now(UTC) - timedelta(seconds=30)]
    assert waiting == [], "waits for ever"
    (limit,) = live.ask("/v2/concurrency_limits/filter", {})
    assert limit["active_slots"] == len(live.runs(*GOING_ON)) or limit["active_slots"] <= 1


def all_is_current_and_nothing_stored_twice(live) -> None:
    """Compares the warehouse of a stopped `up` with an undisturbed collection of the same source."""
    assert live.current() == live.collected_anew()
    assert live.rows(REPEATED) == [(0,)]
    ((most,),) = live.rows("SELECT max(vintages) FROM observation")
    assert most <= live.published + 1
    assert live.rows("SELECT count(*) FROM vintage") == live.rows("SELECT sum(vintages) FROM observation")
    assert live.rows("PRAGMA integrity_check") == [("ok",)]
    assert live.prefect_database("PRAGMA integrity_check") == [("ok",)]
    ((last,),) = live.rows("SELECT run_id FROM run WHERE state = 'green' ORDER BY started_at DESC LIMIT 1")
    states = dict(live.rows(f"SELECT dataset_id, state FROM ledger WHERE run_id = '{last}'"))
    expected = set(live.scope.contents)
    assert {one for one, state in states.items() if state != "not_in_sample"} == expected
    assert {states[one] for one in expected} <= {"fetched", "unchanged"}


def test_on_a_fresh_home_all_is_up_within_a_minute_runs_at_its_times_and_stops_without_a_trace(live) -> None:
    outside = Outside()
    live.environ |= {"HTTPS_PROXY": outside.url, "HTTP_PROXY": outside.url, "NO_PROXY": "127.0.0.1,localhost"}
    began = time.monotonic()
    live.start()
    (deployment,) = live.until(
        lambda: live.ask("/deployments/filter", {}), MINUTE, f"the deployments are there\n{live.said()}"
    )
    took = time.monotonic() - began
    print(f"fresh home: server, interface and deployments up in {took:.1f} s")
    assert took < MINUTE
    assert (deployment["name"], deployment["paused"]) == ("statfin", False)
    with urllib.request.urlopen(f"http://127.0.0.1:{live.port}/", timeout=10) as page:
        assert b"<div id=" in page.read()
    (server,) = live.of("server")
    assert {one.laddr.ip for one in server.net_connections() if one.status == psutil.CONN_LISTEN} == {
        "127.0.0.1"
    }
    assert [one["name"] for one in live.ask("/automations/filter", {})] == ["Runs that fell silent"]

    first = live.until(lambda: live.runs("COMPLETED"), 3 * MINUTE, f"a run ends well\n{live.said()}")[-1]
    assert begun(first) - due(first) < timedelta(seconds=20)
    expected = len(live.scope.contents)
    assert live.rows("SELECT count(*) FROM ledger WHERE state = 'fetched'") == [(expected,)]

    # nothing new: one call a dataset and one for the limits, no rows
    before, vintages = live.asked(), live.rows("SELECT count(*) FROM vintage")
    quiet = wait_for_a_good_run(live)
    runs = [one for one in live.runs("COMPLETED") if begun(first) < begun(one) <= begun(quiet)]
    assert (live.asked() - before) <= (expected + 1) * (len(runs) + 1)
    assert live.rows("SELECT count(*) FROM vintage") == vintages

    # what the ledger holds against a run is what Prefect shows of it
    live.stand_in.misbehave("html_200", table="vkour/12bs", times=None)
    live.publish()
    red = live.until(lambda: live.runs("FAILED"), 3 * MINUTE, f"a run is red\n{live.said()}")[-1]
    assert red["state"]["message"].startswith("statfin/vkour/12bs failed")
    live.stand_in.behave()
    wait_for_a_good_run(live)

    processes = len(live.processes())
    code, seconds = live.stop()
    print(f"SIGTERM: {processes} processes gone in {seconds:.1f} s")
    assert code == 0
    assert seconds < 20
    assert live.processes() == []
    assert live.prefect_database(
        "SELECT count(*) FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING')"
    ) == [(0,)]
    assert live.prefect_database("SELECT paused FROM deployment") == [(0,)]

    began = time.monotonic()
    live.start()
    live.until(lambda: live.ask("/health"), MINUTE, "it is up again")
    print(f"known home: server up in {time.monotonic() - began:.1f} s")
    no_run_is_left_behind(live, wait_for_a_good_run(live))
    assert live.stop()[0] == 0
    all_is_current_and_nothing_stored_twice(live)


def test_after_a_kill_of_any_process_in_the_midst_of_a_run_the_next_run_makes_good(live) -> None:
    live.start()
    wait_for_a_good_run(live)
    for kind in ("run", "runner", "server", "up"):
        live.publish()
        wait_for_calls(live, 4)
        assert live.kill(kind) >= 1, kind
        if kind == "up":
            live.until(lambda: live.processes() == [], 20, "no child outlives its supervisor")
            live.start()
        began = time.monotonic()
        good = wait_for_a_good_run(live)
        print(f"{kind} killed: a good run ended {time.monotonic() - began:.0f} s later")
        no_run_is_left_behind(live, good)
    assert "was killed by signal 9" in live.said()
    assert "was cut off (attempt 2 of 3)" in live.said()
    assert live.stop()[0] == 0
    all_is_current_and_nothing_stored_twice(live)


def test_after_a_power_cut_what_fell_due_meanwhile_is_run_once(live) -> None:
    live.start()
    wait_for_a_good_run(live)
    live.publish()
    wait_for_calls(live, 4)
    cut = datetime.now(UTC)
    assert live.kill("all") >= 4
    assert live.processes() == []
    time.sleep(50)  # three runs fall due
    back = datetime.now(UTC)
    live.start()
    good = wait_for_a_good_run(live)
    no_run_is_left_behind(live, good)
    missed = [
        one for one in live.runs("COMPLETED", "CANCELLED", "CRASHED", "RUNNING") if cut < due(one) < back
    ]
    assert len(missed) >= 3
    assert sum(one["state_name"] == "Skipped" for one in missed) >= len(missed) - 1
    assert live.stop()[0] == 0
    all_is_current_and_nothing_stored_twice(live)


def test_a_run_that_falls_silent_is_crashed_by_the_automation_and_done_again(live) -> None:
    live.start()
    wait_for_a_good_run(live)
    live.publish()
    wait_for_calls(live, 4)
    (silent,) = live.runs("RUNNING")
    # nobody is left to say what became of it: the supervisor sleeps, the runner and its run are dead
    (supervisor,) = live.of("up")
    supervisor.send_signal(signal.SIGSTOP)
    live.kill("runner")
    live.kill("run")
    killed = time.monotonic()
    crashed = live.until(
        lambda: [one for one in live.runs("CRASHED") if one["id"] == silent["id"]],
        150,
        "the automation fires",
    )[0]
    print(f"silent run crashed {time.monotonic() - killed:.0f} s after its death")
    assert crashed["state"]["message"].startswith("No heartbeat")
    supervisor.send_signal(signal.SIGCONT)
    no_run_is_left_behind(live, wait_for_a_good_run(live))
    assert f"{silent['name']} was cut off (attempt 2 of 3)" in live.said() or "is skipped" in live.said()
    assert live.stop()[0] == 0
    all_is_current_and_nothing_stored_twice(live)


@pytest.mark.parametrize("seed", [20261124])
def test_after_ten_kills_at_random_moments_all_is_current_and_nothing_stored_twice(live, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    live.start()
    wait_for_calls(live)
    kinds = ["run", "runner", "server", "up", "all"] * 2
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds, start=1):
        live.publish()
        going_on = False
        while not going_on:
            wait_for_calls(live)
            time.sleep(chance.uniform(0, 6))
            going_on = bool(live.of("run"))
        print(f"kill {number}: {kind}, {live.kill(kind)} processes")
        if kind in ("up", "all"):
            live.start()
    good = wait_for_a_good_run(live)
    no_run_is_left_behind(live, good)
    assert live.stop()[0] == 0
    assert live.processes() == []
    all_is_current_and_nothing_stored_twice(live)
