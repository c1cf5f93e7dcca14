"""The program as a person uses it: exit codes, one line for what went wrong, stable JSON."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import changes
from demo.sample import load_sample
from demo.stand_in import StandIn
from flows import cli
from flows.commands import parse_moment, past_moment
from models.catalogue import load_catalogue
from models.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mittaristo", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("MITTARISTO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runn"], "No such command"),
        (["show"], "Missing argument"),
        (["run", "--bogus"], "No such option"),
        (["show", "populaton"], "indicator 'populaton' is not in the catalogue"),
        (["show", "population", "--area", "KU999"], "area 'KU999' is not in the catalogue"),
        (["show", "population", "--as-of", "yesterday"], "--as-of 'yesterday'"),
        (["run", "--source", "statfi"], "source 'statfi' is not in the catalogue"),
        (["run", "--dataset", "statfin/x/1"], "dataset 'statfin/x/1' is not in the catalogue"),
        (["run", "--source", "manual"], "has no connector"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(home, monkeypatch, capsys, arguments, says) -> None:
    code, printed, error = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert says in error
    assert error.count("\n") == 1
    assert "Traceback" not in printed + error


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("MITTARISTO_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "cannot be used"),
        ("MITTARISTO_DATABASE_URL", "mysql://localhost/x", "sqlite"),
        ("MITTARISTO_DATABASE_URL", "sqlite:////nowhere/at/all/x.db", "does not exist; make it"),
        ("MITTARISTO_HOME", "/dev/null/home", "cannot make the folder"),
        ("MITTARISTO_PROGRAMME", "/nowhere", "/nowhere"),
        ("MITTARISTO_URL_STATFIN", "pxdata.stat.fi", "no http(s) address"),
        ("MITTARISTO_URL_STATFINN", "http://127.0.0.1:1/x", "no such source"),
        ("MITTARISTO_COLOUR", "red", "unknown setting"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(home, monkeypatch, capsys, name, text, says) -> None:
    monkeypatch.setenv(name, text)
    code, _, error = call(monkeypatch, capsys, "status")
    assert code == 2
    assert says in error
    assert error.count("\n") == 1


def test_a_broken_catalogue_is_said_with_file_and_line(home, monkeypatch, capsys) -> None:
    import shutil

    folder = home / "programme"
    shutil.copytree(
        ROOT / "models" / "catalogue", folder, ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    population = folder / "indicators" / "population.yaml"
    population.write_text(population.read_text().replace("direction: up", "direction: upp", 1))
    monkeypatch.setenv("MITTARISTO_PROGRAMME", str(folder))
    code, _, error = call(monkeypatch, capsys, "catalogue", "check")
    assert code == 2
    assert "population.yaml:" in error
    assert "upp" in error
    assert error.count("\n") == 1


def test_the_packaged_catalogue_is_whole(home, monkeypatch, capsys) -> None:
    code, printed, _ = call(monkeypatch, capsys, "catalogue", "check")
    assert code == 0
    assert "79" in printed
    assert f"indicators: {len(load_catalogue().indicators)}, of them automatic:" in printed


def test_status_names_every_dataset_before_anything_was_fetched(home, monkeypatch, capsys) -> None:
    code, printed, _ = call(monkeypatch, capsys, "status", "--json")
    rows = json.loads(printed)
    assert code == 0
    assert {row["state"] for row in rows} == {"never_fetched"}
    assert "statfin/vkour/12bs" in {row["dataset_id"] for row in rows}


def test_as_of_takes_a_date_as_its_last_moment_and_an_instant_as_it_is() -> None:
    assert parse_moment("2026-03-31").isoformat() == "2026-03-31T23:59:59.999999+00:00"
    assert parse_moment("2026-03-31T12:00:00+03:00").utcoffset().total_seconds() == 10800
    assert parse_moment("2026-03-31T12:00").isoformat() == "2026-03-31T12:00:00+00:00"
    assert parse_moment("2026-03-31 12:00").isoformat() == "2026-03-31T12:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["31.3.2026", "20260331", "2026-W13", "2026-W13-2", "2026-03", "20260331T12", ""]
)
def test_other_ways_to_write_a_time_are_refused_rather_than_taken_for_a_day_s_beginning(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"neither a date nor an instant; give e.g. 2026-03-31"):
        parse_moment(text)


def test_today_means_now_by_utc_or_in_finland_and_later_is_refused() -> None:
    now = datetime(2026, 11, 28, 22, 30, tzinfo=UTC)  # already the 29th in Finland
    assert past_moment("2026-11-28", now) == past_moment("2026-11-29", now) == now
    assert past_moment("2026-11-27", now) == parse_moment("2026-11-27")
    for text in ("2026-11-30", "2026-11-28T22:31", "2099-01-01"):
        with pytest.raises(ConfigurationError, match="in the future; leave it out"):
            past_moment(text, now)


def test_a_group_without_a_command_says_what_to_do(home, monkeypatch, capsys) -> None:
    code, printed, error = call(monkeypatch, capsys, "catalogue")
    assert code == 2
    assert "check" in printed
    assert "name one of the commands above" in error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_takes_nothing_is_one_line(tmp_path: Path) -> None:
    environ = os.environ | {"MITTARISTO_HOME": str(tmp_path), "MITTARISTO_DOTENV": os.devnull}
    for command in (["catalogue", "check"], ["status"]):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [sys.executable, "-m", "flows.cli", *command],
                env=environ,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (ended.returncode, ended.stderr) == (
            1,
            "mittaristo: the output cannot be written: No space left on device\n",
        )


def test_a_terminal_without_every_letter_gets_question_marks(tmp_path: Path) -> None:
    environ = os.environ | {
        "MITTARISTO_HOME": str(tmp_path),
        "MITTARISTO_DOTENV": os.devnull,
        "PYTHONIOENCODING": "ascii",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "flows.cli", "show", "population"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "?" in ended.stdout


def mittaristo(
    home: Path, stand_in: StandIn, *arguments: str, server: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own; without `server` it starts a temporary Prefect server."""
    environ = {
        name: text for name, text in os.environ.items() if not name.startswith(("MITTARISTO_", "PREFECT_"))
    }
    environ |= {"MITTARISTO_HOME": str(home / "home"), "MITTARISTO_URL_STATFIN": stand_in.url}
    environ |= more
    if server:
        environ["PREFECT_API_URL"] = server
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=home,
        env=environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_run_through_prefect_ends_green_then_red_then_green_again(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stand_in: StandIn,
    prefect_server: str,
) -> None:
    datasets = ["--dataset", "statfin/vkour/12bs", "--dataset", "statfin/tyonv/12tf"]
    # the sample has no ages in 12bs, and 12tf of Kajaani alone; both datasets are whole for what they ask
    first = mittaristo(home, stand_in, "run", *datasets)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 fetched" in first.stdout
    assert "Traceback" not in first.stdout + first.stderr
    assert first.stderr == ""

    _, shown, _ = call(monkeypatch, capsys, "show", "unemployment_rate", "--json")
    rows = json.loads(shown)
    assert len(rows) == 120
    assert [row["value"] for row in rows if row["period"] == "2026M06"] == [12.2]

    table = stand_in.tables["vkour/12bs"]
    stand_in.tables["vkour/12bs"] = changes.set_updated(table, table.updated.replace(month=10))
    stand_in.misbehave("html_200", table="vkour/12bs", times=None)
    red = mittaristo(home, stand_in, "run", *datasets, server=prefect_server)
    assert red.returncode == 1
    assert "1 failed" in red.stdout
    assert "2 datasets: " in red.stdout, "the other one is accounted for"
    assert "Traceback" not in red.stdout + red.stderr
    assert "31.3" in call(monkeypatch, capsys, "show", "tertiary_share")[1]

    stand_in.behave()
    again = mittaristo(home, stand_in, "run", *datasets, server=prefect_server)
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_source_that_is_gone_fails_every_dataset_and_says_so_once_each(
    tmp_path: Path, stand_in: StandIn, prefect_server: str
) -> None:
    stand_in.go_down()
    gone = mittaristo(tmp_path, stand_in, "run", "--dataset", "statfin/vkour/12bs", server=prefect_server)
    assert gone.returncode == 1
    assert "statfin/vkour/12bs" in gone.stdout
    assert "failed" in gone.stdout
    assert "Traceback" not in gone.stdout + gone.stderr


def test_made_up_figures_are_never_stored_as_real(tmp_path: Path, prefect_server: str) -> None:
    """As `python -m demo --synthetic` answers: refused without the setting that it prints, marked with it."""
    run = ["run", "--dataset", "statfin/vkour/12bs"]
    tables = {"vkour/12bs": load_sample()["vkour/12bs"]}
    with StandIn(tables, made_up=True) as stand_in:
        refused = mittaristo(tmp_path, stand_in, *run, server=prefect_server)
        assert refused.returncode == 1
        assert "made-up figures" in refused.stdout
        with closing(sqlite3.connect(tmp_path / "home" / "mittaristo.db")) as connection:
            assert connection.execute("SELECT count(*) FROM dashboard_series").fetchone() == (0,)
            assert connection.execute(
                "SELECT count(*) FROM document WHERE source = 'statfin'"
            ).fetchone() == (0,)

        other = tmp_path / "other"
        other.mkdir()
        taken = mittaristo(other, stand_in, *run, server=prefect_server, MITTARISTO_SYNTHETIC="yes")
        assert taken.returncode == 0, taken.stdout + taken.stderr
        with closing(sqlite3.connect(other / "home" / "mittaristo.db")) as connection:
            marks = connection.execute("SELECT DISTINCT is_synthetic FROM dashboard_series").fetchall()
            assert marks == [(1,)]
