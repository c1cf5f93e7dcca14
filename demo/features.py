"""Features as a GeoServer writes them: pages of GeoJSON with the time of the answer, and reports of what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from demo.service import Told
from models.errors import ConfigurationError

Row = Mapping[str, Any]

JSON = "application/json;charset=UTF-8"
GEOJSON = "application/geo+json"


def page(layer: str, rows: Sequence[tuple[int, Row]], matched: int, media_type: str, **more: object) -> Told:
    """A page of features: (number, fields) each; `matched` is how many there are in all."""
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": f"{layer}.{number}",
                "geometry": None,
                "properties": dict(row),
            }
            for number, row in rows
        ],
        "totalFeatures": matched,
        "numberMatched": matched,
        "numberReturned": len(rows),
        "timeStamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **more,
    }
    return Told(200, media_type, orjson.dumps(document))


def report(code: str, text: str) -> Told:
    """The report of a WFS that cannot do what is asked."""
    return Told(
        400,
        "application/xml",
        (
            '<?xml version="1.0" encoding="UTF-8"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" '
            f'version="2.0.0"><ows:Exception exceptionCode="{code}"><ows:ExceptionText>{text}</ows:ExceptionText>'
            "</ows:Exception></ows:ExceptionReport>"
        ).encode(),
    )


def whole_number(text: str, otherwise: int) -> int:
    """A parameter that is a number; `otherwise` where it is not given. Raises ConfigurationError for what is none."""
    if not text:
        return otherwise
    if not text.isascii() or not text.isdecimal():
        raise ConfigurationError(f"'{text[:40]}' is no number")
    return int(text[:9])
