"""From a key to everything above it, and from all of that to the one record workers decide by.

What counts: every rate limit on the way up; the budgets of key, member, team, project, organisation and its member. A user's own
budget and models count for personal keys only: a team's key spends the team's money (as in LiteLLM 1.106.2), bounded by
what the team grants the member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from phantom_gateway.control.entities.group_budgets import limits_by_model
from phantom_gateway.control.entities.limits import (
    Entity,
    budgets_of,
    completed,
    model_limits_of,
    rates_of,
    spend_window,
)
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.control.entities.routing import aliases_of, own_routing
from phantom_gateway.spine.messages import KeyRecord, Limit, SubjectRecord
from phantom_gateway.store import tenants
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import (
    AccessGroupRow,
    Allowance,
    BudgetRow,
    OrganizationMemberRow,
    OrganizationRow,
    ProjectRow,
    TeamMemberRow,
    TeamRow,
    UserRow,
)

PRIORITY = "priority"
"""Where metadata says which share of a model somebody has; administrators set it."""
MASTER_ALIAS = "master"
UNRESTRICTED = frozenset({"all-team-models", "all-org-models"})
"""What a list says that leaves the choice to the lists above it."""

A = TypeVar("A", bound=Allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A key and whom it belongs to; each with the limits of the budget it refers to."""

    key: KeyRow
    user: UserRow | None = None
    team: TeamRow | None = None
    member: TeamMemberRow | None = None
    project: ProjectRow | None = None
    org: OrganizationRow | None = None
    org_member: OrganizationMemberRow | None = None
    groups: dict[str, list[str]]
    """Access groups by id and by name: their models."""
    group_limits: dict[str, tuple[Limit, ...]] = field(default_factory=dict)
    """Budgets of access groups, by model."""

    @property
    def blocked_by(self) -> str:
        """The kind of the entity that blocks the key; empty when none does, ``key`` when it is the key itself."""
        parts = (
            ("key", self.key),
            ("user", self.user),
            ("team", self.team),
            ("project", self.project),
            ("org", self.org),
        )
        return next((kind for kind, part in parts if part is not None and part.blocked), "")


def load(connection: sa.Connection, key: KeyRow) -> Chain:
    """The chain of a key. Parts that the key names and that are not there are left out."""
    user = None if key.user_id is None else tenants.USERS.get(connection, key.user_id)
    project = None if key.project_id is None else tenants.PROJECTS.get(connection, key.project_id)
    team_id = key.team_id or (project.team_id if project else None)
    team = None if team_id is None else tenants.TEAMS.get(connection, team_id)
    member = None
    if team is not None and key.user_id is not None:
        member = tenants.TEAM_MEMBERS.get(connection, team.id, key.user_id)
    org_id = key.org_id or (team.org_id if team else None)
    org = None if org_id is None else tenants.ORGANIZATIONS.get(connection, org_id)
    org_member = None
    if org is not None and key.user_id is not None:
        org_member = tenants.ORGANIZATION_MEMBERS.get(connection, org.id, key.user_id)
    groups = tenants.ACCESS_GROUPS.all(connection)
    budgets = _budgets(connection, (key, user, team, member, project, org, org_member))
    if member is not None and team is not None:
        member = with_defaults(_completed(member, budgets), team)
    return Chain(
        key=_completed(key, budgets),
        user=user and _completed(user, budgets),
        team=team and _completed(team, budgets),
        member=member,
        project=project and _completed(project, budgets),
        org=org and _completed(org, budgets),
        org_member=org_member and _completed(org_member, budgets),
        groups=_models_of(groups),
        group_limits=limits_by_model(groups),
    )


def record_of(chain: Chain, digest: str, now: float, until: float | None = None) -> KeyRecord:
    """What a worker caches, for a key found by ``digest``; ``until`` ends the grace period of a replaced value."""
    key = chain.key
    ends = [end for end in (key.expires, until) if end is not None]
    blocked_by = chain.blocked_by
    return KeyRecord(
        id=key.id,
        digest=digest,
        alias=key.alias,
        user_id=key.user_id,
        team_id=chain.team.id if chain.team else key.team_id,
        org_id=chain.org.id if chain.org else key.org_id,
        project_id=key.project_id,
        models=expanded([*key.models, *key.access_groups], chain.groups),
        model_lists=tuple(_model_lists(chain)),
        model_aliases=_aliases(chain),
        key_type=cast(Any, key.key_type),
        allowed_routes=tuple(key.allowed_routes),
        blocked=bool(blocked_by),
        blocked_by="" if blocked_by == "key" else blocked_by,
        expires=min(ends) if ends else None,
        limits=tuple(_limits(chain, now)),
        model_limits=_model_limits(chain),
        **_terms(chain),
        **_passages(chain),
        throttled=_throttled(key, now),
        customers_budget_id=key.extra.get("end_user_budget_id") or "",
        tag_limits=_tag_limits(key),
        budget_fallbacks=_budget_fallbacks(key),
        tags=_tags(chain),
        priority=_priority(chain),
        routing=own_routing(_extras(chain)),
        revision=key.revision,
    )


def master_record(digest: str) -> KeyRecord:
    """The master key as a record: no limits, all models."""
    return KeyRecord(id=digest, digest=digest, kind="master", alias=MASTER_ALIAS)


def entities_of(chain: Chain) -> Iterator[Entity]:
    """Everybody in the chain whose budgets count."""
    key, team = chain.key, chain.team
    yield Entity(f"key:{key.id}", key)
    if chain.user is not None and team is None:
        yield Entity(f"user:{chain.user.id}", chain.user)
    if chain.member is not None:
        yield member_entity(chain.member)
    if chain.project is not None:
        yield Entity(f"project:{chain.project.id}", chain.project)
    if team is not None:
        yield Entity(f"team:{team.id}", team)
    if chain.org_member is not None:
        yield Entity(f"org_member:{chain.org_member.org_id}/{chain.org_member.user_id}", chain.org_member)
    if chain.org is not None:
        yield Entity(f"org:{chain.org.id}", chain.org)


def _limits(chain: Chain, now: float) -> Iterator[Limit]:
    for entity in entities_of(chain):
        yield from rates_of(entity)
    if chain.user is not None and chain.team is not None:
        yield from rates_of(Entity(f"user:{chain.user.id}", chain.user))
    for entity in entities_of(chain):
        yield from budgets_of(entity, now)


def _model_limits(chain: Chain) -> dict[str, tuple[Limit, ...]]:
    found = dict(chain.group_limits)
    for entity in entities_of(chain):
        for model, limits in model_limits_of(entity).items():
            found[model] = found.get(model, ()) + limits
    return found


def _model_lists(chain: Chain) -> Iterator[tuple[str, tuple[str, ...]]]:
    lists: list[tuple[str, list[str]]] = []
    if chain.team is None:
        lists.append(("user", chain.user.models if chain.user else []))
    else:
        lists.append(("team", [*chain.team.models, *chain.team.access_groups]))
        lists.append(("member", chain.member.models if chain.member else []))
    lists.append(("project", chain.project.models if chain.project else []))
    lists.append(("org", chain.org.models if chain.org else []))
    for kind, models in lists:
        admitted = expanded(models, chain.groups)
        if admitted:
            yield kind, admitted


def expanded(models: list[str], groups: dict[str, list[str]]) -> tuple[str, ...]:
    """Names and what stands behind those that are access groups; empty when the list leaves the choice to others."""
    if not UNRESTRICTED.isdisjoint(models):
        return ()
    found = dict.fromkeys(models)
    for name in models:
        found.update(dict.fromkeys(groups.get(name, ())))
    return tuple(found)


def _budget_fallbacks(key: KeyRow) -> dict[str, tuple[str, ...]]:
    written = key.extra.get("budget_fallbacks") or {}
    return {model: tuple(others) for model, others in written.items()}


def _terms(chain: Chain) -> dict[str, Any]:
    """What is laid down for the requests of a key; its own word on the expected output goes before its team's."""
    expected: dict[str, int] = {}
    for part in (chain.team, chain.key):
        if part is not None:
            expected |= part.extra.get("default_estimated_output_tokens_per_model") or {}
            general = part.extra.get("default_estimated_output_tokens")
            expected |= {"": general} if general else {}
    params = tuple(chain.key.extra.get("enforced_params") or ())
    controls = tuple(chain.key.extra.get("allowed_cache_controls") or ())
    return {
        "has_terms": bool(params or expected or controls),
        "enforced_params": params,
        "expected_output": expected or None,
        "cache_controls": controls,
    }


def _extras(chain: Chain) -> list[dict[str, Any]]:
    """Of the team and of the key, whose word goes before its team's."""
    return [part.extra for part in (chain.team, chain.key) if part is not None]


def _aliases(chain: Chain) -> dict[str, str]:
    """``model_group_alias`` of their router settings stand behind the aliases of their own."""
    team = chain.team.aliases if chain.team else {}
    return aliases_of(_extras(chain)) | team | chain.key.aliases


def _throttled(key: KeyRow, now: float) -> str:
    window = spend_window(Entity(f"key:{key.id}", key), now)
    return "" if window is None or not key.extra.get("throttle_on_budget_exceeded") else window[0]


def _passages(chain: Chain) -> dict[str, Any]:
    """Which paths may be passed on: those of every list there is, and nothing that anybody denies."""
    extras = _extras(chain)[::-1]
    lists = [tuple(extra.get("allowed_passthrough_routes") or ()) for extra in extras]
    denied = [route for extra in extras for route in extra.get("denied_passthrough_routes") or ()]
    return {"passed_routes": tuple(filter(None, lists)), "denied_routes": tuple(denied)}


def _tag_limits(key: KeyRow) -> dict[str, SubjectRecord] | None:
    found = {}
    for tag, amount in (key.extra.get("tag_rpm_limit") or {}).items():
        entity = f"key:{key.id}/tag:{tag}"
        limit = Limit(scope=f"requests:{entity}:60s", kind="requests", entity=entity, amount=amount)
        found[tag] = SubjectRecord(entity=f"tag:{tag}", limits=(limit,))
    return found or None


def _priority(chain: Chain) -> str | None:
    """The team's comes first, as in LiteLLM."""
    for part in (chain.team, chain.key):
        found = None if part is None else part.metadata.get(PRIORITY)
        if isinstance(found, str) and found:
            return found
    return None


def _tags(chain: Chain) -> tuple[str, ...]:
    sources = (chain.key.tags, chain.project.tags if chain.project else [], chain.team.tags if chain.team else [])
    return tuple(dict.fromkeys(tag for tags in sources for tag in tags))


def _budgets(connection: sa.Connection, parts: tuple[Allowance | None, ...]) -> dict[str, BudgetRow]:
    wanted = [part.budget_id for part in parts if part is not None and part.budget_id is not None]
    return {row.id: row for row in tenants.BUDGETS.of(connection, "id", wanted)}


def _completed(part: A, budgets: dict[str, BudgetRow]) -> A:
    return part if part.budget_id is None else cast(A, completed(part, budgets.get(part.budget_id)))


def access_groups(connection: sa.Connection) -> dict[str, list[str]]:
    """The models of all access groups made over the API, by id and by name."""
    return _models_of(tenants.ACCESS_GROUPS.all(connection))


def _models_of(groups: list[AccessGroupRow]) -> dict[str, list[str]]:
    return {name: row.models for row in groups for name in (row.id, row.name)}
