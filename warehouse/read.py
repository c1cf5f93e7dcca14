"""Reading: what formulas, the command line and the reports ask for, now or as it was known at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import BindParameter, ColumnElement, Connection, Result, bindparam, func, select, text
from sqlalchemy import Table as SqlTable

from warehouse import tables
from warehouse.errors import WarehouseError
from warehouse.keys import indicator_owner
from warehouse.times import Timestamp
from warehouse.views import DASHBOARDS

_OWNER = tables.table_of(tables.Owner)
_SERIES = tables.table_of(tables.Series)
_PERIOD = tables.table_of(tables.Period)
_OBSERVATION = tables.table_of(tables.Observation)
_VINTAGE = tables.table_of(tables.Vintage)

Row = dict[str, Any]
_MOST_KEYS = 10_000  # parameters of one statement; SQLite allows 32,766

_TIMES = frozenset(
    {
        "recorded_at",
        "superseded_at",
        "source_updated_at",
        "last_release",
        "last_fetch",
        "last_checked",
        "started_at",
        "ended_at",
        "released_at",
    }
)
_DATES = frozenset({"period_start", "period_end", "next_expected", "late_after", "judged_on", "due_at"})
_FLAGS = frozenset(
    {
        "is_proxy",
        "is_synthetic",
        "is_retired",
        "headline",
        "has_proxy",
        "has_quarantined",
        "rhythm_assumed",
        "reporter_assumed",
    }
)
# Whole numbers where all of them are, else float64 with NaN for none.
_NUMBERS = frozenset(
    {
        "value",
        "old",
        "new",
        "previous_value",
        "year_before_value",
        "baseline_value",
        "latest_value",
        "revised",
        "withdrawn",
        "same",
        "calls",
        "seconds",
        "vintages",
        "meters",
        "answered",
        "position",
        "decimals",
        "sample_size",
        "latest_sample_size",
        "late_meters",
        "due_meters",
    }
)


def inputs(
    connection: Connection,
    dataset_id: str,
    content: str,
    classes: Sequence[str],
    area_codes: Sequence[str],
    *,
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """The values of some series of a dataset, now or as of a time; what is withdrawn is left out.

    Columns classes, area_code, period, value (float64, NaN for none), symbol, status, recorded_at (UTC),
    ordered by the first two and by time. `classes` are class keys as in the observation frame; none means all
    of the content, where the classes are the source's own (models.observation.class_keys).
    """
    found = _series(
        connection,
        dataset_id,
        _SERIES.c.content == content,
        *([_SERIES.c.classes.in_(list(classes))] if classes else []),
        _SERIES.c.area_code.in_(list(area_codes)),
    )
    names = ("classes", "area_code", "period", "value", "symbol", "status", "recorded_at")
    rows = [row for row in _known(connection, found, as_of) if row["change_class"] != "withdrawn"]
    return _in_order(rows, names, "classes", "area_code")


def series(
    connection: Connection, indicator_id: str, area_code: str, *, as_of: datetime | None = None
) -> pd.DataFrame:
    """An indicator's values of one area, now or as of a time.

    Columns class_code, period, value (NaN for none, and for what is withdrawn), symbol, status, change_class,
    recorded_at (UTC), ordered by class and time.
    """
    found = _series(connection, indicator_owner(indicator_id), _SERIES.c.area_code == area_code)
    names = ("class_code", "period", "value", "symbol", "status", "change_class", "recorded_at")
    rows = [row | {"class_code": row["classes"]} for row in _known(connection, found, as_of)]
    return _in_order(rows, names, "class_code")


def indicator_values(
    connection: Connection,
    indicator_id: str,
    *,
    as_of: datetime | None = None,
    area_codes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The values of an indicator by area and class, now or as of a time; what is withdrawn is left out.

    Of every area, or of `area_codes`.

    Columns indicator_id, area_code, class_code, period, value (NaN for none), symbol, status, recorded_at (UTC).
    """
    of = () if area_codes is None else (_SERIES.c.area_code.in_(list(area_codes)),)
    found = _series(connection, indicator_owner(indicator_id), *of)
    names = ("indicator_id", "area_code", "class_code", "period", "value", "symbol", "status", "recorded_at")
    rows = [
        row | {"indicator_id": indicator_id, "class_code": row["classes"]}
        for row in _known(connection, found, as_of)
        if row["change_class"] != "withdrawn"
    ]
    return _in_order(rows, names, "area_code", "class_code")


def vintages_of(
    connection: Connection, owner: str, content: str, classes: str, area_code: str
) -> pd.DataFrame:
    """All vintages of one series, by period and time.

    Columns period, recorded_at, superseded_at (NaT for the newest), value, symbol, status, change_class.
    """
    of = (_SERIES.c.content == content, _SERIES.c.classes == classes, _SERIES.c.area_code == area_code)
    names = ("period", "recorded_at", "superseded_at", "value", "symbol", "status", "change_class")
    following = func.lead(_VINTAGE.c.recorded_at).over(
        partition_by=(_VINTAGE.c.series_id, _VINTAGE.c.period_no), order_by=_VINTAGE.c.recorded_at
    )
    found = _series(connection, owner, *of)
    rows = _values(connection, found, _VINTAGE, [following.label("superseded_at")], [])
    return _frame(names, sorted(rows, key=lambda row: (row["period_no"], row["recorded_at"])))


def newest(connection: Connection, owner: str) -> datetime | None:
    """When the owner's newest vintage was recorded; None when it has none."""
    found: datetime | None = connection.execute(
        select(_OWNER.c.last_recorded_at).where(_OWNER.c.owner == owner)
    ).scalar_one_or_none()
    return found


def freshness(connection: Connection) -> pd.DataFrame:
    """The view dashboard_freshness: a row per dataset of the catalogue."""
    return view(connection, "dashboard_freshness").sort_values("dataset_id", ignore_index=True)


def ledger(connection: Connection, run_id: str) -> pd.DataFrame:
    """The rows of one run in the view dashboard_runs, by dataset."""
    query = text("SELECT * FROM dashboard_runs WHERE run_id = :run_id ORDER BY dataset_id")
    return _result(connection.execute(query, {"run_id": run_id}))


def view(connection: Connection, name: str) -> pd.DataFrame:
    """One of the dashboard views, whole, with the same types whatever the database."""
    if name not in DASHBOARDS:
        raise WarehouseError(f"'{name}' is no view; there are {', '.join(DASHBOARDS)}")
    return _result(connection.execute(select(text("*")).select_from(text(name))))


def _series(connection: Connection, owner: str, *of: ColumnElement[bool]) -> list[Row]:
    """The owner's series that fulfil all of `of`."""
    query = (
        select(_SERIES)
        .join(_OWNER, _OWNER.c.owner_no == _SERIES.c.owner_no)
        .where(_OWNER.c.owner == owner, *of)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _known(connection: Connection, found: list[Row], as_of: datetime | None) -> list[Row]:
    """The values of the series now, or those that were the newest at the time."""
    if as_of is None:
        return _values(connection, found, _OBSERVATION, [], [])
    later = _VINTAGE.alias("later")
    superseded = (
        select(later.c.recorded_at)
        .where(
            later.c.owner_no == _VINTAGE.c.owner_no,
            later.c.series_id == _VINTAGE.c.series_id,
            later.c.period_no == _VINTAGE.c.period_no,
            later.c.recorded_at > _VINTAGE.c.recorded_at,
            later.c.recorded_at <= as_of,
        )
        .correlate(_VINTAGE)
        .exists()
    )
    return _values(connection, found, _VINTAGE, [], [_VINTAGE.c.recorded_at <= as_of, ~superseded])


def _values(
    connection: Connection,
    found: list[Row],
    table: SqlTable,
    more: list[ColumnElement[Any]],
    conditions: list[ColumnElement[bool]],
) -> list[Row]:
    """The rows of `table` that belong to the series, each with its series' own columns.

    The series are named by their keys and not joined: no database can then guess a worse way than through
    them.
    """
    rows: list[Row] = []
    for start in range(0, len(found), _MOST_KEYS):
        part = {row["series_id"]: row for row in found[start : start + _MOST_KEYS]}
        query = (
            select(table, _PERIOD.c.code.label("period"), *more)
            .join(_PERIOD, _PERIOD.c.period_no == table.c.period_no)
            .where(table.c.owner_no == found[0]["owner_no"], table.c.series_id.in_(list(part)), *conditions)
        )
        rows += [part[row["series_id"]] | dict(row) for row in connection.execute(query).mappings()]
    return rows


def _in_order(rows: list[Row], names: Sequence[str], *keys: str) -> pd.DataFrame:
    return _frame(names, sorted(rows, key=lambda row: (*(row[key] for key in keys), row["period_no"])))


def _result(result: Result[Any]) -> pd.DataFrame:
    names = list(result.keys())
    return _frame(names, [dict(row) for row in result.mappings()])


def _frame(names: Sequence[str], rows: list[Row]) -> pd.DataFrame:
    """The rows as a frame whose types go by the columns' names, the same from both databases."""
    columns = {name: _typed(name, [row[name] for row in rows]) for name in names}
    return pd.DataFrame(columns, columns=list(names))


def _typed(name: str, values: list[Any]) -> pd.Series[Any]:
    if name in _TIMES:
        moments = pd.Series([_moment(one) for one in values], dtype=object)
        return pd.to_datetime(moments, utc=True).astype("datetime64[us, UTC]")
    if name in _DATES:
        days = [date.fromisoformat(one) if isinstance(one, str) else one for one in values]
        return pd.Series(days, dtype=object)
    if name in _FLAGS:
        return pd.Series(values, dtype=object).astype(bool)
    if name in _NUMBERS:
        whole = bool(values) and all(isinstance(one, int) for one in values)
        return pd.Series(values, dtype="int64" if whole else "float64")
    return pd.Series(values, dtype="str")


def _moment(value: Any) -> Any:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


def is_synthetic(connection: Connection) -> bool | None:
    """Whether the figures in the warehouse are made up; None while it holds none."""
    load = tables.table_of(tables.Load)
    found: bool | None = connection.execute(select(load.c.is_synthetic).limit(1)).scalar_one_or_none()
    return found


_CURRENT = """
SELECT s.content, s.classes, s.area_code, p.code AS period, o.value, o.symbol, o.status, o.change_class
FROM owner w
JOIN observation o ON o.owner_no = w.owner_no
JOIN series s ON s.series_id = o.series_id
JOIN period p ON p.period_no = o.period_no
WHERE w.owner = :owner
ORDER BY o.series_id, o.period_no"""

_REVISIONS = """
SELECT s.content, s.classes, s.area_code, p.code AS period,
       (SELECT b.value FROM vintage b
        WHERE b.owner_no = v.owner_no AND b.series_id = v.series_id AND b.period_no = v.period_no
          AND b.recorded_at < v.recorded_at
        ORDER BY b.recorded_at DESC LIMIT 1) AS old,
       v.value AS new, v.recorded_at
FROM owner w
JOIN vintage v ON v.owner_no = w.owner_no
JOIN series s ON s.series_id = v.series_id
JOIN period p ON p.period_no = v.period_no
WHERE w.owner = :owner AND v.change_class = 'revised'
ORDER BY v.recorded_at, v.series_id, v.period_no"""

_CHANGES = """
SELECT * FROM dashboard_changes WHERE recorded_at >= :since ORDER BY recorded_at, indicator_id, area, period"""


def current(connection: Connection, dataset_id: str) -> pd.DataFrame:
    """All current values of a dataset: OBSERVATION_COLUMNS and change_class; text columns are categoricals."""
    return _categorised(_result(connection.execute(text(_CURRENT), {"owner": dataset_id})))


def revisions(connection: Connection, dataset_id: str) -> pd.DataFrame:
    """What earlier revisions changed in a dataset: content, classes, area_code, period, old, new, recorded_at."""
    return _categorised(_result(connection.execute(text(_REVISIONS), {"owner": dataset_id})))


def changes(connection: Connection, since: datetime) -> pd.DataFrame:
    """The rows of dashboard_changes recorded at or after `since`, oldest first."""
    query = text(_CHANGES).bindparams(bindparam("since", since, type_=Timestamp()))
    return _result(connection.execute(query))


_CHANGE_COUNTS = """
SELECT indicator_id, change_class, count(*) AS changes, max(recorded_at) AS recorded_at
FROM dashboard_changes
WHERE recorded_at > :since AND recorded_at <= :until
GROUP BY indicator_id, change_class
ORDER BY indicator_id, change_class"""

_CHANGED = """
SELECT * FROM dashboard_changes
WHERE recorded_at > :since AND recorded_at <= :until AND change_class <> 'new' AND area IN :areas
ORDER BY recorded_at DESC, indicator_id, area, class_code, period DESC"""


def change_counts(connection: Connection, since: datetime, until: datetime) -> pd.DataFrame:
    """How much changed after `since` up to `until`: indicator_id, change_class, changes, newest recorded_at."""
    query = text(_CHANGE_COUNTS).bindparams(*_between(since, until))
    return _result(connection.execute(query))


def changed_values(
    connection: Connection, since: datetime, until: datetime, area_codes: Sequence[str]
) -> pd.DataFrame:
    """The rows of dashboard_changes of these areas that are no new values, newest first."""
    query = text(_CHANGED).bindparams(
        *_between(since, until), bindparam("areas", list(area_codes), expanding=True)
    )
    return _result(connection.execute(query))


def _between(since: datetime, until: datetime) -> tuple[BindParameter[Any], BindParameter[Any]]:
    return bindparam("since", since, type_=Timestamp()), bindparam("until", until, type_=Timestamp())


def _categorised(frame: pd.DataFrame) -> pd.DataFrame:
    texts = ("content", "classes", "area_code", "period", "symbol", "status")
    return frame.astype(dict.fromkeys((name for name in frame.columns if name in texts), "category"))
