"""docs/warehouse.md, made from the contract: `python -m warehouse.contract_page` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from warehouse.contract import VIEW_COLUMNS, VIEW_DESCRIPTIONS, Column

PAGE = Path(__file__).resolve().parents[1] / "docs" / "warehouse.md"

# What a dashboard would ask of each view; the tests run them on both databases.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "dashboard_series": (
        """\
SELECT area_name_fi, period_start, value, status
FROM dashboard_series
WHERE indicator_id = 'tertiary_share' AND area_level = 'municipality'
ORDER BY area_name_fi, period_start;""",
    ),
    "dashboard_vintages": (
        """\
-- a figure as it was known at the end of June 2026 (a day ends at 24:00 UTC, as for --as-of 2026-06-30)
SELECT period, value, recorded_at
FROM dashboard_vintages
WHERE indicator_id = 'tertiary_share' AND area_code = 'KU205' AND recorded_at < '2026-07-01T00:00:00+00:00'
  AND (superseded_at IS NULL OR superseded_at >= '2026-07-01T00:00:00+00:00')
ORDER BY period_start;""",
    ),
    "dashboard_latest": (
        """\
SELECT name_fi, period, value, unit, verdict, reason_fi, freshness
FROM dashboard_latest
WHERE headline AND area_code = 'KU205'
ORDER BY name_fi, class_code;""",
    ),
    "dashboard_indicators": (
        """\
-- what must be named beside a chart
SELECT name_fi, unit_fi, definition, attribution_fi, licence, proxy_note_fi
FROM dashboard_indicators
WHERE indicator_id = 'tertiary_share';""",
    ),
    "dashboard_measures": (
        """\
SELECT area_id, state, count(*) AS measures
FROM dashboard_measures
GROUP BY area_id, state
ORDER BY area_id, state;""",
    ),
    "dashboard_meters": (
        """\
SELECT measure_id, text_fi, state, latest_value, latest_unit, latest_period, latest_text
FROM dashboard_meters
WHERE measure_id = '1.2.01'
ORDER BY position;""",
    ),
    "dashboard_meter_indicators": (
        """\
SELECT m.meter_id, m.text_fi, i.name_fi, i.kind
FROM dashboard_meters m
JOIN dashboard_meter_indicators x ON x.meter_id = m.meter_id
JOIN dashboard_indicators i ON i.indicator_id = x.indicator_id
ORDER BY m.position, i.name_fi;""",
    ),
    "dashboard_freshness": (
        """\
SELECT title_fi, state, last_release, next_expected, last_error
FROM dashboard_freshness
WHERE state IN ('late', 'quarantined')
ORDER BY state, title_fi;""",
    ),
    "dashboard_changes": (
        """\
SELECT recorded_at, indicator_id, area, period, "old", "new"
FROM dashboard_changes
WHERE change_class = 'revised' AND recorded_at >= '2026-01-01'
ORDER BY recorded_at DESC;""",
    ),
    "dashboard_runs": (
        """\
SELECT started_at, dataset_id, state, "new", revised, message
FROM dashboard_runs
WHERE state IN ('failed', 'quarantined')
ORDER BY started_at DESC, dataset_id;""",
    ),
    "dashboard_reports": (
        """\
SELECT party_name_fi, question_fi, period, value, unit_fi, status_fi, text
FROM dashboard_reports
WHERE superseded_at IS NULL
ORDER BY recorded_at DESC;""",
    ),
    "dashboard_due": (
        """\
SELECT party_name_fi, question_fi, period, due_at, state
FROM dashboard_due
WHERE state IN ('due', 'late')
ORDER BY due_at, party_name_fi;""",
    ),
}

_INTRODUCTION = """\
# The warehouse's views

Dashboards read the views `dashboard_*`, the same in SQLite and in PostgreSQL. The tables behind them may change with
any version; the views are the contract. How to connect a program: [dashboards.md](dashboards.md).

This page is made from the program by `.venv/bin/python -m warehouse.contract_page`; a test holds that it is current.
In PostgreSQL the same texts are the comments of the views and their columns (`\\d+ dashboard_series` in psql).

## Rules

- **A column is only ever added, at the end of its view.** None is removed, renamed, retyped or moved; a list of allowed
  values may grow. Name the columns you read, and what you build today works after every upgrade.
- **No figure is a NULL value, never 0.** `symbol` says why, as the source writes it: `...` confidential, `..` not
  available, `.` not applicable, `-` nil.
- **The area's level belongs to every figure.** Filter by `area_level` or `area_code`; never sum or rank over levels.
- **Nothing is overwritten.** `dashboard_series` has the newest state of each figure, `dashboard_vintages` every state
  with the time from which (`recorded_at`) and until which (`superseded_at`) it was known.
- **A proxy is no answer.** Where `is_proxy` is true, show `proxy_note_fi` of the indicator beside the figure.
- **Verdicts** are made by the rule in [method.md](method.md); show `reason_fi` or `reason_en` with them, and never
  average them.
- **Freshness** goes with every figure: `late` and `quarantined` mean that the last good figure is shown.
- **Name the source**: `attribution_fi`, `attribution_en` and `licence` of `dashboard_indicators`.

## Types

| here | PostgreSQL | SQLite |
|---|---|---|
| text | text | text |
| integer | smallint, integer or bigint | integer |
| number | double precision | real |
| boolean | boolean | 0 or 1 |
| date | date | text, 2026-06-18 |
| timestamp | timestamp with time zone | text, 2026-06-18T05:00:00.000000+00:00 (UTC) |
| json | text with JSON in it | text with JSON in it |

Any column may be NULL where its meaning has nothing to say; those for which that is usual say so.
"""


def page() -> str:
    """The whole page as Markdown."""
    contents = "\n".join(
        f"| [`{name}`](#{name}) | {said.removeprefix('A row is ').rstrip('.')} |"
        for name, said in VIEW_DESCRIPTIONS.items()
    )
    views = "\n".join(_view(name) for name in VIEW_DESCRIPTIONS)
    return f"{_INTRODUCTION}\n## Views\n\n| view | a row is |\n|---|---|\n{contents}\n\n{views}"


def _view(name: str) -> str:
    columns = VIEW_COLUMNS[name]
    said = ""
    series = VIEW_COLUMNS["dashboard_series"]
    if name != "dashboard_series" and columns[: len(series)] == series:
        columns = columns[len(series) :]
        said = "All columns of [`dashboard_series`](#dashboard_series), and:\n\n"
    rows = "\n".join(f"| `{one.name}` | {one.type} | {_cell(one)} |" for one in columns)
    examples = "\n\n".join(f"```sql\n{one}\n```" for one in EXAMPLES[name])
    return (
        f"### {name}\n\n{VIEW_DESCRIPTIONS[name]}\n\n{said}"
        f"| column | type | meaning |\n|---|---|---|\n{rows}\n\n{examples}\n"
    )


def _cell(one: Column) -> str:
    return one.description.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
