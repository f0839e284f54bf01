"""The first tables."""

from __future__ import annotations

from alembic import op

from phantom_gateway.store.tables import METADATA

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    METADATA.create_all(op.get_bind())


def downgrade() -> None:
    """Back to an empty database."""
    METADATA.drop_all(op.get_bind())
