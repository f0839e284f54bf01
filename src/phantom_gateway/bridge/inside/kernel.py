"""What the sandbox asks of the kernel that Python has no function for (Linux, by ctypes).

Sources: prctl(2), unshare(2), capset(2), netdevice(7), landlock(7) and Documentation/userspace-api/landlock.rst (Linux 6.18).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 4, 38, 22
SECCOMP_MODE_FILTER = 2
CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWIPC = 0x40000000, 0x10000000, 0x08000000
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
_CAPABILITY_VERSION = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH, _RULE_PORT = 1, 2

READ = 1 << 2 | 1 << 3
"""Landlock's rights: files read, folders listed."""
WRITE = 1 << 1 | 0b11 << 4 | 0b11 << 7 | 0b111 << 12
"""Files and folders made, written, cut, moved and removed; no devices, no sockets."""
OF_FILES = 1 << 1 | 1 << 2 | 1 << 14
CONNECT = 1 << 1


class KernelRefuses(OSError):
    """The kernel does not have what was asked for, or forbids it here."""


class Kernel:
    """The calls. One per process: loading the C library is not free."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _call(self, name: str, *arguments: object) -> int:
        result: int = getattr(self._libc, name)(*arguments)
        if result < 0:
            number = ctypes.get_errno()
            raise KernelRefuses(number, f"{name}: {os.strerror(number)}")
        return result

    def prctl(self, option: int, value: int | ctypes.c_void_p = 0, more: ctypes.c_void_p | int = 0) -> None:
        """Raises KernelRefuses, as all of these."""
        self._call("prctl", option, _long(value), _long(more), _long(0), _long(0))

    def unshare(self, flags: int) -> None:
        """Leave namespaces."""
        self._call("unshare", flags)

    def own_user_namespace(self, further: int) -> None:
        """A user namespace of this process's own in which it stays who it is, and ``further`` ones."""
        uid, gid = os.getuid(), os.getgid()
        self.unshare(CLONE_NEWUSER | further)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - fewer imports before the sandbox stands
                file.write(text)

    def keep_capabilities(self, *kept: int) -> None:
        """Drop all but these, for good once ``no_new_privs`` is set."""
        bits = sum(1 << each for each in kept)
        header = struct.pack("II", _CAPABILITY_VERSION, 0)
        low, high = bits & 0xFFFFFFFF, bits >> 32
        self._call("capset", header, struct.pack("6I", low, low, 0, high, high, 0))

    def loopback_up(self) -> None:
        """Bring the loopback interface of this network namespace up."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            asked = struct.pack("16sH14x", b"lo", 0)
            flags = struct.unpack("16sH14x", fcntl.ioctl(sock, _SIOCGIFFLAGS, asked))[1]
            fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))

    # --- Landlock

    def landlock_abi(self) -> int:
        """The version of Landlock; 0 without."""
        version: int = self._libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
        return max(version, 0)

    def landlock(self, rights: dict[str, int], *, ports: tuple[int, ...] | None = None) -> int:
        """Confine this thread and its children to files by ``rights``, TCP connections to ``ports`` (``None``: anywhere),
        and signals and abstract sockets to themselves; the version that did it, which may know less than that.

        Paths that are not there are left out.
        """
        abi = self.landlock_abi()
        if not abi:
            raise KernelRefuses(38, "Landlock is not there")
        handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
        net = 3 if abi >= 4 and ports is not None else 0
        attributes = struct.pack("QQQ", handled, net, 3 if abi >= 6 else 0)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
        ruleset = self._call("syscall", _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
        try:
            for path, allowed in rights.items():
                self._allow(ruleset, path, allowed & handled)
            for port in ports or () if net else ():
                self._call("syscall", _ADD_RULE, ruleset, _RULE_PORT, struct.pack("QQ", CONNECT, port), 0)
            self._call("syscall", _RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
        return abi

    def _allow(self, ruleset: int, path: str, allowed: int) -> None:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if not os.path.isdir(path):  # noqa: PTH112 - see above
                allowed &= OF_FILES
            if allowed:
                self._call("syscall", _ADD_RULE, ruleset, _RULE_PATH, struct.pack("=Qi", allowed, place), 0)
        finally:
            os.close(place)


def _long(value: object) -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else value
