"""Sotkanet of THL: one indicator a dataset, for all regions at once, by year and gender.

Known quirks: `years` and `genders` are both required, `years` repeated and never a list; every region comes,
and a figure that there is none of has no row; regions bear ids of Sotkanet's own, which changed over the years,
so each is checked against the list of regions; older answers have texts for numbers and the key `primary value`.
The default user agents of HTTP libraries are refused, ours is not one of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pandas as pd

from connectors.asked import named, newest_document
from connectors.cells import quoted
from connectors.cube import AREA, CONTENT, PERIOD, cube
from connectors.http import Http
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.stamps import Stamp, read_stamp
from models.area import Area, AreaLevel
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.period import parse_period
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "sotkanet"
GENDERS = ("male", "female", "total")
CALLS = 3  # of a fetch, for however many areas: the regions, the description, the figures
_LIMITS = Limits(OWN_MAX_CELLS, calls=60, window_seconds=60.0)  # none are stated; one call a second

# The service's word for a level, in capitals; an indicator's own description has the same words in small letters.
_CATEGORIES: Mapping[AreaLevel, str] = {
    "municipality": "KUNTA",
    "subregion": "SEUTUKUNTA",
    "region": "MAAKUNTA",
    "country": "MAA",
}
# What the catalogue calls a figure of a row → the keys it has, today's first.
_FIGURES: Mapping[str, tuple[str, ...]] = {
    "value": ("value", "primary value"),
    "absValue": ("absValue", "absolute value"),
}
_KEYS = frozenset({"indicator", "genders", "region_ids"})
_NUMBER = re.compile(r"-?\d{1,15}(?:[.,]\d{1,15})?", re.ASCII)
_YEARS = range(1900, 2200)
_NAMED = 3  # regions named in a message


@dataclass(frozen=True)
class _Request:
    """What the catalogue asks; `region_ids` maps our area codes to Sotkanet's ids, as far as it gives them."""

    indicator: int
    genders: tuple[str, ...]
    region_ids: Mapping[str, int]


@dataclass(frozen=True)
class _Described:
    """What an indicator says of itself. `sexes` and `categories` (in capitals) are empty where it does not say."""

    title: str
    years: range
    stamp: Stamp | None
    sexes: frozenset[str]
    categories: frozenset[str]


@dataclass(frozen=True)
class _Region:
    id: int
    code: str
    category: str
    name: str

    def __str__(self) -> str:
        return f"{self.category} {self.code} {quoted(self.name)}"


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, as the service states no limits."""
    return _LIMITS


def release(
    dataset: Dataset,
    base_url: str,
    http: Http,
    limits: Limits,
    release_query: bytes,
    table: str | None = None,
) -> datetime | None:
    """When the indicator's data were last updated (aware UTC), by its description alone."""
    with named(dataset):
        request = _request(dataset)
        url = _indicator_url(base_url, request)
        return _release_time(_described(_send(dataset, "release", url, http, limits), request))


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for the regions, the indicator's description and then its figures; all answers go to the session's `keep`.

    The figures are not asked for where the description or the regions do not fit the catalogue. Raises SourceError.
    """
    with named(dataset):
        request = _request(dataset)
        regions = _send(dataset, "metadata", f"{base_url}/regions", http, limits)
        described = _described(
            _send(dataset, "metadata", _indicator_url(base_url, request), http, limits), request
        )
        _regions_of(areas, _regions(regions), request)
        _check(dataset, areas, described, request)
        asked = [
            ("indicator", str(request.indicator)),
            *(("years", str(year)) for year in _wanted(dataset, described)),
            *(("genders", gender) for gender in request.genders),
        ]
        _send(dataset, "data", f"{base_url}/json?{urlencode(asked)}", http, limits)


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The indicator as its kept documents tell it; pure, used live and in replay.

    Taken are the newest good list of regions, description and figures. Raises SourceError, one line, where one of them
    is not there, is not of the known shape, is of something else, or does not fit the catalogue.
    """
    with named(dataset):
        request = _request(dataset)
        regions = newest_document(dataset, documents, "metadata", "/regions")
        description = newest_document(dataset, documents, "metadata", f"/indicators/{request.indicator}")
        document, body = newest_document(dataset, documents, "data", "/json")
        described = _described(description[1], request)
        _check(dataset, areas, described, request)
        ids, lacking = _regions_of(areas, _regions(regions[1]), request)
        years = _asked_years(document.url, request, _wanted(dataset, described))
        figures, covered = _figures(dataset, _json(body, "the figures"), request, years, ids)
    reading = cube(
        dataset,
        areas,
        figures,
        absent="null",
        updated=_release_time(described),
        periods=[str(year) for year in years if year in covered],
        labels=dict.fromkeys((choice.key for choice in dataset.content_choices), described.title),
        unknown_areas=lacking,
    )
    settled = described.stamp is not None and described.stamp.is_settled(description[0].fetched_at)
    return replace(reading, settled=settled)


def release_query(reading: Reading) -> bytes:
    """Empty where the description bears no time, or may still get other figures under the same day."""
    return b"data-updated" if reading.table.updated is not None and reading.settled else b""


def _request(dataset: Dataset) -> _Request:
    """The dataset's `request`, checked."""
    given = dict(dataset.request)
    for key in given:
        if key not in _KEYS:
            raise SourceError(f"'{key}' under request is not read; known are {', '.join(sorted(_KEYS))}")
    indicator, genders, ids = (given.get(key) for key in ("indicator", "genders", "region_ids"))
    if not _is_number(indicator):
        raise SourceError("request needs 'indicator', the number of an indicator of Sotkanet")
    if not isinstance(genders, list | tuple) or not genders or set(map(str, genders)) - set(GENDERS):
        raise SourceError(f"request needs 'genders', a list of one or more of {', '.join(GENDERS)}")
    if ids is not None and not (isinstance(ids, Mapping) and all(_is_number(one) for one in ids.values())):
        raise SourceError("'region_ids' under request must map our area codes to numbers of Sotkanet")
    asked = tuple(map(str, genders))
    if len(dataset.class_variables) > 1 or (len(asked) > 1 and not dataset.class_variables):
        raise SourceError(f"genders ({', '.join(asked)}) are kept apart by one class, and nothing else is")
    for choice in dataset.content_choices:
        if not choice.code or choice.code[0] not in _FIGURES:
            raise SourceError(f"content '{choice.key}' needs a 'code', one of {', '.join(_FIGURES)}")
    for level in dataset.area_levels:
        if level not in _CATEGORIES:
            raise SourceError(f"Sotkanet has no areas of the level '{level}': take it out of 'levels'")
    return _Request(
        int(str(indicator)), asked, {str(code): int(str(one)) for code, one in (ids or {}).items()}
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _indicator_url(base_url: str, request: _Request) -> str:
    return f"{base_url}/indicators/{request.indicator}"


def _send(
    dataset: Dataset, kind: Literal["metadata", "release", "data"], url: str, http: Http, limits: Limits
) -> bytes:
    return http.send(
        source=SOURCE, dataset_id=dataset.id, kind=kind, method="GET", url=url, limits=limits.rate
    ).body


def _json(body: bytes, what: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{what} cannot be read as JSON ({error})") from error


def _described(body: bytes, request: _Request) -> _Described:
    """What the indicator says of itself, checked to be the one asked."""
    what = f"the description of indicator {request.indicator}"
    told = _json(body, what)
    if not isinstance(told, dict):
        raise SourceError(f"{what} is not an object")
    if _whole(told.get("id")) != request.indicator:
        raise SourceError(f"{what} is of {quoted(told.get('id'))}; check the base address")
    between = told.get("range")
    ends = [_whole(between.get(key)) for key in ("start", "end")] if isinstance(between, dict) else []
    first, last = ends if len(ends) == 2 else (None, None)
    if first not in _YEARS or last not in _YEARS or first is None or last is None or first > last:
        raise SourceError(f"{what} names no years: its range is {quoted(between)}")
    stamp = told.get("data-updated")
    read = read_stamp(stamp)
    if stamp is not None and read is None:
        raise SourceError(f"{what} has data-updated {quoted(stamp)}, which is no time that is known")
    return _Described(
        title=_title(told),
        years=range(first, last + 1),
        stamp=read,
        sexes=frozenset(_listed(told, "sex")),
        categories=frozenset(one.upper() for one in _listed(told, "region")),
    )


def _title(told: Mapping[str, Any]) -> str:
    title = told.get("title")
    text = title.get("fi") if isinstance(title, dict) else title
    return " ".join(text.split()) if isinstance(text, str) else ""


def _listed(told: Mapping[str, Any], name: str) -> list[str]:
    """The values of a classification of the indicator; [] where it does not say."""
    found = told.get("classifications")
    one = found.get(name) if isinstance(found, dict) else None
    values = one.get("values") if isinstance(one, dict) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _whole(value: object) -> int | None:
    """A whole number, also where it is written as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _release_time(described: _Described) -> datetime | None:
    return described.stamp.at if described.stamp is not None else None


def _wanted(dataset: Dataset, described: _Described) -> range:
    """The years to ask: the indicator's, from the catalogue's first period on."""
    first = described.years.start
    if dataset.first_period:
        first = max(first, parse_period(dataset.first_period).start.year)
    if first >= described.years.stop:
        raise SourceError(
            f"the catalogue begins at {dataset.first_period}, but the indicator ends with {described.years[-1]}"
        )
    return range(first, described.years.stop)


def _check(dataset: Dataset, areas: Sequence[Area], described: _Described, request: _Request) -> None:
    """Refuse an indicator that does not have what the catalogue asks of it."""
    lacking = [one for one in request.genders if one not in (described.sexes or {"total"})]
    if lacking:
        has = ", ".join(sorted(described.sexes)) or "total alone"
        raise SourceError(f"the indicator has no gender {lacking[0]}; it has {has}: correct request.genders")
    levels = {area.level for area in areas} & set(dataset.area_levels)
    gone = sorted(level for level in levels if _CATEGORIES[level] not in described.categories)
    if described.categories and gone:
        has = ", ".join(sorted(described.categories))
        raise SourceError(
            f"the indicator has no figures by {_CATEGORIES[gone[0]]}; it has {has}: take '{gone[0]}' out of 'levels'"
        )


def _regions(body: bytes) -> dict[int, _Region]:
    """Sotkanet's regions by their ids."""
    told = _json(body, "the list of regions")
    if not isinstance(told, list) or not told:
        raise SourceError("the list of regions is no list, or empty")
    found = {}
    for one in told:
        id = _whole(one.get("id")) if isinstance(one, dict) else None
        code, category = (one.get("code"), one.get("category")) if isinstance(one, dict) else (None, None)
        if id is None or not isinstance(code, str | int) or not isinstance(category, str):
            raise SourceError(f"the list of regions has {quoted(one, 80)}, without id, code and category")
        if id in found:
            raise SourceError(f"the list of regions has the id {id} twice")
        found[id] = _Region(id, str(code), category.upper(), _title(one))
    return found


def _regions_of(
    areas: Sequence[Area], regions: Mapping[int, _Region], request: _Request
) -> tuple[dict[int, str], dict[str, str]]:
    """Sotkanet's id → our code, and the areas that Sotkanet does not have → why.

    An id that the catalogue gives must be the area's in the list of regions; for an area without one it is looked up
    there by category and code. Raises SourceError where an id is another region's.
    """
    ids: dict[int, str] = {}
    lacking: dict[str, str] = {}
    wrong = []
    for area in areas:
        category = _CATEGORIES[area.level]
        fitting = [one.id for one in regions.values() if _is_of(one, area)]
        given = request.region_ids.get(area.code)
        if given in fitting:
            ids[given] = area.code
        elif given is None and len(fitting) == 1:
            ids[fitting[0]] = area.code
        elif given is None and fitting:
            wrong.append(f"{area.code} may be any of {', '.join(map(str, fitting))}: say which")
        elif given is None or (given not in regions and not fitting):
            lacking[area.code] = f"{area.name_fi} is no {category} of Sotkanet's regions"
        else:
            is_now = str(regions[given]) if given in regions else "no region any more"
            its = f"its id is {fitting[0]} now" if fitting else f"no {category} there is {area.name_fi}"
            wrong.append(f"{given}, given for {area.code}, is {is_now}, and {its}")
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise SourceError(f"correct request.region_ids: {'; '.join(wrong[:_NAMED])}{more}")
    return ids, lacking


def _is_of(region: _Region, area: Area) -> bool:
    """Whether the region is the area: by category, and below the whole country by code."""
    if region.category != _CATEGORIES[area.level]:
        return False
    return area.level == "country" or _whole(region.code) == _whole(area.code[2:])


def _asked_years(url: str, request: _Request, wanted: range) -> range:
    """The wanted years, once it is sure that the kept answer was asked for all of them."""
    asked = parse_qs(urlsplit(url).query)
    if asked.get("indicator") != [str(request.indicator)] or set(asked.get("genders", ())) != set(
        request.genders
    ):
        raise SourceError("the kept figures were asked of another indicator or gender; fetch it again")
    lacking = [year for year in wanted if str(year) not in asked.get("years", ())]
    if lacking:
        raise SourceError(f"the kept figures were not asked for {lacking[0]}; fetch it again")
    return wanted


def _figures(
    dataset: Dataset, told: object, request: _Request, years: range, ids: Mapping[int, str]
) -> tuple[pd.DataFrame, set[int]]:
    """The figures of our areas as rows for `cube`, and every year that has a row for any region."""
    if not isinstance(told, list):
        raise SourceError("the figures are no list")
    classes = _classes(dataset, request)
    names = [one.name for one in dataset.class_variables]
    rows = []
    covered: set[int] = set()
    for one in told:
        if not isinstance(one, dict):
            raise SourceError(f"among the figures is {quoted(one, 80)}, which is no row")
        region, year = _whole(one.get("region")), _whole(one.get("year"))
        gender = one.get("gender")
        if region is None or year is None or gender not in request.genders:
            raise SourceError(
                f"a row has not the region, year and gender that were asked: {quoted(one, 120)}"
            )
        if _whole(one.get("indicator")) != request.indicator:
            raise SourceError(
                f"a row is of indicator {quoted(one.get('indicator'))}, not {request.indicator}"
            )
        if year not in years:
            if year in _YEARS and year < years.start:
                continue  # kept when the catalogue began earlier
            raise SourceError(f"a row is of {year}, which was not asked for")
        covered.add(year)
        if region not in ids:
            continue
        for choice in dataset.content_choices:
            figure = _figure(one, choice.code[0])
            rows.append((choice.key, ids[region], str(year), *classes[gender], figure, ""))
    if not rows:
        raise SourceError(f"none of the {len(told)} rows is of the areas asked; run again later")
    frame = pd.DataFrame(rows, columns=[CONTENT, AREA, PERIOD, *names, "value", "symbol"])
    first, last = min(covered), max(covered)
    return frame, set(range(first, last + 1))


def _classes(dataset: Dataset, request: _Request) -> dict[str, tuple[str, ...]]:
    """Gender → its key of ours where a class keeps genders apart, else nothing."""
    if not dataset.class_variables:
        return dict.fromkeys(request.genders, ())
    (variable,) = dataset.class_variables
    found: dict[str, tuple[str, ...]] = {
        code: (choice.key,) for choice in variable.take for code in choice.code
    }
    if set(found) != set(request.genders):
        raise SourceError(f"the codes of class '{variable.name}' are not those of request.genders")
    return found


def _figure(row: Mapping[str, Any], name: str) -> float:
    """The figure of a row; NaN where it says that there is none."""
    keys = [key for key in _FIGURES[name] if key in row]
    if not keys and name == "value":
        raise SourceError(f"a row has no figure: it has {', '.join(map(quoted, row))}")
    value = row[keys[0]] if keys else None
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        figure = float(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        figure = float(value.strip().replace(",", "."))
    else:
        raise SourceError(f"{quoted(value)} stands for a figure of region {quoted(row.get('region'))}")
    if not math.isfinite(figure):
        raise SourceError(f"{quoted(value)} stands for a figure of region {quoted(row.get('region'))}")
    return figure
