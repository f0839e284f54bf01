"""One worker's connection to the spine: bytes to messages and back, nothing else.

A peer that sends what is not a message of the spine, or does not begin with ``Hello``, is disconnected.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Protocol, cast

from phantom_gateway.spine.codec import SpineProtocolError, control_decoder, encode
from phantom_gateway.spine.messages import Hello, Message, ToControl

log = logging.getLogger(__name__)

MAX_UNSENT = 128 * 1024 * 1024
"""A worker that does not read for so long that this piles up is disconnected; it starts again with a new ``Hello``."""


class Handler(Protocol):
    """What a connection tells its server."""

    def greeted(self, connection: SpineConnection, hello: Hello) -> None:
        """The first message; ``connection.admit`` lets the following ones through."""
        ...

    def received(self, connection: SpineConnection, message: ToControl) -> None:
        """A later message. Raises SpineProtocolError when it makes no sense."""
        ...

    def lost(self, connection: SpineConnection) -> None:
        """The connection has ended."""
        ...


class SpineConnection(asyncio.Protocol):
    """A protocol instance per connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._decoder = control_decoder()
        self._waiting: deque[ToControl] = deque()
        self._transport: asyncio.Transport | None = None
        self._admitted = False
        self.worker = ""
        """Incarnation id, from ``Hello`` on."""
        self.slot = -1
        self.pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            for message in self._decoder.feed(data):
                self._take(message)
        except SpineProtocolError as error:
            log.warning("worker %s disconnected: %s", self.worker or "?", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # the loop's signature
        """Called by the loop."""
        self._transport = None
        self._waiting.clear()
        self._handler.lost(self)

    def admit(self) -> None:
        """Deliver what came after ``Hello`` and everything that follows."""
        self._admitted = True
        if self._transport is not None:
            self._transport.resume_reading()
        try:
            while self._waiting:
                self._handler.received(self, self._waiting.popleft())
        except SpineProtocolError as error:
            log.warning("worker %s disconnected: %s", self.worker, error)
            self.close()

    def send(self, message: Message) -> None:
        """Queue a message; nothing happens on a closed connection."""
        self.send_frame(encode(message))

    def send_frame(self, frame: bytes) -> None:
        """Queue a message that is encoded already (one for all workers)."""
        if self._transport is None:
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            log.warning("worker %s disconnected: it does not read", self.worker)
            self._transport.abort()

    def close(self) -> None:
        """Close after what is queued is sent."""
        if self._transport is not None:
            self._transport.close()

    @property
    def open(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    def _take(self, message: ToControl) -> None:
        if self._admitted:
            self._handler.received(self, message)
        elif self.worker:
            self._waiting.append(message)
        elif isinstance(message, Hello):
            self.worker, self.slot, self.pid = message.worker, message.slot, message.pid
            # What follows waits for the greeting, which may wait for the worker's journal to be read.
            if self._transport is not None:
                self._transport.pause_reading()
            self._handler.greeted(self, message)
        else:
            raise SpineProtocolError(f"{type(message).__name__} before Hello")
