"""Audit records of administrative changes: who acted, on what, and what was different afterwards.

A change notes its records on its ``Effects`` (``control.commit``), which writes them in the same transaction:

    effects.audit.append(Change(EventCode.TEAM_UPDATED, team_id, before=old_view, after=new_view))

What does not go through a ``Writer`` calls ``record`` itself, as the last statement of its transaction. Views are the API's own
(field names as clients know them); secrets in them are hidden here, whoever calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.security.audit_events import ActorKind, EventCode, Result, Table
from phantom_gateway.security.redact import redacted
from phantom_gateway.store import audit

JsonObject = Mapping[str, Any]

_NOISE = frozenset({"updated_at", "updated_by", "spend", "total_spend", "last_active", "budget_reset_at"})
"""Differ at every look, or are in the record elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who makes a change. ``name`` and ``key_id`` are what was authenticated, ``changed_by`` is what the request says."""

    name: str
    kind: ActorKind
    key_id: str = ""
    changed_by: str = ""
    request_id: str = ""
    node: str = ""

    @property
    def by(self) -> str:
        """As it appears in ``created_by`` and ``updated_by``."""
        return self.changed_by or self.name


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object. Both views are given for an update; one of them when it was made or removed.

    ``team_id`` and ``tenant`` are the team and organisation the object belongs to.
    """

    code: EventCode
    object_id: str
    before: JsonObject | None = None
    after: JsonObject | None = None
    team_id: str | None = None
    tenant: str | None = None
    result: Result = Result.SUCCESS


def system_author(name: str, node: str = "") -> Author:
    """The gateway itself: a job, a start, a command."""
    return Author(name=name, kind=ActorKind.SYSTEM, node=node)


def record(connection: sa.Connection, author: Author, change: Change) -> int:
    """Append a record in the caller's transaction and return its number. Raises AuditError, DatabaseError."""
    before, after = differences(redacted(change.before), redacted(change.after))
    event = audit.AuditEvent(
        code=change.code,
        object_id=change.object_id,
        actor=author.name,
        actor_kind=author.kind,
        key_id=author.key_id,
        changed_by=author.by,
        before=before,
        after=after,
        result=change.result,
        team_id=change.team_id or (change.object_id if change.code.table is Table.TEAM else ""),
        tenant=change.tenant or (change.object_id if change.code.table is Table.ORGANIZATION else ""),
        request_id=author.request_id,
        node=author.node,
    )
    return audit.append(connection, event)


def differences(before: JsonObject | None, after: JsonObject | None) -> tuple[JsonObject | None, JsonObject | None]:
    """What a record keeps of two views: of an update the fields that differ, else the fields that say something."""
    if before is None or after is None:
        return _speaking(before), _speaking(after)
    names = [name for name in {**before, **after} if name not in _NOISE and before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def _speaking(view: JsonObject | None) -> JsonObject | None:
    if view is None:
        return None
    return {name: value for name, value in view.items() if name not in _NOISE and value not in (None, [], {}, "")}
