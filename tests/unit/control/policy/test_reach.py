from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.control.policy.reach import Reach, Target, reach
from phantom_gateway.control.policy.table import TABLE, WHOLE, Relation
from phantom_gateway.store import tenants
from phantom_gateway.store.database import Database
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.keys import insert as insert_key
from phantom_gateway.store.tables import KEYS

ACTIONS = sorted(TABLE)


def user(**fields: object) -> Actor:
    return Actor(**{"key_id": "k", "user_id": "me", "role": "internal_user", **fields})  # type: ignore[arg-type]


def test_nobody_reaches_anything() -> None:
    nobody = Actor(key_id="k")
    for action in ACTIONS:
        far = reach(nobody, action)
        assert not far.everything
        assert not far.covers(Target(user_id="u", team_id="t", org_id="o", key_id="other"))
        assert not far.covers(Target())
    unknown = user(role="no_such_role")
    assert all(reach(unknown, action).user_id is None for action in ACTIONS)


def test_a_user_reaches_its_own_and_no_more() -> None:
    far = reach(user(), Action.KEY_READ)
    assert far.over(Target(user_id="me", key_id="x")) is Relation.USER
    assert far.over(Target(key_id="k")) is Relation.KEY
    for foreign in (Target(user_id="you"), Target(team_id="t"), Target(org_id="o"), Target()):
        assert not far.covers(foreign)


def test_a_team_admin_reaches_the_team() -> None:
    far = reach(user(teams_administered=frozenset({"t"}), teams=frozenset({"t", "s"})), Action.KEY_UPDATE)
    assert far.over(Target(team_id="t", user_id="you")) is Relation.TEAM_ADMIN
    assert not far.covers(Target(team_id="s", user_id="you"))


def test_members_do_what_their_team_permits() -> None:
    member = user(teams=frozenset({"t"}), member_permissions={"t": frozenset({"/key/generate"})})
    assert reach(member, Action.KEY_CREATE).over(Target(team_id="t")) is Relation.MEMBER
    assert not reach(member, Action.KEY_DELETE).covers(Target(team_id="t"))
    assert reach(member, Action.TEAM_READ).covers(Target(team_id="t"))


def test_nothing_is_placed_where_one_name_is_foreign() -> None:
    far = reach(
        user(
            teams_administered=frozenset({"t"}),
            teams=frozenset({"t", "m"}),
            member_permissions={"m": frozenset({"/key/generate"})},
            orgs_administered=frozenset({"o"}),
        ),
        Action.KEY_CREATE,
    )
    for own in (
        Target(user_id="me"),
        Target(team_id="t"),
        Target(team_id="t", user_id="you"),
        Target(team_id="m", user_id="me"),
        Target(team_id="m"),
        Target(team_id="x", org_id="o"),
    ):
        assert far.may_place(own), own
    for foreign in (
        Target(user_id="you"),
        Target(team_id="x", user_id="me"),
        Target(team_id="m", user_id="you"),
        Target(org_id="p", user_id="me"),
        Target(),
    ):
        assert not far.may_place(foreign), foreign
    assert Reach(relation=Relation.ADMIN).may_place(Target(user_id="anybody"))


@pytest.mark.parametrize(("grant", "reached"), [("all", "tu"), ("team", "t"), ("self", "m"), ("org", "o")])
def test_custom_roles_reach_what_they_are_granted(grant: str, reached: str) -> None:
    actor = user(role="custom", grants={"key.delete": grant}, teams=frozenset({"t"}), orgs=frozenset({"o"}))
    far = reach(actor, Action.KEY_DELETE)
    targets = {"t": Target(team_id="t"), "u": Target(user_id="you"), "m": Target(user_id="me"), "o": Target(org_id="o")}
    assert all(far.covers(targets[name]) for name in reached)
    if grant == "self":
        assert not far.covers(targets["t"])
    assert reach(actor, Action.KEY_CREATE).nothing


@pytest.mark.parametrize("action", sorted(WHOLE))
def test_of_the_whole_gateway_there_is_no_part(action: Action) -> None:
    memberships = {"teams": frozenset({"t"}), "orgs": frozenset({"o"})}
    for grant in ("self", "team", "org"):
        assert reach(user(role="custom", grants={action.value: grant}, **memberships), action).nothing
    assert reach(user(role="custom", grants={action.value: "all"}), action).everything


IDS = st.sets(st.sampled_from("abc"), max_size=2).map(frozenset)


@settings(deadline=None, max_examples=40)
@given(IDS, IDS, st.sampled_from([None, "a", "b"]), st.booleans())
def test_the_condition_in_sql_is_the_test_in_code(
    orgs: frozenset[str], teams: frozenset[str], me: str | None, everything: bool
) -> None:
    far = Reach(
        relation=Relation.ADMIN if everything else None,
        orgs=orgs,
        teams=teams,
        user_id=me,
        user=Relation.USER,
        key_id="0",
    )
    for expected, found in _compare(far):
        assert expected == found


def _compare(far: Reach) -> list[tuple[set[str], set[str]]]:
    rows = [
        (str(number), user_id, team_id)
        for number, (user_id, team_id) in enumerate(itertools.product((None, "a", "b", "c"), repeat=2))
    ]
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        KEYS.metadata.create_all(connection)
        stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
        for team, org in (("a", "a"), ("b", None), ("c", "b")):
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=team, org_id=org, **stamps))
        for key_id, user_id, team_id in rows:
            insert_key(connection, KeyRow(id=key_id, key_name="k", user_id=user_id, team_id=team_id, **stamps))
        where = far.where(user=KEYS.c.user_id, team=KEYS.c.team_id, org=KEYS.c.org_id, key=KEYS.c.id)
        found = set(connection.execute(sa.select(KEYS.c.id).where(where)).scalars())
    org_of = {"a": "a", "c": "b"}
    expected = {
        key_id
        for key_id, user_id, team_id in rows
        if far.covers(Target(user_id=user_id, team_id=team_id, org_id=org_of.get(team_id or ""), key_id=key_id))
    }
    engine.dispose()
    return [(expected, found)]


def test_the_users_in_reach_are_those_one_administers(database: Database) -> None:
    stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
    far = Reach(teams=frozenset({"t"}), orgs=frozenset({"o"}), user_id="me", user=Relation.USER)
    with database.write() as connection:
        for team, org in (("t", None), ("s", "o"), ("x", None)):
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=team, org_id=org, **stamps))
            member = tenants.TeamMemberRow(team_id=team, user_id=f"in_{team}", role="user", **stamps)
            tenants.TEAM_MEMBERS.insert(connection, member)
        for name in ("me", "in_t", "in_s", "in_x"):
            tenants.USERS.insert(connection, tenants.UserRow(id=name, role="internal_user", **stamps))
        users = tenants.USERS.table
        found = set(connection.execute(sa.select(users.c.id).where(far.where_users(users.c.id))).scalars())
    assert found == {"me", "in_t", "in_s"}


def test_a_plain_member_of_an_organisation_sees_it_and_nothing_of_it(database: Database) -> None:
    far = reach(user(orgs=frozenset({"o"})), Action.ORG_READ)
    assert not far.nothing
    assert far.over(Target(org_id="o")) is Relation.MEMBER
    assert not far.covers(Target(org_id="p"))
    assert not far.covers(Target(team_id="t", org_id="o"))
    for action in set(ACTIONS) - {Action.ORG_READ}:
        assert not reach(user(orgs=frozenset({"o"})), action).covers(Target(org_id="o")), action
    with database.read() as connection:
        for condition, sees in (
            (far.where(org=sa.literal("o")), True),
            (far.where(org=sa.literal("p")), False),
            (far.where(team=sa.literal("t"), org=sa.literal("o")), False),
        ):
            assert (connection.execute(sa.select(1).where(condition)).first() is not None) == sees
