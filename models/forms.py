"""What is asked of whom, for which periods, and by when: pure, from the catalogue alone.

A figure is asked once, of its indicator's reporter, however many meters it serves; a narrative meter is asked of its
own reporter. What must be answered is owed period by period, from the catalogue's first year of reporting on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from models.catalogue import Catalogue
from models.catalogue.reporting_fields import DUE_DAYS, FREQUENCY_OF, GRACE_DAYS, steps_of
from models.errors import ConfigurationError
from models.indicator import Indicator
from models.period import PeriodError, parse_period, shift
from models.programme import Measure, Meter, Programme, Reporting, Rhythm

Asks = Literal["number", "survey", "status", "yes_no"]
AnswerState = Literal["coming", "due", "late"]

_STEPS: dict[Rhythm, int] = {"every_2_years": 2}
STATUSES_FI: dict[str, str] = {
    "not_started": "ei aloitettu",
    "under_way": "käynnissä",
    "done": "valmis",
    "dropped": "luovuttu",
}
YES_NO_FI: dict[str, str] = {"yes": "kyllä", "no": "ei"}
WORDS_FI: dict[str, str] = STATUSES_FI | YES_NO_FI
ASKS_FI: dict[Asks, str] = {
    "number": "Luku (ja tarvittaessa selvitys)",
    "survey": "Kyselyn tulos ja vastaajien määrä",
    "status": "Tila ja selvitys",
    "yes_no": "Kyllä tai ei ja selvitys",
}
RHYTHMS_FI: dict[Rhythm, str] = {
    "monthly": "kuukausittain",
    "quarterly": "neljännesvuosittain",
    "annual": "vuosittain",
    "every_2_years": "joka toinen vuosi",
}


@dataclass(frozen=True)
class Question:
    """One thing that is asked of one party.

    `id` is the indicator's id, or the meter's where a narrative is asked. `periods` are those a form can be made for,
    `owed` those of them that must be answered; both in order of time.
    """

    id: str
    position: int
    asks: Asks
    party: str
    party_assumed: bool
    rhythm: Rhythm
    rhythm_assumed: bool
    optional: bool
    indicator_id: str  # '' for a narrative
    meter_ids: tuple[str, ...]
    measure_ids: tuple[str, ...]
    measures_fi: tuple[str, ...]  # number and short name of each
    text_fi: str
    unit_fi: str
    low: float | None
    high: float | None
    note_fi: str
    area_code: str
    periods: tuple[str, ...]
    owed: tuple[str, ...]
    due_days: int
    grace_days: int

    def due_at(self, period: str) -> date:
        """The day by which the answer for `period` is wanted; from that day on it is due.

        Quarters that are asked once a year are wanted together.
        """
        return parse_period(turn(period, self.rhythm)).end + timedelta(days=self.due_days)

    def late_after(self, period: str) -> date:
        """The last day on which the answer for `period` is not yet late."""
        return self.due_at(period) + timedelta(days=self.grace_days)


def state_on(today: date, due_at: date, late_after: date) -> AnswerState:
    """What an answer that is not there is on `today`; the views say the same."""
    if late_after < today:
        return "late"
    return "due" if due_at <= today else "coming"


def outstanding(
    asked: Iterable[Question], answered: Collection[tuple[str, str]], today: date
) -> list[tuple[Question, str, AnswerState]]:
    """What is owed and not there: question, period and state on `today`; the view question_outstanding says the same.

    `answered` are (question id, period). Once something was answered that was wanted later, it is no longer owed.
    """
    found: list[tuple[Question, str, AnswerState]] = []
    for question in asked:
        given = [period for period in question.owed if (question.id, period) in answered]
        answered_to = max((question.due_at(period) for period in given), default=date.min)
        found += [
            (question, period, state_on(today, question.due_at(period), question.late_after(period)))
            for period in question.owed
            if period not in given and question.due_at(period) >= answered_to
        ]
    return found


def turn(period: str, rhythm: Rhythm) -> str:
    """The month, quarter or year after whose end `period` is asked: of a quarter asked once a year, the year."""
    end = parse_period(period).end
    match rhythm:
        case "monthly":
            return period
        case "quarterly":
            return f"{end.year}Q{(end.month + 2) // 3}"
        case _:
            return f"{end.year}"


def questions(catalogue: Catalogue) -> tuple[Question, ...]:
    """Everything that is asked, in the programme's order."""
    programme = catalogue.programme
    found: dict[str, Question] = {}
    serves: dict[str, list[tuple[Measure, Meter]]] = {}
    for measure in programme.measures:
        for meter in measure.meters:
            asked = [one for one in meter.indicator_ids if catalogue.indicators[one].formula is None]
            for id in [meter.id] if meter.kind == "narrative" else asked:
                serves.setdefault(id, []).append((measure, meter))
    for position, (id, places) in enumerate(serves.items()):
        indicator = catalogue.indicators.get(id)
        found[id] = (
            _narrative(programme, position, *places[0])
            if indicator is None
            else _figure(catalogue, position, indicator, places)
        )
    return tuple(found.values())


def questions_for(catalogue: Catalogue, period: str, party: str = "") -> tuple[tuple[Question, str], ...]:
    """The questions of a form and the period each is asked for: those within `period`, by party and meter.

    `party` is '' for all parties. Raises ConfigurationError where the period is none of the programme's, the party is
    not known, or nothing is asked.
    """
    programme = catalogue.programme
    try:
        asked = parse_period(period)
    except PeriodError as error:
        raise ConfigurationError(f"--period '{period}': {error}") from error
    if not programme.first_year <= asked.start.year <= programme.last_year:
        raise ConfigurationError(
            f"--period '{period}': the programme is of the years {programme.first_year}-{programme.last_year}"
        )
    order = {one.id: place for place, one in enumerate(programme.parties)}
    if party and party not in order:
        reporters = sorted({one.party for one in questions(catalogue)})
        raise ConfigurationError(
            f"party '{party}' is not in the catalogue; who reports are {', '.join(reporters)}"
        )
    rows = [
        (question, one)
        for question in questions(catalogue)
        if not party or question.party == party
        for one in question.periods
        if asked.start <= parse_period(one).start and parse_period(one).end <= asked.end
    ]
    if not rows:
        who = f"party '{party}' is" if party else "nobody is"
        raise ConfigurationError(
            f"{who} asked {'nothing' if party else 'anything'} for {period}; try a whole year"
        )
    return tuple(
        sorted(rows, key=lambda row: (order[row[0].party], row[0].position, parse_period(row[1]).start))
    )


def party_name(catalogue: Catalogue, party: str) -> str:
    """The name of a party."""
    return next(one.name_fi for one in catalogue.programme.parties if one.id == party)


def reporting_of(programme: Programme) -> Reporting:
    """When people owe their answers."""
    return programme.reporting or Reporting(programme.first_year, DUE_DAYS, GRACE_DAYS)


def _narrative(programme: Programme, position: int, measure: Measure, meter: Meter) -> Question:
    periods, owed = _periods(programme, meter.rhythm, meter.first_period, meter.last_period)
    return Question(
        id=meter.id,
        position=position,
        asks=meter.asks,
        party=meter.reporter,
        party_assumed=meter.reporter_assumed,
        rhythm=meter.rhythm,
        rhythm_assumed=meter.rhythm_assumed,
        optional=False,
        indicator_id="",
        meter_ids=(meter.id,),
        measure_ids=(measure.id,),
        measures_fi=(_named(measure),),
        text_fi=meter.text_fi,
        unit_fi="",
        low=None,
        high=None,
        note_fi=meter.note_fi,
        area_code=programme.municipality,
        periods=periods,
        owed=owed,
        due_days=_days(meter.due_days, reporting_of(programme).due_days[meter.rhythm]),
        grace_days=_days(meter.grace_days, reporting_of(programme).grace_days[meter.rhythm]),
    )


def _figure(
    catalogue: Catalogue, position: int, indicator: Indicator, places: list[tuple[Measure, Meter]]
) -> Question:
    programme = catalogue.programme
    steps = steps_of(indicator.frequency)
    periods, owed = _periods(programme, steps, indicator.first_period, indicator.last_period)
    several = any(len(measure.responsible) > 1 for measure, _ in places)
    assumed = several if indicator.reporter_assumed is None else indicator.reporter_assumed
    notes = dict.fromkeys([indicator.note_fi, *(meter.note_fi for _, meter in places)])
    return Question(
        id=indicator.id,
        position=position,
        asks="survey" if indicator.kind == "survey" else "number",
        party=indicator.reporter,
        party_assumed=assumed,
        rhythm=indicator.rhythm,
        rhythm_assumed=indicator.rhythm_assumed,
        optional=indicator.optional,
        indicator_id=indicator.id,
        meter_ids=tuple(meter.id for _, meter in places),
        measure_ids=tuple(dict.fromkeys(measure.id for measure, _ in places)),
        measures_fi=tuple(dict.fromkeys(_named(measure) for measure, _ in places)),
        text_fi=indicator.name_fi,
        unit_fi=indicator.unit_fi,
        low=indicator.valid_min,
        high=indicator.valid_max,
        note_fi=" ".join(note for note in notes if note),
        area_code=_area(catalogue, indicator),
        periods=periods,
        owed=() if indicator.optional else owed,
        due_days=_days(indicator.due_days, reporting_of(programme).due_days[indicator.rhythm]),
        grace_days=_days(indicator.grace_days, reporting_of(programme).grace_days[indicator.rhythm]),
    )


def _named(measure: Measure) -> str:
    return f"{measure.id} {measure.short_fi or measure.text_fi}"


def _days(own: int | None, usual: int) -> int:
    return usual if own is None else own


def _area(catalogue: Catalogue, indicator: Indicator) -> str:
    """The area an indicator's hand-entered figure is of: the smallest of its levels that the city has."""
    areas = catalogue.areas
    own = [areas.focus, *([areas.subregion] if areas.subregion else []), areas.region, areas.country]
    for area in (*own, *areas.others):
        if area.level in indicator.area_levels:
            return area.code
    raise ConfigurationError(
        f"indicator '{indicator.id}': the catalogue has no area of its levels {', '.join(indicator.area_levels)}"
    )


def _periods(
    programme: Programme, steps: Rhythm, first: str, last: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The periods that can be asked, and those of them that are owed."""
    begin = first or _first_of(programme.first_year, steps)
    end = parse_period(last).end if last else date(programme.last_year, 12, 31)
    every = tuple(_walk(begin, _STEPS.get(steps, 1), end))
    owed_from = parse_period(first).start if first else date(reporting_of(programme).first_year, 1, 1)
    return every, tuple(one for one in every if parse_period(one).start >= owed_from)


def _first_of(year: int, steps: Rhythm) -> str:
    match FREQUENCY_OF[steps]:
        case "monthly":
            return f"{year}M01"
        case "quarterly":
            return f"{year}Q1"
        case _:
            return f"{year}"


def _walk(code: str, step: int, end: date) -> Iterator[str]:
    while parse_period(code).end <= end:
        yield code
        code = shift(code, step)
