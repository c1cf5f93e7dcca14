"""A dashboard built on the views of version 1 works after every migration; and psql reads the views."""

import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, Date, DateTime, Engine, MetaData, insert, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from models.catalogue import load_catalogue
from warehouse import engine as engine_module
from warehouse.catalogue import sync
from warehouse.engine import open_engine, upgrade, writing

DATA = Path(__file__).resolve().parents[1] / "data"
MIGRATIONS = Path(engine_module.__file__).parent / "migrations"
VERSION_1 = DATA / "dashboard-v1"
QUERIES = {one.stem: one.read_text(encoding="utf-8") for one in sorted((VERSION_1 / "queries").glob("*.sql"))}
LATER = {
    one.stem: one.read_text(encoding="utf-8") for one in sorted((DATA / "dashboard-v7/queries").glob("*.sql"))
}
PSQL = shutil.which("psql")

Answers = Mapping[str, tuple[list[str], list[tuple[Any, ...]]]]


def revisions() -> list[str]:
    found = [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    return list(reversed(found))


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def as_typed(kind: object, value: Any) -> Any:
    """A value as SQLite keeps it, for a column of that type."""
    if value is None:
        return None
    if isinstance(kind, Boolean):
        return bool(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if isinstance(kind, DateTime) else value


def fill(connection: Connection) -> None:
    """Puts the rows of the warehouse of version 1 into its tables."""
    with gzip.open(VERSION_1 / "warehouse.json.gz") as file:
        tables = json.load(file)
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name in tables:
            names, rows = tables[table.name]["columns"], tables[table.name]["rows"]
            assert names == [one.name for one in table.columns], table.name
            kinds = [one.type for one in table.columns]
            connection.execute(
                insert(table),
                [
                    {name: as_typed(kind, value) for name, kind, value in zip(names, kinds, row, strict=True)}
                    for row in rows
                ],
            )


def make_its_views(connection: Connection) -> None:
    views = json.loads((VERSION_1 / "views.json").read_text(encoding="utf-8"))[connection.dialect.name]
    for name in reversed(views):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    for name, query in views.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")


def answers(connection: Connection, queries: Mapping[str, str] = QUERIES) -> Answers:
    found = {}
    for name, query in queries.items():
        result = connection.exec_driver_sql(query)
        found[name] = (list(result.keys()), [tuple(row) for row in result])
    return found


@pytest.fixture
def version_1(database_url: str) -> Iterator[Engine]:
    """A warehouse as the first version left it, with its views."""
    opened = open_engine(database_url)
    with writing(opened) as connection:
        migrate(connection, "0001")
        fill(connection)
        make_its_views(connection)
    yield opened
    opened.dispose()


def test_the_dashboard_of_version_1_says_something_in_every_query(version_1: Engine) -> None:
    with version_1.connect() as connection:
        found = answers(connection)
    assert len(found) >= 10
    assert [name for name, (_, rows) in found.items() if not rows] == []
    _, rows = found["revisions"]
    assert [(row[1], row[3]) for row in rows] == [(31.3, "new"), (31.6, "revised")]


def test_the_dashboard_of_version_1_says_the_same_after_every_migration(version_1: Engine) -> None:
    with version_1.connect() as connection:
        before = answers(connection)
    after = {}
    for revision in revisions()[1:]:
        with writing(version_1) as connection:
            make_its_views(connection)
            migrate(connection, revision)  # with views in place, as they are in PostgreSQL
            make_its_views(connection)
            after[revision] = answers(connection)
    assert list(after) == revisions()[1:]
    for revision, found in after.items():
        assert found == before, revision


def test_the_dashboard_of_version_1_says_the_same_on_the_views_of_this_program(version_1: Engine) -> None:
    with version_1.connect() as connection:
        before = answers(connection)
    upgrade(version_1)
    with version_1.connect() as connection:
        after = answers(connection)
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == revisions()[-1]
    for name in QUERIES:
        assert after[name] == before[name], name
    assert "dashboard_due" in inspect(version_1).get_view_names()


def test_it_works_when_this_program_has_taken_its_own_catalogue_into_use_too(version_1: Engine) -> None:
    with version_1.connect() as connection:
        before = answers(connection)
    upgrade(version_1)
    with writing(version_1) as connection:
        sync(connection, load_catalogue())
        after, later = answers(connection), answers(connection, LATER)
    for name in QUERIES:
        assert after[name][0] == before[name][0], name
        assert after[name][1], name
    for name in ("city_over_time", "revisions", "changes", "runs", "ranking_latest"):
        assert after[name] == before[name], name
    assert later["answers_wanted"][1]


@pytest.mark.postgresql
@pytest.mark.parametrize("role", ["owner", "reader"])
def test_psql_runs_the_same_files(postgres_url: str, role: str) -> None:
    if PSQL is None:
        pytest.skip("psql is not installed here")
    opened = open_engine(postgres_url)
    with writing(opened) as connection:
        migrate(connection, "0001")
        fill(connection)
    upgrade(opened)
    address = make_url(postgres_url)
    with opened.connect() as connection:
        expected = answers(connection, QUERIES | LATER)
    if role == "reader":
        with opened.begin() as connection:
            connection.execute(text("CREATE ROLE psql_reader LOGIN"))
            for view in inspect(connection).get_view_names():
                if view.startswith("dashboard_"):
                    connection.execute(text(f"GRANT SELECT ON {view} TO psql_reader"))
        address = address.set(username="psql_reader")
    try:
        for version in ("dashboard-v1", "dashboard-v7"):
            for path in sorted((DATA / version / "queries").glob("*.sql")):
                told = _psql(address.render_as_string(hide_password=False), path)
                header, *rows = list(csv.reader(io.StringIO(told)))
                names, found = expected[path.stem]
                assert header == names, path.stem
                assert len(rows) == len(found), path.stem
    finally:
        if role == "reader":
            with opened.begin() as connection:
                connection.execute(text("DROP OWNED BY psql_reader"))
                connection.execute(text("DROP ROLE psql_reader"))
    opened.dispose()


# --- docs/dashboards.md -------------------------------------------------------------------------------------

RECIPES = (Path(__file__).resolve().parents[2] / "docs" / "dashboards.md").read_text(encoding="utf-8")


def test_the_recipe_for_pandas_runs_as_it_is_written(version_1: Engine) -> None:
    upgrade(version_1)
    ((_, lines),) = re.findall(r"```(python)\n(.*?)```", RECIPES, re.S)
    of_postgresql, of_sqlite = (
        "postgresql+psycopg://city_reader:PASSWORD@HOST/mittaristo",
        "sqlite:///file:var/mittaristo.db?mode=ro&uri=true",
    )
    assert lines.count(of_postgresql) == lines.count(of_sqlite) == 1
    address = version_1.url.render_as_string(hide_password=False)
    if version_1.dialect.name == "sqlite":
        address = of_sqlite.replace("var/mittaristo.db", str(version_1.url.database))
    said: dict[str, Any] = {}
    exec(lines.replace(of_postgresql, address), said)  # noqa: S102 - our own page
    assert said["table"]["Kajaani"].iloc[-1] == 31.6
    if version_1.dialect.name == "sqlite":
        with pytest.raises(OperationalError, match="readonly"), said["engine"].begin() as connection:
            connection.execute(text("DELETE FROM marker"))
    said["engine"].dispose()


@pytest.mark.postgresql
def test_the_recipes_queries_answer_on_postgresql(postgres_url: str) -> None:
    opened = open_engine(postgres_url)
    with writing(opened) as connection:
        migrate(connection, "0001")
        fill(connection)
    upgrade(opened)
    queries = re.findall(r"```sql\n(.*?)```", RECIPES, re.S) + re.findall(
        r'dbGetQuery\(con, "(.*?)"\)', RECIPES, re.S
    )
    assert len(queries) == 4
    with opened.connect() as connection:
        for query in queries:
            query = query.replace(
                "$__timeFilter(period_start)", "period_start BETWEEN '2016-01-01' AND '2026-12-31'"
            )
            assert connection.exec_driver_sql(query).all(), query
    opened.dispose()


def _psql(address: str, path: Path) -> str:
    done = subprocess.run(
        [str(PSQL), address, "--no-psqlrc", "--csv", "--set", "ON_ERROR_STOP=1", "--file", path],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PGCONNECT_TIMEOUT": "10"},
    )
    assert done.returncode == 0, f"{path.stem}: {done.stderr}"
    return done.stdout
