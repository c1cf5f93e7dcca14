"""Roles of PostgreSQL besides the owner: readers of the dashboard views, and writers that collect.

The owner is the role that made the tables; it alone changes them (`db upgrade`). A writer adds and changes rows. A
reader sees the views dashboard_* and nothing else: what it may do is looked at after the granting, with all that comes
to it from PUBLIC, and where that is more, the granting is undone and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from models.errors import ConfigurationError
from warehouse.engine import writing
from warehouse.tables import METADATA
from warehouse.views import DASHBOARDS

# Rails against mistakes, no fence: a session may set them otherwise. Each is set only where nobody set it before.
READER_SETTINGS: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",  # an open transaction keeps `db upgrade` waiting
}
READER_CONNECTIONS = 20
WRITER_CONNECTIONS = 40
# The program adds rows to these and never changes or removes one, so that a writer need not be able to.
APPEND_ONLY = ("answer_vintage", "catalogue_version", "load", "recode", "vintage")
_OF_THE_OWNER = ("alembic_version", "marker")  # they tell the state of the schema

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_REFUSED, _READ_ONLY, _RESERVED = "42501", "25006", "42939"  # SQLSTATEs


@dataclass(frozen=True)
class Granted:
    """A role that was `made` or was there; `statements` are those that changed it or PUBLIC, the password left out."""

    role: str
    made: bool
    statements: tuple[str, ...]


def grant_reader(engine: Engine, role: str, password: str | None = None) -> Granted:
    """Lets `role` read the dashboard views and nothing else; makes it where it is not there.

    Again is harmless. Without a password the one it has stays. All or nothing: raises ConfigurationError, one line,
    when the database has no roles, when this role cannot be one that only reads, and when somebody with more rights
    must do a part of it first, which is named.
    """
    with _granting(engine, role) as connection:
        place = _place(connection, role)
        granted = _prepare(connection, place, READER_CONNECTIONS, READER_SETTINGS, password)
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            _run(connection, f"REVOKE ALL ON ALL {kind} IN SCHEMA {place.schema} FROM {place.role}")
            _run(connection, f"{_later(place)} REVOKE ALL ON {kind} FROM {place.role}")
        _run(connection, f"GRANT CONNECT ON DATABASE {place.database} TO {place.role}")
        _run(connection, f"GRANT USAGE ON SCHEMA {place.schema} TO {place.role}")
        _run(connection, f"GRANT SELECT ON {', '.join(DASHBOARDS)} TO {place.role}")
        if more := _beyond_reading(connection, role):
            raise ConfigurationError(
                f"the role {role} would still have {', '.join(more)}; revoke that (FROM PUBLIC, where it comes from "
                "there), then run this again"
            )
    return granted


def grant_writer(engine: Engine, role: str, password: str | None = None) -> Granted:
    """Lets `role` collect: read all, add rows, change those that change; but make no tables and alter no vintages.

    Tables that later versions add are open to it too. Otherwise as grant_reader.
    """
    with _granting(engine, role) as connection:
        place = _place(connection, role)
        granted = _prepare(connection, place, WRITER_CONNECTIONS, {}, password)
        ours = [one for one in sorted(METADATA.tables) if one not in _OF_THE_OWNER]
        quote = connection.dialect.identifier_preparer.quote
        changing = ", ".join(quote(one) for one in ours if one not in APPEND_ONLY)
        for what, whom in (
            ("REVOKE ALL ON ALL TABLES IN SCHEMA {schema}", "FROM"),
            ("GRANT CONNECT, TEMPORARY ON DATABASE {database}", "TO"),  # staging is in temporary tables
            ("GRANT USAGE ON SCHEMA {schema}", "TO"),
            ("GRANT SELECT ON ALL TABLES IN SCHEMA {schema}", "TO"),
            ("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema}", "TO"),
            (f"GRANT INSERT ON {', '.join(map(quote, ours))}", "TO"),
            (f"GRANT UPDATE, DELETE ON {changing}", "TO"),
            (f"{_later(place)} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES", "TO"),
            (f"{_later(place)} GRANT USAGE, SELECT ON SEQUENCES", "TO"),
        ):
            said = what.format(schema=place.schema, database=place.database)
            _run(connection, f"{said} {whom} {place.role}")
    return granted


def _later(place: _Place) -> str:
    """The beginning of a statement on what the tables' owner makes from now on."""
    return f"ALTER DEFAULT PRIVILEGES FOR ROLE {place.owner} IN SCHEMA {place.schema}"


# --- the role itself ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Names as SQL writes them."""

    plain_role: str
    role: str
    database: str
    schema: str
    owner: str  # of the tables
    user: str  # who we are


@contextmanager
def _granting(engine: Engine, role: str) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        raise ConfigurationError(
            f"an SQLite database has no roles: let readers open it as file:{engine.url.database}?mode=ro, give them a "
            "copy (mittaristo db backup), or move it to PostgreSQL (mittaristo db move)"
        )
    if not _NAME.fullmatch(role):
        raise ConfigurationError(
            f"'{role}' is no name for a role here; give small letters, digits and _, not beginning with pg_"
        )
    try:
        with writing(engine) as connection:
            yield connection
    except DBAPIError as error:
        owner = "call this as the owner of the tables"
        advice = {_REFUSED: owner, _READ_ONLY: owner, _RESERVED: "take another name"}
        if (state := _state(error)) not in advice:
            raise
        told = str(error.orig).strip().splitlines()[0].rstrip(".")
        raise ConfigurationError(f"the role {role} was left as it was: {told}; {advice[state]}") from error


def _place(connection: Connection, role: str) -> _Place:
    row = connection.execute(
        text(
            "SELECT current_database(), current_schema(), current_user, pg_get_userbyid(relowner) "
            "FROM pg_class WHERE oid = to_regclass('vintage')"
        )
    ).one()
    quote = connection.dialect.identifier_preparer.quote
    database, schema, user, owner = map(quote, row)
    return _Place(role, quote(role), database, schema, owner, user)


def _prepare(
    connection: Connection, place: _Place, connections: int, settings: Mapping[str, str], password: str | None
) -> Granted:
    """The role made and set, and what everybody has in the database taken from PUBLIC."""
    role = place.plain_role
    made = _role_row(connection, role) is None
    if not made and (unfit := _unfit(connection, role)):
        raise ConfigurationError(f"the role {role} {unfit}; take another one")
    wanted = _wanted(connection, place, connections, settings)
    try:
        with connection.begin_nested():
            for one in wanted:
                _run(connection, one)
            if password is not None:
                _run(connection, f"ALTER ROLE {place.role} PASSWORD '{_hashed(connection, role, password)}'")
    except DBAPIError as error:
        if _state(error) != _REFUSED:
            raise
        more = [] if password is None else [f"\\password {role}"]
        raise _needs_more_rights(place, [*wanted, *more]) from error
    # Without the right, PostgreSQL answers some of these with no more than a warning.
    if left := _wanted(connection, place, connections, settings):
        raise _needs_more_rights(place, left)
    said = [] if password is None else [f"ALTER ROLE {place.role} PASSWORD '...'"]
    return Granted(role, made, (*wanted, *said))


def _wanted(
    connection: Connection, place: _Place, connections: int, settings: Mapping[str, str]
) -> list[str]:
    """What is still to be done to the role and to PUBLIC."""
    found = _role_row(connection, place.plain_role)
    wanted = []
    if found is None:
        wanted.append(f"CREATE ROLE {place.role} LOGIN CONNECTION LIMIT {connections}")
    elif not found.rolcanlogin or found.rolconnlimit < 0:
        limit = f" CONNECTION LIMIT {connections}" if found.rolconnlimit < 0 else ""
        wanted.append(f"ALTER ROLE {place.role} LOGIN{limit}")
    has = _settings(connection, place.plain_role)
    wanted += [
        f"ALTER ROLE {place.role} IN DATABASE {place.database} SET {name} = '{value}'"
        for name, value in settings.items()
        if name not in has or (name == "default_transaction_read_only" and has[name] != value)
    ]
    public = connection.execute(
        text(
            "SELECT has_schema_privilege('public', current_schema(), 'CREATE') AS makes, "
            "has_database_privilege('public', current_database(), 'TEMPORARY') AS stages"
        )
    ).one()
    # The owner may have had these from PUBLIC too.
    if public.makes:
        wanted.append(f"GRANT USAGE, CREATE ON SCHEMA {place.schema} TO {place.owner}")
        wanted.append(f"REVOKE CREATE ON SCHEMA {place.schema} FROM PUBLIC")
    if public.stages:
        wanted.append(f"GRANT TEMPORARY ON DATABASE {place.database} TO {place.owner}")
        wanted.append(f"REVOKE TEMPORARY ON DATABASE {place.database} FROM PUBLIC")
    return wanted


def _role_row(connection: Connection, role: str) -> Row[Any] | None:
    return connection.execute(
        text("SELECT * FROM pg_roles WHERE rolname = :role"), {"role": role}
    ).one_or_none()


def _settings(connection: Connection, role: str) -> dict[str, str]:
    """The settings of the role, for this database and for all; those for this one go first."""
    lines = connection.execute(
        text(
            "SELECT unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole "
            "WHERE r.rolname = :role "
            "AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) "
            "ORDER BY s.setdatabase"
        ),
        {"role": role},
    ).scalars()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _unfit(connection: Connection, role: str) -> str:
    """Why a role that is there can be neither reader nor writer; '' where it can."""
    row = connection.execute(
        text(
            "SELECT r.rolname = current_user AS is_us, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb "
            "OR r.rolreplication OR r.rolbypassrls AS is_mighty, "
            "EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid) AS is_member, "
            "EXISTS (SELECT 1 FROM pg_shdepend d WHERE d.refclassid = CAST('pg_authid' AS regclass) "
            "        AND d.refobjid = r.oid AND d.deptype = 'o') AS is_owner "
            "FROM pg_roles r WHERE r.rolname = :role"
        ),
        {"role": role},
    ).one()
    if row.is_us:
        return "is the one of MITTARISTO_DATABASE_URL"
    if row.is_mighty:
        return "may do more than log in (superuser, roles, databases or replication)"
    if row.is_member:
        return "is a member of other roles and has their rights"
    return "owns databases, tables or the like" if row.is_owner else ""


def _needs_more_rights(place: _Place, statements: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the role {place.user} of MITTARISTO_DATABASE_URL may not do all of it, and nothing was done; let an "
        f"administrator of the server run in this database: {'; '.join(statements)}; then run this again"
    )


def _hashed(connection: Connection, role: str, password: str) -> str:
    """The password as the server keeps it, so that itself it is neither sent nor in any log."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    hashed = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return hashed.decode()


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", ""))


# --- what a role may do in the end --------------------------------------------------------------------------

_BEYOND = text("""
WITH relations AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
)
SELECT r.name AS found
FROM relations r
WHERE CASE WHEN r.relkind = 'S' THEN has_sequence_privilege(:role, r.oid, 'USAGE, SELECT, UPDATE')
           ELSE has_table_privilege(:role, r.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege(:role, r.oid, 'INSERT, UPDATE, REFERENCES')
                OR (has_any_column_privilege(:role, r.oid, 'SELECT')
                    AND NOT (r.nspname = current_schema() AND r.relname = ANY(CAST(:views AS text[])))) END
UNION ALL
SELECT format('CREATE in schema %I', n.nspname) FROM pg_namespace n
WHERE n.nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(:role, n.oid, 'CREATE')
UNION ALL
SELECT format('CREATE or TEMPORARY in database %I', current_database())
WHERE has_database_privilege(:role, current_database(), 'CREATE, TEMPORARY')
UNION ALL
SELECT format('default rights on tables and sequences that %I makes later', maker.rolname)
FROM pg_default_acl d
JOIN pg_roles maker ON maker.oid = d.defaclrole
CROSS JOIN LATERAL aclexplode(d.defaclacl) a
WHERE d.defaclobjtype IN ('r', 'S') AND a.grantee <> d.defaclrole
  AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role(:role, a.grantee, 'MEMBER') END
UNION ALL
SELECT format('the function %s, which runs with the rights of its owner', CAST(p.oid AS regprocedure))
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND has_schema_privilege(:role, n.oid, 'USAGE') AND has_function_privilege(:role, p.oid, 'EXECUTE')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
""")


def _beyond_reading(connection: Connection, role: str) -> list[str]:
    """What the role may do besides reading the views, wherever it has it from."""
    return list(
        dict.fromkeys(connection.execute(_BEYOND, {"role": role, "views": list(DASHBOARDS)}).scalars())
    )
