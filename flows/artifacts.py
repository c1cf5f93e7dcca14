"""What a run shows in the Prefect interface: a table of its datasets and a link to the source."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import create_link_artifact, create_table_artifact

from flows.pipeline import Pipeline
from models.ledger import LedgerRow


def publish_summary(pipeline: Pipeline, source: str, run_id: str, rows: Sequence[LedgerRow]) -> None:
    """Writes the run's artifacts; all runs of a source share one key, so that each has a timeline."""
    key = source.replace("_", "-")
    create_table_artifact(
        key=f"summary-{key}",
        table=[
            {
                "dataset": row.dataset_id,
                "state": row.state,
                "new": row.counts.new,
                "revised": row.counts.revised,
                "the same": row.counts.same,
                "calls": row.calls,
                "seconds": round(row.seconds, 1),
                "message": row.message,
            }
            for row in rows
        ],
        description=f"Run {run_id}: what became of each dataset of {source}",
    )
    create_link_artifact(
        key=f"source-{key}",
        link=pipeline.base_url(source),
        link_text=pipeline.catalogue.sources[source].name_en,
        description=f"Where the figures of {source} come from",
    )
