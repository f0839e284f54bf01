"""Sums as the routes of usage show them. Money turns into dollars here, after everything is added up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store.rollups import Metrics, Sum
from phantom_gateway.store.spread import Spread, quantile

JsonObject = dict[str, Any]
MEASURES = ("spend", "requests", "tokens", "failures")


def figures(found: Metrics, spread: Spread | None, provider_saved: int | None = None) -> JsonObject:
    """``answers.usage.UsageFigures``. ``provider_saved``: see ``saved_by_providers``; without ``spread`` no percentiles."""
    answers, firsts = (None, None) if spread is None else spread
    saved = saved_by_providers(found) if provider_saved is None else provider_saved
    return {
        "spend": nano_to_usd(found.cost_nano),
        "requests": found.requests,
        "failures": found.failures,
        "tokens": found.total_tokens,
        "classes": {
            "input": found.input,
            "cache_read": found.cache_read,
            "cache_write": found.cache_write,
            "output": found.output,
            "reasoning": found.reasoning,
            "audio": found.audio_input + found.audio_output,
        },
        "costs": {
            "input": nano_to_usd(found.cost_input),
            "cache_read": nano_to_usd(found.cost_cache_read),
            "cache_write": nano_to_usd(found.cost_cache_write),
            "output": nano_to_usd(found.cost_nano - found.cost_input - found.cost_cache_read - found.cost_cache_write),
        },
        "cache_hits": found.cache_hits,
        "saved_by_cache": nano_to_usd(found.saved_nano),
        "saved_by_providers": nano_to_usd(saved),
        "uncounted": found.uncounted,
        "mean_ms": found.duration_us / found.requests / 1000 if found.requests else None,
        "p50_ms": _ms(answers, 0.5),
        "p95_ms": _ms(answers, 0.95),
        "first_p50_ms": _ms(firsts, 0.5),
        "first_p95_ms": _ms(firsts, 0.95),
    }


def saved_by_providers(found: Metrics) -> int:
    """What tokens read from the provider's cache would have cost beyond what they did, at what other input has cost.

    Less what writing them cost beyond that. Right for one model; sums of several are to be added up from each. 0 where no
    input was paid for by which to judge.
    """
    if not (found.input and found.cost_input and (found.cache_read or found.cache_write)):
        return 0
    plain = (found.cache_read + found.cache_write) * found.cost_input // found.input
    return plain - found.cost_cache_read - found.cost_cache_write


def by_day(sums: Iterable[Sum], first: int, last: int) -> JsonObject:
    """``MEASURES`` of one group day by day, 0 where there is nothing."""
    days = {each.day: each.metrics for each in sums}
    none = Metrics()
    metrics = [days.get(day, none) for day in range(first, last + 1)]
    return {
        "spend": [nano_to_usd(each.cost_nano) for each in metrics],
        "requests": [each.requests for each in metrics],
        "tokens": [each.total_tokens for each in metrics],
        "failures": [each.failures for each in metrics],
    }


def _ms(counts: Any, share: float) -> float | None:
    found = None if counts is None else quantile(counts, share)
    return None if found is None else found / 1000
