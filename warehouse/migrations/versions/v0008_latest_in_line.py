"""The newest figures with their sentences stay in one piece, so that reading all of them unpacks nothing."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """On PostgreSQL: a row is packed only where it would not fit a page. SQLite packs nothing."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE latest SET (toast_tuple_target = 8160)")
