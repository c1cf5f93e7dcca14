"""Verdicts on indicators whose figures changed, or whose entry in the catalogue did; see docs/method.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.judge import verdict_frame
from warehouse import read
from warehouse.verdicts import write_verdicts


def judge(connection: Connection, catalogue: Catalogue, indicator_ids: Iterable[str]) -> None:
    """Judges these indicators by their current values and writes it, inside `connection`'s transaction."""
    wanted = list(dict.fromkeys(indicator_ids))
    write_verdicts(connection, wanted, judged(connection, catalogue, wanted))


def judged(
    connection: Connection,
    catalogue: Catalogue,
    indicator_ids: Iterable[str],
    *,
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """The verdicts (models.judge.VERDICT_COLUMNS) on these indicators, now or by the figures known at a time."""
    frames = [read.indicator_values(connection, one, as_of=as_of) for one in indicator_ids]
    held = [frame for frame in frames if len(frame)]
    values = pd.concat(held, ignore_index=True) if held else read.indicator_values(connection, "")
    return verdict_frame(values, catalogue)
