from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.store.samples import KEY_ID, key_row

from phantom_gateway.control.entities import chain
from phantom_gateway.control.entities.chain import Chain, master_record
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.database import Database
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import (
    AccessGroupRow,
    BudgetRow,
    OrganizationMemberRow,
    OrganizationRow,
    ProjectRow,
    TeamMemberRow,
    TeamRow,
    UserRow,
)


def record_of(row: KeyRow) -> KeyRecord:
    return chain.record_of(Chain(key=row, groups={}), row.id, 0.0)


def stamped(**fields: Any) -> dict[str, Any]:
    return {"created_at": 0.0, "updated_at": 0.0, **fields}


def limited(**fields: Any) -> dict[str, Any]:
    return stamped(max_budget_nano=10, rpm_limit=1, **fields)


def test_limits_become_scopes_of_their_own() -> None:
    row = key_row(
        rpm_limit=1,
        tpm_limit=2,
        tpd_limit=3,
        max_parallel_requests=4,
        max_budget_nano=5,
        budget_duration="30d",
        budget_limits=[{"budget_duration": "1h", "max_budget_nano": 6}],
    )
    limits = {limit.scope: (limit.kind, limit.amount, limit.window) for limit in record_of(row).limits}
    entity = f"key:{KEY_ID}"
    assert limits == {
        f"parallel:{entity}:": ("parallel", 4, "60s"),
        f"requests:{entity}:60s": ("requests", 1, "60s"),
        f"tokens:{entity}:60s": ("tokens", 2, "60s"),
        f"tokens:{entity}:24h": ("tokens", 3, "24h"),
        f"budget:{entity}:30d": ("budget", 5, "30d"),
        f"budget:{entity}:1h": ("budget", 6, "1h"),
    }
    for _, _, window in limits.values():
        window_bounds(window, 0.0)


def test_zero_is_a_limit_and_nothing_is_none() -> None:
    assert record_of(key_row()).limits == ()
    (limit,) = record_of(key_row(max_budget_nano=0)).limits
    assert (limit.amount, limit.window) == (0, "")


def test_the_rest_is_carried_over() -> None:
    row = key_row(
        alias="a",
        user_id="u",
        models=["m"],
        aliases={"x": "m"},
        tags=["t"],
        blocked=True,
        expires=9.0,
        key_type="llm_api",
    )
    record = record_of(row)
    assert (record.id, record.kind, record.alias, record.user_id) == (KEY_ID, "virtual", "a", "u")
    assert (record.models, record.model_aliases, record.tags) == (("m",), {"x": "m"}, ("t",))
    assert (record.blocked, record.expires, record.key_type, record.revision) == (True, 9.0, "llm_api", 1)


def test_the_master_key_has_no_limits() -> None:
    record = master_record("f" * 64)
    assert (record.kind, record.limits, record.models) == ("master", (), ())


def family(database: Database, **key: Any) -> Chain:
    row = key_row(user_id="u", **key)
    with database.write() as connection:
        tenants.BUDGETS.insert(connection, BudgetRow(id="b", **stamped(max_budget_nano=77)))
        tenants.ORGANIZATIONS.insert(connection, OrganizationRow(id="o", models=["m", "group"], **limited()))
        tenants.TEAMS.insert(
            connection,
            TeamRow(id="t", org_id="o", models=["m"], aliases={"x": "m", "y": "m"}, tags=["team"], **limited()),
        )
        tenants.TEAM_MEMBERS.insert(
            connection, TeamMemberRow(team_id="t", user_id="u", role="user", **stamped(budget_id="b"))
        )
        tenants.PROJECTS.insert(connection, ProjectRow(id="p", team_id="t", tags=["project"], **limited()))
        tenants.USERS.insert(connection, UserRow(id="u", role="internal_user", models=["mine"], **limited()))
        tenants.ACCESS_GROUPS.insert(connection, AccessGroupRow(id="g1", name="group", models=["a", "b"], **stamped()))
        keys.insert(connection, row)
        return chain.load(connection, row)


def test_a_teams_key_is_bounded_by_everything_above_it(database: Database) -> None:
    found = family(database, project_id="p", aliases={"x": "own"}, tags=["key"])
    record = chain.record_of(found, KEY_ID, 0.0)
    budgets = [(limit.scope, limit.amount) for limit in record.limits if limit.kind == "budget"]
    assert budgets == [
        ("budget:member:t/u:", 77),
        ("budget:project:p:", 10),
        ("budget:team:t:", 10),
        ("budget:org:o:", 10),
    ], "a team's key spends the team's money, not the user's"
    rates = {limit.entity for limit in record.limits if limit.kind == "requests"}
    assert rates == {"project:p", "team:t", "org:o", "user:u"}
    assert (record.team_id, record.org_id, record.project_id) == ("t", "o", "p")
    assert record.model_lists == (("team", ("m",)), ("org", ("m", "group", "a", "b")))
    assert record.model_aliases == {"x": "own", "y": "m"}
    assert record.tags == ("key", "project", "team")


def test_the_teams_priority_comes_before_the_keys(database: Database) -> None:
    found = family(database, project_id="p", metadata={"priority": "key"})
    assert found.team is not None
    assert chain.record_of(found, KEY_ID, 0.0).priority == "key"
    for theirs, expected in (({"priority": "team"}, "team"), ({"priority": 7}, "key"), ({"priority": ""}, "key")):
        team = replace(found.team, metadata=theirs)
        assert chain.record_of(replace(found, team=team), KEY_ID, 0.0).priority == expected
    assert chain.record_of(replace(found, key=replace(found.key, metadata={}), team=None), KEY_ID, 0.0).priority is None


def test_a_personal_key_is_bounded_by_its_user(database: Database) -> None:
    record = chain.record_of(family(database, access_groups=["g1"]), KEY_ID, 0.0)
    assert [limit.scope for limit in record.limits] == ["requests:user:u:60s", "budget:user:u:"]
    assert record.model_lists == (("user", ("mine",)),)
    assert record.models == ("g1", "a", "b")


def test_whoever_is_blocked_blocks_all_below(database: Database) -> None:
    found = family(database, team_id="t")
    assert (found.blocked_by, chain.record_of(found, KEY_ID, 0.0).blocked) == ("", False)
    for kind in ("user", "team", "org"):
        part = getattr(found, kind)
        blocked = replace(found, **{kind: replace(part, blocked=True)})
        record = chain.record_of(blocked, KEY_ID, 0.0)
        assert (record.blocked, record.blocked_by) == (True, kind)


def test_a_replaced_value_ends_with_its_grace_period() -> None:
    found = Chain(key=key_row(expires=100.0), groups={})
    assert chain.record_of(found, "d", 0.0).expires == 100.0
    assert chain.record_of(found, "d", 0.0, until=50.0).expires == 50.0
    assert chain.record_of(found, "d", 0.0, until=500.0).expires == 100.0


def test_members_are_bounded_by_the_teams_defaults_and_their_budget_in_the_organisation(database: Database) -> None:
    row = key_row(team_id="t", user_id="u")
    member = TeamMemberRow(team_id="t", user_id="u", role="user", **stamped(rpm_limit=9))
    with database.write() as connection:
        tenants.ORGANIZATIONS.insert(connection, OrganizationRow(id="o", **stamped()))
        in_org = OrganizationMemberRow(org_id="o", user_id="u", role="internal_user", **stamped(max_budget_nano=3))
        tenants.ORGANIZATION_MEMBERS.insert(connection, in_org)
        defaults = {"max_budget_nano": 5, "budget_duration": "1d", "rpm_limit": 2, "models": ["m"]}
        tenants.TEAMS.insert(connection, TeamRow(id="t", org_id="o", member_defaults=defaults, **stamped()))
        alone = chain.record_of(chain.load(connection, row), KEY_ID, 0.0)
        tenants.TEAM_MEMBERS.insert(connection, member)
        record = chain.record_of(chain.load(connection, row), KEY_ID, 0.0)
    assert [(limit.scope, limit.amount) for limit in alone.limits] == [("budget:org_member:o/u:", 3)]
    assert [(limit.scope, limit.amount) for limit in record.limits] == [
        ("requests:member:t/u:60s", 9),
        ("budget:member:t/u:1d", 5),
        ("budget:org_member:o/u:", 3),
    ]
    assert record.model_lists == (("member", ("m",)),)


def test_budget_fallbacks_are_carried_over() -> None:
    assert record_of(key_row()).budget_fallbacks == {}
    row = key_row(extra={"budget_fallbacks": {"a": ["b", "c"]}})
    assert record_of(row).budget_fallbacks == {"a": ("b", "c")}


def test_paths_that_are_passed_on_are_those_of_the_key_and_of_its_team(database: Database) -> None:
    own = {"allowed_passthrough_routes": ["/a"], "denied_passthrough_routes": ["/a/x"]}
    found = family(database, project_id="p", extra=own)
    assert found.team is not None
    alone = chain.record_of(found, KEY_ID, 0.0)
    assert (alone.passed_routes, alone.denied_routes) == ((("/a",),), ("/a/x",))
    extra = {"allowed_passthrough_routes": ["/a", "/b"], "denied_passthrough_routes": ["/a/y"]}
    both = chain.record_of(replace(found, team=replace(found.team, extra=extra)), KEY_ID, 0.0)
    assert (both.passed_routes, both.denied_routes) == ((("/a",), ("/a", "/b")), ("/a/x", "/a/y"))
