"""Limits of an entity, as workers and the authority know them.

The scope of a limit is ``{kind}:{entity}:{window}``. A budget's scope names its duration: another duration is another
budget with its own counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import Limit, LimitKind
from phantom_gateway.store.tenants import Allowance, BudgetRow, JsonObject


@dataclass(frozen=True, slots=True)
class Entity:
    """Somebody with an allowance: ``name`` as in scopes (``team:<id>``)."""

    name: str
    allowance: Allowance


def completed(allowance: Allowance, budget: BudgetRow | None) -> Allowance:
    """``allowance`` with what it does not set taken from the budget it refers to."""
    if budget is None:
        return allowance
    missing: JsonObject = {}
    for name in ("rpm_limit", "tpm_limit", "tpd_limit", "max_parallel_requests", "soft_budget_nano"):
        if getattr(allowance, name) is None:
            missing[name] = getattr(budget, name)
    inherits = allowance.max_budget_nano is None and not has_window(allowance, budget.budget_duration)
    if inherits and budget.max_budget_nano is not None:
        # Amount and window belong together.
        missing |= {"max_budget_nano": budget.max_budget_nano, "budget_duration": budget.budget_duration}
    if not allowance.budget_limits:
        taken = allowance.budget_duration if allowance.max_budget_nano is not None else None
        missing["budget_limits"] = [each for each in budget.budget_limits if each["budget_duration"] != taken]
    if not allowance.model_limits:
        missing["model_limits"] = budget.model_limits
    return replace(allowance, **missing)


def has_window(allowance: Allowance, duration: str | None) -> bool:
    """Whether one of the further budgets has this window: what is said there is not said twice."""
    return any(each["budget_duration"] == duration for each in allowance.budget_limits)


def limits_of(entity: Entity, now: float) -> Iterator[Limit]:
    """All limits that count for every request, the cheapest to check first."""
    yield from rates_of(entity)
    yield from budgets_of(entity, now)


def rates_of(entity: Entity) -> Iterator[Limit]:
    """The limits on requests, tokens and parallel calls."""
    own = entity.allowance
    yield from _rates(
        entity.name,
        ("parallel", "", own.max_parallel_requests),
        ("requests", "60s", own.rpm_limit),
        ("tokens", "60s", own.tpm_limit),
        ("tokens", "24h", own.tpd_limit),
    )


def budgets_of(entity: Entity, now: float) -> Iterator[Limit]:
    """The main budget first (if any), then the further windows of ``budget_limits``."""
    own = entity.allowance
    if own.max_budget_nano is not None:
        yield budget(entity, own.budget_duration or "", own.max_budget_nano + _increase(own, now))
    for entry in own.budget_limits:
        yield budget(entity, entry["budget_duration"], entry["max_budget_nano"])


def budget(entity: Entity, duration: str, amount_nano: int) -> Limit:
    """One budget; ``duration`` ``""`` never resets."""
    scope = f"budget:{entity.name}:{duration}"
    anchor = entity.allowance.budget_anchor
    return Limit(scope=scope, kind="budget", entity=entity.name, amount=amount_nano, window=duration, anchor=anchor)


def model_limits_of(entity: Entity) -> dict[str, tuple[Limit, ...]]:
    """Limits that count for one model only, by model."""
    found = {}
    for model, entry in entity.allowance.model_limits.items():
        name = f"{entity.name}/model:{model}"
        limits = list(
            _rates(name, ("requests", "60s", entry.get("rpm_limit")), ("tokens", "60s", entry.get("tpm_limit")))
        )
        amount = entry.get("max_budget_nano")
        if amount is not None:
            limits.append(budget(Entity(name, entity.allowance), entry.get("budget_duration") or "", amount))
        if limits:
            found[model] = tuple(limits)
    return found


def spend_window(entity: Entity, now: float) -> tuple[str, float] | None:
    """Scope and start of the window that ``spend`` in the API means; ``None`` without a budget: the entity's whole life."""
    own = entity.allowance
    if own.max_budget_nano is None:
        return None
    main = budget(entity, own.budget_duration or "", own.max_budget_nano)
    return main.scope, window_of(main, now)[0]


def reset_at(duration: str | None, anchor: float, now: float) -> float | None:
    """When the window of a budget ends; ``None`` when it never does."""
    return _bounds(duration, now, anchor)[1] if duration else None


def window_of(limit: Limit, now: float) -> tuple[float, float]:
    """Start and end of the window a budget is in; the end of one that never resets is infinite."""
    return _bounds(limit.window, now, limit.anchor)


@lru_cache(maxsize=1024)
def _bounds(window: str, now: float, anchor: float) -> tuple[float, float]:
    # All of a list are asked at one moment, and most have the same windows.
    return window_bounds(window, now, anchor)


def _increase(own: Allowance, now: float) -> int:
    if own.temp_increase_nano is None or own.temp_expiry is None or own.temp_expiry <= now:
        return 0
    return own.temp_increase_nano


def _rates(entity: str, *rates: tuple[LimitKind, str, int | None]) -> Iterator[Limit]:
    for kind, window, amount in rates:
        if amount is not None:
            yield Limit(
                scope=f"{kind}:{entity}:{window}", kind=kind, entity=entity, amount=amount, window=window or "60s"
            )
