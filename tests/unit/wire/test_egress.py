"""The egress rule against real listeners: refused destinations see no connection."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path

import pytest
import trustme
from tests.contract.http.raw import Recorder, bound_socket, listening
from tests.unit.wire.tls_servers import LOCAL, answering, fetch, tls_server

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.snapshot import Address, HttpLimits
from phantom_gateway.wire import egress as egress_module
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.errors import (
    ConnectFailed,
    ConnectTimeout,
    EgressDenied,
    NameResolutionFailed,
    ProxyFailed,
    TlsFailed,
    UpstreamError,
)
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.server import HttpServer


class Canary:
    """A listener that counts connections."""

    def __init__(self) -> None:
        self.connections = 0

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


async def connect(egress: Egress, origin: Origin, connect_s: float = 2) -> None:
    transport, _ = await egress.connect(origin, asyncio.Protocol, connect_s)
    transport.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]",  # noqa: S104
     "[2002:7f00:1::]", "169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "100.64.0.1",
     "[fec0::1]", "localhost"],
)  # fmt: skip
async def test_private_destinations_are_refused(host: str) -> None:
    canary = Canary()
    async with listening(canary) as port:
        with pytest.raises(EgressDenied) as caught:
            await connect(Egress(), Origin.of(Address(scheme="http", host=host, port=port)))
        assert not caught.value.sent
        proxied = Address(scheme="http", host=host, port=port, proxy_url=Secret("http://127.0.0.1:1"))
        if host != "localhost":
            with pytest.raises(EgressDenied):
                await connect(Egress(), Origin.of(proxied))
        assert canary.connections == 0


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1", "::1"], ["::ffff:10.0.0.1"], ["169.254.169.254"]],
)
async def test_every_answer_of_the_resolver_is_checked(answers: list[str]) -> None:
    canary = Canary()
    async with listening(canary) as port:
        with pytest.raises(EgressDenied):
            await connect(
                Egress(answering(answers)), Origin.of(Address(scheme="http", host="rebind.example", port=port))
            )
        assert canary.connections == 0


async def test_a_name_is_resolved_once_per_connection() -> None:
    """Public at the check, private at the connect: there is no second look-up to rebind."""
    canary = Canary()
    async with listening(canary) as port:
        egress = Egress(answering(["192.0.2.1"], ["127.0.0.1"]))
        origin = Origin.of(Address(scheme="http", host="rebind.example", port=port, allow_private=("192.0.2.0/24",)))
        with pytest.raises(UpstreamError):
            await connect(egress, origin, 0.2)
        with pytest.raises(EgressDenied):
            await connect(egress, origin, 0.2)
        assert canary.connections == 0


async def test_metadata_is_refused_even_when_allowed() -> None:
    address = Address(scheme="http", host="169.254.169.254", allow_private=("0.0.0.0/0", "::/0"))
    with pytest.raises(EgressDenied):
        await connect(Egress(), Origin.of(address))


async def test_second_address_serves_when_the_first_does_not() -> None:
    canary = Canary()
    async with listening(canary) as port:
        origin = Origin.of(Address(scheme="http", host="two.example", port=port, allow_private=LOCAL))
        await connect(Egress(answering(["127.0.0.2", "127.0.0.1"])), origin)
        await connect(Egress(answering(["::1", "127.0.0.1"])), origin)
        assert canary.connections == 2
        with pytest.raises(ConnectFailed):
            await connect(Egress(answering(["127.0.0.2", "127.0.0.3"])), origin)


async def test_failures_of_names_and_time() -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    async def slow(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(30)
        return []

    origin = Origin.of(Address(scheme="http", host="nowhere.example", port=1))
    for resolver in (unknown, answering([]), answering(["not an address"])):
        with pytest.raises(NameResolutionFailed):
            await connect(Egress(resolver), origin)
    with pytest.raises(ConnectTimeout):
        await connect(Egress(slow), origin, 0.02)
    with pytest.raises(ConnectFailed):
        await connect(Egress(), Origin.of(Address(scheme="unix", socket_path="/nonexistent/socket")))


# --- TLS and the proxy


async def test_no_tls_at_all() -> None:
    canary = Canary()
    async with listening(canary) as port:
        with pytest.raises(TlsFailed):
            await connect(
                Egress(), Origin.of(Address(scheme="https", host="127.0.0.1", port=port, allow_private=LOCAL))
            )


class ConnectProxy:
    """A small CONNECT proxy that tunnels everything to one local port."""

    def __init__(
        self, port: int, *, login: str = "", answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    ) -> None:
        self.port = port
        self.login = login
        self.answer = answer
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        token = base64.b64encode(self.login.encode())
        if self.login and b"proxy-authorization: Basic " + token + b"\r\n" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        writer.write(self.answer)
        if not self.answer.startswith(b"HTTP/1.1 200"):
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await asyncio.gather(
                self.pump(reader, there_writer), self.pump(there_reader, writer), return_exceptions=True
            )
        finally:
            there_writer.transport.abort()

    @staticmethod
    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        finally:
            target.close()


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_proxy(scheme: str) -> None:
    ca = trustme.CA()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca_file = str(folder / "ca.pem")
        ca.cert_pem.write_to_path(ca_file)
        async with tls_server(folder, ca, "api.example") as (_, tls_port):
            plain = HttpServer(Recorder(), HttpLimits())
            sock = bound_socket()
            await plain.start(sock)
            proxy = ConnectProxy(tls_port if scheme == "https" else sock.getsockname()[1], login="user:pa ss")
            async with listening(proxy) as port:
                address = Address(
                    scheme=scheme,
                    host="api.example",
                    ca_file=ca_file,
                    proxy_url=Secret(f"http://user:pa%20ss@127.0.0.1:{port}"),
                )
                assert await fetch(Origin.of(address)) == (200, b"answer to /tls")
                expected = 443 if scheme == "https" else 80
                assert proxy.heads[0].startswith(
                    b"CONNECT api.example:%d HTTP/1.1\r\nhost: api.example:%d\r\n" % (expected, expected)
                )
                wrong = Address(
                    scheme=scheme, host="api.example", proxy_url=Secret(f"http://user:wrong@127.0.0.1:{port}")
                )
                with pytest.raises(ProxyFailed, match="407") as caught:
                    await fetch(Origin.of(wrong))
                assert "wrong" not in str(caught.value)
            await plain.drain(0.2)


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nearly bytes",
        b"HTTP/1.1 200 " + b"a" * 9000,
    ],
    ids=["nonsense", "nothing", "502", "early", "long"],
)
async def test_bad_proxies(answer: bytes) -> None:
    canary = Canary()
    async with listening(canary) as behind, listening(ConnectProxy(behind, answer=answer)) as port:
        address = Address(scheme="https", host="api.example", proxy_url=Secret(f"http://127.0.0.1:{port}"))
        with pytest.raises((ProxyFailed, TlsFailed)):
            await connect(Egress(), Origin.of(address))


@pytest.mark.parametrize(
    "url", ["https://proxy:1", "socks5://proxy:1", "http://", "http://[", "http://proxy:port", "proxy:3128"]
)
async def test_proxy_urls(url: str) -> None:
    with pytest.raises(ProxyFailed) as caught:
        await connect(Egress(), Origin.of(Address(scheme="https", host="api.example", proxy_url=Secret(url))))
    assert url not in str(caught.value) or url == "http://"


async def test_proxy_at_a_metadata_address() -> None:
    address = Address(scheme="https", host="api.example", proxy_url=Secret("http://169.254.169.254:80"))
    with pytest.raises(EgressDenied):
        await connect(Egress(), Origin.of(address))


def test_only_egress_opens_connections() -> None:
    folder = Path(egress_module.__file__).parent.parent
    words = ("create_connection(", "create_unix_connection(", "open_connection(", "sock_connect(", ".connect((")
    for path in folder.rglob("*.py"):
        text = path.read_text()
        if path.name != "egress.py" and "gateway/wire" in path.as_posix():
            assert not any(word in text for word in words), path
