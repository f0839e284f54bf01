"""The limits that hold somebody in effect: his own and those of everybody above him, and which of them binds first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities import chain
from phantom_gateway.control.entities.limits import Entity, budgets_of, model_limits_of, rates_of, window_of
from phantom_gateway.control.entities.past import complete
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import spend, tenants
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import TeamRow, UserRow

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One who limits. ``budgets``: whether his budgets count as well: a user's own do not for a key of a team."""

    entity: Entity
    name: str
    budgets: bool = True

    @property
    def level(self) -> str:
        """``key``, ``user``, ``member``, ``project``, ``team``, ``org_member`` or ``org``."""
        return self.entity.name.partition(":")[0]


def parts_of_key(connection: sa.Connection, row: KeyRow) -> list[Part]:
    """From a key up to its organisation."""
    found = chain.load(connection, row)
    person = found.user and (found.user.alias or found.user.email or found.user.id)
    names = {
        "key": row.alias or row.key_name,
        "user": person,
        "member": person or row.user_id,
        "project": found.project and (found.project.alias or found.project.id),
        "team": found.team and (found.team.alias or found.team.id),
        "org": found.org and (found.org.alias or found.org.id),
        "org_member": person or row.user_id,
    }
    parts = [Part(each, names.get(each.name.partition(":")[0]) or "") for each in chain.entities_of(found)]
    if found.user is not None and found.team is not None:
        parts.insert(1, Part(Entity(f"user:{found.user.id}", found.user), person or "", budgets=False))
    return parts


def parts_of_user(connection: sa.Connection, row: UserRow) -> list[Part]:
    """A person alone: what above him counts depends on the key he calls with."""
    return [Part(Entity(f"user:{row.id}", complete(connection, row)), row.alias or row.email or row.id)]


def parts_of_team(connection: sa.Connection, row: TeamRow) -> list[Part]:
    """A team and its organisation."""
    parts = [Part(Entity(f"team:{row.id}", complete(connection, row)), row.alias or row.id)]
    org = None if row.org_id is None else tenants.ORGANIZATIONS.get(connection, row.org_id)
    if org is not None:
        parts.append(Part(Entity(f"org:{org.id}", complete(connection, org)), org.alias or org.id))
    return parts


def view(connection: sa.Connection, parts: Sequence[Part], now: float) -> JsonObject:
    """All limits of ``parts`` with what is spent of budgets, and the lists of models; ``binds`` is the tightest of its kind."""
    limits = [(part, limit, model) for part in parts for limit, model in _limits(part, now)]
    windows = {limit.scope: (limit.scope, window_of(limit, now)[0]) for _, limit, _ in limits if limit.kind == "budget"}
    spent = spend.of_windows(connection, list(windows.values()))
    left = {
        limit.scope: limit.amount - spent.get(windows[limit.scope], 0)
        for _, limit, _ in limits
        if limit.scope in windows
    }
    tightest: dict[tuple[str, str, str], tuple[int, str]] = {}
    for _, limit, model in limits:
        kind = (limit.kind, "" if limit.kind == "budget" else limit.window, model or "")
        mine = (left.get(limit.scope, limit.amount), limit.scope)
        tightest[kind] = min(tightest.get(kind, mine), mine)
    binding = {scope for _, scope in tightest.values()}
    return {
        "limits": [
            {"model": model, **_shown(part, limit, now, left.get(limit.scope), limit.scope in binding)}
            for part, limit, model in limits
        ],
        "models": [
            {"level": part.level, "entity": part.entity.name, "name": part.name, "models": part.entity.allowance.models}
            for part in parts
            if part.budgets and part.entity.allowance.models
        ],
        "blocked_by": [part.level for part in parts if part.entity.allowance.blocked],
    }


def _limits(part: Part, now: float) -> Iterator[tuple[Limit, str | None]]:
    """Each limit, and the model it counts alone."""
    yield from ((limit, None) for limit in rates_of(part.entity))
    if not part.budgets:
        return
    yield from ((limit, None) for limit in budgets_of(part.entity, now))
    for model, limits in model_limits_of(part.entity).items():
        yield from ((limit, model) for limit in limits)


def _shown(part: Part, limit: Limit, now: float, left: int | None, binds: bool) -> JsonObject:
    end = window_of(limit, now)[1] if limit.kind == "budget" and limit.window else None
    return {
        "level": part.level,
        "entity": part.entity.name,
        "name": part.name,
        "kind": limit.kind,
        "window": limit.window or None,
        "limit": float(limit.amount) if left is None else nano_to_usd(limit.amount),
        "spent": None if left is None else nano_to_usd(limit.amount - left),
        "remaining": None if left is None else nano_to_usd(left),
        "resets_at": iso(end),
        "budget_id": part.entity.allowance.budget_id,
        "binds": binds,
    }
