"""Indices for the lists of the admin API at a hundred thousand keys: each order with what breaks its ties.

Three indices on a single column give way to one that begins with it. The release before goes on working beside it.
"""

from __future__ import annotations

from alembic import op

revision = "v0009"
down_revision = "v0008"
branch_labels = None
depends_on = None

_KEYS = ("alias", "user_id", "team_id", "updated_at", "key_name", "max_budget_nano", "expires")
_AUDIT = ("changed_by", "action", "table_name", "object_id", "team_id")
_BEFORE = (("keys", "user_id"), ("keys", "team_id"), ("audit_log", "changed_by"))


def upgrade() -> None:
    """Make the indices."""
    for name in _KEYS:
        op.create_index(op.f(f"ix_keys_{name}_id"), "keys", [name, "id"], unique=False)
    op.create_index("ix_keys_listed", "keys", ["created_at", "id", "alias", "blocked", "expires"], unique=False)
    for name in _AUDIT:
        op.create_index(op.f(f"ix_audit_log_{name}_seq"), "audit_log", [name, "seq"], unique=False)
    for table, name in _BEFORE:
        op.drop_index(op.f(f"ix_{table}_{name}"), table)


def downgrade() -> None:
    """Drop them."""
    for table, name in _BEFORE:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], unique=False)
    for name in _AUDIT:
        op.drop_index(op.f(f"ix_audit_log_{name}_seq"), "audit_log")
    op.drop_index("ix_keys_listed", "keys")
    for name in _KEYS:
        op.drop_index(op.f(f"ix_keys_{name}_id"), "keys")
