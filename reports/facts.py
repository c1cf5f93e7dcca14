"""All that the pages say, gathered from the warehouse once, now or as it was known at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from warehouse import read
from warehouse.keys import indicator_owner
from warehouse.page_builds import page_builds

Row = dict[str, Any]
SeriesKey = tuple[str, str]  # area code, class code
CHANGES_DAYS = 30
_MOST_DECIMALS = 2
_ORDER = ("late", "due", "no_data", "measured", "reported", "not_measurable")


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
    changes_since: datetime
    last_build: datetime | None


def gather(
    connection: Connection, catalogue: Catalogue, now: datetime, as_of: datetime | None = None
) -> Facts:
    """Reads the warehouse. As of a time, figures, verdicts, answers and changes are those known then.

    What people owed and how fresh the sources were at a past time is not kept: `due` and `freshness` are then empty.
    """
    freshness = {str(row["dataset_id"]): row for row in rows_of(read.view(connection, "dashboard_freshness"))}
    values = {one: read.indicator_values(connection, one, as_of=as_of) for one in catalogue.indicators}
    judged = _judged(connection, catalogue, values, as_of)
    states = {str(row["indicator_id"]): row for row in rows_of(read.view(connection, "dashboard_indicators"))}
    found = {
        key: _indicator(connection, catalogue, indicator, values[key], judged[key], states, freshness, as_of)
        for key, indicator in catalogue.indicators.items()
    }
    reports: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(read.view(connection, "dashboard_reports")):
        if row["meter_id"] and _stood_at(row, as_of):
            reports[str(row["meter_id"])].append(row)
    for told in reports.values():
        told.sort(key=lambda row: str(row["period_end"]), reverse=True)
    meters: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows_of(read.view(connection, "dashboard_meters")), key=lambda row: row["position"]):
        if as_of is not None:
            row = row | {"state": _state_then(row, catalogue, found, reports), "due_at": None}
        meters[str(row["measure_id"])].append(row)
    measures = {str(row["measure_id"]): row for row in rows_of(read.view(connection, "dashboard_measures"))}
    if as_of is not None:
        measures = {key: row | _measure_then(meters[key]) for key, row in measures.items()}
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
    counts = rows_of(read.change_counts(connection, since, moment))
    changed = rows_of(read.changed_values(connection, since, moment, [one.code for one in around]))
    order = {"late": 0, "due": 1, "coming": 2}
    due = sorted(
        rows_of(read.view(connection, "dashboard_due")),
        key=lambda row: (row["party_name_fi"] or "", order[row["state"]], row["due_at"], row["meter_id"]),
    )
    return Facts(
        catalogue=catalogue,
        now=now,
        as_of=as_of,
        is_synthetic=bool(read.is_synthetic(connection)),
        is_sample=any(row["state"] == "not_in_sample" for row in freshness.values()),
        indicators=found,
        measures=measures,
        meters=meters,
        reports=reports,
        due=[] if as_of else due,
        freshness={} if as_of else freshness,
        change_counts=[row for row in counts if row["indicator_id"] in catalogue.indicators],
        changed=[row for row in changed if row["indicator_id"] in catalogue.indicators],
        changes_since=since,
        last_build=None if as_of else max((one for one in built if one < now), default=None),
    )


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
    connection: Connection, catalogue: Catalogue, values: Mapping[str, pd.DataFrame], as_of: datetime | None
) -> dict[str, dict[SeriesKey, Judged]]:
    """By indicator: what the warehouse keeps, or, of a time, what the figures known then give."""
    if as_of is None:
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
        freshness="" if as_of else state.get("freshness") or "never_fetched",
        next_expected=None if as_of else state.get("next_expected"),
        retrieved=max((one.recorded_at for one in own), default=None)
        if as_of or not datasets
        else max((one["last_fetch"] for one in datasets if one["last_fetch"]), default=None),
        released=None
        if as_of
        else max((one["last_release"] for one in datasets if one["last_release"]), default=None),
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


# --- as of a time ------------------------------------------------------------------------------------------------


def _stood_at(row: Row, as_of: datetime | None) -> bool:
    """Whether an answer was the newest of its question and period, and not withdrawn."""
    if row["change_class"] == "withdrawn":
        return False
    if as_of is None:
        return row["superseded_at"] is None
    return row["recorded_at"] <= as_of and (row["superseded_at"] is None or row["superseded_at"] > as_of)


def _state_then(
    row: Row, catalogue: Catalogue, found: Mapping[str, IndicatorFacts], reports: Mapping[str, Sequence[Row]]
) -> str:
    """A meter's state as far as figures and answers tell: what was owed then is not known."""
    if row["kind"] == "none":
        return "not_measurable"
    meter = next(
        (
            meter
            for measure in catalogue.programme.measures
            for meter in measure.meters
            if meter.id == row["meter_id"]
        ),
        None,
    )
    if meter and any(found[one].has_figures for one in meter.indicator_ids):
        return "measured"
    return "reported" if reports.get(row["meter_id"]) else "no_data"


def _measure_then(meters: Sequence[Row]) -> Row:
    states = [row["state"] for row in meters]
    return {
        "state": min(states, key=_ORDER.index) if states else "not_measurable",
        "answered": sum(one in ("measured", "reported") for one in states),
        "late_meters": 0,
        "due_meters": 0,
        "due_at": None,
    }
