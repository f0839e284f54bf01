"""Budgets above the key under many requests at once: of a team, a member, a customer, the whole gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until
from tests.support.tenants import STAMPS, store
from tests.system.test_concurrency import burst, dearest, until_refused

from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import TeamMemberRow, TeamRow, UserRow
from phantom_gateway.wire.tasks import TaskGroup

AT_ONCE = 200
ALLOWED = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("tenancy")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config, workers=request.param) as running:
        yield running
        assert running.verify() == 0


def spent(gateway: Gateway, entity: str) -> int:
    rows = gateway.rows("SELECT amount_nano FROM spend WHERE scope LIKE ?", f"budget:{entity}:%")
    return sum(amount for (amount,) in rows)


def total(gateway: Gateway, entity: str) -> tuple[int, int]:
    rows = gateway.rows("SELECT amount_nano, requests FROM totals WHERE entity = ?", entity)
    return (0, 0) if not rows else (rows[0][0], rows[0][1])


def refused_by(gateway: Gateway, key: str, body: bytes) -> str:
    """Whose budget does not admit a request."""
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = httpx.post(gateway.url + "/v1/chat/completions", headers=headers, content=body, timeout=20)
    assert answer.status_code == 422
    return str(answer.json()["error"]["details"]["entity"])


async def test_two_keys_of_a_team_spend_exactly_its_budget(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, cost = dearest("team", first_ms=200)
    budget: dict[str, Any] = {"max_budget_nano": cost * ALLOWED, "budget_duration": "30d"}
    store(gateway.data_dir, (tenants.TEAMS, TeamRow(id="t1", **budget, **STAMPS)))
    keys = [gateway.key(team_id="t1") for _ in range(2)]
    statuses = await burst(gateway, keys[0], body, AT_ONCE)
    assert set(statuses) <= {200, 422}
    assert statuses.count(200) <= ALLOWED
    assert simulator.counts()["users"]["team"]["requests"] == statuses.count(200)
    further = await until_refused(gateway, keys[1], body)
    further += await until_refused(gateway, keys[0], body)
    assert statuses.count(200) + further == ALLOWED
    assert simulator.counts()["users"]["team"]["requests"] == ALLOWED
    wait_until(lambda: spent(gateway, "team:t1") >= cost * ALLOWED)
    assert spent(gateway, "team:t1") == cost * ALLOWED
    wait_until(lambda: total(gateway, "team:t1") == (cost * ALLOWED, ALLOWED))


async def test_a_member_is_bounded_within_the_team(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, cost = dearest("member")
    store(
        gateway.data_dir,
        (tenants.TEAMS, TeamRow(id="t2", max_budget_nano=cost * 5, **STAMPS)),
        (tenants.USERS, UserRow(id="u1", role="internal_user", **STAMPS)),
        (tenants.USERS, UserRow(id="u2", role="internal_user", **STAMPS)),
        (
            tenants.TEAM_MEMBERS,
            TeamMemberRow(team_id="t2", user_id="u1", role="user", max_budget_nano=cost * 2, **STAMPS),
        ),
        (tenants.TEAM_MEMBERS, TeamMemberRow(team_id="t2", user_id="u2", role="user", **STAMPS)),
    )
    one, other = (gateway.key(team_id="t2", user_id=user) for user in ("u1", "u2"))
    assert await until_refused(gateway, one, body) == 2
    assert await until_refused(gateway, other, body) == 3
    refused = gateway.chat(one)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["entity"] == "member:t2/u1"
    assert gateway.chat(other).json()["error"]["details"]["entity"] == "team:t2"
    assert simulator.counts()["users"]["member"]["requests"] == 5
    wait_until(lambda: total(gateway, "member:t2/u1")[0] == cost * 2)


async def test_a_customer_is_bounded_over_all_keys(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, cost = dearest("customer")
    key = gateway.key()
    assert gateway.chat(key, user="bad").status_code == 200
    for made in ({"user_id": "customer", "max_budget": cost * 3 / 1e9}, {"user_id": "bad"}):
        assert gateway.admin("POST", "/customer/new", json=made).status_code == 200
    gateway.admin("POST", "/customer/block", json={"user_ids": ["bad"]})
    assert gateway.chat(key, user="bad").status_code == 403
    assert await until_refused(gateway, gateway.key(), body) == 3
    assert await until_refused(gateway, gateway.key(), body) == 0
    assert simulator.counts()["users"]["customer"]["requests"] == 3
    assert gateway.chat(key, user="somebody").status_code == 200


def test_keys_of_a_blocked_team_do_not_work(gateway: Gateway) -> None:
    store(gateway.data_dir, (tenants.TEAMS, TeamRow(id="t3", blocked=True, **STAMPS)))
    answer = gateway.chat(gateway.key(team_id="t3"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "auth_error")


def test_a_teams_list_decides_and_discovery_agrees(gateway: Gateway) -> None:
    store(gateway.data_dir, (tenants.TEAMS, TeamRow(id="t4", models=["sim/one"], **STAMPS)))
    key = gateway.key(team_id="t4", models=["gpt", "sim/one"])
    refused = gateway.chat(key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "team_model_access_denied")
    answer = httpx.get(gateway.url + "/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    listed = [model["id"] for model in answer.json()["data"]]
    for model in ("gpt", "sim/one", "nothing"):
        assert (gateway.chat(key, model).status_code == 200) is (model in listed)


async def test_the_whole_gateway_and_the_master_key_have_a_budget(
    tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread
) -> None:
    directory = tmp_path_factory.mktemp("whole")
    body, cost = dearest("whole")
    config = write_config(directory, shared_simulator)
    text = config.read_text()
    text += f"\nlitellm_settings: {{max_budget: {cost * 4 / 1e9:.9f}, budget_duration: 30d}}\n"
    text += f"phantom: {{master_key_budget: {{max_budget: {cost / 1e9:.9f}}}}}\n"
    config.write_text(text)
    with running_gateway(directory / "data", config, workers=1) as running:
        assert await until_refused(running, running.master_key, body) == 1
        assert refused_by(running, running.master_key, body) == "master_key"
        assert await until_refused(running, running.key(), body) == 3
        assert refused_by(running, running.key(), body) == "gateway"
        assert running.verify() == 0


async def test_what_is_under_way_when_a_customer_or_tag_is_made_is_charged_to_it(gateway: Gateway) -> None:
    body, cost = dearest("newcomer", first_ms=1500)
    key = gateway.key(tags=["fresh"])
    call = TaskGroup().spawn(burst(gateway, key, body, 2), "calls")
    await asyncio.sleep(0.5)
    for path, made in (("/customer/new", {"user_id": "newcomer"}), ("/tag/new", {"name": "fresh"})):
        answer = await asyncio.to_thread(gateway.admin, "POST", path, json=made | {"max_budget": 100 * cost / 1e9})
        assert answer.status_code == 200, answer.text
    assert await call == [200, 200]
    for entity in ("customer:newcomer", "tag:fresh"):
        await asyncio.to_thread(
            wait_until, lambda entity=entity: spent(gateway, entity) == total(gateway, entity)[0] > 0
        )
