"""What the tests of the simulator share: a running one, a raw peer that reads until the end or silence."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from phantom_gateway.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUIET = 0.15


@dataclass(frozen=True)
class Heard:
    """All bytes of one exchange and how it ended: ``eof``, ``reset`` or ``open`` (silence)."""

    data: bytes
    end: str

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def serving(keep: int = 1000) -> AsyncIterator[tuple[Simulator, int]]:
    """A simulator on a free port."""
    simulator = Simulator(keep)
    port = await simulator.start_tcp()
    try:
        yield simulator, port
    finally:
        await simulator.close()


def chat(content: str = "Hi there", **fields: Any) -> dict[str, Any]:
    """A chat request of one message."""
    return {"model": "demo", "messages": [{"role": "user", "content": content}], **fields}


def request(body: dict[str, Any] | bytes, path: str = "/v1/chat/completions", *fields: str) -> bytes:
    """A POST as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(raw)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + raw


async def hear(reader: asyncio.StreamReader, quiet: float = QUIET) -> Heard:
    """Read until the peer ends or has been silent for ``quiet`` seconds."""
    data = b""
    try:
        while True:
            part = await asyncio.wait_for(reader.read(1 << 20), quiet)
            if not part:
                return Heard(data, "eof")
            data += part
    except TimeoutError:
        return Heard(data, "open")
    except ConnectionResetError:
        return Heard(data, "reset")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection, closed at the end however it ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ask(port: int, data: bytes, quiet: float = QUIET) -> Heard:
    """Send ``data`` on a connection of its own and hear the answer."""
    async with connected(port) as (reader, writer):
        writer.write(data)
        return await hear(reader, quiet)


def dechunk(data: bytes) -> bytes:
    """The content of a complete chunked body; fails on anything else."""
    content = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert data == b"\r\n"
            return content
        content += data[:length]
        assert data[length : length + 2] == b"\r\n"
        data = data[length + 2 :]


def events(body: bytes) -> list[Any]:
    """The JSON of the events of a well-formed stream, without [DONE], which must be there."""
    parts = body.split(b"\n\n")
    assert parts[-1] == b""
    assert parts[-2] == b"data: [DONE]"
    return [json.loads(part.removeprefix(b"data: ")) for part in parts[:-2]]
