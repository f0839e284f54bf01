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
from phantom_gateway.control.stored import FALLBACK
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store.tenants import OVERRIDES, OverrideRow


@dataclass(frozen=True, slots=True)
class FallbackService:
    """What ``/fallback`` changes."""

    writer: Writer

    async def put(self, fields: FallbackNew) -> bool:
        """Set the fallbacks of a model; whether it had none before."""
        services = self.writer.services
        refuse_type(fields.fallback_type)
        refuse_unknown(services, "model", fields.model)
        for index, name in enumerate(fields.fallback_models):
            refuse_unknown(services, f"fallback_models.{index}", name)
        if fields.model in fields.fallback_models:
            raise bad_field("fallback_models", "a model cannot fall back to itself")
        if len(set(fields.fallback_models)) != len(fields.fallback_models):
            raise bad_field("fallback_models", "names a model twice")
        _refuse_of_the_file(services, fields.model)
        now, by = self.writer.now, self.writer.by

        def change(connection: sa.Connection, effects: Effects) -> bool:
            old = OVERRIDES.get(connection, FALLBACK + fields.model)
            if old is None:
                row = OverrideRow(
                    id=FALLBACK + fields.model,
                    value=fields.fallback_models,
                    created_at=now,
                    created_by=by,
                    updated_at=now,
                    updated_by=by,
                )
                OVERRIDES.insert(connection, row)
                code = EventCode.FALLBACK_CREATED
            else:
                self.writer.check_match(old.revision)
                row = replace(
                    old, value=fields.fallback_models, updated_at=now, updated_by=by, revision=old.revision + 1
                )
                OVERRIDES.update(connection, row)
                code = EventCode.FALLBACK_UPDATED
            before = None if old is None else {"fallback_models": old.value}
            effects.reload = True
            effects.audit.append(Change(code, fields.model, before, {"fallback_models": row.value}))
            return old is None

        return await self.writer.commit(change)

    async def delete(self, model: str, kind: FallbackType) -> None:
        """Remove what was set over the API."""
        refuse_type(kind)

        def change(connection: sa.Connection, effects: Effects) -> None:
            old = OVERRIDES.get(connection, FALLBACK + model)
            if old is None:
                _refuse_of_the_file(self.writer.services, model)
                raise not_found("No fallbacks are set for this model.", "model")
            self.writer.check_match(old.revision)
            OVERRIDES.delete(connection, old.id)
            effects.reload = True
            effects.audit.append(Change(EventCode.FALLBACK_DELETED, model, {"fallback_models": old.value}, None))

        await self.writer.commit(change)


def of_the_file(services: ControlServices, model: str) -> list[str]:
    """What the configuration file says about a model."""
    written = services.loader.written
    fallbacks = written.router_settings.fallbacks
    if fallbacks is None:
        fallbacks = written.litellm_settings.fallbacks
    return [target for mapping in fallbacks or () for target in mapping.get(model, ())]


def refuse_type(kind: FallbackType) -> None:
    """Refuse kinds of fallbacks that are not acted on. Raises ApiError 400."""
    if kind != "general":
        raise bad_field(
            "fallback_type", "only general can be set over the API; others are set in the configuration file"
        )


def refuse_unknown(services: ControlServices, field: str, name: str) -> None:
    """Refuse the name of a model that is not served. Raises ApiError 400."""
    snapshot = services.configuration.snapshot
    known = [*(each.group for each in snapshot.deployments), *snapshot.routing.aliases]
    if not any(matches(pattern, name) for pattern in known):
        raise bad_field(field, "no model has this name")


def _refuse_of_the_file(services: ControlServices, model: str) -> None:
    if of_the_file(services, model):
        raise conflict("The fallbacks of this model are defined in the configuration file; change them there.")
