"""The only module that opens outbound connections, and the rule it opens them by.

Resolve once, check every address, connect to a checked address, name in SNI and ``Host``. Redirects are not a thing here:
an origin comes from configuration and nothing a peer says changes it.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from phantom_gateway.wire.addresses import is_allowed, is_metadata, parse_literal
from phantom_gateway.wire.errors import (
    ConnectFailed,
    ConnectTimeout,
    EgressDenied,
    NameResolutionFailed,
    ProxyFailed,
    TlsFailed,
)
from phantom_gateway.wire.tasks import TaskGroup

if TYPE_CHECKING:
    from phantom_gateway.wire.addresses import IPAddress
    from phantom_gateway.wire.origin import Origin

P = TypeVar("P", bound=asyncio.Protocol)
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to IP addresses as text, in order of preference; raises OSError."""

STAGGER_S = 0.25
"""Head start of one address before the next is tried beside it (RFC 8305)."""
_PROXY_HEAD = 8192
_PROXY_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r\n")


async def system_resolver(host: str, port: int) -> list[str]:
    """The operating system's answer."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Egress:
    """Opens checked connections. ``resolver`` is replaceable for tests; TLS contexts are made once per policy."""

    def __init__(self, resolver: Resolver = system_resolver) -> None:
        self._resolve = resolver
        self._contexts: dict[tuple[bool, str], ssl.SSLContext] = {}

    async def connect(
        self, origin: Origin, protocol_factory: Callable[[], P], connect_s: float
    ) -> tuple[asyncio.Transport, P]:
        """Connect to ``origin`` within ``connect_s`` seconds (name, TCP, proxy and TLS together).

        Raises EgressDenied, NameResolutionFailed, ConnectFailed, ConnectTimeout, TlsFailed, ProxyFailed.
        """
        try:
            async with asyncio.timeout(connect_s):
                return await self._connect(origin, protocol_factory)
        except TimeoutError:
            raise ConnectTimeout(f"connecting to {origin!r} took longer than {connect_s:g} s") from None

    async def open(self, origin: Origin, connect_s: float) -> socket.socket:
        """A TCP socket to ``origin``, judged as every connection, for somebody else's bytes; TLS is his business.

        Raises EgressDenied, NameResolutionFailed, ConnectFailed, ConnectTimeout, ProxyFailed.
        """
        proxy = origin.proxy_url
        try:
            async with asyncio.timeout(connect_s):
                return await (self._through_proxy(origin, proxy.reveal()) if proxy else self._direct(origin))
        except TimeoutError:
            raise ConnectTimeout(f"connecting to {origin!r} took longer than {connect_s:g} s") from None

    async def _connect(self, origin: Origin, protocol_factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
        loop = asyncio.get_running_loop()
        if origin.scheme == "unix":
            try:
                return await loop.create_unix_connection(protocol_factory, origin.socket_path)
            except OSError as error:
                raise ConnectFailed(f"{origin!r}: {error.strerror or 'connection failed'}") from None
        context = self._context(origin) if origin.scheme == "https" else None
        proxy = origin.proxy_url
        sock = await (self._through_proxy(origin, proxy.reveal()) if proxy else self._direct(origin))
        name = origin.host if context is not None else None
        try:
            return await loop.create_connection(protocol_factory, sock=sock, ssl=context, server_hostname=name)
        except ssl.SSLError as error:
            sock.close()
            reason = getattr(error, "verify_message", "") or error.reason or "handshake failed"
            raise TlsFailed(f"{origin!r}: {reason}") from None
        except OSError as error:
            sock.close()
            kind = TlsFailed if context is not None else ConnectFailed
            raise kind(f"{origin!r}: {error.strerror or 'connection ended in the handshake'}") from None
        except asyncio.CancelledError:
            sock.close()
            raise

    # --- addresses

    async def _direct(self, origin: Origin) -> socket.socket:
        addresses = await self._addresses(origin.host, origin.port)
        for address in addresses:
            if not is_allowed(address, origin.allow_private):
                raise EgressDenied(f"{origin!r}: address {address} is not allowed")
        return await _first_connected(addresses, origin.port, repr(origin))

    async def _addresses(self, host: str, port: int) -> list[IPAddress]:
        literal = parse_literal(host)
        if literal is not None:
            return [literal]
        try:
            answers = await self._resolve(host, port)
            addresses = [ipaddress.ip_address(answer) for answer in answers]
        except (OSError, UnicodeError, ValueError):
            raise NameResolutionFailed(f"no address for {host}") from None
        if not addresses:
            raise NameResolutionFailed(f"no address for {host}")
        return addresses

    # --- the corporate proxy

    async def _through_proxy(self, origin: Origin, proxy_url: str) -> socket.socket:
        """A tunnel by CONNECT. The proxy resolves the name, so only literals can be checked; the proxy itself may be private."""
        literal = parse_literal(origin.host)
        if literal is not None and not is_allowed(literal, origin.allow_private):
            raise EgressDenied(f"{origin!r}: address is not allowed")
        host, port, credentials = parse_proxy(proxy_url)
        addresses = await self._addresses(host, port)
        if any(is_metadata(address) for address in addresses):
            raise EgressDenied("the proxy's address is not allowed")
        sock = await _first_connected(addresses, port, f"proxy {host}:{port}")
        try:
            await _open_tunnel(sock, origin, credentials)
        except BaseException:
            sock.close()
            raise
        return sock

    # --- TLS

    def _context(self, origin: Origin) -> ssl.SSLContext:
        key = (origin.verify, origin.ca_file)
        context = self._contexts.get(key)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=origin.ca_file or None)
            except (OSError, ssl.SSLError):
                raise TlsFailed(f"{origin!r}: the CA file cannot be used") from None
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            if not origin.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[key] = context
        return context


def parse_proxy(url: str) -> tuple[str, int, bytes]:
    """Host, port and basic credentials (empty without) of a proxy URL. Raises ProxyFailed, never quoting the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 3128
    except ValueError:
        raise ProxyFailed("the proxy URL is malformed") from None
    if parts.scheme != "http" or not host or not host.isascii():
        raise ProxyFailed("the proxy URL must be http://[user:password@]host:port")
    if parts.username is None:
        return host, port, b""
    plain = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return host, port, base64.b64encode(plain.encode())


async def _open_tunnel(sock: socket.socket, origin: Origin, credentials: bytes) -> None:
    loop = asyncio.get_running_loop()
    target = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
    login = b"proxy-authorization: Basic %b\r\n" % credentials if credentials else b""
    head = b""
    try:
        await loop.sock_sendall(
            sock, b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target.encode(), target.encode(), login)
        )
        while b"\r\n\r\n" not in head:
            data = await loop.sock_recv(sock, _PROXY_HEAD)
            head += data
            if not data or len(head) > _PROXY_HEAD:
                raise ProxyFailed("the proxy closed or sent too much")
    except OSError:
        raise ProxyFailed("the connection to the proxy broke") from None
    match = _PROXY_STATUS.match(head)
    if match is None or not head.endswith(b"\r\n\r\n"):
        raise ProxyFailed("the proxy's answer is malformed")
    if not match[1].startswith(b"2"):
        raise ProxyFailed(f"the proxy answered {match[1].decode('ascii')}")


async def _first_connected(addresses: list[IPAddress], port: int, label: str) -> socket.socket:
    """A socket connected to the first address that answers: tried in order, families alternating, staggered."""
    ordered = _interleave(addresses)
    if len(ordered) == 1:
        try:
            return await _tcp(ordered[0], port)
        except OSError as error:
            raise ConnectFailed(f"{label}: {error.strerror or 'connection failed'}") from None
    group = TaskGroup()
    running: set[asyncio.Task[socket.socket | OSError]] = set()
    last: OSError | None = None
    try:
        while ordered or running:
            if ordered:
                running.add(group.spawn(_tcp_or_error(ordered.pop(0), port), "egress connect"))
            timeout = STAGGER_S if ordered else None
            done, running = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            outcomes = [task.result() for task in done]
            sockets = [outcome for outcome in outcomes if isinstance(outcome, socket.socket)]
            for spare in sockets[1:]:
                spare.close()
            if sockets:
                return sockets[0]
            last = next((outcome for outcome in outcomes if isinstance(outcome, OSError)), last)
    finally:
        for task in running:
            task.add_done_callback(_close_late)
            task.cancel()
    raise ConnectFailed(f"{label}: {(last and last.strerror) or 'connection failed'}")


def _close_late(task: asyncio.Task[socket.socket | OSError]) -> None:
    if not task.cancelled() and isinstance(outcome := task.result(), socket.socket):
        outcome.close()


def _interleave(addresses: list[IPAddress]) -> list[IPAddress]:
    first = [each for each in addresses if each.version == addresses[0].version]
    second = [each for each in addresses if each.version != addresses[0].version]
    return [each for pair in zip_longest(first, second) for each in pair if each is not None]


async def _tcp_or_error(address: IPAddress, port: int) -> socket.socket | OSError:
    try:
        return await _tcp(address, port)
    except OSError as error:
        return error


async def _tcp(address: IPAddress, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock
