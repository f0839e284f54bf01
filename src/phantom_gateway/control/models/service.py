"""Changes of models kept in the database. Those of the configuration file are read-only here, and say so."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from phantom_gateway.config.errors import Problem, dotted
from phantom_gateway.config.messages import describe
from phantom_gateway.config.schema_models import CredentialEntry, ModelEntry
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import ApiError, bad_field, conflict, not_found
from phantom_gateway.control.models.fields import ModelNew, ModelUpdate
from phantom_gateway.control.models.params import OWN_INFO, changed, refuse_unsafe, split
from phantom_gateway.control.models.view import audit_view, row_view
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.stored import (
    credential_entry,
    entry_of,
    model_place,
    open_secrets,
    open_values,
    seal,
)
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.envelope import EnvelopeError
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import MODELS, ModelRow

JsonObject = dict[str, Any]
MAX_MODELS = 20_000


@dataclass(frozen=True, slots=True)
class ModelService:
    """What ``/model/*`` does. Every change is served by all workers of this node when it returns."""

    writer: Writer

    @property
    def services(self) -> ControlServices:
        """What the application was made with."""
        return self.writer.services

    async def create(self, fields: ModelNew) -> tuple[JsonObject, int]:
        """A new model and its revision."""
        refuse_if_off(self.services)
        now, by = self.writer.now, self.writer.by
        row = ModelRow(
            id=_id(fields.model_info) or str(uuid.uuid4()),
            name=fields.model_name,
            params={},
            info=changed({}, _info(fields.model_info)),
            blocked=bool(fields.blocked),
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )
        given = changed({}, fields.litellm_params)

        def change(connection: sa.Connection, effects: Effects) -> ModelRow:
            if MODELS.get(connection, row.id) is not None:
                raise ApiError(
                    400, "model_info.id: another model has this id", kind="bad_request_error", param="model_info.id"
                )
            if is_of_the_file(self.services, row.id):
                raise conflict("model_info.id: a model of the configuration file has this id")
            if MODELS.count(connection) >= MAX_MODELS:
                raise bad_field("model_name", f"there are {MAX_MODELS} models in the database already")
            made = self._filled(connection, row, given)
            MODELS.insert(connection, made)
            effects.reload = True
            effects.audit.append(Change(EventCode.MODEL_CREATED, made.id, None, audit_view(made)))
            return made

        made = await self.writer.commit(change)
        return row_view(made), made.revision

    async def update(self, model_id: str, fields: ModelUpdate) -> tuple[JsonObject, int]:
        """The row after the change, and its revision."""
        refuse_if_off(self.services)
        info = fields.model_info or {}
        if _id(info) not in (None, model_id):
            raise bad_field("model_info.id", "cannot be changed")

        def altered(connection: sa.Connection, old: ModelRow) -> ModelRow:
            row = replace(
                old,
                name=fields.model_name or old.name,
                info=changed(old.info, _info(info)),
                blocked=old.blocked if fields.blocked is None else fields.blocked,
            )
            try:
                secrets = open_secrets(self.services.envelopes, old)
            except EnvelopeError as error:
                raise conflict("The model's secrets do not open; delete it and make it again.") from error
            return self._filled(connection, row, changed(old.params | secrets, fields.litellm_params or {}))

        return await self._alter(model_id, EventCode.MODEL_UPDATED, altered)

    async def set_blocked(self, model_id: str, *, blocked: bool) -> tuple[JsonObject, int]:
        """The row after taking it out of service, or bringing it back."""
        refuse_if_off(self.services)
        code = EventCode.MODEL_BLOCKED if blocked else EventCode.MODEL_UNBLOCKED
        return await self._alter(model_id, code, lambda _, old: replace(old, blocked=blocked))

    async def delete(self, model_id: str) -> None:
        """Remove it; workers have forgotten it when this returns."""
        refuse_if_off(self.services)

        def change(connection: sa.Connection, effects: Effects) -> None:
            row = self._existing(connection, model_id)
            self.writer.check_match(row.revision)
            MODELS.delete(connection, model_id)
            effects.reload = True
            effects.audit.append(Change(EventCode.MODEL_DELETED, model_id, audit_view(row), None))

        await self.writer.commit(change)

    async def compiled(self, fields: ModelNew) -> Deployment:
        """What a new model would be compiled to; nothing is stored. Raises ApiError 400."""
        self.writer.check_absent()
        params, info = changed({}, fields.litellm_params), _info(fields.model_info)
        refuse_unsafe(params, info)
        now = self.writer.now
        row = ModelRow(id="new", name=fields.model_name, params=params, info=info, created_at=now, updated_at=now)

        def compile_it(connection: sa.Connection) -> Deployment:
            entry = _entry(row, {})
            found, problems = self.services.loader.compiled(entry, credentials_of(self.services, connection, entry))
            if problems or found is None:
                raise _refused(problems)
            return found

        return await self.services.database.read(compile_it)

    async def _alter(self, model_id: str, code: EventCode, altered: Any) -> tuple[JsonObject, int]:
        def change(connection: sa.Connection, effects: Effects) -> ModelRow:
            old = self._existing(connection, model_id)
            self.writer.check_match(old.revision)
            row: ModelRow = altered(connection, old)
            row = replace(row, updated_at=self.writer.now, updated_by=self.writer.by, revision=old.revision + 1)
            MODELS.update(connection, row)
            effects.reload = True
            effects.audit.append(Change(code, row.id, audit_view(old), audit_view(row)))
            return row

        row = await self.writer.commit(change)
        return row_view(row), row.revision

    def _filled(self, connection: sa.Connection, row: ModelRow, params: JsonObject) -> ModelRow:
        """``row`` with ``params``, checked as the configuration file is, its secrets sealed. Raises ApiError 400."""
        refuse_unsafe(params, row.info)
        team = row.info.get("team_id")
        if isinstance(team, str) and team and tenants.TEAMS.get(connection, team) is None:
            raise bad_field("model_info.team_id", "no such team")
        plain, secrets = split(params)
        row = replace(row, params=plain)
        check_row(self.services, connection, row, secrets)
        try:
            sealed = seal(self.services.envelopes, model_place(row.id), secrets) if secrets else None
        except EnvelopeError as error:
            raise bad_field("litellm_params", str(error)) from error
        return replace(row, sealed=sealed)

    def _existing(self, connection: sa.Connection, model_id: str) -> ModelRow:
        row = MODELS.get(connection, model_id)
        if row is not None:
            return row
        if is_of_the_file(self.services, model_id):
            raise conflict("This model is defined in the configuration file; change it there.")
        raise not_found(f"Model with id={model_id[:60]} not found in db", "id")


def check_row(services: ControlServices, connection: sa.Connection, row: ModelRow, secrets: JsonObject) -> None:
    """Refuse a model that could not be served. Raises ApiError 400 that names the field."""
    entry = _entry(row, secrets)
    problems = services.loader.check(entry, credentials_of(services, connection, entry))
    if problems:
        raise _refused(problems)


def _entry(row: ModelRow, secrets: JsonObject) -> ModelEntry:
    try:
        return entry_of(row, secrets)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        path = ".".join(str(part)[:60] for part in details["loc"][:2])
        raise bad_field(path, describe(details)[0]) from error


def credentials_of(services: ControlServices, connection: sa.Connection, entry: ModelEntry) -> list[CredentialEntry]:
    """The credential a model names, if the database has it."""
    name = entry.litellm_params.litellm_credential_name
    row = tenants.CREDENTIALS.get(connection, name) if name else None
    if row is None:
        return []
    try:
        return [credential_entry(row, open_values(services.envelopes, row))]
    except (EnvelopeError, ValidationError):
        return []


def is_of_the_file(services: ControlServices, model_id: str) -> bool:
    """Whether the deployment with this id comes from the configuration file."""
    deployments = services.configuration.snapshot.deployments
    return any(each.id == model_id and not each.db_model for each in deployments)


def refuse_if_off(services: ControlServices) -> None:
    """Refuse to store models where the configuration says so. Raises ApiError 400."""
    if services.loader.written.general_settings.store_model_in_db is False:
        raise ApiError(
            400, "general_settings.store_model_in_db is false: models come from the configuration file.", param="model"
        )


def _refused(problems: Sequence[Problem]) -> ApiError:
    first = problems[0]
    path = dotted(first.path) or "litellm_params"
    message = f"{path}: {first.message}{f' ({first.hint})' if first.hint else ''}"
    return ApiError(400, message, kind="bad_request_error", param=path)


def _id(info: JsonObject) -> str | None:
    found = info.get("id")
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) > 255 or not found.isprintable():
        raise bad_field("model_info.id", "must be a text of at most 255 printable characters")
    return found


def _info(info: JsonObject) -> JsonObject:
    return {name: value for name, value in info.items() if name not in OWN_INFO}
