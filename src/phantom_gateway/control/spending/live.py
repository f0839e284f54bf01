"""The newest requests as they are taken in, as server-sent events (WHATWG HTML, 9.2), for whoever may see them.

Once a second a stream asks the database for what came behind the last row it has sent. It is bounded in every respect: how
many there are, how long each lasts, how many rows an event carries. It ends with the session or key it was opened with, and
when what that may see is changed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.spend_view import view
from phantom_gateway.store import log_search
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.log_search import Search

JsonObject = dict[str, Any]
MOST = 32
"""Streams at once."""
MOST_EACH = 4
"""... of one caller."""
ROWS = 100
"""In one event: the newest; that there were more is said."""
TICK_S = 1.0
QUIET_TICKS = 10
"""After so many without anything a comment is sent, so that nobody on the way takes the stream for dead."""
BACK_US = 86_400_000_000
"""How long ago a request may have begun that ends now."""
OVERLAP = 200
"""Rows before the last one that are looked at again where several nodes store: a smaller id may become visible later."""


@dataclass(slots=True)
class LiveTails:
    """Who is looking. Lives on the event loop."""

    open: Counter[str] = field(default_factory=Counter)

    def enter(self, caller: str) -> bool:
        """Whether one more may; ``leave`` takes it back."""
        if self.open.total() >= MOST or self.open[caller] >= MOST_EACH:
            return False
        self.open[caller] += 1
        return True

    def leave(self, caller: str) -> None:
        """One is gone."""
        self.open[caller] -= 1
        if not self.open[caller]:
            del self.open[caller]


class TailResponse(StreamingResponse):
    """A stream that tells when it is over, however that comes about."""

    def __init__(self, content: AsyncIterator[bytes], done: Callable[[], None]) -> None:
        # not kept, not transformed, and not collected by proxies that would
        headers = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._done()


@dataclass(slots=True, kw_only=True)
class Tail:
    """One stream. ``still`` raises ApiError when the caller may not look any more."""

    database: AsyncDatabase
    search: Search
    still: Callable[[sa.Connection], None]
    clock: Callable[[], float]
    seconds: float
    shared: bool = False
    """Whether other nodes store into the database."""
    last: int | None = None
    sent: Sequence[int] = ()
    """Ids of the overlap that were sent."""

    async def events(self) -> AsyncIterator[bytes]:
        """``rows`` (``{"rows": [...], "more": bool}``), and at the end ``end`` (``{"reason": ...}``)."""
        until, quiet = self.clock() + self.seconds, 0
        yield b"retry: 3000\n\n"
        while True:
            try:
                rows, more = await self.database.read(self._poll)
            except ApiError as error:
                yield event("end", {"reason": error.kind})
                return
            except DatabaseError:
                rows, more = [], False  # it will be back, and nothing was missed meanwhile
            quiet = 0 if rows else quiet + 1
            if rows:
                yield event("rows", {"rows": rows, "more": more})
            elif quiet >= QUIET_TICKS:
                quiet = 0
                yield b": nothing new\n\n"
            if self.clock() >= until:
                yield event("end", {"reason": "time"})
                return
            await asyncio.sleep(TICK_S)

    def _poll(self, connection: sa.Connection) -> tuple[list[JsonObject], bool]:
        self.still(connection)
        since = int(self.clock() * 1_000_000) - BACK_US
        search = replace(self.search, since=since, until=1 << 62)
        if self.last is None:
            self.last = log_search.last(connection, since)
            if self.shared:
                self.sent = log_search.after(connection, search, self.last - OVERLAP, OVERLAP)
            return [], False
        low = max(self.last - OVERLAP, 0) if self.shared else self.last
        seen = set(self.sent)
        ids = log_search.after(connection, search, low, ROWS + len(seen) + 1)
        new = [each for each in ids if each not in seen and (each > self.last or self.shared)]
        if not new:
            return [], False
        self.last = max(self.last, new[0])
        self.sent = [each for each in (*new, *self.sent) if each > self.last - OVERLAP] if self.shared else ()
        rows = log_search.of_ids(connection, new[:ROWS], since)
        return [view(row) for row in rows], len(new) > ROWS


def event(name: str, data: JsonObject) -> bytes:
    """One event; JSON has no line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))
