"""Pydantic's errors in the words of this gateway, without the values that caused them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, get_args

from pydantic_core import ErrorDetails

from phantom_gateway.config.errors import KeyPath, nearest
from phantom_gateway.config.known import LITELLM_SETTINGS, ROUTER_SETTINGS
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import Section
from phantom_gateway.config.schema_general import OTHER_KEYS, GeneralSettings
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_models import LitellmParams, ModelInfo
from phantom_gateway.config.schema_router import RouterSettings

_MESSAGES = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a string",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "has characters that are not allowed here",
    "string_unicode": "has characters that are not allowed here",
    "list_type": "must be a list",
    "too_long": "has too many entries",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("greater than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}

_SECTIONS: Mapping[str, AbstractSet[str]] = MappingProxyType(
    {
        "litellm_settings": LitellmSettings.model_fields.keys() | LITELLM_SETTINGS,
        "router_settings": RouterSettings.model_fields.keys() | ROUTER_SETTINGS,
        "general_settings": GeneralSettings.model_fields.keys() | OTHER_KEYS,
    }
)
_IN_ENTRIES: Mapping[str, AbstractSet[str]] = MappingProxyType(
    {"litellm_params": LitellmParams.model_fields.keys(), "model_info": ModelInfo.model_fields.keys()}
)
"""The keys of each section, for hints."""


def describe(details: ErrorDetails) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors. The value is looked at for the hint only, and never repeated."""
    kind = details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "config":
        return details["msg"], ""
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        value = details.get("input")
        return f"must be one of {expected}", nearest(value, expected.split(", ")) if isinstance(value, str) else ""
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"must be {word} {context.get(bound)}", ""
    return _MESSAGES.get(kind, "is not valid"), ""


def elsewhere(path: KeyPath) -> str:
    """``did you mean litellm_settings.max_budget?`` for a key that is known, but not where it was written; else empty."""
    *around, name = path
    if len(around) == 2 and around[0] == "model_list":
        places = _IN_ENTRIES
    elif len(around) <= 1 and around != ["model_list"]:
        places = _SECTIONS
    else:
        return ""
    for section, keys in places.items():
        if name in keys and around != [section]:
            return f"did you mean {section}.{name}?"
    return f"did you mean the section {name}?" if around and name in Config.model_fields else ""


def section_at(path: KeyPath) -> type[Section] | None:
    """The part of the schema that ``path`` leads to."""
    current: type[Section] | None = Config
    for part in path:
        if isinstance(part, str) and current is not None and part in current.model_fields:
            current = _section_in(current.model_fields[part].annotation)
    return current


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in get_args(annotation):
        if (section := _section_in(argument)) is not None:
            return section
    return None
