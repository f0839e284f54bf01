"""``litellm_params`` and ``model_info`` as they come with a request: what is refused, and what of them is secret.

What comes with a request never names a variable or a file of the machine the gateway runs on (GHSA-g5ff-637f-6q2m is what
happens otherwise): such references are read in the configuration file only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from phantom_gateway.config.credentials import conceal, holds_secret, is_credential_name
from phantom_gateway.config.schema_base import Later, Section, meta_of
from phantom_gateway.config.schema_models import LitellmParams, ModelInfo
from phantom_gateway.control.errors import ApiError, bad_field

_REFERENCE = re.compile(r"\s*(os\.environ/|oidc/|file:)", re.IGNORECASE)
_FILES = ("openai_identity_token_file",)
_ADDRESSES = ("api_base", "base_url")
_RESTRICTING = {
    "litellm_params": ("max_budget", "budget_duration", "configurable_clientside_auth_params"),
    "model_info": ("team_id",),
}
"""Would bound who may use a model, or how much; where the configuration calls them "later" they are refused, not ignored."""
OWN_INFO = ("id", "db_model", "created_at", "created_by", "updated_at", "updated_by", "blocked")
"""Of ``model_info``: what the gateway says, not the caller. Clients send them back as they got them."""
MAX_DEPTH = 20

JsonObject = dict[str, Any]


def refuse_unsafe(params: JsonObject, info: JsonObject) -> None:
    """Refuse what may not come with a request, or would have no effect where an effect matters. Raises ApiError 400."""
    for section, values in (("litellm_params", params), ("model_info", info)):
        refuse_references(section, values)
        model: type[Section] = LitellmParams if section == "litellm_params" else ModelInfo
        for name in _RESTRICTING[section]:
            if values.get(name) not in (None, "", [], False) and isinstance(meta_of(model, name), Later):
                raise bad_field(f"{section}.{name}", "not supported in this release; it would have no effect")
    for name in _FILES:
        if params.get(name):
            raise _reference(f"litellm_params.{name}")
    if isinstance(params.get("ssl_verify"), str):
        raise bad_field("litellm_params.ssl_verify", "must be true or false; CA files are named in the configuration")
    credentials = params.get("vertex_credentials")
    if isinstance(credentials, str) and credentials and not _is_object(credentials):
        raise bad_field("litellm_params.vertex_credentials", "must be the credentials themselves, as JSON, not a path")
    for name, value in info.items():
        if holds_secret(conceal(value, name=name)):
            raise bad_field(f"model_info.{name[:60]}", "looks like a credential; put it into litellm_params")


def refuse_references(section: str, values: JsonObject) -> None:
    """Refuse references to variables and files anywhere in ``values``. Raises ApiError 400."""
    for path, text in _texts(values, section, 0):
        if _REFERENCE.match(text):
            raise _reference(path)


def split(params: JsonObject) -> tuple[JsonObject, JsonObject]:
    """What may be stored and shown, and what goes into the envelope."""
    secret = {name: value for name, value in params.items() if is_secret(name, value)}
    return {name: value for name, value in params.items() if name not in secret}, secret


def is_secret(name: str, value: Any) -> bool:
    """Whether a parameter is a credential, or may carry one: headers, and the query of an address."""
    if name == "extra_headers" or is_credential_name(name) or holds_secret(conceal(value, name=name)):
        return True
    return name in _ADDRESSES and isinstance(value, str) and "?" in value


def changed(before: JsonObject, given: JsonObject) -> JsonObject:
    """``before`` with what is given: ``null`` leaves a value as it is, as in LiteLLM, and an empty text removes it."""
    after = dict(before)
    for name, value in given.items():
        if value == "":
            after.pop(name, None)
        elif value is not None:
            after[name] = value
    return after


def _texts(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        raise bad_field(path[:200], "is nested too deeply")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name[:60]}", depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path, depth + 1)


def _reference(path: str) -> ApiError:
    return bad_field(path, "references to variables and files are read in the configuration file only; give the value")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
