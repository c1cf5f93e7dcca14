"""The views that dashboards read: the contract of the warehouse. A column is only ever added, at the end.

The SQL is written once for both databases; said differently are only the present day (UTC) and a join whose
tables must be read in the order written, because SQLite's guess of the better order is often wrong: there
CROSS JOIN fixes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, text

_SAID = {
    "sqlite": {"{today}": "CURRENT_DATE", "{then_join}": "CROSS JOIN"},
    "postgresql": {
        "{today}": "CAST((CURRENT_TIMESTAMP AT TIME ZONE 'UTC') AS date)",
        "{then_join}": "JOIN",
    },
}

_FRESHNESS = """
SELECT d.dataset_id,
       CASE WHEN s.dataset_id IS NULL THEN 'never_fetched'
            WHEN s.state <> 'fetched' THEN s.state
            WHEN s.late_after < coalesce(s.judged_on, {today}) THEN 'late'
            WHEN s.next_expected <= coalesce(s.judged_on, {today}) THEN 'due'
            ELSE 'current' END AS state,
       s.last_release,
       s.last_fetch,
       s.next_expected,
       coalesce(s.last_error, '') AS last_error,
       d.source,
       d.source_table,
       d.title_fi,
       d.title_en,
       s.last_checked,
       s.late_after,
       s.judged_on,
       d.web_url
FROM dataset d
LEFT JOIN dataset_state s ON s.dataset_id = d.dataset_id
WHERE NOT d.is_retired
"""

# The worst state of the datasets it reads. What stops its figures weighs more than what delays them.
_INDICATOR_FRESHNESS = """
SELECT x.indicator_id,
       CASE max(CASE f.state WHEN 'quarantined' THEN 7 WHEN 'late' THEN 6 WHEN 'never_fetched' THEN 5
                             WHEN 'discontinued' THEN 4 WHEN 'not_in_sample' THEN 3 WHEN 'due' THEN 2
                             ELSE 1 END)
            WHEN 7 THEN 'quarantined' WHEN 6 THEN 'late' WHEN 5 THEN 'never_fetched'
            WHEN 4 THEN 'discontinued' WHEN 3 THEN 'not_in_sample' WHEN 2 THEN 'due'
            ELSE 'current' END AS state,
       max(CASE WHEN f.state = 'late' THEN 1 ELSE 0 END) AS late_datasets,
       max(CASE WHEN f.state = 'quarantined' THEN 1 ELSE 0 END) AS quarantined_datasets,
       max(f.next_expected) AS next_expected
FROM indicator_dataset x
JOIN dashboard_freshness f ON f.dataset_id = x.dataset_id
GROUP BY x.indicator_id
"""

_SERIES = """
SELECT i.indicator_id,
       i.name_fi,
       i.name_sv,
       i.name_en,
       i.unit,
       i.direction,
       s.area_code,
       a.name_fi AS area_name_fi,
       a.level AS area_level,
       s.classes AS class_code,
       p.code AS period,
       p.period_start,
       p.period_end,
       p.frequency,
       v.value,
       v.symbol,
       v.status,
       i.source,
       i.dataset_id,
       l.source_updated_at,
       v.recorded_at,
       v.change_class,
       {vintages} AS vintages,
       coalesce(f.state, 'never_fetched') AS freshness,
       (i.kind = 'proxy') AS is_proxy,
       l.is_synthetic,
       i.labels{more}
FROM indicator i
JOIN owner o ON o.indicator_id = i.indicator_id
JOIN series s ON s.owner_no = o.owner_no
{then_join} {values} v ON v.owner_no = s.owner_no AND v.series_id = s.series_id
JOIN period p ON p.period_no = v.period_no
JOIN load l ON l.load_id = v.load_id
LEFT JOIN area a ON a.area_code = s.area_code
LEFT JOIN indicator_freshness f ON f.indicator_id = i.indicator_id
"""

_SUPERSEDED = """,
       (SELECT min(n.recorded_at) FROM vintage n
        WHERE n.owner_no = v.owner_no AND n.series_id = v.series_id AND n.period_no = v.period_no
          AND n.recorded_at > v.recorded_at) AS superseded_at"""

_COUNT = """(SELECT c.vintages FROM observation c
        WHERE c.owner_no = v.owner_no AND c.series_id = v.series_id AND c.period_no = v.period_no)"""

_LATEST = """
SELECT i.indicator_id,
       i.name_fi,
       i.name_sv,
       i.name_en,
       i.unit,
       i.direction,
       t.area_code,
       a.name_fi AS area_name_fi,
       a.level AS area_level,
       t.class_code,
       t.period,
       t.value,
       t.symbol,
       t.status,
       t.previous_period,
       t.previous_value,
       t.year_before_period,
       t.year_before_value,
       t.baseline_period,
       t.baseline_value,
       t.verdict,
       t.reason_fi,
       t.reason_en,
       coalesce(f.state, 'never_fetched') AS freshness,
       f.next_expected,
       i.source,
       i.dataset_id,
       l.source_updated_at,
       t.recorded_at,
       i.is_headline AS headline,
       (i.kind = 'proxy') AS is_proxy,
       l.is_synthetic,
       i.labels
FROM latest t
JOIN indicator i ON i.indicator_id = t.indicator_id
JOIN load l ON l.load_id = t.load_id
LEFT JOIN area a ON a.area_code = t.area_code
LEFT JOIN indicator_freshness f ON f.indicator_id = t.indicator_id
WHERE NOT i.is_retired
"""

_INDICATORS = """
SELECT i.indicator_id,
       i.name_fi,
       i.name_sv,
       i.name_en,
       i.unit,
       i.direction,
       i.kind,
       i.definition,
       i.note_fi,
       CASE WHEN i.kind = 'proxy' THEN i.note_fi ELSE '' END AS proxy_note_fi,
       i.source,
       coalesce(d.source_table, '') AS source_table,
       c.licence,
       c.attribution_fi,
       c.attribution_en,
       i.labels,
       i.is_headline AS headline,
       i.dataset_id,
       i.role,
       i.unit_fi,
       i.frequency,
       i.transform,
       i.decimals,
       i.reporter,
       i.note_en,
       c.name_fi AS source_name_fi,
       c.name_en AS source_name_en,
       coalesce(f.state, 'never_fetched') AS freshness,
       f.next_expected,
       (i.kind = 'proxy') AS is_proxy,
       i.is_retired
FROM indicator i
JOIN source c ON c.source_id = i.source
LEFT JOIN dataset d ON d.dataset_id = i.dataset_id
LEFT JOIN indicator_freshness f ON f.indicator_id = i.indicator_id
"""

_METER_INDICATORS = """
SELECT x.meter_id,
       x.indicator_id
FROM meter_indicator x
JOIN meter m ON m.meter_id = x.meter_id
WHERE NOT m.is_retired
"""

# A meter shows the first of its indicators that has a figure: of the city, or, where the indicator has no
# municipalities, of the smallest area around it.
_METERS = """
WITH figures AS (
    SELECT x.meter_id, t.indicator_id, t.area_code, t.class_code, t.period, t.value, i.unit,
           row_number() OVER (
               PARTITION BY x.meter_id
               ORDER BY x.position,
                        CASE a.role WHEN 'focus' THEN 0 WHEN 'subregion' THEN 1 WHEN 'region' THEN 2
                                    WHEN 'other' THEN 3 ELSE 4 END,
                        t.area_code, t.class_code) AS place
    FROM meter_indicator x
    JOIN indicator i ON i.indicator_id = x.indicator_id
    JOIN latest t ON t.indicator_id = x.indicator_id
    JOIN area a ON a.area_code = t.area_code
    WHERE i.kind IN ('open_data', 'proxy') AND NOT i.is_retired AND t.value IS NOT NULL
      AND (a.role = 'focus' OR (NOT i.is_municipal AND a.role IN ('subregion', 'region', 'other', 'country')))
), readiness AS (
    SELECT x.meter_id,
           max(coalesce(f.late_datasets, 0)) AS late_datasets,
           max(coalesce(f.quarantined_datasets, 0)) AS quarantined_datasets
    FROM meter_indicator x
    LEFT JOIN indicator_freshness f ON f.indicator_id = x.indicator_id
    GROUP BY x.meter_id
)
SELECT m.meter_id,
       m.measure_id,
       m.text_fi,
       m.kind,
       m.reporter,
       CASE WHEN m.kind = 'none' THEN 'not_measurable'
            WHEN g.meter_id IS NULL THEN 'no_data'
            WHEN r.late_datasets = 1 THEN 'late'
            ELSE 'measured' END AS state,
       CAST(NULL AS text) AS latest_text,
       g.value AS latest_value,
       g.unit AS latest_unit,
       g.period AS latest_period,
       g.indicator_id AS latest_indicator_id,
       g.area_code AS latest_area_code,
       g.class_code AS latest_class_code,
       (coalesce(r.quarantined_datasets, 0) = 1) AS has_quarantined,
       m.note_fi,
       m.note_en,
       m.position
FROM meter m
LEFT JOIN figures g ON g.meter_id = m.meter_id AND g.place = 1
LEFT JOIN readiness r ON r.meter_id = m.meter_id
WHERE NOT m.is_retired
"""

_MEASURES = """
SELECT m.measure_id,
       m.area_id,
       m.goal_id,
       m.cluster_id,
       m.text_fi,
       m.responsible_fi AS responsible,
       coalesce(t.meters, 0) AS meters,
       coalesce(t.answered, 0) AS answered,
       CASE t.first_state WHEN 1 THEN 'late' WHEN 2 THEN 'due' WHEN 3 THEN 'no_data' WHEN 4 THEN 'measured'
                          WHEN 5 THEN 'reported' ELSE 'not_measurable' END AS state,
       (coalesce(t.proxies, 0) > 0) AS has_proxy,
       (coalesce(t.quarantined, 0) > 0) AS has_quarantined,
       m.short_fi,
       m.position
FROM measure m
LEFT JOIN (
    SELECT measure_id,
           sum(CASE WHEN kind = 'none' THEN 0 ELSE 1 END) AS meters,
           sum(CASE WHEN state IN ('measured', 'reported') THEN 1 ELSE 0 END) AS answered,
           min(CASE state WHEN 'late' THEN 1 WHEN 'due' THEN 2 WHEN 'no_data' THEN 3 WHEN 'measured' THEN 4
                          WHEN 'reported' THEN 5 ELSE 6 END) AS first_state,
           sum(CASE WHEN kind = 'proxy' THEN 1 ELSE 0 END) AS proxies,
           sum(CASE WHEN has_quarantined THEN 1 ELSE 0 END) AS quarantined
    FROM dashboard_meters
    GROUP BY measure_id
) t ON t.measure_id = m.measure_id
WHERE NOT m.is_retired
"""

# The first vintage of an observation is always of class new and every later one is a change: all are here.
# It starts from the loads, whose index by time finds the few that are asked for.
_CHANGES = """
SELECT l.recorded_at,
       o.indicator_id,
       s.area_code AS area,
       p.code AS period,
       (SELECT b.value FROM vintage b
        WHERE b.owner_no = v.owner_no AND b.series_id = v.series_id AND b.period_no = v.period_no
          AND b.recorded_at < v.recorded_at
        ORDER BY b.recorded_at DESC LIMIT 1) AS "old",
       v.value AS "new",
       v.change_class,
       s.classes AS class_code,
       v.symbol,
       v.status,
       l.run_id,
       l.is_synthetic
FROM load l
JOIN owner o ON o.owner_no = l.owner_no AND o.indicator_id IS NOT NULL
{then_join} vintage v ON v.owner_no = l.owner_no AND v.load_id = l.load_id
JOIN series s ON s.series_id = v.series_id
JOIN period p ON p.period_no = v.period_no
"""

_RUNS = """
SELECT g.run_id,
       r.started_at,
       g.dataset_id,
       g.state,
       g.new_count AS "new",
       g.revised_count AS revised,
       g.withdrawn_count AS withdrawn,
       g.same_count AS same,
       g.message,
       r.source,
       r.ended_at,
       r.state AS run_state,
       g.calls,
       g.seconds,
       g.released_at,
       g.missing_indicators,
       g.recorded_at,
       r.program_version,
       r.catalogue_fingerprint
FROM ledger g
JOIN run r ON r.run_id = g.run_id
"""

# In the order in which they are made: a view may read those before it.
VIEWS: Mapping[str, str] = {
    "dashboard_freshness": _FRESHNESS,
    "indicator_freshness": _INDICATOR_FRESHNESS,
    "dashboard_series": _SERIES.replace("{values}", "observation")
    .replace("{vintages}", "v.vintages")
    .replace("{more}", ""),
    "dashboard_vintages": _SERIES.replace("{values}", "vintage")
    .replace("{vintages}", _COUNT)
    .replace("{more}", _SUPERSEDED),
    "dashboard_latest": _LATEST,
    "dashboard_indicators": _INDICATORS,
    "dashboard_meter_indicators": _METER_INDICATORS,
    "dashboard_meters": _METERS,
    "dashboard_measures": _MEASURES,
    "dashboard_changes": _CHANGES,
    "dashboard_runs": _RUNS,
}
DASHBOARDS = tuple(name for name in VIEWS if name.startswith("dashboard_"))


def view_sql(name: str, dialect: str) -> str:
    """The query behind one view, for `sqlite` or `postgresql`."""
    query = VIEWS[name]
    for token, said in _SAID[dialect].items():
        query = query.replace(token, said)
    return query.strip()


def views_checksum(dialect: str) -> str:
    """SHA-256 over all views as they are created on that database."""
    return hashlib.sha256("\n".join(f"{n}: {view_sql(n, dialect)}" for n in VIEWS).encode()).hexdigest()


def create_views(connection: Connection) -> None:
    """Makes all views; none may be there."""
    for name in VIEWS:
        connection.execute(text(f"CREATE VIEW {name} AS {view_sql(name, connection.dialect.name)}"))


def drop_views(connection: Connection) -> None:
    """Removes the views that are there; done before a migration, which could not change tables under them."""
    for name in reversed(tuple(VIEWS)):
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
