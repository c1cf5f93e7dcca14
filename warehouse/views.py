"""The views that dashboards read. What they promise is said in warehouse.contract: a column is only ever added.

The SQL is written once for both databases; said differently are only the present day (UTC) and a join whose
tables must be read in the order written, because SQLite's guess of the better order is often wrong: there
CROSS JOIN fixes it; and names joined to one text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, text

from models.forms import WORDS_FI
from warehouse.contract import VIEW_COLUMNS, VIEW_DESCRIPTIONS

_SAID = {
    "sqlite": {
        "{today}": "CURRENT_DATE",
        "{then_join}": "CROSS JOIN",
        "{joined_names}": "group_concat(n.name, '; ')",
    },
    "postgresql": {
        "{today}": "CAST((CURRENT_TIMESTAMP AT TIME ZONE 'UTC') AS date)",
        "{then_join}": "JOIN",
        "{joined_names}": "string_agg(n.name, '; ' ORDER BY n.place)",
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

# What people owe and have not answered. Once something was answered that was wanted later, it is no longer owed.
# Lateness is judged at the day at which that of the datasets is (the sample's), else today.
_OUTSTANDING = """
SELECT d.question_id,
       d.period,
       d.period_end,
       d.due_at,
       d.late_after,
       CASE WHEN d.late_after < j.day THEN 'late' WHEN d.due_at <= j.day THEN 'due' ELSE 'coming' END AS state
FROM question_due d
JOIN question q ON q.question_id = d.question_id AND NOT q.is_retired
CROSS JOIN (SELECT coalesce(max(judged_on), {today}) AS day FROM dataset_state) j
LEFT JOIN (SELECT b.question_id, max(e.due_at) AS answered_to
           FROM answer b
           JOIN question_due e ON e.question_id = b.question_id AND e.period = b.period
           WHERE b.change_class <> 'withdrawn'
           GROUP BY b.question_id) a ON a.question_id = d.question_id
WHERE (a.answered_to IS NULL OR d.due_at >= a.answered_to)
  AND NOT EXISTS (SELECT 1 FROM answer c
                  WHERE c.question_id = d.question_id AND c.period = d.period AND c.change_class <> 'withdrawn')
"""

# Of each question: whether it was ever answered, and the worst of what is outstanding.
_QUESTION_STATE = """
SELECT q.question_id,
       q.indicator_id,
       (SELECT count(*) FROM answer a WHERE a.question_id = q.question_id AND a.change_class <> 'withdrawn') AS answers,
       coalesce(max(CASE WHEN u.state = 'late' THEN 1 ELSE 0 END), 0) AS is_late,
       coalesce(max(CASE WHEN u.state = 'due' THEN 1 ELSE 0 END), 0) AS is_due,
       min(u.due_at) AS due_at
FROM question q
LEFT JOIN question_outstanding u ON u.question_id = q.question_id
WHERE NOT q.is_retired
GROUP BY q.question_id, q.indicator_id
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
UNION ALL
SELECT q.indicator_id,
       CASE WHEN q.is_late = 1 THEN 'late' WHEN q.is_due = 1 THEN 'due' WHEN q.answers = 0 THEN 'never_fetched'
            ELSE 'current' END AS state,
       0 AS late_datasets,
       0 AS quarantined_datasets,
       q.due_at AS next_expected
FROM question_state q
WHERE q.indicator_id IS NOT NULL
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
       i.labels,
       t.reason_sv,
       t.beside_fi,
       t.beside_sv,
       t.beside_en,
       t.verdict_inputs
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
# municipalities, of the smallest area around it. Beside it stands what people said last, in words.
_METERS = """
WITH figures AS (
    SELECT x.meter_id, t.indicator_id, t.area_code, t.class_code, t.period, t.value, i.unit, i.source,
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
    WHERE NOT i.is_retired AND t.value IS NOT NULL
      AND (a.role = 'focus' OR (NOT i.is_municipal AND a.role IN ('subregion', 'region', 'other', 'country')))
), readiness AS (
    SELECT x.meter_id,
           max(coalesce(f.late_datasets, 0)) AS late_datasets,
           max(coalesce(f.quarantined_datasets, 0)) AS quarantined_datasets
    FROM meter_indicator x
    LEFT JOIN indicator_freshness f ON f.indicator_id = x.indicator_id
    GROUP BY x.meter_id
), asked AS (
    SELECT x.meter_id, max(q.is_late) AS is_late, max(q.is_due) AS is_due, min(q.due_at) AS due_at
    FROM question_meter x
    JOIN question_state q ON q.question_id = x.question_id
    GROUP BY x.meter_id
), said AS (
    SELECT x.meter_id, b.period, b.status, b.text, b.sample_size,
           row_number() OVER (PARTITION BY x.meter_id ORDER BY b.period_end DESC, x.position) AS place
    FROM question_meter x
    JOIN question q ON q.question_id = x.question_id AND NOT q.is_retired
    JOIN answer b ON b.question_id = x.question_id AND b.change_class <> 'withdrawn'
)
SELECT m.meter_id,
       m.measure_id,
       m.text_fi,
       m.kind,
       m.reporter,
       CASE WHEN m.kind = 'none' THEN 'not_measurable'
            WHEN k.is_late = 1 OR (g.meter_id IS NOT NULL AND r.late_datasets = 1) THEN 'late'
            WHEN k.is_due = 1 THEN 'due'
            WHEN g.meter_id IS NOT NULL THEN 'measured'
            WHEN w.meter_id IS NOT NULL THEN 'reported'
            ELSE 'no_data' END AS state,
       coalesce(nullif(w.text, ''), {word_of_w}) AS latest_text,
       g.value AS latest_value,
       g.unit AS latest_unit,
       coalesce(g.period, w.period) AS latest_period,
       g.indicator_id AS latest_indicator_id,
       g.area_code AS latest_area_code,
       g.class_code AS latest_class_code,
       (coalesce(r.quarantined_datasets, 0) = 1) AS has_quarantined,
       m.note_fi,
       m.note_en,
       m.position,
       k.due_at,
       coalesce(e.name_fi, '') AS reporter_name_fi,
       h.rhythm,
       coalesce(h.is_rhythm_assumed, false) AS rhythm_assumed,
       coalesce(h.is_party_assumed, false) AS reporter_assumed,
       CASE WHEN m.kind = 'proxy'
            THEN coalesce(nullif(m.note_fi, ''),
                          (SELECT min(i.note_fi) FROM meter_indicator y
                           JOIN indicator i ON i.indicator_id = y.indicator_id
                           WHERE y.meter_id = m.meter_id AND i.kind = 'proxy'), '')
            ELSE '' END AS proxy_note_fi,
       w.status AS latest_status,
       w.sample_size AS latest_sample_size,
       w.period AS latest_text_period,
       g.source AS latest_source
FROM meter m
LEFT JOIN figures g ON g.meter_id = m.meter_id AND g.place = 1
LEFT JOIN readiness r ON r.meter_id = m.meter_id
LEFT JOIN asked k ON k.meter_id = m.meter_id
LEFT JOIN said w ON w.meter_id = m.meter_id AND w.place = 1
LEFT JOIN party e ON e.party_id = m.reporter
LEFT JOIN question_meter z ON z.meter_id = m.meter_id AND z.position = 0
LEFT JOIN question h ON h.question_id = z.question_id
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
       m.position,
       t.due_at,
       coalesce(b.names, '') AS reporter_names_fi,
       coalesce(t.late_meters, 0) AS late_meters,
       coalesce(t.due_meters, 0) AS due_meters,
       coalesce(t.proxy_note_fi, '') AS proxy_note_fi,
       h.name_fi AS programme_area_fi,
       h.name_sv AS programme_area_sv,
       h.name_en AS programme_area_en,
       g.text_fi AS goal_fi,
       k.name_fi AS cluster_fi
FROM measure m
JOIN programme_area h ON h.area_id = m.area_id
LEFT JOIN goal g ON g.goal_id = m.goal_id
LEFT JOIN cluster k ON k.cluster_id = m.cluster_id
LEFT JOIN (
    SELECT measure_id,
           sum(CASE WHEN kind = 'none' THEN 0 ELSE 1 END) AS meters,
           sum(CASE WHEN state IN ('measured', 'reported') THEN 1 ELSE 0 END) AS answered,
           min(CASE state WHEN 'late' THEN 1 WHEN 'due' THEN 2 WHEN 'no_data' THEN 3 WHEN 'measured' THEN 4
                          WHEN 'reported' THEN 5 ELSE 6 END) AS first_state,
           sum(CASE WHEN kind = 'proxy' THEN 1 ELSE 0 END) AS proxies,
           sum(CASE WHEN has_quarantined THEN 1 ELSE 0 END) AS quarantined,
           sum(CASE WHEN state = 'late' THEN 1 ELSE 0 END) AS late_meters,
           sum(CASE WHEN state = 'due' THEN 1 ELSE 0 END) AS due_meters,
           min(due_at) AS due_at,
           max(proxy_note_fi) AS proxy_note_fi
    FROM dashboard_meters
    GROUP BY measure_id
) t ON t.measure_id = m.measure_id
LEFT JOIN (
    SELECT n.measure_id, {joined_names} AS names
    FROM (SELECT y.measure_id, p.name_fi AS name, min(y.position) AS place
          FROM meter y
          JOIN party p ON p.party_id = y.reporter
          WHERE NOT y.is_retired
          GROUP BY y.measure_id, p.name_fi
          ORDER BY y.measure_id, min(y.position)) n
    GROUP BY n.measure_id
) b ON b.measure_id = m.measure_id
WHERE NOT m.is_retired
"""

# A row per vintage of an answer and meter it is about: who said what, in which role, when, and why it changed.
_REPORTS = """
SELECT x.meter_id,
       m.measure_id,
       a.question_id,
       q.indicator_id,
       q.text_fi AS question_fi,
       q.asks,
       a.period,
       a.period_end,
       a.area_code,
       a.value,
       q.unit_fi,
       a.sample_size,
       a.status,
       {word_of_a} AS status_fi,
       a.text,
       a.change_class,
       a.role,
       a.reason,
       a.party_id,
       coalesce(p.name_fi, a.party_id) AS party_name_fi,
       a.recorded_at,
       (SELECT min(n.recorded_at) FROM answer_vintage n
        WHERE n.question_id = a.question_id AND n.period = a.period AND n.recorded_at > a.recorded_at) AS superseded_at,
       q.is_retired
FROM answer_vintage a
JOIN question q ON q.question_id = a.question_id
LEFT JOIN question_meter x ON x.question_id = a.question_id
LEFT JOIN meter m ON m.meter_id = x.meter_id
LEFT JOIN party p ON p.party_id = a.party_id
"""

# A row per answer that must be given and is not there, and meter it is about.
_DUE = """
SELECT q.party_id,
       coalesce(p.name_fi, q.party_id) AS party_name_fi,
       x.meter_id,
       m.measure_id,
       q.question_id,
       q.indicator_id,
       q.text_fi AS question_fi,
       q.asks,
       q.unit_fi,
       u.period,
       u.period_end,
       u.due_at,
       u.late_after,
       u.state,
       q.rhythm,
       q.is_rhythm_assumed AS rhythm_assumed,
       q.is_party_assumed AS reporter_assumed
FROM question_outstanding u
JOIN question q ON q.question_id = u.question_id
JOIN question_meter x ON x.question_id = u.question_id
JOIN meter m ON m.meter_id = x.meter_id
LEFT JOIN party p ON p.party_id = q.party_id
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


def _word(column: str) -> str:
    """The Finnish word of a stored status, in SQL; NULL for none."""
    cases = " ".join(f"WHEN '{key}' THEN '{said}'" for key, said in WORDS_FI.items())
    return f"CASE {column} {cases} END"


# In the order in which they are made: a view may read those before it.
VIEWS: Mapping[str, str] = {
    "dashboard_freshness": _FRESHNESS,
    "question_outstanding": _OUTSTANDING,
    "question_state": _QUESTION_STATE,
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
    "dashboard_meters": _METERS.replace("{word_of_w}", _word("w.status")),
    "dashboard_measures": _MEASURES,
    "dashboard_reports": _REPORTS.replace("{word_of_a}", _word("a.status")),
    "dashboard_due": _DUE,
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
    """SHA-256 over all views, and their comments where there are any, as they are made on that database."""
    made = [f"{name}: {view_sql(name, dialect)}" for name in VIEWS]
    return hashlib.sha256("\n".join(made + _comments(dialect)).encode()).hexdigest()


def create_views(connection: Connection) -> None:
    """Makes all views, with their comments on PostgreSQL, which has them.

    PostgreSQL replaces those that are there: grants on them and views of others over them stay. It refuses one
    that no longer begins with the columns it had. On SQLite none may be there.
    """
    dialect = connection.dialect.name
    create = "CREATE OR REPLACE VIEW" if dialect == "postgresql" else "CREATE VIEW"
    for name in VIEWS:
        connection.execute(text(f"{create} {name} AS {view_sql(name, dialect)}"))
    if comments := _comments(dialect):
        connection.execute(text("; ".join(comments).replace(":", r"\:")))  # a colon is no parameter


def drop_views(connection: Connection) -> None:
    """Removes the views that are there; done before a migration that could not change tables under them."""
    for name in reversed(tuple(VIEWS)):
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))


def _comments(dialect: str) -> list[str]:
    if dialect == "sqlite":  # it has none
        return []
    return [
        *(f"COMMENT ON VIEW {name} IS {_literal(said)}" for name, said in VIEW_DESCRIPTIONS.items()),
        *(
            f'COMMENT ON COLUMN {name}."{one.name}" IS {_literal(one.description)}'
            for name, columns in VIEW_COLUMNS.items()
            for one in columns
        ),
    ]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
