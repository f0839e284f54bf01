"""Changes of paths that are passed through. Those of the configuration file are read-only here, and say so."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.credentials.view import MASKED
from phantom_gateway.control.errors import ApiError, bad_field, conflict, not_found
from phantom_gateway.control.models.service import refuse_if_off
from phantom_gateway.control.passes.fields import PassFields, PassNew, PassUpdate
from phantom_gateway.control.passes.view import HIDDEN, row_view, without_query, written_views
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.stored import SEALED_NAMES, open_headers, pass_entry, pass_place, seal
from phantom_gateway.providers.passes import PASSES
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.envelope import EnvelopeError
from phantom_gateway.store.tenants import PASS_ENDPOINTS, PassEndpointRow
from phantom_gateway.wire.message import FRAMING_HEADERS

JsonObject = dict[str, Any]
MAX_ENDPOINTS = 1_000
_SHOWN = ("include_subpath", "cost_per_request", "timeout", "methods", "forward_headers")
_REFERENCE = re.compile(r"(?i)\s*(?:(?:bearer|basic|token)\s+)?(?:os\.environ/|oidc/|file:)")
_OURS = frozenset({"host", *(name.decode() for name in FRAMING_HEADERS)})
"""Headers that say where a request ends, or whom it is for."""


@dataclass(frozen=True, slots=True)
class PassService:
    """What ``/config/pass_through_endpoint`` changes; every worker serves it when this returns."""

    writer: Writer

    async def create(self, fields: PassNew) -> PassEndpointRow:
        """A new endpoint."""
        services, now, by = self.writer.services, self.writer.now, self.writer.by
        refuse_if_off(services)
        row_id = fields.id or secrets.token_hex(8)
        if any(view["id"] == row_id for view in written_views(services.loader.written)):
            raise conflict("id: the configuration file has an endpoint with this id")

        def change(connection: sa.Connection, effects: Effects) -> PassEndpointRow:
            self.writer.check_absent()
            if PASS_ENDPOINTS.count(connection) >= MAX_ENDPOINTS:
                raise bad_field("path", f"there are {MAX_ENDPOINTS} endpoints in the database already")
            stamps: JsonObject = {"created_at": now, "created_by": by, "updated_at": now, "updated_by": by}
            row = self._filled(PassEndpointRow(id=row_id, path="", spec={}, **stamps), {}, fields)
            PASS_ENDPOINTS.insert(connection, row)
            self._noted(effects, EventCode.PASS_THROUGH_CREATED, None, row)
            self.writer.tag(row.revision)
            return row

        return await self.writer.commit(change)

    async def update(self, row_id: str, fields: PassUpdate) -> PassEndpointRow:
        """The endpoint after the change."""
        refuse_if_off(self.writer.services)
        if fields.id not in (None, row_id):
            raise bad_field("id", "cannot be changed")

        def change(connection: sa.Connection, effects: Effects) -> PassEndpointRow:
            old = self._existing(connection, row_id)
            self.writer.check_match(old.revision)
            row = replace(
                self._filled(old, self._opened(old), fields),
                updated_at=self.writer.now,
                updated_by=self.writer.by,
                revision=old.revision + 1,
            )
            PASS_ENDPOINTS.update(connection, row)
            self._noted(effects, EventCode.PASS_THROUGH_UPDATED, old, row)
            self.writer.tag(row.revision)
            return row

        return await self.writer.commit(change)

    async def delete(self, row_id: str) -> PassEndpointRow:
        """The endpoint that was there."""
        refuse_if_off(self.writer.services)

        def change(connection: sa.Connection, effects: Effects) -> PassEndpointRow:
            row = self._existing(connection, row_id)
            self.writer.check_match(row.revision)
            PASS_ENDPOINTS.delete(connection, row_id)
            self._noted(effects, EventCode.PASS_THROUGH_DELETED, row, None)
            return row

        return await self.writer.commit(change)

    def _filled(self, row: PassEndpointRow, hidden: JsonObject, fields: PassFields) -> PassEndpointRow:
        """``row`` with what ``fields`` say, checked and sealed. Raises ApiError 400 and 409."""
        given = fields.model_dump(include=fields.model_fields_set)
        spec = row.spec | {name: given[name] for name in _SHOWN if name in given}
        target = given.get("target")
        if target is not None and target != spec.get("target"):
            spec["target"] = without_query(target)
            hidden = {name: value for name, value in hidden.items() if name != "target"}
            if spec["target"] != target:
                hidden["target"] = target
        for field in HIDDEN:
            if field in given:
                hidden = hidden | {field: _kept(field, given[field] or {}, hidden.get(field, {}))}
        spec[SEALED_NAMES] = {field: sorted(hidden.get(field, ())) for field in HIDDEN}
        if given.get("auth") is False:
            raise bad_field("auth", "a key is always needed: the request carries the gateway's credentials")
        path = (given.get("path") or row.path).rstrip("/")
        filled = replace(row, path=path, spec={name: value for name, value in spec.items() if value is not None})
        self._check(filled, hidden)
        hidden = {name: value for name, value in hidden.items() if value}
        try:
            sealed = seal(self.writer.services.envelopes, pass_place(row.id), hidden) if hidden else None
        except EnvelopeError as error:
            raise bad_field("headers", str(error)) from error
        return replace(filled, sealed=sealed)

    def _check(self, row: PassEndpointRow, hidden: JsonObject) -> None:
        """Refuse what could not be served. Raises ApiError 400, and 409 for the path of something else."""
        for name in hidden.get("headers", ()):
            if name.lower() in _OURS:
                raise bad_field("headers", f"{name[:64]} is written by the gateway itself")
        texts = [(field, text) for field in HIDDEN for text in hidden.get(field, {}).values()]
        for field, text in (*texts, ("target", row.spec["target"])):
            if _REFERENCE.match(text):
                message = "references to variables and files are read in the configuration file only; give the value"
                raise bad_field(field, message)
        services = self.writer.services
        made = services.loader.check_pass(pass_entry(row, hidden))
        wrong = [(each.path, each.message) for each in made.problems] + [
            (each.path, each.message) for each in made.notes
        ]
        if wrong:
            where, message = wrong[0]
            raise bad_field(str(where[0]) if where else "path", message)
        taken = {view["path"] for view in written_views(services.loader.written)} | {f"/{each.name}" for each in PASSES}
        if row.path in taken:
            raise conflict("path: the configuration or a provider has an endpoint at this path")

    def _opened(self, row: PassEndpointRow) -> JsonObject:
        try:
            return open_headers(self.writer.services.envelopes, row)
        except EnvelopeError as error:
            raise conflict("The endpoint does not open; delete it and make it again.") from error

    def _existing(self, connection: sa.Connection, row_id: str) -> PassEndpointRow:
        row = PASS_ENDPOINTS.get(connection, row_id)
        if row is None:
            raise missing(self.writer.services, row_id)
        return row

    @staticmethod
    def _noted(effects: Effects, code: EventCode, old: PassEndpointRow | None, new: PassEndpointRow | None) -> None:
        effects.reload = True
        row = new or old
        assert row is not None, "a change is from something or to something"
        effects.audit.append(Change(code, row.id, _audit(old), _audit(new)))


def missing(services: ControlServices, row_id: str) -> ApiError:
    """Why there is no such endpoint to change."""
    if any(view["id"] == row_id for view in written_views(services.loader.written)):
        return conflict("This endpoint is defined in the configuration file; change it there.")
    return not_found("Endpoint not found.", "endpoint_id")


def _kept(field: str, given: JsonObject, before: JsonObject) -> JsonObject:
    """What a client sends back as it was shown stays as it is. Raises ApiError 400."""
    found = {}
    for name, value in given.items():
        if value == MASKED and name not in before:
            raise bad_field(field, f"{name[:64]} has the mask as its value")
        found[name] = before[name] if value == MASKED else value if isinstance(value, str) else _plain(value)
    return found


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _audit(row: PassEndpointRow | None) -> JsonObject | None:
    return None if row is None else {**row_view(row), "revision": row.revision}
