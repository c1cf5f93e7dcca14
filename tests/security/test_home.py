"""The home folder: for its owner's eyes only, whatever the umask; of a format that the program knows."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows import cli
from flows.adopt import adopt
from flows.pipeline import open_pipeline, utc_now
from flows.prefect_home import apply_up_settings
from flows.settings import Settings
from flows.supervise import Child, Waits, _Tended
from models.errors import ConfigurationError
from tests.collecting import run
from warehouse.backup import back_up
from warehouse.home import FORMAT, MARK, open_home

BACHELORS = "statfin/vkour/12bs"


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def one(home: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("MITTARISTO_HOME", str(home))
        monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
        monkeypatch.setattr("sys.argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return one


def open_to_others(folder: Path) -> list[str]:
    """What beneath `folder` (itself too) another user of the machine could read, list or write."""
    found = []
    for path in (folder, *folder.rglob("*")):
        closed = any(
            not stat.S_IMODE(above.stat().st_mode) & 0o077
            for above in path.parents
            if above == folder or folder in above.parents
        )
        if not closed and path.stat().st_mode & 0o077:
            found.append(str(path.relative_to(folder)))
    return found


def test_whatever_is_written_beneath_a_new_home_is_closed_to_others(umask: None, tmp_path: Path) -> None:
    tables, home = load_sample(), tmp_path / "home"
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, urls={"statfin": stand_in.url})
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            row = run(pipeline, scope, BACHELORS)[BACHELORS]
    assert row.state == "fetched"
    apply_up_settings({}, home)
    child = Child("runner", ["true"], {}, home / "logs" / "runner.log")
    log = _Tended(child, lambda _: None, Waits())
    log.log.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert open_to_others(home) == []
    for name in ("mittaristo.db", MARK):
        assert not (home / name).stat().st_mode & 0o077, name
    for name in ("raw", "logs", "prefect"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o700, name


def test_in_a_home_that_a_person_opened_answers_logs_and_secrets_stay_closed(
    umask: None, tmp_path: Path, call: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    for name in ("", "raw", "logs", "prefect", "forms", "report"):
        (home / name).mkdir(parents=True)
        (home / name).chmod(0o755)
    assert call(home, "forms", "export", "--period", "2026", "--party", "kajaani_vima")[0] == 0
    assert [one for one in open_to_others(home) if one not in (".", "report")] == []
    assert stat.S_IMODE(home.stat().st_mode) == 0o755, "as the person wants it"
    assert stat.S_IMODE((home / "report").stat().st_mode) == 0o755


def test_a_backup_is_its_owners_alone(umask: None, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with open_pipeline(settings) as pipeline:
        file = tmp_path / "backup.zip"
        back_up(
            settings.warehouse_url,
            file,
            raw=pipeline.raw.root,
            program="1",
            made_at=utc_now(),
            overwrite=False,
        )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_home_is_marked_once_with_its_format_and_opens_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home)
    first = (home / MARK).stat()
    assert (home / MARK).read_text() == f"{FORMAT}\n"
    open_home(home)
    assert (home / MARK).stat().st_ino == first.st_ino
    assert [one.name for one in home.iterdir()] == [MARK], "nothing half-written is left"


def test_a_home_of_a_newer_program_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / MARK).write_text(f"{FORMAT + 1}\n")
    commands = (
        ("status",),
        ("run",),
        ("up",),
        ("replay",),
        ("db", "upgrade"),
        ("db", "restore", str(tmp_path / "x.zip")),
    )
    for command in commands:
        code, out, error = call(home, *command)
        assert (code, out) == (2, ""), command
        assert error.count("\n") == 1
        assert (
            f"was made by a newer mittaristo (format {FORMAT + 1}, this program knows up to {FORMAT})"
            in error
        )
        assert "update the program or choose another MITTARISTO_HOME" in error
    assert {one.name for one in home.iterdir()} <= {MARK, "prefect", "up.lock"}
    assert (home / MARK).read_text() == f"{FORMAT + 1}\n"


def test_a_warehouse_whose_home_is_newer_is_not_backed_up(tmp_path: Path, call: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    assert call(home, "db", "upgrade")[0] == 0
    (home / MARK).write_text("99\n")
    code, _, error = call(home, "db", "backup", str(tmp_path / "b.zip"))
    assert (code, error.count("\n")) == (2, 1) and "newer mittaristo" in error
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.5", "\u0661", "\x1b[2J"])
def test_a_damaged_mark_is_said_with_what_it_should_hold(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=f"{MARK} .*restore it, it holds the number {FORMAT}"
    ) as caught:
        open_home(tmp_path)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_two_processes_that_mark_a_home_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def other_first(source: Any, target: Any) -> None:
        Path(target).write_text(f"{FORMAT}\n")
        real(source, target)

    monkeypatch.setattr("os.link", other_first)
    open_home(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [MARK]


def test_a_home_that_cannot_be_written_is_used_unmarked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.open", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    open_home(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    open_home(tmp_path)
    assert (tmp_path / MARK).is_file()


def test_a_password_among_the_parameters_of_the_database_s_address_is_refused_and_not_repeated(
    tmp_path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", "postgresql:///x?host=db&user=city&password=h1dden")
    code, out, error = call(tmp_path / "home", "status")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "MITTARISTO_DATABASE_URL has a password among its parameters" in error
    assert "h1dden" not in error
