"""What the keeper decides, from figures alone: who is ended, who gets help, where a child may connect to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from phantom_gateway.spine.bridge import BridgeSettings, BridgeSlot

BUSY_CALLS = 32
BUSY_CPU = 0.7
"""At so many calls, or with so much of a core, a process is busy enough for another beside it."""
MEASURE_S = 0.4
"""What is measured over less says nothing."""
HTTPS_PORT = 443

Fate = Literal["", "memory", "hung", "idle"]
N = TypeVar("N")


@dataclass(slots=True)
class Load:
    """What is known of a child. Times are of the monotonic clock."""

    born: float
    beat: float
    """When it last said something."""
    used: float
    """When it last had a call."""
    in_flight: int = 0
    served: int = 0
    measured: float = 0.0
    cpu_s: float = 0.0
    """Of its processor time, at that moment."""
    cpu_share: float = 0.0
    grown: int = 0
    """Bytes beyond what the zygote had."""
    ending: bool = False

    def heard(self, now: float, in_flight: int, served: int, cpu_s: float) -> None:
        """Take in a beat."""
        passed = now - (self.measured or self.born)
        if passed >= MEASURE_S:
            self.cpu_share = max(0.0, cpu_s - self.cpu_s) / passed
            self.measured, self.cpu_s = now, cpu_s
        if in_flight or served != self.served:
            self.used = now
        self.beat, self.in_flight, self.served = now, in_flight, served


def fate(load: Load, now: float, settings: BridgeSettings) -> Fate:
    """Why a child is to go now, if it is."""
    if load.grown > settings.memory_mb << 20:
        return "memory"
    if now - load.beat > settings.hang_s:
        return "hung"
    if not load.ending and not load.in_flight and now - load.used > settings.idle_s:
        return "idle"
    return ""


def wants_another(loads: Iterable[Load], starting: int, settings: BridgeSettings) -> bool:
    """Whether a slot's children are all busy and one more is allowed."""
    there = [load for load in loads if not load.ending]
    busy = all(load.in_flight >= BUSY_CALLS or load.cpu_share > BUSY_CPU for load in there)
    return bool(there) and busy and not starting and len(there) < settings.processes


def victim(children: Iterable[tuple[N, Load]]) -> N | None:
    """Who makes room for another slot: the one that was not used for the longest time, and is not now."""
    idle = [
        (load.used, index, name)
        for index, (name, load) in enumerate(children)
        if not load.in_flight and not load.ending
    ]
    return min(idle)[2] if idle else None


def proxied(slot: BridgeSlot, host: str, *, tls: bool) -> bool:
    """Whether a connection takes the corporate proxy: TLS does, but for the hosts of ``no_proxy``."""
    if slot.proxy_url is None or not tls:
        return False
    names = [name.removeprefix("*").removeprefix(".") for name in slot.no_proxy]
    return not any(name in ("", host) or host.endswith(f".{name}") for name in names)


def reachable(slot: BridgeSlot, host: str, port: int, *, tls: bool) -> tuple[str, ...] | None:
    """The private blocks that ``host`` may be in, or ``None``: it is not to be connected to.

    What the operator wrote is reached as he wrote it; anything else by TLS at the usual port, where the provider's are known, at
    the provider's hosts only.
    """
    host = host.lower().rstrip(".")
    named = slot.hosts.get(host)
    if named is not None:
        return (*named, *slot.allow_private)
    if not tls or port != HTTPS_PORT:
        return None
    if slot.suffixes and not any(host == each or host.endswith(f".{each}") for each in slot.suffixes):
        return None
    return slot.allow_private
