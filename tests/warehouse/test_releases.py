"""The releases that were seen, which the rhythm of a dataset is learnt from."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from models.release_rhythm import Release
from warehouse.engine import reading, writing
from warehouse.releases import note_release, releases

AT = datetime(2026, 7, 21, 5, 0, tzinfo=UTC)
SEEN = AT + timedelta(minutes=7)


def noted(engine: Engine, period: str, released_at: datetime | None = AT, dataset_id: str = "s/a") -> None:
    with writing(engine) as connection:
        note_release(connection, dataset_id, period, released_at=released_at, seen_at=SEEN)


def known(engine: Engine, dataset_id: str = "s/a") -> list[Release]:
    with reading(engine) as connection:
        return releases(connection, dataset_id)


def test_of_the_first_fetch_nobody_knows_when_its_newest_period_came_out(engine: Engine) -> None:
    noted(engine, "2026M05")
    assert known(engine) == []
    noted(engine, "2026M05", AT + timedelta(days=1))
    assert known(engine) == [], "nor does it become known later"


def test_a_release_that_brings_a_newer_period_is_kept_at_the_source_s_own_time(engine: Engine) -> None:
    noted(engine, "2026M05")
    noted(engine, "2026M06")
    assert known(engine) == [Release("2026M06", AT)]


def test_a_revision_of_the_same_period_is_no_release_of_it(engine: Engine) -> None:
    noted(engine, "2026M05")
    noted(engine, "2026M06")
    noted(engine, "2026M06", AT + timedelta(days=9))
    assert known(engine) == [Release("2026M06", AT)]


def test_a_source_that_gives_no_times_released_when_it_was_seen(engine: Engine) -> None:
    noted(engine, "2026M05", None)
    noted(engine, "2026M06", None)
    assert known(engine) == [Release("2026M06", SEEN)]


def test_a_period_is_kept_as_we_write_it(engine: Engine) -> None:
    noted(engine, "2023-2024")
    noted(engine, " 2024-2025 ")
    assert [one.period for one in known(engine)] == ["2024/2025"]


def test_datasets_do_not_mix(engine: Engine) -> None:
    noted(engine, "2026M05")
    noted(engine, "2026M06")
    noted(engine, "2026M06", dataset_id="s/b")
    assert known(engine, "s/b") == []
