from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from tests.unit.control.people import STAMPS, cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.entities.listing import TOTAL, Wanted, page_of, tell_total
from phantom_gateway.store import tenants
from phantom_gateway.store.tables import TOTALS

Read = Callable[[Any], list[dict[str, Any]]]


def of(name: str) -> Read:
    return lambda answer: answer[name]


def bare(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer
    return found


LISTS: dict[str, tuple[Read, str, str, tuple[str, ...]]] = {
    "/project/list": (
        bare, "project_id", "size",
        ("project_alias", "project_id", "team_id", "created_at", "updated_at", "max_budget", "spend"),
    ),
    "/organization/list": (
        bare, "organization_id", "size",
        ("organization_alias", "organization_id", "created_at", "updated_at", "max_budget", "spend"),
    ),
    "/tag/list": (bare, "name", "size", ("source", "name", "created_at", "spend", "last_active")),
    "/credentials": (of("credentials"), "credential_name", "size", ("credential_name", "display_name", "source")),
    "/access_group/list": (
        of("access_groups"), "access_group", "size", ("access_group_id", "access_group", "created_at", "updated_at"),
    ),
    "/v1/access_group": (
        bare, "access_group_name", "size", ("access_group_id", "access_group_name", "created_at", "updated_at"),
    ),
    "/role/list": (of("roles"), "role", "size", ("role", "created_at", "updated_at")),
    "/team/list": (
        bare, "team_id", "page_size",
        ("team_alias", "team_id", "created_at", "updated_at", "max_budget", "organization_id", "spend"),
    ),
    "/v2/team/list": (
        of("teams"), "team_id", "page_size",
        ("team_alias", "team_id", "created_at", "updated_at", "max_budget", "organization_id", "spend"),
    ),
    "/budget/list": (bare, "budget_id", "size", ("created_at", "updated_at", "budget_id", "max_budget")),
    "/customer/list": (
        bare, "user_id", "size", ("created_at", "updated_at", "user_id", "alias", "max_budget", "spend"),
    ),
    "/user/list": (
        of("users"), "user_id", "page_size",
        ("created_at", "updated_at", "user_id", "user_email", "user_alias", "user_role", "spend"),
    ),
    "/key/list": (
        of("keys"), "token", "size",
        ("created_at", "updated_at", "key_alias", "key_name", "max_budget", "expires", "token", "user_id", "team_id", "spend"),
    ),
}  # fmt: skip
"""(where the entries are, what names one, how a page's size is called, what it is sorted by)"""


ASKED: tuple[tuple[str, dict[str, Any], list[str]], ...] = (
    ("/project/list", {"sort_by": "spend", "sort_order": "desc"}, ["m3", "m1", "m2"]),
    ("/project/list", {"sort_by": "max_budget"}, ["m1", "m2", "m3"]),
    ("/project/list", {"search": "M3"}, ["m3"]),
    ("/project/list", {"search": "%"}, []),
    ("/project/list", {"team_id": "s"}, []),
    ("/organization/list", {"sort_by": "spend", "sort_order": "desc", "size": 3}, ["m3", "m1", "m2"]),
    ("/organization/list", {"org_id": "m1"}, ["m1"]),
    ("/team/list", {"sort_by": "spend", "sort_order": "desc", "page_size": 1, "page": 2}, ["m1"]),
    ("/v2/team/list", {"sort_by": "spend", "sort_order": "desc", "page_size": 2}, ["m3", "m1"]),
    ("/customer/list", {"sort_by": "spend"}, ["m3", "m1", "m2"]),
    ("/budget/list", {"sort_by": "updated_at", "sort_order": "asc"}, ["m3", "m1", "m2"]),
    ("/budget/list", {}, ["m1", "m3", "m2"]),
    ("/role/list", {"search": "3"}, ["m3"]),
    ("/access_group/list", {"search": "m", "sort_by": "access_group", "size": 2}, ["m1", "m2"]),
    ("/v1/access_group", {"sort_by": "access_group_name", "sort_order": "desc", "size": 2}, ["m3", "m2"]),
    ("/credentials", {"source": "db", "search": "M1"}, ["m1"]),
    ("/credentials", {"source": "config", "search": "m1"}, []),
    ("/tag/list", {}, ["m1", "m2", "m3", "seen"]),
    ("/tag/list", {"sort_by": "spend", "sort_order": "desc", "size": 2}, ["seen", "m3"]),
    ("/tag/list", {"search": "EE"}, ["seen"]),
    ("/tag/list", {"start_date": "1970-01-02"}, ["m1", "m2", "m3"]),
    ("/tag/list", {"sort_by": "created_at", "size": 2}, ["seen", "m2"]),
)


@pytest.fixture
async def full(control: Rig) -> Rig:
    """Three of everything at least, in no order; what two have in common too."""
    await cast(control)

    def fill(connection: Any) -> None:
        for number, name in enumerate(("m2", "m1", "m3")):
            stamps = STAMPS | {"created_at": 2000.0 + number % 2, "updated_at": 3000.0 - number}
            money: dict[str, Any] = {"max_budget_nano": None if number == 1 else number}
            tenants.PROJECTS.insert(connection, tenants.ProjectRow(id=name, team_id="t", **stamps, **money))
            tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id=name, **stamps, **money))
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=name, org_id="o", **stamps, **money))
            tenants.TAGS.insert(connection, tenants.TagRow(id=name, **stamps))
            tenants.BUDGETS.insert(connection, tenants.BudgetRow(id=name, **stamps, **money))
            tenants.CUSTOMERS.insert(connection, tenants.CustomerRow(id=name, **stamps, **money))
            tenants.ROLES.insert(connection, tenants.RoleRow(id=name, grants={}, **stamps))
            tenants.ACCESS_GROUPS.insert(connection, tenants.AccessGroupRow(id=f"id-{name}", name=name, **stamps))
            tenants.CREDENTIALS.insert(
                connection, tenants.CredentialRow(id=name, names=[], sealed="", info={}, **stamps)
            )
            for kind in ("project", "org", "team", "customer", "tag"):
                spent = {"amount_nano": number + 1, "requests": 1, "last_active": 5.0 - number}
                connection.execute(TOTALS.insert().values(entity=f"{kind}:{name}", **spent))
        connection.execute(TOTALS.insert().values(entity="tag:seen", amount_nano=9, requests=1, last_active=7.0))

    await control.services.database.write(fill)
    return control


async def test_every_list_pages_in_every_order(full: Rig) -> None:
    for path in LISTS:
        await pages_in_every_order(full, path)


async def pages_in_every_order(full: Rig, path: str) -> None:
    entries, name, size, sorts = LISTS[path]
    query: dict[str, Any] = {"return_full_object": True} if path == "/key/list" else {}
    query[size] = 100
    first = await full.get(path, **query)
    everything = sorted(each[name] for each in entries(first.json()))
    assert len(everything) >= 3
    if TOTAL in first.headers:
        assert int(first.headers[TOTAL]) == len(everything)
    for by in sorts:
        whole = {}
        asked: dict[str, Any] = {**query, "sort_by": by, size: 2}
        for order in ("asc", "desc"):
            asked["sort_order"] = order
            found: list[str] = []
            for page in range(1, len(everything) // 2 + 2):
                answer = await full.get(path, **asked, page=page)
                assert answer.status_code == 200, answer.text
                found += [each[name] for each in entries(answer.json())]
            assert sorted(found) == everything, (path, by, order)
            whole[order] = found
        if by in (name, "max_budget", "spend"):  # in these no two are alike, but for those that have none
            assert whole["asc"] != whole["desc"]
        assert entries((await full.get(path, **asked, page=1000)).json()) == []


async def test_what_a_list_does_not_know_is_refused_by_name(control: Rig) -> None:
    wrong: tuple[tuple[str, Any], ...] = (
        ("surprise", "1"),
        ("page", 0),
        ("page", "x"),
        ("sort_by", "surprise"),
        ("sort_order", "up"),
    )
    for path in (*LISTS, "/sessions"):
        for field, value in wrong:
            query = {field: value}
            answer = await control.get(path, **query)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), path


async def test_orders_and_filters(full: Rig) -> None:
    for path, query, found in ASKED:
        entries, name, _, _ = LISTS[path]
        answer = await full.get(path, **query)
        assert [each[name] for each in entries(answer.json())] == found, (path, query)


async def test_access_groups_name_who_has_them(control: Rig) -> None:
    team = (await control.post("/team/new", {"team_id": "t", "models": ["demo"]})).json()["team_id"]
    key = (await control.generate(models=["demo"]))["token"]
    for name, teams, keys in (("a", [team], [key]), ("b", [], [key]), ("c", [], [])):
        body = {"access_group_name": name, "assigned_team_ids": teams, "assigned_key_ids": keys}
        assert (await control.post("/v1/access_group", body)).status_code == 201
    shown = (await control.get("/v1/access_group", sort_by="access_group_name")).json()
    assert [(each["assigned_team_ids"], each["assigned_key_ids"]) for each in shown] == [
        ([team], [key]), ([], [key]), ([], []),
    ]  # fmt: skip
    one = (await control.get(f"/v1/access_group/{shown[1]['access_group_id']}")).json()
    assert one == shown[1]


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5))), st.integers(1, 5), st.sampled_from(("asc", "desc")))
def test_pages_together_are_the_whole(values: list[int | None], size: int, order: str) -> None:
    entries = list(enumerate(values))
    pages = [page_of(entries, Wanted(page, size, "", order), lambda entry: entry[1]) for page in range(1, 40)]
    assert {total for total, _ in pages} == {len(values)}
    together = [entry for _, page in pages for entry in page][: len(values)]
    assert sorted(together) == entries
    low = [-6 if value is None else value for _, value in together]
    assert low == sorted(low, reverse=order == "desc")


def test_the_total_is_a_header() -> None:
    answer = Response()
    tell_total(answer, 7)
    assert answer.headers[TOTAL] == "7"
