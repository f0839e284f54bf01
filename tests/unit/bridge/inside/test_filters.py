"""The filter as a program, run by hand; that the kernel takes it: test_keeper.py."""

from __future__ import annotations

import errno
import struct

import pytest

from phantom_gateway.bridge.inside import filters
from phantom_gateway.bridge.inside.kernel import KernelRefuses

X86, ARM = 0xC000003E, 0xC00000B7
ALLOWED = 0


def verdict(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the filter says of a call: 0, or the error."""
    data = struct.pack("IIQ6Q", number, arch, 0, *(arguments + (0,) * (6 - len(arguments))))
    lines = list(struct.iter_unpack("HBBI", program))
    place = register = 0
    while True:
        code, yes, no, value = lines[place]
        place += 1
        if code == 0x06:
            return 0 if value == 0x7FFF0000 else value & 0xFFFF
        if code == 0x20:
            (register,) = struct.unpack_from("I", data, value)
        elif code == 0x54:
            register &= value
        else:
            true = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[code]
            place += yes if true else no


@pytest.mark.parametrize(("machine", "arch", "column"), [("x86_64", X86, 0), ("aarch64", ARM, 1)])
@pytest.mark.parametrize("last", [False, True])
def test_verdicts(machine: str, arch: int, column: int, last: bool) -> None:
    program = filters.program(machine, last=last, pid=77)
    number = {
        "socket": (41, 198), "socketpair": (53, 199), "clone": (56, 220), "clone3": (435, 435), "unshare": (272, 97),
        "tgkill": (234, 131), "execve": (59, 221), "ptrace": (101, 117), "kill": (62, 129), "read": (0, 63), "io_uring": (425, 425),
        "mount": (165, 40),
    }  # fmt: skip

    def judge(name: str, *arguments: int) -> int:
        return verdict(program, arch, number[name][column], *arguments)

    assert judge("read") == ALLOWED
    for name in ("execve", "ptrace", "kill", "io_uring", "mount"):
        assert judge(name) == errno.EPERM, name
    assert judge("socket", 2, 1) == judge("socket", 10, 1 | 0o2000000) == ALLOWED
    assert (
        judge("socket", 1, 1)
        == judge("socket", 16, 3)
        == judge("socket", 2, 2)
        == judge("socket", 2, 3)
        == errno.EACCES
    )
    assert judge("socketpair", 1, 1) == ALLOWED
    assert judge("socketpair", 1, 2) == errno.EACCES
    assert judge("clone", 0x11) == ALLOWED
    assert judge("clone", 0x10000000) == errno.EACCES
    assert judge("clone3") == errno.ENOSYS
    assert judge("unshare", 0x40000000) == (errno.EACCES if last else ALLOWED)
    assert judge("unshare", 0x10000000) == errno.EACCES
    assert judge("tgkill", 77) == ALLOWED
    assert judge("tgkill", 78) == (errno.EACCES if last else ALLOWED)
    assert verdict(program, 0x40000003, 0) == errno.EPERM, "calls of another machine's numbers"
    if machine == "x86_64":
        assert verdict(program, arch, 0x40000000 + 41, 2, 1) == errno.EPERM


def test_an_unknown_machine_has_none() -> None:
    with pytest.raises(KernelRefuses):
        filters.program("riscv64", last=False, pid=1)
