"""Slows down who tries passwords: per account and per address, in memory of bounded size.

An address is counted by its network (IPv4 /24, IPv6 /64). After a few failures every further attempt has to wait, twice as
long each time up to a bound; a quarter of an hour without failures forgets them. An account and a network from which its
owner has signed in before are a pair with a count of its own: what strangers do elsewhere, or to others from the same
network, does not lock the owner out.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FORGET_S = 900.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
FREE_BY_ACCOUNT = 10
FREE_BY_NETWORK = 20
MAX_ENTRIES = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    told: bool = False
    """Whether somebody was made to wait since the last failure."""

    def until(self, free: int) -> float:
        """Until when the next attempt has to wait."""
        if self.count < free:
            return 0.0
        return self.last + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self.count - free, 30))


class Throttle:
    """Lives on the event loop. Times are Unix seconds."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max = max_entries
        self._accounts: OrderedDict[str, _Failures] = OrderedDict()
        self._networks: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, account: str, address: str, now: float) -> float:
        """How long this attempt has to wait; 0 when it may be made."""
        network = network_of(address)
        pair = _pair(account, network)
        if pair in self._known:
            until = _until(self._known, pair, FREE_BY_ACCOUNT, now)
        else:
            of_account = _until(self._accounts, account, FREE_BY_ACCOUNT, now)
            until = max(of_account, _until(self._networks, network, FREE_BY_NETWORK, now))
        return max(0.0, until - now)

    def is_new_refusal(self, account: str, address: str, now: float) -> bool:
        """Whether this attempt has to wait and none has since the last failure: worth a record, of which there must be few."""
        if self.wait_s(account, address, now) <= 0:
            return False
        network = network_of(address)
        pair = self._known.get(_pair(account, network))
        entries = (pair,) if pair is not None else (self._accounts.get(account), self._networks.get(network))
        new = any(entry is not None and not entry.told for entry in entries)
        for entry in entries:
            if entry is not None:
                entry.told = True
        return new

    def failed(self, account: str, address: str, now: float) -> None:
        """Count a failure. Call it before the password is checked: attempts at once must not all slip through."""
        network = network_of(address)
        if _pair(account, network) in self._known:
            self._count(self._known, _pair(account, network), now)
        self._count(self._accounts, account, now)
        self._count(self._networks, network, now)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of an account and remember where its owner is."""
        network = network_of(address)
        self._accounts.pop(account, None)
        failures = self._networks.get(network)
        if failures is not None:
            # Not forgotten: who owns one account must not buy tries on others with it.
            failures.count = max(0, failures.count - 1)
        pair = _pair(account, network)
        self._known[pair] = _Failures(0, 0.0)
        self._known.move_to_end(pair)
        while len(self._known) > self._max:
            self._known.popitem(last=False)

    def _count(self, entries: OrderedDict[str, _Failures], name: str, now: float) -> None:
        entry = entries.get(name)
        if entry is None or entry.last + FORGET_S <= now:
            entry = entries[name] = _Failures(0, now)
        entry.count += 1
        entry.last = now
        entry.told = False
        entries.move_to_end(name)
        while len(entries) > self._max:
            entries.popitem(last=False)


def network_of(address: str) -> str:
    """The network an address counts for; what is no address counts as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    length = 24 if parsed.version == 4 else 64
    return str(ipaddress.ip_network((parsed, length), strict=False))


def _pair(account: str, network: str) -> str:
    return f"{network} {account}"


def _until(entries: OrderedDict[str, _Failures], name: str, free: int, now: float) -> float:
    entry = entries.get(name)
    return 0.0 if entry is None or entry.last + FORGET_S <= now else entry.until(free)
