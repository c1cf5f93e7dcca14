"""PRH's and YTJ's open data: new companies by month, counted by the municipality of their present address.

The service searches by post town and gives each company with names and addresses; names may be those of people. So
of every company only this is kept: when it was registered, the municipality of its address, its form, when it ended,
and which edition of the industry classification it bears. The names, the address and the business id are dropped
before anything is stored; that a company was found by an earlier search is told by a mark.

Only the present address is known, so what a later search says of a month differs: who moved away is gone, who moved
in is there. Hence only the months of a short window are asked, once a month, when the newest of them is over, and what
each search saw is kept; an older month stays as it was last seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

import orjson
import pandas as pd

from connectors.asked import finnish_day, good_documents, json_of, named, request_of
from connectors.cells import quoted
from connectors.cube import AREA, CONTENT, PERIOD, cube
from connectors.http import Http
from connectors.pxweb import OWN_MAX_CELLS, Limits
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.period import PeriodError, parse_period, shift, span
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides
from models.schedule import ZONE

SOURCE = "prh_ytj"
MOST_FOUND = 10_000  # companies of one post town in the window; all of Finland has some 40,000
_VISITING, _POSTAL = "1", "2"  # types of an address
_FINNISH = "1"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MUNICIPALITY = re.compile(r"[0-9]{3}")
_SHORT = re.compile(r"[A-Z0-9]{1,10}")
_BUSINESS_ID = re.compile(r"[0-9]{7}-[0-9]")
_FINLAND = ZoneInfo(ZONE)


@dataclass(frozen=True)
class _Request:
    path: str
    post_towns: Mapping[str, Sequence[str]]  # our area code → where its companies are searched
    window_months: int
    settle_days: int  # from the end of a month to the day from which it is counted


@dataclass(frozen=True)
class _Search:
    """One search: a post town and the first and last day of registration."""

    town: str
    first: date
    last: date

    def __str__(self) -> str:
        return f"the search for {quoted(self.town)} from {self.first} to {self.last}"


@dataclass(frozen=True)
class _Page:
    total: int
    companies: tuple[Mapping[str, Any], ...]


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep: the 300 calls a minute are for all users of the service together."""
    return Limits(OWN_MAX_CELLS, calls=40, window_seconds=60.0)


def release(
    dataset: Dataset,
    base_url: str,
    http: Http,
    limits: Limits,
    release_query: bytes,
    table: str | None = None,
) -> datetime | None:
    """When the newest month that is over began to be counted (aware UTC); nothing is asked to know it."""
    with named(dataset):
        request = _request(dataset)
        return _counted_from(_months(dataset, request, http.now())[-1], request)


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Search every post town of the areas, page by page; of each page only what may be kept goes to `keep`.

    Raises SourceError where the pages of a search do not add up to what it says that it found.
    """
    with named(dataset):
        request = _request(dataset)
        months = _months(dataset, request, http.now())
        seen: set[str] = set()
        for town in _towns(request, areas):
            search = _Search(town, parse_period(months[0]).start, parse_period(months[-1]).end)
            _add_up(search, _pages(dataset, request, search, base_url, http, limits, seen))


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The counts by month as the kept pages tell them; pure, used live and in replay.

    A month in which no company of a municipality was registered is zero. Raises SourceError, one line, where a post
    town of the areas was not searched, the pages of a search do not add up, or no company found is in any of the areas.
    """
    with named(dataset):
        request = _request(dataset)
        searches = _kept(dataset, documents)
        windows = {(one.first, one.last) for one in searches}
        if len(windows) != 1:
            raise SourceError(
                f"the kept answers are of {len(windows)} windows of time instead of one; fetch it again"
            )
        ((first, last),) = windows
        months = _window(first, last)
        companies: list[Mapping[str, Any]] = []
        for town in _towns(request, areas):
            search = _Search(town, first, last)
            if search not in searches:
                raise SourceError(f"{search} is not among the kept answers; fetch it again")
            companies += _add_up(search, searches[search])
        area_of = {area.code[2:]: area.code for area in areas if area.level == "municipality"}
        counted = Counter(
            (area_of[one["municipality"]], _month(one["registered"]))
            for one in companies
            if one["municipality"] in area_of and not one["again"]
        )
        if not counted:
            raise SourceError(
                f"none of the {len(companies)} companies found is in any of the {len(area_of)} municipalities asked; "
                "the search or its answers have changed: compare with the source's own description"
            )
        (content,) = dataset.contents
        figures = pd.DataFrame(
            [(content.key, area, month, float(count), "") for (area, month), count in counted.items()],
            columns=[CONTENT, AREA, PERIOD, "value", "symbol"],
        )
        return cube(
            dataset,
            areas,
            figures,
            absent="zero",
            updated=_counted_from(months[-1], request),
            periods=months,
        )


def release_query(reading: Reading) -> bytes:
    """What stands for looking at the calendar."""
    return b"months"


# --- what the catalogue asks -------------------------------------------------------------------------------


def _request(dataset: Dataset) -> _Request:
    """The dataset's `request`, checked."""
    given = request_of(
        dataset, {"path": (str,), "post_towns": (dict,), "window_months": (int,), "settle_days": (int,)}
    )
    where = f"dataset '{dataset.id}': request"
    if not re.fullmatch(r"[a-z_]+", given["path"]):
        raise SourceError(f"{where}: 'path' must be one word such as companies, not {quoted(given['path'])}")
    for code, towns in given["post_towns"].items():
        if not isinstance(towns, list | tuple) or not all(
            isinstance(one, str) and one.strip() for one in towns
        ):
            raise SourceError(f"{where}: 'post_towns' of {code} must be a list of names")
    for name, low, high in (("window_months", 1, 120), ("settle_days", 0, 27)):
        if not low <= given[name] <= high:
            raise SourceError(f"{where}: '{name}' is {given[name]}, not between {low} and {high}")
    if len(dataset.contents) != 1:
        raise SourceError(
            f"dataset '{dataset.id}': it counts companies: one content, not {len(dataset.contents)}"
        )
    return _Request(given["path"], given["post_towns"], given["window_months"], given["settle_days"])


def _towns(request: _Request, areas: Iterable[Area]) -> list[str]:
    """The post towns to search, each once: those of the catalogue, else the name of the municipality."""
    towns = (town for area in areas for town in request.post_towns.get(area.code, (area.name_fi,)))
    return list(dict.fromkeys(towns))


def _months(dataset: Dataset, request: _Request, now: datetime) -> tuple[str, ...]:
    """The months to count at `now`, oldest first: the newest is over and settled."""
    day = finnish_day(now) - timedelta(days=request.settle_days)
    newest = shift(f"{day:%Y}M{day:%m}", -1)
    months = span(shift(newest, 1 - request.window_months), newest)
    wanted = tuple(month for month in months if month >= dataset.first_period)
    if not wanted:
        raise SourceError(f"no month since {dataset.first_period} is over yet; run again later")
    return wanted


def _counted_from(month: str, request: _Request) -> datetime:
    """The midnight in Finland from which on `month` is counted (aware UTC)."""
    day = parse_period(month).end + timedelta(days=1 + request.settle_days)
    return datetime.combine(day, time(), _FINLAND).astimezone(ZoneInfo("UTC"))


# --- searching ----------------------------------------------------------------------------------------------


def _pages(
    dataset: Dataset,
    request: _Request,
    search: _Search,
    base_url: str,
    http: Http,
    limits: Limits,
    seen: set[str],
) -> Iterator[_Page]:
    """The pages of one search, until all that it says it found has come or a page is empty."""
    asked = {
        "location": search.town,
        "registrationDateStart": search.first.isoformat(),
        "registrationDateEnd": search.last.isoformat(),
    }
    before, here = frozenset(seen), set[str]()
    got, number = 0, 1
    while True:
        of_page = {**asked, "page": str(number)}
        answer = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="data",
            method="GET",
            url=f"{base_url}/{request.path}?{urlencode(of_page)}",
            limits=limits.rate,
            reduce=partial(_reduced, search=search, asked=of_page, before=before, here=here),
        )
        seen |= here
        page = _page(answer.body, search)
        yield page
        got += len(page.companies)
        if got >= page.total or not page.companies:
            return
        number += 1


def _add_up(search: _Search, pages: Iterable[_Page]) -> list[Mapping[str, Any]]:
    """The companies of all pages, once it is sure that these are all of one and the same answer."""
    found: list[Mapping[str, Any]] = []
    total: int | None = None
    for page in pages:
        if total is not None and page.total != total:
            raise SourceError(
                f"{search} found {total} companies, and {page.total} on a later page: it changed meanwhile; "
                "run again"
            )
        total = page.total
        if total > MOST_FOUND:
            raise SourceError(
                f"{search} found {total} companies, more than the {MOST_FOUND} of any post town; "
                "the search may have ignored what was asked"
            )
        found += page.companies
    if total is None or len(found) != total:
        raise SourceError(
            f"{search} found {total or 0} companies and its pages have {len(found)}: it changed meanwhile; run again"
        )
    return found


def _reduced(
    body: bytes, search: _Search, asked: Mapping[str, str], before: frozenset[str], here: set[str]
) -> bytes:
    """What may be kept of a page, with what it was asked; its business ids are added to `here`.

    `before` are the business ids that earlier searches found, `here` those of earlier pages of this one. Nothing of
    the answer stands in an error but days: a name might.
    """
    document = json_of(body, "the page")
    total = document.get("totalResults") if isinstance(document, dict) else None
    companies = document.get("companies") if isinstance(document, dict) else None
    if not _is_count(total) or not isinstance(companies, list):
        raise SourceError("the page has no 'totalResults' and 'companies'")
    reduced = []
    ids: set[str] = set()
    for company in companies:
        if not isinstance(company, dict):
            raise SourceError("among 'companies' is something that is no company")
        id = _business_id(company.get("businessId"))
        if id in ids or id in here:
            raise SourceError("a company comes twice in one search, it changed meanwhile: run again")
        ids.add(id)
        reduced.append(
            {
                "registered": _registered(company.get("registrationDate"), search),
                "municipality": _municipality(company.get("addresses")),
                "form": _current_form(company.get("companyForms")),
                "ended": _day(company.get("endDate")),
                "industry_codes": _short(_of(company.get("mainBusinessLine"), "typeCodeSet")),
                "again": id in before,
            }
        )
    here |= ids
    reduced.sort(key=lambda one: orjson.dumps(one))
    return orjson.dumps({**asked, "totalResults": total, "companies": reduced})


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _business_id(given: object) -> str:
    id = _of(given, "value")
    if not isinstance(id, str) or not _BUSINESS_ID.fullmatch(id):
        raise SourceError("a company has no 'businessId' with a 'value' such as 1234567-8")
    return id


def _registered(given: object, search: _Search) -> str:
    day = _day(given)
    if day is None:
        raise SourceError("a company has no 'registrationDate' such as 2026-09-30")
    if not search.first.isoformat() <= day <= search.last.isoformat():
        raise SourceError(
            f"a company was registered on {day}, not between {search.first} and {search.last}: the search ignored "
            "what was asked"
        )
    return day


def _day(given: object) -> str | None:
    """A day of the calendar as text, None for anything else."""
    if not isinstance(given, str) or not _DAY.fullmatch(given):
        return None
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        return None


def _short(given: object) -> str:
    """A code, '' for anything that is not as short and plain as one."""
    text = str(given) if isinstance(given, str | int) else ""
    return text if _SHORT.fullmatch(text) else ""


def _current_form(forms: object) -> str:
    """The type of the company form that has not ended, '' where there is none."""
    current = [_of(one, "type") for one in _list(forms) if _of(one, "endDate") is None]
    return _short(current[0]) if current else ""


def _municipality(addresses: object) -> str:
    """The municipality of the visiting address, else of the postal one; '' where neither says it (abroad)."""
    places: dict[str, str] = {}
    for address in _list(addresses):
        codes: dict[str, str] = {}
        for office in _list(_of(address, "postOffices")):
            code = _of(office, "municipalityCode")
            if isinstance(code, str) and _MUNICIPALITY.fullmatch(code):
                codes.setdefault(str(_of(office, "languageCode")), code)
        if codes:
            places.setdefault(str(_of(address, "type")), codes.get(_FINNISH) or next(iter(codes.values())))
    return places.get(_VISITING) or places.get(_POSTAL) or ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


# --- what was kept ------------------------------------------------------------------------------------------


def _kept(dataset: Dataset, documents: Sequence[tuple[Document, bytes]]) -> dict[_Search, list[_Page]]:
    """The pages of each search in order, of its newest beginning where it was begun more than once."""
    searches: dict[_Search, list[_Page]] = {}
    for document, body in good_documents(dataset, documents):
        asked = dict(parse_qsl(urlsplit(document.url).query))
        first, last = _day(asked.get("registrationDateStart")), _day(asked.get("registrationDateEnd"))
        page = asked.get("page", "")
        if not asked.get("location") or first is None or last is None or not page.isdecimal():
            raise SourceError(f"{quoted(document.url, 200)} is no search of this dataset; fetch it again")
        search = _Search(asked["location"], date.fromisoformat(first), date.fromisoformat(last))
        pages = searches.setdefault(search, [])
        if page == "1":
            pages.clear()
        if int(page) != len(pages) + 1:
            raise SourceError(f"page {page} of {search} is not the one that follows; fetch it again")
        told = json_of(body, f"a page of {search}")
        if not isinstance(told, dict) or {name: told.get(name) for name in asked} != asked:
            raise SourceError(f"page {page} of {search} is the answer to another search; fetch it again")
        pages.append(_page(body, search))
    if not searches:
        raise SourceError("no search is among the kept answers; fetch it again")
    return searches


def _page(body: bytes, search: _Search) -> _Page:
    """A kept page."""
    document = json_of(body, f"a page of {search}")
    total, companies = _of(document, "totalResults"), _of(document, "companies")
    if not isinstance(total, int) or not _is_count(total) or not isinstance(companies, list):
        raise SourceError(f"a kept page of {search} is of another form; fetch it again")
    for one in companies:
        if (
            not isinstance(one, dict)
            or _day(one.get("registered")) is None
            or not isinstance(one.get("municipality"), str)
            or not isinstance(one.get("again"), bool)
        ):
            raise SourceError(f"a kept page of {search} is of another form; fetch it again")
        _registered(one["registered"], search)
    return _Page(total, tuple(companies))


def _month(day: str) -> str:
    return f"{day[:4]}M{day[5:7]}"


def _window(first: date, last: date) -> tuple[str, ...]:
    """The months of a window, which begins and ends with a month."""
    try:
        months = span(f"{first:%Y}M{first:%m}", f"{last:%Y}M{last:%m}")
    except PeriodError as error:
        raise SourceError(str(error)) from error
    if not months or parse_period(months[0]).start != first or parse_period(months[-1]).end != last:
        raise SourceError(f"the kept answers are from {first} to {last}, which are no whole months")
    return months
