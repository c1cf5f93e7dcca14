"""`mittaristo forms`: workbooks out and in, who owes what, and reminders ready to send."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.forms import LARGEST_FILE
from flows.answers import Imported, import_form
from flows.commands import out, print_frame
from flows.pipeline import Pipeline, open_pipeline, utc_now
from flows.settings import read_settings
from flows.shown import shown
from models.errors import ConfigurationError
from models.forms import party_name, questions_for
from models.forms_file import FormError
from models.forms_reminder import reminder
from reports.forms import csv_form, form_name, form_rows, workbook_form
from warehouse.engine import reading
from warehouse.forms import Owed, current_answers, judged_on, owed
from warehouse.home import private_folder
from warehouse.whole_file import EVERYBODY, write_whole

FOLDER = "forms"  # under the home folder: where forms go when no place is named


def export_forms(
    environ: Mapping[str, str],
    period: str,
    *,
    party: str,
    every: bool,
    out_path: str,
    as_csv: bool,
    overwrite: bool,
) -> None:
    """`mittaristo forms export`: a form for one party, one for all, or one for each. Says where they are.

    Nothing is written where a file would be replaced by another; it may have been filled.
    """
    if party and every:
        raise ConfigurationError("give --party or --all, not both")
    settings = read_settings(environ)
    with open_pipeline(settings) as pipeline:
        if party or every:
            parties = [party]
        else:
            parties = list(dict.fromkeys(one.party for one, _ in questions_for(pipeline.catalogue, period)))
        as_csv = as_csv or out_path.endswith(".csv")
        suffix = ".csv" if as_csv else ".xlsx"
        target = Path(out_path) if out_path else settings.home / FOLDER
        is_file = bool(party or every) and target.suffix in (".csv", ".xlsx")
        if not is_file and target.suffix in (".csv", ".xlsx"):
            raise ConfigurationError(
                f"--out {target} names one file, but each party gets its own; name a folder, or give --party or --all"
            )
        with reading(pipeline.engine) as connection:
            current = current_answers(connection)
        made: dict[Path, bytes] = {}
        for one in parties:
            identity, rows = form_rows(pipeline.catalogue, current, period, one)
            body = csv_form(rows) if as_csv else workbook_form(pipeline.catalogue, identity, rows)
            made[target if is_file else target / form_name(identity, suffix)] = body
    if not out_path:
        private_folder(target)  # forms hold the answers given so far
    _write(made, overwrite=overwrite)
    for path in made:
        out(f"form: {path}")
    forms = "1 form" if len(made) == 1 else f"{len(made)} forms"
    out(f"{forms} for {period}; filled ones come back with: mittaristo forms import FILE --role ROLE")


def _write(made: Mapping[Path, bytes], *, overwrite: bool) -> None:
    try:
        for path, body in made.items():
            if not overwrite and path.exists() and path.read_bytes() != body:
                raise ConfigurationError(
                    f"{path} is there already and differs, perhaps because it was filled; name another place with "
                    "--out, or give --overwrite"
                )
        for path, body in made.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, body, mode=EVERYBODY)
    except OSError as error:
        raise ConfigurationError(
            f"--out: {path} cannot be written ({error.strerror}); name another place"
        ) from error


def import_file(
    environ: Mapping[str, str],
    file: str,
    *,
    role: str,
    reason: str,
    party: str,
    period: str,
    finnish: bool,
) -> int:
    """`mittaristo forms import`: takes a filled form in (0), or says everything wrong with it (1)."""
    try:
        with Path(file).open("rb") as filled:
            body = filled.read(LARGEST_FILE + 1)  # one byte more is refused, however many follow it
    except OSError as error:
        raise ConfigurationError(
            f"{shown(file)} cannot be read ({error.strerror}); name the filled form"
        ) from error
    with open_pipeline(read_settings(environ)) as pipeline:
        try:
            found = import_form(pipeline, body, role=role, reason=reason, party=party, period=period)
        except FormError as error:
            for one in error.problems:
                sys.stderr.write(f"{shown(one.line_fi if finnish else one.line_en)}\n")
            count = len(error.problems)
            sys.stderr.write(
                f"mittaristo: {shown(Path(file).name)} is refused for {count} {'reason' if count == 1 else 'reasons'}; "
                "nothing of it was stored\n"
            )
            return 1
        _say_import(pipeline, found)
    return 0


def _say_import(pipeline: Pipeline, found: Imported) -> None:
    from flows.alarms import announce  # here: what is not changed needs no telling

    judged = found.judged
    who = party_name(pipeline.catalogue, judged.identity.party) if judged.identity.party else "all parties"
    out(f"{who}, {judged.identity.period}: {judged.answers} answers")
    if not judged.changes:
        when = f"; this very file was imported on {found.before:%Y-%m-%d %H:%M} UTC" if found.before else ""
        out(f"nothing has changed: all of it is stored already{when}")
        return
    counts = ", ".join(f"{found.count(one)} {one}" for one in ("new", "revised", "withdrawn", "returned"))
    out(f"stored in the role {judged.role}: {counts}")
    announce(pipeline)


def show_due(environ: Mapping[str, str], *, party: str, as_json: bool) -> None:
    """`mittaristo forms due`: what is not answered, of whom, by when; and the counts of each party."""
    with open_pipeline(read_settings(environ)) as pipeline:
        day, wanted = _owed(pipeline, party)
    counts = _counts(wanted)
    if as_json:
        out(
            json.dumps(
                {
                    "judged_on": day,
                    "counts": dict(sorted(Counter(one.state for one in wanted).items())),
                    "parties": counts,
                    "answers": [_to_json(one) for one in wanted],
                },
                ensure_ascii=False,
                indent=1,
            )
        )
        return
    if not wanted:
        out("nobody owes anything")
        return
    print_frame(
        pd.DataFrame(
            [
                {
                    "party": one.party,
                    "meter": ", ".join(one.meter_ids),
                    "asked": one.text_fi,
                    "period": one.period,
                    "due": one.due_at.isoformat(),
                    "state": one.state,
                }
                for one in wanted
            ]
        )
    )
    out()
    print_frame(pd.DataFrame(counts).drop(columns="party_name_fi"))
    states = Counter(one.state for one in wanted)
    said = ", ".join(f"{states[one]} {one}" for one in ("late", "due", "coming") if states[one])
    out(f"{len(wanted)} answers of {len(counts)} parties, judged on {day}: {said}")


def show_reminders(environ: Mapping[str, str], *, party: str, coming: bool) -> None:
    """`mittaristo forms remind`: the text for one party, or for each that owes something."""
    with open_pipeline(read_settings(environ)) as pipeline:
        _, wanted = _owed(pipeline, party)
        owing = dict.fromkeys(one.party for one in wanted if coming or one.state != "coming")
        parties = [party] if party else list(owing)
        title = pipeline.catalogue.programme.title_fi
        texts = [
            reminder(
                party_name(pipeline.catalogue, one),
                title,
                [answer for answer in wanted if answer.party == one],
                coming=coming,
            )
            for one in parties
        ]
    out(f"\n{'-' * 72}\n".join(texts) if texts else "nobody is late or due; nobody needs a reminder")


def _owed(pipeline: Pipeline, party: str) -> tuple[str, Sequence[Owed]]:
    """The day judged at, and what is owed then by one party ('' for all)."""
    known = {one.id for one in pipeline.catalogue.programme.parties}
    if party and party not in known:
        raise ConfigurationError(f"party '{party}' is not in the catalogue; see mittaristo forms due")
    today = utc_now().date()
    with reading(pipeline.engine) as connection:
        wanted = owed(connection, today)
        day = judged_on(connection) or today
    return day.isoformat(), [one for one in wanted if not party or one.party == party]


def _counts(wanted: Sequence[Owed]) -> list[dict[str, Any]]:
    names = {one.party: one.party_name_fi for one in wanted}
    counted = Counter((one.party, one.state) for one in wanted)
    return [
        {
            "party": party,
            "party_name_fi": name,
            "late": counted[party, "late"],
            "due": counted[party, "due"],
            "coming": counted[party, "coming"],
        }
        for party, name in sorted(names.items())
    ]


def _to_json(one: Owed) -> dict[str, Any]:
    return {
        "party": one.party,
        "party_name_fi": one.party_name_fi,
        "meter": one.meter_ids[0],
        "meters": list(one.meter_ids),
        "measures": list(one.measure_ids),
        "question": one.question_id,
        "text_fi": one.text_fi,
        "period": one.period,
        "due_at": one.due_at.isoformat(),
        "late_after": one.late_after.isoformat(),
        "state": one.state,
    }
