"""Reading: what formulas, the command line and the reports ask for, now or as it was known at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import BindParameter, ColumnElement, Connection, Result, bindparam, func, select, text
from sqlalchemy import Table as SqlTable

from models.observation import OBSERVATION_COLUMNS
from warehouse import tables
from warehouse.columns import ROWS_AT_A_TIME, Coded, Columns, coded, read_columns
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
SERIES_AT_A_TIME = 500  # in a statement, which bounds memory: PostgreSQL's driver holds all rows of an answer

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
    known = _in_order(_standing(_known(connection, found, as_of)), "classes", "area_code")
    return _observed(known, names)


def series(
    connection: Connection, indicator_id: str, area_code: str, *, as_of: datetime | None = None
) -> pd.DataFrame:
    """An indicator's values of one area, now or as of a time.

    Columns class_code, period, value (NaN for none, and for what is withdrawn), symbol, status, change_class,
    recorded_at (UTC), ordered by class and time.
    """
    found = _series(connection, indicator_owner(indicator_id), _SERIES.c.area_code == area_code)
    names = ("class_code", "period", "value", "symbol", "status", "change_class", "recorded_at")
    return _observed(_in_order(_known(connection, found, as_of), "classes"), names)


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
    known = _in_order(_standing(_known(connection, found, as_of)), "area_code", "classes")
    return _observed(known, names, indicator_id=indicator_id)


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
    return _observed(
        _in_order(_values(connection, found, _VINTAGE, [following.label("superseded_at")], [])), names
    )


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


def _known(connection: Connection, found: list[Row], as_of: datetime | None) -> Columns:
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
) -> Columns:
    """The rows of `table` that belong to the series, each with its series' own columns.

    The series are named by their keys and not joined: no database can then guess a worse way than through
    them.
    """
    told = [
        *(table.c[name] for name in ("symbol", "status", "change_class", "recorded_at")),
        _PERIOD.c.code.label("period"),
        *more,
    ]
    ids = np.array([row["series_id"] for row in found], dtype=np.int64)
    queries = (
        select(table.c.series_id, table.c.period_no, table.c.value, *told)
        .join(_PERIOD, _PERIOD.c.period_no == table.c.period_no)
        .where(
            table.c.owner_no == found[0]["owner_no"],
            table.c.series_id.in_(ids[start : start + SERIES_AT_A_TIME].tolist()),
            *conditions,
        )
        for start in range(0, len(found), SERIES_AT_A_TIME)
    )
    columns = read_columns(
        (connection.execute(query) for query in queries),
        ("series_id", "period_no"),
        [one.name for one in told],
    )
    order = np.argsort(ids)
    series = order[np.searchsorted(ids, columns.numbers["series_id"], sorter=order)]
    own = {
        name: coded([row[name] for row in found]).at(series) for name in ("content", "classes", "area_code")
    }
    return Columns(columns.value, columns.numbers, {**columns.coded, **own})


def _standing(rows: Columns) -> Columns:
    """The rows without those that are withdrawn."""
    change_class = rows.coded["change_class"]
    withdrawn = [number for number, one in enumerate(change_class.values) if one == "withdrawn"]
    return rows.at(np.flatnonzero(~np.isin(change_class.codes, withdrawn)))


def _in_order(rows: Columns, *keys: str) -> Columns:
    """The rows by the texts of `keys`, then by time, then by when they were recorded."""
    by_text = [_ranks(rows.coded[key]) for key in reversed(keys)]
    return rows.at(np.lexsort((_ranks(rows.coded["recorded_at"]), rows.numbers["period_no"], *by_text)))


def _ranks(column: Coded) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each row the place of its value among all of the column's in their order."""
    places = {one: place for place, one in enumerate(sorted(set(column.values)))}
    return np.array([places[one] for one in column.values], dtype=np.int64)[column.codes]


def _observed(rows: Columns, names: Sequence[str], **constant: str) -> pd.DataFrame:
    """The rows as a frame with these columns, of which `constant` have one value throughout."""

    def column(name: str) -> Any:
        if name == "value":
            return rows.value
        if name in constant:
            one = Coded(np.zeros(len(rows), dtype=np.int32), [constant[name]])
        else:
            one = rows.coded["classes" if name == "class_code" else name]
        return _typed(name, list(one.values)).array.take(one.codes)

    return pd.DataFrame({name: column(name) for name in names}, columns=list(names))


def _result(result: Result[Any]) -> pd.DataFrame:
    """The rows as a frame whose types go by the columns' names, the same from both databases."""
    names = list(result.keys())
    parts = [
        pd.DataFrame({name: _typed(name, column) for name, column in zip(names, given, strict=True)})
        for given in (zip(*rows, strict=True) for rows in result.partitions(ROWS_AT_A_TIME))
    ]
    if not parts:
        return pd.DataFrame({name: _typed(name, []) for name in names})
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _typed(name: str, values: Sequence[Any]) -> pd.Series[Any]:
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
    """All current values of a dataset: OBSERVATION_COLUMNS and change_class; all but the value are categoricals."""
    rows = _values(connection, _series(connection, dataset_id), _OBSERVATION, [], [])
    order = np.lexsort((rows.numbers["period_no"], rows.numbers["series_id"]))
    return pd.DataFrame(
        {
            name: rows.value[order] if name == "value" else rows.coded[name].at(order).categorical()
            for name in (*OBSERVATION_COLUMNS, "change_class")
        }
    )


def revisions(connection: Connection, dataset_id: str) -> pd.DataFrame:
    """What earlier revisions changed in a dataset: content, classes, area_code, period, old, new, recorded_at."""
    return _categorised(_result(connection.execute(text(_REVISIONS), {"owner": dataset_id})))


def changes(connection: Connection, since: datetime) -> pd.DataFrame:
    """The rows of dashboard_changes recorded at or after `since`, oldest first."""
    query = text(_CHANGES).bindparams(bindparam("since", since, type_=Timestamp()))
    return _result(connection.execute(query))


# By load, as they come: to group by class SQLite would sort all changes, which takes 150 bytes of memory for each.
# CROSS JOIN bids it to begin with the loads; PostgreSQL sees no difference.
_CHANGE_COUNTS = """
SELECT max(o.indicator_id), l.recorded_at,
       {counts}
FROM load l
JOIN owner o ON o.owner_no = l.owner_no AND o.indicator_id IS NOT NULL
CROSS JOIN vintage v
WHERE v.owner_no = l.owner_no AND v.load_id = l.load_id AND l.recorded_at > :since AND l.recorded_at <= :until
GROUP BY l.recorded_at, l.load_id
ORDER BY l.recorded_at""".format(
    counts=",\n       ".join(
        f"count(*) FILTER (WHERE v.change_class = '{one}')" for one in tables.CHANGE_CLASSES
    )
)

_CHANGED = """
SELECT * FROM dashboard_changes
WHERE recorded_at > :since AND recorded_at <= :until AND change_class <> 'new' AND area IN :areas
ORDER BY recorded_at DESC, indicator_id, area, class_code, period DESC"""


def change_counts(connection: Connection, since: datetime, until: datetime) -> pd.DataFrame:
    """How much changed after `since` up to `until`: indicator_id, change_class, changes, newest recorded_at."""
    query = text(_CHANGE_COUNTS).bindparams(*_between(since, until))
    found: dict[tuple[str, str], tuple[int, Any]] = {}
    for indicator_id, recorded_at, *counts in connection.execute(query):
        for one, count in zip(tables.CHANGE_CLASSES, counts, strict=True):
            if count:
                before, _ = found.get((indicator_id, one), (0, None))
                found[indicator_id, one] = before + count, recorded_at
    rows = [(*key, *found[key]) for key in sorted(found)]
    names = ("indicator_id", "change_class", "changes", "recorded_at")
    return pd.DataFrame(
        {name: _typed(name, [row[place] for row in rows]) for place, name in enumerate(names)}
    )


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
