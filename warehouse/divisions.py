"""The divisions of areas year by year in the database: written where they differ, and read back as they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from models.area import Area, AreaLevel
from models.catalogue.catalogue import content_hash
from models.divisions import Division, DivisionError, Divisions, Municipality, divisions_of
from warehouse import tables
from warehouse.times import as_utc

_DIVISION = tables.table_of(tables.Division)
_AREA = tables.table_of(tables.DivisionArea)
_CHANGE = tables.table_of(tables.AreaChange)
_LEVELS: tuple[AreaLevel, ...] = ("municipality", "subregion", "region")

Row = dict[str, Any]

_read: dict[object, Divisions] = {}  # the last that were read, by what tells them from any other


def store_divisions(
    connection: Connection, divisions: Divisions, collections: Mapping[int, str], *, recorded_at: datetime
) -> None:
    """Makes the tables say what `divisions` says; only years that differ are written.

    `collections` has the collection that brought a year's division; the others are the catalogue's own.
    """
    stored = {row["year"]: row for row in connection.execute(select(_DIVISION)).mappings()}
    for year in stored.keys() - divisions.by_year.keys():
        _remove(connection, year)
    for year, division in divisions.by_year.items():
        areas = _areas(division)
        row = {
            "year": year,
            "is_whole": division.whole,
            "collection_id": collections.get(year, ""),
            "fingerprint": content_hash([division.whole, areas]),
        }
        if year in stored and all(stored[year][name] == value for name, value in row.items()):
            continue
        _remove(connection, year)
        connection.execute(insert(_DIVISION), row | {"recorded_at": as_utc(recorded_at)})
        connection.execute(insert(_AREA), areas)
    changes = _changes(divisions)
    if changes != _stored_changes(connection):
        connection.execute(delete(_CHANGE))
        if changes:
            connection.execute(
                insert(_CHANGE), [dict(zip(_CHANGE.c.keys(), one, strict=True)) for one in changes]
            )


def stored_divisions(connection: Connection) -> Divisions:
    """The divisions as they were stored. Raises DivisionError where none is."""
    query = select(_DIVISION.c.year, _DIVISION.c.is_whole, _DIVISION.c.fingerprint).order_by(_DIVISION.c.year)
    years = [(int(year), bool(whole), str(text)) for year, whole, text in connection.execute(query)]
    if not years:
        raise DivisionError(
            "no division of areas is known; it comes with the catalogue when `mittaristo run` takes it into use"
        )
    changes = _stored_changes(connection)
    key = (tuple(years), tuple(changes))
    found = _read.get(key)
    if found is None:
        found = _built(connection, {year: whole for year, whole, _ in years}, changes)
        _read.clear()
        _read[key] = found
    return found


def collections_of_divisions(connection: Connection) -> dict[int, str]:
    """Year → the collection that brought its division, for those that are not the catalogue's own."""
    query = select(_DIVISION.c.year, _DIVISION.c.collection_id).where(_DIVISION.c.collection_id != "")
    return {int(year): str(collection_id) for year, collection_id in connection.execute(query)}


def _remove(connection: Connection, year: int) -> None:
    connection.execute(delete(_AREA).where(_AREA.c.year == year))
    connection.execute(delete(_DIVISION).where(_DIVISION.c.year == year))


def _areas(division: Division) -> list[Row]:
    region_of_subregion = {
        subregion: division.region_of[code] for code, subregion in division.subregion_of.items()
    }
    return [
        {
            "year": division.year,
            "area_code": one.code,
            "level": level,
            "name_fi": one.name_fi,
            "name_sv": one.name_sv,
            "name_en": one.name_en,
            "subregion_code": division.subregion_of.get(one.code),
            "region_code": division.region_of.get(one.code) or region_of_subregion.get(one.code),
        }
        for level in _LEVELS
        for one in division.areas(level)
    ]


def _changes(divisions: Divisions) -> list[tuple[int, str, str, str]]:
    """(year, kind, predecessor, successor), in order."""
    rows = {
        (one.year, str(one.kind), before, after)
        for one in divisions.changes
        for before in one.predecessors
        for after in one.successors
    }
    rows |= {
        (year, "told", before, after)
        for year, became in divisions.became.items()
        if year not in divisions.steps
        for before, successors in became.items()
        for after in successors
    }
    return sorted(rows)


def _stored_changes(connection: Connection) -> list[tuple[int, str, str, str]]:
    return sorted((row[0], row[1], row[2], row[3]) for row in connection.execute(select(*_CHANGE.c)))


def _built(
    connection: Connection, years: Mapping[int, bool], changes: Iterable[tuple[int, str, str, str]]
) -> Divisions:
    rows: dict[int, list[Row]] = {year: [] for year in years}
    for row in connection.execute(select(_AREA).order_by(_AREA.c.year, _AREA.c.area_code)).mappings():
        rows[row["year"]].append(dict(row))
    became: dict[int, dict[str, tuple[str, ...]]] = {}
    for year, kind, before, after in changes:
        if kind != "moved_region":
            codes = became.setdefault(year, {}).get(before, ())
            became[year][before] = tuple(dict.fromkeys((*codes, after)))
    return divisions_of([_division(year, years[year], rows[year]) for year in years], became)


def _division(year: int, whole: bool, rows: Iterable[Row]) -> Division:
    by_level: dict[str, list[Row]] = {level: [] for level in _LEVELS}
    for row in rows:
        by_level[row["level"]].append(row)

    def areas(level: AreaLevel) -> dict[str, Area]:
        return {
            row["area_code"]: Area(row["area_code"], level, row["name_fi"], row["name_sv"], row["name_en"])
            for row in by_level[level]
        }

    municipalities = by_level["municipality"]
    return Division(
        year=year,
        municipalities={
            row["area_code"]: Municipality(row["area_code"], row["name_fi"], row["name_sv"], row["name_en"])
            for row in municipalities
        },
        region_of={row["area_code"]: row["region_code"] for row in municipalities},
        regions=areas("region"),
        subregion_of={
            row["area_code"]: row["subregion_code"] for row in municipalities if row["subregion_code"]
        },
        subregions=areas("subregion"),
        whole=whole,
    )
