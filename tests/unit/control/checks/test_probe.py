from __future__ import annotations

import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.checks.probe import free_probe, model_of, probe, request_of, unanswerable
from phantom_gateway.simulator.server import Simulator
from phantom_gateway.spine.snapshot import Address, Deployment
from phantom_gateway.wire.client import HttpClient

PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}
DEPLOYMENT = Deployment(
    id="d", group="g", provider="openai", model="m", address=Address(scheme="https", host="x.example"), base_path="/v1",
    paths=PATHS, api_key=Secret("sk-the-key"), query="v=1", secret_headers=(("x-s", Secret("t")),),
)  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient()
    yield made
    await made.close()


@pytest.fixture
async def simulator() -> AsyncIterator[Deployment]:
    made = Simulator()
    port = await made.start_tcp("127.0.0.1", 0)
    address = Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.1/32",))
    yield msgspec.structs.replace(DEPLOYMENT, address=address, query="")
    await made.close()


async def test_a_deployment_that_answers_is_healthy(client: HttpClient, simulator: Deployment) -> None:
    outcome = await probe(client, simulator, time.monotonic)
    assert (outcome.healthy, outcome.status, outcome.error) == (True, 200, "")
    embedding = msgspec.structs.replace(simulator, mode="embedding")
    assert (await probe(client, embedding, time.monotonic)).healthy


async def test_what_answers_wrongly_or_not_at_all_is_not(client: HttpClient, simulator: Deployment) -> None:
    lost = msgspec.structs.replace(simulator, base_path="/nowhere")
    outcome = await probe(client, lost, time.monotonic)
    assert (outcome.healthy, outcome.status) == (False, 404)
    gone = Address(scheme="http", host="127.0.0.1", port=1, allow_private=("127.0.0.1/32",))
    outcome = await probe(client, msgspec.structs.replace(simulator, address=gone), time.monotonic)
    assert (outcome.healthy, outcome.status, outcome.error) == (False, None, "cannot be reached")


async def test_the_egress_rules_hold(client: HttpClient, simulator: Deployment) -> None:
    for address in (
        msgspec.structs.replace(simulator.address, allow_private=()),
        Address(scheme="http", host="169.254.169.254"),
    ):
        outcome = await probe(client, msgspec.structs.replace(simulator, address=address), time.monotonic)
        assert outcome.healthy is False
        assert "egress rules" in outcome.error


async def test_what_cannot_be_asked_is_neither(client: HttpClient) -> None:
    for change in ({"mode": "image_generation"}, {"mode": "completion"}, {"model": "*"}):
        deployment = msgspec.structs.replace(DEPLOYMENT, **change)
        outcome = await probe(client, deployment, time.monotonic)
        assert outcome.healthy is None
        assert outcome.error == unanswerable(deployment) != ""
    mocked = msgspec.structs.replace(DEPLOYMENT, mock_response="x")
    assert (await probe(client, mocked, time.monotonic)).healthy


def test_the_request_is_the_workers() -> None:
    head, body = request_of(DEPLOYMENT)
    assert head.startswith(b"POST /v1/chat/completions?v=1 HTTP/1.1\r\nhost: x.example\r\n")
    assert b"authorization: Bearer sk-the-key\r\n" in head
    assert b"x-s: t\r\n" in head
    assert msgspec.json.decode(body)["model"] == "m"
    wildcard = msgspec.structs.replace(DEPLOYMENT, model="*", info={"health_check_model": "openai/gpt-4o-mini"})
    assert model_of(wildcard) == "gpt-4o-mini"


async def test_the_list_of_models_is_asked_for_nothing(client: HttpClient, simulator: Deployment) -> None:
    outcome = await free_probe(client, simulator, time.monotonic)
    assert (outcome.healthy, outcome.status) == (True, 200)
    lost = await free_probe(client, msgspec.structs.replace(simulator, base_path="/nowhere"), time.monotonic)
    assert (lost.healthy, lost.status) == (None, 404), "no list is no verdict"
    gone = Address(scheme="http", host="127.0.0.1", port=1, allow_private=("127.0.0.1/32",))
    dead = await free_probe(client, msgspec.structs.replace(simulator, address=gone), time.monotonic)
    assert (dead.healthy, dead.error) == (False, "cannot be reached")
    azure = msgspec.structs.replace(simulator, paths={"chat": "/{model}/chat/completions"})
    assert (await free_probe(client, azure, time.monotonic)).healthy is None
    broken = msgspec.structs.replace(simulator, headers=(("x", "a\r\nb"),))
    assert (await free_probe(client, broken, time.monotonic)).healthy is False
    mocked = msgspec.structs.replace(simulator, mock_response="x", base_path="/nowhere")
    assert (await free_probe(client, mocked, time.monotonic)).healthy is True


async def test_google_is_asked_in_its_own_format(client: HttpClient, simulator: Deployment) -> None:
    paths = {"generate": "/models/{model}:generateContent"}
    deployment = msgspec.structs.replace(simulator, paths=paths, base_path="/v1beta", defaults={"temperature": 1})
    head, body = request_of(deployment)
    assert head.startswith(f"POST /v1beta/models/{deployment.model}:generateContent HTTP/1.1".encode())
    assert set(msgspec.json.decode(body)) == {"contents", "generationConfig"}
    assert (await probe(client, deployment, time.monotonic)).healthy
    assert (await free_probe(client, deployment, time.monotonic)).healthy


async def test_anthropic_is_asked_in_its_own_format(client: HttpClient, simulator: Deployment) -> None:
    paths = {"messages": "/messages", "count_tokens": "/messages/count_tokens"}
    deployment = msgspec.structs.replace(simulator, paths=paths, headers=(("anthropic-version", "2023-06-01"),))
    head, _ = request_of(deployment)
    assert head.startswith(b"POST /v1/messages HTTP/1.1")
    assert b"anthropic-version: 2023-06-01" in head
    assert (await probe(client, deployment, time.monotonic)).healthy
