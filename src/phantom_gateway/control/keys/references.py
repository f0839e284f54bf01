"""Keys as requests name them: by their value, by one it had and that is still good, or by their id."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.control.errors import not_found
from phantom_gateway.control.keys.granting import target_of
from phantom_gateway.control.policy.actor import ORG_ADMIN, TEAM_ADMIN, USER, VIEWER
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.store import keys, tenants
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
    changed_by: str | None = None
    """The user who is about to change them; ``None``: they are looked at."""

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
        return {reference: row for reference, row in found if row is not None and self._covers(connection, row)}

    def _row(self, connection: sa.Connection, reference: str) -> KeyRow | None:
        return keys.get(connection, id_of(connection, self.hasher, reference, self.now))

    def _reachable(self, connection: sa.Connection, row: KeyRow | None, message: str, param: str) -> KeyRow:
        if row is None or not self._covers(connection, row):
            raise not_found(message, param)
        return row

    def _covers(self, connection: sa.Connection, row: KeyRow) -> bool:
        relation = self.reach.over(target_of(connection, row))
        if relation is Relation.MEMBER and self.changed_by is not None and row.user_id not in (None, self.changed_by):
            return not _stands_above_members(connection, row)
        return relation is not None


def _stands_above_members(connection: sa.Connection, row: KeyRow) -> bool:
    """Whether a team's key belongs to somebody whom a plain member of the team has nothing to say: its administrator, one of
    its organisation, or somebody with another role than that of ordinary users.
    """
    target, owner_id = target_of(connection, row), row.user_id or ""
    owner = tenants.USERS.get(connection, owner_id)
    member = tenants.TEAM_MEMBERS.get(connection, target.team_id or "", owner_id)
    org_member = tenants.ORGANIZATION_MEMBERS.get(connection, target.org_id or "", owner_id)
    return (
        (owner is not None and owner.role not in (USER, VIEWER))
        or (member is not None and member.role == TEAM_ADMIN)
        or (org_member is not None and org_member.role == ORG_ADMIN)
    )
