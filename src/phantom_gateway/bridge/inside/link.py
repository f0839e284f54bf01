"""Messages between supervisor, keeper, zygote and children: one JSON object each, descriptors beside it.

A socket pair of whole packets (``SOCK_SEQPACKET``): a message comes as a whole or not at all, and the end of either side is seen.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import struct
from typing import Any, NamedTuple

MAX_MESSAGE = 64 * 1024
MAX_DESCRIPTORS = 4
_SPACE = socket.CMSG_SPACE(4 * MAX_DESCRIPTORS) + socket.CMSG_SPACE(12)
_UCRED = struct.Struct("iII")
_PASSCRED: int = getattr(socket, "SO_PASSCRED", 16)
_CREDENTIALS: int = getattr(socket, "SCM_CREDENTIALS", 2)


class Said(NamedTuple):
    """One message. ``pid`` is the sender's as the kernel knows it, where ``Link.identify`` was called before; else 0."""

    message: dict[str, Any]
    fds: list[int]
    pid: int = 0

    def close(self) -> None:
        """Close the descriptors that came with it and are not wanted."""
        for fd in self.fds:
            os.close(fd)


class LinkError(OSError):
    """The other side sent what is no message."""


class Link:
    """One end."""

    __slots__ = ("sock",)

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    @classmethod
    def pair(cls) -> tuple[Link, Link]:
        """Both ends; neither is inherited by what is executed."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    @classmethod
    def of(cls, fd: int) -> Link:
        """The end behind an inherited descriptor."""
        return cls(socket.socket(fileno=fd))

    def identify(self) -> None:
        """From now on the kernel says with each message who has sent it."""
        self.sock.setsockopt(socket.SOL_SOCKET, _PASSCRED, 1)

    def send(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Send one message. Raises OSError when the other side is gone or, of a socket that does not block, does not read."""
        data = json.dumps(message, separators=(",", ":")).encode()
        if len(data) > MAX_MESSAGE:
            raise ValueError("a message of the bridge is too large")
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([data], beside)

    def receive(self) -> Said | None:
        """The next message; None when the other side is gone. Raises LinkError, BlockingIOError, OSError."""
        data, beside, flags, _ = self.sock.recvmsg(MAX_MESSAGE, _SPACE, socket.MSG_CMSG_CLOEXEC)
        fds, pid = _read_beside(beside)
        if not data:
            _close(fds)
            return None
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            _close(fds)
            raise LinkError("no message of the bridge")
        return Said(message, fds, pid)

    def fileno(self) -> int:
        """For those who wait for messages."""
        return self.sock.fileno()

    def close(self) -> None:
        """Close this end."""
        self.sock.close()


def _read_beside(beside: list[tuple[int, int, bytes]]) -> tuple[list[int], int]:
    fds = array.array("i")
    pid = 0
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        elif level == socket.SOL_SOCKET and kind == _CREDENTIALS and len(data) >= _UCRED.size:
            pid = _UCRED.unpack(data[: _UCRED.size])[0]
    return fds.tolist(), pid


def _close(fds: list[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
