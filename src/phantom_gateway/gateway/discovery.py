"""``GET /v1/models`` and ``/v1/models/{id}``: what this key can use, from the running snapshot; ``/v1beta`` as Google has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from phantom_gateway.gateway.errors import ApiError

if TYPE_CHECKING:
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.spine.messages import KeyRecord

CREATED = 1677610602
"""OpenAI's clients want a creation time; LiteLLM 1.106.2 answers with this constant."""

CREATED_AT = "2023-02-28T18:56:42Z"
"""The same for Anthropic's."""

METHODS = ("generateContent", "streamGenerateContent", "countTokens")
Shape = Literal["openai", "anthropic", "google"]
"""Whose clients ask."""
_encoder = msgspec.json.Encoder()


def list_models(table: Table, key: KeyRecord, asked: Shape = "openai") -> bytes:
    """The OpenAI list of the models that the key may use; for Anthropic's clients with what they look for; for Google's in their
    own words.
    """
    names = list(table.names.usable(key))
    if asked == "google":
        return _encoder.encode({"models": [_model(name, asked) for name in names]})
    shown: dict[str, Any] = {"object": "list", "data": [_model(name, asked) for name in names]}
    if asked == "anthropic":
        shown |= {"has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return _encoder.encode(shown)


def one_model(table: Table, key: KeyRecord, path_name: bytes, asked: Shape = "openai") -> bytes:
    """One model. Raises ApiError 404 when it does not exist or the key may not use it: the two look alike."""
    name = unquote_to_bytes(path_name).decode("utf-8", "replace")
    if not table.names.is_usable(key, name):
        raise ApiError(404, "invalid_request_error", "The model does not exist.", param="model", code="model_not_found")
    return _encoder.encode(_model(name, asked))


def _model(name: str, asked: Shape) -> dict[str, Any]:
    if asked == "google":
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": list(METHODS)}
    shown: dict[str, Any] = {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}
    if asked == "anthropic":
        shown |= {"type": "model", "display_name": name, "created_at": CREATED_AT}
    return shown
