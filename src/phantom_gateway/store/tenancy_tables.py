"""The tables of who uses the gateway: organisations, teams, people, projects, customers, tags and what they share.

Membership is stored once, in the member tables. Limits of a member are limits on the pair (team, user).
"""

from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.store.tables import METADATA, NAME, allowance_columns, stamp_columns

ORGANIZATIONS = sa.Table(
    "organizations",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("alias", NAME),
    *allowance_columns(),
    sa.Index(None, "created_at"),
)

ORGANIZATION_MEMBERS = sa.Table(
    "organization_members",
    METADATA,
    sa.Column("org_id", NAME, primary_key=True),
    sa.Column("user_id", NAME, primary_key=True),
    sa.Column("role", sa.String(64), nullable=False),
    *allowance_columns(),
    sa.Index(None, "user_id"),
)

TEAMS = sa.Table(
    "teams",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("alias", NAME),
    sa.Column("org_id", NAME),
    sa.Column("aliases", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("access_groups", sa.JSON, nullable=False),
    sa.Column("member_permissions", sa.JSON, nullable=False),
    sa.Column("member_defaults", sa.JSON, nullable=False),
    *allowance_columns(),
    sa.Index(None, "org_id"),
    sa.Index(None, "created_at"),
    comment="member_permissions: what plain members may do with the team's keys; member_defaults: limits of new members",
)

TEAM_MEMBERS = sa.Table(
    "team_members",
    METADATA,
    sa.Column("team_id", NAME, primary_key=True),
    sa.Column("user_id", NAME, primary_key=True),
    sa.Column("role", sa.String(64), nullable=False),
    *allowance_columns(),
    sa.Index(None, "user_id"),
)

USERS = sa.Table(
    "users",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("email", NAME, unique=True),
    sa.Column("alias", NAME),
    sa.Column("role", sa.String(64), nullable=False),
    sa.Column("sso_user_id", NAME, unique=True),
    sa.Column("password_hash", sa.Text),
    *allowance_columns(),
    sa.Index(None, "created_at"),
    comment="internal users; email is kept in lower case",
)

PROJECTS = sa.Table(
    "projects",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("alias", NAME),
    sa.Column("description", sa.Text),
    sa.Column("team_id", NAME, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    *allowance_columns(),
    sa.Index(None, "team_id"),
)

CUSTOMERS = sa.Table(
    "customers",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("alias", NAME),
    sa.Column("allowed_model_region", sa.String(16)),
    sa.Column("default_model", NAME),
    *allowance_columns(),
    sa.Index(None, "created_at"),
    comment="end users of those who call the gateway, as named in requests",
)

TAGS = sa.Table(
    "tags",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("description", sa.Text),
    *allowance_columns(),
    comment="labels of requests that have limits or models of their own; id is the tag",
)

BUDGETS = sa.Table(
    "budgets",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    *allowance_columns(),
    sa.Index(None, "created_at"),
    comment="limits that several entities refer to by budget_id; each has its own counters",
)

ACCESS_GROUPS = sa.Table(
    "access_groups",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("name", NAME, nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("extra", sa.JSON, nullable=False),
    *stamp_columns(),
    comment="names for sets of models, beside those of the configuration file's model_info.access_groups",
)

MODELS = sa.Table(
    "models",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("name", NAME, nullable=False),
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("sealed", sa.Text),
    sa.Column("info", sa.JSON, nullable=False),
    sa.Column("blocked", sa.Boolean, nullable=False),
    *stamp_columns(),
    sa.Index(None, "name"),
    comment="deployments made over the API; params without secrets, which are in the envelope sealed",
)

CREDENTIALS = sa.Table(
    "credentials",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("names", sa.JSON, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("info", sa.JSON, nullable=False),
    *stamp_columns(),
    comment="credentials of providers by name; names are the fields inside the envelope",
)

PASS_ENDPOINTS = sa.Table(
    "pass_endpoints",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("path", sa.String(600), nullable=False, unique=True),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("sealed", sa.Text),
    *stamp_columns(),
    comment="paths passed through to other services, made over the API; headers and parameters are in the envelope sealed",
)

OVERRIDES = sa.Table(
    "overrides",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    *stamp_columns(),
    comment="settings made over the API: a closed, typed list beside the configuration file",
)

ROLES = sa.Table(
    "roles",
    METADATA,
    sa.Column("id", NAME, primary_key=True),
    sa.Column("description", sa.Text),
    sa.Column("grants", sa.JSON, nullable=False),
    *stamp_columns(),
    comment="custom roles: action to reach, as in the policy table",
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("user_id", NAME),
    sa.Column("method", sa.String(32), nullable=False),
    sa.Column("bound", sa.String(64)),
    sa.Column("label", NAME, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
    sa.Index(None, "user_id"),
    sa.Index(None, "created_at"),
    comment="people signed in; id is the keyed digest of the cookie, bound that of the credential of the operator's own login",
)

APPROVALS = sa.Table(
    "approvals",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("user_id", NAME, nullable=False),
    sa.Column("subject", sa.String(16), nullable=False),
    sa.Column("subject_id", NAME, nullable=False),
    sa.Column("team_id", NAME),
    sa.Column("org_id", NAME),
    sa.Column("max_budget_nano", sa.BigInteger),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("granted", sa.JSON, nullable=False),
    *stamp_columns(),
    sa.Index(None, "user_id"),
    sa.Index(None, "state", "created_at"),
    comment="what people ask administrators for: more budget or other models for themselves or a key of theirs",
)

INVITATIONS = sa.Table(
    "invitations",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("user_id", NAME, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("accepted_at", sa.Double),
    *stamp_columns(),
    sa.Index(None, "user_id"),
    comment="links by which a person sets a first password; id is the keyed digest of the link",
)
