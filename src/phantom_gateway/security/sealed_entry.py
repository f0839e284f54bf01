"""Cached answers as they lie in a Redis that others may read and write: not readable, not forgeable, not movable.

An entry lies at ``phantom:answer:<fingerprint of the cache key>:<name>``.

    entry key = HMAC-SHA256(cache key, "entry" | name)       one for each name: no key seals enough for its nonces to meet
    value     = 0x01 | nonce 12 | AES-256-GCM(entry key, nonce, content, additional data = name)
"""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from phantom_gateway.config.secret import Secret

PREFIX = "phantom:answer:"
"""Before everything that is cached in a Redis, whosever it is."""
OVERHEAD = 1 + 12 + 16
"""Bytes a value is longer than its content."""
_FORM = b"\x01"
_NONCE = 12


class EntrySealer:
    """Seals and opens values by their names."""

    __slots__ = ("_key", "prefix")

    def __init__(self, secret: Secret) -> None:
        self._key = bytes.fromhex(secret.reveal())
        self.prefix = f"{PREFIX}{hmac.digest(self._key, b'fingerprint', 'sha256').hex()[:16]}:"
        """Before everything that installations with this key cache."""

    def place(self, name: str) -> str:
        """Under what the entry of this name lies."""
        return self.prefix + name

    def seal(self, name: bytes, content: bytes) -> bytes:
        """The value to store under ``name``."""
        nonce = os.urandom(_NONCE)
        return _FORM + nonce + self._cipher(name).encrypt(nonce, content, name)

    def open(self, name: bytes, value: bytes) -> bytes | None:
        """The content that was sealed for ``name``; ``None`` for anything else: another name's value, one bit changed, garbage."""
        if len(value) < OVERHEAD or value[:1] != _FORM:
            return None
        try:
            return self._cipher(name).decrypt(value[1 : 1 + _NONCE], value[1 + _NONCE :], name)
        except InvalidTag:
            return None

    def _cipher(self, name: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, b"entry|" + name, "sha256"))
