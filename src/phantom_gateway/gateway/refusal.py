"""What a caller is told whose limit is used up: which limit of whom, how much, in which window, and when that ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.headers import text as header_text
from phantom_gateway.ledger.money import NANO, format_usd
from phantom_gateway.limits.priorities import priority_of

if TYPE_CHECKING:
    from phantom_gateway.limits.errors import LimitExceeded

SHOWN_ID = 8


def shown(entity: str) -> str:
    """An entity as its name may be shown: of a key's id, which is a digest, enough to recognise it and too little to look up."""
    kind, _, name = entity.partition(":")
    key_id, separator, model = name.partition("/model:")
    if kind != "key" or len(key_id) <= 2 * SHOWN_ID:
        return entity
    return f"{kind}:{key_id[:SHOWN_ID]}...{separator}{model}"


def refusal(error: LimitExceeded, now: float, need: int, budget_status: int) -> ApiError:
    """The answer; ``need`` is what the request would have reserved, in nano-dollars."""
    limit, grant = error.limit, error.grant
    entity = shown(limit.entity)
    ends = grant.window_end
    details: dict[str, Any] = {
        "entity": entity,
        "kind": limit.kind,
        "window": limit.window,
        "limit": limit.amount,
        "reset_at": int(ends) or None,
    }
    if limit.kind == "budget":
        details |= {
            "limit": limit.amount / NANO,
            "used": grant.used / NANO,
            "estimated_cost": need / NANO,
            "unit": "usd",
        }
        resets = f"Resets at: {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}" if ends else "It does not reset"
        message = (
            f"Budget has been exceeded! {entity} Current cost: {format_usd(grant.used)}, "
            f"Estimated request cost: {format_usd(need)}, Max budget: {format_usd(limit.amount)}"
            f"{f', Window: {limit.window}' if limit.window else ''}. {resets}."
        )
        return ApiError(budget_status, "budget_exceeded", message, details=details)
    share = priority_of(limit.entity)
    reset_s = max(0, round(ends - now)) if ends else None
    wait = 1 if reset_s is None else max(1, reset_s)
    message = (
        f"Rate limit exceeded for {entity}. Limit type: {limit.kind}. Current limit: {limit.amount}, "
        f"Remaining: {grant.remaining}." + (f" Limit resets in {reset_s} s." if reset_s is not None else "")
    )
    if share is not None:
        details |= {"priority": share[0], "model": share[1]}
        again = "" if reset_s is None else f" Try again in {reset_s} s."
        message = (
            f"Priority-based rate limit exceeded: the model '{share[1]}' is saturated, and priority '{share[0]}' "
            f"has used its share of {limit.amount} {limit.kind} a minute.{again}"
        )
    headers = [(b"retry-after", str(wait).encode()), (b"rate_limit_type", limit.kind.encode())]
    if share is not None:
        headers.append((b"x-litellm-priority", header_text(share[0])))
    if ends:
        headers.append((b"reset_at", str(int(ends)).encode()))
    return ApiError(429, "throttling_error", message, details=details | {"retry_after_s": wait}, headers=tuple(headers))
