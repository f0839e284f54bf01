"""How a key is stored and looked up: as HMAC-SHA256 under a pepper that is not in the database.

Keys carry 190 random bits, so no slow hash is needed; the pepper makes a stolen database useless for recognising keys
that somebody chose himself.
"""

from __future__ import annotations

import hmac

from phantom_gateway.config.secret import Secret


class KeyHasher:
    """Digests keys. Workers call it on each miss of their key cache, so it is one call into OpenSSL."""

    __slots__ = ("_pepper", "fingerprint")

    def __init__(self, pepper_hex: Secret) -> None:
        self._pepper = bytes.fromhex(pepper_hex.reveal())
        self.fingerprint = hmac.digest(self._pepper, b"phantom/1|fingerprint", "sha256").hex()[:16]
        """Names the pepper without revealing it: a database made with another one is noticed at start."""

    def digest(self, key: bytes) -> str:
        """Hex HMAC-SHA256 of ``key``: the id of its record."""
        return hmac.digest(self._pepper, key, "sha256").hex()


def derived(pepper_hex: Secret, label: bytes) -> bytes:
    """A key for another purpose, from which the pepper cannot be found."""
    return hmac.digest(bytes.fromhex(pepper_hex.reveal()), b"phantom/1|derived|" + label, "sha256")
