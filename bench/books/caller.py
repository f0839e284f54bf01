"""A caller on a socket of its own: sends, reads, and hangs up where it is told to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from bench.books.asks import Ask

HOST = "127.0.0.1"
PATIENCE_S = 60.0


@dataclass(slots=True)
class Seen:
    """What a caller saw of one request."""

    status: int = 0
    complete: bool = False
    """The answer is a success and ended as it should: whoever saw that was told that it is billed."""
    usage: tuple[int, int] | None = None
    error: str = ""
    left: bool = False


class Caller:
    """Keeps one connection as long as both sides want it."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._port = 0

    async def ask(self, ask: Ask, port: int, key: str) -> Seen:
        """One request to the gateway on ``port``. Whatever breaks is told in the answer."""
        seen = Seen(left=bool(ask.leave))
        try:
            await asyncio.wait_for(self._ask(ask, port, key, seen), PATIENCE_S)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            seen.error = type(error).__name__
            self.hang_up()
        except TimeoutError:
            seen.error = "silence"
            self.hang_up()
        return seen

    def hang_up(self) -> None:
        """Leave, without a word."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _ask(self, ask: Ask, port: int, key: str, seen: Seen) -> None:
        if port != self._port:
            self.hang_up()
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, port)
            self._port = port
        reader, writer = self._streams
        request = head(ask, key) + ask.body()
        if ask.leave == "sending":
            writer.write(request[: int(len(request) * ask.after)])
            await asyncio.sleep(0)
            self.hang_up()
            return
        writer.write(request)
        await writer.drain()
        if ask.leave == "waiting":
            await asyncio.sleep(ask.after)
            self.hang_up()
            return
        if ask.leave == "reading":
            await reader.readexactly(int(ask.after))
            self.hang_up()
            return
        fields = await _head(reader, seen)
        body = await _body(reader, fields)
        if fields.get(b"connection", b"") == b"close":
            self.hang_up()
        judge(body, seen, stream=ask.stream)


def head(ask: Ask, key: str) -> bytes:
    """The head of the request. The label travels as trace id, which is a column of the ledger."""
    tags = f"x-litellm-tags: {','.join(ask.tags)}\r\n" if ask.tags else ""
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\nx-litellm-trace-id: {ask.label}\r\n{tags}"
        f"content-length: {len(ask.body())}\r\n\r\n"
    ).encode()


def judge(body: bytes, seen: Seen, *, stream: bool) -> None:
    """What a whole answer says."""
    if seen.status != 200:
        seen.error = _kind(body)
        return
    if not stream:
        seen.complete = True
        seen.usage = _usage(json.loads(body))
        return
    # chunks may be broken, that is one of the faults: only those that speak of the end are read
    lines = [line[5:].strip() for line in body.replace(b"\r", b"\n").split(b"\n") if line.startswith(b"data:")]
    if any(line.startswith(b'{"error"') for line in lines):
        seen.error = "error event"
        return
    seen.complete = True
    for line in lines:
        if b'"usage":{' in line:
            seen.usage = _usage(json.loads(line))


def _usage(answer: dict[str, Any]) -> tuple[int, int] | None:
    usage = answer.get("usage")
    return None if usage is None else (usage["prompt_tokens"], usage["completion_tokens"])


def _kind(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["type"])
    except (ValueError, KeyError, TypeError):
        return "no error object"


async def _head(reader: asyncio.StreamReader, seen: Seen) -> dict[bytes, bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    seen.status = int(lines[0].split()[1])
    return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:] if line)}


async def _body(reader: asyncio.StreamReader, fields: dict[bytes, bytes]) -> bytes:
    if fields.get(b"transfer-encoding") != b"chunked":
        return await reader.readexactly(int(fields.get(b"content-length", b"0")))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)
