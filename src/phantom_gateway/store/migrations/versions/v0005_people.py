"""People sign in: sessions and invitations.

Only additions: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None

_NAME = sa.String(length=255)
_DIGEST = sa.String(length=64)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "sessions",
        sa.Column("id", _DIGEST, nullable=False),
        sa.Column("user_id", _NAME),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("bound", _DIGEST),
        sa.Column("label", _NAME, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_created_at", "sessions", ["created_at"])
    op.create_table(
        "invitations",
        sa.Column("id", _DIGEST, nullable=False),
        sa.Column("user_id", _NAME, nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("accepted_at", sa.Double()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", _NAME),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("updated_by", _NAME),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
    )
    op.create_index("ix_invitations_user_id", "invitations", ["user_id"])
