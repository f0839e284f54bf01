"""The chunked decoder alone: positions, bounds, forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.chunked import ChunkedDecoder
from phantom_gateway.wire.errors import BadRequest


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(1, 50), st.binary(max_size=10))
def test_stops_exactly_at_the_end(chunks: list[bytes], step: int, surplus: bytes) -> None:
    raw = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nX-T: 1\r\n\r\n"
    decoder = ChunkedDecoder(1000)
    assert decoder.feed(raw + surplus, 0) == len(raw)
    assert decoder.done
    assert decoder.body == b"".join(chunks)
    slow = ChunkedDecoder(1000)
    for start in range(0, len(raw), step):
        assert slow.feed(raw[start : start + step], 0) == len(raw[start : start + step])
    assert slow.done
    assert slow.body == decoder.body


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"g\r\n",
        b"5 \r\n",
        b"5 ;x\r\n",
        b"123456789\r\n",
        b"5;\0\r\n",
        b"1\r\nab",
        b"1\r\na\n",
        b"0\r\nx\r\n",
        b"0\r\n: x\r\n",
        b"0\r\n x: y\r\n",
    ],
)
def test_malformed(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        ChunkedDecoder(1000).feed(raw + b"\r\n\r\n", 0)
    assert caught.value.status == 400


def test_limit() -> None:
    decoder = ChunkedDecoder(10)
    decoder.feed(b"a\r\n0123456789\r\n", 0)
    with pytest.raises(BadRequest) as caught:
        decoder.feed(b"1\r\n", 0)
    assert caught.value.status == 413


def test_framing_is_held_against_data() -> None:
    with pytest.raises(BadRequest):
        ChunkedDecoder(10**6).feed(b"1\r\na\r\n" * 1000, 0)
    assert ChunkedDecoder(10**6).feed(b"20\r\n" + b"a" * 32 + b"\r\n", 0) == 38
