"""What the dashboard views promise: their columns in order, with type and meaning.

A column is only ever added, at the end of its view; none is removed, renamed, retyped or moved. PostgreSQL carries
these texts as comments, and docs/warehouse.md is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp", "json"]


@dataclass(frozen=True)
class Column:
    """One column of a view. `description` is one sentence with its unit or its allowed values."""

    name: str
    type: ColumnType
    description: str


# Columns that mean the same wherever they stand.
_SHARED: Mapping[str, Column] = {
    one.name: one
    for one in (
        Column("indicator_id", "text", "Id of the indicator; it never changes."),
        Column("name_fi", "text", "Name of the indicator in Finnish."),
        Column("name_sv", "text", "Name of the indicator in Swedish."),
        Column("name_en", "text", "Name of the indicator in English."),
        Column("unit", "text", "Unit of the value, such as %, EUR or persons."),
        Column("unit_fi", "text", "Unit of the value in Finnish."),
        Column("direction", "text", "Which way is wanted: up, down or neutral."),
        Column(
            "area_code",
            "text",
            "Code of the area: KU and a number a municipality, SK a sub-region, MK a region, SSS the whole country, "
            "a name in capitals for others.",
        ),
        Column(
            "area_name_fi", "text", "Name of the area in Finnish; NULL where the catalogue lacks the area."
        ),
        Column(
            "area_level",
            "text",
            "What the area is: municipality, subregion, region, country, airport, institution, station, road or "
            "line; figures of two levels are never one series.",
        ),
        Column(
            "class_code",
            "text",
            "Class within the indicator, such as foreign (guests from abroad); empty where the indicator has none.",
        ),
        Column(
            "period",
            "text",
            "Period as 2025, 2025Q1, 2025M06 or 2026W23; a school year bears the year it begins in.",
        ),
        Column("period_start", "date", "First day of the period."),
        Column("period_end", "date", "Last day of the period."),
        Column(
            "value", "number", "The figure in the unit; NULL where there is none, and symbol may say why."
        ),
        Column(
            "symbol",
            "text",
            "Why the value is missing, as its source writes it: ... confidential, .. not available, . not "
            "applicable, - nil; empty where there is a value or no reason was given.",
        ),
        Column("status", "text", "final or preliminary; a preliminary figure may still be revised."),
        Column(
            "source",
            "text",
            "Short name of the provider, such as statfin; manual for figures that people report.",
        ),
        Column(
            "dataset_id",
            "text",
            "Id of the dataset as source/subject/table; of an indicator the first it reads, NULL for figures that "
            "people report.",
        ),
        Column(
            "source_updated_at",
            "timestamp",
            "When the source released the figure; NULL where it does not say.",
        ),
        Column("recorded_at", "timestamp", "When this state of the figure came into the warehouse (UTC)."),
        Column(
            "change_class",
            "text",
            "What this state changed: new, revised, restated (moved with a new area division), withdrawn, returned, "
            "symbol (only the symbol changed) or status (preliminary became final).",
        ),
        Column(
            "freshness",
            "text",
            "Worst state of the datasets behind it: current, due, late, quarantined, discontinued, never_fetched or "
            "not_in_sample (demo only).",
        ),
        Column(
            "next_expected", "date", "Day on which the next figures are expected; NULL where it is not known."
        ),
        Column("is_proxy", "boolean", "Whether the indicator only stands in for what the programme asks."),
        Column(
            "is_synthetic",
            "boolean",
            "Whether the figure is made up for trials; never true for real figures.",
        ),
        Column(
            "labels",
            "text",
            "How sure the catalogue is of the names it finds the figure by: verified, partly or assumed; NULL for "
            "figures that people report.",
        ),
        Column("headline", "boolean", "Whether the programme's front page shows the indicator."),
        Column("measure_id", "text", "Id of the measure (toimenpide)."),
        Column("meter_id", "text", "Id of the meter (mittari)."),
        Column(
            "question_id", "text", "Id of what is asked: an indicator's, or a meter's where words are asked."
        ),
        Column("question_fi", "text", "What is asked, in Finnish."),
        Column("asks", "text", "What kind of answer is asked: number, survey, status or yes_no."),
        Column("party_id", "text", "Id of the party that is asked (vastuutaho)."),
        Column("party_name_fi", "text", "Name of that party in Finnish."),
        Column("position", "integer", "Place in the programme's own order, to sort by."),
        Column("note_fi", "text", "Note for the reader in Finnish; empty where there is none."),
        Column("note_en", "text", "Note for the reader in English; empty where there is none."),
        Column(
            "proxy_note_fi",
            "text",
            "How a proxy differs from what the programme asks, in Finnish; empty for none.",
        ),
        Column("has_quarantined", "boolean", "Whether newer figures are held back by the checks."),
        Column("due_at", "date", "Day from which an answer is due; NULL where nothing is outstanding."),
        Column("late_after", "date", "Last day on which it is not yet late; NULL where it is not known."),
        Column("rhythm", "text", "How often it is asked: monthly, quarterly, annual or every_2_years."),
        Column("rhythm_assumed", "boolean", "Whether the rhythm is our assumption and not yet agreed."),
        Column(
            "reporter_assumed", "boolean", "Whether the reporting party is our assumption and not yet agreed."
        ),
        Column("is_retired", "boolean", "Whether it has left the catalogue; its history is kept."),
        Column(
            "superseded_at",
            "timestamp",
            "When a newer state took its place (UTC); NULL for the newest state.",
        ),
        Column("run_id", "text", "Id of the run."),
    )
}


def _columns(*parts: str | Column) -> tuple[Column, ...]:
    """Columns in order: names of shared ones in one text, and those that are a view's own."""
    found: list[Column] = []
    for part in parts:
        found += [part] if isinstance(part, Column) else [_SHARED[name] for name in part.split()]
    return tuple(found)


_SERIES = _columns(
    "indicator_id name_fi name_sv name_en unit direction area_code area_name_fi area_level class_code period "
    "period_start period_end",
    Column("frequency", "text", "annual, quarterly, monthly, weekly or school_year."),
    "value symbol status source dataset_id source_updated_at recorded_at change_class",
    Column("vintages", "integer", "How many states of this figure are kept."),
    "freshness is_proxy is_synthetic labels",
)

VIEW_DESCRIPTIONS: Mapping[str, str] = {
    "dashboard_series": "A row is the newest state of one figure: indicator, area, class and period.",
    "dashboard_vintages": "A row is one state of one figure: as in dashboard_series, but every state it was ever in.",
    "dashboard_latest": "A row is one series (indicator, area and class) that has a figure: its newest one, what "
    "it is compared with, and the verdict.",
    "dashboard_indicators": "A row is one indicator: what it measures, how it is computed, where it comes from and "
    "under which licence.",
    "dashboard_measures": "A row is one measure of the programme: how far its meters can be answered.",
    "dashboard_meters": "A row is one meter of a measure: its state and the newest figure or answer.",
    "dashboard_meter_indicators": "A row is one indicator that serves one meter.",
    "dashboard_freshness": "A row is one dataset: when it was fetched and when it is expected next.",
    "dashboard_changes": "A row is one change: a figure that is new, revised, withdrawn or otherwise another than "
    "before.",
    "dashboard_runs": "A row is what became of one expected dataset in one run (the ledger).",
    "dashboard_reports": "A row is one state of one answer that people gave, for each meter it serves.",
    "dashboard_due": "A row is one answer that is wanted and was not given, for each meter it serves.",
}

VIEW_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "dashboard_series": _SERIES,
    "dashboard_vintages": (*_SERIES, *_columns("superseded_at")),
    "dashboard_latest": _columns(
        "indicator_id name_fi name_sv name_en unit direction area_code area_name_fi area_level class_code period "
        "value symbol status",
        Column(
            "previous_period", "text", "Period of the figure before the newest; NULL where there is none."
        ),
        Column("previous_value", "number", "The figure of previous_period, in the unit."),
        Column("year_before_period", "text", "The same period a year earlier; NULL where it has no figure."),
        Column("year_before_value", "number", "The figure of year_before_period, in the unit."),
        Column("baseline_period", "text", "Period that the verdict compares with; NULL where there is none."),
        Column("baseline_value", "number", "The figure of baseline_period, in the unit."),
        Column(
            "verdict",
            "text",
            "improved, declined, rose or fell (neutral direction), no_clear_change or too_little_data; NULL until "
            "it is judged.",
        ),
        Column("reason_fi", "text", "The verdict's reason as a sentence in Finnish."),
        Column("reason_en", "text", "The verdict's reason as a sentence in English."),
        "freshness next_expected source dataset_id source_updated_at recorded_at headline is_proxy is_synthetic "
        "labels",
        Column("reason_sv", "text", "The verdict's reason as a sentence in Swedish."),
        Column("beside_fi", "text", "How comparable cities, region and country did, in Finnish."),
        Column("beside_sv", "text", "How comparable cities, region and country did, in Swedish."),
        Column("beside_en", "text", "How comparable cities, region and country did, in English."),
        Column("verdict_inputs", "json", "All figures that the verdict was made of."),
    ),
    "dashboard_indicators": _columns(
        "indicator_id name_fi name_sv name_en unit direction",
        Column("kind", "text", "Where it comes from: open_data, proxy, survey or administrative."),
        Column(
            "definition",
            "text",
            "How it is computed: the formula and what each name in it reads; empty for figures that people report.",
        ),
        "note_fi proxy_note_fi source",
        Column(
            "source_table",
            "text",
            "The provider's own name of the table; empty for figures that people report.",
        ),
        Column("licence", "text", "Licence of the source, such as CC BY 4.0."),
        Column("attribution_fi", "text", "How the source must be named, in Finnish."),
        Column("attribution_en", "text", "How the source must be named, in English."),
        "labels headline dataset_id",
        Column(
            "role",
            "text",
            "meter for an indicator of the programme, context for one that only stands beside.",
        ),
        "unit_fi",
        Column(
            "frequency",
            "text",
            "How often it comes: annual, quarterly, monthly, weekly, every_2_years, every_4_years or per_survey.",
        ),
        Column(
            "transform",
            "text",
            "What verdicts are made of instead of the value itself, such as mean_of_12_months; empty for the value.",
        ),
        Column("decimals", "integer", "How many decimals to show; NULL where the catalogue does not say."),
        Column("reporter", "text", "Id of the party that reports it; empty for open data."),
        "note_en",
        Column("source_name_fi", "text", "Name of the provider in Finnish."),
        Column("source_name_en", "text", "Name of the provider in English."),
        "freshness next_expected is_proxy is_retired",
    ),
    "dashboard_meter_indicators": _columns("meter_id indicator_id"),
    "dashboard_meters": _columns(
        "meter_id measure_id",
        Column("text_fi", "text", "The meter as the programme has it, in Finnish; empty where it has none."),
        Column(
            "kind",
            "text",
            "How it is answered: open_data, proxy, survey, administrative, narrative (in words) or none.",
        ),
        Column("reporter", "text", "Id of the party that reports it; empty for open data."),
        Column(
            "state",
            "text",
            "late, due, no_data, measured, reported or not_measurable; the first that fits holds.",
        ),
        Column("latest_text", "text", "What was said last in words; NULL where nothing was."),
        Column("latest_value", "number", "The newest figure in latest_unit; NULL where there is none."),
        Column("latest_unit", "text", "Unit of latest_value."),
        Column(
            "latest_period", "text", "Period of latest_value, or of latest_text where there is no figure."
        ),
        Column("latest_indicator_id", "text", "Indicator that latest_value is of."),
        Column(
            "latest_area_code",
            "text",
            "Area that latest_value is of: the city, or the smallest area around it that the indicator has.",
        ),
        Column(
            "latest_class_code", "text", "Class that latest_value is of; empty where the indicator has none."
        ),
        "has_quarantined note_fi note_en position due_at",
        Column("reporter_name_fi", "text", "Name of the reporter in Finnish; empty for open data."),
        "rhythm rhythm_assumed reporter_assumed proxy_note_fi",
        Column(
            "latest_status",
            "text",
            "What was said last as a key: not_started, under_way, done, dropped, yes or no; NULL where nothing was.",
        ),
        Column(
            "latest_sample_size",
            "integer",
            "How many answered the survey last; NULL where it is not a survey.",
        ),
        Column("latest_text_period", "text", "Period of latest_text and latest_status."),
        Column("latest_source", "text", "Short name of the provider of latest_value."),
    ),
    "dashboard_measures": _columns(
        "measure_id",
        Column("area_id", "text", "Id of the programme's area (kehittämiskohde)."),
        Column("goal_id", "text", "Id of its goal (tavoite); NULL where it stands under a cluster."),
        Column("cluster_id", "text", "Id of its industry cluster; NULL where it stands under a goal."),
        Column("text_fi", "text", "The measure as the programme has it, in Finnish."),
        Column("responsible", "text", "Who answers for it, as the programme has it, in Finnish."),
        Column(
            "meters",
            "integer",
            "How many meters it has that can be answered (those of kind none not counted).",
        ),
        Column("answered", "integer", "How many of them are measured or reported."),
        Column(
            "state",
            "text",
            "The first of its meters' states in the order late, due, no_data, measured, reported, not_measurable.",
        ),
        Column("has_proxy", "boolean", "Whether a meter of it is answered by a proxy."),
        "has_quarantined",
        Column("short_fi", "text", "The measure in a few words, in Finnish."),
        "position due_at",
        Column("reporter_names_fi", "text", "Names of those who report its meters, with semicolons between."),
        Column("late_meters", "integer", "How many of its meters are late."),
        Column("due_meters", "integer", "How many of its meters are due."),
        "proxy_note_fi",
        Column("programme_area_fi", "text", "Name of the programme's area in Finnish."),
        Column("programme_area_sv", "text", "Name of the programme's area in Swedish."),
        Column("programme_area_en", "text", "Name of the programme's area in English."),
        Column("goal_fi", "text", "Its goal in Finnish; NULL where it stands under a cluster."),
        Column("cluster_fi", "text", "Its industry cluster in Finnish; NULL where it stands under a goal."),
    ),
    "dashboard_reports": _columns(
        "meter_id measure_id question_id indicator_id question_fi asks period period_end area_code value unit_fi",
        Column("sample_size", "integer", "How many answered the survey; NULL where it is not a survey."),
        Column(
            "status",
            "text",
            "What was said as a key: not_started, under_way, done, dropped, yes or no; else empty.",
        ),
        Column("status_fi", "text", "The same in Finnish; NULL where there is none."),
        Column("text", "text", "What was said in words; empty where nothing was."),
        Column("change_class", "text", "What this state changed: new, revised, withdrawn or returned."),
        Column("role", "text", "Role of the person who gave it; no names are kept."),
        Column("reason", "text", "Why it was changed; empty for the first state."),
        "party_id party_name_fi recorded_at superseded_at is_retired",
    ),
    "dashboard_due": _columns(
        "party_id party_name_fi meter_id measure_id question_id indicator_id question_fi asks unit_fi period "
        "period_end due_at late_after",
        Column("state", "text", "coming, due or late."),
        "rhythm rhythm_assumed reporter_assumed",
    ),
    "dashboard_changes": _columns(
        "recorded_at indicator_id",
        Column("area", "text", "Code of the area, as area_code elsewhere."),
        "period",
        Column("old", "number", "The figure before, in the indicator's unit; NULL where there was none."),
        Column("new", "number", "The figure now, in the indicator's unit; NULL where there is none."),
        "change_class class_code symbol status run_id is_synthetic",
    ),
    "dashboard_freshness": _columns(
        "dataset_id",
        Column(
            "state",
            "text",
            "current, due, late, quarantined, discontinued, never_fetched or not_in_sample (demo only).",
        ),
        Column(
            "last_release", "timestamp", "When the source released what we have; NULL where it does not say."
        ),
        Column("last_fetch", "timestamp", "When it was fetched last (UTC); NULL for never."),
        "next_expected",
        Column("last_error", "text", "What went wrong last; empty where nothing did."),
        "source",
        Column("source_table", "text", "The provider's own name of the table."),
        Column("title_fi", "text", "Title of the dataset in Finnish."),
        Column("title_en", "text", "Title of the dataset in English."),
        Column("last_checked", "timestamp", "When the source was last asked for news (UTC)."),
        "late_after",
        Column("judged_on", "date", "Day at which lateness is judged (the sample's); NULL for today."),
        Column("web_url", "text", "Page of the table for people; empty where there is none."),
    ),
    "dashboard_runs": _columns(
        "run_id",
        Column("started_at", "timestamp", "When the run began (UTC)."),
        "dataset_id",
        Column(
            "state",
            "text",
            "fetched, unchanged, not_due, late, discontinued or not_in_sample (green), failed or quarantined (red).",
        ),
        Column("new", "integer", "How many figures were new."),
        Column("revised", "integer", "How many figures were revised."),
        Column("withdrawn", "integer", "How many figures were withdrawn."),
        Column("same", "integer", "How many figures were as before."),
        Column("message", "text", "What happened, in words."),
        "source",
        Column("ended_at", "timestamp", "When the run ended (UTC); NULL while it runs."),
        Column("run_state", "text", "State of the whole run: running, green or red."),
        Column("calls", "integer", "How many requests the dataset took."),
        Column("seconds", "number", "How long the dataset took, in seconds."),
        Column(
            "released_at",
            "timestamp",
            "When the source released what was fetched; NULL where it does not say.",
        ),
        Column("missing_indicators", "json", "List of the ids of indicators that could not be computed."),
        Column("recorded_at", "timestamp", "When this row was written (UTC)."),
        Column("program_version", "text", "Version of the program that ran."),
        Column("catalogue_fingerprint", "text", "Checksum of the catalogue in use."),
    ),
}
