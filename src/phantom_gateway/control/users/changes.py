"""From request fields to rows: what a new user looks like, and an old one after an update."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from phantom_gateway.control.entities import changes, temporary
from phantom_gateway.control.people_settings import NewUser
from phantom_gateway.control.users.fields import KEPT, UserFields, UserNew
from phantom_gateway.store.tenants import UserRow

_COLUMNS = {"user_email": "email", "user_alias": "alias", "user_role": "role", "sso_user_id": "sso_user_id"}
_UNLIMITED = frozenset({"proxy_admin", "proxy_admin_viewer"})
"""Roles with a say over the gateway: the default limits are not for them."""


def new_row(fields: UserNew, defaults: NewUser, now: float, by: str) -> UserRow:
    """The row of a new user. Raises ApiError for fields that contradict each other."""
    blank = UserRow(
        id=fields.user_id or str(uuid.uuid4()),
        role=fields.user_role or defaults.role,
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
    )
    row = replace(blank, **_columns(fields, None, now))
    row = replace(row, **_missing(row, defaults))
    _check(row)
    return row


def updated_row(row: UserRow, fields: UserFields, now: float, by: str) -> UserRow:
    """``row`` after an update: only fields that the request names change."""
    changed = replace(row, **_columns(fields, row, now), updated_at=now, updated_by=by, revision=row.revision + 1)
    _check(changed)
    return changed


def _check(row: UserRow) -> None:
    changes.check(row)
    temporary.check(row)


def said(fields: UserFields) -> frozenset[str]:
    """The fields of a request that say something."""
    return frozenset(name for name in fields.model_fields_set if getattr(fields, name) not in (None, [], {}))


def _columns(fields: UserFields, before: UserRow | None, now: float) -> dict[str, Any]:
    columns = changes.allowance_columns(fields, before) | changes.kept(fields, KEPT, before)
    columns |= temporary.temporary_columns(fields, now)
    for name, column in _COLUMNS.items():
        if name not in fields.model_fields_set:
            continue
        value = getattr(fields, name)
        if column != "role" or value is not None:  # everybody has a role
            columns[column] = value
    return columns


def _missing(row: UserRow, defaults: NewUser) -> dict[str, Any]:
    """Columns that the defaults fill."""
    found: dict[str, Any] = {} if row.models else {"models": list(defaults.models)}
    if row.role in _UNLIMITED:
        return found
    if row.max_budget_nano is None and row.budget_id is None and defaults.max_budget_nano is not None:
        found["max_budget_nano"] = defaults.max_budget_nano
        found["budget_duration"] = row.budget_duration or defaults.budget_duration
    for name in ("rpm_limit", "tpm_limit", "max_parallel_requests"):
        if getattr(row, name) is None:
            found[name] = getattr(defaults, name)
    return found
