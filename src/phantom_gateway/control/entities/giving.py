"""What a caller may give to others: never more than it holds.

A caller holds what bounds the key it calls with: the key's own limits and models, and those of what the key belongs to. What it
makes has to be within (what a request leaves open is taken from there), and what it changes may be raised that far only. It
also appoints nobody to what it may not do itself. Of keys the same is decided by ``control.keys.granting``.

A proxy_admin is bounded by nothing, nor is the gateway itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.entities import bounds, chain
from phantom_gateway.control.entities.limits import completed
from phantom_gateway.control.entities.narrowing import is_said, narrowed
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy import grants
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import TEAM_ADMIN, USER, VIEWER
from phantom_gateway.control.policy.grants import Measure, models_of, models_within
from phantom_gateway.control.policy.reach import MEMBER_ROUTES, Reach, Target, reach
from phantom_gateway.control.policy.roles import may_appoint
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.tenants import Allowance, TeamRow

A = TypeVar("A", bound=Allowance)


@dataclass(frozen=True, slots=True)
class Giver:
    """A caller who gives; without one, the gateway itself."""

    caller: Caller | None = None
    now: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether there is anything it may not give."""
        return self.caller is not None and not self.caller.is_admin

    def reach(self, action: Action) -> Reach:
        """How far it reaches with another action than that of its request."""
        return Reach(relation=Relation.ADMIN) if self.caller is None else reach(self.caller.actor, action)

    def made(
        self,
        connection: sa.Connection,
        row: A,
        said: Collection[str],
        inside: Collection[str] = (),
        *,
        own: bool = False,
    ) -> A:
        """``row``, which is new, as it may be made.

        ``said`` are the request's fields that say something: where one of these goes beyond, it is refused (ApiError 403);
        what comes from defaults is narrowed. ``inside`` names the entities that bound the row anyway. ``own``: what the
        caller may spend personally counts as well, since this is somebody who spends personally.
        """
        if not self.bounded:
            return row
        measure, helds = self._measured(connection, inside, own=own)
        self._refuse(_completed(connection, row), helds, measure, must=False, fields=said)
        for held in helds:
            row = narrowed(row, _completed(connection, row), held, measure, set(said) - {"budget_id"})
        self._refuse(_completed(connection, row), helds, measure, must=True)
        return row

    def check_new(self, connection: sa.Connection, row: Allowance, inside: Collection[str] = ()) -> None:
        """Refuse limits of something new that only narrows: what it leaves open is bounded elsewhere. Raises ApiError 403."""
        if self.bounded:
            measure, helds = self._measured(connection, inside)
            self._refuse(_completed(connection, row), helds, measure, must=False)

    def check_changed(
        self,
        connection: sa.Connection,
        before: Allowance,
        row: Allowance,
        inside: Collection[str] = (),
        *,
        own: bool = False,
    ) -> None:
        """Refuse to raise ``before`` to more than the caller holds. Raises ApiError 403."""
        if not self.bounded:
            return
        measure, helds = self._measured(connection, inside, own=own)
        before, row = _completed(connection, before), _completed(connection, row)
        raised = set(bounds.raised(before, row)) - {"budget_id"}  # what it brings is in both already
        if not models_within(models_of(row), models_of(before), measure.groups):
            raised.add("models")
        self._refuse(row, helds, measure, must=True, fields=raised)

    def check_models(self, connection: sa.Connection, models: list[str], param: str) -> None:
        """Refuse to open models that are closed to the caller. Raises ApiError 403."""
        if self.bounded and models:
            measure, helds = self._measured(connection, ())
            for held in helds:
                if not models_within(models, models_of(held), measure.groups):
                    raise _beyond(param)

    def check_member(self, team: TeamRow, role: str, param: str) -> None:
        """Refuse to make somebody a member, or the administrator, of a team of which the caller may not do what he will be
        able to do. Raises ApiError 403.
        """
        target = Target(team_id=team.id, org_id=team.org_id)
        if role == TEAM_ADMIN:
            self.check_appointed(Relation.TEAM_ADMIN, target, param)
        self.check_opened(team, team.member_permissions, param)

    def check_opened(self, team: TeamRow, routes: Iterable[str], param: str) -> None:
        """Refuse to open ``routes`` to a team's members that are closed to the caller. Raises ApiError 403."""
        if not self.bounded or self.caller is None:
            return
        opened, target = set(routes), Target(team_id=team.id, org_id=team.org_id)
        for action, paths in MEMBER_ROUTES.items():
            if not opened.isdisjoint(paths) and not self.reach(action).covers(target):
                raise _beyond(param)

    def check_appointed(self, relation: Relation, target: Target, param: str) -> None:
        """Refuse to give somebody a relation whose actions the caller does not reach. Raises ApiError 403."""
        if self.bounded and self.caller is not None and not may_appoint(self.caller.actor, relation, target):
            raise _beyond(param)

    def check_power(self, role: str, param: str) -> None:
        """Refuse a confined key of an administrator to give anybody power beyond that of an internal user. Raises ApiError 403.

        Whoever could make an administrator, or set one's password, would be rid of the expiry, type and routes of his own key.
        """
        if self.caller is None or not self.caller.is_admin or role in (USER, VIEWER):
            return
        key = self.caller.key
        if key.kind == "virtual" and (key.allowed_routes or key.expires is not None or key.key_type != "default"):
            message = f"{param}: goes beyond what this key holds; use one without expiry, type and routes"
            raise ApiError(403, message, kind="auth_error", param=param)

    def check_taken_over(self, connection: sa.Connection, user: tenants.UserRow, param: str) -> None:
        """Refuse to let the caller become ``user`` (by a password, an address, a link) if that one may do or spend more.

        Raises ApiError 403.
        """
        if not self.bounded or self.caller is None:
            return
        for member in tenants.TEAM_MEMBERS.of(connection, "user_id", [user.id]):
            team = tenants.TEAMS.get(connection, member.team_id)
            if team is not None:
                target = Target(team_id=team.id, org_id=team.org_id)
                self.check_appointed(Relation.MEMBER, target, param)
                self.check_member(team, member.role, param)
        for row in tenants.ORGANIZATION_MEMBERS.of(connection, "user_id", [user.id]):
            relation = Relation.ORG_ADMIN if row.role == "org_admin" else Relation.MEMBER
            self.check_appointed(relation, Target(org_id=row.org_id), param)
        measure, helds = self._measured(connection, (), own=True)
        personal = _completed(connection, user)
        for held in helds:
            if any(grants.beyond(personal, held, measure, must=True)):
                raise _beyond(param)

    def _measured(
        self, connection: sa.Connection, inside: Collection[str], *, own: bool = False
    ) -> tuple[Measure, list[Allowance]]:
        return Measure(self.now, chain.access_groups(connection)), list(self._held(connection, inside, own=own))

    def _held(self, connection: sa.Connection, inside: Collection[str], *, own: bool) -> Iterator[Allowance]:
        assert self.caller is not None
        user_id = self.caller.actor.user_id
        if own and user_id is not None:
            user = tenants.USERS.get(connection, user_id)
            if user is not None:
                yield _completed(connection, user)
        key = keys.get(connection, self.caller.key.id) if self.caller.key.kind == "virtual" else None
        if key is None:
            return
        loaded = chain.load(connection, key)
        yield loaded.key
        for entity in chain.entities_of(loaded):
            if not entity.name.startswith(("key:", "user:")) and entity.name not in inside:
                yield entity.allowance

    def _refuse(
        self,
        row: Allowance,
        helds: Iterable[Allowance],
        measure: Measure,
        *,
        must: bool,
        fields: Collection[str] | None = None,
    ) -> None:
        for held in helds:
            for name in grants.beyond(row, held, measure, must=must):
                if fields is None or is_said(name, fields):
                    raise _beyond(name)


def _completed(connection: sa.Connection, row: A) -> A:
    budget = None if row.budget_id is None else tenants.BUDGETS.get(connection, row.budget_id)
    return completed(row, budget)  # type: ignore[return-value]


def _beyond(param: str) -> ApiError:
    message = f"{param}: goes beyond what you hold; nobody can be given more than the caller and its key have"
    return ApiError(403, message, kind="auth_error", param=param)
