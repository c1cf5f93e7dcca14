"""Catalogue entries, tables and recorded answers that the tests of the pure middle share."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.area import Area
from models.dataset import ClassVariable, ContentChoice, Dataset, TableQuery, ValueChoice
from models.table import SourceTable, TableMeta, Variable

KAINUU = ("KU105", "KU205", "KU290", "KU578", "KU620", "KU697", "KU765", "KU777")
AREAS = (
    Area("KU205", "municipality", "Kajaani"),
    Area("MK18", "region", "Kainuu"),
    Area("SK182", "subregion", "Kajaanin seutukunta"),
    Area("SSS", "country", "Koko maa"),
    *(Area(code, "municipality", code) for code in KAINUU if code != "KU205"),
    Area("KUOPIO", "airport", "Kuopio"),
    Area("KOKKOLA-PIETARSAARI", "airport", "Kokkola-Pietarsaari"),
)
TOTAL = ValueChoice("total", total=True)


def a_dataset(**changes: Any) -> Dataset:
    """Population by age and sex, as vaerak/11re gives it; `changes` replace fields of it or its query."""
    query = TableQuery(
        area=("Alue",),
        levels=("municipality", "region", "country"),
        time=("Vuosi",),
        contents_variable=("Tiedot",),
        contents=(
            ContentChoice(
                "population", label=("Väestö 31.12.",), code=("vaesto",), unit="lkm", summable=True
            ),
        ),
        classes=(
            ClassVariable(
                "age",
                ("Ikä",),
                (TOTAL, ValueChoice("0", label=("0",)), ValueChoice("100-", label=("100-",))),
            ),
            ClassVariable("sex", ("Sukupuoli",), (TOTAL,)),
        ),
    )
    in_query = {name: value for name, value in changes.items() if name in TableQuery.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in in_query}
    dataset = Dataset(
        id="statfin/vaerak/11re",
        source="statfin",
        table="vaerak/11re",
        title_fi="Väestö",
        title_en="Population",
        frequency="annual",
        first_period="1972",
        lag_days=91,
        grace_days=30,
        labels="verified",
        query=replace(query, **in_query),
    )
    return replace(dataset, **rest)


def a_variable(code: str, text: str, values: Mapping[str, str], **flags: Any) -> Variable:
    """A variable with `values` code → text."""
    return Variable(code, text, tuple(values), tuple(values.values()), **flags)


def a_table(
    dimensions: Mapping[str, Sequence[str]],
    values: Sequence[float] | np.ndarray,
    symbols: Mapping[int, str] | None = None,
) -> SourceTable:
    """A source table over the product of `dimensions`, in their order, with `symbols` at some positions."""
    codes = np.meshgrid(*(np.arange(len(codes)) for codes in dimensions.values()), indexing="ij")
    frame = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(index.ravel(), pd.Index(list(listed), dtype="str"))
            for (name, listed), index in zip(dimensions.items(), codes, strict=True)
        }
    )
    frame["value"] = np.asarray(values, dtype=float)
    texts = np.full(len(frame), "", dtype=object)
    for position, symbol in (symbols or {}).items():
        texts[position] = symbol
    frame["symbol"] = pd.Categorical(pd.Series(texts, dtype="str"))
    return SourceTable(frame=frame, labels={}, dimension_texts={})


def meta_from_json(path: Path, table: str) -> TableMeta:
    """A recorded metadata document."""
    document = json.loads(path.read_text("utf-8"))
    return TableMeta(
        table,
        document["title"],
        tuple(
            Variable(
                v["code"],
                v["text"],
                tuple(v["values"]),
                tuple(v["valueTexts"]),
                v.get("elimination", False),
                v.get("time", False),
                v.get("map", ""),
            )
            for v in document["variables"]
        ),
    )


def table_from_px_json(path: Path, table: str) -> tuple[TableMeta, SourceTable]:
    """A recorded PX-JSON answer as a source table, with the metadata that such an answer implies."""
    document = json.loads(path.read_text("utf-8"))
    keys = [c for c in document["columns"] if c["type"] in ("d", "t")]
    contents = [c for c in document["columns"] if c["type"] == "c"]
    rows = document["data"]
    columns = {
        key["code"]: np.repeat([row["key"][i] for row in rows], len(contents)) for i, key in enumerate(keys)
    }
    columns["contentscode"] = np.tile([c["code"] for c in contents], len(rows))
    cells = [cell for row in rows for cell in row["values"]]
    symbols = [cell if set(cell) <= {".", "-"} else "" for cell in cells]
    frame = pd.DataFrame(
        {name: pd.Categorical(pd.Series(list(v), dtype="str")) for name, v in columns.items()}
    )
    frame["value"] = [np.nan if symbol else float(cell) for cell, symbol in zip(cells, symbols, strict=True)]
    frame["symbol"] = pd.Categorical(pd.Series(symbols, dtype="str"))
    variables = [
        Variable(
            key["code"],
            key["text"],
            (codes := tuple(dict.fromkeys(row["key"][i] for row in rows))),
            codes,
            time=key["type"] == "t",
        )
        for i, key in enumerate(keys)
    ]
    variables.append(
        Variable(
            "contentscode", "Tiedot", tuple(c["code"] for c in contents), tuple(c["text"] for c in contents)
        )
    )
    label = document["metadata"][0]["label"]
    return TableMeta(table, label, tuple(variables)), SourceTable(frame, {}, {})


@pytest.fixture(scope="session")
def areas() -> tuple[Area, ...]:
    return AREAS


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    return a_dataset


@pytest.fixture(scope="session")
def make_variable() -> Callable[..., Variable]:
    return a_variable


@pytest.fixture(scope="session")
def make_table() -> Callable[..., SourceTable]:
    return a_table


@pytest.fixture(scope="session")
def recorded_meta(recordings: Path) -> Callable[[str, str], TableMeta]:
    return lambda name, table: meta_from_json(recordings / "statfin" / name, table)


@pytest.fixture(scope="session")
def recorded_table(recordings: Path) -> Callable[[str, str], tuple[TableMeta, SourceTable]]:
    return lambda name, table: table_from_px_json(recordings / "statfin" / name, table)
