"""Response headers: LiteLLM's ``x-litellm-*`` and ``x-ratelimit-*`` names, rendered as one block per answer.

Left out on purpose, because they tell strangers what runs where: ``x-litellm-version``, ``x-litellm-model-api-base``
(docs/reference/litellm_differences.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from phantom_gateway.ledger.money import NANO

if TYPE_CHECKING:
    from phantom_gateway.gateway.errors import ApiError
    from phantom_gateway.ledger.money import Cost
    from phantom_gateway.limits.book import LeaseBook
    from phantom_gateway.spine.messages import Limit

_COMMON = b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
JSON = b"content-type: application/json\r\n" + _COMMON
STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
    b"cache-control: no-cache, no-store\r\nx-accel-buffering: no\r\n"
)

_PASSED_ON = (b"x-ratelimit-", b"x-request-id", b"openai-processing-ms", b"openai-version", b"apim-request-id")


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


def of_limits(book: LeaseBook, limits: tuple[Limit, ...], now: float) -> bytes:
    """What the key may still do: ``x-ratelimit-*`` for the tightest limit of a kind, LiteLLM's key figures for the rest."""
    lines = []
    for limit, remaining, reset_at in book.headers(limits, now):
        if limit.kind == "budget":
            lines.append(
                b"x-litellm-key-spend: %b\r\nx-litellm-key-max-budget: %b\r\n"
                % (usd(limit.amount - remaining), usd(limit.amount))
            )
        elif limit.kind != "parallel":
            kind = limit.kind.encode()
            lines.append(
                b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %d\r\n"
                % (kind, limit.amount, kind, remaining, kind, max(0, round(reset_at - now)))
            )
            lines.append(b"x-litellm-key-%b-limit: %d\r\n" % (b"rpm" if kind == b"requests" else b"tpm", limit.amount))
    return b"".join(lines)


def of_upstream(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The provider's own limits and ids, prefixed as LiteLLM does."""
    return b"".join([b"llm_provider-%b: %b\r\n" % pair for pair in headers if pair[0].startswith(_PASSED_ON)])


def text(value: str) -> bytes:
    """A name as a header value: visible ASCII stays, the rest is percent-encoded."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return quote(value, safe=" /:;,.*@+=()[]{}<>!?'\"&#$~^|`").encode()
