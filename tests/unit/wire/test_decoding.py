"""Content codings of bodies, whole and as they come."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.decoding import MAX_RATIO, Inflater, decode_body
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


def fed(coding: bytes, pieces: list[bytes]) -> bytes:
    inflater = Inflater(coding)
    return b"".join([inflater.feed(piece) for piece in pieces])


def raw(body: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(body) + machine.flush()


@given(body=st.binary(max_size=2000), size=st.integers(1, 50))
def test_pieces_are_decoded_as_they_come(body: bytes, size: int) -> None:
    members = gzip.compress(body) + gzip.compress(body)
    for coding, packed, plain in (
        (b"gzip", gzip.compress(body), body),
        (b" X-Gzip", members, body + body),
        (b"deflate", zlib.compress(body), body),
        (b"deflate", raw(body), body),
    ):
        assert fed(coding, [packed[at : at + size] for at in range(0, len(packed), size)]) == plain


def test_a_piece_is_there_once_its_writer_has_flushed_it() -> None:
    machine = zlib.compressobj(wbits=31)
    inflater = Inflater(b"gzip")
    for said in (b"one", b"two"):
        assert inflater.feed(machine.compress(said) + machine.flush(zlib.Z_SYNC_FLUSH)) == said


def test_pieces_expand_within_the_ratio() -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    with pytest.raises(ResponseTooLarge):
        fed(b"gzip", [bomb[at : at + 1000] for at in range(0, len(bomb), 1000)])
    body = b"plain text" * 300_000
    assert fed(b"gzip", [gzip.compress(body, 1)]) == body


@pytest.mark.parametrize(
    ("coding", "pieces"),
    [
        (b"br", []),
        (b"gzip", [b"hello"]),
        (b"gzip", [gzip.compress(b"one"), b"hello"]),
        (b"gzip", [gzip.compress(b"") * 1002]),
        (b"deflate", [b"\x78", b"\x9c", b"\xff" * 9]),
        (b"deflate", [b"\xff" * 9]),
    ],
)
def test_damaged_pieces_are_named(coding: bytes, pieces: list[bytes]) -> None:
    with pytest.raises(BadResponse):
        fed(coding, pieces)
