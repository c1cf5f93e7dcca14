"""By which way the databases find values: through the keys, never by reading all observations or vintages.

What is looked at is the plan a database makes on a warehouse of some size whose statistics it knows; times are not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, event, text

from models.catalogue import Catalogue
from models.document import Document
from models.ledger import LedgerRow
from models.observation import OBSERVATION_COLUMNS
from tests.storing import store_at
from warehouse import read
from warehouse.activity import activity
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.ledger import close_run, open_run, unfinished, write_row
from warehouse.load import indicator_owner
from warehouse.problems import situation
from warehouse.raw import index
from warehouse.recent import last_looks
from warehouse.staging import UNLESS_STORED
from warehouse.stored import packed_query

Day = Callable[[float], datetime]
BIG = ("observation", "vintage")
AREAS, MONTHS, OWNERS = 40, 120, 12
ONE_SERIES = "SELECT * FROM dashboard_series WHERE indicator_id = 'people' AND area_code = 'KU020'"


def figures(shift: float) -> pd.DataFrame:
    area, period = (part.ravel() for part in np.meshgrid(range(AREAS), range(MONTHS), indexing="ij"))
    months = [f"{2015 + number // 12}M{number % 12 + 1:02d}" for number in range(MONTHS)]
    none = pd.Categorical.from_codes(np.zeros(len(area), dtype=int), [""])
    return pd.DataFrame(
        {
            "content": none,
            "classes": none,
            "area_code": pd.Categorical.from_codes(area, [f"KU{number:03d}" for number in range(AREAS)]),
            "period": pd.Categorical.from_codes(period, months),
            "value": area * 1000.0 + period + shift,
            "symbol": none,
            "status": none.rename_categories(["final"]),
        }
    )[list(OBSERVATION_COLUMNS)]


def put(connection: Connection, owner: str, frame: pd.DataFrame, at: datetime, **more: Any) -> None:
    store_at(connection, owner, frame, at, **more)


def analyse(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


@pytest.fixture
def unknown(engine: Engine, catalogue: Catalogue, day: Day) -> Engine:
    """Over 57,000 observations of a dozen owners, each with three vintages; the database believes the tables empty."""
    analyse(engine)
    owners = [indicator_owner("people"), *(f"statfin/a/{number}" for number in range(1, OWNERS))]
    with writing(engine) as connection:
        sync(connection, catalogue)
        for number in range(3):
            for owner in owners:
                put(connection, owner, figures(number), day(number))
    return engine


@pytest.fixture
def filled(unknown: Engine) -> Engine:
    """The same with its statistics."""
    analyse(unknown)
    return unknown


def whole_scans(sqlite: bool, cursor: Any, statement: str, parameters: Any) -> tuple[list[str], list[str]]:
    """The big tables (SQLite: their names in the statement) read as a whole, and those read through an index."""
    if sqlite:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        words = [str(row[3]).split() for row in cursor.fetchall()]
        return [w[1] for w in words if w[0] == "SCAN"], [w[1] for w in words if w[0] == "SEARCH"]
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    scans: list[str] = []
    searches: list[str] = []
    waiting = [cursor.fetchone()[0][0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting.extend(node.get("Plans", []))
        relation = node.get("Relation Name")
        if relation in BIG:
            (scans if node["Node Type"] == "Seq Scan" else searches).append(relation)
    return scans, searches


@contextmanager
def plans_of(connection: Connection) -> Iterator[dict[str, tuple[list[str], list[str]]]]:
    """The scans of every statement that is executed, made before it is: temporary tables are there then."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    sqlite = connection.dialect.name == "sqlite"

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if statement.strip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")) and not many:
            found[statement] = whole_scans(sqlite, cursor.connection.cursor(), statement, parameters)

    event.listen(connection, "before_cursor_execute", explain)
    yield found
    event.remove(connection, "before_cursor_execute", explain)


def assert_by_key(plan: tuple[list[str], list[str]], names: Sequence[str]) -> None:
    """`names`: the big tables, and what they are called in the statement, which SQLite's plans tell."""
    scans, searches = plan
    assert not {*names, *BIG}.intersection(scans), plan
    assert {*names, *BIG}.intersection(searches), plan


@pytest.fixture
def years(engine: Engine, day: Day) -> Engine:
    """Two sources with 200 runs each, of which one was cut off; every run has a ledger row and an answer."""
    with writing(engine) as connection:
        for number in range(400):
            source, run_id = f"source{number % 2}", f"run-{number:04d}"
            open_run(
                connection,
                run_id=run_id,
                source=source,
                started_at=day(number),
                program_version="1",
                catalogue_fingerprint="f",
            )
            row = LedgerRow(run_id, f"{source}/a/1", "unchanged", "", calls=1)
            if number != 300:
                write_row(connection, row, recorded_at=day(number))
                close_run(connection, run_id, ended_at=day(number), state="green")
            index(
                connection,
                Document(
                    document_id=f"document-{number:04d}",
                    collection_id=f"{run_id}:{source}/a/1",
                    run_id=run_id,
                    source=source,
                    dataset_id=f"{source}/a/1",
                    kind="data",
                    method="GET",
                    url="https://example.org",
                    request_body="",
                    status=200,
                    content_type="application/json",
                    sha256="0" * 64,
                    size=1,
                    asked_at=day(number),
                    fetched_at=day(number),
                    error="",
                ),
            )
    analyse(engine)
    return engine


@pytest.mark.parametrize(
    ("ask", "finds"),
    [
        (activity, 2),
        (last_looks, 2),
        (lambda connection: situation(connection, datetime.now(UTC)).runs, 3),
        (lambda connection: unfinished(connection, "source0"), 1),
    ],
    ids=["activity", "last looks", "runs", "unfinished"],
)
def test_what_each_run_asks_of_runs_reads_no_table_that_grows_with_them(
    years: Engine, ask: Callable[[Connection], Sequence[object]], finds: int
) -> None:
    if years.dialect.name == "postgresql":
        pytest.skip("a table of some pages is read as a whole there, and rightly")
    with reading(years) as connection, plans_of(connection) as plans:
        assert len(ask(connection)) == finds
    scanned = {name for scans, _ in plans.values() for name in scans}
    assert not scanned & {"run", "ledger", "document", "r", "n", "a", "m", "g"}, plans


def test_one_series_of_dashboard_series_is_found_by_its_key(filled: Engine) -> None:
    with reading(filled) as connection, plans_of(connection) as plans:
        assert len(connection.execute(text(ONE_SERIES)).all()) == MONTHS
    assert_by_key(plans[ONE_SERIES], ["v", "c"])


def test_one_series_as_of_a_date_is_found_by_its_key(filled: Engine, day: Day) -> None:
    with reading(filled) as connection, plans_of(connection) as plans:
        then = read.series(connection, "people", "KU020", as_of=day(1.5))
    assert set(then["value"] - np.arange(MONTHS)) == {20_001.0}
    (statement,) = [one for one in plans if "vintage" in one]
    assert_by_key(plans[statement], ["later"])


def test_one_vintage_of_dashboard_vintages_is_found_by_its_key(filled: Engine) -> None:
    query = ONE_SERIES.replace("dashboard_series", "dashboard_vintages")
    with reading(filled) as connection, plans_of(connection) as plans:
        assert len(connection.execute(text(query)).all()) == 3 * MONTHS
    assert_by_key(plans[query], ["v", "n", "c"])


@pytest.mark.parametrize("is_analysed", [False, True])
def test_what_a_load_changed_is_compared_and_written_by_key(
    unknown: Engine, is_analysed: bool, day: Day
) -> None:
    if is_analysed:
        analyse(unknown)
    changed = figures(2).iloc[:-1]  # one is gone
    changed = changed.assign(value=changed["value"].where(changed.index % 100 > 0, -1.0))
    with writing(unknown) as connection, plans_of(connection) as plans:
        put(connection, "statfin/a/3", changed, day(9), absent="withdraw")
    # what is written to the tables themselves is found by their keys: INSERT ... ON CONFLICT, without a join
    assert not any(one.split()[0] == "UPDATE" and "observation" in one for one in plans)
    touching = {one: plan for one, plan in plans.items() if "observation" in one and "INTO changed" in one}
    assert len(touching) == 2  # what differs, and what is gone
    for plan in touching.values():
        assert_by_key(plan, ["o"])


@pytest.mark.parametrize(("owner", "more"), [("first", []), ("people", ["changed"])], ids=["first", "later"])
def test_the_newest_figures_are_found_in_one_pass_over_those_of_the_series(
    unknown: Engine, owner: str, more: list[str], day: Day
) -> None:
    with writing(unknown) as connection, plans_of(connection) as plans:
        put(connection, indicator_owner(owner), figures(5), day(9))
    (plan,) = [plan for one, plan in plans.items() if "INTO latest" in one]
    scans = [name for name in plan[0] if not name.startswith("(")]  # but the one subquery after the other
    assert sorted(scans) == (sorted([*more, "n"]) if unknown.dialect.name == "sqlite" else []), plan
    assert_by_key(plan, [])


def test_what_a_load_brings_unchanged_is_found_by_the_owners_key(filled: Engine) -> None:
    sqlite = filled.dialect.name == "sqlite"
    if sqlite:
        statement = UNLESS_STORED.format(
            given="(?, ?, ?), (?, ?, ?)", owner_no=3, symbol="''", status="'final'"
        )
        parameters: tuple[object, ...] = (1, 2, 3.0, 4, 5, 6.0)
    else:
        statement, parameters = packed_query(1), ("", "final", 3)
    with writing(filled) as connection:
        connection.execute(
            text("CREATE TEMPORARY TABLE incoming (a integer, b integer, c double precision, d text, e text)")
        )
        driver: Any = connection.connection.driver_connection
        plan = whole_scans(sqlite, driver.cursor(), statement, parameters)
        connection.execute(text("DROP TABLE incoming"))
    assert_by_key(plan, ["o"])
