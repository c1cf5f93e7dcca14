"""PRH's and YTJ's part of the stand-in: the search for companies, a hundred a page.

It answers as the service's own description and public clients report: `totalResults` counts all that were found, a
search by location finds companies with an address in that post town (in Finnish or Swedish, whatever the case), and
days bound the registration in the trade register. Every company has names here, those of people among them, so that a
test can see that they are nowhere kept. What is not known is plain: a day that is none, or a page before the first,
is a bad request; nothing found is an empty list.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from demo.service import Asked, Told, told
from models.catalogue import Catalogue

SOURCE = "prh_ytj"
PAGE = 100
NAMES = ("Toiminimi Matti Meikäläinen", "Korhosen Kone Oy", "Rakennus Maija Virtanen Ky")
_PARAMETERS = frozenset(
    {
        "name",
        "location",
        "businessId",
        "companyForm",
        "mainBusinessLine",
        "registrationDateStart",
        "registrationDateEnd",
        "postCode",
        "page",
    }
)
_COMPANIES_A_YEAR = 5.0  # to a thousand inhabitants, about
_SIZES = {"KU564": 215.0, "KU297": 125.0, "KU167": 78.0, "KU698": 65.0, "KU743": 66.0}  # thousands of people


@dataclass
class Company:
    """One company. `towns` are the post towns of its addresses, the visiting one first, each with its municipality."""

    business_id: str
    registered: date
    towns: tuple[tuple[str, str], ...]
    name: str = "Esimerkki Oy"
    form: str = "16"
    ended: date | None = None

    def document(self) -> dict[str, Any]:
        """What the service says of it."""
        day = self.registered.isoformat()
        return {
            "businessId": {"value": self.business_id, "registrationDate": day, "source": "3"},
            "names": [{"name": self.name, "type": "1", "registrationDate": day, "version": 1, "source": "1"}],
            "mainBusinessLine": {
                "type": "82200",
                "typeCodeSet": "TOIMI4",
                "registrationDate": day,
                "source": "2",
                "descriptions": [{"languageCode": "1", "description": "Puhelinpalvelukeskusten toiminta"}],
            },
            "companyForms": [{"type": self.form, "version": 1, "source": "1", "descriptions": []}],
            "companySituations": [],
            "registeredEntries": [],
            "addresses": [
                {
                    "type": kind,
                    "street": "Esimerkkikatu",
                    "postCode": "87100",
                    "buildingNumber": "1",
                    "registrationDate": day,
                    "source": "0",
                    "postOffices": [
                        {"city": town.upper(), "languageCode": language, "municipalityCode": municipality}
                        for language in ("2", "1")
                    ],
                }
                for kind, (town, municipality) in enumerate(self.towns, start=1)
            ],
            "tradeRegisterStatus": "1",
            "status": "2",
            "registrationDate": day,
            **({"endDate": self.ended.isoformat()} if self.ended else {}),
            "lastModified": f"{day}T03:04:05",
        }


@dataclass
class Companies:
    """The service, by the companies it has; `more` gives those of a post town and two days besides."""

    companies: list[Company]
    more: Callable[[str, date, date], Sequence[Company]] | None = None
    path: str = field(default="opendata-ytj-api/v3", init=False)

    def answer(self, asked: Asked) -> Told:
        """What the service would answer."""
        if asked.method != "GET":
            return told({"error": "Method Not Allowed"}, 405)
        if asked.path != ("companies",):
            return told({"error": "Not Found"}, 404)
        page = asked.one("page") or "1"
        try:
            first, last = (_day(asked.one(name)) for name in ("registrationDateStart", "registrationDateEnd"))
        except ValueError:
            return told({"error": "Bad Request"}, 400)
        if not page.isdecimal() or int(page) < 1 or set(asked.query) - _PARAMETERS:
            return told({"error": "Bad Request"}, 400)
        found = self._found(asked.one("location"), first or date.min, last or date.max)
        start = (int(page) - 1) * PAGE
        return told(
            {
                "totalResults": len(found),
                "companies": [one.document() for one in found[start : start + PAGE]],
            }
        )

    def _found(self, location: str, first: date, last: date) -> list[Company]:
        town = location.casefold()
        there: Iterable[Company] = self.companies
        if self.more is not None:
            there = [*there, *self.more(town, first, last)]
        return [
            one
            for one in there
            if first <= one.registered <= last
            and (not town or any(name.casefold() == town for name, _ in one.towns))
        ]


def _day(text: str) -> date | None:
    if text and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text) if text else None


def synthetic(catalogue: Catalogue, *, seed: int = 1) -> Companies:
    """The service with seeded companies in every post town that the catalogue asks for, in every month there is.

    Most of a municipality's are in its first town. A month has the same companies whenever it is asked for.
    """
    weights: dict[str, tuple[int, str, float]] = {}
    for dataset in catalogue.datasets_of(SOURCE):
        for area in catalogue.areas_for(dataset):
            towns = dataset.request["post_towns"].get(area.code, [area.name_fi])
            a_month = _SIZES.get(area.code, 12.0 if area.code != "KU205" else 36.0) * _COMPANIES_A_YEAR / 12
            for place, town in enumerate(towns):
                share = 0.9 if place == 0 else 0.1 / max(1, len(towns) - 1)
                weights.setdefault(town.casefold(), (len(weights), area.code[2:], a_month * share))

    def more(town: str, first: date, last: date) -> list[Company]:
        if town not in weights:
            return []
        number_of_town, municipality, a_month = weights[town]
        found = []
        month = first.replace(day=1)
        while month <= last:
            following = (month + timedelta(days=32)).replace(day=1)
            random = np.random.default_rng([seed, zlib.crc32(f"{town} {month}".encode())])
            start = number_of_town * 480_000 + (month.year * 12 + month.month) % 480 * 1000
            for number in range(int(random.poisson(a_month))):
                day = month + timedelta(days=int(random.integers(0, (following - month).days)))
                id, check = divmod(start + number, 10)
                where = ((town, municipality),)
                name = NAMES[number % len(NAMES)]
                found.append(Company(f"{id:07d}-{check}", day, where, name=name))
            month = following
        return found

    return Companies([], more)
