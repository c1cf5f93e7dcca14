"""Who may read the views, kept over a change that must drop them. PostgreSQL only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text

from models.errors import ConfigurationError
from warehouse.views import VIEWS

# Of the views that are there, whole and by column, what others than their owner may do; role 0 is everybody.
_GRANTS = text("""
WITH ours AS (SELECT name, CAST(to_regclass(name) AS oid) AS oid FROM unnest(CAST(:names AS text[])) AS name)
SELECT o.name AS view, g.name AS "column", a.privilege_type AS privilege, a.is_grantable,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS role
FROM ours o
JOIN pg_class c ON c.oid = o.oid
CROSS JOIN LATERAL (SELECT '' AS name, c.relacl AS acl
                    UNION ALL
                    SELECT t.attname, t.attacl FROM pg_attribute t
                    WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped) g
CROSS JOIN LATERAL aclexplode(g.acl) a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> c.relowner AND (a.grantee = 0 OR r.oid IS NOT NULL)
""")

_STANDING_ON = text("""
WITH ours AS (SELECT CAST(to_regclass(name) AS oid) AS oid FROM unnest(CAST(:names AS text[])) AS name)
SELECT DISTINCT CAST(CAST(r.ev_class AS regclass) AS text)
FROM pg_depend d
JOIN pg_rewrite r ON d.classid = CAST('pg_rewrite' AS regclass) AND r.oid = d.objid
WHERE d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid IN (SELECT oid FROM ours)
  AND r.ev_class NOT IN (SELECT oid FROM ours WHERE oid IS NOT NULL)
ORDER BY 1
""")


@dataclass(frozen=True)
class _Grant:
    view: str
    column: str  # '' for the whole view
    privilege: str
    is_grantable: bool
    role: str  # quoted where it must be

    @property
    def what(self) -> str:
        columns = f' ("{self.column}")' if self.column else ""
        return f'{self.privilege}{columns} ON "{self.view}"'


@contextmanager
def keeping_grants(connection: Connection) -> Iterator[None]:
    """Within it the views may be dropped and made anew; after it each may be read by whom it could be before.

    A view that was not there before, or is not there after, is left as it is. Raises ConfigurationError where
    views of others stand on ours: those would have to be dropped too.
    """
    names = {"names": list(VIEWS)}
    if others := connection.execute(_STANDING_ON, names).scalars().all():
        raise ConfigurationError(
            f"this upgrade must make the views anew, and other views stand on them: {', '.join(others)}; keep "
            "their definitions (pg_dump --schema-only), drop them, upgrade, and make them again"
        )
    had = _present(connection)
    before = _grants(connection)
    yield
    # A new view may have grants of its own, by ALTER DEFAULT PRIVILEGES; what the old one had not goes.
    for one in _grants(connection) - before:
        if one.view in had:
            connection.execute(text(f"REVOKE {one.what} FROM {one.role}"))
    now = _present(connection)
    for one in before - _grants(connection):
        if one.column in now.get(one.view, ()):
            more = " WITH GRANT OPTION" if one.is_grantable else ""
            connection.execute(text(f"GRANT {one.what} TO {one.role}{more}"))


def _grants(connection: Connection) -> set[_Grant]:
    rows = connection.execute(_GRANTS, {"names": list(VIEWS)}).mappings()
    return {_Grant(**row) for row in rows}


def _present(connection: Connection) -> dict[str, set[str]]:
    """The views that are there and their columns; '' among these stands for the whole view."""
    query = text(
        "SELECT name, t.attname FROM unnest(CAST(:names AS text[])) AS name "
        "JOIN pg_attribute t ON t.attrelid = to_regclass(name) AND t.attnum > 0 AND NOT t.attisdropped"
    )
    found: dict[str, set[str]] = {}
    for view, column in connection.execute(query, {"names": list(VIEWS)}):
        found.setdefault(view, {""}).add(column)
    return found
