"""What is asked of whom, for which periods, and by when."""

from dataclasses import replace
from datetime import date

import pytest

from models.catalogue import Catalogue, load_catalogue
from models.errors import ConfigurationError
from models.forms import Question, questions, questions_for, state_on
from models.forms_reminder import reminder
from models.indicator import Indicator
from models.programme import Meter, Reporting


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def question(catalogue: Catalogue, id: str) -> Question:
    return next(one for one in questions(catalogue) if one.id == id)


def with_meter(catalogue: Catalogue, id: str, **changes) -> Catalogue:
    """The catalogue with other facts of one meter."""

    def changed(meter: Meter) -> Meter:
        return replace(meter, **changes) if meter.id == id else meter

    measures = tuple(
        replace(measure, meters=tuple(changed(meter) for meter in measure.meters))
        for measure in catalogue.programme.measures
    )
    return replace(catalogue, programme=replace(catalogue.programme, measures=measures))


def with_indicator(catalogue: Catalogue, id: str, **changes) -> Catalogue:
    indicator: Indicator = replace(catalogue.indicators[id], **changes)
    return replace(catalogue, indicators={**catalogue.indicators, id: indicator})


def reporting(catalogue: Catalogue, **changes) -> Catalogue:
    programme = catalogue.programme
    assert programme.reporting is not None
    changed = replace(programme.reporting, **changes)
    return replace(catalogue, programme=replace(programme, reporting=changed))


# --- who is asked what
# ---------------------------------------------------------------------------------------


def test_every_meter_of_people_is_asked_and_no_other_must_be(catalogue: Catalogue) -> None:
    meters = {meter.id: meter for one in catalogue.programme.measures for meter in one.meters}
    asked = {id for one in questions(catalogue) for id in one.meter_ids}
    required = {id for one in questions(catalogue) if not one.optional for id in one.meter_ids}
    by_hand = {id for id, one in meters.items() if one.kind in ("administrative", "survey", "narrative")}
    assert by_hand <= asked
    assert required == by_hand
    # open data cannot say all of these four: who wants to may add the exact figure
    assert asked - required == {"1.2.02-m1", "2.3.01-m2", "2.3.02-m2", "7.1.03-m1"}


def test_a_figure_is_asked_once_however_many_meters_it_serves(catalogue: Catalogue) -> None:
    media = question(catalogue, "adm_media_visibility")
    assert media.meter_ids == ("2.1.01-m1", "2.1.02-m1", "2.1.03-m1", "2.1.04-m1")
    ids = [one.id for one in questions(catalogue)]
    assert len(ids) == len(set(ids)) == 79
    assert (media.asks, media.party, media.area_code) == ("number", "kajaani_vima", "KU205")


def test_what_is_asked_follows_the_kind_of_the_meter(catalogue: Catalogue) -> None:
    assert question(catalogue, "1.1.01-m1").asks == "status"
    assert question(catalogue, "5.2.03-m1").asks == "yes_no"
    assert question(catalogue, "srv_resident_nps").asks == "survey"
    assert question(catalogue, "adm_startups").asks == "number"


def test_who_is_asked_is_responsible_for_a_measure_that_it_is_asked_for(catalogue: Catalogue) -> None:
    responsible = {one.id: one.responsible for one in catalogue.programme.measures}
    for one in questions(catalogue):
        assert any(one.party in responsible[measure] for measure in one.measure_ids), one.id


def test_the_reporter_of_every_meter_is_one_of_its_measures_parties_and_assumed_where_there_are_several(
    catalogue: Catalogue,
) -> None:
    for measure in catalogue.programme.measures:
        for meter in measure.meters:
            if meter.kind in ("administrative", "survey", "narrative"):
                assert meter.reporter in measure.responsible, meter.id
                assert meter.reporter_assumed is (len(measure.responsible) > 1), meter.id
            if meter.kind == "narrative":
                first = measure.responsible[0]
                assert meter.reporter == first, meter.id


def test_where_the_programme_names_no_rhythm_it_is_yearly_and_assumed(catalogue: Catalogue) -> None:
    named = {one.id: one.rhythm for one in questions(catalogue) if not one.rhythm_assumed}
    assert named == {
        "adm_employer_cooperation_actions": "annual",
        "adm_return_migrants": "annual",
        "adm_supported_events": "annual",
        "adm_walking_cycling_investments": "annual",
        "adm_co_development_projects": "annual",
        "srv_business_climate": "every_2_years",
    }
    assert {one.rhythm for one in questions(catalogue) if one.rhythm_assumed} == {"annual"}


# --- periods and days
# ----------------------------------------------------------------------------------------


def test_forms_can_be_made_for_the_whole_programme_and_answers_are_owed_from_the_first_year_of_reporting(
    catalogue: Catalogue,
) -> None:
    asked = question(catalogue, "1.1.01-m1")
    assert asked.periods == ("2022", "2023", "2024", "2025", "2026")
    assert asked.owed == ("2026",)
    assert question(reporting(catalogue, first_year=2024), "1.1.01-m1").owed == ("2024", "2025", "2026")
    none = replace(catalogue, programme=replace(catalogue.programme, reporting=None))
    assert question(none, "1.1.01-m1").owed == asked.periods


def test_what_is_optional_is_never_owed(catalogue: Catalogue) -> None:
    asked = question(catalogue, "adm_return_migrants")
    assert asked.optional and asked.owed == ()
    assert "2026" in asked.periods


def test_every_second_year_is_counted_from_the_first_year_of_the_programme(catalogue: Catalogue) -> None:
    assert question(catalogue, "srv_business_climate").periods == ("2022", "2024", "2026")


def test_a_first_and_a_last_period_bound_what_is_owed(catalogue: Catalogue) -> None:
    bound = with_meter(catalogue, "1.1.01-m1", first_period="2024", last_period="2025")
    assert question(bound, "1.1.01-m1").owed == question(bound, "1.1.01-m1").periods == ("2024", "2025")


@pytest.mark.parametrize(
    ("rhythm", "period", "due", "late_after", "number"),
    [
        ("annual", "2026", date(2027, 3, 1), date(2027, 3, 31), 5),
        ("every_2_years", "2026", date(2027, 3, 1), date(2027, 3, 31), 5),
        ("quarterly", "2026Q1", date(2026, 4, 30), date(2026, 5, 30), 20),
        ("monthly", "2026M02", date(2026, 3, 15), date(2026, 3, 30), 60),
    ],
)
def test_an_answer_is_due_some_days_after_its_period_and_late_after_the_grace(
    catalogue: Catalogue, rhythm: str, period: str, due: date, late_after: date, number: int
) -> None:
    frequency = "annual" if rhythm == "every_2_years" else rhythm
    asked = question(
        with_indicator(catalogue, "adm_startups", rhythm=rhythm, frequency=frequency), "adm_startups"
    )
    assert (asked.due_at(period), asked.late_after(period)) == (due, late_after)
    assert len(asked.periods) == number


def test_an_indicator_may_have_days_of_its_own(catalogue: Catalogue) -> None:
    asked = question(with_indicator(catalogue, "adm_startups", due_days=10, grace_days=5), "adm_startups")
    assert (asked.due_at("2025"), asked.late_after("2025")) == (date(2026, 1, 10), date(2026, 1, 15))


def test_quarters_that_are_asked_once_a_year_are_wanted_together(catalogue: Catalogue) -> None:
    media = question(catalogue, "adm_media_visibility")
    assert media.periods[:2] == ("2022Q1", "2022Q2")
    assert media.owed == ("2026Q1", "2026Q2", "2026Q3", "2026Q4")
    assert {media.due_at(one) for one in media.owed} == {date(2027, 3, 1)}


def test_the_days_change_the_state_and_the_day_itself_belongs_to_what_comes() -> None:
    due, late_after = date(2027, 3, 1), date(2027, 3, 31)
    days = {date(2027, 2, 28): "coming", due: "due", late_after: "due", date(2027, 4, 1): "late"}
    assert {day: state_on(day, due, late_after) for day in days} == days


# --- forms
# ---------------------------------------------------------------------------------------------------


def test_a_form_has_the_questions_whose_periods_lie_in_its_own(catalogue: Catalogue) -> None:
    rows = questions_for(catalogue, "2026", "kajaani_vima")
    of_media = [period for one, period in rows if one.id == "adm_media_visibility"]
    assert of_media == ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]
    assert {one.party for one, _ in rows} == {"kajaani_vima"}
    quarter = questions_for(catalogue, "2026Q3")
    assert {period for _, period in quarter} == {"2026Q3"}
    assert "srv_business_climate" not in {one.id for one, _ in questions_for(catalogue, "2025")}


def test_a_form_for_all_goes_by_party(catalogue: Catalogue) -> None:
    parties = [one.party for one, _ in questions_for(catalogue, "2026")]
    assert len(set(parties)) == 24
    assert sum(one != before for before, one in zip(["", *parties], parties, strict=False)) == 24


@pytest.mark.parametrize(
    ("period", "party", "told"),
    [
        ("next year", "", "--period 'next year': .* is no period"),
        ("2021", "", "the programme is of the years 2022-2026"),
        ("2027", "", "the programme is of the years 2022-2026"),
        ("2026", "nobody", "party 'nobody' is not in the catalogue; who reports are .*kajaani_vima"),
        ("2026M01", "", "nobody is asked anything for 2026M01; try a whole year"),
        ("2026Q1", "kamk", "party 'kamk' is asked nothing for 2026Q1"),
    ],
)
def test_a_form_that_cannot_be_is_said_in_one_line(
    catalogue: Catalogue, period: str, party: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        questions_for(catalogue, period, party)
    assert "\n" not in str(caught.value)


def test_a_figure_of_a_region_is_kept_as_one(catalogue: Catalogue) -> None:
    assert (
        question(with_indicator(catalogue, "adm_startups", area_levels=("region",)), "adm_startups").area_code
        == "MK18"
    )


# --- reminders
# -----------------------------------------------------------------------------------------------


class Wanted:
    def __init__(self, state: str, text: str = "Mediaseuranta") -> None:
        self.text_fi, self.meter_ids, self.period, self.due_at, self.state = (
            text, ("2.1.01-m1", "2.1.02-m1"), "2026Q1", date(2026, 4, 30), state,
        )  # fmt: skip


def test_a_reminder_is_ready_to_send() -> None:
    said = reminder("Viestintä", "Elinvoimaohjelma", [Wanted("late"), Wanted("due", "Tapahtumat")])
    assert said.splitlines()[0] == "Aihe: Elinvoimaohjelma: mittarien tiedot 2026Q1 (myöhässä)"
    assert "puuttuu 2 tietoa" in said
    assert "- Mediaseuranta (2.1.01-m1, 2.1.02-m1), kausi 2026Q1, määräpäivä 30.4.2026" in said
    assert said.index("Myöhässä:") < said.index("Mediaseuranta") < said.index("Tapahtumat")
    assert max(len(line) for line in said.splitlines()) < 100
    assert said.endswith("Kiitos!\n")


def test_what_is_not_due_yet_is_in_a_reminder_only_on_request() -> None:
    assert "ei puutu tietoja" in reminder("Viestintä", "Ohjelma", [Wanted("coming")])
    said = reminder("Viestintä", "Ohjelma", [Wanted("coming")], coming=True)
    assert "yksi tieto" in said and "Seuraavaksi odotamme:" in said and "myöhässä)" not in said


def test_the_days_of_reporting_of_the_packaged_catalogue_are_those_of_its_file(catalogue: Catalogue) -> None:
    assert catalogue.programme.reporting == Reporting(
        2026,
        {"monthly": 15, "quarterly": 30, "annual": 60, "every_2_years": 60},
        {"monthly": 15, "quarterly": 30, "annual": 30, "every_2_years": 30},
    )
