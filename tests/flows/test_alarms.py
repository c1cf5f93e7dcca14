"""Alarms: each beginning and each end told once over every channel, whatever breaks in between."""

import logging
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from flows import alarms
from flows.alarms import announce
from flows.pipeline import Pipeline
from flows.settings import Settings
from models.catalogue import Catalogue, load_catalogue
from models.ledger import LedgerRow, LedgerState
from warehouse.catalogue import sync
from warehouse.engine import open_engine, upgrade, writing
from warehouse.heartbeat import beat
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.lock import hold
from warehouse.raw import RawStore

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
RATE, EDUCATION, MIGRATION = "statfin/tyonv/12tf", "statfin/vkour/12bs", "statfin/ssaaty/121w"


@pytest.fixture(scope="session")
def packaged() -> Catalogue:
    return load_catalogue()


def pipeline_on(engine: Engine, catalogue: Catalogue, home: Path, **settings: object) -> Pipeline:
    with writing(engine) as connection:
        sync(connection, catalogue)
    return Pipeline(
        settings=Settings(home=home, contact="me@example.org", **settings),  # type: ignore[arg-type]
        catalogue=catalogue,
        engine=engine,
        raw=RawStore(home / "raw"),
        limits_folder=home / "limits",
    )


def by_mail(mail_sink) -> dict[str, object]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": mail_sink.port,
        "smtp_from": "data@example.org",
        "smtp_to": ("engineer@example.org",),
    }


@pytest.fixture
def pipeline(engine: Engine, packaged: Catalogue, tmp_path: Path, webhook, mail_sink) -> Pipeline:
    """With both channels."""
    return pipeline_on(engine, packaged, tmp_path, notify_url=webhook.url, **by_mail(mail_sink))


def ran(pipeline: Pipeline, at: datetime, **states: LedgerState) -> None:
    """A run that left these states; the names are those of the constants above, in lower case."""
    run_id = f"r{at:%Y%m%d%H%M}"
    with writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=at,
            program_version="1",
            catalogue_fingerprint="f",
        )
        for name, state in states.items():
            dataset_id = {"rate": RATE, "education": EDUCATION, "migration": MIGRATION}[name]
            write_row(connection, LedgerRow(run_id, dataset_id, state, f"it {state}"), recorded_at=at)
            set_state(connection, dataset_id, state="fetched")
        close_run(connection, run_id, ended_at=at, state="red" if "failed" in states.values() else "green")


def announced(pipeline: Pipeline, at: datetime) -> None:
    announce(pipeline, clock=lambda: at)


def told(webhook) -> list[list[tuple[str, str]]]:
    """Of each message what it told."""
    return [[(one["event"], one["key"]) for one in body["problems"]] for body in webhook.bodies]


def test_a_problem_and_its_end_are_told_once_each_over_both_channels(pipeline, webhook, mail_sink) -> None:
    for day, state in enumerate(["failed", "failed", "failed", "unchanged", "unchanged"]):
        ran(pipeline, NOW + day * DAY, rate=state)
        announced(pipeline, NOW + day * DAY)
        announced(pipeline, NOW + day * DAY)
    assert told(webhook) == [[("begun", f"failed:{RATE}")], [("ended", f"failed:{RATE}")]]
    first, last = mail_sink.mails
    assert first["Subject"].startswith("Mittaristo: UUSI, haku epäonnistui: ")
    assert last["Subject"].startswith("Mittaristo: OHI, haku epäonnistui: ")
    body = first.get_content()
    assert "Mitä tehdä: " in body
    assert "What to do: " in body
    assert first["Message-ID"] == f"<{webhook.bodies[0]['idempotency_key']}@example.org>"


def test_the_problems_of_one_run_are_one_message(pipeline, webhook, mail_sink) -> None:
    ran(pipeline, NOW, rate="failed", education="failed", migration="unchanged")
    announced(pipeline, NOW)
    ran(pipeline, NOW + DAY, rate="failed", education="unchanged", migration="failed")
    announced(pipeline, NOW + DAY)
    assert told(webhook) == [
        [("begun", f"failed:{RATE}"), ("begun", f"failed:{EDUCATION}")],
        [("begun", f"failed:{MIGRATION}"), ("ended", f"failed:{EDUCATION}")],
    ]
    assert len(mail_sink.mails) == 2


def test_it_says_which_measures_are_touched_and_who_answers_for_them(pipeline, webhook) -> None:
    with writing(pipeline.engine) as connection:
        day = (NOW - 30 * DAY).date()
        set_state(connection, MIGRATION, state="fetched", next_expected=day, late_after=day)
    announced(pipeline, NOW)
    (problem,) = webhook.bodies[0]["problems"]
    measures = {one["measure_id"]: one["parties"] for one in problem["measures"]}
    programme = pipeline.catalogue.programme
    names = {party.id: party.name_fi for party in programme.parties}
    expected = {
        measure.id: [names[party] for party in measure.responsible]
        for measure in programme.measures
        for meter in measure.meters
        for indicator in meter.indicator_ids
        if MIGRATION in pipeline.catalogue.indicators[indicator].datasets
    }
    assert measures == expected
    assert len(expected) == 4
    for measure, parties in expected.items():
        assert measure in webhook.bodies[0]["text"]
        assert set(parties) <= set(problem["answers_fi"])


def test_a_problem_that_lasts_is_told_again_once_a_week(pipeline, webhook) -> None:
    ran(pipeline, NOW, rate="failed")
    for day in range(22):
        announced(pipeline, NOW + day * DAY)
    assert told(webhook) == [
        [("begun", f"failed:{RATE}")],
        *[[("reminder", f"failed:{RATE}")]] * 3,
    ]
    ids = [body["problems"][0]["id"] for body in webhook.bodies]
    assert len(set(ids)) == 4, "no reminder looks like another to a receiver"


def test_a_channel_that_is_away_is_told_when_it_is_back_and_the_other_only_once(
    pipeline, webhook, mail_sink, caplog
) -> None:
    webhook.statuses = [410] * 3
    ran(pipeline, NOW, rate="failed")
    for day in range(3):
        announced(pipeline, NOW + day * DAY)
    assert (webhook.bodies, len(mail_sink.mails)) == ([], 1)
    assert caplog.text.count("did not take the message") == 3
    announced(pipeline, NOW + 3 * DAY)
    assert told(webhook) == [[("begun", f"failed:{RATE}")]]
    assert webhook.bodies[0]["problems"][0]["opened_at"] == NOW.isoformat()
    assert len(mail_sink.mails) == 1


def test_a_mail_server_that_is_away_does_not_hold_back_the_webhook(pipeline, webhook, mail_sink) -> None:
    mail_sink.answers["MAIL"] = "451 later"
    ran(pipeline, NOW, rate="failed")
    announced(pipeline, NOW)
    del mail_sink.answers["MAIL"]
    announced(pipeline, NOW + DAY)
    assert (len(webhook.bodies), len(mail_sink.mails)) == (1, 1)


def test_what_was_over_before_anybody_could_be_told_is_not_told(pipeline, webhook) -> None:
    webhook.statuses = [410]
    ran(pipeline, NOW, rate="failed")
    announced(pipeline, NOW)
    ran(pipeline, NOW + DAY, rate="unchanged")
    announced(pipeline, NOW + DAY)
    assert webhook.bodies == []


def test_without_a_channel_problems_are_kept_and_a_channel_set_later_is_told_of_those_that_last(
    engine: Engine, packaged: Catalogue, tmp_path: Path, webhook
) -> None:
    silent = pipeline_on(engine, packaged, tmp_path)
    ran(silent, NOW, rate="failed", education="failed")
    announced(silent, NOW)
    ran(silent, NOW + DAY, rate="failed", education="unchanged")
    announced(silent, NOW + DAY)
    loud = replace(silent, settings=replace(silent.settings, notify_url=webhook.url))
    announced(loud, NOW + 2 * DAY)
    assert told(webhook) == [[("begun", f"failed:{RATE}")]]


# --- crashes, overlap, and what goes wrong inside -----------------------------------------------------------


def test_of_a_crash_between_sending_and_noting_comes_one_message_twice_under_the_same_key(
    pipeline, webhook, monkeypatch
) -> None:
    def crash(*_arguments: object) -> None:
        raise SystemExit

    ran(pipeline, NOW, rate="failed")
    with monkeypatch.context() as patch:
        patch.setattr(alarms, "note_told", crash)
        with pytest.raises(SystemExit):
            announced(pipeline, NOW)
    for day in range(1, 4):
        announced(pipeline, NOW + day * DAY)
    first, second = webhook.bodies
    assert first["idempotency_key"] == second["idempotency_key"]
    assert first["problems"] == second["problems"]


_ANNOUNCING = """
import sys
from pathlib import Path
from types import SimpleNamespace
from flows.alarms import announce
from flows.settings import Settings
from warehouse.engine import open_engine
url, hook, home = sys.argv[1:]
settings = Settings(home=Path(home), notify_url=hook)
announce(SimpleNamespace(engine=open_engine(url), settings=settings, limits_folder=Path(home) / "limits"))
"""


def announcing(engine: Engine, hook: str, home: Path) -> subprocess.Popen[bytes]:
    """Another process that announces."""
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen([sys.executable, "-c", _ANNOUNCING, url, hook, str(home)], cwd=ROOT)


def test_a_process_killed_while_it_tells_does_not_hold_back_the_next_and_repeats_one_message(
    engine: Engine, packaged: Catalogue, tmp_path: Path, webhook
) -> None:
    pipeline = pipeline_on(engine, packaged, tmp_path, notify_url=webhook.url)
    ran(pipeline, NOW, rate="failed", education="failed")
    process: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        webhook.on_message = lambda: None
        process[0].kill()
        process[0].wait()

    webhook.on_message = kill
    process.append(announcing(engine, webhook.url, tmp_path))
    assert process[0].wait(timeout=60) == -9
    announce(pipeline)
    announce(pipeline)
    keys = [body["idempotency_key"] for body in webhook.bodies]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_several_processes_at_once_tell_each_thing_once(
    engine: Engine, packaged: Catalogue, tmp_path: Path, webhook
) -> None:
    pipeline = pipeline_on(engine, packaged, tmp_path, notify_url=webhook.url)
    ran(pipeline, NOW, rate="failed", education="failed")
    others = [announcing(engine, webhook.url, tmp_path) for _ in range(2)]
    threads = [threading.Thread(target=announce, args=(pipeline,)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.wait(timeout=60) for one in others] == [0, 0]
    assert told(webhook) == [[("begun", f"failed:{RATE}"), ("begun", f"failed:{EDUCATION}")]]


def test_nothing_that_goes_wrong_reaches_the_run(pipeline, webhook, monkeypatch, caplog) -> None:
    ran(pipeline, NOW, rate="failed")

    def broken(_situation: object) -> None:
        raise KeyError("a mistake of ours")

    with monkeypatch.context() as patch:
        patch.setattr(alarms, "open_problems", broken)
        announced(pipeline, NOW)
    assert "a mistake of ours" in caplog.text
    monkeypatch.setattr(alarms, "LOCK_WAIT_SECONDS", 0.0)
    with hold(pipeline.engine, "alarms", "somebody else", wait_seconds=0, lease_seconds=60):
        announced(pipeline, NOW)
    assert "held by somebody else" in caplog.text
    assert webhook.bodies == []
    announced(pipeline, NOW)
    assert told(webhook) == [[("begun", f"failed:{RATE}")]]


def test_a_database_that_is_gone_is_one_line_of_the_log(
    packaged: Catalogue, tmp_path: Path, webhook, caplog
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    pipeline = pipeline_on(engine, packaged, tmp_path, notify_url=webhook.url)
    engine.dispose()
    for path in tmp_path.glob("x.db*"):
        path.unlink()
    (tmp_path / "x.db").mkdir()
    announced(pipeline, NOW)
    assert "the database" in caplog.text
    assert "Traceback" not in caplog.text


def test_neither_a_password_nor_the_path_of_the_webhook_is_logged(
    pipeline, webhook, mail_sink, caplog
) -> None:
    caplog.set_level(logging.INFO)
    settings = replace(pipeline.settings, smtp_user="me", smtp_password="pw-s3cret")
    mail_sink.answers["AUTH"] = "535 no"
    webhook.statuses = [410]
    ran(pipeline, NOW, rate="failed")
    announced(replace(pipeline, settings=settings), NOW)
    assert caplog.text.count("did not take the message") == 2
    for secret in ("pw-s3cret", "s3cret", "t0ken"):
        assert secret not in caplog.text
        assert secret not in repr(settings)


def test_a_dead_heartbeat_is_told_though_no_run_ends(pipeline, webhook) -> None:
    with writing(pipeline.engine) as connection:
        beat(connection, "up", 30, beat_at=NOW)
    announced(pipeline, NOW + timedelta(seconds=60))
    assert webhook.bodies == []
    announced(pipeline, NOW + timedelta(seconds=61))
    with writing(pipeline.engine) as connection:
        beat(connection, "up", 30, beat_at=NOW + DAY)
    announced(pipeline, NOW + DAY)
    assert told(webhook) == [[("begun", "no_heartbeat:up")], [("ended", "no_heartbeat:up")]]


def test_where_there_is_nothing_to_tell_a_few_queries_are_all_it_costs(pipeline) -> None:
    announced(pipeline, NOW)
    asked: list[str] = []

    def count(_connection, _cursor, statement, *_more) -> None:
        asked.append(statement)

    event.listen(pipeline.engine, "before_cursor_execute", count)
    announced(pipeline, NOW)
    event.remove(pipeline.engine, "before_cursor_execute", count)
    assert len(asked) < 20
