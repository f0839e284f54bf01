"""What people ask administrators for: more budget, other models.

Only an addition: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0013"
down_revision = "v0012"
branch_labels = None
depends_on = None

_NAME = sa.String(255)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_id", _NAME, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("subject_id", _NAME, nullable=False),
        sa.Column("team_id", _NAME),
        sa.Column("org_id", _NAME),
        sa.Column("max_budget_nano", sa.BigInteger),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("granted", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", _NAME),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("updated_by", _NAME),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_approvals_user_id", "approvals", ["user_id"])
    op.create_index("ix_approvals_state_created_at", "approvals", ["state", "created_at"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("approvals")
