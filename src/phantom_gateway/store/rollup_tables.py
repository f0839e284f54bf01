"""The tables behind every dashboard: sums of the request log by day and by hour.

One star: ``spend_dimensions`` says what is summed, ``daily_spend`` and ``hourly_spend`` hold the sums per bucket. A row of the
request log counts in several dimensions, one per *kind*:

    full       key, user, team, organisation, project, model, model group, provider, call type
    model      model, model group, provider, call type;  ``key``: the key;  ``owner``: user, team and organisation
    tag        as ``full``, once for each tag of the request (``name``);  ``tags``, ``tag_model``, ``tag_keys``: parts of it
    customer   as ``full``, with the end user as ``name``;  ``customers``, ``customer_model``, ``customer_keys``: parts of it

So a question about everybody reads a few small rows, and a question about somebody reads that one's rows. Within one kind every
request counts once (kinds of tags: once per tag).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.tables import METADATA, ROW_ID

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
HOURS_KEPT = 40 * 24
"""How long sums by hour are kept, in hours. They serve days of other time zones than UTC."""

METRICS = (
    "requests",
    "successes",
    "failures",
    "cost_nano",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "images",
    "uncounted",
    "cache_hits",
    "duration_us",
    "ttft_us",
    "timed",
    "saved_nano",
    "cost_input",
    "cost_cache_read",
    "cost_cache_write",
)
"""``uncounted``: requests whose usage nobody reported (which is not zero tokens); ``timed``: those with a first byte;
``saved_nano``: what answers from the gateway's cache had cost; the ``cost_...`` are parts of ``cost_nano``.
"""
FIRST_METRICS = METRICS[: METRICS.index("saved_nano")]
"""Those that the sums began with; the others came with a later release."""

OWNERS = ("key_id", "user_id", "team_id", "org_id", "project_id")
CALLED = ("model", "model_group", "provider", "call_type")
FULL = (*OWNERS, *CALLED)
KINDS: dict[str, tuple[str, ...]] = {
    "full": FULL,
    "model": CALLED,
    "key": ("key_id",),
    "owner": ("user_id", "team_id", "org_id"),
    "tag": (*FULL, "name"),
    "tags": ("name",),
    "tag_model": (*CALLED, "name"),
    "tag_keys": ("key_id",),
    "customer": (*FULL, "name"),
    "customers": ("name",),
    "customer_model": CALLED,
    "customer_keys": ("key_id",),
}
"""The columns that say something, by kind; the others are empty."""
PARTS = {
    "full": ("model", "key", "owner"),
    "tag": ("tags", "tag_model", "tag_keys"),
    "customer": ("customers", "customer_model", "customer_keys"),
}
"""Kinds that are sums of another."""
HOURLY = frozenset({"full", "model", "key", "owner", "tag", "tags", "tag_model"})
"""Kinds that are summed by hour too."""

SPEND_DIMENSIONS = sa.Table(
    "spend_dimensions",
    METADATA,
    sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.String(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in (*FULL, "name")),
    sa.Index(None, "kind", "key_id"),
    sa.Index(None, "kind", "user_id"),
    sa.Index(None, "kind", "team_id"),
    sa.Index(None, "kind", "org_id"),
    sa.Index(None, "kind", "name", "user_id"),
    comment="what sums are kept of; digest is that of the other columns, of which '' means none",
)


def _buckets(table: str, bucket: str, comment: str) -> sa.Table:
    sums: list[sa.Column[Any]] = [sa.Column(name, sa.BigInteger, nullable=False) for name in FIRST_METRICS]
    # The release before writes rows without the later ones.
    later = METRICS[len(FIRST_METRICS) :]
    sums += [sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0")) for name in later]
    return sa.Table(
        table,
        METADATA,
        sa.Column("dimension", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(bucket, sa.BigInteger, primary_key=True, autoincrement=False),
        *sums,
        sa.Index(None, bucket),
        sqlite_with_rowid=False,
        comment=comment,
    )


DAILY_SPEND = _buckets("daily_spend", "day", "sums of requests by dimension and UTC day (days since the epoch)")
HOURLY_SPEND = _buckets("hourly_spend", "hour", "the same by hour since the epoch; kept for some weeks")

LATENCY_SPREAD = sa.Table(
    "latency_spread",
    METADATA,
    sa.Column("dimension", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("bin", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("answers", sa.BigInteger, nullable=False),
    sa.Column("firsts", sa.BigInteger, nullable=False),
    sa.Index(None, "day"),
    sqlite_with_rowid=False,
    comment="how many answers took about how long, and first bytes: store.spread says what the bins are",
)
