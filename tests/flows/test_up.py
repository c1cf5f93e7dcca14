"""`mittaristo up` itself: settings, the hold on its home, starting and stopping; a small program is the runner."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.prefect_home import (
    Server,
    apply_prefect_settings,
    apply_up_settings,
    note,
    only_one_up,
    running_server,
    server_to_use,
)
from flows.settings import Settings
from flows.up import answers, children, run_up, told_to_stop
from models.errors import ConfigurationError

EVERYWHERE = "0.0.0.0"  # noqa: S104
ELSEWHERE = "http://127.0.0.1:9/api"  # nobody is there, and nobody is asked
RUNNER = "import os, time\nopen('runner.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"


class Up:
    """`mittaristo up` in `folder`, with the program of runner.py as its runner and somebody else's server."""

    def __init__(self, folder: Path, **environ: str) -> None:
        (folder / "own_runner.py").write_text(RUNNER)
        (folder / "own_up.py").write_text(
            "import os, signal, sys\n"
            # whatever the tests were started under (nohup, in the background of a shell)
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
            "import flows.up\n"
            "from flows import cli\n"
            "run = flows.up.run_up\n"
            "runner = (sys.executable, '-m', 'flows.child', 'own_runner')\n"
            "flows.up.run_up = lambda environ: run(environ, runner=runner)\n"
            "cli.main()\n"
        )
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "own_up.py", "up"],
            cwd=folder,
            env=kept
            | {
                "MITTARISTO_HOME": str(folder / "home"),
                "PREFECT_API_URL": ELSEWHERE,
                "PYTHONPATH": str(folder),
            }
            | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def runner(self) -> int:
        path = self.folder / "runner.pid"
        end = time.monotonic() + 30
        while not path.exists() or not path.read_text():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        return int(path.read_text())

    def end(self) -> tuple[int, str, str]:
        out, error = self.process.communicate(timeout=40)
        return self.process.returncode, out, error


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    begun: list[Up] = []

    def begin(**environ: str) -> Up:
        begun.append(Up(tmp_path, **environ))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.communicate()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_told_to_stop_it_ends_its_children_and_leaves_with_0(up, name: str) -> None:
    running = up()
    runner = running.runner()
    began = time.monotonic()
    running.process.send_signal(signal.Signals[name])
    code, out, error = running.end()
    assert (code, error) == (0, "")
    assert time.monotonic() - began < 20
    assert not alive(runner)
    lines = [line[20:].partition(" after ")[0] for line in out.splitlines()]
    assert lines[0].startswith("warehouse: sqlite")
    assert lines[1:] == [
        "server: PREFECT_API_URL is set, so the one at http://127.0.0.1:9 is used",
        f"{name}: stopping",
        "runner: stopped",
        "stopped",
    ]


def test_a_signal_that_is_ignored_on_purpose_as_under_nohup_does_not_stop_it(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with told_to_stop() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
            signal.raise_signal(signal.SIGTERM)
            assert stop.is_set()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_up_on_the_same_home_names_the_first_and_leaves_with_2(up) -> None:
    first = up()
    first.runner()
    code, out, error = up().end()
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert f"runs on {first.folder / 'home'} already (process {first.process.pid})" in error
    assert first.process.poll() is None


def test_after_a_kill_nothing_is_in_the_way_of_the_next_and_no_child_outlives_it(up, tmp_path) -> None:
    first = up()
    runner = first.runner()
    first.process.kill()
    first.process.communicate()
    end = time.monotonic() + 10
    while alive(runner):
        assert time.monotonic() < end, "the runner outlived its supervisor"
        time.sleep(0.05)
    assert (tmp_path / "home" / "up.lock").read_text().startswith(f"{first.process.pid}\n"), "as it was left"
    (tmp_path / "runner.pid").unlink()
    second = up()
    assert second.runner() != runner
    second.process.terminate()
    assert second.end()[0] == 0


def test_a_lock_file_from_before_a_reboot_is_no_obstacle(tmp_path) -> None:
    (tmp_path / "up.lock").write_text("1\nhttp://127.0.0.1:4200/api\n")  # process 1 is always alive
    assert running_server(tmp_path) == ""
    with only_one_up(tmp_path) as path:
        assert path.read_text() == f"{os.getpid()}\n\n"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PREFECT_API_URL": "prefect.example.org"}, "PREFECT_API_URL: 'prefect.example.org' is no http"),
        ({"PREFECT_SERVER_API_PORT": "http"}, "PREFECT_SERVER_API_PORT: 'http' is no port"),
        (
            {"PREFECT_SERVER_API_HOST": EVERYWHERE, "PREFECT_SERVER_API_AUTH_STRING": "nobody"},
            "PREFECT_SERVER_API_AUTH_STRING is not user:password",
        ),
        (
            {"PREFECT_SERVER_API_HOST": "no.such.host.invalid", "PREFECT_SERVER_API_AUTH_STRING": "a:b"},
            "no address",
        ),
        ({"MITTARISTO_DATABASE_URL": "mysql://localhost/x"}, "sqlite"),
        ({"MITTARISTO_HOME": "/dev/null/home"}, "cannot be written"),
        ({"MITTARISTO_HOEM": "/srv"}, "MITTARISTO_HOEM: unknown setting"),
    ],
)
def test_a_wrong_setting_stops_it_in_one_line_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], environ: dict[str, str], says: str
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ConfigurationError) as error:
        run_up({"MITTARISTO_HOME": str(tmp_path / "home")} | environ)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "home" / "logs").exists()
    assert signal.getsignal(signal.SIGTERM) == handler
    assert "server" not in capsys.readouterr().out


def test_a_port_that_is_taken_is_said_and_what_to_do_about_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("flows.up.PORT_PATIENCE_SECONDS", 0.2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as error:
            run_up({"MITTARISTO_HOME": str(tmp_path), "PREFECT_SERVER_API_PORT": str(port)})
    assert f"port {port} on 127.0.0.1 is taken" in str(error.value)
    assert "set PREFECT_SERVER_API_PORT to a free one" in str(error.value)
    assert f"or PREFECT_API_URL=http://127.0.0.1:{port}/api if" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_server_of_a_running_up_is_used_by_other_commands_on_its_home(tmp_path) -> None:
    assert running_server(tmp_path) == ""
    with only_one_up(tmp_path) as path:
        note(path, "http://127.0.0.1:4277/api")
        assert running_server(tmp_path) == "http://127.0.0.1:4277/api"
        environ = {"PREFECT_SERVER_API_AUTH_STRING": "admin:secret"}
        apply_prefect_settings(environ, tmp_path)
        assert environ["PREFECT_API_URL"] == "http://127.0.0.1:4277/api"
        assert environ["PREFECT_API_AUTH_STRING"] == "admin:secret"
        given = {"PREFECT_API_URL": "http://prefect.example.org/api"}
        apply_prefect_settings(given, tmp_path)
        assert given["PREFECT_API_URL"] == "http://prefect.example.org/api"
    environ = {}
    apply_prefect_settings(environ, tmp_path)
    assert "PREFECT_API_URL" not in environ


def test_looking_for_a_running_up_does_not_keep_one_from_starting(tmp_path) -> None:
    for _ in range(50):
        assert running_server(tmp_path) == ""
        with only_one_up(tmp_path):
            pass


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Server(True, "http://127.0.0.1:4200", "http://127.0.0.1:4200/api", "127.0.0.1", 4200)),
        (
            {"PREFECT_SERVER_API_PORT": "4300", "PREFECT_SERVER_API_HOST": "localhost"},
            Server(True, "http://localhost:4300", "http://localhost:4300/api", "localhost", 4300),
        ),
        (
            {"PREFECT_SERVER_API_HOST": EVERYWHERE, "PREFECT_SERVER_API_AUTH_STRING": "a:b"},
            Server(True, "http://127.0.0.1:4200", "http://127.0.0.1:4200/api", EVERYWHERE, 4200),
        ),
        (
            {"PREFECT_SERVER_API_HOST": "::1", "PREFECT_SERVER_API_BASE_PATH": "/prefect/api"},
            Server(True, "http://[::1]:4200", "http://[::1]:4200/prefect/api", "::1", 4200),
        ),
        (
            {"PREFECT_API_URL": "https://prefect.example.org/api/", "PREFECT_SERVER_API_HOST": EVERYWHERE},
            Server(False, "https://prefect.example.org", "https://prefect.example.org/api"),
        ),
    ],
)
def test_the_server_is_on_loopback_unless_said_otherwise(environ: dict[str, str], expected: Server) -> None:
    assert server_to_use(environ) == expected


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.7", "prefect.example.org"])
def test_a_server_that_others_can_reach_must_ask_for_a_password(host: str) -> None:
    with pytest.raises(ConfigurationError, match="PREFECT_SERVER_API_AUTH_STRING"):
        server_to_use({"PREFECT_SERVER_API_HOST": host})


def test_the_server_and_the_runner_call_nobody_outside_and_keep_their_state_under_the_home(tmp_path) -> None:
    environ: dict[str, str] = {"MITTARISTO_HOME": str(tmp_path)}
    apply_up_settings(environ, tmp_path)
    server, runner = children(environ, Settings(home=tmp_path), server_to_use(environ))
    for one in (server, runner):
        assert one.environ["PREFECT_HOME"] == str(tmp_path / "prefect")
        assert one.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        assert one.environ["DO_NOT_TRACK"] == "1"
        assert one.environ["PREFECT_SERVER_UI_V2_ENABLED"] == "false"
        assert one.environ["PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT"] == "false"
        assert one.environ["PREFECT_SERVER_UI_STATIC_DIRECTORY"] == str(tmp_path / "prefect" / "ui")
        assert one.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] == "false"
        assert one.environ["GX_ANALYTICS_ENABLED"] == "false"
        assert one.log.parent == tmp_path / "logs"
    assert "flows.offline" in server.command
    assert server.environ["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert "PREFECT_API_URL" not in server.environ, "a browser elsewhere would be sent to its own machine"
    assert runner.environ["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"


def test_secrets_of_the_environment_and_of_the_env_file_are_kept_out_of_the_logs(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MITTARISTO_DATABASE_URL=postgresql://city:from-file@db/x\n")
    environ = {"PREFECT_SERVER_API_AUTH_STRING": "admin:from-shell"}
    for one in children(environ, Settings(home=tmp_path), server_to_use(environ)):
        assert set(one.hidden) == {
            "from-file",
            "admin:from-shell",
            "from-shell",
            "YWRtaW46ZnJvbS1zaGVsbA==",  # as it goes over the wire
        }


def test_prefect_s_settings_in_the_env_file_go_before_ours(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY=60\nPREFECT_SERVER_API_PORT=4300\nOTHER=1\n"
    )
    environ = {"PREFECT_SERVER_API_PORT": "4301"}
    apply_up_settings(environ, tmp_path)
    assert environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "60"
    assert environ["PREFECT_SERVER_API_PORT"] == "4301"
    assert "OTHER" not in environ


def test_nobody_at_an_address_is_no_answer() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        assert not answers(f"http://127.0.0.1:{other.getsockname()[1]}/api/health")
