"""From SQLite to PostgreSQL: every row, every view, all or nothing, and the source as it was."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import make_url

from models.errors import ConfigurationError
from warehouse import move as move_module
from warehouse import read
from warehouse.checksum import TableSum, checksums, table_sums
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.errors import WarehouseError
from warehouse.load import store
from warehouse.move import move
from warehouse.tables import METADATA
from warehouse.views import DASHBOARDS, VIEWS

pytestmark = pytest.mark.postgresql
Fill = Callable[[Connection], None]


@pytest.fixture
def source(sqlite_url: str, fill_tables: Fill) -> Iterator[Engine]:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    with writing(engine) as connection:
        fill_tables(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def target(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()


def view(engine: Engine, name: str) -> pd.DataFrame:
    with reading(engine) as connection:
        frame = read.view(connection, name)
    return frame.sort_values(list(frame.columns), key=lambda one: one.astype("str"), ignore_index=True)


def test_every_row_is_moved_and_every_view_says_the_same(source: Engine, target: Engine) -> None:
    moved = move(source, target)
    assert moved.rows == {name: 1 if name == "marker" else 3 for name in METADATA.tables}
    assert moved.left == ()
    with reading(source) as here, reading(target) as there:
        assert checksums(here) == checksums(there)
        ours, theirs = table_sums(here), table_sums(there)
    assert {name for name in ours if ours[name] != theirs[name]} == {"marker"}  # of the views of each kind
    assert set(inspect(target).get_view_names()) == set(VIEWS)
    for name in DASHBOARDS:
        frame = view(source, name)
        assert not frame.empty
        pd.testing.assert_frame_equal(frame, view(target, name))


def test_the_moved_warehouse_goes_on_where_the_old_one_was(
    source: Engine, target: Engine, frame_of: Callable[..., pd.DataFrame]
) -> None:
    move(source, target)
    counts = []
    for engine in (source, target):
        with writing(engine) as connection:
            counts.append(
                store(
                    connection,
                    "statfin/new/1",
                    frame_of(("KU205", "2025", 1.0), ("KU765", "2025", 2.0)),
                    run_id="run-1",
                    collection_id="collection",
                    recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
                    source_updated_at=None,
                )
            )
    assert counts[0] == counts[1]
    with reading(source) as here, reading(target) as there:
        assert checksums(here) == checksums(there)


def test_the_source_is_left_as_it_was(source: Engine, target: Engine) -> None:
    path = Path(str(source.url.database))
    source.dispose()  # what stands beside the file is now in it
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    move(source, target)
    source.dispose()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_source_that_is_written_to_meanwhile_is_not_moved(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, done = move_module._copy, []

    def write_and_copy(here: Connection, there: Connection, table: object) -> None:
        if not done:
            other = open_engine(str(source.url))
            with writing(other) as connection:
                connection.execute(text("INSERT INTO marker (name, value) VALUES ('late', '1')"))
            other.dispose()
            done.append(table)
        copy(here, there, table)

    monkeypatch.setattr(move_module, "_copy", write_and_copy)
    with pytest.raises(WarehouseError, match=r"something wrote to the SQLite warehouse .*stop what collects"):
        move(source, target)
    assert inspect(target).get_table_names() == []
    assert move(source, target).rows["marker"] == 2


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE notes (x int)",
        "CREATE VIEW notes AS SELECT 1 AS x",
        "CREATE SEQUENCE notes",
        "warehouse",
    ],
)
def test_a_target_that_holds_anything_is_refused_and_left_alone(
    source: Engine, target: Engine, statement: str
) -> None:
    if statement == "warehouse":
        upgrade(target)
    else:
        with target.begin() as connection:
            connection.execute(text(statement))
    before = sorted(inspect(target).get_table_names() + inspect(target).get_view_names())
    with pytest.raises(
        ConfigurationError, match=r"is not empty \(it has '\w+'\).*name an empty one"
    ) as caught:
        move(source, target)
    assert "\n" not in str(caught.value)
    assert sorted(inspect(target).get_table_names() + inspect(target).get_view_names()) == before


def test_a_move_that_would_differ_leaves_nothing(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = move_module._copy

    def lossy(here: Connection, there: Connection, table: object) -> None:
        copy(here, there, table)
        if getattr(table, "name", "") == "vintage":
            there.execute(text("UPDATE vintage SET value = value + 1e-9 WHERE owner_no = 1"))

    monkeypatch.setattr(move_module, "_copy", lossy)
    with pytest.raises(WarehouseError, match="is not what was there in vintage; nothing was kept"):
        move(source, target)
    assert inspect(target).get_table_names() == []


def test_a_text_that_postgresql_cannot_hold_is_said_and_leaves_nothing(
    source: Engine, target: Engine
) -> None:
    with writing(source) as connection:
        connection.execute(text("UPDATE run SET source = 'a' || char(0) || 'b'"))
    with pytest.raises(
        WarehouseError, match=r"the table run cannot be moved: .*NUL.*nothing was kept"
    ) as caught:
        move(source, target)
    assert "\n" not in str(caught.value)
    assert inspect(target).get_table_names() == []


def test_a_move_that_dies_leaves_nothing_and_may_be_done_again(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def die(*_: object) -> dict[str, TableSum]:
            raise KeyboardInterrupt

        patch.setattr(move_module, "_set_sequence", die)
        with pytest.raises(KeyboardInterrupt):
            move(source, target)
    assert inspect(target).get_table_names() == []
    move(source, target)


def test_tables_that_are_not_the_warehouses_are_named_and_stay(source: Engine, target: Engine) -> None:
    with writing(source) as connection:
        connection.execute(text("CREATE TABLE my_notes (x integer)"))
    assert move(source, target).left == ("my_notes",)
    assert "my_notes" not in inspect(target).get_table_names()


def test_only_from_sqlite_to_postgresql(source: Engine, target: Engine) -> None:
    for one, other in ((target, source), (source, source), (target, target)):
        with pytest.raises(
            ConfigurationError, match=r"brings an SQLite warehouse .* to a PostgreSQL database"
        ):
            move(one, other)
    assert make_url(str(target.url)).database is not None
