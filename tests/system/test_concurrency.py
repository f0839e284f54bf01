"""Limits under many requests at once, on one worker and on two: never more than allowed, never less."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

AT_ONCE = 200
ALLOWED = 10
OUTPUT = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("limits")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config, workers=request.param) as running:
        yield running
        assert running.verify() == 0


def dearest(user: str, **fields: Any) -> tuple[bytes, int]:
    """A request that costs exactly what is reserved for it, and this cost in nano-dollars.

    Reserved is a token per byte of the body, and the output it allows; the simulator says that it has used just that.
    """
    size = 0
    while True:
        used = {"prompt_tokens": size, "completion_tokens": OUTPUT, "chunks": OUTPUT} | fields
        body = json.dumps({"model": "gpt", "messages": HELLO, "max_tokens": OUTPUT, "user": user, "simulate": used})
        if len(body) == size:
            return body.encode(), size * 1000 + OUTPUT * 2000
        size = len(body)


async def burst(gateway: Gateway, key: str, body: bytes, count: int) -> list[int]:
    """The statuses of ``count`` requests that are under way at once, each on a connection of its own."""
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, limits=limits) as client:
        answers = await asyncio.gather(*(client.post("/v1/chat/completions", content=body) for _ in range(count)))
    return [answer.status_code for answer in answers]


async def until_refused(gateway: Gateway, key: str, body: bytes) -> int:
    """How many more are let through, one after the other, until several in a row are not: others may still hold shares."""
    served = refused = 0
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    while refused < 20:
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60) as client:
            status = (await client.post("/v1/chat/completions", content=body)).status_code
        served, refused = (served + 1, 0) if status == 200 else (served, refused + 1)
    return served


async def test_a_budget_is_spent_to_the_last_and_no_further(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, cost = dearest("budget", first_ms=200)
    key = gateway.key(max_budget=cost * ALLOWED / 1e9)
    statuses = await burst(gateway, key, body, AT_ONCE)
    assert set(statuses) <= {200, 422}
    assert statuses.count(200) <= ALLOWED
    assert simulator.counts()["users"]["budget"]["requests"] == statuses.count(200)
    further = await until_refused(gateway, key, body)
    assert statuses.count(200) + further == ALLOWED
    assert simulator.counts()["users"]["budget"]["requests"] == ALLOWED

    def spend() -> float:
        return float(gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]["spend"])

    wait_until(lambda: spend() >= cost * ALLOWED / 1e9)
    assert spend() == cost * ALLOWED / 1e9
    rows = gateway.rows("SELECT status, cost_nano FROM requests WHERE end_user = 'budget'")
    assert rows == [("success", cost)] * ALLOWED


async def test_what_is_not_used_of_a_reservation_is_spendable(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, reserved = dearest("frugal")
    cheap = json.loads(body)
    cheap["simulate"] = {"chunks": 1}
    cost = 5 * 1000 + 2000
    key = gateway.key(max_budget=(reserved + 20 * cost) / 1e9)
    content = json.dumps(cheap).encode()
    assert len(content) <= len(body)
    served = await until_refused(gateway, key, content)
    assert served >= 20
    assert simulator.counts()["users"]["frugal"]["requests"] == served
    spent = gateway.rows(
        "SELECT count(*), sum(cost_nano) FROM requests WHERE end_user = 'frugal' AND status = 'success'"
    )
    wait_until(lambda: gateway.rows("SELECT count(*) FROM requests WHERE end_user = 'frugal'")[0][0] >= served)
    spent = gateway.rows("SELECT sum(cost_nano) FROM requests WHERE end_user = 'frugal'")
    assert spent == [(served * cost,)]
    assert served * cost <= reserved + 20 * cost


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("other-window", {"max_budget": 1, "budget_duration": "30d"}),
        ("first-budget", {}),
        ("one-more", {"budget_limits": [{"budget_duration": "30d", "max_budget": 1}]}),
    ],
)
async def test_a_changed_budget_counts_what_is_under_way(
    gateway: Gateway, simulator: SimulatorThread, name: str, before: dict[str, Any]
) -> None:
    """The window is changed while calls run under the old one; the new one lets through exactly what is left."""
    body, cost = dearest(name, first_ms=1500)
    running = 6
    key = gateway.key(**before)
    under_way = asyncio.get_running_loop().create_task(burst(gateway, key, body, running))
    async with asyncio.timeout(10):
        while simulator.counts()["users"].get(name, {}).get("requests", 0) < running:  # noqa: ASYNC110 - runs elsewhere
            await asyncio.sleep(0.05)
    change = {"key": key, "max_budget": cost * ALLOWED / 1e9, "budget_duration": None, "budget_limits": []}
    answer = await asyncio.to_thread(gateway.admin, "POST", "/key/update", json=change)
    assert answer.status_code == 200
    quick = body.replace(b'"first_ms": 1500', b'"first_ms": 0   ')
    assert len(quick) == len(body)
    statuses = await burst(gateway, key, quick, 30)
    assert set(statuses) <= {200, 422}
    assert await under_way == [200] * running
    further = await until_refused(gateway, key, quick)
    assert running + statuses.count(200) + further == ALLOWED
    scope = "SELECT amount_nano FROM spend WHERE scope LIKE 'budget:key:%:' AND amount_nano = ?"
    wait_until(lambda: len(gateway.rows(scope, cost * ALLOWED)) >= 1)
    query = "SELECT sum(cost_nano) FROM requests WHERE end_user = ?"
    wait_until(lambda: gateway.rows(query, name)[0][0] >= cost * ALLOWED)
    assert gateway.rows(query, name) == [(cost * ALLOWED,)]
    assert gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]["spend"] == cost * ALLOWED / 1e9


@pytest.mark.xfail(
    strict=False,
    reason="known: a budget whose window is changed again and again within a second lets a few calls too many through",
)
async def test_budgets_edited_again_and_again_under_load_add_up(gateway: Gateway, simulator: SimulatorThread) -> None:
    body, cost = dearest("restless", first_ms=30)
    allowed = 60
    key = gateway.key(max_budget=cost * allowed / 1e9, budget_duration="30d")
    load = asyncio.get_running_loop().create_task(_keep_busy(gateway, key, body))
    for duration in ("1d", "7d", None, "30d", "1d", None):
        change = {"key": key, "max_budget": cost * allowed / 1e9, "budget_duration": duration}
        await asyncio.to_thread(gateway.admin, "POST", "/key/update", json=change)
        await asyncio.sleep(0.1)
    served = await load + await until_refused(gateway, key, body)
    assert served == allowed
    assert simulator.counts()["users"]["restless"]["requests"] == allowed
    query = "SELECT count(*), sum(cost_nano) FROM requests WHERE end_user = 'restless'"
    wait_until(lambda: gateway.rows(query)[0][0] >= allowed)
    assert gateway.rows(query) == [(allowed, cost * allowed)]
    info = gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]
    assert (info["spend"], info["total_spend"]) == (cost * allowed / 1e9,) * 2


async def _keep_busy(gateway: Gateway, key: str, body: bytes) -> int:
    served = 0
    for _ in range(25):
        statuses = await burst(gateway, key, body, 4)
        assert set(statuses) <= {200, 422}, statuses
        served += statuses.count(200)
    return served


async def test_parallel_requests_are_exactly_as_many_as_allowed(gateway: Gateway, simulator: SimulatorThread) -> None:
    allowed = 5
    key = gateway.key(max_parallel_requests=allowed)
    # these streams never end by themselves
    asked = {"model": "gpt", "messages": HELLO, "stream": True, "user": "parallel"}
    body = json.dumps(asked | {"simulate": {"mode": "stall", "at": 2, "pace_ms": 1}}).encode()
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    async with AsyncExitStack() as held:

        async def start() -> bool:
            client = await held.enter_async_context(
                httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60)
            )
            stream = client.stream("POST", "/v1/chat/completions", content=body)
            return (await held.enter_async_context(stream)).status_code == 200

        started = sum(await asyncio.gather(*(start() for _ in range(40))))
        assert started <= allowed
        deadline = time.monotonic() + 20
        while started < allowed:
            assert time.monotonic() < deadline, f"only {started} of {allowed}"
            started += await start()
        assert not any(await asyncio.gather(*(start() for _ in range(20))))
        assert simulator.counts()["users"]["parallel"]["requests"] == allowed
    for _ in range(allowed):
        wait_until(lambda: gateway.chat(key).status_code == 200)


async def test_requests_per_minute_are_exact(gateway: Gateway, simulator: SimulatorThread) -> None:
    allowed = 20
    # all within one window: wait for the next one when this one ends too soon
    if (left := 60 - time.time() % 60) < 12:
        await asyncio.sleep(left)
    key = gateway.key(rpm_limit=allowed)
    body = json.dumps({"model": "gpt", "messages": HELLO, "user": "rpm"}).encode()
    statuses = await burst(gateway, key, body, 100)
    assert set(statuses) <= {200, 429}
    served = statuses.count(200) + await until_refused(gateway, key, body)
    assert served == allowed
    assert simulator.counts()["users"]["rpm"]["requests"] == allowed


async def test_many_requests_are_all_in_the_ledger_once(gateway: Gateway, simulator: SimulatorThread) -> None:
    key = gateway.key(max_budget=10)
    body = json.dumps({"model": "gpt", "messages": HELLO, "user": "many", "simulate": {"chunks": 3}}).encode()
    for _ in range(3):
        assert set(await burst(gateway, key, body, AT_ONCE)) == {200}
    wait_until(lambda: gateway.rows("SELECT count(*) FROM requests WHERE end_user = 'many'") == [(600,)])
    assert gateway.rows("SELECT count(DISTINCT request_id), sum(cost_nano) FROM requests WHERE end_user = 'many'") == [
        (600, 600 * (5 * 1000 + 3 * 2000))
    ]
    assert simulator.counts()["users"]["many"]["completed"] == 600
