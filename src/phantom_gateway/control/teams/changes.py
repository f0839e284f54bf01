"""From request fields to rows: what a new team looks like, and an old one after an update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities import bounds, changes, temporary
from phantom_gateway.control.entities.limits import completed
from phantom_gateway.control.entities.past import require_budget
from phantom_gateway.control.entities.revisions import stamps, touched
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.policy.reach import MEMBER_ROUTES
from phantom_gateway.control.teams.fields import KEPT, TeamFields
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import JsonObject, OrganizationRow, TeamRow

_COLUMNS = {
    "team_alias": "alias",
    "organization_id": "org_id",
    "tags": "tags",
    "model_aliases": "aliases",
    "access_group_ids": "access_groups",
}
_EMPTY: dict[str, Any] = {"tags": [], "aliases": {}, "access_groups": []}
"""Columns that are never NULL: what ``null`` in a request means for them."""
_DEFAULTS = {
    "team_member_budget": "max_budget_nano",
    "team_member_budget_duration": "budget_duration",
    "team_member_rpm_limit": "rpm_limit",
    "team_member_tpm_limit": "tpm_limit",
    "default_team_member_models": "models",
}
AVAILABLE_PERMISSIONS = tuple(sorted({path for paths in MEMBER_ROUTES.values() for path in paths}))
"""Routes that a team can open to its plain members for the team's keys."""


def new_row(fields: TeamFields, team_id: str, permissions: list[str], writer: Writer) -> TeamRow:
    """The row of a new team."""
    refuse_unknown_permissions(permissions)
    return TeamRow(id=team_id, member_permissions=permissions, **_columns(fields, None, writer), **stamps(writer))


def updated_row(row: TeamRow, fields: TeamFields, writer: Writer) -> TeamRow:
    """``row`` after an update: only fields that the request names change."""
    return touched(row, writer, _columns(fields, row, writer))


def said(fields: TeamFields) -> frozenset[str]:
    """The fields of a request that say something."""
    return frozenset(name for name in fields.model_fields_set if getattr(fields, name) not in (None, [], {}))


def check(connection: sa.Connection, row: TeamRow) -> None:
    """Refuse a team that contradicts itself, or has more than its organisation. Raises ApiError 400 and 404."""
    changes.check(row)
    temporary.check(row)
    require_budget(connection, row.budget_id)
    defaults = row.member_defaults
    if defaults.get("budget_duration") is not None and defaults.get("max_budget_nano") is None:
        raise bad_field("team_member_budget_duration", "a duration without team_member_budget")
    if row.org_id is not None:
        groups = access_groups(connection)
        org = _organization(connection, row.org_id)
        bounds.refuse_excess(_complete(connection, row), _complete(connection, org), "organisation", groups)
        for name in bounds.foreign(row.access_groups, org.models, groups):
            raise bad_field("access_group_ids", f"{name[:60]!r} is not among the models of its organisation")


def raised(before: TeamRow, after: TeamRow) -> Iterator[str]:
    """The request fields by which a team gets more than it had."""
    if before.org_id != after.org_id:
        yield "organization_id"
    yield from bounds.raised(before, after)
    if set(after.access_groups) - set(before.access_groups):
        yield "access_group_ids"
    if set(before.tags) - set(after.tags):
        yield "tags"  # a tag may have a budget


def refuse_unknown_permissions(permissions: list[str]) -> None:
    """Raises ApiError 400 for what a team cannot open to its members."""
    for path in permissions:
        if path not in AVAILABLE_PERMISSIONS:
            raise bad_field("team_member_permissions", f"{path[:60]!r} is none of {', '.join(AVAILABLE_PERMISSIONS)}")


def access_groups(connection: sa.Connection) -> dict[str, list[str]]:
    """The models of access groups, by id and by name."""
    return {name: row.models for row in tenants.ACCESS_GROUPS.all(connection) for name in (row.id, row.name)}


def _columns(given: TeamFields, before: TeamRow | None, writer: Writer) -> dict[str, Any]:
    fields = zoned(given, writer.zone)
    columns = changes.allowance_columns(fields, before) | changes.kept(fields, KEPT, before)
    columns |= temporary.temporary_columns(fields, writer.now)
    for name, column in _COLUMNS.items():
        if name in fields.model_fields_set:
            value = getattr(fields, name)
            columns[column] = _EMPTY.get(column) if value is None else value
    given_defaults = {
        column: getattr(fields, name) for name, column in _DEFAULTS.items() if name in fields.model_fields_set
    }
    if given_defaults:
        columns["member_defaults"] = _member_defaults(given_defaults, before)
    return columns


def _member_defaults(given: JsonObject, before: TeamRow | None) -> JsonObject:
    if given.get("max_budget_nano") is not None:
        given["max_budget_nano"] = usd_to_nano(given["max_budget_nano"])
    merged = (before.member_defaults if before else {}) | given
    return {name: value for name, value in merged.items() if value not in (None, [])}


def _organization(connection: sa.Connection, org_id: str) -> OrganizationRow:
    row = tenants.ORGANIZATIONS.get(connection, org_id)
    if row is None:
        raise not_found("There is no such organization.", "organization_id")
    return row


def _complete(connection: sa.Connection, row: Any) -> Any:
    budget = None if row.budget_id is None else tenants.BUDGETS.get(connection, row.budget_id)
    return completed(row, budget)
