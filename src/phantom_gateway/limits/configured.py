"""Limits that stand in the configuration: of the whole gateway, the master key, providers and deployments.

The data plane enforces them, the control plane reads their spend: both take them from here, so that scopes agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from phantom_gateway.spine.messages import Limit, LimitKind
from phantom_gateway.spine.snapshot import Budget, Deployment, Snapshot

GATEWAY = "gateway"
MASTER_KEY = "master_key"
MINUTE = "60s"


def budget_limit(entity: str, budget: Budget) -> Limit:
    """A configured budget of ``entity`` as a limit."""
    scope = f"budget:{entity}:{budget.window}"
    return Limit(scope=scope, kind="budget", entity=entity, amount=budget.amount, window=budget.window)


def rates(entity: str, requests: int | None, tokens: int | None) -> list[Limit]:
    """Requests and tokens of ``entity`` a minute, as far as there is a limit."""
    wanted: tuple[tuple[LimitKind, int | None], ...] = (("requests", requests), ("tokens", tokens))
    return [
        Limit(scope=f"{kind}:{entity}:{MINUTE}", kind=kind, entity=entity, amount=amount, window=MINUTE)
        for kind, amount in wanted
        if amount is not None
    ]


def of_gateway(snapshot: Snapshot) -> tuple[Limit, ...]:
    """What counts for every request."""
    settings = snapshot.settings
    found: list[Limit] = []
    if settings.global_max_parallel is not None:
        scope = f"parallel:{GATEWAY}:"
        found.append(
            Limit(scope=scope, kind="parallel", entity=GATEWAY, amount=settings.global_max_parallel, window="")
        )
    if settings.budget is not None:
        found.append(budget_limit(GATEWAY, settings.budget))
    return tuple(found)


def of_master_key(snapshot: Snapshot) -> tuple[Limit, ...]:
    """What counts for requests with the master key, beside the limits of the whole gateway."""
    budget = snapshot.settings.master_key_budget
    return () if budget is None else (budget_limit(MASTER_KEY, budget),)


def of_deployment(deployment: Deployment, snapshot: Snapshot) -> tuple[Limit, ...]:
    """What counts for requests that go to a deployment: its own rates, slots and budget, and its provider's budget."""
    entity, routing = f"deployment:{deployment.id}", snapshot.routing
    found: list[Limit] = []
    slots = routing.max_parallel if deployment.max_parallel_requests is None else deployment.max_parallel_requests
    if slots is not None:
        found.append(Limit(scope=f"parallel:{entity}:", kind="parallel", entity=entity, amount=slots, window=""))
    if routing.enforce_rates:
        found += rates(entity, deployment.rpm, deployment.tpm)
    if deployment.budget is not None:
        found.append(budget_limit(entity, deployment.budget))
    provider = snapshot.routing.provider_budgets.get(deployment.provider)
    if provider is not None:
        found.append(budget_limit(f"provider:{deployment.provider}", provider))
    return tuple(found)


def budgets(snapshot: Snapshot) -> Iterator[Limit]:
    """All budgets of the configuration, once each."""
    seen: set[str] = set()
    limits = [*of_gateway(snapshot), *of_master_key(snapshot)]
    for provider, budget in snapshot.routing.provider_budgets.items():
        limits.append(budget_limit(f"provider:{provider}", budget))
    for deployment in snapshot.deployments:
        limits += of_deployment(deployment, snapshot)
    for limit in limits:
        if limit.kind == "budget" and limit.scope not in seen:
            seen.add(limit.scope)
            yield limit
