"""How the building of the pages went, so that pages that have become stale are a problem that people hear of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from models.problems import PageBuild
from warehouse import tables

_TABLE = tables.table_of(tables.PageBuild)


def note_page_build(connection: Connection, name: str, tried_at: datetime, error: str = "") -> None:
    """Writes that the pages `name` were built at that time, or why they could not be."""
    row = {"tried_at": tried_at, "error": error}
    if not error:
        row["built_at"] = tried_at
    insert = tables.inserting(connection, _TABLE).values({"name": name, "built_at": None} | row)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=row))


def page_builds(connection: Connection) -> tuple[PageBuild, ...]:
    """The last building of all pages that were ever to be built, by name."""
    query = select(_TABLE).order_by(_TABLE.c.name)
    return tuple(PageBuild(**row) for row in connection.execute(query).mappings())
