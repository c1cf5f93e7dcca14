"""What was owed, answered and fresh at a past time, worked out from what is kept: the rows the views give of now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.dataset import Dataset
from models.forms import Question, outstanding, questions
from models.freshness import StoredState, state_on
from models.indicator import Indicator
from models.period import parse_period
from models.programme import Meter
from models.release_rhythm import expected
from warehouse.forms import judged_on
from warehouse.past import KnownDataset, answers_at, datasets_at

Row = dict[str, Any]
_ORDER = ("late", "due", "no_data", "measured", "reported", "not_measurable")
# The worst of an indicator's datasets stands for it; the view indicator_freshness weighs them alike.
_WORST = ("quarantined", "late", "never_fetched", "discontinued", "not_in_sample", "due", "current")


@dataclass(frozen=True)
class Past:
    """At a time: the datasets (by id), the indicators (state and next figures by id), the answers owed, and given."""

    freshness: Mapping[str, Row]
    indicators: Mapping[str, Row]
    due: Sequence[Row]
    reports: Mapping[str, Sequence[Row]]  # by meter, newest period first


def past_of(connection: Connection, catalogue: Catalogue, as_of: datetime) -> Past:
    """What was known at `as_of`, by the catalogue of then."""
    today = judged_on(connection) or as_of.astimezone(UTC).date()
    known = datasets_at(connection, as_of)
    freshness = {
        one.id: _dataset(one, known.get(one.id, KnownDataset("never_fetched")), today)
        for one in catalogue.datasets.values()
    }
    asked = questions(catalogue)
    answers = answers_at(connection, as_of)
    given = {(row["question_id"], row["period"]) for row in answers}
    names = {one.id: one.name_fi for one in catalogue.programme.parties}
    measure_of = {
        meter.id: measure.id for measure in catalogue.programme.measures for meter in measure.meters
    }
    due = [
        {
            "party_name_fi": names.get(question.party, question.party),
            "meter_id": meter_id,
            "measure_id": measure_of[meter_id],
            "question_id": question.id,
            "question_fi": question.text_fi,
            "period": period,
            "period_end": parse_period(period).end,
            "due_at": question.due_at(period),
            "state": state,
            "rhythm_assumed": question.rhythm_assumed,
            "reporter_assumed": question.party_assumed,
        }
        for question, period, state in outstanding(asked, given, today)
        for meter_id in question.meter_ids
    ]
    return Past(
        freshness=freshness,
        indicators=_indicators(catalogue, freshness, asked, given, due),
        due=due,
        reports=_reports(asked, answers, names),
    )


def meters_then(catalogue: Catalogue, past: Past, with_figures: Collection[str]) -> dict[str, list[Row]]:
    """The meters of each measure with their state then; `with_figures` are the indicators that had a figure."""
    owed = defaultdict(set)
    for row in past.due:
        owed[row["meter_id"]].add(row["state"])
    names = {one.id: one.name_fi for one in catalogue.programme.parties}
    return {
        measure.id: [
            {
                "meter_id": meter.id,
                "measure_id": measure.id,
                "kind": meter.kind,
                "text_fi": meter.text_fi,
                "note_fi": meter.note_fi,
                "note_en": meter.note_en,
                "reporter_name_fi": names.get(meter.reporter, ""),
                "state": _meter_state(meter, past, owed[meter.id], with_figures),
                "has_quarantined": any(
                    past.indicators[one]["freshness"] == "quarantined" for one in meter.indicator_ids
                ),
            }
            for meter in measure.meters
        ]
        for measure in catalogue.programme.measures
    }


def measures_then(meters: Mapping[str, Sequence[Row]]) -> dict[str, Row]:
    """Each measure's state, which is the first of its meters', and what it has."""
    return {
        key: {
            "measure_id": key,
            "state": min((row["state"] for row in rows), key=_ORDER.index, default="not_measurable"),
            "meters": sum(row["kind"] != "none" for row in rows),
            "answered": sum(row["state"] in ("measured", "reported") for row in rows),
            "has_proxy": any(row["kind"] == "proxy" for row in rows),
            "has_quarantined": any(row["has_quarantined"] for row in rows),
        }
        for key, rows in meters.items()
    }


def _dataset(dataset: Dataset, known: KnownDataset, today: date) -> Row:
    newest = known.newest_period
    if newest is None and known.last_release is not None:
        # a division of 1 January, which has no periods, is what is known at the end of the year before
        newest = str(known.last_release.year - 1)
    next_one, late_after = expected(dataset, newest, known.releases)
    stored = None if known.state == "never_fetched" else cast(StoredState, known.state)
    return {
        "dataset_id": dataset.id,
        "state": state_on(today, stored, next_one, late_after),
        "last_release": known.last_release,
        "last_fetch": known.last_fetch,
        "next_expected": next_one,
        "source": dataset.source,
        "source_table": dataset.table,
        "title_fi": dataset.title_fi,
        "title_en": dataset.title_en,
        "web_url": dataset.web_url,
    }


def _indicators(
    catalogue: Catalogue,
    freshness: Mapping[str, Row],
    asked: Iterable[Question],
    given: Collection[tuple[str, str]],
    due: Sequence[Row],
) -> dict[str, Row]:
    by_hand = {one.indicator_id: one for one in asked if one.indicator_id}
    answered = {question_id for question_id, _ in given}
    found: dict[str, Row] = {}
    for indicator in catalogue.indicators.values():
        question = by_hand.get(indicator.id)
        if question is not None:
            owed = [row for row in due if row["question_id"] == question.id]
            states = [row["state"] for row in owed]
            found[indicator.id] = {
                "freshness": next(
                    (one for one in ("late", "due") if one in states),
                    "current" if question.id in answered else "never_fetched",
                ),
                "next_expected": min((row["due_at"] for row in owed), default=None),
            }
        else:
            found[indicator.id] = _of_datasets(indicator, freshness)
    return found


def _of_datasets(indicator: Indicator, freshness: Mapping[str, Row]) -> Row:
    rows = [freshness[one] for one in indicator.datasets]
    days = [row["next_expected"] for row in rows if row["next_expected"]]
    return {
        "freshness": min((row["state"] for row in rows), key=_WORST.index, default="never_fetched"),
        "next_expected": max(days, default=None),
        "is_late": any(row["state"] == "late" for row in rows),
    }


def _reports(
    asked: Iterable[Question], answers: Iterable[Row], names: Mapping[str, str]
) -> dict[str, list[Row]]:
    questions_by_id = {one.id: one for one in asked}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in answers:
        question = questions_by_id.get(row["question_id"])
        for meter_id in question.meter_ids if question else ():
            found[meter_id].append(
                row
                | {
                    "meter_id": meter_id,
                    "unit_fi": question.unit_fi if question else "",
                    "party_name_fi": names.get(row["party_id"], row["party_id"]),
                }
            )
    for told in found.values():
        told.sort(key=lambda row: str(row["period_end"]), reverse=True)
    return found


def _meter_state(meter: Meter, past: Past, owed: Collection[str], with_figures: Collection[str]) -> str:
    if meter.kind == "none":
        return "not_measurable"
    has_figures = any(one in with_figures for one in meter.indicator_ids)
    is_late = any(past.indicators[one].get("is_late") for one in meter.indicator_ids)
    if "late" in owed or (has_figures and is_late):
        return "late"
    if "due" in owed:
        return "due"
    if has_figures:
        return "measured"
    return "reported" if past.reports.get(meter.id) else "no_data"
