"""The database or Redis away, emptied, or a whole node gone: nothing is lost, nothing is overspent, known keys are served."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until
from tests.support.nodes import Nodes, environment, two_nodes
from tests.support.servers import PostgresServer, RedisServer, running_postgres, running_redis

OUTPUT = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be stopped; who does so starts it again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread, own_postgres: PostgresServer
) -> Iterator[Nodes]:
    """Two nodes that outlive what becomes of their servers."""
    directory = tmp_path_factory.mktemp("outages")
    config = write_config(directory, shared_simulator)
    with running_redis() as redis, two_nodes(directory, config, own_postgres, redis) as running:
        yield running


@pytest.fixture
def nodes(two: Nodes, simulator: SimulatorThread) -> Nodes:
    """The same, in order: either of them grants of a budget."""
    key = two.a.key(max_budget=1)
    for node in (two.a, two.b):
        wait_until(lambda node=node: call(node, key, "ready")[0] == 200)
    return two


def call(node: Gateway, key: str, label: str) -> tuple[int, str]:
    """A request that costs exactly what is reserved for it; its status, and the type of its error."""
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = httpx.post(f"{node.url}/v1/chat/completions", headers=headers, content=body_of(label), timeout=30)
    return answer.status_code, "" if answer.status_code == 200 else str(answer.json()["error"].get("type"))


def body_of(label: str) -> bytes:
    size = 0
    while True:
        used = {"prompt_tokens": size, "completion_tokens": OUTPUT, "chunks": OUTPUT}
        body = json.dumps({"model": "gpt", "messages": HELLO, "max_tokens": OUTPUT, "user": label, "simulate": used})
        if len(body) == size:
            return body.encode()
        size = len(body)


def cost_of(label: str) -> int:
    return len(body_of(label)) * 1000 + OUTPUT * 2000


def served(simulator: SimulatorThread, label: str) -> int:
    return int(simulator.counts()["users"].get(label, {}).get("requests", 0))


def test_the_database_is_away_and_comes_back(nodes: Nodes, simulator: SimulatorThread) -> None:
    key, budgeted = nodes.a.key(), nodes.a.key(max_budget=1000 * cost_of("money") / 1e9)
    unknown = nodes.a.key()
    for node in (nodes.a, nodes.b):
        assert call(node, key, "known")[0] == 200
        assert call(node, budgeted, "money")[0] == 200
    nodes.postgres.stop()
    for _ in range(20):
        for node in (nodes.a, nodes.b):
            assert call(node, key, "known")[0] == 200
            assert call(node, budgeted, "money")[0] == 200
    assert call(nodes.b, unknown, "unknown")[0] == 503
    assert call(nodes.b, "sk-never-heard-of-0123456789", "unknown")[0] == 503
    assert nodes.a.admin("POST", "/key/generate", json={}).status_code == 503
    assert nodes.a.process.poll() is None
    assert nodes.b.process.poll() is None
    nodes.postgres.start()
    sums = (
        "SELECT end_user, count(*), sum(cost_nano) FROM requests WHERE end_user IN ('known', 'money') "
        "GROUP BY end_user ORDER BY end_user"
    )
    wait_until(
        lambda: nodes.rows(sums) == [("known", 42, 42 * cost_of("known")), ("money", 42, 42 * cost_of("money"))], 30
    )
    wait_until(lambda: call(nodes.b, unknown, "late")[0] == 200, 10)
    # what is changed after the outage is heard again
    wait_until(lambda: nodes.a.admin("POST", "/key/block", json={"key": key}).status_code == 200, 10)
    wait_until(lambda: call(nodes.b, key, "known")[0] == 401, 1)
    for node in (nodes.a, nodes.b):
        assert node.verify(environment(nodes.url, None)) == 0


def test_a_single_node_without_redis_outlives_its_database(
    tmp_path: Path, simulator: SimulatorThread, own_postgres: PostgresServer
) -> None:
    url = own_postgres.create()
    config = write_config(tmp_path, simulator)
    with running_gateway(tmp_path / "data", config, environment=environment(url, None)) as node:
        key = node.key(max_budget=1)
        assert call(node, key, "alone")[0] == 200
        own_postgres.stop()
        assert [call(node, key, "alone")[0] for _ in range(5)] == [200] * 5
        for child in node.children("gateway"):
            child.kill()  # its journal outlives it
        own_postgres.start()

        def spend() -> float:
            answer = node.admin("GET", "/key/info", params={"key": key})
            return float(answer.json()["info"]["spend"]) if answer.status_code == 200 else 0.0

        wait_until(lambda: spend() == 6 * cost_of("alone") / 1e9, 30)


def test_redis_is_away_and_comes_back_empty(nodes: Nodes, simulator: SimulatorThread) -> None:
    allowed = 12
    budgeted, free = nodes.a.key(max_budget=allowed * cost_of("redis") / 1e9), nodes.a.key()
    for node in (nodes.a, nodes.b):
        assert call(node, budgeted, "redis")[0] == 200
    assert nodes.redis is not None
    nodes.redis.stop()
    done = 2
    for _ in range(8):
        for node in (nodes.a, nodes.b):
            status, _ = call(node, budgeted, "redis")
            assert status in (200, 503)
            done += status == 200
            assert call(node, free, "free")[0] == 200
    assert done < allowed
    nodes.redis.start()
    wait_until(lambda: call(nodes.a, budgeted, "redis")[0] != 503, 20)
    refused = 0
    while refused < 20:
        status, _ = call((nodes.a, nodes.b)[refused % 2], budgeted, "redis")
        assert status in (200, 422, 503)
        refused = refused + 1 if status == 422 else 0
    assert served(simulator, "redis") == allowed


def test_redis_is_emptied_again_and_again(nodes: Nodes, simulator: SimulatorThread) -> None:
    allowed = 40
    key = nodes.a.key(max_budget=allowed * cost_of("flush") / 1e9)
    assert nodes.redis is not None
    client = nodes.redis.client()
    refused = 0
    deadline = time.monotonic() + 60
    turn = 0
    while refused < 10:
        turn += 1
        assert time.monotonic() < deadline
        if turn % 7 == 0:
            client.flushall()
        status, _ = call((nodes.a, nodes.b)[turn % 2], key, "flush")
        assert status in (200, 422, 503)
        refused = refused + 1 if status == 422 else refused
    assert served(simulator, "flush") <= allowed
    refused = 0
    while refused < 20:  # left alone, it is spendable to the last
        turn += 1
        status, _ = call((nodes.a, nodes.b)[turn % 2], key, "flush")
        refused = refused + 1 if status == 422 else 0
    assert served(simulator, "flush") == allowed


def test_a_node_is_killed_whole_and_comes_back(
    simulator: SimulatorThread, own_postgres: PostgresServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    config = write_config(tmp_path, simulator)
    with two_nodes(tmp_path, config, own_postgres, redis_server) as nodes:
        _killed_whole(nodes, simulator, redis_server, config)


def _killed_whole(nodes: Nodes, simulator: SimulatorThread, redis_server: RedisServer, config: Path) -> None:
    allowed = 30
    key = nodes.a.key(max_budget=allowed * cost_of("dead") / 1e9)
    for _ in range(3):
        assert call(nodes.a, key, "dead")[0] == 200
    for process in psutil.Process(nodes.a.process.pid).children(recursive=True):
        process.send_signal(signal.SIGKILL)
    nodes.a.process.kill()
    nodes.a.process.wait()
    refused = 0
    while refused < 10:
        refused += call(nodes.b, key, "dead")[0] == 422
    assert served(simulator, "dead") <= allowed  # what the dead node held is not granted to others
    variables = environment(nodes.url, redis_server)
    with running_gateway(nodes.a.data_dir, config, environment=variables) as again:
        refused = 0
        deadline = time.monotonic() + 60
        while served(simulator, "dead") < allowed:
            assert time.monotonic() < deadline
            call(again, key, "dead")
        for node in (again, nodes.b):
            assert call(node, key, "dead")[0] == 422
        assert served(simulator, "dead") == allowed
        wait_until(
            lambda: (
                nodes.rows("SELECT count(*), sum(cost_nano) FROM requests WHERE status = 'success'")
                == [(allowed, allowed * cost_of("dead"))]
            )
        )
