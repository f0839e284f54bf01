"""What can be done with a team's members. Membership and the limits of a member are one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import bounds, changes, seeding, temporary
from phantom_gateway.control.entities.changes import renamed_columns
from phantom_gateway.control.entities.limits import budgets_of, window_of
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.control.entities.people import People, PersonFields, identity
from phantom_gateway.control.entities.revisions import stamps, touched
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.keys.removal import remove as remove_keys
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.teams.changes import access_groups
from phantom_gateway.control.teams.member_fields import (
    BulkMemberAdd,
    MemberAdd,
    MemberLimits,
    MemberReference,
    MemberUpdate,
)
from phantom_gateway.control.teams.service import existing
from phantom_gateway.control.teams.view import membership_views, team_views
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd, usd_to_nano
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, spend, tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenancy_tables import TEAM_MEMBERS, USERS
from phantom_gateway.store.tenants import JsonObject, TeamMemberRow, TeamRow, UserRow

_RENAMED = {"max_budget_in_team": "max_budget", "allowed_models": "models"}
"""Fields of an allowance as members have them."""
_SHOWN = (
    "tpm_limit", "rpm_limit", "tpd_limit", "max_parallel_requests", "model_max_budget", "model_rpm_limit", "model_tpm_limit",
    "soft_budget", "budget_duration", "budget_limits", "allowed_models", "temp_budget_increase", "temp_budget_expiry",
)  # fmt: skip
MOST_USERS = 10_000
"""That ``all_users`` adds at once."""


@dataclass(frozen=True, slots=True)
class MemberService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach
    people: People

    async def add(self, fields: MemberAdd) -> JsonObject:
        """The team after all named have become its members, or none."""
        columns = _columns(zoned(fields, self.writer.zone))
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            team = self._team(connection, fields.team_id)
            team = self._touched(connection, team)
            users = [self.people.found_or_made(connection, each, team.org_id, effects) for each in fields.member]
            rows = [
                self._insert(connection, team, (user, each.role), columns, effects)
                for user, each in zip(users, fields.member, strict=True)
            ]
            view = team_views(connection, [team], now)[0]
            updated = [{**identity(user), "teams": [team.id]} for user in users]
            memberships = membership_views(connection, team, rows, now)
            return view | {"updated_users": updated, "updated_team_memberships": memberships}

        return await self.writer.commit(change)

    async def add_many(self, fields: BulkMemberAdd) -> JsonObject:
        """Whom of the named, or of all users, it could add. What failed for one leaves the others as they are."""
        if bool(fields.members) == bool(fields.all_users):
            raise bad_field("members", "give either members or all_users")
        if fields.all_users and not self.reach.everything:
            message = "all_users: only a proxy_admin adds everybody"
            raise ApiError(403, message, kind="auth_error", param="all_users")
        columns = _columns(zoned(fields, self.writer.zone))
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            team = self._team(connection, fields.team_id)
            self.writer.check_match(team.revision)
            named = fields.members or _everybody_else(connection, team)
            results = [self._try(connection, team, each, columns, effects) for each in named]
            added = sum(result["success"] for result in results)
            if added:
                team = self._touched(connection, team)
            return {
                "team_id": team.id,
                "results": results,
                "total_requested": len(results),
                "successful_additions": added,
                "failed_additions": len(results) - added,
                "updated_team": team_views(connection, [team], now)[0],
            }

        return await self.writer.commit(change)

    async def update(self, fields: MemberUpdate) -> JsonObject:
        """The member after the change."""
        columns = temporary.temporary_columns(fields, self.writer.now)
        if fields.role is not None:
            columns["role"] = fields.role

        def changed(connection: sa.Connection, team: TeamRow, old: TeamMemberRow) -> TeamMemberRow:
            row = touched(old, self.writer, columns | _columns(zoned(fields, self.writer.zone), old))
            _check(connection, team, row)
            with _as_fields():
                self.writer.giver.check_changed(connection, old, row, _names(team))
            if row.role != old.role:
                self.writer.giver.check_member(team, row.role, "role")
            return row

        member, user = await self._replace(fields.team_id, fields, changed)
        limits = member["litellm_budget_table"] or {}
        return {
            "user_id": member["user_id"],
            "user_email": user.email,
            "team_id": member["team_id"],
            "role": member["role"],
            "max_budget_in_team": limits.get("max_budget"),
            **{name: limits.get(name) for name in _SHOWN},
        }

    async def use_defaults(self, team_id: str, user_id: str) -> JsonObject:
        """Take away a member's own limits: the team's defaults hold again."""
        blank = TeamMemberRow(team_id=team_id, user_id=user_id, role="user", created_at=0, updated_at=0)
        names = ("rpm_limit", "tpm_limit", "tpd_limit", "max_parallel_requests", "max_budget_nano", "soft_budget_nano",
                 "budget_duration", "budget_limits", "model_limits", "temp_increase_nano", "temp_expiry", "budget_id",
                 "models")  # fmt: skip
        columns = {name: getattr(blank, name) for name in names}
        before: list[str | None] = []

        def changed(_: sa.Connection, team: TeamRow, old: TeamMemberRow) -> TeamMemberRow:
            before[:] = [old.budget_id, "team_default" if team.member_defaults else "none"]
            return touched(old, self.writer, columns)

        await self._replace(team_id, PersonFields(user_id=user_id), changed)
        previous, source = before
        return {
            "team_id": team_id,
            "user_id": user_id,
            "budget_id": None,
            "previous_budget_id": previous,
            "budget_source": source,
        }

    async def reset_spend(self, team_id: str, user_id: str, reset_to: float) -> JsonObject:
        """Have the member's budgets count less as spent in their present windows. The spend log stays as it is."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            team = self._team(connection, team_id)
            member, _ = self._member(connection, team, PersonFields(user_id=user_id))
            entity = member_entity(with_defaults(member, team))
            team = self._touched(connection, team)
            main = next(budgets_of(entity, now), None)
            if main is None:
                raise bad_field("user_id", "this member has no budget whose spend could be reset")
            start, end = window_of(main, now)
            before = spend.of_window(connection, main.scope, start)
            if usd_to_nano(reset_to) > before:
                raise bad_field("reset_to", "is more than what was spent")
            effects.spent += seeding.reset(connection, entity, usd_to_nano(reset_to), now)
            effects.forget.append(f"user:{user_id}")
            seen = {"team_id": team_id, "user_id": user_id, "counted_spend": nano_to_usd(before)}
            after = seen | {"counted_spend": reset_to}
            effects.audit.append(_audited(EventCode.TEAM_MEMBER_UPDATED, team, seen, after))
            return {
                "team_id": team_id,
                "user_id": user_id,
                "previous_spend": nano_to_usd(before),
                "spend": reset_to,
                "max_budget": nano_to_usd(main.amount),
                "budget_reset_at": iso(end) if isfinite(end) else None,
            }

        return await self.writer.commit(change)

    async def remove(self, team_id: str, fields: PersonFields) -> JsonObject:
        """The team after somebody has left it; his keys of the team are deleted."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            team = self._team(connection, team_id)
            member, user = self._member(connection, team, fields)
            team = self._touched(connection, team)
            before = membership_views(connection, team, [member], now)[0]
            tenants.TEAM_MEMBERS.delete(connection, team.id, member.user_id)
            mine = [key for key in keys.of(connection, "user_id", [user.id]) if key.team_id == team.id]
            remove_keys(connection, mine, self.writer, effects)
            effects.forget.append(f"user:{user.id}")
            effects.audit.append(_audited(EventCode.TEAM_MEMBER_REMOVED, team, before, None))
            return team_views(connection, [team], now)[0]

        return await self.writer.commit(change)

    async def _replace(
        self,
        team_id: str,
        fields: PersonFields,
        changed: Callable[[sa.Connection, TeamRow, TeamMemberRow], TeamMemberRow],
    ) -> tuple[JsonObject, UserRow]:
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, UserRow]:
            team = self._team(connection, team_id)
            old, user = self._member(connection, team, fields)
            team = self._touched(connection, team)
            row = changed(connection, team, old)
            before = membership_views(connection, team, [old], now)[0]
            tenants.TEAM_MEMBERS.update(connection, row)
            self._seed(connection, team, (old, row), effects)
            after = membership_views(connection, team, [row], now)[0]
            effects.audit.append(_audited(EventCode.TEAM_MEMBER_UPDATED, team, before, after))
            return after, user

        return await self.writer.commit(change)

    def _try(
        self,
        connection: sa.Connection,
        team: TeamRow,
        named: MemberReference,
        columns: dict[str, Any],
        effects: Effects,
    ) -> JsonObject:
        result: JsonObject = {"user_id": named.user_id, "user_email": named.user_email, "success": False, "error": None}
        try:
            user = self.people.found_or_made(connection, named, team.org_id, effects)
            row = self._insert(connection, team, (user, named.role), columns, effects)
        except ApiError as error:
            return result | {"error": error.message}
        except TakenError as error:
            return result | {"error": f"another user has this {error.column}"}
        membership = membership_views(connection, team, [row], self.writer.now)[0]
        found = {"user_id": user.id, "user_email": user.email, "success": True}
        return result | found | {"updated_user": identity(user), "updated_team_membership": membership}

    def _insert(
        self,
        connection: sa.Connection,
        team: TeamRow,
        who: tuple[UserRow, str],
        columns: dict[str, Any],
        effects: Effects,
    ) -> TeamMemberRow:
        user, role = who
        if tenants.TEAM_MEMBERS.get(connection, team.id, user.id) is not None:
            raise bad_field("member", f"{user.id[:60]!r} is in this team already")
        row = TeamMemberRow(team_id=team.id, user_id=user.id, role=role, **columns, **stamps(self.writer))
        _check(connection, team, row)
        with _as_fields():
            self.writer.giver.check_new(connection, row, _names(team))
        self.writer.giver.check_member(team, role, "role")
        tenants.TEAM_MEMBERS.insert(connection, row)
        self._seed(connection, team, (None, row), effects)
        after = membership_views(connection, team, [row], self.writer.now)[0]
        effects.audit.append(_audited(EventCode.TEAM_MEMBER_ADDED, team, None, after))
        return row

    def _seed(
        self,
        connection: sa.Connection,
        team: TeamRow,
        versions: tuple[TeamMemberRow | None, TeamMemberRow],
        effects: Effects,
    ) -> None:
        old, row = versions
        before = None if old is None else member_entity(with_defaults(old, team))
        log = [REQUESTS.c.team_id == team.id, REQUESTS.c.user_id == row.user_id]
        effects.spent += seeding.seeded(
            connection, before, member_entity(with_defaults(row, team)), log, self.writer.now
        )
        effects.forget.append(f"user:{row.user_id}")
        temporary.note(self.writer.services.temporary, f"user:{row.user_id}", row, self.writer.now)

    def _team(self, connection: sa.Connection, team_id: str) -> TeamRow:
        team = existing(connection, team_id, self.reach)
        self.writer.check_match(team.revision)
        return team

    def _touched(self, connection: sa.Connection, team: TeamRow) -> TeamRow:
        """The team at its next revision: who is in it, and with which limits, is part of what its ETag stands for."""
        row = replace(team, revision=team.revision + 1)
        tenants.TEAMS.update(connection, row)
        self.writer.tag(row.revision)
        return row

    def _member(self, connection: sa.Connection, team: TeamRow, fields: PersonFields) -> tuple[TeamMemberRow, UserRow]:
        user = self.people.existing(connection, fields)
        member = None if user is None else tenants.TEAM_MEMBERS.get(connection, team.id, user.id)
        if user is None or member is None:
            param = "user_id" if fields.user_id is not None else "user_email"
            raise not_found("There is no such member of this team.", param)
        return member, user


def _audited(code: EventCode, team: TeamRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    view = after or before or {}
    return Change(code, f"{team.id}/{view['user_id']}", before, after, team_id=team.id, tenant=team.org_id)


def _columns(fields: MemberLimits, before: TeamMemberRow | None = None) -> dict[str, Any]:
    return renamed_columns(fields, before, _RENAMED)


def _check(connection: sa.Connection, team: TeamRow, row: TeamMemberRow) -> None:
    complete = with_defaults(row, team)
    temporary.check(complete)
    changes.check(complete)
    if row.budget_duration is not None and row.max_budget_nano is None and row.budget_id is None:
        raise bad_field("budget_duration", "a duration without max_budget_in_team")
    groups = access_groups(connection)
    with _as_fields():
        bounds.refuse_excess(row, team, "team", groups)


@contextmanager
def _as_fields() -> Iterator[None]:
    """Names the fields of an allowance as members have them."""
    renamed = {name: field for field, name in _RENAMED.items()}
    try:
        yield
    except ApiError as error:
        name = renamed.get(error.param or "", error.param or "")
        message = f"{name}: {error.message.partition(': ')[2]}"
        raise ApiError(error.status, message, kind=error.kind, param=name) from error


def _names(team: TeamRow) -> tuple[str, ...]:
    return (f"team:{team.id}", f"org:{team.org_id}")


def _everybody_else(connection: sa.Connection, team: TeamRow) -> Iterable[MemberReference]:
    members = sa.select(TEAM_MEMBERS.c.user_id).where(TEAM_MEMBERS.c.team_id == team.id)
    others = tenants.USERS.all(connection, USERS.c.id.not_in(members))
    if len(others) > MOST_USERS:
        raise bad_field("all_users", f"there are more than {MOST_USERS} of them; add them in parts")
    return [MemberReference(user_id=row.id, role="user") for row in others]
