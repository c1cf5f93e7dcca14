"""What was done for each source: its newest run, and all its runs together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from warehouse.times import Timestamp

# Vintages are those of datasets; those of the indicators computed from them are not counted. All is found by index,
# however many years of runs there are.
_ACTIVITY = """
WITH RECURSIVE every(source) AS (
    SELECT min(source) FROM run
    UNION ALL
    SELECT (SELECT min(a.source) FROM run a WHERE a.source > every.source) FROM every WHERE every.source IS NOT NULL
)
SELECT r.source, r.state, r.started_at, r.ended_at,
       coalesce(t.calls, 0) AS calls_total,
       coalesce(t.vintages, 0) AS vintages_total
FROM every
JOIN run r ON r.run_id = (SELECT n.run_id FROM run n WHERE n.source = every.source
                          ORDER BY n.started_at DESC, n.run_id DESC LIMIT 1)
LEFT JOIN source_total t ON t.source = r.source
ORDER BY r.source"""


@dataclass(frozen=True)
class Activity:
    """One source's newest run, and the calls made and vintages of datasets written in all its runs."""

    source: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    calls_total: int
    vintages_total: int


def activity(connection: Connection) -> tuple[Activity, ...]:
    """The activity of every source that was ever run, by source."""
    query = text(_ACTIVITY).columns(started_at=Timestamp(), ended_at=Timestamp())
    found = []
    for row in connection.execute(query).mappings():
        totals = {name: int(row[name]) for name in ("calls_total", "vintages_total")}
        found.append(Activity(**(dict(row) | totals)))
    return tuple(found)
