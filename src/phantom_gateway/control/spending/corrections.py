"""Corrections of the ledger: rows beside the ones they correct, never an edit.

A correction adds its amount to the totals of all whom the request or key belongs to, to the dashboards of today, and to every
budget whose present window holds the moment that is corrected. A reset lets the present windows of all budgets start anew; what
was spent stays on record.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.chain import entities_of, load
from phantom_gateway.control.entities.limits import budgets_of, model_limits_of, window_of
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import corrections, keys, log_search, spend
from phantom_gateway.store.corrections import Correction
from phantom_gateway.store.keys import KeyRow

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A correction as it was asked for: of a request, or of a key."""

    amount_nano: int
    reason: str
    key_id: str | None = None
    request_id: str | None = None


async def correct(writer: Writer, wanted: Wanted) -> JsonObject:
    """Book a correction. Raises ApiError 400 and 404, DatabaseError."""
    now = writer.now

    def change(connection: sa.Connection, effects: Effects) -> JsonObject:
        owner, at = _owner(connection, wanted, now)
        booked = corrections.entities(owner)
        total = spend.totals(connection, booked)
        least, of = min((total.get(each, spend.Total()).amount_nano, each) for each in booked)
        if least + wanted.amount_nano < 0:
            raise bad_field("amount", f"{of} has spent {nano_to_usd(least)} in all; not more can be taken back")
        made = Correction(
            id=f"correction-{secrets.token_hex(16)}",
            at=now,
            kind="correction",
            entity=spend.key_entity(owner["key_id"]),
            amount_nano=wanted.amount_nano,
            reason=wanted.reason,
            request_id=wanted.request_id,
            made_by=writer.by,
        )
        corrections.book(connection, made, owner)
        row = keys.get(connection, owner["key_id"])
        if row is not None:
            for limit in _budgets(connection, row, owner["model_group"], now):
                scope, (start, end) = limit.scope, window_of(limit, now)
                if start <= at < end:
                    amount = max(spend.of_window(connection, scope, start) + wanted.amount_nano, 0)
                    effects.spent.append(spend.put_window(connection, scope, start, amount))
        shown = view(made)
        effects.audit.append(
            Change(EventCode.SPEND_CORRECTED, made.id, after=shown, team_id=owner["team_id"], tenant=owner["org_id"])
        )
        return shown

    return await writer.commit(change)


async def reset(writer: Writer) -> int:
    """Let the present window of every budget start anew; the number of budgets. Raises DatabaseError."""
    now = writer.now

    def change(connection: sa.Connection, effects: Effects) -> int:
        made = []
        for scope, start, amount in corrections.newest_windows(connection):
            duration = scope.rpartition(":")[2]
            if amount > 0 and (not duration or window_bounds(duration, now, start)[0] == start):
                name = f"reset-{secrets.token_hex(16)}"
                made.append(
                    Correction(
                        id=name, at=now, kind="reset", entity=scope, amount_nano=-amount, reason="reset",
                        request_id=None, made_by=writer.by,
                    )
                )  # fmt: skip
                effects.spent.append(spend.put_window(connection, scope, start, 0))
        corrections.note(connection, made)
        taken = nano_to_usd(-sum(each.amount_nano for each in made))
        effects.audit.append(
            Change(EventCode.SPEND_RESET, "global", before={"budgets": len(made), "spent": taken}, after={"spent": 0.0})
        )
        return len(made)

    return await writer.commit(change)


def view(made: Correction) -> JsonObject:
    """A correction as the API shows it."""
    return {
        "id": made.id,
        "kind": made.kind,
        "entity": made.entity,
        "amount": nano_to_usd(made.amount_nano),
        "reason": made.reason,
        "request_id": made.request_id,
        "created_at": iso(made.at),
        "created_by": made.made_by,
    }


def _owner(connection: sa.Connection, wanted: Wanted, now: float) -> tuple[JsonObject, float]:
    """Whom the correction belongs to, as columns of the log, and the moment that is corrected."""
    if wanted.request_id is not None:
        row = log_search.one(connection, wanted.request_id, None)
        if row is None:
            raise not_found("No such request in the spend log.", "request_id")
        return {name: row[name] for name in corrections.OWNER}, row["started_at"] / 1e6
    key = None if wanted.key_id is None else keys.get(connection, wanted.key_id)
    if key is None:
        raise not_found("Key not found in database.", "api_key")
    chain = load(connection, key)
    owner = dict.fromkeys(corrections.OWNER, "") | {
        "key_id": key.id,
        "key_alias": key.alias,
        "user_id": key.user_id,
        "team_id": chain.team.id if chain.team else key.team_id,
        "org_id": chain.org.id if chain.org else key.org_id,
        "project_id": key.project_id,
        "end_user": None,
        "tags": json.dumps([]),
    }
    return owner, now


def _budgets(connection: sa.Connection, key: KeyRow, model: str, now: float) -> Iterator[Limit]:
    for entity in entities_of(load(connection, key)):
        yield from budgets_of(entity, now)
        for limit in model_limits_of(entity).get(model, ()):
            if limit.kind == "budget":
                yield limit
