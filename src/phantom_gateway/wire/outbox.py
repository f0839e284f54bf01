"""Writes of one turn of the event loop, sent together at its end.

A write to a socket whose reader sleeps wakes the reader, and waking costs more than the write. When the bytes of one turn
leave one after the other, the first wakes the reader and the rest find it awake; and several pieces for one connection leave
as one. Bytes for one transport keep their order; whoever closes a transport properly calls ``flush`` first.
"""

from __future__ import annotations

import asyncio

LARGE = 32 * 1024
"""Bytes for one transport that are not held back until the end of the turn."""


class Outbox:
    """What is to be written by the end of this turn. One per server or client; belongs to one event loop."""

    __slots__ = ("_loop", "_pending")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: dict[asyncio.Transport, bytes] = {}

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write ``data`` to ``transport`` at the end of the turn, after what was given before."""
        pending = self._pending
        if not pending:
            self._loop.call_soon(self.flush)
        before = pending.get(transport)
        if before is None:
            pending[transport] = data
        elif len(before) < LARGE:
            pending[transport] = before + data
        else:
            # so much in one turn: the transport must see it, or its back-pressure would come too late
            pending[transport] = data
            if not transport.is_closing():
                transport.write(before)

    def flush(self) -> None:
        """Write everything now. What is meant for a transport that is closing is dropped: nobody would read it."""
        pending = self._pending
        if pending:
            self._pending = {}
            for transport, data in pending.items():
                if not transport.is_closing():
                    transport.write(data)
