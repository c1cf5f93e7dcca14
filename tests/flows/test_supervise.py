"""The supervisor, with small programs in place of the server and the runner."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.supervise import Child, Waits, secrets_in, supervise

QUICK = Waits(first=0.2, longest=0.8, steady=60.0)


class Supervised:
    """`supervise` in a thread, and what it said."""

    def __init__(self, children: list[Child], waits: Waits = QUICK) -> None:
        self.said: list[tuple[float, str]] = []
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(children, waits))
        self._thread.start()

    def _run(self, children: list[Child], waits: Waits) -> None:
        supervise(children, say=self._say, stop=self.stop, waits=waits)

    def _say(self, text: str) -> None:
        self.said.append((time.monotonic(), text))

    @property
    def lines(self) -> list[str]:
        return [text for _, text in self.said]

    def end(self) -> float:
        began = time.monotonic()
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        return time.monotonic() - began


@pytest.fixture
def start() -> Iterator[Callable[..., Supervised]]:
    running: list[Supervised] = []

    def begin(*children: Child, waits: Waits = QUICK) -> Supervised:
        running.append(Supervised(list(children), waits))
        return running[-1]

    yield begin
    for one in running:
        one.end()


def child(folder: Path, name: str, program: str, **settings: object) -> Child:
    """A child that runs `program`; it finds its folder in FOLDER."""
    path = folder / f"{name}.py"
    path.write_text(program, encoding="utf-8")
    environ = {**os.environ, "FOLDER": str(folder), "PYTHONUNBUFFERED": "1"}
    environ |= settings.pop("environ", {})  # type: ignore[arg-type]
    return Child(name, (sys.executable, str(path)), environ, folder / "logs" / f"{name}.log", **settings)  # type: ignore[arg-type]


def until(said: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


WAITS = "import os, time\nopen(os.environ['FOLDER'] + '/pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"


def test_a_child_that_dies_is_started_again_with_growing_waits(tmp_path, start) -> None:
    supervised = start(child(tmp_path, "runner", "raise SystemExit(3)"))
    until(lambda: len(supervised.said) >= 5)
    assert [text.partition(" (log")[0] for text in supervised.lines[:5]] == [
        f"runner: ended with exit code 3; starts again in {wait:g} s" for wait in (0.2, 0.4, 0.8, 0.8, 0.8)
    ]
    gaps = [
        later - earlier
        for (earlier, _), (later, _) in zip(supervised.said, supervised.said[1:5], strict=False)
    ]
    assert all(gap >= wait for gap, wait in zip(gaps, (0.2, 0.4, 0.8, 0.8), strict=True))


def test_after_a_long_good_time_the_waits_begin_anew(tmp_path, start) -> None:
    supervised = start(
        child(tmp_path, "runner", "import time; time.sleep(0.5)"),
        waits=Waits(first=0.1, longest=5.0, steady=0.4),
    )
    until(lambda: len(supervised.said) >= 3)
    assert {text.partition(" (log")[0] for text in supervised.lines[:3]} == {
        "runner: ended with exit code 0; starts again in 0.1 s"
    }


def test_a_killed_child_is_said_to_be_killed_and_runs_again(tmp_path, start) -> None:
    supervised = start(child(tmp_path, "server", WAITS))
    until((tmp_path / "pid").exists)
    time.sleep(0.2)
    first = int((tmp_path / "pid").read_text())
    os.kill(first, signal.SIGKILL)
    until(lambda: (tmp_path / "pid").read_text() not in ("", str(first)))
    assert supervised.lines[0].startswith("server: was killed by signal 9; starts again in 0.2 s")


def test_what_a_dead_child_had_started_is_gone_before_it_starts_again(tmp_path, start) -> None:
    start(
        child(
            tmp_path,
            "runner",
            "import os, subprocess, sys, time\n"
            "run = subprocess.Popen([sys.executable, '-c', 'import signal, time;"
            " signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.6), exit())); time.sleep(600)'])\n"
            "with open(os.environ['FOLDER'] + '/runs', 'a') as file: file.write(f'{os.getpid()} {run.pid}\\n')\n"
            "time.sleep(600)\n",
        )
    )
    runs = tmp_path / "runs"
    until(lambda: runs.exists() and runs.read_text().count("\n") == 1)
    time.sleep(0.3)
    runner, run = map(int, runs.read_text().split())
    os.kill(runner, signal.SIGKILL)
    until(lambda: runs.read_text().count("\n") == 2, 15)
    assert not alive(run)


def test_children_are_stopped_in_the_reverse_order_and_one_after_the_other(tmp_path, start) -> None:
    program = (
        "import os, signal, sys, time\n"
        "def told(*_):\n"
        "    time.sleep(0.3)\n"
        "    with open(os.environ['FOLDER'] + '/order', 'a') as file: file.write(NAME + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, told)\n"
        "open(os.environ['FOLDER'] + '/' + NAME, 'w').close()\n"
        "time.sleep(600)\n"
    )
    supervised = start(
        *(child(tmp_path, name, f"NAME = '{name}'\n" + program) for name in ("server", "runner"))
    )
    until(lambda: (tmp_path / "server").exists() and (tmp_path / "runner").exists())
    supervised.end()
    assert (tmp_path / "order").read_text().split() == ["runner", "server"]
    assert [text.partition(" after")[0] for text in supervised.lines] == [
        "runner: stopped",
        "server: stopped",
    ]


def test_a_child_that_will_not_stop_is_killed_with_all_it_started(tmp_path, start) -> None:
    supervised = start(
        child(
            tmp_path,
            "runner",
            "import os, signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "run = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "open(os.environ['FOLDER'] + '/runs', 'w').write(f'{os.getpid()} {run.pid}\\n')\n"
            "time.sleep(600)\n",
            patience=0.5,
        )
    )
    until(lambda: (tmp_path / "runs").exists() and (tmp_path / "runs").read_text().endswith("\n"))
    pids = list(map(int, (tmp_path / "runs").read_text().split()))
    assert supervised.end() < 5
    assert "had to be killed" in supervised.lines[-1]
    until(lambda: not any(alive(pid) for pid in pids))


def test_a_child_that_answers_is_said_to_be_up_once(tmp_path, start) -> None:
    supervised = start(
        child(
            tmp_path,
            "server",
            WAITS,
            is_up=(tmp_path / "pid").exists,
            up_text="up, open http://127.0.0.1:4200",
        )
    )
    until(lambda: bool(supervised.said))
    time.sleep(1.2)
    assert [text.partition(" (")[0] for text in supervised.lines] == [
        "server: up, open http://127.0.0.1:4200"
    ]


def test_a_child_that_hangs_is_ended_and_started_again(tmp_path, start) -> None:
    supervised = start(child(tmp_path, "server", WAITS, is_up=lambda: False, hung_seconds=1.0, patience=0.5))
    until((tmp_path / "pid").exists)
    time.sleep(0.2)
    first = int((tmp_path / "pid").read_text())
    until(lambda: (tmp_path / "pid").read_text() not in ("", str(first)))
    assert not alive(first)
    assert supervised.lines[0].startswith("server: has not answered for 1 s; starts again in 0.2 s")


def test_a_program_that_is_not_there_is_tried_again_like_one_that_died(tmp_path, start) -> None:
    supervised = start(Child("runner", ("/nowhere/at/all",), {}, tmp_path / "runner.log"))
    until(lambda: len(supervised.said) >= 2)
    assert supervised.lines[0].startswith(
        "runner: could not be started (No such file or directory); starts again"
    )


def test_the_log_holds_what_a_child_wrote_but_no_secret_and_does_not_grow_without_bound(
    tmp_path, start, monkeypatch
) -> None:
    monkeypatch.setattr("flows.supervise.LOG_BYTES", 20_000)
    monkeypatch.setattr("flows.supervise.LOG_FILES", 3)
    program = (
        "import os, sys, time\n"
        "print('database', os.environ['MITTARISTO_DATABASE_URL'], file=sys.stderr)\n"
        "print('login', os.environ['PREFECT_API_AUTH_STRING'], 'Kainuu ä ö')\n"
        "print('mittaristo: serving statfin')\n"
        "for n in range(int(os.environ['LINES'])): print(f'line {n}', 'x' * 90)\n"
        "time.sleep(600)\n"
    )
    secret = {
        "MITTARISTO_DATABASE_URL": "postgresql://city:s3cr%21et-word@db/mittaristo",
        "PREFECT_API_AUTH_STRING": "admin:hunter22",
    }
    few = start(child(tmp_path, "few", program, environ=secret | {"LINES": "1"}, hidden=secrets_in(secret)))
    until(lambda: bool(few.said))
    until(lambda: "line 0" in (tmp_path / "logs" / "few.log").read_text())
    text = (tmp_path / "logs" / "few.log").read_text()
    assert "database postgresql://city:***@db/mittaristo" in text
    assert "login *** Kainuu ä ö" in text
    assert few.lines == ["few: serving statfin"]

    start(child(tmp_path, "many", program, environ=secret | {"LINES": "2000"}))
    until(
        lambda: (
            "line 1999" in "".join(one.read_text() for one in tmp_path.glob("logs/many.log") if one.exists())
        )
    )
    sizes = [one.stat().st_size for one in (tmp_path / "logs").glob("many.log*")]
    assert len(sizes) == 3
    assert sum(sizes) <= 60_000


def test_secrets_are_known_by_their_setting_s_name_and_by_the_place_in_an_address() -> None:
    environ = {
        "MITTARISTO_DATABASE_URL": "postgresql://u:pass%2Fword@db/x",
        "MITTARISTO_SMTP_PASSWORD": "letmein",
        "MITTARISTO_NOTIFY_URL": "https://hooks.example.org/T0/B0/x",
        "MITTARISTO_URL_STATFIN": "http://127.0.0.1:8801/PXWeb/api/v1",
        "PREFECT_API_KEY": "pnu_1",
        "HOME": "/srv",
    }
    assert set(secrets_in(environ)) == {
        "pass%2Fword",
        "pass/word",
        "letmein",
        "https://hooks.example.org/T0/B0/x",
        "T0/B0/x",
        "pnu_1",
    }


def test_a_child_run_through_flows_child_ends_when_its_starter_is_killed(tmp_path) -> None:
    (tmp_path / "idle.py").write_text(
        "import os, subprocess, sys, time\n"
        "run = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(sys.argv[1:], os.getpid(), run.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    (tmp_path / "starter.py").write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'flows.child', 'idle', 'one', 'two'],"
        " stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, tmp_path / "starter.py"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        text=True,
    )
    assert starter.stdout is not None
    line = starter.stdout.readline()
    assert line.startswith("['one', 'two'] ")
    idle = int(line.split()[2])
    starter.kill()
    starter.wait()
    until(lambda: not alive(idle), 5)
    starter.stdout.close()
    os.kill(int(line.split()[3]), signal.SIGKILL)
