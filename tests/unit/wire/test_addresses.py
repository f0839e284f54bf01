"""Which addresses are reachable, in every notation a private one can hide in."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.addresses import embedded, is_allowed, is_metadata, parse_literal

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))

DENIED = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0.0.0.0", "0", "10.0.0.1",  # noqa: S104
    "172.16.0.1", "192.168.1.1",
    "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "192.0.0.8",
    "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "fc00::1", "fd12:3456::1",
    "fec0::1", "ff02::1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1",
    "3fff::1", "192.0.0.170",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fe80::1",
    "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0xa9fea9fe", "2852039166",
]  # fmt: skip
ALLOWED = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("text", DENIED)
def test_denied(text: str) -> None:
    address = parse_literal(text)
    assert address is not None
    assert not is_allowed(address, ())


@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_denied_whatever_is_allowed(text: str) -> None:
    address = parse_literal(text)
    assert address is not None
    assert is_metadata(address)
    assert not is_allowed(address, (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))


@pytest.mark.parametrize("text", ALLOWED)
def test_global(text: str) -> None:
    address = parse_literal(text)
    assert address is not None
    assert is_allowed(address, ())


@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "fd12::1"])
def test_the_operator_may_allow_private_blocks(text: str) -> None:
    address = parse_literal(text)
    assert address is not None
    assert not is_allowed(address, ())
    assert is_allowed(address, LOOPBACK)


@pytest.mark.parametrize("name", ["example.com", "localhost", "a.b", "1.2.3.4.5", "", "127.0.0.1 x", "é"])
def test_names_are_no_literals(name: str) -> None:
    assert parse_literal(name) is None


@given(st.integers(0, 2**32 - 1))
def test_no_embedding_widens(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    wrapped = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ]
    for each in wrapped:
        assert embedded(each)[1] == plain
        assert is_allowed(each, ()) <= is_allowed(plain, ())
