"""Keeps one control process and N gateway workers alive, and ends them in order.

Theory of operation. The supervisor opens one listening socket per worker slot (``SO_REUSEPORT``, so the kernel spreads
connections) and keeps them for its whole life: when a worker dies, connections wait in its socket's queue for the
replacement and none is refused. Children are plain ``exec``s; each gets a pipe as standard input that closes when the
supervisor dies, so no orphan stays behind, and a pipe on which it says once that it is ready. Control goes on speaking there: it
plans the bridge, whose sockets are held here in the same way, and whose keeper runs as long as there are any.

Ending: the listening sockets are closed, workers get SIGTERM and finish what they serve within the grace time, and only
then control gets SIGTERM, so that it can ingest the last journal record.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from phantom_gateway.cli.bridge_sockets import BridgeSockets
from phantom_gateway.wire.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("phantom.supervisor")

CONTROL, BRIDGE = "control", "bridge"
MAX_LINE = 16 * 1024 * 1024
START_TIMEOUT_S = 30.0
STOP_EXTRA_S = 5.0
DEFAULT_GRACE_S = 60.0
BACKOFF_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
KILLED_BACKOFF_S = (0.0, 0.1, 0.5)
"""For a child that somebody else has ended: nothing is wrong with it, or with what it was told."""
GONE_S = 1.0
"""How long a child that has hung up may take to be gone."""
_OWN_FAULT = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS})
"""Signals by which a process ends itself."""
HEALTHY_AFTER_S = 0.5
"""A child that served this long is started again at once: only one that cannot even begin is made to wait."""


class StartError(Exception):
    """The gateway cannot start; the message is for the operator."""


class KilledError(StartError):
    """A child was ended from outside while it started."""


@dataclass(frozen=True)
class Plan:
    """What ``phantom serve`` was asked to do."""

    data_dir: Path
    config: Path | None
    host: str
    port: int
    workers: int
    grace_s: float | None
    """None: what the configuration says."""
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass
class _Child:
    name: str
    command: list[str]
    environment: dict[str, str]
    fds: tuple[int, ...] = ()
    process: asyncio.subprocess.Process | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    failures: int = 0
    starting: bool = False
    """Between its start and its word that it is ready: a signal would end it instead of being heard."""
    reload: bool = False
    """A signal came meanwhile, to be passed on."""
    wanted: bool = True
    """Whether it is started again when it ends."""


class Supervisor:
    """Runs until a signal ends it. ``run`` returns the exit code."""

    def __init__(self, plan: Plan, announce: Callable[[Plan, dict[str, Any], int], None]) -> None:
        self._plan = plan
        self._announce = announce
        self._tasks = TaskGroup()
        self._stopping = asyncio.Event()
        self._children: list[_Child] = []
        self._sockets: list[socket.socket] = []
        self._bridge = BridgeSockets(plan.data_dir)

    async def run(self) -> int:
        """Start everything, watch, stop in order. Raises StartError."""
        lock = self._lock_data_dir()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            for _ in range(self._plan.workers):
                self._listen()
            control = self._control()
            workers = [self._worker(slot, sock) for slot, sock in enumerate(self._sockets)]
            self._children = [control, *workers]
            await self._start_all()
            self._announce(self._plan, control.ready, self._sockets[0].getsockname()[1])
            for child in self._children:
                self._tasks.spawn(self._keep(child), f"keep {child.name}")
            await self._stopping.wait()
        finally:
            await self._stop()
            os.close(lock)
        return 0

    def _lock_data_dir(self) -> int:
        data_dir = self._plan.data_dir
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            (data_dir / "run").mkdir(exist_ok=True, mode=0o700)
            lock = os.open(data_dir / "run" / "serve.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"cannot use the data directory {data_dir}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise StartError(f"another gateway already serves from {data_dir}") from error
        return lock

    def _listen(self) -> None:
        host, port = self._plan.host, self._plan.port
        if self._sockets:
            port = self._sockets[0].getsockname()[1]
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            sock = socket.socket(family, kind, proto)
        except OSError as error:
            raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._plan.workers > 1:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            sock.listen(4096)
        except OSError as error:
            sock.close()
            raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        sock.setblocking(False)
        self._sockets.append(sock)

    def _control(self) -> _Child:
        plan = self._plan
        command = [sys.executable, "-m", "phantom_gateway.control", "--data-dir", str(plan.data_dir)]
        if plan.config is not None:
            command += ["--config", str(plan.config)]
        return _Child(CONTROL, command, dict(os.environ))

    def _worker(self, slot: int, sock: socket.socket) -> _Child:
        plan = self._plan
        command = [sys.executable, "-m", "phantom_gateway.gateway", "--data-dir", str(plan.data_dir)]
        command += ["--slot", str(slot), "--listen-fd", str(sock.fileno())]
        if plan.grace_s is not None:
            command += ["--grace", str(plan.grace_s)]
        if plan.tls_cert is not None and plan.tls_key is not None:
            command += ["--tls-cert", str(plan.tls_cert), "--tls-key", str(plan.tls_key)]
        # A worker needs nothing of the environment: its credentials come over the spine.
        environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TZ") if name in os.environ}
        return _Child(f"gateway-{slot}", command, environment, fds=(sock.fileno(),))

    async def _start_all(self) -> None:
        """Start all children side by side; a signal meanwhile ends the waiting. Raises StartError."""
        stop = asyncio.get_running_loop().create_task(self._stopping.wait(), name="stop while starting")
        starts = {
            asyncio.get_running_loop().create_task(self._spawn(child), name=child.name) for child in self._children
        }
        try:
            while starts and not stop.done():
                done, _ = await asyncio.wait({stop, *starts}, return_when=asyncio.FIRST_COMPLETED)
                for start in done & starts:
                    starts.discard(start)
                    await start
        finally:
            for task in (stop, *starts):
                task.cancel()
            await asyncio.gather(stop, *starts, return_exceptions=True)

    async def _spawn(self, child: _Child) -> None:
        """Start a child and wait for its word that it is ready. Raises StartError."""
        child.starting = True
        read_fd, write_fd = os.pipe()
        more, fds = self._bridge.prepare() if child.name == BRIDGE else ([], child.fds)
        try:
            child.process = await asyncio.create_subprocess_exec(
                *child.command, *more, "--ready-fd", str(write_fd),
                stdin=asyncio.subprocess.PIPE, env=child.environment, pass_fds=(*fds, write_fd), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(write_fd)
        reader = asyncio.StreamReader(limit=MAX_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_fd, "rb")
        )
        late = False
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                child.ready = await self._words(reader)
        except TimeoutError:
            child.ready, late = {}, True
        finally:
            if child.name != CONTROL or not child.ready:
                transport.close()
        if not child.ready:
            raise await _silent(child.name, child.process, late=late)
        if child.ready.get("ready") is not True:
            transport.close()
            raise StartError(str(child.ready.get("error")))
        child.starting = False
        if child.reload:
            child.reload = False
            self._reload()
        if child.name == CONTROL:
            self._tasks.spawn(self._listen_to(reader, transport), "words of control")
        elif child.name == BRIDGE:
            self._bridge.started()

    async def _words(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        """What a child says of itself; plans of the bridge before and after it are carried out. Empty: it has ended."""
        while line := await reader.readline():
            said: dict[str, Any] = json.loads(line)
            if "bridge" not in said:
                return said
            self._plan_bridge(said["bridge"])
        return {}

    async def _listen_to(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        """Control goes on speaking as long as it lives."""
        try:
            while await self._words(reader):
                pass
        finally:
            transport.close()

    # --- the bridge

    def _plan_bridge(self, plan: dict[str, Any]) -> None:
        """Have a keeper exactly as long as there is something to keep."""
        if self._stopping.is_set():
            return
        if not sys.platform.startswith("linux"):
            log.error("the bridge runs on Linux only; its models cannot be served here")
            return
        self._bridge.take(plan)
        child = next((each for each in self._children if each.name == BRIDGE), None)
        if self._bridge.needed and child is None:
            environment = {
                name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TZ", "TMPDIR") if name in os.environ
            }
            child = _Child(BRIDGE, [sys.executable, "-m", "phantom_gateway.bridge"], environment)
            self._children.append(child)
            self._tasks.spawn(self._begin_bridge(child), "keep the bridge")
        elif child is not None and not self._bridge.needed:
            child.wanted = False
            self._children.remove(child)
            self._bridge.hang_up()

    async def _begin_bridge(self, child: _Child) -> None:
        """Unlike the others it may be broken without anybody else being so."""
        await self._revive(child)
        await self._keep(child)

    async def _keep(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        while True:
            assert child.process is not None
            started = loop.time()
            code = await child.process.wait()
            if self._stopping.is_set() or not child.wanted:
                return
            child.failures = 0 if loop.time() - started > HEALTHY_AFTER_S else child.failures + 1
            delay = _delay(child.failures, killed=_is_killed(code))
            log.warning("%s ended (%s); starting it again in %.1f s", child.name, _ending(code), delay)
            await asyncio.sleep(delay)
            await self._revive(child)

    async def _revive(self, child: _Child) -> None:
        while child.wanted and not self._stopping.is_set():
            try:
                await self._spawn(child)
                break
            except StartError as error:
                log.error("%s", error)  # noqa: TRY400 - the message is the whole story
                child.failures += 1
                await asyncio.sleep(_delay(child.failures, killed=isinstance(error, KilledError)))

    def _reload(self) -> None:
        for control in self._children[:1]:
            control.reload = control.starting
            if not control.starting:
                self._signal(CONTROL, signal.SIGHUP)

    def _signal(self, prefix: str, number: signal.Signals) -> list[asyncio.subprocess.Process]:
        running = [
            child.process
            for child in self._children
            if child.name.startswith(prefix) and child.process is not None and child.process.returncode is None
        ]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        return running

    async def _stop(self) -> None:
        self._stopping.set()
        for sock in self._sockets:
            sock.close()
        control = self._children[0].ready if self._children else {}
        grace_s = self._plan.grace_s
        if control.get("ready") is not True:
            grace_s = 0.0  # nobody has been served
        elif grace_s is None:
            grace_s = float(control.get("drain_grace_s", DEFAULT_GRACE_S))
        await self._end("gateway", grace_s + STOP_EXTRA_S)
        await self._end(BRIDGE, STOP_EXTRA_S)
        self._bridge.close()
        await self._end(CONTROL, STOP_EXTRA_S * 2)
        await self._tasks.cancel()

    async def _end(self, prefix: str, patience_s: float) -> None:
        processes = self._signal(prefix, signal.SIGTERM)
        waits = [self._tasks.spawn(process.wait(), "wait for the end") for process in processes]
        if waits:
            await asyncio.wait(waits, timeout=patience_s)
        for process in self._signal(prefix, signal.SIGKILL):
            log.error("process %d did not end in time and was killed", process.pid)
            await process.wait()


async def _silent(name: str, process: asyncio.subprocess.Process, *, late: bool) -> StartError:
    """Why a child has hung up, or let its time pass, without a word that it is ready. It is gone afterwards."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0 if late else GONE_S):
            code = await process.wait()
            if code >= 0:
                return StartError(f"{name} did not start ({_ending(code)}); its own words are above")
            kind = KilledError if _is_killed(code) else StartError
            return kind(f"{name} was ended by {_ending(code)} while it started")
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    return StartError(f"{name} did not start: it did not say in {START_TIMEOUT_S:.0f} s that it is ready")


def _is_killed(code: int) -> bool:
    return code < 0 and -code not in _OWN_FAULT


def _delay(failures: int, *, killed: bool) -> float:
    """Seconds before a child is started again that has failed so often in a row."""
    steps = KILLED_BACKOFF_S if killed else BACKOFF_S
    return steps[min(failures, len(steps) - 1)]


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"  # most of the real-time ones have no name
