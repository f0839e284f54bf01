"""Which settings can be made over the API: a closed list, and of it only what the configuration's schema calls active.

Not in it, on purpose: whatever names a file, a destination, a credential or code, whatever is read at start only, and whatever
decides who may get in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from phantom_gateway.config.errors import dotted
from phantom_gateway.config.messages import describe
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import Active, Section, meta_of
from phantom_gateway.config.schema_general import GeneralSettings
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_router import RouterSettings
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.errors import bad_field
from phantom_gateway.security.redact import HIDDEN

PARTS: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("litellm_settings", "cache_params"): frozenset(
            {
                "mode", "ttl", "default_in_memory_ttl", "default_in_redis_ttl", "supported_call_types",
            }
        ),
    }
)  # fmt: skip
"""Of some settings the only parts that can be set: where a Redis is, and how to get in, is written in the file."""

SectionName = Literal["general_settings", "router_settings", "litellm_settings"]

SECTIONS: Mapping[str, type[Section]] = MappingProxyType(
    {"general_settings": GeneralSettings, "router_settings": RouterSettings, "litellm_settings": LitellmSettings}
)
LISTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "general_settings": (
            "always_include_stream_usage",
            "budget_exceeded_status_code",
            "global_max_parallel_requests",
            "max_parallel_requests",
        ),
        "router_settings": (
            "routing_strategy",
            "num_retries",
            "retry_policy",
            "model_group_retry_policy",
            "allowed_fails_policy",
            "enable_tag_filtering",
            "tag_filtering_match_any",
            "enable_pre_call_checks",
            "retry_after",
            "timeout",
            "stream_timeout",
            "allowed_fails",
            "cooldown_time",
            "disable_cooldowns",
            "max_fallbacks",
            "default_fallbacks",
            "model_group_alias",
        ),
        "litellm_settings": (
            "cache",
            "cache_params",
            "request_timeout",
            "max_internal_user_budget",
            "internal_user_budget_duration",
            "default_internal_user_params",
            "default_team_params",
            "default_key_generate_params",
            "upperbound_key_generate_params",
            "max_end_user_budget",
            "cost_discount_config",
            "cost_margin_config",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the list that is acted on."""

    section: SectionName
    name: str

    @property
    def field(self) -> FieldInfo:
        """Its place in the schema."""
        return SECTIONS[self.section].model_fields[self.name]

    @property
    def description(self) -> str:
        """What it does."""
        return meta_of(SECTIONS[self.section], self.name).description

    @property
    def kind(self) -> str:
        """Its type in LiteLLM's words: Integer, Float, Boolean, String, List, Dict."""
        return _kind(self.field.annotation)

    def value(self, config: Config) -> Any:
        """What ``config`` says, as JSON."""
        return plain(getattr(getattr(config, self.section), self.name))

    def check(self, value: Any) -> None:
        """Refuse what the configuration file could not say. Raises ApiError 400."""
        if value is None:
            raise bad_field("field_value", "must not be null; delete the setting instead")
        parts = PARTS.get((self.section, self.name))
        unknown = sorted(map(str, value.keys() - parts)) if parts is not None and isinstance(value, dict) else []
        if unknown:
            raise bad_field(f"{self.section}.{self.name}.{unknown[0][:60]}", "cannot be set over the API")
        try:
            SECTIONS[self.section].model_validate({self.name: value})
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
            raise bad_field(f"{self.section}.{dotted(details['loc'])[:100]}", describe(details)[0]) from error


def settings() -> Iterator[Setting]:
    """Everything that can be set."""
    section: SectionName
    for section in ("general_settings", "router_settings", "litellm_settings"):
        for name in LISTED[section]:
            if _acted_on(section, name):
                yield Setting(section, name)


def setting(section: str, name: str, field: str = "field_name") -> Setting:
    """The setting of this name. Raises ApiError 400 for what cannot be set over the API, whyever."""
    found = next((each for each in settings() if (each.section, each.name) == (section, name)), None)
    if found is not None:
        return found
    shown = f"{section[:60]}.{name[:60]}"
    if name in LISTED.get(section, ()):
        raise bad_field(field, f"{shown} is not supported in this release; it would have no effect")
    raise bad_field(field, f"{shown} cannot be set over the API; what can is listed by /config/list")


def plain(value: Any) -> Any:
    """A value of the configuration as JSON, without secrets."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _acted_on(section: str, name: str) -> bool:
    return isinstance(meta_of(SECTIONS[section], name), Active)


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (UnionType, Union):
        return next(_kind(each) for each in arguments if each is not type(None))
    names = {int: "Integer", float: "Float", Decimal: "Float", bool: "Boolean", str: "String", list: "List"}
    if origin is Literal:
        return "String"
    return names.get(origin or annotation, "Dict")
