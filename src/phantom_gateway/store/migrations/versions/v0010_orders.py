"""Indices for lists: what is missing comes first, as PostgreSQL wants it said; keys with access groups; the dearest keys.

Those of the dimensions of sums all begin with the kind, which every question names. The release before goes on
working beside it, with slower lists.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0010"
down_revision = "v0009"
branch_labels = None
depends_on = None

_KEYS = ("alias", "user_id", "team_id", "max_budget_nano", "expires")
_SPENT = sa.text("substr(entity, 1, 4) = 'key:'")
_DIMENSIONS = (
    ("kind", "key_id"),
    ("kind", "user_id"),
    ("kind", "team_id"),
    ("kind", "org_id"),
    ("kind", "name", "user_id"),
)
_BEFORE = ("kind", "key_id", "user_id", "team_id", "org_id", "name")
_GROUPED = sa.text("CAST(access_groups AS TEXT) <> '[]'")


def upgrade() -> None:
    """Make the indices."""
    op.create_index("ix_totals_keys", "totals", ["amount_nano", "entity"], sqlite_where=_SPENT, postgresql_where=_SPENT)
    op.create_index(op.f("ix_keys_created_by"), "keys", ["created_by"])
    op.create_index("ix_keys_grouped", "keys", ["id"], sqlite_where=_GROUPED, postgresql_where=_GROUPED)
    if op.get_bind().dialect.name == "postgresql":
        for name in _KEYS:
            op.create_index(f"ix_keys_low_{name}", "keys", [sa.text(f"{name} NULLS FIRST"), "id"])
            op.drop_index(op.f(f"ix_keys_{name}_id"), "keys")
    for names in _DIMENSIONS:
        op.create_index(op.f(f"ix_spend_dimensions_{'_'.join(names)}"), "spend_dimensions", list(names))
    for name in _BEFORE:
        op.drop_index(op.f(f"ix_spend_dimensions_{name}"), "spend_dimensions")


def downgrade() -> None:
    """Drop them."""
    for name in _BEFORE:
        op.create_index(op.f(f"ix_spend_dimensions_{name}"), "spend_dimensions", [name])
    for names in _DIMENSIONS:
        op.drop_index(op.f(f"ix_spend_dimensions_{'_'.join(names)}"), "spend_dimensions")
    if op.get_bind().dialect.name == "postgresql":
        for name in _KEYS:
            op.create_index(op.f(f"ix_keys_{name}_id"), "keys", [name, "id"])
            op.drop_index(f"ix_keys_low_{name}", "keys")
    op.drop_index("ix_keys_grouped", "keys")
    op.drop_index(op.f("ix_keys_created_by"), "keys")
    op.drop_index("ix_totals_keys", "totals")
