"""What a verdict says beside its reason: Swedish, the areas and peers beside it, and what it was judged from."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("reason_sv", "beside_fi", "beside_sv", "beside_en", "verdict_inputs")


def upgrade() -> None:
    """Adds the columns, empty until the indicators are judged again."""
    for name in COLUMNS:
        op.add_column("latest", sa.Column(name, sa.Text(), nullable=True))
