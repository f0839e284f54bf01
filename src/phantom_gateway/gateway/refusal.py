"""What a caller is told whose limit is used up: which limit of whom, how much, in which window, and when that ends."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.headers import of_limits
from phantom_gateway.gateway.headers import text as header_text
from phantom_gateway.ledger.money import NANO, format_usd
from phantom_gateway.limits.priorities import priority_of
from phantom_gateway.limits.slices import NEVER, Slice

if TYPE_CHECKING:
    from phantom_gateway.limits.errors import LimitExceeded

SHOWN_ID = 8


def shown(entity: str) -> str:
    """An entity as its name may be shown: of a key's id, which is a digest, enough to recognise it and too little to look up."""
    kind, _, name = entity.partition(":")
    key_id, separator, part = name.partition("/")
    if kind != "key" or len(key_id) <= 2 * SHOWN_ID:
        return entity
    return f"{kind}:{key_id[:SHOWN_ID]}...{separator}{part}"


def refusal(error: LimitExceeded, now: float, need: int, budget_status: int) -> ApiError:
    """The answer; ``need`` is what the request would have reserved, in nano-dollars."""
    limit, grant = error.limit, error.grant
    entity = shown(limit.entity)
    details: dict[str, Any] = {"entity": entity, "kind": limit.kind, "window": limit.window, "limit": limit.amount}
    if limit.kind == "budget":
        details |= {
            "limit": limit.amount / NANO,
            "used": error.spent / NANO,
            "reserved": error.reserved / NANO,
            "estimated_cost": need / NANO,
            "unit": "usd",
            "reset_at": int(grant.window_end) or None,
        }
        return _budget(error, details, need, budget_status, now)
    wait = 1 if limit.kind == "parallel" else max(1, math.ceil(error.frees_at - now)) if error.frees_at else None
    details |= {"reset_at": math.ceil(error.frees_at) or None, "retry_after_s": wait}
    message = (
        f"Rate limit exceeded for {entity}. Limit type: {limit.kind}. Current limit: {limit.amount}, "
        f"Remaining: {grant.remaining}." + (f" Limit resets in {wait} s." if error.frees_at else "")
    )
    lines = [(b"rate_limit_type", limit.kind.encode()), *_left(error, now)]
    share = priority_of(limit.entity)
    if share is not None:
        details |= {"priority": share[0], "model": share[1]}
        again = "" if wait is None else f" Try again in {wait} s."
        message = (
            f"Priority-based rate limit exceeded: the model '{share[1]}' is saturated, and priority '{share[0]}' "
            f"has used its share of {limit.amount} {limit.kind} a minute.{again}"
        )
        lines.append((b"x-litellm-priority", header_text(share[0])))
    if error.frees_at:
        lines.append((b"reset_at", str(math.ceil(error.frees_at)).encode()))
    return ApiError(429, "throttling_error", message, details=details, headers=(*_retry_after(wait), *lines))


def _budget(error: LimitExceeded, details: dict[str, Any], need: int, budget_status: int, now: float) -> ApiError:
    limit, ends = error.limit, error.grant.window_end
    resets = f"Resets at: {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}" if ends else "It does not reset"
    message = (
        f"Budget has been exceeded! {details['entity']} Current cost: {format_usd(error.spent)}, "
        f"Reserved by requests under way: {format_usd(error.reserved)}, "
        f"Estimated request cost: {format_usd(need)}, Max budget: {format_usd(limit.amount)}"
        f"{f', Window: {limit.window}' if limit.window else ''}. {resets}."
    )
    # A request that costs more than the whole budget is refused in the next window, too.
    wait = max(1, math.ceil(error.frees_at - now)) if error.frees_at else None
    return ApiError(
        budget_status,
        "budget_exceeded",
        message,
        details=details | {"retry_after_s": wait},
        headers=_retry_after(wait),
    )


def _retry_after(wait: int | None) -> tuple[tuple[bytes, bytes], ...]:
    return () if wait is None else ((b"retry-after", str(wait).encode()),)


def _left(error: LimitExceeded, now: float) -> list[tuple[bytes, bytes]]:
    """``x-ratelimit-*`` of the limit that refuses, as answers have them."""
    grant = error.grant
    piece = Slice(error.limit, grant.window_start, grant.window_end or NEVER, now)
    piece.remaining = grant.remaining
    lines = of_limits([piece], now).splitlines()
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
