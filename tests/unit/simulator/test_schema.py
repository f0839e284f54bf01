from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.simulator.schema import minimal

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, None),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": "demo"}),
        ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 0}),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"type": "array"}, []),
        ({"type": "string", "minLength": 6}, "demo.."),
        ({"type": "string", "maxLength": 2}, "de"),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 5}, 5),
        ({"default": [1]}, [1]),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": ["null", "string"]}, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "demo"),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"type": "object"}]}, {"a": 1}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"const": "found"}}}, "found"),
    ],
)
def test_the_smallest_instance(schema: Any, expected: Any) -> None:
    assert minimal(schema) == expected


def test_a_recursive_schema_ends() -> None:
    value = minimal({"$ref": "#/$defs/node", "$defs": {"node": NODE}})
    depth = 0
    while value is not None:
        value, depth = value["next"], depth + 1
    assert 3 < depth < 20
