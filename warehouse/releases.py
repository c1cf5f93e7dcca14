"""The releases that were seen of each dataset: what its rhythm is learnt from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from models.period import from_source
from models.release_rhythm import Release
from warehouse import tables

_TABLE = tables.table_of(tables.DatasetRelease)


def note_release(
    connection: Connection,
    dataset_id: str,
    newest_period: str,
    *,
    released_at: datetime | None,
    seen_at: datetime,
) -> None:
    """Writes which release brought `newest_period`, the newest of the collection that was fetched at `seen_at`.

    `released_at` is the source's own time, None where it gives none: the release is then taken to be as old as its
    first sight. Does nothing for a period seen before. Of the first collection of a dataset nobody knows when its
    newest period came out: it is written as not known.
    """
    known = connection.execute(
        select(_TABLE.c.period).where(_TABLE.c.dataset_id == dataset_id).limit(1)
    ).scalar_one_or_none()
    row = {
        "dataset_id": dataset_id,
        "period": from_source(newest_period),
        "released_at": None if known is None else released_at or seen_at,
        "seen_at": seen_at,
    }
    connection.execute(tables.inserting(connection, _TABLE).values(row).on_conflict_do_nothing())


def releases(connection: Connection, dataset_id: str) -> list[Release]:
    """The dataset's releases whose time is known, in the order they were seen."""
    query = (
        select(_TABLE.c.period, _TABLE.c.released_at)
        .where(_TABLE.c.dataset_id == dataset_id, _TABLE.c.released_at.is_not(None))
        .order_by(_TABLE.c.seen_at, _TABLE.c.period)
    )
    return [Release(row.period, row.released_at) for row in connection.execute(query)]
