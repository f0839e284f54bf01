from __future__ import annotations

from typing import Any

from phantom_gateway.control.policy.actor import load_actor
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import tenants
from phantom_gateway.store.database import Database

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


def test_an_actor_knows_its_memberships(database: Database) -> None:
    with database.write() as connection:
        tenants.USERS.insert(connection, tenants.UserRow(id="u", role="internal_user", **STAMPS))
        for team, role in (("a", "admin"), ("b", "user"), ("gone", "user")):
            if team != "gone":
                row = tenants.TeamRow(id=team, member_permissions=["/key/generate"], **STAMPS)
                tenants.TEAMS.insert(connection, row)
            member = tenants.TeamMemberRow(team_id=team, user_id="u", role=role, **STAMPS)
            tenants.TEAM_MEMBERS.insert(connection, member)
        for org, role in (("o", "org_admin"), ("p", "internal_user")):
            row_ = tenants.OrganizationMemberRow(org_id=org, user_id="u", role=role, **STAMPS)
            tenants.ORGANIZATION_MEMBERS.insert(connection, row_)
        actor = load_actor(connection, KeyRecord(id="k", user_id="u", team_id="b"))
    assert (actor.role, actor.user_id, actor.key_team) == ("internal_user", "u", "b")
    assert [sorted(actor.teams), sorted(actor.teams_administered)] == [["a", "b"], ["a"]]
    assert [sorted(actor.orgs), sorted(actor.orgs_administered)] == [["o", "p"], ["o"]]
    assert actor.member_permissions["b"] == {"/key/generate"}


def test_a_key_without_a_user_has_no_role(database: Database) -> None:
    with database.write() as connection:
        tenants.USERS.insert(connection, tenants.UserRow(id="root", role="proxy_admin", **STAMPS))
        tenants.ROLES.insert(connection, tenants.RoleRow(id="ops", grants={"key.read": "all"}, **STAMPS))
        tenants.USERS.insert(connection, tenants.UserRow(id="o", role="ops", **STAMPS))
        assert load_actor(connection, KeyRecord(id="k")).role == ""
        assert load_actor(connection, KeyRecord(id="k", user_id="nobody")).role == ""
        assert load_actor(connection, KeyRecord(id="k", user_id="root")).role == "proxy_admin"
        assert load_actor(connection, KeyRecord(id="k", user_id="root", key_type="llm_api")).role == ""
        assert load_actor(connection, KeyRecord(id="k", user_id="o")).grants == {"key.read": "all"}
        assert load_actor(connection, KeyRecord(id="m", kind="master")).role == "proxy_admin"
