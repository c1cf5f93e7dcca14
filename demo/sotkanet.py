"""Sotkanet's part of the stand-in: regions, indicators and figures of all regions, as THL's interface gives them.

It refuses the default user agents of HTTP libraries (403) and questions without indicator, years or genders (400),
as the real service is reported to. What of it is not known is plain: an unknown indicator is not found.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from demo.service import Asked, Told, told
from demo.table import SampleError
from models.area import Area, AreaLevel
from models.catalogue import Catalogue
from models.dataset import Dataset

SOURCE = "sotkanet"
CATEGORIES: Mapping[AreaLevel, str] = {
    "municipality": "Kunta",
    "subregion": "Seutukunta",
    "region": "Maakunta",
    "country": "Maa",
}
LIBRARIES = ("python-requests", "python-urllib", "python-httpx", "curl", "wget", "java", "go-http-client")
UNTIL = date(2026, 9, 30)  # the day on which synthetic figures stand, where no other is given
_MADE_UP_IDS = 90_000  # ids of regions that the catalogue gives none for
_HIDDEN = 0.004  # share of synthetic figures that have no row


@dataclass(frozen=True)
class Region:
    """One region: Sotkanet's own id, and the code that others know it by."""

    id: int
    category: str
    code: str
    name_fi: str
    name_sv: str = ""
    name_en: str = ""


@dataclass
class SotkanetIndicator:
    """One indicator. `figures` maps (region id, year, gender) → figure; what there is none of is not in it."""

    id: int
    title_fi: str
    years: range
    updated: str  # as the service writes it, '' where it is silent
    figures: dict[tuple[int, int, str], float]
    title_sv: str = ""
    title_en: str = ""
    organization_fi: str = "Tilastokeskus"
    sexes: tuple[str, ...] = ()
    categories: tuple[str, ...] = tuple(CATEGORIES.values())

    def described(self) -> dict[str, Any]:
        """What the service says of it."""
        described = {
            "id": self.id,
            "title": {"fi": self.title_fi, "sv": self.title_sv, "en": self.title_en},
            "organization": {"id": 3, "title": {"fi": self.organization_fi}},
            "range": {"start": self.years.start, "end": self.years[-1]},
            "primaryValueType": {"code": "{}", "title": {"fi": ""}},
            "classifications": {
                "sex": {"values": list(self.sexes)},
                "region": {"values": list(self.categories)},
            },
        }
        return described | ({"data-updated": self.updated} if self.updated else {})


@dataclass
class Sotkanet:
    """The service, by what it answers from. With `old_form` rows are written as they were some years ago."""

    regions: dict[int, Region]
    indicators: dict[int, SotkanetIndicator]
    old_form: bool = False
    path: str = field(default="rest/1.1", init=False)

    def answer(self, asked: Asked) -> Told:
        """What Sotkanet would answer."""
        agent = asked.headers.get("user-agent", "").lower()
        if not agent or agent.startswith(LIBRARIES):
            return told({"error": "Forbidden"}, 403)
        if asked.method != "GET":
            return told({"error": "Method Not Allowed"}, 405)
        match asked.path:
            case ("regions",):
                return told([_region(one) for one in self.regions.values()])
            case ("indicators",):
                return told([one.described() for one in self.indicators.values()])
            case ("indicators", id) if id.isdecimal() and int(id) in self.indicators:
                return told(self.indicators[int(id)].described())
            case ("json",):
                return self._figures(asked)
        return told({"error": "Not Found"}, 404)

    def _figures(self, asked: Asked) -> Told:
        ids, years, genders = (asked.query.get(name, []) for name in ("indicator", "years", "genders"))
        if not all((ids, years, genders)) or not all(one.isdecimal() for one in (*ids, *years)):
            return told({"error": "Bad Request"}, 400)
        rows = []
        for id in ids:
            one = self.indicators.get(int(id))
            for (region, year, gender), figure in one.figures.items() if one is not None else ():
                if str(year) in years and gender in genders:
                    rows.append(self._row(int(id), region, year, gender, figure))
        return told(rows)

    def _row(self, id: int, region: int, year: int, gender: str, figure: float) -> dict[str, Any]:
        value = int(figure) if figure == int(figure) else figure
        if self.old_form:
            return {
                "region": str(region),
                "indicator": str(id),
                "primary value": str(value),
                "gender": gender,
                "year": str(year),
            }
        return {
            "indicator": id,
            "region": region,
            "year": year,
            "gender": gender,
            "value": value,
            "absValue": value,
        }


def _region(one: Region) -> dict[str, Any]:
    return {
        "id": one.id,
        "code": one.code,
        "category": one.category,
        "title": {"fi": one.name_fi, "sv": one.name_sv, "en": one.name_en},
        "memberOf": [],
        "uri": f"http://www.yso.fi/onto/kunnat/{one.category.lower()}{one.code}",
    }


def sample(folder: Path | None = None) -> Sotkanet:
    """The service with the real figures under `demo/sample/sotkanet` (or in `folder`).

    Raises SampleError, with file and line, where a file does not hold together.
    """
    root: Traversable = folder if folder is not None else files("demo").joinpath("sample", "sotkanet")
    regions: dict[int, Region] = {}
    for place, row in _rows(root.joinpath("regions.csv"))[1]:
        if len(row) != 6 or not row[0].isdecimal() or int(row[0]) in regions:
            raise SampleError(f"{place}: a region has an id of its own, category, code and three names")
        regions[int(row[0])] = Region(int(row[0]), *row[1:])
    indicators = [
        _read_indicator(file, regions)
        for file in sorted(root.iterdir(), key=lambda one: one.name)
        if file.name.endswith(".csv") and file.name != "regions.csv"
    ]
    return Sotkanet(regions, {one.id: one for one in indicators})


def _read_indicator(file: Traversable, regions: Mapping[int, Region]) -> SotkanetIndicator:
    header, rows = _rows(file)
    figures: dict[tuple[int, int, str], float] = {}
    for place, row in rows:
        try:
            region, year, gender, value = row
            key, figure = (int(region), int(year), gender), float(value)
        except ValueError as error:
            raise SampleError(f"{place}: a row is region, year, gender and a figure") from error
        if key in figures or key[0] not in regions:
            raise SampleError(
                f"{place}: region {region} is not in regions.csv, or the row stands there twice"
            )
        figures[key] = figure
    try:
        years = sorted({year for _, year, _ in figures})
        return SotkanetIndicator(
            id=int(header["indicator"]),
            title_fi=header["title_fi"],
            title_sv=header["title_sv"],
            title_en=header["title_en"],
            organization_fi=header["organization_fi"],
            years=range(years[0], years[-1] + 1),
            updated=date.fromisoformat(header["updated"]).isoformat(),
            sexes=tuple(header["sexes"].split(" | ")),
            categories=tuple(header["categories"].split(" | ")),
            figures=figures,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise SampleError(f"{file.name}: the header or the rows are not whole ({error})") from error


def _rows(file: Traversable) -> tuple[dict[str, str], list[tuple[str, list[str]]]]:
    """A file's header, and each row after that of the names with the place where it stands."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = {}
    for line in lines:
        if line.startswith("#"):
            name, _, text = line.removeprefix("#").partition(":")
            header[name.strip()] = text.strip()
    body = [(at, line) for at, line in enumerate(lines, start=1) if not line.startswith("#")]
    parsed = csv.reader(line for _, line in body)
    return header, [(f"{file.name}, line {at}", row) for (at, _), row in zip(body, parsed, strict=True)][1:]


def synthetic(catalogue: Catalogue, *, seed: int = 1, until: date = UNTIL) -> Sotkanet:
    """The service with seeded figures for every indicator that the catalogue asks of it, of all its areas.

    They lie inside the valid ranges of what reads them, and say nothing about the world. The same seed gives the same
    figures, also when a later `until` adds years.
    """
    regions: dict[int, Region] = {}
    indicators: dict[int, SotkanetIndicator] = {}
    for dataset in catalogue.datasets_of(SOURCE):
        found = {}
        for area in catalogue.areas_for(dataset):
            region = _region_of(dataset, area, len(regions))
            known = next(
                (
                    one
                    for one in regions.values()
                    if (one.category, one.code) == (region.category, region.code)
                ),
                region,
            )
            regions[known.id] = found[area] = known
        indicator = _made_up(catalogue, dataset, found, seed, until)
        indicators[indicator.id] = indicator
    return Sotkanet(regions, indicators)


def _region_of(dataset: Dataset, area: Area, number: int) -> Region:
    given = dataset.request.get("region_ids", {}).get(area.code, _MADE_UP_IDS + number)
    code = "358" if area.level == "country" else area.code[2:]
    return Region(
        given, CATEGORIES[area.level].upper(), code, area.name_fi, area.name_sv or "", area.name_en or ""
    )


def _made_up(
    catalogue: Catalogue, dataset: Dataset, regions: Mapping[Area, Region], seed: int, until: date
) -> SotkanetIndicator:
    id = int(dataset.request["indicator"])
    genders = tuple(map(str, dataset.request["genders"]))
    first = int((dataset.first_period or "2000")[:4])
    last = first
    while date(last + 1, 12, 31) + timedelta(days=dataset.lag_days) <= until:
        last += 1
    released = date(last, 12, 31) + timedelta(days=dataset.lag_days)
    low, high = _bounds(catalogue, dataset)
    counts = any(choice.summable for choice in dataset.content_choices)
    figures = {}
    for (area, region), gender in ((one, gender) for one in regions.items() for gender in genders):
        random = np.random.default_rng([seed, id, zlib.crc32(area.code.encode()), len(gender)])
        level = _size(area, low, high, random) if counts else low + (high - low) * random.uniform(0.3, 0.5)
        for year in range(first, last + 1):
            level *= float(np.exp(random.normal(0, 0.01)))
            there = random.random() >= _HIDDEN or area.level != "municipality"
            value = min(max(round(level, 0 if counts else 1), low), high)
            if there:
                figures[region.id, year, gender] = value
    return SotkanetIndicator(
        id=id,
        title_fi=dataset.title_fi,
        title_en=dataset.title_en,
        organization_fi="Synteettinen aineisto",
        years=range(first, last + 1),
        updated=released.isoformat(),
        sexes=genders,
        figures=figures,
    )


def _bounds(catalogue: Catalogue, dataset: Dataset) -> tuple[float, float]:
    """The narrowest valid range of the indicators that read the dataset."""
    readers = catalogue.indicators_of(dataset.id)
    lows = [one.valid_min for one in readers if one.valid_min is not None]
    highs = [one.valid_max for one in readers if one.valid_max is not None]
    return max(lows, default=0.0), min(highs, default=100.0)


def _size(area: Area, low: float, high: float, random: np.random.Generator) -> float:
    """A count that grows with the kind of area."""
    shares = {"municipality": 0.004, "subregion": 0.01, "region": 0.013, "country": 0.8}
    return low + (high - low) * shares[area.level] * float(random.uniform(0.7, 1.2))


def held(service: Sotkanet, catalogue: Catalogue) -> Iterator[tuple[Dataset, date]]:
    """The datasets of the catalogue whose indicator the service has, each with the day at which it stands."""
    for dataset in catalogue.datasets_of(SOURCE):
        one = service.indicators.get(int(dataset.request["indicator"]))
        if one is not None and one.updated:
            yield dataset, date.fromisoformat(one.updated)
