"""Descriptions of values: JSON Schema as everybody has it, and the part of OpenAPI's schemas that Gemini takes.

Source: ``Schema`` in Google's API reference, read November 2026. What describes without deciding (``title``, ``$schema``,
``additionalProperties``) has no place there and is left out; what refers to itself cannot be said there at all.
"""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects.neutral import Untranslatable

MAX_DEPTH = 32
MAX_NODES = 10_000
"""References multiply what is written: a schema may come out this large."""
_KEPT = frozenset(
    {"title", "description", "default", "items", "minItems", "maxItems", "properties", "required", "minProperties",
     "maxProperties", "minimum", "maximum", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
     "nullable", "format", "enum", "type"}
)  # fmt: skip
_FORMATS = {
    "string": ("enum", "date-time"),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
}


class Recursive(Untranslatable):
    """A schema that refers to itself."""


def to_gemini(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema in Gemini's words. Raises Untranslatable, and Recursive for one that only JSON Schema can say."""
    return _Converter(schema).convert(schema, 0, ())


class _Converter:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def convert(self, schema: Any, depth: int, under: tuple[str, ...]) -> dict[str, Any]:
        """One schema; ``under``: the references that lead here."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise Untranslatable("A schema is nested too deeply or too large.", "schema")
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise Untranslatable("A schema must be an object.", "schema")
        if isinstance(reference := schema.get("$ref"), str):
            if reference in under:
                raise Recursive(f"The schema '{reference}' refers to itself.", "schema")
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return self.convert(self._found(reference) | rest, depth + 1, (*under, reference))
        schema = _merged(schema)
        written = {name: value for name, value in schema.items() if name in _KEPT}
        _choose(schema, written)
        _type(written)
        for name in ("minimum", "maximum"):
            written.pop(name, None) if isinstance(written.get(name), bool) else None
        options = written.pop("anyOf", None)
        if isinstance(options, list):
            self._options(options, written, depth, under)
        if isinstance(properties := written.get("properties"), dict):
            written["properties"] = {
                name: self.convert(value, depth + 1, under) for name, value in properties.items() if value is not False
            }
        if "items" in written:
            items = written["items"]
            written["items"] = self.convert(items[0] if isinstance(items, list) and items else items, depth + 1, under)
        elif written.get("type") == "array":
            written["items"] = {}
        _detail(written)
        return written

    def _found(self, reference: str) -> dict[str, Any]:
        place: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, dict) and name else place if not name else None
        if not isinstance(place, dict) or not reference.startswith("#"):
            raise Untranslatable(f"A schema refers to '{reference}', which is not in it.", "schema")
        return place

    def _options(self, options: list[Any], written: dict[str, Any], depth: int, under: tuple[str, ...]) -> None:
        real = [each for each in options if not (isinstance(each, dict) and each.get("type") == "null")]
        if len(real) < len(options):
            written["nullable"] = True
        found = [self.convert(each, depth + 1, under) for each in real]
        if len(found) == 1:
            for name, value in found[0].items():
                written.setdefault(name, value)
        elif found:
            written["anyOf"] = found


def _merged(schema: dict[str, Any]) -> dict[str, Any]:
    """``allOf`` in one, ``oneOf`` as ``anyOf``."""
    if isinstance(every := schema.get("allOf"), list) and all(isinstance(each, dict) for each in every):
        whole: dict[str, Any] = {}
        for each in (*every, {name: value for name, value in schema.items() if name != "allOf"}):
            for name, value in each.items():
                before = whole.get(name)
                if name == "properties" and isinstance(before, dict) and isinstance(value, dict):
                    whole[name] = before | value
                elif name == "required" and isinstance(before, list) and isinstance(value, list):
                    whole[name] = [*before, *[each for each in value if each not in before]]
                else:
                    whole[name] = value
        schema = whole
    if "oneOf" in schema and "anyOf" not in schema:
        schema = {"anyOf" if name == "oneOf" else name: value for name, value in schema.items()}
    return schema


def _choose(schema: dict[str, Any], written: dict[str, Any]) -> None:
    """``const`` and ``enum``: Gemini chooses among texts only; other values are named in the description."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list):
        written.pop("enum", None)
        return
    real = [value for value in values if value is not None]
    if len(real) < len(values):
        written["nullable"] = True
    if real and all(isinstance(value, str) for value in real):
        written["enum"] = real
        written.setdefault("type", "string")
        return
    written.pop("enum", None)
    if real:
        said = written.get("description")
        one_of = "One of: " + ", ".join(map(str, real[:50]))
        written["description"] = f"{said} {one_of}" if isinstance(said, str) and said else one_of


def _type(written: dict[str, Any]) -> None:
    kind = written.get("type")
    if isinstance(kind, list):
        real = [each for each in kind if isinstance(each, str) and each != "null"]
        if "null" in kind:
            written["nullable"] = True
        if len(real) == 1:
            written["type"] = real[0]
        else:
            del written["type"]
            if real and "anyOf" not in written:
                written["anyOf"] = [{"type": each} for each in real]
    elif kind == "null":
        del written["type"]
        written["nullable"] = True
    elif kind is not None and not isinstance(kind, str):
        del written["type"]
    if isinstance(written.get("type"), str):
        written["type"] = written["type"].lower()
    elif "properties" in written and "anyOf" not in written:
        written["type"] = "object"


def _detail(written: dict[str, Any]) -> None:
    kind = written.get("type", "")
    if "format" in written and written["format"] not in _FORMATS.get(kind, ()):
        del written["format"]
    if isinstance(required := written.get("required"), list):
        properties = written.get("properties")
        known = properties if isinstance(properties, dict) else {}
        if kept := [name for name in required if isinstance(name, str) and name in known]:
            written["required"] = kept
        else:
            del written["required"]
    else:
        written.pop("required", None)


def from_gemini(schema: Any, depth: int = 0) -> dict[str, Any]:
    """A schema of Gemini's as JSON Schema. Raises Untranslatable."""
    if depth > MAX_DEPTH or not isinstance(schema, dict):
        raise Untranslatable("A schema must be an object, and not nested too deeply.", "schema")
    written: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "properties" and isinstance(value, dict):
            written[name] = {each: from_gemini(inner, depth + 1) for each, inner in value.items()}
        elif name == "items":
            written[name] = from_gemini(value, depth + 1)
        elif name in ("anyOf", "any_of") and isinstance(value, list):
            written["anyOf"] = [from_gemini(each, depth + 1) for each in value]
        elif name == "type" and isinstance(value, str):
            if value.upper() != "TYPE_UNSPECIFIED":
                written[name] = value.lower()
        elif name in _COUNTS:
            written[_COUNTS[name]] = int(value) if isinstance(value, str) and value.isdigit() else value
        elif name not in ("nullable", "propertyOrdering", "property_ordering", "example"):
            written[name] = value
    return _nullable(written) if schema.get("nullable") is True else written


_COUNTS = {
    name: spelled
    for spelled in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
    for name in (spelled, spelled[:3] + "_" + spelled[3:].lower())
}
"""Whole numbers of 64 bits, which protobuf's JSON writes as texts."""


def _nullable(written: dict[str, Any]) -> dict[str, Any]:
    if isinstance(written.get("type"), str):
        written["type"] = [written["type"], "null"]
        if isinstance(written.get("enum"), list):
            written["enum"] = [*written["enum"], None]
    elif isinstance(written.get("anyOf"), list):
        written["anyOf"] = [*written["anyOf"], {"type": "null"}]
    return written
