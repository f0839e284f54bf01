from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_gateway.dialects.gemini.schema import MAX_DEPTH, Recursive, from_gemini, to_gemini
from phantom_gateway.dialects.neutral import Untranslatable

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "string", "format": "uuid", "$schema": "x", "additionalProperties": False}, TEXT),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [TEXT, {"type": "integer"}]}),
        ({"type": "null"}, {"nullable": True}),
        ({"anyOf": [TEXT, {"type": "null"}], "description": "d"}, {"description": "d", "nullable": True, "type": "string"}),
        ({"oneOf": [TEXT, {"type": "number"}]}, {"anyOf": [TEXT, {"type": "number"}]}),
        ({"const": "a"}, {"enum": ["a"], "type": "string"}),
        ({"enum": [1, 2], "type": "integer", "description": "d"}, {"type": "integer", "description": "d One of: 1, 2"}),
        ({"enum": ["a", None]}, {"enum": ["a"], "nullable": True, "type": "string"}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"type": "array", "items": [TEXT]}, {"type": "array", "items": TEXT}),
        ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}}, "type": "object"}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": TEXT}, "description": "d"}, {"type": "string", "description": "d"}),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": TEXT}, "required": ["a", "b"]}]},
         {"required": ["a"], "properties": {"a": TEXT}, "type": "object"}),
        ({"type": "OBJECT", "properties": {"properties": TEXT, "type": TEXT}},
         {"type": "object", "properties": {"properties": TEXT, "type": TEXT}}),
    ],
)  # fmt: skip
def test_json_schema_in_gemini_s_words(schema: dict[str, Any], written: dict[str, Any]) -> None:
    assert to_gemini(schema) == written


def test_what_refers_to_itself_cannot_be_said() -> None:
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}}
    with pytest.raises(Recursive):
        to_gemini(tree)


@pytest.mark.parametrize(
    "schema", [{"$ref": "#/nowhere"}, {"$ref": "https://e.com"}, {"items": 3}, {"properties": {"a": 1}}]
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable):
        to_gemini(schema)


def test_references_that_multiply_are_bounded() -> None:
    schema: dict[str, Any] = {"$defs": {"d0": TEXT}}
    for level in range(1, 20):
        inner = {"$ref": f"#/$defs/d{level - 1}"}
        schema["$defs"][f"d{level}"] = {"type": "object", "properties": {"a": inner, "b": inner}}
    with pytest.raises(Untranslatable, match="too large"):
        to_gemini(schema | {"$ref": "#/$defs/d19"})


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "STRING", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "TYPE_UNSPECIFIED", "anyOf": [{"type": "STRING"}], "nullable": True}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"type": "ARRAY", "items": {"type": "STRING"}, "min_items": "2"}, {"type": "array", "items": TEXT, "minItems": 2}),
        ({"type": "OBJECT", "properties": {"nullable": {"type": "STRING"}}, "property_ordering": ["nullable"]},
         {"type": "object", "properties": {"nullable": TEXT}}),
    ],
)  # fmt: skip
def test_gemini_s_schema_in_everybody_s_words(schema: dict[str, Any], written: dict[str, Any]) -> None:
    assert from_gemini(schema) == written


def test_depth_is_bounded_both_ways() -> None:
    deep: dict[str, Any] = TEXT
    for _ in range(MAX_DEPTH + 1):
        deep = {"type": "array", "items": deep}
    for convert in (to_gemini, from_gemini):
        with pytest.raises(Untranslatable):
            convert(deep)
    with pytest.raises(Untranslatable):
        from_gemini([])


names = st.sampled_from(
    ["type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "required", "format", "nullable", "a",
     "string", "object", "#/a", "minimum"]
)  # fmt: skip
schemas = st.recursive(
    st.none() | st.booleans() | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, schemas, max_size=5))
def test_any_schema_is_written_or_refused_by_name(schema: dict[str, Any]) -> None:
    for convert in (to_gemini, from_gemini):
        with suppress(Untranslatable):
            assert isinstance(convert(schema), dict)
