"""What people are asked, by when, and what they answered, as vintages."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CLASSES = "change_class IN ('new', 'revised', 'withdrawn', 'returned')"


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def _said() -> list[sa.Column[Any]]:
    return [
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("sample_size", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("change_class", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    """Adds the tables; the first catalogue that is synced fills those of the questions."""
    op.create_table(
        "question",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("asks", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("is_party_assumed", sa.Boolean(), nullable=False),
        sa.Column("rhythm", sa.Text(), nullable=False),
        sa.Column("is_rhythm_assumed", sa.Boolean(), nullable=False),
        sa.Column("is_optional", sa.Boolean(), nullable=False),
        sa.Column("indicator_id", sa.Text(), nullable=True),
        sa.Column("text_fi", sa.Text(), nullable=False),
        sa.Column("unit_fi", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("question_id", name="pk_question"),
    )
    op.create_table(
        "question_meter",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.question_id"], name="fk_question_meter_question_id"
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_question_meter_meter_id"),
        sa.PrimaryKeyConstraint("question_id", "meter_id", name="pk_question_meter"),
    )
    op.create_index("ix_question_meter_meter_id", "question_meter", ["meter_id"], unique=False)
    op.create_table(
        "question_due",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("due_at", sa.Date(), nullable=False),
        sa.Column("late_after", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.question_id"], name="fk_question_due_question_id"
        ),
        sa.PrimaryKeyConstraint("question_id", "period", name="pk_question_due"),
    )
    op.create_table(
        "answer",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        *_said(),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.CheckConstraint(_CLASSES, name=op.f("ck_answer_change_class")),
        sa.ForeignKeyConstraint(["question_id"], ["question.question_id"], name="fk_answer_question_id"),
        sa.PrimaryKeyConstraint("question_id", "period", name="pk_answer"),
    )
    op.create_table(
        "answer_vintage",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        *_said(),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.CheckConstraint(_CLASSES, name=op.f("ck_answer_vintage_change_class")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.question_id"], name="fk_answer_vintage_question_id"
        ),
        sa.PrimaryKeyConstraint("question_id", "period", "recorded_at", name="pk_answer_vintage"),
    )
    op.create_index("ix_answer_vintage_recorded_at", "answer_vintage", ["recorded_at"], unique=False)
