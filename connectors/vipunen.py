"""Vipunen, the education administration's statistics: rows of a resource, filtered by the server and added up here.

Known quirks: field names differ by resource and change, so the resource's own list of fields is read first; one target
is split over rows and each measure stands on another row, so a measure is the sum over all rows and an empty cell is
no part of it; small counts may be hidden ("1-4"), and a sum with a hidden part is not known; rows come page by page,
and together must be as many as the service counts; a resource that is not open answers 401.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal, cast
from urllib.parse import parse_qs, quote, urlsplit

import pandas as pd

from connectors.asked import json_of, named, newest_document
from connectors.cells import quoted
from connectors.cube import AREA, CONTENT, PERIOD, cube
from connectors.http import AnswerError, Http
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.stamps import Stamp, read_stamp
from models.area import Area
from models.dataset import ClassVariable, Dataset
from models.document import Document, DocumentKind
from models.errors import SourceError
from models.period import PeriodError, from_source, parse_period
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "vipunen"
CALLER = "mittaristo"  # the service asks who calls
PAGE_ROWS = (
    10_000  # one page for what we ask: from page to page a row could slip where the order is not fixed
)
MOST_ROWS = 200_000  # far above what is asked of one institution; a whole resource is hundreds of megabytes
MOST_PAGES = 200
MOST_COMPARED = 5_000  # names of a service that are looked through for one that is alike
HIDDEN = "..."
_LIMITS = Limits(OWN_MAX_CELLS, calls=60, window_seconds=60.0)  # none are stated; one call a second

_REQUIRED = ("resource", "area_field", "areas", "time_field", "updated_field")
_OPTIONAL = ("filter", "rest", "absent")
_HIDDEN_COUNT = re.compile(r"\d{1,6}\s*[-–]\s*\d{1,6}")
_NUMBER = re.compile(r"-?\d{1,15}(?:[.,]\d{1,15})?", re.ASCII)
_PLAIN_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class _Request:
    """What the catalogue asks. `areas` maps our area codes to the source's names for them.

    `filter` maps fields to the values that rows must have one of, the areas' field among them. `rest` maps a class
    variable to the key that takes every value the other keys do not.
    """

    resource: str
    area_field: str
    areas: Mapping[str, str]
    time_field: str
    updated_field: str
    filter: Mapping[str, tuple[str | int, ...]]
    rest: Mapping[str, str]
    absent: Literal["null", "zero"]

    @property
    def fiql(self) -> str:
        """The filter in the service's own language."""
        return ";".join(_condition(field, values) for field, values in self.filter.items())


@dataclass(frozen=True)
class _Fields:
    """The fields by which the resource has what is asked: content key → field, class variable → field."""

    contents: Mapping[str, str]
    classes: Mapping[str, str]


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
    """When the resource was last renewed (aware UTC), by one row of it; None where no row of ours is there."""
    with named(dataset):
        request = _request(dataset)
        rows = _rows(_send(dataset, "release", _data_url(base_url, request, 1, 0), http, limits))
        return _stamp(rows, request).at if rows else None


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for the list of fields, the number of rows and then the rows; all answers go to the session's `keep`.

    No row is asked for where the resource lacks a field. Raises SourceError.
    """
    with named(dataset):
        request = _request(dataset)
        url = f"{base_url}/resources/{quote(request.resource, safe='')}"
        try:
            described = _send(dataset, "metadata", url, http, limits)
        except AnswerError as error:
            if error.status != 404:
                raise
            raise _unknown_resource(dataset, request, base_url, http, limits) from error
        _fields(dataset, request, described)
        count = _count(
            _send(dataset, "listing", f"{url}/data/count?filter={_encoded(request)}", http, limits), request
        )
        got = pages = 0
        while got < count:
            page = _rows(_send(dataset, "data", _data_url(base_url, request, PAGE_ROWS, got), http, limits))
            got, pages = got + len(page), pages + 1
            if not page:
                break
            if pages == MOST_PAGES and got < count:
                raise SourceError(f"{got} of {count} rows came in {pages} pages; the pages are too small")
        _check_count(got, count)


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The dataset as its kept documents tell it; pure, used live and in replay.

    Taken are the newest good list of fields and count, and the good pages asked after it. Raises SourceError, one line,
    where something of it is lacking, is not of the known shape, was asked otherwise than the catalogue does now, or
    does not fit it.
    """
    with named(dataset):
        request = _request(dataset)
        good = [
            one
            for one in documents
            if one[0].dataset_id == dataset.id and one[0].status == 200 and not one[0].error
        ]
        resource = f"/resources/{quote(request.resource, safe='')}"
        fields = _fields(dataset, request, newest_document(dataset, documents, "metadata", resource)[1])
        counted, count_body = newest_document(dataset, documents, "listing", f"{resource}/data/count")
        if parse_qs(urlsplit(counted.url).query).get("filter") != [request.fiql]:
            raise SourceError("the kept rows were asked with another filter; fetch them again")
        rows, fetched_at = _joined(good, counted, f"{resource}/data", request)
        _check_count(len(rows), _count(count_body, request))
        stamp = _stamp(rows, request)
        lacking = _areas_without_rows(areas, rows, request)
        figures = _figures(dataset, rows, request, fields, stamp)
    reading = cube(
        dataset,
        areas,
        figures,
        absent=request.absent,
        updated=stamp.at,
        labels=fields.contents,
        unknown_areas=lacking,
    )
    return replace(reading, settled=stamp.is_settled(fetched_at))


def release_query(reading: Reading) -> bytes:
    """Empty where other rows may still come under the same day."""
    return b"limit=1" if reading.settled else b""


def _request(dataset: Dataset) -> _Request:
    """The dataset's `request`, checked."""
    given = dict(dataset.request)
    known = (*_REQUIRED, *_OPTIONAL)
    for key in given:
        if key not in known:
            raise SourceError(f"'{key}' under request is not read; known are {', '.join(known)}")
    for key in ("resource", "area_field", "time_field", "updated_field"):
        if not isinstance(given.get(key), str) or not _PLAIN_NAME.fullmatch(given[key]):
            raise SourceError(f"request needs '{key}', a name of Vipunen's")
    areas = given.get("areas")
    if not isinstance(areas, Mapping) or not areas or not all(map(_is_value, areas.values())):
        raise SourceError("request needs 'areas', our area codes with Vipunen's names for them")
    asked = {given["area_field"]: tuple(areas.values())}
    for field, value in _mapping(given, "filter").items():
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        if field in asked or not values or not all(map(_is_value, values)):
            raise SourceError(f"'filter' under request has no usable values for '{field}'")
        asked[field] = values
    rest = {name: str(key) for name, key in _mapping(given, "rest").items()}
    offered = {one.name: [choice.key for choice in one.take] for one in dataset.class_variables}
    for name, key in rest.items():
        if key not in offered.get(name, ()):
            raise SourceError(f"'rest' under request names {name}={key}, which is no class of the dataset")
    absent = given.get("absent", "null")
    if absent not in ("null", "zero"):
        raise SourceError("'absent' under request is null or zero: what a class without a row means")
    for choice in dataset.content_choices:
        if not choice.code:
            raise SourceError(f"content '{choice.key}' needs a 'code', the field that is added up")
    return _Request(
        resource=given["resource"],
        area_field=given["area_field"],
        areas={str(code): str(name) for code, name in areas.items()},
        time_field=given["time_field"],
        updated_field=given["updated_field"],
        filter=asked,
        rest=rest,
        absent=cast(Literal["null", "zero"], absent),
    )


def _mapping(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise SourceError(f"'{key}' under request must be a set of keys")
    return found


def _is_value(value: object) -> bool:
    """Whether it can be asked for: a whole number, or a text that its quotation marks hold."""
    if isinstance(value, str):
        return bool(value) and value.isprintable() and '"' not in value and "\\" not in value
    return isinstance(value, int) and not isinstance(value, bool)


def _condition(field: str, values: Sequence[str | int]) -> str:
    written = [f'"{value}"' if isinstance(value, str) else str(value) for value in values]
    return f"{field}=={written[0]}" if len(written) == 1 else f"{field}=in=({','.join(written)})"


def _encoded(request: _Request) -> str:
    return quote(request.fiql, safe="")


def _data_url(base_url: str, request: _Request, limit: int, offset: int) -> str:
    resource = quote(request.resource, safe="")
    return f"{base_url}/resources/{resource}/data?filter={_encoded(request)}&limit={limit}&offset={offset}"


def _send(dataset: Dataset, kind: DocumentKind, url: str, http: Http, limits: Limits) -> bytes:
    try:
        return http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind=kind,
            method="GET",
            url=url,
            limits=limits.rate,
            headers={"Caller-Id": CALLER},
        ).body
    except AnswerError as error:
        if error.status != 401:
            raise
        raise SourceError(
            "Vipunen answered 401: the resource is not open to everybody; take another one, or ask its keeper"
        ) from error


def _unknown_resource(
    dataset: Dataset, request: _Request, base_url: str, http: Http, limits: Limits
) -> SourceError:
    """What to say of a resource that is not there, with those of the service's own list that look like it."""
    told = json_of(_send(dataset, "listing", f"{base_url}/resources", http, limits), "the list of resources")
    names = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    return SourceError(
        f"Vipunen has no resource {quoted(request.resource, 80)}; {_near(request.resource, names)}: "
        "correct request.resource"
    )


def _near(wanted: str, names: Collection[str]) -> str:
    """The names that look like the wanted one, in words."""
    folded = {name.casefold(): name for name in islice(names, MOST_COMPARED)}
    near = difflib.get_close_matches(wanted.casefold(), folded, 3, 0.6)
    if near:
        return f"it has {', '.join(quoted(folded[one], 80) for one in near)}"
    return f"none of its {len(names)} looks like it"


def _fields(dataset: Dataset, request: _Request, body: bytes) -> _Fields:
    """The fields of what is asked, once it is sure that the resource has all of them."""
    told = json_of(body, "the list of fields")
    names = [one.get("name") for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    there = [name for name in names if isinstance(name, str)]
    if not there:
        raise SourceError(f"the description of {request.resource} is no list of fields")
    lacking: dict[str, None] = {}

    def found(spellings: Sequence[str]) -> str:
        field = next((one for one in spellings if one in there), "")
        if not field:
            lacking[spellings[0]] = None
        return field

    for one in (request.time_field, request.updated_field, *request.filter):
        found((one,))
    fields = _Fields(
        {choice.key: found(choice.code) for choice in dataset.content_choices},
        {variable.name: found(variable.variable) for variable in dataset.class_variables},
    )
    if lacking:
        what = "; ".join(f"{quoted(one)} ({_near(one, there)})" for one in lacking)
        raise SourceError(f"{request.resource} lacks the field {what}: correct the catalogue")
    return fields


def _count(body: bytes, request: _Request) -> int:
    """The number of rows there are."""
    count = json_of(body, "the number of rows")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise SourceError(f"the number of rows is {quoted(count)}, which is no number")
    if count == 0:
        raise SourceError(
            f"there are no rows with {request.fiql}; a name may have changed: look at the resource and correct "
            "'areas' or 'filter' under request"
        )
    if count > MOST_ROWS:
        raise SourceError(f"{count} rows are more than the {MOST_ROWS} that can be; narrow request.filter")
    return count


def _check_count(got: int, count: int) -> None:
    if got != count:
        raise SourceError(
            f"{got} rows came and {count} were counted: the data changed meanwhile, run again; if it stays so, the "
            "count does not heed the filter"
        )


def _rows(body: bytes) -> list[dict[str, Any]]:
    told = json_of(body, "a page of rows")
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise SourceError("a page of rows is no list of rows")
    return told


def _joined(
    good: Sequence[tuple[Document, bytes]], counted: Document, ending: str, request: _Request
) -> tuple[list[dict[str, Any]], datetime]:
    """All rows of the pages that belong to the count, one after the other, and when the last came."""
    pages: dict[int, tuple[Document, bytes]] = {}
    for document, body in sorted(good, key=lambda one: one[0].fetched_at):
        parts = urlsplit(document.url)
        asked = parse_qs(parts.query)
        if document.kind != "data" or not parts.path.endswith(ending):
            continue
        offset = asked.get("offset", [""])[0]
        if (
            document.asked_at >= counted.asked_at
            and asked.get("filter") == [request.fiql]
            and offset.isdecimal()
        ):
            pages[int(offset)] = (document, body)
    rows: list[dict[str, Any]] = []
    for begins in sorted(pages):
        if begins != len(rows):
            raise SourceError(
                f"the kept pages do not join: one begins at row {begins}, {len(rows)} are before it"
            )
        rows += _rows(pages[begins][1])
    if not rows:
        raise SourceError("no good page of rows among the kept answers; fetch it again")
    return rows, max(document.fetched_at for document, _ in pages.values())


def _stamp(rows: Sequence[Mapping[str, Any]], request: _Request) -> Stamp:
    """The one time at which all rows were renewed."""
    found: dict[object, None] = {}
    for one in rows:
        if request.updated_field not in one:
            raise SourceError(f"a row lacks the field {quoted(request.updated_field)}")
        value = one[request.updated_field]
        found[value if isinstance(value, str | int | None) else str(value)] = None
    if len(found) > 1:
        several = " and ".join(quoted(one) for one in list(found)[:2])
        raise SourceError(f"a release came while the pages were fetched ({several}); run again")
    (value,) = found
    stamp = read_stamp(value)
    if stamp is None:
        raise SourceError(f"{request.updated_field} is {quoted(value)}, which is no time that is known")
    return stamp


def _areas_without_rows(
    areas: Sequence[Area], rows: Sequence[Mapping[str, Any]], request: _Request
) -> dict[str, str]:
    names = {str(one.get(request.area_field)) for one in rows}
    lacking = {}
    for area in areas:
        name = request.areas.get(area.code)
        if name is None:
            lacking[area.code] = "request.areas does not name it"
        elif name not in names:
            lacking[area.code] = f"no row has {request.area_field} {quoted(name, 80)}"
    return lacking


def _figures(
    dataset: Dataset, rows: Sequence[Mapping[str, Any]], request: _Request, fields: _Fields, stamp: Stamp
) -> pd.DataFrame:
    """The sums by area, period and class as rows for `cube`.

    A period that was not over when the data were renewed is left out: what of it is there are the first rounds, and
    a part of a year is no year.
    """
    codes = {name: code for code, name in request.areas.items()}
    variables = dataset.class_variables
    keys = [_keys(variable, request.rest.get(variable.name)) for variable in variables]
    needed = (request.area_field, request.time_field, *request.filter, *fields.classes.values())
    allowed = {field: {str(value) for value in values} for field, values in request.filter.items()}
    periods: dict[str, str | None] = {}
    seen: list[dict[str, None]] = [{} for _ in variables]
    sums: dict[tuple[str, ...], list[float]] = {}  # sum, parts known, parts hidden
    for row in rows:
        for field in (*needed, *fields.contents.values()):
            if field not in row:
                raise SourceError(f"a row lacks the field {quoted(field)}")
        for field, values in allowed.items():
            if str(row[field]) not in values:
                raise SourceError(f"a row has {field} {quoted(row[field], 80)}: the filter was not heeded")
        told = str(row[request.time_field])
        if told not in periods:
            periods[told] = _period(told, dataset, request, stamp)
        period = periods[told]
        if period is None:
            continue
        classes: list[str | None] = []
        for variable, texts, place in zip(variables, keys, seen, strict=True):
            text = _text(row[fields.classes[variable.name]])
            place[text] = None
            classes.append(texts.get(text, request.rest.get(variable.name)) if variable.take else text)
        asked = [key for key in classes if key is not None]
        if len(asked) < len(classes):
            continue  # of a class that nobody asks for
        for key, field in fields.contents.items():
            total = sums.setdefault((key, codes[str(row[request.area_field])], period, *asked), [0.0, 0, 0])
            figure = _figure(row[field], field)
            if figure == HIDDEN:
                total[2] += 1
            elif isinstance(figure, float):
                total[0] += figure
                total[1] += 1
    if not any(periods.values()):
        raise SourceError(f"none of the {len(rows)} rows is of a year that is asked and over")
    _check_classes(variables, keys, seen)
    columns = [CONTENT, AREA, PERIOD, *(variable.name for variable in variables)]
    frame = pd.DataFrame(list(sums), columns=columns)
    frame["value"] = [math.nan if hidden or not known else total for total, known, hidden in sums.values()]
    frame["symbol"] = [HIDDEN if hidden else "" for _, _, hidden in sums.values()]
    return frame


def _keys(variable: ClassVariable, rest: str | None) -> dict[str, str]:
    """The source's text → our key, for the keys that name their texts."""
    return {
        text: choice.key
        for choice in variable.take
        if choice.key != rest
        for text in (*choice.label, *choice.code)
    }


def _check_classes(
    variables: Sequence[ClassVariable], keys: Sequence[Mapping[str, str]], seen: Sequence[Mapping[str, None]]
) -> None:
    """Refuse rows of which none has a class that is asked for by its text: it was renamed, not emptied."""
    for variable, texts, there in zip(variables, keys, seen, strict=True):
        met = {texts[text] for text in there if text in texts}
        for text, key in texts.items():
            if key not in met:
                raise SourceError(
                    f"no row has {quoted(text)} for the class {variable.name}={key}; {_near(text, there)}: "
                    "correct the catalogue"
                )


def _text(value: object) -> str:
    """A class's text as the source has it; '' where it is empty."""
    return "" if value is None else " ".join(str(value).split())


def _period(told: str, dataset: Dataset, request: _Request, stamp: Stamp) -> str | None:
    """The period in our form; None where it comes before the catalogue's first, or was not over."""
    try:
        period = parse_period(from_source(told))
        first = parse_period(dataset.first_period).start if dataset.first_period else period.start
    except PeriodError as error:
        raise SourceError(f"{request.time_field}: {error}") from error
    return period.code if period.start >= first and period.end < stamp.at.date() else None


def _figure(value: object, field: str) -> float | str | None:
    """A count; HIDDEN where it is hidden, None where there is none."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
    elif isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _HIDDEN_COUNT.fullmatch(text):
            return HIDDEN
        if _NUMBER.fullmatch(text):
            return float(text.replace(",", "."))
    raise SourceError(f"{quoted(value)} stands for a count in {field}: neither a number nor hidden as 1-4 is")
