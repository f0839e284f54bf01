"""The smallest JSON value that satisfies a JSON schema: for structured answers and tool arguments."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 12
MAX_ITEMS = 64


def minimal(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A small valid instance of ``schema`` (the subset that providers accept for structured output).

    Understands const, enum, default, anyOf/oneOf, allOf, local ``$ref``, the seven types with their lower bounds.
    What lies deeper than 12 levels becomes null: a recursive schema must end somewhere.
    """
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return minimal(_resolve(str(schema["$ref"]), root), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return minimal(schema[key][0], root, depth + 1)
    if isinstance(schema.get("allOf"), list):
        return minimal(_merged(schema["allOf"]), root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: dict[str, Any], root: Any, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        count = min(int(schema.get("minItems", 0)), MAX_ITEMS)
        return [minimal(schema.get("items"), root, depth + 1) for _ in range(count)]
    if kind == "string":
        return "demo".ljust(min(int(schema.get("minLength", 0)), 4096), ".")[: int(schema.get("maxLength", 4096))]
    if kind in ("integer", "number"):
        return _number(schema)
    return False if kind == "boolean" else None


def _object(schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {str(name): minimal(properties.get(name), root, depth + 1) for name in required}


def _number(schema: dict[str, Any]) -> Any:
    low = schema.get("minimum", 0)
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1
    high = schema.get("maximum", low)
    return min(max(low, 0), high) if high >= 0 else high


def _resolve(reference: str, root: Any) -> Any:
    node = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            node = node.get(part) if isinstance(node, dict) else None
    return node


def _merged(parts: list[Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in parts:
        if isinstance(part, dict):
            properties, required = part.get("properties", {}), part.get("required", [])
            merged |= {k: v for k, v in part.items() if k not in ("properties", "required")}
            merged["properties"] |= properties
            merged["required"] += required
    if not merged["properties"]:
        del merged["properties"], merged["required"]
    return merged
