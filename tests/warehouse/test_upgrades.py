"""A database of any earlier version, with rows in every table, is brought to this one and loses nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, inspect, select

from warehouse import read
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.load import store
from warehouse.revision import known_revisions, migrate, revision_of
from warehouse.tables import METADATA, DatasetState, SourceTotal, table_of
from warehouse.views import DASHBOARDS

Fill = Callable[[Connection], None]
Rows = dict[str, list[tuple[Any, ...]]]
REVISIONS = known_revisions()
OF_FORMS = {"dashboard_reports", "dashboard_due"}  # what people are asked is in the schema since 0006


def columns_of(connection: Connection) -> dict[str, list[str]]:
    found = inspect(connection)
    return {
        name: [one["name"] for one in found.get_columns(name)]
        for name in found.get_table_names()
        if name not in ("alembic_version", "marker")
    }


def rows_of(connection: Connection, columns: dict[str, list[str]]) -> Rows:
    """What stands in these columns, typed, in a fixed order."""
    return {
        name: sorted(
            (
                tuple(row)
                for row in connection.execute(select(*(METADATA.tables[name].c[one] for one in chosen)))
            ),
            key=repr,
        )
        for name, chosen in columns.items()
    }


def test_the_revisions_are_a_line_from_the_first_to_the_one_of_this_program() -> None:
    assert tuple(f"{number:04}" for number in range(1, len(REVISIONS) + 1)) == REVISIONS
    assert len(REVISIONS) >= 7


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_keeps_every_value_and_every_view_answers(
    database_url: str, fill_tables: Fill, frame_of: Callable[..., pd.DataFrame], revision: str
) -> None:
    engine = open_engine(database_url)
    with writing(engine) as connection:
        migrate(connection, revision)
        fill_tables(connection)
        columns = columns_of(connection)
        before = rows_of(connection, columns)
    assert {len(rows) for rows in before.values()} == {3}

    upgrade(engine)

    with reading(engine) as connection:
        assert revision_of(connection) == REVISIONS[-1]
        assert rows_of(connection, columns) == before
        empty = {name for name in DASHBOARDS if read.view(connection, name).empty}
    assert empty == (OF_FORMS if revision < "0006" else set())
    with writing(engine) as connection:  # and it is worked with as one that is new
        counts = store(
            connection,
            "statfin/new/1",
            frame_of(("KU205", "2025", 1.0)),
            run_id="run-1",
            collection_id="collection",
            recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
            source_updated_at=None,
        )
    assert counts.new == 1
    engine.dispose()


def test_what_an_upgrade_concludes_from_older_rows_is_right(database_url: str, fill_tables: Fill) -> None:
    engine = open_engine(database_url)
    with writing(engine) as connection:
        migrate(connection, "0003")
        fill_tables(connection)
    upgrade(engine)
    with reading(engine) as connection:
        table = table_of(DatasetState)
        layouts = dict(connection.execute(select(table.c.dataset_id, table.c.layout)).tuples().all())
    assert layouts == {
        "dataset_id-1": '[["", "alue_23_20250101"]]',
        "dataset_id-2": '[["", "Alue 2025"]]',
        "dataset_id-3": "",
    }
    with reading(engine) as connection:
        added_up = connection.exec_driver_sql(
            "SELECT r.source, sum(g.calls), sum(g.new_count + g.revised_count + g.withdrawn_count) "
            "FROM run r JOIN ledger g ON g.run_id = r.run_id GROUP BY r.source ORDER BY r.source"
        ).all()
        kept = connection.execute(
            select(table_of(SourceTotal)).order_by(table_of(SourceTotal).c.source)
        ).all()
    assert [tuple(map(str, row)) for row in kept] == [tuple(map(str, row)) for row in added_up] != []
    engine.dispose()


def test_the_views_of_an_older_version_are_not_in_the_way_of_an_upgrade(
    database_url: str, fill_tables: Fill
) -> None:
    """As it is on a real machine: there the older program had made its views."""
    engine = open_engine(database_url)
    with writing(engine) as connection:
        migrate(connection, REVISIONS[0])
        fill_tables(connection)
        connection.exec_driver_sql("CREATE VIEW dashboard_series AS SELECT value FROM observation")
        connection.exec_driver_sql("CREATE VIEW dashboard_latest AS SELECT * FROM latest")
    upgrade(engine)
    with reading(engine) as connection:
        assert not read.view(connection, "dashboard_series").empty
        assert "verdict_inputs" in read.view(connection, "dashboard_latest").columns
    engine.dispose()
