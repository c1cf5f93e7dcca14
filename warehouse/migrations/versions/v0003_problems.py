"""What the system says of itself: problems and what was told of them, signs of life, the releases it saw."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Adds the four tables, and lets the newest ledger row of a dataset be found without reading the older ones."""
    op.create_table(
        "problem",
        sa.Column("problem_key", sa.Text(), nullable=False),
        sa.Column("opened_at", _time(), nullable=False),
        sa.Column("ended_at", _time(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("text_fi", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("problem_key", "opened_at", name="pk_problem"),
    )
    op.create_index("ix_problem_ended_at", "problem", ["ended_at"], unique=False)
    op.create_table(
        "problem_notice",
        sa.Column("problem_key", sa.Text(), nullable=False),
        sa.Column("opened_at", _time(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("told_at", _time(), nullable=False),
        sa.CheckConstraint("event IN ('begun', 'reminder', 'ended')", name=op.f("ck_problem_notice_event")),
        sa.ForeignKeyConstraint(
            ["problem_key", "opened_at"],
            ["problem.problem_key", "problem.opened_at"],
            name="fk_problem_notice_problem_key_opened_at",
        ),
        sa.PrimaryKeyConstraint("problem_key", "opened_at", "channel", "event", name="pk_problem_notice"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beat_at", _time(), nullable=False),
        sa.Column("interval_seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeat"),
    )
    op.create_table(
        "dataset_release",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("released_at", _time(), nullable=True),
        sa.Column("seen_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "period", name="pk_dataset_release"),
    )
    op.drop_index("ix_ledger_dataset_id", table_name="ledger")
    op.create_index("ix_ledger_dataset_id_recorded_at", "ledger", ["dataset_id", "recorded_at"], unique=False)
