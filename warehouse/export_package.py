"""The export's description as a Data Package, with a table schema for each CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from models.catalogue import Catalogue
from warehouse.contract import VIEW_DESCRIPTIONS, Column
from warehouse.export_tables import ExportTable, Texts
from warehouse.export_terms import Terms, licences, sources

MADE_BY = "mittaristo export"  # how an export is told from other folders
MADE_UP = "MADE-UP FIGURES for trials, not for publication. "

_FIELD_TYPES = {
    "text": "string",
    "json": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
}
MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "jsonstat": "application/json",
}


@dataclass(frozen=True)
class ExportFile:
    """One file of an export: `path` within it, what it holds (a table, or an indicator), size and SHA-256.

    `columns` are of CSV files alone; `terms` those of the sources that are in it.
    """

    path: str
    format: str
    name: str
    title: Texts
    description: str
    bytes: int
    sha256: str
    terms: tuple[Terms, ...]
    table: ExportTable | None = None

    @property
    def is_csv(self) -> bool:
        """Whether it is a CSV file, which a table schema can describe."""
        return self.format == "csv"


def data_package(
    catalogue: Catalogue,
    files: Sequence[ExportFile],
    city: Terms,
    modified: datetime | None,
    base_url: str,
    *,
    is_synthetic: bool,
) -> bytes:
    """The content of datapackage.json."""
    programme = catalogue.programme
    everyone = list({one.source: one for file in files for one in file.terms}.values())
    tables = {one.table.name for one in files if one.is_csv and one.table}
    package: dict[str, Any] = {
        "profile": "data-package",
        "name": programme.id,
        "title": programme.title_fi,
        "title_sv": programme.title_sv,
        "title_en": programme.title_en,
        "description": description(catalogue, is_synthetic=is_synthetic)["en"],
        **({"homepage": base_url} if base_url else {}),
        **({"modified": modified.isoformat().replace("+00:00", "Z")} if modified else {}),
        "made_by": MADE_BY,
        "is_synthetic": is_synthetic,
        "licenses": licences([city, *everyone]),
        "sources": sources([city, *(one for one in everyone if one.source)]),
        "contributors": [{"title": city.name_fi, "role": "publisher"}],
        "resources": [_resource(one, tables) for one in files],
    }
    return orjson.dumps(package, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def description(catalogue: Catalogue, *, is_synthetic: bool) -> Texts:
    """What the whole is, in three languages; made-up figures are said first."""
    programme = catalogue.programme
    warning = {
        "fi": "KEKSITTYJÄ LUKUJA, ei julkaistavaksi. ",
        "sv": "PÅHITTADE SIFFROR, inte för publicering. ",
    }
    warnings = warning | {"en": MADE_UP} if is_synthetic else {}
    return {
        "fi": f"{warnings.get('fi', '')}{programme.title_fi}: tunnusluvut, mittarit ja toimenpiteet, jokainen luku "
        "kaikissa tietoversioissaan lähteineen ja lisensseineen.",
        "sv": f"{warnings.get('sv', '')}{programme.title_sv}: indikatorer, mätare och åtgärder, varje siffra i alla "
        "sina versioner med källa och licens.",
        "en": f"{warnings.get('en', '')}{programme.title_en}: indicators, meters and measures, each figure in every "
        "version it was known in, with source and licence.",
    }


def _resource(file: ExportFile, tables: set[str]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "profile": "tabular-data-resource" if file.is_csv else "data-resource",
        "name": file.name,
        "path": file.path,
        "title": file.title["fi"],
        "title_sv": file.title["sv"],
        "title_en": file.title["en"],
        "description": file.description,
        "format": "json" if file.format == "jsonstat" else file.format,
        "mediatype": MEDIA_TYPES[file.format],
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "licenses": licences(list(file.terms)),
        "sources": sources(list(file.terms)),
    }
    if file.is_csv and file.table is not None:
        resource["encoding"] = "utf-8"
        resource["schema"] = _schema(file.table, tables)
    else:
        resource["type"] = "file"
    return resource


def _schema(table: ExportTable, tables: set[str]) -> dict[str, Any]:
    """The table schema of a CSV file. An empty cell is none: of a text it may also be an empty one."""
    keys = [
        {"fields": [column], "reference": {"resource": other, "fields": [column]}}
        for column, other in table.refers
        if other in tables
    ]
    return {
        "fields": [_field(one) for one in table.columns],
        "missingValues": [""],
        "primaryKey": list(table.key),
        **({"foreignKeys": keys} if keys else {}),
    }


def _field(column: Column) -> dict[str, str]:
    kind = _FIELD_TYPES[column.type]
    return {"name": column.name, "type": kind, "description": column.description}


def table_description(table: ExportTable) -> str:
    """What a row of the table is, in English."""
    return VIEW_DESCRIPTIONS[table.name]
