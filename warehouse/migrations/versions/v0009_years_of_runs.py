"""What is asked of runs at each run is found without reading all runs, answers and ledger rows there ever were."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three indexes, and the totals of each source, added up this once."""
    op.create_index("ix_run_source_started_at", "run", ["source", "started_at"], unique=False)
    op.create_index("ix_run_source_ended_at", "run", ["source", "ended_at"], unique=False)
    op.create_index("ix_document_run_id", "document", ["run_id"], unique=False)
    op.create_table(
        "source_total",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("vintages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_source_total"),
    )
    op.execute(
        "INSERT INTO source_total (source, calls, vintages) "
        "SELECT r.source, sum(g.calls), sum(g.new_count + g.revised_count + g.withdrawn_count) "
        "FROM run r JOIN ledger g ON g.run_id = r.run_id GROUP BY r.source"
    )
