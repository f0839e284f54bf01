"""Control's end of the spine: greets workers, answers them, and tells them what has changed.

A worker is greeted in this order, so that no unit of a budget is counted twice or not at all: its journal is ingested up
to the position it declares, then the authority takes over what it still holds, then it is welcomed. Everything here runs
on the event loop; the database is asked in threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from phantom_gateway.control.conversations import Conversations
from phantom_gateway.control.database_watch import DatabaseWatch
from phantom_gateway.control.key_directory import KeyDirectory
from phantom_gateway.control.leases import Leases
from phantom_gateway.control.services import Configuration
from phantom_gateway.control.spine_connection import SpineConnection
from phantom_gateway.control.subjects import KINDS, SubjectDirectory
from phantom_gateway.spine.codec import SpineProtocolError, encode
from phantom_gateway.spine.messages import (
    PROTOCOL_VERSION,
    Ack,
    AskConversation,
    Conversation,
    DeploymentHealth,
    Explain,
    Explained,
    Heartbeat,
    Hello,
    Invalidate,
    KeyRecord,
    LeaseAsk,
    LeaseAsks,
    LeaseReturn,
    LeaseReturns,
    Load,
    Message,
    NewSnapshot,
    Resolve,
    Resolved,
    ResolvedSubject,
    ResolveSubject,
    ToControl,
    Welcome,
)
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

ACK_SECONDS = 1.0
SNAPSHOT_ACK_SECONDS = 5.0
HEARTBEAT_SECONDS = 1.0
EXPLAIN_SECONDS = 5.0
LOOK_BEATS = 5
"""Heartbeats from one look at which kinds of subjects there are to the next; changes made here are seen at once."""
_INCARNATION = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)


class Journals(Protocol):
    """What the server needs of the ingestion."""

    async def catch_up(self, worker: str, position: int) -> bool:
        """Return once the journal of ``worker`` is in the database up to ``position``, or False. Raises DatabaseError."""
        ...

    def poke(self) -> None:
        """Look at the journals now instead of at the next tick."""
        ...


@dataclass(frozen=True, slots=True)
class SpineParts:
    """What the server is put together from."""

    configuration: Configuration
    directory: KeyDirectory
    leases: Leases
    journals: Journals
    clock: Callable[[], float]
    subjects: SubjectDirectory
    database: DatabaseWatch


class SpineServer:
    """Serves all workers of this node."""

    def __init__(self, parts: SpineParts) -> None:
        self._parts = parts
        self._tasks = TaskGroup()
        self._conversations = Conversations(lambda: parts.configuration.snapshot.settings, parts.clock)
        self._connections: set[SpineConnection] = set()
        self._workers: dict[str, SpineConnection] = {}
        self._loads: dict[str, Load] = {}
        self._healths: dict[str, dict[str, DeploymentHealth]] = {}
        self.unhealthy: tuple[str, ...] = ()
        """Deployments whose health check failed, where checks decide on routes."""
        self._acks: dict[int, tuple[set[str], asyncio.Future[None]]] = {}
        self._questions: dict[int, asyncio.Future[bytes]] = {}
        self._fences: dict[int, int] = {}
        """Invalidations to the newest fence that was up when they were sent."""
        self._seq = 0
        self._server: asyncio.AbstractServer | None = None

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self, listener: socket.socket) -> None:
        """Greet workers on a listening unix socket."""
        loop = asyncio.get_running_loop()
        await self._look_at_subjects()
        self._server = await loop.create_unix_server(self._connect, sock=listener)
        self._tasks.spawn(self._heartbeats(), "spine heartbeat")
        self._parts.database.start(self._beat)

    async def stop(self) -> None:
        """Stop listening, close every connection and end all tasks."""
        if self._server is not None:
            self._server.close()
        await self._parts.database.stop()
        await self._tasks.cancel()
        for connection in tuple(self._connections):
            connection.close()

    def _connect(self) -> SpineConnection:
        connection = SpineConnection(self)
        self._connections.add(connection)
        return connection

    # --- what control wants of the workers ----------------------------------------------------------------------------

    @property
    def ready_workers(self) -> int:
        """Workers connected and greeted."""
        return len(self._workers)

    @property
    def loads(self) -> dict[str, Load]:
        """The last load each connected worker has reported, by incarnation."""
        return self._loads

    @property
    def healths(self) -> Mapping[str, Mapping[str, DeploymentHealth]]:
        """What each connected worker has learnt of the deployments, by worker and deployment."""
        return self._healths

    async def invalidate(self, entities: tuple[str, ...]) -> None:
        """Make every worker forget what these entities are part of; none named means everything.

        Returns when all have confirmed it, or after a second.
        """
        self._parts.directory.forget(entities)
        if not entities or any(entity.startswith(KINDS) for entity in entities):
            await self._look_at_subjects()
        self._seq += 1
        self._note_fences()
        message = Invalidate(seq=self._seq, entities=entities, key_epoch=self._parts.directory.epoch)
        await self._broadcast(message, self._seq, ACK_SECONDS)

    def _note_fences(self) -> None:
        fences = self._parts.leases.authority.fences
        if fences:
            self._fences[self._seq] = fences.settled
        else:
            self._fences.clear()

    def _remind(self) -> None:
        """Workers that owe a confirmation forget everything and confirm that: the call or the answer was lost, or came late."""
        fences = self._parts.leases.authority.fences
        late = [connection for worker, connection in self._workers.items() if fences and fences.owes(worker)]
        if late:
            self._seq += 1
            self._note_fences()
            for connection in late:
                connection.send(Invalidate(seq=self._seq, key_epoch=self._parts.directory.epoch))

    async def _lift(self, worker: str, message: Ack, number: int) -> None:
        try:
            complete = await self._parts.journals.catch_up(worker, message.journal_position)
        except DatabaseError as error:
            log.warning("budgets wait for the journal of worker %s (%s)", worker, type(error).__name__)
            return
        if complete:
            self._parts.leases.authority.fences.confirmed(worker, number)

    async def explain(
        self, key: KeyRecord, path: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> bytes | None:
        """What would happen to a request, as JSON, from one worker; None when there is none, or it does not answer."""
        connection = next(iter(self._workers.values()), None)
        if connection is None:
            return None
        self._seq += 1
        seq = self._seq
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._questions[seq] = answer
        connection.send(Explain(seq=seq, key=key, path=path, headers=headers, body=body))
        try:
            async with asyncio.timeout(EXPLAIN_SECONDS):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._questions[seq]

    async def broadcast_snapshot(self, snapshot: Snapshot) -> bool:
        """Hand a new snapshot to every worker; whether all have confirmed it in time."""
        await self._look_at_subjects()
        self._seq += 1
        return await self._broadcast(NewSnapshot(seq=self._seq, snapshot=snapshot), self._seq, SNAPSHOT_ACK_SECONDS)

    async def _broadcast(self, message: Message, seq: int, seconds: float) -> bool:
        if not self._workers:
            return True
        frame = encode(message)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = set(self._workers)
        self._acks[seq] = (waiting, done)
        for connection in self._workers.values():
            connection.send_frame(frame)
        try:
            async with asyncio.timeout(seconds):
                await done
        except TimeoutError:
            log.warning("no confirmation of %s from workers %s", type(message).__name__, ", ".join(sorted(waiting)))
            return False
        finally:
            del self._acks[seq]
        return True

    def _confirm(self, worker: str, seqs: Iterable[int]) -> None:
        for seq in seqs:
            entry = self._acks.get(seq)
            if entry is None:
                continue
            waiting, done = entry
            waiting.discard(worker)
            if not waiting and not done.done():
                done.set_result(None)

    async def _heartbeats(self) -> None:
        beats = 0
        while True:
            parts = self._parts
            self._beat()
            beats += 1
            if beats % LOOK_BEATS == 0:
                self._tasks.spawn(self._look_at_subjects(), "look at subjects")
            parts.leases.expire(parts.clock())
            self._remind()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _beat(self) -> None:
        parts = self._parts
        beat = Heartbeat(
            revision=parts.configuration.snapshot.revision,
            key_epoch=parts.directory.epoch,
            subjects=parts.subjects.kinds,
            database_ok=parts.database.ok,
            workers=tuple(sorted(self._workers)),
            nodes=parts.leases.authority.nodes,
            node=parts.leases.authority.place,
            unhealthy=self.unhealthy,
        )
        frame = encode(beat)
        for connection in self._workers.values():
            connection.send_frame(frame)

    async def _look_at_subjects(self) -> None:
        """Whoever relies on the first customer or tag being known relies on this being said before anything else."""
        try:
            changed = await self._parts.subjects.look()
        except DatabaseError as error:
            log.warning("customers and tags cannot be looked at (%s)", type(error).__name__)
            return
        if changed:
            self._beat()

    # --- what workers say (spine_connection.Handler) ------------------------------------------------------------------

    def greeted(self, connection: SpineConnection, hello: Hello) -> None:
        """A worker is here."""
        if hello.version != PROTOCOL_VERSION:
            raise SpineProtocolError(f"speaks version {hello.version} of the spine, not {PROTOCOL_VERSION}")
        # The incarnation names a directory.
        if not _INCARNATION.match(hello.worker):
            raise SpineProtocolError("the incarnation id is not a name")
        self._tasks.spawn(self._greet(connection, hello), f"greet {hello.worker}")

    async def _greet(self, connection: SpineConnection, hello: Hello) -> None:
        parts = self._parts
        try:
            await parts.journals.catch_up(hello.worker, hello.journal_position)
        except DatabaseError as error:
            # It tries again; meanwhile it serves from what it holds.
            log.warning(
                "worker %s not greeted: its journal cannot be ingested (%s)", hello.worker, type(error).__name__
            )
            connection.close()
            return
        if not connection.open:
            return
        before = self._workers.get(hello.worker)
        if before is not None and before is not connection:
            before.close()
        try:
            parts.leases.hello(hello.worker, hello.held, parts.clock())
        except SpineProtocolError as error:
            log.warning("worker %s disconnected: %s", hello.worker, error)
            connection.close()
            return
        self._workers[hello.worker] = connection
        parts.leases.connected(hello.worker, connection)
        snapshot = parts.configuration.snapshot
        fresh = hello.revision == snapshot.revision
        connection.send(
            Welcome(
                version=PROTOCOL_VERSION,
                revision=snapshot.revision,
                subjects=parts.subjects.kinds,
                snapshot=None if fresh else snapshot,
            )
        )
        log.info("worker %s (slot %d, pid %d) greeted", hello.worker, hello.slot, hello.pid)
        connection.admit()
        self._beat()

    def received(self, connection: SpineConnection, message: ToControl) -> None:
        """A worker says something."""
        worker = connection.worker
        match message:
            case LeaseAsk():
                self._parts.leases.ask(connection, message, self._parts.clock())
            case LeaseAsks():
                self._parts.leases.ask_many(connection, message, self._parts.clock())
            case LeaseReturn():
                self._parts.leases.returned(worker, message, self._parts.clock())
            case LeaseReturns():
                for each in message.returns:
                    self._parts.leases.returned(worker, each, self._parts.clock())
            case Resolve() | ResolveSubject() | AskConversation():
                self._asked(connection, message)
            case Ack():
                self._confirm(worker, (message.seq,))
                if (number := self._fences.get(message.seq)) is not None:
                    self._tasks.spawn(self._lift(worker, message, number), f"lift fences {worker}")
            case Explained():
                question = self._questions.get(message.seq)
                if question is not None and not question.done():
                    question.set_result(message.found)
            case Load():
                self._loads[worker] = message
                self._healths.setdefault(worker, {}).update({each.id: each for each in message.deployments})
            case Hello():
                raise SpineProtocolError("a second Hello")

    def _asked(self, connection: SpineConnection, message: Resolve | ResolveSubject | AskConversation) -> None:
        match message:
            case Resolve():
                self._tasks.spawn(self._resolve(connection, message), "resolve")
            case ResolveSubject():
                self._tasks.spawn(self._resolve_subject(connection, message), "resolve subject")
            case AskConversation():
                found = self._conversations.do(message.do, message.name, message.content)
                connection.send(Conversation(seq=message.seq, content=found))

    async def _resolve(self, connection: SpineConnection, message: Resolve) -> None:
        try:
            record = await self._parts.directory.find(message.digest, message.user)
        except DatabaseError as error:
            log.warning("a key cannot be resolved: the database does not answer (%s)", type(error).__name__)
            connection.send(Resolved(seq=message.seq, unavailable=True))
            return
        connection.send(Resolved(seq=message.seq, key=record))

    async def _resolve_subject(self, connection: SpineConnection, message: ResolveSubject) -> None:
        try:
            record = await self._parts.subjects.find(message.entity, message.budget_id)
        except DatabaseError as error:
            log.warning("a subject cannot be resolved: the database does not answer (%s)", type(error).__name__)
            connection.send(ResolvedSubject(seq=message.seq, unavailable=True))
            return
        connection.send(ResolvedSubject(seq=message.seq, subject=record))

    def lost(self, connection: SpineConnection) -> None:
        """A worker's connection has ended; what it holds stays counted until its journal says that it is dead."""
        self._connections.discard(connection)
        worker = connection.worker
        if self._workers.get(worker) is connection:
            del self._workers[worker]
            self._loads.pop(worker, None)
            self._healths.pop(worker, None)
            self._parts.leases.disconnected(worker)
            self._confirm(worker, tuple(self._acks))
            self._beat()
            log.info("worker %s disconnected", worker)
            self._parts.journals.poke()
