"""A gateway worker in the test's own loop: joined to a small control, in front of the real simulator."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.worker import Worker
from phantom_gateway.ledger.record import Closed, Opened
from phantom_gateway.ledger.replay import Reader
from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.lending import Grant
from phantom_gateway.security import key_format
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.simulator import Simulator
from phantom_gateway.spine.codec import FrameDecoder, control_decoder, encode
from phantom_gateway.spine.known_keys import on_behalf
from phantom_gateway.spine.messages import (
    PROTOCOL_VERSION,
    Ack,
    AskConversation,
    Conversation,
    Explained,
    Heartbeat,
    Hello,
    KeyRecord,
    LeaseAsk,
    LeaseAsks,
    LeaseGrant,
    LeaseGrants,
    LeaseReturn,
    LeaseReturns,
    Limit,
    Load,
    Message,
    Resolve,
    Resolved,
    ResolvedSubject,
    ResolveSubject,
    SubjectRecord,
    ToControl,
    Welcome,
)
from phantom_gateway.spine.snapshot import (
    Address,
    CacheRules,
    Deployment,
    HttpLimits,
    Pass,
    PricedModel,
    Prices,
    Routing,
    Settings,
    Snapshot,
)

PEPPER = Secret("cd" * 32)
PATHS = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}
PRICES = Prices(version="t1", input=1_000_000_000, output=2_000_000_000)
"""1,000 nano-dollars per input token, 2,000 per output token."""
ASKED = [{"role": "user", "content": "hello there"}]
QUICK = Routing(num_retries=0, timeout_s=5.0, connect_timeout_s=1.0, stall_timeout_s=5.0, cooldown_s=60.0)


def deployment(port: int, name: str = "d1", model: str = "up", group: str = "gpt", **fields: Any) -> Deployment:
    """A deployment that leads to the simulator; its upstream model may carry a mode: ``up;mode=503``."""
    address = Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.0/8",))
    settings: dict[str, Any] = {
        "provider": "openai", "address": address, "base_path": "/v1", "paths": PATHS, "api_key": Secret("sk-up"),
        "prices": PRICES, "max_output_tokens": 1000,
    } | fields  # fmt: skip
    return Deployment(id=name, group=group, model=model, **settings)


class Control(asyncio.Protocol):
    """Control's end of the spine: knows keys, grants leases, remembers what it was told."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot: Snapshot | None = snapshot
        self.records: dict[str, KeyRecord] = {}
        self.subjects: dict[str, SubjectRecord] = {}
        self.kinds: tuple[str, ...] = ()
        self.conversations: dict[str, bytes] = {}
        self.authority = Authority()
        self.heard: list[ToControl] = []
        self.silent = False
        self.unavailable = False
        self.worker = ""
        self._decoder: FrameDecoder[ToControl] = control_decoder()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._decoder = control_decoder()

    def data_received(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            self.heard.append(message)
            if not self.silent:
                self._answer(message)

    def send(self, message: Message) -> None:
        assert self._transport is not None
        self._transport.write(encode(message))

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def told(self, kind: type[Message]) -> list[Any]:
        """What it heard of one kind."""
        return [message for message in self.heard if isinstance(message, kind)]

    def _answer(self, message: ToControl) -> None:
        now = time.time()
        if isinstance(message, Hello):
            self.worker = message.worker
            self.authority.hello(message.worker, message.held, now)
            revision = self.snapshot.revision if self.snapshot else 0
            self.send(Welcome(version=PROTOCOL_VERSION, revision=revision, snapshot=self.snapshot, subjects=self.kinds))
        elif isinstance(message, Resolve):
            key = self.records.get(on_behalf(message.digest, message.user))
            self.send(Resolved(seq=message.seq, key=key, unavailable=self.unavailable))
        elif isinstance(message, ResolveSubject):
            subject = self.subjects.get(message.entity)
            self.send(ResolvedSubject(seq=message.seq, subject=subject, unavailable=self.unavailable))
        elif isinstance(message, AskConversation):
            if message.do == "keep":
                self.conversations[message.name] = message.content
            said = self.conversations.get(message.name)
            if message.do == "drop":
                del self.conversations[message.name]
            self.send(Conversation(seq=message.seq, content=said))
        elif isinstance(message, LeaseAsk):
            granted = self.authority.ask(self.worker, message.limit, message.need, message.want, now, recalled=True)
            assert isinstance(granted, Grant)
            self.send(granted.message(message.seq))
        elif isinstance(message, LeaseAsks):
            found = [self.authority.ask(self.worker, each.limit, each.need, each.want, now) for each in message.asks]
            grants = [each.message(0) if isinstance(each, Grant) else LeaseGrant(seq=0, granted=0) for each in found]
            self.send(LeaseGrants(seq=message.seq, grants=tuple(grants)))
        elif isinstance(message, LeaseReturn | LeaseReturns):
            for each in message.returns if isinstance(message, LeaseReturns) else (message,):
                self.authority.give_back(self.worker, each.scope, each.window_start, each.amount, now)
        else:
            assert isinstance(message, Load | Ack | Explained)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    """Whether it came to its proper end."""

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json()["error"]
        return found

    def events(self) -> list[Any]:
        """The events of a stream; ``[DONE]`` stays a string."""
        texts = [part.removeprefix("data: ") for part in self.body.decode().split("\n\n") if part]
        return [text if text == "[DONE]" else json.loads(text) for text in texts]


@dataclass(frozen=True, slots=True)
class Rig:
    """What a test may touch."""

    worker: Worker
    control: Control
    simulator: Simulator
    simulator_port: int
    port: int
    data_dir: Path

    def key(self, **fields: Any) -> str:
        """A new virtual key that control knows."""
        text = key_format.generate().reveal()
        digest = KeyHasher(PEPPER).digest(text.encode())
        self.control.records[digest] = KeyRecord(id=digest, **fields)
        return text

    def limited(self, kind: Any, amount: int, window: str = "60s", **fields: Any) -> str:
        """A new key with one limit."""
        scope = f"{kind}:key:{len(self.control.records)}:{window}"
        return self.key(limits=(Limit(scope=scope, kind=kind, entity="key:x", amount=amount, window=window),), **fields)

    async def subject(self, entity: str, **fields: Any) -> None:
        """A customer or tag that control knows, and the worker knows that there is one."""
        self.control.subjects[entity] = SubjectRecord(entity=entity, **fields)
        self.control.kinds = tuple({*self.control.kinds, entity.partition(":")[0]})
        self.control.send(Heartbeat(revision=1, key_epoch=1, subjects=self.control.kinds))
        await eventually(lambda: self.worker.subjects.any)

    async def chat(self, key: str, model: str = "gpt", **fields: Any) -> Answer:
        """One chat request."""
        body = {"model": model, "messages": ASKED} | fields
        return await self.post("/v1/chat/completions", body, key)

    async def post(self, path: str, body: Any, key: str, **headers: str) -> Answer:
        """A POST with a key."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await ask(self.port, "POST", path, raw, {"authorization": f"Bearer {key}"} | headers)

    async def get(self, path: str, key: str = "") -> Answer:
        """A GET with or without a key."""
        return await ask(self.port, "GET", path, b"", {"authorization": f"Bearer {key}"} if key else {})

    def journal(self) -> tuple[list[Opened], list[Closed]]:
        """What the worker's journal holds now."""
        records = Reader(self.data_dir / "journal" / self.worker.incarnation).read()
        opened = [record for record in records if isinstance(record, Opened)]
        return opened, [record for record in records if isinstance(record, Closed)]

    def closed(self) -> Closed:
        """The only request's record; there is nothing open beside it."""
        opened, (closed,) = self.journal()
        assert [record.n for record in opened] == [closed.opened]
        return closed


async def ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {path} HTTP/1.1", "host: gateway.example", "connection: close", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    try:
        data = await reader.read()
        reset = False
        while more := await reader.read():
            data += more
    except ConnectionResetError:
        data, reset = b"", True
    finally:
        writer.close()
    return read(data, head_only=method == "HEAD", reset=reset)


def read(data: bytes, *, head_only: bool = False, reset: bool = False) -> Answer:
    """Take an answer apart."""
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head:
        return Answer(0, {}, b"", whole=False)
    first, *lines = head.decode().split("\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    whole = not reset
    if headers.get("transfer-encoding") == "chunked":
        rest, whole = dechunk(rest)
    elif not head_only:
        whole = len(rest) == int(headers.get("content-length", "0"))
    return Answer(int(first.split()[1]), headers, rest, whole)


def dechunk(data: bytes) -> tuple[bytes, bool]:
    """The content of a chunked body and whether it ended properly."""
    content = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return content, data == b"\r\n"
        content += data[:length]
        data = data[length + 2 :]
    return content, False


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until ``condition()`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions are about other parties
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    data_dir: Path,
    build: Callable[[int], tuple[Deployment, ...]] = lambda port: (deployment(port),),
    *,
    routing: Routing = QUICK,
    settings: Settings = Settings(),  # noqa: B008 - immutable
    http: HttpLimits = HttpLimits(),  # noqa: B008 - immutable
    passes: Callable[[int], tuple[Pass, ...]] = lambda _port: (),
    price_lists: dict[str, dict[str, PricedModel]] | None = None,
    cache: CacheRules | None = None,
) -> AsyncIterator[Rig]:
    """A worker that serves what ``build`` makes for the simulator's port."""
    (data_dir / "run").mkdir(parents=True)
    simulator = Simulator()
    simulator_port = await simulator.start_tcp()
    snapshot = Snapshot(
        revision=1,
        deployments=build(simulator_port),
        routing=routing,
        settings=settings,
        http=http,
        key_pepper=PEPPER,
        passes=passes(simulator_port),
        price_lists=price_lists or {},
        cache=cache,
    )
    control = Control(snapshot)
    spine = await asyncio.get_running_loop().create_unix_server(lambda: control, str(data_dir / "run" / "spine.sock"))
    worker = Worker(data_dir, 0)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = int(sock.getsockname()[1])
    try:
        await worker.start()
        await worker.serve(sock, None)
        yield Rig(worker, control, simulator, simulator_port, port, data_dir)
    finally:
        await worker.stop(1.0)
        control.hang_up()
        spine.close()
        await spine.wait_closed()
        await simulator.close()
        await asyncio.sleep(0)
