"""Requests for more as they are shown: what is asked for beside what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.past import complete
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import ApprovalRow, UserRow

JsonObject = dict[str, Any]
Subject = KeyRow | UserRow


def subject_of(connection: sa.Connection, row: ApprovalRow) -> Subject | None:
    """The key or the user that is to get more, with the limits of the budget it refers to; ``None`` when it is gone."""
    return _subjects(connection, [row]).get((row.subject, row.subject_id))


def views(connection: sa.Connection, rows: Sequence[ApprovalRow]) -> list[JsonObject]:
    """As ``/approval/list`` shows them."""
    subjects = _subjects(connection, rows)
    people = {user.id: user for user in tenants.USERS.of(connection, "id", sorted({row.user_id for row in rows}))}
    return [_view(row, subjects.get((row.subject, row.subject_id)), people.get(row.user_id)) for row in rows]


def _subjects(connection: sa.Connection, rows: Sequence[ApprovalRow]) -> dict[tuple[str, str], Subject]:
    named: dict[str, list[str]] = {"key": [], "user": []}
    for row in rows:
        named[row.subject].append(row.subject_id)
    found: dict[tuple[str, str], Subject] = {}
    for key in keys.of(connection, "id", named["key"]):
        found["key", key.id] = complete(connection, key)
    for user in tenants.USERS.of(connection, "id", named["user"]):
        found["user", user.id] = complete(connection, user)
    return found


def _view(row: ApprovalRow, subject: Subject | None, user: UserRow | None) -> JsonObject:
    name = subject.alias if subject is not None else None
    if isinstance(subject, UserRow):
        name = name or subject.email
    decided = row.state in ("approved", "refused")
    return {
        "id": row.id,
        "user_id": row.user_id,
        "user_email": user.email if user else None,
        "subject": row.subject,
        "subject_id": row.subject_id,
        "subject_name": name,
        "team_id": row.team_id,
        "organization_id": row.org_id,
        "max_budget": _dollars(row.max_budget_nano),
        "models": row.models,
        "reason": row.reason,
        "state": row.state,
        "note": row.note,
        "granted": {name: row.granted.get(name) for name in ("max_budget", "models")} if row.granted else None,
        "present": None
        if subject is None
        else {
            "max_budget": _dollars(subject.max_budget_nano),
            "budget_duration": subject.budget_duration,
            "models": subject.models,
        },
        "created_at": iso(row.created_at),
        "decided_at": iso(row.updated_at) if decided else None,
        "decided_by": row.updated_by if decided else None,
    }


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano_to_usd(nano)
