"""Verdicts on whole frames of observations, area by area: how the rule of docs/method.md is applied.

`verdicts` and `verdict_frame` take nothing but current observations, or those known at a date, and the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.alignment import texts_of
from models.area import level_of_code
from models.catalogue import Catalogue
from models.indicator import Indicator
from models.movement import (
    ROLLING,
    YEAR_ON_YEAR,
    Flags,
    Matrix,
    Movement,
    Timeline,
    before_places,
    figures,
    median,
    movement,
    timeline,
    windows,
)
from models.numbers import LANGUAGES
from models.period import in_year, parse_period, year_of
from models.reasons import verdict_texts
from models.units import unit_of
from models.verdict import (
    SMALL_COUNT,
    Comparison,
    Peers,
    Target,
    Verdict,
    inputs_json,
    kind_of,
)

BASELINE_YEAR = 2021  # the last full year before the programme
LEAST_PEERS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMPARABLE = "regional_centre"  # the group of comparison municipalities whose median is the yardstick

VERDICT_COLUMNS = (
    *("indicator_id", "area_code", "class_code", "period", "baseline_period", "baseline_value", "verdict"),
    *("reason_fi", "reason_sv", "reason_en", "beside_fi", "beside_sv", "beside_en", "inputs", "recorded_at"),
)


def verdicts(
    observations: pd.DataFrame, catalogue: Catalogue, *, peer_group: str = COMPARABLE
) -> list[Verdict]:
    """A verdict for each series in `observations` that has a value or a row at all.

    `observations` has columns indicator_id, area_code, class_code, period, value (NaN where missing), status
    (`preliminary` or not), recorded_at, each key once; other columns and the order of the rows do not matter, and
    indicators that the catalogue lacks are passed over. An area is compared with those in the frame, so an indicator's
    areas belong in one. The verdicts come in the catalogue's order of indicators, then by area and class. Raises
    PeriodError for a period that is none.
    """
    return list(_verdicts(observations, catalogue, peer_group))


def _verdicts(observations: pd.DataFrame, catalogue: Catalogue, peer_group: str) -> Iterator[Verdict]:
    numbers = _numbers(observations)
    peers = tuple(area.code for area in catalogue.areas.peers_of(peer_group))
    for indicator in catalogue.indicators.values():
        rows = numbers.rows.get(indicator.id)
        if rows is not None:
            yield from _of_indicator(indicator, catalogue, numbers, rows, peers)


def verdict_frame(
    observations: pd.DataFrame, catalogue: Catalogue, *, peer_group: str = COMPARABLE
) -> pd.DataFrame:
    """The verdicts on `observations` (as `verdicts` takes them) in VERDICT_COLUMNS, a row a series.

    `period` and `baseline_period` are the newest and the baseline period of what was judged; `baseline_value` is the
    published value to read beside the newest published value; None and NaN where there is none. `inputs` is JSON.
    """
    records = []
    for one in _verdicts(observations, catalogue, peer_group):
        indicator = catalogue.indicators[one.indicator_id]
        newest = one.movement.newest
        texts = [verdict_texts(one, indicator, catalogue.areas, language) for language in LANGUAGES]
        records.append(
            (
                *(one.indicator_id, one.area_code, one.class_code),
                newest.period if newest else None,
                one.published[0] if one.published else None,
                one.published[1] if one.published else np.nan,
                one.verdict,
                *(reason for reason, _ in texts),
                *(beside for _, beside in texts),
                inputs_json(one, indicator),
                one.recorded_at,
            )
        )
    frame = pd.DataFrame.from_records(records, columns=list(VERDICT_COLUMNS))
    return frame.astype({"baseline_value": "float64", "recorded_at": "datetime64[us, UTC]"})


# --- one indicator's series as matrices ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Numbers:
    """The frame's columns as arrays, and the rows of each indicator."""

    rows: Mapping[str, NDArray[np.int64]]
    area: NDArray[np.int64]
    areas: Sequence[str]
    class_: NDArray[np.int64]
    classes: Sequence[str]
    period: NDArray[np.int64]
    periods: Sequence[str]
    value: Matrix
    preliminary: NDArray[np.bool_]
    recorded: NDArray[np.int64]  # microseconds since 1970, -1 where not known


def _numbers(frame: pd.DataFrame) -> _Numbers:
    indicator, ids = texts_of(frame["indicator_id"])
    order = np.argsort(indicator, kind="stable")
    sizes = np.bincount(indicator, minlength=len(ids))
    ends = np.cumsum(sizes)
    area, areas = texts_of(frame["area_code"])
    class_, classes = texts_of(frame["class_code"])
    period, periods = texts_of(frame["period"])
    times = pd.to_datetime(frame["recorded_at"], utc=True)
    recorded = np.array(times.dt.as_unit("us").astype("int64"), dtype=np.int64)
    recorded[times.isna().to_numpy()] = -1
    return _Numbers(
        rows={
            id: np.sort(order[end - size : end])
            for id, size, end in zip(ids, sizes, ends, strict=True)
            if size
        },
        area=area,
        areas=areas,
        class_=class_,
        classes=classes,
        period=period,
        periods=periods,
        value=frame["value"].to_numpy(dtype=np.float64, na_value=np.nan),
        preliminary=(frame["status"].astype("str") == "preliminary").to_numpy(dtype=bool),
        recorded=recorded,
    )


@dataclass(frozen=True)
class _Panel:
    """An indicator's series, (series, periods): figures, their levels, without preliminary ones, and vintages."""

    keys: tuple[tuple[str, str], ...]  # area and class
    line: Timeline
    published: list[list[float]]
    judged: list[list[float]]
    level: list[list[float]]
    preliminary: list[list[bool]]
    final: list[list[float]] | None  # None where nothing is preliminary
    final_level: list[list[float]] | None
    recorded: list[list[int]]


def _of_indicator(
    indicator: Indicator,
    catalogue: Catalogue,
    numbers: _Numbers,
    rows: NDArray[np.int64],
    peers: tuple[str, ...],
) -> list[Verdict]:
    by_key: dict[tuple[str, str], Verdict] = {}
    for panel in _panels(indicator, numbers, rows):
        for one in _judge(indicator, catalogue, panel, peers):
            by_key[one.area_code, one.class_code] = one
    return [by_key[key] for key in sorted(by_key)]


def _panels(indicator: Indicator, numbers: _Numbers, rows: NDArray[np.int64]) -> Iterable[_Panel]:
    """One a frequency. A series with periods of several is in that of its last one."""
    series = numbers.area[rows] * len(numbers.classes) + numbers.class_[rows]
    keys, series_of = np.unique(series, return_inverse=True)
    used = {int(place): parse_period(numbers.periods[place]) for place in np.unique(numbers.period[rows])}
    frequencies = sorted({one.frequency for one in used.values()})
    if len(frequencies) > 1:
        size = max(used) + 1
        end, kind = np.zeros(size, np.int64), np.zeros(size, np.int64)
        for place, one in used.items():
            end[place], kind[place] = one.end.toordinal(), frequencies.index(one.frequency)
        rank = end[numbers.period[rows]] * len(frequencies) + kind[numbers.period[rows]]
        last = np.zeros(len(keys), np.int64)
        np.maximum.at(last, series_of, rank)
        chosen = last % len(frequencies)
        own = kind[numbers.period[rows]] == chosen[series_of]
    for number in range(len(frequencies)):
        if len(frequencies) > 1:
            kept = own & (chosen[series_of] == number)
            if not kept.any():
                continue
            yield _panel(indicator, numbers, rows[kept], keys, series_of[kept])
        else:
            yield _panel(indicator, numbers, rows, keys, series_of)


def _panel(
    indicator: Indicator,
    numbers: _Numbers,
    rows: NDArray[np.int64],
    keys: NDArray[np.int64],
    series_of: NDArray[np.int64],
) -> _Panel:
    present, at = np.unique(series_of, return_inverse=True)
    codes = {int(place): numbers.periods[place] for place in np.unique(numbers.period[rows])}
    ordered = sorted(codes.values(), key=lambda code: parse_period(code).start)
    line = timeline(ordered[0], ordered[-1], indicator.breaks)
    lookup = np.zeros(max(codes) + 1, np.int64)
    for place, code in codes.items():
        lookup[place] = line.index[code]
    cells = (at, lookup[numbers.period[rows]])
    shape = (len(present), len(line.codes))
    published = np.full(shape, np.nan)
    published[cells] = numbers.value[rows]
    preliminary: Flags = np.zeros(shape, bool)
    preliminary[cells] = numbers.preliminary[rows]
    recorded = np.full(shape, -1, np.int64)
    recorded[cells] = numbers.recorded[rows]
    judged, level = figures(published, line, indicator.transform)
    final, final_level = (
        figures(np.where(preliminary, np.nan, published), line, indicator.transform)
        if preliminary.any()
        else (None, None)
    )
    if indicator.transform in ROLLING:
        size = ROLLING[indicator.transform][1]
        preliminary = np.asarray(windows(preliminary, size, False).any(axis=-1))
        recorded = windows(recorded, size, -1).max(axis=-1)
    if indicator.transform in YEAR_ON_YEAR:
        before, known = before_places(line)
        preliminary = preliminary | (preliminary[:, before] & known)
        recorded = np.maximum(recorded, np.where(known, recorded[:, before], -1))
    texts = [divmod(int(keys[number]), len(numbers.classes)) for number in present]
    return _Panel(
        keys=tuple((numbers.areas[area], numbers.classes[class_]) for area, class_ in texts),
        line=line,
        published=published.tolist(),
        judged=judged.tolist(),
        level=level.tolist(),
        preliminary=preliminary.tolist(),
        final=final.tolist() if final is not None else None,
        final_level=final_level.tolist() if final_level is not None else None,
        recorded=recorded.tolist(),
    )


# --- judging ------------------------------------------------------------------------------------------------


def _judge(
    indicator: Indicator, catalogue: Catalogue, panel: _Panel, peers: tuple[str, ...]
) -> Iterable[Verdict]:
    levels = {area.code: area.level for area in catalogue.areas.all()}
    row_of = {key: row for row, key in enumerate(panel.keys)}
    baseline_year = year_of(indicator.baseline) if indicator.baseline else BASELINE_YEAR
    is_count = unit_of(indicator).kind == "count" and (indicator.valid_min or 0.0) >= 0
    no_flags = [False] * len(panel.line.codes)

    whole_years = indicator.transform in ROLLING and panel.line.frequency in ("monthly", "quarterly")

    def moved(judged: Sequence[float], flags: Sequence[bool]) -> Movement:
        return movement(judged, flags, panel.line, baseline_year=baseline_year, whole_years=whole_years)

    for row, (area, class_) in enumerate(panel.keys):
        with_all = moved(panel.judged[row], panel.preliminary[row])
        kind, deciding, other = kind_of(with_all, indicator.direction), with_all, None
        judged, level = panel.judged, panel.level
        if panel.final is not None and panel.final_level is not None and any(panel.preliminary[row]):
            without = moved(panel.final[row], no_flags)
            final_kind = kind_of(without, indicator.direction)
            if final_kind != kind:
                other = (kind, with_all)
                kind, deciding = final_kind, without
                judged, level = panel.final, panel.final_level
        newest, baseline = deciding.newest, deciding.baseline
        at = panel.line.index[newest.period] if newest else None
        base_at = panel.line.index[baseline.period] if baseline else None
        own_levels = [level[row][place] for place in (at, base_at) if place is not None]
        region, country = (
            _beside(panel, row_of, code, area, class_, at, base_at)
            for code in (catalogue.areas.region.code, catalogue.areas.country.code)
        )
        is_peer_level = levels.get(area, level_of_code(area)) == "municipality"
        yield Verdict(
            indicator_id=indicator.id,
            area_code=area,
            class_code=class_,
            verdict=kind,
            movement=deciding,
            with_preliminary=other,
            levels=_level_pair(own_levels) if indicator.transform in YEAR_ON_YEAR else None,
            published=_published(panel, row, deciding),
            is_small=is_count and any(one < SMALL_COUNT for one in own_levels),
            peers=_peers(
                [row_of[code, class_] for code in peers if code != area and (code, class_) in row_of],
                panel,
                judged[row],
                at,
                base_at,
                in_per_cent=is_count and indicator.transform not in YEAR_ON_YEAR,
            )
            if is_peer_level
            else None,
            region=region,
            country=country,
            target=_target(indicator, newest.figure if newest else None),
            recorded_at=_vintage(panel, row, deciding, other[1] if other else None),
        )


def _level_pair(levels: Sequence[float]) -> tuple[float, float | None] | None:
    if not levels:
        return None
    return levels[0], levels[1] if len(levels) > 1 else None


def _published(panel: _Panel, row: int, found: Movement) -> tuple[str, float] | None:
    """The published value of the baseline's year that stands beside the newest."""
    if found.newest is None or found.baseline is None:
        return None
    code = in_year(found.newest.period, year_of(found.baseline.period))
    place = panel.line.index.get(code)
    if place is None or not isfinite(panel.published[row][place]):
        return None
    return code, panel.published[row][place]


def _vintage(panel: _Panel, row: int, deciding: Movement, other: Movement | None) -> datetime | None:
    recorded, index = panel.recorded[row], panel.line.index
    periods = (*deciding.periods, *(other.periods if other else ()))
    return _moment(max((recorded[index[code]] for code in periods), default=max(recorded)))


@lru_cache(maxsize=4096)
def _moment(recorded: int) -> datetime | None:
    return None if recorded < 0 else _EPOCH + timedelta(microseconds=recorded)


def _figure(panel: _Panel, row: int, place: int | None) -> float | None:
    if place is None or not isfinite(panel.judged[row][place]):
        return None
    return panel.judged[row][place]


def _beside(
    panel: _Panel,
    row_of: Mapping[tuple[str, str], int],
    code: str,
    area: str,
    class_: str,
    at: int | None,
    base_at: int | None,
) -> Comparison | None:
    row = row_of.get((code, class_))
    if row is None or code == area or at is None:
        return None
    found = Comparison(code, _figure(panel, row, at), _figure(panel, row, base_at))
    return None if found.figure is None else found


def _peers(
    rows: Sequence[int],
    panel: _Panel,
    own: Sequence[float],
    at: int | None,
    base_at: int | None,
    *,
    in_per_cent: bool,
) -> Peers | None:
    """The same municipalities are compared then and now; where too few had figures then, only now."""
    if at is None:
        return None
    judged = panel.judged
    now = [row for row in rows if isfinite(judged[row][at])]
    if base_at is not None:
        both = [row for row in now if isfinite(judged[row][base_at])]
        if len(both) >= LEAST_PEERS:
            return _then_and_now(both, panel, own, at, base_at, in_per_cent=in_per_cent)
    if len(now) < LEAST_PEERS:
        return None
    middle = median([judged[row][at] for row in now])
    return Peers(tuple(panel.keys[row][0] for row in now), middle, own[at] - middle)


def _then_and_now(
    rows: Sequence[int], panel: _Panel, own: Sequence[float], at: int, base_at: int, *, in_per_cent: bool
) -> Peers:
    then, now = ([panel.judged[row][place] for row in rows] for place in (base_at, at))
    found = Peers(
        area_codes=tuple(panel.keys[row][0] for row in rows),
        median=median(now),
        distance=own[at] - median(now),
        baseline_median=median(then),
        baseline_distance=own[base_at] - median(then),
    )
    if not in_per_cent or min(*then, own[base_at]) < SMALL_COUNT:
        return found
    return replace(
        found,
        change_pct=100 * (own[at] / own[base_at] - 1),
        median_change_pct=median([100 * (new / old - 1) for new, old in zip(now, then, strict=True)]),
    )


def _target(indicator: Indicator, figure: float | None) -> Target | None:
    if indicator.target is None:
        return None
    distance = None if figure is None else indicator.target - figure
    reached = None
    if distance is not None and indicator.direction != "neutral":
        reached = distance <= 0 if indicator.direction == "up" else distance >= 0
    return Target(indicator.target, indicator.target_year, distance, reached)
