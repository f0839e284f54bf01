"""Retries a worker may make: a share of its requests, so that a failing upstream is not asked ever more often.

Beside that share there is a small reserve, which fills up by itself, so that a gateway with few requests retries, too. Over any
time, retries never exceed ``RESERVE`` + ``PER_S`` for each second + the share of the requests + what was saved up (``SAVED``).
"""

from __future__ import annotations

RESERVE = 10
"""Retries that are possible at once without any traffic."""
PER_S = 1
SAVED = 100
"""Retries that traffic may save up at most."""
RETRY = 1_000_000
"""What a retry costs, so that shares are integers."""


class RetryBudget:
    """Of one worker. ``balance`` is public: each request adds ``share`` of its table to it, without a call."""

    __slots__ = ("_filled_at", "_reserve", "balance")

    def __init__(self) -> None:
        self.balance = 0
        """Saved up by traffic; beyond ``SAVED`` it is cut when it is used."""
        self._reserve = RESERVE * RETRY
        self._filled_at = 0.0

    def take(self, now: float) -> bool:
        """Whether there may be one more retry; ``now`` in monotonic seconds."""
        self._fill(now)
        self.balance = min(self.balance, SAVED * RETRY)
        if self.balance >= RETRY:
            self.balance -= RETRY
        elif self._reserve >= RETRY:
            self._reserve -= RETRY
        else:
            return False
        return True

    def may(self, now: float) -> bool:
        """Whether ``take`` would say yes."""
        self._fill(now)
        return self.balance >= RETRY or self._reserve >= RETRY

    def _fill(self, now: float) -> None:
        seconds = max(now - self._filled_at, 0.0)
        self._reserve = min(self._reserve + int(seconds * PER_S * RETRY), RESERVE * RETRY)
        self._filled_at = now


def share_of(share: float) -> int:
    """What one request adds to the balance."""
    return round(share * RETRY)
