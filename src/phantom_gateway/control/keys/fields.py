"""The request bodies of ``/key/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from phantom_gateway.control.entities.fields import (
    AllowanceFields,
    BestEffort,
    Body,
    Kept,
    Later,
    Name,
    Names,
    Spend,
)

KeyType = Literal["default", "llm_api", "management", "read_only"]


class KeyFields(AllowanceFields):
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

    agent_id: Kept = None
    config: Kept = None
    permissions: Kept = None
    disable_global_guardrails: Kept = None

    spend: Spend = None
    rpm_limit_type: BestEffort = None
    tpm_limit_type: BestEffort = None

    budget_fallbacks: Later = None
    mcp_rpm_limit: Later = None
    tag_rpm_limit: Later = None
    allowed_cache_controls: Later = None
    guardrails: Later = None
    policies: Later = None
    prompts: Later = None
    object_permission: Later = None
    end_user_budget_id: Later = None
    enforced_params: Later = None
    allowed_passthrough_routes: Later = None
    denied_passthrough_routes: Later = None
    allowed_vector_store_indexes: Later = None
    router_settings: Later = None
    auto_rotate: Later = None
    rotation_interval: Later = None
    enable_prompt_caching: Later = None
    throttle_on_budget_exceeded: Later = None
    default_estimated_output_tokens: Later = None
    default_estimated_output_tokens_per_model: Later = None
    send_invite_email: Later = None


KEPT = ("agent_id", "config", "permissions", "disable_global_guardrails")
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
