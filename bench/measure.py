"""Processes seen from outside: their CPU time, memory and children; and one scenario measured against one target."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from bench.load import Result, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.targets import Target

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_S = 0.1
PATIENCE_S = 180
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


@dataclass(frozen=True)
class Scenario:
    """A kind of load. ``pace_ms`` separates the chunks of a stream, so that each is a write of its own.

    ``path`` says in which format is asked, ``upstream`` which the model of a gateway has; without it nothing is translated.
    """

    name: str
    connections: int
    requests: int
    chunks: int = 0
    pace_ms: int = 0
    path: str = CHAT
    upstream: str = "openai"

    @property
    def stream(self) -> bool:
        """Whether the answers are streamed."""
        return self.chunks > 0

    def spec(self, target: Target) -> Spec:
        """What the load generator does for ``target``."""
        requests = max(int(self.requests * target.scale), self.connections, 10)
        return Spec(
            port=target.stream_port if self.stream else target.port,
            connections=self.connections,
            requests=requests,
            warmup=max(self.connections, requests // 10),
            body=self.body(target.model_of(self.upstream), self.chunks, self.pace_ms),
            warm_body=self.body(target.model_of(self.upstream), min(self.chunks, 5), min(self.pace_ms, 1)),
            path=self.path,
            mark="[DONE]" if self.path == CHAT else "message_stop",
            headers=target.headers,
            stream=self.stream,
        )

    def body(self, model: str, chunks: int, pace_ms: int) -> str:
        """A small chat request; the simulator's controls travel in the body."""
        content = "Write a short poem about the sea, the wind and a small boat, please."
        request: dict[str, object] = {
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 400,
        }
        request["simulate"] = {"chunks": 20}
        if chunks:
            request["stream"] = True
            if self.path == CHAT:
                request["stream_options"] = {"include_usage": True}
            request["simulate"] = {"chunks": chunks, "pace_ms": pace_ms}
        return json.dumps(request)


@dataclass
class Figures:
    """What one scenario cost one target. CPU per request in µs by role, latencies in µs, memory in bytes by role."""

    requests: int
    errors: int
    rps: float
    p50_us: float
    p99_us: float
    first_p50_us: float
    load_cpu_us: float
    cpu_us: dict[str, float]
    rss_peak: dict[str, int] = field(default_factory=dict)


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process, user and system, in ns.

    The process CPU clock (clock_getcpuclockid(3) on Linux) where it can be read, else /proc/PID/stat in steps of 10 ms.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> int:
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def command(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found.extend(parents.get(member, []))
    return found


def halves() -> tuple[set[int], set[int]]:
    """The CPUs for simulator and generator, and those for what is measured; the same when there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    middle = (len(cpus) + 1) // 2
    return set(cpus[:middle]), set(cpus[middle:]) or set(cpus)


@contextmanager
def pinned(cpus: set[int]) -> Iterator[None]:
    """Children started inside inherit ``cpus`` from their first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment() -> dict[str, str]:
    """The environment for children that import this tree, wherever they run."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path}


def run(scenario: Scenario, target: Target, cpus: set[int]) -> Figures:
    """Measure ``scenario`` against a running ``target`` with the generator on ``cpus``. Raises RuntimeError."""
    spec = scenario.spec(target)
    arguments = [sys.executable, "-m", "bench.load", msgspec.json.encode(spec).decode()]
    with (
        pinned(cpus),
        subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(), bufsize=1
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _line(process.stdout, "warm")
            roles = target.roles()
            before = _cpu(roles)
            process.stdin.write("go\n")
            process.stdin.flush()
            peak: dict[str, int] = {}
            while not select.select([process.stdout], [], [], SAMPLE_S)[0]:
                for role, pids in roles.items():
                    peak[role] = max(peak.get(role, 0), sum(map(rss, pids)))
            after = _cpu(roles)
            line = _line(process.stdout, "{")
        finally:
            process.kill()
    result = msgspec.json.decode(line, type=Result)
    count = max(result.done + result.errors, 1)
    return Figures(
        requests=result.done,
        errors=result.errors,
        rps=result.done / result.seconds,
        p50_us=result.total[0] / 1000,
        p99_us=result.total[1] / 1000,
        first_p50_us=result.first[0] / 1000,
        load_cpu_us=result.own_cpu_ns / count / 1000,
        cpu_us={role: (after[role] - before[role]) / count / 1000 for role in roles},
        rss_peak=peak,
    )


def _cpu(roles: dict[str, list[int]]) -> dict[str, int]:
    return {role: sum(map(cpu_ns, pids)) for role, pids in roles.items()}


def _line(stream: IO[str], start: str) -> str:
    if not select.select([stream], [], [], PATIENCE_S)[0]:
        raise RuntimeError(f"the load generator was silent for {PATIENCE_S} s")
    line = stream.readline()
    if not line.startswith(start):
        raise RuntimeError(f"the load generator failed: {line!r}")
    return line
