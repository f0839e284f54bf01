"""Paths that are passed through to other services, made over the API.

Only an addition: the release before goes on working beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0014"
down_revision = "v0013"
branch_labels = None
depends_on = None

_NAME = sa.String(255)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pass_endpoints",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("path", sa.String(600), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("sealed", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", _NAME),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("updated_by", _NAME),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("path", name="uq_pass_endpoints_path"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("pass_endpoints")
