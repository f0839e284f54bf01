"""The proxy of a child, asked as a child asks it."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from phantom_gateway.bridge.doors import Door
from phantom_gateway.spine.bridge import BridgeSlot
from phantom_gateway.wire.egress import Egress

TOKEN = "t0ken"
LOGIN = base64.b64encode(f"bridge:{TOKEN}".encode()).decode()
LOOPBACK = ("127.0.0.0/8",)


@asynccontextmanager
async def door(slot: BridgeSlot, *addresses: str) -> AsyncIterator[int]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    way = socket.create_server(("127.0.0.1", 0))
    subject = Door(slot, Egress(resolve), TOKEN)
    await subject.open(way)
    try:
        yield way.getsockname()[1]
    finally:
        subject.close()
        await asyncio.sleep(0)


async def ask(port: int, text: str, more: bytes = b"") -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, text.replace("\n", "\r\n").encode() + more)
        came = b""
        async with asyncio.timeout(20):
            while data := await loop.sock_recv(sock, 4096):
                came += data
        return came


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Takes what comes, up to a blank line or ``end``, says ``hello`` and goes."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def test_a_tunnel_to_what_the_operator_wrote() -> None:
    slot = BridgeSlot(id="s", provider="p", hosts={"mine.test": LOOPBACK})
    async with upstream() as (there, heard), door(slot, "127.0.0.1") as port:
        came = await ask(port, f"CONNECT mine.test:{there} HTTP/1.1\nProxy-Authorization: Basic {LOGIN}\n\n", b"end")
    assert came == b"HTTP/1.1 200 Connected\r\n\r\nhello"
    assert heard == [b"end"]


async def test_plain_http_to_what_the_operator_wrote_so() -> None:
    slot = BridgeSlot(id="s", provider="p", hosts={"mine.test": LOOPBACK})
    async with upstream() as (there, heard), door(slot, "127.0.0.1") as port:
        head = f"POST http://mine.test:{there}/v1?a=b HTTP/1.1\nhost: mine.test\nproxy-authorization: Basic {LOGIN}\n"
        came = await ask(port, head + "connection: keep-alive\ncontent-length: 0\n\n")
    assert came == b"hello"
    assert heard == [b"POST /v1?a=b HTTP/1.1\r\nhost: mine.test\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]


@pytest.mark.parametrize(
    ("target", "addresses", "status"),
    [
        ("other.test:443", ("127.0.0.1",), 403),  # public name, private address: rebinding
        ("other.test:443", ("93.184.215.14", "10.1.1.1"), 403),
        ("169.254.169.254:443", (), 403),
        ("[::1]:443", (), 403),
        ("127.1:443", (), 403),
        ("mine.test:443", ("169.254.169.254",), 403),
        ("evil.test:443", ("93.184.215.14",), 403),
        ("other.test:8443", ("93.184.215.14",), 403),
        ("other.test:443", (), 502),
    ],
)
async def test_everything_else_is_refused(target: str, addresses: tuple[str, ...], status: int) -> None:
    suffixes = ("other.test", "127.1", "169.254.169.254", "::1")
    slot = BridgeSlot(id="s", provider="p", hosts={"mine.test": LOOPBACK}, suffixes=suffixes)
    async with door(slot, *addresses) as port:
        came = await ask(port, f"CONNECT {target} HTTP/1.1\nproxy-authorization: Basic {LOGIN}\n\n")
    assert came.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "login",
    [
        "",
        "proxy-authorization: Basic AAAA\n",
        f"proxy-authorization: Basic {LOGIN}\nproxy-authorization: Basic {LOGIN}\n",
    ],
)
async def test_without_the_childs_own_token_nothing_is_opened(login: str) -> None:
    async with door(BridgeSlot(id="s", provider="p", hosts={"mine.test": LOOPBACK}), "127.0.0.1") as port:
        assert (await ask(port, f"CONNECT mine.test:1 HTTP/1.1\n{login}\n")).startswith(b"HTTP/1.1 407 ")


@pytest.mark.parametrize(
    "line", ["CONNECT mine.test HTTP/1.1", "GET https://mine.test/ HTTP/1.1", "nonsense", "GET / HTTP/1.1"]
)
async def test_nonsense_ends_the_connection(line: str) -> None:
    async with door(BridgeSlot(id="s", provider="p"), "127.0.0.1") as port:
        assert await ask(port, f"{line}\nproxy-authorization: Basic {LOGIN}\n\n") == b""
