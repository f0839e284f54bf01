"""Server-sent events (WHATWG HTML, section 9.2) split out of any sequence of reads, bytes unchanged."""

from __future__ import annotations

import re

from phantom_gateway.wire.errors import BadResponse

MAX_EVENT = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
# Line ends are LF, CRLF or CR, also mixed. "\n\r" decides by the byte after it; "\r\r" never waits, so that streams with bare
# CR are not held back by one event (an LF after it then leads the next event, where a blank line means nothing).
_BLANK = re.compile(rb"\n\n|\n\r\n|\n\r(?=[^\n])|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LOOKBACK = 3


class SseSplitter:
    """Collects reads and gives complete raw events, each with its terminating blank line.

    The events and ``pending`` joined are the input (without a leading byte-order mark), however it was split into reads.
    ``max_event``: bytes an event may have; BadResponse over it.
    """

    __slots__ = ("_begun", "_buffer", "max_event")

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self.max_event = max_event
        self._buffer = bytearray()
        self._begun = False

    @property
    def pending(self) -> bytes:
        """What came after the last complete event."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take one read; return the events it completed. Raises BadResponse when one is larger than ``max_event``."""
        if (
            not self._buffer
            and self._begun
            and len(data) <= self.max_event
            and data.endswith(b"\n\n")
            and data.find(b"\r") < 0
        ):
            # the usual case: the upstream writes whole events
            if data.find(b"\n\n") == len(data) - 2:
                return [data]
            parts = data.split(b"\n\n")
            self._buffer += parts.pop()
            return [part + b"\n\n" for part in parts]
        return self._feed_any(data)

    def _feed_any(self, data: bytes) -> list[bytes]:
        buffer = self._buffer
        scan = max(0, len(buffer) - _LOOKBACK)
        buffer += data
        events: list[bytes] = []
        start = 0
        while (match := _BLANK.search(buffer, scan)) is not None:
            scan = match.end()
            events.append(bytes(buffer[start:scan]))
            start = scan
        match = None
        del buffer[:start]
        if events and not self._begun:
            self._begun = True
            events[0] = events[0].removeprefix(_BOM)
        if len(buffer) > self.max_event or any(len(event) > self.max_event for event in events):
            raise BadResponse("event too large", sent=True, received=True)
        return events


def event_data(raw: bytes) -> bytes:
    """The ``data`` lines of one raw event joined by LF, each without its field name and one leading space; empty without any."""
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and raw.endswith(b"\n\n") and b"\r" not in raw:
        return raw[6:-2]
    values = []
    for line in _LINE_END.split(raw):
        name, _, value = line.partition(b":")
        if name == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values)
