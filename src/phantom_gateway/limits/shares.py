"""Even shares: what each worker may take of a rate while control is away, so that all of them together stay within the limit.

Every worker knows how many there are and which of them it is; the shares add up to the limit. A share is good only as long as
nobody has taken more than his own. While control is there, a worker may take all there is; before control lets one go beyond
its share, the others hear of it (``Recall.notice``), and do not use theirs in that window. Who has joined or seen others come
or go since a window began does not use his in that window either.

What was used of the window before counts with the part of it that the sliding window still covers, as it does at the
authority; where that is not known, all of the limit counts as used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from phantom_gateway.spine.messages import Limit

MAX_NOTICES = 50_000


def even_share(amount: int, parts: int, place: int) -> int:
    """The share of the one at ``place`` (from 0) of ``parts``; all shares together are ``amount``."""
    return amount // parts + (place < amount % parts)


class Place(NamedTuple):
    """Which of how many workers of which of how many nodes."""

    workers: int = 1
    worker: int = 0
    nodes: int = 1
    node: int = 0

    def share(self, amount: int) -> int:
        """Of a limit of ``amount``."""
        return even_share(even_share(amount, self.nodes, self.node), self.workers, self.worker)


class Used(NamedTuple):
    """What a worker has got of a limit in a window, and in the window before."""

    start: float
    end: float
    now: int
    before: int


class Shares:
    """The share of one worker."""

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or Place()
        self._since = 0.0
        """When this place was heard of first."""
        self._notices: dict[str, tuple[float, ...]] = {}
        """Scopes of which somebody has more than his share: starts of the last windows, the newest first."""

    def placed(self, place: Place, now: float) -> None:
        """Control says which place this worker has."""
        if place != self.place or not self._since:
            self.place, self._since = place, now

    def notice(self, scope: str, start: float) -> None:
        """Somebody takes more than his share of this window."""
        known = self._notices.pop(scope, ())
        if start not in known:
            known = (start, *known)[:2]
        self._notices[scope] = known
        if len(self._notices) > MAX_NOTICES:
            del self._notices[next(iter(self._notices))]

    def eased(self, scope: str) -> None:
        """Nobody has more than his share (any more)."""
        self._notices.pop(scope, None)

    def knows(self, limit: Limit, start: float) -> bool:
        """Whether this worker was there since the window that began at ``start`` did, and can say what was used of its share."""
        return limit.kind == "parallel" or start >= self._since

    def room(self, limit: Limit, used: Used, now: float) -> int:
        """What may still be taken of ``limit`` without control."""
        share = self.place.share(limit.amount)
        noticed = self._notices.get(limit.scope, ())
        if used.start in noticed:
            return 0
        if limit.kind == "parallel":
            return share - used.now
        if used.start < self._since:
            return 0
        if math.isinf(used.end):
            return share - used.now
        length = used.end - used.start
        before = used.start - length
        uncertain = before in noticed or before <= self._since
        covered = min(max((used.end - now) / length, 0.0), 1.0)
        return share - used.now - math.ceil((limit.amount if uncertain else used.before) * covered)
