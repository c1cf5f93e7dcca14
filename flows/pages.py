"""The pages that people open: the report and the validation results, built after a run where they would be stale.

They lie under MITTARISTO_HOME/report and /report/validation. A page that cannot be built harms neither the run nor its
ledger: the old one stays, and that it is stale is a problem of which people are told (models.problems).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from flows.borders import newest_borders
from flows.pipeline import Pipeline, utc_now
from models.errors import MittaristoError
from models.ledger import LedgerRow, LedgerState
from models.problems import PageBuild
from models.schedule import ZONE
from reports.site import build_site
from reports.validation import INDEX, build_validation
from warehouse.engine import reading, writing
from warehouse.lock import hold
from warehouse.page_builds import note_page_build, page_builds
from warehouse.turn import newest_moment

REPORT, VALIDATION = "report", "validation"
QUIET: frozenset[LedgerState] = frozenset({"unchanged", "not_due", "not_in_sample"})
LOCK_WAIT_SECONDS = 60.0
LOCK_LEASE_SECONDS = 600.0

log = logging.getLogger("mittaristo.pages")


def report_page(pipeline: Pipeline) -> Path:
    """Where the report begins."""
    return pipeline.settings.home / "report" / "index.html"


def validation_page(pipeline: Pipeline, name: str = INDEX) -> Path:
    """Where the validation results begin, or one of their pages."""
    return pipeline.settings.home / "report" / "validation" / name


def build_pages(
    pipeline: Pipeline, rows: Sequence[LedgerRow], *, clock: Callable[[], datetime] = utc_now
) -> None:
    """Builds those pages that `rows` of a run, or the time, have made stale. Never raises; it logs what went wrong."""
    try:
        with hold(
            pipeline.engine,
            "pages",
            "building the pages",
            wait_seconds=LOCK_WAIT_SECONDS,
            lease_seconds=LOCK_LEASE_SECONDS,
        ):
            with reading(pipeline.engine) as connection:
                before = {one.name: one for one in page_builds(connection)}
                changed = newest_moment(connection)
            is_news = any(row.state not in QUIET for row in rows)
            for name, first, build in (
                (REPORT, report_page(pipeline), _report),
                (VALIDATION, validation_page(pipeline), _validation),
            ):
                now = clock()
                if is_news or not first.is_file() or is_stale(before.get(name), changed, now):
                    _build(pipeline, name, build, now)
    except MittaristoError as error:
        log.warning("pages: %s", error)
    except Exception:  # a run that collected well must not end red because of its pages
        log.exception("pages: unexpected error; the old pages stay")


def is_stale(build: PageBuild | None, changed: datetime | None, now: datetime) -> bool:
    """Whether pages built so say something that is no longer so at `now`.

    `changed` is when anything last came into the warehouse: a run that was cut off may have stored it and built no
    pages. States follow the day (Finland's), so pages of another day are stale.
    """
    if build is None or build.error or build.built_at is None:
        return True
    if changed is not None and changed > build.built_at:
        return True
    zone = ZoneInfo(ZONE)
    return build.built_at.astimezone(zone).date() != now.astimezone(zone).date()


def _build(
    pipeline: Pipeline, name: str, build: Callable[[Pipeline, Connection, datetime], Path], now: datetime
) -> None:
    error = ""
    try:
        with reading(pipeline.engine) as connection:
            build(pipeline, connection, now)
    except Exception as failure:  # whatever it is, it is told as a problem, and the other pages are built
        error = _line(failure)
        log.exception("pages: %s could not be built: %s", name, error)
    with writing(pipeline.engine) as connection:
        note_page_build(connection, name, now, error)


def _report(pipeline: Pipeline, connection: Connection, now: datetime) -> Path:
    borders = newest_borders(pipeline.settings.home, now.year)
    return build_site(connection, pipeline.catalogue, report_page(pipeline).parent, now, borders=borders)


def _validation(pipeline: Pipeline, connection: Connection, now: datetime) -> Path:
    return build_validation(connection, validation_page(pipeline).parent, now)


def _line(error: Exception) -> str:
    if isinstance(error, MittaristoError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}"
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
