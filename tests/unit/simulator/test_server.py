"""The simulator with the real OpenAI SDK, over TCP and a unix socket, on both event loops."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
import uvloop
from tests.unit.simulator.peer import ask, chat, connected, request, serving

from phantom_gateway.simulator import Simulator

if TYPE_CHECKING:
    from pathlib import Path


def client(port: int) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="sk-test", max_retries=0)


async def test_the_sdk_reads_whole_answers() -> None:
    async with serving() as (simulator, port), client(port) as sdk:
        answer = await sdk.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "hello"}], user="me", max_tokens=7
        )
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage is not None
        counted = simulator.counts()["users"]["me"]
        assert (counted["prompt_tokens"], counted["completion_tokens"]) == (4, 7)
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 7)
        assert [model.id async for model in sdk.models.list()] == ["demo"]
        text = await sdk.completions.create(model="demo", prompt="hello")
        assert "simulator" in text.choices[0].text


async def test_the_sdk_reads_streams() -> None:
    async with serving() as (_, port), client(port) as sdk:
        stream = await sdk.chat.completions.create(
            model="demo;chunks=5",
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hello! I am the demo"
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 5


async def test_the_sdk_reads_tool_calls_and_embeddings() -> None:
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    async with serving() as (_, port), client(port) as sdk:
        answer = await sdk.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "call look"}], tools=[tool]
        )
        calls = answer.choices[0].message.tool_calls
        assert calls is not None
        assert calls[0].type == "function"
        assert calls[0].function.name == "look"
        packed = await sdk.embeddings.create(model="demo", input="a", dimensions=8)
        plain = await sdk.embeddings.create(model="demo", input="a", dimensions=8, encoding_format="float")
        assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding)


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("rst", openai.APIConnectionError),
        ("fin", openai.APIConnectionError),
        ("two_status_lines", openai.APIConnectionError),
    ],
)
async def test_the_sdk_meets_faults(mode: str, error: type[Exception]) -> None:
    async with serving() as (_, port), client(port) as sdk:
        with pytest.raises(error):
            await sdk.chat.completions.create(
                model="demo", messages=[{"role": "user", "content": "hello"}], extra_body={"simulate": {"mode": mode}}
            )


async def test_an_error_event_reaches_the_reader_of_a_stream() -> None:
    async with serving() as (_, port), client(port) as sdk:
        stream = await sdk.chat.completions.create(
            model="demo;mode=error_event", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        with pytest.raises(openai.APIError, match="server had an error"):
            [chunk async for chunk in stream]


async def test_a_unix_socket_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "demo.sock"
    simulator = Simulator()
    for _ in range(2):
        await simulator.start_unix(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://sim") as http:
            answer = await http.post("/v1/chat/completions", json=chat("a"))
            assert answer.status_code == 200
            counts = (await http.get("/sim/counts")).json()
            assert counts["total"] == simulator.counts()["total"]
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post("/v1/chat/completions", json=chat("a", simulate="mode=rst"))
        await simulator.close()
        assert not path.exists()


async def test_closing_drops_connections_and_reset_forgets() -> None:
    simulator = Simulator()
    port = await simulator.start_tcp()
    async with connected(port) as (reader, writer):
        writer.write(request(chat("a", simulate="mode=stall")))
        await reader.readuntil(b"\r\n\r\n")
        await simulator.close()
        await reader.read(65536)
        assert reader.at_eof()
        writer.close()
        assert simulator.counts()["total"]["requests"] == 1
        simulator.reset()
        assert simulator.counts()["total"]["requests"] == 0
        assert simulator.requests() == []


def test_it_behaves_the_same_on_uvloop() -> None:
    async def run() -> dict[str, int]:
        async with serving() as (simulator, port):
            heard = await ask(port, request(chat("a")))
            assert json.loads(heard.body)["usage"]["prompt_tokens"] == 4
            assert (await ask(port, request(chat("a", simulate="mode=rst")))).end == "reset"
            assert (await ask(port, request(chat("a", simulate="mode=fin")))).end == "eof"
            whole = await ask(port, request(chat("a", simulate="mode=huge_body,size=9000000")))
            assert len(whole.body) == 9_000_000
            await ask(port, request(chat("a", simulate="mode=stall", stream=True)))
            await asyncio.sleep(0.05)
            total: dict[str, int] = simulator.counts()["total"]
            return total

    total = uvloop.run(run())
    assert (total["completed"], total["cut"], total["aborted"]) == (2, 2, 1)
