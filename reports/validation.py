"""Our own data docs: what the gates found in the last collection of every dataset, as pages that need no network.

`gather` collects what is known of each dataset; `build_validation` writes it as static HTML, a page a dataset and one
over all of them. The pages load nothing, run nothing, and say nothing by colour alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from models.document import Document
from models.ledger import CheckResult, FreshnessState, GateName, GateReport
from reports.compiled import Compiled
from warehouse import raw as raw_index
from warehouse import read
from warehouse.gate_results import newest_gate_results
from warehouse.ledger import states
from warehouse.quarantine import Quarantine, quarantined
from warehouse.recent import LastLook, RecentChange, last_looks, recent_changes

HELSINKI = ZoneInfo("Europe/Helsinki")
INDEX = "index.html"
Verdict = Literal["held back", "failed", "kept out", "let in", "warnings", "passed", "not checked"]
VERDICTS: dict[Verdict, str] = {  # in the order in which a person should see them
    "held back": "a critical rule failed; the last good figures are served until somebody decides",
    "failed": "the newest collection failed before or beside the gates; its message says why",
    "kept out": "a critical rule failed and a person rejected the figures",
    "let in": "a critical rule failed and a person released the figures",
    "warnings": "stored; a warning says what to look at",
    "passed": "stored; every rule passed",
    "not checked": "no collection has reached the gates yet",
}
GATES: dict[GateName, str] = {
    "shape": "Gate 1: the shape of the answer",
    "values": "Gate 2: the values",
    "history": "Gate 3: the history",
}
_COMPILED = Compiled()
_PLAIN_ID = re.compile(r"[a-z0-9]+(?:/[a-z0-9]+)*")


@dataclass(frozen=True)
class DatasetPage:
    """What is known of one dataset: its state, its newest ledger row, what the gates found last, what changed last.

    `quarantine` is what waits for a decision or, where nothing does, what was decided on the collection that
    `reports` are of. `documents` are the answers that `reports` were made from.
    """

    dataset_id: str
    title: str
    source: str
    source_table: str
    web_url: str
    state: FreshnessState
    last_release: datetime | None
    last_fetch: datetime | None
    last_checked: datetime | None
    next_expected: date | None
    late_after: date | None
    look: LastLook | None
    run_id: str  # whose answers the gates saw last, '' for none
    checked_at: datetime | None
    reports: tuple[GateReport, ...]
    quarantine: Quarantine | None
    changes: tuple[RecentChange, ...]
    documents: tuple[Document, ...]

    @property
    def key(self) -> str:
        """The name of its page, and of its artifact in Prefect."""
        return page_key(self.dataset_id)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """All checks of all gates, those that failed first, critical before warning."""
        every = [check for report in self.reports for check in report.checks]
        return tuple(sorted(every, key=lambda one: (one.passed, one.severity != "critical")))

    @property
    def critical(self) -> int:
        """Critical rules that failed."""
        return sum(not one.passed and one.severity == "critical" for one in self.checks)

    @property
    def warnings(self) -> int:
        """Warnings that failed."""
        return sum(not one.passed and one.severity == "warning" for one in self.checks)

    @property
    def verdict(self) -> Verdict:
        """The one word for it, see VERDICTS."""
        held = self.quarantine
        if held is not None and held.state == "open":
            return "held back"
        if self.look is not None and self.look.state == "failed":
            return "failed"
        if held is not None and held.state in ("rejected", "released"):
            return "kept out" if held.state == "rejected" else "let in"
        if not self.checks:
            return "not checked"
        if self.critical:
            return "held back"
        return "warnings" if self.warnings else "passed"


def page_key(dataset_id: str) -> str:
    """A dataset's id as a name of small letters, digits and hyphens, the same for ever and of no other dataset.

    What the plain replacement of '/' does not tell apart gets some digits of a checksum.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", dataset_id.lower()).strip("-")
    if _PLAIN_ID.fullmatch(dataset_id):
        return plain
    return f"{plain}-{hashlib.sha256(dataset_id.encode()).hexdigest()[:6]}"


def kept_at(document: Document) -> str:
    """Where the bytes of a kept answer lie (gzip), relative to the home folder."""
    return f"raw/objects/{document.sha256[:2]}/{document.sha256}.gz"


def gather(connection: Connection, dataset_ids: Collection[str] | None = None) -> list[DatasetPage]:
    """What is known of each dataset of the catalogue (or of these), those that need attention first."""
    known = states(connection)
    results = newest_gate_results(connection, dataset_ids)
    looks = last_looks(connection)
    held = _quarantines(connection)
    pages = []
    for row in read.freshness(connection).to_dict("records"):
        dataset_id = str(row["dataset_id"])
        if dataset_ids is not None and dataset_id not in dataset_ids:
            continue
        found = results.get(dataset_id)
        of_run = f"{found.run_id}:{dataset_id}" if found else ""
        stored = known[dataset_id].collection_id if dataset_id in known else ""
        quarantine = held.get(dataset_id) or held.get(of_run)
        reports = found.reports if found else ()
        run_id, checked_at = (found.run_id, found.recorded_at) if found else ("", None)
        if (
            quarantine
            and quarantine.state == "open"
            and (found is None or found.recorded_at < quarantine.opened_at)
        ):
            # held back outside a run, as a change of the catalogue may do
            reports, checked_at = held_reports(quarantine), quarantine.opened_at
            of_run, run_id = quarantine.collection_id, quarantine.run_id
        collection_id = of_run or stored
        pages.append(
            DatasetPage(
                dataset_id=dataset_id,
                title=str(row["title_en"]),
                source=str(row["source"]),
                source_table=str(row["source_table"]),
                web_url=str(row["web_url"]),
                state=row["state"],
                last_release=_moment(row["last_release"]),
                last_fetch=_moment(row["last_fetch"]),
                last_checked=_moment(row["last_checked"]),
                next_expected=_day(row["next_expected"]),
                late_after=_day(row["late_after"]),
                look=looks.get(dataset_id),
                run_id=run_id,
                checked_at=checked_at,
                reports=reports,
                quarantine=quarantine,
                changes=recent_changes(connection, dataset_id),
                documents=tuple(
                    raw_index.indexed(connection, collection_id=collection_id) if collection_id else ()
                ),
            )
        )
    order = list(VERDICTS)
    return sorted(pages, key=lambda one: (order.index(one.verdict), one.dataset_id))


def build_validation(connection: Connection, folder: Path, built: datetime) -> Path:
    """Writes the pages under `folder` and returns the one over all of them.

    Each page is replaced in one move, that one last; pages of datasets that are gone are removed. Raises OSError.
    """
    pages = gather(connection)
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=_COMPILED,
    )
    environment.filters |= {"moment": said_moment, "figure": said_figure}
    loader = environment.loader
    assert loader is not None  # noqa: S101
    style = loader.get_source(environment, "validation.css")[0]
    common = {
        "style": style,
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "built": built,
        "synthetic": bool(read.is_synthetic(connection)),
        "verdicts": VERDICTS,
        "gates": GATES,
        "kept_at": kept_at,
    }
    folder.mkdir(parents=True, exist_ok=True)
    of_dataset = environment.get_template("validation_dataset.html.j2")
    shown = [
        one for one in pages if one.state != "not_in_sample" and (one.look or one.checks or one.quarantine)
    ]
    for one in shown:
        _write(folder / f"{one.key}.html", of_dataset.render(page=one, row_columns=row_columns, **common))
    index = environment.get_template("validation_index.html.j2")
    counts = Counter(one.verdict for one in pages)
    _write(folder / INDEX, index.render(pages=pages, shown=shown, counts=counts, **common))
    wanted = {INDEX, *(f"{one.key}.html" for one in shown)}
    for path in folder.glob("*.html"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
    return folder / INDEX


def held_reports(held: Quarantine) -> tuple[GateReport, ...]:
    """What the gates found in a collection that is or was held back."""
    return tuple(
        GateReport(
            gate["gate"],
            tuple(CheckResult(**(check | {"rows": tuple(check["rows"])})) for check in gate["checks"]),
        )
        for gate in json.loads(held.report)
    )


def row_columns(check: CheckResult) -> list[str]:
    """The names that occur in the rows a check fell on, in their order."""
    return list(dict.fromkeys(str(name) for row in check.rows for name in row))


def said_moment(moment: datetime | None) -> str:
    """A time as Finland's clock shows it, to the minute; '–' for none."""
    return "–" if moment is None else f"{moment.astimezone(HELSINKI):%Y-%m-%d %H:%M}"


def said_figure(value: object) -> str:
    """A figure without more digits than it has; '–' for none, other things as they are."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.10g}"
    return str(value)


def _quarantines(connection: Connection) -> dict[str, Quarantine]:
    """By dataset the newest that is open, and by collection whatever there is of it."""
    found: dict[str, Quarantine] = {}
    for one in quarantined(connection, open_only=False):
        found[one.collection_id] = one
        if one.state == "open":
            found[one.dataset_id] = one
    return found


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _moment(value: Any) -> datetime | None:
    return None if pd.isna(value) else pd.Timestamp(value).to_pydatetime()


def _day(value: Any) -> date | None:
    if value is None or pd.isna(value):
        return None
    return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value)[:10])
