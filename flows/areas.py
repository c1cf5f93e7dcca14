"""What the divisions of areas mean for the figures: whose sums make up the region, which areas have ended, what moved.

A table is laid out in the division whose year it bears; what had left a source's window before stays in the division it
was in. The divisions themselves come from the catalogue's files and, year by year, from the classification service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from connectors import classifications
from models.catalogue import Catalogue
from models.dataset import Dataset
from models.divisions import (
    Division,
    DivisionError,
    Divisions,
    Layout,
    ended_areas,
    laid_out,
    layout_from_json,
    region_members,
    stamp_text,
    stamp_year,
    territory_moved,
)
from models.errors import CatalogueError
from models.period import from_source
from models.reading import Reading
from warehouse import raw as raw_index
from warehouse.divisions import collections_of_divisions, store_divisions, stored_divisions
from warehouse.ledger import state_of
from warehouse.raw import RawStore

# --- what is asked


def years_wanted(connection: Connection, today: date) -> range:
    """The years whose divisions are asked of the service on `today`; years follow one another without gaps."""
    return range(min(stored_divisions(connection).newest + 1, today.year), today.year + 1)


# --- sums


@dataclass(frozen=True)
class Summing:
    """Whose figures make up the region's, and what stands in the way.

    `members` has dataset id → first period ('' for the oldest) → the region's municipalities, none where they are
    not known; `problems` dataset id → why not, in one line.
    """

    members: Mapping[str, Mapping[str, tuple[str, ...]]]
    problems: Mapping[str, str]


def summing(connection: Connection, catalogue: Catalogue, dataset_ids: Iterable[str]) -> Summing:
    """How the stored figures of municipal datasets are summed to the region, by the division each is laid out in.

    A table without a stamp goes by the catalogue's own list. Nothing stands in for a division that is not known, nor
    for a member that the catalogue does not ask.
    """
    region = catalogue.areas.region
    own = tuple(area.code for area in catalogue.areas.region_municipalities)
    members: dict[str, dict[str, tuple[str, ...]]] = {}
    problems: dict[str, str] = {}

    def problem(dataset_id: str, why: str) -> tuple[str, ...]:
        problems[dataset_id] = f"the sums to {region.code} {region.name_fi} stay as last known: {why}"
        return ()

    for dataset_id in dict.fromkeys(dataset_ids):
        layout = layout_from_json(state_of(connection, dataset_id).layout)
        if not layout or "municipality" not in catalogue.datasets[dataset_id].area_levels:
            continue
        found: dict[str, tuple[str, ...]] = {}
        for first, stamp in layout:
            year = stamp_year(stamp, stamp)
            try:
                found[first] = (
                    own
                    if year is None
                    else region_members(stored_divisions(connection), region.code, {dataset_id: stamp})[
                        dataset_id
                    ]
                )
            except DivisionError as error:
                found[first] = problem(
                    dataset_id, f"{error} (mittaristo run --source {classifications.SOURCE})"
                )
        asked = {area.code for area in catalogue.areas_for(dataset_id)}
        not_asked = [code for code in found[layout[-1][0]] if code not in asked]
        if not_asked:
            found[layout[-1][0]] = problem(
                dataset_id,
                f"in the division of {year} {', '.join(not_asked)} belongs to it, which the catalogue does not ask; "
                "add it to areas.yaml, under areas and region_municipalities",
            )
        members[dataset_id] = found
    return Summing(members, problems)


def layout_of(before: Layout, reading: Reading, dataset: Dataset) -> Layout:
    """By which division the figures of a dataset are laid out once `reading` is stored."""
    area = reading.resolution.area_variable
    variable = next((one for one in reading.meta.variables if one.code == area), None)
    stamp = stamp_text(area, variable.map if variable is not None else "")
    return laid_out(before, stamp, from_source(reading.resolution.periods[0]) if dataset.rolling else None)


def ended(connection: Connection, layout: Layout, reading: Reading) -> dict[str, str]:
    """The areas that the table lacks since they ended: code → in words. Others that it lacks are not among them."""
    year = stamp_year(layout[-1][1], layout[-1][1])
    lacking = [one.key for one in reading.resolution.missing if one.what == "area"]
    if year is None or not lacking:
        return {}
    try:
        divisions = stored_divisions(connection)
        codes = ended_areas(divisions.division(year), lacking)
    except DivisionError:
        return {}  # then it is gone, and a person looks at it
    return {
        code: f"{code} is no longer in the division of {year}; its figures are kept as last known"
        for code in sorted(codes)
    }


def moved(connection: Connection, before: Layout, now: Layout, codes: Iterable[str]) -> frozenset[str]:
    """Those areas that have other land in the division that a table is laid out in now than in the one before."""
    old, new = (stamp_year(one[-1][1], one[-1][1]) if one else None for one in (before, now))
    if old is None or new is None or new <= old:
        return frozenset()
    return moved_between(connection, old, new, codes)


def moved_between(connection: Connection, old: int, new: int, codes: Iterable[str]) -> frozenset[str]:
    """Those areas that have other land in the division of `new` than in that of the earlier year `old`."""
    found = set()
    for code in codes:
        with suppress(DivisionError):  # of what is not known nobody can say that it moved
            if territory_moved(stored_divisions(connection), code, old, new):
                found.add(code)
    return frozenset(found)


# --- the divisions themselves


def with_loaded(connection: Connection, raw: RawStore, files: Divisions) -> Divisions:
    """The divisions of the catalogue's files, with those that the classification service has brought in their place.

    Raises CatalogueError where the two do not follow on.
    """
    divisions = files
    for year, collection_id in sorted(collections_of_divisions(connection).items()):
        documents = raw_index.indexed(connection, collection_id=collection_id)
        read = classifications.read([(one, raw.read(one.sha256)) for one in documents])
        try:
            divisions = divisions.with_division(read[year])
        except DivisionError as error:
            raise CatalogueError([f"divisions: {error}"]) from error
    return divisions


def use_divisions(connection: Connection, divisions: Divisions, *, recorded_at: datetime) -> None:
    """Takes into use what `with_loaded` gave."""
    loaded = {
        year: collection_id
        for year, collection_id in collections_of_divisions(connection).items()
        if year in divisions.by_year
    }
    store_divisions(connection, divisions, loaded, recorded_at=recorded_at)


@dataclass(frozen=True)
class Taken:
    """What became of divisions that the service brought, in words.

    `is_new`: one of them came for the first time, or other than before; `differs`: one is not as it was known. `newest`
    is the newest year that it has brought.
    """

    is_new: bool
    differs: bool
    newest: int
    message: str


def take(
    connection: Connection, found: Mapping[int, Division], collection_id: str, *, recorded_at: datetime
) -> Taken:
    """Puts the divisions that one collection brought in the place of those known. Raises DivisionError."""
    before = divisions = stored_divisions(connection)
    loaded = collections_of_divisions(connection)
    said = []
    is_new = differs = False
    for year, division in sorted(found.items()):
        divisions = divisions.with_division(division)
        changed = year not in before.by_year or divisions.by_year[year] != before.by_year[year]
        if changed or year not in loaded:
            loaded[year] = collection_id
            is_new = True
            said.append(f"the division of {year} is loaded: {_in_words(divisions, year)}")
        differs |= changed
    store_divisions(connection, divisions, loaded, recorded_at=recorded_at)
    newest = max(loaded)
    return Taken(is_new, differs, newest, "; ".join(said) or f"the division of {max(found)} is as it was")


def _in_words(divisions: Divisions, year: int) -> str:
    changes = [
        f"{one.kind.replace('_', ' ')} {', '.join(one.predecessors)} to {', '.join(one.successors)}"
        for one in divisions.changes
        if one.year == year
    ]
    return f"{len(divisions.division(year).municipalities)} municipalities, " + (
        "; ".join(changes) or "no changes"
    )
