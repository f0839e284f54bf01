"""What nodes tell each other through Redis: who needs what others hold and do not use, and which keys have changed.

A recall may be lost; then the one who asks waits his time out and asks the counter again, no more. Changes of keys are told
through the database as well; who was not listening for a moment forgets everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from redis.exceptions import RedisError

from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.redis_counters import EpochChanged
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage, RedisLink
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

RECALL_SECONDS = 0.25
AGAIN_SECONDS = 0.5


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """``to`` empty: a question to all others; else the answer to the question ``seq`` of that node.

    With ``forget``: keys that have changed, none named means all.
    """

    sender: str
    seq: int = 0
    scope: str = ""
    to: str = ""
    forget: tuple[str, ...] | None = None


class Recalls:
    """One node's ear and mouth."""

    def __init__(self, link: RedisLink, channel: str, node: str, answer: Callable[[str], Awaitable[None]]) -> None:
        """``answer(scope)`` gives back to the counter what this node does not use."""
        self._link = link
        self._channel = channel
        self._node = node
        self._answer = answer
        self.on_forget: Callable[[tuple[str, ...]], Coroutine[Any, Any, None]] | None = None
        self._tasks = TaskGroup()
        self._waiting: dict[int, tuple[set[str], asyncio.Future[None]]] = {}
        self._seq = 0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.debug("recalls are not heard (%s)", type(error).__name__)
            self.listening.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def stop(self) -> None:
        """End what is under way."""
        await self._tasks.cancel()

    async def recall(self, scope: str, nodes: tuple[str, ...]) -> None:
        """Ask ``nodes`` for what they do not use; returns when all have answered, or after a quarter of a second."""
        self._seq += 1
        seq = self._seq
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[seq] = (set(nodes), done)
        try:
            await self._send(Message(sender=self._node, seq=seq, scope=scope))
            await asyncio.wait((done,), timeout=RECALL_SECONDS)
        except (LinkDown, LinkGarbage):
            return
        finally:
            del self._waiting[seq]
            done.cancel()

    async def tell(self, keys: tuple[str, ...]) -> None:
        """Tell all other nodes that these keys have changed. Raises LinkDown and LinkGarbage."""
        await self._send(Message(sender=self._node, forget=keys))

    async def _listen(self) -> None:
        subscription: Any = self._link.subscription()  # its methods carry no types
        try:
            await subscription.subscribe(self._channel)
            self.listening.set()
            self._forget(())
            while True:
                found = await subscription.get_message(timeout=1.0)
                if found is not None:
                    self._hear(found["data"])
        finally:
            await subscription.aclose()

    def _hear(self, data: object) -> None:
        try:
            message = msgspec.json.decode(str(data), type=Message)
        except msgspec.DecodeError:
            return  # not from us
        if message.sender == self._node:
            return
        if message.forget is not None:
            self._forget(message.forget)
        elif not message.to:
            self._tasks.spawn(self._reply(message), f"recall for {message.sender}")
        elif message.to == self._node and (waiting := self._waiting.get(message.seq)) is not None:
            waiting[0].discard(message.sender)
            if not waiting[0] and not waiting[1].done():
                waiting[1].set_result(None)

    def _forget(self, keys: tuple[str, ...]) -> None:
        if self.on_forget is not None:
            self._tasks.spawn(self.on_forget(keys), "forget keys")

    async def _reply(self, message: Message) -> None:
        try:
            await self._answer(message.scope)
            await self._send(Message(sender=self._node, seq=message.seq, to=message.sender))
        except (LinkDown, LinkGarbage, EpochChanged, TruthUnavailable) as error:
            log.debug("a recall is not answered (%s)", type(error).__name__)

    async def _send(self, message: Message) -> None:
        await self._link.command("PUBLISH", self._channel, msgspec.json.encode(message).decode())
