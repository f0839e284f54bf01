"""Whose requests are served at all, by the address they come from.

``X-Forwarded-For`` is a claim: it is read only where it is configured, from proxies that are trusted, and from its end, where
the nearest proxy has written what it saw (RFC 7239, section 8.1, warns of the same for ``Forwarded``).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNIX = "unix"
"""The peer of a connection over a unix socket: the rights of the file have decided."""
MAX_HOPS = 32

Block = ipaddress.IPv4Network | ipaddress.IPv6Network


class Clients:
    """What the configuration says of client addresses; made for each snapshot."""

    __slots__ = ("_allowed", "_trusted", "believes")

    def __init__(self, allowed: Sequence[str] | None, trusted: Sequence[str], *, believes: bool) -> None:
        self._allowed = None if allowed is None else _blocks(allowed)
        self.believes = believes
        """Whether ``X-Forwarded-For`` is read at all."""
        self._trusted = _blocks(trusted)

    def address(self, peer: str, forwarded_for: str) -> str:
        """Where a request comes from: ``peer``, or what a proxy says (``X-Forwarded-For``) that is believed."""
        if not self.believes or not forwarded_for:
            return peer
        if peer != UNIX and self._trusted and not _within(peer, self._trusted):
            return peer
        found = peer
        for hop in reversed([each.strip() for each in forwarded_for.split(",")[-MAX_HOPS:]]):
            if _parsed(hop) is None:
                break
            found = hop
            if not self._trusted or not _within(hop, self._trusted):
                break
        return found

    def admits(self, address: str) -> bool:
        """Whether this address is served."""
        return self._allowed is None or address == UNIX or _within(address, self._allowed)


def _blocks(written: Sequence[str]) -> tuple[Block, ...]:
    return tuple([ipaddress.ip_network(block) for block in written])


def _within(address: str, blocks: tuple[Block, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in block for block in blocks if block.version == parsed.version)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
