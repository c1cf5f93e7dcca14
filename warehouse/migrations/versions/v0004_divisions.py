"""The divisions of areas year by year, and which division the stored figures of each dataset are laid out in."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STAMP = re.compile(r"(?:alue|kunta)\w*_[0-9]{4}0101", re.IGNORECASE)


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Adds the tables; what is stored is laid out as the newest collection said (nothing older was kept)."""
    op.create_table(
        "division",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("year", name="pk_division"),
    )
    op.create_table(
        "division_area",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_sv", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("subregion_code", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["year"], ["division.year"], name="fk_division_area_year"),
        sa.PrimaryKeyConstraint("year", "area_code", name="pk_division_area"),
    )
    op.create_table(
        "area_change",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("predecessor", sa.Text(), nullable=False),
        sa.Column("successor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('merged', 'split', 'renamed', 'moved_region', 'told')", name=op.f("ck_area_change_kind")
        ),
        sa.PrimaryKeyConstraint("year", "kind", "predecessor", "successor", name="pk_area_change"),
    )
    op.add_column("dataset_state", sa.Column("layout", sa.Text(), nullable=False, server_default=""))
    names = ("dataset_id", "known_codes", "division", "layout")
    states = sa.table("dataset_state", *(sa.column(name) for name in names))
    stored = sa.select(states.c.dataset_id, states.c.known_codes, states.c.division)
    for dataset_id, codes, division in op.get_bind().execute(stored.where(states.c.known_codes != "")).all():
        code = json.loads(codes)["area_variable"]
        in_map = f"Alue {division[:4]}" if division else ""
        layout = json.dumps([["", code if _STAMP.fullmatch(code) else in_map]], ensure_ascii=False)
        op.execute(states.update().where(states.c.dataset_id == dataset_id).values(layout=layout))
