"""Verdicts on indicators whose figures changed, or whose entry in the catalogue did; see docs/method.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

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


def turned(connection: Connection, catalogue: Catalogue, since: datetime) -> pd.DataFrame:
    """The verdicts that became others since: indicator_id, area_code, class_code, period, recorded_at, old, new.

    Only an indicator whose figures changed can have another; a series that had no figures before has not turned.
    """
    now = datetime.now(UTC)
    counts = read.change_counts(connection, since - timedelta(microseconds=1), now)
    changed = [one for one in catalogue.indicators if one in set(counts["indicator_id"])]
    before = judged(connection, catalogue, changed, as_of=since - timedelta(microseconds=1))
    after = judged(connection, catalogue, changed)
    key = ["indicator_id", "area_code", "class_code"]
    both = after[[*key, "period", "recorded_at", "verdict"]].merge(before[[*key, "verdict"]], on=key)
    both = both.rename(columns={"verdict_x": "new", "verdict_y": "old"})
    return both[(both["new"] != both["old"]) & (both["old"] != "")].reset_index(drop=True)


def judged(
    connection: Connection,
    catalogue: Catalogue,
    indicator_ids: Iterable[str],
    *,
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """The verdicts (models.judge.VERDICT_COLUMNS) on these indicators, now or by the figures known at a time.

    Areas that the catalogue's files do not name get none: they are not what the programme is compared with.
    """
    codes = [area.code for area in catalogue.areas.all()]
    frames = [read.indicator_values(connection, one, as_of=as_of, area_codes=codes) for one in indicator_ids]
    held = [frame for frame in frames if len(frame)]
    values = pd.concat(held, ignore_index=True) if held else read.indicator_values(connection, "")
    return verdict_frame(values, catalogue)
