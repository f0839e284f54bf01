from __future__ import annotations

import pytest

from phantom_gateway.control.policy.actor import BUILT_IN_ROLES, Actor
from phantom_gateway.control.policy.roles import DESCRIPTIONS, RESERVED, may_give

GIVEN = {
    "proxy_admin": {"proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer", "helpdesk", "other"},
    "proxy_admin_viewer": set(),
    "internal_user": {"internal_user", "internal_user_viewer"},
    "internal_user_viewer": {"internal_user_viewer"},
    "helpdesk": {"helpdesk", "internal_user", "internal_user_viewer"},
    "": set(),
}


@pytest.mark.parametrize("role", GIVEN)
def test_who_may_give_what(role: str) -> None:
    actor = Actor(key_id="k", user_id="u", role=role)
    assert {given for given in (*BUILT_IN_ROLES, "helpdesk", "other") if may_give(actor, given)} == GIVEN[role]


def test_every_built_in_role_is_described_and_reserved() -> None:
    assert DESCRIPTIONS.keys() == set(BUILT_IN_ROLES)
    assert DESCRIPTIONS.keys() <= RESERVED
