"""What a run leaves behind in the Prefect interface, so that nobody has to look elsewhere first.

A table of the run, a page for each dataset, the list of what is in quarantine, and how far a run has come that goes on.
Each has a key that stays the same, so that the interface shows what it was run by run. Nothing that goes wrong here
reaches the run: what it did is in the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.client.schemas.objects import ArtifactCollection

from flows.dataset_page import dataset_page, plain, quarantine_section
from flows.pages import QUIET, report_page, validation_page
from flows.pipeline import Pipeline
from models.ledger import Counts, LedgerRow, LedgerState
from reports.validation import gather, page_key
from warehouse.engine import reading
from warehouse.quarantine import quarantined

# Of a dataset in which nothing happens the page is written anew so often: Prefect forgets runs after 90 days.
RENEWED_AFTER = timedelta(days=30)
LONGEST_MESSAGE = 90
_BATCH = 200
_ATTENTION: tuple[LedgerState, ...] = (
    "failed",
    "quarantined",
    "late",
    "discontinued",
    "fetched",
    "unchanged",
    "not_due",
    "not_in_sample",
)

log = logging.getLogger("mittaristo.artifacts")


def artifact_key(dataset_id: str) -> str:
    """The key of a dataset's page."""
    return f"dataset-{page_key(dataset_id)}"


def fresh_pages() -> frozenset[str]:
    """The keys of the datasets' pages that are there and need not be written anew where nothing happened."""
    since = datetime.now(UTC) - RENEWED_AFTER
    found: list[ArtifactCollection] = []
    with _never_in_the_way("which pages are there"), get_client(sync_client=True) as client:
        while len(found) % _BATCH == 0:
            batch = client.read_latest_artifacts(
                artifact_filter=ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(like_="dataset-%")),
                limit=_BATCH,
                offset=len(found),
            )
            found += batch
            if not batch:
                break
    return frozenset(one.key for one in found if one.created is not None and one.created > since)


def publish_dataset(pipeline: Pipeline, row: LedgerRow, fresh: frozenset[str]) -> None:
    """Writes the page of a row's dataset, unless nothing happened and there is a `fresh` one; of none in no sample."""
    key = artifact_key(row.dataset_id)
    if row.state == "not_in_sample" or (row.state in QUIET and key in fresh):
        return
    with _never_in_the_way(f"the page of {row.dataset_id}"):
        with reading(pipeline.engine) as connection:
            pages = gather(connection, [row.dataset_id])
        for page in pages:
            create_markdown_artifact(
                key=key,
                markdown=dataset_page(page, pipeline.settings.home),
                description=f"{page.verdict}: {plain(page.title)}",  # Markdown, too
            )


class Progress:
    """How far a run has come, as a bar in the interface that is there from its beginning."""

    def __init__(self, source: str, total: int) -> None:
        self._total, self._done = total, 0
        self._source = source
        self._id: UUID | None = None
        with _never_in_the_way("the progress"):
            made = create_progress_artifact(0.0, key=f"progress-{page_key(source)}", description=self._said())
            self._id = made if isinstance(made, UUID) else None

    def step(self, *, shown: bool = True) -> None:
        """One more dataset is accounted for; where it is not `shown` by itself, it is with the next."""
        self._done += 1
        if self._id is not None and (shown or self._done == self._total):
            with _never_in_the_way("the progress"):
                update_progress_artifact(self._id, 100.0 * self._done / self._total, self._said())

    def _said(self) -> str:
        return f"{self._source}: {self._done} of {self._total} datasets done"


def publish_summary(
    pipeline: Pipeline, source: str, run_id: str, rows: Sequence[LedgerRow], expected: Sequence[str]
) -> None:
    """Writes the table of a run over `expected` datasets, what needs attention first, and the quarantine list."""
    with _never_in_the_way("the summary"):
        create_table_artifact(
            key=f"summary-{page_key(source)}",
            table=summary(rows, expected),
            description="\n".join(
                (
                    f"Run {run_id} over {source}: {said_counts(rows, expected)}. Each dataset has a page of its own,"
                    " an artifact like `dataset-statfin-vaerak-11ra`; what waits for a decision is in `quarantine`.",
                    "",
                    f"On the machine that ran it: validation results `{validation_page(pipeline)}`,"
                    f" report `{report_page(pipeline)}`.",
                )
            ),
        )
    with _never_in_the_way("the quarantine list"):
        create_markdown_artifact(
            key="quarantine", markdown=quarantine_list(pipeline), description="What waits for a decision"
        )


def summary(rows: Sequence[LedgerRow], expected: Sequence[str]) -> list[dict[str, object]]:
    """The rows of the summary: datasets without a ledger row, then by what needs attention; no id said twice."""
    known = {row.dataset_id for row in rows}
    lacking: list[dict[str, object]] = [
        {"dataset": one, "state": "no ledger row", "message": "the run ended without accounting for it"}
        for one in expected
        if one not in known
    ]
    order = sorted(enumerate(rows), key=lambda one: (_ATTENTION.index(one[1].state), one[0]))
    return lacking + [
        {
            "dataset": row.dataset_id,
            "state": row.state.replace("_", " "),
            "figures": said_figures(row.counts),
            "message": _cut(without_id(row)),
            "calls": row.calls,
            "seconds": round(row.seconds, 1),
        }
        for _, row in order
    ]


def said_figures(counts: Counts) -> str:
    """What a collection brought, '' for nothing."""
    said = [
        f"{count} {name}"
        for name, count in (("new", counts.new), ("revised", counts.revised), ("withdrawn", counts.withdrawn))
        if count
    ]
    return ", ".join(said) or (f"{counts.same} the same" if counts.same else "")


def without_id(row: LedgerRow) -> str:
    """The row's message; its dataset's id, which stands beside it, is not said again."""
    return row.message.replace(f"{row.dataset_id}: ", "")


def _cut(text: str) -> str:
    """The beginning of `text`: the interface shows a cell in one line, and the dataset's page has it whole."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…"


def said_counts(rows: Sequence[LedgerRow], expected: Sequence[str]) -> str:
    """How many datasets ended how, what needs attention first."""
    lacking = len(set(expected) - {row.dataset_id for row in rows})
    said = [f"{lacking} without a ledger row"] if lacking else []
    for state in _ATTENTION:
        count = sum(row.state == state for row in rows)
        if count:
            said.append(f"{count} {state.replace('_', ' ')}")
    return ", ".join(said) or "nothing was expected"


def quarantine_list(pipeline: Pipeline) -> str:
    """All that is held back, each with its reason and the commands that decide on it, as Markdown."""
    with reading(pipeline.engine) as connection:
        held = quarantined(connection)
    if not held:
        return "Nothing is in quarantine."
    parts = [f"{len(held)} in quarantine; the last good figures are served meanwhile."]
    for one in held:
        parts.append(quarantine_section(one))
        dataset = pipeline.catalogue.datasets.get(one.dataset_id)
        if dataset is not None:
            link = (
                f"[the source's own page]({dataset.web_url})" if dataset.web_url else "no page of the source"
            )
            key = artifact_key(dataset.id)
            parts.append(f"{plain(dataset.title_en)}: {link}; everything about it in the artifact `{key}`.")
    return "\n\n".join(parts)


@contextmanager
def _never_in_the_way(what: str) -> Iterator[None]:
    """Logs what goes wrong and goes on: an interface that is away must not make a good run red."""
    try:
        yield
    except Exception as error:
        log.warning("artifacts: %s could not be written: %s", what, " ".join(str(error).split())[:300])
