"""What can be done with keys. Handlers parse, this decides and stores, ``store.keys`` writes as it is told.

Every change is committed first and then announced: when a call returns, each connected worker has forgotten the old
record (or a second has passed, after which a worker that missed the news drops its whole cache at the next heartbeat).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.keys.budgets import budgets_of, window_of
from phantom_gateway.control.keys.changes import new_row, updated_row
from phantom_gateway.control.keys.fields import KeyDelete, KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.view import views
from phantom_gateway.control.services import ControlServices
from phantom_gateway.security import key_format
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import keys, spend
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.spend import WindowSpend

JsonObject = dict[str, Any]
_DIGEST_CHARS = frozenset("0123456789abcdef")


def id_of(hasher: KeyHasher, reference: str) -> str:
    """The id of a key that is named by itself or by its id (what LiteLLM calls its hash)."""
    if len(reference) == 64 and _DIGEST_CHARS.issuperset(reference):
        return reference
    return hasher.digest(reference.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class KeyService:
    """Acts in the name of ``by`` (recorded as creator and changer)."""

    services: ControlServices
    by: str

    async def generate(self, fields: KeyGenerate) -> JsonObject:
        """A new key, with its plaintext: the only answer that ever contains it."""
        key = fields.key or key_format.generate().reveal()
        if key_format.checksum_ok(key) is False:
            raise bad_field(
                "key", f"starts with {key_format.PREFIX} but its checksum is wrong; leave it out to have one generated"
            )
        key_id = self.services.hasher.digest(key.encode())
        if key_id == self.services.master().id:
            raise bad_field("key", "is the master key")
        now = self.services.clock()
        row = new_row(fields, key, key_id, now, self.by)

        def change(connection: sa.Connection) -> tuple[JsonObject, list[WindowSpend]]:
            with _refusing():
                keys.insert(connection, row)
            # A key that was deleted and is made again with the same value has a past.
            spent = _spent(connection, row, budgets_of(row), now)
            return views(connection, [row], now)[0], spent

        view = await self.services.budgets.change_budgets(change)
        await self._announce(key_id)  # workers remember for a while that a key is unknown
        return {**view, "key": key, "token": key_id, "token_id": key_id, "duration": fields.duration}

    async def update(self, fields: KeyUpdate) -> JsonObject:
        """The row after the change."""
        key_id = self.id_of(fields.key)
        now = self.services.clock()

        def change(connection: sa.Connection) -> tuple[JsonObject, list[WindowSpend]]:
            old = _existing(connection, key_id)
            row = updated_row(old, fields, now, self.by)
            with _refusing():
                keys.update(connection, row)
            known = {limit.scope for limit in budgets_of(old)}
            spent = _spent(connection, row, (limit for limit in budgets_of(row) if limit.scope not in known), now)
            return views(connection, [row], now)[0], spent

        view = await self.services.budgets.change_budgets(change)
        await self._announce(key_id)
        return {"key": fields.key, "token": key_id, **view}

    async def set_blocked(self, reference: str, blocked: bool) -> JsonObject:
        """The row after blocking or unblocking."""
        key_id = self.id_of(reference)
        now = self.services.clock()

        def change(connection: sa.Connection) -> JsonObject:
            row = _existing(connection, key_id)
            row = replace(row, blocked=blocked, updated_at=now, updated_by=self.by, revision=row.revision + 1)
            keys.update(connection, row)
            return views(connection, [row], now)[0]

        view = await self.services.database.write(change)
        await self._announce(key_id)
        return {"token": key_id, **view}

    async def delete(self, fields: KeyDelete) -> list[str]:
        """Delete all named keys or, when one of them does not exist, none. Returns them as they were named."""
        named = fields.keys or fields.key_aliases
        if not named or (fields.keys and fields.key_aliases):
            raise bad_field("keys", "give either keys or key_aliases")
        now = self.services.clock()

        def change(connection: sa.Connection) -> list[str]:
            if fields.keys:
                rows = [_existing(connection, self.id_of(reference)) for reference in named]
            else:
                rows = [_existing_alias(connection, alias) for alias in named]
            once = {row.id: row for row in rows}
            for row in once.values():
                keys.delete(connection, row, now, self.by)
            return list(once)

        ids = await self.services.database.write(change)
        await self._announce(*ids)
        return named

    async def info(self, key_id: str) -> JsonObject:
        """One key as ``/key/info`` shows it."""
        now = self.services.clock()

        def query(connection: sa.Connection) -> JsonObject:
            return views(connection, [_existing(connection, key_id)], now)[0]

        return {"key": key_id, "info": await self.services.database.read(query)}

    def id_of(self, reference: str) -> str:
        """The id of a key that is named by itself or by its id."""
        return id_of(self.services.hasher, reference)

    async def _announce(self, *key_ids: str) -> None:
        await self.services.workers.invalidate(key_ids)


class _refusing:  # noqa: N801 # reads as a statement
    """Turns the store's refusals into answers."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, keys.AliasTakenError):
            raise ApiError(
                400, "key_alias: another key has this alias", kind="bad_request_error", param="key_alias"
            ) from error
        if isinstance(error, keys.KeyTakenError):
            raise ApiError(400, "key: this key exists already", kind="bad_request_error", param="key") from error


def _spent(connection: sa.Connection, row: KeyRow, budgets: Iterable[Limit], now: float) -> list[WindowSpend]:
    return [spend.seed_window(connection, row.id, limit.scope, window_of(limit, now)[0]) for limit in budgets]


def _existing(connection: sa.Connection, key_id: str) -> KeyRow:
    row = keys.get(connection, key_id)
    if row is None:
        raise not_found("Key not found in database.", "key")
    return row


def _existing_alias(connection: sa.Connection, alias: str) -> KeyRow:
    row = keys.get_by_alias(connection, alias)
    if row is None:
        raise not_found("No key with such an alias.", "key_aliases")
    return row
