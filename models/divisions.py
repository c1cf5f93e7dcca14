"""The division of the country into municipalities, sub-regions and regions, year by year, and its changes.

A division is the one of 1 January of its year; municipalities merge, split, get new names and move to other
regions at that turn only. Statistics Finland restates a whole series to its newest division: every period of
a table is laid out in the division whose year the code of the area variable bears (`stamp_year`), and sums go
over the members of THAT division, never over those of the period's own year.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from models.area import Area, AreaLevel, level_of_code
from models.errors import CatalogueError, MittaristoError
from models.observation import OBSERVATION_COLUMNS, STATUSES
from models.period import PeriodError, parse_period

ChangeKind = Literal["merged", "split", "renamed", "moved_region"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
PACKAGED = Path(__file__).resolve().parent / "catalogue" / "divisions"

_STAMP = re.compile(r"(?:alue|kunta)\w*_([0-9]{4})0101", re.IGNORECASE)
_MAP = re.compile(r"(?:alue|kunta)\w* ([0-9]{4})", re.IGNORECASE)

# year → municipality of the year before → those that have its area since; one that is not named goes on
Became = Mapping[int, Mapping[str, tuple[str, ...]]]


class DivisionError(MittaristoError):
    """A division that does not hold together, or a question about what is not known of one."""


@dataclass(frozen=True)
class Municipality:
    """One municipality under one name (KU205).

    `valid_from` and `valid_to` are the first and last year in whose division it stands so; None where it has
    no known beginning or has not ended.
    """

    code: str
    name_fi: str
    name_sv: str
    name_en: str
    valid_from: int | None = None
    valid_to: int | None = None


@dataclass(frozen=True)
class AreaChange:
    """A change at the beginning of `year`: municipalities of the year before, and those that followed.

    `merged`: several became one, which may be one of them. `split`: one was divided over several, of which
    it may be one itself; others may have been there before. `renamed`: another name or code. `moved_region`:
    the same municipality in another region.
    """

    year: int
    kind: ChangeKind
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]


@dataclass(frozen=True)
class Division:
    """The division of 1 January `year`; keys are codes (KU205, SK182, MK18).

    `regions` are those whose municipalities are all known. A division that is `whole` has every municipality
    and region; one that is not (of early years) has some municipalities of other regions, too. `subregions`
    and `subregion_of` are empty where the sub-regions are not known. Raises DivisionError where a
    municipality is not in exactly one region (and sub-region), or a sub-region lies in two regions.
    """

    year: int
    municipalities: Mapping[str, Municipality]
    region_of: Mapping[str, str]
    regions: Mapping[str, Area]
    subregion_of: Mapping[str, str] = field(default_factory=dict)
    subregions: Mapping[str, Area] = field(default_factory=dict)
    whole: bool = True

    def __post_init__(self) -> None:
        problems = [*_level_problems(self), *_membership_problems(self)]
        if problems:
            more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
            raise DivisionError(f"the division of {self.year}: {'; '.join(problems[:3])}{more}")

    def members(self, code: str) -> tuple[str, ...]:
        """The municipalities of a region or sub-region, by code. Raises DivisionError where not all are known."""
        level = level_of_code(code)
        within, known = {
            "region": (self.region_of, self.regions),
            "subregion": (self.subregion_of, self.subregions),
        }.get(str(level), ({}, {}))
        if code not in known:
            raise self.unknown(code, "the municipalities of")
        return tuple(sorted(one for one, its in within.items() if its == code))

    def region(self, code: str) -> str:
        """The region a municipality is in. Raises DivisionError where that is not known."""
        return self._within(self.region_of, code, "the region of")

    def subregion(self, code: str) -> str:
        """The sub-region a municipality is in. Raises DivisionError where that is not known."""
        return self._within(self.subregion_of, code, "the sub-region of")

    def areas(self, level: AreaLevel) -> tuple[Area, ...]:
        """All known areas of a level (municipality, subregion, region) with their names, by code."""
        if level == "municipality":
            return tuple(
                Area(one.code, level, one.name_fi, one.name_sv, one.name_en)
                for _, one in sorted(self.municipalities.items())
            )
        held = {"region": self.regions, "subregion": self.subregions}.get(level, {})
        return tuple(area for _, area in sorted(held.items()))

    def _within(self, within: Mapping[str, str], code: str, what: str) -> str:
        if code not in within:
            raise self.unknown(code, what)
        return within[code]

    def unknown(self, code: str, what: str) -> DivisionError:
        """The error for a question about `code` that this division does not answer."""
        if not self.whole:
            known = f"it knows {', '.join(sorted(self.regions))} only"
        elif not self.subregions and (code.startswith("SK") or "sub-region" in what):
            known = "it knows no sub-regions"
        else:
            known = "it has no such area"
        return DivisionError(f"the division of {self.year} does not tell {what} {code}; {known}")


def _level_problems(division: Division) -> Iterable[str]:
    for level, codes in (
        ("municipality", division.municipalities),
        ("region", division.regions),
        ("subregion", division.subregions),
    ):
        for code in codes:
            if level_of_code(code) != level:
                yield f"'{code}' is no code of a {level}"


def _membership_problems(division: Division) -> Iterable[str]:
    municipalities = division.municipalities
    if not municipalities:
        yield "it has no municipality"
    of_subregion: dict[str, set[str]] = {}
    for code, one in municipalities.items():
        region = division.region_of.get(code, "")
        if level_of_code(region) != "region" or (division.whole and region not in division.regions):
            yield f"{code} {one.name_fi} is in no known region ('{region}')"
        if division.subregion_of or division.subregions:
            subregion = division.subregion_of.get(code, "")
            if subregion not in division.subregions:
                yield f"{code} {one.name_fi} is in no known sub-region ('{subregion}')"
            of_subregion.setdefault(subregion, set()).add(region)
    for subregion, regions in of_subregion.items():
        if len(regions) > 1:
            yield f"sub-region {subregion} lies in {' and '.join(sorted(regions))}"
    for within, held in (
        (division.region_of, division.regions),
        (division.subregion_of, division.subregions),
    ):
        for code in held.keys() - set(within.values()):
            yield f"{code} {held[code].name_fi} has no municipality"
        for code in within.keys() - municipalities.keys():
            yield f"{code} is in {within[code]}, but is no municipality of that year"


@dataclass(frozen=True)
class Divisions:
    """The known divisions of years that follow one another, and what changed between them.

    Made by `divisions_of`. In every method `(code, year)` is an area as it was in the division of `year`;
    what is asked beyond the known raises DivisionError.
    """

    by_year: Mapping[int, Division]
    became: Became
    changes: tuple[AreaChange, ...]
    steps: Mapping[int, Mapping[str, tuple[str, ...]]]  # like `became`, with every municipality named

    @property
    def oldest(self) -> int:
        """The first known year."""
        return min(self.by_year)

    @property
    def newest(self) -> int:
        """The last known year."""
        return max(self.by_year)

    def division(self, year: int) -> Division:
        """The division of a year."""
        if year not in self.by_year:
            raise DivisionError(
                f"the division of {year} is not known ({self.oldest}-{self.newest} are); "
                "load it from the classification service"
            )
        return self.by_year[year]

    def members(self, code: str, year: int) -> tuple[str, ...]:
        """The municipalities of a region or sub-region."""
        return self.division(year).members(code)

    def region_of(self, code: str, year: int) -> str:
        """The region of a municipality."""
        return self.division(year).region(code)

    def subregion_of(self, code: str, year: int) -> str:
        """The sub-region of a municipality."""
        return self.division(year).subregion(code)

    def municipality(self, code: str, year: int) -> Municipality:
        """A municipality with its names and the years in which it bears them."""
        held = self.division(year)
        if code not in held.municipalities:
            raise held.unknown(code, "the municipality")
        return held.municipalities[code]

    def successors(self, code: str, year: int, until: int | None = None) -> tuple[str, ...]:
        """The municipalities of division `until` (None: the newest) that have its area, all or a part."""
        end = self.newest if until is None else until
        self.municipality(code, year)
        self.division(end)
        if end < year:
            raise DivisionError(f"successors of {code} of {year} are asked for {end}, which is before it")
        found = {code}
        for step in range(year + 1, end + 1):
            found = {after for before in found for after in self.steps[step][before]}
        return tuple(sorted(found))

    def predecessors(self, code: str, year: int, since: int | None = None) -> tuple[str, ...]:
        """The municipalities of division `since` whose area, all or a part, it has.

        None: as far back as all of them are known.
        """
        self.municipality(code, year)
        if since is not None:
            self.division(since)
            if since > year:
                raise DivisionError(
                    f"predecessors of {code} of {year} are asked for {since}, which is after it"
                )
        found = {code}
        for step in range(year, self.oldest if since is None else since, -1):
            before = {one: {p for p, after in self.steps[step].items() if one in after} for one in found}
            unknown = sorted(one for one, its in before.items() if not its)
            if unknown and since is None:
                break
            if unknown:
                raise self.division(step - 1).unknown(unknown[0], "what became")
            found = set().union(*before.values())
        return tuple(sorted(found))

    def with_division(self, division: Division) -> Divisions:
        """The same with one year's division put in, in place of the one it may have.

        Raises DivisionError where it does not follow on, or nothing says what became of a municipality.
        """
        return divisions_of([*{**self.by_year, division.year: division}.values()], self.became)


def divisions_of(given: Iterable[Division], became: Became | None = None) -> Divisions:
    """The divisions in order, checked one against the next, with the changes between them.

    `became` says of municipalities that merged or were split what became of them (years that are not among
    the divisions may be in it); all others go on under their code. Municipalities get the years in which
    they bear their name. Raises DivisionError where a year is missing, or where a municipality ends or begins
    and `became` does not say how.
    """
    by_year = {one.year: one for one in sorted(given, key=lambda one: one.year)}
    if not by_year:
        raise DivisionError("there is no division of any year")
    for before, after in pairwise(by_year):
        if after != before + 1:
            raise DivisionError(
                f"the division of {before + 1} is missing between those of {before} and {after}; load it, too"
            )
    told: Became = became or {}
    steps = {
        year: _step(by_year[year - 1], division, told.get(year, {}))
        for year, division in by_year.items()
        if year - 1 in by_year
    }
    changes = [
        change for year, step in steps.items() for change in _changes(by_year[year - 1], by_year[year], step)
    ]
    changes.sort(key=lambda one: (one.year, CHANGE_KINDS.index(one.kind), one.predecessors, one.successors))
    return Divisions(
        by_year=MappingProxyType(_dated(by_year, steps)),
        became=MappingProxyType({year: MappingProxyType(dict(one)) for year, one in told.items()}),
        changes=tuple(changes),
        steps=MappingProxyType({year: MappingProxyType(one) for year, one in steps.items()}),
    )


def _step(
    before: Division, after: Division, became: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """For every municipality of `before` those of `after` that have its area."""
    where = f"from the division of {before.year} to that of {after.year}"
    remedy = "in changes.csv of the divisions"
    for code in became:
        if before.whole and code not in before.municipalities:
            raise DivisionError(
                f"{where}: {code} is said to have become {' and '.join(became[code])}, but there was no {code}; "
                f"correct it {remedy}"
            )
    step = {}
    for code, one in before.municipalities.items():
        step[code] = became.get(code, (code,))
        lacking = [successor for successor in step[code] if successor not in after.municipalities]
        if lacking and code not in became:
            raise DivisionError(
                f"{where}: {code} {one.name_fi} ends, and nothing says what became of it; "
                f"add the line '{after.year},{code},<its successors>' {remedy}"
            )
        if lacking:
            raise DivisionError(
                f"{where}: {code} {one.name_fi} is said to have become {' and '.join(step[code])}, but there is "
                f"no {lacking[0]}; correct it {remedy}"
            )
    reached = {code for codes in step.values() for code in codes}
    for code, one in after.municipalities.items():
        if before.whole and code not in reached:
            raise DivisionError(
                f"{where}: {code} {one.name_fi} is new, and nothing says where it came from; "
                f"add the line '{after.year},<its predecessor>,<the predecessor's successors>' {remedy}"
            )
    return step


def _changes(before: Division, after: Division, step: Mapping[str, tuple[str, ...]]) -> Iterable[AreaChange]:
    year = after.year
    into: dict[str, list[str]] = {}
    for code, successors in step.items():
        for successor in successors:
            into.setdefault(successor, []).append(code)
    for code, successors in step.items():
        if len(successors) > 1:
            yield AreaChange(year, "split", (code,), tuple(sorted(successors)))
            continue
        (successor,) = successors
        alone = into[successor] == [code]
        old, new = before.municipalities[code], after.municipalities[successor]
        if alone and (code, old.name_fi) != (successor, new.name_fi):
            yield AreaChange(year, "renamed", (code,), (successor,))
        if (code == successor or alone) and before.region_of[code] != after.region_of[successor]:
            yield AreaChange(year, "moved_region", (code,), (successor,))
    for successor, codes in into.items():
        if len(codes) > 1 and any(step[code] == (successor,) and code != successor for code in codes):
            yield AreaChange(year, "merged", tuple(sorted(codes)), (successor,))


def _dated(
    by_year: Mapping[int, Division], steps: Mapping[int, Mapping[str, tuple[str, ...]]]
) -> dict[int, Division]:
    """The divisions with each municipality's `valid_from` and `valid_to`."""
    first, last = min(by_year), max(by_year)
    began: dict[int, dict[str, int | None]] = {}
    for year, division in by_year.items():
        came = {one for codes in steps.get(year, {}).values() for one in codes}
        began[year] = {}
        for code, one in division.municipalities.items():
            earlier = by_year[year - 1].municipalities.get(code) if year > first else None
            if earlier is not None and earlier.name_fi == one.name_fi:
                began[year][code] = began[year - 1][code]
            else:
                began[year][code] = year if code in came else None
    ended: dict[str, int | None] = {}
    dated: dict[int, Division] = {}
    for year in sorted(by_year, reverse=True):
        held = {}
        for code, one in by_year[year].municipalities.items():
            later = by_year[year + 1].municipalities.get(code) if year < last else None
            if later is None or later.name_fi != one.name_fi:
                ended[code] = year if year < last else None
            held[code] = replace(one, valid_from=began[year][code], valid_to=ended[code])
        dated[year] = replace(by_year[year], municipalities=MappingProxyType(held))
    return dict(sorted(dated.items()))


def stamp_year(area_variable: str | None, map_text: str = "") -> int | None:
    """The year of the division that a table is laid out in.

    It stands in the code of its area variable (alue_23_20260101) or in the name of its map (Alue 2026). None
    where neither says: then the table is in the division of its release.
    """
    found = _STAMP.fullmatch(area_variable or "") or _MAP.fullmatch(map_text.strip())
    return int(found[1]) if found else None


def region_members(
    divisions: Divisions, region: str, area_variables: Mapping[str, str | None]
) -> dict[str, tuple[str, ...]]:
    """Dataset id → the region's municipalities in the division that the dataset's table is laid out in.

    `area_variables` has the code of each dataset's area variable, or the name of its map where that bears the
    year (`stamp_text`); datasets without a year are left out. Raises DivisionError for a year whose division
    is not known: the newest known one must not stand in for it, as a municipality that joined the region
    would be missing from its sums unnoticed.
    """
    years = {dataset: stamp_year(text, text or "") for dataset, text in area_variables.items()}
    return {dataset: divisions.members(region, year) for dataset, year in years.items() if year is not None}


def stamp_text(area_variable: str | None, map_text: str = "") -> str:
    """The text that bears the year of `stamp_year`: the code of the area variable, else its map; '' for none."""
    if stamp_year(area_variable) is not None:
        return area_variable or ""
    return map_text.strip() if stamp_year(None, map_text) is not None else ""


# (first period, stamp text), oldest first: the division that the stored figures are laid out in from that period
# on. The first of them begins with '': whatever is older.
Layout = tuple[tuple[str, str], ...]


def laid_out(before: Layout, stamp: str, oldest: str | None = None) -> Layout:
    """The layout after an answer with this stamp has been stored.

    A source restates all periods that it has. `oldest` is the first of them where the source drops its oldest
    periods (None where it does not): what had left it before stays in the division it was in.
    """
    if not before or oldest is None:
        return (("", stamp),)
    start = parse_period(oldest).start
    kept = tuple((first, one) for first, one in before if not first or parse_period(first).start <= start)
    if kept[-1][1] == stamp:
        return kept
    return (*(one for one in kept if one[0] != oldest), (oldest, stamp))


def layout_to_json(layout: Layout) -> str:
    """`layout` as JSON text."""
    return json.dumps(layout, ensure_ascii=False)


def layout_from_json(text: str) -> Layout:
    """The layout that layout_to_json wrote; () for '', where nothing is stored yet.

    Raises DivisionError for anything else.
    """
    if not text:
        return ()
    try:
        layout = tuple((first, stamp) for first, stamp in _listed(json.loads(text)))
        for first, stamp in layout:
            if not isinstance(first, str) or not isinstance(stamp, str):
                raise TypeError("a period or a stamp that is no text")
            if first:
                parse_period(first)
        if layout and layout[0][0]:
            raise ValueError("no division of what is oldest")
    except (ValueError, TypeError, RecursionError, PeriodError) as error:
        raise DivisionError(
            f"the layout of a dataset's areas cannot be read from the database ({type(error).__name__});"
            " restore a backup, or replay"
        ) from error
    return layout


def _listed(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def ended_areas(division: Division, codes: Iterable[str]) -> frozenset[str]:
    """Those of `codes` that are no area of `division`, at a level of which it knows all areas."""
    held: Mapping[str | None, Collection[str]] = {
        "municipality": division.municipalities if division.whole else (),
        "region": division.regions if division.whole else (),
        "subregion": division.subregions,
    }
    known = {code: held.get(level_of_code(code), ()) for code in codes}
    return frozenset(code for code, its in known.items() if its and code not in its)


def territory_moved(divisions: Divisions, code: str, before: int, now: int) -> bool:
    """Whether an area has other land in the division of `now` than in that of the earlier year `before`.

    A merger within a region moves its municipality, not the region. Raises DivisionError where that is not known.
    """

    def municipalities(year: int) -> set[str]:
        if level_of_code(code) == "municipality":
            return {divisions.municipality(code, year).code}
        return set(divisions.members(code, year))

    came_from = {
        one for held in municipalities(now) for one in divisions.predecessors(held, now, since=before)
    }
    return came_from != municipalities(before)


def sum_members(
    frame: pd.DataFrame, members: Mapping[str, Collection[str]], counts: Collection[str]
) -> pd.DataFrame:
    """Sums over the municipalities of regions (or sub-regions): OBSERVATION_COLUMNS, the sums' rows only.

    `frame` has observations of one dataset; `members` region → all its municipalities in the division that
    the dataset is laid out in, for every period of it (`stamp_year`); `counts` are the contents that are
    counts (`ContentChoice.summable`). Other contents, shares and rates among them, are never summed. A sum
    has a row where every member has one; its value is NaN where a member's is, with the missing symbol where
    all that is missing bears the same one; it is preliminary where a member is. Raises DivisionError where a
    member has two rows for one cell.
    """
    kept = frame[frame["content"].isin(list(counts))]
    parts = [_sum_of(kept, region, sorted(set(codes))) for region, codes in members.items() if codes]
    columns = list(OBSERVATION_COLUMNS)
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    found = found.astype({"value": np.float64})
    return found.astype({name: "category" for name in columns if name != "value"})[columns]


def _sum_of(frame: pd.DataFrame, region: str, members: Sequence[str]) -> pd.DataFrame:
    cell = ["content", "classes", "period"]
    rows = frame[frame["area_code"].isin(members)].astype(
        dict.fromkeys((*cell, "area_code", "symbol", "status"), "str")
    )
    doubled = rows.duplicated([*cell, "area_code"])
    if doubled.any():
        one = rows[doubled].iloc[0]
        raise DivisionError(
            f"{one['area_code']} has two figures for {one['content']} {one['classes']} {one['period']}; "
            f"there is no sum of {region}"
        )
    rows = rows.assign(
        known=rows["value"].notna(),
        preliminary=rows["status"] == STATUSES[1],
    )
    groups = rows.groupby(cell, sort=False)
    symbols = rows[rows["symbol"] != ""].groupby(cell, sort=False)["symbol"].agg(["nunique", "first"])
    sums = pd.DataFrame(
        {
            "value": groups["value"].sum(),
            "all_known": groups["known"].all(),
            "members": groups["value"].size(),
            "preliminary": groups["preliminary"].any(),
        }
    )
    sums = sums[sums["members"] == len(members)]
    one_symbol = symbols["first"].where(symbols["nunique"] == 1, "")
    sums = sums.assign(
        value=sums["value"].where(sums["all_known"]),
        symbol=one_symbol.reindex(sums.index).fillna("").astype("str"),
        status=np.where(sums["preliminary"], STATUSES[1], STATUSES[0]),
        area_code=region,
    ).reset_index()
    return sums[list(OBSERVATION_COLUMNS)]


# --- the files ----------------------------------------------------------------------------------------------

_YEAR_COLUMNS = ("code", "name_fi", "name_sv", "name_en", "subregion", "region")
_HISTORY_COLUMNS = ("code", "name_fi", "name_sv", "name_en", "region", "first", "last")
_CHANGES_COLUMNS = ("year", "code", "became")
_WHOLE_SINCE = re.compile(r"#\s*whole_since(?: (MK[0-9]{2}))?: ([0-9]{4})\s*")
_YEAR = re.compile(r"[0-9]{4}")

_Row = tuple[str, dict[str, str]]  # where it stands, and its fields


def load_division(year: int, folder: Path | None = None) -> Division:
    """The division of one year from the files in `folder` (None: the packaged ones).

    Raises CatalogueError where they do not hold together, DivisionError for a year they do not have.
    """
    return load_divisions(folder).division(year)


def load_divisions(folder: Path | None = None) -> Divisions:
    """The divisions in `folder` (None: the packaged ones).

    `<year>.csv` has a whole division, `history.csv` what is known of the years before the first of them,
    `changes.csv` what became of municipalities. Raises CatalogueError with every problem of a file.
    """
    home = PACKAGED if folder is None else folder
    names = sorted(path.stem for path in home.glob("*.csv") if _YEAR.fullmatch(path.stem))
    if not names:
        raise CatalogueError([f"{home}: there is no division (such as 2026.csv) in this folder"])
    try:
        whole = [_read_year(home / f"{name}.csv") for name in names]
        earlier = _read_history(home / "history.csv", whole[0]) if (home / "history.csv").is_file() else []
        became = _read_changes(home / "changes.csv") if (home / "changes.csv").is_file() else {}
        return divisions_of([*earlier, *whole], became)
    except DivisionError as error:
        raise CatalogueError([f"{home.name}: {error}"]) from error


def _rows(path: Path, columns: Sequence[str]) -> list[_Row]:
    """The file's rows below its lines with '#', their fields stripped; each row is a line."""
    numbered = [
        (number, line)
        for number, line in enumerate(_lines(path), start=1)
        if line.strip() and not line.startswith("#")
    ]
    read = [row for number, line in numbered for row in _fields(line, f"{path.name}, line {number}")]
    places = [f"{path.name}, line {number}" for number, _ in numbered]
    if not read or tuple(read[0]) != tuple(columns):
        raise CatalogueError([f"{path.name}: the first row must be {','.join(columns)}"])
    wrong = [
        f"{place}: a row has {len(columns)} fields, this one {len(row)}"
        for place, row in zip(places, read, strict=True)
        if len(row) != len(columns)
    ]
    if wrong:
        raise CatalogueError(wrong)
    return [
        (place, dict(zip(columns, (text.strip() for text in row), strict=True)))
        for place, row in zip(places[1:], read[1:], strict=True)
    ]


def _lines(path: Path) -> list[str]:
    """The file's lines. Raises CatalogueError where it cannot be read as text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CatalogueError(
            [f"{path.name}: the file is not UTF-8 (byte {error.start}); save it as UTF-8"]
        ) from error
    except OSError as error:
        raise CatalogueError([f"{path.name}: the file cannot be read: {error.strerror}"]) from error


def _fields(line: str, place: str) -> list[list[str]]:
    """The one row of a line. Raises CatalogueError for a field that is too long, or a quotation that does not end."""
    try:
        return list(csv.reader([line], strict=True))
    except csv.Error as error:
        raise CatalogueError([f"{place}: this is no row of CSV ({error})"]) from error


def _read_year(path: Path) -> Division:
    problems: list[str] = []
    areas: dict[str, Area] = {}
    subregion_of: dict[str, str] = {}
    region_of: dict[str, str] = {}
    regions_of_subregions: dict[str, str] = {}
    for place, row in _rows(path, _YEAR_COLUMNS):
        code, level = row["code"], level_of_code(row["code"])
        if level not in ("municipality", "subregion", "region"):
            problems.append(f"{place}: '{code}' is no code of a municipality, sub-region or region")
        elif code in areas:
            problems.append(f"{place}: {code} stands there twice")
        elif not row["name_fi"]:
            problems.append(f"{place}: {code} has no name_fi")
        else:
            areas[code] = Area(code, level, *_names(row, row["name_fi"]))
            if level == "municipality":
                subregion_of[code], region_of[code] = row["subregion"], row["region"]
            elif level == "subregion":
                regions_of_subregions[code] = row["region"]
    for code, subregion in subregion_of.items():
        stated = regions_of_subregions.get(subregion)
        if stated is not None and stated != region_of[code]:
            problems.append(f"{path.name}: {code} is in {region_of[code]}, its {subregion} in {stated}")
    if problems:
        raise CatalogueError(problems)
    return Division(
        year=int(path.stem),
        municipalities={
            code: Municipality(code, one.name_fi, one.name_sv, one.name_en)
            for code, one in areas.items()
            if one.level == "municipality"
        },
        region_of=region_of,
        regions={code: one for code, one in areas.items() if one.level == "region"},
        subregion_of=subregion_of,
        subregions={code: one for code, one in areas.items() if one.level == "subregion"},
    )


def _names(row: Mapping[str, str], name_fi: str) -> tuple[str, str, str]:
    """Names in Finnish, Swedish and English; an empty one is the Finnish one."""
    return name_fi, row["name_sv"] or name_fi, row["name_en"] or name_fi


def _read_history(path: Path, following: Division) -> list[Division]:
    """The divisions before `following`, as far as the file knows them."""
    since = {
        found[1] or "": int(found[2]) for line in _lines(path) if (found := _WHOLE_SINCE.fullmatch(line))
    }
    problems: list[str] = []
    states: dict[str, list[tuple[range, Municipality, str]]] = {}
    for place, row in _rows(path, _HISTORY_COLUMNS):
        code, known = row["code"], following.municipalities.get(row["code"])
        name_fi = row["name_fi"] or (known.name_fi if known else "")
        if level_of_code(code) != "municipality" or level_of_code(row["region"]) != "region":
            problems.append(f"{place}: '{code}' in '{row['region']}' is no municipality in a region")
        elif not name_fi:
            problems.append(f"{place}: {code} needs a name_fi; {following.year}.csv does not have it")
        elif not _YEAR.fullmatch(row["first"]) or not _YEAR.fullmatch(row["last"]):
            problems.append(f"{place}: first and last must be years")
        elif not int(row["first"]) <= int(row["last"]) < following.year:
            problems.append(f"{place}: first to last must be years in order before {following.year}")
        else:
            years = range(int(row["first"]), int(row["last"]) + 1)
            if any(set(years) & set(other) for other, _, _ in states.get(code, [])):
                problems.append(f"{place}: {code} has another row for some of these years")
            if known and not row["name_fi"]:
                one = replace(known, valid_from=None, valid_to=None)
            else:
                one = Municipality(code, *_names(row, name_fi))
            states.setdefault(code, []).append((years, one, row["region"]))
    if problems:
        raise CatalogueError(problems)
    first = min(since.values(), default=following.year)
    return [_earlier(year, following, states, since) for year in range(first, following.year)]


def _earlier(
    year: int,
    following: Division,
    states: Mapping[str, Sequence[tuple[range, Municipality, str]]],
    since: Mapping[str, int],
) -> Division:
    """The division of a year before `following`: the rows that speak of it, and what was as it is there."""
    whole = since.get("", following.year) <= year
    held: dict[str, tuple[Municipality, str]] = {}
    for code, its in states.items():
        for years, one, region in its:
            if year in years:
                held[code] = (one, region)
        if code in following.municipalities and year >= max(years.stop for years, _, _ in its):
            held[code] = (following.municipalities[code], following.region_of[code])
    if whole:
        for code, one in following.municipalities.items():
            if code not in states:
                held[code] = (one, following.region_of[code])
    complete = [code for code in following.regions if whole or since.get(code, following.year) <= year]
    return Division(
        year=year,
        municipalities={code: one for code, (one, _) in sorted(held.items())},
        region_of={code: region for code, (_, region) in sorted(held.items())},
        regions={code: following.regions[code] for code in complete},
        whole=whole,
    )


def _read_changes(path: Path) -> dict[int, dict[str, tuple[str, ...]]]:
    problems: list[str] = []
    became: dict[int, dict[str, tuple[str, ...]]] = {}
    for place, row in _rows(path, _CHANGES_COLUMNS):
        codes = (row["code"], *row["became"].split())
        if not _YEAR.fullmatch(row["year"]):
            problems.append(f"{place}: '{row['year']}' is no year")
        elif len(codes) < 2 or any(level_of_code(code) != "municipality" for code in codes):
            problems.append(f"{place}: code and became must be municipalities such as KU091")
        elif row["code"] in became.setdefault(int(row["year"]), {}):
            problems.append(f"{place}: {row['code']} has another row for {row['year']}")
        else:
            became[int(row["year"])][row["code"]] = tuple(dict.fromkeys(codes[1:]))
    if problems:
        raise CatalogueError(problems)
    return became
