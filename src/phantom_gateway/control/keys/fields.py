"""The request bodies of ``/key/*``: LiteLLM's fields, each with one of three fates.

- acted on: typed and bounded here, stored in a column of its own;
- kept: it promises nothing that this release would have to enforce, so it is stored and echoed;
- later: it would restrict or change something that is not there yet. An empty value is accepted (clients send them by
  the dozen); anything else is refused by name, because a limit that is silently not enforced is worse than an error.

A field that is none of these is unknown and refused by name as well.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from phantom_gateway.config.durations import parse_duration
from phantom_gateway.ledger.money import usd_to_nano

MAX_USD = 1_000_000_000
"""A billion dollars: sums of such amounts still fit 64 bits of nano-dollars."""
MAX_JSON = 64 * 1024
_EMPTY: tuple[Any, ...] = (None, "", False, 0, [], {})

KeyType = Literal["default", "llm_api", "management", "read_only"]


def _check_duration(text: str) -> str:
    return str(parse_duration(text))


def _check_json(value: Any) -> Any:
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("must be plain JSON (finite numbers, valid Unicode, moderate depth)") from error
    if len(encoded) > MAX_JSON:
        raise ValueError(f"must not be longer than {MAX_JSON} bytes")
    return value


def _check_later(value: Any) -> Any:
    if value not in _EMPTY:
        raise ValueError("not supported in this release; a value would have no effect, so it is refused")
    return value


def _check_best_effort(value: Any) -> Any:
    if value not in (None, "best_effort_throughput"):
        raise ValueError("only best_effort_throughput is supported in this release")
    return value


def _check_spend(value: Any) -> Any:
    if value not in (None, 0):
        raise ValueError("cannot be set: spend is the sum of the spend log")
    return value


def _check_money(value: float) -> float:
    if not 0 <= value <= MAX_USD:
        raise ValueError(f"must be between 0 and {MAX_USD} dollars")
    usd_to_nano(value)
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Duration = Annotated[str, AfterValidator(_check_duration)]
Dollars = Annotated[float, AfterValidator(_check_money)]
Limit = Annotated[int, Field(ge=0, le=10**12)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_check_json)]
Names = Annotated[list[Name], Field(max_length=1000)]
Kept = Annotated[Any, AfterValidator(_check_json)]
Later = Annotated[Any, AfterValidator(_check_later)]


class Body(BaseModel):
    """Base of request bodies: exact types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class BudgetLimit(Body):
    """One more budget window of a key."""

    budget_duration: Duration
    max_budget: Dollars
    reset_at: Later = None


class KeyFields(Body):
    """What ``/key/generate`` and ``/key/update`` have in common."""

    key_alias: Name | None = None
    duration: str | None = None
    models: Names | None = None
    max_budget: Dollars | None = None
    budget_duration: Duration | None = None
    budget_limits: Annotated[list[BudgetLimit], Field(max_length=16)] | None = None
    user_id: Name | None = None
    team_id: Name | None = None
    organization_id: Name | None = None
    rpm_limit: Limit | None = None
    tpm_limit: Limit | None = None
    tpd_limit: Limit | None = None
    max_parallel_requests: Limit | None = None
    metadata: JsonObject | None = None
    aliases: Annotated[dict[str, Name], Field(max_length=1000)] | None = None
    tags: Names | None = None
    key_type: KeyType | None = None
    allowed_routes: Names | None = None
    blocked: bool | None = None

    agent_id: Kept = None
    project_id: Kept = None
    soft_budget: Dollars | None = None
    config: Kept = None
    permissions: Kept = None
    disable_global_guardrails: Kept = None

    spend: Annotated[Any, AfterValidator(_check_spend)] = None
    rpm_limit_type: Annotated[Any, AfterValidator(_check_best_effort)] = None
    tpm_limit_type: Annotated[Any, AfterValidator(_check_best_effort)] = None

    model_max_budget: Later = None
    budget_fallbacks: Later = None
    model_rpm_limit: Later = None
    model_tpm_limit: Later = None
    mcp_rpm_limit: Later = None
    tag_rpm_limit: Later = None
    allowed_cache_controls: Later = None
    guardrails: Later = None
    policies: Later = None
    prompts: Later = None
    object_permission: Later = None
    budget_id: Later = None
    end_user_budget_id: Later = None
    enforced_params: Later = None
    allowed_passthrough_routes: Later = None
    denied_passthrough_routes: Later = None
    allowed_vector_store_indexes: Later = None
    router_settings: Later = None
    access_group_ids: Later = None
    auto_rotate: Later = None
    rotation_interval: Later = None
    enable_prompt_caching: Later = None
    throttle_on_budget_exceeded: Later = None
    default_estimated_output_tokens: Later = None
    default_estimated_output_tokens_per_model: Later = None
    send_invite_email: Later = None


KEPT = ("agent_id", "project_id", "soft_budget", "config", "permissions", "disable_global_guardrails")
"""Stored in ``extra`` and echoed."""


class KeyGenerate(KeyFields):
    """Body of ``/key/generate``."""

    key: Annotated[str, StringConstraints(min_length=20, max_length=256, pattern=r"^sk-[\x21-\x7e]+$")] | None = None


KeyReference = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class KeyUpdate(KeyFields):
    """Body of ``/key/update``. A field that is absent stays as it is; ``null`` clears it."""

    key: KeyReference
    temp_budget_increase: Later = None
    temp_budget_expiry: Later = None


class KeyDelete(Body):
    """Body of ``/key/delete``: one of the two."""

    keys: Annotated[list[KeyReference], Field(max_length=1000)] | None = None
    key_aliases: Annotated[list[Name], Field(max_length=1000)] | None = None


class KeyBlock(Body):
    """Body of ``/key/block`` and ``/key/unblock``."""

    key: KeyReference
