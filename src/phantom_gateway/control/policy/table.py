"""The table: action by relation. What is not here is refused.

A relation is how a caller stands to what an action touches. Several may hold at once; one that is granted is enough.
"""

from __future__ import annotations

import enum
from types import MappingProxyType

from phantom_gateway.control.policy.actions import Action


class Relation(enum.IntEnum):
    """From the weakest to the strongest; the strongest that grants an action also decides which fields may be set."""

    KEY = 0
    """The thing is the very key that calls."""
    VIEWER = 1
    """The thing is the caller's own; the caller is an internal_user_viewer."""
    USER = 2
    """The thing is the caller's own; the caller is an internal_user."""
    MEMBER = 3
    """The thing belongs to a team the caller is a plain member of."""
    TEAM_ADMIN = 4
    """The thing belongs to a team the caller administers."""
    ORG_ADMIN = 5
    """The thing belongs to an organisation the caller administers."""
    GLOBAL_VIEWER = 6
    """The caller is a proxy_admin_viewer."""
    ADMIN = 7
    """The caller is a proxy_admin, or the master key."""


_K, _V, _U, _M, _T, _O, _G, _A = Relation
_EVERYBODY = frozenset(Relation)
_OWNERS = frozenset({_K, _V, _U})


def _to(*relations: Relation) -> frozenset[Relation]:
    return frozenset(relations) | {_A}


TABLE = MappingProxyType(
    {
        Action.SELF: _EVERYBODY,
        Action.KEY_CREATE: _to(_U, _T, _O),
        Action.KEY_READ: _to(*_OWNERS, _T, _O, _G),
        Action.KEY_UPDATE: _to(_U, _T, _O),
        Action.KEY_DELETE: _to(_U, _T, _O),
        Action.KEY_BLOCK: _to(_T, _O),
        Action.KEY_REGENERATE: _to(_U, _T, _O),
        Action.KEY_RESET_SPEND: _to(_T, _O),
        Action.USER_CREATE: _to(_O),
        Action.USER_READ: _to(_V, _U, _T, _O, _G),
        Action.USER_UPDATE: _to(_U),
        Action.USER_DELETE: _to(),
        Action.PASSWORD_CHANGE: _to(_V, _U),
        Action.SESSION_READ: _to(_V, _U, _G),
        Action.SESSION_END: _to(_V, _U),
        Action.INVITATION_CREATE: _to(_O),
        Action.INVITATION_READ: _to(_O, _G),
        Action.INVITATION_UPDATE: _to(_O),
        Action.INVITATION_DELETE: _to(_O),
        Action.TEAM_CREATE: _to(_O),
        Action.TEAM_READ: _to(_K, _M, _T, _O, _G),
        Action.TEAM_UPDATE: _to(_T, _O),
        Action.TEAM_DELETE: _to(_O),
        Action.TEAM_BLOCK: _to(_O),
        Action.TEAM_MEMBERS: _to(_T, _O),
        Action.TEAM_MODELS: _to(_O),
        Action.ORG_CREATE: _to(),
        Action.ORG_READ: _to(_M, _O, _G),
        Action.ORG_UPDATE: _to(_O),
        Action.ORG_DELETE: _to(),
        Action.ORG_MEMBERS: _to(_O),
        Action.PROJECT_CREATE: _to(_T, _O),
        Action.PROJECT_READ: _to(_M, _T, _O, _G),
        Action.PROJECT_UPDATE: _to(_T, _O),
        Action.PROJECT_DELETE: _to(_T, _O),
        Action.CUSTOMER_READ: _to(_G),
        Action.CUSTOMER_WRITE: _to(),
        Action.BUDGET_READ: _to(_G),
        Action.BUDGET_WRITE: _to(),
        Action.TAG_READ: _to(_G),
        Action.TAG_WRITE: _to(),
        Action.MODEL_READ: _EVERYBODY,
        Action.MODEL_WRITE: _to(),
        Action.CREDENTIAL_READ: _to(_G),
        Action.CREDENTIAL_WRITE: _to(),
        Action.ACCESS_GROUP_READ: _to(_G),
        Action.ACCESS_GROUP_WRITE: _to(),
        Action.FALLBACK_READ: _to(_G),
        Action.FALLBACK_WRITE: _to(),
        Action.ROLE_READ: _to(_G),
        Action.ROLE_WRITE: _to(),
        Action.APPROVAL_ASK: _to(_U),
        Action.APPROVAL_READ: _to(_V, _U, _T, _O, _G),
        Action.APPROVAL_DECIDE: _to(_T, _O),
        Action.SPEND_READ: _to(*_OWNERS, _T, _O, _G),
        Action.SPEND_GLOBAL: _to(_G),
        Action.SPEND_RESET: _to(),
        Action.CONFIG_READ: _to(_G),
        Action.CONFIG_WRITE: _to(),
        Action.CACHE_READ: _to(_G),
        Action.CACHE_WRITE: _to(),
        Action.HEALTH_CHECK: _to(_G),
        Action.AUDIT_READ: _to(_G),
    }
)
"""Whom each action is granted to. ``PUBLIC`` has no row: no caller is asked for."""

WHOLE = frozenset(action for action, granted in TABLE.items() if granted <= {_G, _A}) - {
    Action.USER_DELETE,
    Action.ORG_DELETE,
}
"""What is about the whole gateway and belongs to nobody in it: there is no part of it that a smaller reach could be."""
