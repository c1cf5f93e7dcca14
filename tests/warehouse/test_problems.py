"""What the warehouse knows of its own state, and the problems kept in it with what was told of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from models.alarm import due
from models.ledger import LedgerRow
from models.problems import Beat, Problem, RunFacts, Situation, TouchedMeasure
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.heartbeat import beat, beats
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.lock import hold
from warehouse.problems import keep, kept_problems, note_told, situation
from warehouse.quarantine import open_quarantine

NOW = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)
DATASET = "statfin/a/1"


@pytest.fixture
def filled(engine: Engine, catalogue) -> Engine:
    with writing(engine) as connection:
        sync(connection, catalogue)
    return engine


def run(engine: Engine, run_id: str, at: datetime, *rows: LedgerRow, state: str | None = "green") -> None:
    with writing(engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=at,
            program_version="1",
            catalogue_fingerprint="f1",
        )
        for row in rows:
            write_row(connection, row, recorded_at=at)
        if state is not None:
            close_run(connection, run_id, ended_at=at + timedelta(minutes=1), state=state)  # type: ignore[arg-type]


def seen(engine: Engine, now: datetime = NOW) -> Situation:
    with reading(engine) as connection:
        return situation(connection, now)


def facts(engine: Engine, dataset_id: str = DATASET, now: datetime = NOW):
    (one,) = [one for one in seen(engine, now).datasets if one.dataset_id == dataset_id]
    return one


def test_of_an_empty_warehouse_nothing_is_said(engine: Engine) -> None:
    assert seen(engine) == Situation(NOW)


def test_a_dataset_touches_the_measures_whose_meters_read_it_with_their_parties(filled: Engine) -> None:
    first, second = (TouchedMeasure(f"1.1.0{number}", f"1.1.0{number}", ("Kaupunki",)) for number in (1, 2))
    assert facts(filled).measures == (first, second)
    assert facts(filled, "statfin/b/2").measures == (first, second)
    assert [one.measure_id for one in facts(filled, "statfin/c/3").measures] == ["1.K1.01", "1.1.04"]


def test_what_is_retired_from_the_catalogue_is_no_longer_looked_at(filled: Engine, catalogue) -> None:
    with writing(filled) as connection:
        open_quarantine(
            connection,
            dataset_id="statfin/c/3",
            run_id="r",
            collection_id="c",
            reports=(),
            reason="x",
            opened_at=NOW,
        )
        assert [one.dataset_id for one in situation(connection, NOW).quarantines] == ["statfin/c/3"]
        kept = {key: one for key, one in catalogue.indicators.items() if "statfin/c/3" not in one.datasets}
        measures = tuple(
            replace(
                one,
                meters=tuple(
                    replace(meter, indicator_ids=tuple(x for x in meter.indicator_ids if x in kept))
                    for meter in one.meters
                ),
            )
            for one in catalogue.programme.measures
        )
        datasets = {key: one for key, one in catalogue.datasets.items() if key != "statfin/c/3"}
        programme = replace(catalogue.programme, measures=measures)
        sync(connection, replace(catalogue, datasets=datasets, indicators=kept, programme=programme))
    assert [one.dataset_id for one in seen(filled).datasets] == ["statfin/a/1", "statfin/b/2"]
    assert seen(filled).quarantines == ()


def test_the_newest_ledger_row_of_a_dataset_is_what_counts(filled: Engine) -> None:
    assert (facts(filled).last_state, facts(filled).last_message, facts(filled).last_at) == (None, "", None)
    run(filled, "r1", NOW - timedelta(days=2), LedgerRow("r1", DATASET, "failed", "403"))
    run(filled, "r2", NOW - timedelta(days=1), LedgerRow("r2", "statfin/b/2", "fetched", ""))
    one = facts(filled)
    assert (one.last_state, one.last_message, one.last_at) == ("failed", "403", NOW - timedelta(days=2))
    run(filled, "r3", NOW, LedgerRow("r3", DATASET, "unchanged", "nothing new"))
    assert facts(filled).last_state == "unchanged"


def test_lateness_is_judged_on_the_day_of_the_question(filled: Engine) -> None:
    with writing(filled) as connection:
        set_state(
            connection,
            DATASET,
            state="fetched",
            next_expected=date(2026, 8, 10),
            late_after=date(2026, 8, 20),
        )
    day = timedelta(days=1)
    assert facts(filled, now=NOW - 11 * day).freshness == "current"
    assert facts(filled, now=NOW).freshness == "due"
    assert facts(filled, now=NOW + day).freshness == "late"
    with writing(filled) as connection:
        set_state(connection, DATASET, judged_on=date(2026, 8, 9))
    assert facts(filled, now=NOW + day).freshness == "current"


def test_runs_that_did_not_end_and_the_newest_of_a_source_are_told_of(filled: Engine) -> None:
    day = timedelta(days=1)
    run(filled, "r1", NOW - 3 * day, state=None)
    run(filled, "r2", NOW - 2 * day, LedgerRow("r2", DATASET, "failed", ""), state="red")
    run(
        filled,
        "r3",
        NOW - day,
        LedgerRow("r3", DATASET, "quarantined", ""),
        LedgerRow("r3", "statfin/b/2", "fetched", ""),
        state="red",
    )
    cut_off, newest = seen(filled).runs
    assert cut_off == RunFacts("r1", "statfin", NOW - 3 * day, None, "running", 0, is_held=False)
    assert newest == RunFacts(
        "r3", "statfin", NOW - day, NOW - day + timedelta(minutes=1), "red", 1, is_held=False
    )


def test_a_run_whose_source_is_locked_is_held_until_the_lease_ends(filled: Engine) -> None:
    run(filled, "r1", NOW, state=None)
    with hold(filled, "collect statfin", "run r1", wait_seconds=0, lease_seconds=900, clock=lambda: NOW):
        assert seen(filled, NOW + timedelta(seconds=899)).runs[0].is_held
        assert not seen(filled, NOW + timedelta(seconds=900)).runs[0].is_held
    assert not seen(filled, NOW).runs[0].is_held
    with hold(filled, "collect other", "x", wait_seconds=0, lease_seconds=900, clock=lambda: NOW):
        assert not seen(filled, NOW).runs[0].is_held


def test_a_sign_of_life_replaces_the_one_before(filled: Engine) -> None:
    with writing(filled) as connection:
        assert beats(connection) == ()
        beat(connection, "up", 30, beat_at=NOW - timedelta(seconds=30))
        beat(connection, "up", 60.5, beat_at=NOW)
        beat(connection, "collect", 30, beat_at=NOW)
        assert beats(connection) == (Beat("collect", NOW, 30), Beat("up", NOW, 60.5))
        beat(connection, "up", 30)
        assert beats(connection)[1].beat_at > NOW - timedelta(days=3650)
    assert [one.name for one in seen(filled).beats] == ["collect", "up"]


def problem(subject: str = DATASET, said: str = "first") -> Problem:
    return Problem(
        kind="failed",
        subject=subject,
        text_fi=f"{said} suomeksi",
        text_en=said,
        todo_fi="",
        todo_en="",
        title_fi="ä",
        title_en="a",
        measures=(TouchedMeasure("1.1.01", "M", ("P", "Q")),),
    )


def looked(engine: Engine, now: datetime, *problems: Problem):
    with writing(engine) as connection:
        return keep(connection, problems, now)


def told(engine: Engine, channel: str, now: datetime) -> list[tuple[str, str]]:
    """Tells the channel what is due and says what that was."""
    with writing(engine) as connection:
        notices = due(kept_problems(connection, channel), now)
        note_told(connection, channel, notices, now)
    return [(one.event, one.problem.key) for one in notices]


def rows(engine: Engine) -> list[tuple[object, ...]]:
    with reading(engine) as connection:
        query = "SELECT problem_key, text_en, ended_at IS NULL FROM problem ORDER BY opened_at, problem_key"
        return [(key, said, bool(lasts)) for key, said, lasts in connection.execute(text(query))]


def test_a_problem_is_kept_from_when_it_began_until_it_ended_and_may_begin_again(engine: Engine) -> None:
    hour = timedelta(hours=1)
    key = "failed:statfin/a/1"
    assert [one.key for one in looked(engine, NOW, problem()).begun] == [key]
    found = looked(engine, NOW + hour, problem(said="second"))
    assert (found.begun, found.ended, [one.key for one in found.still]) == ((), (), [key])
    assert rows(engine) == [(key, "second", True)], "it is said as it is now"
    assert looked(engine, NOW + 2 * hour).ended == (key,)
    assert looked(engine, NOW + 3 * hour) == ((), (), ())
    looked(engine, NOW + 4 * hour, problem(said="third"))
    assert rows(engine) == [(key, "second", False), (key, "third", True)]


def test_each_channel_is_told_each_thing_once(engine: Engine) -> None:
    day = timedelta(days=1)
    key = "failed:statfin/a/1"
    looked(engine, NOW, problem())
    assert told(engine, "mail", NOW) == [("begun", key)]
    assert told(engine, "mail", NOW) == []
    assert told(engine, "webhook", NOW + day) == [("begun", key)]
    assert told(engine, "mail", NOW + 7 * day) == [("reminder", key)]
    assert told(engine, "mail", NOW + 8 * day) == []
    assert told(engine, "mail", NOW + 14 * day) == [("reminder", key)]
    looked(engine, NOW + 15 * day)
    assert told(engine, "mail", NOW + 15 * day) == [("ended", key)]
    assert told(engine, "mail", NOW + 99 * day) == []
    assert told(engine, "webhook", NOW + 99 * day) == [("ended", key)]
    assert told(engine, "third", NOW + 99 * day) == [], "it was over before this channel was set"


def test_a_problem_comes_back_whole_with_what_was_told(engine: Engine) -> None:
    looked(engine, NOW, problem())
    told(engine, "mail", NOW)
    looked(engine, NOW + timedelta(hours=1), problem(), problem("statfin/b/2"))
    with reading(engine) as connection:
        first, second = kept_problems(connection, "mail")
    assert (first.problem, first.opened_at, first.ended_at) == (problem(), NOW, None)
    assert first.told == {"begun": NOW}
    assert (second.problem, second.told) == (problem("statfin/b/2"), {})
