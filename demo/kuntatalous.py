"""The State Treasury's part of the stand-in: the listing of all reports, and their documents.

It answers as public clients of the real service report: the listing is one object with a list `aineistot`, a stage is
written as a word with capital and umlaut there and without in an address, and each row bears the address of its
document at the real host. A document is a list of rows, one a code.
"""

from __future__ import annotations

import csv
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from demo.service import Asked, Told, told
from demo.table import SampleError
from models.catalogue import Catalogue
from models.dataset import Dataset

SOURCE = "kuntatalous"
HOST = "https://prodkuntarest.westeurope.cloudapp.azure.com/rest/v1/json"  # as the listing writes addresses
UNTIL = date(2026, 9, 30)  # the day on which synthetic figures stand, where no other is given
OTHERS = 300  # municipalities nobody asks for, in the synthetic listing
_HEADER = ("package", "business_id", "period", "stage", "approved", "published", "taxonomy")


@dataclass
class Report:
    """One report in one stage. `amounts` maps (part of the package, code) → amount as written, None for null."""

    business_id: str
    package: str
    period: str
    stage: str  # Alustava, Hyväksytty, Lopullinen or Jälkikorjattu
    approved: str
    published: str
    taxonomy: str
    amounts: dict[tuple[str, str], str | None]

    @property
    def address(self) -> tuple[str, str, str, str]:
        """What follows `dokumentti` in the document's address."""
        apart = unicodedata.normalize("NFKD", self.stage.lower())
        plain = "".join(one for one in apart if not unicodedata.combining(one))
        return plain, self.package, self.business_id, self.period

    def rows(self) -> list[dict[str, Any]]:
        """The document."""
        return [
            {
                "ytunnus": self.business_id,
                "raportointikausi": self.period,
                "raportointikokonaisuus": self.package,
                "osakokonaisuus": part,
                "taksonomia": self.taxonomy,
                "tunnusluku": code,
                "arvo": amount,
                "kommentti": None,
                "tarkastushavainnot": [],
            }
            for (part, code), amount in self.amounts.items()
        ]


@dataclass
class Kuntatalous:
    """The service, by the reports it has; of those approved again the newest is the document at their address."""

    reports: list[Report]
    path: str = field(default="rest/v1/json", init=False)

    def answer(self, asked: Asked) -> Told:
        """What the service would answer."""
        if asked.method != "GET":
            return told({"error": "Method Not Allowed"}, 405)
        match asked.path:
            case ("aineistot",):
                return told({"aineistot": [_listed(one) for one in self.reports]})
            case ("dokumentti", *address):
                found = [one for one in self.reports if one.address == tuple(address)]
                if found:
                    return told(max(found, key=lambda one: one.approved).rows())
        return told({"error": "Not Found"}, 404)


def _listed(one: Report) -> dict[str, Any]:
    return {
        "ytunnus": one.business_id,
        "raportointikokonaisuus": one.package,
        "raportointikausi": one.period,
        "hyvaksymisvaihe": one.stage,
        "hyvaksymispvm": one.approved,
        "julkaisupvm": one.published,
        "tunnusluvut": f"{HOST}/dokumentti/{'/'.join(one.address)}",
    }


def sample(folder: Path | None = None) -> Kuntatalous:
    """The service with the real reports under `demo/sample/kuntatalous` (or in `folder`).

    Raises SampleError, with file and line, where a file does not hold together.
    """
    root: Traversable = folder if folder is not None else files("demo").joinpath("sample", SOURCE)
    found = [
        _read(one) for one in sorted(root.iterdir(), key=lambda one: one.name) if one.name.endswith(".csv")
    ]
    if not found:
        raise SampleError(f"no sample files (*.csv) in {folder or 'the package'}")
    return Kuntatalous(found)


def _read(file: Traversable) -> Report:
    header: dict[str, str] = {}
    amounts: dict[tuple[str, str], str | None] = {}
    lines = file.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("#"):
            name, _, text = line.removeprefix("#").partition(":")
            header[name.strip()] = text.strip()
    lacking = [name for name in (*_HEADER, "source", "licence", "statement") if not header.get(name)]
    if lacking:
        raise SampleError(f"{file.name}: the header lacks {', '.join(lacking)}")
    for at, line in enumerate(lines, start=1):
        row = next(csv.reader([line]), [])
        if line.startswith("#") or row[:2] == ["part", "code"]:
            continue
        try:
            part, code, _, _, value = row
            float(value)
        except ValueError as error:
            raise SampleError(f"{file.name}, line {at}: a row is part,code,year,name_fi,value") from error
        if (part, code) in amounts:
            raise SampleError(f"{file.name}, line {at}: {part} / {code} stands there twice")
        amounts[part, code] = value
    return Report(
        business_id=header["business_id"],
        package=header["package"],
        period=header["period"],
        stage=header["stage"],
        approved=header["approved"],
        published=header["published"],
        taxonomy=header["taxonomy"],
        amounts=amounts,
    )


def synthetic(catalogue: Catalogue, *, seed: int = 1, until: date = UNTIL) -> Kuntatalous:
    """The service with seeded reports of everything that the catalogue asks of it, and with some that nobody asks.

    Of each year there is a final report, of the year before the last also the draft that went before it, and of the
    package with quarters those, too. The amounts say nothing about the world.
    """
    reports: list[Report] = []
    for dataset in catalogue.datasets_of(SOURCE):
        for area, business_id in dataset.request["business_ids"].items():
            for year, released in _years(dataset, until):
                reports += _filed(catalogue, dataset, area, business_id, year, released, seed)
    first = reports[0]
    for number in range(OTHERS):
        reports.append(
            Report(
                f"{9_000_000 + number}-{number % 10}",
                first.package,
                first.period,
                "Lopullinen",
                first.approved,
                first.published,
                first.taxonomy,
                {},
            )
        )
    return Kuntatalous(reports)


def _years(dataset: Dataset, until: date) -> Iterator[tuple[int, date]]:
    """The years of a dataset that are out by `until`, each with the day of its publication."""
    year = int(dataset.first_period[:4])
    while (released := date(year, 12, 31) + timedelta(days=dataset.lag_days)) <= until:
        yield year, released
        year += 1


def _filed(
    catalogue: Catalogue,
    dataset: Dataset,
    area: str,
    business_id: str,
    year: int,
    released: date,
    seed: int,
) -> Iterator[Report]:
    template = dataset.request["period"]
    amounts = {
        _code(choice.code[0]): f"{_amount(catalogue, dataset, choice.key, area, year, seed):.2f}"
        for choice in dataset.contents
    }

    def report(period: str, stage: str, days: int, share: float) -> Report:
        at = datetime(released.year, released.month, released.day, 9, tzinfo=UTC) + timedelta(days=days)
        part: dict[tuple[str, str], str | None] = {
            code: f"{float(amount) * share:.2f}" for code, amount in amounts.items()
        }
        return Report(
            business_id,
            dataset.request["package"],
            period,
            stage,
            f"{at:%Y-%m-%dT%H:%M:%S}.003Z",
            f"{at + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}.13Z",
            dataset.request["taxonomies"][-1],
            part,
        )

    whole = template.replace("{year}", str(year))
    yield report(whole, "Alustava", -30, 0.99)
    yield report(whole, "Lopullinen", 0, 1.0)
    if whole.endswith("C12"):
        for month, share in (("03", 0.2), ("06", 0.45), ("09", 0.7)):
            yield report(f"{year}C{month}", "Lopullinen", -200, share)


def _code(text: str) -> tuple[str, str]:
    part, _, code = text.partition("/")
    return part.strip(), code.strip()


def _amount(catalogue: Catalogue, dataset: Dataset, key: str, area: str, year: int, seed: int) -> float:
    """Some amount within the valid range of what shows it: a level of its own, and a small step a year."""
    ranges = [
        (one.valid_min, one.valid_max)
        for one in catalogue.indicators_of(dataset.id)
        if any(given.content == key for given in one.inputs.values())
    ]
    high = min((high for _, high in ranges if high is not None), default=1e9)
    random = np.random.default_rng([seed, zlib.crc32(f"{dataset.id} {key} {area}".encode())])
    level = high * float(random.uniform(0.02, 0.2))
    return level * float(np.exp(random.normal(0, 0.03, year - 1990).sum() / 4))


def held(service: Kuntatalous, catalogue: Catalogue) -> Iterator[tuple[Dataset, date]]:
    """The datasets of the catalogue of which the service has a report, each with the day at which they stand."""
    for dataset in catalogue.datasets_of(SOURCE):
        ids = set(dataset.request["business_ids"].values())
        days = [
            date.fromisoformat(one.published[:10])
            for one in service.reports
            if one.package == dataset.request["package"] and one.business_id in ids
        ]
        if days:
            yield dataset, max(days)
