from __future__ import annotations

import asyncio
import threading

import pytest

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.sign_in.threads import MAX_WAITING, THREADS, PasswordThreads
from phantom_gateway.security.passwords import Passwords
from phantom_gateway.wire.tasks import TaskGroup

CHEAP = Passwords(memory_kib=64, passes=1, lanes=1)


class Stuck(Passwords):
    """Checks nothing until it is let go; counts how many try at once."""

    def __init__(self) -> None:
        super().__init__(memory_kib=64, passes=1, lanes=1)
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def verify(self, stored: str | None, password: str) -> bool:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(10)
        with self._lock:
            self.running -= 1
        return False


async def test_hash_verify_upgrade() -> None:
    threads = PasswordThreads(CHEAP)
    stored = await threads.hash("secret words")
    assert await threads.verify(stored, "secret words")
    assert not await threads.verify(stored, "other words")
    assert not await threads.verify(None, "secret words")
    assert await threads.upgraded(stored, "secret words") is None
    older = Passwords(memory_kib=128, passes=1, lanes=1).hash("secret words")
    assert await threads.upgraded(older, "secret words") is not None
    threads.close()


async def test_two_at_once_and_a_bounded_queue() -> None:
    stuck = Stuck()
    threads = PasswordThreads(stuck)
    group = TaskGroup()
    waiting = [group.spawn(threads.verify(None, "x"), "login") for _ in range(MAX_WAITING)]
    await asyncio.sleep(0.05)
    with pytest.raises(ApiError) as caught:
        await threads.verify(None, "x")
    assert caught.value.status == 503
    stuck.go.set()
    assert not any(await asyncio.gather(*waiting))
    assert stuck.most <= THREADS
    assert not await threads.verify(None, "x"), "there is room again"
    threads.close()
