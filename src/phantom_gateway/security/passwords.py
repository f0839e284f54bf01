"""Passwords of people: argon2id (RFC 9106), and what is accepted as one.

Parameters are RFC 9106's second recommendation (64 MiB, three passes, four lanes): a tenth of a second on one core. A stored
hash names its own parameters, so that they can grow: ``needs_upgrade`` says when a hash is of an older kind.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Characters. The bound keeps a login from hashing megabytes."""
_WELL_KNOWN = (
    "password", "passwort", "qwerty", "qwertz", "azerty", "letmein", "welcome", "iloveyou", "monkey", "dragon", "changeme",
    "administrator", "admin", "login", "master", "phantom", "litellm", "gateway", "secret", "sunshine", "football", "baseball",
    "superman", "princess", "trustno", "abcdef", "123456", "654321", "111111", "000000", "1q2w3e", "zaq12wsx", "asdfgh", "zxcvbn",
)  # fmt: skip
_ROOM = 8
"""Characters that must remain when a well-known word and the person's own names are taken out."""
_MIN_DISTINCT = 6


class Passwords:
    """Hashes and checks. Slow on purpose: call it in a thread."""

    __slots__ = ("_hasher", "_nobody")

    def __init__(self, *, memory_kib: int = 65536, passes: int = 3, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=32, salt_len=16, type=Type.ID
        )
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """The hash to store, with its parameters and salt in it."""
        return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one. ``None`` takes as long as a wrong password and is never right."""
        if stored is None or len(password) > MAX_LENGTH:
            self._matches(self._nobody, password[:MAX_LENGTH])
            return False
        return self._matches(stored, password)

    def needs_upgrade(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False


def weakness(password: str, names: Iterable[str] = ()) -> str | None:
    """Why ``password`` is not accepted from somebody with these ``names`` (id, address, alias), or ``None``."""
    if len(password) < MIN_LENGTH:
        return f"is shorter than {MIN_LENGTH} characters"
    if len(password) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    lowered = password.lower()
    if len(Counter(lowered)) < _MIN_DISTINCT:
        return "repeats a few characters"
    own = [part for name in names for part in (name.lower(), name.lower().partition("@")[0]) if len(part) >= 4]
    for word in (*_WELL_KNOWN, *own):
        if word in lowered and len(lowered.replace(word, "")) < _ROOM:
            return "is little more than a well-known word or a name of its owner"
    return None
