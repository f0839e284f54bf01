"""What of the configuration is kept in the database: models, credentials, paths to pass through, fallbacks and settings.

``read_stored`` turns rows into the same objects a configuration file gives; ``merged`` puts them beside those of the file, whose
word always wins. A row that cannot be used (its envelope does not open, its schema has changed) is left out with a note: it
must not keep the rest from being served. Nothing here resolves references to variables or files: what came with a request
stays what it says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from phantom_gateway.config.errors import Note, Position
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_models import CredentialEntry, ModelEntry
from phantom_gateway.config.secret import Secret
from phantom_gateway.security.envelope import EnvelopeError, Envelopes, Place, SealPurpose
from phantom_gateway.store import tenancy_tables as tables
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import CredentialRow, ModelRow, PassEndpointRow
from phantom_gateway.store.vault import SealedColumn

DATABASE = Position("database")
FALLBACK = "fallback:"
"""Before the model's name: the id of an override that sets its fallbacks."""
SPECIAL: Mapping[str, str] = MappingProxyType(
    {"context_window_fallbacks": "fallback-cw:", "content_policy_fallbacks": "fallback-cp:"}
)
"""The same of the other kinds, by the setting."""
SETTING = "setting:"
"""Before ``section.name``: the id of an override that sets it."""
SEALED_NAMES = "names"
"""In what may be seen of a passed path: the names of what is sealed."""
PURPOSE = SealPurpose.PROVIDER_CREDENTIAL
SEALED_MODELS = SealedColumn(PURPOSE, tables.MODELS.c.id, tables.MODELS.c.sealed)
SEALED_CREDENTIALS = SealedColumn(PURPOSE, tables.CREDENTIALS.c.id, tables.CREDENTIALS.c.sealed)
SEALED_PASSES = SealedColumn(PURPOSE, tables.PASS_ENDPOINTS.c.id, tables.PASS_ENDPOINTS.c.sealed)
"""For sealing anew after a rotation (``store.vault.reseal``)."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model of the database."""

    id: str
    entry: ModelEntry
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class StoredPass:
    """A path that is passed through, of the database."""

    id: str
    entry: JsonObject
    """As it would stand in ``pass_through_endpoints``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All of it, as it was at one moment."""

    models: tuple[StoredModel, ...] = ()
    credentials: tuple[CredentialEntry, ...] = ()
    passes: tuple[StoredPass, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    special_fallbacks: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Those of the other kinds, by the setting they add to."""
    settings: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """Section and name to value."""
    notes: tuple[Note, ...] = ()
    """Rows that are left out, and why."""


def read_stored(connection: sa.Connection, envelopes: Envelopes) -> Stored:
    """Everything in the database, opened."""
    notes: list[Note] = []
    models, credentials = [], []
    for model in tenants.MODELS.all(connection):
        try:
            models.append(StoredModel(model.id, entry_of(model, open_secrets(envelopes, model)), model.blocked))
        except (EnvelopeError, ValidationError) as error:
            notes.append(_left_out("models", model.id, error))
    for credential in tenants.CREDENTIALS.all(connection):
        try:
            credentials.append(credential_entry(credential, open_values(envelopes, credential)))
        except (EnvelopeError, ValidationError) as error:
            notes.append(_left_out("credentials", credential.id, error))
    passes = []
    for endpoint in tenants.PASS_ENDPOINTS.all(connection):
        try:
            passes.append(StoredPass(endpoint.id, pass_entry(endpoint, open_headers(envelopes, endpoint))))
        except EnvelopeError as error:
            notes.append(_left_out("pass_through_endpoints", endpoint.id, error))
    fallbacks: dict[str, tuple[str, ...]] = {}
    special: dict[str, dict[str, tuple[str, ...]]] = {}
    settings: dict[tuple[str, str], Any] = {}
    for override in tenants.OVERRIDES.all(connection):
        if override.id.startswith(FALLBACK):
            fallbacks[override.id.removeprefix(FALLBACK)] = tuple(override.value)
        for setting, prefix in SPECIAL.items():
            if override.id.startswith(prefix):
                special.setdefault(setting, {})[override.id.removeprefix(prefix)] = tuple(override.value)
        if override.id.startswith(SETTING):
            section, _, name = override.id.removeprefix(SETTING).partition(".")
            settings[section, name] = override.value
    return Stored(
        models=tuple(models),
        credentials=tuple(credentials),
        passes=tuple(passes),
        fallbacks=fallbacks,
        special_fallbacks=special,
        settings=settings,
        notes=tuple(notes),
    )


def merged(config: Config, stored: Stored) -> Config:
    """``config`` with what the database adds to its sections. What the file says stays; models are compiled beside it."""
    own = {entry.credential_name for entry in config.credential_list}
    added: JsonObject = {
        "credential_list": [
            *config.credential_list,
            *(entry for entry in stored.credentials if entry.credential_name not in own),
        ]
    }
    for (section, name), value in stored.settings.items():
        part = added.get(section) or getattr(config, section, None)
        if part is None or name not in type(part).model_fields or is_written(config, section, name):
            continue
        try:
            valid = type(part).model_validate({name: value})
        except ValidationError:
            continue
        added[section] = part.model_copy(update={name: getattr(valid, name)})
    for name, more in (("fallbacks", stored.fallbacks), *stored.special_fallbacks.items()):
        if more:
            router = added.get("router_settings", config.router_settings)
            added["router_settings"] = router.model_copy(update={name: _joined(config, name, more)})
    return config.model_copy(update=added)


def _joined(config: Config, name: str, more: Mapping[str, tuple[str, ...]]) -> list[dict[str, list[str]]]:
    """The fallbacks of the file, and those of the database for models of which it says nothing."""
    written = getattr(config.router_settings, name)
    base = (getattr(config.litellm_settings, name) if written is None else written) or []
    taken = {model for mapping in base for model in mapping}
    return [*base, *({model: list(targets)} for model, targets in more.items() if model not in taken)]


def is_written(config: Config, section: str, name: str) -> bool:
    """Whether the configuration file sets this, in its section or in the other one LiteLLM reads it from."""
    twins = ("router_settings", "litellm_settings")
    names = {"request_timeout": ("timeout", "request_timeout"), "timeout": ("timeout", "request_timeout")}
    sections = twins if section in twins else (section, "litellm_settings")
    return any(
        each in getattr(config, where).model_fields_set and getattr(getattr(config, where), each, None) is not None
        for where in sections
        for each in names.get(name, (name,))
    )


def model_place(row_id: str) -> Place:
    """Where the secrets of a model are sealed."""
    return SEALED_MODELS.place(row_id)


def credential_place(row_id: str) -> Place:
    """Where the values of a credential are sealed."""
    return SEALED_CREDENTIALS.place(row_id)


def pass_place(row_id: str) -> Place:
    """Where the headers and parameters of a passed path are sealed."""
    return SEALED_PASSES.place(row_id)


def seal(envelopes: Envelopes, place: Place, values: JsonObject) -> str:
    """``values`` as one sealed text. Raises EnvelopeError."""
    return envelopes.seal(PURPOSE, place, Secret(json.dumps(values, ensure_ascii=False)))


def open_secrets(envelopes: Envelopes, row: ModelRow) -> JsonObject:
    """The secrets among a model's parameters. Raises EnvelopeError."""
    return {} if row.sealed is None else _open(envelopes, model_place(row.id), row.sealed)


def open_values(envelopes: Envelopes, row: CredentialRow) -> JsonObject:
    """The values of a credential. Raises EnvelopeError."""
    return _open(envelopes, credential_place(row.id), row.sealed)


def open_headers(envelopes: Envelopes, row: PassEndpointRow) -> JsonObject:
    """What of a passed path may hold credentials. Raises EnvelopeError."""
    return {} if row.sealed is None else _open(envelopes, pass_place(row.id), row.sealed)


def pass_entry(row: PassEndpointRow, secrets: JsonObject) -> JsonObject:
    """A row as the entry a file would hold; headers and parameters are credentials, whatever their names."""
    hidden = {
        field: {name: Secret(text) for name, text in values.items()} if isinstance(values, dict) else values
        for field, values in secrets.items()
    }
    shown = {name: value for name, value in row.spec.items() if name != SEALED_NAMES}
    return {**shown, **hidden, "path": row.path}


def entry_of(row: ModelRow, secrets: JsonObject) -> ModelEntry:
    """A row as the entry a file would hold. Raises ValidationError."""
    entry = {"model_name": row.name, "litellm_params": row.params | secrets, "model_info": row.info | {"id": row.id}}
    return ModelEntry.model_validate(entry)


def credential_entry(row: CredentialRow, values: JsonObject) -> CredentialEntry:
    """A row as the entry a file would hold. Raises ValidationError."""
    return CredentialEntry.model_validate({"credential_name": row.id, "credential_values": values})


def _open(envelopes: Envelopes, place: Place, sealed: str) -> JsonObject:
    values: JsonObject = json.loads(envelopes.open(PURPOSE, place, sealed).reveal())
    return values


def _left_out(table: str, row_id: str, error: Exception) -> Note:
    reason = "cannot be opened" if isinstance(error, EnvelopeError) else "is not valid any more"
    return Note("warning", DATABASE, (table, row_id), f"{reason}, and is left out")
