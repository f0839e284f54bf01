"""Keys that go because what they belong to goes."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.keys.view import views
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys
from phantom_gateway.store.keys import KeyRow


def remove(connection: sa.Connection, rows: Iterable[KeyRow], writer: Writer, effects: Effects) -> None:
    """Turn keys into tombstones, each with its record in the audit log; workers forget them."""
    doomed = list({row.id: row for row in rows}.values())
    for row, view in zip(doomed, views(connection, doomed, writer.now), strict=True):
        keys.delete(connection, row, writer.now, writer.by)
        effects.forget.append(f"key:{row.id}")
        effects.audit.append(Change(EventCode.KEY_DELETED, row.id, view, None, team_id=row.team_id, tenant=row.org_id))
