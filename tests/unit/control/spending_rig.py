"""People, teams and what they spent, for tests of dashboards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.store import tenants

DAY_NS = 86_400_000_000_000
TODAY = int(time.time()) // 86_400
USD = 1_000_000_000


def day(back: int = 0) -> str:
    """The date so many days ago."""
    return time.strftime("%Y-%m-%d", time.gmtime((TODAY - back) * 86_400))


WEEK: dict[str, Any] = {"start_date": day(6), "end_date": day()}


@dataclass(frozen=True, slots=True)
class People:
    """Keys by whom they belong to."""

    keys: dict[str, str]
    tokens: dict[str, str]


async def people(control: Rig) -> People:
    """Organisation ``o`` (admin ``boss``) with team ``t`` (admin ``lead``, member ``ann``); ``bob`` alone."""
    stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}

    def rows(connection: sa.Connection) -> None:
        for name in ("ann", "bob", "lead", "boss"):
            row = tenants.UserRow(id=name, email=f"{name}@x.org", role="internal_user", **stamps)
            tenants.USERS.insert(connection, row)
        tenants.ORGANIZATIONS.insert(connection, tenants.OrganizationRow(id="o", alias="Org", **stamps))
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", alias="Team", org_id="o", **stamps))
        for user, role in (("ann", "user"), ("lead", "admin")):
            member = tenants.TeamMemberRow(team_id="t", user_id=user, role=role, **stamps)
            tenants.TEAM_MEMBERS.insert(connection, member)
        boss = tenants.OrganizationMemberRow(org_id="o", user_id="boss", role="org_admin", **stamps)
        tenants.ORGANIZATION_MEMBERS.insert(connection, boss)

    await control.services.database.write(rows)
    made = {}
    for name in ("ann", "bob", "lead", "boss"):
        team = {"team_id": "t"} if name == "ann" else {}
        made[name] = await control.generate(user_id=name, key_alias=f"key-of-{name}", **team)
    return People({name: key["key"] for name, key in made.items()}, {name: key["token"] for name, key in made.items()})


async def spend(control: Rig, found: People) -> None:
    """Five days: ann spends 1 USD a day in the team, bob 2 USD; every second request fails for free."""
    journal = control.journal("w")
    count = 0
    for back in range(5):
        at = (TODAY - back) * DAY_NS + 3_600_000_000_000 // 2
        ann: dict[str, Any] = {"user_id": "ann", "team_id": "t", "org_id": "o", "tags": ("red",), "end_user": "eve"}
        bob: dict[str, Any] = {"user_id": "bob", "tags": ("red", "blue"), "session_id": "s"}
        for name, amount, fields in (("ann", USD, ann), ("bob", 2 * USD, bob)):
            common: dict[str, Any] = {
                "key_id": found.tokens[name],
                "at_ns": at,
                "provider": "openai",
                "call_type": "acompletion",
            }
            good = closed(0, id=f"{name}-{back}", cost=amount, upstream_model=f"up-{name}", **common, **fields)
            bad: dict[str, Any] = {"status": "failure", "http_status": 429, "error_type": "throttling_error"}
            journal.append(good)
            journal.append(closed(0, id=f"{name}-{back}-bad", cost=0, **bad, **common, **fields))
            count += 2
    await control.ingestion.catch_up("w", count)
    await journal.close()
