"""Which fields of a key somebody may set: by relation, deny by default. What is listed nowhere is for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store.keys import KeyRow

_OWN = frozenset(
    {
        "key_alias",
        "duration",
        "models",
        "max_budget",
        "soft_budget",
        "budget_duration",
        "budget_limits",
        "model_max_budget",
        "rpm_limit",
        "tpm_limit",
        "tpd_limit",
        "max_parallel_requests",
        "metadata",
        "aliases",
        "key_type",
        "allowed_routes",
        "user_id",
        "team_id",
        "budget_fallbacks",
        "auto_rotate",
        "rotation_interval",
    }
)
"""What narrows, names or places a key. ``model_max_budget`` stands for all limits by model."""
_TEAM = _OWN | {
    "tags",
    "blocked",
    "project_id",
    "access_group_ids",
    "temp_budget_increase",
    "temp_budget_expiry",
    "enforced_params",
    "tag_rpm_limit",
    "allowed_cache_controls",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "key",
}
"""``key`` is a value chosen by the caller instead of a random one."""

SETTABLE: Mapping[Relation, frozenset[str]] = MappingProxyType(
    {
        Relation.USER: _OWN,
        Relation.MEMBER: _OWN,
        Relation.TEAM_ADMIN: _TEAM,
        Relation.ORG_ADMIN: _TEAM | {"organization_id"},
    }
)
"""By relation to whom the key belongs. Of administrators everything."""
ON_CREATION = frozenset({"tags"})
"""May also be set by everybody on a new key."""

PLACE = frozenset({"user_id", "team_id", "organization_id", "project_id"})
"""Whom a key belongs to."""
_FIELD_OF = {
    "alias": "key_alias",
    "expires": "duration",
    "org_id": "organization_id",
    "access_groups": "access_group_ids",
    "max_budget_nano": "max_budget",
    "soft_budget_nano": "soft_budget",
    "model_limits": "model_max_budget",
    "temp_increase_nano": "temp_budget_increase",
    "temp_expiry": "temp_budget_expiry",
    "rotation_s": "auto_rotate",
}
_SAME_NAME = (
    "user_id",
    "team_id",
    "project_id",
    "aliases",
    "tags",
    "key_type",
    "allowed_routes",
    "models",
    "metadata",
    "rpm_limit",
    "tpm_limit",
    "tpd_limit",
    "max_parallel_requests",
    "budget_duration",
    "budget_limits",
    "budget_id",
    "blocked",
)


def changed(before: KeyRow, after: KeyRow) -> frozenset[str]:
    """The fields, as the API names them, in which two states of a key differ."""
    names = {name: name for name in _SAME_NAME} | _FIELD_OF
    found = {field for column, field in names.items() if getattr(before, column) != getattr(after, column)}
    extras = before.extra.keys() | after.extra.keys()
    if before.metadata.get("priority") != after.metadata.get("priority"):
        found.add("metadata.priority")
    return frozenset(found | {name for name in extras if before.extra.get(name) != after.extra.get(name)})


def refused(relation: Relation, fields: frozenset[str], *, new: bool) -> list[str]:
    """Those of ``fields`` that a caller in this relation may not set, by name."""
    permitted = SETTABLE.get(relation, frozenset()) | (ON_CREATION if new else frozenset())
    return sorted(fields - permitted)
