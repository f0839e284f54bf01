"""Response headers: LiteLLM's ``x-litellm-*`` and ``x-ratelimit-*`` names, rendered as one block per answer.

Left out on purpose, because they tell strangers what runs where: ``x-litellm-version``, ``x-litellm-model-api-base``
(docs/reference/litellm_differences.md).
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from phantom_gateway.ledger.money import NANO
from phantom_gateway.limits.slices import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phantom_gateway.gateway.errors import ApiError
    from phantom_gateway.ledger.money import Cost
    from phantom_gateway.limits.plan import Plan
    from phantom_gateway.limits.slices import Reservation, Slice
    from phantom_gateway.spine.messages import Limit

_COMMON = b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
JSON = b"content-type: application/json\r\n" + _COMMON
STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
    b"cache-control: no-cache, no-store\r\nx-accel-buffering: no\r\n"
)

_KINDS = (b"audio/", b"text/plain", b"text/vtt", b"application/x-subrip", b"application/json", b"text/event-stream")
_OTHER_KIND = b"application/octet-stream"

_PASSED_ON = (
    b"x-ratelimit-", b"x-request-id", b"openai-processing-ms", b"openai-version", b"apim-request-id", b"anthropic-ratelimit-",
    b"request-id",
)  # fmt: skip
LEFT_OUT = b"x-phantom-dropped-params"
"""Of the bridge: what the SDK does not tell the provider."""
_INITIALS = frozenset(name[:1] for name in _PASSED_ON)


def kind_of(upstream: bytes | None) -> bytes:
    """The content type under which an upstream's answer goes on: what a browser would run or draw goes on as mere bytes."""
    if upstream is None or not upstream.lower().startswith(_KINDS) or not upstream.isascii():
        return _OTHER_KIND
    return upstream


def of_kind(kind: bytes) -> bytes:
    """The block of an answer of that content type."""
    return b"content-type: %b\r\n%b" % (kind, _COMMON)


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
    """What may still be done: ``x-ratelimit-*`` of the tightest limit of requests and of tokens, the same by kind of entity
    (``x-ratelimit-team-remaining-requests``), and LiteLLM's figures of the key.

    ``reset`` is when a limit is whole again: what the present window counts fades until the end of the next one.
    """
    block = b""
    requests: Slice | None = None
    tokens: Slice | None = None
    fewest_requests = fewest_tokens = 0
    has_budget = False
    for piece in slices:
        kind = piece.kind
        if kind == "parallel" or piece.limit.over:
            continue
        fixed = piece.shown
        if not fixed:
            fixed = piece.shown = _shown(piece.limit)
        remaining = piece.remaining + piece.free
        if kind == "budget":
            if fixed != _NOTHING and not has_budget:
                has_budget = True
                amount = piece.limit.amount
                block += _BUDGET % (fixed, *divmod(amount - remaining if amount > remaining else 0, NANO))
            continue
        if remaining < 0:
            remaining = 0
        if fixed != _NOTHING:
            block += b"%b%d\r\n" % (fixed, remaining)
        if kind == "requests":
            if requests is None or remaining < fewest_requests:
                requests, fewest_requests = piece, remaining
        elif tokens is None or remaining < fewest_tokens:
            tokens, fewest_tokens = piece, remaining
    if requests is not None:
        reset = 2 * requests.end - requests.start - now if requests.end != NEVER else 0
        block += _REQUESTS % (requests.limit.amount, fewest_requests, reset)
    if tokens is not None:
        reset = 2 * tokens.end - tokens.start - now if tokens.end != NEVER else 0
        block += _TOKENS % (tokens.limit.amount, fewest_tokens, reset)
    return block


class _View(NamedTuple):
    """What is shown of a plan's limits as long as its stock is there: little memory to read, and close together.

    Of a slice in stock is kept what was left when the stock was filled up, the stock itself not counted.
    """

    template: bytes
    requests: array[int]
    tokens: array[int]
    near: list[Slice]
    """Not part of the stock: what is left is looked up."""
    budget: int
    """The amount of the budget whose spend is shown, or -1."""
    money: int
    """What was left of it, if it is part of the stock; else it is the last of ``near``."""
    rates: list[_Rates]


class _Rates(NamedTuple):
    """The limits of requests or of tokens, of which the tightest is shown."""

    form: bytes
    place: int
    """Of the stock."""
    far: tuple[int, int, float] | None
    """Amount of the tightest in stock, what was left of it, and when it is whole again: among those it stays the tightest."""
    near: list[Slice]


def of_reservation(reservation: Reservation, now: float) -> bytes:
    """``of_limits`` of what a request has reserved, with less work where its plan has a stock.

    What others use of a limit meanwhile that is in stock here is seen when the stock is filled up again; it is far.
    """
    plan = reservation.plan
    if plan is None or not plan.stocked:
        return of_limits(reservation.slices, now)
    view: _View = plan.view or _view(plan)
    template, requests, tokens, others, budget, money, rates = view
    stock = (plan.count, plan.units)
    figures: list[float] = [*map(stock[0].__add__, requests), *map(stock[1].__add__, tokens)]
    for piece in others:
        remaining = piece.remaining + piece.free
        figures.append(remaining if remaining > 0 else 0)  # noqa: FURB136  a call of max costs more than all the rest
    if budget >= 0:
        spent = budget - (figures.pop() if money < 0 else money + plan.money)
        figures += divmod(spent if spent > 0 else 0, NANO)  # noqa: FURB136
    block = template % tuple(figures)
    for form, place, far, near in rates:
        amount, fewest, whole = (0, math.inf, 0.0) if far is None else (far[0], far[1] + stock[place], far[2])
        for piece in near:
            remaining = piece.remaining + piece.free
            if remaining < fewest:
                amount, fewest, whole = piece.limit.amount, remaining, 2 * piece.end - piece.start
        block += form % (amount, fewest if fewest > 0 else 0, whole - now if whole != NEVER else 0)  # noqa: FURB136
    return block


def _view(plan: Plan) -> _View:
    pooled = plan.pooled()
    bases = array("q"), array("q")
    lines: list[bytes] = []
    near: list[Slice] = []
    near_lines: list[bytes] = []
    rates: list[_Rates] = []
    for place, form in enumerate((_REQUESTS, _TOKENS)):
        fewest: Slice | None = None
        left: float = math.inf
        others: list[Slice] = []
        for piece in plan.kinds[place]:
            if piece.limit.over:
                continue
            fixed = piece.shown = piece.shown or _shown(piece.limit)
            remaining = piece.remaining + piece.free
            if piece not in pooled:
                others.append(piece)
            elif remaining < left:
                fewest, left = piece, remaining
            if fixed == _NOTHING:
                continue
            if piece in pooled:
                bases[place].append(remaining)
                lines.append(fixed)
            else:
                near.append(piece)
                near_lines.append(fixed)
        if fewest is not None or others:
            far = None
            if fewest is not None:
                far = fewest.limit.amount, fewest.remaining + fewest.free, 2 * fewest.end - fewest.start
            rates.append(_Rates(form, place, far, others))
    budget, money = -1, -1
    template = b"".join([line + b"%d\r\n" for line in lines + near_lines])
    for piece in plan.kinds[2]:
        fixed = piece.shown = piece.shown or _shown(piece.limit)
        if fixed != _NOTHING:
            template += _SPEND % fixed
            budget = piece.limit.amount
            if piece in pooled:
                money = piece.remaining + piece.free
            else:
                near.append(piece)
            break
    view = plan.view = _View(template, *bases, near, budget, money, rates)
    return view


_REQUESTS = (
    b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\nx-ratelimit-reset-requests: %d\r\n"
)
_TOKENS = b"x-ratelimit-limit-tokens: %d\r\nx-ratelimit-remaining-tokens: %d\r\nx-ratelimit-reset-tokens: %d\r\n"
_SPEND = b"%bx-litellm-key-spend: %%d.%%09d\r\n"
_BUDGET = b"%bx-litellm-key-spend: %d.%09d\r\n"
_NOTHING = b" "
"""Of a limit that is not shown by itself."""
_SCOPES = {
    "key": b"api_key",
    "team": b"team",
    "user": b"user",
    "member": b"team_member",
    "customer": b"end_user",
    "org": b"organization",
}
"""LiteLLM's names (1.106.2)."""


def _shown(limit: Limit) -> bytes:
    """What does not change from one answer to the next, and stands before what does; rendered once per slice."""
    kind, _, name = limit.entity.partition(":")
    if limit.kind == "budget":
        if kind != "key" or "/" in name:
            return _NOTHING
        return b"x-litellm-key-max-budget: %d.%09d\r\n" % divmod(limit.amount, NANO)
    scope = _SCOPES.get(kind)
    if "/model:" in name:
        scope = b"model_per_key" if kind == "key" else None
    elif kind == "key" and "/" in name:
        scope = None
    if scope is None or limit.window != "60s":
        return _NOTHING
    unit, figure = (b"requests", b"rpm") if limit.kind == "requests" else (b"tokens", b"tpm")
    block = b"x-ratelimit-%b-limit-%b: %d\r\n" % (scope, unit, limit.amount)
    if scope == b"api_key":
        block += b"x-litellm-key-%b-limit: %d\r\n" % (figure, limit.amount)
    return block + b"x-ratelimit-%b-remaining-%b: " % (scope, unit)


def of_upstream(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The provider's own limits and ids, prefixed as LiteLLM does."""
    block = b""
    for name, value in headers:
        # nearly all begin otherwise: one look instead of five comparisons
        if name[:1] in _INITIALS and name.startswith(_PASSED_ON):
            block += b"llm_provider-%b: %b\r\n" % (name, value)
    return block


def forwarded(request: Mapping[bytes, bytes], own: Mapping[str, str]) -> bytes:
    """Anthropic's headers of the caller: its version instead of the operator's, its beta features beside the operator's."""
    version = request.get(b"anthropic-version") or own.get("anthropic-version", "").encode("latin-1")
    betas = [
        value for value in (own.get("anthropic-beta", "").encode("latin-1"), request.get(b"anthropic-beta")) if value
    ]
    block = b"anthropic-version: %b\r\n" % version if version else b""
    return b"%banthropic-beta: %b\r\n" % (block, b",".join(betas)) if betas else block


def text(value: str) -> bytes:
    """A name as a header value: visible ASCII stays, the rest is percent-encoded."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return quote(value, safe=" /:;,.*@+=()[]{}<>!?'\"&#$~^|`").encode()
