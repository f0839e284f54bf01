"""What can be done with organisations. Handlers parse, this decides and stores."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import bounds, changes, seeding, temporary
from phantom_gateway.control.entities.listing import Listing, Wanted
from phantom_gateway.control.entities.past import require_budget
from phantom_gateway.control.entities.revisions import stamps, touched
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.keys.removal import remove as remove_keys
from phantom_gateway.control.organizations.fields import OrganizationFields, OrganizationNew
from phantom_gateway.control.organizations.view import entity_of, for_member, organization_views
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams import service as teams
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, ORGANIZATIONS, TEAMS
from phantom_gateway.store.tenants import JsonObject, OrganizationRow

LISTING = Listing(
    tenants.ORGANIZATIONS,
    {
        "organization_alias": ORGANIZATIONS.c.alias,
        "organization_id": ORGANIZATIONS.c.id,
        "created_at": ORGANIZATIONS.c.created_at,
        "updated_at": ORGANIZATIONS.c.updated_at,
        "max_budget": ORGANIZATIONS.c.max_budget_nano,
        "spend": lifetime("org", ORGANIZATIONS.c.id),
    },
)
"""``/organization/list``."""


def existing(connection: sa.Connection, org_id: str, reach: Reach, param: str = "organization_id") -> OrganizationRow:
    """The organisation with this id. Raises ApiError 404 when it is not there or out of reach."""
    row = tenants.ORGANIZATIONS.get(connection, org_id)
    if row is None or not reach.covers(Target(org_id=row.id)):
        raise not_found("There is no such organization.", param)
    return row


@dataclass(frozen=True, slots=True)
class OrganizationService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach

    async def create(self, fields: OrganizationNew) -> JsonObject:
        """A new organisation."""
        now = self.writer.now
        org_id = fields.organization_id or str(uuid.uuid4())
        columns = _columns(zoned(fields, self.writer.zone), None, now)
        wanted = OrganizationRow(id=org_id, **columns, **stamps(self.writer))
        said = {name for name in fields.model_fields_set if getattr(fields, name) not in (None, [], {})}

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            row = self.writer.giver.made(connection, wanted, said)
            _check(connection, row)
            try:
                tenants.ORGANIZATIONS.insert(connection, row)
            except TakenError as error:
                raise TakenError("organization_id") from error
            effects.spent += seeding.seeded(connection, None, entity_of(row), [REQUESTS.c.org_id == row.id], now)
            effects.forget.append(f"org:{row.id}")  # keys may have named it before
            temporary.note(self.writer.services.temporary, f"org:{row.id}", row, now)
            view = organization_views(connection, [row], now)[0]
            effects.audit.append(_audited(EventCode.ORGANIZATION_CREATED, row, None, view))
            self.writer.tag(row.revision)
            return view

        return await self.writer.commit(change)

    async def update(self, org_id: str, fields: OrganizationFields) -> tuple[JsonObject, int]:
        """The organisation after the change, and its revision. Its own administrators cannot give it more."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = existing(connection, org_id, self.reach)
            self.writer.check_match(old.revision)
            before = organization_views(connection, [old], now)[0]
            row = touched(old, self.writer, _columns(zoned(fields, self.writer.zone), old, now))
            if not self.reach.everything:
                bounds.refuse_raised(bounds.raised(old, row))
            self.writer.giver.check_changed(connection, old, row, (f"org:{row.id}",))
            _check(connection, row)
            tenants.ORGANIZATIONS.update(connection, row)
            log = [REQUESTS.c.org_id == row.id]
            effects.spent += seeding.seeded(connection, entity_of(old), entity_of(row), log, now)
            effects.forget.append(f"org:{row.id}")
            temporary.note(self.writer.services.temporary, f"org:{row.id}", row, now)
            view = organization_views(connection, [row], now)[0]
            effects.audit.append(_audited(EventCode.ORGANIZATION_UPDATED, row, before, view))
            return view, row.revision

        return await self.writer.commit(change)

    async def delete(self, org_ids: list[str]) -> list[JsonObject]:
        """Delete organisations with their teams and keys, all of them or none; as they were. People stay."""

        def change(connection: sa.Connection, effects: Effects) -> list[JsonObject]:
            rows = [existing(connection, each, self.reach, "organization_ids") for each in dict.fromkeys(org_ids)]
            found = organization_views(connection, rows, self.writer.now)
            for row, view in zip(rows, found, strict=True):
                self.writer.check_match(row.revision)
                teams.remove(connection, tenants.TEAMS.all(connection, TEAMS.c.org_id == row.id), self.writer, effects)
                remove_keys(connection, keys.of(connection, "org_id", [row.id]), self.writer, effects)
                connection.execute(sa.delete(ORGANIZATION_MEMBERS).where(ORGANIZATION_MEMBERS.c.org_id == row.id))
                tenants.ORGANIZATIONS.delete(connection, row.id)
                effects.forget.append(f"org:{row.id}")
                effects.audit.append(_audited(EventCode.ORGANIZATION_DELETED, row, view, None))
            return found

        return await self.writer.commit(change)


@dataclass(frozen=True, slots=True)
class OrganizationViews:
    """What a caller sees: its reach with ``organization.read``, and who it is."""

    reach: Reach
    user_id: str | None
    now: float

    def one(self, connection: sa.Connection, org_id: str) -> tuple[JsonObject, int]:
        """An organisation and its revision. Raises ApiError 404."""
        row = existing(connection, org_id, self.reach)
        return self._shown(connection, [row])[0], row.revision

    def some(self, connection: sa.Connection, org_ids: list[str]) -> list[JsonObject]:
        """Those that are named. Raises ApiError 404 when one is not there."""
        rows = [existing(connection, each, self.reach, "organizations") for each in dict.fromkeys(org_ids)]
        return self._shown(connection, rows)

    def listed(
        self, connection: sa.Connection, org_id: str | None, alias: str | None, wanted: Wanted
    ) -> tuple[int, list[JsonObject]]:
        """How many are in reach, and those of a page; ``alias`` is a part of it."""
        conditions = [self.reach.where(org=ORGANIZATIONS.c.id)]
        if org_id is not None:
            conditions.append(ORGANIZATIONS.c.id == org_id)
        if alias is not None:
            conditions.append(tenants.ORGANIZATIONS.search(alias, "alias"))
        total, rows = LISTING.page(connection, conditions, wanted)
        return total, self._shown(connection, rows)

    def _shown(self, connection: sa.Connection, rows: list[OrganizationRow]) -> list[JsonObject]:
        found = []
        for row, view in zip(rows, organization_views(connection, rows, self.now), strict=True):
            plain = self.reach.over(Target(org_id=row.id)) is Relation.MEMBER
            found.append(for_member(view, self.user_id) if plain else view)
        return found


def _audited(code: EventCode, row: OrganizationRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    return Change(code, row.id, before, after, tenant=row.id)


def _columns(fields: OrganizationFields, before: OrganizationRow | None, now: float) -> dict[str, Any]:
    columns = changes.allowance_columns(fields, before) | temporary.temporary_columns(fields, now)
    columns.pop("blocked", None)
    if "organization_alias" in fields.model_fields_set:
        columns["alias"] = fields.organization_alias
    return columns


def _check(connection: sa.Connection, row: OrganizationRow) -> None:
    changes.check(row)
    temporary.check(row)
    require_budget(connection, row.budget_id)
