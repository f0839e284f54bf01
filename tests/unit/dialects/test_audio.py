from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.audio import MAX_SECONDS, seconds


def wav(samples: int, rate: int = 8000, channels: int = 1, bits: int = 16, claimed: int = 1) -> bytes:
    """A recording of ``samples`` for each channel; the bytes per second in its header are ``claimed``."""
    data = bytes(samples * channels * bits // 8)
    head = struct.pack("<HHIIHH", 1, channels, rate, claimed, channels * bits // 8, bits)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", 16) + head
    return b"RIFF" + bytes(4) + b"WAVE" + chunks + b"data" + struct.pack("<I", len(data)) + data


def ogg(head: bytes, granule: int) -> bytes:
    return b"OggS" + bytes(24) + head.ljust(40, b"\0") + b"OggS" + bytes(2) + struct.pack("<q", granule) + bytes(20)


def mp3(head: bytes, size: int, behind: bytes = b"") -> bytes:
    return (head + behind).ljust(size, b"\0")


FLAC = b"fLaC" + bytes(4) + bytes(10) + ((44_100 << 44) | 441_000).to_bytes(8, "big") + bytes(20)
XING = bytes(32) + b"Xing" + struct.pack(">II", 1, 100)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (wav(8000), 1.0),
        (wav(96_000, 48_000, 2, 24), 2.0),
        (wav(8000, claimed=1 << 30), 1.0),
        (wav(8000)[:-8000], 0.5),
        (ogg(b"OpusHead", 480_000), 10.0),
        (ogg(b"\x01vorbis" + bytes(5) + struct.pack("<I", 44_100), 88_200), 2.0),
        (FLAC, 10.0),
        (mp3(b"\xff\xfb\x90\x00", 16_000), 1.0),
        (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + mp3(b"\xff\xfb\x90\x00", 32_000), 2.0),
        (mp3(b"\xff\xfb\x90\x00", 400, XING), 100 * 1152 / 44_100),
        (mp3(b"\xff\xf3\x80\x00", 8_000), 1.0),
        (b"\x00\x00\x00\x20ftypM4A ", None),
        (b"", None),
        (b"RIFF", None),
        (wav(8000, rate=0), None),
        (b"fLaC", None),
        (ogg(b"Speex", 1), None),
        (ogg(b"OpusHead", -1), None),
        (b"\xff\xfb\xf0\x00", None),
    ],
)
def test_lengths(data: bytes, length: float | None) -> None:
    assert seconds(data) == (None if length is None else pytest.approx(length))
    assert seconds(memoryview(data)) == seconds(data)


@given(st.sampled_from([b"RIFF\0\0\0\0WAVE", b"OggS", b"fLaC", b"ID3", b"\xff\xfb", b""]), st.binary(max_size=300))
def test_nothing_that_anybody_sends_breaks_it(start: bytes, rest: bytes) -> None:
    found = seconds(start + rest)
    assert found is None or 0 < found <= MAX_SECONDS
