"""The field ``cache`` of a request, in LiteLLM's words (1.106.2): what the caller wants of the cache."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from phantom_gateway.gateway.errors import invalid_request

MAX_TTL_S = 30 * 86400
MAX_NAMESPACE = 64
_NAMESPACE = re.compile(r"[A-Za-z0-9._:/-]{1,64}\Z", re.ASCII)
_KNOWN = ("no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache")


class Controls(NamedTuple):
    """What one request wants of the cache. None: nothing was said."""

    no_cache: bool = False
    """The answer must not come from the cache."""
    no_store: bool = False
    """The answer must not be kept."""
    ttl_s: float | None = None
    """How long the answer is kept."""
    max_age_s: float | None = None
    """How old an answer of the cache may be."""
    namespace: str | None = None
    use_cache: bool | None = None
    """Whether the cache is used at all."""


NONE = Controls()


def read(value: Any) -> Controls:
    """The controls of a body. Raises ApiError 400 naming the control that is unknown or of the wrong type."""
    if value is None:
        return NONE
    if not isinstance(value, dict):
        raise invalid_request("'cache' must be an object.", "cache")
    for name in value:
        if name not in _KNOWN:
            raise invalid_request(f"'cache.{name[:64]}' is not a cache control; known: {', '.join(_KNOWN)}.", "cache")
    return Controls(
        no_cache=_flag(value, "no-cache") is True,
        no_store=_flag(value, "no-store") is True,
        ttl_s=_seconds(value, "ttl"),
        max_age_s=_seconds(value, "s-maxage"),
        namespace=_namespace(value.get("namespace")),
        use_cache=_flag(value, "use-cache"),
    )


def _flag(value: dict[str, Any], name: str) -> bool | None:
    found = value.get(name)
    if found is not None and not isinstance(found, bool):
        raise invalid_request(f"'cache.{name}' must be true or false.", f"cache.{name}")
    return found


def _seconds(value: dict[str, Any], name: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if (
        isinstance(found, bool)
        or not isinstance(found, int | float)
        or not 0 <= found <= MAX_TTL_S
        or math.isnan(found)
    ):
        raise invalid_request(f"'cache.{name}' must be a number of seconds from 0 to {MAX_TTL_S}.", f"cache.{name}")
    return float(found)


def _namespace(found: Any) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str) or not _NAMESPACE.match(found):
        message = f"'cache.namespace' must be 1 to {MAX_NAMESPACE} letters, digits and . _ : / -"
        raise invalid_request(message, "cache.namespace")
    return found
