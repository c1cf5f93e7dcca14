"""What the warehouse knew of datasets and of people's answers at a time; figures as of a time are in `read`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from models.period import parse_period
from models.release_rhythm import Release
from warehouse import tables
from warehouse.times import as_utc

Row = dict[str, Any]


@dataclass(frozen=True)
class KnownDataset:
    """A dataset as its ledger had it at a time. `state` is `fetched` once it was fetched, whatever failed later."""

    state: str
    last_release: datetime | None = None
    last_fetch: datetime | None = None
    newest_period: str | None = None
    releases: tuple[Release, ...] = ()


def datasets_at(connection: Connection, moment: datetime) -> Mapping[str, KnownDataset]:
    """By dataset id what was known at `moment`; a dataset of which nothing was is left out."""
    moment = as_utc(moment)
    ledger = tables.table_of(tables.Ledger)
    query = select(ledger).where(ledger.c.recorded_at <= moment).order_by(ledger.c.recorded_at)
    rows: dict[str, list[Row]] = {}
    for row in connection.execute(query).mappings():
        rows.setdefault(row["dataset_id"], []).append(dict(row))
    held, seen = _held_back_at(connection, moment), _releases_at(connection, moment)
    found = {}
    for dataset_id, written in rows.items():
        fetched = [one for one in written if one["state"] == "fetched"]
        good = [one for one in written if one["state"] in ("fetched", "unchanged")]
        known = seen.get(dataset_id, [])
        found[dataset_id] = KnownDataset(
            state=_state(written, dataset_id in held, bool(fetched)),
            last_release=max((one["released_at"] for one in good if one["released_at"]), default=None),
            last_fetch=max((one["recorded_at"] for one in fetched), default=None),
            newest_period=max(
                (period for period, _ in known), key=lambda code: parse_period(code).end, default=None
            ),
            releases=tuple(Release(period, at) for period, at in known if at is not None),
        )
    return found


def answers_at(connection: Connection, moment: datetime) -> list[Row]:
    """The newest vintage of every answer recorded up to `moment` that was not taken back by then, as rows."""
    vintage = tables.table_of(tables.AnswerVintage)
    newest = (
        select(vintage.c.question_id, vintage.c.period, func.max(vintage.c.recorded_at).label("recorded_at"))
        .where(vintage.c.recorded_at <= as_utc(moment))
        .group_by(vintage.c.question_id, vintage.c.period)
        .subquery()
    )
    query = (
        select(vintage)
        .join(
            newest,
            (newest.c.question_id == vintage.c.question_id)
            & (newest.c.period == vintage.c.period)
            & (newest.c.recorded_at == vintage.c.recorded_at),
        )
        .where(vintage.c.change_class != "withdrawn")
        .order_by(vintage.c.question_id, vintage.c.period)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _state(written: list[Row], is_held: bool, was_fetched: bool) -> str:
    last = written[-1]["state"]
    if last in ("not_in_sample", "discontinued"):
        return str(last)
    if is_held:
        return "quarantined"
    return "fetched" if was_fetched else "never_fetched"


def _held_back_at(connection: Connection, moment: datetime) -> set[str]:
    table = tables.table_of(tables.Quarantine)
    query = (
        select(table.c.dataset_id)
        .where(table.c.opened_at <= moment)
        .where(or_(table.c.decided_at.is_(None), table.c.decided_at > moment))
    )
    return set(connection.execute(query).scalars())


def _releases_at(connection: Connection, moment: datetime) -> dict[str, list[tuple[str, datetime | None]]]:
    table = tables.table_of(tables.DatasetRelease)
    query = select(table).where(table.c.seen_at <= moment).order_by(table.c.seen_at, table.c.period)
    found: dict[str, list[tuple[str, datetime | None]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.dataset_id, []).append((row.period, row.released_at))
    return found
