"""The little HTTP between a worker and the bridge."""

from __future__ import annotations

import asyncio

import pytest

from phantom_gateway.bridge.inside import http


async def read(data: bytes) -> http.Request:
    reader = asyncio.StreamReader(limit=http.MAX_HEAD)
    reader.feed_data(data)
    reader.feed_eof()
    return await http.read_request(reader)


async def test_a_request() -> None:
    request = await read(b"POST /chat?x=1 HTTP/1.1\r\nHost: a\r\nX-B:  c \r\ncontent-length: 2\r\n\r\n{}more")
    assert request == ("/chat", {"host": "a", "x-b": "c", "content-length": "2"}, b"{}")


@pytest.mark.parametrize(
    "data",
    [
        b"POST /chat\r\n\r\n",
        b"POST /chat HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /chat HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nx: " + b"y" * (http.MAX_HEAD + 10) + b"\r\n\r\n",
    ],
)
async def test_nonsense(data: bytes) -> None:
    with pytest.raises(http.Malformed):
        await read(data)


async def test_a_request_that_breaks_off() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await read(b"POST /chat HTTP/1.1\r\ncontent-length: 5\r\n\r\n{}")


def test_answers() -> None:
    body = http.failure("no", "kind", "code")
    assert body == b'{"error": {"message": "no", "type": "kind", "param": null, "code": "code"}}'
    answer = http.whole(400, b"{}", [("retry-after", "1")])
    assert answer.startswith(
        b"HTTP/1.1 400 Refused\r\nconnection: close\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    )
    assert http.chunk(b"abc") == b"3\r\nabc\r\n"
