"""Models as LiteLLM shows them. Built from named fields only: a credential has no way in."""

from __future__ import annotations

from typing import Any

from phantom_gateway.spine.snapshot import Deployment, Prices

PER_TOKEN = 1e15
"""Prices are nano-dollars per million tokens; LiteLLM shows dollars per token."""

_PORTS = {"http": 80, "https": 443}

JsonObject = dict[str, Any]


def api_base(deployment: Deployment) -> str:
    """Where a deployment is, as its owner would write it: without the query, which may hold a key."""
    address = deployment.address
    if not address.host:
        return address.scheme
    host = f"[{address.host}]" if ":" in address.host else address.host
    port = "" if address.port in (0, _PORTS.get(address.scheme)) else f":{address.port}"
    return f"{address.scheme}://{host}{port}{deployment.base_path}"


def model_view(deployment: Deployment, *, full: bool = False) -> JsonObject:
    """One deployment; ``full``: with its address."""
    params: JsonObject = {
        "model": f"{deployment.provider}/{deployment.model}" if deployment.provider else deployment.model,
        "custom_llm_provider": deployment.provider,
        "api_base": api_base(deployment) if full else None,
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "weight": deployment.weight,
        "order": deployment.order or None,
        "tags": list(deployment.tags) or None,
        "timeout": deployment.timeout_s,
        "stream_timeout": deployment.stream_timeout_s,
        "max_retries": deployment.max_retries,
        "max_parallel_requests": deployment.max_parallel_requests,
    }
    return {
        "model_name": deployment.group,
        "litellm_params": {name: value for name, value in params.items() if value is not None},
        "model_info": {
            **deployment.info,
            "id": deployment.id,
            "db_model": deployment.db_model,
            "key": deployment.model,
            "mode": deployment.mode or None,
            "litellm_provider": deployment.provider,
            "max_tokens": deployment.max_output_tokens or None,
            "max_input_tokens": deployment.max_input_tokens or None,
            "max_output_tokens": deployment.max_output_tokens or None,
            **_prices(deployment.prices),
        },
    }


def group_view(name: str, members: list[Deployment]) -> JsonObject:
    """A public model name: the best its deployments offer, the dearest they cost."""
    infos = [member.info for member in members]
    return {
        "model_group": name,
        "providers": sorted({member.provider for member in members}),
        "max_input_tokens": max((member.max_input_tokens for member in members), default=0) or None,
        "max_output_tokens": max((member.max_output_tokens for member in members), default=0) or None,
        "input_cost_per_token": max(member.prices.input for member in members) / PER_TOKEN,
        "output_cost_per_token": max(member.prices.output for member in members) / PER_TOKEN,
        "mode": next((member.mode for member in members if member.mode), None),
        "tpm": sum(member.tpm or 0 for member in members) or None,
        "rpm": sum(member.rpm or 0 for member in members) or None,
        **{f"supports_{what}": any(bool(info.get(f"supports_{what}")) for info in infos) for what in _SUPPORTS},
        "supported_openai_params": [],
        "configurable_clientside_auth_params": None,
        "is_public_model_group": False,
    }


_SUPPORTS = ("vision", "function_calling", "parallel_function_calling", "web_search", "reasoning")


def _prices(prices: Prices) -> JsonObject:
    return {
        "input_cost_per_token": prices.input / PER_TOKEN,
        "output_cost_per_token": prices.output / PER_TOKEN,
        "cache_read_input_token_cost": None if prices.cache_read is None else prices.cache_read / PER_TOKEN,
        "cache_creation_input_token_cost": None if prices.cache_write_5m is None else prices.cache_write_5m / PER_TOKEN,
        "price_version": prices.version,
    }
