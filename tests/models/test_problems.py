"""From what is known to the problems a person must hear of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from models.ledger import FreshnessState, LedgerState
from models.problems import (
    KINDS,
    LONGEST_REASON,
    UNHEALTHY,
    Beat,
    DatasetFacts,
    OpenQuarantine,
    Problem,
    RunFacts,
    Situation,
    TouchedMeasure,
    Unanswered,
    diff,
    open_problems,
    problem_from_json,
    problem_summary,
    problem_to_json,
)

NOW = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)
MEASURES = (
    TouchedMeasure("1.2.02", "Paluumuuton aktivointi", ("Kaupunki", "Paltamo")),
    TouchedMeasure("1.2.03", "Muuttajapalvelut", ("Kaupunki",)),
)


def dataset(
    freshness: FreshnessState = "current", last: LedgerState | None = "unchanged", **more
) -> DatasetFacts:
    values = {
        "dataset_id": "statfin/tyonv/12tf",
        "title_fi": "Työttömyys",
        "title_en": "Unemployment",
        "web_url": "https://stat.example/12tf",
        "freshness": freshness,
        "next_expected": date(2026, 8, 10),
        "late_after": date(2026, 8, 17),
        "last_fetch": NOW - timedelta(days=30),
        "last_state": last,
        "last_message": "said\nin two lines",
        "last_at": NOW,
        "measures": MEASURES,
    }
    return DatasetFacts(**(values | more))


def problems(*datasets: DatasetFacts, **more) -> tuple[Problem, ...]:
    return open_problems(Situation(NOW, datasets, **more))


def test_where_all_is_well_there_is_no_problem():
    quiet = [dataset(state) for state in ("current", "due", "never_fetched", "not_in_sample")]
    well = RunFacts("r1", "statfin", NOW, NOW, "green", 0, is_held=False)
    assert problems(*quiet, beats=(Beat("up", NOW, 30),), runs=(well,)) == ()


@pytest.mark.parametrize(
    ("facts", "kind", "says"),
    [
        (dataset(last="failed"), "failed", "said in two lines"),
        (dataset("quarantined", "quarantined"), "quarantined", "said in two lines"),
        (dataset("late", "late"), "late", "2026-08-10"),
        (dataset("discontinued", "discontinued"), "discontinued", "no longer has the table"),
    ],
)
def test_a_dataset_has_the_problem_its_states_say(facts, kind, says):
    (one,) = problems(facts)
    assert one.key == f"{kind}:statfin/tyonv/12tf"
    assert says in one.text_en
    assert one.text_en.startswith("Unemployment (statfin/tyonv/12tf): ")
    assert one.text_fi.startswith("Työttömyys (statfin/tyonv/12tf): ")
    assert one.measures == MEASURES
    for text in (one.text_fi, one.text_en, one.todo_fi, one.todo_en):
        assert text
        assert "\n" not in text


def test_what_failed_and_is_late_and_is_held_back_has_three_problems():
    held = OpenQuarantine(7, "statfin/tyonv/12tf", "too few areas", NOW)
    found = problems(dataset("late", "failed"), quarantines=(held,))
    assert [one.kind for one in found] == ["failed", "quarantined", "late"]
    assert "too few areas" in found[1].text_en
    assert "quarantine show 7" in found[1].todo_en


def test_of_a_dataset_without_figures_it_is_not_said_that_the_last_ones_are_served():
    (with_figures,) = problems(dataset(last="failed"))
    (without,) = problems(dataset("never_fetched", "failed", last_fetch=None))
    assert "still served" in with_figures.todo_en
    assert "still served" not in without.todo_en
    assert "no figures yet" in without.todo_en


def test_a_long_reason_is_cut():
    (one,) = problems(dataset(last="failed", last_message="x" * 5000))
    assert "x" * (LONGEST_REASON - 1) + "…" in one.text_en
    assert "x" * LONGEST_REASON not in one.text_en


@pytest.mark.parametrize(
    ("age", "dead"), [(59, False), (60, False), (60.001, True), (86_400, True), (-5, False)]
)
def test_a_heartbeat_is_dead_when_it_is_older_than_twice_its_interval(age, dead):
    beat = Beat("up", NOW - timedelta(seconds=age), 30)
    assert beat.is_dead(NOW) is dead
    assert [one.key for one in problems(beats=(beat,))] == (["no_heartbeat:up"] if dead else [])


@pytest.mark.parametrize(
    ("run", "is_problem"),
    [
        (RunFacts("r", "statfin", NOW - timedelta(hours=9), None, "running", 0, is_held=True), False),
        (RunFacts("r", "statfin", NOW - timedelta(minutes=14), None, "running", 0, is_held=False), False),
        (RunFacts("r", "statfin", NOW - timedelta(minutes=16), None, "running", 0, is_held=False), True),
        (RunFacts("r", "statfin", NOW, NOW, "red", 2, is_held=False), False),
        (RunFacts("r", "statfin", NOW, NOW, "red", 0, is_held=False), True),
        (RunFacts("r", "statfin", NOW, NOW, "green", 0, is_held=False), False),
    ],
)
def test_a_run_is_unaccounted_for_when_nobody_runs_it_or_nothing_says_why_it_is_red(run, is_problem):
    found = problems(runs=(run,))
    assert [one.key for one in found] == (["unaccounted:statfin"] if is_problem else [])


def test_a_source_with_several_lost_runs_has_one_problem():
    lost = [
        RunFacts(f"r{number}", "statfin", NOW - timedelta(hours=number), None, "running", 0, is_held=False)
        for number in (2, 1)
    ]
    (one,) = problems(runs=tuple(lost))
    assert "r1" in one.text_en


def test_the_parties_of_the_measures_answer_and_for_what_is_technical_the_engineer():
    (late,) = problems(dataset("late", "late"))
    assert late.answers_fi == ("Kaupunki", "Paltamo")
    (failed,) = problems(dataset(last="failed"))
    assert (failed.answers_fi, failed.answers_en) == (("datainsinööri",), ("data engineer",))
    (untouched,) = problems(dataset("late", "late", measures=()))
    assert untouched.answers_en == ("data engineer",)


def test_a_table_that_is_gone_and_people_who_have_not_answered_leave_the_whole_healthy():
    assert set(KINDS) - UNHEALTHY == {"answers_late", "answers_due", "discontinued"}


def test_answers_that_are_missing_are_one_problem_of_a_party_and_period_due_or_late():
    measure = TouchedMeasure("2.1.01", "Vetovoimatekijät", ("Viestintä",))
    due = Unanswered("vima", "Viestintä", "2026Q1", date(2026, 4, 30), 2, is_late=False, measures=(measure,))
    (found,) = problems(unanswered=(due,))
    assert (found.key, found.severity) == ("answers_due:vima/2026Q1", "warning")
    assert "2 vastausta kaudelta 2026Q1 puuttuu, määräpäivä oli 30.4.2026." in found.text_fi
    assert "mittaristo forms remind --party vima" in found.todo_fi
    assert found.answers_fi == ("Viestintä",)
    (late,) = problems(unanswered=(replace(due, is_late=True, count=1),))
    assert late.key == "answers_late:vima/2026Q1"
    assert "one answer for 2026Q1 missing, due 2026-04-30, and the grace is over" in late.text_en


def test_problems_come_by_kind_then_subject():
    other = replace(dataset(last="failed"), dataset_id="statfin/a/1")
    found = problems(dataset("late", "failed"), other, beats=(Beat("up", NOW - timedelta(days=1), 30),))
    assert [one.key for one in found] == [
        "no_heartbeat:up",
        "failed:statfin/a/1",
        "failed:statfin/tyonv/12tf",
        "late:statfin/tyonv/12tf",
    ]


def test_the_difference_says_what_began_what_ended_and_what_lasts():
    found = problems(dataset("late", "failed"))
    begun, ended, still = diff({"late:statfin/tyonv/12tf", "failed:statfin/b/2"}, found)
    assert [one.key for one in begun] == ["failed:statfin/tyonv/12tf"]
    assert ended == ("failed:statfin/b/2",)
    assert [one.key for one in still] == ["late:statfin/tyonv/12tf"]


def test_a_problem_is_the_same_after_it_was_kept_as_json():
    import json

    (one,) = problems(dataset("late", "late"))
    assert problem_from_json(json.loads(json.dumps(problem_to_json(one)))) == one
    summary = problem_summary(one)
    assert (summary["key"], summary["severity"]) == (one.key, "warning")
    assert json.dumps(summary)
