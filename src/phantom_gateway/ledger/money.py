"""Money is integer nano-dollars; this module is the only place where prices meet usage and where text meets money."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from operator import add
from typing import NamedTuple

import msgspec

from phantom_gateway.ledger.usage import Media, Usage
from phantom_gateway.spine.snapshot import Prices

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

MILLION = 1_000_000

_PRICE_SCALE = Decimal(NANO) * MILLION
_TEXT_ONLY = Media()
_tuple = tuple.__new__
"""Makes a named tuple without the Python call of its own constructor."""


class Cost(NamedTuple):
    """Nano-dollars of one request. The parts sum to ``total`` exactly."""

    total: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio: int = 0
    image: int = 0
    request: int = 0

    def plus(self, other: Cost) -> Cost:
        """Both together, part by part."""
        return Cost._make(map(add, self, other))


def cost(usage: Usage, prices: Prices) -> Cost:
    """Price ``usage``, all of it in the tier its input is in.

    Rounding, once per request: the sum over all classes is exact in millionths of a nano-dollar and rounded half up to
    ``total``; each part is rounded down, and what is then missing from ``total`` goes to the largest part.
    """
    if prices.tiers:
        prices = tier_of(prices, usage.prompt_tokens)
    base, out = prices.input, prices.output
    if usage.plain():
        # the usual case, by the same rule: two classes, the odd remainder to the larger
        exact_in, exact_out = (usage.input or 0) * base, (usage.output or 0) * out
        whole = (exact_in + exact_out + MILLION // 2) // MILLION
        first, second = exact_in // MILLION, exact_out // MILLION
        if exact_in >= exact_out:
            first = whole - second
        else:
            second = whole - first
        return _tuple(Cost, (whole + prices.request, first, second, 0, 0, 0, 0, 0, prices.request))
    write_5m = base if prices.cache_write_5m is None else prices.cache_write_5m
    media = usage.media or _TEXT_ONLY
    exact = (
        (usage.input or 0) * base + (media.characters or 0) * prices.character,
        (usage.output or 0) * out,
        (usage.cache_read or 0) * (base if prices.cache_read is None else prices.cache_read),
        (usage.cache_write_5m or 0) * write_5m
        + (usage.cache_write_1h or 0) * (base if prices.cache_write_1h is None else prices.cache_write_1h),
        (usage.reasoning or 0) * (out if prices.reasoning is None else prices.reasoning),
        (usage.audio_input or 0) * (base if prices.audio_input is None else prices.audio_input)
        + (usage.audio_output or 0) * (out if prices.audio_output is None else prices.audio_output)
        + (media.audio_ms or 0) * prices.audio_ms,
        (usage.images or 0) * (prices.image or 0)
        + (media.image_input or 0) * (base if prices.image_input is None else prices.image_input)
        + (media.image_output or 0) * (out if prices.image_output is None else prices.image_output),
    )
    total = (sum(exact) + MILLION // 2) // MILLION
    parts = [value // MILLION for value in exact]
    rest = total - sum(parts)
    if rest:
        parts[exact.index(max(exact))] += rest
    request = prices.request if media.queries is None else prices.request * media.queries
    return Cost._make((total + request, *parts, request))


def tier_of(prices: Prices, input_tokens: int) -> Prices:
    """The prices of a request with so long an input."""
    chosen = prices
    for tier in prices.tiers:
        if input_tokens > tier.above:
            chosen = tier.prices
    return chosen


def all_tiers(prices: Prices) -> tuple[Prices, ...]:
    """The prices of inputs of every length."""
    return (prices, *(tier.prices for tier in prices.tiers)) if prices.tiers else (prices,)


def ceiling(prices: Prices, input_tokens: int, output_tokens: int, images: int = 0) -> int:
    """The most such a request can cost, in nano-dollars rounded up: every token in the dearest class of its side.

    For budget reservations. No tokenizer yields more tokens than its input has bytes, so the size of the input in bytes
    is a sure bound for ``input_tokens``.
    """
    if prices.tiers:
        return max(
            ceiling(msgspec.structs.replace(each, tiers=()), input_tokens, output_tokens, images)
            for each in all_tiers(prices)
        )
    dearest_in = max(
        prices.input,
        prices.cache_read or 0,
        prices.cache_write_5m or 0,
        prices.cache_write_1h or 0,
        prices.audio_input or 0,
    )
    dearest_out = max(prices.output, prices.reasoning or 0, prices.audio_output or 0)
    exact = input_tokens * dearest_in + output_tokens * dearest_out + images * (prices.image or 0)
    return -(-exact // MILLION) + prices.request


def usd_to_nano(value: str | float) -> int:
    """Dollars to nano-dollars, exact for what is written: ``0.1`` is 100,000,000. Finer digits round half up.

    Raises ValueError for anything that is no finite number.
    """
    return _scaled(value, Decimal(NANO))


def per_token_to_price(value: str | float | Decimal) -> int:
    """Dollars per token (or image) to nano-dollars per million, the unit of ``Prices``. Raises ValueError."""
    return _scaled(value, _PRICE_SCALE)


def nano_to_usd(nano: int) -> float:
    """Dollars as the nearest float, for JSON."""
    return nano / NANO


def format_usd(nano: int) -> str:
    """Exact dollars for people: at least two decimals, no further trailing zeros (``$1.50``, ``$0.0000025``)."""
    whole, part = divmod(abs(nano), NANO)
    digits = f"{part:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}${whole:,}.{digits}"


def _scaled(value: str | float | Decimal, scale: Decimal) -> int:
    if isinstance(value, bool):
        raise ValueError("a truth value is not an amount")  # noqa: TRY004  callers report one kind of error
    try:
        # repr is the shortest text that reads back as the same float, i.e. what somebody wrote
        number = Decimal(
            value.strip() if isinstance(value, str) else repr(value) if isinstance(value, float) else value
        )
        if not number.is_finite():
            raise ValueError(f"not an amount: {value!r}")
        return int((number * scale).to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        raise ValueError(f"not an amount: {value!r}") from None
