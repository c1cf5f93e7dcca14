"""What the commands do: open the pipeline, call it, print for a person or as JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors import CONNECTED
from flows.adopt import at_time
from flows.borders import newest_borders
from flows.pipeline import Pipeline, new_run_id, open_pipeline, standing_scope
from flows.prefect_home import apply_prefect_settings
from flows.settings import read_settings
from flows.shown import shown, shown_lines
from models.catalogue import check_summary, load_catalogue
from models.catalogue.files import divisions_folder
from models.divisions import load_divisions
from models.errors import ConfigurationError, printable
from models.ledger import GREEN, LedgerRow, Scope, scope_to_json
from models.numbers import LANGUAGES
from models.schedule import ZONE
from reports.board import build_board, build_comparison
from reports.site import build_site
from reports.validation import build_validation
from warehouse import read
from warehouse.engine import reading
from warehouse.ledger import rows_of


def out(text: str = "") -> None:
    """One line (or those of a text that has several) to standard output."""
    sys.stdout.write(shown_lines(text) + "\n")


def run_now(
    environ: MutableMapping[str, str],
    sources: Sequence[str],
    datasets: Sequence[str],
    *,
    force: bool,
    narrow: bool = False,
) -> int:
    """`mittaristo run`: collects now and prints the ledger; 0 where all of it is green, else 1.

    With `narrow` what it is over is from now on asked for the catalogue's municipalities only.
    """
    settings = read_settings(environ)
    scope = None
    with open_pipeline(settings) as pipeline:
        wanted = sources_to_run(pipeline, sources, datasets)
        if narrow:
            with reading(pipeline.engine) as connection:
                before = standing_scope(connection, settings)
            kept = before.all_municipalities - _datasets_of(pipeline, wanted)
            scope = replace(before, all_municipalities=kept)
    rows = collect_through_prefect(environ, wanted, force=force, scope=scope)
    print_ledger(rows)
    return 0 if rows and all(row.state in GREEN for row in rows) else 1


def _datasets_of(pipeline: Pipeline, wanted: Mapping[str, Sequence[str]]) -> set[str]:
    """The ids of the datasets that a run is over; () stands for all of a source."""
    return {
        one
        for source, ids in wanted.items()
        for one in ids or [dataset.id for dataset in pipeline.catalogue.datasets_of(source)]
    }


def sources_to_run(
    pipeline: Pipeline, sources: Sequence[str], datasets: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Source → the datasets asked for (() for all of them). Raises ConfigurationError for what is not known.

    Where nothing is named: the connected sources that indicators read. Others (the area divisions, once a year) are
    asked by name, or by their own schedule.
    """
    for dataset_id in datasets:
        if dataset_id not in pipeline.catalogue.datasets:
            raise ConfigurationError(f"dataset '{dataset_id}' is not in the catalogue; see mittaristo status")
    for source in sources:
        if source not in pipeline.catalogue.sources:
            known = ", ".join(sorted(pipeline.catalogue.sources))
            raise ConfigurationError(f"source '{source}' is not in the catalogue; it has {known}")
    named = dict.fromkeys([*sources, *(pipeline.catalogue.datasets[one].source for one in datasets)])
    read_by_indicators = {one.source for one in pipeline.catalogue.indicators.values()}
    wanted = list(named) or [
        one for one in pipeline.catalogue.sources if one in CONNECTED and one in read_by_indicators
    ]
    for source in wanted:
        if source not in CONNECTED:
            raise ConfigurationError(
                f"source '{source}' has no connector yet; connected are {', '.join(CONNECTED)}"
            )
    return {
        source: tuple(one for one in datasets if pipeline.catalogue.datasets[one].source == source)
        for source in wanted
    }


def collect_through_prefect(
    environ: MutableMapping[str, str],
    wanted: Mapping[str, tuple[str, ...]],
    *,
    force: bool,
    scope: Scope | None,
) -> list[LedgerRow]:
    """Runs the flow of each source and returns the ledger rows of all of them."""
    settings = read_settings(environ)
    apply_prefect_settings(environ, settings.home)
    from flows.prefect_flows import collect_source  # after the settings: Prefect reads them when imported
    from flows.retention import forget_old_runs

    rows: list[LedgerRow] = []
    for source, datasets in wanted.items():
        run_id = new_run_id()
        state = collect_source(
            source=source,
            run_id=run_id,
            datasets=datasets,
            force=force,
            scope=None if scope is None else scope_to_json(scope),
            return_state=True,
        )
        with open_pipeline(settings) as pipeline, reading(pipeline.engine) as connection:
            written = rows_of(connection, run_id)
        if not written:
            failure = state.result(raise_on_failure=False)
            if isinstance(failure, BaseException):
                raise failure
        rows.extend(written)
    forget_old_runs()
    return rows


def print_ledger(rows: Sequence[LedgerRow]) -> None:
    """The ledger of a run as a table, what is to be said of single datasets, and one line that sums it up."""
    table = Table(box=None, pad_edge=False)
    for name in ("dataset", "state", "new", "revised", "same", "calls"):
        table.add_column(name, justify="left" if name in ("dataset", "state") else "right")
    for row in rows:
        counts = row.counts
        table.add_row(
            row.dataset_id, row.state, *(str(n) for n in (counts.new, counts.revised, counts.same, row.calls))
        )
    _print(table)
    for row in rows:
        if row.message and row.state != "unchanged":
            out(f"{row.dataset_id}: {row.message}")
    states = pd.Series([row.state for row in rows], dtype="str").value_counts()
    summary = ", ".join(f"{count} {state}" for state, count in states.items())
    out(f"{len(rows)} datasets: {summary or 'nothing was expected'}; {sum(row.calls for row in rows)} calls")


def show_status(environ: Mapping[str, str], *, as_json: bool) -> None:
    """`mittaristo status`: dashboard_freshness, a row per dataset."""
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        frame = read.freshness(connection)
    if as_json:
        out(to_json(frame))
        return
    print_frame(frame)


def show_series(environ: Mapping[str, str], indicator: str, area: str, as_of: str, *, as_json: bool) -> None:
    """`mittaristo show`: one indicator's series in one area, now or as of a date or instant."""
    moment = past_moment(as_of, datetime.now(UTC)) if as_of else None
    with open_pipeline(read_settings(environ)) as pipeline:
        found = pipeline.catalogue.indicators.get(indicator)
        if found is None:
            near = [
                one for one in pipeline.catalogue.indicators if indicator and indicator.split("_")[0] in one
            ][:5]
            hint = f"; near are {', '.join(near)}" if near else ""
            raise ConfigurationError(f"indicator '{indicator}' is not in the catalogue{hint}")
        area = area or pipeline.catalogue.programme.municipality
        if area not in {one.code for one in pipeline.catalogue.all_areas()}:
            raise ConfigurationError(
                f"area '{area}' is not in the catalogue; e.g. {pipeline.catalogue.areas.focus.code}"
            )
        with reading(pipeline.engine) as connection:
            frame = read.series(connection, indicator, area, as_of=moment)
    if as_json:
        out(to_json(frame))
        return
    out(
        f"{found.name_fi} ({found.name_en}), {found.unit}, {area}"
        + (f", as of {moment:%Y-%m-%d %H:%M %Z}" if moment else "")
    )
    if frame.empty:
        out("no figures")
        return
    print_frame(frame)


def check_catalogue(environ: Mapping[str, str]) -> None:
    """`mittaristo catalogue check`: what the catalogue holds; raises CatalogueError with every problem."""
    programme = read_settings(environ).programme
    catalogue, divisions = load_catalogue(programme), load_divisions(divisions_folder(programme))
    for line in check_summary(catalogue):
        out(line)
    out(f"divisions of areas: {divisions.oldest}-{divisions.newest}, {len(divisions.changes)} changes")
    region = catalogue.areas.region
    listed = {area.code for area in catalogue.areas.region_municipalities}
    differing = sorted(listed.symmetric_difference(divisions.members(region.code, divisions.newest)))
    if differing:
        out(
            f"  note: areas.yaml and the division of {divisions.newest} do not agree whether {', '.join(differing)} "
            f"belongs to {region.code} {region.name_fi}"
        )


def build_report(environ: Mapping[str, str], as_of: str) -> None:
    """`mittaristo report build`: the pages under the home folder; those as of a time in a folder of their own."""
    settings = read_settings(environ)
    now = datetime.now(UTC)
    moment = past_moment(as_of, now) if as_of else None
    folder = settings.home / ("report" if moment is None else f"report-{moment:%Y%m%dT%H%M%SZ}")
    with open_pipeline(settings) as pipeline, reading(pipeline.engine) as connection:
        catalogue = pipeline.catalogue if moment is None else at_time(connection, pipeline, moment)
        borders = newest_borders(settings.home, (moment or now).year)
        page = build_site(connection, catalogue, folder, now, as_of=moment, borders=borders)
        if moment is None:
            build_validation(connection, folder / "validation", now)
    out(f"report: {page}")


def build_board_report(environ: Mapping[str, str], year: int, as_of: str, language: str, folder: str) -> None:
    """`mittaristo report board`: the board's report on a year, and beside one of an earlier time what differs now."""
    settings = read_settings(environ)
    if language not in LANGUAGES:
        raise ConfigurationError(f"--language '{language}' is none of {', '.join(LANGUAGES)}")
    now = datetime.now(UTC)
    moment = past_moment(as_of, now) if as_of else now
    with open_pipeline(settings) as pipeline, reading(pipeline.engine) as connection:
        # the one in use, also now: an edited one that no run has taken into use would make another report later
        catalogue, current = (at_time(connection, pipeline, one) for one in (moment, now))
        programme = catalogue.programme
        if not programme.first_year <= year <= programme.last_year:
            raise ConfigurationError(
                f"--year {year}: the programme is of the years {programme.first_year}-{programme.last_year}"
            )
        if moment < datetime(year, 1, 1, tzinfo=UTC):
            raise ConfigurationError(
                f"--year {year}: nothing of it could be known at {moment:%Y-%m-%d %H:%M} UTC"
            )
        default = settings.home / "board" / f"{year}-{moment:%Y%m%dT%H%M%SZ}"
        target = Path(folder) if folder else default
        try:
            written = build_board(connection, catalogue, target, year, moment, language)
            if as_of:
                written += build_comparison(
                    connection, catalogue, current, target, year, moment, now, language
                )
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the report to {target} ({error.strerror}); choose another folder with --out"
            ) from error
    for path in written:
        out(f"report: {path}")


def upgrade_database(environ: Mapping[str, str]) -> None:
    """`mittaristo db upgrade`: tables and views up to this version."""
    with open_pipeline(read_settings(environ)):
        out("the warehouse is up to date")


# Other ways of ISO 8601 (20261128, 2026-W48) would silently mean a day's first moment.
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def past_moment(text: str, now: datetime) -> datetime:
    """The moment of --as-of, as parse_moment; today, by UTC or in Finland, means `now`.

    Raises ConfigurationError, also for a time that is yet to come: what will be known then cannot be said.
    """
    moment = parse_moment(text)
    if moment <= now:
        return moment
    if _DAY.fullmatch(text) and moment.date() in (now.date(), now.astimezone(ZoneInfo(ZONE)).date()):
        return now
    raise ConfigurationError(f"--as-of '{text}' is in the future; leave it out for what is known now")


def parse_moment(text: str, option: str = "--as-of", *, end_of_day: bool = True) -> datetime:
    """An aware instant from a date (its last or first moment in UTC) or an ISO instant (UTC where it names no zone).

    Raises ConfigurationError, which names the option `text` was given for.
    """
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time.max if end_of_day else time.min, UTC)
        if not _INSTANT.match(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # in the first and last hours of the calendar it cannot be
        return moment
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"{option} '{printable(text[:60])}' is neither a date nor an instant;"
            " give e.g. 2026-03-31 or 2026-03-31T12:00:00+00:00"
        ) from error


def to_json(frame: pd.DataFrame) -> str:
    """A frame as JSON: a list of objects."""
    return json.dumps(_records(frame), ensure_ascii=False, indent=1)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if value is None or (not isinstance(value, (str, bool)) and pd.isna(value)):
        return None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def print_frame(frame: pd.DataFrame) -> None:
    """A frame as a table for people."""
    table = Table(box=None, pad_edge=False)
    for name in frame.columns:
        table.add_column(str(name), justify="right" if frame[name].dtype.kind in "fi" else "left")
    for row in _records(frame):
        table.add_row(*(_cell(value) for value in row.values()))
    _print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else escape(shown(str(value)))


def _print(table: Table) -> None:
    console = Console(
        highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 250
    )
    console.print(table)
