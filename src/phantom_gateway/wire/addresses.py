"""Which IP addresses may be connected to: pure functions over addresses.

An address counts with every IPv4 address it embeds (RFC 4291 mapped and compatible, RFC 6145 translated, RFC 6052 NAT64,
RFC 3056 6to4), so that no notation of a private address passes. Sources of the tables: IANA special-purpose registries,
``ipaddress`` of Python 3.11 and newer; metadata services of AWS, Azure, GCP, Alibaba, Oracle (November 2026).
"""

from __future__ import annotations

import ipaddress
import socket

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = tuple(
    ipaddress.ip_network(block)
    for block in (
        "169.254.0.0/16",  # link-local: AWS, Azure, GCP, Oracle, DigitalOcean
        "fe80::/10",
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # GCP
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure host agent, a public address
        "192.0.0.192/32",  # Oracle
    )
)
"""Never reachable, whatever the operator allows."""

_EMBED_TAIL = tuple(
    ipaddress.IPv6Network(block) for block in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96")
)
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The only global unicast space given out so far."""
_NEVER_GLOBAL = tuple(
    ipaddress.ip_network(block)
    for block in (
        "64:ff9b:1::/48",  # NAT64 of local use: the embedded address depends on the site
        "2001::/32",  # Teredo
        "fec0::/10",  # site-local, deprecated
        "3fff::/20",  # documentation (2024), unknown to older Pythons
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "100.64.0.0/10",  # carrier-grade NAT
        "0.0.0.0/8",
        "240.0.0.0/4",
    )
)


def parse_literal(host: str) -> IPAddress | None:
    """``host`` as an address when it is one in any notation the system understands (``127.1``, ``2130706433``), else None."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host.isascii() and " " not in host else None
    except OSError:
        return None


def embedded(address: IPAddress) -> tuple[IPAddress, ...]:
    """``address`` and the IPv4 address it carries, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if any(address in network for network in _EMBED_TAIL):
        return (address, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _SIX_TO_FOUR:
        return (address, ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF))
    return (address,)


def is_metadata(address: IPAddress) -> bool:
    """Whether this is, or carries, the address of a cloud's metadata service or anything link-local."""
    return any(each in network for each in embedded(address) for network in METADATA)


def is_allowed(address: IPAddress, allow_private: tuple[Network, ...]) -> bool:
    """Whether a connection may be opened: global, or inside what the operator allowed; metadata services never."""
    views = embedded(address)
    if is_metadata(address):
        return False
    if any(each in network for each in views for network in allow_private):
        return True
    if len(views) > 1:
        return _is_global(views[1])
    return _is_global(address)


def _is_global(address: IPAddress) -> bool:
    if any(address in network for network in _NEVER_GLOBAL):
        return False
    if address.version == 6 and address not in _UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
