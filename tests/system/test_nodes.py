"""Two nodes on one PostgreSQL and one Redis: limits hold over both, a revoked key is dead on both, and neither starts alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway, wait_until
from tests.support.nodes import Nodes, environment, share_root_key, two_nodes
from tests.support.servers import PostgresServer, RedisServer, running_redis

AT_ONCE = 100
"""On each node."""
ALLOWED = 10
OUTPUT = 10

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
    directory = tmp_path_factory.mktemp("nodes")
    config = write_config(directory, shared_simulator)
    with two_nodes(directory, config, postgres, shared_redis, workers=2) as running:
        yield running


def dearest(user: str, **fields: Any) -> tuple[bytes, int]:
    """A request that costs exactly what is reserved for it, and this cost in nano-dollars."""
    size = 0
    while True:
        used = {"prompt_tokens": size, "completion_tokens": OUTPUT, "chunks": OUTPUT} | fields
        body = json.dumps({"model": "gpt", "messages": HELLO, "max_tokens": OUTPUT, "user": user, "simulate": used})
        if len(body) == size:
            return body.encode(), size * 1000 + OUTPUT * 2000
        size = len(body)


async def burst(gateways: tuple[Gateway, ...], key: str, body: bytes, count: int) -> list[int]:
    """The statuses of ``count`` requests on each gateway, all under way at once."""
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    limits = httpx.Limits(max_connections=count * len(gateways))
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{gateway.url}/v1/chat/completions", content=body)
                for _ in range(count)
                for gateway in gateways
            )
        )
    return [answer.status_code for answer in answers]


def until_refused(gateways: tuple[Gateway, ...], key: str, body: bytes) -> int:
    """How many more are let through, one after the other on either node, until 20 in a row are not."""
    served = refused = 0
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    while refused < 20:
        gateway = gateways[(served + refused) % len(gateways)]
        status = httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, content=body, timeout=60).status_code
        served, refused = (served + 1, 0) if status == 200 else (served, refused + 1)
    return served


async def test_a_budget_is_spent_to_the_last_over_two_nodes(nodes: Nodes, simulator: SimulatorThread) -> None:
    body, cost = dearest("shared", first_ms=200)
    key = nodes.a.key(max_budget=cost * ALLOWED / 1e9)
    both = (nodes.a, nodes.b)
    statuses = await burst(both, key, body, AT_ONCE)
    assert set(statuses) <= {200, 422}
    assert statuses.count(200) <= ALLOWED
    assert simulator.counts()["users"]["shared"]["requests"] == statuses.count(200)
    further = await asyncio.to_thread(until_refused, both, key, body)
    assert statuses.count(200) + further == ALLOWED
    assert simulator.counts()["users"]["shared"]["requests"] == ALLOWED
    query = "SELECT count(*), sum(cost_nano) FROM requests WHERE end_user = 'shared' AND status = 'success'"
    wait_until(lambda: nodes.rows(query) == [(ALLOWED, cost * ALLOWED)])
    for node in both:
        spend = node.admin("GET", "/key/info", params={"key": key}).json()["info"]["spend"]
        assert spend == cost * ALLOWED / 1e9


async def test_parallel_requests_are_counted_over_two_nodes(nodes: Nodes, simulator: SimulatorThread) -> None:
    allowed = 5
    key = nodes.b.key(max_parallel_requests=allowed)
    # these streams never end by themselves
    asked = {"model": "gpt", "messages": HELLO, "stream": True, "user": "slots"}
    body = json.dumps(asked | {"simulate": {"mode": "stall", "at": 2, "pace_ms": 1}}).encode()
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    async with AsyncExitStack() as held:

        async def start(node: Gateway) -> bool:
            client = await held.enter_async_context(httpx.AsyncClient(base_url=node.url, headers=headers, timeout=60))
            stream = client.stream("POST", "/v1/chat/completions", content=body)
            return (await held.enter_async_context(stream)).status_code == 200

        both = (nodes.a, nodes.b)
        started = sum(await asyncio.gather(*(start(both[number % 2]) for number in range(30))))
        assert started <= allowed
        deadline = time.monotonic() + 20
        while started < allowed:
            assert time.monotonic() < deadline, f"only {started} of {allowed}"
            started += await start(both[started % 2])
        assert not any(await asyncio.gather(*(start(both[number % 2]) for number in range(10))))
        assert simulator.counts()["users"]["slots"]["requests"] == allowed
    for number in range(allowed):
        wait_until(lambda node=both[number % 2]: node.chat(key).status_code == 200)


async def test_a_rate_is_counted_over_two_nodes(nodes: Nodes, simulator: SimulatorThread) -> None:
    key = nodes.a.key(rpm_limit=8)
    body, _ = dearest("rate")
    if time.time() % 60 > 50:
        await asyncio.sleep(61 - time.time() % 60)
    statuses = await burst((nodes.a, nodes.b), key, body, 20)
    assert statuses.count(200) <= 8
    served = statuses.count(200) + await asyncio.to_thread(until_refused, (nodes.a, nodes.b), key, body)
    assert served == 8


@pytest.mark.parametrize("change", ["delete", "block"])
def test_a_revoked_key_is_dead_on_the_other_node_within_a_second(nodes: Nodes, change: str) -> None:
    key = nodes.a.key()
    for node in (nodes.a, nodes.b):
        assert node.chat(key).status_code == 200
    body: dict[str, Any] = {"keys": [key]} if change == "delete" else {"key": key}
    assert nodes.a.admin("POST", f"/key/{change}", json=body).status_code == 200
    began = time.monotonic()
    while nodes.b.chat(key).status_code == 200:
        assert time.monotonic() - began < 1.0
    assert nodes.a.chat(key).status_code == 401
    assert nodes.b.chat(key).status_code == 401


def test_a_key_made_on_one_node_works_at_once_on_the_other(nodes: Nodes) -> None:
    secret = "sk-made-by-hand-0123456789-abcdef"
    assert nodes.b.chat(secret).status_code == 401
    nodes.a.key(key=secret)
    wait_until(lambda: nodes.b.chat(secret).status_code == 200, 1.0)


def test_a_changed_limit_is_known_on_the_other_node(nodes: Nodes) -> None:
    key = nodes.a.key(models=["gpt"])
    assert nodes.b.chat(key).status_code == 200
    assert nodes.a.admin("POST", "/key/update", json={"key": key, "models": ["nothing"]}).status_code == 200
    wait_until(lambda: nodes.b.chat(key).status_code in (401, 403), 1.0)


def serve(data_dir: Path, config: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A gateway that is expected to refuse."""
    import os

    command = [sys.executable, "-m", "phantom_gateway.cli", "serve", "--port", "0", "--data-dir", str(data_dir)]
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_PROXY", "_proxy"))}
    return subprocess.run(
        [*command, "--config", str(config)],
        env=kept | {"PHANTOM_MASTER_KEY": MASTER_KEY} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_second_node_without_a_shared_limiter_does_not_start(
    tmp_path: Path, simulator: SimulatorThread, postgres: PostgresServer, redis_server: RedisServer
) -> None:
    config = write_config(tmp_path, simulator)
    url = postgres.create()
    with running_gateway(tmp_path / "a", config, environment=environment(url, None)) as first:
        share_root_key(tmp_path / "a", tmp_path / "b")
        alone = serve(tmp_path / "b", config, environment(url, None))
        assert alone.returncode == 1
        assert "REDIS_HOST" in alone.stderr
        late = serve(tmp_path / "b", config, environment(url, redis_server))
        assert late.returncode == 1
        assert "without a Redis" in late.stderr
        assert first.chat(first.key()).status_code == 200
    # it has left in good order: the next one may start at once
    with running_gateway(tmp_path / "b", config, environment=environment(url, None)) as second:
        assert second.chat(second.key()).status_code == 200


def test_a_node_with_another_root_key_does_not_start(
    nodes: Nodes, tmp_path: Path, simulator: SimulatorThread, shared_redis: RedisServer
) -> None:
    refused = serve(tmp_path / "c", write_config(tmp_path, simulator), environment(nodes.url, shared_redis))
    assert refused.returncode == 1
    assert "root.key" in refused.stderr


def test_a_model_made_on_one_node_is_served_by_the_other_within_a_second(
    nodes: Nodes, simulator: SimulatorThread
) -> None:
    params = {"model": "openai/up", "api_base": f"http://127.0.0.1:{simulator.port}/v1", "api_key": "sk-of-both-nodes"}
    new = {"model_name": "both", "litellm_params": params, "model_info": {"id": "both-1"}}
    assert nodes.a.admin("POST", "/model/new", json=new).status_code == 200
    assert nodes.a.chat(MASTER_KEY, model="both").status_code == 200
    wait_until(lambda: nodes.b.chat(MASTER_KEY, model="both").status_code == 200, 1.0)
    assert nodes.b.admin("POST", "/model/delete", json={"id": "both-1"}).status_code == 200
    assert nodes.b.chat(MASTER_KEY, model="both").status_code == 400
    wait_until(lambda: nodes.a.chat(MASTER_KEY, model="both").status_code == 400, 1.0)
