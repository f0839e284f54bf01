"""The keeper: holds the sockets of all slots, keeps a zygote, starts and ends children. Never loads the SDK.

Started by the supervisor, which keeps the same sockets: when a keeper dies, its zygote and children die with it, connections wait,
and the next keeper goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from phantom_gateway.bridge import places
from phantom_gateway.bridge.children import Child
from phantom_gateway.bridge.inside.link import Link, LinkError
from phantom_gateway.bridge.policy import fate, victim
from phantom_gateway.bridge.slots import Slot
from phantom_gateway.bridge.zygotes import Zygote, ZygoteError, ZygoteKilled
from phantom_gateway.spine.bridge import INSTALL, BridgeSettings, settings_of, slot_of
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.tasks import TaskGroup

if TYPE_CHECKING:
    from phantom_gateway.bridge.inside.link import Said

log = logging.getLogger("phantom.bridge")

PREFIX = "phantom-bridge-"
TICK_S = 0.5
SOON_S = 1.0
STARTS = 3
"""How often a zygote is started that is killed while it loads."""
RETRY_S = (0.0, 0.5, 2.0, 5.0)
"""Before a zygote is tried again, by how many did not come to be."""
NOT_INSTALLED = f"the bridge is not installed: {INSTALL}"


class Keeper:
    """One per node. ``run`` returns when the supervisor is gone or wants the end."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = BridgeSettings()
        self._slots: dict[str, Slot] = {}
        self._children: list[Child] = []
        self._tasks = TaskGroup()
        self._egress = Egress()
        self._folder = _folder()
        self._numbers = itertools.count(1)
        self._sources: dict[str, _Source] = {}
        self._retired: list[_Source] = []
        self._end = asyncio.Event()

    def stop(self) -> None:
        """End it."""
        self._end.set()

    async def run(self) -> None:
        """Serve what the supervisor says."""
        loop = asyncio.get_running_loop()
        self._link.sock.setblocking(False)
        loop.add_reader(self._link.fileno(), self._told)
        self._tasks.spawn(self._tick(), "look after the children")
        try:
            await self._end.wait()
        finally:
            loop.remove_reader(self._link.fileno())
            self._link.close()
            for slot in self._slots.values():
                slot.close()
            for child in list(self._children):
                child.kill()
                child.forget()
            for zygote in [source.close() for source in (*self._sources.values(), *self._retired)]:
                if zygote is not None:
                    await zygote.gone()
            await self._tasks.cancel()
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- what the supervisor says

    def _told(self) -> None:
        try:
            said = self._link.receive()
        except BlockingIOError:
            return
        except (LinkError, OSError):
            said = None
        if said is None:
            self.stop()
            return
        try:
            self._take(said)
        except (msgspec.ValidationError, KeyError):
            said.close()
            log.exception("the supervisor and the keeper are not of one release")
            self.stop()

    def _take(self, said: Said) -> None:
        if "settings" in said.message:
            self._plan(settings_of(said.message["settings"]), set(said.message["slots"]))
            return
        slot = slot_of(said.message["slot"])
        listener = socket.socket(fileno=said.fds[0])
        listener.setblocking(False)
        if slot.id in self._slots:
            listener.close()
            return
        self._slots[slot.id] = new = Slot(slot, listener, self._make, self._tasks)
        new.watch()
        # The first call should not wait for an import that is sure to be needed.
        self._tasks.spawn(self._source(new).warm(), "warm the zygote")

    def _plan(self, settings: BridgeSettings, slots: set[str]) -> None:
        if (settings.python, settings.sandbox) != (self._settings.python, self._settings.sandbox):
            self._retire(*self._sources)
        self._settings = settings
        for name in self._slots.keys() - slots:
            self._slots.pop(name).close()
            self._retire(name)

    def _retire(self, *names: str) -> None:
        """Have no further children of these zygotes; those that are there finish what they do."""
        for name in [each for each in names if each in self._sources]:
            source = self._sources.pop(name)
            self._retired.append(source)
            for child in self._of(source):
                child.end()
            self._tasks.spawn(self._leave(source), "end a zygote")
        for slot in self._slots.values():
            slot.watch()

    def _of(self, source: _Source) -> list[Child]:
        return [child for child in self._children if child.zygote is not None and child.zygote is source.zygote]

    async def _leave(self, source: _Source) -> None:
        while self._of(source):  # noqa: ASYNC110 - looked at as often as its memory
            await asyncio.sleep(TICK_S)
        zygote = source.close()
        if zygote is not None:
            await zygote.gone()
        self._retired.remove(source)

    # --- children

    def _source(self, slot: Slot) -> _Source:
        """Where a slot's children are forked from: one zygote for all, or each its own."""
        name = slot.slot.id if self._settings.separation == "import" else ""
        source = self._sources.get(name)
        if source is not None and slot.slot.ca_file not in ("", *source.readable):
            self._retire(name)  # what a process may read is fixed before it starts
            source = None
        if source is None:
            readable = tuple(sorted({each.slot.ca_file for each in self._slots.values()} - {""}))
            source = _Source(self._folder / f"z{next(self._numbers)}", self._settings, self._tasks, readable)
            self._sources[name] = source
        return source

    async def _make(self, slot: Slot) -> Child | None:
        source = self._source(slot)
        zygote = await source.get()
        if len(self._children) >= self._settings.max_processes:
            one = victim([(child, child.load) for child in self._children])
            if one is not None:
                one.end()
            return None
        try:
            return await self._child(slot, source, zygote)
        except ZygoteError:
            if not await zygote.gone(SOON_S):
                raise
        # It died before that was known here; those who wait need not hear of it.
        return await self._child(slot, source, await source.get())

    async def _child(self, slot: Slot, source: _Source, zygote: Zygote) -> Child:
        folder = source.folder / f"c{next(self._numbers)}"
        child = Child(slot.slot, folder, lambda: slot.help(self._settings), lambda gone: self._gone(slot, gone))
        self._children.append(child)
        try:
            await child.start(zygote, slot.listener, self._settings.memory_mb << 20, self._egress)
        except ZygoteError:
            if child in self._children:
                self._children.remove(child)
            raise
        slot.children.append(child)
        return child

    def _gone(self, slot: Slot, child: Child) -> None:
        if child in self._children:
            self._children.remove(child)
        slot.lost(child)
        for each in self._slots.values():
            each.room()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            for child in [each for each in self._children if each.pid]:
                child.weigh()
                what = fate(child.load, loop.time(), self._settings)
                if what == "idle":
                    child.end()
                elif what:
                    log.warning("a process of the bridge for %s is ended: %s", child.slot.provider, what)
                    child.kill()
            for slot in self._slots.values():
                slot.room()


def _folder() -> Path:
    """A folder for temporary files; those of keepers that were killed are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


class _Source:
    """A zygote that is there when it is needed."""

    def __init__(self, folder: Path, settings: BridgeSettings, tasks: TaskGroup, readable: tuple[str, ...]) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.readable = readable
        self._settings = settings
        self._tasks = tasks
        self.zygote: Zygote | None = None
        self._lock = asyncio.Lock()
        self._failures = 0
        self._not_before = 0.0
        self._reason = ""
        self._closed = False

    async def warm(self) -> None:
        """Have one ready; why there is none is told with the first call."""
        with contextlib.suppress(ZygoteError):
            await self.get()

    async def get(self) -> Zygote:
        """The zygote. Raises ZygoteError."""
        async with self._lock:
            if self._closed:
                raise ZygoteError("the bridge is set anew")
            if self.zygote is not None and self.zygote.ready and not self.zygote.ended.is_set():
                return self.zygote
            loop = asyncio.get_running_loop()
            if loop.time() < self._not_before:
                raise ZygoteError(self._reason)
            try:
                zygote = await self._started()
            except ZygoteError as error:
                self._reason = str(error)
                self._not_before = loop.time() + RETRY_S[min(self._failures, len(RETRY_S) - 1)]
                self._failures += 1
                log.error("the bridge does not start: %s", error)  # noqa: TRY400 - the message is the whole story
                raise
            self._failures = 0
            self._tasks.spawn(self._again(zygote), "replace the zygote")
            return zygote

    async def _again(self, zygote: Zygote) -> None:
        """When a zygote dies, the next one is there before somebody asks."""
        await zygote.ended.wait()
        if not self._closed:
            log.warning("the zygote of the bridge is gone, and is replaced")
            await asyncio.sleep(RETRY_S[1])
            await self.warm()

    async def _started(self) -> Zygote:
        for _ in range(STARTS - 1):
            with contextlib.suppress(ZygoteKilled):
                return await self._start()
        return await self._start()

    async def _start(self) -> Zygote:
        settings = self._settings
        installed = places.find(settings.python)
        if installed is None:
            raise ZygoteError(NOT_INSTALLED)
        required = settings.sandbox == "required"
        zygote = Zygote(installed, self.folder, self._tasks, required=required, readable=self.readable)
        self.zygote = zygote
        said = await zygote.start(settings.start_timeout_s)
        layers, missing = said.message.get("layers") or [], said.message.get("missing") or []
        log.info(
            "the bridge is ready: LiteLLM's SDK %s, sandbox: %s", said.message["ready"], ", ".join(layers) or "none"
        )
        if missing:
            log.warning("THE SANDBOX OF THE BRIDGE IS NOT WHOLE on this machine: %s", "; ".join(missing))
        return zygote

    def close(self) -> Zygote | None:
        """End the zygote, if there is one, and its children."""
        self._closed = True
        if self.zygote is not None:
            self.zygote.kill()
        return self.zygote
