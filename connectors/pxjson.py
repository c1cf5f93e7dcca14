"""PX-JSON (PxWeb's format "json"): bytes to a source table in long form.

Each content is a column of its own there; here the contents become one dimension, `contentscode`, as in
JSON-stat. Comments are not read, and the answer has no texts for the values of its keys, so `labels` has
those of the contents alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
import pandas as pd

from connectors.cells import Codes, categorical, code_dtype, parse_stamp, quoted, split_texts
from models.errors import SourceError
from models.table import SourceTable

CONTENTS = "contentscode"


def read_pxjson(body: bytes) -> SourceTable:
    """The PX-JSON answer in `body` as a source table: a row for each key and content, in the answer's order.

    Key dimensions come in the order of the answer's columns, their categories in order of first appearance.
    Raises SourceError, one line, for anything that is not one whole and consistent answer.
    """
    document = _load(body)
    columns, rows = _objects(document.get("columns")), _objects(document.get("data"))
    if columns is None or rows is None:
        raise SourceError("the answer is no PX-JSON: it has no lists 'columns' and 'data'")
    if not rows:
        raise SourceError("the PX-JSON answer is empty: it has no rows")
    if not all(isinstance(column.get("code"), str) for column in columns):
        raise SourceError("the PX-JSON answer has a column without a code")
    keys = [column["code"] for column in columns if column.get("type") != "c"]
    contents = [column for column in columns if column.get("type") == "c"]
    codes = [column["code"] for column in contents]
    named = [*keys, *codes, CONTENTS, "value", "symbol"]
    if not contents or len(set(named)) != len(named):
        raise SourceError("the PX-JSON answer has no content column, or the same column twice")
    key_texts = _cells(rows, "key", len(keys))
    value_texts = _cells(rows, "values", len(codes))
    figures, symbol_codes, symbols = split_texts(value_texts)
    frame: dict[str, Any] = {}
    combined = np.zeros(len(rows), dtype=np.int64)
    for position, key in enumerate(keys):
        found, values = pd.factorize(np.array(key_texts[position :: len(keys)], dtype=object))
        # Renumbered at every key, so that many long dimensions do not overflow.
        combined = np.unique(combined * len(values) + found, return_inverse=True)[1]
        frame[key] = categorical(np.repeat(_narrow(found, len(values)), len(codes)), list(values))
    if combined.max() + 1 != len(rows):
        raise SourceError("the PX-JSON answer has the same key twice")
    frame[CONTENTS] = categorical(
        np.tile(np.arange(len(codes), dtype=code_dtype(len(codes))), len(rows)), codes
    )
    frame["value"] = figures
    frame["symbol"] = categorical(symbol_codes, symbols)
    about = _objects(document.get("metadata")) or []
    stamps = [stamp for one in about if (stamp := parse_stamp(one.get("updated"))) is not None]
    return SourceTable(
        frame=pd.DataFrame(frame, copy=False),
        labels={key: {} for key in keys}
        | {CONTENTS: {column["code"]: _text(column.get("text")) or column["code"] for column in contents}},
        dimension_texts={
            column["code"]: _text(column.get("text")) or column["code"]
            for column in columns
            if column.get("type") != "c"
        }
        | {CONTENTS: CONTENTS},
        updated=max(stamps, default=None),
        source=next((text for one in about if (text := _text(one.get("source")))), ""),
        label=next((text for one in about if (text := _text(one.get("label")))), ""),
        roles={
            "time": tuple(column["code"] for column in columns if column.get("type") == "t"),
            "metric": (CONTENTS,),
        },
    )


def _load(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        start = quoted(body[:200].decode("utf-8", "replace"))
        raise SourceError(f"the answer is no JSON ({error}); it begins {start}") from error
    if not isinstance(document, dict):
        raise SourceError("the answer is no PX-JSON: it is no object")
    return document


def _objects(value: Any) -> list[dict[str, Any]] | None:
    """`value` where it is a list of objects alone."""
    return value if isinstance(value, list) and set(map(type, value)) <= {dict} else None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _narrow(codes: Codes, categories: int) -> Codes:
    return codes.astype(code_dtype(categories))


def _cells(rows: Sequence[dict[str, Any]], name: str, width: int) -> list[str]:
    """The texts of every row's list `name`, one after the other; each list has `width` of them."""
    try:
        lists = list(map(itemgetter(name), rows))
    except KeyError:
        raise SourceError(f"the PX-JSON answer has a row without '{name}'") from None
    if set(map(type, lists)) != {list} or set(map(len, lists)) != {width}:
        raise SourceError(f"the PX-JSON answer has a row whose '{name}' are not {width}")
    texts = list(chain.from_iterable(lists))
    if not set(map(type, texts)) <= {str}:
        raise SourceError(f"the PX-JSON answer has a row whose '{name}' are not all texts")
    return texts
