"""Redis' protocol (RESP2), bytes in and values out, for the few commands the data plane uses. No I/O.

A server is trusted no further than an upstream: every length is bounded, and what is not RESP2 is an error at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

MAX_LINE = 4096
MAX_ITEMS = 10_000
MAX_DEPTH = 4
MAX_REST = 1 << 20
"""Bytes that a reply may have beside its longest value: names in a list, and what frames them."""

Value: TypeAlias = "bytes | int | list[Value] | RespFailure | None"


class RespError(Exception):
    """Not RESP2, or beyond a bound of it."""


class RespFailure:
    """The server's word that a command failed."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


class _Incomplete(Exception):
    """More bytes are needed."""


def command(*words: bytes | str | int) -> bytes:
    """A command as the server takes it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


class RespReader:
    """Replies out of a stream of bytes; a reply has no value longer than ``max_value`` bytes."""

    __slots__ = ("_buffer", "_max_value")

    def __init__(self, max_value: int) -> None:
        self._buffer = bytearray()
        self._max_value = max_value

    def feed(self, data: bytes) -> Iterator[Value]:
        """Yield every reply completed by ``data``. Raises RespError."""
        self._buffer += data
        while self._buffer:
            try:
                value, end = self._value(0, 0)
            except _Incomplete:
                if len(self._buffer) > self._max_value + MAX_REST:
                    raise RespError("a reply is too long") from None
                return
            del self._buffer[:end]
            yield value

    def _line(self, start: int) -> tuple[bytes, int]:
        end = self._buffer.find(b"\r\n", start, start + MAX_LINE)
        if end < 0:
            if len(self._buffer) - start >= MAX_LINE:
                raise RespError("a line is too long")
            raise _Incomplete
        return bytes(self._buffer[start:end]), end + 2

    def _value(self, start: int, depth: int) -> tuple[Value, int]:
        line, end = self._line(start)
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest, end
        if kind == b"-":
            return RespFailure(rest.decode("latin-1")[:200]), end
        if kind == b":":
            return _number(rest), end
        if kind == b"$":
            return self._bulk(_number(rest), end)
        if kind == b"*":
            return self._items(_number(rest), end, depth)
        raise RespError("not a reply of Redis")

    def _bulk(self, length: int, start: int) -> tuple[Value, int]:
        if length == -1:
            return None, start
        if not 0 <= length <= self._max_value:
            raise RespError("a value is too long")
        end = start + length + 2
        if len(self._buffer) < end:
            raise _Incomplete
        if self._buffer[end - 2 : end] != b"\r\n":
            raise RespError("a value does not end where it should")
        return bytes(self._buffer[start : end - 2]), end

    def _items(self, count: int, start: int, depth: int) -> tuple[Value, int]:
        if count == -1:
            return None, start
        if not 0 <= count <= MAX_ITEMS or depth >= MAX_DEPTH:
            raise RespError("a list is too long or nested too deeply")
        found: list[Value] = []
        for _ in range(count):
            value, start = self._value(start, depth + 1)
            found.append(value)
        return found, start


def _number(text: bytes) -> int:
    digits = text.removeprefix(b"-")
    if not (digits.isdigit() and len(digits) < 20):
        raise RespError("not a number")
    return int(text)
