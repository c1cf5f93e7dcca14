"""The fault matrix: for every step and every fault what is promised and which test shows it, or why it cannot occur.

`python -m tests.faults.matrix` writes docs/reliability.md from it. The tests beside it run what is declared here
(test_matrix_answers.py, test_matrix_machine.py), and hold that no pair is left out, that each test that is named is
there, and that the page is the one that the declaration makes (test_matrix.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fuzz.ran import EXECUTIONS, SECONDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"

STEPS: dict[str, str] = {
    "release check": "the small call that tells whether anything is new",
    "metadata": "the call for a table's description",
    "fetch": "the calls for its figures",
    "keep": "every answer into the raw store and its index, before anything is made of it",
    "parse": "the kept bytes become a table",
    "gate": "gate 1 on the table's shape, gate 2 on figures and their change",
    "map": "the table becomes observations",
    "store": "vintages and current values, in one transaction with the ledger row",
    "derive": "indicators and verdicts, in the same transaction",
    "publish": "alarms by webhook and mail, the metrics file",
    "report": "the pages people open",
    "export": "the open data",
    "form import": "a filled form into the warehouse",
}
CALLS = ("release check", "metadata", "fetch")

OF_SOURCES: dict[str, str] = {
    "connection refused": "nobody listens at the address",
    "DNS failure": "the name has no address",
    "TLS error": "the other side cannot prove who it is, or speaks no TLS",
    "hang": "it takes the call and never answers",
    "slow drip": "a byte now and then, without end",
    "400": "status 400",
    "403": "status 403 with a page of HTML",
    "404": "status 404",
    "429": "status 429, too many calls",
    "500": "status 500",
    "503": "status 503",
    "cut body": "the connection ends in the middle, with an announced length or without",
    "wrong length": "it announces fewer bytes than it sends",
    "HTML with 200": "a page instead of figures, said to be HTML or said to be JSON",
    "wrong content type": "figures said to be plain text",
    "invalid UTF-8": "bytes that are no UTF-8",
    "deep JSON": "100,000 brackets within each other",
    "NaN and infinity": "NaN and infinities among the figures",
    "enormous numbers": "figures of 1e300, and one of 400 digits",
    "gzip bomb": "a small body that unpacks to more than memory should hold",
    "redirect to another host": "it sends us elsewhere",
    "answer for another table": "a faultless answer to what somebody else asked",
}
OF_MACHINES: dict[str, str] = {
    "clock jump": "the clock goes back or ahead by 400 days in the middle of a run",
    "disk full": "no file may grow by a byte (a kernel limit; in some tests a small disk that is full)",
    "read-only disk": "the home folder becomes a read-only disk",
    "file handles exhausted": "not one file or socket more may be opened (a kernel limit)",
    "kill -9": "SIGKILL",
    "SIGTERM": "SIGTERM, handled as in a run of Prefect",
    "out of memory": "the process may have no more than it has (a kernel limit)",
}
OF_DATABASES: dict[str, str] = {
    "database gone": "the server cuts every connection",
    "deadlock": "the server ends the transaction to undo a deadlock",
    "serialization failure": "the server ends the transaction with error 40001",
}
FAULTS = OF_SOURCES | OF_MACHINES | OF_DATABASES


@dataclass(frozen=True)
class Outcome:
    """What becomes of the dataset, or of the job, that meets the fault, and a pattern of what is said of it.

    `state` is that of the ledger row; `dies` where the process, or the command, ends with an error.
    """

    state: str
    says: str = ""


@dataclass(frozen=True)
class Shown:
    """The pair can occur: what is promised, and the tests that show it (file::function or file::function[case])."""

    promise: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Never:
    """The pair cannot occur, and why."""

    reason: str


Pair = Shown | Never

_HERE = "tests/faults"
ANSWERS = f"{_HERE}/test_matrix_answers.py::test_a_source_that_answers_wrongly_costs_its_dataset_a_run_and_nothing_else"
UNREACHED = (
    f"{_HERE}/test_matrix_answers.py::"
    "test_a_source_that_cannot_be_reached_costs_its_dataset_a_run_and_nothing_else"
)
MACHINE = f"{_HERE}/test_matrix_machine.py::test_a_fault_of_the_machine_costs_a_run_at_most"
DATABASE = f"{_HERE}/test_matrix_machine.py::test_a_fault_of_the_database_costs_a_run_at_most"
_KILL = f"{_HERE}/test_kill_between_steps.py"
_HTTP = "tests/connectors/test_http.py"
_ADVERSE = "tests/flows/test_adverse_conditions.py"
_FORMS = "tests/flows/test_forms.py"
_READS = "tests/connectors/test_forms.py"
_STORE = "tests/warehouse/test_store.py"
_AWAY = (
    "tests/flows/test_alarms.py::test_a_channel_that_is_away_is_told_when_it_is_back_and_the_other_only_once"
)


# --- what the tests of the sources run: faults, some in several forms

NO_JSON = r"is no JSON \("
ANSWERED: dict[str, str] = {
    "hang": "gave no answer: silence after 2 tries; the source is slow or hangs",
    "slow drip": r"not in full after .* after 2 tries; the source is slow or hangs",
    "400": "answered 400 .*; the source does not know what was asked",
    "403": "answered 403 .*; the source refuses",
    "404": "answered 404 .*; there is no such page",
    "429": "answered 429 .* after 4 tries; too many calls",
    "500": "answered 500 .* after 4 tries; the source is in trouble",
    "503": "answered 503 .* after 4 tries; the source is in trouble",
    "cut body": r"answered 200 with a cut body \(\d+ bytes came\) after 4 tries",
    "cut body, unseen": NO_JSON,
    "wrong length": NO_JSON,
    "HTML with 200": "answered 200 with content type 'text/html' instead of application/json",
    "HTML with 200, called JSON": NO_JSON,
    "wrong content type": "answered 200 with content type 'text/plain' instead of application/json",
    "invalid UTF-8": NO_JSON + "str is not valid UTF-8",
    "deep JSON": NO_JSON + "depth limit exceeded",
    "NaN and infinity": NO_JSON,
    "enormous numbers": "upper bounds: saw 1 of",
    "enormous numbers, beyond all": NO_JSON + "number is infinity",
    "gzip bomb": "answered 200 with more than 67108864 bytes",
    "redirect to another host": "answered 307, a redirect to .*; redirects are not followed",
    "answer for another table": "the answer is of table '12tf', not '11ra'",
}
NOT_REACHED: dict[str, str] = {
    "connection refused": r"the connection failed \(Connection refused\) after 4 tries",
    "DNS failure": r"the connection failed \(.*\) after 4 tries; check the base address and the network",
    "TLS error": r"no trusted connection \(.*\); check the base address and the certificate",
}
_OTHERWISE: dict[tuple[str, str], Outcome] = {
    ("release check", "400"): Outcome("fetched"),  # its codes are unknown: all is asked anew
    ("release check", "enormous numbers"): Outcome("fetched"),  # only the date of it is read
    ("metadata", "400"): Outcome("failed", "the source does not know the table vaerak/11ra"),
    ("metadata", "enormous numbers"): Outcome("failed", "have values of .* that are no texts"),
    ("metadata", "answer for another table"): Outcome("failed", "none of its contents is in the table"),
    ("fetch", "enormous numbers"): Outcome("quarantined", ANSWERED["enormous numbers"]),
}


def _outcome_of_answer(step: str, fault: str) -> Outcome:
    return _OTHERWISE.get((step, fault), Outcome("failed", (ANSWERED | NOT_REACHED)[fault]))


def answers(faults: Iterable[str]) -> list[object]:
    """The cases of the tests of sources: step, fault in one of its forms, outcome. Of the fetch all are quick."""
    found: list[object] = []
    for step in reversed(CALLS):
        for fault in faults:
            outcome = _outcome_of_answer(step, fault)
            marks = () if step == "fetch" else (pytest.mark.long,)
            found.append(pytest.param(step, fault, outcome, id=f"{step}, {fault}", marks=marks))
    return found


# --- what the tests of the machine and of the database run

_ROOM = "cannot be kept under .*: {}; make room"
_LIMITS = r"the folder of the call limits, .*, cannot be written \({}\)"
_MEMORY = Outcome("failed", "unexpected MemoryError")
_FULL = Outcome("failed", "the database .* failed: .*; nothing of this transaction was stored")
_DIES, _GOES_ON = Outcome("dies"), Outcome("fetched")
_IN_TRANSACTION = ("parse", "gate", "map", "store", "derive")


def _machine_outcome(step: str, fault: str) -> Outcome | None:
    """None where the pair cannot occur."""
    if fault in ("kill -9", "SIGTERM"):
        return _DIES
    if fault.startswith("clock jump"):
        return _GOES_ON
    if step == "export":
        return Outcome("dies", "cannot be written|MemoryError")
    if step == "form import":
        return {
            "disk full": Outcome("dies", "failed: .*; nothing of this transaction was stored"),
            "file handles exhausted": Outcome("dies", "cannot be read .Too many open files.; try again"),
            "out of memory": Outcome("dies", "MemoryError"),
        }.get(fault, _GOES_ON)
    if step in ("publish", "report"):
        return _GOES_ON
    if fault == "out of memory":
        return _MEMORY
    word = {
        "disk full": "File too large",
        "read-only disk": "Read-only file system",
        "file handles exhausted": "Too many open files",
    }[fault]
    if step in CALLS and fault != "read-only disk":
        return Outcome("failed", _LIMITS.format(word))
    if step in (*CALLS, "keep"):
        return Outcome("failed", _ROOM.format(word))
    return {
        "disk full": _FULL,
        "read-only disk": _GOES_ON,  # the database is open already
        "file handles exhausted": Outcome(
            "failed", word
        ),  # of what is opened late, such as a language's texts
    }[fault]


def _database_outcome(step: str, fault: str) -> Outcome | None:
    """The same on PostgreSQL, of what its server does."""
    says = {
        "database gone": "the database .* failed: .*; nothing of this transaction was stored",
        "deadlock": "the database .* failed: deadlock detected",
        "serialization failure": "the database .* failed: could not serialize access",
    }[fault]
    if fault == "database gone":
        if step in (
            *CALLS,
            "keep",
            "publish",
            "report",
        ):  # no transaction is open: the next one connects anew
            return _GOES_ON
        return Outcome("dies" if step in ("export", "form import") else "failed", says)
    if step in ("store", "derive"):
        return Outcome("failed", says)
    return Outcome("dies", says) if step == "form import" else None


def machine(kind: str) -> list[object]:
    """The cases of the tests of the machine (sqlite) and of the database (postgresql): step, fault, outcome."""
    if kind == "postgresql":
        return _cases(OF_DATABASES, _database_outcome, quick=())
    return _cases([*OF_MACHINES, "clock jump, ahead"], _machine_outcome, quick=QUICK)


# a fault each at the steps that write, which is what takes most of the time of all others too
QUICK = (("keep", "disk full"), ("store", "disk full"), ("store", "kill -9"), ("store", "out of memory"))


def _cases(
    faults: Iterable[str],
    outcome_of: Callable[[str, str], Outcome | None],
    quick: Iterable[tuple[str, str]],
) -> list[object]:
    chosen = set(quick)
    found: list[object] = []
    for step in STEPS:
        for fault in faults:
            outcome = outcome_of(step, fault)
            if outcome is not None:
                marks = () if (step, fault) in chosen else (pytest.mark.long,)
                found.append(pytest.param(step, fault, outcome, id=f"{step}, {fault}", marks=marks))
    return found


# --- every pair

_NO_ANSWER = ("connection refused", "DNS failure", "TLS error", "hang", "slow drip")
_REFUSED = ("400", "403", "404", "429", "500", "503", "redirect to another host")
_UNREADABLE = ("cut body", "wrong length", "HTML with 200", "invalid UTF-8", "deep JSON", "NaN and infinity")

_LAST_GOOD = "As always."  # the page says at its beginning what that is


def _of_call(step: str, fault: str) -> Pair:
    if fault in NOT_REACHED:
        tried = "Asked once" if fault == "TLS error" else "Tried four times"
        promise = f"`failed`. {tried}. {_LAST_GOOD}"
        return Shown(promise, (_case(UNREACHED, step, fault),))
    more = {
        "hang": "Left after the read time-out, tried once more. ",
        "slow drip": "Left at the deadline of the whole try, tried once more. ",
        "429": "The pause it asks for is kept by all processes. ",
        "redirect to another host": "Not followed. ",
        "gzip bomb": "Left at 64 MiB unpacked. ",
    }.get(fault, "")
    if (step, fault) == ("release check", "400"):
        more, rest = "Its codes may be others by now: all is asked anew, and stored. ", ""
    elif (step, fault) == ("release check", "enormous numbers"):
        more, rest = "Only the release's date is read of it, if it can be read at all. ", ""
    else:
        rest = _LAST_GOOD
    forms = [one for one in ANSWERED if one.partition(",")[0] == fault]
    states = dict.fromkeys(_outcome_of_answer(step, one).state for one in forms)
    said = ", ".join(f"`{one}`" for one in states)
    return Shown(f"{said}. {more}{rest}".strip(), tuple(_case(ANSWERS, step, one) for one in forms))


def _of_keep(fault: str) -> Pair:
    tests = tuple(
        _case(UNREACHED if one in NOT_REACHED else ANSWERS, "fetch", one)
        for one in (*ANSWERED, *NOT_REACHED)
        if one.partition(",")[0] == fault
    )
    if fault in _NO_ANSWER:
        return Shown("That no answer came, or how much of one, is kept for every try.", tests)
    return Shown("Every answer is kept byte for byte before anything is made of it.", tests)


def _of_parse(fault: str) -> Pair:
    if fault in _NO_ANSWER:
        return Never("no whole answer came, so there is nothing to parse")
    if fault in _REFUSED:
        return Never("an answer whose status is not 2xx is never parsed")
    if fault in ("wrong content type", "gzip bomb"):
        return Never("the session refuses it by its type or size; it is never parsed")
    form = {
        "cut body": "cut body, unseen",
        "HTML with 200": "HTML with 200, called JSON",
        "enormous numbers": "enormous numbers, beyond all",
    }.get(fault, fault)
    return Shown("Refused in one line. " + _LAST_GOOD, (_case(ANSWERS, "fetch", form),))


def _of_middle(step: str, fault: str) -> Pair:
    """Gate, map, store and derive, which see only what could be parsed."""
    if fault in _NO_ANSWER or fault in _REFUSED or fault in ("wrong content type", "gzip bomb"):
        return Never("nothing of it is parsed, so nothing of it comes here")
    held_back = _case(ANSWERS, "fetch", "enormous numbers")
    infinite = f"{_STORE}::test_a_frame_that_cannot_be_true_is_refused_in_one_line_and_leaves_nothing"
    if fault == "enormous numbers":
        return {
            "gate": Shown("Held back by the bounds of the indicator. " + _LAST_GOOD, (held_back,)),
            "map": Shown("Carried over as they are, and judged by the gate after it.", (held_back,)),
            "store": Shown(
                "What is held back is not stored; infinite values are refused.", (held_back, infinite)
            ),
            "derive": Shown(
                "A formula whose result is no finite number gives no figure.",
                ("tests/models/test_formula.py::test_what_overflows_gives_nothing_also_when_divided_away",),
            ),
        }[step]
    if fault == "NaN and infinity" and step == "store":
        return Shown("Parse refuses them already; store refuses infinite values by itself too.", (infinite,))
    if fault == "answer for another table" and step == "gate":
        lies = (
            f"{_ADVERSE}::test_an_answer_that_is_not_what_was_asked_stores_nothing_"
            "and_the_last_good_figures_are_served"
        )
        return Shown(
            "An answer of the right name that lacks or doubles cells is refused or held back.", (lies,)
        )
    return Never("parse refuses it, so nothing of it comes here")


_LIKE_A_SOURCE: dict[
    str, tuple[str, ...]
] = {  # what holds for every call of the session, and so for a webhook
    "connection refused": ("tests/connectors/test_notify.py::test_a_webhook_that_is_not_there_is_one_line",),
    "DNS failure": (f"{_HTTP}::test_a_source_that_is_gone_is_said_so_and_no_call_is_counted",),
    "TLS error": (
        f"{_HTTP}::test_what_does_not_speak_tls_is_no_trusted_connection",
        "tests/connectors/test_notify.py::test_a_server_whose_certificate_is_not_trusted_gets_nothing",
    ),
    "hang": ("tests/connectors/test_notify.py::test_a_webhook_that_hangs_is_given_up",),
    "slow drip": (f"{_HTTP}::test_a_head_that_drips_ends_at_the_deadline",),
    "429": (f"{_HTTP}::test_a_429_without_retry_after_waits_for_the_window_to_pass",),
    "500": (f"{_HTTP}::test_a_server_in_trouble_is_asked_again",),
    "503": ("tests/connectors/test_notify.py::test_a_webhook_in_short_trouble_is_asked_again",),
    "cut body": (f"{_HTTP}::test_a_body_shorter_than_promised_is_tried_again_and_its_bytes_are_kept",),
    "wrong length": (
        f"{_HTTP}::test_a_body_longer_than_promised_ends_where_promised_and_does_not_spoil_the_next",
    ),
    "gzip bomb": (f"{_HTTP}::test_a_compressed_body_is_measured_after_decompression",),
}


def _of_publish(fault: str) -> Pair:
    refuses = "tests/connectors/test_notify.py::test_a_webhook_that_refuses_is_asked_once_and_its_secret_is_not_told"
    if fault in ("400", "403", "404", "redirect to another host"):
        return Shown(
            "One line in the log, without the address's secret; told after the next run.", (refuses, _AWAY)
        )
    if fault in _LIKE_A_SOURCE:
        return Shown(
            "Given up in bounded time; the run is as it was; told after the next run.",
            (*_LIKE_A_SOURCE[fault], _AWAY),
        )
    return Never("of a webhook's or mail server's answer only the status counts; its body is not read")


def _of_form(fault: str) -> Pair:
    packages = f"{_FORMS}::test_a_file_that_is_no_plain_workbook_is_refused_with_what_to_do"
    text_files = f"{_FORMS}::test_a_broken_csv_file_is_refused_with_line_column_and_what_to_do"
    promise = "Refused whole, with everything wrong in it and where; nothing is stored, nothing kept."
    nothing_kept = f"{_FORMS}::test_of_a_broken_file_nothing_is_stored_and_nothing_kept"
    cells = "tests/models/test_forms_cells.py::"
    tests = {
        "cut body": f"{packages}[half a file]",
        "HTML with 200": f"{_READS}::test_whatever_bytes_come_they_are_read_or_refused_in_one_line",
        "wrong content type": f"{packages}[an OpenDocument file]",
        "invalid UTF-8": f"{text_files}[another encoding]",
        "NaN and infinity": f"{cells}test_any_text_is_a_finite_number_or_refused_in_one_line",
        "enormous numbers": f"{cells}test_values_outside_the_bounds_are_refused_with_the_bound",
        "gzip bomb": f"{packages}[a zip bomb]",
        "answer for another table": f"{_FORMS}::test_a_form_that_is_expected_from_another_is_refused",
    }
    if fault in tests:
        return Shown(promise, (tests[fault], nothing_kept))
    if fault == "deep JSON":
        return Never("a form has no JSON; XML with entities and too many parts is refused")
    return Never("it reads a file and calls nobody")


def _of_source(step: str, fault: str) -> Pair:
    if step in CALLS:
        return _of_call(step, fault)
    if step == "keep":
        return _of_keep(fault)
    if step == "parse":
        return _of_parse(fault)
    if step in ("gate", "map", "store", "derive"):
        return _of_middle(step, fault)
    if step == "publish":
        return _of_publish(fault)
    if step == "form import":
        return _of_form(fault)
    return Never("it reads the warehouse and calls nobody; what came wrongly is not in there")


_PROMISED = {
    "fetched": "`fetched`. The run goes on and is complete.",
    "failed": "`failed`. " + _LAST_GOOD,
    "dies": "The process ends; nothing half is left; the next run brings everything, nothing twice.",
}
_OWN_JOBS = ("publish", "report", "export", "form import")
_OWN_PROMISE = {
    "publish": "The run is as it was; what was not told is told after the next run.",
    "report": "The run is as it was; the old pages stay; the next run builds them.",
}


def _of_machine(step: str, fault: str) -> Pair:
    of_database = fault in OF_DATABASES
    outcome = _database_outcome(step, fault) if of_database else _machine_outcome(step, fault)
    if outcome is None:
        return Never(_no_transaction(step))
    promise = _PROMISED[outcome.state]
    if step in _OWN_PROMISE and outcome.state != "dies":
        promise = _OWN_PROMISE[step]
    if outcome.state == "dies" and step in ("export", "form import"):
        promise = {
            "export": "The command ends; what was exported before stays whole; the next export is complete.",
            "form import": "All of the form is stored or nothing; taken in again it is stored once.",
        }[step]
    if fault == "clock jump" and step not in _OWN_JOBS:
        promise += " Nothing is put into the past of what was stored."
    test = DATABASE if of_database else MACHINE
    tests = [_case(test, step, fault)]
    if fault == "clock jump":
        tests.append(_case(test, step, "clock jump, ahead"))
        tests.append(f"{_ADVERSE}::test_a_clock_that_was_set_back_puts_nothing_into_the_past")
    tests.extend(_BESIDES.get((step, fault), ()))
    if fault == "kill -9" and step not in ("export", "form import", "publish", "report"):
        tests.append(f"{_KILL}::test_killed_before_any_step_of_a_load_it_is_as_if_nobody_had_been_killed")
    return Shown(promise, tuple(tests))


_BESIDES: dict[tuple[str, str], tuple[str, ...]] = {
    ("keep", "disk full"): (
        f"{_KILL}::test_on_a_full_disk_nothing_half_is_stored_and_with_room_the_next_run_makes_good",
        "tests/warehouse/test_raw.py::test_a_full_disk_is_said_in_one_line",
    ),
    ("store", "disk full"): (
        f"{_KILL}::test_where_files_may_not_grow_nothing_half_is_stored_and_later_the_next_run_makes_good",
    ),
    ("report", "kill -9"): (
        "tests/reports/test_site.py::test_a_build_that_dies_leaves_the_old_site",
        "tests/reports/test_site.py::test_a_death_between_two_renames_is_made_good",
    ),
    ("report", "disk full"): (
        "tests/flows/test_pages.py::test_a_page_that_cannot_be_built_is_a_problem_until_it_can_and_harms_no_other",
    ),
    ("export", "disk full"): (
        "tests/warehouse/test_exports.py::test_a_disk_that_is_full_leaves_the_old_export_and_nothing_half_made",
        "tests/flows/test_exports.py::test_a_full_disk_is_one_line_and_what_was_exported_before_is_served_on",
    ),
    ("export", "kill -9"): ("tests/warehouse/test_exports.py::test_a_killed_process_leaves_the_old_export",),
    ("publish", "kill -9"): (
        "tests/flows/test_alarms.py::test_a_process_killed_while_it_tells_does_not_hold_back_the_next_and_repeats_one_message",
    ),
    ("publish", "database gone"): (
        "tests/flows/test_alarms.py::test_a_database_that_is_gone_is_one_line_of_the_log",
    ),
    ("report", "database gone"): (
        "tests/flows/test_pages.py::test_a_database_that_is_away_does_not_reach_the_run",
    ),
    ("form import", "kill -9"): (
        f"{_FORMS}::test_a_form_that_was_kept_and_not_applied_is_applied_by_whoever_comes_next",
    ),
    ("store", "database gone"): (
        f"{_HERE}/test_kill_up.py::test_a_database_that_is_away_for_a_while_costs_no_figure",
    ),
    ("release check", "SIGTERM"): (
        "tests/flows/test_up.py::test_told_to_stop_it_ends_its_children_and_leaves_with_0",
    ),
}


def _no_transaction(step: str) -> str:
    if step in CALLS:
        return "no transaction is open while a source is asked"
    if step == "keep":
        return (
            "the index gets its one row in a transaction of its own, which has nothing to wait for crosswise"
        )
    if step in ("parse", "gate", "map"):
        return "it tells the database nothing; the next statement is one of store"
    if step == "publish":
        return "one process at a time, under a lock of its own, in read committed"
    return (
        "it reads in one read-only transaction, which takes no lock that others wait for and cannot conflict"
    )


def _case(test: str, step: str, fault: str) -> str:
    return f"{test}[{step}, {fault}]"


def pairs() -> dict[tuple[str, str], Pair]:
    """Every step with every fault, in their order."""
    return {
        (step, fault): _of_source(step, fault) if fault in OF_SOURCES else _of_machine(step, fault)
        for step in STEPS
        for fault in FAULTS
    }


# --- the page

_HEAD = """# What it survives

Made by `.venv/bin/python -m tests.faults.matrix` from the declaration in `tests/faults/matrix.py`, which is also what
the tests run; a test holds that this page is the one it makes. Every step is set against every fault. Where the two
can meet, five things hold: **nothing is lost** (what was kept stays), **nothing is false** (what cannot be right is not
stored), **the last good figures are served**, **the ledger says why** in one line, and **the next run heals**: it
brings all that an undisturbed one would have brought, and nothing twice.

*As always* in the tables below means just that, for the dataset that met the fault: its ledger row and
`dashboard_freshness` say in one line why; what is served of it is what was last good; the bad answer is kept as it
came; the other datasets of the run have their new figures; the next run is green and complete. The word before it
(`failed`, `quarantined`, `fetched`) is the state of the dataset in the ledger, as the tests hold it.

{shown} of the {all} pairs can occur, and each has its test; for the other {never} the page says why they cannot.

    .venv/bin/python -m pytest tests/faults -m "not long"    # the calls of a fetch, and a handful of the others
    .venv/bin/python -m pytest tests/faults                  # all of it

How the faults are made: a source that answers byte by byte on loopback (`hostile.py`); children that meet the kernel's
own limits, mounts and signals at the entry of a step (`step_driver.py`); a real PostgreSQL whose server cuts
connections, finds a deadlock, or ends a transaction. Only the clock is a pretended one.

What they do not show: a disk that loses what it said was written, memory that flips bits, a server of PostgreSQL that
fails over to a copy that lacks the last transactions. Against these there are checksums of everything kept, `replay`
and backups (docs/operations.md). Read-only means what is opened from then on; a database file that is open already
stays writable, and a disk that refuses its writes is the fault above it.

"""


_HOSTILE = """
## Bytes made to break a reader

Whatever the bytes of an answer, a file, a form, a setting, a reply of a webhook or mail server, or of what is kept in
the home folder and the database: each reader gives its result or one of our errors, in printable lines of bounded
length, in bounded time and memory. Three kinds of tests hold this:

- `fuzz/test_readers.py`: valid input of each reader changed by hypothesis in ways that know its structure; the cases
  found so far (`fuzz/cases/`, all made by us) run again with little more memory than the readers themselves take.
- `fuzz/guided.py` (`make fuzz SECONDS=60`): the same readers under a coverage-guided fuzzer (Atheris).
- `faults/test_hostile_files.py`: some 3,000 hostile files written by hand (`faults/hostile_files.py`: JSON with keys
  twice, half characters, other encodings, numbers beyond all; JSON-stat that contradicts itself; zips that burst, lie
  or lead out of their folder; XML with entities; spreadsheets of 2^31 columns; forms with what no form has), and some
  of them through whole runs and imports: exit code, one line for each dataset or place, nothing stored, the last good
  figures served, what a source sent kept.

Keys that stand twice in one JSON object are no error: the last one counts, as in every common reader; what it then says
is checked as everything else. The guided fuzzer last gave {all} inputs to {targets} readers, {seconds} seconds each, on
a machine with much else to do (a source's whole collection takes a tenth of a second, hence the small numbers):

"""


_SHORT = {
    "answers": ANSWERS,
    "unreached": UNREACHED,
    "machine": MACHINE,
    "database": DATABASE,
    "killed": f"{_KILL}::test_killed_before_any_step_of_a_load_it_is_as_if_nobody_had_been_killed",
}


def _named(test: str, step: str) -> str:
    """A test as the page names it: the long ones that come again and again in short, with their case."""
    function, bracket, case = test.partition("[")
    short = next((name for name, one in _SHORT.items() if one == function), "")
    if short:
        case = case.removesuffix("]").removeprefix(f"{step}, ")
        return f"*{short}*" + (f" [{case}]" if bracket else "")
    return f"`{test.removeprefix('tests/')}`"


def page() -> str:
    """docs/reliability.md."""
    every = pairs()
    shown = sum(isinstance(one, Shown) for one in every.values())
    lines = [_HEAD.format(shown=shown, all=len(every), never=len(every) - shown)]
    lines.append("## At a glance\n\n● can occur and is shown; – cannot occur.\n\n")
    lines.append("| fault | " + " | ".join(STEPS) + " |\n")
    lines.append("|---|" + "---|" * len(STEPS) + "\n")
    for fault in FAULTS:
        marks = ("●" if isinstance(every[step, fault], Shown) else "–" for step in STEPS)
        lines.append(f"| {fault} | " + " | ".join(marks) + " |\n")
    lines.append("\n## The tests that come again and again\n\n")
    lines.extend(f"- *{name}*: `{test.removeprefix('tests/')}`\n" for name, test in _SHORT.items())
    lines.append("\nTheir case, in brackets, is the step whose table it is and the fault.\n")
    lines.append("\n## The faults\n\n")
    lines.extend(f"- **{name}**: {what}\n" for name, what in FAULTS.items())
    for step, what in STEPS.items():
        lines.append(f"\n## {step[0].upper()}{step[1:]}\n\n{what[0].upper()}{what[1:]}.\n\n")
        lines.append("| fault | what is promised | shown by |\n|---|---|---|\n")
        never: dict[str, list[str]] = {}
        for fault in FAULTS:
            pair = every[step, fault]
            if isinstance(pair, Never):
                never.setdefault(pair.reason, []).append(fault)
            else:
                tests = "<br>".join(_named(one, step) for one in pair.tests)
                lines.append(f"| {fault} | {pair.promise} | {tests} |\n")
        if never:
            lines.append("\nCannot occur:\n\n")
            lines.extend(f"- {', '.join(faults)}: {reason}\n" for reason, faults in never.items())
    lines.append(
        _HOSTILE.format(targets=len(EXECUTIONS), all=f"{sum(EXECUTIONS.values()):,}", seconds=SECONDS)
    )
    lines.append("| reader | inputs |\n|---|---:|\n")
    lines.extend(f"| {name} | {count:,} |\n" for name, count in EXECUTIONS.items())
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
