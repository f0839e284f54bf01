"""How long a recording is, as its own headers say: for what is billed by the second.

WAV (RIFF), MP3 (the first frame, and the number of frames where a Xing header has it), Ogg (Opus, Vorbis) and FLAC. Nothing is
decoded; a file in another format, or one that cannot be read, has an unknown length.
"""

from __future__ import annotations

MAX_SECONDS = 100 * 3600.0
"""What is longer by its headers is not believed."""
_MP3_RATES = (44_100, 48_000, 32_000)
_MP3_KBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
"""Layer III: of MPEG 1, of MPEG 2 and 2.5."""
_SEARCHED = 64 * 1024


def seconds(content: bytes | memoryview) -> float | None:
    """The length of a whole recording, or None."""
    data = memoryview(content)
    kind = bytes(data[:4])
    if kind == b"RIFF" and bytes(data[8:12]) == b"WAVE":
        found = _wav(data)
    elif kind == b"OggS":
        found = _ogg(data)
    elif kind == b"fLaC":
        found = _flac(data)
    else:
        found = _mp3(data)
    return found if found is not None and 0 < found <= MAX_SECONDS else None


def _little(data: memoryview, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _wav(data: memoryview) -> float | None:
    """By rate, channels and bits: the bytes per second that the header also has are what no decoder looks at."""
    at, per_second = 12, 0
    while at + 8 <= len(data):
        name, size = bytes(data[at : at + 4]), _little(data, at + 4, 4)
        if name == b"fmt " and size >= 16:
            per_second = _little(data, at + 10, 2) * _little(data, at + 12, 4) * (_little(data, at + 22, 2) // 8)
        if name == b"data":
            # a recording that was streamed has no length of its own there
            return min(size, len(data) - at - 8) / per_second if per_second else None
        at += 8 + size + size % 2
    return None


def _flac(data: memoryview) -> float | None:
    if len(data) < 26:
        return None
    packed = int.from_bytes(data[18:26], "big")
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    return samples / rate if rate else None


def _ogg(data: memoryview) -> float | None:
    head = bytes(data[28:48])
    if head.startswith(b"OpusHead"):
        rate = 48_000  # RFC 7845, 4: whatever the rate of the recording was
    elif head.startswith(b"\x01vorbis"):
        rate = int.from_bytes(head[12:16], "little")
    else:
        return None
    tail = bytes(data[-_SEARCHED:])
    at = tail.rfind(b"OggS")
    if at < 0 or not rate:
        return None
    return int.from_bytes(tail[at + 6 : at + 14], "little") / rate


def _mp3(data: memoryview) -> float | None:
    at = 0
    if bytes(data[:3]) == b"ID3" and len(data) >= 10:
        size = 0
        for byte in data[6:10]:
            size = size << 7 | byte & 0x7F
        at = 10 + size
    if at + 4 > len(data):
        return None
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer = head >> 19 & 3, head >> 17 & 3
    kbits, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version == 1 or layer != 1 or kbits in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz = _MP3_RATES[rate] >> (0 if first else 1 if version == 2 else 2)
    frame = bytes(data[at : at + 192])
    for mark in (b"Xing", b"Info"):
        found = frame.find(mark)
        if found > 0 and len(frame) >= found + 12 and frame[found + 7] & 1:
            return int.from_bytes(frame[found + 8 : found + 12], "big") * (1152 if first else 576) / hertz
    return (len(data) - at) * 8 / (_MP3_KBITS[0 if first else 1][kbits] * 1000)
