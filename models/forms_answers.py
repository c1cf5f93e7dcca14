"""A filled form as answers: every cell checked, all that is wrong at once; and what changes with the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeVar

from models import forms_cells as cells
from models.catalogue import Catalogue
from models.errors import ConfigurationError
from models.forms import STATUSES_FI, WORDS_FI, YES_NO_FI, Question, party_name, questions, questions_for
from models.forms_cells import CellError
from models.forms_file import (
    COLUMNS,
    HEADING_OF,
    INPUTS,
    LONGEST_REASON,
    LONGEST_ROLE,
    LONGEST_TEXT,
    TAKEN,
    ColumnKey,
    FormError,
    FormIdentity,
    FormProblem,
    Place,
    RawCell,
    RawForm,
    locked_texts,
    parse_identity,
    version_of,
)
from models.period import parse_period

Key = tuple[str, str]  # question and period
ChangeClass = Literal["new", "revised", "withdrawn", "returned"]
Read = TypeVar("Read")


@dataclass(frozen=True)
class Answer:
    """What a party says of one question and period; a withdrawn answer says nothing."""

    question_id: str
    period: str
    value: float | None = None
    sample_size: int | None = None
    status: str = ""  # a key of models.forms.WORDS_FI
    text: str = ""

    @property
    def key(self) -> Key:
        """Question and period."""
        return self.question_id, self.period

    @property
    def is_blank(self) -> bool:
        """Whether it says nothing."""
        return self.value is None and self.sample_size is None and not self.status and not self.text


@dataclass(frozen=True)
class FilledRow:
    """One row of a form as it was understood, with the reason given for a correction and where it stands."""

    answer: Answer
    reason: str
    place: Place
    reason_place: Place


@dataclass(frozen=True)
class FilledForm:
    """A form as it was understood: what it is, those of its rows that are right, the role given in it, what is wrong.

    `identity` is None where the form does not say what it is; `role` is '' where none is given.
    """

    identity: FormIdentity | None
    rows: tuple[FilledRow, ...]
    role: str
    problems: tuple[FormProblem, ...]


@dataclass(frozen=True)
class Change:
    """An answer that is to be written, with what it changes and why."""

    answer: Answer
    change_class: ChangeClass
    reason: str


def describe(answer: Answer, unit_fi: str = "") -> str:
    """An answer in one Finnish text, as a form shows it."""
    parts = []
    if answer.value is not None:
        number = f"{answer.value:.15g}".replace(".", ",")
        parts.append(f"{number} {unit_fi}".strip())
    if answer.sample_size is not None:
        parts.append(f"vastaajia {answer.sample_size}")
    if answer.status:
        parts.append(WORDS_FI[answer.status])
    if answer.text:
        parts.append(answer.text)
    return "; ".join(parts)


@dataclass(frozen=True)
class Judged:
    """A form with nothing wrong: what it is, in which role it was filled, its number of answers, what it changes."""

    identity: FormIdentity
    role: str
    answers: int
    changes: tuple[Change, ...]


def judge(
    raw: RawForm,
    catalogue: Catalogue,
    current: Mapping[Key, Answer],
    *,
    on: date,
    role: str = "",
    reason: str = "",
    party: str = "",
    period: str = "",
) -> Judged:
    """What a form changes in the answers that are there, as of the day `on`. Raises FormError with all that is wrong.

    `role` goes before the one in the form; `reason` is for corrections without one of their own; `party` and `period`,
    where given, are what the form is expected to be of.
    """
    form = fill(raw, catalogue, on=on, party=party, period=period)
    problems = list(form.problems)
    role_place = raw.role.place if raw.role is not None else Place("--role", "--role")
    given = {"role": form.role, "reason": ""}
    for name, said, longest in (("role", role, LONGEST_ROLE), ("reason", reason, LONGEST_REASON)):
        option = Place(f"--{name}", f"--{name}")
        try:
            checked = cells.role(said) if name == "role" else cells.checked_text(said, longest)
            given[name] = checked or given[name]
        except CellError as error:
            problems.append(FormProblem(option, error.en, error.fi))
    if not given["role"] and not any(
        one.place in (role_place, Place("--role", "--role")) for one in problems
    ):
        problems.append(
            FormProblem(
                role_place,
                "who answered is missing; write a role (no name), e.g. viestintäpäällikkö, there or with --role",
                "vastaajan rooli puuttuu; kirjoita rooli (ei nimeä), esim. viestintäpäällikkö",
            )
        )
    found, unexplained = changes(form, current, catalogue, reason=given["reason"])
    problems.extend(unexplained)
    if problems or form.identity is None:
        raise FormError(problems)
    answers = sum(not row.answer.is_blank for row in form.rows)
    return Judged(form.identity, given["role"], answers, found)


def fill(raw: RawForm, catalogue: Catalogue, *, on: date, party: str = "", period: str = "") -> FilledForm:
    """The answers of a form as of the day `on`, and everything wrong with it.

    `party` and `period`, where given, are what the form is expected to be of.
    """
    problems = list(raw.problems)
    identity = _identity(raw, catalogue, problems, party, period)
    role = _role(raw, problems)
    if identity is None:
        return FilledForm(None, (), role, tuple(problems))
    expected = {
        (question.id, one): question
        for question, one in questions_for(catalogue, identity.period, identity.party)
    }
    wording = {
        key: locked_texts(question, key[1], party_name(catalogue, question.party))
        for key, question in expected.items()
    }
    is_current = version_of(list(wording.values())) == identity.version
    found: dict[Key, FilledRow] = {}
    begun: dict[Key, Place] = {}
    for row in raw.rows:
        key = _key(row, expected, catalogue, identity, problems)
        if key is None:
            continue
        if key in begun:
            problems.append(
                FormProblem(
                    row["id"].place,
                    f"{key[0]} for {key[1]} stands twice, first at {begun[key].en}; take one of them out",
                    f"{key[0]} kaudelta {key[1]} on kahdesti, ensin kohdassa {begun[key].fi}; poista toinen",
                )
            )
            continue
        begun[key] = row["id"].place
        _check_locked(row, wording[key], is_current, problems)
        filled = _row(row, expected[key], key[1], on, problems)
        if filled is not None:
            found[key] = filled
    for question_id, one in expected:
        if (question_id, one) not in begun:
            problems.append(
                FormProblem(
                    raw.whole,
                    f"the row of {question_id} for {one} is missing; put it back, or fill a form exported again",
                    f"rivi {question_id} kaudelta {one} puuttuu; palauta se, tai pyydä uusi lomake ja täytä se",
                )
            )
    return FilledForm(identity, tuple(found.values()), role, tuple(problems))


def changes(
    form: FilledForm, current: Mapping[Key, Answer], catalogue: Catalogue, *, reason: str = ""
) -> tuple[tuple[Change, ...], tuple[FormProblem, ...]]:
    """What a form changes in the answers that are there. `reason` is for every correction without one of its own.

    An empty row changes nothing, but with a reason of its own takes the answer that is there back. A problem is where
    an answer is changed without a reason, or one is taken back that never was.
    """
    found: list[Change] = []
    problems: list[FormProblem] = []
    units = {one.id: one.unit_fi for one in questions(catalogue)}
    for row in form.rows:
        answer, before = row.answer, current.get(row.answer.key)
        if before == answer or (answer.is_blank and not row.reason):
            continue
        if answer.is_blank and before is None:
            problems.append(
                FormProblem(
                    row.reason_place,
                    "there is a reason, but no answer, now or before; write the answer or take the reason out",
                    "syy on annettu, mutta vastausta ei ole nyt eikä ennestään; kirjoita vastaus tai poista syy",
                )
            )
            continue
        if before is None:
            found.append(Change(answer, "new", row.reason or reason))
            continue
        why = row.reason or reason
        if not why:
            was = _short(describe(before, units.get(answer.question_id, ""))) or "(peruttu)"
            now = _short(describe(answer, units.get(answer.question_id, "")))
            problems.append(
                FormProblem(
                    row.place,
                    f"the answer for {answer.period} was '{was}' and would become '{now}'; write why under "
                    f"{HEADING_OF['reason']}, or give --reason",
                    f"vastaus kaudelta {answer.period} oli '{was}' ja muuttuisi muotoon '{now}'; kirjoita miksi "
                    f"sarakkeeseen {HEADING_OF['reason']}",
                )
            )
        elif answer.is_blank:
            found.append(Change(answer, "withdrawn", why))
        else:
            found.append(Change(answer, "returned" if before.is_blank else "revised", why))
    return tuple(found), tuple(problems)


def _short(said: str) -> str:
    line = cells.one_line(said)
    return line if len(line) <= 60 else f"{line[:59]}…"


def _identity(
    raw: RawForm, catalogue: Catalogue, problems: list[FormProblem], party: str, period: str
) -> FormIdentity | None:
    """What most rows say the form is; the rows that say otherwise are problems. None where nothing can be known."""
    said: list[tuple[RawCell, str]] = []
    for row in raw.rows:
        cell = row["form"]
        try:
            said.append((cell, cells.label(cell)))
        except CellError as error:
            problems.append(FormProblem(cell.place, error.en, error.fi))
    if not said:
        if not problems:
            problems.append(
                FormProblem(
                    raw.whole,
                    "there are no rows; export the form again and fill that",
                    "rivejä ei ole; pyydä uusi lomake ja täytä se",
                )
            )
        return None
    counted = Counter(text for _, text in said if parse_identity(text) is not None)
    if not counted:
        cell = said[0][0]
        problems.append(
            FormProblem(
                cell.place,
                f"'{said[0][1][:60]}' names no form; the column {HEADING_OF['form']} must stay as it was exported",
                f"'{said[0][1][:60]}' ei ole lomakkeen tunniste; sarake {HEADING_OF['form']} on jätettävä ennalleen",
            )
        )
        return None
    main = counted.most_common(1)[0][0]
    for cell, text in said:
        if text != main:
            problems.append(
                FormProblem(
                    cell.place,
                    f"the row is of the form '{text[:80]}', the others of '{main}'; import each form in its own file",
                    f"rivi on lomakkeesta '{text[:80]}', muut lomakkeesta '{main}'; tuo kukin omana tiedostonaan",
                )
            )
    identity = parse_identity(main)
    if identity is None:
        return None
    place = next(cell.place for cell, text in said if text == main)
    if identity.programme != catalogue.programme.id:
        problems.append(
            FormProblem(
                place,
                f"the form is of the programme '{identity.programme}', here is '{catalogue.programme.id}'; "
                "import it where it was exported",
                f"lomake on ohjelmasta '{identity.programme}', tässä on '{catalogue.programme.id}'; tuo se sinne, "
                "mistä se vietiin",
            )
        )
        return None
    for name, wanted, got in (("party", party, identity.party), ("period", period, identity.period)):
        if wanted and wanted != got:
            problems.append(
                FormProblem(
                    place,
                    f"the form is of the {name} '{got or 'kaikki'}', not of '{wanted}'; is it the right file?",
                    f"lomake on {'vastuutaholta' if name == 'party' else 'kaudelta'} '{got or 'kaikki'}', odotettiin "
                    f"'{wanted}'; onko tiedosto oikea?",
                )
            )
    try:
        questions_for(catalogue, identity.period, identity.party)
    except ConfigurationError as error:
        problems.append(
            FormProblem(
                place,
                f"the form's period or party does not fit the catalogue: {error}",
                f"lomakkeen kausi tai vastuutaho ei sovi luetteloon ({identity.party or 'kaikki'}, {identity.period}); "
                "pyydä uusi lomake",
            )
        )
        return None
    return identity


def _role(raw: RawForm, problems: list[FormProblem]) -> str:
    if raw.role is None or cells.is_blank(raw.role):
        return ""
    cell = raw.role
    said = _read(cell, problems, lambda one: cells.text(one, LONGEST_REASON), "")
    try:
        return cells.role(said)
    except CellError as error:
        problems.append(FormProblem(cell.place, error.en, error.fi))
        return ""


def _key(
    row: Mapping[ColumnKey, RawCell],
    expected: Mapping[Key, Question],
    catalogue: Catalogue,
    identity: FormIdentity,
    problems: list[FormProblem],
) -> Key | None:
    """Which question and period a row is of; None where that is wrong."""
    id_cell, period_cell = row["id"], row["period"]
    count = len(problems)
    id = _read(id_cell, problems, cells.label, "")
    period = _read(period_cell, problems, cells.label, "")
    if len(problems) > count:
        return None
    ids = {question_id for question_id, _ in expected}
    if not id:
        problems.append(
            FormProblem(
                id_cell.place,
                "the row has no id; only the rows of the form can be filled, move what is here to its row",
                "rivillä ei ole tunnusta; vain lomakkeen rivejä voi täyttää, siirrä sisältö omalle rivilleen",
            )
        )
        return None
    if id not in ids:
        alike = next((one for one in ids if one == cells.latin(id)), "")
        elsewhere = next(
            (one for one, _ in questions_for(catalogue, identity.period) if one.id == cells.latin(id)), None
        )
        if alike:
            en = f"'{id}' looks like {alike}, but has letters of another alphabet; write the id again by hand"
            fi = f"'{id}' näyttää tunnukselta {alike}, mutta siinä on toisen aakkoston merkkejä; kirjoita se uudelleen"
        elif elsewhere is not None:
            en = f"{id} is asked of {elsewhere.party}, and this is the form of {identity.party}; take the row out"
            fi = f"{id} kysytään vastuutaholta {elsewhere.party}, ja tämä on lomake {identity.party}; poista rivi"
        else:
            en = f"'{id[:60]}' is no id of this form; put the id back as it was exported"
            fi = f"'{id[:60]}' ei ole tämän lomakkeen tunnus; palauta tunnus sellaiseksi kuin se oli"
        problems.append(FormProblem(id_cell.place, en, fi))
        return None
    if (id, period) not in expected:
        periods = ", ".join(one for question_id, one in expected if question_id == id)
        problems.append(
            FormProblem(
                period_cell.place,
                f"'{period[:20]}' is no period that this form asks of {id}; it asks {periods}",
                f"'{period[:20]}' ei ole kausi, jolta tämä lomake kysyy {id}; se kysyy: {periods}",
            )
        )
        return None
    return id, period


def _check_locked(
    row: Mapping[ColumnKey, RawCell],
    wording: Mapping[ColumnKey, str],
    is_current: bool,
    problems: list[FormProblem],
) -> None:
    """Notes the cells that were changed though they must not be; of an older wording only the unit must still hold."""
    free: tuple[ColumnKey, ...] = ("last_answer", "last_period", "due")
    for key in free:  # not compared, but nothing may be computed there
        _read(row[key], problems, cells.label, "")
    for key, wanted in wording.items():
        cell = row[key]
        try:
            said = cells.label(cell)
        except CellError as error:
            problems.append(FormProblem(cell.place, error.en, error.fi))
            continue
        if said == cells.one_line(wanted) or key in ("id", "period"):
            continue
        if is_current:
            problems.append(
                FormProblem(
                    cell.place,
                    f"the cell was changed; it said '{_short(wanted)}', write that back",
                    f"solua on muutettu; siinä oli '{_short(wanted)}', palauta se",
                )
            )
        elif key == "unit":
            problems.append(
                FormProblem(
                    cell.place,
                    f"the form asks in '{said[:40]}', the catalogue now in '{wanted}'; export the form again",
                    f"lomakkeen yksikkö on '{said[:40]}', nyt kysytään yksikössä '{wanted}'; pyydä uusi lomake",
                )
            )


def _row(
    row: Mapping[ColumnKey, RawCell],
    question: Question,
    period: str,
    on: date,
    problems: list[FormProblem],
) -> FilledRow | None:
    """The row as it is understood; None where something is wrong in it."""
    count = len(problems)
    for key in INPUTS:
        if key not in (*TAKEN[question.asks], "reason") and not cells.is_blank(row[key]):
            taken = ", ".join(HEADING_OF[one] for one in TAKEN[question.asks])
            problems.append(
                FormProblem(
                    row[key].place,
                    f"{HEADING_OF[key]} is not asked of {question.id}; write under {taken} and empty this cell",
                    f"{HEADING_OF[key]} ei kuulu kysymykseen {question.id}; täytä {taken} ja tyhjennä tämä solu",
                )
            )
    answer = Answer(question.id, period)
    takes = TAKEN[question.asks]
    if "value" in takes:
        value = _read(
            row["value"],
            problems,
            lambda one: cells.number(one, unit_fi=question.unit_fi, low=question.low, high=question.high),
            None,
        )
        answer = replace(answer, value=value)
    if "sample_size" in takes:
        answer = replace(answer, sample_size=_read(row["sample_size"], problems, cells.count, None))
    if "status" in takes:
        words = YES_NO_FI if question.asks == "yes_no" else STATUSES_FI
        answer = replace(
            answer, status=_read(row["status"], problems, lambda one: cells.word(one, words), "")
        )
    answer = replace(answer, text=_read(row["text"], problems, lambda one: cells.text(one, LONGEST_TEXT), ""))
    reason = _read(row["reason"], problems, lambda one: cells.text(one, LONGEST_REASON), "")
    if len(problems) == count:
        _check_together(row, question, answer, on, problems)
    if len(problems) > count:
        return None
    filled = next((row[key].place for key in takes if not cells.is_blank(row[key])), row["id"].place)
    return FilledRow(answer, reason, filled, row["reason"].place)


def _check_together(
    row: Mapping[ColumnKey, RawCell],
    question: Question,
    answer: Answer,
    on: date,
    problems: list[FormProblem],
) -> None:
    """What is wrong with a row whose cells are right one by one."""
    if question.asks == "survey" and (answer.value is None) is not (answer.sample_size is None):
        lacking: ColumnKey = "value" if answer.value is None else "sample_size"
        problems.append(
            FormProblem(
                row[lacking].place,
                "the result of a survey and how many answered belong together; write both",
                "kyselyn tulos ja vastaajien määrä kuuluvat yhteen; kirjoita molemmat",
            )
        )
    if "status" in TAKEN[question.asks] and answer.text and not answer.status:
        choices = " / ".join((YES_NO_FI if question.asks == "yes_no" else STATUSES_FI).values())
        problems.append(
            FormProblem(
                row["status"].place,
                f"there is a text but no choice; choose from the list: {choices}",
                f"selvitys on, mutta valinta puuttuu; valitse luettelosta: {choices}",
            )
        )
    if not answer.is_blank and parse_period(answer.period).start > on:
        problems.append(
            FormProblem(
                row["period"].place,
                f"the period {answer.period} has not begun yet; leave the row empty until then",
                f"kausi {answer.period} ei ole vielä alkanut; jätä rivi siihen asti tyhjäksi",
            )
        )


def _read(
    cell: RawCell, problems: list[FormProblem], read: Callable[[RawCell], Read], otherwise: Read
) -> Read:
    """What `read` makes of a cell; `otherwise` where that is wrong, which is noted."""
    try:
        return read(cell)
    except CellError as error:
        problems.append(FormProblem(cell.place, error.en, error.fi))
        return otherwise


def blank_row(place_of: Callable[[ColumnKey], Place]) -> dict[ColumnKey, RawCell]:
    """A row in which nothing is filled."""
    return {one.key: RawCell(place_of(one.key)) for one in COLUMNS}
