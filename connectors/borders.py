"""Statistics Finland's geographic service: the borders of a year's municipalities, for the map.

A WFS (verified by public clients): `tilastointialueet:kunta4500k_<year>` as GeoJSON, attribute `kunta` with the three
digits of the municipality. With WFS 2.0 and EPSG:4326 the order of the axes is a matter of the server's settings, so
it is checked: all points must lie in Finland, east before north. A new year's layer may not be there yet early in
January.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from connectors.asked import json_of
from connectors.cells import quoted
from connectors.features import MEDIA_TYPES
from connectors.http import AnswerError, Http
from connectors.limiter import RateLimits
from models.borders import Borders, Point, checked, simplified
from models.document import Answer, Document
from models.errors import SourceError

SOURCE = "borders"
LIMITS = RateLimits(calls=10, window_seconds=60.0)  # none stated; one call a year
MAX_BYTES = 32 * 1024 * 1024
CREDIT = "Tilastokeskus, kuntarajat {year} (1:4 500 000), yksinkertaistettu"
LICENCE = "CC BY 4.0"
_LAYER = re.compile(r"tilastointialueet:kunta4500k_([0-9]{4})")

log = logging.getLogger("mittaristo.borders")


def url_of(base_url: str, year: int) -> str:
    """The address of the borders of a year."""
    asked = {
        "service": "WFS",
        "version": "2.0.0",
        "request": "GetFeature",
        "typeNames": f"tilastointialueet:kunta4500k_{year}",
        "outputFormat": "application/json",
        "srsName": "EPSG:4326",
    }
    return f"{base_url.rstrip('/')}/wfs?{urlencode(asked)}"


def fetch(year: int, base_url: str, http: Http, limits: RateLimits = LIMITS) -> Answer:
    """Ask for the borders of `year`, or of the year before where they are not there yet.

    The answers go to the session's `keep`; they belong to no dataset. Raises AnswerError for any other bad answer.
    """
    for asked in (year, year - 1):
        try:
            return http.send(
                source=SOURCE,
                dataset_id="",
                kind="listing",
                method="GET",
                url=url_of(base_url, asked),
                accept=MEDIA_TYPES,
                max_bytes=MAX_BYTES,
                limits=limits,
            )
        except AnswerError as error:
            if asked < year or error.status not in (400, 404):
                raise
            log.info("%s: the borders of %d are not there yet; asking for %d", SOURCE, asked, asked - 1)
    raise AssertionError("unreachable: the year before returns or raises")


def read(documents: Sequence[tuple[Document, bytes]]) -> Borders:
    """The borders of the newest year among the kept answers, simplified; pure. Raises SourceError, one line."""
    years = {}
    for document, body in sorted(documents, key=lambda one: one[0].fetched_at):
        year = _year_of(document.url)
        if document.source == SOURCE and document.status == 200 and not document.error and year:
            years[year] = body
    if not years:
        raise SourceError(f"{SOURCE}: no good answer among those kept; fetch it again")
    year = max(years)
    return read_geojson(years[year], year)


def read_geojson(body: bytes, year: int) -> Borders:
    """The borders in a GeoJSON answer, simplified. Raises SourceError, one line."""
    what = f"{SOURCE}: the borders of {year}"
    document = json_of(body, what)
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise SourceError(f"{what} have no features; look at the answer")
    matched = document.get("numberMatched")
    if matched != len(features):
        raise SourceError(
            f"{what}: {len(features)} of {quoted(matched)} municipalities were given; fetch it again"
        )
    rings: dict[str, Any] = {}
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        number = properties.get("kunta") if isinstance(properties, dict) else None
        if not isinstance(number, str) or not re.fullmatch(r"[0-9]{3}", number):
            raise SourceError(f"{what}: {quoted(number)} stands as 'kunta', no code of a municipality")
        if f"KU{number}" in rings:
            raise SourceError(f"{what}: {number} is there twice; look at the answer")
        raw = tuple(_rings(feature.get("geometry"), f"{what}: {number}"))
        checked(Borders(year, "", "", {f"KU{number}": raw}), what)  # before anything is rounded away
        rings[f"KU{number}"] = simplified(raw)
    return checked(Borders(year, CREDIT.format(year=year), LICENCE, rings), what)


def _year_of(url: str) -> int | None:
    found = _LAYER.fullmatch(parse_qs(urlsplit(url).query).get("typeNames", [""])[0])
    return int(found[1]) if found else None


def _rings(geometry: Any, what: str) -> Iterator[tuple[Point, ...]]:
    """The rings of a polygon or of several, outer and inner alike."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(polygons, list):
        raise SourceError(f"{what} is a {quoted(kind)}, no area; look at the answer")
    for polygon in polygons:
        for ring in polygon if isinstance(polygon, list) else [None]:
            if not isinstance(ring, list) or not all(_is_point(point) for point in ring):
                raise SourceError(f"{what} has a ring that is no list of points; look at the answer")
            yield tuple((float(point[0]), float(point[1])) for point in ring)


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) in (2, 3)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in point)
    )
