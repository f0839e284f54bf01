"""One child as the keeper sees it: its process, its load, its way out, its folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING

from phantom_gateway.bridge.doors import Door
from phantom_gateway.bridge.inside.link import Link, LinkError, Said
from phantom_gateway.bridge.policy import Load
from phantom_gateway.bridge.zygotes import ZygoteError, memory_of, receive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from phantom_gateway.bridge.zygotes import Zygote
    from phantom_gateway.spine.bridge import BridgeSlot
    from phantom_gateway.wire.egress import Egress

log = logging.getLogger("phantom.bridge")

HELLO_S = 15.0
SPARE_BYTES = 512 << 20
"""Beside what a child may grow by, before the kernel itself refuses: the keeper should be the one to end it."""


class Child:
    """One. ``heard`` is called when it has said something, ``gone`` when its process has ended."""

    def __init__(
        self, slot: BridgeSlot, folder: Path, heard: Callable[[], None], gone: Callable[[Child], None]
    ) -> None:
        self.slot = slot
        self.load = Load(0.0, 0.0, 0.0)
        self.pid = 0
        self.zygote: Zygote | None = None
        self._folder = folder
        self._heard_something = heard
        self._gone = gone
        self._link: Link | None = None
        self._pidfd = -1
        self._door: Door | None = None
        self._before = 0

    async def start(self, zygote: Zygote, listener: socket.socket, memory: int, egress: Egress) -> None:
        """Returns when it accepts. Raises ZygoteError."""
        self.zygote = zygote
        link, theirs = Link.pair()
        link.identify()  # its number is what the kernel says, not what it says
        self._before, data = memory_of(zygote.pid)
        self._folder.mkdir(mode=0o700)
        message = {
            "slot": self.slot.id, "temporary": str(self._folder), "data": data + memory + SPARE_BYTES if data else 0,
        }  # fmt: skip
        try:
            zygote.ask_for_child(message, (listener.fileno(), theirs.fileno()))
        except ZygoteError:
            link.close()
            raise
        finally:
            theirs.close()
        said = await receive(link, HELLO_S)
        if said is None or not said.message.get("ready") or not said.pid or len(said.fds) != 1:
            self._refuse(link, said)
        await self._begin(link, said, egress)

    def _refuse(self, link: Link, said: Said | None) -> None:
        link.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if said is not None:
            said.close()
        raise ZygoteError(str(said.message.get("failed")) if said else "a child of the bridge did not start")

    async def _begin(self, link: Link, said: Said | None, egress: Egress) -> None:
        assert said is not None, "looked at before"
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.pid, self.load, self._link = said.pid, Load(now, now, now), link
        way_out = socket.socket(fileno=said.fds[0])
        self._door = Door(self.slot, egress, str(said.message["token"]))
        await self._door.open(way_out)
        try:
            self._pidfd = os.pidfd_open(said.pid)
        except ProcessLookupError:
            self._ended()
            raise ZygoteError("a child of the bridge ended at once") from None
        loop.add_reader(self._pidfd, self._ended)
        loop.add_reader(link.fileno(), self._heard)

    def weigh(self) -> None:
        """Look at its memory: how much it has grown beyond what it was forked with."""
        self.load.grown = max(0, memory_of(self.pid)[0] - self._before)

    def end(self) -> None:
        """Ask it to finish what it does, to take nothing more, and to end."""
        self.load.ending = True
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.send({"end": True})

    def kill(self) -> None:
        """End it at once."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _heard(self) -> None:
        assert self._link is not None, "heard only while there is a link"
        try:
            said = self._link.receive()
        except BlockingIOError:
            return
        except (LinkError, OSError):
            said = None
        if said is None:
            asyncio.get_running_loop().remove_reader(self._link.fileno())
            self.kill()  # it has nothing to say any more
            return
        said.close()
        in_flight, served, cpu_s = (said.message.get(name) for name in ("in_flight", "served", "cpu"))
        if isinstance(in_flight, int) and isinstance(served, int) and isinstance(cpu_s, (int, float)):
            self.load.heard(asyncio.get_running_loop().time(), in_flight, served, float(cpu_s))
            self._heard_something()

    def forget(self) -> None:
        """Close what is open here, whatever became of the process."""
        loop = asyncio.get_running_loop()
        if self._link is not None:
            loop.remove_reader(self._link.fileno())
            self._link.close()
            self._link = None
        if self._pidfd >= 0:
            loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._door is not None:
            self._door.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ended(self) -> None:
        self.forget()
        self._gone(self)
