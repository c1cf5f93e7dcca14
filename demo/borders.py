"""Statistics Finland's geographic service on the stand-in: the borders of 2020 as GeoJSON, whatever year is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from demo.features import JSON, report
from demo.service import Asked, Told
from models.borders import Borders, packaged_borders

LAYER = "tilastointialueet:kunta4500k_"


@dataclass
class BordersService:
    """The service. It has the layers of `years`; `swapped` writes north before east."""

    borders: Borders
    years: tuple[int, ...] = tuple(range(2013, 2027))
    swapped: bool = False
    path: str = field(default="geoserver")

    def answer(self, asked: Asked) -> Told:
        """The features of a year's layer, or a report of what is wrong."""
        year = asked.one("typeNames").removeprefix(LAYER)
        if asked.method != "GET" or asked.path != ("wfs",) or asked.one("request") != "GetFeature":
            return report("OperationNotSupported", asked.one("request"))
        if year not in {str(one) for one in self.years} or not asked.one("typeNames").startswith(LAYER):
            return report("InvalidParameterValue", f"Feature type {asked.one('typeNames')} unknown")
        features = [
            self._feature(year, number, code)
            for number, code in enumerate(sorted(self.borders.rings), start=1)
        ]
        document = {
            "type": "FeatureCollection",
            "features": features,
            "totalFeatures": len(features),
            "numberMatched": len(features),
            "numberReturned": len(features),
            "timeStamp": "2026-01-05T00:00:00.000Z",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4326"}},
        }
        return Told(200, JSON, orjson.dumps(document))

    def _feature(self, year: str, number: int, code: str) -> dict[str, object]:
        rings = [[*ring, ring[0]] for ring in self.borders.rings[code]]
        points = [[list(point[::-1] if self.swapped else point) for point in ring] for ring in rings]
        return {
            "type": "Feature",
            "id": f"kunta4500k_{year}.{number}",
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring] for ring in points]},
            "geometry_name": "geom",
            "properties": {"kunta": code[2:], "vuosi": int(year), "nimi": code, "namn": code, "name": code},
        }


def sample() -> BordersService:
    """The borders of 2020, real and simplified."""
    return BordersService(packaged_borders())
