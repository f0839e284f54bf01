"""Naming a person in a request: by id or by address, and who may name whom.

Somebody who administers a team or an organisation may bring in people of the same organisation, and people he sees anyway.
People who belong to no organisation are by themselves: teams that belong to none may bring them in. Everybody else is to him
as if he were not there: otherwise taking a stranger into one's team would be a way to read his profile.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.fields import Body, Name, id_problem
from phantom_gateway.control.entities.revisions import refuse_named, stamps
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.policy.actor import USER
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.sign_in.events import OPERATOR
from phantom_gateway.control.timestamps import iso
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, TEAM_MEMBERS, TEAMS, USERS
from phantom_gateway.store.tenants import JsonObject, UserRow

Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=255, pattern=r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$"),
    AfterValidator(str.lower),
]

_CHUNK = 500
ONE_OR_MANY = BeforeValidator(lambda value: value if isinstance(value, list) else [value])
"""A single object stands for a list of one."""


class PersonFields(Body):
    """One of the two, or both of the same person."""

    user_id: Name | None = None
    user_email: Email | None = None


@dataclass(frozen=True, slots=True)
class People:
    """Looks people up for a caller; ``reading`` is its reach with ``user.read``, ``creating`` that with ``user.create``."""

    writer: Writer
    reading: Reach
    creating: Reach

    def existing(self, connection: sa.Connection, fields: PersonFields) -> UserRow | None:
        """Who is meant, whoever asks. Raises ApiError 400 when nobody is named or two are."""
        if fields.user_id is None and fields.user_email is None:
            raise bad_field("user_id", "give user_id or user_email")
        if fields.user_id is None:
            return tenants.USERS.one(connection, USERS.c.email == fields.user_email)
        row = tenants.USERS.get(connection, fields.user_id)
        if row is not None and row.email is not None and fields.user_email not in (None, row.email):
            if not self.reading.everything:
                return None  # that the id is somebody's is not for everybody to learn
            raise bad_field("user_email", "is not the address of the person with this user_id")
        return row

    def found_or_made(
        self, connection: sa.Connection, fields: PersonFields, org_id: str | None, effects: Effects
    ) -> UserRow:
        """Who is meant, for something of the organisation ``org_id``. Raises ApiError 404 for strangers.

        Somebody unknown is made an internal user when the caller may do that.
        """
        row = self.existing(connection, fields)
        if row is None:
            if not self.creating.covers(Target(org_id=org_id)):
                raise _nobody(fields)
            return self._made(connection, fields, effects)
        if not self.reading.everything and not self._is_near(connection, row.id, org_id):
            raise _nobody(fields)
        return row

    def _made(self, connection: sa.Connection, fields: PersonFields, effects: Effects) -> UserRow:
        user_id = fields.user_id or str(uuid.uuid4())
        problem = id_problem(user_id)
        if problem:
            raise bad_field("user_id", problem)
        if not self.creating.everything:
            refuse_named(connection, "user_id", user_id, "user_id")
        if user_id == OPERATOR:
            raise bad_field("user_id", "is the operator's own")
        address = fields.user_email
        if address not in (None, user_id.lower()) and tenants.USERS.get(connection, address) is not None:
            raise TakenError("user_email")  # people sign in by either: nobody gets an address that is another's id
        row = UserRow(id=user_id, email=address, role=USER, **stamps(self.writer))
        row = self.writer.giver.made(connection, row, (), own=True)
        try:
            tenants.USERS.insert(connection, row)
        except TakenError as error:
            raise TakenError({"id": "user_id", "email": "user_email"}[error.column]) from error
        effects.forget.append(f"user:{user_id}")  # keys may have named him before
        effects.audit.append(Change(EventCode.USER_CREATED, user_id, None, identity(row)))
        return row

    def _is_near(self, connection: sa.Connection, user_id: str, org_id: str | None) -> bool:
        orgs = organizations_of(connection, user_id)
        if org_id in orgs if org_id is not None else not orgs:
            return True
        seen = sa.select(USERS.c.id).where(USERS.c.id == user_id, self.reading.where_users(USERS.c.id))
        return connection.execute(seen).first() is not None


def organizations_of(connection: sa.Connection, user_id: str) -> set[str]:
    """The organisations somebody belongs to: as a member, or through a team."""
    member = sa.select(ORGANIZATION_MEMBERS.c.org_id).where(ORGANIZATION_MEMBERS.c.user_id == user_id)
    through = (
        sa.select(TEAMS.c.org_id)
        .join(TEAM_MEMBERS, TEAM_MEMBERS.c.team_id == TEAMS.c.id)
        .where(TEAM_MEMBERS.c.user_id == user_id, TEAMS.c.org_id.is_not(None))
    )
    return set(connection.execute(sa.union(member, through)).scalars())


def emails(connection: sa.Connection, user_ids: Iterable[str]) -> dict[str, str | None]:
    """Addresses by user id; users that are not there are missing."""
    return {row.id: row.email for row in tenants.USERS.of(connection, "id", list(dict.fromkeys(user_ids)))}


def identities(connection: sa.Connection, user_ids: Iterable[str]) -> dict[str, JsonObject]:
    """Who people are, by id, as ``identity`` says it; no more is read of them than that."""
    wanted = list(dict.fromkeys(user_ids))
    column = USERS.c
    query = sa.select(column.id, column.email, column.alias, column.role, column.created_at, column.updated_at)
    found: dict[str, JsonObject] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(query.where(column.id.in_(wanted[start : start + _CHUNK]))).all()
        for user_id, email, alias, role, created_at, updated_at in rows:
            named = {"user_id": user_id, "user_email": email, "user_alias": alias, "user_role": role}
            found[user_id] = {**named, "created_at": iso(created_at), "updated_at": iso(updated_at)}
    return found


def identity(row: UserRow) -> JsonObject:
    """Who somebody is; not what he may use, which is shown to those who may read it by ``/user/info``."""
    return {
        "user_id": row.id,
        "user_email": row.email,
        "user_alias": row.alias,
        "user_role": row.role,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def _nobody(fields: PersonFields) -> Exception:
    return not_found("There is no such user.", "user_id" if fields.user_id is not None else "user_email")
