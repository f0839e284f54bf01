from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.ledger import frames


def test_segments_are_listed_in_order_and_others_ignored(tmp_path: Path) -> None:
    for name in ("00000010.seg", "00000002.seg", "lock", "reserve", "probe", "x.seg", "100000000.seg"):
        (tmp_path / name).touch()
    assert frames.segment_numbers(tmp_path) == [2, 10, 100_000_000]
    assert frames.segment_numbers(tmp_path / "none") == []
    assert frames.segment_name(2) == "00000002.seg"


@given(payload=st.binary(min_size=1, max_size=300), seed=st.integers(0, 2**32 - 1), bit=st.integers(0))
def test_every_flipped_bit_is_found(payload: bytes, seed: int, bit: int) -> None:
    data = bytearray(frames.frame(payload, seed))
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    size, word = frames.FRAME.unpack_from(data)
    body = bytes(data[frames.FRAME.size : frames.FRAME.size + size])
    assert len(body) < size or frames.check(body, seed) != word


def test_the_same_frame_is_no_frame_in_another_segment() -> None:
    _, word = frames.FRAME.unpack_from(frames.frame(b"payload", 1))
    assert frames.check(b"payload", 1) == word
    assert frames.check(b"payload", 2) != word
