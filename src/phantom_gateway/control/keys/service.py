"""What can be done with keys. Handlers parse, this decides and stores, ``store.keys`` writes as it is told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.audit import Change
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import ChangeOf, Effects, Writer
from phantom_gateway.control.entities import temporary
from phantom_gateway.control.entities.limits import Entity, budgets_of, window_of
from phantom_gateway.control.entities.past import complete, past_of, require_budget
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.keys import rotation, rules
from phantom_gateway.control.keys.changes import grace, new_row, updated_row
from phantom_gateway.control.keys.fields import KeyDelete, KeyFields, KeyGenerate, KeyRegenerate, KeyUpdate
from phantom_gateway.control.keys.granting import Grantor
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.keys.view import views
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.services import ControlServices
from phantom_gateway.ledger.money import nano_to_usd, usd_to_nano
from phantom_gateway.security import key_format
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.envelope import SealPurpose
from phantom_gateway.store import keys, rotations, spend
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.spend import key_entity

JsonObject = dict[str, Any]
Alter = Callable[[sa.Connection, KeyRow], KeyRow]


class Shown(NamedTuple):
    """A key as it is shown, and its revision (the ETag)."""

    view: JsonObject
    revision: int


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
    caller: Caller
    reach: Reach

    @property
    def services(self) -> ControlServices:
        """What the application was made with."""
        return self.writer.services

    @property
    def finder(self) -> KeyFinder:
        """Finds keys within reach."""
        return KeyFinder(self.services.hasher, self.reach, self.writer.now)

    @property
    def changing(self) -> KeyFinder:
        """Finds keys that the caller may change."""
        return replace(self.finder, changed_by=self.caller.actor.user_id or "")

    @property
    def grantor(self) -> Grantor:
        """Decides what the caller may give a key."""
        return Grantor(self.caller, self.reach)

    async def generate(self, fields: KeyGenerate, *, service_account: bool = False) -> Shown:
        """A new key, with its plaintext: the only answer that ever contains it.

        A service account's key belongs to a team and to nobody in it.
        """
        settings = self.services.litellm_settings()
        fields = rules.bounded(settings, rules.defaulted(settings, fields), new=True)
        new, said = self.make(fields), rules.given(fields)
        row = new.row
        if service_account:
            if row.team_id is None and row.project_id is None:
                raise bad_field("team_id", "a service account belongs to a team")
            row = replace(row, user_id=None)
        elif row.user_id is None and not self.caller.is_admin:
            row = replace(row, user_id=self.caller.actor.user_id)

        def change(connection: sa.Connection, effects: Effects) -> Shown:
            made = self.grantor.made(connection, row, said, self.writer.now)
            rules.refuse_powerless(None, made)
            if not self.caller.is_admin:
                rules.check_generation(settings, self.caller.actor, made.team_id, said)
            return self.store(connection, effects, made)

        view, revision = await self.writer.commit(change)
        return Shown(new.shown(view), revision)

    def make(self, fields: KeyGenerate) -> NewKey:
        """A key that is not stored yet. Raises ApiError 400."""
        key, digest = self._value(fields.key, "key")
        row = new_row(zoned(fields, self.writer.zone), key, digest, self.writer.now, self.writer.by)
        return NewKey(Secret(key), row, fields.duration)

    def store(self, connection: sa.Connection, effects: Effects, row: KeyRow) -> Shown:
        """Store a new key as part of a change; whether it may be made is decided before. Raises TakenError."""
        with _as_fields("key"):
            keys.insert(connection, row)
        # A key that was deleted and is made again with the same value has a past.
        effects.forget.append(f"digest:{row.id}")  # workers remember for a while that a key is unknown
        return self._changed(connection, effects, EventCode.KEY_CREATED, None, row)

    async def update(self, fields: KeyUpdate) -> Shown:
        """The row after the change."""
        view, revision = await self.writer.commit(self.updating(fields))
        return Shown({"key": fields.key, **view}, revision)

    def updating(self, fields: KeyUpdate) -> ChangeOf[Shown]:
        """The same as part of a change of more than the key. Raises ApiError 400."""
        bounded = rules.bounded(self.services.litellm_settings(), fields, new=False)
        return self._altering(fields.key, EventCode.KEY_UPDATED, self._with(bounded))

    async def alter(self, reference: str, fields: KeyFields) -> Shown:
        """The row after the fields that are named have changed."""
        return await self._alter(reference, EventCode.KEY_UPDATED, self._with(fields))

    async def set_blocked(self, reference: str, blocked: bool) -> Shown:
        """The row after blocking or unblocking."""
        code = EventCode.KEY_BLOCKED if blocked else EventCode.KEY_UNBLOCKED
        return await self._alter(reference, code, lambda _connection, old: self._touched(old, blocked=blocked))

    async def regenerate(self, reference: str, fields: KeyRegenerate) -> Shown:
        """A key with another value, and the same id, spend and whatever ``fields`` do not name.

        The value it had is good for ``grace_period`` more.
        """
        settings = self.services.litellm_settings()
        fields = rules.bounded(settings, fields, new=False)
        key, digest = self._value(fields.new_key, "new_key")
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> Shown:
            old = self.changing.one(connection, reference)
            self.writer.check_match(old.revision)
            row = updated_row(old, zoned(fields, self.writer.zone), now, self.writer.by)
            row = self.grantor.disclosed(connection, old, row, now, chosen=fields.new_key is not None)
            name = key_format.display(key)
            row = replace(row, key_name=name, rotated_at=now, rotations=old.rotations + 1)
            with _as_fields("new_key"):
                keys.update(connection, row)
                keys.replace_value(connection, row.id, digest, now + grace(fields.grace_period))
            effects.forget.append(f"digest:{digest}")
            shown = self._changed(connection, effects, EventCode.KEY_ROTATED, old, row)
            return Shown({**shown.view, "token": row.id, "token_id": row.id}, shown.revision)

        view, revision = await self.writer.commit(change)
        return Shown({**view, "key": key, "duration": fields.duration}, revision)

    async def fetch(self, reference: str) -> Shown:
        """The value that a key got by its schedule: once, and only for whom might regenerate it. Raises ApiError 404."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[Shown, Secret]:
            old = self.changing.one(connection, reference)
            self.writer.check_match(old.revision)
            waiting = rotations.get(connection, old.id)
            if waiting is None:
                raise not_found("No new value of this key waits to be fetched.", "key")
            row = self.grantor.disclosed(connection, old, self._touched(old), now, chosen=False)
            keys.update(connection, row)
            rotations.remove(connection, row.id)
            value = self.services.envelopes.open(SealPurpose.VIRTUAL_KEY, rotation.place(row.id), waiting.sealed)
            shown = self._changed(connection, effects, EventCode.KEY_FETCHED, old, row)
            return Shown({**shown.view, "token": row.id, "token_id": row.id}, shown.revision), value

        (view, revision), value = await self.writer.commit(change)
        return Shown({**view, "key": value.reveal(), "duration": None}, revision)

    async def reset_spend(self, reference: str, reset_to: float) -> Shown:
        """Have less count as spent in the present windows of a key's budgets. The spend log and the total stay as they are."""
        now, wanted = self.writer.now, usd_to_nano(reset_to)

        def change(connection: sa.Connection, effects: Effects) -> Shown:
            old = self.changing.one(connection, reference)
            self.writer.check_match(old.revision)
            entity = Entity(key_entity(old.id), complete(connection, old))
            windows = [(limit.scope, window_of(limit, now)[0]) for limit in budgets_of(entity, now)]
            if not windows:
                raise bad_field("key", "has no budget; spend is the sum of its spend log and cannot be reset")
            spent = {window: spend.of_window(connection, *window) for window in windows}
            if wanted > spent[windows[0]]:
                raise bad_field("reset_to", f"must not be more than what is spent ({nano_to_usd(spent[windows[0]])})")
            for window in windows:
                amount = min(wanted, spent[window])
                spend.put_window(connection, *window, amount)
                effects.spent.append((*window, amount))
            row = self._touched(old)
            keys.update(connection, row)
            return self._changed(connection, effects, EventCode.KEY_SPEND_RESET, old, row)

        view, revision = await self.writer.commit(change)
        return Shown({"key_hash": view["token"], "previous_spend_reset_to": reset_to, **view}, revision)

    async def delete(self, fields: KeyDelete) -> list[str]:
        """Delete all named keys or, when one of them does not exist, none. Returns them as they were named."""
        named = fields.keys or fields.key_aliases
        if not named or (fields.keys and fields.key_aliases):
            raise bad_field("keys", "give either keys or key_aliases")
        now, finder = self.writer.now, self.changing

        def change(connection: sa.Connection, effects: Effects) -> None:
            find = finder.one if fields.keys else finder.by_alias
            rows = [find(connection, reference) for reference in named]
            for row in {row.id: row for row in rows}.values():
                self.writer.check_match(row.revision)
                keys.delete(connection, row, now, self.writer.by)
                self._changed(connection, effects, EventCode.KEY_DELETED, row, None)

        await self.writer.commit(change)
        return named

    async def info(self, reference: str) -> Shown:
        """One key as ``/key/info`` shows it."""
        now, finder = self.writer.now, self.finder

        def query(connection: sa.Connection) -> Shown:
            row = finder.one(connection, reference)
            return Shown({"key": row.id, "info": views(connection, [row], now)[0]}, row.revision)

        return await self.services.database.read(query)

    async def infos(self, references: list[str]) -> JsonObject:
        """Those of several keys that exist: as they were named, and as they are shown."""
        now, finder = self.writer.now, self.finder

        def query(connection: sa.Connection) -> JsonObject:
            found = finder.some(connection, references)
            return {"key": list(found), "info": views(connection, list(found.values()), now)}

        return await self.services.database.read(query)

    def _with(self, fields: KeyFields) -> Alter:
        now = self.writer.now

        def alter(connection: sa.Connection, old: KeyRow) -> KeyRow:
            row = updated_row(old, zoned(fields, self.writer.zone), now, self.writer.by)
            rules.refuse_powerless(old, row)
            return self.grantor.changed(connection, old, row, now)

        return alter

    async def _alter(self, reference: str, code: EventCode, alter: Alter) -> Shown:
        return await self.writer.commit(self._altering(reference, code, alter))

    def _altering(self, reference: str, code: EventCode, alter: Alter) -> ChangeOf[Shown]:
        def change(connection: sa.Connection, effects: Effects) -> Shown:
            old = self.changing.one(connection, reference)
            self.writer.check_match(old.revision)
            row = alter(connection, old)
            with _as_fields("key"):
                keys.update(connection, row)
            return self._changed(connection, effects, code, old, row)

        return change

    def _touched(self, row: KeyRow, **columns: Any) -> KeyRow:
        stamp: JsonObject = {"updated_at": self.writer.now, "updated_by": self.writer.by, "revision": row.revision + 1}
        return replace(row, **stamp, **columns)

    def _changed(
        self, connection: sa.Connection, effects: Effects, code: EventCode, before: KeyRow | None, after: KeyRow | None
    ) -> Shown:
        """What follows from every change of a key, in one place: budgets, workers, the audit record, the view."""
        now = self.writer.now
        old, new = (None if row is None else views(connection, [row], now)[0] for row in (before, after))
        either = after or before
        assert either is not None
        effects.audit.append(Change(code, either.id, old, new, team_id=either.team_id, tenant=either.org_id))
        if before is not None:
            effects.forget.insert(0, f"key:{before.id}")
        if after is None:
            return Shown({}, 0)
        if after.budget_id != (before.budget_id if before else None):
            require_budget(connection, after.budget_id)
        of_customers = after.extra.get("end_user_budget_id")
        if of_customers != (before.extra.get("end_user_budget_id") if before else None):
            require_budget(connection, of_customers, "end_user_budget_id")
        entity = Entity(key_entity(after.id), complete(connection, after))
        known = None if before is None else complete(connection, before)
        effects.spent += past_of(connection, entity, known, now)
        temporary.note(self.services.temporary, entity.name, after, now)
        self.writer.tag(after.revision)
        return Shown({"token": after.id, **views(connection, [after], now)[0]}, after.revision)

    def _value(self, chosen: str | None, field: str) -> tuple[str, str]:
        """A key and its digest: the one that was chosen, or a random one. Raises ApiError 400."""
        key = chosen or key_format.generate().reveal()
        if key_format.checksum_ok(key) is False:
            prefix = key_format.PREFIX
            raise bad_field(
                field, f"starts with {prefix} but its checksum is wrong; leave it out to have one generated"
            )
        digest = self.services.hasher.digest(key.encode())
        if secrets.compare_digest(digest, self.services.master().id):
            raise bad_field(field, "is the master key")
        return key, digest


@contextmanager
def _as_fields(value: str) -> Iterator[None]:
    """Names columns as the API does; ``value`` is the field that held the key."""
    try:
        yield
    except TakenError as error:
        raise TakenError({"id": value, "alias": "key_alias"}[error.column]) from error
