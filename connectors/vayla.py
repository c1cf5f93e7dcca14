"""Väylävirasto's open WFS: road projects by highway, rail plans by line; what there is on the day of asking.

What public clients report of it (2026): a GeoServer; `hanketiedot:tiehankkeet` has some 310 features, several to a
project, and `hanketiedot:ratasuunnitelmat` some 270; with their shapes an answer is many megabytes, so these are not
asked (propertyName). `kustannusarvio` was empty in all features one client saw. How `tieosoite` writes the road's
number was not seen: the known forms are read, and any other that may mean one of our roads ends the collection. The
layers have no history: each collection is one period.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pandas as pd

from connectors.asked import finnish_day, good_documents, json_of, named, request_of
from connectors.cells import quoted
from connectors.cube import cube
from connectors.features import MEDIA_TYPES, Page, given, is_through, page_of, reducing, whole
from connectors.http import Http
from connectors.limiter import RateLimits
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.unchecked import release as release
from connectors.unchecked import release_query as release_query
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "vayla"
LIMITS = RateLimits(calls=60, window_seconds=60.0)  # none stated; one call a second
NOT_TOLD = "ei tietoa"  # the stage of a plan without one
MOST_FEATURES = 20_000  # a layer of more is another one
MAX_PAGE_BYTES = 32 * 1024 * 1024
_LEAST_COST = 1000.0  # EUR; a smaller estimate is in another unit

_COST = re.compile(  # of a text with single spaces: between several of them there would be too many ways to divide
    r"(?:n\.?|noin)? ?([0-9](?: ?[0-9.])*(?:,[0-9]+)?) ?(milj(?:oonaa|\.)?|m(?=€|eur))? ?(?:€|euroa|eur)?",
    re.IGNORECASE,
)
_PREFIX = r"(?<!\w)(?:vt|valtatiet?|kt|kantatiet?|st|seututiet?|mt|maantiet?|yt|yhdystiet?|tie)\.?\s*"
_ADDRESS = re.compile(
    rf"(?:{_PREFIX})?(\d{{1,5}}(?:\s*/\s*\d+){{1,4}})(?:\s*[-–]\s*(\d{{1,9}}(?:\s*/\s*\d+)*))?",
    re.IGNORECASE | re.ASCII,
)
_COLUMNS = re.compile(r"(\d{1,5})(?:\s+\d+){2,4}", re.ASCII)  # road, part, distance, and where it ends
_NAMED = re.compile(
    rf"{_PREFIX}\d{{1,5}}(?!\d)(?:\s*(?:,|ja|sekä|&)\s*(?:{_PREFIX})?\d{{1,5}}(?!\d))*", re.IGNORECASE
)
_NUMBER = re.compile(r"\d{1,5}", re.ASCII)
_YEAR = re.compile(r"((?:19|20)\d\d)(?:\.0)?", re.ASCII)
_DAY = re.compile(r"((?:19|20)\d\d)-(\d\d)-(\d\d)(?:[T ].*|Z)?", re.ASCII)
_FINNISH_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)", re.ASCII)


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, as the source states no limits."""
    return Limits(OWN_MAX_CELLS, LIMITS.calls, LIMITS.window_seconds)


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask what fields the layer has, then for all its features page by page; all answers go to the session's `keep`.

    Raises SourceError for a field that is not there, and where the pages do not add up.
    """
    request = _request(dataset)
    fields = list(request["fields"].values())
    what = request["layer"]

    def ask(kind: str, **parameters: object) -> bytes:
        answer = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="metadata" if kind == "DescribeFeatureType" else "data",
            method="GET",
            url=f"{base_url}?{urlencode({'service': 'WFS', 'version': '2.0.0', 'request': kind, **parameters})}",
            accept=MEDIA_TYPES,
            max_bytes=MAX_PAGE_BYTES,
            limits=limits.rate,
            reduce=None if kind == "DescribeFeatureType" else reducing(fields, what),
        )
        return answer.body

    with named(dataset):
        check_fields(
            ask("DescribeFeatureType", typeNames=what, outputFormat="application/json"), what, fields
        )
        pages: list[Page] = []
        while not is_through(pages, what):
            body = ask(
                "GetFeature",
                typeNames=what,
                outputFormat="application/json",
                propertyName=",".join(fields),
                sortBy=request["order"],
                count=request["page_size"],
                startIndex=given(pages),
            )
            pages.append(page_of(body, what))
            if pages[0].matched > MOST_FEATURES:
                raise SourceError(
                    f"{what} has {pages[0].matched} features, more than the {MOST_FEATURES} it can have"
                )
        whole(pages, fields, what)


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The layer on the day it was asked, as one period; pure but for `known`, whose class values count as zero.

    Raises SourceError, one line.
    """
    request = _request(dataset)
    with named(dataset):
        described = good_documents(dataset, documents, "metadata")
        if not described:
            raise SourceError("no good description of the layer among the kept answers; fetch it again")
        asked, body = described[-1]
        fields = list(request["fields"].values())
        check_fields(body, request["layer"], fields)
        begun = [one for one in good_documents(dataset, documents) if one[0].fetched_at >= asked.fetched_at]
        pages = {_start_of(document): page_of(body, request["layer"]) for document, body in begun}
        features = whole([pages[at] for at in sorted(pages)], fields, request["layer"])
        if not features:
            raise SourceError(f"{request['layer']} is empty, which it never is; run again later")
        day = finnish_day(asked.fetched_at)
        by_name = {key: [one[name] for one in features] for key, name in request["fields"].items()}
        if "roads" in request:
            rows = _projects(request, areas, by_name, day)
        else:
            rows = _plans(dataset, request, areas, by_name, known)
        named_areas = request.get("roads") or request["lines"]
        period = _period(dataset, day)
    frame = pd.DataFrame(rows).assign(period=period, symbol="")
    return cube(
        dataset,
        areas,
        frame,
        absent="null",
        updated=None,
        unknown_areas={
            area.code: "the catalogue does not say how the layer names it"
            for area in areas
            if area.code not in named_areas
        },
    )


def _request(dataset: Dataset) -> Mapping[str, Any]:
    """The entry's `request`: layer, its fields by what they mean to us, and either roads or lines."""
    common: dict[str, tuple[type, ...]] = {
        "layer": (str,),
        "fields": (dict,),
        "order": (str,),
        "page_size": (int,),
    }
    if "roads" in dataset.request:
        request = request_of(dataset, {**common, "roads": (dict,)}, {"cost_unit": (int, float)})
        wanted, contents = {"road", "project", "cost", "begins", "ends"}, {"cost_estimate", "projects"}
    else:
        request = request_of(dataset, {**common, "lines": (dict,)})
        wanted, contents = {"plan", "stage", "line"}, {"plans"}
        for code, words in request["lines"].items():
            known = isinstance(words, dict) and words and set(words) <= {"words", "places", "numbers"}
            if not known or not all(isinstance(one, list) and one for one in words.values()):
                raise SourceError(
                    f"dataset '{dataset.id}': request: 'lines': {code} needs lists of words, places or numbers"
                )
    if set(request["fields"]) != wanted:
        raise SourceError(f"dataset '{dataset.id}': request: 'fields' must name {', '.join(sorted(wanted))}")
    if not {one.key for one in dataset.content_choices} <= contents:
        raise SourceError(f"dataset '{dataset.id}': its contents can be {' and '.join(sorted(contents))}")
    if not 1 <= request["page_size"] <= MOST_FEATURES:
        raise SourceError(
            f"dataset '{dataset.id}': request: 'page_size' must be between 1 and {MOST_FEATURES}"
        )
    return request


def check_fields(body: bytes, layer: str, fields: Sequence[str]) -> None:
    """Raise SourceError unless the description is of the layer and names every field."""
    document = json_of(body, f"the description of {layer}")
    types = document.get("featureTypes") if isinstance(document, dict) else None
    own = layer.rpartition(":")[2]
    described = [
        one
        for one in (types if isinstance(types, list) else ())
        if isinstance(one, dict) and str(one.get("typeName")).rpartition(":")[2] == own
    ]
    properties = described[0].get("properties") if len(described) == 1 else None
    if not isinstance(properties, list):
        raise SourceError(f"the answer describes no layer {quoted(layer)}; look for it and correct 'layer'")
    names = [str(one.get("name")) for one in properties if isinstance(one, dict)]
    for field in fields:
        if field not in names:
            shown = ", ".join(names[:30])
            raise SourceError(f"{layer} has no field {quoted(field)}, it has {shown}; correct 'fields'")


def _start_of(document: Document) -> int:
    """Where the page of a kept answer begins."""
    try:
        return int(parse_qs(urlsplit(document.url).query)["startIndex"][0])
    except (KeyError, ValueError) as error:
        raise SourceError(
            f"{document.url} is no page; the raw store has another form than this version"
        ) from error


def _period(dataset: Dataset, day: date) -> str:
    match dataset.frequency:
        case "quarterly":
            return f"{day.year}Q{(day.month + 2) // 3}"
        case "monthly":
            return f"{day.year}M{day.month:02d}"
        case "annual":
            return str(day.year)
    raise SourceError(f"a layer of the moment is kept by quarter, month or year, not {dataset.frequency}")


# --- road projects ----------------------------------------------------------------------------------------


def _projects(
    request: Mapping[str, Any], areas: Sequence[Area], columns: Mapping[str, Sequence[Any]], day: date
) -> list[dict[str, Any]]:
    """Of each road the projects under way on `day`, and the sum of their estimates: NaN where none states one."""
    roads = {code: int(number) for code, number in request["roads"].items()}
    on_road: dict[str, set[int]] = {}
    costs: dict[str, set[float]] = {}
    dates: dict[str, set[tuple[str, str]]] = {}
    for road, project, cost, begins, ends in zip(
        *(columns[key] for key in ("road", "project", "cost", "begins", "ends")), strict=True
    ):
        name = " ".join(str(project or "").split())
        numbers = roads_of(road, frozenset(roads.values())) & set(roads.values())
        if not numbers:
            continue
        if not name:
            raise SourceError(f"a project on road {min(numbers)} has no name; look at the layer")
        on_road.setdefault(name, set()).update(numbers)
        dates.setdefault(name, set()).add((str(begins or ""), str(ends or "")))
        if (estimate := cost_of(cost, name, float(request.get("cost_unit", 1)))) is not None:
            costs.setdefault(name, set()).add(estimate)
    rows = []
    for area in areas:
        if area.code not in roads:
            continue
        under_way = [
            name
            for name, numbers in on_road.items()
            if roads[area.code] in numbers and any(_under_way(*pair, name, day) for pair in dates[name])
        ]
        for name in under_way:
            if len(costs.get(name, ())) > 1:
                shown = " and ".join(f"{one:.0f}" for one in sorted(costs[name]))
                raise SourceError(
                    f"the parts of project {quoted(name, 80)} have different estimates ({shown}); write the field that "
                    "tells projects apart into the catalogue, as 'project'"
                )
        stated = [cost for name in under_way for cost in costs.get(name, ())]
        total = float(sum(stated)) if stated or not under_way else math.nan
        rows += [
            {"content": "cost_estimate", "area": area.code, "value": total},
            {"content": "projects", "area": area.code, "value": float(len(under_way))},
        ]
    return rows


def roads_of(text: object, wanted: frozenset[int]) -> set[int]:
    """The numbers of the roads that a `tieosoite` names.

    Known are a number (5), road addresses (5/201/0-203/1200, also several with semicolons, or in columns: 5 201 0)
    and names (Vt 5, Valtatiet 5 ja 6). Raises SourceError for any other text that has one of the numbers `wanted` in
    it; what has none of them is of no interest.
    """
    if text is None or isinstance(text, bool):
        return set()
    if isinstance(text, int | float):
        if float(text).is_integer() and 0 < text < 100_000:
            return {int(text)}
        raise SourceError(f"tieosoite {quoted(text)} is no road's number; look at the layer")
    found: set[int] = set()
    unread = False
    for part in re.split(r"[;\n|]", str(text)):
        numbers = _roads_in(part.strip().rstrip(".,"))
        found |= numbers or set()
        unread |= numbers is None
    if unread and {int(one) for one in _NUMBER.findall(str(text))} & wanted - found:
        raise SourceError(
            f"tieosoite {quoted(text, 80)} is in no known form and may name one of the roads "
            f"{', '.join(map(str, sorted(wanted)))}; tell how it is to be read"
        )
    return found


def _roads_in(part: str) -> set[int] | None:
    """The roads of one part; None where it is in no known form."""
    if not part:
        return set()
    if re.fullmatch(r"\d{1,5}", part, re.ASCII):
        return {int(part)}
    if found := _COLUMNS.fullmatch(part):
        return {int(found[1])}
    addresses = [_ADDRESS.fullmatch(one.strip()) for one in part.split(",")]
    if all(addresses):
        ends = [end.split("/") for one in addresses if one for end in one.groups() if end]
        starts = [one[1].split("/") for one in addresses if one]
        return {int(one[0]) for one in starts} | {int(one[0]) for one in ends if len(one) > 2}
    if not _NUMBER.search(_NAMED.sub("", part)):  # whatever else is said, no number is left unread
        return {int(number) for one in _NAMED.findall(part) for number in _NUMBER.findall(one)}
    return None


def cost_of(value: object, project: str, unit: float = 1.0) -> float | None:
    """An estimate in EUR: a number, or text such as '1 200 000', '12,5 milj. €'; None where none is stated.

    `unit` is what a bare number counts in. Raises SourceError for any other text, and for an estimate under
    1000 EUR, which would be in another unit.
    """
    if value is None or (
        isinstance(value, str) and value.strip().casefold() in ("", "-", "ei tiedossa", NOT_TOLD)
    ):
        return None
    estimate = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        estimate = value * unit
    elif isinstance(value, str) and (found := _COST.fullmatch(" ".join(value.split()))):
        digits = "".join(found[1].split())
        if re.fullmatch(r"\d+(?:\.\d{3})+(?:,\d+)?", digits, re.ASCII):  # dots between thousands
            digits = digits.replace(".", "")
        if re.fullmatch(r"\d+(?:[.,]\d+)?", digits, re.ASCII):
            estimate = float(digits.replace(",", ".")) * (1_000_000 if found[2] else unit)
    if estimate == 0:
        return None
    if not math.isfinite(estimate) or estimate < _LEAST_COST:
        raise SourceError(
            f"the estimate of project {quoted(project, 80)} is {quoted(value)}, which is no amount in EUR; if it is in "
            "another unit, say so as 'cost_unit' in the catalogue"
        )
    return float(estimate)


def _under_way(begins: str, ends: str, project: str, day: date) -> bool:
    """Whether a project has begun and not ended; one that says neither is under way."""
    first, last = _moment(begins, project), _moment(ends, project)
    return (first is None or first <= _same(day, first)) and (last is None or last >= _same(day, last))


def _same(day: date, moment: tuple[int, ...]) -> tuple[int, ...]:
    """`day` as exactly as `moment` is said: a year, or year, month and day."""
    return (day.year, day.month, day.day)[: len(moment)]


def _moment(text: str, project: str) -> tuple[int, ...] | None:
    """A year, or year, month and day; None for nothing. Raises SourceError for what is neither."""
    plain = text.strip()
    if not plain:
        return None
    if found := _YEAR.fullmatch(plain):
        return (int(found[1]),)
    try:
        if found := _DAY.fullmatch(plain):
            day = date(int(found[1]), int(found[2]), int(found[3]))
            return (day.year, day.month, day.day)
        if found := _FINNISH_DAY.fullmatch(plain):
            day = date(int(found[3]), int(found[2]), int(found[1]))
            return (day.year, day.month, day.day)
    except ValueError:
        pass
    raise SourceError(
        f"project {quoted(project, 80)} begins or ends {quoted(text)}, neither a year nor a day; look at the layer"
    )


# --- rail plans -------------------------------------------------------------------------------------------


def _plans(
    dataset: Dataset,
    request: Mapping[str, Any],
    areas: Sequence[Area],
    columns: Mapping[str, Sequence[Any]],
    known: KnownCodes | None,
) -> list[dict[str, Any]]:
    """Of each line the plans by stage. A stage that once had some and now has none counts zero."""
    (stage_class,) = [one.name for one in dataset.class_variables] or ["stage"]
    before = known.classes.get(stage_class) if known is not None else None
    stages = {code for code, _ in before.values} if before is not None else set()
    of_line: dict[str, set[tuple[str, str]]] = {}
    for code, words in request["lines"].items():
        of_line[code] = {
            (name, stage)
            for name, stage, line in _named_plans(columns)
            if is_of_line(
                name, line, words.get("words", ()), words.get("places", ()), words.get("numbers", ())
            )
        }
        if not of_line[code]:
            raise SourceError(
                f"none of the {len(columns['plan'])} plans of {request['layer']} is of {code}; correct its 'lines'"
            )
    stages |= {stage for plans in of_line.values() for _, stage in plans}
    return [
        {
            "content": "plans",
            "area": area.code,
            stage_class: stage,
            "value": float(sum(its == stage for _, its in of_line[area.code])),
        }
        for area in areas
        if area.code in of_line
        for stage in sorted(stages)
    ]


def _named_plans(columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str, str]]:
    for name, stage, line in zip(columns["plan"], columns["stage"], columns["line"], strict=True):
        plain = [" ".join(str(one).split()) if one is not None else "" for one in (name, stage, line)]
        yield plain[0], plain[1] or NOT_TOLD, plain[2]


def is_of_line(
    name: str, line: str, words: Sequence[str], places: Sequence[str], numbers: Sequence[object]
) -> bool:
    """Whether a plan is of a line: it has a word of it, two of its places, or its number.

    `words` and `places` are beginnings of words, so that Finnish endings do not matter.
    """
    plain = name.casefold()

    def has(beginning: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(beginning.casefold())}", plain) is not None

    own = {one.lstrip("0") for one in re.findall(r"\d+", line)}
    return (
        any(map(has, words))
        or sum(map(has, places)) > 1
        or bool(own & {str(number).lstrip("0") for number in numbers})
    )
