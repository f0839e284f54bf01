"""Changes of credentials kept in the database. Those of the configuration file are read-only here, and say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.config.credentials import conceal, holds_secret
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.credentials.fields import CredentialNew, CredentialUpdate
from phantom_gateway.control.credentials.view import row_view
from phantom_gateway.control.errors import ApiError, bad_field, conflict, not_found
from phantom_gateway.control.models.params import changed, refuse_references, refuse_unsafe
from phantom_gateway.control.models.service import check_row, refuse_if_off
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.stored import credential_place, open_secrets, open_values, seal
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.envelope import EnvelopeError
from phantom_gateway.store.tenants import CREDENTIALS, MODELS, CredentialRow, ModelRow

JsonObject = dict[str, Any]
OF_A_MODEL = ("api_key", "api_base", "api_version", "organization")
"""What a model can hand over to a credential, and takes from one."""
MAX_CREDENTIALS = 5_000


@dataclass(frozen=True, slots=True)
class CredentialService:
    """What ``/credentials`` does. Models that use a credential are served with its new values when a change returns."""

    writer: Writer

    @property
    def services(self) -> ControlServices:
        """What the application was made with."""
        return self.writer.services

    async def create(self, fields: CredentialNew) -> CredentialRow:
        """A new credential."""
        refuse_if_off(self.services)
        if (fields.credential_values is None) == (fields.model_id is None):
            raise bad_field("credential_values", "give either credential_values or model_id")
        if is_of_the_file(self.services, fields.credential_name):
            raise conflict("credential_name: the configuration file has a credential of this name")
        now, by = self.writer.now, self.writer.by

        def change(connection: sa.Connection, effects: Effects) -> CredentialRow:
            if CREDENTIALS.get(connection, fields.credential_name) is not None:
                raise bad_field("credential_name", "another credential has this name")
            if CREDENTIALS.count(connection) >= MAX_CREDENTIALS:
                raise bad_field("credential_name", f"there are {MAX_CREDENTIALS} credentials in the database already")
            values = fields.credential_values
            blank = CredentialRow(
                id=fields.credential_name,
                names=[],
                sealed="",
                info={"display_name": fields.display_name, "credential_info": _info(fields.credential_info)},
                created_at=now,
                created_by=by,
                updated_at=now,
                updated_by=by,
            )
            row = self._filled(
                blank, values if values is not None else self._of_model(connection, fields.model_id or "")
            )
            CREDENTIALS.insert(connection, row)
            effects.reload = True
            effects.audit.append(Change(EventCode.CREDENTIAL_CREATED, row.id, None, row_view(row)))
            return row

        return await self.writer.commit(change)

    async def update(self, name: str, fields: CredentialUpdate) -> CredentialRow:
        """The row after the change; refused when a model that uses it could not be served any more."""
        refuse_if_off(self.services)
        if fields.credential_name not in (None, name):
            raise bad_field("credential_name", "cannot be changed: models refer to it")
        if fields.model_id is not None and fields.credential_values is not None:
            raise bad_field("credential_values", "give either credential_values or model_id")

        def change(connection: sa.Connection, effects: Effects) -> CredentialRow:
            old = self._existing(connection, name)
            self.writer.check_match(old.revision)
            info = dict(old.info)
            if fields.credential_info is not None:
                info["credential_info"] = _info(fields.credential_info)
            if "display_name" in fields.model_fields_set:
                info["display_name"] = fields.display_name
            given = fields.credential_values or {}
            if fields.model_id is not None:
                given = self._of_model(connection, fields.model_id)
            values = changed(self._values(old), given)
            for removed in fields.credential_values_to_delete or ():
                if values.pop(removed, None) is None:
                    raise bad_field("credential_values_to_delete", f"there is no value named {removed}")
            row = replace(
                self._filled(replace(old, info=info), values),
                updated_at=self.writer.now,
                updated_by=self.writer.by,
                revision=old.revision + 1,
            )
            CREDENTIALS.update(connection, row)
            self._check_users(connection, name)
            effects.reload = True
            effects.audit.append(Change(EventCode.CREDENTIAL_UPDATED, name, _audit(old), _audit(row)))
            return row

        return await self.writer.commit(change)

    async def delete(self, name: str) -> None:
        """Remove it, unless a model uses it."""
        refuse_if_off(self.services)

        def change(connection: sa.Connection, effects: Effects) -> None:
            row = self._existing(connection, name)
            self.writer.check_match(row.revision)
            users = [model.id for model in _users(connection, name)]
            if users:
                raise conflict(f"The credential is used by models: {', '.join(users[:5])}")
            CREDENTIALS.delete(connection, name)
            effects.reload = True
            effects.audit.append(Change(EventCode.CREDENTIAL_DELETED, name, row_view(row), None))

        await self.writer.commit(change)

    def _filled(self, row: CredentialRow, values: JsonObject) -> CredentialRow:
        """``row`` with ``values``, sealed. Raises ApiError 400."""
        for name, value in values.items():
            if not isinstance(value, (str, dict)) or not value:
                raise bad_field(f"credential_values.{name}", "must be a text")
        refuse_references("credential_values", values)
        refuse_unsafe(values, {})
        if not values:
            raise bad_field("credential_values", "a credential needs a value")
        try:
            sealed = seal(self.services.envelopes, credential_place(row.id), values)
        except EnvelopeError as error:
            raise bad_field("credential_values", str(error)) from error
        return replace(row, names=sorted(values), sealed=sealed)

    def _check_users(self, connection: sa.Connection, name: str) -> None:
        for model in _users(connection, name):
            try:
                check_row(self.services, connection, model, open_secrets(self.services.envelopes, model))
            except EnvelopeError:
                continue
            except ApiError as error:
                raise bad_field("credential_values", f"model {model.id} uses it: {error.message}") from error

    def _of_model(self, connection: sa.Connection, model_id: str) -> JsonObject:
        row = MODELS.get(connection, model_id)
        if row is None:
            raise not_found("No such model in the database.", "model_id")
        try:
            params = row.params | open_secrets(self.services.envelopes, row)
        except EnvelopeError as error:
            raise conflict("The model's secrets do not open.") from error
        return {name: params[name] for name in OF_A_MODEL if params.get(name)}

    def _values(self, row: CredentialRow) -> JsonObject:
        try:
            return open_values(self.services.envelopes, row)
        except EnvelopeError as error:
            raise conflict("The credential does not open; delete it and make it again.") from error

    def _existing(self, connection: sa.Connection, name: str) -> CredentialRow:
        row = CREDENTIALS.get(connection, name)
        if row is not None:
            return row
        if is_of_the_file(self.services, name):
            raise conflict("This credential is defined in the configuration file; change it there.")
        raise not_found("Credential not found.", "credential_name")


def is_of_the_file(services: ControlServices, name: str) -> bool:
    """Whether the configuration file has a credential of this name."""
    return any(entry.credential_name == name for entry in services.loader.written.credential_list)


def _users(connection: sa.Connection, name: str) -> Sequence[ModelRow]:
    return [row for row in MODELS.all(connection) if row.params.get("litellm_credential_name") == name]


def _audit(row: CredentialRow) -> JsonObject:
    return {**row_view(row), "revision": row.revision}


def _info(info: JsonObject) -> JsonObject:
    for name, value in info.items():
        if holds_secret(conceal(value, name=name)):
            raise bad_field(f"credential_info.{name[:60]}", "looks like a credential; put it into credential_values")
    return info
