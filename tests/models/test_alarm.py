"""What is told of problems: each beginning, week and end once, all that is due in one message."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alarm import KeptProblem, compose, due, message_to_json
from models.problems import Problem, TouchedMeasure

NOW = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)


def problem(kind="late", subject="statfin/tyonv/12tf") -> Problem:
    return Problem(
        kind=kind,
        subject=subject,
        text_fi="Lukuja ei ole tullut.",
        text_en="No figures came.",
        todo_fi="Katso.",
        todo_en="Look.",
        title_fi="Työttömyys",
        title_en="Unemployment",
        measures=(TouchedMeasure("1.2.02", "Paluumuutto", ("Kaupunki", "Paltamo")),),
    )


def kept(told=(), ended=None, opened=0, **more) -> KeptProblem:
    """A problem that began `opened` days ago and ended `ended` days ago; `told` maps event → days ago."""
    ago = lambda days: NOW - timedelta(days=days)  # noqa: E731
    return KeptProblem(
        problem(**more),
        ago(opened),
        None if ended is None else ago(ended),
        {event: ago(days) for event, days in dict(told).items()},
    )


@pytest.mark.parametrize(
    ("one", "event"),
    [
        (kept(), "begun"),
        (kept({"begun": 0}), None),
        (kept({"begun": 6}, opened=6), None),
        (kept({"begun": 7}, opened=7), "reminder"),
        (kept({"begun": 6.99}, opened=6.99), "reminder"),  # a run that started some minutes earlier today
        (kept({"begun": 14, "reminder": 7}, opened=14), "reminder"),
        (kept({"begun": 14, "reminder": 6}, opened=14), None),
        (kept({"begun": 30}, opened=30, kind="discontinued"), None),
        (kept({"begun": 3}, ended=0, opened=3), "ended"),
        (kept({"begun": 30}, ended=20, opened=30), "ended"),
        (kept({"begun": 3, "ended": 1}, ended=1, opened=3), None),
        (kept(ended=0, opened=3), None),  # nobody was told of it while it lasted
    ],
)
def test_each_beginning_week_and_end_is_told_once(one, event):
    assert [notice.event for notice in due([one], NOW)] == ([event] if event else [])


def test_what_is_due_comes_by_event_then_kind_then_subject():
    found = due(
        [
            kept({"begun": 3}, ended=0, opened=3, subject="z"),
            kept({"begun": 7}, opened=7, subject="y"),
            kept(subject="x"),
            kept(subject="w"),
            kept(kind="failed", subject="v"),
        ],
        NOW,
    )
    assert [(one.event, one.problem.subject) for one in found] == [
        ("begun", "v"),
        ("begun", "w"),
        ("begun", "x"),
        ("reminder", "y"),
        ("ended", "z"),
    ]


def test_one_problem_is_named_in_the_title():
    message = compose(due([kept()], NOW), NOW)
    assert message.title_fi == "Mittaristo: UUSI, luvut myöhässä: Työttömyys"
    assert message.title_en == "Mittaristo: NEW, figures late: Unemployment"


def test_several_problems_are_one_message_that_lists_each_once():
    message = compose(due([kept(), kept(kind="failed"), kept({"begun": 3}, ended=0, opened=3)], NOW), NOW)
    assert message.title_fi == "Mittaristo: uusia ongelmia: 2, ohi: 1"
    assert message.text_en.count("No figures came.") == 2, "of what is over it is not said that it is"
    assert message.text_en.count("OVER: figures late") == 1
    assert "2026-08-17 05:10 – 2026-08-20 05:10 UTC" in message.text_en


def test_the_message_says_what_to_do_which_measure_is_touched_and_who_answers():
    message = compose(due([kept()], NOW), NOW)
    assert "Mitä tehdä: Katso." in message.text_fi
    assert "Toimenpiteet: 1.2.02 Paluumuutto (Kaupunki, Paltamo)" in message.text_fi
    assert "Vastaa: Kaupunki, Paltamo" in message.text_fi
    assert "What to do: Look." in message.text_en


def test_the_same_told_again_has_the_same_key_and_anything_else_another():
    first, later = due([kept()], NOW), due([kept()], NOW)
    assert compose(first, NOW).idempotency_key == compose(later, NOW + timedelta(hours=1)).idempotency_key
    others = [
        [kept(kind="failed")],
        [kept(opened=1)],
        [kept({"begun": 1}, ended=0)],
        [kept(), kept(subject="x")],
    ]
    keys = {compose(due(one, NOW), NOW).idempotency_key for one in [[kept()], *others]}
    assert len(keys) == 5


def test_the_reminders_of_two_weeks_are_two_things():
    week = due([kept({"begun": 7}, opened=7)], NOW)
    next_week = due([kept({"begun": 14, "reminder": 7}, opened=14)], NOW)
    assert week[0].id.endswith("#reminder-1")
    assert next_week[0].id.endswith("#reminder-2")


def test_a_webhook_gets_both_languages_and_every_problem_with_its_own_id():
    message = message_to_json(compose(due([kept(), kept(kind="failed")], NOW), NOW))
    assert set(message) == {
        "idempotency_key",
        "title",
        "text",
        "title_en",
        "text_en",
        "made_at",
        "problems",
    }
    first, second = message["problems"]
    assert first["id"] != second["id"]
    assert first["key"] == "failed:statfin/tyonv/12tf"
    assert first["event"] == "begun"
    assert first["measures"][0]["measure_id"] == "1.2.02"
    assert first["answers_en"] == ["data engineer"]


@given(st.lists(st.sampled_from(["on", "off"]), max_size=60))
def test_over_any_history_each_beginning_is_told_at_most_once_and_each_end_after_it(days):
    """A channel that always works, looked at once a day."""
    told: list[tuple[datetime, str]] = []
    opened: KeptProblem | None = None
    for number, state in enumerate(days):
        now = NOW + timedelta(days=number)
        if state == "on" and (opened is None or opened.ended_at is not None):
            opened = KeptProblem(problem(), now, None, {})
        elif state == "off" and opened is not None and opened.ended_at is None:
            opened = KeptProblem(opened.problem, opened.opened_at, now, opened.told)
        if opened is None:
            continue
        for notice in due([opened], now):
            told.append((opened.opened_at, notice.event))
            opened = KeptProblem(
                opened.problem, opened.opened_at, opened.ended_at, {**opened.told, notice.event: now}
            )
    episodes = [opened_at for opened_at, event in told if event == "begun"]
    assert len(episodes) == len(set(episodes))
    ends = [opened_at for opened_at, event in told if event == "ended"]
    assert len(ends) == len(set(ends))
    switches = "".join("1" if one == "on" else "0" for one in days)
    assert len(ends) == sum(pair == "10" for pair in map("".join, pairwise(switches)))


def test_answers_that_were_due_and_are_late_now_are_told_as_over_only_when_they_are_there():
    due_before = kept({"begun": 40}, ended=0, opened=40, kind="answers_due", subject="vima/2026Q1")
    late_now = kept(opened=0, kind="answers_late", subject="vima/2026Q1")
    assert [one.event for one in due([due_before, late_now], NOW)] == ["begun"]
    late_before = kept({"begun": 3}, ended=0, opened=3, kind="answers_late", subject="vima/2026Q1")
    assert [one.event for one in due([due_before, late_before], NOW)] == ["ended", "ended"]
