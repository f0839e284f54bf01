"""Content codings of bounded bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.decoding import MAX_RATIO, decode_body
from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge


@given(st.binary(max_size=2000))
def test_round_trips(body: bytes) -> None:
    assert decode_body(gzip.compress(body), b"gzip", 2000) == body
    assert decode_body(gzip.compress(body), b" X-GZIP", 2000) == body
    assert decode_body(zlib.compress(body), b"deflate", 2000) == body
    assert decode_body(body, None, 2000) == body
    assert decode_body(body, b"Identity", 2000) == body


def test_limit_and_ratio() -> None:
    body = b"\0" * 2_000_000
    packed = gzip.compress(body)
    assert len(packed) * MAX_RATIO < len(body)
    for limit in (1000, 100_000_000):
        with pytest.raises(ResponseTooLarge):
            decode_body(packed, b"gzip", limit)
    assert len(decode_body(gzip.compress(body[:1_000_000]), b"gzip", 1_000_000)) == 1_000_000


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"gzip, gzip"])
@given(body=st.binary(min_size=1, max_size=100))
def test_damage_is_named(coding: bytes, body: bytes) -> None:
    try:
        decode_body(body, coding, 1000)
    except (BadResponse, ResponseTooLarge):
        return
    assert coding == b"deflate"


def test_flood_of_empty_members() -> None:
    with pytest.raises(BadResponse):
        decode_body(gzip.compress(b"") * 5000, b"gzip", 1000)
