"""What storing does: change classes, counts, times, and what it refuses."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from models.errors import MittaristoError
from models.ledger import Counts
from tests.storing import store_at
from warehouse import read
from warehouse.engine import reading, writing
from warehouse.errors import WarehouseError
from warehouse.load import indicator_owner, store

OWNER = "statfin/vaerak/11re"
FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]


def put(engine: Engine, frame: pd.DataFrame, at: datetime, owner: str = OWNER, **more: Any) -> Counts:
    with writing(engine) as connection:
        return store(
            connection,
            owner,
            frame,
            run_id="run",
            collection_id="collection",
            recorded_at=at,
            source_updated_at=at - timedelta(hours=1),
            **more,
        )


def history(engine: Engine, owner: str = OWNER, area: str = "KU205", content: str = "x") -> pd.DataFrame:
    with reading(engine) as connection:
        return read.vintages_of(connection, owner, content, "", area)


def classes_of(engine: Engine, **more: str) -> list[str]:
    return list(history(engine, **more)["change_class"])


def count(engine: Engine, table: str) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_what_is_seen_for_the_first_time_is_new(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    frame = frame_of(("KU205", "2024", 1.5), ("KU205", "2025", 2), ("MK18", "2025", None, "..."))
    assert put(engine, frame, day(1)) == Counts(new=3)
    stored = history(engine)
    assert list(stored["period"]) == ["2024", "2025"]
    assert list(stored["value"]) == [1.5, 2.0]
    assert set(stored["change_class"]) == {"new"}
    assert list(stored["recorded_at"]) == [day(1)] * 2


def test_a_value_that_did_not_change_writes_nothing_at_all(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    frame = frame_of(("KU205", "2025", 2), ("KU205", "2024", None, ".."), ("KU205", "2023", None))
    put(engine, frame, day(1))
    before = {table: count(engine, table) for table in ("vintage", "load", "series", "period", "owner")}
    assert put(engine, frame, day(2)) == Counts(same=3)
    assert {table: count(engine, table) for table in before} == before


def test_each_kind_of_change_has_its_class(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    put(engine, frame_of(("KU205", "2025", 2, "", "preliminary")), day(1))
    steps: list[tuple[tuple[Any, ...], str]] = [
        ((3, "", "preliminary"), "revised"),
        ((3, "", "final"), "status"),
        ((None, "...", "final"), "revised"),
        ((None, "..", "final"), "symbol"),
        ((None, "", "final"), "symbol"),
        ((0, "", "preliminary"), "revised"),
    ]
    for number, ((value, symbol, status), _) in enumerate(steps, start=2):
        assert put(engine, frame_of(("KU205", "2025", value, symbol, status)), day(number)) == Counts(
            revised=1
        )
    assert classes_of(engine) == ["new", *(expected for _, expected in steps)]


def test_the_caller_can_name_a_change_of_value_restated(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2, "", "preliminary")), day(1))
    changed = frame_of(("KU205", "2024", 1.1), ("KU205", "2025", 2))
    assert put(engine, changed, day(2), restated=["KU205", "MK18"]) == Counts(revised=2)
    assert classes_of(engine) == ["new", "restated", "new", "status"]


def test_what_left_the_source_is_kept_unless_it_is_to_be_withdrawn(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2)), day(1))
    assert put(engine, frame_of(("KU205", "2025", 2)), day(2)) == Counts(same=1)
    assert put(engine, frame_of(("KU205", "2025", 2)), day(3), absent="withdraw") == Counts(
        withdrawn=1, same=1
    )
    stored = history(engine)
    assert list(stored["change_class"]) == ["new", "withdrawn", "new"]
    assert math.isnan(stored["value"][1])
    assert stored["symbol"][1] == ""


def test_what_is_withdrawn_is_not_withdrawn_again(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2)), day(1))
    put(engine, frame_of(("KU205", "2025", 2)), day(2), absent="withdraw")
    assert put(engine, frame_of(("KU205", "2025", 2)), day(3), absent="withdraw") == Counts(same=1)


@pytest.mark.parametrize("back", [(1.0,), (None,), (7.0,), (None, "...")])
def test_what_comes_back_is_returned_even_as_a_plain_null(
    engine: Engine, frame_of: FrameOf, day: Day, back: tuple[Any, ...]
) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2)), day(1))
    put(engine, frame_of(("KU205", "2025", 2)), day(2), absent="withdraw")
    assert put(engine, frame_of(("KU205", "2024", *back)), day(3)) == Counts(revised=1)
    assert classes_of(engine) == ["new", "withdrawn", "returned", "new"]


def test_an_empty_frame_withdraws_everything_of_its_owner_and_nothing_of_others(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2)), day(1))
    put(engine, frame_of(("KU205", "2025", 9)), day(1), owner="statfin/other/1")
    assert put(engine, frame_of(), day(2)) == Counts()
    assert put(engine, frame_of(), day(2), absent="withdraw") == Counts(withdrawn=2)
    assert classes_of(engine, owner="statfin/other/1") == ["new"]


def test_vintages_of_one_owner_have_ever_later_times_also_when_the_clock_jumps_back(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2025", 1)), day(5))
    put(engine, frame_of(("KU205", "2025", 2)), day(5))
    put(engine, frame_of(("KU205", "2025", 3)), day(1))
    tick = timedelta(microseconds=1)
    stored = history(engine)
    assert list(stored["recorded_at"]) == [day(5), day(5) + tick, day(5) + 2 * tick]
    assert list(stored["superseded_at"])[:2] == [day(5) + tick, day(5) + 2 * tick]
    assert pd.isna(stored["superseded_at"][2])


def test_a_clock_that_jumped_on_one_owner_does_not_touch_another(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2025", 1)), day(5))
    put(engine, frame_of(("KU205", "2025", 1)), day(1), owner="statfin/other/1")
    assert list(history(engine, owner="statfin/other/1")["recorded_at"]) == [day(1)]


def test_times_are_kept_to_the_microsecond_and_given_as_utc(engine: Engine, frame_of: FrameOf) -> None:
    from zoneinfo import ZoneInfo

    local = datetime(2026, 7, 21, 8, 0, 0, 123456, tzinfo=ZoneInfo("Europe/Helsinki"))
    put(engine, frame_of(("KU205", "2025", 1)), local)
    moment = history(engine)["recorded_at"][0].to_pydatetime()
    assert moment == local
    assert moment.utcoffset() == timedelta(0)
    with reading(engine) as connection:
        assert read.newest(connection, OWNER) == local


def test_a_time_without_zone_is_refused(engine: Engine, frame_of: FrameOf) -> None:
    with pytest.raises(WarehouseError, match="no time zone"):
        put(engine, frame_of(("KU205", "2025", 1)), datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-300, -1e300, 5e-324, 123456789.123456789, 2**53 + 2.0])
def test_values_are_kept_to_the_last_bit(engine: Engine, frame_of: FrameOf, day: Day, value: float) -> None:
    frame = frame_of(("KU205", "2025", repr(value)))
    put(engine, frame, day(1))
    assert history(engine)["value"][0] == value
    assert put(engine, frame, day(2)) == Counts(same=1)
    assert put(engine, frame_of(("KU205", "2025", repr(math.nextafter(value, 0.0)))), day(3)) == Counts(
        revised=1
    )


def test_a_negative_zero_is_a_zero(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    put(engine, frame_of(("KU205", "2025", -0.0)), day(1))
    assert math.copysign(1, history(engine)["value"][0]) == 1
    assert put(engine, frame_of(("KU205", "2025", 0.0)), day(2)) == Counts(same=1)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("KU205", "2025", 1), ("KU205", "2024", 1), ("KU205", "2025", 1)], r"given twice.*'KU205'.*'2025'"),
        ([("KU205", "2025", math.inf)], "infinite value at .*'2025'"),
        ([("KU205", "2025", 1, "...")], "a value and a missing symbol"),
        ([("KU205", "2025", 1, "", "sure")], "'sure' is no status"),
        ([("KU205", "25", 1)], "'25' is no period"),
        ([(None, "2025", 1)], "without area_code"),
    ],
)
def test_a_frame_that_cannot_be_true_is_refused_in_one_line_and_leaves_nothing(
    engine: Engine, frame_of: FrameOf, day: Day, rows: list[tuple[Any, ...]], told: str
) -> None:
    with pytest.raises(MittaristoError, match=told) as caught:
        put(engine, frame_of(*rows), day(1))
    assert "\n" not in str(caught.value)
    assert count(engine, "vintage") == count(engine, "series") == 0


def test_a_frame_without_a_column_is_refused(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    with pytest.raises(MittaristoError, match="lack the columns symbol"):
        put(engine, frame_of(("KU205", "2025", 1)).drop(columns="symbol"), day(1))


def test_nothing_is_stored_when_the_transaction_does_not_reach_its_end(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2025", 1)), day(1))
    with pytest.raises(KeyError), writing(engine) as connection:
        store_at(connection, OWNER, frame_of(("KU205", "2025", 2), ("KU205", "2026", 3)), day(2))
        raise KeyError
    assert classes_of(engine) == ["new"]
    assert put(engine, frame_of(("KU205", "2025", 2)), day(2)) == Counts(revised=1)


def test_several_owners_can_be_stored_in_one_transaction(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    with writing(engine) as connection:
        for owner in (OWNER, indicator_owner("population"), OWNER):
            store_at(connection, owner, frame_of(("KU205", "2025", 2), content=""), day(2))
    assert classes_of(engine, content="") == ["new"]
    assert classes_of(engine, owner="indicator/population", content="") == ["new"]


def test_classes_contents_and_areas_are_kept_apart(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    frame = pd.concat(
        [
            frame_of(("KU205", "2025", 1, "", "final", "age=0-14"), ("KU205", "2025", 2), content="a"),
            frame_of(("KU205", "2025", 3, "", "final", "age=0-14"), ("MK18", "2025", 4), content="b"),
        ]
    )
    assert put(engine, frame, day(1)) == Counts(new=4)
    assert put(engine, frame, day(2)) == Counts(same=4)
    with reading(engine) as connection:
        found = read.inputs(connection, OWNER, "b", ["age=0-14", ""], ["KU205", "MK18"])
    assert list(zip(found["classes"], found["area_code"], found["value"], strict=True)) == [
        ("", "MK18", 4.0),
        ("age=0-14", "KU205", 3.0),
    ]


def test_text_columns_need_not_be_categoricals_and_unused_categories_do_no_harm(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    frame = frame_of(("KU205", "2025", 1), ("KU205", "no period", 2))
    assert put(engine, frame.iloc[:1], day(1)) == Counts(new=1)
    assert put(engine, frame.iloc[:1].astype({"area_code": "str", "status": "str"}), day(2)) == Counts(same=1)


def test_on_sqlite_a_transaction_that_did_not_take_the_write_lock_is_refused(
    sqlite_url: str, frame_of: FrameOf, day: Day
) -> None:
    from warehouse.engine import open_engine, upgrade

    engine = open_engine(sqlite_url)
    upgrade(engine)
    with pytest.raises(WarehouseError, match=r"warehouse\.engine\.writing"), engine.begin() as connection:
        store_at(connection, OWNER, frame_of(("KU205", "2025", 2)), day(2))
    engine.dispose()


def test_what_was_loaded_when_and_from_which_release_is_kept(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2025", 1)), day(1), owner=indicator_owner("people"), synthetic=True)
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT run_id, collection_id, is_synthetic FROM load")).all()
    assert [(run, collection, bool(made)) for run, collection, made in rows] == [("run", "collection", True)]


# --- the newest figures of an indicator ------------------------------------------------------------------


def latest(engine: Engine, indicator: str = "people") -> list[tuple[Any, ...]]:
    query = (
        "SELECT period, value, symbol, previous_period, previous_value, year_before_period, "
        "year_before_value FROM latest WHERE indicator_id = :indicator ORDER BY area_code, class_code"
    )
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text(query), {"indicator": indicator})]


def test_the_newest_figure_and_those_before_it_move_with_the_values(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    people = indicator_owner("people")
    rows = [("KU205", f"{2023 + n // 12}M{n % 12 + 1:02d}", n) for n in range(14)]
    put(engine, frame_of(*rows, content=""), day(1), owner=people)
    assert latest(engine) == [("2024M02", 13.0, "", "2024M01", 12.0, "2023M02", 1.0)]
    put(engine, frame_of(("KU205", "2024M03", 20), ("KU205", "2023M03", 9), content=""), day(2), owner=people)
    assert latest(engine) == [("2024M03", 20.0, "", "2024M02", 13.0, "2023M03", 9.0)]


def test_a_missing_symbol_is_the_newest_only_where_there_is_no_figure(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    people = indicator_owner("people")
    frame = frame_of(
        ("KU205", "2024", 5), ("KU205", "2025", None, "..."), ("MK18", "2024", None, "..."), content=""
    )
    put(engine, frame, day(1), owner=people)
    assert latest(engine) == [
        ("2024", 5.0, "", None, None, None, None),
        ("2024", None, "...", None, None, None, None),
    ]


def test_a_series_without_anything_has_no_newest_figure(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    people = indicator_owner("people")
    put(engine, frame_of(("KU205", "2024", 5), ("MK18", "2024", None), content=""), day(1), owner=people)
    put(engine, frame_of(("MK18", "2024", None), content=""), day(2), owner=people, absent="withdraw")
    assert latest(engine) == []


def test_a_verdict_is_emptied_when_its_series_changes_and_only_then(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    people = indicator_owner("people")
    put(engine, frame_of(("KU205", "2024", 5), ("MK18", "2024", 6), content=""), day(1), owner=people)
    with writing(engine) as connection:
        connection.execute(text("UPDATE latest SET verdict = 'improved'"))
    put(engine, frame_of(("KU205", "2024", 5), ("MK18", "2025", 7), content=""), day(2), owner=people)
    with reading(engine) as connection:
        verdicts = connection.execute(text("SELECT verdict FROM latest ORDER BY area_code")).scalars().all()
    assert verdicts == ["improved", None]


def test_a_datasets_values_have_no_newest_figures_of_their_own(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2024", 5)), day(1))
    assert count(engine, "latest") == 0


def test_the_sum_of_the_vintages_is_what_the_observations_say(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    for number, value in enumerate((1, 2, 2, 3), start=1):
        put(engine, frame_of(("KU205", "2025", value), ("KU205", "2024", 1)), day(number))
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT vintages, value FROM observation ORDER BY period_no")).all()
    assert [tuple(row) for row in rows] == [(1, 1.0), (3, 3.0)]


@pytest.mark.postgresql
def test_utc_is_what_a_session_in_another_zone_still_gives(postgres_url: str, frame_of: FrameOf) -> None:
    from warehouse.engine import open_engine, upgrade

    engine = open_engine(postgres_url + "&options=-c%20timezone%3DAsia/Tokyo")
    upgrade(engine)
    moment = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    put(engine, frame_of(("KU205", "2025", 1)), moment)
    assert history(engine)["recorded_at"][0].isoformat() == "2026-01-01T23:30:00+00:00"
    engine.dispose()
