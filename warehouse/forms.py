"""What people are asked and what they answered: the questions' mirror, the answers' vintages, and who owes what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from models.catalogue import Catalogue
from models.forms import AnswerState, Question, questions, state_on, turn
from models.forms_answers import Answer, Change, Key
from models.period import parse_period
from warehouse import tables
from warehouse.times import as_utc

_ANSWER = tables.table_of(tables.Answer)
_VINTAGE = tables.table_of(tables.AnswerVintage)
_STATE = tables.table_of(tables.DatasetState)
_DOCUMENT = tables.table_of(tables.Document)

Row = dict[str, Any]


@dataclass(frozen=True)
class Owed:
    """One answer that is not there: of whom, for which period, by when, and what it is on the day asked."""

    party: str
    party_name_fi: str
    question_id: str
    text_fi: str
    meter_ids: tuple[str, ...]
    measure_ids: tuple[str, ...]
    measures_fi: tuple[str, ...]  # their short names
    period: str
    turn: str  # the month, quarter or year with which the period is asked
    due_at: date
    late_after: date
    state: AnswerState


def question_rows(catalogue: Catalogue) -> list[Row]:
    """The rows of the table question."""
    return [
        {
            "question_id": one.id,
            "position": one.position,
            "asks": one.asks,
            "party_id": one.party,
            "is_party_assumed": one.party_assumed,
            "rhythm": one.rhythm,
            "is_rhythm_assumed": one.rhythm_assumed,
            "is_optional": one.optional,
            "indicator_id": one.indicator_id or None,
            "text_fi": one.text_fi,
            "unit_fi": one.unit_fi,
            "area_code": one.area_code,
        }
        for one in questions(catalogue)
    ]


def question_meter_rows(catalogue: Catalogue) -> list[Row]:
    """The rows of the table question_meter."""
    known = {one.id for one in questions(catalogue)}
    return [
        {"question_id": id, "meter_id": meter.id, "position": place}
        for measure in catalogue.programme.measures
        for meter in measure.meters
        for place, id in enumerate(one for one in (meter.id, *meter.indicator_ids) if one in known)
    ]


def question_due_rows(catalogue: Catalogue) -> list[Row]:
    """The rows of the table question_due."""
    return [
        {
            "question_id": one.id,
            "period": period,
            "period_end": parse_period(period).end,
            "due_at": one.due_at(period),
            "late_after": one.late_after(period),
        }
        for one in questions(catalogue)
        for period in one.owed
    ]


def current_answers(connection: Connection) -> dict[Key, Answer]:
    """Every answer there is, by question and period; one that was taken back says nothing."""
    return {
        (row["question_id"], row["period"]): Answer(
            row["question_id"], row["period"], row["value"], row["sample_size"], row["status"], row["text"]
        )
        for row in connection.execute(select(_ANSWER)).mappings()
    }


def store_answers(
    connection: Connection,
    changes: Iterable[Change],
    asked: Mapping[str, Question],
    *,
    recorded_at: datetime,
    role: str,
    collection_id: str,
) -> int:
    """Writes changes as vintages and makes them the current answers, in the caller's transaction; how many.

    `asked` are the questions by id.
    """
    rows = []
    for one in changes:
        answer, question = one.answer, asked[one.answer.question_id]
        rows.append(
            {
                "question_id": answer.question_id,
                "period": answer.period,
                "recorded_at": as_utc(recorded_at),
                "period_end": parse_period(answer.period).end,
                "area_code": question.area_code,
                "party_id": question.party,
                "value": answer.value,
                "sample_size": answer.sample_size,
                "status": answer.status,
                "text": answer.text,
                "change_class": one.change_class,
                "role": role,
                "reason": one.reason,
                "collection_id": collection_id,
            }
        )
    if not rows:
        return 0
    connection.execute(insert(_VINTAGE), rows)
    names = [column.name for column in _ANSWER.columns]
    current = [{name: row[name] for name in names} for row in rows]
    adding = tables.inserting(connection, _ANSWER)
    written = [name for name in names if name not in ("question_id", "period")]
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=["question_id", "period"], set_={name: adding.excluded[name] for name in written}
        ),
        current,
    )
    return len(rows)


def imported_before(connection: Connection, sha256: str) -> datetime | None:
    """When a file with these bytes was first imported; None where it never was."""
    query = select(func.min(_DOCUMENT.c.fetched_at)).where(
        _DOCUMENT.c.kind == "form", _DOCUMENT.c.sha256 == sha256
    )
    moment: datetime | None = connection.execute(query).scalar_one()
    return moment


_OUTSTANDING = """
SELECT q.party_id, coalesce(p.name_fi, q.party_id) AS party_name_fi, q.question_id, q.text_fi, q.rhythm,
       d.period, d.due_at, d.late_after, x.meter_id, r.measure_id,
       coalesce(nullif(r.short_fi, ''), r.text_fi) AS measure_fi
FROM question_outstanding d
JOIN question q ON q.question_id = d.question_id
JOIN question_meter x ON x.question_id = q.question_id
JOIN meter m ON m.meter_id = x.meter_id
JOIN measure r ON r.measure_id = m.measure_id
LEFT JOIN party p ON p.party_id = q.party_id
ORDER BY d.due_at, q.party_id, q.position, d.period_end, r.position, m.position"""


def owed(connection: Connection, today: date) -> tuple[Owed, ...]:
    """Every answer that must be given and is not there, by due date, party and question.

    `today` is overruled by the day the warehouse is judged at (that of the sample in the demo).
    """
    judged = judged_on(connection) or today
    query = text(_OUTSTANDING).columns(
        due_at=tables.table_of(tables.QuestionDue).c.due_at.type,
        late_after=tables.table_of(tables.QuestionDue).c.late_after.type,
    )
    found: dict[Key, Owed] = {}
    for row in connection.execute(query).mappings():
        key = (row["question_id"], row["period"])
        before = found.get(key)
        is_new = before is None or row["measure_id"] not in before.measure_ids
        found[key] = Owed(
            party=row["party_id"],
            party_name_fi=row["party_name_fi"],
            question_id=row["question_id"],
            text_fi=row["text_fi"],
            meter_ids=(*(before.meter_ids if before else ()), row["meter_id"]),
            measure_ids=(*(before.measure_ids if before else ()), *([row["measure_id"]] if is_new else ())),
            measures_fi=(*(before.measures_fi if before else ()), *([row["measure_fi"]] if is_new else ())),
            period=row["period"],
            turn=turn(row["period"], row["rhythm"]),
            due_at=row["due_at"],
            late_after=row["late_after"],
            state=state_on(judged, row["due_at"], row["late_after"]),
        )
    return tuple(found.values())


def judged_on(connection: Connection) -> date | None:
    """The day at which lateness is judged where it is not today's: that of the sample."""
    found: date | None = connection.execute(select(func.max(_STATE.c.judged_on))).scalar_one()
    return found
