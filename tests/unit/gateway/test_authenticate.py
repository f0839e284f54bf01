from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.unit.gateway.rig import PEPPER, Rig, ask, eventually, running

from phantom_gateway.gateway.authenticate import MAX_CACHED, MAX_UNKNOWN, UNKNOWN_S, KeyCache
from phantom_gateway.security import key_format
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import Heartbeat, Invalidate, KeyRecord, Resolve, Resolved
from phantom_gateway.spine.snapshot import Settings


async def status_and_type(rig: Rig, key: str) -> tuple[int, str]:
    answer = await rig.get("/v1/models", key)
    return answer.status, answer.error["type"] if answer.status != 200 else ""


def asked(rig: Rig) -> int:
    return len(rig.control.told(Resolve))


@pytest.mark.parametrize(
    "header", ["authorization", "x-litellm-api-key", "api-key", "x-api-key", "x-goog-api-key", "x-company-key"]
)
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer  {}", "BEARER {} "])
async def test_the_usual_headers_and_forms(tmp_path: Path, header: str, form: str) -> None:
    async with running(tmp_path, settings=Settings(key_header="X-Company-Key")) as rig:
        answer = await ask(rig.port, "GET", "/v1/models", b"", {header: form.format(rig.key())})
        assert answer.status == 200


async def test_a_key_in_an_address_is_taken_where_googles_clients_ask_only(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        good, bad = rig.key(), key_format.generate().reveal()
        assert (await ask(rig.port, "GET", f"/v1beta/models?a=b&key={good}", b"", {})).status == 200
        assert (await ask(rig.port, "GET", f"/v1beta/models?key={bad}", b"", {})).status == 401
        assert (await ask(rig.port, "GET", f"/v1beta/models?key={bad}", b"", {"x-goog-api-key": good})).status == 200
        assert (await ask(rig.port, "GET", "/v1beta/models?key=&keys=x&k", b"", {})).status == 401
        for path in ("/v1/models", "/v1/models/gpt", "/models"):
            assert (await ask(rig.port, "GET", f"{path}?key={good}", b"", {})).status == 401
        assert (await ask(rig.port, "POST", f"/v1/chat/completions?key={good}", b"{}", {})).status == 401


async def test_which_header_counts(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(key_header="x-mine")) as rig:
        good, bad = rig.key(), key_format.generate().reveal()
        for first, second in (
            ("x-mine", "x-litellm-api-key"),
            ("x-litellm-api-key", "authorization"),
            ("authorization", "api-key"),
        ):
            assert (await ask(rig.port, "GET", "/v1/models", b"", {second: bad, first: good})).status == 200
            assert (await ask(rig.port, "GET", "/v1/models", b"", {second: good, first: bad})).status == 401


async def test_without_a_key(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.get("/v1/models")
        assert (answer.status, answer.error["type"]) == (401, "auth_error")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert asked(rig) == 0


@pytest.mark.parametrize("value", ["Bearer ", "Bearer", "bearer   ", "Basic dXNlcjpwYXNz", "Basic ", "Digest a=b, c=d"])
async def test_what_is_no_key_asks_nobody(tmp_path: Path, value: str) -> None:
    async with running(tmp_path) as rig:
        answer = await ask(rig.port, "GET", "/v1/models", b"", {"authorization": value})
        assert (answer.status, answer.error["type"]) == (401, "auth_error")
        assert "No API key" in answer.error["message"]
        assert asked(rig) == 0


async def test_key_changed_while_it_is_looked_up_is_looked_up_again(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        (digest,) = rig.control.records
        rig.control.silent = True
        asking = asyncio.get_running_loop().create_task(rig.get("/v1/models", key))
        await eventually(lambda: asked(rig) == 1)
        old = rig.control.told(Resolve)[0]
        rig.control.silent = False
        blocked = KeyRecord(id=digest, blocked=True)
        record, rig.control.records[digest] = rig.control.records[digest], blocked
        rig.control.send(Invalidate(seq=1, entities=(f"digest:{digest}",), key_epoch=1))
        rig.control.send(Resolved(seq=old.seq, key=record))
        answer = await asking
        assert (answer.status, answer.error["type"]) == (401, "auth_error")
        assert asked(rig) == 2


@pytest.mark.parametrize("key", ["sk-ph-short", "sk-ph-" + "A" * 38, "x" * 513])
async def test_a_mistyped_key_asks_nobody(tmp_path: Path, key: str) -> None:
    async with running(tmp_path) as rig:
        assert await status_and_type(rig, key) == (401, "auth_error")
        assert asked(rig) == 0


async def test_a_key_of_any_other_form_is_looked_up(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        digest = KeyHasher(PEPPER).digest(b"sk-my-own-choice")
        rig.control.records[digest] = KeyRecord(id=digest, digest=digest)
        assert (await rig.get("/v1/models", "sk-my-own-choice")).status == 200


async def test_a_known_key_is_asked_for_once(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        for _ in range(3):
            assert (await rig.get("/v1/models", key)).status == 200
        assert asked(rig) == 1


async def test_an_unknown_key_is_remembered_as_unknown_until_it_is_made(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = key_format.generate().reveal()
        for _ in range(3):
            assert await status_and_type(rig, key) == (401, "token_not_found_in_db")
        assert asked(rig) == 1
        digest = KeyHasher(PEPPER).digest(key.encode())
        rig.control.records[digest] = KeyRecord(id=digest, digest=digest)
        rig.control.send(Invalidate(seq=1, entities=(f"digest:{digest}", f"key:{digest}"), key_epoch=1))
        await eventually(lambda: not rig.worker.authenticator.cache.is_unknown(digest, time.monotonic()))
        assert (await rig.get("/v1/models", key)).status == 200


async def test_a_revoked_key_is_dead_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        assert (await rig.get("/v1/models", key)).status == 200
        (digest,) = rig.control.records
        rig.control.records.clear()
        rig.control.send(Invalidate(seq=1, entities=(f"digest:{digest}", f"key:{digest}"), key_epoch=1))
        await eventually(lambda: rig.worker.authenticator.cache.get(digest) is None)
        assert await status_and_type(rig, key) == (401, "token_not_found_in_db")


async def test_a_missed_invalidation_is_noticed_by_the_epoch(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.control.send(Heartbeat(revision=1, key_epoch=1))
        key = rig.key()
        assert (await rig.get("/v1/models", key)).status == 200
        (digest,) = rig.control.records
        rig.control.send(Heartbeat(revision=1, key_epoch=2))
        await eventually(lambda: rig.worker.authenticator.cache.get(digest) is None)


async def test_expired_and_blocked_keys(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        assert await status_and_type(rig, rig.key(expires=time.time() - 1)) == (401, "expired_key")
        assert await status_and_type(rig, rig.key(blocked=True)) == (401, "auth_error")
        assert await status_and_type(rig, rig.key(expires=time.time() + 60)) == (200, "")


async def test_it_fails_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        known, unknown = rig.key(), rig.key()
        assert await status_and_type(rig, known) == (200, "")
        rig.control.unavailable = True
        assert await status_and_type(rig, unknown) == (503, "service_unavailable")
        rig.control.hang_up()
        rig.control.silent = True
        await eventually(lambda: not rig.worker.spine.connected)
        assert await status_and_type(rig, unknown) == (503, "service_unavailable")
        assert await status_and_type(rig, known) == (200, "")


def test_the_cache_drops_the_least_used_first() -> None:
    cache = KeyCache()
    for number in range(MAX_CACHED):
        cache.put(str(number), KeyRecord(id=str(number)), 0.0)
    assert cache.get("0") is not None
    cache.put("new", KeyRecord(id="new"), 0.0)
    assert cache.get("0") is not None
    assert cache.get("1") is None


def test_unknown_keys_are_forgotten_by_time_and_number() -> None:
    cache = KeyCache()
    cache.put("first", None, 0.0)
    assert cache.is_unknown("first", UNKNOWN_S - 0.1)
    assert not cache.is_unknown("first", UNKNOWN_S)
    for number in range(MAX_UNKNOWN):
        cache.put(str(number), None, 0.0)
    assert not cache.is_unknown("first", 0.0)
    cache.put("0", KeyRecord(id="0"), 0.0)
    assert not cache.is_unknown("0", 0.0)


def test_every_invalidation_is_counted() -> None:
    cache = KeyCache()
    cache.put("a", KeyRecord(id="a"), 0.0)
    cache.put("b", KeyRecord(id="b"), 0.0)
    cache.put("c", None, 0.0)
    cache.forget(("key:a", "digest:x"))
    assert (cache.get("a"), cache.generation) == (None, 1)
    assert cache.get("b") is not None
    cache.forget(())
    assert (cache.get("b"), cache.is_unknown("c", 0.0), cache.generation) == (None, False, 2)


def test_a_record_that_is_not_the_cached_one_is_not_remembered() -> None:
    """An answer from before an invalidation may come after the answer that followed it."""
    cache = KeyCache()
    old, new = KeyRecord(id="a"), KeyRecord(id="a", blocked=True)
    cached = cache.put("a", new, 0.0)
    assert cached == new
    cache.remember(b"mark", "a", old)
    assert cache.marked(b"mark") is None
    cache.remember(b"mark", "a", cached)
    assert cache.marked(b"mark") is cached
    cache.forget(("other",))
    assert cache.marked(b"mark") is None
