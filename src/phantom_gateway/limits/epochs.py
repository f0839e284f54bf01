"""Keeps a node's part of the shared limiter true: joins epochs, begins new ones, says what is to be said.

An epoch is one life of the counters in Redis. It ends when Redis is emptied, restarts (what it kept may be old), or holds what
is not ours. Then the first node that notices begins the next one; every node reads from the database what is spent and says what
it holds; and when all nodes that live according to the database have done so, grants are given again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.redis_counters import EpochChanged, State
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage
from phantom_gateway.limits.shared import SharedAuthority

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
RETRY_SECONDS = 0.1
COUNT_SECONDS = 5.0

Living = Callable[[], Awaitable[frozenset[str]]]
"""The ids of all nodes that live, this one included. Raises TruthUnavailable."""


class EpochKeeper:
    """One task of control."""

    def __init__(self, authority: SharedAuthority, living: Living) -> None:
        self._authority = authority
        self._living = living
        self._joined = False
        self._counted = -COUNT_SECONDS
        self._trouble = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = TICK_SECONDS if await self.step() else RETRY_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._authority.changed.wait()
            except TimeoutError:
                pass
            if pause == RETRY_SECONDS:
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self) -> bool:
        """One look; whether everything is said and grants are given."""
        authority = self._authority
        authority.changed.clear()
        try:
            await self._step()
        except EpochChanged:
            authority.granting = False
        except LinkDown as error:
            authority.granting = False
            self._note(str(error))
        except TruthUnavailable:
            self._note("the database does not say what is spent")
        except LinkGarbage as error:
            authority.granting = False
            authority.spoiled = authority.epoch
            self._note(f"what Redis holds is not ours and is made anew ({error})")
        else:
            if authority.granting:
                self._note("")
            return authority.granting
        return False

    async def _step(self) -> None:
        authority, counters = self._authority, self._authority.counters
        state = await self._state()
        if state is None or state.epoch == authority.spoiled or not await self._same_server(state):
            await counters.begin("" if state is None else state.epoch)
            state = await counters.state()
            if state is None:
                raise EpochChanged
        if state.epoch != authority.epoch:
            authority.enter(state.epoch, state.server)
            self._joined = False
        await authority.verify()
        await authority.say()
        if authority.recovering:
            return
        if not self._joined:
            await authority.adopt()
            self._joined = True
        if state.open:
            authority.granting = True
            await self._count()
            return
        members = await counters.join(authority.epoch)
        living = await self._living()
        self._place(living)
        if living <= members:
            await counters.open(authority.epoch)
            authority.granting = True
            log.log(logging.INFO, "the shared limiter is complete: %d nodes", len(living))

    async def _count(self) -> None:
        """Now and then: rates are shared out evenly while Redis is away."""
        now = time.monotonic()
        if now < self._counted + COUNT_SECONDS:
            return
        self._counted = now
        with contextlib.suppress(TruthUnavailable):
            self._place(await self._living())

    def _place(self, living: frozenset[str]) -> None:
        authority = self._authority
        me = authority.counters.node
        authority.nodes, authority.place = max(len(living), 1), sum(1 for node in living if node < me)

    async def _same_server(self, state: State) -> bool:
        link = self._authority.counters.link
        if link.connects == self._authority.verified and self._authority.server == state.server:
            return True
        return await link.server() == state.server

    async def _state(self) -> State | None:
        try:
            return await self._authority.counters.state()
        except LinkGarbage:
            await self._authority.counters.discard()
            return None

    def _note(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.error(
                "limits are not shared at the moment: %s; budgets wait, rates go on with this node's share", trouble
            )
        elif self._trouble and not trouble:
            log.log(logging.INFO, "limits are shared again")
        self._trouble = trouble
