"""LiteLLM's SDK as it is, behind the bridge of a whole gateway, with the simulator and a stranger as providers."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from openai import APIStatusError, OpenAI
from tests.support.fake_sdk import REAL
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until
from tests.support.stranger import SOUND, Stranger, running_stranger

pytestmark = [
    pytest.mark.skipif(not REAL.exists(), reason="THE SDK OF THE BRIDGE IS NOT INSTALLED: `make bridge`"),
    pytest.mark.usefixtures("simulator"),
]

CONFIG = """\
model_list:
  - model_name: "sim/*"
    litellm_params: &sim
      model: "databricks/*"
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-bridge-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
    model_info: {{id: sim-any, max_output_tokens: 1000}}
  - model_name: "drops/*"
    litellm_params: {{<<: *sim, drop_params: true, additional_drop_params: [seed]}}
    model_info: {{id: drops, max_output_tokens: 1000}}
  - model_name: embed
    litellm_params: {{<<: *sim, model: databricks/embed}}
    model_info: {{id: embed, mode: embedding}}
  - model_name: bonjour
    litellm_params:
      model: cohere_chat/command-a
      api_base: http://127.0.0.1:{stranger}/v2/chat
      api_key: sk-cohere-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
  - model_name: bedrock
    litellm_params:
      model: bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0
      aws_access_key_id: AKIAEXAMPLECANARY
      aws_secret_access_key: aws-secret-canary
      aws_region_name: eu-central-1
      aws_bedrock_runtime_endpoint: http://127.0.0.1:{stranger}
  - model_name: ranks
    litellm_params:
      model: infinity/rank
      api_base: http://127.0.0.1:{stranger}
      api_key: sk-infinity-secret-canary
    model_info: {{mode: rerank}}
  - model_name: cut
    litellm_params: {{<<: *sim, model: databricks/cut, api_base: "http://127.0.0.1:{stranger}/cut"}}
  - model_name: paints
    litellm_params: {{model: recraft/recraftv3, api_base: "http://127.0.0.1:{stranger}", api_key: sk-recraft-secret-canary}}
    model_info: {{mode: image_generation}}
  - model_name: hears
    litellm_params: {{model: deepgram/nova-2, api_base: "http://127.0.0.1:{stranger}", api_key: deepgram-secret-canary}}
    model_info: {{mode: audio_transcription}}
  - model_name: speaks
    litellm_params: {{model: elevenlabs/eleven_v2, api_base: "http://127.0.0.1:{stranger}", api_key: elevenlabs-secret-canary}}
    model_info: {{mode: audio_speech}}
  - model_name: vertex
    litellm_params:
      model: vertex_ai/gemini-2.5-flash
      api_base: http://127.0.0.1:{stranger}
      vertex_project: my-project
      vertex_location: europe-west1
      vertex_credentials: {google}
router_settings: {{num_retries: 2, allowed_fails: 1000}}
phantom:
  demo: false
  bridge: {{python: {python}}}
"""
ASK: Any = [{"role": "user", "content": "hello there"}]
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    with running_stranger() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread, stranger: Stranger
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("bridge")
    config = directory / "config.yaml"
    google, port = directory / "google.json", stranger.server_address[1]
    google.write_text(json.dumps(service_account(f"http://127.0.0.1:{port}/token")))
    text = CONFIG.format(simulator=shared_simulator.port, stranger=port, python=REAL, google=google)
    config.write_text(text)
    with running_gateway(directory / "data", config) as started:
        yield started


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[Any]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key(), max_retries=0, timeout=120) as made:
        yield made


def service_account(token_uri: str) -> dict[str, str]:
    """Google's, with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account", "project_id": "my-project", "private_key_id": "k", "private_key": written,
        "client_email": "gateway@my-project.iam.gserviceaccount.com", "token_uri": token_uri,
    }  # fmt: skip


def children(gateway: Gateway) -> list[psutil.Process]:
    """The processes that serve, of whatever credential."""
    (keeper,) = gateway.children("bridge")
    return [child for zygote in keeper.children() for child in zygote.children()]


def ask(gateway: Gateway, path: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.master_key}"}
    return httpx.post(gateway.url + path, headers=headers, json=body, timeout=120)


def test_chat(client: Any, gateway: Gateway, simulator: SimulatorThread) -> None:
    raw = client.chat.completions.with_raw_response.create(model="sim/up;chunks=7", messages=ASK, temperature=0.5)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7
    paid = answer.usage.prompt_tokens * 1e-6 + 7 * 2e-6
    assert float(raw.headers["x-litellm-response-cost"]) == pytest.approx(paid)
    (asked,) = simulator.requests()
    assert json.loads(asked["body"])["temperature"] == 0.5
    assert "sk-bridge-secret-canary" not in json.dumps(gateway.lines)


def test_a_stream(client: Any) -> None:
    options = {"model": "sim/up;chunks=9", "messages": ASK}
    whole = client.chat.completions.create(**options).choices[0].message.content
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole
    (usage,) = [c.usage for c in chunks if c.usage]
    assert usage.completion_tokens > 0  # counted by the SDK: it does not ask this provider
    assert chunks[-1].choices == []
    plain = list(client.chat.completions.create(**options, stream=True))
    assert not any(c.usage for c in plain), "nobody asked for it"


@pytest.mark.parametrize("stream", [False, True])
def test_tools(client: Any, stream: bool) -> None:
    asked = client.chat.completions.create(
        model="sim/up", messages=ASK, tools=[WEATHER], tool_choice="required", stream=stream
    )
    if stream:
        calls = [c for chunk in asked if chunk.choices for c in chunk.choices[0].delta.tool_calls or ()]
        name, arguments = calls[0].function.name, "".join(c.function.arguments or "" for c in calls)
    else:
        (call,) = asked.choices[0].message.tool_calls
        name, arguments = call.function.name, call.function.arguments
    assert name == "weather"
    assert isinstance(json.loads(arguments or "{}"), dict)  # the SDK leaves an empty object out here


def test_embeddings_and_other_formats(client: Any, gateway: Gateway) -> None:
    found = client.embeddings.create(model="embed", input=["one", "two"])
    assert [each.index for each in found.data] == [0, 1]
    assert len(found.data[0].embedding) > 8
    messages = ask(gateway, "/v1/messages", model="sim/up;chunks=3", max_tokens=50, messages=ASK).json()
    assert (messages["type"], messages["usage"]["output_tokens"]) == ("message", 3)
    responses = ask(gateway, "/v1/responses", model="sim/up;chunks=3", input="hello").json()
    assert (responses["object"], responses["status"]) == ("response", "completed")
    completion = ask(gateway, "/v1/completions", model="sim/up;chunks=3", prompt="hello").json()
    assert completion["choices"][0]["text"]


def test_a_provider_of_another_format(client: Any, gateway: Gateway, stranger: Stranger) -> None:
    answer = client.chat.completions.create(model="bonjour", messages=ASK, max_tokens=20)
    assert answer.choices[0].message.content == "Bonjour from Cohere"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 5)
    path, headers, body = stranger.asked[-1]
    assert (path, headers["authorization"].split()[-1]) == ("/v2/chat", "sk-cohere-secret-canary")
    assert body["max_tokens"] == 20
    answer = client.chat.completions.create(model="bedrock", messages=ASK, max_tokens=20)
    assert (answer.choices[0].message.content, answer.usage.completion_tokens) == ("Hello from Bedrock", 3)
    _, headers, body = stranger.asked[-1]
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLECANARY/")
    assert body["inferenceConfig"] == {"maxTokens": 20}
    ranking = ask(gateway, "/v1/rerank", model="ranks", query="q", documents=["a", "b"])
    assert ranking.json()["results"][0]["index"] == 1, ranking.text
    assert stranger.asked[-1][1]["authorization"].endswith("sk-infinity-secret-canary")


def test_google_takes_a_token_of_the_service_account(client: Any, stranger: Stranger) -> None:
    answer = client.chat.completions.create(model="vertex", messages=ASK)
    assert (answer.choices[0].message.content, answer.usage.completion_tokens) == ("Hello from Vertex", 4)
    path, headers, body = stranger.asked[-1]
    assert path.endswith(
        "/projects/my-project/locations/europe-west1/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    assert headers["authorization"] == "Bearer ya29.google-token-canary"
    assert body["contents"][0]["parts"][0]["text"] == "hello there"
    asked = len(stranger.asked)
    client.chat.completions.create(model="vertex", messages=ASK)
    assert [path for path, _, _ in stranger.asked[asked:] if path == "/token"] == [], "it is still good"


def test_pictures_speech_and_recordings(client: Any, stranger: Stranger) -> None:
    assert client.images.generate(model="paints", prompt="a cat").data[0].b64_json == "aGVsbG8="
    assert stranger.asked[-1][1]["authorization"] == "Bearer sk-recraft-secret-canary"
    heard = client.audio.transcriptions.create(model="hears", file=("talk.mp3", b"ID3" + bytes(4000), "audio/mpeg"))
    assert heard.text == "so be it"
    assert stranger.asked[-1][1]["authorization"] == "Token deepgram-secret-canary"
    spoken = client.audio.speech.create(model="speaks", input="so be it", voice="alloy")
    assert spoken.content == SOUND
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert stranger.asked[-1][1]["xi-api-key"] == "elevenlabs-secret-canary"


def test_an_end_that_the_sdk_makes_up_is_not_told(gateway: Gateway) -> None:
    body = {"model": "cut", "messages": ASK, "stream": True, "num_retries": 0}
    text = ask(gateway, "/v1/chat/completions", **body).text
    assert "half" in text
    assert '"error"' in text
    assert "[DONE]" not in text
    assert '"finish_reason":"stop"' not in text


@pytest.mark.parametrize(
    ("mode", "status"), [("400", 400), ("404", 404), ("401", 502), ("429", 429), ("500", 500), ("503", 503)]
)
def test_failures_are_told_as_those_of_every_upstream(client: Any, mode: str, status: int) -> None:
    with pytest.raises(APIStatusError) as caught:
        client.chat.completions.create(model=f"sim/up;mode={mode}", messages=ASK, extra_body={"num_retries": 0})
    assert caught.value.status_code == status
    assert "canary" not in caught.value.response.text
    if mode == "429":
        assert caught.value.response.headers["retry-after"] == "1"


def test_a_stream_that_breaks_off_says_so(gateway: Gateway) -> None:
    text = ask(
        gateway, "/v1/chat/completions", model="sim/up;mode=fin,at=3", messages=ASK, stream=True, num_retries=0
    ).text
    assert '"error"' in text
    assert "[DONE]" not in text


def test_what_is_dropped_is_named(client: Any) -> None:
    unknown = {"logit_bias": {"1": 1}, "seed": 7}
    with pytest.raises(APIStatusError, match="logit_bias"):
        client.chat.completions.create(model="sim/up", messages=ASK, logit_bias={"1": 1})
    raw = client.chat.completions.with_raw_response.create(
        model="drops/up", messages=ASK, metadata={"a": "b"}, **unknown
    )
    assert set(raw.headers["x-phantom-dropped-params"].replace(" ", "").split(",")) == {
        "seed",
        "metadata",
        "logit_bias",
    }


@pytest.mark.parametrize("name", ["api_base", "ssl_verify", "aws_profile_name", "extra_body", "callbacks", "logger_fn"])
def test_a_request_names_neither_places_nor_credentials(gateway: Gateway, name: str) -> None:
    answer = ask(gateway, "/v1/chat/completions", model="sim/up", messages=ASK, **{name: "http://127.0.0.1:1"})
    assert answer.status_code == 400, answer.text
    assert name in answer.json()["error"]["message"]


def test_whoever_is_killed_is_replaced_and_the_call_is_answered(
    gateway: Gateway, client: Any, simulator: SimulatorThread
) -> None:
    client.chat.completions.create(model="sim/up", messages=ASK)
    for victim in ("child", "keeper"):
        simulator.reset()
        answers: list[str | None] = []
        model = f"sim/up;mode=stall,fail_first=1,key={victim}"

        def call(model: str = model, answers: list[str | None] = answers) -> None:
            answers.append(client.chat.completions.create(model=model, messages=ASK).choices[0].message.content)

        calling = threading.Thread(target=call)
        calling.start()
        wait_until(simulator.requests)
        found = children(gateway) if victim == "child" else gateway.children("bridge")
        for process in found:
            os.kill(process.pid, signal.SIGKILL)
        calling.join(60)
        assert len(answers) == 1
        assert answers[0]
    assert len(children(gateway)) >= 1


def test_a_caller_that_leaves_ends_the_call_at_the_provider(gateway: Gateway, simulator: SimulatorThread) -> None:
    body = {"model": "sim/up;chunks=2000,pace_ms=20", "messages": ASK, "stream": True}
    headers = {"authorization": f"Bearer {gateway.master_key}"}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=60) as answer:
        next(answer.iter_bytes())
    wait_until(lambda: simulator.counts()["total"]["aborted"])


def test_no_credential_is_in_what_the_system_shows(gateway: Gateway, client: Any) -> None:
    client.chat.completions.create(model="sim/up", messages=ASK)
    (keeper,) = gateway.children("bridge")
    for process in (keeper, *keeper.children(recursive=True)):
        shown = " ".join(process.cmdline())
        assert "canary" not in shown
        assert b"canary" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_a_model_that_is_added_is_there_at_once_and_one_that_is_removed_is_gone(
    gateway: Gateway, shared_simulator: SimulatorThread
) -> None:
    before = set((gateway.data_dir / "run").glob("b-*.sock"))
    params = {
        "model": "databricks/up", "api_base": f"http://127.0.0.1:{shared_simulator.port}/v1", "api_key": "sk-another-canary-key",
    }  # fmt: skip
    added = gateway.admin("POST", "/model/new", json={"model_name": "added", "litellm_params": params})
    assert added.status_code == 200, added.text
    assert ask(gateway, "/v1/chat/completions", model="added", messages=ASK).status_code == 200
    (new,) = set((gateway.data_dir / "run").glob("b-*.sock")) - before
    identity = added.json()["model_info"]["id"]
    assert gateway.admin("POST", "/model/delete", json={"id": identity}).status_code == 200
    wait_until(lambda: not new.exists())
