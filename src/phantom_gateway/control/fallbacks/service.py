"""Fallbacks of a model, from the configuration file or from the database; the file's are read-only here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from phantom_gateway.config.crosscheck import matches
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import bad_field, conflict, not_found
from phantom_gateway.control.fallbacks.fields import FallbackNew, FallbackType
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.stored import FALLBACK, SPECIAL
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store.tenants import OVERRIDES, OverrideRow


@dataclass(frozen=True, slots=True)
class FallbackService:
    """What ``/fallback`` changes."""

    writer: Writer

    async def put(self, fields: FallbackNew) -> bool:
        """Set the fallbacks of a model; whether it had none before."""
        services = self.writer.services
        refuse_unknown(services, "model", fields.model)
        for index, name in enumerate(fields.fallback_models):
            refuse_unknown(services, f"fallback_models.{index}", name)
        if fields.model in fields.fallback_models:
            raise bad_field("fallback_models", "a model cannot fall back to itself")
        if len(set(fields.fallback_models)) != len(fields.fallback_models):
            raise bad_field("fallback_models", "names a model twice")
        _refuse_of_the_file(services, fields.model, fields.fallback_type)
        now, by, place = self.writer.now, self.writer.by, row_id(fields.model, fields.fallback_type)

        def change(connection: sa.Connection, effects: Effects) -> bool:
            old = OVERRIDES.get(connection, place)
            self.writer.check_match(0 if old is None else old.revision)
            if old is None:
                row = OverrideRow(
                    id=place,
                    value=fields.fallback_models,
                    created_at=now,
                    created_by=by,
                    updated_at=now,
                    updated_by=by,
                )
                OVERRIDES.insert(connection, row)
                code = EventCode.FALLBACK_CREATED
            else:
                row = replace(
                    old, value=fields.fallback_models, updated_at=now, updated_by=by, revision=old.revision + 1
                )
                OVERRIDES.update(connection, row)
                code = EventCode.FALLBACK_UPDATED
            self.writer.tag(row.revision)
            kind = fields.fallback_type
            before = None if old is None else {"fallback_models": old.value, "fallback_type": kind}
            effects.reload = True
            effects.audit.append(
                Change(code, fields.model, before, {"fallback_models": row.value, "fallback_type": kind})
            )
            return old is None

        return await self.writer.commit(change)

    async def delete(self, model: str, kind: FallbackType) -> None:
        """Remove what was set over the API."""

        def change(connection: sa.Connection, effects: Effects) -> None:
            old = OVERRIDES.get(connection, row_id(model, kind))
            if old is None:
                _refuse_of_the_file(self.writer.services, model, kind)
                raise not_found("No fallbacks are set for this model.", "model")
            self.writer.check_match(old.revision)
            OVERRIDES.delete(connection, old.id)
            effects.reload = True
            effects.audit.append(
                Change(EventCode.FALLBACK_DELETED, model, {"fallback_models": old.value, "fallback_type": kind}, None)
            )

        await self.writer.commit(change)


def row_id(model: str, kind: FallbackType) -> str:
    """Where the fallbacks of a model are kept."""
    return (FALLBACK if kind == "general" else SPECIAL[_setting(kind)]) + model


def _setting(kind: FallbackType) -> str:
    return "fallbacks" if kind == "general" else f"{kind}_fallbacks"


def of_the_file(services: ControlServices, model: str, kind: FallbackType) -> list[str]:
    """What the configuration file says about a model."""
    written, name = services.loader.written, _setting(kind)
    fallbacks = getattr(written.router_settings, name)
    if fallbacks is None:
        fallbacks = getattr(written.litellm_settings, name)
    return [target for mapping in fallbacks or () for target in mapping.get(model, ())]


def refuse_unknown(services: ControlServices, field: str, name: str) -> None:
    """Refuse the name of a model that is not served. Raises ApiError 400."""
    snapshot = services.configuration.snapshot
    known = [*(each.group for each in snapshot.deployments), *snapshot.routing.aliases]
    if not any(matches(pattern, name) for pattern in known):
        raise bad_field(field, "no model has this name")


def _refuse_of_the_file(services: ControlServices, model: str, kind: FallbackType) -> None:
    if of_the_file(services, model, kind):
        raise conflict("The fallbacks of this model are defined in the configuration file; change them there.")
