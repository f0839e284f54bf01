"""The file operations of the journal, behind one object so that tests can make the disk fail."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from phantom_gateway.ledger.frames import frame, header, segment_name

_ZEROS = bytes(64 * 1024)


class OsLayer:
    """System calls as they are. A subclass may raise OSError or write short."""

    def open(self, path: Path, flags: int) -> int:
        """A file descriptor; new files are for the owner only."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        """May write less than asked."""
        return os.write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        """Cut to ``size``."""
        os.ftruncate(fd, size)

    def allocate(self, fd: int, size: int) -> None:
        """Give the file ``size`` bytes of real blocks."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
            return
        for start in range(0, size, len(_ZEROS)):  # macOS
            os.pwrite(fd, _ZEROS[: size - start], start)

    def fdatasync(self, fd: int) -> None:
        """Bring the file's data to the disk."""
        getattr(os, "fdatasync", os.fsync)(fd)

    def fsync_directory(self, directory: Path) -> None:
        """Bring the directory's names to the disk."""
        fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Within one directory."""
        old.rename(new)

    def close(self, fd: int) -> None:
        """Close; never raises for a file that is written already."""
        with contextlib.suppress(OSError):
            os.close(fd)


class SegmentFile:
    """One segment being written. ``offset`` is always the end of the last whole frame."""

    __slots__ = ("_os", "_write", "fd", "first", "named", "number", "offset", "path", "preallocated", "seed")

    def __init__(self, layer: OsLayer, path: Path, number: int, allocate: int = 0) -> None:
        """Create the file with its header, and ``allocate`` bytes ahead. Raises OSError and leaves nothing behind then."""
        self._os = layer
        # a call less per record where nobody stands in between
        self._write = os.write if type(layer) is OsLayer else layer.write
        self.path = path
        self.number = number
        self.seed = secrets.randbits(32)
        self.offset = 0
        self.first = 0
        """Number of the first record in it, 0 while empty."""
        self.named = False
        """Whether its name in the directory is known to be on the disk."""
        self.preallocated = allocate
        self.fd = layer.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            if allocate:
                layer.allocate(self.fd, allocate)
            self._put(header(self.seed))
        except OSError:
            layer.close(self.fd)
            path.unlink(missing_ok=True)
            raise

    def append(self, payload: bytes, number: int) -> None:
        """Write one frame, whole or not at all.

        Raises OSError when the disk refuses; the next frame then goes where this one would have gone.
        """
        data = frame(payload, self.seed)
        size = len(data)
        try:
            whole = self._write(self.fd, data) == size
        except OSError:
            self._rewind()
            raise
        if whole:
            self.offset += size
        else:
            self._rewind()
            self._put(data)
        if not self.first:
            self.first = number

    def append_many(self, payloads: list[bytes], number: int) -> None:
        """Write several frames with one call, all or none."""
        if payloads:
            self._put(b"".join([frame(payload, self.seed) for payload in payloads]))
            self.first = self.first or number

    def adopt(self, directory: Path, number: int) -> None:
        """Turn the reserve file into segment ``number``. Raises OSError."""
        target = directory / segment_name(number)
        self._os.rename(self.path, target)
        self.path = target
        self.number = number

    def finish(self) -> None:
        """Cut off what was allocated ahead, if possible, and close."""
        if self.preallocated:
            with contextlib.suppress(OSError):
                self._os.truncate(self.fd, self.offset)
        self._os.close(self.fd)

    def _put(self, data: bytes) -> None:
        try:
            written = self._os.write(self.fd, data)
            while written < len(data):
                written += self._os.write(self.fd, data[written:])
        except OSError:
            self._rewind()
            raise
        self.offset += len(data)

    def _rewind(self) -> None:
        """Back to the end of the last whole frame; what cannot be cut off is overwritten by the next one."""
        os.lseek(self.fd, self.offset, os.SEEK_SET)
        if not self.preallocated:
            with contextlib.suppress(OSError):
                self._os.truncate(self.fd, self.offset)
