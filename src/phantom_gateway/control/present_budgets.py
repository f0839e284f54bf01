"""Which budgets entities have now, as the ingestion needs it: from memory, else from the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar, cast

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, budgets_of, completed
from phantom_gateway.control.entities.members import with_defaults
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.database import Database
from phantom_gateway.store.tenants import Allowance, TeamMemberRow, TeamRow

A = TypeVar("A", bound=Allowance)

MAX_REMEMBERED = 50_000

Source = Callable[[sa.Connection, Sequence[str]], Mapping[str, Sequence[Limit]]]
"""Ids of entities of one kind to their budgets; those without any may be missing."""


def _of_keys(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "key", {row.id: row for row in keys.get_many(connection, ids)})


def _of_users(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "user", {row.id: row for row in tenants.USERS.of(connection, "id", ids)})


def _of_teams(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "team", {row.id: row for row in tenants.TEAMS.of(connection, "id", ids)})


def _of_projects(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "project", {row.id: row for row in tenants.PROJECTS.of(connection, "id", ids)})


def _of_organizations(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "org", {row.id: row for row in tenants.ORGANIZATIONS.of(connection, "id", ids)})


def _of_members(connection: sa.Connection, names: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    """Ids contain what they like, a slash too: the names are made from the rows, not taken apart."""
    found = {
        f"{row.team_id}/{row.user_id}": row for row in tenants.TEAM_MEMBERS.of(connection, "user_id", _ends(names))
    }
    rows = {name: found[name] for name in names if name in found}
    teams = tenants.TEAMS.of(connection, "id", sorted({row.team_id for row in rows.values()}))
    by_id = {team.id: team for team in teams}
    complete = _completed(connection, rows)
    return _limits("member", {name: _as_member(row, by_id.get(row.team_id)) for name, row in complete.items()})


def _of_organization_members(connection: sa.Connection, names: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    members = tenants.ORGANIZATION_MEMBERS.of(connection, "user_id", _ends(names))
    rows = {f"{row.org_id}/{row.user_id}": row for row in members}
    return _budgets(connection, "org_member", {name: rows[name] for name in names if name in rows})


def _of_customers(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "customer", {row.id: row for row in tenants.CUSTOMERS.of(connection, "id", ids)})


def _of_tags(connection: sa.Connection, names: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
    return _budgets(connection, "tag", {row.id: row for row in tenants.TAGS.of(connection, "id", names)})


def _ends(names: Sequence[str]) -> list[str]:
    return sorted({name[cut + 1 :] for name in names for cut in range(len(name)) if name[cut] == "/"})


def _as_member(row: TeamMemberRow, team: TeamRow | None) -> TeamMemberRow:
    return row if team is None else with_defaults(row, team)


def _budgets(connection: sa.Connection, kind: str, rows: Mapping[str, Allowance]) -> Mapping[str, Sequence[Limit]]:
    return _limits(kind, _completed(connection, rows))


def _completed(connection: sa.Connection, rows: Mapping[str, A]) -> dict[str, A]:
    wanted = [row.budget_id for row in rows.values() if row.budget_id is not None]
    shared = {row.id: row for row in tenants.BUDGETS.of(connection, "id", wanted)}
    return {name: cast(A, completed(row, shared.get(row.budget_id or ""))) for name, row in rows.items()}


def _limits(kind: str, rows: Mapping[str, Allowance]) -> Mapping[str, Sequence[Limit]]:
    now = time.time()
    return {name: tuple(budgets_of(Entity(f"{kind}:{name}", row), now)) for name, row in rows.items()}


SOURCES: Mapping[str, Source] = {
    "key": _of_keys,
    "user": _of_users,
    "member": _of_members,
    "team": _of_teams,
    "project": _of_projects,
    "org": _of_organizations,
    "org_member": _of_organization_members,
    "customer": _of_customers,
    "tag": _of_tags,
}
"""By kind of entity, which is what its name begins with. Another kind of entity with budgets adds its source here."""


class PresentBudgets:
    """Belongs to one thread. Whoever changes budgets calls ``forget``."""

    def __init__(self, database: Database, sources: Mapping[str, Source] = SOURCES) -> None:
        self._database = database
        self._sources = sources
        self._known: dict[str, tuple[Limit, ...]] = {}
        self.configured: Mapping[str, tuple[Limit, ...]] = {}
        """Budgets that the configuration gives, by entity; replaced whole, from any thread."""

    def forget(self) -> None:
        """Something has changed."""
        self._known.clear()

    def of(self, entities: Collection[str]) -> Mapping[str, Sequence[Limit]]:
        """The budgets of ``entities``. Raises DatabaseError."""
        if len(self._known) > MAX_REMEMBERED:
            self._known.clear()
        unknown: dict[str, list[str]] = {}
        for entity in entities:
            kind, _, name = entity.partition(":")
            if kind in self._sources and entity not in self._known:
                unknown.setdefault(kind, []).append(name)
        if unknown:
            self._read(unknown)
        given = self.configured
        if not given:
            return {entity: self._known.get(entity, ()) for entity in entities}
        return {entity: (*self._known.get(entity, ()), *given.get(entity, ())) for entity in entities}

    def _read(self, unknown: Mapping[str, list[str]]) -> None:
        with self._database.read() as connection:
            for kind, names in unknown.items():
                found = self._sources[kind](connection, names)
                self._known |= {f"{kind}:{name}": tuple(found.get(name, ())) for name in names}
