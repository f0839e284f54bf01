"""Invitations: a link by which a person sets a first password, once and for a while.

The link is shown when it is made and stored as a digest; ``id`` in later answers is what the caller named it by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.audit import Change
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.policy.actor import ORG_ADMIN
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.sign_in.client import Client
from phantom_gateway.control.sign_in.events import writer_for
from phantom_gateway.control.sign_in.identity import Identity
from phantom_gateway.control.sign_in.service import Opened, SignIn, check_password
from phantom_gateway.control.timestamps import iso
from phantom_gateway.control.users.rules import check_rank
from phantom_gateway.security import tokens
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import sessions, tenants
from phantom_gateway.store.tenancy_tables import INVITATIONS, ORGANIZATION_MEMBERS, TEAM_MEMBERS, TEAMS, USERS
from phantom_gateway.store.tenants import InvitationRow, UserRow

JsonObject = dict[str, Any]
_DIGEST_CHARS = frozenset("0123456789abcdef")


def id_of(services: ControlServices, link: str) -> str:
    """The id of an invitation that is named by its link or by its id."""
    if len(link) == 64 and _DIGEST_CHARS.issuperset(link):
        return link
    return services.sign_in.invitations.digest(link.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class InvitationService:
    """Acts for somebody who invites."""

    writer: Writer
    reach: Reach
    caller: Caller

    async def new(self, user_id: str) -> JsonObject:
        """A new invitation; open ones of the same user are void from now on. The link is in this answer only."""
        now, by = self.writer.now, self.writer.by
        services = self.writer.services
        link = tokens.generate(tokens.INVITATION)
        row = InvitationRow(
            id=id_of(services, link.reveal()),
            user_id=user_id,
            expires_at=now + services.configuration.people.invitation_s,
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )

        def change(connection: sa.Connection, effects: Effects) -> None:
            user = tenants.USERS.one(connection, USERS.c.id == user_id, self.reach.where_users(USERS.c.id))
            if user is None:
                raise not_found("There is no such user.", "user_id")
            self._check_may_invite(connection, user)
            still_open = (INVITATIONS.c.user_id == user_id, INVITATIONS.c.accepted_at.is_(None))
            connection.execute(sa.delete(INVITATIONS).where(*still_open))
            tenants.INVITATIONS.insert(connection, row)
            effects.audit.append(Change(EventCode.INVITATION_CREATED, row.id, after=view(row, row.id)))
            self.writer.tag(row.revision)

        await self.writer.commit(change)
        return {**view(row, link.reveal()), "invitation_id": row.id}

    async def info(self, link: str) -> tuple[JsonObject, int]:
        """An invitation and its revision."""
        row = await self.writer.services.database.read(lambda connection: self._existing(connection, link))
        return view(row, link), row.revision

    async def update(self, link: str, is_accepted: bool) -> JsonObject:
        """Mark an invitation as used. Raises ApiError 400 for the other way round: a link is good once."""

        def change(connection: sa.Connection, effects: Effects) -> InvitationRow:
            row = self._existing(connection, link)
            self.writer.check_match(row.revision)
            if row.accepted_at is not None or not is_accepted:
                if (row.accepted_at is not None) != is_accepted:
                    raise bad_field("is_accepted", "a used invitation cannot be used again; make a new one")
                return row
            changed = _accepted(row, self.writer.now, self.writer.by)
            tenants.INVITATIONS.update(connection, changed)
            shown = (view(row, row.id), view(changed, row.id))
            effects.audit.append(Change(EventCode.INVITATION_UPDATED, row.id, *shown))
            self.writer.tag(changed.revision)
            return changed

        return view(await self.writer.commit(change), link)

    async def delete(self, link: str) -> JsonObject:
        """Take an invitation back."""

        def change(connection: sa.Connection, effects: Effects) -> InvitationRow:
            row = self._existing(connection, link)
            self.writer.check_match(row.revision)
            tenants.INVITATIONS.delete(connection, row.id)
            effects.audit.append(Change(EventCode.INVITATION_DELETED, row.id, before=view(row, row.id)))
            return row

        return view(await self.writer.commit(change), link)

    def _existing(self, connection: sa.Connection, link: str) -> InvitationRow:
        row = tenants.INVITATIONS.get(connection, id_of(self.writer.services, link))
        near = None
        if row is not None:
            near = tenants.USERS.one(connection, USERS.c.id == row.user_id, self.reach.where_users(USERS.c.id))
        if row is None or near is None:
            raise not_found("There is no such invitation.", "invitation_id")
        return row

    def _check_may_invite(self, connection: sa.Connection, user: UserRow) -> None:
        """A link sets a password: who does not reach everything must not take over somebody who is somebody elsewhere."""
        check_rank(self.caller.actor, user.role, "user_id")
        self.writer.giver.check_power(user.role, "user_id")
        if self.caller.is_admin:
            return
        self.writer.giver.check_taken_over(connection, user, "user_id")
        if self.reach.everything and user.password_hash is None and user.sso_user_id is None:
            return
        orgs = sa.select(ORGANIZATION_MEMBERS.c.org_id).where(ORGANIZATION_MEMBERS.c.user_id == user.id)
        teams = (
            sa.select(TEAMS.c.org_id)
            .join(TEAM_MEMBERS, TEAM_MEMBERS.c.team_id == TEAMS.c.id)
            .where(TEAM_MEMBERS.c.user_id == user.id)
        )
        belongs = {*connection.execute(orgs).scalars(), *connection.execute(teams).scalars()}
        known = user.password_hash is not None or user.sso_user_id is not None
        if known or not belongs <= self.reach.orgs or not self._is_ours(connection, user):
            message = "user_id: can sign in already or belongs to others too; ask an administrator"
            raise ApiError(403, message, kind="auth_error", param="user_id")

    def _is_ours(self, connection: sa.Connection, user: UserRow) -> bool:
        """Whether the caller, or another administrator of his organisations, made this user.

        Whoever was somebody before they took him in has keys and budgets that are none of theirs.
        """
        columns = ORGANIZATION_MEMBERS.c
        admins = sa.select(columns.user_id).where(columns.org_id.in_(self.reach.orgs), columns.role == ORG_ADMIN)
        return user.created_by in {self.caller.name, *connection.execute(admins).scalars()}


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Acts for somebody who holds a link."""

    services: ControlServices

    async def open_link(self, link: str) -> UserRow:
        """Whom a good link is for. Raises ApiError 401."""

        def query(connection: sa.Connection) -> UserRow:
            return self._invited(connection, link)[1]

        return await self.services.database.read(query)

    async def claim(self, link: str, user_id: str, password: Secret, who: tuple[Client, str]) -> Opened:
        """Set the password, use the link up and sign in; ``who`` is the client and the label of its browser.

        Raises ApiError 400, 401, 429.
        """
        client, label = who
        now = self.services.clock()
        sign_in = SignIn(self.services)
        account = f"invitation|{id_of(self.services, link)}"
        sign_in.admit(account, client.address, now)
        user = await self.open_link(link)
        if user.id != user_id:
            raise _invalid()
        sign_in.parts.throttle.succeeded(account, client.address)
        check_password(user, password.reveal())
        password_hash = await sign_in.parts.passwords.hash(password.reveal())

        def change(connection: sa.Connection, effects: Effects) -> Opened:
            row, owner = self._invited(connection, link)
            stamps: JsonObject = {"updated_at": now, "updated_by": owner.id, "revision": owner.revision + 1}
            owner = replace(owner, password_hash=password_hash, **stamps)
            tenants.USERS.update(connection, owner)
            tenants.INVITATIONS.update(connection, _accepted(row, now, owner.id))
            sessions.revoke_user(connection, owner.id, now)
            identity = Identity(user_id=owner.id, method="invitation")
            token, session = self.services.sessions.open(connection, identity, label, now)
            effects.audit.append(Change(EventCode.INVITATION_ACCEPTED, row.id, after={"user_id": owner.id}))
            effects.audit.append(Change(EventCode.USER_PASSWORD_CHANGED, owner.id))
            effects.audit.append(Change(EventCode.LOGIN_SUCCEEDED, owner.id, after={"method": identity.method}))
            return Opened(token, session, owner)

        return await writer_for(self.services, user_id).commit(change)

    def _invited(self, connection: sa.Connection, link: str) -> tuple[InvitationRow, UserRow]:
        # By the link alone: its digest is shown to those who invite, and must open nothing.
        digest = self.services.sign_in.invitations.digest(link.encode("utf-8", "surrogatepass"))
        row = tenants.INVITATIONS.get(connection, digest)
        if row is None or row.accepted_at is not None or row.expires_at <= self.services.clock():
            raise _invalid()
        user = tenants.USERS.get(connection, row.user_id)
        if user is None or user.blocked:
            raise _invalid()
        return row, user


def view(row: InvitationRow, shown_id: str) -> JsonObject:
    """An invitation as LiteLLM shows it."""
    return {
        "id": shown_id,
        "user_id": row.user_id,
        "is_accepted": row.accepted_at is not None,
        "accepted_at": iso(row.accepted_at),
        "expires_at": iso(row.expires_at),
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
    }


def _accepted(row: InvitationRow, now: float, by: str) -> InvitationRow:
    return replace(row, accepted_at=now, updated_at=now, updated_by=by, revision=row.revision + 1)


def _invalid() -> ApiError:
    message = "This invitation is not valid: it was used, has expired, or never was. Ask for a new one."
    return ApiError(401, message, kind="auth_error", param="invitation_link")
