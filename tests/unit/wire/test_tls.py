"""TLS on both sides."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from pathlib import Path

import pytest
import trustme
from tests.unit.wire.tls_servers import LOCAL, fetch, tls_server

from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.errors import (
    TlsFailed,
)
from phantom_gateway.wire.origin import Origin


async def test_tls_both_sides() -> None:
    ca = trustme.CA()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca_file = str(folder / "ca.pem")
        ca.cert_pem.write_to_path(ca_file)
        async with tls_server(folder, ca, "api.example") as (handler, port):
            good = Address(scheme="https", host="api.example", port=port, allow_private=LOCAL, ca_file=ca_file)
            assert await fetch(Origin.of(good)) == (200, b"answer to /tls")
            assert handler.seen[0].scheme == "https"
            assert handler.seen[0].get(b"host") == b"api.example:%d" % port
            other = Address(scheme="https", host="other.example", port=port, allow_private=LOCAL, ca_file=ca_file)
            unknown_ca = Address(scheme="https", host="api.example", port=port, allow_private=LOCAL)
            for address in (other, unknown_ca):
                with pytest.raises(TlsFailed) as caught:
                    await fetch(Origin.of(address))
                assert not caught.value.sent
            lax = Address(scheme="https", host="other.example", port=port, allow_private=LOCAL, verify=False)
            assert (await fetch(Origin.of(lax)))[0] == 200
            missing = Address(
                scheme="https", host="api.example", port=port, allow_private=LOCAL, ca_file=name + "/none"
            )
            with pytest.raises(TlsFailed):
                await fetch(Origin.of(missing))


async def test_old_tls_is_refused() -> None:
    ca = trustme.CA()
    with tempfile.TemporaryDirectory() as name:
        async with tls_server(Path(name), ca, "api.example") as (_, port):
            context = ssl.create_default_context()
            ca.configure_trust(context)
            with pytest.warns(DeprecationWarning, match="TLS"):
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="api.example")
