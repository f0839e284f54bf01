"""What removed rows of the request log had added up to.

Only an addition: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "removed",
        sa.Column("entity", sa.String(length=401), nullable=False),
        sa.Column("amount_nano", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", name=op.f("pk_removed")),
        comment="what rows of requests that are removed had added up to, so that rows and this are the totals",
    )
