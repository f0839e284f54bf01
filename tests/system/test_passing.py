"""Images, audio and passed requests in a whole gateway: from the configuration to the spend log, and the books stay sound."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway

CONFIG = """\
model_list:
  - model_name: painter
    litellm_params:
      model: openai/gpt-image-1
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      use_in_pass_through: true
  - model_name: scribe
    litellm_params:
      model: openai/whisper-1
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
  - model_name: ranker
    litellm_params:
      model: cohere/rerank-v3.5
      api_base: http://127.0.0.1:{simulator}
      api_key: sk-upstream-secret-canary
general_settings:
  pass_through_endpoints:
    - path: /svc
      target: http://127.0.0.1:{simulator}/v1
      headers: {{Authorization: "bearer sk-upstream-secret-canary"}}
      include_subpath: true
      cost_per_request: 0.25
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("passing")
    config = write_config(directory, shared_simulator, CONFIG)
    with running_gateway(directory / "data", config) as running:
        yield running
        running.stop()
        assert running.verify() == 0
        output = "".join(running.lines)
        assert "canary" not in output
        assert "Traceback" not in output


def test_everything_is_in_the_spend_log(gateway: Gateway, simulator: SimulatorThread) -> None:
    key = gateway.key(max_budget=100)
    auth = {"Authorization": f"Bearer {key}"}
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello there"}]}
    with httpx.Client(base_url=gateway.url, headers=auth, timeout=20) as client:
        image = client.post(
            "/v1/images/generations",
            json={"model": "painter", "prompt": "a cat", "size": "1024x1024", "quality": "low"},
        )
        assert image.json()["data"][0]["b64_json"]
        assert float(image.headers["x-litellm-response-cost"]) == pytest.approx(2 * 5e-6 + 1000 * 40e-6)
        heard = client.post(
            "/v1/audio/transcriptions",
            data={"model": "scribe"},
            files={"file": ("talk.mp3", bytes(240_000), "audio/mpeg")},
        )
        assert heard.json()["usage"] == {"type": "duration", "seconds": 60.0}
        ranked = client.post("/v1/rerank", json={"model": "ranker", "query": "cat", "documents": ["a dog", "a cat"]})
        assert ranked.json()["results"][0]["index"] == 1
        passed = client.post("/openai/v1/chat/completions", json=chat)
        assert passed.json()["model"] == "gpt-4o"
        assert client.post("/svc/embeddings", json={"model": "e", "input": "a"}).status_code == 200
        assert client.get("/svc/models").json()["data"]
        assert client.get("/openai/%2e%2e/v1/models").status_code == 400
        assert client.post("/gemini/v1beta/models/x:generateContent", json={}).status_code == 404
    rows = {row["call_type"] + row["model_group"]: row for row in gateway.settled(6)}
    assert {name: round(row["spend"], 9) for name, row in rows.items()} == {
        "aimage_generationpainter": 0.04001,
        "atranscriptionscribe": 0.006,
        "arerankranker": 0.002,
        "pass_through_endpoint/openai": round(
            passed.json()["usage"]["prompt_tokens"] * 2.5e-6 + passed.json()["usage"]["completion_tokens"] * 10e-6, 9
        ),
        "pass_through_endpoint/svc": 0.25,
    }
    assert rows["aimage_generationpainter"]["total_tokens"] == 1002
    assert gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]["spend"] == pytest.approx(
        sum(row["spend"] for row in gateway.spend_logs())
    )
    sent = simulator.requests()
    assert {request["target"] for request in sent} >= {
        "/v2/rerank",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/models",
    }
    assert not any(key in request["body"] or key in str(request["headers"]) for request in sent)


def test_an_endpoint_made_over_the_api_is_served_at_once(gateway: Gateway, simulator: SimulatorThread) -> None:
    path = "/config/pass_through_endpoint"
    auth = {"Authorization": f"Bearer {gateway.key()}"}
    made = {"id": "live", "path": "/live", "target": f"http://127.0.0.1:{simulator.port}/v1", "include_subpath": True}
    secret = {"headers": {"Authorization": "Bearer sk-upstream-secret-canary"}}
    with httpx.Client(base_url=gateway.url, headers=auth, timeout=20) as client:
        assert client.get("/live/models").status_code == 404
        assert gateway.admin("POST", path, json={**made, **secret}).status_code == 200
        assert client.get("/live/models").json()["data"]
        digest = hashlib.sha256(secret["headers"]["Authorization"].encode()).hexdigest()[:12]
        assert any(["authorization", f"sha256:{digest}"] in each["headers"] for each in simulator.requests())
        assert gateway.admin("POST", f"{path}/live", json={"path": "/moved"}).status_code == 200
        assert client.get("/live/models").status_code == 404
        assert client.get("/moved/models").json()["data"]
        assert gateway.admin("DELETE", path, params={"endpoint_id": "live"}).status_code == 200
        assert client.get("/moved/models").status_code == 404
