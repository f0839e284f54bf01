"""What ``/key/*`` answers."""

from __future__ import annotations

from typing import Any, Literal

from phantom_gateway.control.answers.base import AllowanceAnswer, Answer, BudgetView, Spent

KeyType = Literal["default", "llm_api", "management", "read_only"]


class KeyInfo(AllowanceAnswer, Spent):
    """A key without its id."""

    key_name: str
    key_alias: str | None
    expires: str | None
    aliases: dict[str, str]
    config: Any
    budget_fallbacks: dict[str, list[str]]
    permissions: Any
    disable_global_guardrails: Any
    user_id: str | None
    team_id: str | None
    org_id: str | None
    organization_id: str | None
    agent_id: Any
    project_id: str | None
    access_group_ids: list[str]
    tags: list[str]
    allowed_routes: list[str]
    key_type: KeyType
    auto_rotate: bool
    rotation_interval: str | None
    rotation_count: int
    rotation_due: bool
    rotation_waiting: bool
    last_rotation_at: str | None
    key_rotation_at: str | None
    model_spend: dict[str, float]
    enforced_params: list[str] | None
    tag_rpm_limit: dict[str, int] | None
    end_user_budget_id: str | None
    default_estimated_output_tokens: int | None
    default_estimated_output_tokens_per_model: dict[str, int] | None
    allowed_passthrough_routes: list[str] | None
    denied_passthrough_routes: list[str] | None
    throttle_on_budget_exceeded: bool | None
    allowed_cache_controls: list[str]
    object_permission_id: None
    object_permission: None
    router_settings: dict[str, Any] | None
    litellm_budget_table: BudgetView | None


class KeyView(KeyInfo):
    """A key; ``token`` is its id."""

    token: str


class KeyMade(KeyView):
    """A key with its value, which is in this answer and nowhere else."""

    key: str
    token_id: str
    duration: str | None


class KeyChanged(KeyView):
    """A key after a change; ``key`` is what the request named it by."""

    key: str


class KeySpendReset(KeyView):
    """A key after its spend was reset."""

    key_hash: str
    previous_spend_reset_to: float


class KeysDeleted(Answer):
    """The keys as the request named them."""

    deleted_keys: list[str]


class KeyUpdated(Answer):
    """A key of a bulk change that was changed."""

    key: str
    key_info: KeyView


class KeyNotUpdated(Answer):
    """A key of a bulk change that was not changed, and why."""

    key: str
    key_info: None
    failed_reason: str


class KeysUpdated(Answer):
    """What came of a bulk change."""

    total_requested: int
    successful_updates: list[KeyUpdated]
    failed_updates: list[KeyNotUpdated]


class KeyHealth(Answer):
    """The calling key works."""

    key: Literal["healthy"]
    logging_callbacks: None


class KeyFound(Answer):
    """One key."""

    key: str
    info: KeyInfo


class KeysFound(Answer):
    """Several keys: as the request named them, and as they are."""

    key: list[str]
    info: list[KeyInfo]


class KeyOwner(Answer):
    """A user, in few words."""

    user_id: str
    user_email: str | None
    user_alias: str | None


class KeyListed(KeyView):
    """A key of a list. ``user`` and ``created_by_user`` with ``expand=user``; the last three of deleted keys."""

    user: KeyOwner | None = None
    created_by_user: KeyOwner | None = None
    deleted_at: str | None = None
    deleted_by: str | None = None
    id: str = ""


class KeyList(Answer):
    """A page of keys, or of their ids."""

    keys: list[str] | list[KeyListed]
    total_count: int
    current_page: int
    total_pages: int


class KeyAliases(Answer):
    """A page of aliases."""

    aliases: list[str]
    total_count: int
    current_page: int
    total_pages: int
    size: int
