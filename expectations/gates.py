"""The two gates: the shape of what a source answered, and the values that came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from expectations.suites import (
    ALL_CELLS,
    BESIDE_SYMBOL,
    CELLS_ASKED,
    CELLS_WISHED,
    FIGURES,
    HIGH,
    KEY,
    LOW,
    Asked,
    asked_of_source,
    observation_rules,
    source_rules,
)
from expectations.validation import validate
from models.dataset import Dataset
from models.ledger import GateReport
from models.observation import class_key
from models.period import from_source
from models.reading import Reading
from models.resolution import Resolution
from models.table import SourceTable

Bounds = Mapping[tuple[str, str] | str, tuple[float | None, float | None]]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]

_AREA, _CONTENT = "area_code", "content"


def _coded(column: pd.Series[Any]) -> tuple[Codes, list[str]]:
    """A column's texts as numbers from 0 (null has one of its own), and the texts they stand for."""
    coded = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    categories = [str(category) for category in coded.cat.categories]
    codes = coded.cat.codes.to_numpy().astype(np.int32)
    codes[codes < 0] = len(categories)
    return codes, categories


def _key(columns: Sequence[tuple[Codes, list[str]]], rows: int) -> NDArray[np.int64]:
    """One number per combination of codes, the same for the same combination only."""
    key = np.zeros(rows, dtype=np.int64)
    size = 1
    for codes, categories in columns:
        width = len(categories) + 1
        if size * width >= 2**62:
            key, kept = pd.factorize(key)
            size = len(kept)
        key *= width
        key += codes
        size *= width
    return key


def _cells(codes: Codes, categories: list[str], where: Flags | None = None) -> dict[str, int]:
    counted = np.bincount(codes if where is None else codes[where], minlength=len(categories) + 1)
    return {category: int(count) for category, count in zip(categories, counted, strict=False)}


def _is_asked(asked: Sequence[Asked], coded: Mapping[str, tuple[Codes, list[str]]], rows: int) -> Flags:
    """Whether each row bears codes that were asked for, in all the dimensions there are."""
    wanted = np.ones(rows, dtype=bool)
    for one in asked:
        if one.column in coded:
            codes, categories = coded[one.column]
            listed = set(one.codes)
            wanted &= np.array([*(category in listed for category in categories), False])[codes]
    return wanted


def _codes_frame(asked: Sequence[Asked], coded: Mapping[str, tuple[Codes, list[str]]]) -> pd.DataFrame:
    """One row per code asked for, with the number of cells that bear it; 0 where its dimension is absent."""
    dimensions: list[str] = []
    codes: list[str] = []
    cells: list[float] = []
    for one in asked:
        counted = _cells(*coded[one.column]) if one.column in coded else {}
        dimensions += [one.column] * len(one.codes)
        codes += one.codes
        cells += [float(counted.get(code, 0)) for code in one.codes]
    return pd.DataFrame(
        {
            "dimension": pd.Series(dimensions, dtype="str"),
            "code": pd.Series(codes, dtype="str"),
            CELLS_ASKED: np.array(cells, dtype=float),
        }
    )


def check_source(reading: Reading, dataset: Dataset) -> GateReport:
    """Gate 1: whether the answer has the shape that was asked for, and figures in it.

    Looks at the source frame alone: rows, dimensions, every code asked for, no cell twice, known symbols,
    not everything missing. `dataset` names the reading in messages of errors.
    """
    table = reading.table
    if reading.resolution.dataset_id != dataset.id:
        raise ValueError(f"the reading of {reading.resolution.dataset_id} is not one of {dataset.id}")
    cells, codes = _source_frames(table, asked_of_source(reading.resolution))
    of_cells, of_codes = source_rules(reading.resolution)
    return validate("shape", [(cells, of_cells), (codes, of_codes)])


def _source_frames(table: SourceTable, asked: Sequence[Asked]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells and the codes that the rules of gate 1 are about."""
    coded = {name: _coded(table.frame[name]) for name in table.dimensions}
    cells = table.frame.reset_index(drop=True)
    cells[KEY] = _key(list(coded.values()), len(cells))
    whole = pd.DataFrame({ALL_CELLS: [float(_is_asked(asked, coded, len(cells)).sum())]})
    return cells, pd.concat([_codes_frame(asked, coded), whole], ignore_index=True)


def _asked_observations(resolution: Resolution) -> tuple[Asked, ...]:
    """The keys that observations must have, each combination of them once."""
    combinations: list[dict[str, str]] = [{}]
    for name in resolution.series_classes:
        keys = resolution.classes[name][1]
        combinations = [{**before, name: key} for before in combinations for key in keys]
    return (
        Asked(_CONTENT, tuple(resolution.contents)),
        Asked("classes", tuple(class_key(one) for one in combinations)),
        Asked(_AREA, tuple(dict.fromkeys(resolution.areas.values()))),
        Asked("period", tuple(from_source(code) for code in resolution.periods)),
    )


def _limits(
    bounds: Bounds, content: tuple[Codes, list[str]], classes: tuple[Codes, list[str]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each row the lowest and the highest credible value.

    The narrowest of the bounds that are about it.
    """
    low = np.full((len(content[1]) + 1, len(classes[1]) + 1), -sys.float_info.max)
    high = np.full_like(low, sys.float_info.max)
    for about, (lowest, highest) in bounds.items():
        name, key = (about, None) if isinstance(about, str) else about
        if name not in content[1] or (key is not None and key not in classes[1]):
            continue
        where = (content[1].index(name), slice(None) if key is None else classes[1].index(key))
        if lowest is not None:
            low[where] = np.maximum(low[where], lowest)
        if highest is not None:
            high[where] = np.minimum(high[where], highest)
    return low[content[0], classes[0]], high[content[0], classes[0]]


def check_observations(
    frame: pd.DataFrame, dataset: Dataset, bounds: Bounds, resolution: Resolution
) -> GateReport:
    """Gate 2: whether the observations are complete, each once, credible, and say why a value is missing.

    `bounds` gives the lowest and highest credible value, both included and each may be None: of a content
    for all its classes, or of (content, classes) for one of them; where both are about a row, both hold.
    Areas that the catalogue asks for and the table lacks are a warning.
    """
    if resolution.dataset_id != dataset.id:
        raise ValueError(f"the resolution of {resolution.dataset_id} is not one of {dataset.id}")
    asked = _asked_observations(resolution)
    cells, codes = _observation_frames(frame, asked, bounds, resolution)
    of_cells, of_codes = observation_rules(asked)
    return validate("values", [(cells, of_cells), (codes, of_codes)])


def _observation_frames(
    frame: pd.DataFrame, asked: Sequence[Asked], bounds: Bounds, resolution: Resolution
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells and the codes that the rules of gate 2 are about."""
    coded = {one.column: _coded(frame[one.column]) for one in asked}
    values = frame["value"].to_numpy(dtype=np.float64)
    low, high = _limits(bounds, coded[_CONTENT], coded["classes"])
    symbol_codes, symbols = _coded(frame["symbol"])
    has_symbol = np.array([*(symbol != "" for symbol in symbols), False])[symbol_codes]
    cells = frame.reset_index(drop=True)
    cells[KEY] = _key(list(coded.values()), len(cells))
    cells[LOW], cells[HIGH] = low, high
    cells[BESIDE_SYMBOL] = np.where(has_symbol, values, np.nan)

    codes = _codes_frame(asked, coded)
    codes[CELLS_WISHED] = codes[CELLS_ASKED].where(codes["dimension"] == _AREA)
    lacking = [one.key for one in resolution.missing if one.what == "area"]
    if lacking:
        absent = pd.DataFrame(
            {
                "dimension": pd.Series([_AREA] * len(lacking), dtype="str"),
                "code": pd.Series(lacking, dtype="str"),
                CELLS_ASKED: np.full(len(lacking), np.nan),
                CELLS_WISHED: np.zeros(len(lacking)),
            }
        )
        codes = pd.concat([codes, absent], ignore_index=True)
    figures = _cells(*coded[_CONTENT], where=~np.isnan(values))
    codes[FIGURES] = [
        float(figures.get(code, 0)) if dimension == _CONTENT else np.nan
        for dimension, code in zip(codes["dimension"], codes["code"], strict=True)
    ]
    return cells, codes
