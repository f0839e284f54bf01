"""No sequence of what a persona may do ever yields a key that can do, or spend, more than the key it began with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.store.samples import key_row

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.entities import chain
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.keys.changes import updated_row
from phantom_gateway.control.keys.fields import KeyUpdate
from phantom_gateway.control.keys.granting import Grantor, target_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import load_actor
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.spine.messages import KeyRecord, Limit
from phantom_gateway.store import keys, schema, tenants
from phantom_gateway.store.database import Database, open_sqlite
from phantom_gateway.store.keys import KeyRow

NOW = 1_800_000_000.0
STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
MODELS = ("demo", "x", "openai/a", "openai/b", "secret")
LEVEL = {"default": {"llm", "read", "manage"}, "llm_api": {"llm", "read"}, "management": {"read", "manage"}}
LEVEL["read_only"] = {"read"}
PERSONAS = ("user", "member", "team_admin", "org_admin", "custom")


def populate(connection: sa.Connection) -> None:
    for name in (*PERSONAS, "root", "other"):
        role = {"root": "proxy_admin", "custom": "keeper"}.get(name, "internal_user")
        limits: dict[str, Any] = {"models": ["demo", "openai/*"], "max_budget_nano": 20} if name == "user" else {}
        tenants.USERS.insert(connection, tenants.UserRow(id=name, role=role, **STAMPS, **limits))
    grants = dict.fromkeys(("key.create", "key.update", "key.regenerate"), "all")
    tenants.ROLES.insert(connection, tenants.RoleRow(id="keeper", grants=grants, **STAMPS))
    tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id="o", max_budget_nano=1000, **STAMPS))
    tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id="far", **STAMPS))
    permissions = ["/key/generate", "/key/update", "/key/regenerate"]
    team: dict[str, Any] = {"member_permissions": permissions, "rpm_limit": 50, **STAMPS}
    tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", org_id="o", models=["demo", "x"], **team))
    tenants.TEAMS.insert(connection, tenants.TeamRow(id="s", **STAMPS))
    for user, role in (("member", "user"), ("team_admin", "admin"), ("root", "user"), ("other", "user")):
        limits = {"max_budget_nano": 10, "models": ["demo"]} if user == "member" else {}
        row = tenants.TeamMemberRow(team_id="t", user_id=user, role=role, **STAMPS, **limits)
        tenants.TEAM_MEMBERS.insert(connection, row)
    admin = tenants.OrganizationMemberRow(org_id="o", user_id="org_admin", role="org_admin", **STAMPS)
    tenants.ORGANIZATION_MEMBERS.insert(connection, admin)
    tenants.PROJECTS.insert(connection, tenants.ProjectRow(id="p", team_id="t", **STAMPS))
    tenants.PROJECTS.insert(connection, tenants.ProjectRow(id="q", team_id="s", **STAMPS))
    group = tenants.AccessGroupRow(id="g", name="openai/group", models=["secret"], **STAMPS)
    tenants.ACCESS_GROUPS.insert(connection, group)
    tenants.BUDGETS.insert(connection, tenants.BudgetRow(id="rich", max_budget_nano=10**12, **STAMPS))


def record(connection: sa.Connection, row: KeyRow) -> KeyRecord:
    return chain.record_of(chain.load(connection, row), row.id, NOW)


def caller(connection: sa.Connection, row: KeyRow) -> Caller:
    found = record(connection, row)
    return Caller(found, load_actor(connection, found))


def admits(models: tuple[str, ...], model: str) -> bool:
    return not models or any(
        entry in ("*", model) or (entry.endswith("*") and model.startswith(entry[:-1])) for entry in models
    )


def usable(found: KeyRecord, *, personal: bool) -> set[str]:
    lists = [models for kind, models in found.model_lists if personal or kind != "user"]
    return {model for model in MODELS if all(admits(models, model) for models in (found.models, *lists))}


def bounded(found: KeyRecord, limit: Limit) -> bool:
    """Whether ``limit`` holds for the key: the very same one, or one of the key's own that is no larger."""
    window = {"30d": "1mo", "24h": "1d"}.get(limit.window, limit.window)
    for mine in found.limits:
        if mine.scope == limit.scope and mine.amount <= limit.amount:
            return True
        if mine.entity == f"key:{found.id}" and mine.kind == limit.kind and mine.amount <= limit.amount:
            same = {"30d": "1mo", "24h": "1d"}.get(mine.window, mine.window) == window
            if same or (mine.kind == "budget" and not mine.window):
                return True
    return False


def assert_within(mine: KeyRecord, began: KeyRecord, actor: str | None) -> None:
    personal = mine.team_id is None and began.team_id is None
    assert usable(mine, personal=personal) <= usable(began, personal=personal)
    for limit in began.limits:
        if limit.entity.startswith("user:") and not personal:
            continue  # a user's own budget is no budget of the team's
        assert bounded(mine, limit), limit
    if began.expires is not None:
        assert mine.expires is not None
        assert mine.expires <= began.expires
    assert LEVEL[mine.key_type] <= LEVEL[began.key_type]
    if began.allowed_routes and "/*" not in began.allowed_routes:  # every route is what no routes say, too
        assert mine.allowed_routes
        assert all(
            any(r == e or (e[-1] == "*" and r.startswith(e[:-1])) for e in began.allowed_routes)
            for r in mine.allowed_routes
        )
    assert set(began.tags) <= set(mine.tags) or mine.team_id != began.team_id
    assert mine.user_id in (None, actor) or mine.key_type == "llm_api", "it would act as somebody else"


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


AMOUNTS = st.sampled_from([0, 1, 5, 10, 20, 50, 10**6])
BUDGET = st.fixed_dictionaries(
    {"max_budget_nano": optional(AMOUNTS), "budget_duration": optional(st.sampled_from(["1d", "30d", "1mo"]))}
)
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "models": st.lists(st.sampled_from([*MODELS, "*", "openai/*", "all-team-models", "openai/group", "g"]), max_size=2),
    "rpm_limit": optional(AMOUNTS),
    "max_parallel_requests": optional(AMOUNTS),
    "expires": optional(st.sampled_from([NOW + 10, NOW + 1000, NOW + 10**6])),
    "key_type": st.sampled_from(["default", "default", "default", "llm_api", "management", "read_only"]),
    "allowed_routes": st.sampled_from([[], ["/*"], ["/key/*"], ["/key/info"], ["/user/*"]]),
    "budget_limits": st.sampled_from([[], [{"budget_duration": "1d", "max_budget_nano": 3}]]),
    "model_limits": st.sampled_from([{}, {"demo": {"rpm_limit": 1}}]),
}
MORE: dict[str, st.SearchStrategy[Any]] = {
    "access_groups": st.sampled_from([[], ["g"]]),
    "tags": st.sampled_from([[], ["a"], ["b"]]),
    "blocked": st.just(True),
    "budget_id": st.just("rich"),
    "temp_increase_nano": st.just(10**9),
    "temp_expiry": st.just(NOW + 100),
    "extra": st.just({"config": {"x": 1}}),
}


@st.composite
def columns_of(draw: st.DrawFn) -> dict[str, Any]:
    """One or two limits most of the time, so that much is admitted; sometimes what is hardly ever admitted."""
    source = LIMITS if draw(st.integers(0, 4)) else MORE
    names = draw(st.lists(st.sampled_from(sorted(source)), max_size=2, unique=True))
    found = {name: draw(source[name]) for name in names}
    return found | (draw(BUDGET) if draw(st.booleans()) else {})


COLUMNS = columns_of()
PLACE = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from([None, *PERSONAS, "root", "other", "nobody"]),
        "team_id": st.sampled_from([None, "t", "s", "nowhere"]),
        "org_id": st.sampled_from([None, "o", "far"]),
        "project_id": st.sampled_from([None, "p", "q"]),
    },
)
STEP = st.tuples(
    st.sampled_from(["make", "make", "change", "disclose"]),
    st.integers(0, 9),
    COLUMNS,
    st.one_of(st.just({}), st.just({}), PLACE),
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_sqlite(tmp_path_factory.mktemp("grants") / "phantom.db")
    schema.migrate(database)
    with database.write() as connection:
        populate(connection)
    yield database
    database.close()


@contextmanager
def undone(database: Database) -> Iterator[sa.Connection]:
    """A connection whose changes are taken back."""
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()


@given(
    persona=st.sampled_from(PERSONAS),
    in_team=st.booleans(),
    first=COLUMNS,
    steps=st.lists(STEP, min_size=1, max_size=5),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_makes_more_than_he_has(
    people: Database, persona: str, in_team: bool, first: dict[str, Any], steps: list[tuple[str, int, Any, Any]]
) -> None:
    with undone(people) as connection:
        walk(connection, persona, key_row("a" * 64, **first | {"user_id": persona, "blocked": False}), steps, in_team)


def walk(connection: sa.Connection, persona: str, start: KeyRow, steps: list[Any], in_team: bool) -> None:
    """Every key made here is within the first, whatever was done to it, and with which of them."""
    if in_team and persona in ("member", "team_admin"):
        start = replace(start, team_id="t")
    keys.insert(connection, start)
    began = record(connection, start)
    mine, refusals = [start.id], list[ApiError]()
    for number, (what, index, columns, place) in enumerate(steps):
        acting = keys.get(connection, mine[index % len(mine)])
        assert acting is not None
        if acting.key_type in ("llm_api", "read_only"):
            continue  # the guard admits no changes by these
        by = caller(connection, acting)
        try:
            if what == "make":
                grantor = Grantor(by, reach(by.actor, Action.KEY_CREATE))
                row = key_row(f"{number:064x}", **{"user_id": persona} | columns | place)
                said = {name for name in columns if columns[name] not in (None, [], {})}
                row = grantor.made(connection, row, said, NOW)
                keys.insert(connection, row)
                mine.append(row.id)
            else:
                action = Action.KEY_UPDATE if what == "change" else Action.KEY_REGENERATE
                grantor = Grantor(by, reach(by.actor, action))
                before = keys.get(connection, mine[(index * 7 + number) % len(mine)])
                assert before is not None
                if not grantor.reach.covers(target_of(connection, before)):
                    continue
                row = replace(before, **columns, **place, revision=before.revision + 1)
                if what == "change":
                    row = grantor.changed(connection, before, row, NOW)
                else:
                    row = grantor.disclosed(connection, before, row, NOW, chosen=False)
                keys.update(connection, row)
        except ApiError as error:
            refusals.append(error)
        for key_id in mine:
            found = keys.get(connection, key_id)
            assert found is not None
            assert_within(record(connection, found), began, persona)
    assert all(error.status in (400, 403, 404) and error.param for error in refusals)


def test_a_key_of_an_administrator_in_ones_team_is_not_to_be_had(people: Database) -> None:
    with undone(people) as connection:
        acting = key_row(user_id="team_admin")
        keys.insert(connection, acting)
        by = caller(connection, acting)
        grantor = Grantor(by, reach(by.actor, Action.KEY_CREATE))
        made = grantor.made(connection, key_row("b" * 64, user_id="root", team_id="t"), (), NOW)
        assert made.key_type == "llm_api"
        assert load_actor(connection, record(connection, made)).role == ""
        with pytest.raises(ApiError, match="key_type"):
            grantor.made(connection, key_row("b" * 64, user_id="root", team_id="t"), {"key_type"}, NOW)
        theirs = key_row("c" * 64, user_id="root", team_id="t")
        keys.insert(connection, theirs)
        with pytest.raises(ApiError, match="key_type"):
            grantor.disclosed(connection, theirs, theirs, NOW, chosen=False)


def test_a_user_does_not_undo_what_he_was_given_with(people: Database) -> None:
    with undone(people) as connection:
        acting, narrow = key_row(user_id="other"), key_row("b" * 64, user_id="other", team_id="t", max_budget_nano=5)
        for row in (acting, narrow):
            keys.insert(connection, row)
        by = caller(connection, acting)
        grantor = Grantor(by, reach(by.actor, Action.KEY_UPDATE))
        with pytest.raises(ApiError, match="max_budget"):
            grantor.changed(connection, narrow, replace(narrow, max_budget_nano=6), NOW)
        with pytest.raises(ApiError, match="blocked"):
            grantor.changed(connection, replace(narrow, blocked=True), narrow, NOW)
        assert grantor.changed(connection, narrow, replace(narrow, max_budget_nano=4), NOW).max_budget_nano == 4


def test_a_confined_key_of_an_administrator_makes_no_unconfined_administrator(people: Database) -> None:
    with undone(people) as connection:
        acting = key_row(user_id="root", allowed_routes=["/key/generate"], expires=NOW + 10)
        keys.insert(connection, acting)
        by = caller(connection, acting)
        grantor = Grantor(by, reach(by.actor, Action.KEY_CREATE))
        made = grantor.made(connection, key_row("b" * 64, user_id="root"), (), NOW)
        assert (made.allowed_routes, made.expires) == (["/key/generate"], NOW + 10)
        with pytest.raises(ApiError, match="allowed_routes"):
            grantor.made(connection, key_row("b" * 64, user_id="root", allowed_routes=["/*"]), (), NOW)
        free = grantor.made(connection, key_row("b" * 64, user_id="other", budget_id="rich"), (), NOW)
        assert (free.allowed_routes, free.expires) == ([], None)


def test_limits_come_with_a_request_as_fields(people: Database) -> None:
    """The way a request takes: fields, columns, bounds."""
    with undone(people) as connection:
        acting = key_row(user_id="other", max_budget_nano=5 * 10**9)
        keys.insert(connection, acting)
        by = caller(connection, acting)
        grantor = Grantor(by, reach(by.actor, Action.KEY_UPDATE))
        row = updated_row(acting, KeyUpdate(key="k", max_budget=5.5), NOW, "other")
        with pytest.raises(ApiError, match="max_budget"):
            grantor.changed(connection, acting, row, NOW)
