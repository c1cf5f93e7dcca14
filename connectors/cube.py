"""A source's figures that come as rows, as the full table that the gates and the mapping expect.

A PxWeb table describes itself and answers with every cell. Other sources answer with rows: what is not there has no
row. Their connectors bring the rows into our keys, and here they become a Reading of the same form: a table with
every combination of area, period, content and class, and the resolution that belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import prod
from typing import Literal

import numpy as np
import pandas as pd

from models.area import Area
from models.dataset import ClassVariable, Dataset
from models.errors import SourceError
from models.period import PeriodError, parse_period
from models.reading import Reading
from models.resolution import Missing, Resolution, series_classes
from models.table import SourceTable, TableMeta, Variable

CONTENT, AREA, PERIOD = "content", "area", "period"
MAX_CELLS = 3_000_000  # more than any dataset of ours; above it the rows are not what they seem


def cube(
    dataset: Dataset,
    areas: Sequence[Area],
    figures: pd.DataFrame,
    *,
    absent: Literal["null", "zero"],
    updated: datetime | None,
    periods: Iterable[str] = (),
    preliminary: Iterable[str] = (),
    labels: Mapping[str, str] | None = None,
    unknown_areas: Mapping[str, str] | None = None,
    division: str = "",
) -> Reading:
    """The Reading of `figures`, a row a figure, in our keys.

    `figures` has the columns content (our key), area (our code), period (our form: 2025, 2025Q1, 2025M01, 2025W01),
    one column named as each class variable of the dataset (our key; the source's own text where the variable takes
    nothing), value (float, NaN where there is none) and symbol ('' or a missing symbol). Rows of areas, contents or
    class values that are not asked for are an error of the caller. A combination without a row is `absent`: null
    (not known), or zero where the source counts things and has no row for none. `periods` are those that the source
    covered beside those that have rows; `preliminary` those that are not final. `labels` maps content keys to the
    source's own words. `unknown_areas` maps areas that were asked and that the source does not have to the reason.
    `division` is the date of the division of areas the source counts in (2026-01-01), where it says so.

    Raises SourceError where there is nothing, or a period is none.
    """
    lacking = dict(unknown_areas or {})
    found_areas = [area for area in areas if area.code not in lacking]
    every_period = _in_order(dataset, {*periods, *figures[PERIOD].unique()})
    if not found_areas:
        why = next(iter(lacking.values()), "none is asked")
        raise SourceError(f"{dataset.id}: the source has none of the {len(areas)} areas ({why})")
    contents = [choice.key for choice in dataset.content_choices]
    if not contents:
        raise SourceError(f"{dataset.id}: the catalogue asks for no content")
    classes = {one.name: _class_values(one, figures) for one in dataset.class_variables}
    area_code = f"{AREA}_{division.replace('-', '')}" if division else AREA
    dimensions: dict[str, list[str]] = {
        CONTENT: contents,
        area_code: [area.code for area in found_areas],
        PERIOD: every_period,
        **classes,
    }
    frame = _full(dataset, figures.rename(columns={AREA: area_code}), dimensions, absent)
    texts = {CONTENT: {key: (labels or {}).get(key, key) for key in contents}}
    texts[area_code] = {area.code: area.name_fi for area in found_areas}
    variables = tuple(
        Variable(
            code=code,
            text=code,
            values=tuple(values),
            texts=tuple(texts.get(code, {}).get(value, value) for value in values),
            time=code == PERIOD,
        )
        for code, values in dimensions.items()
    )
    resolution = Resolution(
        dataset_id=dataset.id,
        table=dataset.table,
        area_variable=area_code,
        areas={area.code: area.code for area in found_areas},
        time_variable=PERIOD,
        periods=tuple(every_period),
        preliminary=frozenset(preliminary),
        contents_variable=CONTENT,
        contents={key: key for key in contents},
        classes={name: (name, {value: value for value in values}) for name, values in classes.items()},
        totals={},
        missing=tuple(Missing("area", code, reason) for code, reason in lacking.items()),
        labels=texts[CONTENT],
        series_classes=series_classes(dataset),
        variable_texts={variable.code: variable.text for variable in variables},
        class_labels={name: {value: value for value in values} for name, values in classes.items()},
    )
    table = SourceTable(
        frame=frame,
        labels=texts,
        dimension_texts=resolution.variable_texts,
        updated=updated,
        label=dataset.title_fi,
    )
    return Reading(TableMeta(dataset.table, dataset.title_fi, variables), resolution, table)


def _in_order(dataset: Dataset, periods: Iterable[str]) -> list[str]:
    """The periods, oldest first."""
    try:
        ordered = sorted(periods, key=lambda one: parse_period(one).start)
    except PeriodError as error:
        raise SourceError(f"{dataset.id}: {error}") from error
    if not ordered:
        raise SourceError(f"{dataset.id}: the answer has no figures for any area and period asked")
    return ordered


def _class_values(variable: ClassVariable, figures: pd.DataFrame) -> list[str]:
    """Our keys of a class variable; of one that takes whatever there is, the source's own texts."""
    if variable.take:
        return [choice.key for choice in variable.take]
    return sorted(str(one) for one in figures[variable.name].unique())


def _full(
    dataset: Dataset,
    figures: pd.DataFrame,
    dimensions: Mapping[str, Sequence[str]],
    absent: Literal["null", "zero"],
) -> pd.DataFrame:
    """Every combination once, and those that have several rows as often: the gate shall see them."""
    size = prod(map(len, dimensions.values()))
    if size > MAX_CELLS:
        raise SourceError(
            f"{dataset.id}: the answer spans {size} cells, more than the {MAX_CELLS} it can have"
        )
    columns: dict[str, pd.Categorical] = {}
    number = np.zeros(len(figures), dtype=np.int64)
    for code, values in dimensions.items():
        listed = pd.Index(list(values), dtype="str")
        codes = listed.get_indexer(pd.Index(figures[code].astype("str")))
        if (codes < 0).any():
            unasked = sorted(set(figures[code].astype("str")) - set(values))
            raise SourceError(f"{dataset.id}: figures of {code} {unasked[0]}, which was not asked for")
        columns[code] = pd.Categorical.from_codes(codes, categories=listed)
        number = number * len(values) + columns[code].codes
    empty = np.setdiff1d(np.arange(size, dtype=np.int64), number)
    rest = empty.copy()
    filled = {}
    for code, values in reversed(list(dimensions.items())):
        codes = np.concatenate([columns[code].codes.astype(np.int64), rest % len(values)])
        filled[code] = pd.Categorical.from_codes(codes, dtype=columns[code].dtype)
        rest //= len(values)
    frame = pd.DataFrame({code: filled[code] for code in dimensions})
    nothing = np.full(len(empty), 0.0 if absent == "zero" else np.nan)
    frame["value"] = np.concatenate([figures["value"].to_numpy(dtype=np.float64), nothing])
    symbols = [*figures["symbol"].astype("str"), *([""] * len(empty))]
    frame["symbol"] = pd.Categorical(symbols, categories=pd.Index(sorted({"", *symbols}), dtype="str"))
    return frame
