"""What can be done with keys. Handlers parse, this decides and stores, ``store.keys`` writes as it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.limits import budgets_of, window_of
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.keys.changes import new_row, updated_row
from phantom_gateway.control.keys.fields import KeyDelete, KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.view import entity_of, views
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.services import ControlServices
from phantom_gateway.security import key_format
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import keys, spend, tenants
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.spend import WindowSpend

JsonObject = dict[str, Any]
_DIGEST_CHARS = frozenset("0123456789abcdef")


def id_of(hasher: KeyHasher, reference: str) -> str:
    """The id of a key that is named by itself or by its id (what LiteLLM calls its hash)."""
    if len(reference) == 64 and _DIGEST_CHARS.issuperset(reference):
        return reference
    return hasher.digest(reference.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in the moment it is made."""

    secret: Secret
    row: KeyRow
    duration: str | None

    def shown(self, view: JsonObject) -> JsonObject:
        """The one answer with the key itself."""
        ids = {"token": self.row.id, "token_id": self.row.id}
        return {**view, "key": self.secret.reveal(), **ids, "duration": self.duration}


@dataclass(frozen=True, slots=True)
class KeyService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach

    @property
    def services(self) -> ControlServices:
        """What the application was made with."""
        return self.writer.services

    async def generate(self, fields: KeyGenerate) -> JsonObject:
        """A new key, with its plaintext: the only answer that ever contains it."""
        made = self.make(fields)
        return made.shown(
            await self.writer.commit(lambda connection, effects: self.store(connection, effects, made.row))
        )

    def make(self, fields: KeyGenerate) -> NewKey:
        """A key that is not stored yet. Raises ApiError 400."""
        key = fields.key or key_format.generate().reveal()
        if key_format.checksum_ok(key) is False:
            raise bad_field(
                "key", f"starts with {key_format.PREFIX} but its checksum is wrong; leave it out to have one generated"
            )
        key_id = self.services.hasher.digest(key.encode())
        if key_id == self.services.master().id:
            raise bad_field("key", "is the master key")
        now = self.writer.now
        return NewKey(Secret(key), new_row(fields, key, key_id, now, self.writer.by), fields.duration)

    def store(self, connection: sa.Connection, effects: Effects, row: KeyRow) -> JsonObject:
        """Store a new key as part of a change. Raises TakenError."""
        now = self.writer.now
        with _as_fields():
            keys.insert(connection, row)
        # A key that was deleted and is made again with the same value has a past.
        effects.spent += _spent(connection, row, budgets_of(entity_of(row), now), now)
        effects.forget.append(f"digest:{row.id}")  # workers remember for a while that a key is unknown
        view = views(connection, [row], now)[0]
        effects.audit.append(_change(EventCode.KEY_CREATED, row, None, view))
        return view

    async def update(self, fields: KeyUpdate) -> JsonObject:
        """The row after the change."""
        key_id = self.id_of(fields.key)
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = self._existing(connection, key_id)
            self.writer.check_match(old.revision)
            before = views(connection, [old], now)[0]
            row = updated_row(old, fields, now, self.writer.by)
            with _as_fields():
                keys.update(connection, row)
            known = {limit.scope for limit in budgets_of(entity_of(old), now)}
            new = (limit for limit in budgets_of(entity_of(row), now) if limit.scope not in known)
            effects.spent += _spent(connection, row, new, now)
            effects.forget.append(f"key:{key_id}")
            after = views(connection, [row], now)[0]
            effects.audit.append(_change(EventCode.KEY_UPDATED, row, before, after))
            return after

        view = await self.writer.commit(change)
        return {"key": fields.key, "token": key_id, **view}

    async def set_blocked(self, reference: str, blocked: bool) -> JsonObject:
        """The row after blocking or unblocking."""
        key_id = self.id_of(reference)
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = self._existing(connection, key_id)
            self.writer.check_match(old.revision)
            by = self.writer.by
            row = replace(old, blocked=blocked, updated_at=now, updated_by=by, revision=old.revision + 1)
            before = views(connection, [old], now)[0]
            keys.update(connection, row)
            effects.forget.append(f"key:{key_id}")
            after = views(connection, [row], now)[0]
            code = EventCode.KEY_BLOCKED if blocked else EventCode.KEY_UNBLOCKED
            effects.audit.append(_change(code, row, before, after))
            return after

        return {"token": key_id, **await self.writer.commit(change)}

    async def delete(self, fields: KeyDelete) -> list[str]:
        """Delete all named keys or, when one of them does not exist, none. Returns them as they were named."""
        named = fields.keys or fields.key_aliases
        if not named or (fields.keys and fields.key_aliases):
            raise bad_field("keys", "give either keys or key_aliases")
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> None:
            if fields.keys:
                rows = [self._existing(connection, self.id_of(reference)) for reference in named]
            else:
                rows = [self._existing_alias(connection, alias) for alias in named]
            for row in {row.id: row for row in rows}.values():
                effects.audit.append(_change(EventCode.KEY_DELETED, row, views(connection, [row], now)[0], None))
                keys.delete(connection, row, now, self.writer.by)
                effects.forget.append(f"key:{row.id}")

        await self.writer.commit(change)
        return named

    async def info(self, key_id: str) -> tuple[JsonObject, int]:
        """One key as ``/key/info`` shows it, and its revision."""
        now = self.writer.now

        def query(connection: sa.Connection) -> tuple[JsonObject, int]:
            row = self._existing(connection, key_id)
            return views(connection, [row], now)[0], row.revision

        view, revision = await self.services.database.read(query)
        return {"key": key_id, "info": view}, revision

    def id_of(self, reference: str) -> str:
        """The id of a key that is named by itself or by its id."""
        return id_of(self.services.hasher, reference)

    def _existing(self, connection: sa.Connection, key_id: str) -> KeyRow:
        return self._reachable(connection, keys.get(connection, key_id), "Key not found in database.", "key")

    def _existing_alias(self, connection: sa.Connection, alias: str) -> KeyRow:
        row = keys.get_by_alias(connection, alias)
        return self._reachable(connection, row, "No key with such an alias.", "key_aliases")

    def _reachable(self, connection: sa.Connection, row: KeyRow | None, message: str, param: str) -> KeyRow:
        if row is None or not self.reach.covers(target_of(connection, row)):
            raise not_found(message, param)
        return row


@contextmanager
def _as_fields() -> Iterator[None]:
    """Names columns as the API does."""
    try:
        yield
    except TakenError as error:
        raise TakenError({"id": "key", "alias": "key_alias"}[error.column]) from error


def target_of(connection: sa.Connection, row: KeyRow) -> Target:
    """Whom a key belongs to."""
    team = tenants.TEAMS.get(connection, row.team_id) if row.team_id else None
    org_id = row.org_id or (team.org_id if team else None)
    return Target(user_id=row.user_id, team_id=row.team_id, org_id=org_id, key_id=row.id)


def _change(code: EventCode, row: KeyRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    return Change(code, row.id, before, after, team_id=row.team_id, tenant=row.org_id)


def _spent(connection: sa.Connection, row: KeyRow, budgets: Iterable[Limit], now: float) -> list[WindowSpend]:
    return [spend.seed_window(connection, row.id, limit.scope, window_of(limit, now)[0]) for limit in budgets]
