"""Remarks on a valid configuration: what is not active yet, what needs to do nothing here, what looks like a slip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from phantom_gateway.config.errors import KeyPath, Note, nearest
from phantom_gateway.config.known import (
    CACHE_PARAMS,
    LITELLM_PARAMS,
    LITELLM_SETTINGS,
    PROVIDER_PARAMETERS,
    UNKNOWN_HERE,
)
from phantom_gateway.config.messages import elsewhere
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import OpenSection, Section, inactive
from phantom_gateway.config.schema_litellm import CacheParams, LitellmSettings
from phantom_gateway.config.schema_models import LitellmParams, ModelInfo

_KNOWN: Mapping[type[Section], frozenset[str]] = MappingProxyType(
    {LitellmParams: LITELLM_PARAMS, LitellmSettings: LITELLM_SETTINGS, CacheParams: CACHE_PARAMS}
)
"""Keys of open sections that mean something to LiteLLM."""


def remarks(config: Config) -> Iterator[Note]:
    """All remarks that need no other knowledge than the schema, in the order of the file."""
    notes = [*_walk(config, config, ()), *_checks(config)]
    return iter(sorted(notes, key=lambda note: (note.position.file, note.position.line)))


def _walk(config: Config, section: Section, path: KeyPath) -> Iterator[Note]:
    asleep = set()
    for name, kind, description in inactive(section):
        asleep.add(name)
        yield Note(kind, config.position((*path, name)), (*path, name), description)
    for name in section.model_fields_set & type(section).model_fields.keys() - asleep:
        if section is config and name == "model_list":
            for place, entry in config.entries():
                yield from _walk(config, entry, place)
        else:
            yield from _inside(config, getattr(section, name), (*path, name))
    if isinstance(section, OpenSection):
        yield from _extras(config, section, path)


def _inside(config: Config, value: object, path: KeyPath) -> Iterator[Note]:
    if isinstance(value, Section):
        yield from _walk(config, value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(config, item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(config, item, (*path, key))


def _extras(config: Config, section: OpenSection, path: KeyPath) -> Iterator[Note]:
    """Keys the schema does not name: a slip of a known key is worth a warning, a price that is not read, too."""
    for key in section.model_extra or {}:
        where = (*path, key)
        position = config.position(where)
        known = key in _KNOWN.get(type(section), ())
        hint = "" if known or key in PROVIDER_PARAMETERS else nearest(key, type(section).model_fields, cutoff=0.8)
        if isinstance(section, (LitellmParams, ModelInfo)):
            if "cost" in key:
                yield Note("later", position, where, "this price is not read yet")
            elif hint and isinstance(section, LitellmParams):
                yield Note("warning", position, where, "not a known key, sent to the provider as a parameter", hint)
        elif known:
            yield Note("later", position, where, UNKNOWN_HERE)
        else:
            yield Note("warning", position, where, "not a known key, without effect", elsewhere(where) or hint)


_LATER_CHECKS = frozenset(
    {
        "encrypted_content_affinity",
        "forward_client_headers_by_model_group",
    }
)


def _checks(config: Config) -> Iterator[Note]:
    """Of the checks before a call, those that do nothing yet."""
    for index, name in enumerate(config.router_settings.optional_pre_call_checks or []):
        if name in _LATER_CHECKS:
            path: KeyPath = ("router_settings", "optional_pre_call_checks", index)
            yield Note("later", config.position(path), path, f"{name} is accepted, not active yet")
