"""What the cache of answers had to do with a request, in the request log.

Only an addition: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0011"
down_revision = "v0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is there keeps none."""
    op.add_column("requests", sa.Column("cache_key", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("saved_nano", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("requests", "saved_nano")
    op.drop_column("requests", "cache_key")
