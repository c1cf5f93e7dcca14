"""The State Treasury's municipal finances: reports that municipalities filed, each a document of code and amount.

Known quirks: one listing names all reports of all municipalities (some 33,000, about 10 MB), so it is asked once a
run and shared by the datasets of that run. A report comes in up to four stages of approval and may be approved again.
Quarters are cumulative; only the periods of the catalogue's form are read. The meaning of a code depends on the
taxonomy that a document was filed in: only those the catalogue knows are read. Documents are asked at our own base
address by stage, package, business id and period, never at the address that the listing gives.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import pandas as pd

from connectors.asked import good_documents, json_of, named, request_of
from connectors.cells import quoted
from connectors.cube import AREA, CONTENT, PERIOD, cube
from connectors.http import Http
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.stamps import read_stamp
from models.area import Area
from models.dataset import ContentChoice, Dataset
from models.document import Answer, Document, DocumentKind
from models.errors import SourceError
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Missing, Overrides

SOURCE = "kuntatalous"
LISTING = "aineistot"
STAGES = ("jalkikorjattu", "lopullinen", "hyvaksytty", "alustava")  # the last is preliminary
_PRELIMINARY = "alustava"

_BUSINESS_ID = re.compile(r"[0-9]{7}-[0-9]")
_CODE = re.compile(r"\s*([A-Za-z0-9-]+)\s*/\s*([0-9]+)\s*")  # 'k-t13 / 1374'
_AMOUNT = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_DOCUMENT_PATH = re.compile(r"/dokumentti/([^/]+)/([^/]+)/([^/]+)/([^/]+)$")
_NAMED = 3  # of each kind of thing in a message


@dataclass(frozen=True)
class _Listing:
    """What a run's one call of the listing gave: of these business ids, or why there is none."""

    business_ids: frozenset[str]
    answer: Answer | SourceError


@dataclass(frozen=True)
class RunLimits(Limits):
    """The limits of one run, and the listing once it was asked."""

    listed: list[_Listing] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True)
class _Request:
    package: str
    period: re.Pattern[str]  # with the year as its group
    business_ids: Mapping[str, str]  # our area code → business id
    taxonomies: tuple[str, ...]
    stages: tuple[str, ...]  # the best first
    codes: Mapping[tuple[str, str], str]  # part of the package and code → our content key


@dataclass(frozen=True)
class _Report:
    """One report as the listing names it."""

    business_id: str
    code: str  # its period in the source's form
    year: int
    stage: str
    approved: datetime
    published: datetime

    def __str__(self) -> str:
        return f"{self.business_id} {self.code} ({self.stage})"


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, as the service states no limits."""
    return RunLimits(OWN_MAX_CELLS, calls=40, window_seconds=60.0)


def release(
    dataset: Dataset,
    base_url: str,
    http: Http,
    limits: Limits,
    release_query: bytes,
    table: str | None = None,
) -> datetime | None:
    """When the newest report of the dataset was published (aware UTC), by the run's one call of the listing."""
    with named(dataset):
        request = _request(dataset)
        answer = _listing(dataset, request, base_url, http, limits, "release")
        return _updated(_reports(_extract(answer.body, request), request, dataset))


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for the listing, unless the run has it, and for the best document of each municipality and year.

    The listing's rows of the dataset are kept as a document of this collection, too. Raises SourceError.
    """
    with named(dataset):
        request = _request(dataset)
        answer = _listing(dataset, request, base_url, http, limits, "listing")
        extract = _extract(answer.body, request)
        chosen = _chosen(_reports(extract, request, dataset), request)
        http.keep(
            replace(
                answer,
                dataset_id=dataset.id,
                kind="data",
                body=extract,
                content_type="application/json",
            )
        )
        for report in _of_areas(chosen, areas, request):
            _send(dataset, "data", _document_url(base_url, request, report), http, limits)


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The dataset as its kept documents tell it; pure, used live and in replay.

    What a draft says is preliminary. Amounts are taken as given, signs and sums too; null is no figure. A document of
    an unknown taxonomy is not read: where older than all that are, it is passed over, else its year is recorded as
    missing and the dataset is red until the catalogue knows the taxonomy. A code that no document has makes its
    content missing. Raises SourceError, one line.
    """
    with named(dataset):
        request = _request(dataset)
        extract, bodies = _kept(dataset, documents)
        _check_ids(extract, areas, request)
        reports = _reports(extract, request, dataset)
        chosen = _of_areas(_chosen(reports, request), areas, request)
        filed = {report.business_id for report in chosen}
        lacking = {
            area.code: (
                f"the listing has no {request.package} report of {request.business_ids[area.code]}"
                if area.code in request.business_ids
                else "its business id is not in the catalogue"
            )
            for area in areas
            if request.business_ids.get(area.code) not in filed
        }
        area_of = {request.business_ids[one.code]: one.code for one in areas if one.code not in lacking}
        read_ones: list[tuple[_Report, Mapping[str, float]]] = []
        unread: list[tuple[_Report, str]] = []
        for report in chosen:
            rows = _rows(bodies, report, request)
            taxonomy = _taxonomy(rows, report)
            if taxonomy in request.taxonomies:
                read_ones.append((report, _amounts(rows, report, request)))
            else:
                unread.append((report, taxonomy))
        if not read_ones:
            raise SourceError(_unsupported(unread, request))
        first = min(report.year for report, _ in read_ones)
        unread = [one for one in unread if one[0].year >= first]
        held = {key for _, amounts in read_ones for key in amounts}
        missing = [
            Missing("content", choice.key, _lost(choice, read_ones))
            for choice in dataset.contents
            if choice.key not in held
        ]
        if not held:
            raise SourceError(missing[0].reason)
        years = sorted({report.year for report, _ in unread})
        missing += [
            Missing(
                "period", str(year), _unsupported([one for one in unread if one[0].year == year], request)
            )
            for year in years
        ]
        figures = pd.DataFrame(
            [
                (key, area_of[report.business_id], str(report.year), amount, "")
                for report, amounts in read_ones
                for key, amount in amounts.items()
            ],
            columns=[CONTENT, AREA, PERIOD, "value", "symbol"],
        )
    reading = cube(
        replace(dataset, contents=tuple(one for one in dataset.contents if one.key in held)),
        areas,
        figures,
        absent="null",
        updated=_updated(reports),
        periods=[str(report.year) for report, _ in read_ones],
        labels={choice.key: choice.code[0] for choice in dataset.contents},
        unknown_areas=lacking,
    )
    drafts: dict[str, set[str]] = {}
    for report, _ in read_ones:
        if report.stage == _PRELIMINARY:
            drafts.setdefault(str(report.year), set()).add(area_of[report.business_id])
    resolution = replace(
        reading.resolution,
        missing=(*missing, *reading.resolution.missing),
        preliminary_areas={year: frozenset(codes) for year, codes in drafts.items()},
    )
    return replace(reading, resolution=resolution)


def release_query(reading: Reading) -> bytes:
    """What stands for asking the listing again."""
    return LISTING.encode() if reading.table.updated is not None else b""


# --- what the catalogue asks -------------------------------------------------------------------------------


def _request(dataset: Dataset) -> _Request:
    """The dataset's `request` and the codes of its contents, checked."""
    given = request_of(
        dataset,
        {"package": (str,), "period": (str,), "business_ids": (dict,), "taxonomies": (list, tuple)},
        {"stages": (list, tuple)},
    )
    where = f"dataset '{dataset.id}': request"
    package, period = given["package"], given["period"]
    if not re.fullmatch(r"[A-Z]{2,10}", package):
        raise SourceError(f"{where}: 'package' must be capitals such as KKNR, not {quoted(package)}")
    before, year, after = period.partition("{year}")
    if not year or not re.fullmatch(r"[A-Za-z0-9]*", before + after):
        raise SourceError(
            f"{where}: 'period' must have {{year}} once, as in {{year}}C12, not {quoted(period)}"
        )
    ids = {str(code): str(one) for code, one in given["business_ids"].items()}
    for code, one in ids.items():
        if not _BUSINESS_ID.fullmatch(one):
            raise SourceError(f"{where}: 'business_ids': {quoted(one)} of {code} is no business id")
    if len(set(ids.values())) < len(ids):
        raise SourceError(f"{where}: 'business_ids' has a business id twice")
    stages = tuple(given.get("stages", STAGES))
    if not set(stages) <= set(STAGES):
        raise SourceError(f"{where}: 'stages' must be of {', '.join(STAGES)}, not {quoted(stages, 80)}")
    codes: dict[tuple[str, str], str] = {}
    for choice in dataset.contents:
        found = [_CODE.fullmatch(one) for one in choice.code]
        if not found or not all(found):
            raise SourceError(
                f"dataset '{dataset.id}': content '{choice.key}': 'code' must be as 'k-t13 / 1374'"
            )
        for match in found:
            if match is not None and codes.setdefault((match[1], match[2]), choice.key) != choice.key:
                other = codes[match[1], match[2]]
                raise SourceError(f"dataset '{dataset.id}': '{choice.key}' and '{other}' bear one code")
    return _Request(
        package=package,
        period=re.compile(f"{before}([0-9]{{4}}){after}"),
        business_ids=ids,
        taxonomies=tuple(map(str, given["taxonomies"])),
        stages=stages,
        codes=codes,
    )


# --- the listing --------------------------------------------------------------------------------------------


def _listing(
    dataset: Dataset, request: _Request, base_url: str, http: Http, limits: Limits, kind: DocumentKind
) -> Answer:
    """The listing of this run, of our business ids only; asked where the run has not asked it yet."""
    wanted = frozenset(request.business_ids.values())
    listed = limits.listed if isinstance(limits, RunLimits) else []
    for one in listed:
        if wanted <= one.business_ids:
            if isinstance(one.answer, SourceError):
                raise one.answer
            return one.answer
    try:
        answer = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind=kind,
            method="GET",
            url=f"{base_url}/{LISTING}",
            limits=limits.rate,
            reduce=lambda body: _reduced(body, wanted),
        )
    except SourceError as error:
        listed.append(_Listing(wanted, error))
        raise
    listed.append(_Listing(wanted, answer))
    return answer


def _reduced(body: bytes, business_ids: Collection[str]) -> bytes:
    """The listing's rows of these business ids, as they came, and which ids were looked for."""
    rows = _rows_of_listing(json_of(body, "the listing"))
    kept = [row for row in rows if str(row.get("ytunnus")) in business_ids]
    if not kept:
        ids = ", ".join(sorted(business_ids)[:_NAMED])
        raise SourceError(f"the listing has {len(rows)} reports, none of {ids}")
    return orjson.dumps({LISTING: kept, "ytunnukset": sorted(business_ids)})


def _rows_of_listing(document: object) -> list[dict[str, Any]]:
    rows = document.get(LISTING) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"the listing is no object with a list '{LISTING}' of reports in it")
    return rows


def _extract(listing: bytes, request: _Request) -> bytes:
    """Of a kept listing the rows of the dataset's package and form of period, in an order of their own."""
    document = json_of(listing, "the listing")
    rows = [
        row
        for row in _rows_of_listing(document)
        if row.get("raportointikokonaisuus") == request.package
        and request.period.fullmatch(str(row.get("raportointikausi")))
    ]
    if not rows:
        raise SourceError(
            f"the listing has no {request.package} report of a period such as "
            f"{request.period.pattern.replace('([0-9]{4})', '2025')} of the municipalities asked"
        )
    rows.sort(key=lambda row: orjson.dumps(row, option=orjson.OPT_SORT_KEYS))
    return orjson.dumps({LISTING: rows, "ytunnukset": document["ytunnukset"]})


def _check_ids(extract: bytes, areas: Iterable[Area], request: _Request) -> None:
    """Refuse a kept listing in which a business id was not looked for, since the catalogue lacked it then."""
    document = json_of(extract, "the kept listing")
    told = document.get("ytunnukset") if isinstance(document, dict) else None
    looked_for = set(map(str, told)) if isinstance(told, list) else set()
    for area in areas:
        wanted = request.business_ids.get(area.code)
        if wanted is not None and wanted not in looked_for:
            raise SourceError(f"the kept listing was not asked for {wanted} ({area.code}); fetch it again")


def _reports(extract: bytes, request: _Request, dataset: Dataset) -> list[_Report]:
    """The reports of an extract from the dataset's first period on."""
    first = int(dataset.first_period[:4]) if dataset.first_period else 0
    found = []
    for row in _rows_of_listing(json_of(extract, "the listing")):
        period = request.period.fullmatch(str(row.get("raportointikausi")))
        if period is None:
            raise SourceError("the kept listing is of periods of another form; fetch it again")
        if int(period[1]) < first:
            continue
        stage = _plain(row.get("hyvaksymisvaihe"))
        if stage not in request.stages:
            raise SourceError(
                f"{row.get('ytunnus')} {period[0]} is in the stage {quoted(row.get('hyvaksymisvaihe'))}; known are "
                f"{', '.join(request.stages)}: add it to 'stages' of the catalogue once its rank is known"
            )
        approved = read_stamp(row.get("hyvaksymispvm"))
        told = row.get("julkaisupvm")
        published = approved if told in (None, "") else read_stamp(told)
        if approved is None or published is None:
            raise SourceError(
                f"{row.get('ytunnus')} {period[0]} was approved {quoted(row.get('hyvaksymispvm'))} and published "
                f"{quoted(told)}; expected times such as 2025-12-31T08:27:05Z"
            )
        found.append(
            _Report(str(row.get("ytunnus")), period[0], int(period[1]), stage, approved.at, published.at)
        )
    if not found:
        raise SourceError(f"the listing has no {request.package} report from {first} on")
    return found


def _plain(stage: object) -> str:
    """hyvaksytty of 'Hyväksytty'; '' of what is no text."""
    if not isinstance(stage, str):
        return ""
    apart = unicodedata.normalize("NFKD", stage.strip().casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def _chosen(reports: Iterable[_Report], request: _Request) -> list[_Report]:
    """Of each municipality and year the report in the best stage, of several the one approved last; by year."""
    best: dict[tuple[str, int], _Report] = {}

    def rank(one: _Report) -> tuple[int, datetime]:
        return -request.stages.index(one.stage), one.approved

    for report in reports:
        key = (report.business_id, report.year)
        if key not in best or rank(report) > rank(best[key]):
            best[key] = report
    return sorted(best.values(), key=lambda one: (one.year, one.business_id))


def _of_areas(reports: Iterable[_Report], areas: Iterable[Area], request: _Request) -> list[_Report]:
    ids = {request.business_ids.get(area.code) for area in areas}
    return [one for one in reports if one.business_id in ids]


def _updated(reports: Iterable[_Report]) -> datetime:
    """When the newest of them was published, the better stage of a year or not."""
    return max(one.published for one in reports)


# --- the documents ------------------------------------------------------------------------------------------


def _document_url(base_url: str, request: _Request, report: _Report) -> str:
    return f"{base_url}/dokumentti/{report.stage}/{request.package}/{report.business_id}/{report.code}"


def _send(dataset: Dataset, kind: DocumentKind, url: str, http: Http, limits: Limits) -> None:
    http.send(source=SOURCE, dataset_id=dataset.id, kind=kind, method="GET", url=url, limits=limits.rate)


def _kept(
    dataset: Dataset, documents: Sequence[tuple[Document, bytes]]
) -> tuple[bytes, Mapping[tuple[str, ...], bytes]]:
    """The newest kept extract of the listing, and by stage, package, id and period the newest document."""
    extract = None
    bodies: dict[tuple[str, ...], bytes] = {}
    for document, body in good_documents(dataset, documents):
        path = urlsplit(document.url).path
        if path.endswith(f"/{LISTING}"):
            extract = body
        elif found := _DOCUMENT_PATH.search(path):
            bodies[found.groups()] = body
    if extract is None:
        raise SourceError("no listing among the kept answers; fetch it again")
    return extract, bodies


def _rows(
    bodies: Mapping[tuple[str, ...], bytes], report: _Report, request: _Request
) -> list[Mapping[str, Any]]:
    """The rows of a report's document, each of them checked to be of this report."""
    body = bodies.get((report.stage, request.package, report.business_id, report.code))
    if body is None:
        raise SourceError(f"the document of {report} is not among the kept answers; fetch it again")
    rows = json_of(body, f"the document of {report}")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise SourceError(
            f"the document of {report} is no list of rows with something in it; run again later"
        )
    expected = {
        "ytunnus": report.business_id,
        "raportointikausi": report.code,
        "raportointikokonaisuus": request.package,
    }
    for row in rows:
        for name, value in expected.items():
            if row.get(name) != value:
                raise SourceError(
                    f"the document of {report} is not the one asked: '{name}' of a row is {quoted(row.get(name))} "
                    f"instead of {quoted(value)}"
                )
    return rows


def _taxonomy(rows: Iterable[Mapping[str, Any]], report: _Report) -> str:
    found = sorted({str(row.get("taksonomia")) for row in rows})
    if len(found) > 1:
        raise SourceError(
            f"the document of {report} mixes the taxonomies {quoted(found[0])} and {quoted(found[1])}"
        )
    return found[0]


def _amounts(rows: Iterable[Mapping[str, Any]], report: _Report, request: _Request) -> dict[str, float]:
    """Our content key → amount, NaN for null, of the codes that the document has."""
    amounts: dict[str, float] = {}
    for row in rows:
        code = (str(row.get("osakokonaisuus")), str(row.get("tunnusluku")))
        key = request.codes.get(code)
        if key is None:
            continue
        where = f"{code[0]} / {code[1]} in the document of {report}"
        amount = _amount(row.get("arvo"), where)
        if key in amounts and not _same(amounts[key], amount):
            raise SourceError(f"{where} has two amounts, {amounts[key]:.2f} and {amount:.2f}")
        amounts[key] = amount
    return amounts


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _amount(told: object, where: str) -> float:
    if told is None or told == "":
        return math.nan
    if isinstance(told, str) and _AMOUNT.fullmatch(told):
        return float(told)
    if isinstance(told, int | float) and not isinstance(told, bool) and abs(told) < 1e15:
        return float(told)
    raise SourceError(f"{where} is {quoted(told)}; expected an amount such as 123.45, or null")


def _unsupported(unread: Sequence[tuple[_Report, str]], request: _Request) -> str:
    shown = ", ".join(f"{report} in {quoted(taxonomy)}" for report, taxonomy in unread[:_NAMED])
    more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
    return (
        f"unsupported taxonomy: {shown}{more}; supported are {', '.join(request.taxonomies)}: compare the codes "
        "with the new one, then add it to 'taxonomies' of the catalogue"
    )


def _lost(choice: ContentChoice, read_ones: Sequence[tuple[_Report, Mapping[str, float]]]) -> str:
    documents = "the document" if len(read_ones) == 1 else f"none of the {len(read_ones)} documents"
    has = "has no" if len(read_ones) == 1 else "has"
    return (
        f"{documents} read {has} {' or '.join(choice.code)}; compare the code with the source's taxonomy and "
        "correct the catalogue"
    )
