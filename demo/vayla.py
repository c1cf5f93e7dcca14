"""Väylävirasto's WFS on the stand-in: what fields a layer has, and its features page by page, without their shapes.

Layers and fields are those that public clients report; there are no real projects in it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from demo.features import JSON, Row, page, report, whole_number
from demo.service import Asked, Told
from demo.synthetic import UNTIL
from models.catalogue import Catalogue
from models.errors import ConfigurationError

ROADS, PLANS = "hanketiedot:tiehankkeet", "hanketiedot:ratasuunnitelmat"
MOST = 5_000  # features of one answer

_FIELDS = {
    ROADS: (
        *("id", "nimi", "tieosoite", "tilaajaorganisaatio", "aloitus", "lopetus", "kustannusarvio", "kuvaus"),
        *("linkki", "irrotus_pvm", "kunta", "oid", "length"),
    ),
    PLANS: (
        *("id", "nimi", "vaihe", "tila", "tilaajaorganisaatio", "kuvaus", "kustannusarvio", "maku_indeksi"),
        *("kohdesivu", "hankesivu", "ratanumero", "ha_kortti", "suunnittelu_alkaa", "suunnittelu_loppuu"),
    ),
}


@dataclass
class Vayla:
    """The service. `layers` has the features of each layer: fields that are not given are null.

    `fields` are those that a layer has; `most` is how many features one answer has at most.
    """

    layers: dict[str, list[dict[str, Any]]]
    fields: dict[str, list[str]] = field(
        default_factory=lambda: {name: list(one) for name, one in _FIELDS.items()}
    )
    most: int = MOST
    paging: bool = True  # whether startIndex is heeded
    path: str = field(default="vaylatiedot/ows")

    def answer(self, asked: Asked) -> Told:
        """DescribeFeatureType and GetFeature as JSON; a report of what is wrong for anything else."""
        if asked.method != "GET" or asked.path or asked.one("service") != "WFS":
            return report("MissingParameterValue", "service")
        layer = asked.one("typeNames")
        if layer not in self.layers:
            return report("InvalidParameterValue", f"Feature type {layer} unknown")
        if asked.one("outputFormat") != "application/json":
            return report("InvalidParameterValue", "this stand-in gives application/json only")
        if asked.one("request") == "DescribeFeatureType":
            return self._described(layer)
        if asked.one("request") == "GetFeature":
            return self._features(asked, layer)
        return report("OperationNotSupported", asked.one("request"))

    def _described(self, layer: str) -> Told:
        properties = [
            {
                "name": name,
                "maxOccurs": 1,
                "minOccurs": 0,
                "nillable": True,
                "type": "xsd:string",
                "localType": "string",
            }
            for name in [*self.fields[layer], "shape"]
        ]
        own = layer.rpartition(":")[2]
        document = {
            "elementFormDefault": "qualified",
            "targetPrefix": "hanketiedot",
            "featureTypes": [{"typeName": own, "properties": properties}],
        }
        return Told(200, JSON, orjson.dumps(document))

    def _features(self, asked: Asked, layer: str) -> Told:
        wanted = [name for name in asked.one("propertyName").split(",") if name] or self.fields[layer]
        for name in [*wanted, *([asked.one("sortBy")] if asked.one("sortBy") else [])]:
            if name not in self.fields[layer]:
                return report(
                    "InvalidParameterValue", f"Requested property: {name} is not available for {layer}"
                )
        try:
            start = whole_number(asked.one("startIndex"), 0) if self.paging else 0
            count = min(whole_number(asked.one("count"), self.most), self.most)
        except ConfigurationError as error:
            return report("InvalidParameterValue", str(error))
        rows: list[tuple[int, Row]] = [
            (number, {name: row.get(name) for name in wanted})
            for number, row in enumerate(self.layers[layer], start=1)
        ]
        return page(layer.rpartition(":")[2], rows[start : start + count], len(rows), JSON, crs=None)


def synthetic(catalogue: Catalogue, seed: int = 1) -> Vayla:
    """Seeded projects on the roads of the catalogue and elsewhere, in several forms of addresses, and rail plans."""
    chance = random.Random(seed)  # noqa: S311
    asked = {one.request.get("layer"): one.request for one in catalogue.datasets_of("vayla")}
    roads = [int(one) for one in asked.get(ROADS, {}).get("roads", {}).values()]
    projects: list[dict[str, Any]] = []
    for number in [*roads, *roads, *roads, 1, 4, 9, 5800]:
        at = len(projects) + 1
        address = chance.choice(["{}", "{}/201/0-{}/203/1200", "Vt {}", "{} 201 0 203 1200"]).format(
            number, number
        )
        projects.append(
            {
                "id": at,
                "nimi": f"Synteettinen hanke {at}, tie {number}",
                "tieosoite": address,
                "aloitus": str(UNTIL.year - 1),
                "lopetus": str(UNTIL.year + chance.randint(1, 3)),
                "kustannusarvio": chance.randint(5, 400) * 100_000 if at % 3 else None,
            }
        )
    places = ["Kouvola", "Mikkeli", "Pieksämäki", "Kuopio", "Iisalmi", "Kajaani"]
    plans: list[dict[str, Any]] = [
        {
            "id": at,
            "nimi": f"{begin}-{end} synteettinen suunnitelma {at}",
            "vaihe": stage,
            "ratanumero": "006",
        }
        for at, (begin, end, stage) in enumerate(
            [
                *zip(
                    places,
                    places[1:],
                    ["Esiselvitys", "Yleissuunnitelma", "Ratasuunnitelma"] * 2,
                    strict=False,
                ),
                ("Savon rata", "", "Yleissuunnitelma"),
                ("Tampere", "Pori", "Ratasuunnitelma"),
                ("Kouvola", "Kotka", "Ratasuunnitelma"),
            ],
            start=1,
        )
    ]
    return Vayla({ROADS: projects, PLANS: plans})
