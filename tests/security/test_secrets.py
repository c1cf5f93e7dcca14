"""Passwords of databases, mail and webhooks: in no log, artifact, traceback, backup, file or list of processes."""

from __future__ import annotations

import logging
import os
import pickle
import sqlite3
import subprocess
import sys
import traceback
import zipfile
from base64 import b64encode
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from flows.alarms import announce
from flows.pipeline import open_pipeline, utc_now
from flows.settings import read_settings
from flows.supervise import secrets_in
from models.errors import ConfigurationError
from warehouse.backup import back_up
from warehouse.engine import open_engine

DATABASE, MAIL, HOOK = "dbPa55%2Fw0rd", "ma1lPa55word", "T0K3N/B4/wh00k5ecret"
SERVER = "pr3fectPa55word"
ENVIRON = {
    "MITTARISTO_DATABASE_URL": f"postgresql://city:{DATABASE}@127.0.0.1:1/city",
    "MITTARISTO_NOTIFY_URL": f"http://127.0.0.1:9/hook/{HOOK}",
    "MITTARISTO_SMTP_HOST": "127.0.0.1",
    "MITTARISTO_SMTP_PORT": "9",
    "MITTARISTO_SMTP_USER": "city",
    "MITTARISTO_SMTP_PASSWORD": MAIL,
    "MITTARISTO_SMTP_FROM": "a@example.org",
    "MITTARISTO_SMTP_TO": "b@example.org",
}
FORBIDDEN = (
    *(DATABASE, "dbPa55/w0rd", MAIL, HOOK, "wh00k5ecret", SERVER),
    *(b64encode(f"city:{one}".encode()).decode() for one in (MAIL, SERVER)),  # as they go over the wire
)


def told(text: str) -> list[str]:
    return [one for one in FORBIDDEN if one in text]


def test_settings_do_not_show_them_however_they_are_printed() -> None:
    settings = read_settings(ENVIRON, dotenv=None)
    assert settings.database_url == ENVIRON["MITTARISTO_DATABASE_URL"]
    assert told(f"{settings} {settings!r} {replace(settings, home=Path('x'))}") == []


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_a_setting_that_is_wrong_does_not_repeat_a_secret(name: str) -> None:
    for wrong in (f"http://user:{HOOK}@[x/{MAIL}", f"mysql://u:{DATABASE}@h/x", f"//{HOOK}"):
        if name.endswith(("_USER", "_HOST", "_PASSWORD", "_FROM", "_TO", "_PORT")):
            continue  # these are told, being no secrets, or take anything
        try:
            settings = read_settings(ENVIRON | {name: wrong}, dotenv=None)
            open_engine(settings.warehouse_url)
        except ConfigurationError as error:
            assert told("".join(traceback.format_exception(error))) == []
        else:
            pytest.fail(f"{name}={wrong} was taken")


def test_a_database_that_cannot_be_reached_shows_no_password_even_in_a_traceback() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_engine(ENVIRON["MITTARISTO_DATABASE_URL"])
    assert told("".join(traceback.format_exception(caught.value))) == []
    assert told(str(pickle.dumps(str(caught.value)))) == []
    assert "city:***@127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    "command", ["status", "run", "up", "health", "replay", "db upgrade", "db backup x.zip"]
)
def test_no_command_shows_one_when_the_database_is_away(tmp_path: Path, command: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
    if command == "run":
        kept["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *command.split()],
        env=kept | ENVIRON | {"MITTARISTO_HOME": str(tmp_path / "home"), "MITTARISTO_DOTENV": os.devnull},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert told(done.stdout + done.stderr) == []
    assert "Traceback" not in done.stderr and "city:***@" in done.stderr
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert told(path.read_bytes().decode("latin-1")) == [], path


def test_neither_backup_nor_home_hold_a_secret_of_the_settings(
    tmp_path: Path, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = read_settings(ENVIRON | {"MITTARISTO_DATABASE_URL": sqlite_url}, dotenv=None)
    settings = replace(given, home=tmp_path / "home")
    with caplog.at_level(logging.INFO), open_pipeline(settings) as pipeline:
        announce(pipeline)  # whoever is to be told is away
        file = tmp_path / "backup.zip"
        back_up(
            settings.warehouse_url,
            file,
            raw=pipeline.raw.root,
            program="1",
            made_at=utc_now(),
            overwrite=False,
        )
    assert told(caplog.text) == []
    with zipfile.ZipFile(file) as packed:
        for name in packed.namelist():
            assert told(packed.read(name).decode("latin-1")) == [], name
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert told(path.read_bytes().decode("latin-1")) == [], path


# Real runs: one goes well, but whoever is to be told of problems is away; one has a dataset that fails;
# one finds its database away.
RUNS = """
import os, sys
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.commands import collect_through_prefect
from flows.pipeline import open_pipeline
from flows.settings import read_settings
from models.errors import MittaristoError
with open_pipeline(read_settings(os.environ)) as pipeline:
    scope = sample_scope(pipeline.catalogue, load_sample())
with StandIn(load_sample(), calls=10_000, window=1.0) as source:
    os.environ["MITTARISTO_URL_STATFIN"] = source.url
    def run():
        rows = collect_through_prefect(os.environ, {"statfin": ()}, force=True, scope=scope)
        print(sorted({row.state for row in rows}))
    run()
    source.misbehave("403_page", table="vaerak/11ra", times=None)
    run()
    os.environ["MITTARISTO_DATABASE_URL"] = sys.argv[1]
    try:
        run()
    except MittaristoError as error:
        print("refused:", error)
"""


@pytest.mark.long
def test_after_real_runs_neither_prefect_s_history_nor_the_home_hold_a_secret(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
    environ |= {name: text for name, text in ENVIRON.items() if name != "MITTARISTO_DATABASE_URL"}
    environ |= {
        "MITTARISTO_HOME": str(home),
        "MITTARISTO_DOTENV": os.devnull,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PREFECT_SERVER_API_AUTH_STRING": f"city:{SERVER}",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNS, ENVIRON["MITTARISTO_DATABASE_URL"]],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "['fetched', 'not_in_sample']",
        "['failed', 'not_in_sample', 'unchanged']",
    ]
    assert "refused: the database postgresql+psycopg://city:***@" in done.stdout
    assert told(done.stdout + done.stderr) == []
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as history:
        counts = [
            history.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("flow_run", "log", "artifact", "events")
        ]
        assert counts[0] == 3 and min(counts) > 0, counts
        written = "\n".join(history.iterdump())  # a text may lie on several pages of the file
    assert "403" in written and "city:***@127.0.0.1" in written, "what went wrong is told"
    assert told(written) == []
    for path in (*home.rglob("*"), *(tmp_path / "state").rglob("*")):
        if path.is_file():
            assert told(path.read_bytes().decode("latin-1")) == [], path


def test_what_the_logs_of_up_hide_is_every_one_of_them_in_every_form() -> None:
    hidden = secrets_in(ENVIRON | {"DATABASE_URL": "postgresql://u:with/slash@h/x"})
    assert {
        DATABASE,
        "dbPa55/w0rd",
        MAIL,
        ENVIRON["MITTARISTO_NOTIFY_URL"],
        f"hook/{HOOK}",
        "with/slash",
    } <= set(hidden)
    assert hidden == sorted(hidden, key=len, reverse=True), "the longest first, or its rest would stay"


def test_a_traceback_of_the_program_shows_no_values_of_variables(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from flows import cli\n"
        "import flows.commands\n"
        f"def broken(environ, as_json): secret = {MAIL[:5]!r} + {MAIL[5:]!r}; raise RuntimeError('bug')\n"
        "flows.commands.show_status = broken\n"
        "sys.argv = ['mittaristo', 'status']\n"
        "cli.main()\n"
    )
    (tmp_path / "x.py").write_text(program)
    done = subprocess.run([sys.executable, "x.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "RuntimeError: bug" in done.stderr and told(done.stdout + done.stderr) == []
