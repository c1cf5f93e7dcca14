"""deploy/postgresql/partitions.sql: the two large tables in partitions, and nobody who reads or writes notices."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from models.catalogue import Catalogue
from tests.storing import store_at
from warehouse import read
from warehouse.access import grant_reader
from warehouse.backup import back_up
from warehouse.catalogue import sync
from warehouse.checksum import checksums
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.restore import restore
from warehouse.views import DASHBOARDS

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "postgresql" / "partitions.sql"
NOW = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
OWNERS = [f"statfin/a/{number}" for number in range(1, 8)]
Day = Callable[[float], datetime]
FrameOf = Callable[..., pd.DataFrame]

pytestmark = pytest.mark.postgresql


def put(connection: Connection, frame: pd.DataFrame, at: datetime) -> list[int]:
    return [store_at(connection, owner, frame, at).revised for owner in OWNERS]


def run_script(url: str) -> None:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(SCRIPT.read_text(encoding="utf-8"))


def views(connection: Connection) -> dict[str, pd.DataFrame]:
    return {
        name: frame.sort_values(list(frame.columns), key=lambda one: one.astype("str"), ignore_index=True)
        for name in DASHBOARDS
        for frame in [read.view(connection, name)]
    }


@pytest.fixture
def engine(postgres_url: str, catalogue: Catalogue, frame_of: FrameOf, day: Day) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    upgrade(engine)
    with writing(engine) as connection:
        sync(connection, catalogue)
        put(
            connection,
            frame_of(("KU205", "2023", 1), ("KU205", "2024", 2), ("MK18", "2024", None, ".")),
            day(0),
        )
        put(connection, frame_of(("KU205", "2023", 1), ("KU205", "2024", 3), ("MK18", "2024", 5)), day(1))
    yield engine
    engine.dispose()


def test_everything_is_as_before_and_goes_on(
    engine: Engine, postgres_url: str, frame_of: FrameOf, day: Day
) -> None:
    with reading(engine) as connection:
        before, shown = checksums(connection), views(connection)
    run_script(postgres_url)
    with reading(engine) as connection:
        assert checksums(connection) == before
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE vintage_whole, observation_whole"))

    with reading(engine) as connection:
        assert checksums(connection) == before
        for name, frame in views(connection).items():
            pd.testing.assert_frame_equal(frame, shown[name])
        filled = connection.execute(text("SELECT count(DISTINCT tableoid), count(*) FROM vintage")).one()
        assert filled[0] > 1 and filled[1] == len(OWNERS) * 5
    with writing(engine) as connection:
        frame = frame_of(("KU205", "2023", 1), ("KU205", "2024", 4), ("MK18", "2024", 5))
        assert put(connection, frame, day(2)) == [1] * len(OWNERS)
        assert put(connection, frame, day(3)) == [0] * len(OWNERS)


def test_a_reader_keeps_its_rights_and_gets_none_on_the_partitions(engine: Engine, postgres_url: str) -> None:
    reader = "reader_of_partitions"
    grant_reader(engine, reader)
    run_script(postgres_url)
    upgrade(engine)
    try:
        with reading(engine) as connection:
            connection.execute(text(f"SET LOCAL ROLE {reader}"))
            assert connection.execute(text("SELECT count(*) FROM dashboard_series")).scalar() is not None
            for name in ("vintage", "vintage_03", "vintage_whole"):
                with pytest.raises(ProgrammingError, match="permission denied"), connection.begin_nested():
                    connection.execute(text(f"SELECT * FROM {name}"))
    finally:
        with writing(engine) as connection:
            connection.execute(text(f"DROP OWNED BY {reader}; DROP ROLE {reader}"))


def test_it_is_backed_up_and_restored_with_its_partitions(
    engine: Engine, postgres_url: str, tmp_path: Path, programs_of_the_server: None
) -> None:
    run_script(postgres_url)
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE vintage_whole, observation_whole"))
    with reading(engine) as connection:
        before = checksums(connection)
    file = tmp_path / "backup.zip"
    back_up(postgres_url, file, raw=None, program="0.1.0", made_at=NOW)
    with writing(engine) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    restore(postgres_url, file, raw=None)
    with reading(engine) as connection:
        assert checksums(connection) == before
        assert (
            connection.execute(
                text("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'")
            ).scalar()
            == 32
        )


def test_a_script_that_fails_leaves_everything_as_it_was(engine: Engine, postgres_url: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE observation_07 (x int)"))  # in its way, half through
    with reading(engine) as connection:
        before = checksums(connection)
    with pytest.raises(psycopg.errors.DuplicateTable):
        run_script(postgres_url)
    with reading(engine) as connection:
        assert checksums(connection) == before
        assert not {"vintage_whole", "vintage_00"} & set(inspect(connection).get_table_names())
