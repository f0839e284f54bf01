"""Changes of settings kept in the database. What the configuration file sets is read-only here, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.config.crosscheck import check_names
from phantom_gateway.config.errors import dotted
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer, content_tag
from phantom_gateway.control.errors import bad_field, conflict, not_found
from phantom_gateway.control.overrides.settings import Setting
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.stored import SETTING, Stored, is_written, merged
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store.tenants import OVERRIDES, OverrideRow

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SettingService:
    """What ``/config/*`` changes; in force on all workers of this node when it returns."""

    writer: Writer

    async def put(self, values: Mapping[Setting, Any], sections: Collection[str] = ()) -> None:
        """Set all of ``values``, or none of them.

        ``If-Match`` is held against each setting (one that is not stored has revision 0), or against all of ``sections``.
        """
        services = self.writer.services
        for setting, value in values.items():
            setting.check(value)
            refuse_of_the_file(services, setting)
        _check_names(services, values)
        given: dict[tuple[str, str], Any] = {(each.section, each.name): value for each, value in values.items()}
        for problem in await asyncio.to_thread(services.loader.tried, given):
            raise bad_field(dotted(problem.path) or "field_value", problem.message)
        now, by = self.writer.now, self.writer.by

        def change(connection: sa.Connection, effects: Effects) -> None:
            for section in sections:
                self.writer.check_tag(tag_of(connection, section))
            for setting, value in values.items():
                row_id = id_of(setting)
                old = OVERRIDES.get(connection, row_id)
                revision = 0 if old is None else old.revision
                if not sections:
                    self.writer.check_match(revision)
                    self.writer.tag(revision + 1)
                stamps: JsonObject = {"updated_at": now, "updated_by": by}
                if old is None:
                    row = OverrideRow(id=row_id, value=value, created_at=now, created_by=by, **stamps)
                    OVERRIDES.insert(connection, row)
                else:
                    OVERRIDES.update(connection, replace(old, value=value, revision=revision + 1, **stamps))
                before = None if old is None else {"value": old.value}
                name = f"{setting.section}.{setting.name}"
                effects.audit.append(
                    Change(EventCode.CONFIG_UPDATED, name, before or {"value": None}, {"value": value})
                )
            self.writer.tags.extend(tag_of(connection, section) for section in sections)
            effects.reload = bool(values)

        if values or self.writer.if_match is not None:
            await self.writer.commit(change)

    async def delete(self, setting: Setting) -> None:
        """Back to what the configuration file or the default says."""

        def change(connection: sa.Connection, effects: Effects) -> None:
            old = OVERRIDES.get(connection, id_of(setting))
            if old is None:
                refuse_of_the_file(self.writer.services, setting)
                raise not_found("This setting is not in the database.", "field_name")
            self.writer.check_match(old.revision)
            OVERRIDES.delete(connection, old.id)
            effects.reload = True
            name = f"{setting.section}.{setting.name}"
            effects.audit.append(Change(EventCode.CONFIG_DELETED, name, {"value": old.value}, None))

        await self.writer.commit(change)


def tag_of(connection: sa.Connection, section: str) -> str:
    """The entity tag of a section: it changes with what is stored of it."""
    prefix = f"{SETTING}{section}."
    return content_tag({row.id: row.revision for row in OVERRIDES.all(connection) if row.id.startswith(prefix)})


def id_of(setting: Setting) -> str:
    """The override's id."""
    return f"{SETTING}{setting.section}.{setting.name}"


def refuse_of_the_file(services: ControlServices, setting: Setting) -> None:
    """Refuse to set what the file sets. Raises ApiError 409."""
    if is_written(services.loader.written, setting.section, setting.name):
        raise conflict(f"{setting.section}.{setting.name} is set in the configuration file; change it there.")


def _check_names(services: ControlServices, values: Mapping[Setting, Any]) -> None:
    given: dict[tuple[str, str], Any] = {(setting.section, setting.name): value for setting, value in values.items()}
    config = merged(services.loader.written, Stored(settings=given))
    served = [each.group for each in services.configuration.snapshot.deployments]
    for problem in check_names(config, served):
        if (str(problem.path[0]), str(problem.path[1])) in given:
            raise bad_field(dotted(problem.path), problem.message)
