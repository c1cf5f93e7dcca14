"""Readers see the dashboard views and nothing else; writers collect and change no table. On a real PostgreSQL."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from models.errors import ConfigurationError
from warehouse.access import APPEND_ONLY, Granted, grant_reader, grant_writer
from warehouse.engine import open_engine, upgrade, writing
from warehouse.tables import METADATA
from warehouse.views import DASHBOARDS, VIEWS

_NUMBERS = itertools.count(1)
NewRole = Callable[[], str]
AsRole = Callable[..., Engine]


@pytest.fixture
def new_role(_postgresql_server: str) -> Iterator[NewRole]:
    """Names of roles that are dropped after the test. Roles belong to the whole server, not to one database."""
    names: list[str] = []

    def name() -> str:
        names.append(f"role_{next(_NUMBERS)}")
        return names[-1]

    yield name
    run(as_user(_postgresql_server), *(f"DROP ROLE IF EXISTS {one}" for one in reversed(names)))


@pytest.fixture
def warehouse(new_role: NewRole, postgres_url: str) -> Iterator[Engine]:
    """A whole warehouse, opened by its owner. It is gone before the roles are, which could not be dropped else."""
    opened = open_engine(postgres_url)
    upgrade(opened)
    yield opened
    opened.dispose()


def as_user(url: str, **more: Any) -> Engine:
    address = make_url(url).set(drivername="postgresql+psycopg", **more)
    return create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)


@pytest.fixture
def as_role(postgres_url: str) -> AsRole:
    """The database opened by a role."""
    return lambda role, **more: as_user(postgres_url, username=role, **more)


@pytest.fixture
def open_as(postgres_url: str) -> Iterator[AsRole]:
    """The database opened by a role as the program opens it."""
    opened: list[Engine] = []

    def connect(role: str) -> Engine:
        url = make_url(postgres_url).set(username=role)
        opened.append(open_engine(url.render_as_string(hide_password=False)))
        return opened[-1]

    yield connect
    for one in opened:
        one.dispose()


@contextmanager
def asked_for_passwords(url: str, role: str) -> Iterator[None]:
    """The wheel's server asks nobody for a password; within this it asks `role`."""
    rules = Path(str(make_url(url).query["host"])) / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    rules.write_text(f"local all {role} scram-sha-256\n{before}", encoding="utf-8")
    run(as_user(url), "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        rules.write_text(before, encoding="utf-8")
        run(as_user(url), "SELECT pg_reload_conf()")


def run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for one in statements:
            connection.exec_driver_sql(one)


def one_value(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def refusal(engine: Engine, *statements: str) -> str:
    """The SQLSTATE with which the last of the statements was refused; '' where it was not."""
    *before, last = statements
    with engine.connect() as connection:
        for one in before:
            connection.exec_driver_sql(one)
        try:
            connection.exec_driver_sql(last)
        except DBAPIError as error:
            return str(getattr(error.orig, "sqlstate", "?"))
        finally:
            connection.exec_driver_sql("RESET ALL")
    return ""


NO_PRIVILEGE, READ_ONLY = "42501", "25006"  # another one would tell of a mistake in the statement
INTERNAL = [name for name in VIEWS if name not in DASHBOARDS]
TABLES = [*METADATA.tables, "alembic_version"]
FORBIDDEN = [
    *(f'SELECT count(*) FROM "{name}"' for name in (*TABLES, *INTERNAL)),
    *(f'INSERT INTO "{name}" DEFAULT VALUES' for name in TABLES),
    *(f'DELETE FROM "{name}"' for name in TABLES),
    *(f'TRUNCATE "{name}"' for name in TABLES),
    *(f'DROP TABLE "{name}"' for name in TABLES),
    *(f'DROP VIEW "{name}"' for name in VIEWS),
    *(f'COPY "{name}" TO STDOUT' for name in TABLES),
    "UPDATE observation SET value = 1",
    "SELECT document_id FROM document FOR UPDATE",
    "SELECT 1 FROM dashboard_indicators FOR UPDATE",
    "DO $$ BEGIN LOCK TABLE dashboard_series IN EXCLUSIVE MODE; END $$",
    "SELECT nextval('load_load_id_seq')",
    "SELECT last_value FROM load_load_id_seq",
    "CREATE TABLE mine (x int)",
    "CREATE TEMPORARY TABLE mine (x int)",
    "CREATE VIEW mine AS SELECT * FROM dashboard_series",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "ALTER VIEW dashboard_series RENAME TO mine",
    "CREATE OR REPLACE VIEW dashboard_runs AS SELECT 1 AS x",
    "ALTER TABLE vintage ADD COLUMN mine int",
    "CREATE INDEX mine ON vintage (value)",
    "ALTER ROLE {role} SUPERUSER",
    "ALTER ROLE {role} CREATEROLE",
    "ALTER ROLE {role} CONNECTION LIMIT -1",
    "ALTER ROLE {owner} PASSWORD 'x'",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "GRANT {owner} TO {role}",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/mine.csv'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_read_binary_file('pg_hba.conf')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_reload_conf()",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{owner}'",
]


def test_sqlite_has_no_roles_and_the_command_says_what_to_do_instead(sqlite_url: str, tmp_path: Path) -> None:
    opened = open_engine(sqlite_url)
    for grant in (grant_reader, grant_writer):
        with pytest.raises(
            ConfigurationError, match=r"file:.*mittaristo\.db\?mode=ro.*db backup.*db move"
        ) as caught:
            grant(opened, "dashboards")
        assert "\n" not in str(caught.value)
    opened.dispose()


@pytest.mark.postgresql
def test_a_reader_reads_every_dashboard_view(warehouse: Engine, as_role: AsRole, new_role: NewRole) -> None:
    reader = new_role()
    granted = grant_reader(warehouse, reader)
    assert granted.made
    engine = as_role(reader)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == reader
        for name in DASHBOARDS:
            connection.execute(text(f"SELECT * FROM {name}")).all()


@pytest.mark.postgresql
@pytest.mark.parametrize("before", [(), ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",)])
def test_everything_else_is_refused_to_a_reader_even_when_it_leaves_its_read_only_mode(
    warehouse: Engine, as_role: AsRole, new_role: NewRole, before: tuple[str, ...]
) -> None:
    reader = new_role()
    grant_reader(warehouse, reader)
    owner = one_value(warehouse, "SELECT current_user")
    # somebody of the owner's is there to be terminated
    with warehouse.connect():
        engine = as_role(reader)
        answers = {one: refusal(engine, *before, one.format(role=reader, owner=owner)) for one in FORBIDDEN}
    expected = {NO_PRIVILEGE} if before else {NO_PRIVILEGE, READ_ONLY}
    wrong = {one: answer for one, answer in answers.items() if answer not in expected}
    assert wrong == {}


@pytest.mark.postgresql
def test_a_reader_has_limits_and_granting_again_changes_nothing_that_a_person_set(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    reader = new_role()
    first = grant_reader(warehouse, reader)
    assert any(one.startswith("CREATE ROLE") for one in first.statements)
    names = ("default_transaction_read_only", "statement_timeout", "idle_in_transaction_session_timeout")
    shown = [one_value(as_role(reader), f"SHOW {name}") for name in names]
    assert shown == ["on", "1min", "1min"]
    limit = f"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{reader}'"
    assert one_value(warehouse, limit) == 20
    run(
        as_role(one_value(warehouse, "SELECT current_user")),
        f"ALTER ROLE {reader} CONNECTION LIMIT 3",
        f"ALTER ROLE {reader} IN DATABASE {warehouse.url.database} RESET statement_timeout",
        f"ALTER ROLE {reader} SET statement_timeout = '5s'",
        f"ALTER ROLE {reader} SET default_transaction_read_only = off",
    )
    assert grant_reader(warehouse, reader) == Granted(reader, False, ())
    assert [one_value(as_role(reader), f"SHOW {name}") for name in names] == ["on", "5s", "1min"]
    assert one_value(warehouse, limit) == 3


@pytest.mark.postgresql
def test_a_password_is_asked_for_and_the_server_never_sees_it(
    warehouse: Engine, as_role: AsRole, new_role: NewRole, postgres_url: str
) -> None:
    reader, password = new_role(), "pä'ss w\"o$x:@/\\%"
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(warehouse, "before_cursor_execute", note)
    granted = grant_reader(warehouse, reader, password)
    assert f"ALTER ROLE {reader} PASSWORD '...'" in granted.statements
    assert not [one for one in sent if "pä" in one]
    assert [one for one in sent if "PASSWORD 'SCRAM-SHA-256$" in one]
    with asked_for_passwords(postgres_url, reader):
        assert one_value(as_role(reader, password=password), "SELECT current_user") == reader
        for wrong in ("other", None):
            with pytest.raises(OperationalError, match="password"):
                one_value(as_role(reader, password=wrong), "SELECT 1")
        grant_reader(warehouse, reader)  # without one, the one it has stays
        assert one_value(as_role(reader, password=password), "SELECT current_user") == reader


@pytest.mark.postgresql
def test_what_a_role_was_given_too_much_is_taken_and_what_it_has_from_elsewhere_is_said(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    reader, owner = new_role(), as_role(one_value(warehouse, "SELECT current_user"))
    run(owner, f"CREATE ROLE {reader} LOGIN", f"GRANT ALL ON vintage, question_state TO {reader}")
    run(owner, f"GRANT UPDATE ON SEQUENCE load_load_id_seq TO {reader}")
    assert not grant_reader(warehouse, reader).made
    assert refusal(as_role(reader), "SELECT 1 FROM vintage") == NO_PRIVILEGE
    assert refusal(as_role(reader), "SELECT 1 FROM question_state") == NO_PRIVILEGE

    run(owner, "GRANT SELECT (document_id) ON document TO PUBLIC", "CREATE SCHEMA other")
    run(owner, "CREATE TABLE other.notes (x int)", f"GRANT INSERT ON other.notes TO {reader}")
    with pytest.raises(
        ConfigurationError, match=r"would still have other\.notes, public\.document; revoke"
    ) as caught:
        grant_reader(warehouse, reader)
    assert "\n" not in str(caught.value)
    other = new_role()
    with pytest.raises(
        ConfigurationError, match=r"would still have public\.document; revoke that \(FROM PUBLIC"
    ):
        grant_reader(warehouse, other)
    assert one_value(warehouse, f"SELECT count(*) FROM pg_roles WHERE rolname = '{other}'") == 0


@pytest.mark.postgresql
def test_what_everybody_may_make_in_the_schema_is_kept_for_the_owner(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    """Before PostgreSQL 15 everybody may make tables in the schema public."""
    reader, owner = new_role(), as_role(one_value(warehouse, "SELECT current_user"))
    run(owner, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    granted = grant_reader(warehouse, reader)
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in granted.statements
    assert (
        refusal(as_role(reader), "SET default_transaction_read_only = off", "CREATE TABLE x (y int)")
        == NO_PRIVILEGE
    )
    run(owner, "CREATE TABLE x (y int)", "DROP TABLE x")


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        ("CREATE ROLE {role} SUPERUSER LOGIN", "may do more than log in"),
        ("CREATE ROLE {role} LOGIN CREATEROLE", "may do more than log in"),
        ("CREATE ROLE {role} LOGIN IN ROLE pg_read_all_data", "is a member of other roles"),
        (
            "CREATE ROLE {role} LOGIN; CREATE TABLE t (x int); ALTER TABLE t OWNER TO {role}",
            "owns databases, tables",
        ),
    ],
)
@pytest.mark.parametrize("grant", [grant_reader, grant_writer])
def test_a_role_that_can_do_more_is_neither_made_reader_nor_writer(
    warehouse: Engine, as_role: AsRole, new_role: NewRole, grant: Any, prepare: str, says: str
) -> None:
    role = new_role()
    run(as_role(one_value(warehouse, "SELECT current_user")), prepare.format(role=role))
    with pytest.raises(ConfigurationError, match=f"the role {role} {says}.*; take another one"):
        grant(warehouse, role)
    assert not one_value(
        warehouse, "SELECT count(*) FROM pg_class WHERE relname = 'dashboard_series' AND relacl IS NOT NULL"
    )


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("Dashboards", "is no name for a role"),
        ("pg_dashboards", "is no name for a role"),
        ("a b", "is no name"),
        ("", "is no name"),
        ("x" * 64, "is no name"),
        ("public", 'role name "public" is reserved; take another name'),
    ],
)
def test_a_name_that_no_role_can_have_is_said_in_one_line(warehouse: Engine, role: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        grant_reader(warehouse, role)
    assert "\n" not in str(caught.value)


@pytest.mark.postgresql
def test_an_owner_without_rights_over_roles_is_told_what_an_administrator_must_run_and_that_is_enough(
    new_role: NewRole, postgres_url: str, open_as: AsRole
) -> None:
    owner, reader = new_role(), new_role()
    administrator = as_user(postgres_url)
    run(administrator, f"CREATE ROLE {owner} LOGIN", f"GRANT CREATE ON SCHEMA public TO {owner}")
    engine = open_as(owner)
    upgrade(engine)
    with pytest.raises(ConfigurationError, match="nothing was done; let an administrator") as caught:
        grant_reader(engine, reader, "secret")
    told = str(caught.value)
    assert "secret" not in told and "\n" not in told
    run_by_hand = (
        told.partition("run in this database: ")[2].partition("; then run this again")[0].split("; ")
    )
    assert run_by_hand[-1] == f"\\password {reader}"
    assert one_value(administrator, f"SELECT count(*) FROM pg_roles WHERE rolname = '{reader}'") == 0
    run(administrator, *run_by_hand[:-1])
    assert grant_reader(engine, reader) == Granted(reader, False, ())
    as_reader = as_user(postgres_url, username=reader)
    assert one_value(as_reader, "SELECT count(*) FROM dashboard_series") == 0
    assert refusal(as_reader, "SELECT 1 FROM vintage") == NO_PRIVILEGE
    run(
        as_user(postgres_url, username=owner), "CREATE TEMPORARY TABLE staging (x int)"
    )  # it can still collect
    stranger, third = new_role(), new_role()
    run(administrator, f"CREATE ROLE {stranger} LOGIN", f"CREATE ROLE {third} LOGIN CONNECTION LIMIT 5")
    for user, says in ((reader, "read-only transaction"), (stranger, "permission denied")):
        with pytest.raises(ConfigurationError, match=rf"{says}.*; call this as the owner of the tables"):
            grant_writer(open_as(user), third)
    run(administrator, f"DROP OWNED BY {owner}")


@pytest.mark.postgresql
def test_a_writer_adds_rows_and_alters_neither_tables_nor_vintages_nor_the_state_of_the_schema(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    writer = new_role()
    assert grant_writer(warehouse, writer).made
    assert grant_writer(warehouse, writer) == Granted(writer, False, ())
    engine = as_role(writer)
    run(
        engine,
        "INSERT INTO owner (owner) VALUES ('statfin/a/1')",
        "UPDATE owner SET owner = 'statfin/a/2'",
        "DELETE FROM owner",
        *(f'SELECT * FROM "{name}"' for name in (*TABLES, *VIEWS)),
        "CREATE TEMPORARY TABLE incoming (x int)",
        "SELECT pg_advisory_xact_lock(1)",
    )
    forbidden = [
        *(
            f'UPDATE "{name}" SET {column} = {column}'
            for name, column in zip(
                APPEND_ONLY, ("role", "content", "run_id", "finding", "value"), strict=True
            )
        ),
        *(f'DELETE FROM "{name}"' for name in APPEND_ONLY),
        *(f'TRUNCATE "{name}"' for name in TABLES),
        *(f'DROP TABLE "{name}"' for name in TABLES),
        *(f'DROP VIEW "{name}"' for name in VIEWS),
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM marker",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE ledger ADD COLUMN mine int",
        "CREATE INDEX mine ON ledger (state)",
        f"ALTER ROLE {writer} SUPERUSER",
        "SET ROLE postgres",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('postgresql.conf')",
    ]
    assert {one: refusal(engine, one) for one in forbidden} == dict.fromkeys(forbidden, NO_PRIVILEGE)


@pytest.mark.postgresql
def test_what_a_later_version_adds_is_the_writers_too_and_not_the_readers(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    writer, reader = new_role(), new_role()
    grant_writer(warehouse, writer)
    grant_reader(warehouse, reader)
    run(as_role(one_value(warehouse, "SELECT current_user")), "CREATE TABLE later (id serial, x int)")
    run(as_role(writer), "INSERT INTO later (x) VALUES (1)", "UPDATE later SET x = 2", "DELETE FROM later")
    assert refusal(as_role(reader), "SELECT 1 FROM later") == NO_PRIVILEGE
    assert grant_reader(warehouse, reader) == Granted(reader, False, ())


@pytest.mark.postgresql
def test_a_writer_that_becomes_a_reader_has_nothing_of_what_later_versions_add(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    role, owner = new_role(), as_role(one_value(warehouse, "SELECT current_user"))
    grant_writer(warehouse, role)
    database = one_value(warehouse, "SELECT current_database()")
    with pytest.raises(ConfigurationError, match="would still have CREATE or TEMPORARY in database"):
        grant_reader(warehouse, role)
    run(owner, f"REVOKE TEMPORARY ON DATABASE {database} FROM {role}")
    grant_reader(warehouse, role)
    run(owner, "CREATE TABLE later (id serial, x int)")
    for one in ("SELECT 1 FROM later", "DELETE FROM later", "SELECT nextval('later_id_seq')"):
        assert refusal(as_role(role), "SET default_transaction_read_only = off", one) == NO_PRIVILEGE


@pytest.mark.postgresql
def test_rights_on_what_is_made_later_and_functions_with_their_owners_rights_make_no_reader(
    warehouse: Engine, as_role: AsRole, new_role: NewRole
) -> None:
    role, owner = new_role(), as_role(one_value(warehouse, "SELECT current_user"))
    grant_reader(warehouse, role)
    run(
        owner,
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "CREATE FUNCTION tells() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM vintage'",
    )
    with pytest.raises(
        ConfigurationError,
        match=r"default rights on tables and sequences that \w+ makes later, the function tells\(\), which runs",
    ):
        grant_reader(warehouse, role)
    run(owner, "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC")
    run(owner, "REVOKE EXECUTE ON FUNCTION tells() FROM PUBLIC")
    assert grant_reader(warehouse, role) == Granted(role, False, ())


def test_a_writer_at_a_warehouse_of_an_older_version_is_told_who_must_upgrade_it(
    warehouse: Engine, open_as: AsRole, new_role: NewRole
) -> None:
    writer = new_role()
    grant_writer(warehouse, writer)
    with writing(warehouse) as connection:
        connection.execute(text("DELETE FROM marker WHERE name = 'views'"))
    with pytest.raises(ConfigurationError, match="`mittaristo db upgrade` as its owner") as error:
        upgrade(open_as(writer))
    assert "\n" not in str(error.value)
    upgrade(warehouse)
    upgrade(open_as(writer))
