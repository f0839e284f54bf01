"""The field ``cache`` of a request."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway.caching.controls import MAX_TTL_S, NONE, Controls, read
from phantom_gateway.gateway.errors import ApiError


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, NONE),
        ({}, NONE),
        ({"no-cache": True}, Controls(no_cache=True)),
        ({"no-store": True, "no-cache": False}, Controls(no_store=True)),
        ({"ttl": 30, "s-maxage": 1.5}, Controls(ttl_s=30.0, max_age_s=1.5)),
        ({"namespace": "team/a:b_c.d-1"}, Controls(namespace="team/a:b_c.d-1")),
        ({"use-cache": True}, Controls(use_cache=True)),
        ({"use-cache": False}, Controls(use_cache=False)),
        ({"ttl": None, "namespace": None, "no-store": None}, NONE),
    ],
)
def test_what_is_said(value: Any, found: Controls) -> None:
    assert read(value) == found


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (True, "cache"),
        (["no-cache"], "cache"),
        ({"max-age": 1}, "cache.max-age"),
        ({"no_cache": True}, "cache.no_cache"),
        ({"no-cache": 1}, "cache.no-cache"),
        ({"use-cache": "yes"}, "cache.use-cache"),
        ({"ttl": -1}, "cache.ttl"),
        ({"ttl": True}, "cache.ttl"),
        ({"ttl": "60"}, "cache.ttl"),
        ({"ttl": MAX_TTL_S + 1}, "cache.ttl"),
        ({"s-maxage": float("nan")}, "cache.s-maxage"),
        ({"s-maxage": float("inf")}, "cache.s-maxage"),
        ({"namespace": ""}, "cache.namespace"),
        ({"namespace": "a b"}, "cache.namespace"),
        ({"namespace": "a\r\nx: y"}, "cache.namespace"),
        ({"namespace": "n" * 65}, "cache.namespace"),
        ({"namespace": 3}, "cache.namespace"),
    ],
)
def test_what_is_wrong_is_named(value: Any, named: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(value)
    assert caught.value.status == 400
    assert named in caught.value.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(["no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache", "max-age", ""])


@given(_JSON | st.dictionaries(_NAMES, _JSON, max_size=4))
def test_anything_is_read_or_refused(value: Any) -> None:
    with suppress(ApiError):
        found = read(value)
        assert found.ttl_s is None or 0 <= found.ttl_s <= MAX_TTL_S
