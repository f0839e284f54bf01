"""Somebody of each kind, with a key, in an organisation with a team; and another organisation of strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.store import tenancy_tables, tenants
from phantom_gateway.store.tables import DELETED_KEYS, KEYS

STAMPS: dict[str, Any] = {"created_at": 1000.0, "updated_at": 1000.0}

TABLES = (
    tenancy_tables.ORGANIZATIONS,
    tenancy_tables.ORGANIZATION_MEMBERS,
    tenancy_tables.TEAMS,
    tenancy_tables.TEAM_MEMBERS,
    tenancy_tables.USERS,
    tenancy_tables.PROJECTS,
    KEYS,
    DELETED_KEYS,
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Calls in the name of one of: org_admin, team_admin, member, user (of no team), stranger (admin of another team)."""

    control: Rig
    keys: dict[str, str]

    async def post(self, who: str, path: str, **body: Any) -> httpx.Response:
        """A POST; ``who`` may be ``admin``, the master key."""
        return await self.control.post(path, body, headers=self.headers(who))

    async def get(self, who: str, path: str, **query: Any) -> httpx.Response:
        """A GET."""
        return await self.control.get(path, headers=self.headers(who), **query)

    async def send(self, who: str, method: str, path: str, **body: Any) -> httpx.Response:
        """Any other method, with a body."""
        return await self.control.http.request(method, path, json=body, headers=self.headers(who))

    def headers(self, who: str) -> dict[str, str]:
        """The key of somebody."""
        return ADMIN if who == "admin" else bearer(self.keys[who])


async def cast(control: Rig) -> Cast:
    """Organisation ``o`` with team ``t`` (org_admin, team_admin, member), organisation ``p`` with team ``s`` (stranger)."""

    def insert(connection: sa.Connection) -> None:
        for name in ("org_admin", "team_admin", "member", "user", "stranger"):
            row = tenants.UserRow(id=name, email=f"{name}@example.org", role="internal_user", **STAMPS)
            tenants.USERS.insert(connection, row)
        for org, team in (("o", "t"), ("p", "s")):
            tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id=org, alias=f"org {org}", **STAMPS))
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=team, alias=f"team {team}", org_id=org, **STAMPS))
        for team, user, role in (("t", "team_admin", "admin"), ("t", "member", "user"), ("s", "stranger", "admin")):
            tenants.TEAM_MEMBERS.insert(
                connection, tenants.TeamMemberRow(team_id=team, user_id=user, role=role, **STAMPS)
            )
        chief = tenants.OrganizationMemberRow(org_id="o", user_id="org_admin", role="org_admin", **STAMPS)
        tenants.ORGANIZATION_MEMBERS.insert(connection, chief)

    await control.services.database.write(insert)
    names = ("org_admin", "team_admin", "member", "user", "stranger")
    return Cast(control, {name: (await control.generate(user_id=name))["key"] for name in names})


def param_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and the field that an error names."""
    return answer.status_code, answer.json()["error"]["param"]


async def dump(control: Rig) -> list[tuple[Any, ...]]:
    """All that the tables of tenancy hold, to see that nothing changed."""

    def query(connection: sa.Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for table in TABLES for row in connection.execute(sa.select(table))]

    return await control.services.database.read(query)
