"""What Google's API refuses, as far as a gateway is likely to get it wrong."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from phantom_gateway.simulator.reading import BadRequestError

UNSIGNED = "skip_thought_signature_validator"
"""Google's own word for calls that another model made."""
_MARK = b"phantom-simulator"
_FIELDS = frozenset(
    {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent", "labels",
     "simulate", "model", "generateContentRequest", "serviceTier"}
)  # fmt: skip
_CONFIG = frozenset(
    {"maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "thinkingConfig", "responseSchema",
     "responseJsonSchema", "_responseJsonSchema", "responseMimeType", "presencePenalty", "frequencyPenalty", "seed",
     "responseLogprobs", "logprobs", "candidateCount", "responseModalities", "speechConfig", "mediaResolution",
     "imageConfig", "enableEnhancedCivicAnswers"}
)  # fmt: skip
_SCHEMA = frozenset(
    {"type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems", "properties", "required",
     "minProperties", "maxProperties", "minimum", "maximum", "minLength", "maxLength", "pattern", "example", "anyOf",
     "propertyOrdering", "default"}
)  # fmt: skip
_ROLES = ("user", "model", None)


def checked(body: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """The contents of a request. Raises BadRequestError as Google's server refuses it."""
    _known(body, _FIELDS, "")
    config = body.get("generationConfig") or {}
    _known(config, _CONFIG, "generation_config.")
    if isinstance(schema := config.get("responseSchema"), dict):
        _schema(schema, "generation_config.response_schema")
    for tool in body.get("tools") or []:
        for declared in tool.get("functionDeclarations") or []:
            if isinstance(schema := declared.get("parameters"), dict):
                _schema(schema, "tools[0].function_declarations[0].parameters")
    turns = body.get("contents")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise BadRequestError("* GenerateContentRequest.contents: contents is not specified", "contents")
    _order(turns, insists=model.startswith("gemini-3"))
    return turns


def _known(given: Any, names: frozenset[str], where: str) -> None:
    if not isinstance(given, dict):
        raise BadRequestError(f"Invalid value at '{where}'", where)
    unknown = sorted(given.keys() - names)
    if unknown:
        raise BadRequestError(
            f'Invalid JSON payload received. Unknown name "{where}{unknown[0]}": Cannot find field.', where
        )


def _schema(schema: dict[str, Any], where: str) -> None:
    _known(schema, _SCHEMA, f"{where}.")
    if schema.get("enum") and str(schema.get("type", "")).lower() != "string":
        raise BadRequestError(f"* {where}.enum: only allowed for STRING type", where)
    inner = [*(schema.get("properties") or {}).values(), *(schema.get("anyOf") or [])]
    inner += [schema["items"]] if "items" in schema else []
    for each in inner:
        _schema(each, where)


def _order(turns: list[dict[str, Any]], *, insists: bool) -> None:
    called: list[str] = []
    for turn in turns:
        if turn.get("role") not in _ROLES:
            raise BadRequestError("Please use a valid role: user, model.", "contents")
        parts = [part for part in turn.get("parts") or [] if isinstance(part, dict)]
        if not parts:
            raise BadRequestError(
                "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.", "contents"
            )
        answered = [part["functionResponse"].get("name") for part in parts if "functionResponse" in part]
        if (answered or called) and sorted(map(str, answered)) != sorted(called):
            raise BadRequestError(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the "
                "function call turn.",
                "contents",
            )
        calls = [part for part in parts if "functionCall" in part]
        called = [str(part["functionCall"].get("name")) for part in calls]
        for part in parts:
            if "thoughtSignature" in part and not _ours(part["thoughtSignature"]):
                raise BadRequestError("Corrupted thought signature.", "contents")
        if insists and calls and "thoughtSignature" not in calls[0]:
            raise BadRequestError("Function call is missing a thought_signature in functionCall parts.", "contents")


def _ours(signature: Any) -> bool:
    if signature == UNSIGNED:
        return True
    try:
        return base64.b64decode(str(signature), validate=True).startswith(_MARK)
    except (binascii.Error, ValueError):
        return False


def spelled(value: Any) -> Any:
    """A request with the names of Google's fields in camelCase, as its server reads both; what callers name stays."""
    if isinstance(value, list):
        return [spelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        first, *rest = name.split("_")
        known = (first or "_") + "".join(word.capitalize() for word in rest)
        if known == "properties" and isinstance(each, dict):
            found[known] = {own: spelled(schema) for own, schema in each.items()}
        else:
            found[known] = each if known in _VERBATIM else spelled(each)
    return found


_VERBATIM = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema", "simulate", "labels"})


def lowered(schema: Any) -> Any:
    """A schema with its types as JSON Schema writes them."""
    if isinstance(schema, list):
        return [lowered(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else lowered(value)
        for name, value in schema.items()
    }
