"""Asking for more, and deciding on it.

What is approved is set by the very code that updates a key or a user, in the name of who approves and in the same transaction:
nobody can approve what he could not set himself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.approvals.fields import ApprovalGranted, ApprovalNew, ApprovalRefused
from phantom_gateway.control.approvals.view import Subject, subject_of, views
from phantom_gateway.control.audit import Change
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.past import complete
from phantom_gateway.control.errors import ApiError, bad_field, conflict, not_found
from phantom_gateway.control.keys.fields import KeyUpdate
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.keys.service import KeyService
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.grants import EVERYTHING
from phantom_gateway.control.policy.reach import Reach, Target, reach
from phantom_gateway.control.users.fields import UserUpdate
from phantom_gateway.control.users.service import UserService
from phantom_gateway.ledger.money import nano_to_usd, usd_to_nano
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import APPROVALS
from phantom_gateway.store.tenants import ApprovalRow

JsonObject = dict[str, Any]
MOST_OPEN = 20
"""Open requests of one person."""


@dataclass(frozen=True, slots=True)
class ApprovalService:
    """Acts for a caller, within its reach with the action of the route."""

    writer: Writer
    caller: Caller
    reach: Reach

    async def ask(self, fields: ApprovalNew) -> JsonObject:
        """A new request. Raises ApiError 400 for what is there already, 404 for a key that is not one's own."""
        user_id = self.caller.actor.user_id
        if user_id is None:
            raise bad_field("user_id", "only a person asks for something: call with a key or session of a user")

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            mine = (APPROVALS.c.user_id == user_id, APPROVALS.c.state == "open")
            if tenants.APPROVALS.count(connection, *mine) >= MOST_OPEN:
                raise conflict(f"You have {MOST_OPEN} open requests; wait for an answer, or withdraw some.")
            subject = self._own(connection, user_id, fields.key)
            wanted = _checked(subject, fields)
            now, by = self.writer.now, self.writer.by
            of_key = fields.key is not None
            row = ApprovalRow(
                id=str(uuid.uuid4()),
                user_id=user_id,
                subject="key" if of_key else "user",
                subject_id=subject.id,
                team_id=getattr(subject, "team_id", None),
                org_id=getattr(subject, "org_id", None),
                max_budget_nano=None if fields.max_budget is None else usd_to_nano(fields.max_budget),
                models=wanted,
                reason=fields.reason,
                created_at=now,
                created_by=by,
                updated_at=now,
                updated_by=by,
            )
            tenants.APPROVALS.insert(connection, row)
            return self._noted(connection, effects, EventCode.APPROVAL_ASKED, None, row)

        return await self.writer.commit(change)

    async def withdraw(self, approval_id: str) -> JsonObject:
        """Take an own open request back."""

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = existing(connection, approval_id, self.reach)
            if old.user_id != self.caller.actor.user_id:
                raise not_found("There is no such request.", "id")
            row = self._closed(old, state="withdrawn")
            tenants.APPROVALS.update(connection, row)
            return self._noted(connection, effects, EventCode.APPROVAL_WITHDRAWN, old, row)

        return await self.writer.commit(change)

    async def refuse(self, fields: ApprovalRefused) -> JsonObject:
        """Say no."""

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = existing(connection, fields.id, self.reach)
            row = self._closed(old, state="refused", note=fields.note)
            tenants.APPROVALS.update(connection, row)
            return self._noted(connection, effects, EventCode.APPROVAL_REFUSED, old, row)

        return await self.writer.commit(change)

    async def approve(self, fields: ApprovalGranted) -> JsonObject:
        """Say yes, and set what is granted. Raises what an update of the key or user raises, and ApiError 409."""

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = existing(connection, fields.id, self.reach)
            closed = self._closed(old, state="approved", note=fields.note)
            subject = subject_of(connection, old)
            if subject is None:
                raise conflict(f"The {old.subject} is not there any more; refuse the request.")
            given = _granted(old, subject, fields)
            self._set(connection, effects, old, given)
            row = replace(closed, granted=given)
            tenants.APPROVALS.update(connection, row)
            return self._noted(connection, effects, EventCode.APPROVAL_APPROVED, old, row)

        return await self.writer.commit(change)

    def _own(self, connection: sa.Connection, user_id: str, key: str | None) -> Subject:
        """The caller himself, or a key of his."""
        if key is None:
            user = tenants.USERS.get(connection, user_id)
            if user is None:
                raise not_found("There is no such user.", "user_id")
            return complete(connection, user)
        finder = KeyFinder(self.writer.services.hasher, self.reach, self.writer.now)
        row = finder.one(connection, key)
        if row.user_id != user_id:
            raise not_found("There is no such key of yours.", "key")
        return complete(connection, row)

    def _set(self, connection: sa.Connection, effects: Effects, row: ApprovalRow, given: JsonObject) -> None:
        """By the code of an update. ``If-Match`` speaks of the request, not of what it is about."""
        writer = replace(self.writer, if_match=None)
        action = Action.KEY_UPDATE if row.subject == "key" else Action.USER_UPDATE
        far = reach(self.caller.actor, action)
        if far.nothing:
            raise ApiError(
                403, f"You may not grant this: {action} is not granted to you.", kind="auth_error", param="id"
            )
        if row.subject == "key":
            keys = KeyService(writer, self.caller, far)
            keys.updating(KeyUpdate(key=row.subject_id, **given))(connection, effects)
            return
        users = UserService(writer, far, self.caller)
        found = users.existing(connection, row.subject_id)
        users.change_one(connection, effects, found, UserUpdate(user_id=row.subject_id, **given), None)

    def _closed(self, old: ApprovalRow, **columns: Any) -> ApprovalRow:
        self.writer.check_match(old.revision)
        if old.state != "open":
            raise conflict(f"The request is {old.state} already.")
        stamps: JsonObject = {"updated_at": self.writer.now, "updated_by": self.writer.by}
        return replace(old, revision=old.revision + 1, **stamps, **columns)

    def _noted(
        self, connection: sa.Connection, effects: Effects, code: EventCode, before: ApprovalRow | None, row: ApprovalRow
    ) -> JsonObject:
        view = views(connection, [row])[0]
        old = None if before is None else views(connection, [before])[0]
        hidden = ("present", "user_email", "subject_name")
        shown = [
            None if each is None else {name: each[name] for name in each if name not in hidden} for each in (old, view)
        ]
        effects.audit.append(Change(code, row.id, shown[0], shown[1], team_id=row.team_id, tenant=row.org_id))
        self.writer.tag(row.revision, only=True)
        return view


def existing(connection: sa.Connection, approval_id: str, far: Reach) -> ApprovalRow:
    """The request that is named, within reach. Raises ApiError 404."""
    row = tenants.APPROVALS.get(connection, approval_id)
    if row is None or not far.covers(Target(user_id=row.user_id, team_id=row.team_id, org_id=row.org_id)):
        raise not_found("There is no such request.", "id")
    return row


def _checked(subject: Subject, fields: ApprovalNew) -> list[str]:
    """The models that are asked for and not there yet. Raises ApiError 400 when nothing would be more than there is."""
    if fields.max_budget is not None:
        present = subject.max_budget_nano
        if present is None:
            raise bad_field("max_budget", "there is no budget that could be raised")
        if usd_to_nano(fields.max_budget) <= present:
            raise bad_field("max_budget", f"must be more than the present {nano_to_usd(present)}")
    wanted = [name for name in dict.fromkeys(fields.models or ()) if name not in subject.models]
    if fields.models and _open(subject):
        raise bad_field("models", "there is no list of models of its own that something could be added to")
    if fields.models and not wanted:
        raise bad_field("models", "all of them may be used already")
    return wanted


def _granted(row: ApprovalRow, subject: Subject, fields: ApprovalGranted) -> JsonObject:
    """The fields to set. Never less than there is: somebody may have given more meanwhile."""
    given: JsonObject = {}
    asked = nano_to_usd(row.max_budget_nano) if row.max_budget_nano is not None else None
    budget = fields.max_budget if fields.max_budget is not None else asked
    if budget is not None:
        if subject.max_budget_nano is None or usd_to_nano(budget) <= subject.max_budget_nano:
            raise conflict("The budget is as large already, or there is none any more; name another, or refuse.")
        given["max_budget"] = budget
    models = row.models if fields.models is None else fields.models
    more = [name for name in dict.fromkeys(models) if name not in subject.models]
    if more:
        if _open(subject):
            raise conflict("There is no list of models any more that something could be added to; refuse the request.")
        given["models"] = [*subject.models, *more]
    if not given:
        raise bad_field("models", "nothing would be granted; refuse the request instead")
    return given


def _open(subject: Subject) -> bool:
    """Whether the choice of models is left to those above: adding to no list would take models away."""
    return not subject.models or not EVERYTHING.isdisjoint(subject.models)
