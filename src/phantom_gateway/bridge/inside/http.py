"""HTTP/1.1 as far as the bridge speaks it: one request on a connection of a unix socket, from a worker of this gateway."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import NamedTuple

MAX_HEAD = 256 * 1024
MAX_BODY = 1 << 30
PATIENCE_S = 60.0
"""For the request itself to arrive."""


class Malformed(ValueError):
    """What came is no request that a worker writes."""


class Request(NamedTuple):
    """One request; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The request. Raises Malformed, and TimeoutError, IncompleteReadError and OSError when it does not come."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise Malformed("the head is too long") from error
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise Malformed("the length is not to be used")
        words = lines[0].split(" ")
        if len(words) != 3:
            raise Malformed("the first line is not one of HTTP")
        body = await reader.readexactly(int(length))
    return Request(words[1].partition("?")[0], headers, body)


def head(status: int, headers: list[tuple[str, str]]) -> bytes:
    """The head of an answer; the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def whole(status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> bytes:
    """A whole answer, of JSON unless ``headers`` name another type."""
    more = headers or []
    if not any(name == "content-type" for name, _ in more):
        more = [("content-type", "application/json"), *more]
    return head(status, [*more, ("content-length", str(len(body)))]) + body


def failure(message: str, kind: str = "", code: str = "") -> bytes:
    """An error in OpenAI's words."""
    error = {"message": message, "type": kind or "bridge_error", "param": None, "code": code or None}
    return json.dumps({"error": error}).encode()


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def adopt(sock: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Streams of an accepted connection."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_HEAD)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def accept(listener: socket.socket) -> socket.socket | None:
    """One waiting connection, if it was not another process's."""
    try:
        sock, _ = listener.accept()
    except OSError:
        return None
    sock.setblocking(False)
    return sock
