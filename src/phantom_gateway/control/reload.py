"""Reloading the configuration: the new one is made whole beside the old one, or the old one goes on.

Looked at each second (a file is new when its inode, size or time of change differs) and at SIGHUP. Loading, checking and
compiling happen in a thread. A broken configuration changes nothing but ``Configuration.problems``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.control.running import Difference, Reload
from phantom_gateway.control.services import Configuration
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0

Stamp = tuple[tuple[int, int, int] | None, ...]


class Loader(Protocol):
    """Makes snapshots from what the operator wrote."""

    def load(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        """The snapshot and the remarks on it. Raises ConfigError."""
        ...

    def refresh(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        """The same with the files as they were last loaded. Raises ConfigError, DatabaseError."""
        ...

    def files(self) -> Sequence[Path]:
        """The files the last ``load`` has read or wanted to read."""
        ...

    @property
    def differences(self) -> Sequence[Difference]:
        """What the last successful load has changed, at most ``running.MOST``."""
        ...

    @property
    def more(self) -> int:
        """How much it has changed beyond that."""
        ...


class Reloader:
    """Watches and reloads.

    ``install`` is called after each load, with the new snapshot, or with ``None`` when workers would see no difference.
    """

    def __init__(
        self,
        loader: Loader,
        configuration: Configuration,
        install: Callable[[Snapshot | None], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._loader = loader
        self._configuration = configuration
        self._install = install
        self._clock = clock
        self._tasks = TaskGroup()
        self._lock = asyncio.Lock()
        self._seen = stamp(loader.files())
        self._stale = False

    def start(self) -> None:
        """Watch from now on."""
        self._tasks.spawn(self._watch(), "configuration watch")

    async def stop(self) -> None:
        """Stop watching."""
        await self._tasks.cancel()

    def request(self) -> None:
        """Reload now (SIGHUP), whether or not a file looks changed."""
        self._tasks.spawn(self.reload(), "configuration reload")

    async def reload(self) -> bool:
        """Load what is written now; whether it is what is being served afterwards."""
        async with self._lock:
            configuration = self._configuration
            # Stamped before reading: what is written meanwhile is seen as a change next time.
            self._seen = await asyncio.to_thread(stamp, self._loader.files())
            try:
                snapshot, notes = await asyncio.to_thread(self._loader.load, configuration.snapshot.revision + 1)
            except ConfigError as error:
                self._refused(error)
                return False
            configuration.problems, configuration.failed_at = (), None
            await self._accept(snapshot, notes)
            return True

    async def refresh(self) -> bool:
        """Take in what has changed in the database; whether it is what is being served afterwards.

        The files stay as they were last loaded: a broken one does not stand in the way. What cannot be read now is tried
        again each second.
        """
        async with self._lock:
            revision = self._configuration.snapshot.revision + 1
            try:
                snapshot, notes = await asyncio.to_thread(self._loader.refresh, revision)
            except (ConfigError, DatabaseError) as error:
                log.warning("changes in the database are not served yet (%s)", type(error).__name__)
                self._stale = True
                return False
            self._stale = False
            await self._accept(snapshot, notes)
            return True

    async def _accept(self, snapshot: Snapshot, notes: tuple[str, ...]) -> None:
        configuration = self._configuration
        configuration.notes, configuration.loaded_at = notes, self._clock()
        changed = not _same(snapshot, configuration.snapshot)
        if changed:
            configuration.snapshot = snapshot
        await self._install(snapshot if changed else None)
        self._remember()
        count = len(snapshot.deployments)
        log.info("configuration loaded: revision %d, %d deployments", configuration.snapshot.revision, count)

    def _refused(self, error: ConfigError) -> None:
        problems = tuple(str(problem) for problem in error.problems)
        if problems != self._configuration.problems:
            log.error("the new configuration is refused, the old one stays in force:\n  %s", "\n  ".join(problems))
            self._remember(problems)
        self._configuration.problems = problems
        self._configuration.failed_at = self._clock()

    def _remember(self, problems: tuple[str, ...] = ()) -> None:
        configuration, loader = self._configuration, self._loader
        different, more = ((), 0) if problems else (tuple(loader.differences), loader.more)
        if problems or different:
            revision = configuration.snapshot.revision
            configuration.reloads.append(Reload(self._clock(), revision, problems, different, more))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if await asyncio.to_thread(stamp, self._loader.files()) != self._seen:
                await self.reload()
            if self._stale:
                await self.refresh()


def stamp(files: Sequence[Path]) -> Stamp:
    """What tells a changed file from an unchanged one; a missing file is ``None``."""
    return tuple(_stamp(path) for path in files)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns
    return None


def _same(new: Snapshot, old: Snapshot) -> bool:
    return msgspec.structs.replace(new, revision=old.revision) == old
