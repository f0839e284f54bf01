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
