"""JSON-stat 2: bytes to a source table, and the checksum of what matters in an answer.

What is read, beyond the plain form: `category.index` as object, list or absent (one category); `value` as
list or as sparse object; `status` as list, object or one text; sizes and positions written as text; figures
written as text; missing symbols written among the figures. What is said of a cell that has a figure (a
status such as `e` or `p`) is not kept: the frame has a place for missing symbols only. Dots beside a figure
contradict it and are an error.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from connectors.cells import (
    MISSING_SYMBOLS,
    Codes,
    categorical,
    code_dtype,
    parse_stamp,
    quoted,
    split_texts,
)
from models.errors import SourceError
from models.table import SourceTable

MAX_DIMENSIONS = 60  # the widest tables have about ten
MAX_CELLS = 5_000_000  # a sparse answer of a few bytes could claim any number of them
_NUMERIC = frozenset({"floating", "integer", "mixed-integer-float", "empty"})
BOM = b"\xef\xbb\xbf"
_VALUE_LIST = re.compile(rb'"value"[ \t\n\r]*:[ \t\n\r]*\[')
_PIECE = 64 * 1024  # bytes of JSON, some 10,000 figures: their Python numbers stay in the processor's cache


def read_jsonstat(body: bytes) -> SourceTable:
    """The JSON-stat 2 dataset in `body` as a source table, one row a cell, in the answer's order.

    Raises SourceError, one line, for anything that is not one whole and consistent dataset.
    """
    document = _load(body)
    if not isinstance(document, dict) or document.get("class") != "dataset":
        raise SourceError("the answer is no JSON-stat 2 dataset: it does not say class 'dataset'")
    ids, sizes = _shape(document)
    described = document.get("dimension")
    if not isinstance(described, dict):
        raise SourceError("the JSON-stat answer describes no dimensions")
    categories: dict[str, list[str]] = {}
    labels: dict[str, Mapping[str, str]] = {}
    texts: dict[str, str] = {}
    units: dict[str, str] = {}
    for code, size in zip(ids, sizes, strict=True):
        dimension = described.get(code)
        if not isinstance(dimension, dict):
            raise SourceError(f"the JSON-stat answer does not describe its dimension {quoted(code)}")
        category = dimension.get("category")
        if not isinstance(category, dict):
            raise SourceError(f"the JSON-stat answer lists no categories of {quoted(code)}")
        categories[code] = _categories(code, category, size)
        labels[code] = _labels(category, categories[code])
        texts[code] = _text(dimension.get("label")) or code
        units.update(_units(category))
    count = math.prod(sizes)
    figures, symbol_codes, symbols = _cells(document.get("value"), document.get("status"), count)
    extension = _object(document.get("extension"))
    px = _object(extension.get("px"))
    return SourceTable(
        frame=_frame(categories, figures, symbol_codes, symbols),
        labels=labels,
        dimension_texts=texts,
        updated=parse_stamp(document.get("updated")),
        source=_text(document.get("source")),
        label=_text(document.get("label")),
        table_id=_text(px.get("tableid") or px.get("matrix")),
        roles={
            str(role): tuple(str(code) for code in codes)
            for role, codes in _object(document.get("role")).items()
            if isinstance(codes, list)
        },
        units=units,
    )


def canonical_checksum(body: bytes, content_type: str) -> str:
    """SHA-256 (hex) over the content that matters: the same for the same figures under a new date.

    In JSON the order of keys does not count, nor do, in a JSON-stat or PX-JSON answer, the date, the notes,
    the links and the contacts. Other formats, and JSON that does not parse, count byte by byte.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith("json"):
        with suppress(
            orjson.JSONDecodeError, orjson.JSONEncodeError
        ):  # the latter where it is nested too deep
            document = orjson.loads(body.removeprefix(BOM))
            if isinstance(document, dict):
                document = _without_dates_and_notes(document)
            body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()


def _without_dates_and_notes(document: dict[str, Any]) -> dict[str, Any]:
    if document.get("class") == "dataset":
        kept = _without(document, "updated", "note", "link")
        if isinstance(extension := kept.get("extension"), dict):
            kept["extension"] = _without(extension, "contact")
        if isinstance(described := kept.get("dimension"), dict):
            kept["dimension"] = {code: _without_notes(one) for code, one in described.items()}
        return kept
    if "columns" in document and "data" in document:
        kept = _without(document, "comments")
        for part, dropped in (("columns", "comment"), ("metadata", "updated")):
            if isinstance(rows := document.get(part), list):
                kept[part] = [_without(row, dropped) if isinstance(row, dict) else row for row in rows]
        return kept
    return document


def _without_notes(dimension: Any) -> Any:
    if not isinstance(dimension, dict):
        return dimension
    kept = _without(dimension, "note", "link")
    if isinstance(category := kept.get("category"), dict):
        kept["category"] = _without(category, "note")
    return kept


def _without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def _load(body: bytes) -> Any:
    """The document in `body`; its 'value' is an array where it is a list of numbers and nulls only.

    Such a list is read in pieces: its Python numbers all at once would take several times the memory of
    `body`, all of it new to the process. Anything else is read, and judged, as a whole.
    """
    body = body.removeprefix(BOM)
    found = _VALUE_LIST.search(body)
    end = body.find(b"]", found.end()) if found else -1
    if found and end >= 0:
        mark = token_hex()  # tells whether what was found is the dataset's own 'value'
        with suppress(orjson.JSONDecodeError):
            document = orjson.loads(b'%b"%b"%b' % (body[: found.end()], mark.encode(), body[end:]))
            if isinstance(document, dict) and document.get("value") == [mark]:
                numbers = _listed_numbers(body, found.end(), end)
                if numbers is not None:
                    return document | {"value": numbers}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        start = quoted(body[:200].decode("utf-8", "replace"))
        raise SourceError(f"the answer is no JSON ({error}); it begins {start}") from error


def _listed_numbers(body: bytes, start: int, end: int) -> NDArray[np.float64] | None:
    """The numbers of the JSON list between whose brackets are `start` and `end`, NaN for null.

    None where it is empty or holds anything else. Raises orjson.JSONDecodeError where it is no JSON list.
    """
    pieces = []
    while start <= end:
        comma = body.find(b",", start + _PIECE, end)
        stop = comma if comma >= 0 else end
        values = orjson.loads(b"[%b]" % body[start:stop])
        numbers = _numbers(values)
        if numbers is None or not values:  # nothing between two commas is no list
            return None
        pieces.append(numbers)
        start = stop + 1
    return np.concatenate(pieces)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    """`value`, a whole number or its text, as an int; -1 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _shape(document: dict[str, Any]) -> tuple[list[str], list[int]]:
    ids, sizes = document.get("id"), document.get("size")
    if (
        not isinstance(ids, list)
        or not isinstance(sizes, list)
        or not ids
        or not all(isinstance(code, str) for code in ids)
    ):
        raise SourceError("the JSON-stat answer has no lists 'id' and 'size'")
    if len(ids) != len(sizes):
        raise SourceError(f"the JSON-stat answer has {len(ids)} dimensions but {len(sizes)} sizes")
    if len(set(ids)) != len(ids) or {"value", "symbol"} & set(ids):
        raise SourceError(
            f"the JSON-stat answer names a dimension twice, or 'value' or 'symbol': {ids}"[:200]
        )
    numbers = [_whole(size) for size in sizes]
    if min(numbers) < 0:
        raise SourceError("the JSON-stat answer has a size that is no whole number")
    if 0 in numbers:
        raise SourceError(
            f"the JSON-stat answer is empty: dimension {quoted(ids[numbers.index(0)])} has no values"
        )
    if len(ids) > MAX_DIMENSIONS:
        raise SourceError(
            f"the JSON-stat answer has {len(ids)} dimensions; more than {MAX_DIMENSIONS} are not read"
        )
    if (cells := math.prod(numbers)) > MAX_CELLS:
        raise SourceError(
            f"the JSON-stat answer claims {str(cells)[:30]} cells; more than {MAX_CELLS} are not read"
        )
    return ids, numbers


def _categories(code: str, category: dict[str, Any], size: int) -> list[str]:
    """The category codes of a dimension in order, `size` of them."""
    index = category.get("index")
    if index is None:
        codes = list(_object(category.get("label")))
        if len(codes) != 1:
            raise SourceError(f"dimension {quoted(code)} has no index and not exactly one label")
    elif isinstance(index, list):
        codes = index
    elif isinstance(index, dict):
        positions = [_whole(position) for position in index.values()]
        if sorted(positions) != list(range(len(index))):
            raise SourceError(f"the index of dimension {quoted(code)} does not number its categories from 0")
        codes = [""] * len(index)
        for one, position in zip(index, positions, strict=True):
            codes[position] = one
    else:
        raise SourceError(f"the index of dimension {quoted(code)} is neither an object nor a list")
    if len(codes) != size:
        raise SourceError(f"dimension {quoted(code)} has {len(codes)} categories but the size {size}")
    if not all(isinstance(one, str) for one in codes):
        raise SourceError(f"dimension {quoted(code)} has a category code that is no text")
    if len(set(codes)) != len(codes):
        raise SourceError(f"dimension {quoted(code)} has the same category code twice")
    return codes


def _labels(category: dict[str, Any], codes: Sequence[str]) -> dict[str, str]:
    written = _object(category.get("label"))
    return {code: _text(written.get(code)) or code for code in codes}


def _units(category: dict[str, Any]) -> dict[str, str]:
    return {
        code: _text(unit.get("base") or unit.get("label"))
        for code, unit in _object(category.get("unit")).items()
        if isinstance(unit, dict)
    }


def _cells(value: Any, status: Any, count: int) -> tuple[NDArray[np.float64], Codes, tuple[str, ...]]:
    """The figures (count,), the codes of their symbols (count,) and the symbols, '' first."""
    if isinstance(value, list | np.ndarray):
        if len(value) != count:
            raise SourceError(f"the JSON-stat answer has {len(value)} values for {count} cells")
        figures, symbol_codes, symbols = _figures(value)
    elif isinstance(value, dict):
        positions = _positions(value, count, "value")
        some, some_codes, symbols = _figures(list(value.values()))
        figures, symbol_codes = np.full(count, np.nan), np.zeros(count, dtype=np.int8)
        figures[positions], symbol_codes[positions] = some, some_codes
    else:
        raise SourceError("the JSON-stat answer has no list or object 'value'")
    if not status:
        return figures, symbol_codes, symbols
    return (figures, *_with_status(status, figures, symbol_codes, symbols))


def _numbers(values: list[Any]) -> NDArray[np.float64] | None:
    """The values as an array, NaN for None; None where any is neither that nor a number."""
    held = np.fromiter(values, dtype=object, count=len(values))
    # No infinity can be among them: orjson refuses numbers that large.
    return held.astype(np.float64) if pd.api.types.infer_dtype(held, skipna=True) in _NUMERIC else None


def _figures(
    values: list[Any] | NDArray[np.float64],
) -> tuple[NDArray[np.float64], Codes, tuple[str, ...]]:
    numbers = values if isinstance(values, np.ndarray) else _numbers(values)
    if numbers is not None:
        return numbers, np.zeros(len(values), dtype=np.int8), ("",)
    held = np.fromiter(values, dtype=object, count=len(values))
    for kind in set(map(type, values)) - {int, float, str, type(None)}:
        raise SourceError(f"the JSON-stat answer has a value that is no number but a {kind.__name__}")
    is_text = np.fromiter((type(one) is str for one in values), dtype=bool, count=len(values))
    figures = np.full(len(values), np.nan)
    symbol_codes = np.zeros(len(values), dtype=np.int8)
    figures[is_text], symbol_codes[is_text], symbols = split_texts(list(held[is_text]))
    figures[~is_text], _, _ = _figures(list(held[~is_text]))
    return figures, symbol_codes, symbols


def _positions(sparse: dict[str, Any], count: int, what: str) -> NDArray[np.int64]:
    """The cell numbers that are the keys of the sparse object `what`."""
    keys = list(sparse)
    digits = "".join(keys)
    if keys and not (
        "" not in sparse and digits.isascii() and digits.isdecimal() and max(map(len, keys)) < 16
    ):
        raise SourceError(f"the JSON-stat answer has a key in '{what}' that is no cell number")
    positions = np.fromiter(map(int, keys), dtype=np.int64, count=len(keys))
    if len(keys) and positions.max() >= count:
        raise SourceError(f"the JSON-stat answer has a '{what}' of cell {positions.max()}, but {count} cells")
    if len(np.unique(positions)) != len(keys):
        raise SourceError(f"the JSON-stat answer has the '{what}' of one cell twice")
    return positions


def _with_status(
    status: Any, figures: NDArray[np.float64], symbol_codes: Codes, symbols: tuple[str, ...]
) -> tuple[Codes, tuple[str, ...]]:
    """The symbol codes and symbols with what `status` says of the cells that have no figure."""
    positions, codes, marks = _statuses(status, len(figures))
    missing = np.isnan(figures[positions])
    dots = [position for position, mark in enumerate(marks) if mark in MISSING_SYMBOLS and mark != "-"]
    contradicting = positions[~missing & np.isin(codes, dots)]
    if len(contradicting):
        cell = int(contradicting[0])
        raise SourceError(
            f"the JSON-stat answer has both the figure {figures[cell]:g} and a missing symbol in cell {cell}"
        )
    positions, codes = positions[missing], codes[missing]
    used = {marks[code] for code in np.unique(codes)}
    all_symbols = ("", *sorted({*symbols, *used} - {""}))
    if len(all_symbols) > 127:
        raise SourceError(f"the JSON-stat answer has {len(all_symbols)} different statuses")
    place = {symbol: position for position, symbol in enumerate(all_symbols)}
    merged = np.array([place[symbol] for symbol in symbols], dtype=np.int8)[symbol_codes]
    merged[positions] = np.array([place.get(mark, 0) for mark in marks], dtype=np.int8)[codes]
    return merged, all_symbols


def _statuses(status: Any, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Which cells have a status, the codes of their statuses, and the statuses' texts."""
    if isinstance(status, str):
        return np.arange(count), np.zeros(count, dtype=np.int64), [status.strip()]
    if isinstance(status, dict):
        positions, values = _positions(status, count, "status"), list(status.values())
    elif isinstance(status, list):
        if len(status) != count:
            raise SourceError(f"the JSON-stat answer has {len(status)} statuses for {count} cells")
        positions, values = np.arange(count), status
    else:
        raise SourceError("the JSON-stat answer has a 'status' that is no list, object or text")
    if not set(map(type, values)) <= {str, type(None)}:
        raise SourceError("the JSON-stat answer has a status that is no text")
    codes, found = pd.factorize(np.fromiter(values, dtype=object, count=len(values)))
    said = codes >= 0
    return positions[said], codes[said], [mark.strip() for mark in found]


def _frame(
    categories: Mapping[str, Sequence[str]],
    figures: NDArray[np.float64],
    symbol_codes: Codes,
    symbols: Sequence[str],
) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    inner = len(figures)
    outer = 1
    for code, values in categories.items():
        inner //= len(values)
        codes = np.arange(len(values), dtype=code_dtype(len(values)))
        columns[code] = categorical(np.tile(np.repeat(codes, inner), outer), values)
        outer *= len(values)
    columns["value"] = figures
    columns["symbol"] = categorical(symbol_codes, symbols)
    return pd.DataFrame(columns, copy=False)
