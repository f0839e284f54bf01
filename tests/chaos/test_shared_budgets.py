"""Budgets above the key over two nodes: 200 calls at once with budget for 10, and exactly the budget is spendable.

The key's own budget, its rates and revocation over two nodes are in ``tests/system/test_nodes.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, wait_until
from tests.support.nodes import Nodes, two_nodes
from tests.support.servers import PostgresServer, RedisServer, running_redis
from tests.system.test_nodes import burst, dearest

AT_ONCE = 100
"""On each node."""
ALLOWED = 10
RATE = 8

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def nodes(
    tmp_path_factory: pytest.TempPathFactory,
    shared_simulator: SimulatorThread,
    postgres: PostgresServer,
    shared_redis: RedisServer,
) -> Iterator[Nodes]:
    directory = tmp_path_factory.mktemp("budgets")
    config = write_config(directory, shared_simulator)
    with two_nodes(directory, config, postgres, shared_redis, workers=2) as running:
        yield running


def made(node: Gateway, path: str, **body: Any) -> None:
    answer = node.admin("POST", path, json=body)
    assert answer.status_code == 200, answer.text


def entity_of(node: Gateway, kind: str, dollars: float, **limits: Any) -> tuple[str, dict[str, Any]]:
    """Make somebody with a budget; gives its name and the fields of a key that spends it."""
    name = f"shared-{kind}"
    budget = {"max_budget": dollars, "budget_duration": "30d"} | limits
    if kind in ("member", "project"):
        made(node, "/team/new", team_id=f"{name}-team")
    if kind in ("member", "user"):
        made(node, "/user/new", user_id=name, auto_create_key=False, **(budget if kind == "user" else {}))
    match kind:
        case "user":
            return f"user:{name}", {"user_id": name}
        case "team":
            made(node, "/team/new", team_id=name, **budget)
            return f"team:{name}", {"team_id": name}
        case "member":
            member = {"user_id": name, "role": "user"}
            made(node, "/team/member_add", team_id=f"{name}-team", member=member, max_budget_in_team=dollars)
            return f"member:{name}-team/{name}", {"team_id": f"{name}-team", "user_id": name}
        case "organization":
            made(node, "/organization/new", organization_id=name, organization_alias=name, **budget)
            made(node, "/team/new", team_id=f"{name}-team", organization_id=name)
            return f"org:{name}", {"team_id": f"{name}-team"}
        case "project":
            made(node, "/project/new", project_id=name, team_id=f"{name}-team", **budget)
            return f"project:{name}", {"team_id": f"{name}-team", "project_id": name}
        case "customer":
            made(node, "/customer/new", user_id=name, **budget)
            return f"customer:{name}", {}
        case _:
            made(node, "/tag/new", name=name, **budget)
            return f"tag:{name}", {"tags": [name]}


async def until_refused(each: list[tuple[Gateway, str]], body: bytes) -> int:
    """How many more are let through, one after the other on either node, until 20 in a row are not."""
    served = refused = 0
    async with httpx.AsyncClient(timeout=60) as client:
        while refused < 20:
            node, key = each[(served + refused) % len(each)]
            headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
            answer = await client.post(f"{node.url}/v1/chat/completions", headers=headers, content=body)
            served, refused = (served + 1, 0) if answer.status_code == 200 else (served, refused + 1)
    return served


@pytest.mark.parametrize("kind", ["user", "team", "member", "organization", "project", "customer", "tag"])
async def test_exactly_the_budget_is_spendable_over_two_nodes(
    nodes: Nodes, simulator: SimulatorThread, kind: str
) -> None:
    label = "shared-customer" if kind == "customer" else f"calls-{kind}"
    body, cost = dearest(label, first_ms=100)
    entity, fields = entity_of(nodes.a, kind, cost * ALLOWED / 1e9)
    keys = [nodes.a.key(**fields), nodes.b.key(**fields)]
    answers = await asyncio.gather(
        burst((nodes.a, nodes.b), keys[0], body, AT_ONCE // 2), burst((nodes.a, nodes.b), keys[1], body, AT_ONCE // 2)
    )
    statuses = [status for each in answers for status in each]
    assert len(statuses) == 2 * AT_ONCE
    assert set(statuses) <= {200, 422}
    served = statuses.count(200)
    assert served <= ALLOWED
    assert simulator.counts()["users"].get(label, {}).get("requests", 0) == served
    served += await until_refused([(nodes.a, keys[0]), (nodes.b, keys[1])], body)
    assert served == ALLOWED
    assert simulator.counts()["users"][label]["requests"] == ALLOWED
    wait_until(lambda: nodes.rows("SELECT amount_nano FROM totals WHERE entity = %s", entity) == [(cost * ALLOWED,)])
    windows = nodes.rows("SELECT amount_nano FROM spend WHERE scope LIKE %s", f"budget:{entity}:%")
    assert windows == [(cost * ALLOWED,)]


@pytest.mark.parametrize("limit", ["rpm_limit", "tpm_limit"])
async def test_the_rates_of_a_team_are_counted_over_two_nodes(
    nodes: Nodes, simulator: SimulatorThread, limit: str
) -> None:
    label = f"rates-{limit}"
    asked = {"model": "gpt", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "user": label}
    # the estimate of tokens is what is taken: the answer uses exactly as many, so that none come back
    size = len(json.dumps(asked | {"simulate": {"prompt_tokens": 100, "completion_tokens": 10}}).encode())
    used = {"prompt_tokens": size // 4 + 1, "completion_tokens": 10}
    body = json.dumps(asked | {"simulate": used}).encode()
    amount = RATE if limit == "rpm_limit" else RATE * (len(body) // 4 + 1 + 10)
    made(nodes.a, "/team/new", team_id=label, **{limit: amount})
    keys = [nodes.a.key(team_id=label), nodes.b.key(team_id=label)]
    if time.time() % 60 > 45:
        await asyncio.sleep(61 - time.time() % 60)
    statuses = await burst((nodes.a, nodes.b), keys[0], body, 20)
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) <= RATE
    served = statuses.count(200) + await until_refused([(nodes.a, keys[0]), (nodes.b, keys[1])], body)
    assert served == RATE
    assert simulator.counts()["users"][label]["requests"] == RATE
