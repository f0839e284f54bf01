"""Origins: equal by value, immutable, nothing but plain hosts."""

from __future__ import annotations

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.origin import Origin


@pytest.mark.parametrize(
    ("address", "header"),
    [
        (Address(scheme="https", host="API.example"), b"api.example"),
        (Address(scheme="https", host="api.example", port=8443), b"api.example:8443"),
        (Address(scheme="http", host="api.example", port=80), b"api.example"),
        (Address(scheme="http", host="[2001:DB8::1]", port=81), b"[2001:db8::1]:81"),
        (Address(scheme="http", host="::1"), b"[::1]"),
        (Address(scheme="http", host="10.0.0.1", port=1), b"10.0.0.1:1"),
        (Address(scheme="https", host="bücher.example"), b"xn--bcher-kva.example"),
        (Address(scheme="http", host="my_service", port=4000), b"my_service:4000"),
        (Address(scheme="unix", socket_path="/run/x.sock"), b"localhost"),
    ],
)
def test_host_header(address: Address, header: bytes) -> None:
    assert Origin.of(address).host_header == header


@pytest.mark.parametrize(
    "address",
    [
        Address(scheme="ftp", host="a"),
        Address(scheme="http", host=""),
        Address(scheme="http", host="a b"),
        Address(scheme="http", host="user@host"),
        Address(scheme="http", host="a/b"),
        Address(scheme="http", host="a\r\nb"),
        Address(scheme="http", host="a:b"),
        Address(scheme="http", host="a" * 254),
        Address(scheme="http", host="a", port=65536),
        Address(scheme="http", host="a", allow_private=("10.0.0.1/8",)),
        Address(scheme="unix"),
    ],
)
def test_refused(address: Address) -> None:
    with pytest.raises(ValueError, match=r"."):
        Origin.of(address)


def test_key_of_the_pool() -> None:
    plain = Address(scheme="https", host="a", proxy_url=Secret("http://p"))
    same = Origin.of(Address(scheme="https", host="A", port=443, proxy_url=Secret("http://p")))
    assert Origin.of(plain) == same
    assert hash(Origin.of(plain)) == hash(same)
    others = [
        Address(scheme="https", host="a"),
        Address(scheme="https", host="a", verify=False, proxy_url=Secret("http://p")),
        Address(scheme="https", host="a", ca_file="/x", proxy_url=Secret("http://p")),
        Address(scheme="https", host="a", allow_private=("10.0.0.0/8",), proxy_url=Secret("http://p")),
        Address(scheme="https", host="a", proxy_url=Secret("http://q")),
    ]
    assert same not in [Origin.of(each) for each in others]
    assert same != "https://a"
    assert repr(same) == "Origin(https://a)"
    with pytest.raises(AttributeError):
        same.host = "b"
