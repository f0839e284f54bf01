"""Organisations, teams, users, projects, customers, tags, budgets; keys that can be regenerated.

Only additions: the release before goes on working beside it.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

_NAME = sa.String(length=255)


def _stamps() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", _NAME),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("updated_by", _NAME),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    ]


def _allowance() -> list[sa.Column[object]]:
    return [
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("rpm_limit", sa.BigInteger()),
        sa.Column("tpm_limit", sa.BigInteger()),
        sa.Column("tpd_limit", sa.BigInteger()),
        sa.Column("max_parallel_requests", sa.BigInteger()),
        sa.Column("max_budget_nano", sa.BigInteger()),
        sa.Column("soft_budget_nano", sa.BigInteger()),
        sa.Column("budget_duration", sa.String(length=16)),
        sa.Column("budget_anchor", sa.Double(), nullable=False),
        sa.Column("budget_limits", sa.JSON(), nullable=False),
        sa.Column("model_limits", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("temp_increase_nano", sa.BigInteger()),
        sa.Column("temp_expiry", sa.Double()),
        sa.Column("budget_id", _NAME),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        *_stamps(),
    ]


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _id(name: str = "id") -> sa.Column[object]:
    return sa.Column(name, _NAME, nullable=False)


def _create(name: str, *columns: sa.Column[object], key: tuple[str, ...] = ("id",), **uniques: str) -> None:
    constraints: list[sa.Constraint] = [sa.PrimaryKeyConstraint(*key, name=f"pk_{name}")]
    constraints += [sa.UniqueConstraint(column, name=f"uq_{name}_{column}") for column in uniques.values()]
    op.create_table(name, *columns, *constraints)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    """Add the tables and columns."""
    _create("organizations", _id(), sa.Column("alias", _NAME), *_allowance())
    _index("organizations", "created_at")
    role = sa.String(length=64)
    _create(
        "organization_members",
        _id("org_id"),
        _id("user_id"),
        sa.Column("role", role, nullable=False),
        *_allowance(),
        key=("org_id", "user_id"),
    )
    _index("organization_members", "user_id")
    _create(
        "teams",
        _id(),
        sa.Column("alias", _NAME),
        sa.Column("org_id", _NAME),
        _json("aliases"),
        _json("tags"),
        _json("access_groups"),
        _json("member_permissions"),
        _json("member_defaults"),
        *_allowance(),
    )
    _index("teams", "org_id")
    _index("teams", "created_at")
    _create(
        "team_members",
        _id("team_id"),
        _id("user_id"),
        sa.Column("role", role, nullable=False),
        *_allowance(),
        key=("team_id", "user_id"),
    )
    _index("team_members", "user_id")
    _create(
        "users",
        _id(),
        sa.Column("email", _NAME),
        sa.Column("alias", _NAME),
        sa.Column("role", role, nullable=False),
        sa.Column("sso_user_id", _NAME),
        sa.Column("password_hash", sa.Text()),
        *_allowance(),
        email="email",
        sso="sso_user_id",
    )
    _index("users", "created_at")
    _create(
        "projects",
        _id(),
        sa.Column("alias", _NAME),
        sa.Column("description", sa.Text()),
        _id("team_id"),
        _json("tags"),
        *_allowance(),
    )
    _index("projects", "team_id")
    _create(
        "customers",
        _id(),
        sa.Column("alias", _NAME),
        sa.Column("allowed_model_region", sa.String(length=16)),
        sa.Column("default_model", _NAME),
        *_allowance(),
    )
    _index("customers", "created_at")
    _create("tags", _id(), sa.Column("description", sa.Text()), *_allowance())
    _create("budgets", _id(), *_allowance())
    _index("budgets", "created_at")
    _create(
        "access_groups",
        _id(),
        _id("name"),
        sa.Column("description", sa.Text()),
        _json("models"),
        _json("extra"),
        *_stamps(),
        name_="name",
    )
    _create(
        "models",
        _id(),
        _id("name"),
        _json("params"),
        sa.Column("sealed", sa.Text()),
        _json("info"),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        *_stamps(),
    )
    _index("models", "name")
    _create(
        "credentials",
        _id(),
        _json("names"),
        sa.Column("sealed", sa.Text(), nullable=False),
        _json("info"),
        *_stamps(),
    )
    _create("overrides", _id(), _json("value"), *_stamps())
    _create("roles", _id(), sa.Column("description", sa.Text()), _json("grants"), *_stamps())
    _extend_keys()
    op.add_column("requests", sa.Column("project_id", sa.Text()))


def _extend_keys() -> None:
    for table in ("keys", "deleted_keys"):
        op.add_column(table, sa.Column("project_id", _NAME))
        op.add_column(table, sa.Column("access_groups", sa.JSON(), nullable=False, server_default="[]"))
        op.add_column(table, sa.Column("rotation_s", sa.BigInteger()))
        op.add_column(table, sa.Column("rotated_at", sa.Double()))
        op.add_column(table, sa.Column("rotations", sa.BigInteger(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("soft_budget_nano", sa.BigInteger()))
        op.add_column(table, sa.Column("model_limits", sa.JSON(), nullable=False, server_default="{}"))
        op.add_column(table, sa.Column("temp_increase_nano", sa.BigInteger()))
        op.add_column(table, sa.Column("temp_expiry", sa.Double()))
        op.add_column(table, sa.Column("budget_id", _NAME))
    _index("keys", "org_id")
    _index("keys", "project_id")
    op.create_table(
        "key_digests",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Double()),
        sa.PrimaryKeyConstraint("digest", name="pk_key_digests"),
    )
    _index("key_digests", "key_id")
    op.execute("INSERT INTO key_digests (digest, key_id, until) SELECT id, id, NULL FROM keys")
    _move_soft_budgets()


def _move_soft_budgets() -> None:
    # They were kept and shown only; from now on they are acted on.
    keys = sa.table("keys", sa.column("id"), sa.column("extra", sa.JSON()), sa.column("soft_budget_nano"))
    connection = op.get_bind()
    for key_id, extra in connection.execute(sa.select(keys.c.id, keys.c.extra)).all():
        found = json.loads(extra) if isinstance(extra, str) else extra
        if isinstance(found, dict) and isinstance(soft := found.get("soft_budget"), int | float):
            amount = round(soft * 1_000_000_000)
            connection.execute(sa.update(keys).where(keys.c.id == key_id).values(soft_budget_nano=amount))
