"""People in a test: who they are, and how their browser speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa
from tests.unit.control.rig import MASTER, Rig, bearer

from phantom_gateway.control.sign_in.cookies import HEADER, SECURE
from phantom_gateway.store import tenants

T = TypeVar("T")
PASSWORD = "correct horse battery"
OTHER = "staple for another horse"
ORIGIN = {"origin": "http://control", HEADER: "1"}
STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


async def write(control: Rig, change: Callable[[sa.Connection], T]) -> T:
    """Change the database directly."""
    return await control.services.database.write(change)


async def make(control: Rig, user_id: str, **fields: Any) -> dict[str, Any]:
    """A user with a password, unless another one is given."""
    body = {"user_id": user_id, "password": PASSWORD} | fields
    answer = await control.post("/user/new", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def key_of(control: Rig, user_id: str, **fields: Any) -> dict[str, str]:
    """A new user's headers."""
    return bearer((await make(control, user_id, **fields))["key"])


async def login(control: Rig, username: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    """An attempt."""
    body = {"username": username, "password": password}
    return await control.http.post("/v2/login", json=body, headers=headers)


def cookie_of(answer: httpx.Response) -> str:
    """What a sign-in has set."""
    assert answer.status_code in (200, 303), answer.text
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == SECURE
    return str(rest.partition(";")[0])


async def browser(control: Rig, username: str, password: str = PASSWORD) -> dict[str, str]:
    """Sign in; the headers with which pages of the gateway itself call from then on."""
    return page(cookie_of(await login(control, username, password)))


async def operator(control: Rig) -> dict[str, str]:
    """The operator's browser."""
    return await browser(control, "admin", MASTER)


def page(cookie: str) -> dict[str, str]:
    """Headers of the gateway's own pages."""
    return {"cookie": f"{SECURE}={cookie}", **ORIGIN}


def organisation(connection: sa.Connection, org_id: str, admin: str) -> None:
    """An organisation with a team of the same name, administered by an existing user."""
    tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id=org_id, **STAMPS))
    tenants.TEAMS.insert(connection, tenants.TeamRow(id=org_id, org_id=org_id, **STAMPS))
    row = tenants.OrganizationMemberRow(org_id=org_id, user_id=admin, role="org_admin", **STAMPS)
    tenants.ORGANIZATION_MEMBERS.insert(connection, row)


def member(connection: sa.Connection, team_id: str, user_id: str, role: str = "user") -> None:
    """A member of a team."""
    row = tenants.TeamMemberRow(team_id=team_id, user_id=user_id, role=role, **STAMPS)
    tenants.TEAM_MEMBERS.insert(connection, row)
