"""Records and a failing disk for the tests of the ledger."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from phantom_gateway.ledger.files import OsLayer
from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.ledger.usage import Usage

SCOPE = "budget:key:k1:30d"


def opened(name: str = "r1", amount: int = 500) -> Opened:
    """A request about to be sent."""
    return Opened(
        id=name,
        at_ns=1_700_000_000_000_000_000,
        key_id="k1",
        group="gpt-4o",
        model="gpt-4o",
        reserved=(Spend(SCOPE, 0.0, amount),),
        estimate=amount,
        input_tokens=12,
    )


def closed(name: str = "r1", number: int = 0, amount: int = 100) -> Closed:
    """A request that is over."""
    return Closed(
        opened=number,
        id=name,
        at_ns=1_700_000_000_000_000_000,
        key_id="k1",
        model="gpt-4o",
        usage=Usage(input=3, output=0, source="provider"),
        cost=Cost(total=amount, input=amount),
        spends=(Spend(SCOPE, 0.0, amount),),
    )


class FaultyDisk(OsLayer):
    """A disk that fails when told. ``sync_fails(n)`` decides for the n-th fdatasync, counted from 1."""

    def __init__(self) -> None:
        self.syncs = 0
        self.synced_bytes = 0
        self.sync_fails: Callable[[int], bool] = lambda _: False
        self.capacity: int | None = None
        """Bytes that may still be written or allocated; ``None`` = endless."""
        self.write_error = errno.ENOSPC
        self.short = False
        """Write what still fits instead of nothing."""
        self._allocated: dict[int, int] = {}
        self._written: dict[int, int] = {}

    def open(self, path: Path, flags: int) -> int:
        fd = super().open(path, flags)
        self._allocated[fd] = self._written[fd] = 0
        return fd

    def write(self, fd: int, data: bytes) -> int:
        beyond = self._written[fd] + len(data) - max(self._allocated[fd], self._written[fd])
        if self.capacity is not None and beyond > self.capacity:
            if not self.short or self.capacity <= 0:
                raise OSError(self.write_error, "injected")
            data = data[: self.capacity + max(self._allocated[fd] - self._written[fd], 0)]
            beyond = self.capacity
        written = super().write(fd, data)
        if self.capacity is not None:
            self.capacity -= max(beyond, 0)
        self._written[fd] += written
        return written

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        if self.capacity is not None:
            self.capacity += max(self._written[fd] - size, 0)
        self._written[fd] = size

    def allocate(self, fd: int, size: int) -> None:
        if self.capacity is not None:
            if size > self.capacity:
                raise OSError(errno.ENOSPC, "injected")
            self.capacity -= size
        super().allocate(fd, size)
        self._allocated[fd] = size

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        if self.sync_fails(self.syncs):
            raise OSError(errno.EIO, "injected")
        super().fdatasync(fd)
