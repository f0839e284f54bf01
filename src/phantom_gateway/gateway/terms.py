"""What is laid down for the requests of a key, or for all: what they must say, and how much they are expected to produce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.gateway.errors import ApiError, invalid_request

if TYPE_CHECKING:
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Table


def apply_terms(exchange: Exchange, table: Table) -> None:
    """Check what the request must have, and note what it is expected to produce.

    Raises ApiError 400 that names the first field that is missing (``enforced_params``, ``enforce_user_param``), and 403 that
    names what of ``cache`` the key may not say (``allowed_cache_controls``).
    """
    key, call, settings = exchange.principal, exchange.call, table.snapshot.settings
    if settings.requires_customer and not exchange.wishes.end_user:
        raise _missing("user", "enforce_user_param")
    for path in dict.fromkeys((*settings.required_fields, *key.enforced_params)):
        name, _, rest = path.partition(".")
        if name not in call.fields:
            raise _missing(path, "enforced_params")
        value = call.field(name) if rest else None
        for part in rest.split(".") if rest else ():
            if not isinstance(value, dict) or part not in value:
                raise _missing(path, "enforced_params")
            value = value[part]
    if key.cache_controls and "cache" in call.fields:
        _check_cache(call.field("cache"), key.cache_controls)
    if key.expected_output and call.output_limit is None:
        expected = key.expected_output.get(call.model) or key.expected_output.get("")
        if expected:
            call.expected_output = expected * call.choices


def _check_cache(said: Any, allowed: tuple[str, ...]) -> None:
    for name in said if isinstance(said, dict) else ():
        if name not in allowed:
            message = f"Not allowed to set {name} as a cache control (allowed_cache_controls: {', '.join(allowed)})."
            raise ApiError(403, "auth_error", message, param=f"cache.{name}")


def _missing(path: str, setting: str) -> ApiError:
    return invalid_request(f"The request must have '{path}' ({setting}).", path)
