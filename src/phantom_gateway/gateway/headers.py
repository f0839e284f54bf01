"""Response headers: LiteLLM's ``x-litellm-*`` and ``x-ratelimit-*`` names, rendered as one block per answer.

Left out on purpose, because they tell strangers what runs where: ``x-litellm-version``, ``x-litellm-model-api-base``
(docs/reference/litellm_differences.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from phantom_gateway.ledger.money import NANO
from phantom_gateway.limits.slices import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from phantom_gateway.gateway.errors import ApiError
    from phantom_gateway.ledger.money import Cost
    from phantom_gateway.limits.slices import Slice

_COMMON = b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
JSON = b"content-type: application/json\r\n" + _COMMON
STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
    b"cache-control: no-cache, no-store\r\nx-accel-buffering: no\r\n"
)

_PASSED_ON = (b"x-ratelimit-", b"x-request-id", b"openai-processing-ms", b"openai-version", b"apim-request-id")
_INITIALS = frozenset(name[:1] for name in _PASSED_ON)


def of_error(error: ApiError, call_id: str = "") -> bytes:
    """The header block of an error answer."""
    lines = [JSON]
    if call_id:
        lines.append(b"x-litellm-call-id: %b\r\n" % call_id.encode())
    lines += [b"%b: %b\r\n" % pair for pair in error.headers]
    return b"".join(lines)


def usd(nano: int) -> bytes:
    """Nano-dollars as a plain decimal number of dollars, exact."""
    if nano < 0:
        return b"-" + usd(-nano)
    return b"%d.%09d" % divmod(nano, NANO)


def of_cost(cost: Cost) -> bytes:
    """What this answer cost, in dollars, and of what."""
    block = (
        b"x-litellm-response-cost: %d.%09d\r\nx-litellm-response-cost-input: %d.%09d\r\n"
        b"x-litellm-response-cost-output: %d.%09d\r\n"
    ) % (
        *divmod(cost.total, NANO), *divmod(cost.input, NANO), *divmod(cost.output, NANO),
    )  # fmt: skip
    if cost.cache_read or cost.cache_write or cost.reasoning:
        block += b"x-litellm-response-cost-cache-read: %b\r\n" % usd(cost.cache_read)
        block += b"x-litellm-response-cost-cache-creation: %b\r\n" % usd(cost.cache_write)
        block += b"x-litellm-response-cost-reasoning: %b\r\n" % usd(cost.reasoning)
    return block


def of_limits(slices: list[Slice], now: float) -> bytes:
    """What the key may still do: ``x-ratelimit-*`` for requests and tokens, LiteLLM's key figures for the budget."""
    block = b""
    for piece in slices:
        kind = piece.kind
        if kind == "parallel":
            continue
        fixed = piece.shown
        if not fixed:
            fixed = piece.shown = _FIXED[kind](piece.limit.amount)
        remaining = piece.remaining + piece.free
        if kind == "budget":
            amount = piece.limit.amount
            block += _BUDGET % (fixed, *divmod(amount - remaining if amount > remaining else 0, NANO))
        else:
            reset = piece.end - now if piece.end != NEVER else 0
            changing = _REQUESTS if kind == "requests" else _TOKENS
            block += changing % (fixed, max(0, remaining), reset)
    return block


# What changes from one answer to the next stands behind what does not, which is rendered once per slice.
_FIXED: dict[str, Callable[[int], bytes]] = {
    "requests": lambda amount: b"x-ratelimit-limit-requests: %d\r\nx-litellm-key-rpm-limit: %d\r\n" % (amount, amount),
    "tokens": lambda amount: b"x-ratelimit-limit-tokens: %d\r\nx-litellm-key-tpm-limit: %d\r\n" % (amount, amount),
    "budget": lambda amount: b"x-litellm-key-max-budget: %d.%09d\r\n" % divmod(amount, NANO),
}
_REQUESTS = b"%bx-ratelimit-remaining-requests: %d\r\nx-ratelimit-reset-requests: %d\r\n"
_TOKENS = b"%bx-ratelimit-remaining-tokens: %d\r\nx-ratelimit-reset-tokens: %d\r\n"
_BUDGET = b"%bx-litellm-key-spend: %d.%09d\r\n"


def of_upstream(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The provider's own limits and ids, prefixed as LiteLLM does."""
    block = b""
    for name, value in headers:
        # nearly all begin otherwise: one look instead of five comparisons
        if name[:1] in _INITIALS and name.startswith(_PASSED_ON):
            block += b"llm_provider-%b: %b\r\n" % (name, value)
    return block


def text(value: str) -> bytes:
    """A name as a header value: visible ASCII stays, the rest is percent-encoded."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return quote(value, safe=" /:;,.*@+=()[]{}<>!?'\"&#$~^|`").encode()
