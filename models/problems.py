"""Problems: from what the warehouse knows to what a person must hear of, and who answers for it.

A problem lasts as long as its cause does; its key (kind and subject) is the same all that time. What is told of it,
and when, is models.alarm's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from models.errors import MittaristoError
from models.ledger import FreshnessState, LedgerState, Severity
from models.schedule import looks_of, next_looks

ProblemKind = Literal[
    "no_heartbeat",
    "unaccounted",
    "failed",
    "quarantined",
    "late",
    "stale_pages",
    "answers_late",
    "answers_due",
    "discontinued",
]

# In the order in which they are told. Nothing can be done soon about a table that is gone, and its last figures
# stay: it is told once and does not keep the whole unhealthy. Nor do people who have not answered: whoever is called
# at night for a machine can do nothing about them, and they get reminders of their own (mittaristo forms remind).
KINDS: tuple[ProblemKind, ...] = (
    "no_heartbeat",
    "unaccounted",
    "failed",
    "quarantined",
    "late",
    "stale_pages",
    "answers_late",
    "answers_due",
    "discontinued",
)
UNHEALTHY: frozenset[ProblemKind] = frozenset(KINDS) - {"answers_late", "answers_due", "discontinued"}
_TECHNICAL: frozenset[ProblemKind] = frozenset({"no_heartbeat", "unaccounted", "failed", "stale_pages"})
_SEVERITY: dict[ProblemKind, Severity] = {
    "late": "warning",
    "stale_pages": "warning",
    "answers_late": "warning",
    "answers_due": "warning",
    "discontinued": "warning",
}
ENGINEER_FI, ENGINEER_EN = "datainsinööri", "data engineer"

UNACCOUNTED_AFTER = timedelta(minutes=15)  # a run that is still young may not have taken its lock yet
RUNNER_BEAT = "up"  # the heartbeat of the runner of `mittaristo up`
SCHEDULE_BEAT = "schedule "  # with a source after it: the heartbeat of its schedule
LONGEST_REASON = 300  # characters of an error that are told; the ledger has it whole


@dataclass(frozen=True)
class TouchedMeasure:
    """A measure whose meters read a dataset, and the names of the parties that answer for it."""

    measure_id: str
    name_fi: str
    parties: tuple[str, ...]


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a dataset. `last_*` are of its newest ledger row, None and '' where it has none."""

    dataset_id: str
    title_fi: str
    title_en: str
    web_url: str
    freshness: FreshnessState
    next_expected: date | None = None
    late_after: date | None = None
    last_fetch: datetime | None = None
    last_release: datetime | None = None
    last_state: LedgerState | None = None
    last_message: str = ""
    last_at: datetime | None = None
    measures: tuple[TouchedMeasure, ...] = ()


@dataclass(frozen=True)
class OpenQuarantine:
    """A collection that is held back and waits for a decision."""

    number: int
    dataset_id: str
    reason: str
    opened_at: datetime


@dataclass(frozen=True)
class Beat:
    """The last sign of life of a part of the system that gives one every `interval_seconds`."""

    name: str
    beat_at: datetime
    interval_seconds: float

    def is_dead(self, now: datetime) -> bool:
        """Whether it is older than twice its interval."""
        return now - self.beat_at > timedelta(seconds=2 * self.interval_seconds)


@dataclass(frozen=True)
class PageBuild:
    """The last building of some pages. `error` is '' where it went well; `built_at` is when it last did."""

    name: str
    tried_at: datetime
    built_at: datetime | None
    error: str


@dataclass(frozen=True)
class Unanswered:
    """The answers of one party for one period that are not there: how many, the first due date, whether any is late."""

    party: str
    party_name_fi: str
    period: str
    due_at: date
    count: int
    is_late: bool
    measures: tuple[TouchedMeasure, ...] = ()


@dataclass(frozen=True)
class RunFacts:
    """A run that has not ended, or the newest of its source.

    `red_rows` are its ledger rows that are red; `is_held` says whether somebody holds its source's lock.
    """

    run_id: str
    source: str
    started_at: datetime
    ended_at: datetime | None
    state: str
    red_rows: int
    is_held: bool


@dataclass(frozen=True)
class Situation:
    """All that problems are found in, as it was at one moment (aware UTC)."""

    at: datetime
    datasets: tuple[DatasetFacts, ...] = ()
    quarantines: tuple[OpenQuarantine, ...] = ()
    beats: tuple[Beat, ...] = ()
    runs: tuple[RunFacts, ...] = ()
    pages: tuple[PageBuild, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()  # only what is due or late


@dataclass(frozen=True)
class Problem:
    """One problem: what it is, what to do, which measures it touches, who answers."""

    kind: ProblemKind
    subject: str  # a dataset's id, a source, the name of a heartbeat
    text_fi: str
    text_en: str
    todo_fi: str
    todo_en: str
    title_fi: str
    title_en: str
    measures: tuple[TouchedMeasure, ...] = ()

    @property
    def key(self) -> str:
        """Kind and subject: the same as long as the problem lasts."""
        return f"{self.kind}:{self.subject}"

    @property
    def severity(self) -> Severity:
        """`warning` where only the source is to blame, else `critical`."""
        return _SEVERITY.get(self.kind, "critical")

    @property
    def answers_fi(self) -> tuple[str, ...]:
        """Who answers: the parties of the measures touched; of what is technical, the data engineer."""
        return self._parties() or (ENGINEER_FI,)

    @property
    def answers_en(self) -> tuple[str, ...]:
        """The same; the parties have Finnish names only."""
        return self._parties() or (ENGINEER_EN,)

    def _parties(self) -> tuple[str, ...]:
        if self.kind in _TECHNICAL:
            return ()
        return tuple(dict.fromkeys(party for measure in self.measures for party in measure.parties))


class Difference(NamedTuple):
    """Problems that were not open before, keys of those that no longer are, and problems that still are."""

    begun: tuple[Problem, ...]
    ended: tuple[str, ...]
    still: tuple[Problem, ...]


def diff(open_before: Collection[str], now: Sequence[Problem]) -> Difference:
    """What has changed from the keys of the problems that were open to those that are now."""
    keys = {one.key for one in now}
    return Difference(
        begun=tuple(one for one in now if one.key not in open_before),
        ended=tuple(sorted(key for key in open_before if key not in keys)),
        still=tuple(one for one in now if one.key in open_before),
    )


def open_problems(situation: Situation) -> tuple[Problem, ...]:
    """The problems there are, each key once, by kind and subject."""
    found = [
        *(_no_heartbeat(one) for one in _dead(situation)),
        *(_stale_pages(one) for one in situation.pages if one.error),
        *(_unaccounted(one) for one in situation.runs if _is_unaccounted(one, situation.at)),
    ]
    held = {one.dataset_id: one for one in situation.quarantines}  # the newest, where there are several
    for dataset in situation.datasets:
        if dataset.last_state == "failed":
            found.append(_failed(dataset))
        if dataset.freshness == "quarantined" or dataset.dataset_id in held:
            found.append(_quarantined(dataset, held.get(dataset.dataset_id)))
        if dataset.freshness == "late":
            found.append(_late(dataset))
        if dataset.freshness == "discontinued":
            found.append(_discontinued(dataset))
    for one in situation.unanswered:
        found.append(_answers(one, "answers_late" if one.is_late else "answers_due"))
    once = {one.key: one for one in found}
    return tuple(sorted(once.values(), key=lambda one: (KINDS.index(one.kind), one.subject)))


def problem_summary(problem: Problem) -> dict[str, Any]:
    """`problem` for readers outside, as plain JSON values: its fields, key, severity and who answers."""
    return {
        "key": problem.key,
        "severity": problem.severity,
        **problem_to_json(problem),
        "answers_fi": list(problem.answers_fi),
        "answers_en": list(problem.answers_en),
    }


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """`problem` as plain JSON values."""
    return asdict(problem)


def problem_from_json(values: dict[str, Any]) -> Problem:
    """The problem that problem_to_json wrote. Raises MittaristoError for anything else."""
    try:
        measures = tuple(
            TouchedMeasure(_text(one["measure_id"]), _text(one["name_fi"]), tuple(map(_text, one["parties"])))
            for one in values["measures"]
        )
        texts = {name: _text(one) for name, one in values.items() if name != "measures"}
        problem = Problem(**texts, measures=measures)  # type: ignore[arg-type]
        if problem.kind not in KINDS:
            raise ValueError(problem.kind)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MittaristoError(
            f"a kept problem cannot be read from the database ({type(error).__name__}); restore a backup, or replay"
        ) from error
    return problem


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _is_unaccounted(run: RunFacts, now: datetime) -> bool:
    if run.ended_at is None:
        return not run.is_held and now - run.started_at > UNACCOUNTED_AFTER
    return run.state == "red" and run.red_rows == 0


def _dead(situation: Situation) -> list[Beat]:
    """The beats that are missed; where the runner is dead its schedules rest with it, and it alone is told of."""
    dead = [one for one in situation.beats if one.is_dead(situation.at)]
    if any(one.name == RUNNER_BEAT for one in dead):
        return [one for one in dead if not one.name.startswith(SCHEDULE_BEAT)]
    return dead


def _no_heartbeat(beat: Beat) -> Problem:
    if beat.name.startswith(SCHEDULE_BEAT):
        return _no_look(beat, beat.name.removeprefix(SCHEDULE_BEAT))
    return Problem(
        kind="no_heartbeat",
        subject=beat.name,
        text_fi=f"Osa {beat.name} ei ole antanut elonmerkkiä {_moment_fi(beat.beat_at)} jälkeen,"
        f" vaikka sen pitäisi antaa sellainen {beat.interval_seconds:g} sekunnin välein.",
        text_en=f"The part {beat.name} has given no sign of life since {_moment_en(beat.beat_at)},"
        f" although it should every {beat.interval_seconds:g} seconds.",
        todo_fi="Käynnistä se uudelleen (mittaristo up) ja katso sen lokista, miksi se pysähtyi.",
        todo_en="Start it again (mittaristo up) and see in its log why it stopped.",
        title_fi=beat.name,
        title_en=beat.name,
    )


def _no_look(beat: Beat, source: str) -> Problem:
    (missed,) = next_looks(looks_of(source), beat.beat_at, 1)
    return Problem(
        kind="no_heartbeat",
        subject=beat.name,
        text_fi=f"Lähteen {source} ajastettu haku ei ole käynnistynyt: vuoro oli {_day_fi(missed.date())} klo"
        f" {missed:%H.%M} (Suomen aikaa), viimeksi se kävi {_moment_fi(beat.beat_at)}.",
        text_en=f"The schedule of source {source} has stopped: its look of {missed:%Y-%m-%d %H:%M} (Finnish time)"
        f" did not take place, it was last alive {_moment_en(beat.beat_at)}.",
        todo_fi=f"Katso Prefectistä, onko ajastus tauolla ja ottaako jokin prosessi ajoja (Deployments, {source});"
        f" hae luvut sillä välin komennolla mittaristo run --source {source}.",
        todo_en=f"See in Prefect whether the schedule is paused and whether anything takes its runs (Deployments,"
        f" {source}); meanwhile collect with mittaristo run --source {source}.",
        title_fi=f"ajastus {source}",
        title_en=beat.name,
    )


def _stale_pages(build: PageBuild) -> Problem:
    on_fi, on_en = (
        (f" ne ovat hetkeltä {_moment_fi(build.built_at)}", f" they are of {_moment_en(build.built_at)}")
        if build.built_at
        else (" sivuja ei vielä ole", " there are none yet")
    )
    return Problem(
        kind="stale_pages",
        subject=build.name,
        text_fi=f"Sivuja {build.name} ei voitu koota{_on(build.tried_at)[0]}: {_reason(build.error)};{on_fi}.",
        text_en=f"The pages {build.name} could not be built{_on(build.tried_at)[1]}: {_reason(build.error)};{on_en}.",
        todo_fi="Korjaa syy (levytila, oikeudet); seuraava ajo kokoaa sivut uudelleen.",
        todo_en="Mend the cause (disk, permissions); the next run builds the pages again.",
        title_fi=build.name,
        title_en=build.name,
    )


def _unaccounted(run: RunFacts) -> Problem:
    began_fi, began_en = _moment_fi(run.started_at), _moment_en(run.started_at)
    if run.ended_at is None:
        text_fi = (
            f"Lähteen {run.source} ajo {run.run_id} alkoi {began_fi}, eikä sen päättymistä ole kirjattu."
        )
        text_en = f"The run {run.run_id} of source {run.source} began {began_en} and never ended."
    else:
        text_fi = (
            f"Lähteen {run.source} ajosta {run.run_id}, joka alkoi {began_fi}, jäi aineistoja kirjaamatta."
        )
        text_en = (
            f"The run {run.run_id} of source {run.source}, begun {began_en}, left datasets unaccounted for."
        )
    return Problem(
        kind="unaccounted",
        subject=run.source,
        text_fi=text_fi,
        text_en=text_en,
        todo_fi=f"Seuraava ajo korjaa jäljet; aja se heti komennolla mittaristo run --source {run.source}.",
        todo_en=f"The next run makes it good; run it now with mittaristo run --source {run.source}.",
        title_fi=run.source,
        title_en=run.source,
    )


def _failed(dataset: DatasetFacts) -> Problem:
    on_fi, on_en = _on(dataset.last_at)
    kept_fi, kept_en = _still_served(dataset)
    return _of_dataset(
        "failed",
        dataset,
        text_fi=f"haku epäonnistui{on_fi}: {_reason(dataset.last_message)}",
        text_en=f"the collection failed{on_en}: {_reason(dataset.last_message)}",
        todo_fi=f"Seuraava ajo yrittää uudelleen; jos virhe toistuu, katso ajon loki ja lähteen sivu.{kept_fi}",
        todo_en=f"The next run tries again; if it goes on, see the run's log and the source's page.{kept_en}",
    )


def _quarantined(dataset: DatasetFacts, held: OpenQuarantine | None) -> Problem:
    kept_fi, kept_en = _still_served(dataset)
    on_fi, on_en = _on(held.opened_at if held else dataset.last_at)
    reason = _reason(held.reason if held else dataset.last_message)
    see = f"mittaristo quarantine show {held.number}" if held else "mittaristo quarantine list --all"
    return _of_dataset(
        "quarantined",
        dataset,
        text_fi=f"uudet luvut pidätettiin{on_fi}: {reason}",
        text_en=f"the new figures were held back{on_en}: {reason}",
        todo_fi=f"Katso {see} ja päästä luvut läpi (release) tai hylkää ne (reject).{kept_fi}",
        todo_en=f"See {see}, then release or reject them.{kept_en}",
    )


def _late(dataset: DatasetFacts) -> Problem:
    expected_fi = f" {_day_fi(dataset.next_expected)}" if dataset.next_expected else ""
    expected_en = f" on {dataset.next_expected}" if dataset.next_expected else ""
    return _of_dataset(
        "late",
        dataset,
        text_fi=f"uusia lukuja odotettiin{expected_fi}, eikä niitä ole tullut.",
        text_en=f"new figures were expected{expected_en} and have not come.",
        todo_fi="Katso lähteen julkaisukalenteri; jos julkaisutahti on muuttunut, korjaa luettelon lag_days ja"
        f" grace_days.{_page_fi(dataset)}",
        todo_en="See the source's release calendar; if its rhythm has changed, correct lag_days and grace_days in"
        f" the catalogue.{_page_en(dataset)}",
    )


def _discontinued(dataset: DatasetFacts) -> Problem:
    kept_fi, kept_en = _still_served(dataset)
    return _of_dataset(
        "discontinued",
        dataset,
        text_fi="taulukkoa ei enää ole lähteessä.",
        text_en="the source no longer has the table.",
        todo_fi=f"Etsi lähteestä korvaava taulukko ja vaihda se luetteloon.{kept_fi}",
        todo_en=f"Look for the table that replaces it and change the catalogue.{kept_en}",
    )


def _answers(one: Unanswered, kind: ProblemKind) -> Problem:
    is_late = kind == "answers_late"
    count_fi = "yksi vastaus" if one.count == 1 else f"{one.count} vastausta"
    count_en = "one answer" if one.count == 1 else f"{one.count} answers"
    return Problem(
        kind=kind,
        subject=f"{one.party}/{one.period}",
        text_fi=f"{one.party_name_fi}: {count_fi} kaudelta {one.period} puuttuu, määräpäivä oli {_day_fi(one.due_at)}"
        f"{', ja lisäaikakin on mennyt' if is_late else ''}.",
        text_en=f"{one.party_name_fi}: {count_en} for {one.period} missing, due {one.due_at}"
        f"{', and the grace is over' if is_late else ''}.",
        todo_fi=f"Lähetä muistutus (mittaristo forms remind --party {one.party}) ja tuo täytetty lomake"
        " (mittaristo forms import).",
        todo_en=f"Send the reminder (mittaristo forms remind --party {one.party}) and take the filled form in"
        " (mittaristo forms import).",
        title_fi=f"{one.party_name_fi}, {one.period}",
        title_en=f"{one.party_name_fi}, {one.period}",
        measures=one.measures,
    )


def _of_dataset(
    kind: ProblemKind, dataset: DatasetFacts, *, text_fi: str, text_en: str, todo_fi: str, todo_en: str
) -> Problem:
    return Problem(
        kind=kind,
        subject=dataset.dataset_id,
        text_fi=f"{dataset.title_fi} ({dataset.dataset_id}): {text_fi}",
        text_en=f"{dataset.title_en} ({dataset.dataset_id}): {text_en}",
        todo_fi=todo_fi,
        todo_en=todo_en,
        title_fi=dataset.title_fi,
        title_en=dataset.title_en,
        measures=dataset.measures,
    )


def _still_served(dataset: DatasetFacts) -> tuple[str, str]:
    if dataset.last_fetch is None:
        return " Lukuja ei ole vielä lainkaan.", " There are no figures yet."
    return " Viimeiset hyvät luvut ovat yhä nähtävissä.", " The last good figures are still served."


def _page_fi(dataset: DatasetFacts) -> str:
    return f" Lähteen sivu: {dataset.web_url}" if dataset.web_url else ""


def _page_en(dataset: DatasetFacts) -> str:
    return f" The source's page: {dataset.web_url}" if dataset.web_url else ""


def _reason(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def _on(moment: datetime | None) -> tuple[str, str]:
    if moment is None:
        return "", ""
    return f" {_day_fi(moment.date())}", f" on {moment.date()}"


def _day_fi(day: date) -> str:
    return f"{day.day}.{day.month}.{day.year}"


def _moment_fi(moment: datetime) -> str:
    return f"{_day_fi(moment.date())} klo {moment:%H.%M} (UTC)"


def _moment_en(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
