"""How requests found their deployments, in the request log.

Only an addition: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there keeps none."""
    op.add_column("requests", sa.Column("trail", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("requests", "trail")
