"""Who may give a key what, and to whom: placement, fields, and the bound of what the caller holds.

A caller acts through a key. What bounds that key bounds every key it makes: because both belong to the same team and user,
or because the new key's own limits are within. An administrator is bounded by nothing, except that an administrator's key
that is itself confined makes no keys with an administrator's power that are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import sqlalchemy as sa

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.entities import chain
from phantom_gateway.control.entities.chain import Chain
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.policy import grants, key_fields
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import USER, VIEWER
from phantom_gateway.control.policy.grants import Measure
from phantom_gateway.control.policy.reach import Reach, Target, reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.limits.windows import parse
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import Allowance

_ADMINISTERED = frozenset({"duration", "key_type", "allowed_routes"})
"""What confines the power of an administrator's key."""


@dataclass(frozen=True, slots=True)
class Grantor:
    """A caller who gives."""

    caller: Caller
    reach: Reach

    def made(self, connection: sa.Connection, row: KeyRow, given: Collection[str], now: float) -> KeyRow:
        """A new key as it may be made: placed, and with what it leaves open taken from the calling key.

        ``given`` are the request's fields that say something. Raises ApiError 400, 403, 404.
        """
        row, target = self.place(connection, row)
        blank = KeyRow(id=row.id, key_name=row.key_name, created_at=row.created_at, updated_at=row.updated_at)
        fields = key_fields.changed(blank, row) | (frozenset({"key"}) & frozenset(given))
        self._check_fields(target, fields, new=True)
        if not self.caller.is_admin and self._is_anothers(row) and "key_type" not in given:
            row = replace(row, key_type="llm_api")
        asked = row
        for held in self._held(connection, row):
            row = grants.filled(row, held)
        own = self._own(connection)
        if own is not None and self._confines(connection, row):
            row = grants.filled_key(row, own, {*given, "key_type"} if row.key_type != "default" else given)
        _refuse_overruled(asked, row, given)
        self._check_bounds(connection, row, None, now)
        return row

    def first(self, connection: sa.Connection, row: KeyRow, given: Collection[str]) -> KeyRow:
        """The first key of a new user, who is bounded already. Raises ApiError 403.

        Somebody else holds it in his hands for a moment: it is for calls only, and spends an organisation's money only if he
        could have made such a key.
        """
        row = replace(row, key_type="llm_api")
        if row.team_id is None and not reach(self.caller.actor, Action.KEY_CREATE).covers(Target(org_id=row.org_id)):
            row = replace(row, org_id=None)
        own = self._own(connection)
        if own is not None:
            asked = row
            row = grants.filled_key(row, own, ("key_type",))
            _refuse_overruled(asked, row, given)
            for name in grants.beyond_key(row, own):
                raise _goes_beyond(name)
        return row

    def changed(self, connection: sa.Connection, before: KeyRow, row: KeyRow, now: float) -> KeyRow:
        """A key as it may be changed. Raises ApiError 400, 403, 404."""
        fields = key_fields.changed(before, row)
        target = target_of(connection, before)
        if fields & key_fields.PLACE:
            if self.reach.over(target) is Relation.MEMBER and before.user_id != self.caller.actor.user_id:
                name = min(fields & key_fields.PLACE)
                message = f"{name}: members of a team do not move each other's keys"
                raise ApiError(403, message, kind="auth_error", param=name)
            row, target = self.place(connection, row)
        self._check_fields(target, fields, new=False)
        self._check_fields(target_of(connection, before), fields, new=False)
        self._check_bounds(connection, row, before, now)
        return row

    def disclosed(self, connection: sa.Connection, before: KeyRow, row: KeyRow, now: float, *, chosen: bool) -> KeyRow:
        """The same for a key whose value the caller gets to know: all of it must be within, unless it is the calling key.

        ``chosen``: the caller sets the value.
        """
        if self._is_anothers(before) and self.reach.over(target_of(connection, before)) is Relation.MEMBER:
            message = "key: belongs to somebody else of this team; whoever knows it acts as he does"
            raise ApiError(403, message, kind="auth_error", param="key")
        row = self.changed(connection, before, row, now)
        if chosen:
            self._check_fields(target_of(connection, before), frozenset({"key"}), new=False)
        if row.id != self.caller.key.id:
            self._check_bounds(connection, row, None, now)
        return row

    def place(self, connection: sa.Connection, row: KeyRow) -> tuple[KeyRow, Target]:
        """``row`` with the team of its project, and whom it belongs to. Raises ApiError 404 for what is out of reach."""
        if row.project_id is not None:
            project = tenants.PROJECTS.get(connection, row.project_id)
            if project is None:
                raise not_found("No such project.", "project_id")
            if row.team_id not in (None, project.team_id):
                raise self._misplaced("project_id", "project")
            row = replace(row, team_id=project.team_id)
        team = None if row.team_id is None else tenants.TEAMS.get(connection, row.team_id)
        if row.org_id is not None and tenants.ORGANIZATIONS.get(connection, row.org_id) is None:
            raise not_found("No such organization.", "organization_id")
        target = Target(user_id=row.user_id, team_id=row.team_id, org_id=team.org_id if team else row.org_id)
        if (row.team_id is not None and team is None) or not self.reach.may_place(target):
            raise self._no_such_place(row)
        if team is not None and row.org_id not in (None, team.org_id):
            raise self._misplaced("organization_id", "organization")
        if not self.caller.is_admin and self._is_anothers(row) and not _belongs(connection, row, target):
            raise not_found("No such user.", "user_id")
        return row, target

    def _misplaced(self, name: str, what: str) -> ApiError:
        """Who may not see everything does not learn that what he names exists elsewhere."""
        if self.reach.everything:
            return bad_field(name, f"is not the {what} of this team")
        return not_found(f"No such {what}.", name)

    def _no_such_place(self, row: KeyRow) -> ApiError:
        if row.project_id is not None:
            return not_found("No such project.", "project_id")
        if row.team_id is not None:
            return not_found("No such team.", "team_id")
        if row.org_id is not None:
            return not_found("No such organization.", "organization_id")
        return not_found("No such user.", "user_id")

    def _check_fields(self, target: Target, fields: frozenset[str], *, new: bool) -> None:
        relation = self.reach.over(target)
        if self.caller.is_admin or relation is None:
            return  # what is out of reach was refused before
        if relation > Relation.ORG_ADMIN:
            relation = Relation.ORG_ADMIN  # a custom role's reach is no administrator's power
        for name in key_fields.refused(relation, fields, new=new):
            raise ApiError(403, f"{name}: you may not set this field of a key", kind="auth_error", param=name)

    def _check_bounds(self, connection: sa.Connection, row: KeyRow, before: KeyRow | None, now: float) -> None:
        """Refuse what goes beyond; of a change only what it changes."""
        loaded = chain.load(connection, row)
        fields = None if before is None else key_fields.changed(before, row)
        if fields is not None and fields & key_fields.PLACE:
            fields = None
        for name in dict.fromkeys(self._beyond(connection, loaded, before, Measure(now, loaded.groups))):
            if fields is None or not fields.isdisjoint(grants.SOURCES.get(name, (name,))):
                raise _goes_beyond(name)

    def _beyond(
        self, connection: sa.Connection, loaded: Chain, before: KeyRow | None, measure: Measure
    ) -> Iterator[str]:
        row = loaded.key
        own = self._own(connection)
        if own is not None and self._confines(connection, row):
            names = grants.beyond_key(row, own)
            yield from (name for name in names if not self.caller.is_admin or name in _ADMINISTERED)
        if self.caller.is_admin:
            return
        if self._is_anothers(row) and row.key_type != "llm_api":
            yield "key_type"  # whoever holds it would act as that user
        for held in self._held(connection, row):
            yield from grants.beyond(row, held, measure, must=True)
        for part in (
            loaded.user if loaded.team is None else None,
            loaded.team,
            loaded.member,
            loaded.project,
            loaded.org,
        ):
            if part is not None:
                yield from grants.beyond(row, part, measure, must=False)
        if (
            before is not None
            and (self.reach.over(target_of(connection, before)) or Relation.ADMIN) < Relation.TEAM_ADMIN
        ):
            # Whoever was given a key with less than he has otherwise may narrow it further, and not undo it.
            old = chain.load(connection, before).key
            yield from grants.beyond(row, old, measure, must=True)
            yield from grants.beyond_key(row, old)

    def _held(self, connection: sa.Connection, row: KeyRow) -> Iterator[Allowance]:
        """What bounds the caller and would not bound the new key by itself."""
        own = self._own(connection)
        if self.caller.is_admin or own is None:
            return
        loaded = chain.load(connection, own)
        yield loaded.key
        target = chain.load(connection, row)
        names = {entity.name for entity in chain.entities_of(target)}
        for entity in chain.entities_of(loaded):
            if not entity.name.startswith(("key:", "user:")) and entity.name not in names:
                yield entity.allowance
        if target.team is not None and row.user_id is None and target.team.id in self.reach.member_teams:
            member = tenants.TEAM_MEMBERS.get(connection, target.team.id, self.caller.actor.user_id or "")
            if member is not None and target.team.id not in self.reach.teams:
                yield member

    def _own(self, connection: sa.Connection) -> KeyRow | None:
        """The calling key; ``None`` for the master key."""
        if self.caller.key.kind == "master":
            return None
        row = keys.get(connection, self.caller.key.id)
        return None if row is None else replace(row, expires=self.caller.key.expires)

    def _confines(self, connection: sa.Connection, row: KeyRow) -> bool:
        """Whether the calling key's expiry, type and routes count for ``row``: an administrator's only where power is given."""
        if not self.caller.is_admin:
            return True
        user = None if row.user_id is None else tenants.USERS.get(connection, row.user_id)
        return user is not None and user.role not in (USER, VIEWER)

    def _is_anothers(self, row: KeyRow) -> bool:
        return row.user_id is not None and row.user_id != self.caller.actor.user_id


def _refuse_overruled(asked: KeyRow, row: KeyRow, given: Collection[str]) -> None:
    """Refuse what the request says itself and would not get, as the calling key's takes its place. Raises ApiError 403.

    Limits, models and routes that it says are never replaced; these two may mean something by their being there alone.
    """
    if "budget_duration" in given and parse(asked.budget_duration or "") != parse(row.budget_duration or ""):
        message = (
            "budget_duration: the budget is that of the calling key, in its window; say max_budget to have another"
        )
        raise ApiError(403, message, kind="auth_error", param="budget_duration")
    if "duration" in given and asked.expires != row.expires:
        raise _goes_beyond("duration")


def _goes_beyond(name: str) -> ApiError:
    message = f"{name}: goes beyond what you hold; a key cannot be granted more than its creator has"
    return ApiError(403, message, kind="auth_error", param=name)


def target_of(connection: sa.Connection, row: KeyRow) -> Target:
    """Whom a key belongs to."""
    project = tenants.PROJECTS.get(connection, row.project_id) if row.project_id and not row.team_id else None
    team_id = row.team_id or (project.team_id if project else None)
    team = tenants.TEAMS.get(connection, team_id) if team_id else None
    return Target(user_id=row.user_id, team_id=team_id, org_id=team.org_id if team else row.org_id, key_id=row.id)


def _belongs(connection: sa.Connection, row: KeyRow, target: Target) -> bool:
    """Whether the user of a key is a member of where it is placed."""
    if row.user_id is None:
        return True
    if row.team_id is not None:
        return tenants.TEAM_MEMBERS.get(connection, row.team_id, row.user_id) is not None
    if target.org_id is not None:
        return tenants.ORGANIZATION_MEMBERS.get(connection, target.org_id, row.user_id) is not None
    return tenants.USERS.get(connection, row.user_id) is not None
