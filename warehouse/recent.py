"""What changed last in the indicators that read a dataset, and the newest run that accounted for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.ledger import Counts, LedgerState
from warehouse.times import Timestamp

# The newest times at which something was written, of those the changes that say most: what is not simply new first.
_CHANGES = """
WITH touched AS (
    SELECT o.owner_no, o.indicator_id
    FROM owner o
    JOIN indicator_dataset x ON x.indicator_id = o.indicator_id
    WHERE x.dataset_id = :dataset_id
), times AS (
    SELECT DISTINCT l.recorded_at FROM load l JOIN touched t ON t.owner_no = l.owner_no
    ORDER BY l.recorded_at DESC LIMIT :loads
)
SELECT l.recorded_at, t.indicator_id, s.area_code AS area, s.classes AS class_code, p.code AS period,
       CASE WHEN v.change_class = 'new' THEN NULL
            ELSE (SELECT b.value FROM vintage b
                  WHERE b.owner_no = v.owner_no AND b.series_id = v.series_id AND b.period_no = v.period_no
                    AND b.recorded_at < v.recorded_at
                  ORDER BY b.recorded_at DESC LIMIT 1) END AS "old",
       v.value AS "new", v.symbol, v.status, v.change_class
FROM touched t
JOIN load l ON l.owner_no = t.owner_no
JOIN vintage v ON v.owner_no = l.owner_no AND v.load_id = l.load_id
JOIN series s ON s.series_id = v.series_id
JOIN period p ON p.period_no = v.period_no
LEFT JOIN area a ON a.area_code = s.area_code
WHERE l.recorded_at IN (SELECT recorded_at FROM times)
ORDER BY l.recorded_at DESC,
         CASE v.change_class WHEN 'withdrawn' THEN 0 WHEN 'revised' THEN 1 WHEN 'returned' THEN 2
                             WHEN 'symbol' THEN 3 WHEN 'new' THEN 4 WHEN 'restated' THEN 5 ELSE 6 END,
         CASE a.role WHEN 'focus' THEN 0 WHEN 'region' THEN 1 WHEN 'subregion' THEN 2 WHEN 'country' THEN 3
                     ELSE 4 END,
         p.period_end DESC, t.indicator_id, s.area_code, s.classes
LIMIT :most"""

# Of each dataset by index, however many years of rows there are.
_NEWEST = """
WITH RECURSIVE every(dataset_id) AS (
    SELECT min(dataset_id) FROM ledger
    UNION ALL
    SELECT (SELECT min(a.dataset_id) FROM ledger a WHERE a.dataset_id > every.dataset_id)
    FROM every WHERE every.dataset_id IS NOT NULL
)
SELECT g.run_id, g.dataset_id, g.state, g.message, g.new_count, g.revised_count, g.withdrawn_count, g.same_count,
       g.calls, g.seconds, g.recorded_at
FROM every JOIN ledger g ON g.dataset_id = every.dataset_id
WHERE g.recorded_at = (SELECT max(n.recorded_at) FROM ledger n WHERE n.dataset_id = every.dataset_id)
ORDER BY g.dataset_id, g.run_id"""


@dataclass(frozen=True)
class RecentChange:
    """One vintage of an indicator: what it was before (None for nothing or no figure) and what it is."""

    recorded_at: datetime
    indicator_id: str
    area: str
    class_code: str
    period: str
    old: float | None
    new: float | None
    symbol: str
    status: str
    change_class: str


@dataclass(frozen=True)
class LastLook:
    """A dataset's newest ledger row."""

    run_id: str
    dataset_id: str
    state: LedgerState
    message: str
    counts: Counts
    calls: int
    seconds: float
    recorded_at: datetime


def recent_changes(
    connection: Connection, dataset_id: str, *, most: int = 15, loads: int = 3
) -> tuple[RecentChange, ...]:
    """The last changes of the indicators that read a dataset, the newest first, at most `most`.

    Of the `loads` newest times at which something was written; within one what was withdrawn or revised comes
    before what is new, and the programme's own area before others.
    """
    query = text(_CHANGES).columns(recorded_at=Timestamp())
    found = connection.execute(query, {"dataset_id": dataset_id, "most": most, "loads": loads})
    return tuple(RecentChange(**row) for row in found.mappings())


def last_looks(connection: Connection) -> dict[str, LastLook]:
    """The newest ledger row of every dataset that has one."""
    query = text(_NEWEST).columns(recorded_at=Timestamp())
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        counts = Counts(*(values.pop(f"{name}_count") for name in ("new", "revised", "withdrawn", "same")))
        found[row["dataset_id"]] = LastLook(**values, counts=counts)
    return found
