"""Ryhti's OGC API on the stand-in: collections, and their features by a filter in CQL.

It has the real service's trap: plain parameters (kuntanumero=205) are ignored in silence, and everything answers.
Collections, fields and the words for uses and works are those that public clients report; there are no real rows.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson

from demo.features import GEOJSON, Row, page, whole_number
from demo.service import JSON, Asked, Told
from demo.synthetic import UNTIL
from models.catalogue import Catalogue
from models.errors import ConfigurationError
from models.period import parse_period

PERMITS, BUILDINGS = "avoimet_lupa_rakennukset", "avoimet_rakennukset"
MOST = 10_000  # features of one answer
USES = (
    *(
        "Pientalo",
        "Vapaa-ajan asuinrakennus",
        "Kerrostalo",
        "Julkinen rakennus",
        "Talousrakennus",
        "Saunarakennus",
    ),
    "Toimisto-, tuotanto-, yhdyskuntatekniikan tai muut rakennukset",
)
WORKS = ("Uusi rakennus", "Laajentaminen", "Muu muutostyö", "Purkaminen")
_CLAUSE = re.compile(r"\s*(\w+)\s*(=|>=)\s*'([^']*)'\s*")


@dataclass
class Ryhti:
    """The service. `collections` has the rows of each collection.

    `heeds_filter` False answers as if there were no filter; `heeds_start` False gives the first page again and again.
    """

    collections: dict[str, list[dict[str, Any]]]
    heeds_filter: bool = True
    heeds_start: bool = True
    most: int = MOST
    path: str = field(default="geoserver/ryhti_building/ogc/features/v1")

    def answer(self, asked: Asked) -> Told:
        """The list of collections, or rows of one; 404 for anything else, 400 for a filter it cannot read."""
        match (asked.method, asked.path):
            case ("GET", ("collections",)):
                ids = [*self.collections, "open_address", "open_building"]
                document = {
                    "collections": [{"id": one, "title": one, "links": []} for one in ids],
                    "links": [],
                }
                return Told(200, "application/json", orjson.dumps(document))
            case ("GET", ("collections", name, "items")) if name in self.collections:
                return self._items(asked, name)
        return Told(404, JSON, orjson.dumps({"code": "NotFound", "description": "Unknown collection"}))

    def _items(self, asked: Asked, name: str) -> Told:
        rows: list[tuple[int, Row]] = list(enumerate(self.collections[name], start=1))
        try:
            if asked.one("filter") and self.heeds_filter:
                clauses = [_clause(one) for one in asked.one("filter").split(" AND ")]
                rows = [(at, row) for at, row in rows if all(_holds(row, *clause) for clause in clauses)]
            start = whole_number(asked.one("startIndex"), 0) if self.heeds_start else 0
            limit = min(whole_number(asked.one("limit"), 10), self.most)
        except ConfigurationError as error:
            return Told(400, JSON, orjson.dumps({"code": "InvalidParameterValue", "description": str(error)}))
        return page(name, rows[start : start + limit], len(rows), GEOJSON, links=[])


def _clause(text: str) -> tuple[str, str, str]:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"Could not parse CQL filter: {text[:80]}")
    return found[1], found[2], found[3]


def _holds(row: Row, name: str, sign: str, value: str) -> bool:
    said = row.get(name)
    if said is None:
        return False
    return str(said) == value if sign == "=" else str(said) >= value


def permit(
    municipality: str, day: date | str, work: str | None, number: str | None, **more: object
) -> dict[str, Any]:
    """A row of the permits."""
    return {
        "rakennusavain": f"{municipality}-{number}",
        "pysyva_lupatunnus": number,
        "kuntanumero": municipality,
        "sijaintikiinteisto": f"{municipality}-1-1-1",
        "paatospaivamaara": f"{day}Z",
        "toimenpiteen_laji": work,
        "toimenpiteen_tila": "Suunniteltu",
        **more,
    }


def building(municipality: str, day: date | str, material: str | None, use: str | None) -> dict[str, Any]:
    """A row of the completed buildings."""
    return {
        "pysyva_rakennustunnus": "1",
        "kuntanumero": municipality,
        "valmistumispaivamaara": f"{day}Z",
        "kantavien_rakenteiden_rakennusaine": material,
        "paaasiallinen_kayttotarkoitus": use,
        "kaytossaolo": "Käytetään vakinaiseen asumiseen",
    }


def synthetic(catalogue: Catalogue, seed: int = 1) -> Ryhti:
    """Seeded permits and buildings of every municipality that the catalogue asks, from its first period on."""
    chance = random.Random(seed)  # noqa: S311
    datasets = catalogue.datasets_of("ryhti")
    first = min((parse_period(one.first_period).start for one in datasets if one.first_period), default=UNTIL)
    municipalities = sorted({area.code[2:] for one in datasets for area in catalogue.areas_for(one)})
    permits, buildings = [], []
    for code in municipalities:
        day = first - timedelta(days=60)  # some of before, which the filter leaves out
        while day <= UNTIL:
            number = f"LP-{code}-{day:%Y%m%d}"
            permits += [permit(code, day, chance.choice(WORKS), number)] * chance.randint(1, 2)
            if chance.random() < 0.3:
                buildings.append(
                    building(code, day, chance.choice(("Puu", "Betoni", "Tiili", None)), chance.choice(USES))
                )
            day += timedelta(days=chance.randint(5, 25))
    return Ryhti({PERMITS: permits, BUILDINGS: buildings})
