"""The pages of ``bench.lists``: every list of the admin API with its sorts, filters and deep pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.population import Size, team_of, user_of
from bench.questions import day
from phantom_gateway.control.policy.actor import ADMIN, USER, Actor

ACTORS = {
    "admin": Actor(key_id="admin", role=ADMIN),
    "user": Actor(key_id="none", role=USER, user_id="user-7", teams=frozenset({"team-7"})),
    "team": Actor(key_id="none", role=USER, user_id="user-7", teams_administered=frozenset({"team-7"})),
    "org": Actor(key_id="none", role=USER, user_id="user-7", orgs_administered=frozenset({"org-7"})),
}
_PLAIN = Size()
_KEY_SORTS = (
    "created_at", "updated_at", "key_alias", "key_name", "max_budget", "expires", "token", "user_id", "team_id", "spend",
)  # fmt: skip
_USER_SORTS = ("created_at", "updated_at", "user_id", "user_email", "user_alias", "user_role", "spend")
_TEAM_SORTS = ("team_alias", "created_at", "updated_at", "max_budget", "organization_id", "spend")
Query = dict[str, Any]
Question = tuple[str, Query, str]
"""(path, query, who asks)"""


def _keys() -> Iterator[Question]:
    full: Query = {"size": 100, "return_full_object": True}
    query: Query
    for by in _KEY_SORTS:
        for order in ("asc", "desc"):
            yield "/key/list", {**full, "sort_by": by, "sort_order": order}, "admin"
    for page in (100, 500, 1000):
        yield "/key/list", {**full, "page": page}, "admin"
    for by in ("key_alias", "max_budget", "user_id", "updated_at"):
        yield "/key/list", {**full, "page": 500, "sort_by": by}, "admin"
    user, team = f"user-{user_of(1, _PLAIN)}", f"team-{team_of(1, _PLAIN)}"
    for query in (
        {"user_id": user}, {"team_id": team}, {"organization_id": "org-7"}, {"project_id": "project-7"},
        {"organization_id": "org-7", "sort_by": "max_budget"}, {"key_alias": "key-77777"}, {"search": "key-777"},
        {"search": "nothing like it"}, {"key_alias": "7777", "substring_matching": True}, {"status": "active"},
        {"status": "blocked"}, {"status": "expired"}, {"status": "active", "sort_by": "key_alias", "page": 200},
        {"user_id": user, "include_team_keys": True, "include_created_by_keys": True}, {"expand": "user"},
    ):  # fmt: skip
        yield "/key/list", {**full, **query}, "admin"
    yield "/key/list", {}, "admin"
    for who in ("user", "team", "org"):
        yield "/key/list", full, who
    for query in ({}, {"page": 1000, "size": 100}, {"search": "777"}, {"team_id": team}):
        yield "/key/aliases", query, "admin"


def _users() -> Iterator[Question]:
    query: Query
    for by in _USER_SORTS:
        for order in ("asc", "desc"):
            yield "/user/list", {"page_size": 100, "sort_by": by, "sort_order": order}, "admin"
    for query in (
        {}, {"page": 200}, {"role": "internal_user"}, {"search": "user777"}, {"user_email": "777"}, {"team": "team-7"},
        {"organization_ids": "org-7"}, {"user_ids": "user-1,user-2"}, {"page": 200, "sort_by": "spend"},
    ):  # fmt: skip
        yield "/user/list", {"page_size": 100, **query}, "admin"
    for who in ("team", "org"):
        yield "/user/list", {"page_size": 100}, who
    yield "/user/info", {"user_id": "user-7"}, "admin"
    yield "/user/available_users", {}, "admin"


def _teams() -> Iterator[Question]:
    query: Query
    for by in _TEAM_SORTS:
        for order in ("asc", "desc"):
            yield "/v2/team/list", {"page_size": 100, "sort_by": by, "sort_order": order}, "admin"
    for query in ({"page": 10}, {"organization_id": "org-7"}, {"search": "team 77"}, {"user_id": "user-7"}):
        yield "/v2/team/list", {"page_size": 100, **query}, "admin"
    yield "/v2/team/list", {}, "user"
    yield "/v2/team/list", {}, "org"
    yield "/team/list", {"organization_id": "org-7"}, "admin"
    yield "/team/list", {}, "admin"
    yield "/team/info", {"team_id": "team-7"}, "admin"
    yield "/organization/list", {}, "admin"
    yield "/organization/info", {"organization_id": "org-7"}, "admin"
    yield "/organization/list", {}, "org"
    yield "/organization/list", {"size": 10, "sort_by": "spend"}, "admin"
    for query in ({}, {"size": 100, "sort_by": "spend"}, {"search": "77"}, {"team_id": "team-7"}):
        yield "/project/list", query, "admin"


def _others() -> Iterator[Question]:
    query: Query
    for path in ("/customer/list", "/budget/list"):
        for query in ({"size": 100}, {"size": 100, "page": 100}, {"size": 100, "search": "77"}, {}):
            yield path, query, "admin"
    for by in ("user_id", "alias", "max_budget"):
        yield "/customer/list", {"size": 100, "sort_by": by}, "admin"
    yield "/customer/list", {"size": 100, "blocked": True}, "admin"
    for query in ({}, {"size": 100, "sort_by": "spend", "sort_order": "desc"}, {"size": 100, "search": "77"}):
        yield "/tag/list", query, "admin"
    for by in ("updated_at", "changed_by", "action", "table_name", "object_id"):
        for page in (1, 500):
            yield "/audit", {"page_size": 100, "sort_by": by, "page": page}, "admin"
    for query in (
        {"changed_by": "user-7"}, {"action": "created"}, {"table_name": "teams"}, {"object_id": f"{31:064x}"},
        {"object_team_id": "team-7"}, {"search": "777"}, {"search": "nothing like it"}, {"start_date": "2020-01-01"},
    ):  # fmt: skip
        yield "/audit", {"page_size": 100, **query}, "admin"
    for query in (
        {}, {"page": 40}, {"search": "group-7"}, {"sortBy": "costs"}, {"sortBy": "created_at", "sortOrder": "desc"}, {"size": 1000},
    ):  # fmt: skip
        yield "/v2/model/info", query, "admin"
    for query in ({}, {"page": 100}, {"user_id": "user-7"}, {"team_id": "team-7"}):
        yield "/spend/logs/v2", {"start_date": day(89), "end_date": day(0), **query}, "admin"


def _named() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    for path, query, who in (*_keys(), *_users(), *_teams(), *_others()):
        asked = " ".join(f"{name}={value}" for name, value in query.items())
        yield f"{path} {who} {asked}".strip(), path, query, who


PAGES = tuple(_named())
