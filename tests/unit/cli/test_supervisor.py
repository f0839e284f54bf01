"""The supervisor with small children that behave, or misbehave, as a test says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from phantom_gateway.cli import supervisor as module
from phantom_gateway.cli.supervisor import Plan, StartError, Supervisor, _Child

CHILD = """
import json, os, signal, sys, time
name, directory, behaviour = sys.argv[1:4]
ready_fd = int(sys.argv[sys.argv.index("--ready-fd") + 1])
def note(word):
    with open(directory + "/log", "a") as log:
        log.write(f"{name} {word}\\n")
with open(f"{directory}/{name}.pid.new", "w") as file:
    file.write(str(os.getpid()))
os.rename(f"{directory}/{name}.pid.new", f"{directory}/{name}.pid")
note("start")
def end(number, frame):
    note("term")
    if behaviour == "deaf":
        return
    note("end")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, lambda number, frame: note("hup"))
if behaviour == "dies":
    sys.exit(3)
if behaviour.startswith("SIG"):
    os.kill(os.getpid(), getattr(signal, behaviour))
if behaviour == "refuses":
    os.write(ready_fd, json.dumps({"error": "the configuration is broken"}).encode() + b"\\n")
    sys.exit(1)
note("ready")  # before it is said: who hears it may look, or kill, at once
if behaviour != "mute":
    os.write(ready_fd, json.dumps({"ready": True, "models": ["m"]}).encode() + b"\\n")
os.close(ready_fd)
while behaviour == "deaf" or os.read(0, 1):
    time.sleep(0.05)
note("orphaned")
"""


class Small(Supervisor):
    """A supervisor whose children are the script above, by name and behaviour."""

    def __init__(self, plan: Plan, script: Path, behaviours: dict[str, str]) -> None:
        self.announced: list[tuple[dict[str, Any], int]] = []
        super().__init__(plan, lambda _, ready, port: self.announced.append((ready, port)))
        self.directory = script.parent
        self._script = script
        self._behaviours = behaviours

    def _control(self) -> _Child:
        return self._small("control")

    def _worker(self, slot: int, sock: socket.socket) -> _Child:
        return self._small(f"gateway-{slot}", sock.fileno())

    def _small(self, name: str, *fds: int) -> _Child:
        behaviour = self._behaviours.get(name, "good")
        command = [sys.executable, "-S", str(self._script), name, str(self.directory), behaviour]
        return _Child(name, command, {"PATH": os.environ["PATH"]}, fds=fds)

    def log(self) -> list[str]:
        path = self.directory / "log"
        return path.read_text().splitlines() if path.exists() else []

    def pid(self, name: str) -> int:
        return int((self.directory / f"{name}.pid").read_text())

    @property
    def port(self) -> int:
        return self.announced[0][1]


def small(path: Path, workers: int = 1, grace: float = 5.0, **behaviours: str) -> Small:
    script = path / "child.py"
    script.write_text(CHILD)
    plan = Plan(path / "data", None, "127.0.0.1", 0, workers, grace)
    return Small(plan, script, {name.replace("_", "-"): behaviour for name, behaviour in behaviours.items()})


@asynccontextmanager
async def running(subject: Small) -> AsyncIterator[asyncio.Task[int]]:
    """Run it; at the end, however that comes, it and its children are gone."""
    task = asyncio.get_running_loop().create_task(subject.run(), name="supervisor")
    try:
        await eventually(lambda: bool(subject.announced) or task.done())
        yield task
    finally:
        subject._stopping.set()
        await asyncio.wait({task}, timeout=20)
        assert task.done()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - conditions are about other processes
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_announces_when_all_are_ready_and_ends_in_order(tmp_path: Path) -> None:
    subject = small(tmp_path, workers=2)
    async with running(subject) as task:
        assert subject.announced[0][0] == {"ready": True, "models": ["m"]}
        assert {line for line in subject.log() if "ready" in line} == {
            "control ready",
            "gateway-0 ready",
            "gateway-1 ready",
        }
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task == 0
    log = subject.log()
    assert log[-2:] == ["control term", "control end"]
    assert {"gateway-0 end", "gateway-1 end"} <= set(log[: log.index("control term")])
    assert not any(alive(subject.pid(name)) for name in ("control", "gateway-0", "gateway-1"))


async def test_a_killed_child_is_replaced_and_its_port_never_refuses(tmp_path: Path) -> None:
    subject = small(tmp_path, workers=1)
    async with running(subject):
        first = subject.pid("gateway-0")
        os.kill(first, signal.SIGKILL)
        _, writer = await asyncio.open_connection("127.0.0.1", subject.port)
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: subject.log().count("gateway-0 ready") == 2)
        assert subject.pid("gateway-0") != first
        control = subject.pid("control")
        os.kill(control, signal.SIGKILL)
        await eventually(lambda: subject.log().count("control ready") == 2)
        assert subject.log().count("gateway-0 start") == 2, "the worker did not notice"


async def test_a_child_that_keeps_dying_is_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", (0.0, 0.01, 0.02))
    subject = small(tmp_path)
    async with running(subject):
        subject._children[1].command[-1] = "dies"
        os.kill(subject.pid("gateway-0"), signal.SIGKILL)
        await eventually(lambda: subject._children[1].failures > 3)
        subject._children[1].command[-1] = "good"
        await eventually(lambda: subject.log().count("gateway-0 ready") == 2)


async def test_a_reload_waits_for_control_to_be_there(tmp_path: Path) -> None:
    subject = small(tmp_path, control="slow")
    go = tmp_path / "go"
    wait = f'if behaviour == "slow":\n    while not os.path.exists({str(go)!r}): time.sleep(0.01)\n'
    early = "signal.signal(signal.SIGTERM, end)\n"
    (tmp_path / "child.py").write_text(CHILD.replace(early, wait + early))
    task = asyncio.get_running_loop().create_task(subject.run(), name="supervisor")
    await eventually(lambda: "control start" in subject.log())
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.05)
    go.touch()
    await eventually(lambda: "control hup" in subject.log())
    os.kill(os.getpid(), signal.SIGTERM)
    assert await task == 0


async def test_a_child_that_is_killed_while_it_starts_is_no_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", (0.0, 600.0))
    monkeypatch.setattr(module, "KILLED_BACKOFF_S", (0.0, 0.01))
    subject = small(tmp_path)
    async with running(subject):
        subject._children[1].command[-1] = "SIGKILL"
        os.kill(subject.pid("gateway-0"), signal.SIGKILL)
        await eventually(lambda: subject._children[1].failures > 3)
        subject._children[1].command[-1] = "good"
        await eventually(lambda: subject.log().count("gateway-0 ready") == 2)
    assert "gateway-0 was ended by signal SIGKILL while it started" in caplog.text
    assert "its own words" not in caplog.text


def test_what_ends_itself_waits_as_long_as_what_is_broken() -> None:
    last = max(module.BACKOFF_S)
    assert module._delay(99, killed=module._is_killed(-signal.SIGSEGV)) == last
    assert module._delay(99, killed=module._is_killed(3)) == last
    assert module._delay(99, killed=module._is_killed(-signal.SIGKILL)) < 1
    assert module._delay(0, killed=False) == 0


def test_every_end_has_a_name() -> None:
    assert [module._ending(code) for code in (0, 7, -9, -35)] == [
        "exit code 0", "exit code 7", "signal SIGKILL", "signal 35",
    ]  # fmt: skip


async def test_a_reload_is_for_control(tmp_path: Path) -> None:
    subject = small(tmp_path)
    async with running(subject):
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: "control hup" in subject.log())
        assert "gateway-0 hup" not in subject.log()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("dies", r"control did not start \(exit code 3\); its own words are above"),
        ("refuses", "the configuration is broken"),
        ("SIGKILL", "control was ended by signal SIGKILL while it started"),
        ("SIGSEGV", "control was ended by signal SIGSEGV while it started"),
    ],
)
async def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path, behaviour: str, words: str) -> None:
    subject = small(tmp_path, control=behaviour)
    with pytest.raises(StartError, match=words):
        await subject.run()
    assert subject.announced == []
    for name in ("control", "gateway-0"):
        if (tmp_path / f"{name}.pid").exists():  # it may have ended before it began
            pid = subject.pid(name)
            await eventually(lambda pid=pid: not alive(pid))  # type: ignore[misc]


async def test_a_start_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_TIMEOUT_S", 0.3)
    subject = small(tmp_path, gateway_0="slow")
    subject._behaviours["control"] = "good"
    child = CHILD.replace('if behaviour != "mute":', 'if behaviour == "slow": time.sleep(60)\nif behaviour != "mute":')
    (tmp_path / "child.py").write_text(child)
    with pytest.raises(StartError, match="gateway-0 did not start: it did not say"):
        await subject.run()
    assert not alive(subject.pid("gateway-0"))


async def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    subject = small(tmp_path, control="slow")
    child = CHILD.replace('if behaviour != "mute":', 'if behaviour == "slow": time.sleep(60)\nif behaviour != "mute":')
    (tmp_path / "child.py").write_text(child)
    task = asyncio.get_running_loop().create_task(subject.run(), name="supervisor")
    await eventually(lambda: "control start" in subject.log())
    os.kill(os.getpid(), signal.SIGTERM)
    done, _ = await asyncio.wait({task}, timeout=10)
    assert done
    assert not alive(subject.pid("control"))


async def test_the_deaf_are_killed_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_EXTRA_S", 0.2)
    subject = small(tmp_path, grace=0.1, gateway_0="deaf")
    async with running(subject) as task:
        os.kill(os.getpid(), signal.SIGINT)
        assert await task == 0
    assert not alive(subject.pid("gateway-0"))
    assert "control end" in subject.log()


async def test_children_end_with_the_supervisor(tmp_path: Path) -> None:
    """Their standard input closes when it dies: the pipe is all that connects them."""
    subject = small(tmp_path)
    async with running(subject):
        process = subject._children[1].process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        await eventually(lambda: "gateway-0 orphaned" in subject.log())


async def test_one_gateway_per_data_directory(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with running(small(tmp_path)):
        second = small(tmp_path / "other")
        second._plan = Plan(tmp_path / "data", None, "127.0.0.1", 0, 1, 1.0)
        with pytest.raises(StartError, match="another gateway already serves"):
            await second.run()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "run").stat().st_mode & 0o777 == 0o700


async def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        subject = small(tmp_path)
        subject._plan = Plan(tmp_path / "data", None, "127.0.0.1", taken.getsockname()[1], 1, 1.0)
        with pytest.raises(StartError, match="cannot listen on"):
            await subject.run()
    assert subject.log() == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the bridge runs on Linux only")
async def test_the_bridge_has_a_keeper_as_long_as_there_is_something_to_keep(tmp_path: Path) -> None:
    subject = small(tmp_path)
    slots = [{"id": "0123456789abcdef", "provider": "p"}]
    path = tmp_path / "data" / "run" / "b-0123456789abcdef.sock"

    async def asked() -> bytes:
        """There is no SDK; who says so is the keeper."""
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"POST /chat HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async with running(subject):
        assert not any(child.name == "bridge" for child in subject._children)
        subject._plan_bridge({"settings": {"python": "/nowhere/python"}, "slots": slots})
        assert b"make bridge" in await asked()
        (keeper,) = [child for child in subject._children if child.name == "bridge"]
        assert keeper.process is not None
        first = keeper.process.pid
        os.kill(first, signal.SIGKILL)
        assert b"make bridge" in await asked(), "who called meanwhile has waited"
        assert keeper.process.pid != first
        last = keeper.process.pid
        subject._plan_bridge({"settings": {}, "slots": []})
        await eventually(lambda: not alive(last))
        assert not path.exists()


async def test_workers_share_one_port(tmp_path: Path) -> None:
    async with running(small(tmp_path, workers=3)) as task:
        assert not task.done()


def test_a_worker_sees_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    plan = Plan(tmp_path, Path("/c.yaml"), "127.0.0.1", 0, 1, 60.0, Path("/cert"), Path("/key"))
    subject = Supervisor(plan, lambda *_: None)
    with socket.socket() as sock:
        worker = subject._worker(0, sock)
        assert worker.environment.keys() <= {"PATH", "PYTHONPATH", "LANG", "TZ"}
        assert worker.fds == (sock.fileno(),)
    assert worker.command[-4:] == ["--tls-cert", "/cert", "--tls-key", "/key"]
    assert "/c.yaml" not in worker.command, "the configuration is control's"
    control = subject._control()
    assert control.environment["OPENAI_API_KEY"] == "sk-secret"
    assert control.command[-2:] == ["--config", "/c.yaml"]
    assert "sk-secret" not in json.dumps(control.command)
