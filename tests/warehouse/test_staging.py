"""What is sent to the database: only rows that do not say what is stored already."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, text

from warehouse.engine import writing
from warehouse.load import store
from warehouse.rows import checked_rows
from warehouse.staging import stage, stage_keys
from warehouse.stored import key_of, parted, stored_keys

FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]
OWNER = "statfin/a/1"
STORED = (
    ("KU205", "2023", 1.5),
    ("KU205", "2024", 0, "", "preliminary"),
    ("KU205", "2025", None, ".."),
    ("KU205", "2026", None),
)


def put(engine: Engine, frame: pd.DataFrame, at: datetime, **more: object) -> None:
    with writing(engine) as connection:
        store(
            connection,
            OWNER,
            frame,
            run_id="",
            collection_id="",
            recorded_at=at,
            source_updated_at=None,
            **more,  # type: ignore[arg-type]
        )


def staged(engine: Engine, frame: pd.DataFrame) -> list[int]:
    """The years of the rows that are staged, all of one series."""
    with writing(engine) as connection:
        (owner_no, series_id) = connection.execute(text("SELECT owner_no, series_id FROM series")).one()
        stage(connection, checked_rows(frame, OWNER), np.array([series_id]), owner_no=owner_no)
        numbers = connection.execute(text("SELECT period_no FROM incoming ORDER BY period_no")).scalars()
        years = [number // 100_000 for number in numbers]
        for name in ("incoming", "changed"):
            connection.execute(text(f"DROP TABLE {name}"))
    return years


def test_rows_that_say_what_is_stored_are_not_sent(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    put(engine, frame_of(*STORED), day(1))
    assert staged(engine, frame_of(*STORED)) == []
    assert staged(engine, frame_of(*STORED[::-1])) == []
    assert staged(engine, frame_of(*STORED, ("KU205", "2027", 1), ("KU205", "2022", 1))) == [2022, 2027]


@pytest.mark.parametrize(
    "changed",
    [
        ("KU205", "2023", 1.5000000000000002),
        ("KU205", "2023", None),
        ("KU205", "2023", None, ".."),
        ("KU205", "2023", 1.5, "", "preliminary"),
        ("KU205", "2024", 0),
        ("KU205", "2024", 1, "", "preliminary"),
        ("KU205", "2025", None, "..."),
        ("KU205", "2025", None),
        ("KU205", "2025", 0),
        ("KU205", "2026", None, ".."),
        ("KU205", "2026", 0),
    ],
)
def test_a_row_that_differs_in_anything_is_sent(
    engine: Engine, frame_of: FrameOf, day: Day, changed: tuple[object, ...]
) -> None:
    put(engine, frame_of(*STORED), day(1))
    others = [row for row in STORED if row[1] != changed[1]]
    assert staged(engine, frame_of(*others, changed)) == [int(str(changed[1]))]


def test_what_was_withdrawn_is_sent_also_when_it_has_no_value_now(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(*STORED), day(1))
    put(engine, frame_of(*STORED[:3]), day(2), absent="withdraw")
    assert staged(engine, frame_of(*STORED)) == [2026]


def test_a_symbol_may_be_any_text(engine: Engine, frame_of: FrameOf, day: Day) -> None:
    odd = [("KU205", "2023", None, "it's %s"), ("KU205", "2024", None, "ä:x"), ("KU205", "2025", None, "?1")]
    put(engine, frame_of(*odd), day(1))
    assert staged(engine, frame_of(*odd)) == []
    assert staged(engine, frame_of(*odd[:2], ("KU205", "2025", None, "?2"))) == [2025]


def test_keys_hold_series_and_period_and_are_ordered_as_the_tables(
    engine: Engine, frame_of: FrameOf, day: Day
) -> None:
    put(engine, frame_of(*STORED), day(1))
    with writing(engine) as connection:
        (owner_no, series_id) = connection.execute(text("SELECT owner_no, series_id FROM series")).one()
        keys = stored_keys(connection, owner_no)
        stage_keys(connection, keys[1:])
        found = connection.execute(text("SELECT series_id, period_no FROM gone ORDER BY period_no")).all()
        connection.execute(text("DROP TABLE gone"))
    assert [tuple(row) for row in found] == [
        (series_id, year * 100_000 + 12314) for year in (2024, 2025, 2026)
    ]
    largest = np.array([2**31 - 1]), np.array([999_912_319])
    assert [int(one[0]) for one in parted(key_of(*largest))] == [2**31 - 1, 999_912_319]
    assert (np.diff(keys) > 0).all()
