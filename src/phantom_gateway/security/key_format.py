"""Virtual keys: ``sk-ph-``, 32 random base62 characters (190 bits), and a 6-character CRC-32 of all before it.

The checksum costs an attacker nothing and a database nothing either: a mistyped, truncated or invented key is refused
without a look-up, and secret scanners recognise a leaked one without false alarms.
"""

from __future__ import annotations

import secrets
import zlib

from phantom_gateway.config.secret import Secret

PREFIX = "sk-ph-"
RANDOM_CHARS = 32
CHECK_CHARS = 6
LENGTH = len(PREFIX) + RANDOM_CHARS + CHECK_CHARS
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALPHABET_SET = frozenset(_ALPHABET)


def generate() -> Secret:
    """A new virtual key."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARS))
    return Secret(body + checksum(body))


def checksum(body: str) -> str:
    """CRC-32 of ``body`` as six base62 digits, most significant first."""
    value = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECK_CHARS):
        value, digit = divmod(value, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def checksum_ok(text: str) -> bool | None:
    """Whether a key in our format is intact; ``None`` when it is not our format (a custom key, one from LiteLLM)."""
    if not text.startswith(PREFIX):
        return None
    if len(text) != LENGTH or not _ALPHABET_SET.issuperset(text[len(PREFIX) :]):
        return False
    return text[-CHECK_CHARS:] == checksum(text[:-CHECK_CHARS])


def display(key: str) -> str:
    """What may be shown of a key: ``sk-...abcd``. A key too short to hide shows nothing of itself."""
    return f"sk-...{key[-4:]}" if len(key) >= 16 else "sk-..."
