"""The export's own README: what is in it, whom to name, how to read it. In Finnish and English."""

from __future__ import annotations

from collections.abc import Sequence

from models.catalogue import Catalogue
from warehouse.export_package import ExportFile, description
from warehouse.export_terms import Terms

_FI = """\
# {title_fi}

{about_fi}

- `datapackage.json`: jokaisen tiedoston kuvaus (Data Package), sarakkeet, lisenssit, lähteet ja tarkistussumma.
- `dcat.jsonld`: sama avoimen datan portaalille (DCAT-AP).
{kinds_fi}
Puuttuva, salattu, ei sovellu ja nolla ovat neljä eri asiaa: puuttuvan luvun kohdalla sarake `symbol` kertoo lähteen
merkinnän (`...` salattu, `..` ei saatavilla, `.` ei sovellu, `-` ei yhtään). Nolla on luku.

CSV-tiedostossa tekstin edessä on heittomerkki (`'`), jos se alkaisi merkillä, jota taulukko-ohjelma pitäisi kaavana.

## Lisenssit ja lähteet

{sources_fi}
"""
_EN = """
# {title_en}

{about_en}

- `datapackage.json`: each file described (Data Package): columns, licences, sources, checksum.
- `dcat.jsonld`: the same for an open-data portal (DCAT-AP).
{kinds_en}
Missing, confidential, not applicable and zero are four things: where a value is missing, the column `symbol` has the
source's own mark (`...` confidential, `..` not available, `.` not applicable, `-` nil). Zero is a number.

In CSV an apostrophe (`'`) stands before a text that would begin with a sign that spreadsheets take for a formula.

## Licences and sources

{sources_en}
"""
_KINDS = {
    "csv": (
        "`csv/`: näkymät CSV-tiedostoina (UTF-8, pilkku erottaa, tyhjä solu on puuttuva tieto).",
        "`csv/`: the views as CSV (UTF-8, commas, an empty cell is none).",
    ),
    "parquet": (
        "`parquet/`: samat näkymät tyypitettyinä Parquet-tiedostoina.",
        "`parquet/`: the same views, typed, as Parquet.",
    ),
    "jsonstat": (
        "`jsonstat/`: jokainen tunnusluku JSON-stat 2 -tiedostona; puuttuvan luvun syy on kohdassa `status`.",
        "`jsonstat/`: each indicator as JSON-stat 2; why a value is missing stands in `status`.",
    ),
}


def readme(catalogue: Catalogue, files: Sequence[ExportFile], city: Terms, *, is_synthetic: bool) -> bytes:
    """The content of README.md."""
    about = description(catalogue, is_synthetic=is_synthetic)
    kinds = dict.fromkeys(one.format for one in files)
    everyone = {one.source: one for file in files for one in file.terms} | {city.source: city}
    named = sorted(everyone.values(), key=lambda one: (one.source != "", one.source))
    values = {
        "title_fi": catalogue.programme.title_fi,
        "title_en": catalogue.programme.title_en,
        "about_fi": about["fi"],
        "about_en": about["en"],
        "kinds_fi": "".join(f"- {_KINDS[one][0]}\n" for one in kinds),
        "kinds_en": "".join(f"- {_KINDS[one][1]}\n" for one in kinds),
        "sources_fi": "\n".join(f"- {one.name_fi}: {one.licence}. {one.attribution_fi}." for one in named),
        "sources_en": "\n".join(f"- {one.name_en}: {one.licence}. {one.attribution_en}." for one in named),
    }
    return (_FI + _EN).format_map(values).encode("utf-8")
