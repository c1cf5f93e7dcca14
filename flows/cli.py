"""The one program, `mittaristo`: reads the command line, calls the pipeline, ends with the exit codes of the design.

0 green; 1 red (something failed, was held back or is unaccounted for); 2 wrong use or configuration, in one line.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from flows.shown import shown
from models.errors import ConfigurationError, MittaristoError

app = typer.Typer(
    name="mittaristo",
    help="Collects the indicators of a city's programme and says what is known, since when and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
catalogue_app = typer.Typer(help="The catalogue: programme, datasets, indicators.", no_args_is_help=True)
app.add_typer(catalogue_app, name="catalogue")
quarantine_app = typer.Typer(
    help="What the gates held back, and people's decisions on it.", no_args_is_help=True
)
app.add_typer(quarantine_app, name="quarantine")
recode_app = typer.Typer(help="Codes that sources renamed.", no_args_is_help=True)
app.add_typer(recode_app, name="recode")
gates_app = typer.Typer(help="The rules that figures must pass.", no_args_is_help=True)
app.add_typer(gates_app, name="gates")
report_app = typer.Typer(help="Pages for people.", no_args_is_help=True)
app.add_typer(report_app, name="report")
forms_app = typer.Typer(help="What people are asked: forms out and in, who owes what.", no_args_is_help=True)
app.add_typer(forms_app, name="forms")
db_app = typer.Typer(help="Care of the warehouse.", no_args_is_help=True)
app.add_typer(db_app, name="db")


@app.command()
def demo(
    synthetic: Annotated[
        bool, typer.Option(help="Made-up history for every table instead of the real sample.")
    ] = False,
) -> None:
    """The main job on sample figures: stand-in of the services, collection over HTTP, checks, store, report."""
    from flows.demo_run import run_demo

    raise typer.Exit(run_demo(os.environ, synthetic=synthetic))


@app.command()
def run(
    source: Annotated[list[str] | None, typer.Option(help="Only this source (may be given again).")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset (may be given again).")] = None,
    force: Annotated[
        bool, typer.Option(help="Fetch even where the release check says nothing is new.")
    ] = False,
    all_municipalities: Annotated[
        bool | None,
        typer.Option(
            "--all-municipalities/--no-all-municipalities",
            help="Every municipality for the PxWeb sources and Sotkanet, from this run on; or no longer.",
        ),
    ] = None,
    budget_only: Annotated[
        bool, typer.Option(help="With --all-municipalities: only say what it takes.")
    ] = False,
    max_calls: Annotated[
        int | None, typer.Option(min=1, help="With --all-municipalities: refuse what takes more calls.")
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="With --all-municipalities: refuse what takes longer.")
    ] = None,
) -> None:
    """One collection now, through Prefect. Exit code 1 where anything expected failed or was held back."""
    sources, datasets = tuple(source or ()), tuple(dataset or ())
    if all_municipalities:
        from flows.all_municipalities import Ceiling, run_all_municipalities

        ceiling = Ceiling(max_calls, max_minutes)
        raise typer.Exit(
            run_all_municipalities(
                os.environ, sources, datasets, force=force, budget_only=budget_only, ceiling=ceiling
            )
        )
    if budget_only or max_calls is not None or max_minutes is not None:
        raise ConfigurationError("--budget-only, --max-calls and --max-minutes need --all-municipalities")
    from flows.commands import run_now

    raise typer.Exit(run_now(os.environ, sources, datasets, force=force, narrow=all_municipalities is False))


@app.command()
def up() -> None:
    """Unattended: Prefect server (unless PREFECT_API_URL is set), schedules and runner, kept running until SIGTERM."""
    from flows.up import run_up

    raise typer.Exit(run_up(os.environ))


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Stable JSON.")] = False) -> None:
    """A row per dataset: state, last release, last fetch, next expected, last error."""
    from flows.commands import show_status

    show_status(os.environ, as_json=json)


@app.command()
def health(
    json: Annotated[bool, typer.Option("--json", help="Stable JSON.")] = False,
    notify: Annotated[
        bool, typer.Option(help="Also tell it over the webhook and mail that are set, each once.")
    ] = False,
) -> None:
    """Whether all is well, from the warehouse alone: exit code 0, or 1 with the reasons, a line each."""
    from flows.health import show_health

    raise typer.Exit(show_health(os.environ, as_json=json, notify=notify))


@app.command()
def show(
    indicator: str,
    area: Annotated[
        str, typer.Option(help="Area code; the programme's own municipality where not given.")
    ] = "",
    as_of: Annotated[str, typer.Option(help="Date or instant: the series as it was known then.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Stable JSON.")] = False,
) -> None:
    """One indicator's series, now or as it was known then."""
    from flows.commands import show_series

    show_series(os.environ, indicator, area, as_of, as_json=json)


@app.command()
def export(
    folder: Annotated[
        str, typer.Argument(help="Where to; the folder export under the home folder if not given.")
    ] = "",
    format: Annotated[
        list[str] | None,
        typer.Option(help="Only this: csv, parquet or jsonstat (may be given again); all if not given."),
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Where the export will be found; addresses are relative if not given.")
    ] = "",
) -> None:
    """Writes the views as open data: CSV, Parquet, JSON-stat, with Data Package and DCAT-AP descriptions."""
    from flows.open_data import export_open_data

    export_open_data(os.environ, folder, tuple(format or ()), base_url)


@catalogue_app.command("check")
def catalogue_check(
    live: Annotated[
        bool,
        typer.Option(
            help="Also ask the sources: what each dataset finds there, what drifted, what it costs."
        ),
    ] = False,
    source: Annotated[list[str] | None, typer.Option(help="With --live: only this source.")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="With --live: only this dataset.")] = None,
    json: Annotated[bool, typer.Option("--json", help="With --live: stable JSON.")] = False,
) -> None:
    """Reads the catalogue, says what it holds, or every problem with file and line."""
    if live or source or dataset:
        from flows.catalogue_live import check_live

        raise typer.Exit(check_live(os.environ, tuple(source or ()), tuple(dataset or ()), as_json=json))
    from flows.commands import check_catalogue

    check_catalogue(os.environ)


@app.command()
def propose(
    table: str,
    write: Annotated[
        bool, typer.Option(help="Put the entry into the catalogue's folder as two files.")
    ] = False,
) -> None:
    """A ready catalogue entry for a table (StatFin/<subject>/<table>): dataset, indicators, bounds, sample rows."""
    from flows.catalogue_live import propose_table

    raise typer.Exit(propose_table(os.environ, table, write=write))


JSON = Annotated[bool, typer.Option("--json", help="Stable JSON.")]
ROLE = Annotated[str, typer.Option(help="The role of whoever decides, e.g. tietoasiantuntija; no name.")]
REASON = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]


@app.command()
def changes(
    since: Annotated[str, typer.Option(help="Date or instant from which on changes are shown.")],
    json: JSON = False,
) -> None:
    """What is new, revised or withdrawn since a date."""
    from flows.review import show_changes

    show_changes(os.environ, since, as_json=json)


@app.command()
def replay(
    into: Annotated[
        str, typer.Option(help="Database to rebuild into (empty); a file in the home folder if not given.")
    ] = "",
) -> None:
    """Rebuilds a warehouse from the raw store, offline; exit code 1 where it is not identical."""
    from flows.rebuild import replay_raw_store

    raise typer.Exit(replay_raw_store(os.environ, into))


@app.command()
def backfill(
    source: Annotated[str, typer.Option(help="The source to ask again.")],
    from_period: Annotated[
        str, typer.Option("--from", help="First period to ask; for sources asked by period.")
    ] = "",
) -> None:
    """Asks a source again for everything, on purpose."""
    from flows.rebuild import ask_again

    raise typer.Exit(ask_again(os.environ, source, from_period))


@quarantine_app.command("list")
def quarantine_list(
    every: Annotated[bool, typer.Option("--all", help="Decided and cleared ones too.")] = False,
    json: JSON = False,
) -> None:
    """What is held back."""
    from flows.review import list_quarantine

    list_quarantine(os.environ, every=every, as_json=json)


@quarantine_app.command("show")
def quarantine_show(number: int) -> None:
    """One quarantine: rules, rows, old figures against new."""
    from flows.review import show_quarantine

    show_quarantine(os.environ, number)


@quarantine_app.command("release")
def quarantine_release(number: int, role: ROLE, reason: REASON) -> None:
    """Lets in what was held back; what is gone from the source is withdrawn."""
    from flows.review import decide_quarantine

    decide_quarantine(os.environ, number, "release", role, reason)


@quarantine_app.command("reject")
def quarantine_reject(number: int, role: ROLE, reason: REASON) -> None:
    """Keeps out what was held back."""
    from flows.review import decide_quarantine

    decide_quarantine(os.environ, number, "reject", role, reason)


@recode_app.command("show")
def recode_show(
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "", json: JSON = False
) -> None:
    """The codes that sources renamed, each with its proof, and those that wait for a decision."""
    from flows.review import show_recodes

    show_recodes(os.environ, dataset, as_json=json)


@recode_app.command("accept")
def recode_accept(number: int, role: ROLE, reason: REASON) -> None:
    """Accepts the proposed codes of a quarantine."""
    from flows.review import decide_quarantine

    decide_quarantine(os.environ, number, "accept_recode", role, reason)


@recode_app.command("reject")
def recode_reject(number: int, role: ROLE, reason: REASON) -> None:
    """Rejects the proposed codes of a quarantine."""
    from flows.review import decide_quarantine

    decide_quarantine(os.environ, number, "reject_recode", role, reason)


@gates_app.command("backtest")
def gates_backtest(dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "") -> None:
    """Every rule over all kept collections: what it would have held back."""
    from flows.review import backtest_gates

    backtest_gates(os.environ, dataset)


@report_app.command("build")
def report_build(
    as_of: Annotated[str, typer.Option(help="Date or instant: the pages by what was known then.")] = "",
) -> None:
    """Builds the report's pages from the warehouse."""
    from flows.commands import build_report

    build_report(os.environ, as_of)


@report_app.command("board")
def report_board(
    year: Annotated[int, typer.Option(help="The year the report is about.")],
    as_of: Annotated[str, typer.Option(help="Date or instant: the report by what was known then.")] = "",
    language: Annotated[str, typer.Option(help="fi, sv or en.")] = "fi",
    out: Annotated[str, typer.Option(help="Folder; one under the home if not given.")] = "",
) -> None:
    """The yearly report for the city board: a workbook and a page to print; what differs now where it is of then."""
    from flows.commands import build_board_report

    build_board_report(os.environ, year, as_of, language, out)


PARTY = Annotated[str, typer.Option(help="Only this responsible party (its id, as in forms due).")]


@forms_app.command("export")
def forms_export(
    period: Annotated[str, typer.Option(help="Year, quarter or month: 2026, 2026Q3, 2026M09.")],
    party: PARTY = "",
    every: Annotated[bool, typer.Option("--all", help="One form for all parties.")] = False,
    out: Annotated[
        str, typer.Option(help="File or folder; the folder forms under the home if not given.")
    ] = "",
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of workbooks.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Writes a form for each responsible party, for one of them, or one for all."""
    from flows.forms import export_forms

    export_forms(os.environ, period, party=party, every=every, out_path=out, as_csv=csv, overwrite=overwrite)


@forms_app.command("import")
def forms_import(
    file: Annotated[str, typer.Argument(help="The filled form, .xlsx or .csv.")],
    role: Annotated[
        str, typer.Option(help="The role of whoever answered, if the form does not say; no name.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why answers change, where the form does not say.")] = "",
    party: Annotated[str, typer.Option(help="Refuse the form unless it is of this party.")] = "",
    period: Annotated[str, typer.Option(help="Refuse the form unless it is for this period.")] = "",
    finnish: Annotated[
        bool, typer.Option("--finnish", help="Say in Finnish what is wrong with the form.")
    ] = False,
) -> None:
    """Takes a filled form in, whole; or says everything wrong with it and stores nothing (exit code 1)."""
    from flows.forms import import_file

    raise typer.Exit(
        import_file(os.environ, file, role=role, reason=reason, party=party, period=period, finnish=finnish)
    )


@forms_app.command("due")
def forms_due(party: PARTY = "", json: JSON = False) -> None:
    """Who owes which answer, by when, and whether it is late."""
    from flows.forms import show_due

    show_due(os.environ, party=party, as_json=json)


@forms_app.command("remind")
def forms_remind(
    party: PARTY = "",
    coming: Annotated[bool, typer.Option("--coming", help="Also what is not due yet.")] = False,
) -> None:
    """The reminder to a party, in Finnish, ready to send; to every party that is late or due if none is named."""
    from flows.forms import show_reminders

    show_reminders(os.environ, party=party, coming=coming)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Brings the warehouse's tables and views up to this version."""
    from flows.commands import upgrade_database

    upgrade_database(os.environ)


PASSWORD_FILE = Annotated[
    str, typer.Option(help="File with the role's password in one line; /dev/stdin reads it from a pipe.")
]


@db_app.command("grant-reader")
def db_grant_reader(role: str, password_file: PASSWORD_FILE = "") -> None:
    """PostgreSQL: a role that reads the dashboard views and nothing else; made where it is missing."""
    from flows.database import give_access

    give_access(os.environ, role, writes=False, password_file=password_file)


@db_app.command("grant-writer")
def db_grant_writer(role: str, password_file: PASSWORD_FILE = "") -> None:
    """PostgreSQL: a role that can run collections and cannot change tables; made where it is missing."""
    from flows.database import give_access

    give_access(os.environ, role, writes=True, password_file=password_file)


WITHOUT_RAW = Annotated[bool, typer.Option("--without-raw", help="The database alone, not the raw store.")]


@db_app.command("backup")
def db_backup(
    file: Annotated[str, typer.Argument(help="The backup to write, e.g. mittaristo-2026-11-02.zip.")],
    without_raw: WITHOUT_RAW = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Writes database and raw store into one file, while everything runs."""
    from flows.database import make_backup

    raise typer.Exit(make_backup(os.environ, file, with_raw=not without_raw, overwrite=overwrite))


@db_app.command("restore")
def db_restore(file: str, without_raw: WITHOUT_RAW = False) -> None:
    """Puts a backup into an empty database and an empty raw store, and compares both with what was backed up."""
    from flows.database import restore_backup

    restore_backup(os.environ, file, with_raw=not without_raw)


@db_app.command("move")
def db_move(
    url: Annotated[
        str, typer.Argument(help="An empty PostgreSQL database: postgresql://user@host/database.")
    ],
) -> None:
    """Copies the SQLite warehouse into PostgreSQL, and compares every table; the SQLite file stays as it is."""
    from flows.database import move_warehouse

    move_warehouse(os.environ, url)


_NO_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def main() -> None:
    """The program's entry: runs the command, turns errors people can act on into one line and an exit code."""
    logging.captureWarnings(capture=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may not have every letter
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        said = shown(error.format_message()) or "name one of the commands above"
        sys.stderr.write(f"mittaristo: {said} (see mittaristo --help)\n")
        code = 2
    except typer.Abort:
        code = 130
    except ConfigurationError as error:
        sys.stderr.write("".join(f"mittaristo: {shown(line)}\n" for line in str(error).splitlines()))
        code = 2
    except MittaristoError as error:
        sys.stderr.write(f"mittaristo: {shown(str(error))}\n")
        code = 1
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_OUTPUT:
            raise
        sys.stderr.write(f"mittaristo: the output cannot be written: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of it would be tried again at the end
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
