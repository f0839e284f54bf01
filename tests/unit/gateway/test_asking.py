"""Both formats on both sides, through a whole worker: what goes out, what comes back, what is written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import ASKED, PRICES, Rig, deployment, running

from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Deployment, Prices, Routing

ANTHROPIC: dict[str, Any] = {
    "provider": "anthropic",
    "paths": {"messages": "/messages", "count_tokens": "/messages/count_tokens"},
    "auth_header": "x-api-key",
    "auth_prefix": "",
    "usage_in_stream": "always",
    "headers": (("anthropic-version", "2023-06-01"),),
}
"""What makes a deployment Anthropic's."""


def both(port: int) -> tuple[Deployment, ...]:
    prices = Prices(
        input=1_000_000, output=5_000_000, cache_read=100_000, cache_write_5m=1_250_000, cache_write_1h=2_000_000
    )
    return (
        deployment(port, "o", group="gpt"),
        deployment(port, "a", group="claude", **{**ANTHROPIC, "prices": prices}),
        deployment(port, "m", group="mocked", mock_response="three mocked words", **ANTHROPIC),
    )


async def messages(rig: Rig, key: str, model: str, **fields: Any) -> Any:
    body = {"model": model, "max_tokens": 500, "messages": ASKED} | fields
    return await rig.post("/v1/messages", body, key, **fields.pop("headers", {}))


def sent(rig: Rig) -> tuple[dict[str, str], dict[str, Any], str]:
    """What the upstream got last: headers, body, target."""
    (request,) = rig.simulator.requests(1)
    return dict(request["headers"]), json.loads(request["body"]), request["target"]


async def test_the_same_format_passes_as_it_came(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        raw = b'{"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "novel": 0.10}'
        answer = await rig.post(
            "/v1/messages", raw, rig.key(), **{"anthropic-version": "2024-01-01", "anthropic-beta": "a,b"}
        )
        assert (answer.status, answer.json()["model"], answer.json()["type"]) == (200, "claude", "message")
        headers, _, target = sent(rig)
        (request,) = rig.simulator.requests(1)
        assert (
            request["body"]
            == '{"model":"up","max_tokens":100,"messages":[{"role": "user", "content": "hi"}],"novel":0.10}'
        )
        assert target == "/v1/messages"
        assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2024-01-01", "a,b")
        assert headers["x-api-key"].startswith("sha256:")
        assert "authorization" not in headers


async def test_anthropics_classes_of_tokens_are_billed_each_at_its_price(tmp_path: Path) -> None:
    asked = {"prompt_tokens": 1000, "cached_tokens": 400, "written_tokens": 200, "written_1h_tokens": 100, "chunks": 5}
    for number, fields in enumerate(({}, {"stream": True})):
        async with running(tmp_path / str(number), both) as rig:
            assert (await messages(rig, rig.key(), "claude", simulate=asked, **fields)).status == 200
            closed = rig.closed()
            assert closed.usage == Usage(
                input=300, cache_read=400, cache_write_5m=200, cache_write_1h=100, output=5, source="provider"
            )
            assert closed.cost.total == (300 * 1000 + 400 * 100 + 200 * 1250 + 100 * 2000 + 5 * 5000) // 1000
            assert (closed.call_type, closed.provider, closed.upstream_model) == (
                "anthropic_messages",
                "anthropic",
                "up",
            )


async def test_a_chat_is_answered_by_anthropic(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        asked = {"prompt_tokens": 100, "cached_tokens": 40, "written_tokens": 20}
        answer = await rig.chat(rig.key(), "claude", simulate=asked, user="u", stop=["x"])
        shown = answer.json()
        assert (answer.status, shown["object"], shown["model"]) == (200, "chat.completion", "claude")
        assert shown["usage"]["prompt_tokens"] == 100
        assert shown["usage"]["prompt_tokens_details"]["cached_tokens"] == 40
        headers, body, target = sent(rig)
        assert target == "/v1/messages"
        assert (body["max_tokens"], body["metadata"], body["stop_sequences"]) == (1000, {"user_id": "u"}, ["x"])
        assert headers["anthropic-version"] == "2023-06-01"
        assert rig.closed().usage.cache_read == 40
        assert rig.closed().call_type == "acompletion"


async def test_a_message_is_answered_by_openai(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        answer = await messages(rig, rig.key(), "gpt", top_k=3, system="be kind", headers={"anthropic-beta": "a"})
        shown = answer.json()
        assert (answer.status, shown["type"], shown["model"], shown["stop_reason"]) == (
            200,
            "message",
            "gpt",
            "end_turn",
        )
        headers, body, target = sent(rig)
        assert target == "/v1/chat/completions"
        assert body["messages"][0] == {"role": "system", "content": "be kind"}
        assert "anthropic-beta" not in headers
        assert answer.headers["x-phantom-dropped-params"] == "top_k"
        assert rig.closed().usage.source == "provider"


async def test_streams_both_ways(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        answer = await messages(rig, rig.key(), "gpt", stream=True, simulate={"chunks": 4})
        names = [line[7:] for line in answer.body.decode().split("\n") if line.startswith("event: ")]
        assert names == [
            "message_start", "content_block_start", *["content_block_delta"] * 4, "content_block_stop", "message_delta",
            "message_stop",
        ]  # fmt: skip
        assert sent(rig)[1]["stream_options"] == {"include_usage": True}
        closed = rig.closed()
        assert (closed.usage.output, closed.usage.source, closed.stream) == (4, "provider", True)
        assert closed.ttft_us
    async with running(tmp_path / "in", both) as rig:
        answer = await rig.chat(rig.key(), "claude", stream=True, simulate={"chunks": 4})
        events = answer.events()
        assert events[-1] == "[DONE]"
        assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events[:-1]).count(" ") == 3
        assert not any("usage" in event for event in events[:-1])
        assert rig.closed().usage.output == 4


async def test_a_deployment_that_is_mocked_speaks_every_format(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        assert (await messages(rig, key, "mocked")).json()["content"] == [
            {"type": "text", "text": "three mocked words"}
        ]
        assert (await rig.chat(key, "mocked")).json()["choices"][0]["message"]["content"] == "three mocked words"
        assert b"message_stop" in (await messages(rig, key, "mocked", stream=True)).body
        assert rig.simulator.counts()["total"]["requests"] == 0


@pytest.mark.parametrize(("model", "asks"), [("claude", 1), ("gpt", 0), ("mocked", 0)])
async def test_counting_costs_nothing(tmp_path: Path, model: str, asks: int) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.limited("budget", 1, window="30d")
        answer = await rig.post("/v1/messages/count_tokens", {"model": model, "messages": ASKED}, key)
        assert answer.status == 200
        assert answer.json()["input_tokens"] > 0
        assert rig.simulator.counts()["total"]["requests"] == asks
        closed = rig.closed()
        assert (closed.cost.total, closed.usage.total, closed.status, closed.call_type) == (
            0,
            0,
            "success",
            "acount_tokens",
        )


async def test_what_cannot_be_said_there_never_leaves(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        answer = await rig.chat(rig.key(), "claude", logit_bias={"1": 2})
        assert (answer.status, answer.error["param"]) == (400, "logit_bias")
        assert rig.simulator.counts()["total"]["requests"] == 0
        assert (rig.closed().status, rig.closed().cost.total) == ("failure", 0)


async def test_errors_have_the_callers_shape(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        answer = await messages(rig, key, "nope")
        assert (answer.status, answer.json()["type"], answer.error["type"]) == (400, "error", "invalid_request_error")
        answer = await messages(rig, "sk-wrong", "gpt")
        assert (answer.status, answer.error["type"]) == (401, "authentication_error")
        answer = await messages(rig, rig.limited("requests", 0), "gpt")
        assert (answer.status, answer.error["type"], answer.error["code"]) == (
            429,
            "rate_limit_error",
            "throttling_error",
        )
        answer = await messages(rig, rig.limited("budget", 1, window="30d"), "claude")
        assert (answer.status, answer.error["type"], answer.error["code"]) == (422, "billing_error", "budget_exceeded")
        answer = await messages(rig, key, "gpt", simulate={"mode": "529"})
        assert (answer.status, answer.error["type"]) == (503, "overloaded_error")
        assert answer.json()["request_id"] == answer.headers["x-litellm-call-id"]


async def test_a_tool_with_a_long_name_is_called_by_it(tmp_path: Path) -> None:
    name = "mcp__" + "n" * 90
    tools = [{"name": name, "input_schema": {"type": "object"}}]
    for number, fields in enumerate(({}, {"stream": True})):
        async with running(tmp_path / str(number), both) as rig:
            answer = await messages(rig, rig.key(), "gpt", tools=tools, tool_choice={"type": "any"}, **fields)
            assert f'"name":"{name}"'.encode() in answer.body
            assert len(sent(rig)[1]["tools"][0]["function"]["name"]) == 64


async def test_the_money_for_instructions_and_references_is_reserved(tmp_path: Path) -> None:
    image = [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://e.com/a"}}]}]
    document = [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}]}]
    worst = []
    cases: list[dict[str, Any]] = [{}, {"tools": []}, {"messages": image}, {"messages": document}]
    for number, fields in enumerate(cases):
        async with running(tmp_path / str(number), both) as rig:
            await messages(rig, rig.key(), "gpt", **fields)
            opened, _ = rig.journal()
            worst.append(opened[0].worst // (PRICES.input // 1_000_000))
    assert worst[1] - worst[0] > 1000
    assert worst[2] - worst[0] > 4000
    assert worst[3] - worst[0] > 200_000


async def test_a_fallback_may_speak_another_format(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "a", "up;mode=503", order=1, **ANTHROPIC),
            deployment(port, "o", order=2),
        )

    async with running(tmp_path, build, routing=Routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key(), store=True)
        assert (answer.status, answer.json()["object"]) == (200, "chat.completion")
        assert answer.headers["x-litellm-model-id"] == "o"
        assert "x-phantom-dropped-params" not in answer.headers
        targets = [request["target"] for request in rig.simulator.requests()]
        assert targets == ["/v1/messages", "/v1/chat/completions"]
        assert rig.closed().attempts == 2


# --- Google's format

GEMINI: dict[str, Any] = {
    "provider": "gemini",
    "base_path": "/v1beta",
    "paths": {
        "generate": "/models/{model}:generateContent",
        "count_contents": "/models/{model}:countTokens",
        "embed_contents": "/models/{model}:batchEmbedContents",
    },
    "auth_header": "x-goog-api-key",
    "auth_prefix": "",
    "usage_in_stream": "always",
}
"""What makes a deployment Google's."""
CONTENTS = [{"role": "user", "parts": [{"text": "hello there"}]}]


def google(port: int) -> tuple[Deployment, ...]:
    defaults = {"temperature": 0.5, "max_tokens": 40, "safety_settings": [{"category": "A", "threshold": "B"}]}
    return (
        *both(port),
        deployment(port, "g", group="gemini", **GEMINI),
        deployment(port, "w", model="*", group="google/*", **GEMINI),
        deployment(port, "d", group="set", defaults=defaults, without=frozenset({"labels"}), **GEMINI),
    )


async def generate(rig: Rig, key: str, model: str, method: str = "generateContent", **fields: Any) -> Any:
    return await rig.post(f"/v1beta/models/{model}:{method}", {"contents": CONTENTS} | fields, key)


async def test_googles_format_passes_as_it_came(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        raw = b'{"contents":[{"parts":[{"text":"hi"}]}],"generation_config":{"temperature":0.10},"model":"other","timeout":9}'
        answer = await rig.post("/v1beta/models/gemini:generateContent?key=unused", raw, rig.key())
        assert (answer.status, answer.json()["modelVersion"]) == (200, "gemini")
        headers, _, target = sent(rig)
        assert target == "/v1beta/models/up:generateContent"
        (request,) = rig.simulator.requests(1)
        assert request["body"] == '{"contents":[{"parts":[{"text":"hi"}]}],"generation_config":{"temperature":0.10}}'
        assert headers["x-goog-api-key"].startswith("sha256:")
        assert "authorization" not in headers
        assert (rig.closed().call_type, rig.closed().usage.source) == ("agenerate_content", "provider")
    async with running(tmp_path / "w", google) as rig:
        answer = await generate(rig, rig.key(), "google%2Fpro", "streamGenerateContent")
        assert sent(rig)[2] == "/v1beta/models/pro:streamGenerateContent?alt=sse"
        assert b'"modelVersion":"google/pro"' in answer.body
        assert rig.closed().call_type == "agenerate_content_stream"
        assert rig.closed().stream


async def test_what_a_deployment_sets_stands_where_google_looks_for_it(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        key = rig.key()
        config = {"temperature": 0, "topK": 3}
        answer = await generate(rig, key, "set", generationConfig=config, labels={"a": "b"})
        _, body, _ = sent(rig)
        assert body["generationConfig"] == {"maxOutputTokens": 40, "temperature": 0, "topK": 3}
        assert body["safetySettings"] == [{"category": "A", "threshold": "B"}]
        assert "labels" not in body
        assert answer.headers["x-phantom-dropped-params"] == "labels"
        await generate(rig, key, "set", safety_settings=[], generation_config={"max_output_tokens": 3})
        _, body, _ = sent(rig)
        assert body["generation_config"] == {"temperature": 0.5, "max_output_tokens": 3}
        assert "safetySettings" not in body


async def test_google_answers_and_asks_everybody(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        key = rig.key()
        for model, target in (("gpt", "/v1/chat/completions"), ("claude", "/v1/messages")):
            answer = await generate(rig, key, model, simulate={"chunks": 3})
            assert answer.json()["candidates"][0]["finishReason"] == "STOP"
            assert answer.json()["usageMetadata"]["candidatesTokenCount"] == 3
            assert sent(rig)[2] == target
            streamed = await generate(rig, key, model, "streamGenerateContent", simulate={"chunks": 3})
            assert streamed.body.count(b"data: ") == 4
            assert streamed.body.count(b'"finishReason"') == 1
        assert (
            (await generate(rig, key, "mocked"))
            .json()["candidates"][0]["content"]["parts"][0]["text"]
            .startswith("three")
        )
        chat = await rig.chat(key, "gemini", simulate={"chunks": 3})
        assert chat.json()["usage"]["completion_tokens"] == 3
        events = (await rig.chat(key, "gemini", stream=True, simulate={"chunks": 3})).events()
        assert events[-1] == "[DONE]"
        assert sent(rig)[2] == "/v1beta/models/up:streamGenerateContent?alt=sse"
        message = await messages(rig, key, "gemini", stream=True, simulate={"chunks": 3})
        assert message.body.count(b"event: message_stop") == 1
        assert rig.journal()[1][-1].usage.output == 3


async def test_googles_counts_are_asked_or_made_here(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        key = rig.limited("budget", 1, window="30d")
        inside = {"generateContentRequest": {"model": "models/other", "contents": CONTENTS}}
        answer = await rig.post("/v1beta/models/gemini:countTokens", inside, key)
        assert answer.json() == {"totalTokens": 5}
        assert sent(rig)[1]["generateContentRequest"]["model"] == "models/up"
        assert (await generate(rig, key, "gpt", "countTokens")).json()["totalTokens"] > 0
        assert (await rig.post("/v1/messages/count_tokens", {"model": "gemini", "messages": ASKED}, key)).status == 200
        assert rig.simulator.counts()["total"]["requests"] == 1


async def test_googles_bounds_decide_what_is_reserved(tmp_path: Path) -> None:
    worst = []
    cases: list[dict[str, Any]] = [
        {"generationConfig": {"maxOutputTokens": 10}},
        {"generation_config": {"max_output_tokens": 10, "candidate_count": 3}},
        {"generationConfig": {"maxOutputTokens": 10}, "cachedContent": "c"},
        {"generationConfig": {"maxOutputTokens": 10}, "contents": [{"parts": [{"inline_data": {"data": "", "mime_type": "a/b"}}]}]},
    ]  # fmt: skip
    for number, fields in enumerate(cases):
        async with running(tmp_path / str(number), google) as rig:
            await generate(rig, rig.key(), "gemini", **fields)
            worst.append(rig.journal()[0][0].worst // 1000)
    assert 35 <= worst[1] - worst[0] <= 80
    assert worst[2] - worst[0] > 200_000
    assert 4000 < worst[3] - worst[0] < 5000


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"generationConfig": {"maxOutputTokens": "many"}}, "generationConfig"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"maxOutputTokens": -1}}, "out of range"),
        ({"generationConfig": {}, "generation_config": {}}, "two spellings"),
        ({"api_base": "https://e.com"}, "api_base"),
    ],
)
async def test_googles_bad_input_is_refused_in_its_words(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    async with running(tmp_path, google) as rig:
        answer = await generate(rig, rig.key(), "gemini", **fields)
        assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")
        assert word in answer.error["message"]
        assert rig.simulator.counts()["total"]["requests"] == 0


async def test_googles_errors_have_its_shape(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        key = rig.key()
        cases = [
            (key, "nope", {}, (400, "INVALID_ARGUMENT")),
            ("sk-wrong", "gemini", {}, (401, "UNAUTHENTICATED")),
            (rig.limited("requests", 0), "gemini", {}, (429, "RESOURCE_EXHAUSTED")),
            (rig.limited("budget", 1, window="30d"), "gemini", {}, (422, "RESOURCE_EXHAUSTED")),
            (key, "gemini", {"simulate": {"mode": "529"}}, (503, "UNAVAILABLE")),
            (key, "gemini", {"unknown": 1}, (400, "INVALID_ARGUMENT")),
        ]
        for whose, model, fields, expected in cases:
            answer = await generate(rig, whose, model, **fields)  # type: ignore[arg-type]
            assert (answer.status, answer.error["status"]) == expected
            assert answer.error["code"] == answer.status


@pytest.mark.parametrize("packed", [False, True])
async def test_embeddings_are_made_by_google(tmp_path: Path, packed: bool) -> None:
    async with running(tmp_path, google) as rig:
        asked: dict[str, Any] = {"model": "gemini", "input": ["a b", "c"], "dimensions": 4}
        answer = await rig.post("/v1/embeddings", asked | ({"encoding_format": "base64"} if packed else {}), rig.key())
        assert (answer.status, answer.json()["model"], len(answer.json()["data"])) == (200, "gemini", 2)
        assert isinstance(answer.json()["data"][0]["embedding"], str if packed else list)
        assert sent(rig)[2] == "/v1beta/models/up:batchEmbedContents"
        assert rig.closed().usage == Usage(input=3, output=0, source="provider")
        assert rig.closed().call_type == "aembedding"


async def test_several_answers_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, google) as rig:
        key, config = rig.key(), {"candidateCount": 2}
        assert len((await rig.chat(key, "gemini", n=2)).json()["choices"]) == 2
        assert sent(rig)[1]["generationConfig"]["candidateCount"] == 2
        assert len((await generate(rig, key, "gpt", generationConfig=config)).json()["candidates"]) == 2
        assert len((await generate(rig, key, "gemini", generationConfig=config)).json()["candidates"]) == 2
        refused = await rig.chat(key, "gemini", n=2, stream=True)
        assert (refused.status, refused.error["param"]) == (400, "n")
        refused = await generate(rig, key, "gpt", "streamGenerateContent", generationConfig=config)
        assert (refused.status, refused.error["status"]) == (400, "INVALID_ARGUMENT")
