"""From request fields to rows: what a new key looks like, and an old one after an update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phantom_gateway.config.durations import parse_duration
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.keys.fields import KEPT, BudgetLimit, KeyFields, KeyGenerate, KeyUpdate
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.security import key_format
from phantom_gateway.store.keys import KeyRow

_DEFAULTS: dict[str, Any] = {
    "models": [],
    "aliases": {},
    "metadata": {},
    "tags": [],
    "allowed_routes": [],
    "key_type": "default",
    "blocked": False,
}
"""Columns that are never NULL: what ``null`` in a request means for them."""
_SAME_NAME = (
    "user_id",
    "team_id",
    "rpm_limit",
    "tpm_limit",
    "tpd_limit",
    "max_parallel_requests",
    "budget_duration",
    *_DEFAULTS,
)
_RENAMED = {"key_alias": "alias", "organization_id": "org_id"}
NEVER_EXPIRES = "-1"


def new_row(fields: KeyGenerate, key: str, key_id: str, now: float, by: str) -> KeyRow:
    """The row of a new key. Raises ApiError for fields that contradict each other."""
    blank = KeyRow(
        id=key_id,
        key_name=key_format.display(key),
        budget_anchor=0.0,
        budget_limits=[],
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
        extra={},
        **_DEFAULTS,
    )
    return _checked(replace(blank, **_columns(fields, {}, now)))


def updated_row(row: KeyRow, fields: KeyUpdate, now: float, by: str) -> KeyRow:
    """``row`` after an update: only fields that the request names change."""
    changes = _columns(fields, row.extra, now)
    return _checked(replace(row, **changes, updated_at=now, updated_by=by, revision=row.revision + 1))


def _columns(fields: KeyFields, extra: dict[str, Any], now: float) -> dict[str, Any]:
    given = {name: getattr(fields, name) for name in fields.model_fields_set}
    columns: dict[str, Any] = {}
    for name in _SAME_NAME:
        if name in given:
            columns[name] = _DEFAULTS.get(name) if given[name] is None else given[name]
    columns |= {column: given[name] for name, column in _RENAMED.items() if name in given}
    if "max_budget" in given:
        columns["max_budget_nano"] = None if given["max_budget"] is None else usd_to_nano(given["max_budget"])
    if "budget_limits" in given:
        columns["budget_limits"] = _budget_limits(given["budget_limits"] or [])
    if "duration" in given:
        columns["expires"] = _expires(given["duration"], now)
    if kept := {name: given[name] for name in KEPT if name in given}:
        columns["extra"] = extra | kept
    return columns


def _budget_limits(entries: list[BudgetLimit]) -> list[dict[str, Any]]:
    return [
        {"budget_duration": entry.budget_duration, "max_budget_nano": usd_to_nano(entry.max_budget)}
        for entry in entries
    ]


def _expires(duration: str | None, now: float) -> float | None:
    if duration is None or duration == NEVER_EXPIRES:
        return None
    try:
        parsed = parse_duration(duration)
    except ValueError as error:
        raise bad_field("duration", str(error)) from error
    # A key's life is counted from now, not from the calendar: a month is 30 days here.
    return now + (parsed.count * 30 * 86400 if parsed.unit == "mo" else parsed.seconds())


def _checked(row: KeyRow) -> KeyRow:
    durations = [entry["budget_duration"] for entry in row.budget_limits]
    if row.max_budget_nano is not None:
        durations.append(row.budget_duration)
    if len(set(durations)) != len(durations):
        raise bad_field("budget_limits", "two budgets with the same duration")
    return row
