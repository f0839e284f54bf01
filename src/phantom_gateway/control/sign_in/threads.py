"""Password hashing beside the event loop: two at once, a short queue, then a refusal, so that logins cannot starve control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from phantom_gateway.control.errors import ApiError
from phantom_gateway.security.passwords import Passwords

T = TypeVar("T")
THREADS = 2
MAX_WAITING = 32


class PasswordThreads:
    """``security.passwords`` for code on the event loop."""

    def __init__(self, passwords: Passwords | None = None) -> None:
        self._passwords = passwords
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store. Raises ApiError 503 when too many are waiting."""
        return await self._run(lambda passwords: passwords.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; as slow without a stored hash. Raises ApiError 503."""
        return await self._run(lambda passwords: passwords.verify(stored, password))

    async def upgraded(self, stored: str, password: str) -> str | None:
        """A hash with today's parameters, if ``stored`` has others. Raises ApiError 503."""

        def upgrade(passwords: Passwords) -> str | None:
            return passwords.hash(password) if passwords.needs_upgrade(stored) else None

        return await self._run(upgrade)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown()

    async def _run(self, work: Callable[[Passwords], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise ApiError(503, "Too many people are signing in at this moment; try again.", kind="service_unavailable")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, work)
        finally:
            self._waiting -= 1

    def _call(self, work: Callable[[Passwords], T]) -> T:
        if self._passwords is None:
            self._passwords = Passwords()  # made on first use: a start must not wait for it
        return work(self._passwords)
