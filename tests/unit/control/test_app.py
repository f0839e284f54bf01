from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer
from tests.unit.control.rig import ADMIN, Rig, bearer, rig

from phantom_gateway.control.app import create_app
from phantom_gateway.control.guard import GuardedRoute, routes_of
from phantom_gateway.control.policy.actions import READS, Action
from phantom_gateway.control.policy.table import TABLE, Relation
from phantom_gateway.store import tenants

pytestmark = pytest.mark.slow

PUBLIC = {
    "/health/liveliness": "a process manager has no key; it learns one constant word",
    "/health/liveness": "the same under the name Kubernetes users expect",
    "/health/readiness": "a load balancer has no key; it learns whether the database answers",
    "/ui": "the page on which one signs in; it says nothing about this gateway",
    "/ui/{path:path}": "the same page, and the files it consists of, alike on every gateway of this release",
}
"""Routes without authentication, each with its reason. The list may only shrink."""
SIGNING_IN = {
    "/login": (400, "who signs in has nothing yet but a password"),
    "/v2/login": (400, "the same for scripts"),
    "/v3/login": (400, "the same under its newer name"),
    "/logout": (200, "ends the session whose cookie it carries, and nothing else; without one it does nothing"),
    "/onboarding/get_token": (401, "who is invited has nothing yet but the link"),
    "/onboarding/claim_token": (400, "the same; sets the password"),
}
"""Routes by which one becomes a caller: how each answers somebody who shows nothing, and the reason."""
OWN_SIGN_IN = {Action.PASSWORD_CHANGE, Action.SESSION_END}
"""Changes that viewers may make: of how they themselves sign in."""

R = Relation
PERSONAS: dict[str, set[Relation]] = {
    "orphan": {R.KEY},
    "user": {R.KEY, R.USER},
    "viewer": {R.KEY, R.VIEWER},
    "member": {R.KEY, R.USER, R.MEMBER},
    "team_admin": {R.KEY, R.USER, R.MEMBER, R.TEAM_ADMIN},
    "org_admin": {R.KEY, R.USER, R.ORG_ADMIN},
    "global_viewer": {R.KEY, R.VIEWER, R.GLOBAL_VIEWER},
    "admin": set(R),
}
"""Who calls, and in which relations they can stand to anything."""
ROLES = {"viewer": "internal_user_viewer", "global_viewer": "proxy_admin_viewer", "admin": "proxy_admin"}


async def keys_of_everybody(control: Rig) -> dict[str, str]:
    stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}

    def people(connection: sa.Connection) -> None:
        for name in PERSONAS.keys() - {"orphan"}:
            role = ROLES.get(name, "internal_user")
            tenants.USERS.insert(connection, tenants.UserRow(id=name, role=role, **stamps))
        tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id="o", **stamps))
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", **stamps))
        for user, role in (("member", "user"), ("team_admin", "admin")):
            row = tenants.TeamMemberRow(team_id="t", user_id=user, role=role, **stamps)
            tenants.TEAM_MEMBERS.insert(connection, row)
        admin = tenants.OrganizationMemberRow(org_id="o", user_id="org_admin", role="org_admin", **stamps)
        tenants.ORGANIZATION_MEMBERS.insert(connection, admin)

    await control.services.database.write(people)
    found = {name: (await control.generate(user_id=None if name == "orphan" else name))["key"] for name in PERSONAS}
    for kind in ("llm_api", "read_only"):
        found[kind] = (await control.generate(user_id="admin", key_type=kind))["key"]
    return found


def is_granted(persona: str, action: Action) -> bool:
    """What the table says, without asking the code that reads it."""
    relations = {"llm_api": {R.KEY}, "read_only": set(R)}.get(persona) or PERSONAS[persona]
    if persona in ("llm_api", "read_only") and action not in READS:
        return False
    return not relations.isdisjoint(TABLE[action])


def concrete(path: str) -> str:
    return path.replace("{", "").replace("}", "")


def action_of(route: GuardedRoute) -> Action:
    return route.action


async def test_every_route_declares_its_action(control: Rig) -> None:
    app = create_app(control.services)
    found = routes_of(app)
    assert len(found) == len(app.routes) >= 15, "no documentation routes, no mounts"
    for route in found:
        assert (action_of(route) is Action.PUBLIC) == (route.path in PUBLIC.keys() | SIGNING_IN.keys()), route.path
        assert action_of(route) is Action.PUBLIC or action_of(route) in TABLE


def test_every_action_has_its_row() -> None:
    assert set(TABLE) == set(Action) - {Action.PUBLIC}
    for action, relations in TABLE.items():
        assert Relation.ADMIN in relations, action
        if action in READS:
            assert Relation.GLOBAL_VIEWER in relations, action
        elif action in OWN_SIGN_IN:
            assert relations.isdisjoint({R.GLOBAL_VIEWER, R.KEY}), action
        elif action is not Action.HEALTH_CHECK:  # calls upstreams, changes nothing
            assert relations.isdisjoint({R.GLOBAL_VIEWER, R.VIEWER, R.KEY}), action


async def test_every_route_enforces_its_action(control: Rig) -> None:
    """Asked for real, by everybody: without a key, with a wrong one, and by each persona of the table."""
    people = await keys_of_everybody(control)
    wrong = "sk-ph-" + "A" * 38
    for route in routes_of(create_app(control.services)):
        for method in route.methods or set():
            for headers in ({}, bearer(wrong), bearer("sk-unknown-unknown-unknown"), {"x-api-key": ""}):
                answer = await control.http.request(method, concrete(route.path), headers=headers, content=b"{")
                if route.path in PUBLIC:
                    assert answer.status_code in (200, 307), route.path
                elif route.path in SIGNING_IN:
                    assert answer.status_code == SIGNING_IN[route.path][0], (route.path, answer.text)
                else:
                    assert answer.status_code == 401, (route.path, headers)
                    assert answer.headers["www-authenticate"] == "Bearer"
            if route.path in PUBLIC or route.path in SIGNING_IN:
                continue
            for persona, key in people.items():
                answer = await control.http.request(method, concrete(route.path), headers=bearer(key), content=b"{")
                expected = is_granted(persona, action_of(route))
                assert (answer.status_code != 403) == expected, (persona, method, route.path, answer.text)
                assert answer.status_code < 500, (persona, route.path, answer.text)


async def test_unknown_routes_answer_as_litellm_does(control: Rig) -> None:
    answer = await control.get("/nope")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    for path in ("/docs", "/redoc", "/key/info/"):
        assert (await control.get(path)).status_code == 404


ODD = ("\x00", "9" * 30)
"""What somebody writes into a filter to see what happens."""


async def test_odd_filters_are_answered(tmp_path: Path, postgres: PostgresServer) -> None:
    """Each route, each query parameter, each part of a path: never a failure of the database, never a defect."""
    database = postgres.open(postgres.migrated())
    async with rig(tmp_path, database=database) as control:
        people = await keys_of_everybody(control)
        failed = []
        for route in routes_of(create_app(control.services)):
            if "GET" not in (route.methods or ()) or route.path == "/health":  # that one calls upstreams
                continue
            known = [each.alias for each in route.dependant.query_params]
            for name, odd in itertools.product([*known, *re.findall(r"{(\w+)", route.path)], ODD):
                text = quote(odd, errors="surrogatepass")
                path = re.sub(r"{(\w+)(:path)?}", lambda m: text if m[1] == name else "x", route.path)  # noqa: B023
                query = {
                    each: f"2026-11-0{at}" for at, each in enumerate(("start_date", "end_date"), 1) if each in known
                }
                query |= {name: text} if name in known else {}
                url = f"{path}?{'&'.join(f'{each}={value}' for each, value in query.items())}"
                answer = await control.http.get(url, headers=bearer(people["admin"]))
                if answer.status_code >= 500:
                    failed.append((route.path, name, odd, answer.status_code))
        assert failed == []


GOOD: dict[str, Any] = {
    "user_id": "u", "team_id": "t", "key": "sk-abcdefghijklmnopqrstu", "role": "r", "grants": {}, "name": "n", "id": "i",
    "model_name": "m", "litellm_params": {"model": "openai/x"}, "organization_alias": "o", "organization_id": "o",
    "member": {"user_id": "u", "role": "user"}, "amount": 1, "reason": "r", "credential_values": {"api_key": "x"},
    "models": ["demo"], "user_ids": ["u"], "access_group_name": "g", "budget_id": "b", "project_id": "p",
}  # fmt: skip
"""What required fields take."""
ODD_VALUES = ("a\x00b", {"a": "\x00\udfff"}, 10**30)


async def test_odd_bodies_are_answered(tmp_path: Path, postgres: PostgresServer) -> None:
    """Each route, each field of its body."""
    async with rig(tmp_path, database=postgres.open(postgres.migrated())) as control:
        await control.post("/user/new", {"user_id": "u", "auto_create_key": False})
        await control.post("/team/new", {"team_id": "t"})
        failed = []
        for route in routes_of(create_app(control.services)):
            model = route.body_field.field_info.annotation if route.body_field else None
            for shape in [each for each in (model, *get_args(model)) if hasattr(each, "model_fields")]:
                required = {
                    name: GOOD.get(name, "x") for name, each in shape.model_fields.items() if each.is_required()
                }
                for name, odd in itertools.product(shape.model_fields, ODD_VALUES):
                    path, method = re.sub(r"{.*?}", "x", route.path), next(iter(route.methods or ()))
                    content = json.dumps(required | {name: odd})
                    answer = await control.http.request(method, path, content=content, headers=ADMIN)
                    if answer.status_code >= 500:
                        failed.append((path, name, odd))
        assert failed == []
