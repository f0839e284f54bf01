"""The system calls that nothing in the bridge may make, as a seccomp filter (classic BPF; seccomp(2), linux/filter.h).

What it keeps off: other processes (tracing, their memory, signals), other programs, sockets but TCP, memory and queues that
processes share by name, namespaces, mounts, and the parts of the kernel that have been the way out of sandboxes. Numbers of calls:
Linux 6.18, x86_64 and aarch64; other machines have no filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator

from phantom_gateway.bridge.inside.kernel import (
    CLONE_NEWNET,
    PR_SET_SECCOMP,
    SECCOMP_MODE_FILTER,
    Kernel,
    KernelRefuses,
)

_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_FROM, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24
_NAMESPACES = 0x7E020000
_INET, _INET6, _STREAM = 2, 10, 1

_X86, _ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)
_CALLS = """
ptrace 101 117|process_vm_readv 310 270|process_vm_writev 311 271|pidfd_open 434 434|pidfd_getfd 438 438|pidfd_send_signal 424 424
kcmp 312 272|bpf 321 280|perf_event_open 298 241|userfaultfd 323 282|io_uring_setup 425 425|io_uring_enter 426 426
io_uring_register 427 427|keyctl 250 219|add_key 248 217|request_key 249 218|mount 165 40|umount2 166 39|pivot_root 155 41
chroot 161 51|setns 308 268|open_tree 428 428|move_mount 429 429|fsopen 430 430|fsconfig 431 431|fsmount 432 432|fspick 433 433
mount_setattr 442 442|init_module 175 105|finit_module 313 273|delete_module 176 106|kexec_load 246 104|kexec_file_load 320 294
open_by_handle_at 304 265|name_to_handle_at 303 264|execve 59 221|execveat 322 281|kill 62 129|tkill 200 130
rt_sigqueueinfo 129 138|rt_tgsigqueueinfo 297 240|shmget 29 194|msgget 68 186|semget 64 190|mq_open 240 180|memfd_create 319 279
personality 135 92|acct 163 89|quotactl 179 60
"""
_OTHERS = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "clone": (56, 220),
    "clone3": (435, 435),
    "tgkill": (234, 131),
    "unshare": (272, 97),
}


def _refused(column: int) -> list[int]:
    words = [entry.split() for line in _CALLS.strip().splitlines() for entry in line.split("|")]
    return [int(entry[1 + column]) for entry in words]


def program(machine: str, *, last: bool, pid: int) -> bytes:
    """The filter for a machine. ``last``: of a child, which makes no namespaces any more and may signal its own threads alone.

    Raises KernelRefuses for a machine whose numbers are not known.
    """
    names = [name for name, _ in (_X86, _ARM)]
    if machine not in names:
        raise KernelRefuses(errno.ENOSYS, f"no filter for {machine}")
    column = names.index(machine)
    lines = [*_of_machine((_X86, _ARM)[column][1], x86=column == 0)]
    for number in _refused(column):
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    for name, block in _special(last=last, pid=pid):
        lines += [(_JUMP_EQUAL, 0, len(block), _OTHERS[name][column]), *block]
    return b"".join(struct.pack("HBBI", *line) for line in (*lines, (_RETURN, 0, 0, _ALLOW)))


_Line = tuple[int, int, int, int]


def _of_machine(arch: int, *, x86: bool) -> Iterator[_Line]:
    refuse = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    yield from ((_LOAD, 0, 0, _MACHINE), (_JUMP_EQUAL, 1, 0, arch), refuse, (_LOAD, 0, 0, _NUMBER))
    if x86:
        yield from ((_JUMP_FROM, 0, 1, 0x40000000), refuse)


def _special(*, last: bool, pid: int) -> Iterator[tuple[str, list[_Line]]]:
    """Calls that are judged by their arguments; each block ends in a verdict."""
    allow, refuse = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE | errno.EACCES)
    stream: list[_Line] = [(_LOAD, 0, 0, _SECOND), (_AND, 0, 0, 0xF), (_JUMP_EQUAL, 0, 1, _STREAM), allow, refuse]
    yield "socket", [(_LOAD, 0, 0, _FIRST), (_JUMP_EQUAL, 2, 0, _INET), (_JUMP_EQUAL, 1, 0, _INET6), refuse, *stream]
    yield "socketpair", stream
    yield "clone", [(_LOAD, 0, 0, _FIRST), (_JUMP_SET, 0, 1, _NAMESPACES), refuse, allow]
    yield "clone3", [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]  # its flags cannot be read; the C library then uses clone
    if not last:
        network: list[_Line] = [(_LOAD, 0, 0, _FIRST), (_JUMP_EQUAL, 0, 1, CLONE_NEWNET), allow, refuse]
        yield "unshare", network
    else:
        yield "unshare", [refuse]
        yield "tgkill", [(_LOAD, 0, 0, _FIRST), (_JUMP_EQUAL, 0, 1, pid), allow, refuse]


def install(kernel: Kernel, *, last: bool) -> None:
    """Put the filter over this thread and all that it starts. ``no_new_privs`` must be set. Raises KernelRefuses."""
    code = program(platform.machine(), last=last, pid=os.getpid())
    lines = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(lines))
    buffer = ctypes.create_string_buffer(head, len(head))
    kernel.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.cast(buffer, ctypes.c_void_p))
