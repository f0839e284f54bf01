from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.gemini.spelling import camel, fields, lasting, optional_fields, signed
from phantom_gateway.dialects.neutral import GEMINI_SIGNED, Untranslatable


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("inline_data", "inlineData"),
        ("text", "text"),
        ("mimeType", "mimeType"),
        ("_x", "_x"),
        ("a_b_c", "aBC"),
        ("", ""),
    ],
)
def test_names(name: str, spelled: str) -> None:
    assert camel(name) == spelled


def test_one_spelling_of_a_field_at_a_time() -> None:
    assert fields({"mime_type": "a", "data": None}, "x") == {"mimeType": "a"}
    with pytest.raises(Untranslatable, match="two spellings"):
        fields({"mime_type": "a", "mimeType": "b"}, "x")
    with pytest.raises(Untranslatable):
        fields([], "x")
    assert optional_fields(None, "x") == {}


@given(st.text())
def test_signatures_of_others_come_back_as_they_were(signature: str) -> None:
    if signature.startswith(GEMINI_SIGNED) or not signature.isprintable():
        return
    given_out = lasting(signature)
    base64.b64decode(given_out, validate=True)
    assert signed(given_out) == signature.encode("utf-8", "replace").decode()


def test_googles_own_are_marked_inside_only() -> None:
    assert signed("c2ln") == GEMINI_SIGNED + "c2ln"
    assert lasting(GEMINI_SIGNED + "c2ln") == "c2ln"
    with pytest.raises(Untranslatable, match="changed"):
        signed(lasting("abc") + "!")
