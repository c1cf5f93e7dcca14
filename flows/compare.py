"""Two warehouses compared, indicator by indicator, for people."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection

from warehouse import read

_KEYS = ["indicator_id", "area_code", "class_code", "period"]
_SHOWN = 5


def indicator_differences(one: Connection, other: Connection, there: str = "replayed") -> list[str]:
    """A line per indicator whose current figures differ between two warehouses, with the first few of them.

    `there` is what the other one's figures are called.
    """
    frames = [
        read.view(connection, "dashboard_series")[[*_KEYS, "value", "symbol"]] for connection in (one, other)
    ]
    both = frames[0].merge(frames[1], on=_KEYS, how="outer", suffixes=("_here", "_there"), indicator=True)
    same = (both["value_here"] == both["value_there"]) | (
        both["value_here"].isna() & both["value_there"].isna()
    )
    same &= (both["symbol_here"] == both["symbol_there"]) & (both["_merge"] == "both")
    lines = []
    for indicator_id, rows in both[~same].groupby("indicator_id"):
        shown = "; ".join(
            f"{row['area_code']} {row['period']}: {_plain(row['value_here'])} here,"
            f" {_plain(row['value_there'])} {there}"
            for row in rows.head(_SHOWN).to_dict("records")
        )
        count = "1 figure differs" if len(rows) == 1 else f"{len(rows)} figures differ"
        lines.append(f"{indicator_id}: {count} ({shown})")
    return lines


def _plain(value: float) -> str:
    return "none" if pd.isna(value) else f"{value:.10g}"
