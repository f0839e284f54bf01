"""Prices and limits of a deployment: what the configuration says, over what the price table knows.

The configuration's prices are US dollars per token; a snapshot's are nano-dollars per million tokens, so that
1e-06 dollars a token (one dollar a million) is 1,000,000,000. The conversion is exact decimal arithmetic; what is finer than
a nano-dollar per million tokens is rounded half to even.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

import msgspec

from phantom_gateway.config.schema_models import Costs, ModelEntry
from phantom_gateway.spine.snapshot import Prices, PriceTier

PER_MILLION = Decimal(10) ** 15
"""Dollars per unit to nano-dollars per million units."""
PER_ONE = Decimal(10) ** 9

_FIELDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image": "image",
    "output_cost_per_image": "image",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "input_cost_per_character": "character",
    "input_cost_per_pixel": "pixel",
    "output_cost_per_pixel": "pixel",
}
_PER_SECOND = ("input_cost_per_second", "output_cost_per_second")


_TIERED = {key: field for key, field in _FIELDS.items() if field in ("input", "output", "cache_read", "cache_write_5m")}
TIERS = (128_000, 200_000, 272_000)
"""Lengths of input for which the configuration can name other prices."""


class ModelPrice(Protocol):
    """What the price table knows of a model."""

    @property
    def prices(self) -> Prices: ...
    @property
    def max_input_tokens(self) -> int: ...
    @property
    def max_output_tokens(self) -> int: ...
    @property
    def mode(self) -> str: ...
    @property
    def supports(self) -> frozenset[str]: ...


PriceLookup = Callable[[str, str], ModelPrice | None]
"""Provider and model name (without the provider's prefix) to what the price table knows, or ``None``."""


def nano(dollars: Decimal, scale: Decimal) -> int:
    """``dollars`` times ``scale``, as an integer."""
    return int((dollars * scale).to_integral_value(ROUND_HALF_EVEN))


def compile_prices(entry: ModelEntry, known: ModelPrice | None) -> Prices:
    """The prices of a deployment. ``litellm_params`` win over ``model_info``, both over the table, key by key.

    A price that is written without a tier holds for inputs of any length, unless one of a tier is written, too.
    """
    written: dict[str, Any] = {}
    tiers: dict[int, dict[str, int]] = {above: {} for above in TIERS}
    for costs in (entry.model_info, entry.litellm_params):
        written |= _written(costs)
        for above in TIERS:
            tiers[above] |= _written_above(costs, above)
    base = known.prices if known is not None else None
    if not written and not any(tiers.values()):
        return base or Prices()
    version = f"config+{base.version}" if base else "config"
    plain = msgspec.structs.replace(base or Prices(), version=version, tiers=(), **written)
    return msgspec.structs.replace(plain, tiers=_tiers(base or Prices(), plain, written, tiers))


def _tiers(
    base: Prices, plain: Prices, written: dict[str, Any], tiers: dict[int, dict[str, int]]
) -> tuple[PriceTier, ...]:
    known = {tier.above: tier.prices for tier in base.tiers}
    below, said = plain, dict[str, int]()
    found = []
    for above in sorted(known.keys() | {above for above, prices in tiers.items() if prices}):
        said |= tiers.get(above, {})
        below = msgspec.structs.replace(known.get(above, below), version=plain.version, **written | said)
        found.append(PriceTier(above=above, prices=below))
    return tuple(found)


def _written_above(costs: Costs, above: int) -> dict[str, int]:
    return {
        field: nano(dollars, PER_MILLION)
        for key, field in _TIERED.items()
        if (dollars := getattr(costs, f"{key}_above_{above // 1000}k_tokens")) is not None
    }


def _written(costs: Costs) -> dict[str, Any]:
    prices: dict[str, Any] = {
        field: nano(dollars, PER_MILLION)
        for key, field in _FIELDS.items()
        if (dollars := getattr(costs, key)) is not None
    }
    if "image" in prices or "pixel" in prices:
        prices["sizes"] = {}  # a price that is written holds for every size
    for key in _PER_SECOND:
        if dollars := getattr(costs, key):
            prices["audio_ms"] = nano(dollars / 1000, PER_MILLION)
    if costs.input_cost_per_query is not None:
        prices["request"] = nano(costs.input_cost_per_query, PER_ONE)
    return prices
