"""The way out of a child: a proxy (CONNECT, and plain HTTP to hosts the operator wrote so) on a socket in the child's own network.

The child made the socket and gave it away; it can reach nothing else. Addresses are judged as those of every upstream: resolved
once here, every address checked, connected to a checked one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import logging
import re
import socket
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from phantom_gateway.bridge.policy import proxied, reachable
from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.errors import EgressDenied, UpstreamError
from phantom_gateway.wire.origin import Origin

if TYPE_CHECKING:
    from phantom_gateway.spine.bridge import BridgeSlot
    from phantom_gateway.wire.egress import Egress

log = logging.getLogger("phantom.bridge")

MAX_HEAD = 64 * 1024
HEAD_S, CONNECT_S = 30.0, 10.0
PIECE = 1 << 16
MAX_VISITS = 512
"""Connections of one child at once."""
MAX_NAME, MAX_TOLD = 100, 20
"""What a child can have written to the log."""
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
_HOP = (b"proxy-", b"connection:", b"keep-alive:", b"te:", b"trailer:", b"upgrade:")


class Wanted(NamedTuple):
    """Where a child wants to go, and what is sent there first."""

    host: str
    port: int
    tls: bool
    first: bytes


class Door:
    """The proxy of one child."""

    def __init__(self, slot: BridgeSlot, egress: Egress, token: str) -> None:
        self._slot = slot
        self._egress = egress
        self._expected = b"basic " + base64.b64encode(b"bridge:" + token.encode())
        self._server: asyncio.Server | None = None
        self._told: set[str] = set()
        self._visits = 0

    async def open(self, sock: socket.socket) -> None:
        """Serve from now on."""
        sock.setblocking(False)
        self._server = await asyncio.start_server(self._visit, sock=sock, limit=MAX_HEAD)

    def close(self) -> None:
        """No further connections; those that are go on until the child is gone."""
        if self._server is not None:
            self._server.close()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._visits += 1
        try:
            if self._visits > MAX_VISITS:
                return
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            wanted = self._read(head)
            if wanted is None:
                writer.write(
                    b"HTTP/1.1 407 Refused\r\nproxy-authenticate: Basic\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                )
                return
            there = await self._connect(wanted)
            if there is None:
                writer.write(b"HTTP/1.1 403 Refused by the bridge\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                return
            upstream_reader, upstream_writer = await asyncio.open_connection(sock=there)
            if wanted.first:
                upstream_writer.write(wanted.first)
            else:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _both(reader, writer, upstream_reader, upstream_writer)
        except UpstreamError:
            writer.write(b"HTTP/1.1 502 Unreachable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the child left, or spoke nonsense
        finally:
            self._visits -= 1
            with contextlib.suppress(OSError):
                writer.close()

    def _read(self, head: bytes) -> Wanted | None:
        """What a head asks for; None without the child's own token. Raises ValueError."""
        lines = head[:-4].split(b"\r\n")
        fields = [line for line in lines[1:] if line]
        given = [line.partition(b":")[2].strip() for line in fields if line.lower().startswith(b"proxy-authorization:")]
        if len(given) != 1 or not hmac.compare_digest(given[0][:5].lower() + given[0][5:], self._expected):
            return None
        method, target, _ = lines[0].split(b" ")
        if method == b"CONNECT":
            match = _AUTHORITY.fullmatch(target.decode("ascii"))
            if match is None:
                raise ValueError("no authority")
            return Wanted(match[1].strip("[]"), int(match[2]), tls=True, first=b"")
        parts = urlsplit(target.decode("ascii"))
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("no address")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = [line for line in fields if not line.lower().startswith(_HOP)]
        first = b"\r\n".join(
            [b"%b %b HTTP/1.1" % (method, path.encode("ascii")), *kept, b"connection: close", b"", b""]
        )
        return Wanted(parts.hostname, parts.port or 80, tls=False, first=first)

    async def _connect(self, wanted: Wanted) -> socket.socket | None:
        slot = self._slot
        blocks = reachable(slot, wanted.host, wanted.port, tls=wanted.tls)
        if blocks is not None:
            origin = Origin.of(
                Address(
                    scheme="https" if wanted.tls else "http",
                    host=wanted.host,
                    port=wanted.port,
                    allow_private=blocks,
                    proxy_url=slot.proxy_url if proxied(slot, wanted.host, tls=wanted.tls) else None,
                )
            )
            with contextlib.suppress(EgressDenied):
                return await self._egress.open(origin, CONNECT_S)
        place = f"{wanted.host[:MAX_NAME]}:{wanted.port}"
        if place not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(place)
            log.warning("a process for %s wanted to reach %s and was refused", slot.provider, place)
        return None


async def _both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: asyncio.StreamReader, back: asyncio.StreamWriter
) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, back))
            tasks.create_task(_pump(there, writer))
    except* OSError:
        pass  # either side left: so does the other
    finally:
        back.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
