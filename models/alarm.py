"""What is to be told of problems, and the message that tells it, in Finnish and English.

Each problem is told once when it begins, once a week while it lasts, and once when it ends; one that began and ended
before anybody could be told is not told at all. All that is due at one time goes into one message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from models.problems import KINDS, UNHEALTHY, Problem, ProblemKind, problem_summary

Event = Literal["begun", "reminder", "ended"]

REMINDED_AFTER_DAYS = 7
_EVENTS: tuple[Event, ...] = ("begun", "reminder", "ended")


@dataclass(frozen=True)
class _Words:
    """The words of one language."""

    kinds: Mapping[ProblemKind, str]
    events: Mapping[Event, str]
    counts: Mapping[Event, str]
    todo: str
    measures: str
    answers: str
    lasted: str


_FI = _Words(
    kinds={
        "no_heartbeat": "ei elonmerkkiä",
        "unaccounted": "ajo jäi kirjaamatta",
        "failed": "haku epäonnistui",
        "quarantined": "luvut pidätetty",
        "late": "luvut myöhässä",
        "stale_pages": "sivut vanhentuneet",
        "answers_late": "vastaukset myöhässä",
        "answers_due": "vastaukset puuttuvat",
        "discontinued": "taulukko poistunut",
    },
    events={"begun": "UUSI", "reminder": "KESTÄÄ YHÄ", "ended": "OHI"},
    counts={"begun": "uusia ongelmia", "reminder": "kestää yhä", "ended": "ohi"},
    todo="Mitä tehdä",
    measures="Toimenpiteet",
    answers="Vastaa",
    lasted="Kesti",
)
_EN = _Words(
    kinds={
        "no_heartbeat": "no sign of life",
        "unaccounted": "run unaccounted for",
        "failed": "collection failed",
        "quarantined": "figures held back",
        "late": "figures late",
        "stale_pages": "pages stale",
        "answers_late": "answers late",
        "answers_due": "answers due",
        "discontinued": "table gone",
    },
    events={"begun": "NEW", "reminder": "STILL THERE", "ended": "OVER"},
    counts={"begun": "new problems", "reminder": "still there", "ended": "over"},
    todo="What to do",
    measures="Measures",
    answers="Answers for it",
    lasted="It lasted",
)


@dataclass(frozen=True)
class KeptProblem:
    """A problem from when it began until it ended (None: it lasts), and when each thing was last told of it."""

    problem: Problem
    opened_at: datetime
    ended_at: datetime | None
    told: Mapping[Event, datetime]


@dataclass(frozen=True)
class Notice:
    """One thing to be told of one problem."""

    event: Event
    problem: Problem
    opened_at: datetime
    ended_at: datetime | None
    week: int = 0  # of a reminder: full weeks since the problem began

    @property
    def id(self) -> str:
        """What is told, of which problem, begun when: the same when the same is told again."""
        which = f"{self.event}-{self.week}" if self.event == "reminder" else self.event
        return f"{self.problem.key}@{self.opened_at.isoformat()}#{which}"


@dataclass(frozen=True)
class Message:
    """What is sent. `idempotency_key` is the same when the same is sent again."""

    idempotency_key: str
    title_fi: str
    title_en: str
    text_fi: str
    text_en: str
    notices: tuple[Notice, ...]
    made_at: datetime


def due(kept: Sequence[KeptProblem], now: datetime) -> tuple[Notice, ...]:
    """What is to be told now: beginnings, reminders, ends; each of these by kind and subject."""
    # Answers that were due and are late now are not over: that is told when they are there.
    late = {one.problem.subject for one in kept if one.problem.kind == "answers_late" and not one.ended_at}
    found = [
        Notice(event, one.problem, one.opened_at, one.ended_at, (now.date() - one.opened_at.date()).days // 7)
        for one in kept
        if (event := _due(one, now)) is not None
        and not (event == "ended" and one.problem.kind == "answers_due" and one.problem.subject in late)
    ]
    return tuple(sorted(found, key=_order))


def compose(notices: Sequence[Notice], now: datetime) -> Message:
    """The message that tells `notices`, of which there is at least one."""
    ids = "\n".join(one.id for one in notices)
    return Message(
        idempotency_key=hashlib.sha256(ids.encode()).hexdigest()[:32],
        title_fi=_title(notices, _FI),
        title_en=_title(notices, _EN),
        text_fi="\n\n".join(_block(one, _FI) for one in notices),
        text_en="\n\n".join(_block(one, _EN) for one in notices),
        notices=tuple(notices),
        made_at=now,
    )


def message_to_json(message: Message) -> dict[str, Any]:
    """The message as plain JSON values: what a webhook gets."""
    return {
        "idempotency_key": message.idempotency_key,
        "title": message.title_fi,
        "text": message.text_fi,
        "title_en": message.title_en,
        "text_en": message.text_en,
        "made_at": message.made_at.isoformat(),
        "problems": [_notice_to_json(one) for one in message.notices],
    }


def _due(one: KeptProblem, now: datetime) -> Event | None:
    begun = one.told.get("begun")
    if one.ended_at is not None:
        return "ended" if begun is not None and "ended" not in one.told else None
    if begun is None:
        return "begun"
    last = max(begun, one.told.get("reminder", begun))
    # By days: runs do not start on the second, and a week must not become eight days.
    is_week = (now.date() - last.date()).days >= REMINDED_AFTER_DAYS
    return "reminder" if is_week and one.problem.kind in UNHEALTHY else None


def _order(notice: Notice) -> tuple[int, int, str, datetime]:
    kind = KINDS.index(notice.problem.kind)
    return _EVENTS.index(notice.event), kind, notice.problem.subject, notice.opened_at


def _title(notices: Sequence[Notice], words: _Words) -> str:
    """Of one notice what it is about, of several how many there are of each."""
    if len(notices) == 1:
        (one,) = notices
        name = one.problem.title_fi if words is _FI else one.problem.title_en
        said = f"{words.events[one.event]}, {words.kinds[one.problem.kind]}: {name}"
    else:
        numbers = {event: sum(one.event == event for one in notices) for event in _EVENTS}
        said = ", ".join(f"{words.counts[event]}: {number}" for event, number in numbers.items() if number)
    return f"Mittaristo: {said}"


def _block(notice: Notice, words: _Words) -> str:
    problem = notice.problem
    name, text, todo, answers = (
        (problem.title_fi, problem.text_fi, problem.todo_fi, problem.answers_fi)
        if words is _FI
        else (problem.title_en, problem.text_en, problem.todo_en, problem.answers_en)
    )
    lines = [f"{words.events[notice.event]}: {words.kinds[problem.kind]}"]
    if notice.ended_at is None:
        lines += [text, f"{words.todo}: {todo}"]
    else:
        named = name if name == problem.subject else f"{name} ({problem.subject})"
        lines += [named, f"{words.lasted}: {_minute(notice.opened_at)} – {_minute(notice.ended_at)} UTC"]
    if problem.measures:
        said = "; ".join(
            f"{one.measure_id} {one.name_fi} ({', '.join(one.parties)})" for one in problem.measures
        )
        lines.append(f"{words.measures}: {said}")
    lines.append(f"{words.answers}: {', '.join(answers)}")
    return "\n".join(lines)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _notice_to_json(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "event": notice.event,
        "opened_at": notice.opened_at.isoformat(),
        "ended_at": None if notice.ended_at is None else notice.ended_at.isoformat(),
        **problem_summary(notice.problem),
    }
