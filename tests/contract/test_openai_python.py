"""The OpenAI SDK for Python as it is, pointed at the gateway with a virtual key: answers, streams, errors, headers."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel
from tests.support.gateway import Gateway

pytestmark = pytest.mark.usefixtures("simulator")

ASK: Any = [{"role": "user", "content": "hello there"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CHUNKS = {"simulate": {"chunks": 7}}


@pytest.fixture
def client(shared_gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{shared_gateway.url}/v1", api_key=shared_gateway.key(), max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
async def async_client(shared_gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    url = f"{shared_gateway.url}/v1"
    async with AsyncOpenAI(base_url=url, api_key=shared_gateway.key(), max_retries=0, timeout=20) as made:
        yield made


def with_key(client: OpenAI, gateway: Gateway, **fields: Any) -> OpenAI:
    return client.with_options(api_key=gateway.key(**fields))


# --- answers


def test_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt", messages=ASK, extra_body=CHUNKS)
    assert answer.model == "gpt"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7


def test_several_choices_and_a_length(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt", messages=ASK, n=3, max_completion_tokens=4)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.finish_reason for choice in answer.choices} == {"length"}


def test_tools(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt", messages=ASK, tools=[WEATHER], tool_choice="required")
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "weather"
    assert isinstance(json.loads(calls[0].function.arguments)["city"], str)


def test_tools_in_a_stream(client: OpenAI) -> None:
    arguments, names = "", []
    stream = client.chat.completions.create(
        model="gpt", messages=ASK, tools=[WEATHER], tool_choice="required", stream=True
    )
    for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or ():
            assert call.function is not None
            names += [call.function.name] if call.function.name else []
            arguments += call.function.arguments or ""
    assert names == ["weather"]
    assert isinstance(json.loads(arguments)["city"], str)


def test_response_format(client: OpenAI) -> None:
    class Person(BaseModel):
        name: str
        age: int

    answer = client.chat.completions.parse(model="gpt", messages=ASK, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)
    plain = client.chat.completions.create(model="gpt", messages=ASK, response_format={"type": "json_object"})
    assert json.loads(plain.choices[0].message.content or "") == {"demo": True}


def test_stream(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt", messages=ASK, stream=True, extra_body=CHUNKS))
    assert {chunk.model for chunk in chunks} == {"gpt"}
    assert sum(1 for chunk in chunks if chunk.choices[0].delta.content) == 7
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_with_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt", messages=ASK, stream=True, stream_options={"include_usage": True}, extra_body=CHUNKS
    )
    *chunks, last = stream
    assert all(chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == 7


def test_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gpt", messages=ASK) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content


def test_completions(client: OpenAI) -> None:
    answer = client.completions.create(model="gpt", prompt="say something", max_tokens=3)
    assert answer.object == "text_completion"
    assert answer.model == "gpt"
    assert len(answer.choices[0].text.split()) == 3
    parts = [chunk.choices[0].text for chunk in client.completions.create(model="gpt", prompt="say", stream=True)]
    assert "".join(parts)


def test_embeddings(client: OpenAI) -> None:
    texts = ["one two", "three"]
    numbers = client.embeddings.create(model="gpt", input=texts, encoding_format="float", dimensions=8)
    assert [len(entry.embedding) for entry in numbers.data] == [8, 8]
    assert numbers.model == "gpt"
    assert numbers.usage.prompt_tokens == 3
    # the SDK asks for base64 by itself and unpacks it
    unpacked = client.embeddings.create(model="gpt", input=texts, dimensions=8)
    assert unpacked.data[0].embedding == pytest.approx(numbers.data[0].embedding, abs=1e-6)
    raw = client.embeddings.create(model="gpt", input=texts, encoding_format="base64", dimensions=8)
    packed: Any = raw.data[0].embedding
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(unpacked.data[0].embedding)


def test_models(client: OpenAI) -> None:
    assert {"gpt", "demo"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("gpt").id == "gpt"


def test_raw_response_has_the_headers(client: OpenAI, shared_gateway: Gateway) -> None:
    limited = with_key(client, shared_gateway, rpm_limit=10, tpm_limit=10_000, max_budget=1)
    raw = limited.chat.completions.with_raw_response.create(model="gpt", messages=ASK)
    answer = raw.parse()
    assert answer.usage is not None
    cost = answer.usage.prompt_tokens * 1000 + answer.usage.completion_tokens * 2000
    assert float(raw.headers["x-litellm-response-cost"]) == cost / 1e9
    assert raw.headers["x-litellm-model-id"] == "gpt-1"
    assert raw.headers["x-ratelimit-limit-requests"] == "10"
    assert raw.headers["x-ratelimit-remaining-requests"] == "9"
    assert raw.headers["x-litellm-call-id"]
    assert "server" not in raw.headers
    streamed = limited.chat.completions.with_raw_response.create(model="gpt", messages=ASK, stream=True)
    assert streamed.headers["x-litellm-call-id"] != raw.headers["x-litellm-call-id"]
    assert "x-litellm-response-cost" not in streamed.headers
    assert list(streamed.parse())


# --- the asynchronous client


async def test_async_chat_stream_embeddings_and_models(async_client: AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model="gpt", messages=ASK, extra_body=CHUNKS)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7
    stream = await async_client.chat.completions.create(
        model="gpt", messages=ASK, stream=True, stream_options={"include_usage": True}, extra_body=CHUNKS
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7
    vectors = await async_client.embeddings.create(model="gpt", input="one")
    assert len(vectors.data[0].embedding) == 64
    assert "gpt" in [model.id async for model in async_client.models.list()]


async def test_async_errors(async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        await async_client.chat.completions.create(model="nope", messages=ASK)
    with pytest.raises(openai.AuthenticationError):
        await async_client.with_options(api_key="sk-none").models.list()


# --- Azure's client


def test_azure(shared_gateway: Gateway) -> None:
    key = shared_gateway.key()
    version = "2025-02-01-preview"
    with AzureOpenAI(azure_endpoint=shared_gateway.url, api_key=key, api_version=version, max_retries=0) as client:
        assert client.chat.completions.create(model="gpt", messages=ASK).model == "gpt"
        assert list(client.chat.completions.create(model="gpt", messages=ASK, stream=True))
        assert len(client.embeddings.create(model="gpt", input="one").data) == 1
        assert client.completions.create(model="gpt", prompt="say").object == "text_completion"
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="nope", messages=ASK)


async def test_azure_async_with_a_deployment(shared_gateway: Gateway) -> None:
    client = AsyncAzureOpenAI(
        azure_endpoint=shared_gateway.url,
        azure_deployment="gpt",
        api_key=shared_gateway.key(),
        api_version="2024-10-21",
    )
    async with client:
        assert (await client.chat.completions.create(model="gpt", messages=ASK)).model == "gpt"


# --- errors: the class that a program catches


def test_bad_key(client: OpenAI) -> None:
    for key in ("sk-unknown-0123456789", "not a key"):
        with pytest.raises(openai.AuthenticationError) as caught:
            client.with_options(api_key=key).chat.completions.create(model="gpt", messages=ASK)
        assert caught.value.type in ("token_not_found_in_db", "auth_error")
        assert key not in str(caught.value)


def test_model_denied(client: OpenAI, shared_gateway: Gateway) -> None:
    denied = with_key(client, shared_gateway, models=["demo"])
    with pytest.raises(openai.PermissionDeniedError) as caught:
        denied.chat.completions.create(model="gpt", messages=ASK)
    assert caught.value.type == "key_model_access_denied"
    assert caught.value.param == "model"


def test_unknown_model(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="nope", messages=ASK)
    assert "Invalid model name" in str(caught.value)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


def test_rate_limit(client: OpenAI, shared_gateway: Gateway) -> None:
    limited = with_key(client, shared_gateway, rpm_limit=1)
    limited.chat.completions.create(model="gpt", messages=ASK)
    with pytest.raises(openai.RateLimitError) as caught:
        limited.chat.completions.create(model="gpt", messages=ASK)
    assert caught.value.type == "throttling_error"
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_budget(client: OpenAI, shared_gateway: Gateway) -> None:
    poor = with_key(client, shared_gateway, max_budget=0.000001)
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        poor.chat.completions.create(model="gpt", messages=ASK)
    assert caught.value.type == "budget_exceeded"


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.InternalServerError),
        ("404", openai.NotFoundError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("html", openai.InternalServerError),
    ],
)
def test_upstream_faults(client: OpenAI, mode: str, error: type[openai.APIStatusError]) -> None:
    # each mode has a deployment of its own: what fails here rests, and nobody else notices
    with pytest.raises(error):
        client.chat.completions.create(model=f"fault-{mode}", messages=ASK, extra_body={"simulate": {"mode": mode}})


def test_time_out(client: OpenAI) -> None:
    slow = {"simulate": {"mode": "slow_first_byte", "first_ms": 5000}}
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5).chat.completions.create(model="gpt", messages=ASK, extra_body=slow)


def test_a_broken_stream_is_an_error_and_not_an_end(client: OpenAI) -> None:
    broken = {"simulate": {"mode": "fin", "at": 3, "pace_ms": 10}}
    got: list[Any] = []
    with pytest.raises(openai.APIError):
        got.extend(client.chat.completions.create(model="fault-fin", messages=ASK, stream=True, extra_body=broken))
    assert got


def test_retries_of_the_sdk_succeed(client: OpenAI) -> None:
    body = {"simulate": {"mode": "503", "fail_first": 1, "key": "sdk-retry"}}
    answer = client.with_options(max_retries=2).chat.completions.create(
        model="fault-retry", messages=ASK, extra_body=body
    )
    assert answer.choices[0].message.content


# --- responses


FUNCTION: Any = {
    "type": "function",
    "name": "weather",
    "parameters": WEATHER["function"]["parameters"],
    "strict": False,
}
MODELS = ["gpt", "claude"]
"""One whose provider has the API, and one whose requests are translated."""


@pytest.mark.parametrize("model", MODELS)
def test_a_response(client: OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="hello there", instructions="Be kind.", extra_body=CHUNKS)
    assert (answer.model, answer.status, answer.object) == (model, "completed", "response")
    assert len(answer.output_text.split()) == 7
    assert answer.usage is not None
    assert (answer.usage.output_tokens, answer.usage.total_tokens) == (7, answer.usage.input_tokens + 7)


@pytest.mark.parametrize("model", MODELS)
def test_a_response_that_is_cut(client: OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="hello", max_output_tokens=3, extra_body=CHUNKS)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("model", MODELS)
def test_a_turn_with_a_tool_as_a_stream(client: OpenAI, model: str) -> None:
    conversation: Any = [{"role": "user", "content": "call weather"}]
    with client.responses.stream(
        model=model, input=conversation, tools=[FUNCTION], reasoning={"effort": "low"}, max_output_tokens=3000
    ) as stream:
        events = list(stream)
        answer = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [item.type for item in answer.output] == ["reasoning", "function_call"]
    called = answer.output[1]
    assert called.type == "function_call"
    assert json.loads(called.arguments) == {"city": "demo"}
    conversation += [item.to_dict() for item in answer.output]
    conversation.append({"type": "function_call_output", "call_id": called.call_id, "output": "sunny"})
    assert client.responses.create(model=model, input=conversation, tools=[FUNCTION]).output_text


@pytest.mark.parametrize("model", MODELS)
def test_a_response_of_a_schema(client: OpenAI, model: str) -> None:
    class Place(BaseModel):
        city: str

    parsed = client.responses.parse(model=model, input="where?", text_format=Place).output_parsed
    assert parsed == Place(city="demo")


def test_what_the_provider_keeps(client: OpenAI, shared_gateway: Gateway) -> None:
    made = client.responses.create(model="gpt", input="hello there", extra_body=CHUNKS)
    more = client.responses.create(model="gpt", input="and", previous_response_id=made.id)
    assert more.usage is not None
    assert more.usage.input_tokens > 10
    assert client.responses.retrieve(made.id) == made
    (item,) = client.responses.input_items.list(made.id).data
    assert item.type == "message"
    stranger = with_key(client, shared_gateway)
    with pytest.raises(openai.NotFoundError):
        stranger.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as raised:
        stranger.responses.create(model="gpt", input="and", previous_response_id=made.id)
    assert raised.value.code == "previous_response_not_found"
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    assert client.responses.input_tokens.count(model="gpt", input="hello there").input_tokens == 5
    assert client.responses.compact(model="gpt", input="hello there").object == "response.compaction"


def test_what_is_kept_nowhere_is_said_so(client: OpenAI) -> None:
    made = client.responses.create(model="claude", input="hello there", store=True)
    assert made.to_dict()["store"] is False
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="claude", input="and", previous_response_id=made.id)
    assert raised.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


@pytest.mark.parametrize("mode", ["fin", "error_event"])
def test_a_response_that_breaks_off_is_an_error(client: OpenAI, mode: str) -> None:
    broken = {"simulate": {"mode": mode, "chunks": 7, "pace_ms": 20}}
    seen: list[str] = []
    stream = client.responses.create(model="sim/broken-response", input="x", stream=True, extra_body=broken)
    with pytest.raises(openai.APIError):
        seen.extend(event.type for event in stream)
    assert seen[0] == "response.created"
    assert "response.completed" not in seen


async def test_a_response_asked_for_by_the_other_client(async_client: AsyncOpenAI) -> None:
    types = [event.type async for event in await async_client.responses.create(model="claude", input="hi", stream=True)]
    assert (types[0], types[-1]) == ("response.created", "response.completed")
