"""Frames of the spine: 4-byte length, then msgpack of a tagged struct."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.messages import Message, ToControl, ToWorker

MAX_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")

T = TypeVar("T")


class SpineProtocolError(Exception):
    """The peer sent a frame that is too long or not a message of the spine."""


def _encode_secret(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _decode_secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind.__name__)


class FrameDecoder(Generic[T]):
    """Bytes in, messages out; one per connection."""

    def __init__(self, union: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(union, dec_hook=_decode_secret)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[T]:
        """Yield every message completed by ``data``. Raises SpineProtocolError on a bad frame."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            (length,) = _LENGTH.unpack_from(buffer)
            if length > MAX_FRAME:
                raise SpineProtocolError(f"frame of {length} bytes")
            if len(buffer) < 4 + length:
                return
            frame = bytes(memoryview(buffer)[4 : 4 + length])
            del buffer[: 4 + length]
            try:
                yield self._decoder.decode(frame)
            except msgspec.MsgspecError as error:
                raise SpineProtocolError(str(error)) from error


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_secret)


def encode(message: Message) -> bytes:
    """One frame, ready to write."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def control_decoder() -> FrameDecoder[ToControl]:
    """Decoder for control's side (messages from workers)."""
    return FrameDecoder(ToControl)


def worker_decoder() -> FrameDecoder[ToWorker]:
    """Decoder for a worker's side (messages from control)."""
    return FrameDecoder(ToWorker)
