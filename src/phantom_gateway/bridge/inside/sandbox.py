"""The sandbox, layer by layer; each stands by itself, and a kernel that lacks one is told on, not hidden.

==========  =============================================================================================================
layer       without it
==========  =============================================================================================================
network     (own network namespace) the only way out is the keeper's proxy; else Landlock (ABI 4) bounds TCP to its port
files       (Landlock) the SDK's own files, certificates, one temporary folder; else everything the gateway's user may read
calls       (seccomp) no other sockets, programs, processes' memory, signals, namespaces
==========  =============================================================================================================

Always: ``no_new_privs``, no core dumps, bounds on files and memory, no capabilities, an end when the parent ends.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from dataclasses import dataclass, field

from phantom_gateway.bridge.inside import filters
from phantom_gateway.bridge.inside.kernel import (
    CAP_NET_ADMIN,
    CAP_SYS_ADMIN,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    READ,
    WRITE,
    Kernel,
)

MAX_FILES = 4096
KNOWS_TCP = 4
"""The version of Landlock that can bound TCP to ports."""
MAX_PROCESSES = 512
MAX_FILE_SIZE = 1 << 28
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ssl", "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo", "/etc/localtime", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts", "/etc/os-release", "/dev/urandom", "/dev/random",
)  # fmt: skip


@dataclass(slots=True)
class Layers:
    """What stands, and why what does not."""

    network: bool = False
    ports: bool = False
    """Whether TCP is bound to ports where there is no namespace."""
    files: bool = False
    calls: bool = False
    missing: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """For people."""
        standing = {"network": self.network or self.ports, "files": self.files, "calls": self.calls}
        return [name for name, stands in standing.items() if stands]


def confine(kernel: Kernel, readable: list[str], temporary: str) -> Layers:
    """Confine this process before it loads anything of strangers. ``readable``: further paths; ``temporary``: written below."""
    layers = Layers()
    alone = ""
    try:
        kernel.own_user_namespace(CLONE_NEWNET | CLONE_NEWIPC)
        layers.network = True
    except OSError as error:
        alone = f"network: {error}"
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(PR_SET_DUMPABLE, 0)
    kernel.keep_capabilities(*((CAP_SYS_ADMIN, CAP_NET_ADMIN) if layers.network else ()))
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # not before: new credentials take it back
    _bound(layers)
    try:
        abi = kernel.landlock(_rights(readable) | {temporary: READ | WRITE})
        layers.files = True
        layers.ports = not layers.network and abi >= KNOWS_TCP
    except OSError as error:
        layers.missing.append(f"files: {error}")
    if not (layers.network or layers.ports):
        layers.missing.append(alone)
    try:
        filters.install(kernel, last=False)
        layers.calls = True
    except OSError as error:
        layers.missing.append(f"calls: {error}")
    return layers


def own_network(kernel: Kernel, layers: Layers) -> None:
    """A child's own network, in which there is nothing but its loopback. Raises KernelRefuses."""
    if layers.network:
        kernel.unshare(CLONE_NEWNET)
        kernel.loopback_up()


def confine_child(kernel: Kernel, layers: Layers, readable: list[str], temporary: str, port: int) -> None:
    """Confine a child further: its own folder, the one ``port``, no capability. Raises KernelRefuses."""
    kernel.keep_capabilities()
    kernel.prctl(PR_SET_DUMPABLE, 0)
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if layers.files:
        kernel.landlock(_rights(readable) | {temporary: READ | WRITE}, ports=(port,))
    if layers.calls:
        filters.install(kernel, last=True)


def bound_memory(most: int) -> None:
    """Refuse this process more than ``most`` bytes of data of its own; 0: the system's bound stays."""
    if most:
        _limit(resource.RLIMIT_DATA, most)


def _rights(readable: list[str]) -> dict[str, int]:
    rights = dict.fromkeys((*_SYSTEM, *readable), READ)
    return rights | {"/dev/null": READ | WRITE}


def _bound(layers: Layers) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_FILES)
    _limit(resource.RLIMIT_FSIZE, MAX_FILE_SIZE)
    if layers.network:  # elsewhere the processes of the user's whole account count
        _limit(resource.RLIMIT_NPROC, MAX_PROCESSES)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def python_paths(site: list[str]) -> list[str]:
    """What the interpreter itself reads: the standard library, and the bridge's packages."""
    standard = os.path.dirname(os.__file__)  # noqa: PTH120 - fewer imports before the sandbox stands
    return [standard, os.path.join(sys.base_prefix, "lib"), *site, os.path.dirname(__file__)]  # noqa: PTH118, PTH120
