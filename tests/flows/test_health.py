"""`mittaristo health`: exit code and reasons, from the warehouse alone."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from flows import cli
from models.catalogue import Catalogue, load_catalogue
from models.ledger import LedgerRow
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.heartbeat import beat
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.quarantine import open_quarantine

RATE, EDUCATION = "statfin/tyonv/12tf", "statfin/vkour/12bs"
DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def packaged() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def warehouse(engine: Engine, packaged: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A warehouse that the settings name."""
    with writing(engine) as connection:
        sync(connection, packaged)
    clean(monkeypatch, tmp_path)
    url = engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", url)
    return engine


def clean(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [one for one in os.environ if one.startswith("MITTARISTO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MITTARISTO_HOME", str(folder / "home"))


def health(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mittaristo", "health", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def ran(engine: Engine, state: str, dataset_id: str = RATE, message: str = "") -> None:
    now = datetime.now(UTC)
    run_id = now.isoformat()
    with writing(engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=now,
            program_version="1",
            catalogue_fingerprint="f",
        )
        row = LedgerRow(run_id, dataset_id, state, message)  # type: ignore[arg-type]
        write_row(connection, row, recorded_at=now)
        close_run(connection, run_id, ended_at=now, state="red" if state == "failed" else "green")


def test_where_all_is_well_it_says_so_and_ends_with_0(warehouse, packaged, monkeypatch, capsys) -> None:
    with writing(warehouse) as connection:
        set_state(connection, RATE, state="fetched")
        beat(connection, "up", 30)
    ran(warehouse, "fetched")
    code, printed, error = health(monkeypatch, capsys)
    assert (code, error) == (0, "")
    every = len(packaged.datasets)
    assert printed == f"healthy: {every} datasets: 1 current, {every - 1} never_fetched\n"


def test_a_home_where_nothing_ever_ran_is_not_ill_but_says_so(warehouse, monkeypatch, capsys) -> None:
    code, printed, _ = health(monkeypatch, capsys)
    assert code == 0
    assert "nothing was ever collected here" in printed


def make_failed(engine: Engine) -> None:
    ran(engine, "failed", message="HTTP 403")


def make_quarantined(engine: Engine) -> None:
    with writing(engine) as connection:
        set_state(connection, RATE, state="quarantined")
        open_quarantine(
            connection,
            dataset_id=RATE,
            run_id="r",
            collection_id="c",
            reports=(),
            reason="half the areas are gone",
            opened_at=datetime.now(UTC),
        )


def make_late(engine: Engine) -> None:
    yesterday = (datetime.now(UTC) - DAY).date()
    with writing(engine) as connection:
        set_state(connection, RATE, state="fetched", next_expected=yesterday - 9 * DAY, late_after=yesterday)


def make_dead(engine: Engine) -> None:
    with writing(engine) as connection:
        beat(connection, "up", 30, beat_at=datetime.now(UTC) - timedelta(seconds=61))


def make_cut_off(engine: Engine) -> None:
    with writing(engine) as connection:
        open_run(
            connection,
            run_id="r1",
            source="statfin",
            started_at=datetime.now(UTC) - DAY,
            program_version="1",
            catalogue_fingerprint="f",
        )


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (make_failed, "failed", "HTTP 403"),
        (make_quarantined, "quarantined", "half the areas are gone"),
        (make_late, "late", "have not come"),
        (make_dead, "no_heartbeat", "no sign of life"),
        (make_cut_off, "unaccounted", "never ended"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_1(warehouse, monkeypatch, capsys, make, kind, says) -> None:
    make(warehouse)
    code, printed, error = health(monkeypatch, capsys)
    assert (code, error) == (1, "")
    reasons = [line for line in printed.splitlines() if line.startswith(f"{kind}: ")]
    assert len(reasons) == 1
    assert says in reasons[0]
    assert "not healthy: " in printed


def test_the_measures_touched_are_named(warehouse, monkeypatch, capsys) -> None:
    ran(warehouse, "failed", dataset_id=EDUCATION)
    _, printed, _ = health(monkeypatch, capsys)
    (line,) = [one for one in printed.splitlines() if one.startswith("failed")]
    assert "Measures touched: " in line


def test_a_table_that_is_gone_is_a_note_and_no_illness(warehouse, monkeypatch, capsys) -> None:
    with writing(warehouse) as connection:
        set_state(connection, RATE, state="discontinued")
    ran(warehouse, "discontinued")
    code, printed, _ = health(monkeypatch, capsys)
    assert code == 0
    assert "note: discontinued: " in printed


def test_as_json_it_says_the_same(warehouse, packaged, monkeypatch, capsys) -> None:
    make_late(warehouse)
    make_dead(warehouse)
    code, printed, _ = health(monkeypatch, capsys, "--json")
    found = json.loads(printed)
    assert code == 1
    assert found["healthy"] is False
    assert [one["key"] for one in found["problems"]] == ["no_heartbeat:up", f"late:{RATE}"]
    assert found["problems"][1]["severity"] == "warning"
    assert found["datasets"] == {"late": 1, "never_fetched": len(packaged.datasets) - 1}
    assert [(one["name"], one["dead"]) for one in found["heartbeats"]] == [("up", True)]


def test_asking_writes_nothing(warehouse, monkeypatch, capsys) -> None:
    make_late(warehouse)
    health(monkeypatch, capsys)
    with reading(warehouse) as connection:
        assert connection.execute(text("SELECT count(*) FROM problem")).scalar_one() == 0
    assert not Path("home").exists()


def test_asked_to_notify_it_tells_each_thing_once(warehouse, webhook, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MITTARISTO_NOTIFY_URL", webhook.url)
    make_dead(warehouse)
    assert [health(monkeypatch, capsys, "--notify")[0] for _ in range(2)] == [1, 1]
    assert [one["key"] for body in webhook.bodies for one in body["problems"]] == ["no_heartbeat:up"]


def test_where_there_is_no_warehouse_it_says_so_and_makes_none(tmp_path, monkeypatch, capsys) -> None:
    clean(monkeypatch, tmp_path)
    code, printed, error = health(monkeypatch, capsys)
    assert (code, printed) == (2, "")
    assert "there is no warehouse at" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_warehouse_of_an_older_version_is_left_as_it_is(tmp_path, monkeypatch, capsys) -> None:
    from warehouse.engine import open_engine

    clean(monkeypatch, tmp_path)
    (tmp_path / "home").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'mittaristo.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    engine.dispose()
    code, _, error = health(monkeypatch, capsys)
    assert code == 2
    assert "older version; run `mittaristo db upgrade`" in error
    assert error.count("\n") == 1
