"""The spend journal of one worker: append-only segment files that survive the process and the disk's bad days.

Theory of operation
-------------------
``append`` encodes, frames and writes with one write(2): from then on the record survives ``kill -9``. One helper thread
brings it to the disk (group commit) and is asleep while nothing is written. Three parties share the state: the event loop
(``append``), the helper (``_Helper``), and control, which only reads the files. ``_lock`` guards everything between the first two
and is never held over an fdatasync.

- *Failed fdatasync*: the kernel may have dropped the pages and reported it once, so the same file is never synced again.
  All records not known to be on the disk are kept in memory; they are written again, under the same numbers, to a new
  segment, and that is synced. Readers drop what they have seen by number.
- *Full disk*: an ``Opened`` is refused (``StorageFullError``, before any upstream call); a ``Closed`` goes to the reserve, a
  file whose blocks were allocated at the start. About once a second the helper tries to get a new reserve and some room beyond it;
  when it does, a new segment is begun and requests are accepted again.
- *Death*: the ``lock`` file is held with flock, so that control sees that nobody writes any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Literal

from phantom_gateway.ledger.files import OsLayer, SegmentFile
from phantom_gateway.ledger.frames import (
    LOCK_NAME,
    MAX_PAYLOAD,
    PROBE_NAME,
    RESERVE_NAME,
    segment_name,
    segment_numbers,
)
from phantom_gateway.ledger.record import Opened, Record, clipped, encoder

MAX_UNSYNCED = 32 * 1024 * 1024
"""Bytes kept for rewriting; a disk further behind than this stops new requests."""

PROBE_SECONDS = 1.0
SYNC_SECONDS = 0.025
PROBE_BYTES = 1024 * 1024


class JournalError(Exception):
    """Base of what a journal reports."""


class JournalInUseError(JournalError):
    """The directory belongs to a living journal or already holds one."""


class StorageFullError(JournalError):
    """The record was not written; for an ``Opened``: answer 503 ``storage_full`` before any upstream call."""


class SyncFailedError(JournalError):
    """The disk refused to sync the record twice, on two files."""


class Journal:
    """See the module's text. Not re-entrant; ``append`` belongs to one thread (the event loop's)."""

    def __init__(
        self,
        directory: Path,
        incarnation: str,
        *,
        sync: Literal["group", "strict"] = "group",
        segment_bytes: int = 64 * 1024 * 1024,
        reserve_bytes: int = 8 * 1024 * 1024,
        os_layer: OsLayer | None = None,
    ) -> None:
        self.directory = directory
        self.incarnation = incarnation
        self.sync = sync
        self.position = 0
        """Count of records written so far, which is the number of the last one."""
        self.synced_position = 0
        self.accepting = False
        """False: new requests must be refused; ``degraded`` says why."""
        self._os = os_layer or OsLayer()
        self._segment_bytes = segment_bytes
        self._reserve_bytes = reserve_bytes
        self._lock_fd = -1
        self._lock = threading.Lock()
        self._segment: SegmentFile
        self._reserve: SegmentFile | None = None
        self._retired: list[SegmentFile] = []
        self._unsynced: list[tuple[int, bytes]] = []
        self._syncing: list[tuple[int, bytes]] = []
        """Those of the unsynced, the oldest, that the commit under way or the last failed one is about."""
        self._syncing_bytes = 0
        self._unsynced_bytes = 0
        """Of both."""
        self._dirty = False
        self._full = False
        self._failures = 0
        self._suspect = False
        """The current segment failed to sync and could not be replaced yet."""
        self._closing = False
        self._wake = threading.Event()
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    # --- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Create the directory, take its lock, begin segment 1.

        Raises JournalInUseError, StorageFullError (nothing at all can be written; it may be tried again) or OSError
        (permissions, paths).
        """
        self._full = False
        try:
            self._take_directory()
            self._segment = SegmentFile(self._os, self.directory / segment_name(1), 1)
        except OSError as error:
            self._release_directory()
            if error.errno in _FULL:
                self._full = True
                raise StorageFullError(str(error)) from error
            raise
        try:
            self._reserve = self._make_reserve()
        except OSError:
            self._full = True
            self._wake.set()
        self._refresh()
        self._thread = threading.Thread(target=self._help, name="journal-sync", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Bring everything to the disk as far as it lets us, then give up the lock. Segments stay for control."""
        if self._thread is None:
            return
        self._closing = True
        self.accepting = False
        self._pause.set()
        self._wake.set()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._thread = None
        with self._lock:
            self._segment.finish()
            if self._reserve is not None:
                self._os.close(self._reserve.fd)
                self._reserve.path.unlink(missing_ok=True)
                self._reserve = None
        self._release_directory()
        self._fail_waiters(SyncFailedError("the journal was closed before the record was on the disk"))

    # --- writing ------------------------------------------------------------------------------------------------------

    @property
    def degraded(self) -> str:
        """Empty, or ``storage_full``, ``fsync_failed``, ``sync_stalled``."""
        if self._full:
            return "storage_full"
        if self._failures:
            return "fsync_failed"
        return "sync_stalled" if self._unsynced_bytes > MAX_UNSYNCED else ""

    def append(self, record: Record) -> int:
        """Write ``record`` and return its number; it then survives this process.

        Sets ``record.n``. Raises StorageFullError, in which case nothing was written: for an ``Opened`` whenever the
        journal is not accepting, for a ``Closed`` only when even the reserve is used up (its ``Opened`` is then billed with
        the estimate by recovery).
        """
        opened = type(record) is Opened
        if opened and not self.accepting:
            raise StorageFullError(self.degraded or "the journal is closed")
        with self._lock:
            number = record.n = self.position + 1
            try:
                payload = encoder.encode(record)
                if len(payload) > MAX_PAYLOAD:
                    payload = encoder.encode(clipped(record))
            except (UnicodeEncodeError, OverflowError):
                payload = encoder.encode(clipped(record))
            segment = self._segment
            try:
                if segment.offset >= self._segment_bytes:
                    segment = self._begin_segment()
                segment.append(payload, number)
            except OSError as error:
                self._write_elsewhere(error, payload, number, opened=opened)
            self.position = number
            self._unsynced.append((number, payload))
            self._unsynced_bytes += len(payload)
            if not self._dirty:
                self._dirty = True
                self._wake.set()
        if self._unsynced_bytes > MAX_UNSYNCED:
            self.accepting = False
        return number

    async def synced(self, number: int) -> None:
        """Return once record ``number`` is on the disk. Raises SyncFailedError when it could not be brought there."""
        if number <= self.synced_position:
            return
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if number <= self.synced_position:
                return
            self._waiters.append((number, future))
        await future

    # --- with the lock held ---------------------------------------------------------------------------------------------

    def _begin_segment(self) -> SegmentFile:
        number = self._segment.number + 1
        segment = SegmentFile(self._os, self.directory / segment_name(number), number)
        self._retired.append(self._segment)
        self._segment = segment
        return segment

    def _write_elsewhere(self, error: OSError, payload: bytes, number: int, *, opened: bool) -> None:
        """The current segment refused: try a new one if the disk is not full, else the reserve. Raises StorageFullError."""
        if error.errno not in _FULL:
            try:
                self._begin_segment().append(payload, number)
            except OSError as again:
                error = again
            else:
                self._failures = max(self._failures, 1)
                return
        self._full = True
        self._refresh()
        self._wake.set()
        if opened:
            raise StorageFullError(str(error)) from error
        try:
            self._use_reserve().append(payload, number)
        except OSError as last:
            raise StorageFullError(str(last)) from last

    def _use_reserve(self) -> SegmentFile:
        reserve = self._reserve
        if reserve is None:
            raise OSError(errno.ENOSPC, "the reserve is used up")
        reserve.adopt(self.directory, self._segment.number + 1)
        self._reserve = None
        self._retired.append(self._segment)
        self._segment = reserve
        return reserve

    def _refresh(self) -> None:
        self.accepting = not (
            self._full
            or self._closing
            or self._failures > 1
            or self._unsynced_bytes > MAX_UNSYNCED
            or self._lock_fd < 0
        )

    # --- the helper thread ----------------------------------------------------------------------------------------------

    def _help(self) -> None:
        next_probe = 0.0
        while True:
            self._wake.wait(PROBE_SECONDS if self._full or self._suspect or self._failures else None)
            self._wake.clear()
            if self._full and not self._closing and time.monotonic() >= next_probe:
                next_probe = time.monotonic() + PROBE_SECONDS
                self._probe()
            clean = self._commit()
            if self._closing and (clean or self._failures > 1):
                return
            if not clean:
                self._wake.set()
            if self._failures > 1:
                self._pause.wait(PROBE_SECONDS)
            elif self.sync == "group":
                self._pause.wait(SYNC_SECONDS)
            if not self._closing:
                self._pause.clear()

    def _commit(self) -> bool:
        """Sync what is written. False when the disk refused and the records now wait in a new segment."""
        with self._lock:
            self._dirty = False
            target = self.position
            self._syncing += self._unsynced
            self._unsynced = []
            self._syncing_bytes = self._unsynced_bytes
            files = [*self._retired, self._segment]
            suspect = self._suspect
        try:
            if not suspect and (target > self.synced_position or len(files) > 1):
                self._sync_files(files)
        except OSError:
            suspect = True
        if suspect:
            self._start_over()
            return False
        with self._lock:
            for file in files[:-1]:
                file.finish()
            del self._retired[: len(files) - 1]
            self._failures = 0
            self._forget(target)
            self._refresh()
        self._wake_waiters()
        return True

    def _sync_files(self, files: list[SegmentFile]) -> None:
        for file in files:
            self._os.fdatasync(file.fd)
        if not all(file.named for file in files):
            self._os.fsync_directory(self.directory)
            for file in files:
                file.named = True

    def _forget(self, target: int) -> None:
        self._unsynced_bytes -= self._syncing_bytes
        self._syncing_bytes = 0
        self._syncing = []
        self.synced_position = max(self.synced_position, target)

    def _start_over(self) -> None:
        """After a failed sync: everything not known to be on the disk goes to a new segment, the old ones are given up."""
        with self._lock:
            self._failures += 1
            self._suspect = True
            given_up = [*self._retired, self._segment]
            unsynced = [*self._syncing, *self._unsynced]
            payloads = [payload for _, payload in unsynced]
            first = unsynced[0][0] if unsynced else 0
            try:
                fresh = self._fresh_segment(payloads, first)
            except OSError as error:
                self._full = self._full or error.errno in _FULL
            else:
                self._segment = fresh
                self._retired = []
                self._suspect = False
                for file in given_up:
                    self._os.close(file.fd)
                    if not file.first or file.first > self.synced_position:
                        file.path.unlink(missing_ok=True)
            failed = self._failures > 1
            self._refresh()
        if failed:
            self._fail_waiters(SyncFailedError("the disk refuses to sync"))

    def _fresh_segment(self, payloads: list[bytes], first: int) -> SegmentFile:
        number = self._segment.number + 1
        fresh = SegmentFile(self._os, self.directory / segment_name(number), number)
        try:
            fresh.append_many(payloads, first)
        except OSError:
            self._os.close(fresh.fd)
            fresh.path.unlink(missing_ok=True)
            raise
        return fresh

    def _probe(self) -> None:
        """Is there room again? A new reserve and some megabyte beyond it, then a new segment."""
        fresh: SegmentFile | None = None
        try:
            if self._reserve is None:
                fresh = self._make_reserve()
            room = min(PROBE_BYTES, self._reserve_bytes)
            probe = SegmentFile(self._os, self.directory / PROBE_NAME, 0, room)
            self._os.close(probe.fd)
            probe.path.unlink(missing_ok=True)
            with self._lock:
                self._reserve = self._reserve or fresh
                fresh = None
                if self._segment.preallocated:
                    self._begin_segment()
                self._full = False
                self._refresh()
        except OSError:
            if fresh is not None:
                self._os.close(fresh.fd)
                fresh.path.unlink(missing_ok=True)

    # --- small things ---------------------------------------------------------------------------------------------------

    def _make_reserve(self) -> SegmentFile:
        path = self.directory / RESERVE_NAME
        path.unlink(missing_ok=True)
        return SegmentFile(self._os, path, 0, self._reserve_bytes)

    def _take_directory(self) -> None:
        """A new directory appears under its name only when its lock is held, so that control never takes it for dead."""
        final = self.directory
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if final.exists():
            final.chmod(0o700)
            self._take_lock(final)
            if segment_numbers(final):
                raise JournalInUseError(f"{final} holds a journal already")
            return
        building = final.with_name(f".{final.name}")
        building.mkdir(mode=0o700, exist_ok=True)
        self._take_lock(building)
        building.rename(final)
        self._os.fsync_directory(final.parent)

    def _take_lock(self, directory: Path) -> None:
        self._lock_fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalInUseError(f"{directory} belongs to a living journal") from None

    def _release_directory(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _wake_waiters(self) -> None:
        with self._lock:
            ready = [future for number, future in self._waiters if number <= self.synced_position]
            self._waiters = [entry for entry in self._waiters if entry[0] > self.synced_position]
        for future in ready:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
                future.get_loop().call_soon_threadsafe(_resolve, future, None)

    def _fail_waiters(self, error: SyncFailedError) -> None:
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for _, future in waiters:
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_resolve, future, error)


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


def _resolve(future: asyncio.Future[None], error: SyncFailedError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
