"""What PxWeb v1 answers from a table: its metadata, and a query's data as JSON-stat 2 or PX-JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from demo.table import SYMBOLS, SampleTable
from models.table import Variable


class BadRequestError(Exception):
    """A query that PxWeb answers with 400: unknown variable, value, filter or format."""


class TooManyCellsError(Exception):
    """A query that PxWeb answers with 403: it selects more cells than one answer may have."""


@dataclass(frozen=True)
class Extract:
    """A query's cells: the variables left, with the values selected, in table order, and their cube."""

    table: SampleTable
    variables: tuple[Variable, ...]
    values: NDArray[np.float64]
    symbols: NDArray[np.int8]


def metadata(table: SampleTable) -> dict[str, Any]:
    """The metadata document; `elimination`, `time` and `map` are there only where they say something."""
    variables = []
    for one in table.variables:
        entry: dict[str, Any] = {
            "code": one.code,
            "text": one.text,
            "values": list(one.values),
            "valueTexts": list(one.texts),
        }
        if one.elimination:
            entry["elimination"] = True
        if one.time:
            entry["time"] = True
        if one.map:
            entry["map"] = one.map
        variables.append(entry)
    return {"title": table.meta.title, "variables": variables}


def _selected(variable: Variable, selection: object) -> list[int]:
    """The positions that one selection takes, in table order. Raises BadRequestError."""
    if not isinstance(selection, Mapping):
        raise BadRequestError(f"{variable.code}: no selection")
    name, wanted = selection.get("filter"), selection.get("values")
    if not isinstance(wanted, list) or not all(isinstance(value, str) for value in wanted):
        raise BadRequestError(f"{variable.code}: values must be a list of texts")
    count = len(variable.values)
    match name:
        case "item":
            unknown = set(wanted) - set(variable.values)
            if unknown:
                raise BadRequestError(f"{variable.code}: no value {sorted(unknown)[0]}")
            chosen = set(wanted)
            return [position for position in range(count) if variable.values[position] in chosen]
        case "all":
            patterns = [
                re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
                for pattern in wanted
            ]
            return [
                position
                for position in range(count)
                if any(pattern.fullmatch(variable.values[position]) for pattern in patterns)
            ]
        case "top":
            if len(wanted) != 1 or not re.fullmatch(r"[1-9]\d{0,8}", wanted[0]):
                raise BadRequestError(f"{variable.code}: top takes one whole number")
            number = min(int(wanted[0]), count)
            return list(range(count - number, count)) if variable.time else list(range(number))
    raise BadRequestError(f"{variable.code}: no filter {name!r}")


def _selections(table: SampleTable, query: object) -> list[list[int]]:
    """The positions taken of each variable; an empty list means that the variable is eliminated."""
    if not isinstance(query, list) or not all(isinstance(entry, Mapping) for entry in query):
        raise BadRequestError("no list of selections")
    asked = [entry.get("code") for entry in query]
    if len(set(asked)) != len(asked) or not set(asked) <= set(table.codes):
        raise BadRequestError("a variable is unknown or stands there twice")
    by_code = {entry["code"]: entry.get("selection") for entry in query}
    taken = []
    for variable in table.variables:
        if variable.code in by_code:
            positions = _selected(variable, by_code[variable.code])
            if not positions and not variable.elimination:
                raise BadRequestError(f"{variable.code}: no value selected")
        else:
            positions = [] if variable.elimination else list(range(len(variable.values)))
        taken.append(positions)
    return taken


def _summed(
    values: NDArray[np.float64], symbols: NDArray[np.int8], axis: int
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Sums along `axis`, kept with length 1; one missing cell makes the sum missing, with its symbol."""
    return values.sum(axis=axis, keepdims=True), symbols.max(axis=axis, keepdims=True)


def extract(table: SampleTable, query: object, max_cells: int) -> Extract:
    """The cells that `query` (the list under "query") selects.

    Raises BadRequestError, and TooManyCellsError above `max_cells`; an eliminated variable counts as one.
    """
    taken = _selections(table, query)
    cells = 1
    for positions in taken:
        cells *= max(len(positions), 1)
    if cells > max_cells:
        raise TooManyCellsError(f"{cells} cells selected, at most {max_cells} allowed")
    contents = table.variable(table.contents_variable)
    chosen = [contents.values[position] for position in taken[table.axis(contents.code)]]
    index, sums, left = [], [], []
    for axis, (variable, positions) in enumerate(zip(table.variables, taken, strict=True)):
        if positions:
            index.append(positions)
            left.append(_part(variable, positions))
            continue
        total = table.totals.get(variable.code, "")
        if total in variable.values:
            index.append([variable.values.index(total)])
        elif set(chosen) <= table.summable:
            index.append(list(range(len(variable.values))))
            sums.append(axis)
        else:
            raise BadRequestError(f"{variable.code}: cannot be eliminated, it has no total and is no count")
    at = np.ix_(*index)
    values, symbols = table.values[at], table.symbols[at]
    for axis in sums:
        values, symbols = _summed(values, symbols, axis)
    gone = tuple(axis for axis, positions in enumerate(taken) if not positions)
    return Extract(table, tuple(left), values.squeeze(axis=gone), symbols.squeeze(axis=gone))


def _part(variable: Variable, positions: list[int]) -> Variable:
    return replace(
        variable,
        values=tuple(variable.values[position] for position in positions),
        texts=tuple(variable.texts[position] for position in positions),
    )


def _decimals(found: Extract) -> NDArray[np.int64]:
    """The number of decimals of each cell, row-major."""
    axis = [one.code for one in found.variables].index(found.table.contents_variable)
    shape = [1] * found.values.ndim
    shape[axis] = -1
    places = [found.table.decimals.get(code, 0) for code in found.variables[axis].values]
    wide = np.array(places, dtype=np.int64).reshape(shape)
    return np.broadcast_to(wide, found.values.shape).ravel()


def _dimension(table: SampleTable, variable: Variable) -> dict[str, Any]:
    category: dict[str, Any] = {
        "index": {code: position for position, code in enumerate(variable.values)},
        "label": dict(zip(variable.values, variable.texts, strict=True)),
    }
    if variable.code == table.contents_variable:
        category["unit"] = {
            code: {"base": table.units.get(code, ""), "decimals": table.decimals.get(code, 0)}
            for code in variable.values
        }
    extension: dict[str, Any] = {"elimination": False, "show": "value"}
    total = table.totals.get(variable.code, "")
    if variable.elimination and total in variable.values:
        extension = {"elimination": True, "eliminationValueCode": total, "show": "value"}
    return {"label": variable.text, "category": category, "extension": extension}


def json_stat2(found: Extract, language: str) -> bytes:
    """The cells as a JSON-stat 2 dataset, `status` only where a missing symbol stands."""
    table = found.table
    codes = [one.code for one in found.variables]
    role = {
        "time": [one.code for one in found.variables if one.time],
        "geo": [code for code in codes if code == table.area_variable],
        "metric": [table.contents_variable],
    }
    decimals = [
        table.decimals.get(code, 0)
        for one in found.variables
        for code in one.values
        if one.code == table.contents_variable
    ]
    flat = found.values.ravel().tolist()
    status = {
        str(position): SYMBOLS[symbol]
        for position, symbol in enumerate(found.symbols.ravel().tolist())
        if symbol
    }
    document: dict[str, Any] = {
        "version": "2.0",
        "class": "dataset",
        "label": table.label(found.variables),
        "source": table.source,
        "updated": table.updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": [table.statement] if table.statement else [],
        "role": {name: held for name, held in role.items() if held},
        "id": codes,
        "size": [len(one.values) for one in found.variables],
        "dimension": {one.code: _dimension(table, one) for one in found.variables},
        "extension": {
            "px": {
                "tableid": table.table_id,
                "decimals": max(decimals),
                "official-statistics": not table.synthetic,
                "aggregallowed": True,
                "language": language,
                "contents": table.contents,
                "description": table.title,
                "descriptiondefault": False,
                "heading": [code for code in codes if code not in table.stub],
                "stub": [code for code in codes if code in table.stub],
                "matrix": table.table_id,
                "subject-code": table.subject,
                "subject-area": table.subject_text,
            }
        },
        "value": [
            None if value != value else int(value) if places == 0 else value
            for value, places in zip(flat, _decimals(found).tolist(), strict=True)
        ],
    }
    if status:
        document["status"] = status
    return orjson.dumps(document)


def px_json(found: Extract) -> bytes:
    """The cells as PX-JSON: a column for each content, figures as texts, missing symbols in their place.

    The format has no null: a gap stands there as '..', not available.
    """
    table = found.table
    axis = [one.code for one in found.variables].index(table.contents_variable)
    keys = [one for one in found.variables if one.code != table.contents_variable]
    contents = found.variables[axis]
    columns = [{"code": one.code, "text": one.text, "type": "t" if one.time else "d"} for one in keys]
    columns += [
        {"code": code, "text": text, "type": "c"}
        for code, text in zip(contents.values, contents.texts, strict=True)
    ]
    values = np.moveaxis(found.values, axis, -1).reshape(-1, len(contents.values)).tolist()
    symbols = np.moveaxis(found.symbols, axis, -1).reshape(-1, len(contents.values)).tolist()
    places = [table.decimals.get(code, 0) for code in contents.values]
    shape = tuple(len(one.values) for one in keys)
    data = []
    for row, index in enumerate(np.ndindex(shape)):
        data.append(
            {
                "key": [one.values[position] for one, position in zip(keys, index, strict=True)],
                "values": [
                    (SYMBOLS[symbol] or "..") if value != value else f"{value:.{digits}f}"
                    for value, symbol, digits in zip(values[row], symbols[row], places, strict=True)
                ],
            }
        )
    return orjson.dumps(
        {
            "columns": columns,
            "comments": [],
            "data": data,
            "metadata": [
                {
                    "updated": table.updated.strftime("%Y-%m-%dT%H.%M.%SZ"),
                    "label": table.label(found.variables),
                    "source": table.source,
                }
            ],
        }
    )


def data(table: SampleTable, body: bytes, *, max_cells: int, language: str = "fi") -> bytes:
    """The answer to the query `body` (JSON as posted). Raises BadRequestError and TooManyCellsError."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("the body is no JSON") from error
    if not isinstance(asked, Mapping):
        raise BadRequestError("the body is no object")
    response = asked.get("response", {})
    form = response.get("format", "json-stat2") if isinstance(response, Mapping) else None
    if form not in ("json-stat2", "json"):
        raise BadRequestError(f"no format {form!r}")
    found = extract(table, asked.get("query"), max_cells)
    return px_json(found) if form == "json" else json_stat2(found, language)
