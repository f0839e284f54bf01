from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.unit.control.rig import Rig, TestWorker, bearer

from phantom_gateway.spine.messages import Explain, Explained


async def test_tokens_are_counted_and_how_is_said(control: Rig) -> None:
    found = (await control.post("/utils/token_counter", {"model": "demo", "prompt": "x" * 40})).json()
    assert (found["total_tokens"], found["count_source"], found["model_used"]) == (10, "local_estimate", "gpt-x")
    messages = {"model": "nobody", "messages": [{"role": "user", "content": "hi"}], "system": "be nice", "tools": []}
    found = (await control.post("/utils/token_counter?call_endpoint=true", messages)).json()
    assert found["total_tokens"] > 2
    assert found["model_used"] == "nobody"
    for bad in ({"model": "demo"}, {"model": "demo", "prompt": "x", "messages": []}):
        assert (await control.post("/utils/token_counter", bad)).status_code == 400


async def test_parameters_and_facts_of_models(control: Rig) -> None:
    found = (await control.get("/utils/supported_openai_params", model="demo")).json()["supported_openai_params"]
    assert {"temperature", "tools", "max_tokens"} <= set(found)
    embedding = (await control.get("/utils/supported_openai_params", model="text-embedding-3-small")).json()
    assert embedding["supported_openai_params"] == ["dimensions", "encoding_format", "user"]
    facts = (await control.get("/utils/model_info", model="gpt-4o")).json()
    assert (facts["litellm_provider"], facts["mode"]) == ("openai", "chat")
    assert facts["supports_function_calling"] is True
    assert "supports_supports_function_calling" not in facts
    assert (await control.get("/utils/model_info", model="demo")).json()["input_cost_per_token"] == 1e-06
    assert (await control.get("/utils/model_info", model="nope")).status_code == 404


async def test_a_request_is_shown_without_credentials(control: Rig) -> None:
    await control.services.refresher.refresh()
    body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
    answer = await control.post("/utils/transform_request", {"call_type": "completion", "request_body": body})
    found = answer.json()
    assert found["raw_request_api_base"] == "https://api.openai.com/v1/chat/completions"
    assert found["raw_request_body"] == body | {"model": "gpt-x"}
    assert found["raw_request_headers"]["authorization"] == "Bearer ********"
    assert "sk-provider-secret" not in answer.text


@pytest.mark.parametrize(
    ("status", "field", "body"),
    [
        (400, "call_type", {"call_type": "nope", "request_body": {"model": "demo"}}),
        (400, "request_body.model", {"call_type": "completion", "request_body": {}}),
        (404, "request_body.model", {"call_type": "completion", "request_body": {"model": "nope"}}),
    ],
)
async def test_what_cannot_be_shown_is_refused(control: Rig, status: int, field: str, body: dict[str, Any]) -> None:
    answer = await control.post("/utils/transform_request", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, field)


CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}


async def told(worker: TestWorker) -> Explain:
    """Answer one question of control's as a worker would, shortly; what it was asked."""
    ask = await worker.expect(Explain)
    worker.send(Explained(seq=ask.seq, found=b'{"allowed": true, "stage": "call", "error": null}'))
    return ask


async def test_a_worker_explains_with_the_record_of_the_key(control: Rig) -> None:
    mine, other = await control.generate(key_alias="mine"), await control.generate(models=["demo"])
    async with control.worker() as worker:
        answer, ask = await asyncio.gather(
            control.post("/utils/explain", {"request_body": CHAT}, bearer(mine["key"])), told(worker)
        )
        assert (answer.status_code, answer.json()["stage"]) == (200, "call"), answer.text
        assert (ask.key.alias, ask.path, json.loads(ask.body)) == ("mine", "/v1/chat/completions", CHAT)
        body = {"request_body": CHAT, "key": other["key"], "headers": {"X-LiteLLM-Tags": "a"}, "path": "/v1/embeddings"}
        answer, ask = await asyncio.gather(control.post("/utils/explain", body), told(worker))
        assert answer.status_code == 200
        assert (ask.key.id, ask.key.models) == (other["token_id"], ("demo",))
        assert (ask.headers, ask.path) == ((("x-litellm-tags", "a"),), "/v1/embeddings")
        answer, ask = await asyncio.gather(control.post("/utils/explain", {"request_body": CHAT}), told(worker))
        assert ask.key.kind == "master"


async def test_nobody_explains_the_key_of_somebody_else(control: Rig) -> None:
    mine, other = await control.generate(user_id=None), await control.generate()
    async with control.worker():
        for reference in (other["key"], other["token_id"], "sk-nothing-like-it"):
            answer = await control.post("/utils/explain", {"request_body": CHAT, "key": reference}, bearer(mine["key"]))
            assert answer.status_code == 404, answer.text


async def test_without_a_worker_nobody_can_say(control: Rig) -> None:
    assert (await control.post("/utils/explain", {"request_body": CHAT})).status_code == 503


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request_body": []},
        {"request_body": CHAT, "surprise": 1},
        {"request_body": CHAT, "path": "no"},
        {"request_body": CHAT, "path": "/v1/chat\r\nx: y"},
        {"request_body": CHAT, "headers": {"a b": "c"}},
        {"request_body": CHAT, "headers": {"a": "b\r\nc: d"}},
        {"request_body": CHAT, "key": ""},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(control: Rig, body: Any) -> None:
    assert (await control.post("/utils/explain", body)).status_code in (400, 422)


async def test_a_request_in_another_format_is_shown_as_it_would_be_sent(control: Rig) -> None:
    params = {"model": "anthropic/claude-opus-5", "api_key": "sk-ant-secret"}
    made = await control.post("/model/new", {"model_name": "claude", "litellm_params": params})
    assert made.status_code == 200, made.text
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low"}
    answer = await control.post("/utils/transform_request", {"call_type": "completion", "request_body": body})
    found = answer.json()
    assert found["raw_request_api_base"] == "https://api.anthropic.com/v1/messages"
    assert found["raw_request_body"] == {
        "model": "claude-opus-5", "max_tokens": 128000, "messages": body["messages"], "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
    }  # fmt: skip
    assert found["raw_request_headers"]["x-api-key"] == "********"
    assert "sk-ant-secret" not in answer.text
    answer = await control.post(
        "/utils/transform_request", {"call_type": "completion", "request_body": body | {"seed": 1}}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "request_body.seed")
