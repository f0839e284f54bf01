"""The master key: where it comes from and which ones are refused.

Order: ``general_settings.master_key``, then the environment (``PHANTOM_MASTER_KEY``, ``LITELLM_MASTER_KEY``), then
``DATA/keys/master.key``, which is made on the first start that finds none. There is no default master key: of about 3,000
LiteLLM gateways found on the Internet in September 2026, one in ten accepted the ``sk-1234`` of its documentation (Wiz).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import key_format, secret_file

ENVIRONMENT = ("PHANTOM_MASTER_KEY", "LITELLM_MASTER_KEY")
CONFIGURED = "general_settings.master_key"
PERMIT_WEAK = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
MIN_LENGTH = 20
MAX_LENGTH = 512
"""Keys that are longer are taken by nobody."""
MIN_ENTROPY_BITS = 32.0
# Words only: digits such as the 1234 of sk-1234 turn up in one random key of a hundred; length and regularity catch those.
_WELL_KNOWN = ("password", "changeme", "change-me", "your-master-key", "example", "masterkey", "master-key")


_ADVICE = "Use a random one, e.g. the output of `echo sk-$(openssl rand -hex 24)`, or remove the setting to have one generated"


class MasterKeyError(Exception):
    """There is a master key, but it must not be used; the message says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The master key in force."""

    secret: Secret
    source: str
    """Where it was found: ``general_settings.master_key``, the name of the variable, or the path of the file."""
    generated: bool = False
    """Made by this start: the one moment at which it is shown."""


def load(
    configured: Secret | None, environment: Mapping[str, str], data_dir: Path, in_force: MasterKey | None = None
) -> MasterKey:
    """Find or make the master key. Raises MasterKeyError for a weak or unusable key or an unreadable key file.

    With a key ``in_force`` none is made, and one that was written in the configuration gives way only to another that is
    written there: a file that is half written, or that lost a line, must not change who is administrator.
    """
    path = data_dir / "keys" / "master.key"
    found = _given(configured, environment)
    if found is None:
        try:
            found = _stored(path, make=in_force is None)
        except secret_file.SecretFileError as error:
            raise MasterKeyError(str(error)) from error
    if found is not None:
        _refuse_unfit(found, environment)
    return _successor(found, in_force)


def check(configured: Secret | None, environment: Mapping[str, str]) -> None:
    """Judge a master key of the configuration or the environment as ``load`` would; without one nothing is made."""
    found = _given(configured, environment)
    if found is not None:
        _refuse_unfit(found, environment)


def _refuse_unfit(found: MasterKey, environment: Mapping[str, str]) -> None:
    """Raises MasterKeyError for a key that cannot be used, or should not be and is not permitted expressly."""
    reason = _unusable(found.secret.reveal())
    if reason:
        raise MasterKeyError(f"the master key from {found.source} is refused: {reason}. {_ADVICE}.")
    reason = weakness(found.secret)
    if reason and environment.get(PERMIT_WEAK, "").lower() != "true":
        raise MasterKeyError(
            f"the master key from {found.source} is refused: {reason}. {_ADVICE}. {PERMIT_WEAK}=true permits it at your "
            f"own risk."
        )


def weakness(key: Secret) -> str | None:
    """Why ``key`` is too weak to guard a gateway, or would open nothing, or ``None``."""
    text = key.reveal()
    if reason := _unusable(text):
        return reason
    if not text.startswith("sk-"):
        return "it does not start with sk-"
    if len(text) < MIN_LENGTH:
        return f"it is shorter than {MIN_LENGTH} characters"
    if any(word in text.lower() and len(text) < len(word) + 24 for word in _WELL_KNOWN):
        return "it contains a well-known example"
    if _entropy_bits(text[3:]) < MIN_ENTROPY_BITS:
        return "it is too regular to be random"
    return None


def _unusable(text: str) -> str | None:
    """Why no request could ever be made with it: callers are asked for keys in which these are mistakes."""
    if len(text) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters, and such keys are not accepted"
    if not text.isascii() or not text.isprintable() or text != text.strip():
        return "it has characters, or blanks at an end, that no header of a request carries"
    if key_format.checksum_ok(text) is False:
        return (
            f"it begins with {key_format.PREFIX} as the keys that are made here do, but its checksum is wrong: it was "
            f"mistyped or cut off"
        )
    return None


def _successor(found: MasterKey | None, in_force: MasterKey | None) -> MasterKey:
    """``found``, if it may follow the key in force while the gateway runs."""
    if in_force is None:
        assert found is not None, "made where there is none"
        return found
    if found is None:
        raise MasterKeyError(
            f"the master key in force came from {in_force.source} and is not there any more; put it or another one there, "
            f"or start the gateway anew to have one made"
        )
    if in_force.source == CONFIGURED and found.source != CONFIGURED and found.secret != in_force.secret:
        raise MasterKeyError(
            f"{CONFIGURED} is in force and is missing now; write it or another one there, or start the gateway anew to "
            f"use the one from {found.source}"
        )
    return found


def _given(configured: Secret | None, environment: Mapping[str, str]) -> MasterKey | None:
    if configured:
        return MasterKey(configured, CONFIGURED)
    for name in ENVIRONMENT:
        if value := environment.get(name, "").strip():
            return MasterKey(Secret(value), name)
    return None


def _stored(path: Path, *, make: bool) -> MasterKey | None:
    try:
        return MasterKey(secret_file.read(path), str(path))
    except FileNotFoundError:
        if not make:
            return None
    made = key_format.generate()
    try:
        secret_file.create(path, made)
    except FileExistsError:
        return MasterKey(secret_file.read(path), str(path))
    return MasterKey(made, str(path), generated=True)


def _entropy_bits(text: str) -> float:
    """Bits by the frequencies of characters and of steps between neighbours (``123456`` has one step only)."""
    steps = [ord(right) - ord(left) for left, right in itertools.pairwise(text)]
    return min(_shannon(text), _shannon(steps))


def _shannon(symbols: str | list[int]) -> float:
    total = len(symbols)
    return -sum(count * math.log2(count / total) for count in Counter(symbols).values())
