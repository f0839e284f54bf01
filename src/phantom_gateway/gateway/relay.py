"""Bytes from the upstream to the caller: with back-pressure, a tap for usage, and nothing in between.

Chunks travel synchronously from the upstream's ``data_received`` to the caller's ``write``; no task and no queue stands
between them. The last bytes of an answer are held until the request is settled: an answer that looks complete to the
caller is in the journal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from phantom_gateway.wire.decoding import Inflater
from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge

if TYPE_CHECKING:
    from phantom_gateway.gateway.mock import CountedResponse, MockedResponse
    from phantom_gateway.gateway.ways import Tap
    from phantom_gateway.wire.client import Response
    from phantom_gateway.wire.responder import Responder

END_S = 1.0
"""How long an upstream may take to end its response after it has said that the answer is complete."""


class BeganWithError(BadResponse):
    """A stream said that it failed before anything of it was delivered; ``said`` is what it said, as the tap has it."""

    def __init__(self, said: object) -> None:
        super().__init__("the stream began with an error event", sent=True, received=True)
        self.said = said


class StreamRelay:
    """The sink of a streamed upstream response. Raises BadResponse where its content coding is not understood."""

    __slots__ = (
        "_block",
        "_inflater",
        "_responder",
        "_response",
        "_tap",
        "_tell_writable",
        "first_ns",
        "refused",
        "touched",
    )

    def __init__(
        self, response: Response | MockedResponse | CountedResponse, responder: Responder, tap: Tap, block: bytes
    ) -> None:
        self._response = response
        self._responder = responder
        self._tap = tap
        self._block = block
        self._tell_writable = False
        coding = response.get(b"content-encoding")
        self._inflater = None if coding is None or coding.lower() == b"identity" else Inflater(coding)
        self.first_ns = 0
        self.touched = False
        """Something came that is no whole event."""
        self.refused: BadResponse | ResponseTooLarge | None = None
        """Why the stream was cut by us: an event beyond its bound, or an error before anything was delivered."""

    @property
    def delivered(self) -> bool:
        """Whether the caller has seen a byte: from then on there is no other upstream for this request."""
        return self.first_ns != 0

    def data(self, data: bytes) -> None:
        """Called by the wire for each piece of the body."""
        if self.refused is not None:
            return
        try:
            if self._inflater is not None:
                data = self._inflater.feed(data)
            out = self._tap.feed(data)
        except (BadResponse, ResponseTooLarge) as error:
            self.refused = error
            self._response.close()
            return
        if not out:
            self.touched = True
            if self._tap.done:
                self._response.hasten(END_S)
            return
        responder = self._responder
        if not self.first_ns:
            if self._tap.error is not None:
                self.refused = BeganWithError(self._tap.error)
                return
            self.first_ns = time.monotonic_ns()
            responder.start(200, self._block)
        if not responder.write(out):
            self._response.pause()
            if not self._tell_writable:
                self._tell_writable = True
                responder.on_writable = self._response.resume

    def end(self, trailer: bytes = b"") -> None:
        """Say the end to the caller: the held tail, or ``trailer`` when the stream broke."""
        if not self._responder.started:
            self._responder.start(200, self._block)
        self._responder.finish(self._tap.tail + trailer)
