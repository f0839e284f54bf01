"""The request bodies of ``/key/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from phantom_gateway.control.entities.fields import (
    EXPECTATIONS,
    PASSAGES,
    AllowanceFields,
    BestEffort,
    Body,
    BudgetLimit,
    ByModel,
    Dollars,
    Duration,
    ExpectationFields,
    Interval,
    JsonObject,
    Kept,
    Later,
    Limit,
    ModelBudget,
    Moment,
    Name,
    NameOrEmpty,
    Names,
    PassageFields,
    Spend,
    Window,
)
from phantom_gateway.control.entities.routing import OwnSettings

CacheControl = Literal["no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache"]
KeyType = Literal["default", "llm_api", "management", "read_only"]


class KeyFields(PassageFields, ExpectationFields, AllowanceFields):
    """What ``/key/generate`` and ``/key/update`` have in common."""

    key_alias: Name | None = None
    duration: str | None = None
    user_id: Name | None = None
    team_id: Name | None = None
    organization_id: Name | None = None
    aliases: Annotated[dict[str, Name], Field(max_length=1000)] | None = None
    tags: Names | None = None
    key_type: KeyType | None = None
    allowed_routes: Names | None = None
    project_id: Name | None = None
    access_group_ids: Names | None = None
    budget_fallbacks: Annotated[dict[Name, Names], Field(max_length=1000)] | None = None
    auto_rotate: bool | None = None
    rotation_interval: Interval | None = None
    enforced_params: Names | None = None
    tag_rpm_limit: ByModel | None = None
    end_user_budget_id: NameOrEmpty = None
    throttle_on_budget_exceeded: bool | None = None
    allowed_cache_controls: Annotated[list[CacheControl], Field(max_length=16)] | None = None

    agent_id: Kept = None
    config: Kept = None
    permissions: Kept = None
    disable_global_guardrails: Kept = None

    spend: Spend = None
    rpm_limit_type: BestEffort = None
    tpm_limit_type: BestEffort = None

    mcp_rpm_limit: Later = None
    guardrails: Later = None
    policies: Later = None
    prompts: Later = None
    object_permission: Later = None
    allowed_vector_store_indexes: Later = None
    router_settings: OwnSettings | None = None
    enable_prompt_caching: Later = None
    send_invite_email: Later = None


TERMS = (
    "enforced_params",
    "tag_rpm_limit",
    "end_user_budget_id",
    "allowed_cache_controls",
    "throttle_on_budget_exceeded",
    *EXPECTATIONS,
    *PASSAGES,
)
"""What is laid down for the requests of a key."""
KEPT = (
    "router_settings",
    "agent_id",
    "config",
    "permissions",
    "disable_global_guardrails",
    "budget_fallbacks",
    "rotation_interval",
    *TERMS,
)
"""Stored in ``extra`` and echoed."""

KeyValue = Annotated[str, StringConstraints(min_length=20, max_length=256, pattern=r"^sk-[\x21-\x7e]+$")]
KeyReference = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class KeyGenerate(KeyFields):
    """Body of ``/key/generate``."""

    key: KeyValue | None = None


class KeyUpdate(KeyFields):
    """Body of ``/key/update``. A field that is absent stays as it is; ``null`` clears it."""

    key: KeyReference
    temp_budget_increase: Dollars | None = None
    temp_budget_expiry: Moment | None = None


class KeyDelete(Body):
    """Body of ``/key/delete``: one of the two."""

    keys: Annotated[list[KeyReference], Field(max_length=1000)] | None = None
    key_aliases: Annotated[list[Name], Field(max_length=1000)] | None = None


class KeyBlock(Body):
    """Body of ``/key/block`` and ``/key/unblock``."""

    key: KeyReference


class KeyRegenerate(KeyFields):
    """Body of ``/key/regenerate``: the key by path, query or body, and what else shall change with its value."""

    key: KeyReference | None = None
    new_key: KeyValue | None = None
    new_master_key: Later = None
    grace_period: Duration | None = None


class KeyBulkItem(Body):
    """One key of ``/key/bulk_update``."""

    key: KeyReference
    budget_id: Name | None = None
    max_budget: Dollars | None = None
    team_id: Name | None = None
    tags: Names | None = None
    object_permission: Later = None


class KeyBulkUpdate(Body):
    """Body of ``/key/bulk_update``."""

    keys: Annotated[list[KeyBulkItem], Field(min_length=1, max_length=500)]


class TeamKeyFields(Body):
    """What ``/team/key/bulk_update`` may change."""

    max_budget: Dollars | None = None
    budget_id: Name | None = None
    budget_duration: Window | None = None
    budget_limits: Annotated[list[BudgetLimit], Field(max_length=16)] | None = None
    model_max_budget: Annotated[dict[Name, ModelBudget], Field(max_length=1000)] | None = None
    rpm_limit: Limit | None = None
    tpm_limit: Limit | None = None
    model_rpm_limit: ByModel | None = None
    model_tpm_limit: ByModel | None = None
    max_parallel_requests: Limit | None = None
    rpm_limit_type: BestEffort = None
    tpm_limit_type: BestEffort = None
    temp_budget_increase: Dollars | None = None
    temp_budget_expiry: Moment | None = None
    duration: str | None = None
    tags: Names | None = None
    metadata: JsonObject | None = None


class TeamKeyBulkUpdate(Body):
    """Body of ``/team/key/bulk_update``: either some keys of a team, or all of them."""

    team_id: Name
    key_ids: Annotated[list[KeyReference], Field(max_length=500)] | None = None
    all_keys_in_team: bool = False
    update_fields: TeamKeyFields


class KeyReset(Body):
    """Body of ``/key/{key}/reset_spend``."""

    reset_to: Dollars


class KeyNames(Body):
    """Body of ``/v2/key/info``."""

    keys: Annotated[list[KeyReference], Field(max_length=1000)]
