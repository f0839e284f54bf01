"""Keys as requests name them: by their value, by one it had and that is still good, or by their id."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.control.errors import not_found
from phantom_gateway.control.keys.granting import target_of
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.store import keys
from phantom_gateway.store.keys import KeyRow

_DIGEST_CHARS = frozenset("0123456789abcdef")


def is_id(reference: str) -> bool:
    """Whether this is an id (what LiteLLM calls a key's hash) rather than a key."""
    return len(reference) == 64 and _DIGEST_CHARS.issuperset(reference)


def id_of(connection: sa.Connection, hasher: KeyHasher, reference: str, now: float) -> str:
    """The id of a key; for one that is not known the digest of its value, which is nobody's id."""
    if is_id(reference):
        return reference
    digest = hasher.digest(reference.encode("utf-8", "surrogatepass"))
    found = keys.find(connection, digest)
    if found is None or (found[1] is not None and found[1] <= now):
        return digest
    return found[0].id


@dataclass(frozen=True, slots=True)
class KeyFinder:
    """Finds keys within a caller's reach."""

    hasher: KeyHasher
    reach: Reach
    now: float

    def one(self, connection: sa.Connection, reference: str) -> KeyRow:
        """The key. Raises ApiError 404 also for one out of reach."""
        return self._reachable(connection, self._row(connection, reference), "Key not found in database.", "key")

    def by_alias(self, connection: sa.Connection, alias: str) -> KeyRow:
        """The key with this alias. Raises ApiError 404."""
        return self._reachable(
            connection, keys.get_by_alias(connection, alias), "No key with such an alias.", "key_aliases"
        )

    def some(self, connection: sa.Connection, references: list[str]) -> dict[str, KeyRow]:
        """Those of several keys that exist and are within reach, by the name they were asked for."""
        found = ((reference, self._row(connection, reference)) for reference in dict.fromkeys(references))
        return {
            reference: row
            for reference, row in found
            if row is not None and self.reach.covers(target_of(connection, row))
        }

    def _row(self, connection: sa.Connection, reference: str) -> KeyRow | None:
        return keys.get(connection, id_of(connection, self.hasher, reference, self.now))

    def _reachable(self, connection: sa.Connection, row: KeyRow | None, message: str, param: str) -> KeyRow:
        if row is None or not self.reach.covers(target_of(connection, row)):
            raise not_found(message, param)
        return row
