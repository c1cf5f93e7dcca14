"""What survives change: recodes, decisions on them, the scope and program of each catalogue version."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Adds the log of recodes and what the history gates and the replay need."""
    op.create_table(
        "recode",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "recorded_at", name="pk_recode"),
    )
    for name in ("collection_id", "known_codes", "overrides", "division"):
        op.add_column("dataset_state", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("recode", "checksum"):
        op.add_column("quarantine", sa.Column(name, sa.Text(), nullable=False, server_default=""))
