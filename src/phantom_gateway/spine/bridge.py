"""What the bridge is to do: control plans it, the supervisor holds its sockets, the keeper carries it out.

Travels as one line of JSON from control to the supervisor and from there, packet by packet, to the keeper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from phantom_gateway.config.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "x-phantom-bridge"
"""Of a request to the bridge: which deployment it is for, with its credentials."""
FAILED = "x-phantom-bridge-failed"
"""Of an answer that the keeper gives itself, because there is nobody to do the work: its words are for the caller, too."""
DROPPED = "x-phantom-dropped-params"
INSTALL = "run `make bridge`, or name its Python in phantom.bridge.python"


class BridgeSlot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The calls of one credential, and where they may lead. Whatever is different makes another ``id``."""

    id: str
    provider: str
    hosts: dict[str, tuple[str, ...]] = {}
    """Hosts the operator wrote, and the blocks of private addresses each may have."""
    suffixes: tuple[str, ...] = ()
    """Further public hosts, with all below them; empty: all."""
    allow_private: tuple[str, ...] = ()
    proxy_url: Secret | None = None
    no_proxy: tuple[str, ...] = ()
    """Names, with all below them, and addresses that are reached without it."""
    ca_file: str = ""
    """Certificates that the SDK has to read; empty: the system's."""


class BridgeSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``phantom.bridge``. Times in seconds."""

    python: str = ""
    """Empty: the usual places."""
    processes: int = 2
    """Of one credential, under load."""
    max_processes: int = 16
    """Of all."""
    memory_mb: int = 512
    """What a process may grow by beyond what the SDK itself takes."""
    idle_s: float = 300.0
    hang_s: float = 30.0
    start_timeout_s: float = 60.0
    sandbox: Literal["available", "required"] = "available"
    separation: Literal["process", "import"] = "process"


class BridgePlan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; without slots there is nothing to run."""

    settings: BridgeSettings
    slots: tuple[BridgeSlot, ...] = ()


def socket_path(run: Path, slot: str) -> Path:
    """Where a slot is reached, below the data directory's ``run``. Short: the path of a socket has 108 characters at most."""
    return run / f"b-{slot}.sock"


def written(value: msgspec.Struct) -> dict[str, Any]:
    """As JSON has it, with the address of a proxy in plain."""
    plain: dict[str, Any] = msgspec.to_builtins(value, enc_hook=_reveal)
    return plain


def plan_of(value: object) -> BridgePlan:
    """Read a plan back. Raises msgspec.ValidationError."""
    return msgspec.convert(value, BridgePlan, dec_hook=_conceal)


def slot_of(value: object) -> BridgeSlot:
    """Read a slot back. Raises msgspec.ValidationError."""
    return msgspec.convert(value, BridgeSlot, dec_hook=_conceal)


def settings_of(value: object) -> BridgeSettings:
    """Read the settings back. Raises msgspec.ValidationError."""
    return msgspec.convert(value, BridgeSettings)


def _reveal(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


def _conceal(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError
