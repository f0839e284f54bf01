"""The bytes of a segment file.

``header | frame | frame | ...``; header: magic ``PGJ1``, seed, seed again; frame: u32 payload length, u32 check, payload; all
little-endian. The check is CRC-32 of the payload, started from ``seed ^ length``: a flipped length is found like a flipped
payload, zeros are never a frame, and since the seed is random per segment nobody can plant a valid frame inside a text
field. The seed stands twice so that one bad bit in it does not cost a segment.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

MAGIC = b"PGJ1"
HEADER = struct.Struct("<4sII")
FRAME = struct.Struct("<II")
MAX_PAYLOAD = 128 * 1024
"""No record is larger: the journal cuts the texts of one that would be."""

LOCK_NAME = "lock"
RESERVE_NAME = "reserve"
PROBE_NAME = "probe"

_NAME = re.compile(r"\d{8,}\.seg")


def segment_name(number: int) -> str:
    """``1`` → ``00000001.seg``."""
    return f"{number:08d}.seg"


def segment_numbers(directory: Path) -> list[int]:
    """Numbers of the segments in ``directory``, ascending; empty when there is no such directory."""
    try:
        names = [entry.name for entry in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:-4]) for name in names if _NAME.fullmatch(name))


def header(seed: int) -> bytes:
    """The first bytes of a segment."""
    return HEADER.pack(MAGIC, seed, seed)


def check(payload: bytes | memoryview, seed: int) -> int:
    """The check word of a frame."""
    return zlib.crc32(payload, seed ^ len(payload))


def frame(payload: bytes, seed: int) -> bytes:
    """One frame, ready to write."""
    size = len(payload)
    return FRAME.pack(size, zlib.crc32(payload, seed ^ size)) + payload
