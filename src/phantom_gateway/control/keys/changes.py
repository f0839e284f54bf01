"""From request fields to rows: what a new key looks like, and an old one after an update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phantom_gateway.config.durations import parse_duration
from phantom_gateway.control.entities import changes
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.keys.fields import KEPT, KeyFields, KeyGenerate, KeyUpdate
from phantom_gateway.security import key_format
from phantom_gateway.store.keys import KeyRow

_DEFAULTS: dict[str, Any] = {
    "aliases": {},
    "tags": [],
    "allowed_routes": [],
    "access_groups": [],
    "key_type": "default",
}
"""Columns that are never NULL: what ``null`` in a request means for them."""
_COLUMNS = {
    "key_alias": "alias",
    "organization_id": "org_id",
    "access_group_ids": "access_groups",
    **{name: name for name in ("user_id", "team_id", "project_id", "aliases", "tags", "allowed_routes", "key_type")},
}
NEVER_EXPIRES = "-1"


def new_row(fields: KeyGenerate, key: str, key_id: str, now: float, by: str) -> KeyRow:
    """The row of a new key. Raises ApiError for fields that contradict each other."""
    blank = KeyRow(
        id=key_id, key_name=key_format.display(key), created_at=now, created_by=by, updated_at=now, updated_by=by
    )
    return _checked(replace(blank, **_columns(fields, None, now)))


def updated_row(row: KeyRow, fields: KeyUpdate, now: float, by: str) -> KeyRow:
    """``row`` after an update: only fields that the request names change."""
    found = _columns(fields, row, now)
    return _checked(replace(row, **found, updated_at=now, updated_by=by, revision=row.revision + 1))


def _columns(fields: KeyFields, before: KeyRow | None, now: float) -> dict[str, Any]:
    given = {name: getattr(fields, name) for name in fields.model_fields_set}
    columns = changes.allowance_columns(fields, before) | changes.kept(fields, KEPT, before)
    for name, column in _COLUMNS.items():
        if name in given:
            columns[column] = _DEFAULTS.get(column) if given[name] is None else given[name]
    if "duration" in given:
        columns["expires"] = expires(given["duration"], now)
    return columns


def expires(duration: str | None, now: float) -> float | None:
    """When a key ends that lives this long. Raises ApiError 400."""
    if duration is None or duration == NEVER_EXPIRES:
        return None
    try:
        parsed = parse_duration(duration)
    except ValueError as error:
        raise bad_field("duration", str(error)) from error
    # A key's life is counted from now, not from the calendar: a month is 30 days here.
    return now + (parsed.count * 30 * 86400 if parsed.unit == "mo" else parsed.seconds())


def _checked(row: KeyRow) -> KeyRow:
    changes.check(row)
    return row
