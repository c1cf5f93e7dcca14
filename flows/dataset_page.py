"""A dataset's page in the Prefect interface, as Markdown: what needs attention first, then all that is known of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from models.document import Document
from models.ledger import CheckResult
from reports.validation import (
    GATES,
    VERDICTS,
    DatasetPage,
    held_reports,
    kept_at,
    said_figure,
    said_moment,
)
from warehouse.quarantine import Quarantine
from warehouse.recent import RecentChange

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_IN_WORD = re.compile(r"(?<=[A-Za-z0-9])\\_(?=[A-Za-z0-9])")


def dataset_page(page: DatasetPage, home: Path) -> str:
    """The page of one dataset; `home` is where the kept answers and the validation pages lie."""
    parts = [
        f"## {plain(page.title)}",
        f"`{page.dataset_id}` — **{page.verdict}**: {VERDICTS[page.verdict]}.",
    ]
    held = page.quarantine
    if held is not None and held.state == "open":
        parts.append(quarantine_section(held))
    elif held is not None and held.state in ("released", "rejected"):
        parts.append(
            f"Quarantine {held.quarantine_id} was {held.state} {said_moment(held.decided_at)} by "
            f"{plain(held.decided_by)}: {plain(held.decision_reason)}"
        )
    parts += [
        "### Where it stands",
        _state(page),
        "### What the gates found",
        _gates(page),
        "### Last vintages",
        _changes(page.changes),
        *_passed(page),
        "### The answers it was made from",
        _documents(page.documents, home),
        f"The same as a page for the browser: `{home / 'report' / 'validation' / page.key}.html`, "
        "or `/validation/` of the report's web server. Times are those of Finland.",
    ]
    return "\n\n".join(parts)


def quarantine_section(held: Quarantine) -> str:
    """What is held back, since when and why, and the commands that look at it and decide."""
    commands = [
        f"mittaristo quarantine show {held.quarantine_id}",
        f'mittaristo quarantine release {held.quarantine_id} --role ROLE --reason "WHY"',
        f'mittaristo quarantine reject {held.quarantine_id} --role ROLE --reason "WHY"',
    ]
    if held.recode:
        commands += [
            f"mittaristo recode show --dataset {shlex.quote(held.dataset_id)}",
            f'mittaristo recode accept {held.quarantine_id} --role ROLE --reason "WHY"',
        ]
    failed = [
        check
        for report in held_reports(held)
        for check in report.checks
        if not check.passed and check.severity == "critical"
    ]
    why = [_said(one) for one in failed] if failed and not held.recode else [f"- {plain(held.reason)}"]
    return "\n".join(
        [
            f"### Quarantine {held.quarantine_id}: {plain(held.dataset_id)}",
            "",
            f"Held back since {said_moment(held.opened_at)}, because:",
            "",
            *why,
            "",
            "Look at the old figures against the new, then let them in or keep them out:",
            "",
            "```sh",
            *commands,
            "```",
        ]
    )


def plain(text: object) -> str:
    """`text` in one line with nothing in it that Markdown, a table's cell or HTML would read."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _IN_WORD.sub("_", _SPECIAL.sub(r"\\\1", line))


def table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; its cells are made plain."""
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(plain(cell) if cell != "" else " " for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _state(page: DatasetPage) -> str:
    rows: list[tuple[str, str]] = [("State", page.state.replace("_", " "))]
    look = page.look
    if look is not None:
        counts = look.counts
        state = look.state.replace("_", " ")
        rows.append(("Last run", f"{state}, {said_moment(look.recorded_at)}, run {plain(look.run_id)}"))
        if look.message and look.state != "quarantined":  # its message repeats what the gates found
            rows.append(("Its message", plain(look.message)))
        rows.append(
            (
                "Observations",
                f"{counts.new} new, {counts.revised} revised, {counts.withdrawn} withdrawn, {counts.same} the same",
            )
        )
    late = f" (late after {page.late_after})" if page.late_after else ""
    rows += [
        ("Last release", said_moment(page.last_release)),
        ("Last good fetch", said_moment(page.last_fetch)),
        ("Next expected", f"{page.next_expected or '–'}{late}"),
    ]
    if page.web_url:
        rows.append(("Source", f"[{plain(page.source)} {plain(page.source_table)}]({page.web_url})"))
    return "\n".join(f"- {name}: {text}" for name, text in rows)


def _gates(page: DatasetPage) -> str:
    if not page.reports:
        return "No collection has reached the gates yet."
    said = (
        f"In the collection of run {plain(page.run_id)}, {said_moment(page.checked_at)}: {len(page.checks)} rules, "
        f"{page.critical} critical failed, {page.warnings} warnings."
    )
    held = page.quarantine
    above = held is not None and held.state == "open" and not held.recode  # the critical ones are said there
    failed = [one for one in page.checks if not one.passed and not (above and one.severity == "critical")]
    return "\n".join([said, "", *(_said(one) for one in failed)])


def _passed(page: DatasetPage) -> list[str]:
    passed = [_said(one) for one in page.checks if one.passed]
    return ["### Rules that passed", "\n".join(passed)] if passed else []


def _said(check: CheckResult) -> str:
    """A check as an item of a list: in a table the interface does not wrap long cells."""
    result = "ok" if check.passed else f"**{check.severity}**"
    gate = GATES[check.gate].partition(":")[0].lower()
    cause = f"; likely cause: {plain(check.cause)}" if check.cause and not check.passed else ""
    return f"- {result} — {plain(check.rule)} ({gate}): saw {plain(check.saw)}; expected {plain(check.expected)}{cause}"


def _changes(changes: Sequence[RecentChange]) -> str:
    if not changes:
        return "Nothing of it is stored yet, or no indicator reads it."
    rows = [
        (
            said_moment(one.recorded_at),
            f"{one.indicator_id} {one.class_code}".strip(),
            one.area,
            one.period,
            one.change_class,
            said_figure(one.old),
            one.symbol or said_figure(one.new),
        )
        for one in changes
    ]
    return table(("Recorded", "Indicator", "Area", "Period", "Change", "Old", "New"), rows)


def _documents(documents: Sequence[Document], home: Path) -> str:
    if not documents:
        return "None are kept."
    rows = [
        (
            said_moment(one.fetched_at),
            one.kind,
            one.status or one.error or "no answer",
            one.size,
            f"{one.sha256[:12]}…",
            one.url,
        )
        for one in documents
    ]
    shown = [f"gzip -dc {shlex.quote(str(home / kept_at(one)))} | less" for one in documents]
    commands = "\n".join(["```sh", *shown, "```"])
    listed = table(("Came", "Kind", "Status", "Bytes", "SHA-256", "Asked"), rows)
    return f"{listed}\n\nThe kept bytes, on the machine that collected them:\n\n{commands}"
