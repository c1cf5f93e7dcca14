"""Writers at the same time: results are as if one had come after the other."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from models.catalogue import load_catalogue
from models.ledger import Counts
from models.observation import OBSERVATION_COLUMNS
from tests.storing import store_at
from warehouse import read
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.staging import BATCH

FrameOf = Callable[..., pd.DataFrame]
AT = datetime(2026, 1, 1, tzinfo=UTC)


def put(engine: Engine, frame: pd.DataFrame, owner: str, at: datetime, pause: float = 0) -> Counts:
    with writing(engine) as connection:
        counts = store_at(connection, owner, frame, at)
        time.sleep(pause)
        return counts


def together(*works: Callable[[], object]) -> list[BaseException]:
    failed: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


def test_two_writers_of_the_same_new_owner_write_each_observation_once(
    engine: Engine, frame_of: FrameOf
) -> None:
    frame = frame_of(
        *[(f"KU{n:03d}", str(year), n + year) for n in range(1, 40) for year in range(2000, 2020)]
    )
    counts: list[Counts] = []
    failed = together(
        *[lambda: counts.append(put(engine, frame, "statfin/a/1", AT, pause=0.2)) for _ in range(3)]
    )
    assert failed == []
    assert sorted(one.new for one in counts) == [0, 0, 780]
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM vintage")).scalar_one() == 780


def test_writers_that_disagree_leave_one_history_with_ever_later_times(
    engine: Engine, frame_of: FrameOf
) -> None:
    put(engine, frame_of(("KU205", "2025", 0)), "statfin/a/1", AT)

    def write(first: int) -> None:
        for number in range(5):
            put(engine, frame_of(("KU205", "2025", first + number)), "statfin/a/1", AT + timedelta(hours=1))

    assert together(lambda: write(100), lambda: write(200)) == []
    with reading(engine) as connection:
        stored = read.vintages_of(connection, "statfin/a/1", "x", "", "KU205")
        now = read.inputs(connection, "statfin/a/1", "x", [""], ["KU205"])
    assert len(stored) == 11
    assert stored["recorded_at"].is_monotonic_increasing
    assert stored["recorded_at"].is_unique
    assert now["value"][0] == stored["value"].iloc[-1]
    assert sorted(stored["value"]) == [0, *range(100, 105), *range(200, 205)]


def test_writers_of_different_owners_that_see_the_same_new_periods_do_not_block_each_other_for_ever(
    engine: Engine, frame_of: FrameOf
) -> None:
    months = [f"{1990 + n // 12}M{n % 12 + 1:02d}" for n in range(240)]
    forward = frame_of(*[("KU205", month, 1) for month in months])
    backward = forward.assign(period=forward["period"].cat.reorder_categories(months[::-1]))
    works = [
        lambda owner=f"statfin/{n}/1", frame=frame: put(engine, frame, owner, AT, pause=0.05)
        for n, frame in enumerate([forward, backward] * 3)
    ]
    assert together(*works) == []
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM period")).scalar_one() == 240
        assert connection.execute(text("SELECT count(*) FROM observation")).scalar_one() == 6 * 240


def test_a_reader_sees_one_state_while_a_writer_works(engine: Engine, frame_of: FrameOf) -> None:
    put(engine, frame_of(("KU205", "2024", 1), ("KU205", "2025", 1)), "statfin/a/1", AT)
    query = text("SELECT sum(value) FROM observation")
    with reading(engine) as connection:
        assert connection.execute(query).scalar_one() == 2
        changed = frame_of(("KU205", "2024", 5), ("KU205", "2025", 5))
        put(engine, changed, "statfin/a/1", AT + timedelta(hours=1))
        assert connection.execute(query).scalar_one() == 2
    with reading(engine) as connection:
        assert connection.execute(query).scalar_one() == 10


def test_large_frames_go_through_in_batches_and_come_out_the_same(engine: Engine) -> None:
    rows = BATCH + 20_000
    random = np.random.default_rng(7)
    periods = [f"{2000 + n // 12}M{n % 12 + 1:02d}" for n in range(200)]
    number = random.permutation(rows)
    value = random.normal(size=rows)
    value[random.random(rows) < 0.1] = np.nan
    symbol = np.where(np.isnan(value), random.integers(0, 3, rows), 0)
    frame = pd.DataFrame(
        {
            "content": pd.Categorical.from_codes(np.zeros(rows, dtype=int), ["x"]),
            "classes": pd.Categorical.from_codes(np.zeros(rows, dtype=int), [""]),
            "area_code": pd.Categorical.from_codes(number // 200, [f"A{n}" for n in range(rows // 200)]),
            "period": pd.Categorical.from_codes(number % 200, periods),
            "value": value,
            "symbol": pd.Categorical.from_codes(symbol, ["", "..", "..."]),
            "status": pd.Categorical.from_codes(random.integers(0, 2, rows), ["final", "preliminary"]),
        }
    )
    assert put(engine, frame, "statfin/a/1", AT) == Counts(new=rows)
    with reading(engine) as connection:
        stored = read.inputs(connection, "statfin/a/1", "x", [""], [f"A{n}" for n in range(rows // 200)])
    names = [name for name in OBSERVATION_COLUMNS if name != "content"]
    keys = ["area_code", "period"]
    left = frame[names].astype(dict.fromkeys(set(names) - {"value"}, "str")).sort_values(keys)
    right = stored[names].sort_values(keys)
    pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True))
    assert put(engine, frame, "statfin/a/1", AT + timedelta(hours=1)) == Counts(same=rows)
    later = frame.assign(value=np.where(np.arange(rows) == 5, 12345.5, value))
    later["symbol"] = pd.Categorical.from_codes(np.where(np.arange(rows) == 5, 0, symbol), ["", "..", "..."])
    assert put(engine, later, "statfin/a/1", AT + timedelta(hours=2)) == Counts(revised=1, same=rows - 1)


def test_processes_that_begin_at_once_on_a_new_database_all_write_the_catalogue_s_mirror(
    engine: Engine,
) -> None:
    catalogue = load_catalogue()

    def begin() -> None:
        with writing(engine) as connection:
            sync(connection, catalogue)
            time.sleep(0.3)

    assert together(begin, begin, begin) == []
    with reading(engine) as connection:
        count = connection.execute(text("SELECT count(*) FROM dataset")).scalar_one()
    assert count == len(catalogue.datasets)
