"""The socket of one credential, and the children that serve it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from phantom_gateway.bridge.inside import http
from phantom_gateway.bridge.policy import wants_another
from phantom_gateway.bridge.zygotes import ZygoteError
from phantom_gateway.spine.bridge import FAILED

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from phantom_gateway.bridge.children import Child
    from phantom_gateway.spine.bridge import BridgeSettings, BridgeSlot
    from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger("phantom.bridge")

AGAIN_S = (0.0, 0.2, 1.0, 3.0)
"""Before another child is tried, by how many could not begin."""


class Slot:
    """Waits for connections as long as there is no child that takes them.

    ``make`` gives a child that accepts, or ``None`` when there is no room; it raises ZygoteError when there can be none.
    """

    def __init__(
        self,
        slot: BridgeSlot,
        listener: socket.socket,
        make: Callable[[Slot], Awaitable[Child | None]],
        tasks: TaskGroup,
    ) -> None:
        self.slot = slot
        self.listener = listener
        self.children: list[Child] = []
        self.starting = 0
        self.waits_for_room = False
        self._make = make
        self._tasks = tasks
        self._watched = False
        self._failures = 0
        self._closed = False

    def watch(self) -> None:
        """Start a child with the next connection, unless one is there or on its way."""
        if not (self._watched or self._closed or self.starting or any(not each.load.ending for each in self.children)):
            self._watched = True
            asyncio.get_running_loop().add_reader(self.listener.fileno(), self._called)

    def help(self, settings: BridgeSettings) -> None:
        """Start another child if those that are there have too much to do."""
        if wants_another([each.load for each in self.children], self.starting, settings):
            self._start()

    def lost(self, child: Child) -> None:
        """A child has ended."""
        if child in self.children:
            self.children.remove(child)
        self.watch()

    def close(self) -> None:
        """The slot is not planned any more: what runs may finish."""
        self._unwatch()
        self._closed = True
        for child in self.children:
            child.end()
        self.listener.close()

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            asyncio.get_running_loop().remove_reader(self.listener.fileno())

    def _called(self) -> None:
        self._unwatch()
        self._start()

    def _start(self) -> None:
        self.starting += 1
        self._tasks.spawn(self._begin(), "start a child of the bridge")

    async def _begin(self) -> None:
        try:
            child = await self._make(self)
            if child is not None:
                self._failures = 0
                if self._closed:
                    child.end()
            else:
                self.waits_for_room = True
        except ZygoteError as error:
            log.error("the bridge cannot serve %s: %s", self.slot.provider, error)  # noqa: TRY400 - the message is the whole story
            await self._refuse_waiting(str(error))
            await asyncio.sleep(AGAIN_S[min(self._failures, len(AGAIN_S) - 1)])
            self._failures += 1
        finally:
            self.starting -= 1
            if not self.waits_for_room:
                self.watch()

    def room(self) -> None:
        """There may be room now."""
        if self.waits_for_room:
            self.waits_for_room = False
            self.watch()

    async def _refuse_waiting(self, reason: str) -> None:
        """Tell those who wait why there is nobody."""
        while not self._closed and (sock := http.accept(self.listener)) is not None:
            self._tasks.spawn(refuse(sock, reason), "refuse a call of the bridge")
        await asyncio.sleep(0)


async def refuse(sock: socket.socket, reason: str) -> None:
    """Answer one connection with why nobody serves it."""
    reader, writer = await http.adopt(sock)
    with contextlib.suppress(http.Malformed, asyncio.IncompleteReadError, TimeoutError, OSError):
        await http.read_request(reader)
        body = http.failure(f"The bridge cannot serve this: {reason}", "bridge_unavailable")
        writer.write(http.whole(503, body, [(FAILED, "1")]))
        await writer.drain()
    writer.close()
