"""All that the pages say, gathered from the warehouse once, now or as it was known at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.indicator import Indicator
from models.judge import verdict_frame
from models.numbers import LANGUAGES, Language, decimals_of
from models.period import parse_period
from reports.past import measures_then, meters_then, past_of
from warehouse import read
from warehouse.keys import indicator_owner
from warehouse.page_builds import page_builds

Row = dict[str, Any]
SeriesKey = tuple[str, str]  # area code, class code
CHANGES_DAYS = 30
_MOST_DECIMALS = 2


@dataclass(frozen=True)
class Point:
    """One figure: None where there is none, `symbol` then says why."""

    period: str
    value: float | None
    symbol: str
    is_preliminary: bool
    recorded_at: datetime


@dataclass(frozen=True)
class Judged:
    """The verdict on one series ('' for not judged) with its sentences by language."""

    verdict: str = ""
    reason: Mapping[Language, str] = field(default_factory=dict)
    beside: Mapping[Language, str] = field(default_factory=dict)
    baseline_period: str = ""
    baseline_value: float | None = None


@dataclass(frozen=True)
class Vintage:
    """One state of a figure of the city's own series."""

    class_code: str
    period: str
    recorded_at: datetime
    value: float | None
    change_class: str


@dataclass(frozen=True)
class IndicatorFacts:
    """One indicator's figures. `home` is the area it is told of: the city, else the smallest around it, else ''."""

    indicator: Indicator
    series: Mapping[SeriesKey, tuple[Point, ...]]
    judged: Mapping[SeriesKey, Judged]
    home: str
    classes: tuple[str, ...]  # of the home area, the leading one first
    decimals: int
    revised: tuple[Vintage, ...]  # all vintages of those of its own figures that have more than one
    freshness: str
    next_expected: date | None
    retrieved: datetime | None  # the newest fetch of its datasets
    released: datetime | None

    def points(self, area: str, class_code: str | None = None) -> tuple[Point, ...]:
        """A series; without a class the leading one."""
        return self.series.get((area, self.lead if class_code is None else class_code), ())

    @property
    def lead(self) -> str:
        """The class that stands for the indicator where one figure is shown."""
        return self.classes[0] if self.classes else ""

    def latest(self, area: str, class_code: str | None = None) -> Point | None:
        """The newest figure there is; where there is none the newest missing one."""
        points = self.points(area, class_code)
        return next(
            (one for one in reversed(points) if one.value is not None), points[-1] if points else None
        )

    def verdict(self, class_code: str | None = None) -> Judged:
        """The verdict on the home area."""
        return self.judged.get((self.home, self.lead if class_code is None else class_code), Judged())

    @property
    def has_figures(self) -> bool:
        """Whether there is any figure of the home area."""
        return any(one.value is not None for class_ in self.classes for one in self.points(self.home, class_))


@dataclass(frozen=True)
class Facts:
    """All of it. Frames are lists of rows as the views give them, with None for what is missing."""

    catalogue: Catalogue
    now: datetime
    as_of: datetime | None
    is_synthetic: bool
    is_sample: bool
    indicators: Mapping[str, IndicatorFacts]
    measures: Mapping[str, Row]
    meters: Mapping[str, Sequence[Row]]  # by measure
    reports: Mapping[str, Sequence[Row]]  # by meter, newest period first
    due: Sequence[Row]
    freshness: Mapping[str, Row]
    change_counts: Sequence[Row]  # by indicator and class of change
    changed: Sequence[
        Row
    ]  # changes that are no new values, of the city and what stands around it, newest first
    turned: Sequence[Row]  # verdicts on the home area that became others
    changes_since: datetime
    last_build: datetime | None


def gather(
    connection: Connection,
    catalogue: Catalogue,
    now: datetime,
    as_of: datetime | None = None,
    *,
    until: date | None = None,
) -> Facts:
    """Reads the warehouse. As of a time, all is as it was known then; `catalogue` must be the one of then.

    With `until` only what is about periods that had ended by that day: figures, the verdicts on them, answers, and
    what is owed.
    """
    past = None if as_of is None else past_of(connection, catalogue, as_of)
    freshness = past.freshness if past else by_key(connection, "dashboard_freshness", "dataset_id")
    states = past.indicators if past else by_key(connection, "dashboard_indicators", "indicator_id")
    codes = [area.code for area in catalogue.areas.all()]  # not of every municipality there may be
    values = {
        one: _ended(read.indicator_values(connection, one, as_of=as_of, area_codes=codes), until)
        for one in catalogue.indicators
    }
    judged = _judged(connection, catalogue, values, is_kept=as_of is None and until is None)
    found = {
        key: _indicator(connection, catalogue, indicator, values[key], judged[key], states, freshness, as_of)
        for key, indicator in catalogue.indicators.items()
    }
    reports = past.reports if past else _reports(connection)
    if past:
        meters = meters_then(catalogue, past, {key for key, one in found.items() if _counts(one, catalogue)})
        measures: Mapping[str, Row] = measures_then(meters)
    else:
        meters = _meters(connection)
        measures = by_key(connection, "dashboard_measures", "measure_id")
    due = past.due if past else rows_of(read.view(connection, "dashboard_due"))
    order = {"late": 0, "due": 1, "coming": 2}
    built = [one.built_at for one in page_builds(connection) if one.name == "report" and one.built_at]
    moment = as_of or now
    since = moment - timedelta(days=CHANGES_DAYS)
    areas = catalogue.areas
    around = [
        areas.focus,
        areas.region,
        areas.country,
        *([areas.subregion] if areas.subregion else []),
        *areas.others,
    ]
    counts = [
        row
        for row in rows_of(read.change_counts(connection, since, moment))
        if row["indicator_id"] in catalogue.indicators
    ]
    changed = rows_of(read.changed_values(connection, since, moment, [one.code for one in around]))
    return Facts(
        catalogue=catalogue,
        now=now,
        as_of=as_of,
        is_synthetic=bool(read.is_synthetic(connection)),
        is_sample=any(row["state"] == "not_in_sample" for row in freshness.values()),
        indicators=found,
        measures=measures,
        meters=meters,
        reports={key: [row for row in told if _is_by(row, until)] for key, told in reports.items()},
        due=sorted(
            (row for row in due if _is_by(row, until)),
            key=lambda row: (
                row["party_name_fi"] or "",
                order[row["state"]],
                row["due_at"],
                row["meter_id"],
                row["question_id"],
                row["period"],
            ),
        ),
        freshness=freshness,
        change_counts=counts,
        changed=[row for row in changed if row["indicator_id"] in catalogue.indicators],
        turned=_turned(connection, catalogue, found, [row["indicator_id"] for row in counts], since),
        changes_since=since,
        last_build=None if as_of else max((one for one in built if one < now), default=None),
    )


def by_key(connection: Connection, name: str, key: str) -> dict[str, Row]:
    """A view's rows by one of its columns."""
    return {str(row[key]): row for row in rows_of(read.view(connection, name))}


def _ended(values: pd.DataFrame, until: date | None) -> pd.DataFrame:
    if until is None:
        return values
    ended = {code for code in values["period"].unique() if parse_period(code).end <= until}
    return values[values["period"].isin(ended)].reset_index(drop=True)


def _is_by(row: Row, until: date | None) -> bool:
    return until is None or bool(row["period_end"] <= until)


def _counts(one: IndicatorFacts, catalogue: Catalogue) -> bool:
    """Whether a meter is measured by it: with a figure of the city, or where it has none of municipalities at all."""
    is_municipal = "municipality" in one.indicator.area_levels
    return one.has_figures and (one.home == catalogue.areas.focus.code or not is_municipal)


def _reports(connection: Connection) -> dict[str, list[Row]]:
    """By meter the answers that hold, newest period first."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(read.view(connection, "dashboard_reports")):
        if row["meter_id"] and row["superseded_at"] is None and row["change_class"] != "withdrawn":
            found[str(row["meter_id"])].append(row)
    for told in found.values():
        told.sort(key=lambda row: str(row["period_end"]), reverse=True)
    return found


def _meters(connection: Connection) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows_of(read.view(connection, "dashboard_meters")), key=lambda row: row["position"]):
        found[str(row["measure_id"])].append(row)
    return found


def _turned(
    connection: Connection,
    catalogue: Catalogue,
    found: Mapping[str, IndicatorFacts],
    changed: Iterable[str],
    since: datetime,
) -> list[Row]:
    """The verdicts on the home area that became others since: indicator_id, class_code, old, new.

    Only an indicator whose figures changed can have another; one that had no figures before has not turned.
    """
    codes = [area.code for area in catalogue.areas.all()]
    before = {
        one: read.indicator_values(connection, one, as_of=since, area_codes=codes)
        for one in dict.fromkeys(changed)
    }
    judged = _judged(connection, catalogue, before, is_kept=False)
    return [
        {
            "indicator_id": key,
            "class_code": class_,
            "old": old.verdict,
            "new": found[key].verdict(class_).verdict,
        }
        for key in before
        for class_ in found[key].classes
        if (old := judged[key].get((found[key].home, class_), Judged())).verdict
        and old.verdict != found[key].verdict(class_).verdict
    ]


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows as dicts, None for whatever kind of missing."""
    records: list[Row] = []
    for row in frame.to_dict("records"):
        records.append({str(name): _plain(value) for name, value in row.items()})
    return records


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def _judged(
    connection: Connection, catalogue: Catalogue, values: Mapping[str, pd.DataFrame], *, is_kept: bool
) -> dict[str, dict[SeriesKey, Judged]]:
    """By indicator: the verdicts the warehouse keeps, or those that `values` give."""
    if is_kept:
        frame = read.view(connection, "dashboard_latest")
    else:
        held = [one for one in values.values() if len(one)]
        frame = verdict_frame(pd.concat(held, ignore_index=True), catalogue) if held else pd.DataFrame()
    found: dict[str, dict[SeriesKey, Judged]] = defaultdict(dict)
    for row in rows_of(frame):
        found[row["indicator_id"]][row["area_code"], row["class_code"] or ""] = Judged(
            row.get("verdict") or "",
            {language: row.get(f"reason_{language}") or "" for language in LANGUAGES},
            {language: row.get(f"beside_{language}") or "" for language in LANGUAGES},
            row.get("baseline_period") or "",
            row.get("baseline_value"),
        )
    return found


def _indicator(
    connection: Connection,
    catalogue: Catalogue,
    indicator: Indicator,
    values: pd.DataFrame,
    judged: Mapping[SeriesKey, Judged],
    states: Mapping[str, Row],
    freshness: Mapping[str, Row],
    as_of: datetime | None,
) -> IndicatorFacts:
    series: dict[SeriesKey, list[Point]] = defaultdict(list)
    # a shorthand of to_dict, which is slow for what there is most of
    for area, class_, period, value, symbol, status, recorded_at in zip(
        *(
            values[name].tolist()
            for name in ("area_code", "class_code", "period", "value", "symbol", "status", "recorded_at")
        ),
        strict=True,
    ):
        figure = None if math.isnan(value) else value
        series[area, class_].append(
            Point(period, figure, symbol or "", status == "preliminary", recorded_at.to_pydatetime())
        )
    home = _home(catalogue, {area for area, _ in series})
    classes = _classes(indicator, [class_ for area, class_ in series if area == home])
    figures = [one.value for points in series.values() for one in points if one.value is not None]
    own = [one for class_ in classes for one in series[home, class_]]
    state = states.get(indicator.id, {})
    datasets = [freshness[one] for one in indicator.datasets if one in freshness]
    return IndicatorFacts(
        indicator=indicator,
        series={key: tuple(points) for key, points in series.items()},
        judged=judged,
        home=home,
        classes=classes,
        decimals=indicator.decimals
        if indicator.decimals is not None
        else decimals_of(figures, most=_MOST_DECIMALS),
        revised=_revised(connection, indicator, home, classes, as_of),
        freshness=state.get("freshness") or "never_fetched",
        next_expected=state.get("next_expected"),
        retrieved=max((one["last_fetch"] for one in datasets if one["last_fetch"]), default=None)
        if datasets
        else max((one.recorded_at for one in own), default=None),
        released=max((one["last_release"] for one in datasets if one["last_release"]), default=None),
    )


def _home(catalogue: Catalogue, areas: set[str]) -> str:
    known = catalogue.areas
    inner = [known.focus, *([known.subregion] if known.subregion else []), known.region]
    wanted = [one.code for one in (*inner, *known.others, known.country)]
    return next((code for code in wanted if code in areas), "")


def _classes(indicator: Indicator, held: Sequence[str]) -> tuple[str, ...]:
    """In the catalogue's order, those it does not list after them."""
    listed = [key for one in indicator.inputs.values() for key in one.classes.get(indicator.by, ())]
    order = {key: place for place, key in reversed(list(enumerate(listed)))}
    return tuple(sorted(dict.fromkeys(held), key=lambda key: (order.get(key, len(order)), key)))


def _revised(
    connection: Connection, indicator: Indicator, home: str, classes: Sequence[str], as_of: datetime | None
) -> tuple[Vintage, ...]:
    found: list[Vintage] = []
    for class_ in classes:
        frame = read.vintages_of(connection, indicator_owner(indicator.id), "", class_, home)
        if as_of is not None:
            frame = frame[frame["recorded_at"] <= as_of]
        many = frame[frame.duplicated("period", keep=False)]
        found += [
            Vintage(class_, row["period"], row["recorded_at"], row["value"], row["change_class"])
            for row in rows_of(many)
        ]
    return tuple(sorted(found, key=lambda one: (parse_period(one.period), one.recorded_at), reverse=True))
