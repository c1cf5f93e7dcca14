"""JSON-stat 2 bytes to a source frame, against pyjstat, pxwebpy's reader and `orjson.loads` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pandas as pd

from bench.frames import jsonstat_of
from bench.measure import Figure, Scale, by_turns, cost, faster
from connectors.jsonstat import read_jsonstat

LINE = "JSON-stat 2 bytes -> source frame"
PXWEBPY = "pxwebpy's reader, as a frame"


def figures(scale: Scale) -> Iterator[Figure]:
    for cells, floor in zip(scale.cells, (4, 3), strict=True):
        body = jsonstat_of(cells)
        _agree(body)
        text = body.decode()
        quick = by_turns(
            scale.rounds * 3,
            {
                "ours": lambda b=body: _dropped(read_jsonstat(b)),
                "orjson.loads": lambda b=body: _dropped(orjson.loads(b)),
            },
        )
        yield cost(LINE, f"{cells:,} cells", quick, "orjson.loads", floor)
        slow = by_turns(
            2,
            {
                "ours": lambda b=body: _dropped(read_jsonstat(b)),
                "pyjstat": lambda t=text: _dropped(_pyjstat(t)),
                PXWEBPY: lambda b=body: _dropped(_pxwebpy(b)),
            },
        )
        yield faster(LINE, f"{cells:,} cells", slow, "pyjstat", 30)
        beside = faster(LINE, f"{cells:,} cells", slow, PXWEBPY, 1)
        yield Figure(beside.line, beside.what, beside.value, None, beside.ours, beside.theirs, PXWEBPY)


def _dropped(_: object) -> None:
    """What a work made is not its time."""


def _pyjstat(text: str) -> pd.DataFrame:
    from pyjstat import pyjstat

    frame: pd.DataFrame = pyjstat.Dataset.read(text).write("dataframe", naming="id")
    return frame


def _pxwebpy(body: bytes) -> pd.DataFrame:
    from pxweb._internal.functions import unpack_table_data

    document: dict[str, Any] = orjson.loads(body)
    return pd.DataFrame(unpack_table_data(document, show="code"))


def _agree(body: bytes) -> None:
    """All three must have read the same figures; else their times say nothing."""
    ours = read_jsonstat(body).frame["value"].to_numpy()
    for theirs in (_pyjstat(body.decode()), _pxwebpy(body)):
        np.testing.assert_allclose(ours, theirs["value"].to_numpy(dtype=float))
