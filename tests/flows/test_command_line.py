"""The program as a person uses it: exit codes, one line for what went wrong, stable JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import changes
from demo.stand_in import StandIn
from flows import cli
from flows.commands import parse_moment
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
    with pytest.raises(ConfigurationError):
        parse_moment("31.3.2026")


def mittaristo(home: Path, stand_in: StandIn, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: text for name, text in os.environ.items() if not name.startswith(("MITTARISTO_", "PREFECT_"))
    }
    environ |= {"MITTARISTO_HOME": str(home / "home"), "MITTARISTO_URL_STATFIN": stand_in.url}
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
    tmp_path: Path, stand_in: StandIn
) -> None:
    datasets = ["--dataset", "statfin/vkour/12bs", "--dataset", "statfin/tyonv/12tf"]
    # the sample has no ages in 12bs, and 12tf of Kajaani alone; both datasets are whole for what they ask
    first = mittaristo(tmp_path, stand_in, "run", *datasets)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 fetched" in first.stdout
    assert "Traceback" not in first.stdout + first.stderr
    assert first.stderr == ""

    shown = mittaristo(tmp_path, stand_in, "show", "unemployment_rate", "--json")
    rows = json.loads(shown.stdout)
    assert len(rows) == 120
    assert [row["value"] for row in rows if row["period"] == "2026M06"] == [12.2]

    table = stand_in.tables["vkour/12bs"]
    stand_in.tables["vkour/12bs"] = changes.set_updated(table, table.updated.replace(month=10))
    stand_in.misbehave("html_200", table="vkour/12bs", times=None)
    red = mittaristo(tmp_path, stand_in, "run", *datasets)
    assert red.returncode == 1
    assert "1 failed" in red.stdout
    assert "2 datasets: " in red.stdout, "the other one is accounted for"
    assert "Traceback" not in red.stdout + red.stderr
    assert "31.3" in mittaristo(tmp_path, stand_in, "show", "tertiary_share").stdout

    stand_in.behave()
    again = mittaristo(tmp_path, stand_in, "run", *datasets)
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_source_that_is_gone_fails_every_dataset_and_says_so_once_each(
    tmp_path: Path, stand_in: StandIn
) -> None:
    stand_in.go_down()
    gone = mittaristo(tmp_path, stand_in, "run", "--dataset", "statfin/vkour/12bs")
    assert gone.returncode == 1
    assert "statfin/vkour/12bs" in gone.stdout
    assert "failed" in gone.stdout
    assert "Traceback" not in gone.stdout + gone.stderr
