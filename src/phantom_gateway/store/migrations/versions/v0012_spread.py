"""How long answers took, in bins; what the cache saved and what cached input cost, in the sums for the dashboards.

Only additions: the release before goes on working beside it, but what it takes in meanwhile is missing from the new sums.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from phantom_gateway.store import rollup_fill

revision = "v0012"
down_revision = "v0011"
branch_labels = None
depends_on = None

_TABLES = ("daily_spend", "hourly_spend")
_METRICS = ("saved_nano", "cost_input", "cost_cache_read", "cost_cache_write")


def upgrade() -> None:
    """Make them, and sum what is in the log."""
    for table in _TABLES:
        for name in _METRICS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "latency_spread",
        *(
            sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
            for name in ("dimension", "day", "bin")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("answers", "firsts")),
        sa.PrimaryKeyConstraint("dimension", "day", "bin", name=op.f("pk_latency_spread")),
        sqlite_with_rowid=False,
        comment="how many answers took about how long, and first bytes: store.spread says what the bins are",
    )
    op.create_index(op.f("ix_latency_spread_day"), "latency_spread", ["day"], unique=False)
    rollup_fill.add_later_metrics(op.get_bind())


def downgrade() -> None:
    """Take them away."""
    op.drop_table("latency_spread")
    for table in _TABLES:
        for name in _METRICS:
            op.drop_column(table, name)
