"""From request fields to rows: what a new key looks like, and an old one after an update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phantom_gateway.config.durations import parse_duration
from phantom_gateway.control.entities import changes
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.keys.fields import KEPT, KeyFields, KeyGenerate
from phantom_gateway.control.timestamps import parse
from phantom_gateway.ledger.money import usd_to_nano
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
SHORTEST_ROTATION_S = 3600


def new_row(fields: KeyGenerate, key: str, key_id: str, now: float, by: str) -> KeyRow:
    """The row of a new key. Raises ApiError for fields that contradict each other."""
    blank = KeyRow(
        id=key_id, key_name=key_format.display(key), created_at=now, created_by=by, updated_at=now, updated_by=by
    )
    return _checked(replace(blank, **_columns(fields, None, now)))


def updated_row(row: KeyRow, fields: KeyFields, now: float, by: str) -> KeyRow:
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
    return columns | _rotation(given, before) | _temporary(given, now)


def _rotation(given: dict[str, Any], before: KeyRow | None) -> dict[str, Any]:
    """Automatic rotation needs an interval, and an interval needs it."""
    if given.keys().isdisjoint(("auto_rotate", "rotation_interval")):
        return {}
    known = before.rotation_s if before else None
    wanted = given.get("auto_rotate")
    if wanted is None and "auto_rotate" not in given:
        wanted = known is not None
    interval = given.get("rotation_interval")
    if not wanted:
        if interval is not None and known is None:
            raise bad_field("rotation_interval", "needs auto_rotate")
        return {"rotation_s": None}
    if interval is None and known is None:
        raise bad_field("auto_rotate", "needs rotation_interval")
    if interval is not None and _seconds(interval) < SHORTEST_ROTATION_S:
        raise bad_field("rotation_interval", "must be at least 1h: each value has to be fetched")
    return {"rotation_s": known if interval is None else int(_seconds(interval))}


def _temporary(given: dict[str, Any], now: float) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if "temp_budget_increase" in given:
        amount = given["temp_budget_increase"]
        columns["temp_increase_nano"] = None if amount is None else usd_to_nano(amount)
    if "temp_budget_expiry" in given:
        moment = given["temp_budget_expiry"]
        columns["temp_expiry"] = None if moment is None else parse(moment)
        if columns["temp_expiry"] is not None and columns["temp_expiry"] <= now:
            raise bad_field("temp_budget_expiry", "is in the past")
    return columns


def expires(duration: str | None, now: float) -> float | None:
    """When a key ends that lives this long. Raises ApiError 400."""
    if duration is None or duration == NEVER_EXPIRES:
        return None
    try:
        return now + _seconds(duration)
    except ValueError as error:
        raise bad_field("duration", str(error)) from error


def grace(period: str | None) -> float:
    """Seconds for which a replaced value is good."""
    return 0.0 if period is None else _seconds(period)


def _seconds(duration: str) -> float:
    # A key's life is counted from now, not from the calendar: a month is 30 days here.
    parsed = parse_duration(duration)
    return float(parsed.count * 30 * 86400 if parsed.unit == "mo" else parsed.seconds())


def _checked(row: KeyRow) -> KeyRow:
    changes.check(row)
    if (row.temp_increase_nano is None) != (row.temp_expiry is None):
        raise bad_field("temp_budget_increase", "temp_budget_increase and temp_budget_expiry are given together")
    if row.temp_increase_nano is not None and row.max_budget_nano is None and row.budget_id is None:
        raise bad_field("temp_budget_increase", "there is no max_budget that it could increase")
    return row
