"""Values that keys got by their schedule, until they are fetched.

Only additions: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0015"
down_revision = "v0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and the way to the keys that have a schedule."""
    op.create_table(
        "key_rotations",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("good_until", sa.Double, nullable=False),
        comment="values that keys got by their schedule, sealed, until their owner has fetched them; the one before is good_until",
    )
    rotating = sa.text("rotation_s IS NOT NULL")
    op.create_index("ix_keys_rotating", "keys", ["id"], sqlite_where=rotating, postgresql_where=rotating)


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_keys_rotating", "keys")
    op.drop_table("key_rotations")
