"""What the gateway's own cache has saved (``/global/activity/cache_hits``)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.answers.base import Answer
from phantom_gateway.store import keys, rollups
from phantom_gateway.store.rollups import Question

JsonObject = dict[str, Any]
MOST_KEYS = 500


class CacheActivityGroup(Answer):
    """Requests of one kind of call."""

    call_type: str
    api_requests: int
    """Answered by a provider."""
    cache_hits: int
    failed_requests: int
    cached_completion_tokens: int
    generated_completion_tokens: int


class CacheActivityTotals(Answer):
    """All of them."""

    api_requests: int
    cache_hits: int
    failed_requests: int
    cached_completion_tokens: int
    cache_hit_ratio: float


class CacheActivityFilterOptions(Answer):
    """What can be asked for."""

    key_aliases: list[str]
    models: list[str]


class CacheActivity(Answer):
    """LiteLLM's ``CacheActivityResponse``."""

    groups: list[CacheActivityGroup]
    totals: CacheActivityTotals
    filter_options: CacheActivityFilterOptions


def cache_activity(connection: sa.Connection, question: Question, everything: Question) -> JsonObject:
    """Hits and misses by kind of call; ``everything`` is the question without its filters, for what can be asked for.

    The sums do not keep apart which tokens came from the cache: all of them stand as generated.
    """
    groups: list[JsonObject] = [
        {
            "call_type": each.group[0] or "Unknown",
            "api_requests": each.metrics.requests - each.metrics.cache_hits - each.metrics.failures,
            "cache_hits": each.metrics.cache_hits,
            "failed_requests": each.metrics.failures,
            "cached_completion_tokens": 0,
            "generated_completion_tokens": each.metrics.completion_tokens,
        }
        for each in rollups.sums(connection, question, ("call_type",))
        if each.metrics.requests
    ]
    sums = {
        name: sum(group[name] for group in groups)
        for name in ("api_requests", "cache_hits", "failed_requests", "cached_completion_tokens")
    }
    asked = sums["api_requests"] + sums["cache_hits"]
    ids = rollups.top(connection, everything, "key_id", MOST_KEYS)
    aliases = sorted({row.alias for row in keys.get_many(connection, ids) if row.alias})
    models = sorted(rollups.top(connection, everything, "model_group", MOST_KEYS))
    return {
        "groups": groups,
        "totals": {**sums, "cache_hit_ratio": sums["cache_hits"] / asked if asked else 0.0},
        "filter_options": {"key_aliases": aliases, "models": models},
    }
