"""Traficom's statistics site on the stand-in: the page of fixed broadband availability, and the ODS file it links to.

The layout is the one that a public client reports; the wording of the title is ours, as none was seen. There are no
real figures of it in the project.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.ods import MEDIA_TYPE, Cell, write_ods
from demo.service import Asked, Told
from demo.synthetic import UNTIL
from models.catalogue import Catalogue
from models.divisions import load_division

PAGE = "/fi/tilastot/kiintean-verkon-laajakaistasaatavuus"
FILE = "/sites/default/files/media/file/Kiintean-verkon-laajakaistasaatavuus-Tillgang-till-fasta-natet.ods"
SPEEDS = (">=30", ">=100", ">=300", ">=1000")

Shares = tuple[float | str | None, ...]  # one of each speed; a text for a mark in the place of a figure


@dataclass
class TraficomBroadband:
    """The page and the file. `municipalities` and `regions` have shares by Finnish name, Swedish and English beside.

    `link` is where the page's link leads, None for a page without one; the file itself is at FILE.
    """

    title: str
    country: Shares
    regions: dict[tuple[str, str, str], Shares]
    municipalities: dict[tuple[str, str, str], Shares]
    speeds: tuple[str, ...] = SPEEDS
    header: tuple[str, str, str] = ("Kunnat", "Kommuner", "Municipalities")
    sheet: str = "Saatavuus"
    link: str | None = FILE
    more_links: tuple[str, ...] = ()
    file: bytes | None = None  # in the place of the file that the figures make
    media_type: str = MEDIA_TYPE
    path: str = field(default="tieto.traficom.fi")

    def answer(self, asked: Asked) -> Told:
        """The page, the file, or a page that says there is none."""
        if asked.method == "GET" and "/" + "/".join(asked.path) == PAGE:
            return Told(200, "text/html; charset=UTF-8", self._page().encode())
        if asked.method == "GET" and "/" + "/".join(asked.path) == FILE:
            return Told(200, self.media_type, self.file if self.file is not None else self.ods())
        return Told(
            404, "text/html; charset=UTF-8", b"<html><body><h1>Sivua ei l\xc3\xb6ytynyt</h1></body></html>"
        )

    def ods(self) -> bytes:
        """The file as the figures make it."""
        return write_ods({self.sheet: self._rows()})

    def _rows(self) -> list[list[Cell]]:
        rows: list[list[Cell]] = [
            [self.title],
            ["Prosenttia kotitalouksista - Procent av hushållen - Per cent of households"],
            ["FIN", "SVE", "ENG", *self.speeds],
            ["Suomi", "Finland", "Finland", *self.country],
            ["Maakunnat", "Landskap", "Regions", *self.speeds],
        ]
        rows += [[*names, *shares] for names, shares in self.regions.items()]
        rows.append([*self.header, *self.speeds])
        rows += [[*names, *shares] for names, shares in self.municipalities.items()]
        return [*rows, [], ["Lähde: Traficom. Tietoja saa käyttää lisenssillä CC BY 4.0."]]

    def _page(self) -> str:
        links = [one for one in (self.link, *self.more_links) if one is not None]
        shown = "".join(f'<li><a class="file" href="{one}">Taulukko (ods)</a></li>' for one in links)
        return (
            '<!DOCTYPE html><html lang="fi"><head><meta charset="utf-8"><title>Kiinteän verkon laajakaistasaatavuus'
            '</title><link rel="canonical" href="/fi/tilastot"></head><body><a href="/fi">Etusivu</a>'
            f'<ul>{shown}</ul><a href="https://www.example.org/muu.pdf">Muualla aiheesta</a></body></html>'
        )


def synthetic(catalogue: Catalogue, seed: int = 1) -> TraficomBroadband:
    """Seeded shares of every municipality and region of the country: plausible, and about nothing."""
    division = load_division(2026)

    def shares(name: str, floor: float) -> Shares:
        chance = random.Random(f"{seed} {name}")  # noqa: S311
        falling = sorted((chance.uniform(floor, 0.99) for _ in SPEEDS), reverse=True)
        return tuple(round(one, 4) for one in falling)

    def by_names(level: str, floor: float) -> dict[tuple[str, str, str], Shares]:
        areas = division.areas("municipality" if level == "municipality" else "region")
        return {
            (area.name_fi, area.name_sv or area.name_fi, area.name_en or area.name_fi): shares(
                area.code, floor
            )
            for area in sorted(areas, key=lambda one: one.name_fi)
        }

    year = UNTIL.year - 1
    return TraficomBroadband(
        title=(
            f"Kiinteän verkon laajakaistasaatavuus 31.12.{year} - Tillgång till fasta bredband 31.12.{year} - "
            f"Availability of fixed broadband 31.12.{year} (synteettinen aineisto)"
        ),
        country=shares(catalogue.areas.country.code, 0.6),
        regions=by_names("region", 0.4),
        municipalities=by_names("municipality", 0.2),
    )


def named(service: TraficomBroadband, name: str) -> tuple[str, str, str]:
    """The key of a municipality or region by its Finnish name."""
    both: Mapping[tuple[str, str, str], Shares] = {**service.regions, **service.municipalities}
    return next(names for names in both if names[0] == name)
