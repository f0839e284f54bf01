"""Rows of the spend log as LiteLLM shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from phantom_gateway.control.spending.periods import date
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import Cost, nano_to_usd
from phantom_gateway.store.rollups import Sum
from phantom_gateway.store.spend_logs import Row, trail_of, usage_of

JsonObject = dict[str, Any]


def view(row: Row) -> JsonObject:
    """One row. ``messages`` and ``response`` are there for LiteLLM's clients and always empty: content is not stored."""
    usage = usage_of(row)
    prompt = _sum(usage, "input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input")
    completion = _sum(usage, "output", "reasoning", "audio_output")
    started, ended = row["started_at"] / 1e6, (row["started_at"] + row["duration_us"]) / 1e6
    first = None if row["ttft_us"] is None else (row["started_at"] + row["ttft_us"]) / 1e6
    return {
        "request_id": row["request_id"],
        "litellm_call_id": row["request_id"],
        "call_type": row["call_type"],
        "api_key": row["key_id"],
        "spend": nano_to_usd(row["cost_nano"]),
        "total_tokens": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "startTime": iso(started),
        "endTime": iso(ended),
        "request_duration_ms": row["duration_us"] // 1000,
        "completionStartTime": iso(first),
        "model": row["upstream_model"] or row["model"],
        "model_id": row["deployment_id"],
        "model_group": row["model_group"] or row["model"],
        "custom_llm_provider": row["provider"],
        "api_base": "",
        "user": row["user_id"] or "",
        "metadata": _metadata(row, usage),
        "cache_hit": "True" if row["cache_hit"] else "False",
        "cache_key": row["cache_key"] or "",
        "request_tags": json.loads(row["tags"]),
        "team_id": row["team_id"],
        "organization_id": row["org_id"],
        "end_user": row["end_user"] or "",
        "requester_ip_address": None,
        "messages": {},
        "response": {},
        "session_id": row["session_id"],
        "status": "success" if row["status"] == "success" else "failure",
        "proxy_server_request": {},
    }


def summary(users: Sequence[Sum], models: Sequence[Sum]) -> list[JsonObject]:
    """Per-day aggregates, as ``summarize`` asks for them: sums by user and by model, by day."""
    days: dict[int, JsonObject] = {}
    totals: dict[int, int] = {}
    for name, sums in (("users", users), ("models", models)):
        for each in sums:
            day = days.setdefault(each.day, {"startTime": date(each.day), "spend": 0.0, "users": {}, "models": {}})
            day[name][each.group[0]] = nano_to_usd(each.metrics.cost_nano)
            if name == "users":
                totals[each.day] = totals.get(each.day, 0) + each.metrics.cost_nano
    for number, total in totals.items():
        days[number]["spend"] = nano_to_usd(total)
    return list(days.values())


def _sum(usage: dict[str, int | None], *names: str) -> int:
    return sum(usage[name] or 0 for name in names)


def _metadata(row: Row, usage: dict[str, int | None]) -> JsonObject:
    parts = Cost(row["cost_nano"], *json.loads(row["cost_parts"]))._asdict()
    return {
        "user_api_key": row["key_id"],
        "user_api_key_alias": row["key_alias"],
        "user_api_key_user_id": row["user_id"],
        "user_api_key_team_id": row["team_id"],
        "user_api_key_org_id": row["org_id"],
        "status": row["status"],
        "status_code": row["http_status"],
        "error_type": row["error_type"],
        "stream": row["stream"],
        "attempts": row["attempts"],
        "fallbacks": row["fallbacks"],
        "client_left": row["client_left"],
        "trace_id": row["trace_id"],
        "usage": usage,
        "usage_source": row["usage_source"],
        "usage_flags": row["usage_flags"].split(",") if row["usage_flags"] else [],
        "cost_nano": parts,
        "saved_nano": row["saved_nano"] or 0,
        "price_version": row["price_version"],
        "routing_trail": [step._asdict() for step in trail_of(row)],
    }
