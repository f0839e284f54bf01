"""The main job, end to end: a key chats, streams and embeds, and the spend is in the database."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from tests.support.gateway import CONFIG, Gateway, SimulatorThread, running_gateway, wait_until


def stream(gateway: Gateway, key: str, **fields: Any) -> tuple[httpx.Response, list[str]]:
    body = {"model": "gpt", "stream": True, "messages": [{"role": "user", "content": "hello there"}]} | fields
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=20) as response:
        return response, [line for line in response.iter_lines() if line]


def test_chat_is_answered_metered_and_in_the_ledger(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    key = shared_gateway.key(max_budget=1, budget_duration="30d", rpm_limit=100, tpm_limit=100_000)
    response = shared_gateway.chat(key, temperature=0.123456789012345, future_field={"kept": [1, None]})
    assert response.status_code == 200
    answer = response.json()
    assert answer["model"] == "gpt"
    usage = answer["usage"]
    cost = usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000
    assert float(response.headers["x-litellm-response-cost"]) == cost / 1e9
    assert response.headers["x-ratelimit-remaining-requests"] == "99"
    assert "server" not in response.headers
    arrived = simulator.requests()[-1]
    assert json.loads(arrived["body"])["future_field"] == {"kept": [1, None]}
    assert b"0.123456789012345" in arrived["body"].encode()
    call_id = response.headers["x-litellm-call-id"]
    wait_until(lambda: shared_gateway.spend_logs(request_id=call_id))
    row = shared_gateway.spend_logs(request_id=call_id)[0]
    assert (row["prompt_tokens"], row["completion_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert row["metadata"]["cost_nano"]["total"] == cost
    info = shared_gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]
    assert info["spend"] == cost / 1e9


def test_stream_hides_the_usage_nobody_asked_for_and_bills_it(
    shared_gateway: Gateway, simulator: SimulatorThread
) -> None:
    key = shared_gateway.key(max_budget=1)
    response, lines = stream(shared_gateway, key, simulate={"chunks": 20})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line[6:]) for line in lines[:-1]]
    assert all("usage" not in event for event in events)
    assert {event["model"] for event in events} == {"gpt"}
    assert json.loads(simulator.requests()[-1]["body"])["stream_options"] == {"include_usage": True}
    call_id = response.headers["x-litellm-call-id"]
    wait_until(lambda: shared_gateway.spend_logs(request_id=call_id))
    row = shared_gateway.spend_logs(request_id=call_id)[0]
    assert row["completion_tokens"] == 20
    assert row["metadata"]["usage_source"] == "provider"


def test_stream_shows_the_usage_that_was_asked_for(shared_gateway: Gateway) -> None:
    key = shared_gateway.key()
    _, lines = stream(shared_gateway, key, stream_options={"include_usage": True}, simulate={"chunks": 3})
    assert json.loads(lines[-2][6:])["usage"]["completion_tokens"] == 3


def test_embeddings_and_completions_with_aliases(shared_gateway: Gateway) -> None:
    key = shared_gateway.key()
    headers = {"api-key": key}
    for path in ("/v1/embeddings", "/embeddings", "/engines/gpt/embeddings", "/openai/deployments/gpt/embeddings"):
        answer = httpx.post(shared_gateway.url + path, headers=headers, json={"model": "gpt", "input": ["a b", "c"]})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == 2
    for path in ("/v1/completions", "/completions", "/engines/gpt/completions"):
        answer = httpx.post(
            shared_gateway.url + path, headers={"x-api-key": key}, json={"model": "gpt", "prompt": "say"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["object"] == "text_completion"


def test_models_are_what_the_key_may_use(shared_gateway: Gateway) -> None:
    def listed(key: str) -> list[str]:
        answer = httpx.get(f"{shared_gateway.url}/v1/models", headers={"Authorization": f"Bearer {key}"})
        return [model["id"] for model in answer.json()["data"]]

    assert {"gpt", "demo"} <= set(listed(shared_gateway.key()))
    one = shared_gateway.key(models=["gpt"])
    assert listed(one) == ["gpt"]
    headers = {"Authorization": f"Bearer {one}"}
    assert httpx.get(f"{shared_gateway.url}/v1/models/gpt", headers=headers).json()["id"] == "gpt"
    assert httpx.get(f"{shared_gateway.url}/v1/models/demo", headers=headers).status_code == 404
    refused = shared_gateway.chat(one, model="demo")
    assert refused.status_code == 403
    assert refused.json()["error"]["type"] == "key_model_access_denied"


def test_wildcards_reach_the_upstream_by_name(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    response = shared_gateway.chat(shared_gateway.key(), model="sim/brand-new-model")
    assert response.json()["model"] == "sim/brand-new-model"
    assert json.loads(simulator.requests()[-1]["body"])["model"] == "brand-new-model"


SETTINGS = (
    CONFIG
    + """\
general_settings:
  always_include_stream_usage: true
  global_max_parallel_requests: 2
  user_header_name: X-Tenant-User
phantom:
  admin:
    listen: 127.0.0.1:{admin}
"""
)


def test_settings_of_the_whole_gateway(tmp_path: Path, simulator: SimulatorThread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        admin = free.getsockname()[1]
    path = tmp_path / "config.yaml"
    mocked = "  - {{model_name: canned, litellm_params: {{model: openai/x, api_key: k, mock_response: Hello from nobody}}}}\n"
    text = SETTINGS.replace("model_list:\n", "model_list:\n" + mocked)
    path.write_text(text.format(simulator=simulator.port, admin=admin, faults=""))
    with running_gateway(tmp_path / "data", path) as gateway:
        headers = {"Authorization": f"Bearer {gateway.master_key}"}
        assert httpx.get(f"{gateway.url}/key/list", headers=headers).status_code == 404
        there = httpx.post(f"http://127.0.0.1:{admin}/key/generate", headers=headers, json={"key_alias": "a"})
        key = there.json()["key"]
        canned = gateway.chat(key, model="canned")
        assert canned.json()["choices"][0]["message"]["content"] == "Hello from nobody"
        assert simulator.counts()["total"]["requests"] == 0
        _, lines = stream(gateway, key, model="canned")
        assert json.loads(lines[-2][6:])["usage"]["total_tokens"] == 30
        _, lines = stream(gateway, key, simulate={"chunks": 2})
        assert json.loads(lines[-2][6:])["usage"]["completion_tokens"] == 2
        slow = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}], "simulate": {"first_ms": 1500}}
        with ThreadPoolExecutor(4) as pool:
            labelled = headers | {"X-Tenant-User": "tenant-7"}
            calls = [
                pool.submit(httpx.post, gateway.url + "/v1/chat/completions", headers=labelled, json=slow)
                for _ in range(4)
            ]
            statuses = sorted(call.result().status_code for call in calls)
        assert statuses == [200, 200, 429, 429]
        wait_until(lambda: gateway.rows("SELECT count(*) FROM requests WHERE end_user = 'tenant-7'")[0][0] == 2)


def test_what_a_caller_asks_of_the_gateway_itself(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    headers = {
        "Authorization": f"Bearer {shared_gateway.key(tags=['of-the-key'])}",
        "x-litellm-tags": "one,two",
        "x-litellm-timeout": "5",
        "x-litellm-num-retries": "0",
    }
    hello = {"model": "gpt", "messages": [{"role": "user", "content": "hello there"}]}
    body = hello | {"metadata": {"tags": ["three"], "k": "v"}, "tags": ["four"]}
    response = httpx.post(f"{shared_gateway.url}/v1/chat/completions", headers=headers, json=body, timeout=20)
    assert response.status_code == 200
    call_id = response.headers["x-litellm-call-id"]
    wait_until(lambda: shared_gateway.spend_logs(request_id=call_id))
    row = shared_gateway.spend_logs(request_id=call_id)[0]
    assert row["request_tags"] == ["of-the-key", "one", "two", "four", "three"]
    assert json.loads(simulator.requests()[-1]["body"]) == hello | {"model": "up", "metadata": {"k": "v"}}
