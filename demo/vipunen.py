"""Vipunen's part of the stand-in: resources with their fields and rows, filtered and paged by the server.

It understands the filters that its clients are known to send: `field=="text"`, `field==2025`,
`field=in=("a","b")`, joined by `;`. What it does not understand is a 400.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from demo.service import Asked, Told, told
from models.catalogue import Catalogue
from models.dataset import ClassVariable, Dataset

SOURCE = "vipunen"
DEFAULT_LIMIT = 1000
UNTIL = date(2026, 9, 30)  # the day on which synthetic figures stand, where no other is given
TARGETS = 3  # application targets of each place and year in synthetic figures
TRACKS = (None, "Ei valittu", "Todistusvalinta", "AMK-valintakoe")
ELSEWHERE = ("Kuusamo", "Raahe", None)  # texts for a class that takes all the rest

_TEXT = r"""(?:"[^"]*"|'[^']*'|-?[0-9]+)"""
_CONDITION = re.compile(rf"([\w.-]+)(?:==({_TEXT})|=in=\(({_TEXT}(?:,{_TEXT})*)\))(?:;|$)")
_VALUE = re.compile(_TEXT)

Row = dict[str, Any]


@dataclass
class Resource:
    """One resource. `fields` maps the names of its fields to their types; all rows have all of them."""

    fields: dict[str, str]
    rows: list[Row]
    restricted: bool = False
    largest_page: int = 100_000


@dataclass
class Vipunen:
    """The service, by what it answers from; `counts_off` is added to every count of rows that it tells."""

    resources: dict[str, Resource]
    counts_off: int = 0
    path: str = field(default="vipunen/api", init=False)

    def answer(self, asked: Asked) -> Told:
        """What Vipunen would answer."""
        if asked.method != "GET" or asked.path[:1] != ("resources",):
            return _error(404, "Not Found")
        if len(asked.path) == 1:
            return told(list(self.resources))
        resource = self.resources.get(asked.path[1])
        if resource is None:
            return _error(404, "Not Found")
        if resource.restricted:
            return _error(401, "Unauthorized")
        match asked.path[2:]:
            case ():
                return told([{"name": name, "type": type} for name, type in resource.fields.items()])
            case ("data",) | ("data", "count"):
                try:
                    rows = _filtered(resource, asked.one("filter"))
                    limit, offset = (
                        _whole(asked.one(name), other)
                        for name, other in (("limit", DEFAULT_LIMIT), ("offset", 0))
                    )
                except ValueError as error:
                    return _error(400, str(error))
                if asked.path[-1] == "count":
                    return told(len(rows) + self.counts_off)
                return told(rows[offset : offset + min(limit, resource.largest_page)])
        return _error(404, "Not Found")


def _error(status: int, text: str) -> Told:
    return told({"status": status, "error": text}, status)


def _whole(text: str, other: int) -> int:
    if text and not text.isdecimal():
        raise ValueError(f"{text} is no number")
    return int(text) if text else other


def _filtered(resource: Resource, text: str) -> list[Row]:
    """The rows that meet all conditions of a filter. Raises ValueError for one that cannot be understood."""
    rows, at = resource.rows, 0
    while at < len(text):
        found = _CONDITION.match(text, at)
        if found is None or found[1] not in resource.fields:
            raise ValueError(f"the filter cannot be understood at {text[at : at + 40]}")
        name, values = found[1], {one.strip("\"'") for one in _VALUE.findall(found[2] or found[3])}
        rows = [row for row in rows if row[name] is not None and str(row[name]) in values]
        at = found.end()
    return rows


def synthetic(catalogue: Catalogue, *, seed: int = 1, until: date = UNTIL) -> Vipunen:
    """The service with seeded rows for everything that the catalogue asks of it.

    Each measure stands on a row of its own, as in the real resource, and a few counts of older years are hidden. The
    figures say nothing about the world. The same seed gives the same rows, also when a later `until` adds years.
    """
    resources: dict[str, Resource] = {}
    for dataset in catalogue.datasets_of(SOURCE):
        name = str(dataset.request["resource"])
        made = _made_up(dataset, seed, until)
        if name in resources:
            made.fields = resources[name].fields | made.fields
            made.rows = [dict.fromkeys(made.fields) | row for row in (*resources[name].rows, *made.rows)]
        resources[name] = made
    return Vipunen(resources)


def _made_up(dataset: Dataset, seed: int, until: date) -> Resource:
    request = dataset.request
    measures = [choice.code[0] for choice in dataset.content_choices]
    classes = [(one, _texts(one, request.get("rest", {}))) for one in dataset.class_variables]
    further = dict(request.get("filter", {}))
    fields = {
        request["time_field"]: "number",
        request["area_field"]: "string",
        "hakukohde": "string",
        "valintatapajononTyyppi": "string",
        **{one.variable[0]: "string" for one, _ in classes},
        **dict.fromkeys(further, "string"),
        **dict.fromkeys(measures, "number"),
        request["updated_field"]: "string",
    }
    first = last = int((dataset.first_period or "2015")[:4])
    while date(last + 1, 12, 31) + timedelta(days=dataset.lag_days) <= until:
        last += 1
    released = (date(last, 12, 31) + timedelta(days=dataset.lag_days)).isoformat()
    rows: list[Row] = []
    for area in request["areas"].values():
        for year in range(first, last + 1):
            random = np.random.default_rng([seed, zlib.crc32(area.encode()), year])
            common = dict.fromkeys(fields) | {
                request["time_field"]: year,
                request["area_field"]: area,
                request["updated_field"]: released,
                **{name: one[0] if isinstance(one, list | tuple) else one for name, one in further.items()},
            }
            for texts in _combinations(classes):
                for target in range(TARGETS):
                    base = int(random.integers(20, 60))
                    for at, measure in enumerate(measures):
                        count = round(base * (len(measures) - at) * float(random.uniform(0.9, 1.2)))
                        hidden = year < last - 3 and random.random() < 0.01
                        rows.append(
                            common
                            | texts
                            | {
                                "hakukohde": f"Hakukohde {target + 1}",
                                "valintatapajononTyyppi": TRACKS[(len(measures) - at) % len(TRACKS)],
                                measure: "1-4" if hidden else count,
                            }
                        )
    return Resource(fields, rows)


def _texts(variable: ClassVariable, rest: Mapping[str, str]) -> list[str | None]:
    """The texts that rows have for a class variable: each key's, and some for the key that takes the rest."""
    texts: list[str | None] = []
    for choice in variable.take:
        if choice.key == rest.get(variable.name):
            texts.extend(ELSEWHERE)
        else:
            texts.append((*choice.label, *choice.code)[0])
    return texts or ["Yksi", "Toinen"]


def _combinations(classes: list[tuple[ClassVariable, list[str | None]]]) -> Iterator[Row]:
    if not classes:
        yield {}
        return
    variable, texts = classes[0]
    for rest in _combinations(classes[1:]):
        for text in texts:
            yield {variable.variable[0]: text} | rest


def held(service: Vipunen, catalogue: Catalogue) -> Iterator[tuple[Dataset, date]]:
    """The datasets of the catalogue whose resource the service has rows of, each with the day it was renewed."""
    for dataset in catalogue.datasets_of(SOURCE):
        resource = service.resources.get(str(dataset.request["resource"]))
        if resource is not None and resource.rows:
            yield dataset, date.fromisoformat(resource.rows[0][dataset.request["updated_field"]])
