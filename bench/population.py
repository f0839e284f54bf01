"""Everybody a large installation has, put straight into a database: for ``bench.lists`` and ``bench.tenancy``.

Every key has an owner and four of five a team; everybody has every kind of limit, several windows of budgets and limits of a
model, so large that nothing is refused. Deterministic but for the clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from phantom_gateway.security.key_format import PREFIX, RANDOM_CHARS, checksum, display
from phantom_gateway.store import tables
from phantom_gateway.store import tenancy_tables as tenancy
from phantom_gateway.store.database import Database

Row = dict[str, Any]
HUGE_NANO = 10**18
MODEL = "bench"
DAY_S = 86_400.0
_CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many there are of each kind."""

    keys: int = 100_000
    teams: int = 1_000
    users: int = 20_000
    organizations: int = 100
    projects: int = 500
    customers: int = 20_000
    tags: int = 1_000
    budgets: int = 1_000
    models: int = 0
    audit: int = 0


def key_of(number: int) -> str:
    """The value of a key; in the gateway's own format."""
    body = PREFIX + f"{number:0{RANDOM_CHARS}d}"
    return body + checksum(body)


def user_of(number: int, size: Size) -> int:
    """Whose key this is."""
    return number * 7919 % size.users


def team_of(number: int, size: Size) -> int | None:
    """The team of a key: that of its user, or none."""
    return user_of(number, size) % size.teams if number % 5 else None


def put(database: Database, size: Size, digest: Callable[[str], str]) -> None:
    """Make all rows; ``digest`` gives the id of a key's value."""
    now = time.time()
    steps: tuple[tuple[sa.Table, Iterable[Row]], ...] = (
        (tenancy.ORGANIZATIONS, _organizations(size, now)),
        (tenancy.TEAMS, _teams(size, now)),
        (tenancy.USERS, _users(size, now)),
        (tenancy.TEAM_MEMBERS, _team_members(size, now)),
        (tenancy.ORGANIZATION_MEMBERS, _organization_members(size, now)),
        (tenancy.PROJECTS, _projects(size, now)),
        (tenancy.CUSTOMERS, _customers(size, now)),
        (tenancy.TAGS, ({"id": f"tag-{n}", **_limits(now, n)} for n in range(size.tags))),
        (tenancy.BUDGETS, ({"id": f"budget-{n}", **_limits(now, n)} for n in range(size.budgets))),
        (tenancy.MODELS, _models(size, now)),
        (tables.AUDIT_LOG, _audit(size, now)),
        (tables.TOTALS, _totals(size, now, digest)),
        (tables.KEYS, _keys(size, now, digest)),
        (tables.KEY_DIGESTS, ({"digest": each, "key_id": each} for each in map(digest, map(key_of, range(size.keys))))),
    )
    for table, rows in steps:
        source = iter(rows)
        with database.write() as connection:
            while chunk := list(islice(source, _CHUNK)):
                connection.execute(sa.insert(table), chunk)
    if database.shared:  # PostgreSQL does this by itself after a while, SQLite never
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")


def _limits(now: float, number: int) -> Row:
    created = now - (number * 37 % 1_000_003) / 1_000_003 * 300 * DAY_S
    stamps = {"created_at": created, "created_by": "bench", "updated_at": created, "updated_by": "bench", "revision": 1}
    return {
        "models": [],
        "metadata": {"number": number},
        "rpm_limit": 100_000_000,
        "tpm_limit": 10**12,
        "tpd_limit": 10**15,
        "max_parallel_requests": 1_000_000,
        "max_budget_nano": HUGE_NANO + number % 1000,
        "soft_budget_nano": HUGE_NANO // 2,
        "budget_duration": "30d",
        "budget_anchor": 0.0,
        "budget_limits": [
            {"budget_duration": "1d", "max_budget_nano": HUGE_NANO},
            {"budget_duration": "7d", "max_budget_nano": HUGE_NANO},
        ],
        "model_limits": {
            MODEL: {
                "max_budget_nano": HUGE_NANO,
                "budget_duration": "30d",
                "rpm_limit": 100_000_000,
                "tpm_limit": 10**12,
            }
        },
        "blocked": False,
        "extra": {},
        **stamps,
    }


def _organizations(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.organizations):
        yield {"id": f"org-{n}", "alias": f"Organisation {n}", **_limits(now, n)}


def _teams(size: Size, now: float) -> Iterator[Row]:
    plain: Row = {"aliases": {}, "tags": [], "access_groups": [], "member_permissions": [], "member_defaults": {}}
    for n in range(size.teams):
        org = f"org-{n % size.organizations}"
        yield {"id": f"team-{n}", "alias": f"Team {n}", "org_id": org, **plain, **_limits(now, n)}


def _users(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.users):
        who = {"id": f"user-{n}", "email": f"user{n}@example.org", "alias": f"User {n}", "role": "internal_user"}
        yield {**who, **_limits(now, n)}


def _team_members(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.users):
        role = "admin" if n % 20 == 0 else "user"
        yield {"team_id": f"team-{n % size.teams}", "user_id": f"user-{n}", "role": role, **_limits(now, n)}


def _organization_members(size: Size, now: float) -> Iterator[Row]:
    for n in range(0, size.users, 4):
        org = f"org-{n % size.teams % size.organizations}"
        yield {"org_id": org, "user_id": f"user-{n}", "role": "internal_user", **_limits(now, n)}


def _projects(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.projects):
        team = f"team-{n % size.teams}"
        yield {"id": f"project-{n}", "alias": f"Project {n}", "team_id": team, "tags": [], **_limits(now, n)}


def _customers(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.customers):
        yield {"id": f"customer-{n}", "alias": f"Customer {n}", **_limits(now, n)}


def _models(size: Size, now: float) -> Iterator[Row]:
    for n in range(size.models):
        kept = _limits(now, n)
        stamps = {name: kept[name] for name in ("created_at", "created_by", "updated_at", "updated_by", "revision")}
        params = {"model": "openai/demo", "api_base": "http://127.0.0.1:9/v1", "rpm": 1000}
        yield {
            "id": f"model-{n}",
            "name": f"group-{n % 500}",
            "params": params,
            "info": {},
            "blocked": n % 100 == 0,
            **stamps,
        }


def _audit(size: Size, now: float) -> Iterator[Row]:
    kinds = (("created", "keys"), ("updated", "teams"), ("deleted", "users"), ("blocked", "keys"))
    start = int((now - 90 * DAY_S) * 1e6)
    for n in range(size.audit):
        action, table = kinds[n * 7 % 4]
        yield {
            "seq": n + 1, "ts": start + n * 70_000_000, "event": f"{table}.{action}", "action": action, "table_name": table,
            "object_id": f"{n * 31 % 100_003:064x}", "team_id": f"team-{n % size.teams}", "tenant": "", "actor": f"user-{n % 50}",
            "actor_kind": "user", "key_id": "", "changed_by": f"user-{n % 50}", "before": json.dumps({"n": n}),
            "after": json.dumps({"n": n + 1, "models": ["a"] * 20}), "result": "success", "request_id": "", "node": "",
            "prev": "0" * 64, "hash": "0" * 64,
        }  # fmt: skip


def _totals(size: Size, now: float, digest: Callable[[str], str]) -> Iterator[Row]:
    names: list[str] = [f"key:{digest(key_of(n))}" for n in range(0, size.keys, 2)]
    for kind, count in (
        ("user", size.users),
        ("team", size.teams),
        ("customer", size.customers),
        ("tag", size.tags * 2),
    ):
        names += [f"{kind}:{kind}-{n}" for n in range(count)]
    for n, name in enumerate(names):
        spent = {"amount_nano": n * 1_000_003 % 10**12, "requests": n % 1000, "last_active": now - n % 5_000_000}
        yield {"entity": name, **spent}


def _keys(size: Size, now: float, digest: Callable[[str], str]) -> Iterator[Row]:
    plain: Row = {"aliases": {}, "key_type": "default", "allowed_routes": [], "access_groups": [], "rotations": 0}
    for n in range(size.keys):
        value = key_of(n)
        team = team_of(n, size)
        yield {
            "id": digest(value),
            "alias": f"key-{n}",
            "key_name": display(value),
            "user_id": f"user-{user_of(n, size)}",
            "team_id": None if team is None else f"team-{team}",
            "org_id": None if team is None else f"org-{team % size.organizations}",
            "project_id": f"project-{team}" if team is not None and team < size.projects and n % 50 == 1 else None,
            "tags": [],
            "expires": now + (n % 1000 - 10) * DAY_S if n % 3 == 2 else None,
            "budget_id": f"budget-{n % size.budgets}" if size.budgets and n % 10 == 3 else None,
            **plain,
            **_limits(now, n),
            "blocked": n % 200 == 199,
        }
