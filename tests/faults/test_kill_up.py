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

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("stacks of servers")]

GOING_ON = ("RUNNING", "PENDING", "CANCELLING")
# a vintage that says what the one before it said
REPEATED = """
    SELECT count(*) FROM (
        SELECT value, symbol, status, count(*) OVER w AS n,
               lag(value) OVER w AS value_before, lag(symbol) OVER w AS symbol_before,
               lag(status) OVER w AS status_before
        FROM vintage WINDOW w AS (PARTITION BY owner_no, series_id, period_no ORDER BY recorded_at)
    ) AS v
    WHERE n > 1 AND (value = value_before OR (value IS NULL AND value_before IS NULL))
        AND symbol = symbol_before AND status = status_before
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
    live.until(lambda: live.asked() >= before + calls, "a run calls the source")


def wait_for_a_good_run(live) -> dict:
    """The first run that began from now on and ended well."""
    now = datetime.now(UTC)
    found = live.until(
        lambda: [one for one in live.runs("COMPLETED") if begun(one) > now], "a run begins and ends well"
    )
    return found[-1]


def nothing_is_left_behind(live, good) -> None:
    """Nothing from before `good` goes on or waits for ever, and the limit is not used up by the dead."""
    live.until(
        lambda: not [one for one in live.runs(*GOING_ON, "SCHEDULED") if due(one) < due(good)],
        "nothing from before the good run goes on or waits",
        60,
    )

    def slots() -> int:
        (limit,) = live.ask("/v2/concurrency_limits/filter", {}) or [{"active_slots": 99}]
        return limit["active_slots"]

    live.until(lambda: slots() <= 1, "nobody but the run of now holds a slot", 60)


def all_is_current_and_nothing_stored_twice(live) -> None:
    """Compares the warehouse of a stopped `up` with an undisturbed collection of the same source."""
    assert live.current() == live.collected_anew()
    assert live.rows(REPEATED) == [(0,)]
    ((most,),) = live.rows("SELECT max(vintages) FROM observation")
    assert most <= live.published + 1
    assert live.rows("SELECT count(*) FROM vintage") == live.rows("SELECT sum(vintages) FROM observation")
    if not live.database_url:
        assert live.rows("PRAGMA integrity_check") == [("ok",)]
    assert live.prefect_database("PRAGMA integrity_check") == [("ok",)]
    still = live.prefect_database("SELECT count(*) FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING')")
    assert still == [(0,)]
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
    (deployment,) = live.until(lambda: live.ask("/deployments/filter", {}), "the deployments are there", 120)
    print(f"fresh home: server, interface and deployments up in {time.monotonic() - began:.1f} s")
    assert (deployment["name"], deployment["paused"]) == ("statfin", False)
    with urllib.request.urlopen(f"http://127.0.0.1:{live.port}/", timeout=30) as page:
        assert b"<div id=" in page.read()
    (server,) = live.of("server")
    assert {one.laddr.ip for one in server.net_connections() if one.status == psutil.CONN_LISTEN} == {
        "127.0.0.1"
    }
    assert [one["name"] for one in live.ask("/automations/filter", {})] == ["Runs that fell silent"]

    first = live.until(lambda: live.runs("COMPLETED"), "a run ends well")[-1]
    assert first["auto_scheduled"]
    # the runner prepares a run a little early, and may be some tenths of a second ahead
    assert timedelta(seconds=-1) <= begun(first) - due(first) < timedelta(seconds=60)
    expected = len(live.scope.contents)
    assert live.rows("SELECT count(*) FROM ledger WHERE state = 'fetched'") == [(expected,)]

    # nothing new: one call a dataset and one for the limits, no rows
    before, vintages = live.asked(), live.rows("SELECT count(*) FROM vintage")
    quiet = wait_for_a_good_run(live)
    runs = [one for one in live.runs("COMPLETED", "RUNNING") if begun(first) < begun(one)]
    assert quiet in runs or quiet["id"] in {one["id"] for one in runs}
    assert (live.asked() - before) <= (expected + 1) * len(runs)
    assert live.rows("SELECT count(*) FROM vintage") == vintages

    # what the ledger holds against a run is what Prefect shows of it
    live.stand_in.misbehave("html_200", table="vaerak/11ra", times=None)
    live.publish()
    red = live.until(lambda: live.runs("FAILED"), "a run is red")[-1]
    assert red["state"]["message"].startswith("statfin/vaerak/11ra failed")
    live.stand_in.behave()
    wait_for_a_good_run(live)

    processes = len(live.processes())
    seconds = live.stop()
    print(f"SIGTERM: {processes} processes gone in {seconds:.1f} s")
    assert seconds < 40
    assert outside.close() == []
    assert live.prefect_database("SELECT paused FROM deployment") == [(0,)]

    began = time.monotonic()
    live.start()
    live.until(lambda: live.ask("/health"), "it is up again", 120)
    print(f"known home: server up in {time.monotonic() - began:.1f} s")
    nothing_is_left_behind(live, wait_for_a_good_run(live))
    live.stop()
    all_is_current_and_nothing_stored_twice(live)


def test_after_a_kill_of_one_process_in_the_midst_of_a_run_the_next_run_makes_good(live) -> None:
    live.start()
    for kind in ("run", "runner", "server"):  # of all of them below
        live.in_the_midst()
        assert live.kill(kind) >= 1, kind
        live.stand_in.behave()
        began = time.monotonic()
        good = wait_for_a_good_run(live)
        print(f"{kind} killed: a good run ended {time.monotonic() - began:.0f} s later")
        nothing_is_left_behind(live, good)
    assert "was killed by signal 9" in live.said()
    assert "was cut off (attempt 2 of 3)" in live.said()
    live.stop()
    all_is_current_and_nothing_stored_twice(live)


def test_after_a_power_cut_what_fell_due_meanwhile_is_run_once(live) -> None:
    live.environ["EVERY_SECONDS"] = "10"
    live.start()
    live.in_the_midst()
    cut = datetime.now(UTC)
    assert live.kill("all") >= 4
    live.stand_in.behave()
    time.sleep(41)  # four runs fall due; of the first the dead runner had perhaps disposed already
    back = datetime.now(UTC)
    live.start()
    nothing_is_left_behind(live, wait_for_a_good_run(live))
    every = ("COMPLETED", "CANCELLED", "CRASHED", "FAILED", *GOING_ON)
    missed = [
        one
        for one in live.runs(*every)
        if one["auto_scheduled"]
        and cut < due(one) < back
        and datetime.fromisoformat(one["state"]["timestamp"]) > cut
    ]
    assert len(missed) >= 2
    assert sum(one["state_name"] == "Skipped" for one in missed) >= len(missed) - 1
    live.stop()
    all_is_current_and_nothing_stored_twice(live)


def test_a_run_that_falls_silent_is_crashed_by_the_automation_and_the_next_makes_good(live) -> None:
    live.start()
    silent = live.in_the_midst()
    beats = {
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{silent['id']}"]},
    }
    live.until(lambda: (live.ask("/events/filter", {"filter": beats}) or {}).get("events"), "its heart beats")
    # nobody is left to say what became of it: the supervisor sleeps, the runner and its run are dead
    (supervisor,) = live.of("up")
    supervisor.send_signal(signal.SIGSTOP)
    assert live.kill("runner") == 1
    live.kill("run")
    killed = time.monotonic()
    live.stand_in.behave()
    crashed = live.until(
        lambda: [one for one in live.runs("CRASHED") if one["id"] == silent["id"]], "the automation fires"
    )[0]
    print(f"silent run crashed {time.monotonic() - killed:.0f} s after its death")
    assert crashed["state"]["message"].startswith("No heartbeat")
    supervisor.send_signal(signal.SIGCONT)
    nothing_is_left_behind(live, wait_for_a_good_run(live))
    live.stop()
    all_is_current_and_nothing_stored_twice(live)


@pytest.mark.parametrize("seed", [20261124])
def test_after_ten_kills_at_random_moments_all_is_current_and_nothing_stored_twice(live, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    live.start()
    kinds = ["run", "runner", "server", "up", "all"] * 2
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds, start=1):
        live.publish()

        def at_some_moment() -> bool:
            wait_for_calls(live)
            time.sleep(chance.uniform(0, 4))
            return bool(live.of("run"))

        live.until(at_some_moment, "a run goes on")
        print(f"kill {number}: {kind}, {live.kill(kind)} processes")
        if kind in ("up", "all"):
            live.until(lambda: live.processes() == [], "no child outlives its supervisor", 60)
            live.start()
    nothing_is_left_behind(live, wait_for_a_good_run(live))
    live.stop()
    all_is_current_and_nothing_stored_twice(live)


@pytest.mark.postgresql
def test_a_database_that_is_away_for_a_while_costs_no_figure(live_on_postgresql, gate) -> None:
    live = live_on_postgresql
    live.start()
    run = live.in_the_midst()
    gate.shut()
    live.stand_in.behave()
    # the run tries again after 2 and 10 s, so it has not given up when the database is back
    time.sleep(5)
    gate.let_in()
    states = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    ended = live.until(lambda: [one for one in live.runs(*states) if one["id"] == run["id"]], "the run ends")
    assert ended[0]["state_type"] == "COMPLETED", ended[0]["state"]["message"]

    # away when a run is to begin: it is red and says why, and the next one makes good
    live.publish()
    gate.shut()
    red = live.until(lambda: live.runs("FAILED"), "a run is red")[0]
    assert "the database" in red["state"]["message"]
    gate.let_in()
    nothing_is_left_behind(live, wait_for_a_good_run(live))
    live.stop()
    all_is_current_and_nothing_stored_twice(live)
