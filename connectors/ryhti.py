"""Ryhti, the built environment information system: building permits and completed buildings by municipality.

What public clients report of its OGC API (2026): a GeoServer with the collections `avoimet_lupa_rakennukset` (a row is
a building of a permit, 2.7 million) and `avoimet_rakennukset` (a row is a building, 3.8 million); a plain parameter
such as `kuntanumero=205` is ignored in silence and the whole country answers, only `filter` in CQL is heeded; an
answer has 10,000 rows at most; days are written 2025-03-01Z. All of that is checked at each collection: the
collections and fields are there, every row is of the municipality asked and not older than asked, and the pages add
up to what the server says there is. Of a row only the fields that are counted by are kept, not where the building is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pandas as pd

from connectors.asked import finnish_day, good_documents, json_of, named, request_of
from connectors.cells import quoted
from connectors.cube import cube
from connectors.features import MEDIA_TYPES, Page, Properties, given, is_through, page_of, reducing, whole
from connectors.http import Http
from connectors.limiter import RateLimits
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.unchecked import release as release
from connectors.unchecked import release_query as release_query
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.period import parse_period, shift, span
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "ryhti"
LIMITS = RateLimits(calls=60, window_seconds=60.0)  # none stated; one call a second
NOT_TOLD = "ei tietoa"  # the kind of work of a permit that says none
MOST_FEATURES = 100_000  # of a municipality in the years we ask; more and the filter was not heeded
MOST_ON_PAGE = 10_000
MAX_PAGE_BYTES = 64 * 1024 * 1024
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|T.*)?", re.ASCII | re.DOTALL)
_MUNICIPALITY = re.compile(r"'([0-9]{3})'")


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
    """Ask which collections there are, then for the rows of each municipality; all answers go to the session's `keep`.

    Raises SourceError where the collection or a field is not there, where a row is not what the filter asked, and
    where pages do not add up.
    """
    request, base = _request(dataset), base_url.rstrip("/")
    fields, collection = list(request["fields"].values()), request["collection"]
    with named(dataset):
        listed = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="metadata",
            method="GET",
            url=f"{base}/collections?{urlencode({'f': 'application/json'})}",
            accept=MEDIA_TYPES,
            limits=limits.rate,
        )
        check_collection(listed.body, collection)
        for area in areas:
            what, pages = f"{collection} of {area.code}", list[Page]()
            while not is_through(pages, what):
                parameters = {
                    "f": "application/geo+json",
                    "limit": request["page_size"],
                    **({"startIndex": given(pages)} if pages else {}),
                    "filter-lang": "cql-text",
                    "filter": asked_for(dataset, request, area),
                }
                answer = http.send(
                    source=SOURCE,
                    dataset_id=dataset.id,
                    kind="data",
                    method="GET",
                    url=f"{base}/collections/{collection}/items?{urlencode(parameters)}",
                    accept=MEDIA_TYPES,
                    max_bytes=MAX_PAGE_BYTES,
                    limits=limits.rate,
                    reduce=reducing(fields, collection),
                )
                pages.append(page_of(answer.body, collection))
                _rows(dataset, request, area.code, pages[-1:], part=True)
            _rows(dataset, request, area.code, pages)


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """Counts by period of all whole periods before the day of asking; pure.

    A period without rows is zero, a municipality without any row at all is not known: it may report nothing. Raises
    SourceError, one line.
    """
    request = _request(dataset)
    with named(dataset):
        described = good_documents(dataset, documents, "metadata")
        if not described:
            raise SourceError("no good list of collections among the kept answers; fetch it again")
        asked, body = described[-1]
        check_collection(body, request["collection"])
        pages: dict[str, dict[int, Page]] = {}
        for document, page in good_documents(dataset, documents):
            code, start = _asked_in(document)
            pages.setdefault(code, {})[start] = page_of(page, request["collection"])
        unasked = [area.code for area in areas if area.code not in pages]
        if unasked:
            raise SourceError(
                f"{len(unasked)} of {len(areas)} municipalities have no good answer, {unasked[0]} first; fetch it again"
            )
        by_area = {
            area.code: _rows(
                dataset, request, area.code, [pages[area.code][at] for at in sorted(pages[area.code])]
            )
            for area in areas
        }
        if not any(by_area.values()):
            raise SourceError(
                f"none of the {len(areas)} municipalities has a row in {request['collection']}; look at the collection"
            )
        _check_materials(request, by_area.values())
        periods = _periods(dataset, finnish_day(asked.fetched_at))
        over = frozenset(periods)
        counted = [
            one
            for code, rows in by_area.items()
            for one in _counted(request, code, rows, dataset)
            if one.period in over
        ]
        frame = _frame(dataset, request, counted)
    return cube(
        dataset,
        areas,
        frame,
        absent="zero",
        updated=None,
        periods=periods,
        preliminary=periods[-request["preliminary"] :] if request["preliminary"] else (),
        unknown_areas={
            code: f"no row since {dataset.first_period}: it may not report to Ryhti"
            for code, rows in by_area.items()
            if not rows
        },
    )


def _request(dataset: Dataset) -> Mapping[str, Any]:
    """The entry's `request`: collection, its fields by what they mean to us, and of buildings which are counted."""
    common: dict[str, tuple[type, ...]] = {
        "collection": (str,),
        "fields": (dict,),
        "page_size": (int,),
        "preliminary": (int,),
    }
    if "materials" in dataset.request:
        request = request_of(dataset, {**common, "materials": (list,), "uses": (list,), "left_out": (list,)})
        wanted = {"municipality", "day", "material", "use"}
        for key in ("materials", "uses", "left_out"):
            if not all(isinstance(one, str) for one in request[key]):
                raise SourceError(f"dataset '{dataset.id}': request: '{key}' must be a list of texts")
    else:
        request = request_of(dataset, common)
        wanted = {"municipality", "day", "work", "permit"}
    if set(request["fields"]) != wanted:
        raise SourceError(f"dataset '{dataset.id}': request: 'fields' must name {', '.join(sorted(wanted))}")
    if not 1 <= request["page_size"] <= MOST_ON_PAGE:
        raise SourceError(
            f"dataset '{dataset.id}': request: 'page_size' must be between 1 and {MOST_ON_PAGE}"
        )
    if request["preliminary"] < 0:
        raise SourceError(f"dataset '{dataset.id}': request: 'preliminary' is a number of periods, 0 or more")
    if not dataset.first_period or dataset.frequency not in ("annual", "monthly"):
        raise SourceError(f"dataset '{dataset.id}': it needs a 'first_period', a year or a month")
    if len(dataset.content_choices) != 1 or dataset.area_levels != ("municipality",):
        raise SourceError(f"dataset '{dataset.id}': it has one content and the level municipality")
    return request


def asked_for(dataset: Dataset, request: Mapping[str, Any], area: Area) -> str:
    """The filter in CQL: one municipality, from the first period on."""
    fields = request["fields"]
    first = parse_period(dataset.first_period).start
    return f"{fields['municipality']}='{area.code[2:]}' AND {fields['day']}>='{first}'"


def check_collection(body: bytes, collection: str) -> None:
    """Raise SourceError unless the list of collections has it."""
    document = json_of(body, "the list of collections")
    listed = document.get("collections") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SourceError("the list of collections has none; the source may be unavailable or have moved")
    ids = [str(one.get("id")).rpartition(":")[2] for one in listed if isinstance(one, dict)]
    if collection not in ids:
        raise SourceError(
            f"the source has no collection {quoted(collection)}, it has {', '.join(ids[:20]) or 'none'}; look for it "
            "and correct 'collection'"
        )


def _asked_in(document: Document) -> tuple[str, int]:
    """Our code of the municipality, and where the page begins, by the address that was asked."""
    query = parse_qs(urlsplit(document.url).query)
    found = _MUNICIPALITY.search(query.get("filter", [""])[0])
    start = query.get("startIndex", ["0"])[0]
    if found is None or not start.isdecimal():
        raise SourceError(
            f"{document.url} asks for no municipality; the raw store has another form than this version"
        )
    return f"KU{found[1]}", int(start)


# --- rows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _One:
    """What is counted once: `key` tells those apart that are the same (buildings of one permit)."""

    area: str
    period: str
    work: str
    key: str


def _rows(
    dataset: Dataset, request: Mapping[str, Any], code: str, pages: Sequence[Page], *, part: bool = False
) -> list[Properties]:
    """The rows of a municipality, each checked to be what the filter asked. A part need not add up."""
    fields, what = request["fields"], f"{request['collection']} of {code}"
    if pages and pages[0].matched > MOST_FEATURES:
        raise SourceError(
            f"{what} has {pages[0].matched} rows, more than the {MOST_FEATURES} it can have: the filter was not heeded"
        )
    rows = (
        [properties for page in pages for _, properties in page.features]
        if part
        else whole(pages, list(fields.values()), what)
    )
    first = parse_period(dataset.first_period).start
    for row in rows:
        municipality = row.get(fields["municipality"], code[2:])
        if municipality != code[2:]:
            raise SourceError(
                f"{what} has a row of the municipality {quoted(municipality)}: the filter was not heeded, so nothing "
                "of the answer is used"
            )
        if fields["day"] in row and _day(row[fields["day"]], what) < first:
            raise SourceError(
                f"{what} has a row of {row[fields['day']]}, before {first}: the filter was not heeded"
            )
    return rows


def _day(value: object, what: str) -> date:
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise SourceError(f"{what} has a row of {quoted(value)}, which is no day; the fields have changed")


def _periods(dataset: Dataset, today: date) -> tuple[str, ...]:
    """The periods from the first on that are over."""
    running = f"{today.year}M{today.month:02d}" if dataset.frequency == "monthly" else str(today.year)
    periods = span(dataset.first_period, shift(running, -1))
    if not periods:
        raise SourceError(f"no period since {dataset.first_period} is over; correct 'first_period'")
    return periods


def _counted(
    request: Mapping[str, Any], code: str, rows: Sequence[Properties], dataset: Dataset
) -> Iterable[_One]:
    """What of the rows is counted, by the period of its day."""
    fields, what = request["fields"], f"{request['collection']} of {code}"
    for number, row in enumerate(rows):
        day = _day(row[fields["day"]], what)
        period = f"{day.year}M{day.month:02d}" if dataset.frequency == "monthly" else str(day.year)
        own = f"row {number}"
        if "materials" in request:
            if _is_counted(request, row, what):
                yield _One(code, period, "", own)
            continue
        work = " ".join(str(row[fields["work"]] or "").split()) or NOT_TOLD
        permit = row[fields["permit"]]
        yield _One(code, period, work, own if permit is None else f"permit {permit}")


def _check_materials(request: Mapping[str, Any], by_area: Iterable[Sequence[Properties]]) -> None:
    """Raise SourceError where no building at all is of a material that counts: it would be written otherwise now."""
    if "materials" not in request:
        return
    seen = {str(row[request["fields"]["material"]]) for rows in by_area for row in rows}
    if not seen & set(request["materials"]):
        raise SourceError(
            f"no building is of {' or '.join(map(quoted, request['materials']))}, their materials are "
            f"{', '.join(map(quoted, sorted(seen)[:12]))}; correct 'materials'"
        )


def _is_counted(request: Mapping[str, Any], row: Properties, what: str) -> bool:
    """Whether a building is of a material and a use that count. Raises SourceError for a use that nobody named."""
    use, material = row[request["fields"]["use"]], row[request["fields"]["material"]]
    if use is None or use in request["left_out"]:
        return False
    if use not in request["uses"]:
        raise SourceError(
            f"{what} has a building of use {quoted(use, 80)}, which the catalogue names neither under 'uses' nor under "
            "'left_out'"
        )
    return material in request["materials"]


def _frame(dataset: Dataset, request: Mapping[str, Any], counted: Sequence[_One]) -> pd.DataFrame:
    """The counts as `cube` takes them."""
    columns = ["area", "period", *(one.name for one in dataset.class_variables)]
    frame = pd.DataFrame(
        {
            "area": [one.area for one in counted],
            "period": [one.period for one in counted],
            **{variable.name: [one.work for one in counted] for variable in dataset.class_variables},
            "key": [one.key for one in counted],
        }
    ).drop_duplicates()
    counts = frame.groupby(columns, sort=True).size().rename("value").reset_index()
    if dataset.class_variables and not len(counts):
        raise SourceError(
            f"no row of {request['collection']} is of a period that is over; look at the collection"
        )
    return counts.assign(
        content=dataset.content_choices[0].key, symbol="", value=counts["value"].astype("float64")
    )
