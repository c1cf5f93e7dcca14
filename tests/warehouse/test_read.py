"""Reading back: types, order, and what was known at a time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from tests.storing import store_at
from warehouse import columns, read
from warehouse.engine import reading, writing
from warehouse.errors import WarehouseError

FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]
OWNER = "statfin/a/1"


def put(engine: Engine, frame: pd.DataFrame, at: datetime, owner: str = OWNER, **more: Any) -> None:
    with writing(engine) as connection:
        store_at(connection, owner, frame, at, **more)


def test_inputs_come_by_class_area_and_time_with_fixed_types(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    rows = [
        ("MK18", "2025M02", 4), ("MK18", "2025M01", None, "..."), ("KU205", "2024M12", 2, "", "preliminary"),
        ("KU205", "2025M01", 3, "", "final", "sex=1"), ("SSS", "2025M01", 9),
    ]  # fmt: skip
    put(engine, frame_of(*rows), day(1))
    with reading(engine) as connection:
        found = read.inputs(connection, OWNER, "x", ["", "sex=1"], ["KU205", "MK18"])
    told = list(zip(found["classes"], found["area_code"], found["period"], found["symbol"], strict=True))
    assert told == [
        ("", "KU205", "2024M12", ""),
        ("", "MK18", "2025M01", "..."),
        ("", "MK18", "2025M02", ""),
        ("sex=1", "KU205", "2025M01", ""),
    ]
    assert [str(kind) for kind in found.dtypes] == [
        "str", "str", "str", "float64", "str", "str", "datetime64[us, UTC]",
    ]  # fmt: skip
    assert list(found["status"]) == ["preliminary", "final", "final", "final"]


def test_without_any_values_the_columns_and_types_are_the_same(engine: Engine) -> None:
    with reading(engine) as connection:
        found = read.inputs(connection, OWNER, "x", [""], ["KU205"])
        shown = read.series(connection, "people", "KU205")
    assert list(found.columns) == [
        "classes",
        "area_code",
        "period",
        "value",
        "symbol",
        "status",
        "recorded_at",
    ]
    assert [str(found[name].dtype) for name in ("value", "recorded_at")] == ["float64", "datetime64[us, UTC]"]
    assert list(shown.columns) == [
        "class_code", "period", "value", "symbol", "status", "change_class", "recorded_at",
    ]  # fmt: skip


def test_inputs_leave_out_what_is_withdrawn_and_a_series_shows_it_without_value(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    for owner in (OWNER, "indicator/people"):
        put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 2)), day(1), owner)
        put(engine, frame_of(("KU205", "2025", 2)), day(2), owner, absent="withdraw")
    with reading(engine) as connection:
        assert list(read.inputs(connection, OWNER, "x", [""], ["KU205"])["period"]) == ["2025"]
        before = read.inputs(connection, OWNER, "x", [""], ["KU205"], as_of=day(1.5))
        assert list(before["period"]) == ["2024", "2025"]
        after = read.inputs(connection, OWNER, "x", [""], ["KU205"], as_of=day(2))
        assert list(after["period"]) == ["2025"]
        shown = read.series(connection, "people", "KU205")
    assert list(shown["change_class"]) == ["withdrawn", "new"]
    assert list(shown["value"].isna()) == [True, False]


def test_at_the_very_instant_of_a_vintage_it_is_known_and_a_microsecond_before_it_is_not(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(("KU205", "2025", 1)), day(1))
    put(engine, frame_of(("KU205", "2025", 2)), day(2))
    tick = timedelta(microseconds=1)
    with reading(engine) as connection:
        known = {
            moment: list(read.inputs(connection, OWNER, "x", [""], ["KU205"], as_of=moment)["value"])
            for moment in (day(1) - tick, day(1), day(2) - tick, day(2), day(2) + tick)
        }
    assert list(known.values()) == [[], [1.0], [1.0], [2.0], [2.0]]


def test_many_series_are_read_in_several_statements_and_slices(
    engine: Engine, frame_of: FrameOf, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SERIES_AT_A_TIME", 7)
    monkeypatch.setattr(columns, "ROWS_AT_A_TIME", 3)
    areas = [f"KU{n:03d}" for n in range(30)]
    put(engine, frame_of(*[(area, str(year), year) for area in areas for year in (2024, 2025)]), day(1))
    with reading(engine) as connection:
        found = read.inputs(connection, OWNER, "x", [""], areas)
        past = read.inputs(connection, OWNER, "x", [""], areas, as_of=day(2))
    assert list(found["area_code"]) == [area for area in areas for _ in range(2)]
    pd.testing.assert_frame_equal(found, past)


def test_all_current_values_come_series_by_series_as_categoricals_of_what_there_is(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    rows = [
        ("MK18", "2025M02", 4),
        ("KU205", "2025M01", None, "..."),
        ("MK18", "2025M01", 3, "", "preliminary"),
    ]
    put(engine, frame_of(*rows), day(1))
    put(engine, frame_of(rows[0]), day(2), absent="withdraw")
    with reading(engine) as connection:
        found = read.current(connection, OWNER)
        nothing = read.current(connection, "statfin/b/2")
    assert {str(kind) for name, kind in found.dtypes.items() if name != "value"} == {"category"}
    assert [str(kind) for kind in nothing.dtypes] == [str(kind) for kind in found.dtypes]
    of_region = found[found["area_code"] == "MK18"]
    assert list(zip(of_region["period"], of_region["change_class"], strict=True)) == [
        ("2025M01", "withdrawn"), ("2025M02", "new"),
    ]  # fmt: skip
    assert list(found["status"].cat.categories) == ["final", "preliminary"]
    assert list(found["period"].cat.categories) == ["2025M01", "2025M02"]


def test_the_newest_time_of_an_owner_is_none_before_its_first_vintage(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    with reading(engine) as connection:
        assert read.newest(connection, OWNER) is None
    put(engine, frame_of(("KU205", "2025", 1)), day(1))
    with reading(engine) as connection:
        assert read.newest(connection, OWNER) == day(1)


def test_changes_are_counted_by_indicator_and_class_as_the_view_lists_them(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    for owner, places in (("indicator/people", 3), ("indicator/houses", 2), (OWNER, 2)):
        rows = [(f"KU20{place}", "2025", place) for place in range(places)]
        put(engine, frame_of(*rows), day(1), owner)
        put(engine, frame_of(*rows[1:], ("KU205", "2025", 9)), day(2), owner, absent="withdraw")
        put(engine, frame_of(("KU201", "2025", 8), ("KU205", "2025", 7)), day(3), owner)
    with reading(engine) as connection:
        all_of_it = read.change_counts(connection, day(0), day(3))
        later = read.change_counts(connection, day(1), day(2))  # the first left out, the last taken
        none = read.change_counts(connection, day(3), day(9))
        listed = read.view(connection, "dashboard_changes")
    by = ["indicator_id", "change_class"]
    counted = (
        listed.groupby(by).agg(changes=("new", "size"), recorded_at=("recorded_at", "max")).reset_index()
    )
    assert [tuple(row) for row in all_of_it.astype({"changes": int}).to_numpy()] == [
        tuple(row) for row in counted.to_numpy()
    ]
    assert list(zip(later["indicator_id"], later["change_class"], later["changes"].astype(int), strict=True)) == [
        ("houses", "new", 1), ("houses", "withdrawn", 1), ("people", "new", 1), ("people", "withdrawn", 1),
    ]  # fmt: skip
    assert list(none.columns) == list(all_of_it.columns) and not len(none)


def test_only_the_dashboards_can_be_read_whole_by_name(engine: Engine) -> None:
    with reading(engine) as connection:
        assert len(read.view(connection, "dashboard_runs")) == 0
        with pytest.raises(WarehouseError, match="'quarantine' is no view"):
            read.view(connection, "quarantine")
