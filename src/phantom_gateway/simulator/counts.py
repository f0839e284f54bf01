"""The simulator's own books: what it received, wrote and would have billed. Tests hold the gateway's ledger against them."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from typing import Any

MAX_TALLIES = 10_000
MAX_BODY = 64 * 1024
SECRET_HEADERS = frozenset(
    {b"authorization", b"proxy-authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie"}
)
Header = tuple[bytes, bytes]


class Tally:
    """Counters of one (model, user). ``cut`` are answers the simulator itself broke off because the mode says so.

    requests = completed + aborted + cut + still running.
    """

    __slots__ = ("aborted", "cached", "completed", "completion_tokens", "cut", "prompt_tokens", "reasoning", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.completed = 0
        self.aborted = 0
        self.cut = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.cached = 0
        self.reasoning = 0

    def as_dict(self) -> dict[str, int]:
        """The counters by name."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}

    def add(self, other: Tally) -> None:
        """Add the counters of ``other`` to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Books:
    """Counters per model and user, and a ring of the last ``keep`` requests as they arrived."""

    def __init__(self, keep: int, tallies: int = MAX_TALLIES) -> None:
        self._most = tallies
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._ring: deque[tuple[float, bytes, bytes, list[Header], bytes]] = deque(maxlen=keep)

    def tally(self, model: str, user: str) -> Tally:
        """The counters of ``model`` and ``user``; beyond the bound (10,000 pairs) everything new shares one."""
        found = self._tallies.get((model, user))
        if found is None:
            if len(self._tallies) >= self._most:
                model, user = "(more)", ""
            found = self._tallies.setdefault((model, user), Tally())
        return found

    def tallies(self) -> list[tuple[str, str, dict[str, int]]]:
        """(model, user, counters) of each pair."""
        return [(model, user, tally.as_dict()) for (model, user), tally in self._tallies.items()]

    def record(self, method: bytes, target: bytes, headers: list[Header], body: bytes) -> None:
        """Keep one request; its body up to 64 KiB."""
        kept = body if len(body) <= MAX_BODY else body[:MAX_BODY]
        self._ring.append((time.time(), method, target, headers, kept))

    def counts(self) -> dict[str, Any]:
        """``{"total": {...}, "models": {model: {...}}, "users": {user: {...}}}``."""
        total, models, users = Tally(), dict[str, Tally](), dict[str, Tally]()
        for (model, user), tally in self._tallies.items():
            total.add(tally)
            models.setdefault(model, Tally()).add(tally)
            if user:
                users.setdefault(user, Tally()).add(tally)
        return {
            "total": total.as_dict(),
            "models": {name: tally.as_dict() for name, tally in models.items()},
            "users": {name: tally.as_dict() for name, tally in users.items()},
        }

    def requests(self, limit: int) -> list[dict[str, Any]]:
        """The last ``limit`` requests, oldest first; secret headers only as ``sha256:`` and 12 hex digits."""
        return [_shown(*entry) for entry in list(self._ring)[-limit:]] if limit > 0 else []

    def reset(self) -> None:
        """Forget everything."""
        self._tallies.clear()
        self._ring.clear()


def _shown(at: float, method: bytes, target: bytes, headers: list[Header], body: bytes) -> dict[str, Any]:
    return {
        "at": at,
        "method": method.decode("latin-1"),
        "target": target.decode("latin-1"),
        "headers": [[name.decode("latin-1").lower(), _value(name, value)] for name, value in headers],
        "body": body.decode("utf-8", "backslashreplace"),
    }


def _value(name: bytes, value: bytes) -> str:
    if name.lower() in SECRET_HEADERS:
        return "sha256:" + hashlib.sha256(value).hexdigest()[:12]
    return value.decode("latin-1")
