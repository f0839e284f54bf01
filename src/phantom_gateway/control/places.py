"""The data directory of an installation: what lies where, who may hold it, and its sockets."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

BACKLOG = 512
_MAX_SOCKET_PATH = 100


class DataDirectoryError(Exception):
    """The data directory cannot be used; the message says why."""


class DataDirectory:
    """Paths of ``DATA``; everything in it belongs to one user alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run"
        self.journal = root / "journal"
        self.database = root / "phantom.db"
        self.control_socket = self.run / "control.sock"
        self.spine_socket = self.run / "spine.sock"
        self.demo_socket = self.run / "demo.sock"
        self.spine_listener: socket.socket
        self.control_listener: socket.socket
        self._lock = -1

    def take(self) -> None:
        """Make the directories, hold them for the life of this process, and listen. Raises DataDirectoryError."""
        self._prepare()
        self._take_lock()
        self.spine_listener = listen(self.spine_socket)
        self.control_listener = listen(self.control_socket)

    def release(self) -> None:
        """Remove the sockets and let the directory go."""
        for path, listener in ((self.control_socket, self.control_listener), (self.spine_socket, self.spine_listener)):
            path.unlink(missing_ok=True)
            listener.close()
        os.close(self._lock)

    def _prepare(self) -> None:
        if len(os.fsencode(self.control_socket.absolute())) > _MAX_SOCKET_PATH:
            raise DataDirectoryError(f"{self.root}: the path is too long for the sockets in it; use a shorter one")
        try:
            for path in (self.root, self.run, self.journal):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.run.stat().st_mode & 0o077:
                self.run.chmod(0o700)
        except OSError as error:
            raise DataDirectoryError(f"{self.root}: {error.strerror}") from error

    def _take_lock(self) -> None:
        try:
            self._lock = os.open(self.run / "control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(f"{self.root}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryError(f"{self.root}: another instance is running in this data directory") from None


def listen(path: Path) -> socket.socket:
    """A listening unix socket only its owner may use; a stale one is replaced. Call it with the directory locked."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
