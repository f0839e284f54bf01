"""The tables. Portable between SQLite and PostgreSQL: plain types, no server-side functions, no triggers.

Money is BIGINT nano-dollars. Times of entities are Unix seconds (double); times of requests are Unix microseconds
(BIGINT), because rows are sorted and paged by them. Change a table here and add a migration; a test compares the two.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only when the column is exactly INTEGER PRIMARY KEY.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String(255)

FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    comment="what this installation must remember of itself, e.g. the fingerprint of its key pepper",
)


def stamp_columns() -> list[sa.Column[Any]]:
    """Who made and changed a row, when, and how often (``revision`` is its ETag)."""
    return [
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", NAME),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("updated_by", NAME),
        sa.Column("revision", sa.BigInteger, nullable=False),
    ]


def allowance_columns() -> list[sa.Column[Any]]:
    """What an entity may use: models, rates, budgets. The same columns for keys, users, teams, organisations, ..."""
    return [
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("rpm_limit", sa.BigInteger),
        sa.Column("tpm_limit", sa.BigInteger),
        sa.Column("tpd_limit", sa.BigInteger),
        sa.Column("max_parallel_requests", sa.BigInteger),
        sa.Column("max_budget_nano", sa.BigInteger),
        sa.Column("soft_budget_nano", sa.BigInteger),
        sa.Column("budget_duration", sa.String(16)),
        sa.Column("budget_anchor", sa.Double, nullable=False),
        sa.Column("budget_limits", sa.JSON, nullable=False),
        sa.Column("model_limits", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("temp_increase_nano", sa.BigInteger),
        sa.Column("temp_expiry", sa.Double),
        sa.Column("budget_id", NAME),
        sa.Column("blocked", sa.Boolean, nullable=False),
        sa.Column("extra", sa.JSON, nullable=False),
        *stamp_columns(),
    ]


def _key_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("key_name", sa.String(32), nullable=False),
        sa.Column("user_id", NAME),
        sa.Column("team_id", NAME),
        sa.Column("org_id", NAME),
        sa.Column("project_id", NAME),
        sa.Column("aliases", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("key_type", sa.String(16), nullable=False),
        sa.Column("allowed_routes", sa.JSON, nullable=False),
        sa.Column("access_groups", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("expires", sa.Double),
        sa.Column("rotation_s", sa.BigInteger),
        sa.Column("rotated_at", sa.Double),
        sa.Column("rotations", sa.BigInteger, nullable=False, server_default="0"),
        *allowance_columns(),
    ]


_KEY_ORDERS = ("updated_at", "key_name")
_LOW_KEY_ORDERS = ("alias", "user_id", "team_id", "max_budget_nano", "expires")
"""Orders in which what is missing comes first."""
_GROUPED = sa.text("CAST(access_groups AS TEXT) <> '[]'")
_ROTATING = sa.text("rotation_s IS NOT NULL")

KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("alias", NAME, unique=True),
    *_key_columns(),
    sa.Index(None, "org_id"),
    sa.Index(None, "project_id"),
    sa.Index(None, "created_at"),
    *(sa.Index(None, name, "id") for name in _KEY_ORDERS),
    *(sa.Index(None, name, "id").ddl_if(dialect="sqlite") for name in _LOW_KEY_ORDERS),
    sa.Index(None, "created_by"),
    sa.Index("ix_keys_rotating", "id", sqlite_where=_ROTATING, postgresql_where=_ROTATING),
    sa.Index("ix_keys_grouped", "id", sqlite_where=_GROUPED, postgresql_where=_GROUPED),
    # All that the usual list asks of a row it does not show: one walk over this instead of over the rows themselves.
    sa.Index("ix_keys_listed", "created_at", "id", "alias", "blocked", "expires"),
    comment="virtual keys; id is the hex of the keyed digest of the key's first value and stays when the key is regenerated",
)

for _name in _LOW_KEY_ORDERS:  # what SQLite does by itself, PostgreSQL must be told
    sa.Index(f"ix_keys_low_{_name}", KEYS.c[_name].nulls_first(), KEYS.c.id).ddl_if(dialect="postgresql")

KEY_DIGESTS = sa.Table(
    "key_digests",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("key_id", sa.String(64), nullable=False),
    sa.Column("until", sa.Double),
    sa.Index(None, "key_id"),
    comment="by which values a key is found: its present one (until is NULL), and replaced ones during their grace period",
)

KEY_ROTATIONS = sa.Table(
    "key_rotations",
    METADATA,
    sa.Column("key_id", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("good_until", sa.Double, nullable=False),
    comment="values that keys got by their schedule, sealed, until their owner has fetched them; the one before is good_until",
)

DELETED_KEYS = sa.Table(
    "deleted_keys",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("deleted_at", sa.Double, primary_key=True),
    sa.Column("deleted_by", NAME),
    sa.Column("alias", NAME),
    *_key_columns(),
    comment="tombstones: the spend of a deleted key stays attributable",
)

SPEND = sa.Table(
    "spend",
    METADATA,
    sa.Column("scope", sa.String(400), primary_key=True),
    sa.Column("window_start", sa.Double, primary_key=True),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    comment="what was spent of a budget in one of its windows; a reset is a new row, not a job",
)

KEYS_ONLY = sa.text("substr(entity, 1, 4) = 'key:'")
"""The totals of keys, as the index of the dearest of them says it."""

TOTALS = sa.Table(
    "totals",
    METADATA,
    sa.Column("entity", sa.String(400), primary_key=True),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("last_active", sa.Double, nullable=False),
    sa.Index("ix_totals_keys", "amount_nano", "entity", sqlite_where=KEYS_ONLY, postgresql_where=KEYS_ONLY),
    comment="what an entity spent in its whole life: the sum of its rows in requests",
)

REMOVED = sa.Table(
    "removed",
    METADATA,
    sa.Column("entity", sa.String(401), primary_key=True),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("requests", sa.BigInteger, nullable=False),
    comment="what rows of requests that are removed had added up to, so that rows and this are the totals",
)

_FAILED = sa.text("status <> 'success'")


def _index_if_there(name: str) -> sa.Index:
    there = sa.text(f"{name} IS NOT NULL")
    return sa.Index(None, name, "started_at", sqlite_where=there, postgresql_where=there)


REQUESTS = sa.Table(
    "requests",
    METADATA,
    sa.Column("row_id", ROW_ID, primary_key=True, autoincrement=True),
    sa.Column("incarnation", sa.String(64), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("duration_us", sa.BigInteger, nullable=False),
    sa.Column("ttft_us", sa.BigInteger),
    sa.Column("key_id", sa.String(64), nullable=False),
    sa.Column("key_alias", sa.Text),
    sa.Column("user_id", sa.Text),
    sa.Column("team_id", sa.Text),
    sa.Column("org_id", sa.Text),
    sa.Column("project_id", sa.Text),
    sa.Column("end_user", sa.Text),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("model_group", sa.Text, nullable=False),
    sa.Column("deployment_id", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("upstream_model", sa.Text, nullable=False),
    sa.Column("call_type", sa.Text, nullable=False),
    sa.Column("stream", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("http_status", sa.Integer, nullable=False),
    sa.Column("error_type", sa.Text, nullable=False),
    sa.Column("input", sa.BigInteger),
    sa.Column("cache_read", sa.BigInteger),
    sa.Column("cache_write_5m", sa.BigInteger),
    sa.Column("cache_write_1h", sa.BigInteger),
    sa.Column("output", sa.BigInteger),
    sa.Column("reasoning", sa.BigInteger),
    sa.Column("audio_input", sa.BigInteger),
    sa.Column("audio_output", sa.BigInteger),
    sa.Column("images", sa.BigInteger),
    sa.Column("usage_source", sa.String(16), nullable=False),
    sa.Column("usage_flags", sa.Text, nullable=False),
    sa.Column("cost_nano", sa.BigInteger, nullable=False),
    sa.Column("cost_parts", sa.Text, nullable=False),
    sa.Column("price_version", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("fallbacks", sa.Integer, nullable=False),
    sa.Column("client_left", sa.Boolean, nullable=False),
    sa.Column("cache_hit", sa.Boolean, nullable=False),
    sa.Column("session_id", sa.Text),
    sa.Column("trace_id", sa.Text),
    sa.Column("trail", sa.Text),
    sa.Column("cache_key", sa.Text),
    sa.Column("saved_nano", sa.BigInteger),
    # PostgreSQL keeps this table in partitions by started_at, and there every unique key must contain it.
    sa.UniqueConstraint("incarnation", "number").ddl_if(dialect="sqlite"),
    sa.UniqueConstraint("incarnation", "number", "started_at").ddl_if(dialect="postgresql"),
    sa.Index(None, "started_at"),
    sa.Index(None, "key_id", "started_at"),
    sa.Index(None, "request_id"),
    *(_index_if_there(name) for name in ("user_id", "team_id", "org_id", "end_user", "session_id")),
    sa.Index("ix_requests_failed", "started_at", sqlite_where=_FAILED, postgresql_where=_FAILED),
    comment="the spend log: one row per closed journal record (number < 0: settled by recovery); never a prompt",
)

CORRECTIONS = sa.Table(
    "corrections",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("entity", sa.String(400), nullable=False),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text),
    sa.Column("made_by", NAME, nullable=False),
    sa.Index(None, "at"),
    comment="why the ledger was corrected, by whom; the amounts are rows of requests",
)

JOURNAL_POSITIONS = sa.Table(
    "journal_positions",
    METADATA,
    sa.Column("incarnation", sa.String(64), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("segment", sa.BigInteger, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("node", sa.String(64), nullable=False, server_default=""),
    comment="how far each worker's journal is in this database: last record, and where the next frame begins",
)

JOURNAL_DAMAGE = sa.Table(
    "journal_damage",
    METADATA,
    sa.Column("row_id", ROW_ID, primary_key=True, autoincrement=True),
    sa.Column("found_at", sa.Double, nullable=False),
    sa.Column("incarnation", sa.String(64), nullable=False),
    sa.Column("segment", sa.BigInteger, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    comment="what ingestion could not read; kept after the segment is gone",
)

OPEN_RECORDS = sa.Table(
    "open_records",
    METADATA,
    sa.Column("incarnation", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    comment="requests that were opened and not yet closed: what recovery settles when their worker is dead",
)

PHANTOM_KEYS = sa.Table(
    "phantom_keys",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("purpose", sa.String(32), nullable=False),
    sa.Column("ver", sa.Integer, nullable=False),
    sa.Column("alg", sa.String(16), nullable=False),
    sa.Column("wrapped", sa.Text, nullable=False),
    sa.Column("kek_ver", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("ops", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("purpose", "ver"),
    comment="the keys that seal secrets, wrapped by the key-encryption key; without that one they are noise",
)

AUDIT_LOG = sa.Table(
    "audit_log",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ts", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("table_name", sa.String(64), nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("actor_kind", sa.String(16), nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("result", sa.String(16), nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("prev", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index(None, "ts"),
    sa.Index(None, "table_name", "object_id"),
    *(sa.Index(None, name, "seq") for name in ("changed_by", "action", "table_name", "object_id", "team_id")),
    comment="the audit log: rows are appended and never changed; each contains the hash of the one before",
)

AUDIT_HEAD = sa.Table(
    "audit_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    comment="one row: the end of the audit log, locked by whoever appends",
)

NODES = sa.Table(
    "nodes",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", NAME, nullable=False),
    sa.Column("boot", sa.String(64), nullable=False),
    sa.Column("release", sa.String(64), nullable=False),
    sa.Column("limiter", sa.String(64), nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    comment="nodes that share this database, by the clock of the database; limiter: what they share limits through",
)
