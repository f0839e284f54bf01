"""What a request would cost, or has cost, by the prices in force. Dollars as floats, for JSON; the ledger counts integers."""

from __future__ import annotations

from typing import Any

from phantom_gateway.control.estimates.fields import CostEstimate
from phantom_gateway.control.estimates.priced import Priced
from phantom_gateway.control.models_view import PER_TOKEN
from phantom_gateway.ledger.money import cost, nano_to_usd
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Prices

JsonObject = dict[str, Any]
_PARTS = ("input", "output", "cache_read", "cache_creation", "reasoning", "margin")


def estimate_view(fields: CostEstimate, priced: Priced) -> JsonObject:
    """The answer of ``/cost/estimate``. Cached tokens are part of the input, reasoning is part of the output."""
    cached = fields.cache_read_input_tokens + fields.cache_creation_input_tokens
    usage = Usage(
        input=max(fields.input_tokens - cached, 0),
        cache_read=fields.cache_read_input_tokens,
        cache_write_5m=fields.cache_creation_input_tokens,
        output=max(fields.output_tokens - fields.reasoning_tokens, 0),
        reasoning=fields.reasoning_tokens,
    )
    found = cost(usage, priced.prices)
    amounts = {
        "input": found.input + found.request,
        "output": found.output,
        "cache_read": found.cache_read,
        "cache_creation": found.cache_write,
        "reasoning": found.reasoning,
        "margin": 0,
    }
    view: JsonObject = {**fields.model_dump(), "cost_per_request": nano_to_usd(found.total)}
    view |= {f"{part}_cost_per_request": nano_to_usd(amounts[part]) for part in _PARTS}
    for period, count in (("daily", fields.num_requests_per_day), ("monthly", fields.num_requests_per_month)):
        view[f"{period}_cost"] = None if count is None else nano_to_usd(found.total * count)
        for part in _PARTS:
            view[f"{period}_{part}_cost"] = None if count is None else nano_to_usd(amounts[part] * count)
    return {**view, **per_token(priced.prices), "provider": priced.provider}


def per_token(prices: Prices) -> JsonObject:
    """Prices in dollars per token."""
    return {
        "input_cost_per_token": prices.input / PER_TOKEN,
        "output_cost_per_token": prices.output / PER_TOKEN,
        "cache_read_input_token_cost": _dollars(prices.cache_read),
        "cache_creation_input_token_cost": _dollars(prices.cache_write_5m),
        "output_cost_per_reasoning_token": _dollars(prices.reasoning),
    }


def _dollars(price: int | None) -> float | None:
    return None if price is None else price / PER_TOKEN
