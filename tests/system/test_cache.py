"""The cache of a whole gateway: two workers, a real Redis, and a provider that counts what reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from tests.conftest import write_config
from tests.support.gateway import CONFIG, Gateway, SimulatorThread, running_gateway, wait_until
from tests.support.servers import RedisServer

LOCAL = "litellm_settings: {{cache: true}}\n"
SHARED = (
    "litellm_settings: {{cache: true, cache_params: {{type: redis, url: 'unix://SOCKET', ttl: 300}}}}\n"
    "phantom: {{cache: {{timeout: 10s}}}}\n"
)
TRIES = 12
"""More than enough connections to reach each of the workers."""


def requests(simulator: SimulatorThread) -> int:
    found: int = simulator.counts()["total"]["requests"]
    return found


def messages(gateway: Gateway, key: str, **fields: Any) -> httpx.Response:
    body = {"model": "claude", "max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]} | fields
    return httpx.post(gateway.url + "/v1/messages", headers={"x-api-key": key}, json=body, timeout=20)


def test_hits_reach_no_upstream_and_cost_nothing(tmp_path: Path, simulator: SimulatorThread) -> None:
    config = write_config(tmp_path, simulator, CONFIG + LOCAL)
    with running_gateway(tmp_path / "data", config) as gateway:
        key = gateway.key(max_budget=1.0)
        first = gateway.chat(key)
        assert first.headers["x-phantom-cache"] == "miss"
        spent = gateway.settled(1)[0]["spend"]
        again = [gateway.chat(key) for _ in range(5)]
        assert {each.headers["x-phantom-cache"] for each in again} == {"hit"}
        assert {each.content for each in again} == {first.content}
        streams = [gateway.chat(key, stream=True) for _ in range(3)]
        assert [each.headers["x-phantom-cache"] for each in streams] == ["miss", "hit", "hit"]
        assert len({each.content for each in streams}) == 1
        anthropic = [messages(gateway, key, stream=stream) for stream in (False, False, True, True)]
        assert [each.headers["x-phantom-cache"] for each in anthropic] == ["miss", "hit", "miss", "hit"]
        assert anthropic[2].content == anthropic[3].content
        assert requests(simulator) == 4
        assert gateway.chat(gateway.key()).headers["x-phantom-cache"] == "miss"
        rows = gateway.settled(14)
        hits = [row for row in rows if row["cache_hit"] == "True"]
        assert len(hits) == 9
        assert {row["spend"] for row in hits} == {0}
        assert all(row["total_tokens"] > 0 and row["metadata"]["saved_nano"] > 0 for row in hits)
        name = first.headers["x-litellm-cache-key"]
        assert [row["cache_hit"] for row in rows if row["cache_key"] == name].count("False") == 1
        assert spent > 0
        found = gateway.admin("GET", "/key/info", params={"key": key}).json()
        misses = [row["spend"] for row in rows if row["cache_hit"] == "False" and row["api_key"] == found["key"]]
        assert abs(found["info"]["spend"] - sum(misses)) < 1e-12
        assert gateway.admin("POST", "/cache/delete", json={"keys": [name]}).json() == {"status": "success"}
        assert gateway.chat(key).headers["x-phantom-cache"] == "miss"
        assert messages(gateway, key, stream=False).headers["x-phantom-cache"] == "hit"
        assert gateway.admin("POST", "/cache/flushall").status_code == 200
        assert messages(gateway, key, stream=False).headers["x-phantom-cache"] == "miss"
        gateway.settled(17)
        assert gateway.stop() == 0
        assert gateway.verify() == 0


def test_workers_share_a_redis_that_cannot_be_read(
    tmp_path: Path, simulator: SimulatorThread, redis_server: RedisServer
) -> None:
    config = write_config(tmp_path, simulator, CONFIG + SHARED.replace("SOCKET", str(redis_server.socket)))
    with running_gateway(tmp_path / "data", config, workers=2) as gateway:
        assert gateway.admin("GET", "/cache/ping").json()["cache_type"] == "redis"
        key = gateway.key()
        first = gateway.chat(key)
        client = redis_server.client()
        wait_until(lambda: client.keys("phantom:answer:*"))
        assert {gateway.chat(key).headers["x-phantom-cache"] for _ in range(TRIES)} == {"hit"}
        assert requests(simulator) == 1
        held = b"".join(client.get(name) for name in client.keys("phantom:answer:*"))
        assert first.json()["choices"][0]["message"]["content"].encode() not in held
        assert key.encode() not in held
        assert gateway.admin("POST", "/cache/flushall").status_code == 200
        assert client.keys("phantom:answer:*") == []
        assert gateway.chat(key).headers["x-phantom-cache"] == "miss"
        redis_server.stop()
        try:
            assert {gateway.chat(key).status_code for _ in range(TRIES)} == {200}
            assert gateway.admin("GET", "/cache/ping").status_code == 503
        finally:
            redis_server.start()
