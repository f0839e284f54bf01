"""Sums in the shapes of LiteLLM's dashboards. Money turns into dollars here, after everything is added up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store.rollups import Metrics, Sum

JsonObject = dict[str, Any]
_ZEROS: JsonObject = {
    "flat_cost": 0.0,
    "compression_saved_tokens": 0,
    "compression_savings_spend": 0.0,
    "prompt_caching_savings_spend": 0.0,
    "gateway_injected_caching_savings_spend": 0.0,
    "autorouter_savings_spend": 0.0,
}
"""LiteLLM's fields of features that are not here."""
_DURATION = Metrics._fields.index("duration_us") - Metrics._fields.index("images")
ENDPOINTS = {
    "acompletion": "/chat/completions",
    "atext_completion": "/completions",
    "aembedding": "/embeddings",
    "agenerate_content": "/models/{model}:generateContent",
    "agenerate_content_stream": "/models/{model}:streamGenerateContent",
}
"""Where the calls of a type arrive."""


def merged(sums: Iterable[Metrics]) -> Metrics:
    """The sum of sums."""
    found = list(sums)
    return Metrics._make(map(sum, zip(*found, strict=True))) if found else Metrics()


def metrics(found: Metrics) -> JsonObject:
    """``SpendMetrics``."""
    # Taken apart at once: an answer has thousands of these.
    requests, successes, failures, cost, plain, read, write_5m, write_1h, output, reasoning, heard, said, *rest = found
    prompt, completion = plain + read + write_5m + write_1h + heard, output + reasoning + said
    return {
        "spend": nano_to_usd(cost),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write_5m + write_1h,
        "total_tokens": prompt + completion,
        "successful_requests": successes,
        "failed_requests": failures,
        "api_requests": requests,
        "total_response_time_ms": rest[_DURATION] // 1000,
        "timed_requests": requests,
        **_ZEROS,
    }


def metadata(found: Metrics) -> JsonObject:
    """The sums of ``DailySpendMetadata``: of the whole range, whatever page is shown."""
    return {
        "total_spend": nano_to_usd(found.cost_nano),
        "total_prompt_tokens": found.prompt_tokens,
        "total_completion_tokens": found.completion_tokens,
        "total_tokens": found.total_tokens,
        "total_api_requests": found.requests,
        "total_successful_requests": found.successes,
        "total_failed_requests": found.failures,
        "total_cache_read_input_tokens": found.cache_read,
        "total_cache_creation_input_tokens": found.cache_write,
        "total_response_time_ms": found.duration_us // 1000,
        "total_timed_requests": found.requests,
        **{f"total_{name}": value for name, value in _ZEROS.items()},
    }


def by(sums: Iterable[Sum], position: int) -> dict[str, Metrics]:
    """Sums by one column of their group."""
    groups: dict[str, list[Metrics]] = {}
    for each in sums:
        groups.setdefault(each.group[position], []).append(each.metrics)
    return {name: found[0] if len(found) == 1 else merged(found) for name, found in groups.items()}


def endpoint(call_type: str) -> str:
    """Where calls of a type arrive; the type itself when that is nowhere (``correction``)."""
    return ENDPOINTS.get(call_type, call_type)
