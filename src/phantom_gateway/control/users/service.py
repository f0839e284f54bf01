"""What can be done with users. Handlers parse, this decides and stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import temporary
from phantom_gateway.control.entities.past import complete, past_of, require_budget
from phantom_gateway.control.entities.revisions import refuse_named
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.keys import removal
from phantom_gateway.control.keys.fields import KeyGenerate
from phantom_gateway.control.keys.service import KeyService, NewKey
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import BUILT_IN_ROLES
from phantom_gateway.control.policy.reach import Reach, Target, reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.sign_in.events import OPERATOR
from phantom_gateway.control.sign_in.service import check_password
from phantom_gateway.control.users.changes import new_row, said, updated_row
from phantom_gateway.control.users.fields import UserFields, UserNew, UserUpdate
from phantom_gateway.control.users.places import Placer, join, places_of
from phantom_gateway.control.users.rules import check_fields, check_rank, check_role
from phantom_gateway.control.users.view import entity_of, views
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, sessions, tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tenancy_tables import APPROVALS, INVITATIONS, ORGANIZATION_MEMBERS, TEAM_MEMBERS, USERS
from phantom_gateway.store.tenants import UserRow

JsonObject = dict[str, Any]
_NOT_FOUND = "There is no such user."
_IDENTITY = frozenset({"password", "user_email"})
"""Whoever sets these can become the user."""


@dataclass(frozen=True, slots=True)
class UserService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach
    caller: Caller

    @property
    def services(self) -> ControlServices:
        """What the application was made with."""
        return self.writer.services

    async def new(self, fields: UserNew) -> JsonObject:
        """A new user and, unless it is not wanted, a first key, which is in this answer only."""
        check_fields(Relation.ADMIN if self.reach.everything else Relation.ORG_ADMIN, fields)
        if fields.user_id == OPERATOR:
            raise bad_field("user_id", "is the operator's own")
        defaults = self.services.configuration.people.new_user
        row = new_row(zoned(fields, self.writer.zone), defaults, self.writer.now, self.writer.by)
        check_role(self.caller.actor, row.role)
        self.writer.giver.check_power(row.role, "user_role")
        row = await self._with_password(row, fields)
        made = self._key_service().make(_key_fields(fields, row.id)) if fields.auto_create_key else None

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            places = places_of(connection, fields, defaults.teams, Placer(self.reach, self.writer.giver))
            if not self.caller.is_admin:
                refuse_named(connection, "user_id", row.id, "user_id")
            stored = self.writer.giver.made(connection, row, said(fields), own=True)
            _check_known_role(connection, stored.role)
            require_budget(connection, stored.budget_id)
            _check_free_names(connection, stored)
            with _as_fields():
                tenants.USERS.insert(connection, stored)
            join(connection, stored, places)
            key = {} if made is None else made.shown(self._store_key(connection, effects, made, fields))
            self._spent(connection, effects, None, stored)
            effects.forget.append(f"user:{stored.id}")
            view = views(connection, [stored], self.writer.now)[0]
            effects.audit.append(Change(EventCode.USER_CREATED, stored.id, after=view))
            self.writer.tag(stored.revision, only=True)  # of the user, not of the key that was made along
            named = ("key", "token", "token_id", "key_name", "key_alias", "expires", "duration", "team_id", "aliases")
            return {**view, **{name: key.get(name) for name in named}}

        return await self.writer.commit(change)

    async def update(self, fields: UserUpdate) -> JsonObject:
        """The user after the change; the answer has LiteLLM's ``{"user_id", "data"}``."""
        prepared = await self._prepared(fields)

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = self.existing(connection, fields.user_id, fields.user_email)
            return self.change_one(connection, effects, old, fields, prepared)

        view = await self.writer.commit(change)
        return {"user_id": view["user_id"], "data": view}

    def change_one(
        self, connection: sa.Connection, effects: Effects, old: UserRow, fields: UserFields, password_hash: str | None
    ) -> JsonObject:
        """One user's change, inside a change of several. Raises ApiError."""
        check_fields(self._relation(old), fields)
        check_rank(self.caller.actor, old.role, "user_id")
        self.writer.check_match(old.revision)
        row = updated_row(old, zoned(fields, self.writer.zone), self.writer.now, self.writer.by)
        self.writer.giver.check_changed(connection, old, row, own=True)
        if row.id != self.caller.actor.user_id:
            for name in sorted(_IDENTITY & fields.model_fields_set):
                self.writer.giver.check_taken_over(connection, old, name)
        if row.role != old.role:
            check_role(self.caller.actor, row.role)
            self.writer.giver.check_power(row.role, "user_role")
            _check_known_role(connection, row.role)
        if password_hash is not None and fields.password is not None:
            self.writer.giver.check_power(old.role, "password")
            check_password(row, fields.password)
            row = replace(row, password_hash=password_hash)
            sessions.revoke_user(connection, row.id, self.writer.now)
            effects.audit.append(Change(EventCode.USER_PASSWORD_CHANGED, row.id))
        _check_free_names(connection, row)
        if row.budget_id != old.budget_id:
            require_budget(connection, row.budget_id)
        with _as_fields():
            tenants.USERS.update(connection, row)
        self._spent(connection, effects, old, row)
        effects.forget.append(f"user:{row.id}")
        before, after = (views(connection, [each], self.writer.now)[0] for each in (old, row))
        effects.audit.append(Change(_code(old, row), row.id, before, after))
        self.writer.tag(row.revision)
        return after

    async def delete(self, user_ids: Iterable[str]) -> int:
        """Delete all named users with their keys, memberships, invitations and sessions or, when one does not exist, none."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> int:
            rows = {row.id: row for row in (self.existing(connection, user_id) for user_id in user_ids)}
            for row in rows.values():
                self.writer.check_match(row.revision)
                check_rank(self.caller.actor, row.role, "user_ids")
                before = views(connection, [row], now)[0]
                removal.remove(connection, keys.of(connection, "user_id", [row.id]), self.writer, effects)
                for table in (TEAM_MEMBERS, ORGANIZATION_MEMBERS, INVITATIONS, APPROVALS):
                    connection.execute(sa.delete(table).where(table.c.user_id == row.id))
                sessions.revoke_user(connection, row.id, now)
                tenants.USERS.delete(connection, row.id)
                effects.forget.append(f"user:{row.id}")
                effects.audit.append(Change(EventCode.USER_DELETED, row.id, before))
            return len(rows)

        return await self.writer.commit(change)

    def existing(self, connection: sa.Connection, user_id: str | None, email: str | None = None) -> UserRow:
        """The user that is named, within reach. Raises ApiError 400 and 404."""
        if user_id is None and email is None:
            raise bad_field("user_id", "name the user by user_id or user_email")
        named = USERS.c.id == user_id if user_id is not None else USERS.c.email == email
        row = tenants.USERS.one(connection, named, self.reach.where_users(USERS.c.id))
        if row is None:
            raise not_found(_NOT_FOUND, "user_id")
        return row

    def own_id(self, user_id: str | None) -> str:
        """Who is asked for: the one named, else the caller. The operator is nobody in the table."""
        return user_id or self.caller.actor.user_id or OPERATOR

    async def hashed(self, fields: UserFields) -> str | None:
        """The hash of a password the request sets, made before the change: a transaction must not wait for it."""
        return await self._prepared(fields)

    def _relation(self, row: UserRow) -> Relation | None:
        """How the caller stands to a user he reaches."""
        if self.reach.relation is not None:
            return self.reach.relation
        return self.reach.user if row.id == self.reach.user_id else Relation.MEMBER

    async def _with_password(self, row: UserRow, fields: UserNew) -> UserRow:
        if fields.password is None:
            return row
        check_password(row, fields.password)
        return replace(row, password_hash=await self.services.sign_in.passwords.hash(fields.password))

    async def _prepared(self, fields: UserFields) -> str | None:
        if fields.password is None or not self.reach.everything:
            return None
        return await self.services.sign_in.passwords.hash(fields.password)

    def _key_service(self) -> KeyService:
        return KeyService(self.writer, self.caller, self.reach)

    def _store_key(self, connection: sa.Connection, effects: Effects, made: NewKey, fields: UserNew) -> JsonObject:
        if fields.team_id is not None:
            team = tenants.TEAMS.get(connection, fields.team_id)
            may = reach(self.caller.actor, Action.KEY_CREATE)
            if team is None or not may.covers(Target(team_id=team.id, org_id=team.org_id)):
                raise not_found("There is no such team.", "team_id")
        service, row = self._key_service(), made.row
        if not self.caller.is_admin:
            row = service.grantor.first(connection, row, said(fields))
        return service.store(connection, effects, row).view

    def _spent(self, connection: sa.Connection, effects: Effects, old: UserRow | None, row: UserRow) -> None:
        now, entity = self.writer.now, entity_of(complete(connection, row))
        known = None if old is None else complete(connection, old)
        effects.spent += past_of(connection, entity, known, now)
        temporary.note(self.services.temporary, entity.name, row, now)


def _key_fields(fields: UserNew, user_id: str) -> KeyGenerate:
    """The first key has no limits of its own: those of the user count for it."""
    orgs = fields.organizations or []
    given: JsonObject = {
        "key_alias": fields.key_alias,
        "duration": fields.duration,
        "team_id": fields.team_id,
        "aliases": fields.aliases,
        "organization_id": orgs[0] if len(orgs) == 1 else None,
    }
    return KeyGenerate(user_id=user_id, **{name: value for name, value in given.items() if value is not None})


def _code(old: UserRow, row: UserRow) -> EventCode:
    if row.blocked != old.blocked:
        return EventCode.USER_BLOCKED if row.blocked else EventCode.USER_UNBLOCKED
    return EventCode.USER_UPDATED


def _check_known_role(connection: sa.Connection, role: str) -> None:
    if role not in BUILT_IN_ROLES and tenants.ROLES.get(connection, role) is None:
        raise bad_field("user_role", "is neither a built-in role nor one of /role/list")


def _check_free_names(connection: sa.Connection, row: UserRow) -> None:
    """Nobody gets an address that is another's id: people sign in by either."""
    if row.email is not None and row.email != row.id.lower() and tenants.USERS.get(connection, row.email) is not None:
        raise TakenError("user_email")


@contextmanager
def _as_fields() -> Iterator[None]:
    """Names columns as the API does."""
    try:
        yield
    except TakenError as error:
        names = {"id": "user_id", "email": "user_email", "sso_user_id": "sso_user_id"}
        raise TakenError(names[error.column]) from error
