from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.control.policy.actor import BUILT_IN_ROLES, Actor
from phantom_gateway.control.policy.reach import Target
from phantom_gateway.control.policy.roles import DESCRIPTIONS, RESERVED, may_appoint, may_give
from phantom_gateway.control.policy.table import Relation

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


def test_who_may_do_all_of_it_himself_appoints() -> None:
    team, bound, org = Target(team_id="t"), Target(team_id="t", org_id="o"), Target(org_id="o")
    own: dict[str, Any] = {"key_id": "k", "user_id": "u", "role": "internal_user"}
    chief = Actor(**own, orgs_administered=frozenset({"o"}))
    leader = Actor(**own, teams=frozenset({"t"}), teams_administered=frozenset({"t"}))
    warden = Actor(
        **own | {"role": "warden"}, grants={"team.members": "all", "team.read": "all", "project.read": "all"}
    )
    expected: list[tuple[Actor, Target, set[Relation]]] = [
        (chief, bound, {Relation.MEMBER, Relation.TEAM_ADMIN, Relation.ORG_ADMIN}),
        (chief, org, {Relation.TEAM_ADMIN, Relation.ORG_ADMIN, Relation.MEMBER}),
        (chief, team, set()),
        (leader, bound, {Relation.MEMBER, Relation.TEAM_ADMIN}),
        (leader, team, {Relation.MEMBER, Relation.TEAM_ADMIN}),
        (leader, org, set()),
        (warden, bound, {Relation.MEMBER}),
        (warden, org, set()),
    ]
    relations = (Relation.MEMBER, Relation.TEAM_ADMIN, Relation.ORG_ADMIN)
    for actor, target, may in expected:
        assert {each for each in relations if may_appoint(actor, each, target)} == may
