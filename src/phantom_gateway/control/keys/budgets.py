"""The budgets of a key: which scopes they have and in which window each one is."""

from __future__ import annotations

from collections.abc import Iterator

from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.spend import key_entity


def budgets_of(row: KeyRow) -> Iterator[Limit]:
    """The main budget first (if any), then the further windows of ``budget_limits``."""
    if row.max_budget_nano is not None:
        yield budget(row, row.budget_duration or "", row.max_budget_nano)
    for entry in row.budget_limits:
        yield budget(row, entry["budget_duration"], entry["max_budget_nano"])


def budget(row: KeyRow, duration: str, amount_nano: int) -> Limit:
    """One budget; ``duration`` ``""`` never resets."""
    entity = key_entity(row.id)
    scope = f"budget:{entity}:{duration}"
    return Limit(
        scope=scope, kind="budget", entity=entity, amount=amount_nano, window=duration, anchor=row.budget_anchor
    )


def spend_window(row: KeyRow, now: float) -> tuple[str, float] | None:
    """Scope and start of the window that ``spend`` in the API means; ``None`` when it means the key's whole life."""
    if row.max_budget_nano is None or not row.budget_duration:
        return None
    main = budget(row, row.budget_duration, row.max_budget_nano)
    return main.scope, window_of(main, now)[0]


def reset_at(duration: str | None, anchor: float, now: float) -> float | None:
    """When the window of a budget ends; ``None`` when it never does."""
    return window_bounds(duration, now, anchor)[1] if duration else None


def window_of(limit: Limit, now: float) -> tuple[float, float]:
    """Start and end of the window a budget is in; the end of one that never resets is infinite."""
    return window_bounds(limit.window, now, limit.anchor)
