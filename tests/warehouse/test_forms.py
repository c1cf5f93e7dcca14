"""What people are asked and what they answered, on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import Engine

from models.catalogue import Catalogue, load_catalogue
from models.forms import questions
from models.forms_answers import Answer, Change
from models.problems import open_problems
from models.programme import Reporting
from warehouse import read
from warehouse.catalogue import sync
from warehouse.checksum import checksums
from warehouse.engine import reading, writing
from warehouse.forms import current_answers, owed, store_answers
from warehouse.ledger import set_state
from warehouse.problems import situation
from warehouse.turn import take_turn

Day = Callable[[float], datetime]
DUE, LATE = date(2027, 3, 1), date(2027, 4, 1)


@pytest.fixture
def asked(engine: Engine, catalogue: Catalogue) -> Catalogue:
    """A catalogue in the warehouse whose answers are due 60 days after their year and late 30 days later."""
    reporting = Reporting(2026, {"annual": 60}, {"annual": 30})
    found = replace(catalogue, programme=replace(catalogue.programme, reporting=reporting))
    with writing(engine) as connection:
        sync(connection, found)
    return found


def answer(
    engine: Engine, catalogue: Catalogue, at: datetime, *changes: Change, role: str = "päällikkö"
) -> int:
    with writing(engine) as connection:
        return store_answers(
            connection,
            changes,
            {one.id: one for one in questions(catalogue)},
            recorded_at=at,
            role=role,
            collection_id=f"form:{at.isoformat()}",
        )


def judge_on(engine: Engine, day: date) -> None:
    with writing(engine) as connection:
        set_state(connection, "statfin/a/1", state="fetched", judged_on=day)


def meters(engine: Engine) -> dict[str, dict[str, object]]:
    with reading(engine) as connection:
        frame = read.view(connection, "dashboard_meters")
    frame = frame.astype(object).where(frame.notna(), None)
    return {str(row["meter_id"]): row for row in frame.to_dict("records")}  # type: ignore[misc]


SAID = Answer("1.1.04-m2", "2026", status="under_way", text="Aloitettu")


def test_answers_are_vintages_with_the_newest_of_them_beside(
    engine: Engine, asked: Catalogue, day: Day
) -> None:
    assert answer(engine, asked, day(1), Change(SAID, "new", "")) == 1
    done = replace(SAID, status="done", text="")
    answer(engine, asked, day(2), Change(done, "revised", "Valmistui"), role="johtaja")
    with reading(engine) as connection:
        assert current_answers(connection) == {SAID.key: done}
        told = read.view(connection, "dashboard_reports").sort_values("recorded_at")
    assert list(told["status_fi"]) == ["käynnissä", "valmis"]
    assert list(told["role"]) == ["päällikkö", "johtaja"]
    assert list(told["reason"]) == ["", "Valmistui"]
    assert told["superseded_at"].iloc[0] == day(2)
    assert set(told["meter_id"]) == {"1.1.04-m2"} and set(told["party_name_fi"]) == {"Kaupunki"}


def test_an_answer_is_applied_later_than_everything_before_it(
    engine: Engine, asked: Catalogue, day: Day
) -> None:
    answer(engine, asked, day(300), Change(SAID, "new", ""))
    with writing(engine) as connection:
        assert take_turn(connection) == day(300)


def test_the_checksum_of_a_warehouse_covers_the_answers(engine: Engine, asked: Catalogue, day: Day) -> None:
    def answers() -> tuple[str, str]:
        with reading(engine) as connection:
            found = checksums(connection)
        return found["answers"], found["current answers"]

    empty = answers()
    answer(engine, asked, day(1), Change(SAID, "new", ""))
    first = answers()
    answer(engine, asked, day(2), Change(SAID, "revised", "syy"))
    assert len({empty, first, answers()}) == 3
    assert first[1] != empty[1]


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2026, 12, 31), "no_data"), (DUE, "due"), (date(2027, 3, 31), "due"), (LATE, "late")],
)
def test_a_meter_of_people_is_due_and_late_by_its_days(
    engine: Engine, asked: Catalogue, today: date, state: str
) -> None:
    judge_on(engine, today)
    found = meters(engine)
    for id in ("1.1.02-m2", "1.1.04-m2"):
        assert (found[id]["state"], found[id]["due_at"]) == (state, DUE)
        assert (found[id]["reporter_name_fi"], found[id]["rhythm"]) == ("Kaupunki", "annual")
        assert found[id]["rhythm_assumed"] is True and found[id]["reporter_assumed"] is False
    assert found["1.1.03-m1"]["state"] == "not_measurable"


def test_what_is_late_goes_before_a_figure_that_is_there(engine: Engine, asked: Catalogue, day: Day) -> None:
    old = Answer("1.1.04-m2", "2025", status="done", text="Ennen")
    answer(engine, asked, day(1), Change(old, "new", ""))
    judge_on(engine, LATE)
    found = meters(engine)["1.1.04-m2"]
    assert (found["state"], found["latest_text"], found["latest_period"]) == ("late", "Ennen", "2025")
    answer(engine, asked, day(2), Change(SAID, "new", ""))
    found = meters(engine)["1.1.04-m2"]
    assert (found["state"], found["latest_text"], found["due_at"]) == ("reported", "Aloitettu", None)


def test_what_is_taken_back_is_owed_again_and_shown_no_more(
    engine: Engine, asked: Catalogue, day: Day
) -> None:
    answer(engine, asked, day(1), Change(SAID, "new", ""))
    answer(engine, asked, day(2), Change(Answer(*SAID.key), "withdrawn", "Väärä mittari"))
    judge_on(engine, DUE)
    found = meters(engine)["1.1.04-m2"]
    assert (found["state"], found["latest_text"], found["latest_status"]) == ("due", None, None)


def test_who_owes_what_says_the_same_as_the_view(engine: Engine, asked: Catalogue) -> None:
    for today in (date(2026, 6, 1), DUE, LATE):
        judge_on(engine, today)
        with reading(engine) as connection:
            told = {(one.question_id, one.period): one.state for one in owed(connection, date(2000, 1, 1))}
            view = read.view(connection, "dashboard_due")
        assert told == {(row["question_id"], row["period"]): row["state"] for row in view.to_dict("records")}
        assert set(told) == {("asked", "2026"), ("1.1.04-m2", "2026")}


def test_without_a_sample_lateness_is_judged_on_the_day_asked(engine: Engine, asked: Catalogue) -> None:
    with reading(engine) as connection:
        assert {one.state for one in owed(connection, DUE)} == {"due"}
        assert {one.state for one in owed(connection, date(2026, 1, 1))} == {"coming"}


def test_missing_answers_are_one_problem_a_party_and_period(
    engine: Engine, asked: Catalogue, day: Day
) -> None:
    judge_on(engine, LATE)
    with reading(engine) as connection:
        found = [one for one in open_problems(situation(connection, day(1))) if "answers" in one.kind]
    (late,) = found
    assert (late.key, late.answers_fi) == ("answers_late:city/2026", ("Kaupunki",))
    assert "2 vastausta kaudelta 2026 puuttuu" in late.text_fi
    assert [one.measure_id for one in late.measures] == ["1.1.02", "1.1.04"]


def test_a_question_that_leaves_the_catalogue_is_owed_no_more_and_its_answers_stay(
    engine: Engine, asked: Catalogue, day: Day
) -> None:
    answer(engine, asked, day(1), Change(SAID, "new", ""))
    fewer = replace(asked, programme=replace(asked.programme, measures=asked.programme.measures[:2]))
    with writing(engine) as connection:
        sync(connection, fewer)
    with reading(engine) as connection:
        assert {one.question_id for one in owed(connection, LATE)} == {"asked"}
        (kept,) = read.view(connection, "dashboard_reports").to_dict("records")
    assert (kept["text"], kept["is_retired"]) == ("Aloitettu", True)


def test_a_measure_names_who_reports_and_what_of_it_is_late(engine: Engine, asked: Catalogue) -> None:
    judge_on(engine, LATE)
    with reading(engine) as connection:
        found = read.view(connection, "dashboard_measures").set_index("measure_id")
    one = found.loc["1.1.04"]
    assert (one["state"], one["late_meters"], one["due_meters"]) == ("late", 1, 0)
    assert (one["due_at"], one["reporter_names_fi"]) == (DUE, "Kaupunki")
    assert found.loc["1.1.03", "state"] == "not_measurable"


# --- the real programme
# --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Catalogue:
    return load_catalogue()


def test_of_the_real_programme_no_measure_is_without_a_state_and_the_sum_adds_up(
    engine: Engine, real: Catalogue
) -> None:
    with writing(engine) as connection:
        sync(connection, real)
        set_state(connection, "statfin/vkour/12bs", state="never_fetched", judged_on=date(2026, 6, 7))
    with reading(engine) as connection:
        measures = read.view(connection, "dashboard_measures")
        meters = read.view(connection, "dashboard_meters")
    assert len(measures) == 79 and len(meters) == 109
    assert measures["state"].value_counts().to_dict() == {"no_data": 78, "not_measurable": 1}
    assert meters["state"].value_counts().sum() == 109 and not meters["state"].isna().any()
    assert measures["meters"].sum() == 108
    assert list(meters[meters["state"] == "not_measurable"]["meter_id"]) == ["1.2.06-m0"]


def test_of_the_real_programme_every_meter_of_people_has_reporter_rhythm_and_due_date(
    engine: Engine, real: Catalogue
) -> None:
    with writing(engine) as connection:
        sync(connection, real)
    with reading(engine) as connection:
        meters = read.view(connection, "dashboard_meters")
    by_hand = meters[meters["kind"].isin(["administrative", "survey", "narrative"])]
    assert len(by_hand) == 81
    assert (by_hand["reporter_name_fi"] != "").all()
    assert set(by_hand["rhythm"]) == {"annual", "every_2_years"}
    assert by_hand["due_at"].notna().all()
    assert set(by_hand[~by_hand["rhythm_assumed"]]["meter_id"]) == {
        "1.1.02-m1", "3.K4.04-m1", "7.1.05-m1", "7.2.02-m1", "7.2.03-m1",
    }  # fmt: skip


def test_a_proxy_and_a_doubtful_meter_say_what_they_are(engine: Engine, real: Catalogue) -> None:
    with writing(engine) as connection:
        sync(connection, real)
    with reading(engine) as connection:
        meters = read.view(connection, "dashboard_meters").set_index("meter_id")
        measures = read.view(connection, "dashboard_measures").set_index("measure_id")
    proxies = meters[meters["kind"] == "proxy"]
    assert len(proxies) == 10 and (proxies["proxy_note_fi"] != "").all()
    assert (meters[meters["kind"] != "proxy"]["proxy_note_fi"] == "").all()
    assert "seutukuntaa" in meters.loc["2.3.01-m2", "proxy_note_fi"]
    assert "luultavasti kopioitu kohdasta 2.3.01" in meters.loc["2.3.02-m2", "proxy_note_fi"]
    assert measures.loc["2.3.02", "proxy_note_fi"] == meters.loc["2.3.02-m2", "proxy_note_fi"]
    assert "tyhjä" in meters.loc["1.2.06-m0", "note_fi"].lower()
