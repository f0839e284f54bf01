"""Leases over the spine: the authority decides, this module carries questions, recalls and answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from phantom_gateway.control.spine_connection import SpineConnection
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.lending import LeaseAuthority, NeedRecall
from phantom_gateway.limits.windows import WindowSyntaxError
from phantom_gateway.spine.codec import SpineProtocolError
from phantom_gateway.spine.messages import HeldLease, LeaseAsk, LeaseAsks, LeaseGrant, LeaseGrants, LeaseReturn, Recall
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


class Courier(Protocol):
    """Carries recalls to other nodes."""

    async def recall(self, scope: str, nodes: tuple[str, ...]) -> None:
        """Ask ``nodes`` for what they do not use; returns when all have answered, or after a moment."""
        ...


class Leases:
    """Lives on the event loop."""

    def __init__(self, authority: LeaseAuthority) -> None:
        self.authority = authority
        self.courier: Courier | None = None
        """To other nodes."""
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
        """Answer, perhaps after a recall."""
        if message.need < 0 or message.want < 0:
            raise SpineProtocolError("a negative lease")
        self._tasks.spawn(self._answer(connection, message, now), f"lease {message.limit.scope}")

    def ask_many(self, connection: SpineConnection, message: LeaseAsks, now: float) -> None:
        """Answer all at once. What would have to be recalled is refused: whoever still needs it asks for it alone."""
        if any(each.need < 0 or each.want < 0 for each in message.asks):
            raise SpineProtocolError("a negative lease")
        self._tasks.spawn(self._answer_many(connection, message, now), "leases")

    def returned(self, worker: str, message: LeaseReturn, now: float) -> None:
        """Take back what a worker does not need; also the answer to a recall."""
        self.authority.give_back(worker, message.scope, message.window_start, message.amount, now)
        if message.seq and (round_ := self._rounds.get(message.seq)) is not None:
            round_.answered(worker)

    def expire(self, now: float) -> None:
        """Forget counters nobody needs."""
        self.authority.expire(now)

    async def recall_here(self, scope: str) -> None:
        """Another node wants what this node's workers do not use of ``scope``."""
        await self._recall(scope, tuple(self._workers), ())

    async def _answer(self, connection: SpineConnection, message: LeaseAsk, now: float) -> None:
        try:
            answer = await self._decide(connection.worker, message, now, recalled=False)
            started, recalled = asyncio.get_running_loop().time(), False
            while isinstance(answer, NeedRecall):
                if answer.notice is None:
                    recalled = True
                    scopes = (message.limit.scope, *answer.scopes)
                    await asyncio.gather(*[self._recall(scope, answer.workers, answer.nodes) for scope in scopes])
                else:
                    notice = Recall(seq=0, scope=message.limit.scope, notice=True, window_start=answer.notice)
                    await self._round(notice, answer.workers)
                    self.authority.told(message.limit.scope, answer.notice, answer.workers)
                if not connection.open:
                    return  # it says hello anew, and what would be granted here would never reach it
                later = now + asyncio.get_running_loop().time() - started
                answer = await self._decide(connection.worker, message, later, recalled=recalled)
        except WindowSyntaxError as error:
            log.warning("worker %s disconnected: %s", connection.worker, error)
            connection.close()
            return
        connection.send(answer)

    async def _answer_many(self, connection: SpineConnection, message: LeaseAsks, now: float) -> None:
        worker, asks = connection.worker, message.asks
        try:
            self.authority.prepare([each.limit for each in asks], now)
            deciding = [self._decide(worker, each, now, recalled=False) for each in asks]
            if self.authority.versioned:  # each is a way to another server
                answers = await asyncio.gather(*deciding)
            else:
                answers = [await each for each in deciding]
        except WindowSyntaxError as error:
            log.warning("worker %s disconnected: %s", worker, error)
            connection.close()
            return
        except DatabaseError as error:
            log.warning("no leases: the database does not answer (%s)", type(error).__name__)
            answers = [LeaseGrant(seq=0, granted=0, reason="recovering") for _ in asks]
        grants = [
            each if isinstance(each, LeaseGrant) else LeaseGrant(seq=0, granted=0, reason="recall") for each in answers
        ]
        connection.send(LeaseGrants(seq=message.seq, grants=tuple(grants)))

    async def _decide(self, worker: str, message: LeaseAsk, now: float, *, recalled: bool) -> LeaseGrant | NeedRecall:
        try:
            answer = await self.authority.decide(
                worker, message.limit, message.need, message.want, now, recalled=recalled
            )
        except (DatabaseError, TruthUnavailable) as error:
            log.warning("no lease of %s: the database does not answer (%s)", message.limit.scope, type(error).__name__)
            return LeaseGrant(seq=message.seq, granted=0, reason="recovering")
        return answer if isinstance(answer, NeedRecall) else answer.message(message.seq)

    async def _recall(self, scope: str, holders: tuple[str, ...], nodes: tuple[str, ...]) -> None:
        """Ask workers here and other nodes for what they do not use of ``scope``."""
        if nodes and self.courier is not None:
            await asyncio.gather(self._recall_workers(scope, holders), self.courier.recall(scope, nodes))
        else:
            await self._recall_workers(scope, holders)

    async def _recall_workers(self, scope: str, holders: tuple[str, ...]) -> None:
        """Ask ``holders``; several who ask at once share one recall."""
        running = self._recalling.get(scope)
        if running is not None:
            await asyncio.wait((running.done,), timeout=RECALL_SECONDS)
            return
        self._recalling[scope] = round_ = _Round(set(), asyncio.get_running_loop().create_future())
        try:
            await self._round(Recall(seq=0, scope=scope), holders, round_)
        finally:
            del self._recalling[scope]

    async def _round(self, question: Recall, workers: Sequence[str], round_: _Round | None = None) -> None:
        """Put a question to ``workers`` and wait for all answers, or for a moment."""
        round_ = round_ or _Round(set(), asyncio.get_running_loop().create_future())
        reachable = {worker: self._workers[worker] for worker in workers if worker in self._workers}
        if reachable:
            self._seq += 1
            seq = self._seq
            round_.waiting.update(reachable)
            self._rounds[seq] = round_
            try:
                for connection in reachable.values():
                    connection.send(msgspec.structs.replace(question, seq=seq))
                await asyncio.wait((round_.done,), timeout=RECALL_SECONDS)
            finally:
                del self._rounds[seq]
        round_.done.cancel()
