"""The contract of the dashboard views: kept by both databases, only ever added to, said in comments and on a page."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from models.catalogue import Catalogue
from models.errors import ConfigurationError
from models.forms import questions
from models.forms_answers import Answer, Change
from models.ledger import Counts, LedgerRow
from tests.storing import store_at
from warehouse import read
from warehouse.catalogue import sync
from warehouse.contract import VIEW_COLUMNS, VIEW_DESCRIPTIONS
from warehouse.contract_page import EXAMPLES, PAGE, page
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.forms import store_answers
from warehouse.keys import indicator_owner
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.load import store
from warehouse.views import DASHBOARDS

DATA = Path(__file__).resolve().parents[1] / "data"
FROZEN = sorted(DATA.glob("contract-v*.json"))
RULE = "a column is only ever added, at the end of its view: none is removed, renamed, retyped or moved"

FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]
Frozen = Mapping[str, Sequence[Sequence[str]]]

POSTGRESQL_TYPES = {
    "text": {"text"},
    "integer": {"smallint", "integer", "bigint"},
    "number": {"double precision"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp": {"timestamp with time zone"},
    "json": {"text"},
}


def broken(frozen: Frozen, present: Frozen) -> list[str]:
    """What the present contract no longer keeps of a frozen one."""
    told = []
    for view, columns in frozen.items():
        now = [list(one) for one in present.get(view, ())]
        if view not in present:
            told.append(f"{view} is gone")
        for place, one in enumerate(columns):
            if now[place : place + 1] != [list(one)]:
                there = " ".join(now[place]) if place < len(now) else "nothing"
                told.append(f"{view}: column {place + 1} was {' '.join(one)} and is {there}")
                break
    return [f"{one}; {RULE}" for one in told]


def the_present() -> Frozen:
    return {view: [[one.name, one.type] for one in columns] for view, columns in VIEW_COLUMNS.items()}


@pytest.fixture
def fill(catalogue: Catalogue, frame_of: FrameOf, day: Day) -> Callable[[Engine], None]:
    """Puts something into every view, and into every column that can have something."""

    def put(engine: Engine) -> None:
        with writing(engine) as connection:
            sync(connection, catalogue)
            set_state(
                connection,
                "statfin/a/1",
                state="fetched",
                last_release=day(1),
                last_fetch=day(2),
                last_checked=day(2),
                next_expected=date(2026, 6, 1),
                late_after=date(2026, 7, 1),
                judged_on=date(2026, 6, 15),
            )
            open_run(
                connection,
                run_id="run-1",
                source="statfin",
                started_at=day(1),
                program_version="0.1.0",
                catalogue_fingerprint="f1",
            )
            row = LedgerRow("run-1", "statfin/a/1", "fetched", "1 new", Counts(1, 0, 0, 3), 2, 0.5, day(1))
            write_row(connection, row, recorded_at=day(1))
            close_run(connection, "run-1", ended_at=day(1) + timedelta(minutes=1), state="green")
            for place, value in enumerate((10, 12.25)):
                store(
                    connection,
                    indicator_owner("people"),
                    frame_of(("KU205", "2024", 9), ("KU205", "2025", value), content=""),
                    run_id="run-1",
                    collection_id="collection",
                    recorded_at=day(1 + place),
                    source_updated_at=day(place),
                )
            store_answers(
                connection,
                [
                    Change(Answer("1.1.04-m2", "2025", status="done", text="Tehty"), "new", ""),
                    Change(Answer("asked", "2025", value=3.5, sample_size=120), "new", ""),
                ],
                {one.id: one for one in questions(catalogue)},
                recorded_at=day(5),
                role="päällikkö",
                collection_id="form",
            )

    return put


def test_every_view_that_dashboards_read_is_in_the_contract_and_no_other() -> None:
    assert set(VIEW_COLUMNS) == set(VIEW_DESCRIPTIONS) == set(EXAMPLES) == set(DASHBOARDS)


def test_the_views_have_exactly_the_contract_s_columns_in_its_order(engine: Engine) -> None:
    with reading(engine) as connection:
        for view, columns in VIEW_COLUMNS.items():
            found = list(connection.execute(text(f"SELECT * FROM {view}")).keys())
            assert found == [one.name for one in columns], view


@pytest.mark.postgresql
def test_the_columns_have_the_contract_s_types_on_postgresql(postgres_url: str) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    query = text("SELECT table_name, column_name, data_type FROM information_schema.columns")
    with reading(opened) as connection:
        types = {(view, name): kind for view, name, kind in connection.execute(query)}
    wrong = [
        f"{view}.{one.name}: {types[view, one.name]} is no {one.type}"
        for view, columns in VIEW_COLUMNS.items()
        for one in columns
        if types[view, one.name] not in POSTGRESQL_TYPES[one.type]
    ]
    assert wrong == []
    opened.dispose()


def fits(kind: str, value: object) -> bool:
    """Whether what SQLite stores can be a value of that type."""
    match kind:
        case "integer":
            return isinstance(value, int)
        case "number":
            return isinstance(value, float)
        case "boolean":
            return value in (0, 1)
        case "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)))
        case "timestamp":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", str(value)))
        case "json":
            return isinstance(json.loads(str(value)), dict | list)
        case _:
            return isinstance(value, str)


def test_the_stored_values_have_the_contract_s_types_on_sqlite(
    sqlite_url: str, fill: Callable[[Engine], None]
) -> None:
    opened = open_engine(sqlite_url)
    upgrade(opened)
    fill(opened)
    with writing(opened) as connection:
        connection.execute(text("""UPDATE latest SET verdict = 'improved', verdict_inputs = '{"n": 4}'"""))
    seen = set()
    with reading(opened) as connection:
        for view, columns in VIEW_COLUMNS.items():
            rows = connection.exec_driver_sql(f"SELECT * FROM {view}").all()
            assert rows, view
            for row in rows:
                for one, value in zip(columns, row, strict=True):
                    if value is not None:
                        seen.add(one.type)
                        assert fits(one.type, value), f"{view}.{one.name}: {value!r} is no {one.type}"
    assert seen == set(POSTGRESQL_TYPES)
    opened.dispose()


def test_there_are_frozen_contracts_from_the_first_version_on() -> None:
    assert FROZEN[0].name == "contract-v1.json"
    assert len(json.loads(FROZEN[0].read_text(encoding="utf-8"))) == 10


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: path.stem)
def test_what_was_promised_once_is_kept(path: Path) -> None:
    assert broken(json.loads(path.read_text(encoding="utf-8")), the_present()) == []


@pytest.mark.parametrize(
    ("present", "told"),
    [
        ({}, "v is gone"),
        ({"v": [["a", "text"]]}, "v: column 2 was b number and is nothing"),
        ({"v": [["a", "text"], ["c", "number"]]}, "v: column 2 was b number and is c number"),
        ({"v": [["a", "text"], ["b", "text"]]}, "v: column 2 was b number and is b text"),
        ({"v": [["b", "number"], ["a", "text"]]}, "v: column 1 was a text and is b number"),
        (
            {"v": [["new", "text"], ["a", "text"], ["b", "number"]]},
            "v: column 1 was a text and is new text",
        ),
    ],
)
def test_a_column_that_is_removed_renamed_retyped_or_moved_is_said_with_the_rule(
    present: Frozen, told: str
) -> None:
    (found,) = broken({"v": [["a", "text"], ["b", "number"]]}, present)[:1]
    assert found == f"{told}; {RULE}"


def test_a_column_at_the_end_and_a_new_view_break_nothing() -> None:
    frozen = {"v": [["a", "text"]]}
    assert broken(frozen, {"v": [["a", "text"], ["b", "text"]], "w": [["c", "text"]]}) == []


# --- what is said of them -----------------------------------------------------------------------------------


def test_every_description_is_one_plain_line_that_ends_as_a_sentence() -> None:
    said = [one.description for columns in VIEW_COLUMNS.values() for one in columns]
    for one in (*said, *VIEW_DESCRIPTIONS.values()):
        assert one.endswith(".")
        assert "\n" not in one
        assert len(one) < 200


@pytest.mark.postgresql
def test_postgresql_has_the_descriptions_as_comments(postgres_url: str) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    query = text(
        "SELECT c.relname, a.attname, obj_description(c.oid, 'pg_class'), col_description(c.oid, a.attnum) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relkind = 'v'"
    )
    with reading(opened) as connection:
        rows = connection.execute(query).all()
    for view, columns in VIEW_COLUMNS.items():
        found = {name: (of_view, of_column) for name_of, name, of_view, of_column in rows if name_of == view}
        assert found == {one.name: (VIEW_DESCRIPTIONS[view], one.description) for one in columns}, view
    opened.dispose()


@pytest.mark.postgresql
def test_a_changed_comment_is_applied_by_the_next_upgrade(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    said = 'It\'s 100 % "new": :name, a\\b $$'
    monkeypatch.setattr("warehouse.views.VIEW_DESCRIPTIONS", {**VIEW_DESCRIPTIONS, "dashboard_runs": said})
    upgrade(opened)
    with reading(opened) as connection:
        found = connection.execute(
            text("SELECT obj_description(CAST('dashboard_runs' AS regclass), 'pg_class')")
        )
        assert found.scalar_one() == said
    opened.dispose()


def test_the_page_of_the_views_is_what_the_program_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run .venv/bin/python -m warehouse.contract_page"


def test_the_page_has_every_column_of_every_view() -> None:
    parts = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", page(), re.M | re.S))
    for view, columns in VIEW_COLUMNS.items():
        told = parts[view] + (parts["dashboard_series"] if view == "dashboard_vintages" else "")
        for one in columns:
            assert f"| `{one.name}` | {one.type} |" in told, f"{view}.{one.name}"


def test_the_page_s_examples_run(engine: Engine) -> None:
    with reading(engine) as connection:
        for examples in EXAMPLES.values():
            for one in examples:
                connection.exec_driver_sql(one)


def test_the_page_s_question_for_a_past_day_is_answered_as_by_the_program(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf
) -> None:
    """The day whole, in UTC: what came in its last moment belongs to it, what came at midnight does not."""
    (query,) = EXAMPLES["dashboard_vintages"]
    moments = [
        datetime(2026, 6, 29, 23, 59, tzinfo=UTC),
        datetime(2026, 6, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 7, 1, tzinfo=UTC),
    ]
    with writing(engine) as connection:
        sync(connection, catalogue)
        for number, moment in enumerate(moments):
            store_at(
                connection, indicator_owner("people"), frame_of(("KU205", "2024", number), content=""), moment
            )
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL TimeZone = 'America/New_York'"))  # whatever the client's
        asked = connection.exec_driver_sql(query.replace("'tertiary_share'", "'people'")).all()
        known = read.series(connection, "people", "KU205", as_of=moments[1])
    assert [(period, value) for period, value, _ in asked] == [("2024", 1.0)]
    assert list(zip(known["period"], known["value"], strict=True)) == [("2024", 1.0)]


# --- who may read them, over an upgrade ---------------------------------------------------------------------


@pytest.fixture
def as_role(postgres_url: str) -> Iterator[Callable[[str], Engine]]:
    """Opens the database as a role without rights of its own; the roles end with the test."""
    address = make_url(postgres_url).set(drivername="postgresql+psycopg")
    owner = create_engine(address, isolation_level="AUTOCOMMIT")
    quote = owner.dialect.identifier_preparer.quote_identifier
    opened: dict[str, Engine] = {}

    def enter(role: str) -> Engine:
        with owner.connect() as connection:
            connection.execute(text(f"CREATE ROLE {quote(role)} LOGIN"))
        opened[role] = create_engine(address.set(username=role))
        return opened[role]

    yield enter
    with owner.connect() as connection:
        for role, one in opened.items():
            one.dispose()
            connection.execute(text(f"DROP OWNED BY {quote(role)} CASCADE"))
            connection.execute(text(f"DROP ROLE {quote(role)}"))
    owner.dispose()


def may(engine: Engine, query: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(text(query))
        except Exception as error:
            assert "permission denied" in str(error)
            return False
    return True


def change_the_views(monkeypatch: pytest.MonkeyPatch, made_anew: bool) -> None:
    """The next version of the program has a further column; or it changes a helper so that views must be dropped."""
    from warehouse import views

    changed = dict(views.VIEWS)
    if made_anew:
        changed["question_outstanding"] = changed["question_outstanding"].replace(
            "SELECT d.question_id,", "SELECT 1 AS first, d.question_id,", 1
        )
    else:
        changed["dashboard_runs"] = changed["dashboard_runs"].replace(
            "r.catalogue_fingerprint", "r.catalogue_fingerprint, 1 AS added"
        )
    monkeypatch.setattr("warehouse.views.VIEWS", changed)
    monkeypatch.setattr("warehouse.view_grants.VIEWS", changed)


@pytest.mark.postgresql
@pytest.mark.parametrize("made_anew", [False, True], ids=["replaced", "made anew"])
def test_who_could_read_a_view_can_after_an_upgrade_and_nobody_else(
    postgres_url: str,
    as_role: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    made_anew: bool,
) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    reader, clerk, stranger = as_role("reader"), as_role('the "clerk"'), as_role("stranger")
    with writing(opened) as connection:
        for one in (
            "GRANT SELECT ON dashboard_series, dashboard_due TO reader",
            "GRANT SELECT ON dashboard_freshness TO PUBLIC",
            'GRANT SELECT (run_id, "new") ON dashboard_runs TO "the ""clerk"""',
            "GRANT SELECT ON dashboard_latest TO reader WITH GRANT OPTION",
            # of what is made later everybody may read all, but of what is there only what is said above
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO stranger",
        ):
            connection.execute(text(one))
    before = privileges(opened)
    change_the_views(monkeypatch, made_anew)
    upgrade(opened)
    assert privileges(opened) == before
    assert may(reader, "SELECT * FROM dashboard_series")
    assert may(reader, "SELECT * FROM dashboard_due")
    assert not may(reader, "SELECT * FROM dashboard_runs")
    assert may(clerk, 'SELECT run_id, "new" FROM dashboard_runs')
    assert not may(clerk, "SELECT message FROM dashboard_runs")
    assert may(stranger, "SELECT * FROM dashboard_freshness")
    assert not may(stranger, "SELECT * FROM dashboard_series")
    with reading(opened) as connection:
        names = connection.execute(text("SELECT * FROM dashboard_runs")).keys()
        helper = connection.execute(text("SELECT * FROM question_outstanding")).keys()
    assert ("added" in names, "first" in helper) == (not made_anew, made_anew)
    opened.dispose()


def privileges(engine: Engine) -> set[tuple[str, str, str]]:
    query = text(
        "SELECT relname, '', unnest(relacl)::text FROM pg_class WHERE relkind = 'v' AND relname LIKE 'dashboard%' "
        "AND relacl IS NOT NULL UNION ALL "
        "SELECT attrelid::regclass::text, attname, unnest(attacl)::text FROM pg_attribute WHERE attacl IS NOT NULL "
        "AND attrelid::regclass::text LIKE 'dashboard%'"
    )
    with reading(engine) as connection:
        owner = connection.execute(text("SELECT current_user")).scalar_one()
        return {
            (view, column, one)
            for view, column, one in connection.execute(query)
            if not one.startswith(f"{owner}=")
        }


@pytest.mark.postgresql
def test_a_view_that_others_made_over_ours_outlives_an_upgrade(
    postgres_url: str, as_role: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    reader = as_role("reader")
    with writing(opened) as connection:
        connection.execute(text("GRANT SELECT ON dashboard_runs TO reader"))
        connection.execute(text("CREATE SCHEMA city AUTHORIZATION reader"))
    with reader.begin() as connection:
        connection.execute(text("CREATE VIEW city.my_runs AS SELECT run_id FROM public.dashboard_runs"))
    change_the_views(monkeypatch, made_anew=False)
    upgrade(opened)
    assert may(reader, "SELECT * FROM city.my_runs")
    opened.dispose()


@pytest.mark.postgresql
def test_where_views_must_be_made_anew_the_views_of_others_over_them_are_named_and_nothing_is_changed(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(postgres_url)
    upgrade(opened)
    with writing(opened) as connection:
        connection.execute(text("CREATE VIEW my_due AS SELECT party_id FROM dashboard_due"))
    change_the_views(monkeypatch, made_anew=True)
    with pytest.raises(
        ConfigurationError, match=r"other views stand on them: my_due; .*drop them, upgrade"
    ) as told:
        upgrade(opened)
    assert "\n" not in str(told.value)
    with reading(opened) as connection:
        helper = list(connection.execute(text("SELECT * FROM question_outstanding")).keys())
        assert helper[0] == "question_id"
        assert list(connection.execute(text("SELECT * FROM my_due")).keys()) == ["party_id"]
    opened.dispose()


@pytest.mark.postgresql
def test_what_goes_wrong_for_another_reason_is_not_tried_a_second_time(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(postgres_url)
    tried = []

    def fail(connection: Connection) -> None:
        tried.append(1)
        connection.execute(text("SELECT 1 / 0"))

    monkeypatch.setattr("warehouse.engine.create_views", fail)
    with pytest.raises(Exception, match="division by zero"):
        upgrade(opened)
    assert tried == [1]
    opened.dispose()
