"""Events of streams that pass through: whether a client could read them.

A client of a provider's SDK fails on an event that is no JSON, without a word of what happened; the gateway ends the stream with an
error in the caller's format instead (``BadResponse``).
"""

from __future__ import annotations

import msgspec

from phantom_gateway.wire.errors import BadResponse
from phantom_gateway.wire.sse import SseSplitter, event_data

_raw = msgspec.json.Decoder(msgspec.Raw)
_MARK = b"data: "
END = b"[DONE]"


class UnreadableEvent(BadResponse):
    """An event is not JSON. ``seen``: how many with data there were in what was looked at, up to it and with it."""

    def __init__(self, seen: int) -> None:
        super().__init__("an event of the stream is not JSON", sent=True, received=True)
        self.seen = seen


def refuse_unreadable(data: bytes) -> None:
    """Look at some whole raw events; those without data are fine, and what follows the end. Raises UnreadableEvent."""
    seen = 1
    try:
        # One event with its data in one line, as nearly all reads are.
        start = data.find(_MARK)
        if start >= 0 and data.find(b"\n", start) == len(data) - 2 and (start == 0 or data[start - 1] == 0x0A):
            if data[start + 6 : -2] != END:
                _raw.decode(data[start + 6 : -2])
            return
        for event in SseSplitter(len(data) + 4).feed(data):
            text = event_data(event)
            if text == END:
                return
            if text:
                _raw.decode(text)
                seen += 1
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableEvent(seen) from error
