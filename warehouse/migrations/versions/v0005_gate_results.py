"""What the gates found in each collection, passed or not, and how the building of the pages went."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Adds the two tables; of collections before this nothing is known but what is in quarantine."""
    op.create_table(
        "gate_result",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("saw", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.CheckConstraint("gate IN ('shape', 'values', 'history')", name=op.f("ck_gate_result_gate")),
        sa.CheckConstraint("severity IN ('critical', 'warning')", name=op.f("ck_gate_result_severity")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_gate_result_run_id"),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", "position", name="pk_gate_result"),
    )
    op.create_index(
        "ix_gate_result_dataset_id_recorded_at", "gate_result", ["dataset_id", "recorded_at"], unique=False
    )
    op.create_table(
        "page_build",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tried_at", _time(), nullable=False),
        sa.Column("built_at", _time(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_page_build"),
    )
