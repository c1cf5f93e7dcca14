"""What the warehouse knows of its own state, the problems found in it, and what was told of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select, text, update

from models.alarm import KeptProblem, Notice
from models.freshness import state_on
from models.problems import (
    DatasetFacts,
    Difference,
    OpenQuarantine,
    Problem,
    RunFacts,
    Situation,
    TouchedMeasure,
    Unanswered,
    diff,
    problem_from_json,
    problem_to_json,
)
from warehouse import tables
from warehouse.forms import Owed, owed
from warehouse.heartbeat import beats
from warehouse.page_builds import page_builds
from warehouse.quarantine import quarantined
from warehouse.times import Timestamp, as_utc

_PROBLEM = tables.table_of(tables.Problem)
_NOTICE = tables.table_of(tables.ProblemNotice)
_DATASET = tables.table_of(tables.Dataset)
_STATE = tables.table_of(tables.DatasetState)
_LEDGER = tables.table_of(tables.Ledger)

_TOUCHED = """
SELECT DISTINCT x.dataset_id, m.position AS measure_position, m.measure_id, m.short_fi, m.text_fi,
                a.position AS party_position, p.name_fi AS party
FROM indicator_dataset x
JOIN indicator i ON i.indicator_id = x.indicator_id
JOIN meter_indicator y ON y.indicator_id = i.indicator_id
JOIN meter t ON t.meter_id = y.meter_id
JOIN measure m ON m.measure_id = t.measure_id
LEFT JOIN measure_party a ON a.measure_id = m.measure_id
LEFT JOIN party p ON p.party_id = a.party_id
WHERE NOT i.is_retired AND NOT t.is_retired AND NOT m.is_retired
ORDER BY x.dataset_id, m.position, a.position"""

# Runs that have not ended, and the newest of each source; sources and runs are found by index, however many years of
# runs there are. Whoever collects a source holds its lock.
_RUNS = """
WITH RECURSIVE every(source) AS (
    SELECT min(source) FROM run
    UNION ALL
    SELECT (SELECT min(a.source) FROM run a WHERE a.source > every.source) FROM every WHERE every.source IS NOT NULL
), shown AS (
    SELECT n.run_id FROM every JOIN run n ON n.source = every.source WHERE n.ended_at IS NULL
    UNION
    SELECT n.run_id FROM every JOIN run n ON n.source = every.source
    WHERE n.started_at = (SELECT max(m.started_at) FROM run m WHERE m.source = every.source)
)
SELECT r.run_id, r.source, r.started_at, r.ended_at, r.state,
       (SELECT count(*) FROM ledger g
        WHERE g.run_id = r.run_id AND g.state IN ('failed', 'quarantined')) AS red_rows,
       EXISTS (SELECT 1 FROM lock k
               WHERE k.name = 'collect ' || r.source AND k.lease_ends_at > :now) AS is_held
FROM shown JOIN run r ON r.run_id = shown.run_id
ORDER BY r.started_at, r.run_id"""

_KEPT = """
SELECT p.problem_key, p.opened_at, p.ended_at, p.content, n.event, n.told_at
FROM problem p
LEFT JOIN problem_notice n
       ON n.problem_key = p.problem_key AND n.opened_at = p.opened_at AND n.channel = :channel
WHERE p.ended_at IS NULL
   OR EXISTS (SELECT 1 FROM problem_notice b
              WHERE b.problem_key = p.problem_key AND b.opened_at = p.opened_at AND b.channel = :channel
                AND b.event = 'begun')
      AND NOT EXISTS (SELECT 1 FROM problem_notice e
                      WHERE e.problem_key = p.problem_key AND e.opened_at = p.opened_at
                        AND e.channel = :channel AND e.event = 'ended')
ORDER BY p.opened_at, p.problem_key"""


def situation(connection: Connection, now: datetime) -> Situation:
    """All that problems are found in, as of `now` (aware). Retired datasets are left out."""
    datasets = _datasets(connection, now)
    known = {one.dataset_id for one in datasets}
    return Situation(
        at=as_utc(now),
        datasets=datasets,
        quarantines=tuple(
            OpenQuarantine(one.quarantine_id, one.dataset_id, one.reason, one.opened_at)
            for one in quarantined(connection)
            if one.dataset_id in known
        ),
        beats=beats(connection),
        runs=_runs(connection, now),
        pages=page_builds(connection),
        unanswered=_unanswered(connection, now),
    )


def _unanswered(connection: Connection, now: datetime) -> tuple[Unanswered, ...]:
    """What people have not answered though it is due, by party and the period with which it is asked."""
    groups: dict[tuple[str, str], list[Owed]] = {}
    for one in owed(connection, as_utc(now).date()):
        if one.state != "coming":
            groups.setdefault((one.party, one.turn), []).append(one)
    return tuple(
        Unanswered(
            party=party,
            party_name_fi=answers[0].party_name_fi,
            period=period,
            due_at=min(one.due_at for one in answers),
            count=len(answers),
            is_late=any(one.state == "late" for one in answers),
            measures=tuple(
                TouchedMeasure(id, name, (answers[0].party_name_fi,))
                for id, name in sorted(
                    {pair for one in answers for pair in zip(one.measure_ids, one.measures_fi, strict=True)}
                )
            ),
        )
        for (party, period), answers in sorted(groups.items())
    )


def _datasets(connection: Connection, now: datetime) -> tuple[DatasetFacts, ...]:
    today = as_utc(now).date()
    touched = _touched(connection)
    newer = _LEDGER.alias("newer")
    newest = (
        select(newer.c.recorded_at)
        .where(newer.c.dataset_id == _DATASET.c.dataset_id)
        .order_by(newer.c.recorded_at.desc())
        .limit(1)
        .correlate(_DATASET)
        .scalar_subquery()
    )
    of_newest = and_(_LEDGER.c.dataset_id == _DATASET.c.dataset_id, _LEDGER.c.recorded_at == newest)
    query = (
        select(
            _DATASET,
            _STATE.c.state.label("stored"),
            *(
                _STATE.c[name]
                for name in ("last_release", "last_fetch", "next_expected", "late_after", "judged_on")
            ),
            _LEDGER.c.state.label("last_state"),
            _LEDGER.c.message.label("last_message"),
            _LEDGER.c.recorded_at.label("last_at"),
        )
        .outerjoin(_STATE, _STATE.c.dataset_id == _DATASET.c.dataset_id)
        .outerjoin(_LEDGER, of_newest)
        .where(_DATASET.c.is_retired.is_(False))
        .order_by(_DATASET.c.dataset_id, _LEDGER.c.run_id)
    )
    found = {}
    for row in connection.execute(query).mappings():
        judged = state_on(row["judged_on"] or today, row["stored"], row["next_expected"], row["late_after"])
        found[row["dataset_id"]] = DatasetFacts(
            dataset_id=row["dataset_id"],
            title_fi=row["title_fi"],
            title_en=row["title_en"],
            web_url=row["web_url"],
            freshness=judged,
            next_expected=row["next_expected"],
            late_after=row["late_after"],
            last_fetch=row["last_fetch"],
            last_release=row["last_release"],
            last_state=row["last_state"],
            last_message=row["last_message"] or "",
            last_at=row["last_at"],
            measures=touched.get(row["dataset_id"], ()),
        )
    return tuple(found.values())


def _touched(connection: Connection) -> dict[str, tuple[TouchedMeasure, ...]]:
    """Per dataset the measures that are touched through its indicators and their meters, in the programme's order."""
    found: dict[str, dict[str, TouchedMeasure]] = {}
    for row in connection.execute(text(_TOUCHED)).mappings():
        of_dataset = found.setdefault(row["dataset_id"], {})
        before = of_dataset.get(row["measure_id"])
        parties = (*(before.parties if before else ()), *([row["party"]] if row["party"] else ()))
        of_dataset[row["measure_id"]] = TouchedMeasure(
            row["measure_id"], row["short_fi"] or row["text_fi"], parties
        )
    return {dataset_id: tuple(measures.values()) for dataset_id, measures in found.items()}


def _runs(connection: Connection, now: datetime) -> tuple[RunFacts, ...]:
    query = (
        text(_RUNS)
        .bindparams(bindparam("now", as_utc(now), type_=Timestamp()))
        .columns(started_at=Timestamp(), ended_at=Timestamp())
    )
    return tuple(
        RunFacts(**(dict(row) | {"is_held": bool(row["is_held"])}))
        for row in connection.execute(query).mappings()
    )


def keep(connection: Connection, problems: Sequence[Problem], now: datetime) -> Difference:
    """Writes which problems began and which ended at `now`, and how those that last are said now.

    One process at a time: the caller holds a lock.
    """
    is_open = _PROBLEM.c.ended_at.is_(None)
    before = set(connection.execute(select(_PROBLEM.c.problem_key).where(is_open)).scalars())
    found = diff(before, problems)
    if found.begun:
        rows = [{"problem_key": one.key, "opened_at": as_utc(now), **_said(one)} for one in found.begun]
        connection.execute(insert(_PROBLEM), rows)
    for one in found.still:
        connection.execute(
            update(_PROBLEM).where(is_open, _PROBLEM.c.problem_key == one.key).values(**_said(one))
        )
    for key in found.ended:
        change = update(_PROBLEM).where(is_open, _PROBLEM.c.problem_key == key)
        connection.execute(change.values(ended_at=as_utc(now)))
    return found


def _said(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind,
        "subject": problem.subject,
        "severity": problem.severity,
        "text_fi": problem.text_fi,
        "text_en": problem.text_en,
        "content": json.dumps(problem_to_json(problem), ensure_ascii=False),
    }


def kept_problems(connection: Connection, channel: str) -> list[KeptProblem]:
    """The problems of which `channel` may have to be told: those that last, and those of whose end it was not told."""
    query = (
        text(_KEPT)
        .bindparams(channel=channel)
        .columns(opened_at=Timestamp(), ended_at=Timestamp(), told_at=Timestamp())
    )
    found: dict[tuple[str, datetime], KeptProblem] = {}
    for row in connection.execute(query).mappings():
        key = (row["problem_key"], row["opened_at"])
        if key not in found:
            problem = problem_from_json(json.loads(row["content"]))
            found[key] = KeptProblem(problem, row["opened_at"], row["ended_at"], {})
        if row["event"]:
            one = found[key]
            found[key] = replace(one, told={**one.told, row["event"]: row["told_at"]})
    return list(found.values())


def note_told(connection: Connection, channel: str, notices: Sequence[Notice], told_at: datetime) -> None:
    """Writes that `channel` was told `notices` at `told_at`."""
    for one in notices:
        row = {
            "problem_key": one.problem.key,
            "opened_at": one.opened_at,
            "channel": channel,
            "event": one.event,
            "told_at": as_utc(told_at),
        }
        connection.execute(
            tables.inserting(connection, _NOTICE)
            .values(row)
            .on_conflict_do_update(
                index_elements=["problem_key", "opened_at", "channel", "event"],
                set_={"told_at": row["told_at"]},
            )
        )
