"""What the same tokens would have cost on another model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from phantom_gateway.ledger.money import cost, nano_to_usd
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Prices
from phantom_gateway.store.rollups import Metrics, Sum

JsonObject = dict[str, Any]


def what_if(sums: Iterable[Sum], prices: Prices) -> JsonObject:
    """``answers.usage.WhatIf`` of sums by model. Prices of short inputs; what failed without tokens costs nothing again."""
    groups = []
    for each in sums:
        now, then = each.metrics.cost_nano, repriced(each.metrics, prices)
        if now or then:
            groups.append(
                {
                    "model": each.group[0],
                    "requests": each.metrics.requests,
                    "tokens": each.metrics.total_tokens,
                    "spend": nano_to_usd(now),
                    "spend_then": nano_to_usd(then),
                }
            )
    return {
        "groups": groups,
        "spend": sum(each["spend"] for each in groups),
        "spend_then": sum(each["spend_then"] for each in groups),
    }


def repriced(found: Metrics, prices: Prices) -> int:
    """What requests with these sums cost at other prices, in nano-dollars."""
    usage = Usage(
        input=found.input,
        cache_read=found.cache_read,
        cache_write_5m=found.cache_write_5m,
        cache_write_1h=found.cache_write_1h,
        output=found.output,
        reasoning=found.reasoning,
        audio_input=found.audio_input,
        audio_output=found.audio_output,
        images=found.images,
    )
    billed = max(found.successes - found.cache_hits, 0)
    return cost(usage, msgspec.structs.replace(prices, tiers=(), request=0)).total + billed * prices.request
