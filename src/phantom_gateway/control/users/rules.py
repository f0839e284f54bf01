"""Which fields of a user may be set by whom. What is not listed is for administrators."""

from __future__ import annotations

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.control.policy.roles import may_give
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.users.fields import UserFields, UserNew

_NAMES = frozenset({"user_id"})
SETTABLE = {
    Relation.USER: _NAMES | {"user_alias", "metadata"},
    Relation.MEMBER: _NAMES | {"user_alias", "metadata"},
    Relation.ORG_ADMIN: _NAMES
    | {"user_alias", "user_email", "user_role", "metadata", "organizations", "teams", "team_id", "auto_create_key"}
    | {"key_alias", "duration", "aliases", "password"},
}
"""By relation to the user; MEMBER: reached by a custom role; ORG_ADMIN: when making one.

Limits, models, blocks, roles and addresses of one's own are never one's own to set.
"""
WITHOUT_EFFECT = frozenset(
    {"allowed_cache_controls", "budget_fallbacks", "mcp_rpm_limit", "tag_rpm_limit", "guardrails", "policies", "prompts",
     "object_permission", "spend", "send_invite_email"}
)  # fmt: skip
"""Accepted when empty, and nothing is made of them."""


def check_fields(relation: Relation | None, fields: UserFields) -> None:
    """Refuse a field that this relation may not set. Raises ApiError 403 that names it."""
    if relation is Relation.ADMIN:
        return
    allowed = SETTABLE.get(relation, frozenset()) if relation is not None else frozenset()
    for name in sorted(fields.model_fields_set - allowed - WITHOUT_EFFECT):
        # An empty value is a change as well: it takes a limit away. Of somebody new, null says nothing.
        if isinstance(fields, UserNew) and getattr(fields, name) is None:
            continue
        hint = " (change it with /user/password/change)" if name == "password" else ""
        raise ApiError(403, f"{name}: only an administrator may set this{hint}", kind="auth_error", param=name)


def check_role(actor: Actor, role: str) -> None:
    """Refuse to give a role that is higher than the caller's own. Raises ApiError 403."""
    if not may_give(actor, role):
        raise ApiError(403, "user_role: is higher than your own", kind="auth_error", param="user_role")


def check_rank(actor: Actor, role: str, param: str) -> None:
    """Refuse to change somebody whose role is higher than the caller's own. Raises ApiError 403."""
    if not may_give(actor, role):
        message = f"{param}: has a role that is higher than your own"
        raise ApiError(403, message, kind="auth_error", param=param)
