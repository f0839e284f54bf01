"""Customers and tags, as workers ask for them: rows of the database, completed by their budget and by what is configured.

``max_end_user_budget`` and ``max_end_user_budget_id`` count for every customer without a budget, whether anybody has made
that customer or not; ``tag_budget_config`` for the tags it names.
"""

from __future__ import annotations

import time

import msgspec
import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.entities.chain import access_groups, expanded
from phantom_gateway.control.entities.limits import Entity, completed, limits_of, model_limits_of
from phantom_gateway.control.services import Configuration
from phantom_gateway.limits.configured import budget_limit
from phantom_gateway.spine.messages import Limit, SubjectRecord
from phantom_gateway.spine.snapshot import Budget, Settings
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import Allowance, CustomerRow, TagRow

KINDS = ("customer:", "tag:", "budget:")
"""What names of entities begin with whose change may change a subject."""


class SubjectDirectory:
    """Lives on the event loop."""

    def __init__(self, database: AsyncDatabase, configuration: Configuration) -> None:
        self._database = database
        self._configuration = configuration
        self.kinds: tuple[str, ...] = ()
        """Of which there are any, as far as was looked."""

    async def look(self) -> bool:
        """Look of which kinds there are any; whether that has changed. Raises DatabaseError."""
        settings = self._configuration.snapshot.settings
        found = await self._database.read(lambda connection: _kinds(connection, settings))
        changed, self.kinds = found != self.kinds, found
        return changed

    async def find(self, entity: str, budget_id: str = "") -> SubjectRecord | None:
        """The record of ``customer:<id>`` or ``tag:<name>``; ``None`` when nothing limits it. Raises DatabaseError.

        ``budget_id`` is what the key gives customers without a budget; it wins over the configuration's.
        """
        settings = self._configuration.snapshot.settings
        if budget_id:
            settings = msgspec.structs.replace(settings, customer_budget_id=budget_id)
        return await self._database.read(lambda connection: _record(connection, entity, settings))


def _kinds(connection: sa.Connection, settings: Settings) -> tuple[str, ...]:
    customers = settings.customer_budget is not None or bool(settings.customer_budget_id)
    tags = bool(settings.tag_budgets)
    found = []
    if customers or _any(connection, tenants.CUSTOMERS.table):
        found.append("customer")
    if tags or _any(connection, tenants.TAGS.table):
        found.append("tag")
    return tuple(found)


def _any(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _record(connection: sa.Connection, entity: str, settings: Settings) -> SubjectRecord | None:
    kind, _, name = entity.partition(":")
    if kind == "customer":
        return _customer(connection, entity, name, settings)
    return _tag(connection, entity, name, settings) if kind == "tag" else None


def _customer(connection: sa.Connection, entity: str, name: str, settings: Settings) -> SubjectRecord | None:
    found = tenants.CUSTOMERS.get(connection, name)
    row = found or CustomerRow(id=name, created_at=0.0, updated_at=0.0)
    own = _completed(connection, row, row.budget_id)
    if not _has_budget(own):
        own = _completed(connection, own, settings.customer_budget_id)
    record = SubjectRecord(
        entity=entity,
        blocked=row.blocked,
        models=expanded(row.models, access_groups(connection)) if row.models else (),
        default_model=row.default_model,
        region=row.allowed_model_region,
        limits=_limits(entity, own, settings.customer_budget),
        model_limits=model_limits_of(Entity(entity, own)),
    )
    return record if found or record.limits or record.model_limits else None


def _tag(connection: sa.Connection, entity: str, name: str, settings: Settings) -> SubjectRecord | None:
    found = tenants.TAGS.get(connection, name)
    default = settings.tag_budgets.get(name)
    if found is None and default is None:
        return None
    row = found or TagRow(id=name, created_at=0.0, updated_at=0.0)
    own = _completed(connection, row, row.budget_id)
    return SubjectRecord(
        entity=entity,
        blocked=row.blocked,
        models=tuple(row.models),
        limits=_limits(entity, own, default),
        model_limits=model_limits_of(Entity(entity, own)),
    )


def _completed(connection: sa.Connection, row: Allowance, budget_id: str | None) -> Allowance:
    return completed(row, tenants.BUDGETS.get(connection, budget_id)) if budget_id else row


def _limits(entity: str, own: Allowance, default: Budget | None) -> tuple[Limit, ...]:
    found = tuple(limits_of(Entity(entity, own), time.time()))
    return found if default is None or _has_budget(own) else (*found, budget_limit(entity, default))


def _has_budget(own: Allowance) -> bool:
    return own.max_budget_nano is not None or bool(own.budget_limits)
