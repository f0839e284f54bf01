"""``router_settings`` of keys and teams: what of it is acted on, and what comes of it for the requests of a key.

Field by field the key's word goes before its team's, and that before the configuration's; within ``fallbacks`` and the policies
model by model and kind by kind. What is the state of deployments, which all share (cooldowns, weights, budgets), nobody has of
his own and is refused by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from phantom_gateway.config.errors import dotted
from phantom_gateway.config.messages import describe
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_router import RouterSettings
from phantom_gateway.control.compile_routing import compile_routing
from phantom_gateway.control.entities.fields import JsonObject
from phantom_gateway.spine.messages import OwnRouting
from phantom_gateway.spine.snapshot import Routing

FIELD = "router_settings"
MAX_BYTES = 16 * 1024
ALIASES = "model_group_alias"
_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "routing_strategy": ("strategy",),
        "num_retries": ("num_retries",),
        "retry_policy": ("retry_policy",),
        "model_group_retry_policy": ("retry_policies",),
        "retry_after": ("retry_after_s",),
        "timeout": ("timeout_s",),
        "stream_timeout": ("stream_timeout_s",),
        "fallbacks": ("fallbacks", "default_fallbacks"),
        "default_fallbacks": ("default_fallbacks",),
        "context_window_fallbacks": ("context_window_fallbacks",),
        "content_policy_fallbacks": ("content_policy_fallbacks",),
        "max_fallbacks": ("max_fallbacks",),
        "enable_tag_filtering": ("tag_filtering",),
        "tag_filtering_match_any": ("tags_match_any",),
        "enable_pre_call_checks": ("input_check",),
        ALIASES: (),
    }
)
"""What is acted on, and the fields of ``Routing`` it sets."""
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def _check(value: JsonObject) -> JsonObject:
    """The settings without what is empty. Raises ValueError."""
    said = {name: each for name, each in value.items() if each not in _EMPTY}
    for name in said:
        if name not in RouterSettings.model_fields:
            raise ValueError(f"{name[:60]} is not known")
        if name not in _FIELDS:
            raise ValueError(f"{name} is the same for everybody: set it in the configuration")
    try:
        settings = RouterSettings.model_validate(said)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise ValueError(f"{dotted(details['loc'])[:100]}: {describe(details)[0]}") from error
    if settings.timeout == 0 or settings.stream_timeout == 0:
        raise ValueError("timeout and stream_timeout must be above 0")
    if len(json.dumps(said)) > MAX_BYTES:
        raise ValueError(f"must not be longer than {MAX_BYTES} bytes")
    return said


OwnSettings = Annotated[JsonObject, AfterValidator(_check)]


def own_routing(extras: Iterable[Mapping[str, Any]]) -> OwnRouting | None:
    """What is another for the requests of a key; ``extras`` of its team, then of the key."""
    settings = _merged(extras)
    said = tuple(dict.fromkeys(field for name in settings for field in _FIELDS.get(name, ())))
    if not said:
        return None
    routing = _compiled(settings)
    if routing is None:
        return None
    if "fallbacks" in settings and "default_fallbacks" not in settings and not routing.default_fallbacks:
        said = tuple(field for field in said if field != "default_fallbacks")
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]
    return OwnRouting(name=name, said=said, values=routing)


def aliases_of(extras: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """``model_group_alias``, aliases of aliases followed."""
    settings = {name: value for name, value in _merged(extras).items() if name == ALIASES}
    routing = _compiled(settings) if settings else None
    return {} if routing is None else routing.aliases


def _compiled(settings: JsonObject) -> Routing | None:
    """None for what another release has stored and this one does not understand: the key works, routed like all others."""
    try:
        return compile_routing(Config.model_validate({FIELD: settings}))
    except ValidationError:
        return None


def _merged(extras: Iterable[Mapping[str, Any]]) -> JsonObject:
    merged: JsonObject = {}
    for extra in extras:
        merged |= {name: value for name, value in (extra.get(FIELD) or {}).items() if name in _FIELDS}
    return merged
