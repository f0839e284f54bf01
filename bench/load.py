"""The load generator: one process, keep-alive connections, one request at a time on each, nothing but httptools.

``python -m bench.load SPEC`` (JSON of ``Spec``) opens the connections and warms them up, writes ``warm`` to standard output,
waits for a line on standard input, sends a fixed number of requests, and writes one line of JSON (``Result``). The parent reads
CPU clocks between the two, so that only the counted requests are in them. Loopback only, bounded in count and time.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httptools
import msgspec
import uvloop

from phantom_gateway.wire.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

HOST = "127.0.0.1"
MAX_ERRORS = 1000
OPEN_AT_ONCE = 100


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: ``requests`` of ``body`` over ``connections`` after ``warmup`` of ``warm_body``."""

    port: int
    connections: int
    requests: int
    warmup: int
    body: str
    warm_body: str
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = {}
    stream: bool = False
    mark: str = "[DONE]"
    """What a whole stream ends with."""
    callers: str = ""
    """A file with a key and further fields of the body (a JSON object) in each line; every request is that of one drawn."""
    in_order: bool = False
    """Callers take turns instead, in the warm-up first."""
    deadline_s: float = 120

    def requests_of(self, body: str) -> list[bytes]:
        """The requests to draw from."""
        if not self.callers:
            return [self.render(body)]
        lines = [line.split(" ", 1) for line in Path(self.callers).read_text().splitlines()]
        return [self.render(f"{body[:-1]}{', ' if more else ''}{more}}}", key) for key, more in lines]

    def render(self, body: str, key: str = "") -> bytes:
        """One request as bytes."""
        raw = body.encode()
        fields = {"host": f"{HOST}:{self.port}", "content-type": "application/json", **self.headers}
        if key:
            fields["authorization"] = f"Bearer {key}"
        fields["content-length"] = str(len(raw))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + raw


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Times are nanoseconds; ``first`` are times to the first event of streams."""

    done: int
    errors: int
    seconds: float
    own_cpu_ns: int
    total: tuple[int, int]
    """p50 and p99."""
    first: tuple[int, int]


class Run:
    """One phase: how many requests are still to be started, what the finished ones took."""

    __slots__ = (
        "_count", "_draw", "_in_order", "_wires", "done", "errors", "finished", "first", "mark", "stream", "to_start", "total",
    )  # fmt: skip

    def __init__(self, wires: Sequence[bytes], count: int, *, stream: bool, in_order: bool = False) -> None:
        self._wires = wires
        self._draw = random.Random(1).random
        self._in_order = in_order
        self.stream = stream
        self.mark = b"[DONE]"
        """What a whole stream ends with."""
        self.to_start = count
        self.done = 0
        self.errors = 0
        self.total = array("q")
        self.first = array("q")
        self.finished = asyncio.Event()
        self._count = count

    def next(self) -> bytes:
        """The next request."""
        self.to_start -= 1
        wires = self._wires
        return wires[self.to_start % len(wires)] if self._in_order else wires[int(self._draw() * len(wires))]

    def end(self, *, ok: bool) -> None:
        """One request is over."""
        self.done += 1
        if not ok:
            self.errors += 1
        if self.done == self._count or self.errors >= MAX_ERRORS:
            self.finished.set()


class Client(asyncio.Protocol):
    """One connection. The answer is only parsed as far as its end must be known."""

    __slots__ = ("_before", "_busy", "_first", "_last", "_parser", "_pool", "_run", "_started", "_transport")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._busy = False
        self._started = self._first = 0
        self._before = self._last = b""
        self._run: Run
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._parser = httptools.HttpResponseParser(self)

    def start(self, run: Run) -> None:
        """Send the next request of ``run`` if one is left."""
        if not run.to_start or run.finished.is_set():
            return
        wire = run.next()
        self._run = run
        self._busy = True
        self._first = 0
        self._started = time.perf_counter_ns()
        self._transport.write(wire)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self._transport.abort()
            return
        if self._run.stream:
            if not self._first and b"data: " in data:
                self._first = time.perf_counter_ns()
            self._before, self._last = self._last, data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_complete(self) -> None:
        run = self._run
        now = time.perf_counter_ns()
        ok = self._parser.get_status_code() == 200 and (not run.stream or run.mark in self._before + self._last)
        self._busy = False
        if ok:
            run.total.append(now - self._started)
            if run.stream:
                run.first.append(self._first - self._started)
        run.end(ok=ok)
        if self._parser.should_keep_alive():
            self.start(run)
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._busy:
            self._busy = False
            self._run.end(ok=False)
        self._pool.lost(self)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


class Pool:
    """Keeps the wanted number of connections open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: set[Client] = set()
        self._tasks = TaskGroup()
        self._run: Run | None = None
        self._closing = False

    async def open(self, count: int) -> None:
        """Open ``count`` connections, some at a time. Raises OSError."""
        while count > 0:
            step = min(count, OPEN_AT_ONCE)
            await asyncio.gather(*(self._connect() for _ in range(step)))
            count -= step

    async def play(self, run: Run, deadline_s: float) -> bool:
        """Send all requests of ``run``; False when the time was over before."""
        self._run = run
        for client in tuple(self._clients):
            client.start(run)
        try:
            await asyncio.wait_for(run.finished.wait(), deadline_s)
        except TimeoutError:
            run.finished.set()
            return False
        return True

    def lost(self, client: Client) -> None:
        """A connection is gone: replace it."""
        self._clients.discard(client)
        if not self._closing:
            self._tasks.spawn(self._replace(), "reconnect")

    async def close(self) -> None:
        """Drop all connections."""
        self._closing = True
        for client in tuple(self._clients):
            client.close()
        await self._tasks.cancel()

    async def _replace(self) -> None:
        try:
            client = await self._connect()
        except OSError:
            if self._run is not None:
                self._run.end(ok=False)
            return
        if self._run is not None:
            client.start(self._run)

    async def _connect(self) -> Client:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: Client(self), HOST, self._port)
        self._clients.add(client)
        return client


async def measure(spec: Spec) -> Result:
    """Open, warm up, tell the parent, wait for its word, send, sum up."""
    pool = Pool(spec.port)
    await pool.open(spec.connections)
    warm = Run(spec.requests_of(spec.warm_body), spec.warmup, stream=spec.stream, in_order=True)
    warm.mark = spec.mark.encode()
    await pool.play(warm, spec.deadline_s)
    print("warm", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    run = Run(spec.requests_of(spec.body), spec.requests, stream=spec.stream, in_order=spec.in_order)
    run.mark = warm.mark
    cpu, started = time.process_time_ns(), time.perf_counter()
    in_time = await pool.play(run, spec.deadline_s)
    seconds = time.perf_counter() - started
    own = time.process_time_ns() - cpu
    missing = 0 if in_time else spec.requests - run.done
    await pool.close()
    return Result(
        done=run.done - run.errors,
        errors=run.errors + missing,
        seconds=seconds,
        own_cpu_ns=own,
        total=percentiles(run.total),
        first=percentiles(run.first),
    )


def percentiles(values: array[int]) -> tuple[int, int]:
    """p50 and p99 of ``values``, zeros when there are none."""
    if not values:
        return 0, 0
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def main(arguments: list[str]) -> None:
    """Run the spec in ``arguments``."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    spec = msgspec.json.decode(arguments[0], type=Spec)
    work: Coroutine[object, object, Result] = measure(spec)
    print(msgspec.json.encode(uvloop.run(work)).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
