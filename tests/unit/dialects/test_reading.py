from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import Untranslatable


@pytest.mark.parametrize(
    ("reader", "good", "bad"),
    [
        (read.table, {}, []),
        (read.items, [], {}),
        (read.text, "", None),
        (read.optional_text, "a", 1),
        (read.number, 1.5, "1"),
        (read.whole, 3, 3.5),
        (read.truth, False, 0),
        (read.cache, {"type": "ephemeral"}, "ephemeral"),
    ],
)
def test_each_kind_is_taken_or_refused_by_name(reader: Callable[[Any, str], Any], good: Any, bad: Any) -> None:
    assert reader(good, "the.place") == good
    with pytest.raises(Untranslatable, match=r"the\.place"):
        reader(bad, "the.place")


def test_nothing_is_nothing() -> None:
    assert read.optional_text(None, "x") == ""
    for reader in (read.number, read.whole, read.truth, read.cache):
        assert reader(None, "x") is None
    assert read.whole(4.0, "x") == 4
    with pytest.raises(Untranslatable):
        read.number(True, "x")


@given(st.integers() | st.none() | st.text() | st.floats() | st.booleans())
def test_a_count_is_never_negative_and_always_a_number(value: Any) -> None:
    assert read.count(value) >= 0
    assert type(read.count(value)) is int


def test_arguments_keep_their_digits() -> None:
    raw = read.arguments('{"a": 12345678901234567890.10}', "x")
    assert msgspec.json.encode({"input": raw}) == b'{"input":{"a": 12345678901234567890.10}}'
    assert bytes(read.arguments("  ", "x")) == b"{}"
    for bad in ("[1]", "{", '"a"', "{" * 5000):
        with pytest.raises(Untranslatable):
            read.arguments(bad, "x")


def test_json_that_is_none_is_said() -> None:
    for bad in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(Untranslatable, match="not valid JSON"):
            read.decode(bad)
    with pytest.raises(Untranslatable):
        read.encode("\ud800")


def test_a_long_user_is_named_by_a_digest() -> None:
    assert read.short_user("u" * 64) == "u" * 64
    assert len(read.short_user("u" * 65)) == 64
    assert read.short_user("u" * 65) == read.short_user("u" * 65) != read.short_user("u" * 66)


def test_a_data_url_is_taken_apart() -> None:
    assert read.data_url("data:image/png;base64,AAAA") == ("image/png", "AAAA")
    assert read.data_url("data:;base64,AAAA") == ("application/octet-stream", "AAAA")
    assert read.data_url("data:text/plain;charset=utf-8;base64,AAAA") == ("text/plain", "AAAA")
    assert read.data_url("https://example.com") is None
    for bad in ("data:image/png,AAAA", "data:image/png;base64"):
        with pytest.raises(Untranslatable):
            read.data_url(bad)
