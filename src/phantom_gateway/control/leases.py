"""Leases over the spine: the authority decides, this module carries questions, recalls and answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from phantom_gateway.control.spine_connection import SpineConnection
from phantom_gateway.limits.authority import Authority, NeedRecall
from phantom_gateway.limits.windows import WindowSyntaxError
from phantom_gateway.spine.codec import SpineProtocolError
from phantom_gateway.spine.messages import HeldLease, LeaseAsk, LeaseGrant, LeaseReturn, Recall
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

RECALL_SECONDS = 0.25
"""How long a worker that asks may wait for what others hold."""


class _Round:
    """One recall: which workers still owe an answer."""

    def __init__(self, waiting: set[str], done: asyncio.Future[None]) -> None:
        self.waiting = waiting
        self.done = done

    def answered(self, worker: str) -> None:
        self.waiting.discard(worker)
        if not self.waiting and not self.done.done():
            self.done.set_result(None)


class Leases:
    """Lives on the event loop."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._tasks = TaskGroup()
        self._workers: dict[str, SpineConnection] = {}
        self._rounds: dict[int, _Round] = {}
        self._recalling: dict[str, _Round] = {}
        self._seq = 0

    async def stop(self) -> None:
        """End what is under way."""
        await self._tasks.cancel()

    def connected(self, worker: str, connection: SpineConnection) -> None:
        """Recalls reach ``worker`` here from now on."""
        self._workers[worker] = connection

    def disconnected(self, worker: str) -> None:
        """Recalls do not wait for ``worker`` any longer."""
        self._workers.pop(worker, None)
        for round_ in self._rounds.values():
            round_.answered(worker)

    def hello(self, worker: str, held: Sequence[HeldLease], now: float) -> None:
        """Take over what ``worker`` declares to hold. Raises SpineProtocolError for a limit that is none."""
        try:
            self.authority.hello(worker, held, now)
        except WindowSyntaxError as error:
            raise SpineProtocolError(str(error)) from error

    def ask(self, connection: SpineConnection, message: LeaseAsk, now: float) -> None:
        """Answer now, or after a recall."""
        if message.need < 0 or message.want < 0:
            raise SpineProtocolError("a negative lease")
        answer = self._decide(connection.worker, message, now, recalled=False)
        if isinstance(answer, LeaseGrant):
            connection.send(answer)
        else:
            self._tasks.spawn(
                self._recall_and_decide(connection, message, answer, now), f"recall {message.limit.scope}"
            )

    def returned(self, worker: str, message: LeaseReturn, now: float) -> None:
        """Take back what a worker does not need; also the answer to a recall."""
        self.authority.give_back(worker, message.scope, message.window_start, message.amount, now)
        if message.seq and (round_ := self._rounds.get(message.seq)) is not None:
            round_.answered(worker)

    def expire(self, now: float) -> None:
        """Forget counters nobody needs."""
        self.authority.expire(now)

    def _decide(self, worker: str, message: LeaseAsk, now: float, *, recalled: bool) -> LeaseGrant | tuple[str, ...]:
        try:
            answer = self.authority.ask(worker, message.limit, message.need, message.want, now, recalled=recalled)
        except WindowSyntaxError as error:
            raise SpineProtocolError(str(error)) from error
        except DatabaseError as error:
            log.warning("no lease of %s: the database does not answer (%s)", message.limit.scope, type(error).__name__)
            return LeaseGrant(seq=message.seq, granted=0, reason="recovering")
        return answer.workers if isinstance(answer, NeedRecall) else answer.message(message.seq)

    async def _recall_and_decide(
        self, connection: SpineConnection, message: LeaseAsk, holders: tuple[str, ...], now: float
    ) -> None:
        started = asyncio.get_running_loop().time()
        await self._recall(message.limit.scope, holders)
        later = now + asyncio.get_running_loop().time() - started
        answer = self._decide(connection.worker, message, later, recalled=True)
        if isinstance(answer, LeaseGrant):  # with recalled=True it always is
            connection.send(answer)

    async def _recall(self, scope: str, holders: tuple[str, ...]) -> None:
        """Ask ``holders`` for what they do not use of ``scope``; several who ask at once share one recall."""
        running = self._recalling.get(scope)
        if running is not None:
            await asyncio.wait((running.done,), timeout=RECALL_SECONDS)
            return
        reachable = {worker: self._workers[worker] for worker in holders if worker in self._workers}
        if not reachable:
            return
        self._seq += 1
        seq = self._seq
        round_ = _Round(set(reachable), asyncio.get_running_loop().create_future())
        self._rounds[seq] = self._recalling[scope] = round_
        try:
            for holder in reachable.values():
                holder.send(Recall(seq=seq, scope=scope))
            await asyncio.wait((round_.done,), timeout=RECALL_SECONDS)
        finally:
            del self._rounds[seq], self._recalling[scope]
            round_.done.cancel()
