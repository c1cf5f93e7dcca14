"""The warehouse as open data: a folder of CSV, Parquet and JSON-stat files, described as a Data Package and in DCAT-AP.

The same warehouse gives the same bytes. The folder is made beside the old one and takes its place in one step.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.errors import ConfigurationError
from warehouse import export_dcat
from warehouse.export_dcat import DataSet, dcat, usual_frequency
from warehouse.export_files import write_table
from warehouse.export_jsonstat import cube
from warehouse.export_package import MADE_BY, ExportFile, data_package, table_description
from warehouse.export_readme import readme
from warehouse.export_tables import (
    TABLES,
    ExportTable,
    OpenIndicator,
    has_made_up_figures,
    open_indicators,
    pieces,
)
from warehouse.export_terms import Terms, licences, publisher, terms_of
from warehouse.folder_swap import new_draft, recover, take_place

Format = Literal["csv", "parquet", "jsonstat"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "jsonstat")
DESCRIPTIONS = ("datapackage.json", export_dcat.PATH, "README.md")

_INDICATORS, _SERIES = (
    next(one for one in TABLES if one.name == name) for name in ("dashboard_indicators", "dashboard_series")
)


@dataclass(frozen=True)
class Exported:
    """What went out: rows by view and indicators with figures, files and their bytes; and what is to be said of it.

    `withheld` are sources without a licence whose indicators stayed inside, `unconfirmed` those whose licence the
    catalogue states with a reservation.
    """

    rows: dict[str, int]
    indicators: int
    files: int
    bytes: int
    withheld: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    is_synthetic: bool


@dataclass(frozen=True)
class _Build:
    """What all parts of one export share."""

    connection: Connection
    catalogue: Catalogue
    draft: Path
    terms: dict[str, Terms]
    city: Terms
    indicators: tuple[OpenIndicator, ...]  # whose figures go out, and of which there are some
    modified: datetime | None
    base_url: str
    is_synthetic: bool


def build_export(
    connection: Connection,
    catalogue: Catalogue,
    folder: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    base_url: str = "",
    contact: str = "",
) -> Exported:
    """Writes the export to `folder`, in place of the one that is there.

    `base_url` is where it will be found ('' or with a slash at its end); without it addresses are relative.
    Raises ConfigurationError where the folder holds anything that no export wrote, and OSError; the old export then
    stays as it was.
    """
    folder = folder.resolve()
    recover(folder)
    refuse_what_is_not_ours(folder)
    terms = terms_of(catalogue)
    indicators = tuple(one for one in open_indicators(connection, terms) if one.rows)
    moments = [one.recorded_at for one in indicators if one.recorded_at is not None]
    draft = new_draft(folder)
    try:
        build = _Build(
            connection,
            catalogue,
            draft,
            terms,
            publisher(catalogue),
            indicators,
            max(moments, default=None),
            base_url,
            has_made_up_figures(connection),
        )
        rows, files, sets = _write_all(build, formats)
        described = {
            "datapackage.json": data_package(
                catalogue, files, build.city, build.modified, base_url, is_synthetic=build.is_synthetic
            ),
            export_dcat.PATH: dcat(
                catalogue,
                sets,
                build.city,
                build.modified,
                base_url,
                contact,
                is_synthetic=build.is_synthetic,
            ),
            "README.md": readme(catalogue, files, build.city, is_synthetic=build.is_synthetic),
        }
        for name, content in described.items():
            (draft / name).write_bytes(content)
        refuse_what_is_not_ours(folder)
        take_place(folder, draft, lambda _: True)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    used = {one.source for one in catalogue.indicators.values()}
    return Exported(
        rows=rows,
        indicators=len(indicators),
        files=len(files) + len(described),
        bytes=sum(one.bytes for one in files) + sum(map(len, described.values())),
        withheld=tuple(sorted(key for key in used if not terms[key].licence)),
        unconfirmed=tuple(sorted({one.source for one in indicators if not terms[one.source].is_confirmed})),
        is_synthetic=build.is_synthetic,
    )


def refuse_what_is_not_ours(folder: Path) -> None:
    """Raises ConfigurationError where `folder` is there and holds anything that no export wrote.

    Ours is what the folder's datapackage.json lists, and the descriptions themselves.
    """
    if not folder.exists():
        return
    advice = "nothing was written; name another folder, or move it away"
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file, not a folder; {advice}")
    there = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if not one.is_dir())
    there += [
        f"{one.relative_to(folder).as_posix()}/" for one in folder.rglob("*/") if not any(one.iterdir())
    ]
    if not there:
        return
    try:
        package = json.loads((folder / "datapackage.json").read_bytes())
        ours = {one["path"] for one in package["resources"]} if package["made_by"] == MADE_BY else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        ours = set()
    if not ours:
        raise ConfigurationError(f"{folder} is there and is no export of ours; {advice}")
    others = [one for one in there if one not in ours and one not in DESCRIPTIONS]
    if others:
        raise ConfigurationError(f"{folder} holds {others[0]}, which no export wrote; {advice}")


# --- files ----------------------------------------------------------------------------------------------------------


def _write_all(
    build: _Build, formats: Sequence[Format]
) -> tuple[dict[str, int], list[ExportFile], list[DataSet]]:
    rows: dict[str, int] = {}
    files: list[ExportFile] = []
    sets: list[DataSet] = []
    for name in formats:
        if name != "jsonstat" or build.indicators:
            (build.draft / name).mkdir()
    if set(formats) & {"csv", "parquet"}:
        for table in TABLES:
            count, made = _write_view(build, table, formats)
            rows[table.name] = count
            files += made
            sets.append(_set_of_view(build, table, made))
    if "jsonstat" in formats:
        for row, indicator in _described(build):
            file = _write_cube(build, row, indicator)
            files.append(file)
            sets.append(_set_of_indicator(build, row, indicator, file))
    return rows, files, sets


def _write_view(build: _Build, table: ExportTable, formats: Sequence[Format]) -> tuple[int, list[ExportFile]]:
    paths = {one: f"{one}/{table.name}.{one}" for one in formats if one != "jsonstat"}
    terms = _terms_in(build, table)
    metadata = {
        "title": table.title["en"],
        "description": table_description(table),
        "publisher": build.city.name_fi,
        "licences": json.dumps(licences(list(terms)), ensure_ascii=False),
        "attribution": json.dumps([one.attribution_fi for one in terms], ensure_ascii=False),
        "is_synthetic": str(build.is_synthetic).lower(),
    }
    with closing(pieces(build.connection, table, build.indicators, build.terms, build.city)) as found:
        count = write_table(
            table.columns,
            found,
            csv_path=build.draft / paths["csv"] if "csv" in paths else None,
            parquet_path=build.draft / paths["parquet"] if "parquet" in paths else None,
            metadata=metadata,
        )
    made = [
        _file(
            build,
            path,
            kind,
            table.name if kind == "csv" else f"{table.name}_{kind}",
            table.title,
            table_description(table),
            terms,
            table,
        )
        for kind, path in paths.items()
    ]
    return count, made


def _write_cube(build: _Build, row: dict[str, Any], indicator: OpenIndicator) -> ExportFile:
    path, terms = f"jsonstat/{indicator.id}.json", build.terms[indicator.source]
    found = pieces(build.connection, _SERIES, (indicator,), build.terms, build.city)
    href = f"{build.base_url}{path}" if build.base_url else ""
    names = [one.name for one in _SERIES.columns]
    (build.draft / path).write_bytes(cube(row, names, found, terms, href))
    title = {"fi": row["name_fi"], "sv": row["name_sv"], "en": row["name_en"]}
    return _file(
        build, path, "jsonstat", f"{indicator.id}_jsonstat", title, _about(row)["en"], (terms,), None
    )


def _file(
    build: _Build,
    path: str,
    kind: str,
    name: str,
    title: Any,
    description: str,
    terms: tuple[Terms, ...],
    table: ExportTable | None,
) -> ExportFile:
    with (build.draft / path).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
    return ExportFile(path, kind, name, title, description, size, digest, terms, table)


def _described(build: _Build) -> Iterator[tuple[dict[str, Any], OpenIndicator]]:
    """The indicators that have figures, each with its row of dashboard_indicators."""
    names = [one.name for one in _INDICATORS.columns]
    rows = chain.from_iterable(
        zip(*piece, strict=True)
        for piece in pieces(build.connection, _INDICATORS, (), build.terms, build.city)
    )
    by_id = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    for one in build.indicators:
        yield by_id[one.id], one


def _terms_in(build: _Build, table: ExportTable) -> tuple[Terms, ...]:
    """The terms of all sources that can stand in the table."""
    of_figures = {one.source for one in build.indicators}
    if table.name == "dashboard_freshness":
        wanted = {one.source for one in build.catalogue.datasets.values()}
    elif table.name == "dashboard_indicators":
        wanted = {one.source for one in build.catalogue.indicators.values()}
    elif table.by or table.source:
        wanted = of_figures
    else:
        wanted = set()
    found = tuple(one for key, one in build.terms.items() if key in wanted and one.licence)
    is_city_s = not table.by and table.name != "dashboard_freshness"
    return (build.city, *found) if is_city_s or not found else found


# --- data sets ------------------------------------------------------------------------------------------------------


def _set_of_view(build: _Build, table: ExportTable, files: Sequence[ExportFile]) -> DataSet:
    firsts = [one.first for one in build.indicators if one.first is not None]
    lasts = [one.last for one in build.indicators if one.last is not None]
    about = {"fi": table.about_fi, "sv": table.about_sv, "en": table_description(table)}
    frequencies = [
        build.catalogue.indicators[one.id].frequency
        for one in build.indicators
        if one.id in build.catalogue.indicators
    ]
    return DataSet(
        name=table.name,
        title=table.title,
        description=about,
        files=tuple(files),
        frequency=usual_frequency(frequencies),
        modified=build.modified,
        first=min(firsts, default=None) if table.by else None,
        last=max(lasts, default=None) if table.by else None,
    )


def _set_of_indicator(
    build: _Build, row: dict[str, Any], indicator: OpenIndicator, file: ExportFile
) -> DataSet:
    return DataSet(
        name=indicator.id,
        title=file.title,
        description=_about(row),
        files=(file,),
        frequency=row["frequency"],
        modified=indicator.recorded_at,
        first=indicator.first,
        last=indicator.last,
    )


def _about(row: dict[str, Any]) -> dict[str, str]:
    """What an indicator is, in three languages: name, unit, and the catalogue's note where there is one."""
    texts = {
        "fi": (f"{row['name_fi']} ({row['unit_fi']}).", row["note_fi"]),
        "sv": (f"{row['name_sv']}.",),
        "en": (f"{row['name_en']} ({row['unit']}).", row["note_en"]),
    }
    return {language: " ".join(one for one in parts if one) for language, parts in texts.items()}
