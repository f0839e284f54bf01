"""Answers from the cache, by a worker in front of the real simulator: what is asked upstream is counted there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.gateway.rig import ASKED, PATHS, QUICK, Answer, Rig, deployment, eventually, running

from phantom_gateway.config.secret import Secret
from phantom_gateway.providers.catalogue import OPENAI_PATHS
from phantom_gateway.spine.messages import CACHED, CACHED_ALL, Ack, Heartbeat, Invalidate, NewSnapshot
from phantom_gateway.spine.snapshot import CacheRules

RULES = CacheRules(secret=Secret("ef" * 32))
EVERY = PATHS | {"messages": "/messages"}


def rules(**fields: Any) -> CacheRules:
    return msgspec.structs.replace(RULES, **fields)


def asked(rig: Rig) -> int:
    """How often the upstream was asked."""
    total: int = rig.simulator.counts()["total"]["requests"]
    return total


def is_hit(answer: Answer) -> bool:
    assert answer.status == 200, answer.body
    return answer.headers["x-phantom-cache"] == "hit"


async def test_off_unless_told(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        answers = [await rig.chat(key) for _ in range(2)]
        assert asked(rig) == 2
        assert "x-litellm-cache-key" not in answers[1].headers
        _, closed = rig.journal()
        assert [(each.cache_hit, each.cache_key) for each in closed] == [(False, ""), (False, "")]


ASK: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": ASKED},
    "/v1/completions": {"prompt": "hello there"},
    "/v1/embeddings": {"input": ["hello", "there"]},
    "/v1/messages": {"messages": ASKED, "max_tokens": 50},
}
STREAMED = {"stream": True}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("path", "more"),
    [
        *[(path, {}) for path in ASK],
        *[(path, STREAMED) for path in ASK if "embeddings" not in path],
        ("/v1/chat/completions", WITH_USAGE),
    ],
)
async def test_the_same_bytes_again_for_nothing(tmp_path: Path, path: str, more: dict[str, Any]) -> None:
    direct = lambda port: (deployment(port, paths=EVERY),)  # noqa: E731 - short
    async with running(tmp_path, direct, cache=RULES) as rig:
        key = rig.key()
        request = {"model": "gpt", **ASK[path], **more}
        first, second = [await rig.post(path, request, key) for _ in range(2)]
        assert (is_hit(first), is_hit(second), asked(rig)) == (False, True, 1)
        assert second.body == first.body
        assert second.whole
        assert second.headers["content-type"] == first.headers["content-type"]
        assert second.headers["x-litellm-cache-key"] == first.headers["x-litellm-cache-key"]
        assert float(second.headers["x-litellm-response-cost"]) == 0
        assert second.headers["x-litellm-model-id"] == "d1"
        _, (missed, hit) = rig.journal()
        assert (missed.cache_hit, hit.cache_hit) == (False, True)
        assert missed.cache_key == hit.cache_key == first.headers["x-litellm-cache-key"]
        assert missed.cost.total > 0
        assert (hit.cost.total, hit.saved, missed.saved) == (0, missed.cost.total, 0)
        assert hit.usage == missed.usage
        assert (hit.deployment_id, hit.upstream_model, hit.status, hit.attempts) == ("d1", "up", "success", 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_translated_answers_are_given_again_too(tmp_path: Path, *, stream: bool) -> None:
    only = lambda port: (deployment(port, paths={"messages": "/messages"}),)  # noqa: E731 - short
    async with running(tmp_path, only, cache=RULES) as rig:
        key = rig.key()
        first, second = [await rig.chat(key, stream=stream) for _ in range(2)]
        assert (is_hit(second), asked(rig)) == (True, 1)
        assert second.body == first.body
        assert not is_hit(await rig.chat(key, stream=not stream))


@pytest.mark.parametrize(
    "place",
    [{"paths": PATHS}, {"base_path": "/v1beta", "paths": {"generate": "/models/{model}:generateContent"}}],
)
async def test_gemini_keeps_streams_and_whole_answers_apart(tmp_path: Path, place: dict[str, Any]) -> None:
    only = lambda port: (deployment(port, **place),)  # noqa: E731 - short
    async with running(tmp_path, only, cache=RULES) as rig:
        key = rig.key()
        request = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
        for method in ("generateContent", "streamGenerateContent?alt=sse"):
            path = f"/v1beta/models/gpt:{method}"
            first, second = [await rig.post(path, request, key) for _ in range(2)]
            assert (is_hit(first), is_hit(second)) == (False, True)
            assert (second.body, second.whole) == (first.body, True)
            assert second.headers["content-type"] == first.headers["content-type"]
        assert asked(rig) == 2


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("/v1/responses", {"input": "hello"}),
        ("/v1/moderations", {"input": "hello"}),
        ("/v1/images/generations", {"prompt": "a cat"}),
        ("/v1/audio/speech", {"input": "hello", "voice": "alloy"}),
        ("/v1/rerank", {"query": "a", "documents": ["a", "b"]}),
    ],
)
async def test_what_is_nobodys_to_give_twice(tmp_path: Path, path: str, request_: dict[str, Any]) -> None:
    every = lambda port: (deployment(port, paths=dict(OPENAI_PATHS)),)  # noqa: E731 - short
    async with running(tmp_path, every, cache=RULES) as rig:
        key = rig.key()
        for _ in range(2):
            answer = await rig.post(path, {"model": "gpt", **request_}, key)
            assert (answer.status, "x-phantom-cache" in answer.headers) == (200, False), answer.body
        assert asked(rig) == 2


async def test_keys_share_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        one, other = rig.key(team_id="t", org_id="o"), rig.key(team_id="t", org_id="o")
        for key in (one, other):
            assert not is_hit(await rig.chat(key))
        for key in (one, other):
            assert is_hit(await rig.chat(key))
        assert asked(rig) == 2


@pytest.mark.parametrize(
    ("scope", "hits"),
    [
        ("key", (False, False, False, False)),
        ("team", (True, False, False, False)),
        ("organization", (True, True, False, False)),
    ],
)
async def test_who_may_share(tmp_path: Path, scope: Any, hits: tuple[bool, ...]) -> None:
    async with running(tmp_path, cache=rules(scope=scope)) as rig:
        assert not is_hit(await rig.chat(rig.key(team_id="t", org_id="o")))
        others = (
            rig.key(team_id="t", org_id="o"), rig.key(team_id="u", org_id="o"), rig.key(team_id="v", org_id="p"), rig.key(),
        )  # fmt: skip
        assert tuple([is_hit(await rig.chat(key)) for key in others]) == hits


async def test_customers_of_a_key_share_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        body = {"model": "gpt", "messages": ASKED}
        answers = [
            await rig.post("/v1/chat/completions", body, key, **{"x-litellm-end-user-id": name})
            for name in ("a", "b", "a")
        ]
        assert [is_hit(answer) for answer in answers] == [False, False, True]


@pytest.mark.parametrize(
    ("first", "second", "hit"),
    [
        ({"cache": {"no-store": True}}, {}, False),
        ({}, {"cache": {"no-cache": True}}, False),
        ({"cache": {"ttl": 0}}, {}, False),
        ({"cache": {"ttl": 100}}, {}, True),
        ({}, {"cache": {"s-maxage": 600}}, True),
        ({}, {"cache": {"s-maxage": 0}}, False),
        ({"cache": {"namespace": "a"}}, {"cache": {"namespace": "b"}}, False),
        ({"cache": {"namespace": "a"}}, {"cache": {"namespace": "a"}}, True),
        ({"cache": {"use-cache": False}}, {}, False),
        ({"timeout": 3, "num_retries": 1, "tags": ["a"]}, {}, True),
        ({"metadata": {"a": "b", "c": "d"}}, {"metadata": {"c": "d", "a": "b"}}, True),
        ({"temperature": 0}, {"temperature": 0.0}, False),
        ({}, {"temperature": 1}, False),
    ],
)
async def test_what_a_request_says(tmp_path: Path, first: dict[str, Any], second: dict[str, Any], *, hit: bool) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        await rig.chat(key, **first)
        assert is_hit(await rig.chat(key, **second)) is hit
        assert asked(rig) == (1 if hit else 2)


async def test_without_reading_it_is_kept_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        first = await rig.chat(key)
        fresh = await rig.chat(key, cache={"no-cache": True})
        again = await rig.chat(key)
        assert again.body == fresh.body
        assert (is_hit(again), asked(rig)) == (True, 2)
        assert first.status == 200


async def test_off_by_default_and_asked_for(tmp_path: Path) -> None:
    async with running(tmp_path, cache=rules(default_on=False)) as rig:
        key = rig.key()
        for _ in range(2):
            assert "x-phantom-cache" not in (await rig.chat(key)).headers
        answers = [await rig.chat(key, cache={"use-cache": True}) for _ in range(2)]
        assert [is_hit(answer) for answer in answers] == [False, True]


async def test_calls_that_are_not_listed(tmp_path: Path) -> None:
    async with running(tmp_path, cache=rules(call_types=frozenset({"aembedding"}))) as rig:
        key = rig.key()
        assert "x-phantom-cache" not in (await rig.chat(key)).headers
        request = {"model": "gpt", "input": "a"}
        answers = [await rig.post("/v1/embeddings", request, key) for _ in range(2)]
        assert [is_hit(answer) for answer in answers] == [False, True]


async def test_an_unknown_control_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        refused = await rig.chat(rig.key(), cache={"max-age": 3})
        assert refused.status == 400
        assert "cache.max-age" in refused.error["message"]
        assert asked(rig) == 0


@pytest.mark.parametrize("mode", ["503", "error_event", "fin", "rst", "no_usage", "invalid_json_chunk"])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_not_whole_is_not_kept(tmp_path: Path, mode: str, *, stream: bool) -> None:
    routing = msgspec.structs.replace(QUICK, allowed_fails=1000)
    build = lambda port: (deployment(port, model=f"up;mode={mode}"),)  # noqa: E731 - short
    async with running(tmp_path, build, routing=routing, cache=RULES) as rig:
        key = rig.key()
        for count in (1, 2):
            await rig.chat(key, stream=stream)
            assert asked(rig) == count


async def test_several_choices_are_asked_for_each_time(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        for _ in range(2):
            assert "x-phantom-cache" not in (await rig.chat(key, n=2)).headers
        assert asked(rig) == 2


async def test_an_answer_of_a_fallback_is_not_the_models(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Any, ...]:
        return deployment(port, "d1", "up;mode=503"), deployment(port, "d2", group="other")

    routing = msgspec.structs.replace(QUICK, fallbacks={"gpt": ("other",)}, allowed_fails=1000)
    async with running(tmp_path, build, routing=routing, cache=RULES) as rig:
        key = rig.key()
        answers = [await rig.chat(key) for _ in range(2)]
        assert [is_hit(answer) for answer in answers] == [False, False]


async def test_large_answers_are_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path, cache=rules(max_answer=200)) as rig:
        key = rig.key()
        for stream in (False, True):
            answers = [await rig.chat(key, stream=stream) for _ in range(2)]
            assert [is_hit(answer) for answer in answers] == [False, False]


async def test_requests_count_and_tokens_do_not(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.limited("requests", 3)
        assert [(await rig.chat(key)).status for _ in range(4)] == [200, 200, 200, 429]
        key = rig.limited("tokens", 700)
        assert [(await rig.chat(key)).status for _ in range(6)] == [200] * 6
        assert asked(rig) == 2


async def test_budgets_are_not_touched(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.limited("budget", 10**12, "30d")
        for _ in range(3):
            await rig.chat(key)
        _, closed = rig.journal()
        assert [sum(each.amount for each in record.spends) for record in closed] == [closed[0].cost.total, 0, 0]


async def test_what_control_says_is_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        first = await rig.chat(key)
        await rig.chat(key, temperature=1)
        name = first.headers["x-litellm-cache-key"]

        async def told(*entities: str) -> None:
            seq = len(rig.control.told(Ack)) + 1
            rig.control.send(Invalidate(seq=seq, entities=entities, key_epoch=1))
            await eventually(lambda: len(rig.control.told(Ack)) == seq)

        await told("key:whatever")
        assert is_hit(await rig.chat(key))
        await told(CACHED + name)
        assert not is_hit(await rig.chat(key))
        assert is_hit(await rig.chat(key, temperature=1))
        await told(CACHED_ALL)
        assert not is_hit(await rig.chat(key, temperature=1))
        await told()
        assert is_hit(await rig.chat(key, temperature=1))


async def test_what_may_have_been_missed_is_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        assert not is_hit(await rig.chat(key))
        rig.control.send(Heartbeat(revision=1, key_epoch=1))
        rig.control.send(Heartbeat(revision=1, key_epoch=2))
        await eventually(lambda: rig.worker.cache.generation == 2)
        assert not is_hit(await rig.chat(key))
        rig.control.hang_up()
        await eventually(lambda: rig.worker.cache.generation == 3)
        assert not is_hit(await rig.chat(key))


async def test_an_answer_asked_for_before_is_not_kept_after(tmp_path: Path) -> None:
    async with running(tmp_path, lambda port: (deployment(port, model="up;first_ms=300"),), cache=RULES) as rig:
        key = rig.key()
        pending = rig.worker.tasks.spawn(rig.chat(key), "ask")
        await eventually(lambda: asked(rig) == 1)
        rig.worker.cache.forget((CACHED_ALL,))
        assert not is_hit(await pending)
        assert not is_hit(await rig.chat(key))


async def test_another_deployment_is_another_answer(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        assert not is_hit(await rig.chat(key))
        assert rig.control.snapshot is not None

        async def install(revision: int, **fields: Any) -> None:
            assert rig.control.snapshot is not None
            deployments = (deployment(rig.simulator_port, **fields),)
            snapshot = msgspec.structs.replace(rig.control.snapshot, revision=revision, deployments=deployments)
            rig.control.send(NewSnapshot(seq=revision, snapshot=snapshot))
            await eventually(lambda: rig.worker.table is not None and rig.worker.table.snapshot.revision == revision)

        await install(2)
        assert is_hit(await rig.chat(key))
        await install(3, defaults={"temperature": 0.5})
        assert not is_hit(await rig.chat(key))
        await install(4, api_key=Secret("sk-other"))
        assert not is_hit(await rig.chat(key))
        await install(5)
        assert is_hit(await rig.chat(key))


async def test_a_body_with_two_readings_is_not_looked_up(tmp_path: Path) -> None:
    async with running(tmp_path, cache=RULES) as rig:
        key = rig.key()
        body = b'{"model":"gpt","messages":[{"role":"user","content":"a","content":"b"}]}'
        answers = [await rig.post("/v1/chat/completions", body, key) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200]
        assert "x-phantom-cache" not in answers[1].headers
        assert asked(rig) == 2


async def test_two_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, lambda port: (deployment(port, model="up;first_ms=50"),), cache=RULES) as rig:
        key = rig.key()
        answers = await asyncio.gather(*[rig.chat(key, stream=True) for _ in range(8)])
        assert all(answer.whole for answer in answers)
        assert is_hit(await rig.chat(key, stream=True))
        _, closed = rig.journal()
        assert len(closed) == 9
        assert sum(not each.cache_hit for each in closed) == asked(rig)


async def test_names_say_nothing_without_the_secret(tmp_path: Path) -> None:
    """The same request of the same key has another name in another installation."""
    names = set()
    for secret in ("ab", "cd"):
        async with running(tmp_path / secret, cache=rules(secret=Secret(secret * 32))) as rig:
            key = rig.key()
            names.add((await rig.chat(key)).headers["x-litellm-cache-key"])
    assert len(names) == 2
