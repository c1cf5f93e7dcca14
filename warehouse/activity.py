"""What was done for each source: its newest run, and all its runs together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from warehouse.times import Timestamp

# Vintages are those of datasets; those of the indicators computed from them are not counted.
_ACTIVITY = """
SELECT r.source, r.state, r.started_at, r.ended_at,
       t.calls AS calls_total,
       t.vintages AS vintages_total
FROM run r
JOIN (SELECT n.source, max(n.run_id) AS run_id
      FROM run n
      JOIN (SELECT source, max(started_at) AS started_at FROM run GROUP BY source) s
        ON s.source = n.source AND s.started_at = n.started_at
      GROUP BY n.source) newest ON newest.run_id = r.run_id
JOIN (SELECT a.source,
             coalesce(sum(g.calls), 0) AS calls,
             coalesce(sum(g.new_count + g.revised_count + g.withdrawn_count), 0) AS vintages
      FROM run a
      LEFT JOIN ledger g ON g.run_id = a.run_id
      GROUP BY a.source) t ON t.source = r.source
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
