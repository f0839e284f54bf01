"""Sums for the dashboards, totals of all that requests belong to, corrections of the ledger, indices of the request log.

Only additions: the release before goes on working beside it, but what it takes in meanwhile is missing from the sums; start it no
more, or sum anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from phantom_gateway.store import rollup_fill, total_sums
from phantom_gateway.store.rollup_tables import FIRST_METRICS

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None

_METRICS = (
    "requests", "successes", "failures", "cost_nano", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output",
    "reasoning", "audio_input", "audio_output", "images", "uncounted", "cache_hits", "duration_us", "ttft_us", "timed",
)  # fmt: skip
_DIMENSIONS = (
    "key_id", "user_id", "team_id", "org_id", "project_id", "model", "model_group", "provider", "call_type", "name",
)  # fmt: skip
_SEARCHED = ("user_id", "team_id", "org_id", "end_user", "session_id")


def upgrade() -> None:
    """Make the tables and sum what is there."""
    op.create_table(
        "spend_dimensions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _DIMENSIONS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_dimensions")),
        sa.UniqueConstraint("digest", name=op.f("uq_spend_dimensions_digest")),
        comment="what sums are kept of; digest is that of the other columns, of which '' means none",
    )
    for name in ("kind", "key_id", "user_id", "team_id", "org_id", "name"):
        op.create_index(op.f(f"ix_spend_dimensions_{name}"), "spend_dimensions", [name], unique=False)
    _buckets("daily_spend", "day", "sums of requests by dimension and UTC day (days since the epoch)")
    _buckets("hourly_spend", "hour", "the same by hour since the epoch; kept for some weeks")
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("entity", sa.String(length=400), nullable=False),
        sa.Column("amount_nano", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        comment="why the ledger was corrected, by whom; the amounts are rows of requests",
    )
    op.create_index(op.f("ix_corrections_at"), "corrections", ["at"], unique=False)
    for name in _SEARCHED:
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            op.f(f"ix_requests_{name}_started_at"), "requests", [name, "started_at"],
            sqlite_where=there, postgresql_where=there,
        )  # fmt: skip
    failed = sa.text("status <> 'success'")
    op.create_index("ix_requests_failed", "requests", ["started_at"], sqlite_where=failed, postgresql_where=failed)
    rollup_fill.rebuild(op.get_bind(), FIRST_METRICS)
    total_sums.rebuild(op.get_bind())


def downgrade() -> None:
    """Back to the bare log."""
    op.drop_index("ix_requests_failed", "requests")
    for name in _SEARCHED:
        op.drop_index(op.f(f"ix_requests_{name}_started_at"), "requests")
    for table in ("corrections", "hourly_spend", "daily_spend", "spend_dimensions"):
        op.drop_table(table)


def _buckets(table: str, bucket: str, comment: str) -> None:
    op.create_table(
        table,
        sa.Column("dimension", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(bucket, sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _METRICS),
        sa.PrimaryKeyConstraint("dimension", bucket, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
        comment=comment,
    )
    op.create_index(op.f(f"ix_{table}_{bucket}"), table, [bucket], unique=False)
