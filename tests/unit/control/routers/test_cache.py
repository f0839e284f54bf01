"""``/cache/*``: workers are told, Redis is emptied, and everything is in the audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.servers import RedisServer
from tests.unit.control.rig import Rig, TestWorker

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.sealed_entry import EntrySealer
from phantom_gateway.spine.messages import CACHED, CACHED_ALL, Ack, Invalidate
from phantom_gateway.spine.snapshot import Address, CacheRules, RedisPlace

SECRET = Secret("34" * 32)
NAME = "ab" * 32
ROUTES = (
    ("GET", "/cache/ping"), ("GET", "/cache/redis/info"), ("POST", "/cache/delete"), ("POST", "/cache/flushall"),
)  # fmt: skip


def cached(control: Rig, socket: Path | None = None) -> None:
    place = None if socket is None else RedisPlace(address=Address(scheme="unix", socket_path=str(socket)))
    configuration = control.services.configuration
    rules = CacheRules(secret=SECRET, redis=place)
    configuration.snapshot = msgspec.structs.replace(configuration.snapshot, cache=rules)


async def told(worker: TestWorker) -> tuple[str, ...]:
    message = await worker.expect(Invalidate)
    worker.send(Ack(seq=message.seq))
    return message.entities


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_off(control: Rig, method: str, path: str) -> None:
    answer = await control.get(path) if method == "GET" else await control.post(path, {"keys": [NAME]})
    assert answer.status_code == 400
    assert "litellm_settings.cache" in answer.json()["error"]["message"]


async def test_in_memory(control: Rig) -> None:
    cached(control)
    ping = (await control.get("/cache/ping")).json()
    assert (ping["status"], ping["cache_type"], ping["ping_response"]) == ("healthy", "local", None)
    assert (await control.get("/cache/redis/info")).status_code == 400
    async with control.worker() as worker:
        flushed, heard = await _both(control.post("/cache/flushall", None), told(worker))
        assert (flushed.status_code, flushed.json(), heard) == (200, {"status": "success"}, (CACHED_ALL,))
        names = [NAME, f"team/a:{NAME}", NAME]
        deleted, heard = await _both(control.post("/cache/delete", {"keys": names}), told(worker))
        assert (deleted.status_code, deleted.json()) == (200, {"status": "success"})
        assert heard == (CACHED + NAME, f"{CACHED}team/a:{NAME}")


async def _both(first: Any, second: Any) -> Any:
    return await asyncio.gather(first, second)


async def test_in_redis(control: Rig, redis_server: RedisServer) -> None:
    cached(control, redis_server.socket)
    client, place = redis_server.client(), EntrySealer(SECRET).place
    ping = (await control.get("/cache/ping")).json()
    assert (ping["cache_type"], ping["ping_response"], ping["set_cache_response"]) == ("redis", True, "success")
    info = (await control.get("/cache/redis/info")).json()
    assert info["num_clients"] == len(info["clients"]) > 0
    client.mset({place(NAME): "x", place("b"): "x", place("c"): "x", "other": "x"})
    assert (await control.post("/cache/delete", {"keys": [NAME]})).status_code == 200
    assert [client.exists(place(name)) for name in (NAME, "b", "c")] == [0, 1, 1]
    assert (await control.post("/cache/flushall", None)).status_code == 200
    assert [client.exists(name) for name in (place("b"), place("c"), "other")] == [0, 0, 1]
    client.delete("other")


async def test_a_dead_redis_is_said(control: Rig, tmp_path: Path) -> None:
    cached(control, tmp_path / "none.sock")
    for method, path in ROUTES:
        answer = await control.get(path) if method == "GET" else await control.post(path, {"keys": [NAME]})
        assert answer.status_code == 503, path


@pytest.mark.parametrize(
    "body", [None, {}, {"keys": []}, {"keys": ["*"]}, {"keys": [NAME] * 41}, {"keys": [NAME], "all": True}]
)
async def test_bad_names_change_nothing(control: Rig, body: Any) -> None:
    cached(control)
    answer = await control.post("/cache/delete", body)
    assert answer.status_code in (400, 422)


async def test_settings(control: Rig) -> None:
    control.settings.set(cache=True, cache_params={"type": "redis", "host": "h", "password": "canary"})
    shown = await control.get("/cache/settings")
    assert shown.json()["current_values"]["type"] == "redis"
    assert "canary" not in shown.text


async def test_it_is_noted_who_did_it(control: Rig) -> None:
    cached(control)
    await control.post("/cache/flushall", None)
    await control.post("/cache/delete", {"keys": [NAME]})
    text = (await control.get("/audit")).text
    assert "cache.emptied" in text
    assert "cache.forgotten" in text
    assert NAME in text
