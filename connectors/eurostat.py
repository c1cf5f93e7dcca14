"""Eurostat's dissemination service: one JSON-stat answer a dataset, for the regions that are ours under NUTS codes.

Known quirks: a combination without a figure is left out of `value`, or marked `:`; figures bear flags beside them (p
preliminary, e estimated, b break in the series, c confidential), which JSON-stat has as `status`; an answer that is
too large is made later and not sent, so the regions are always named; NUTS codes change with their version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pandas as pd

from connectors.asked import good_documents, named, request_of
from connectors.cells import quoted
from connectors.cube import AREA, CONTENT, PERIOD, cube
from connectors.http import Http
from connectors.jsonstat import BOM, read_jsonstat
from connectors.pxweb import OWN_MAX_CELLS, Limits
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.period import PeriodError, from_source
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides
from models.table import SourceTable

SOURCE = "eurostat"
TIME = "time"
GEO = "geo"
_LIMITS = Limits(OWN_MAX_CELLS, calls=30, window_seconds=60.0)  # none are stated
_KEYS = frozenset({"dataset", "content_dimension", "fixed", "geo"})
_NOT_THERE = ":"
_CONFIDENTIAL = "c"
_PRELIMINARY = "p"


@dataclass(frozen=True)
class _Request:
    """What the catalogue asks: `fixed` dimensions have one value each, `geo` maps our area codes to NUTS codes."""

    dataset: str
    content_dimension: str
    fixed: Mapping[str, str]
    geo: Mapping[str, str]


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
    """When the dataset was last updated (aware UTC), by its newest period for one region."""
    with named(dataset):
        request = _request(dataset)
        asked = _asked(dataset, request, [next(iter(request.geo.values()))])
        url = f"{_url(base_url, request)}?{urlencode(asked)}&{release_query.decode()}"
        answer = http.send(
            source=SOURCE, dataset_id=dataset.id, kind="release", method="GET", url=url, limits=limits.rate
        )
        return read_jsonstat(answer.body).updated


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for all periods in one call; the answer goes to the session's `keep`. Raises SourceError."""
    with named(dataset):
        request = _request(dataset)
        regions = [request.geo[area.code] for area in areas if area.code in request.geo]
        if not regions:
            raise SourceError("'geo' under request has none of the areas asked; give their NUTS codes")
        http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="data",
            method="GET",
            url=f"{_url(base_url, request)}?{urlencode(_asked(dataset, request, regions))}",
            limits=limits.rate,
        )


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The newest good answer among the kept documents; pure. Raises SourceError, one line."""
    with named(dataset):
        request = _request(dataset)
        good = good_documents(dataset, documents)
        if not good:
            raise SourceError("no good answer among the kept ones; fetch it again")
        document, body = good[-1]
        table = read_jsonstat(body)
        wanted = {area.code: request.geo[area.code] for area in areas if area.code in request.geo}
        _check(dataset, request, table, document.url, wanted)
        figures = _figures(dataset, table, request, wanted)
        preliminary = _preliminary(body, table)
    return cube(
        dataset,
        areas,
        figures,
        absent="null",
        updated=table.updated,
        preliminary=preliminary,
        labels={
            choice.key: table.labels[request.content_dimension].get(choice.code[0], choice.key)
            for choice in dataset.content_choices
        },
        unknown_areas={
            area.code: "no NUTS code under request.geo" for area in areas if area.code not in wanted
        },
    )


def release_query(reading: Reading) -> bytes:
    """What narrows the question to the newest period; empty where the answer bears no time."""
    return b"lastTimePeriod=1" if reading.table.updated is not None else b""


def _request(dataset: Dataset) -> _Request:
    """The dataset's `request`, checked."""
    given = request_of(
        dataset,
        {"dataset": (str,), "content_dimension": (str,), "geo": (Mapping,)},
        {"fixed": (Mapping,)},
    )
    for choice in dataset.content_choices:
        if len(choice.code) != 1:
            raise SourceError(
                f"content '{choice.key}' needs one 'code', a value of the dimension {given['content_dimension']}"
            )
    if dataset.class_variables:
        raise SourceError("classes are not read from Eurostat: give each a dataset of its own, by 'fixed'")
    return _Request(
        given["dataset"],
        given["content_dimension"],
        {str(name): str(value) for name, value in given.get("fixed", {}).items()},
        {str(code): str(value) for code, value in given["geo"].items()},
    )


def _url(base_url: str, request: _Request) -> str:
    return f"{base_url}/data/{request.dataset}"


def _asked(dataset: Dataset, request: _Request, regions: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("format", "JSON"),
        ("lang", "en"),
        *request.fixed.items(),
        *((request.content_dimension, choice.code[0]) for choice in dataset.content_choices),
        *((GEO, region) for region in regions),
    ]


def _check(
    dataset: Dataset, request: _Request, table: SourceTable, url: str, wanted: Mapping[str, str]
) -> None:
    """Whether the answer is to what was asked, and what was asked is what the catalogue asks now."""
    expected = {request.content_dimension, GEO, TIME, *request.fixed}
    dimensions = set(table.dimensions)
    lacking = sorted(expected - dimensions)
    if lacking:
        raise SourceError(
            f"the answer lacks the dimension {quoted(lacking[0])}; it has {', '.join(table.dimensions)}: "
            "look at the dataset's page and correct the catalogue"
        )
    several = [
        name for name in dimensions - {request.content_dimension, GEO, TIME} if len(table.labels[name]) != 1
    ]
    if several:
        raise SourceError(
            f"the answer has {len(table.labels[several[0]])} values of the dimension {quoted(several[0])}; "
            "name the one that is wanted under request.fixed"
        )
    for name, value in request.fixed.items():
        if value not in table.labels[name]:
            raise SourceError(f"the answer is of {name} {', '.join(table.labels[name])}, not {quoted(value)}")
    asked = parse_qs(urlsplit(url).query)
    regions = set(asked.get(GEO, ()))
    beyond = sorted(set(wanted.values()) - regions)
    if beyond:
        raise SourceError(f"the kept answer was not asked for the region {beyond[0]}; fetch it again")
    unasked = sorted(set(table.labels[GEO]) - regions)
    if unasked:
        raise SourceError(f"the answer is not what was asked: it has the region {unasked[0]}")
    contents = {choice.code[0] for choice in dataset.content_choices}
    unknown = sorted(contents - set(table.labels[request.content_dimension]))
    if unknown:
        raise SourceError(
            f"the answer lacks {quoted(unknown[0])} of the dimension {request.content_dimension}; "
            f"it has {', '.join(list(table.labels[request.content_dimension])[:8])}"
        )


def _figures(
    dataset: Dataset, table: SourceTable, request: _Request, wanted: Mapping[str, str]
) -> pd.DataFrame:
    """The cells in our keys; those without a figure and without a mark are left to be absent."""
    contents = {choice.code[0]: choice.key for choice in dataset.content_choices}
    areas = {region: code for code, region in wanted.items()}
    frame = table.frame
    periods = {}
    for code in table.labels[TIME]:
        try:
            periods[code] = _period(code)
        except PeriodError as error:
            raise SourceError(f"{error} (period {quoted(code)})") from error
    marks = frame["symbol"].astype("str")
    found = pd.DataFrame(
        {
            CONTENT: frame[request.content_dimension].astype("str").map(contents.get),
            AREA: frame[GEO].astype("str").map(areas.get),
            PERIOD: frame[TIME].astype("str").map(periods.get),
            "value": frame["value"],
            "symbol": marks.replace({_NOT_THERE: "", _CONFIDENTIAL: "..."}),
        }
    )
    found = found[found[CONTENT].notna() & found[AREA].notna()]
    return found[found["value"].notna() | (found["symbol"] != "")].reset_index(drop=True)


def _period(code: str) -> str:
    """Our code of a period as Eurostat writes it: 2025, 2025-Q1, 2025-01."""
    return from_source(code.replace("-Q", "Q") if "-Q" in code else code.replace("-", "M"))


def _preliminary(body: bytes, table: SourceTable) -> set[str]:
    """The periods of which some figure bears the flag of a preliminary one."""
    document: Any = orjson.loads(body.removeprefix(BOM))
    status = document.get("status")
    if isinstance(status, Mapping):
        cells = [int(cell) for cell, flags in status.items() if _PRELIMINARY in str(flags)]
    elif isinstance(status, str):  # of every cell
        cells = list(range(len(table.frame))) if _PRELIMINARY in status else []
    elif isinstance(status, list):
        cells = [cell for cell, flags in enumerate(status) if flags and _PRELIMINARY in str(flags)]
    else:
        return set()
    return {_period(code) for code in table.frame[TIME].iloc[cells].astype("str")}
