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
PERMIT_WEAK = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
MIN_LENGTH = 20
MIN_ENTROPY_BITS = 32.0
# Words only: digits such as the 1234 of sk-1234 turn up in one random key of a hundred; length and regularity catch those.
_WELL_KNOWN = ("password", "changeme", "change-me", "your-master-key", "example", "masterkey", "master-key")


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


def load(configured: Secret | None, environment: Mapping[str, str], data_dir: Path) -> MasterKey:
    """Find or make the master key. Raises MasterKeyError for a weak key or an unreadable key file."""
    path = data_dir / "keys" / "master.key"
    found = _given(configured, environment)
    if found is None:
        try:
            found = _stored(path)
        except secret_file.SecretFileError as error:
            raise MasterKeyError(str(error)) from error
    reason = weakness(found.secret)
    if reason and environment.get(PERMIT_WEAK, "").lower() != "true":
        raise MasterKeyError(
            f"the master key from {found.source} is refused: {reason}. Use a random one, e.g. the output of "
            f"`echo sk-$(openssl rand -hex 24)`, or remove the setting to have one generated. "
            f"{PERMIT_WEAK}=true permits it at your own risk."
        )
    return found


def weakness(key: Secret) -> str | None:
    """Why ``key`` is too weak to guard a gateway, or ``None``."""
    text = key.reveal()
    if not text.startswith("sk-"):
        return "it does not start with sk-"
    if len(text) < MIN_LENGTH:
        return f"it is shorter than {MIN_LENGTH} characters"
    if any(word in text.lower() and len(text) < len(word) + 24 for word in _WELL_KNOWN):
        return "it contains a well-known example"
    if _entropy_bits(text[3:]) < MIN_ENTROPY_BITS:
        return "it is too regular to be random"
    return None


def _given(configured: Secret | None, environment: Mapping[str, str]) -> MasterKey | None:
    if configured:
        return MasterKey(configured, "general_settings.master_key")
    for name in ENVIRONMENT:
        if value := environment.get(name, "").strip():
            return MasterKey(Secret(value), name)
    return None


def _stored(path: Path) -> MasterKey:
    try:
        return MasterKey(secret_file.read(path), str(path))
    except FileNotFoundError:
        pass
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
