"""A keeper with a package that only looks like LiteLLM's SDK: what it starts, what it ends, what the package can get at."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support import fake_sdk

from phantom_gateway.bridge.inside.kernel import Kernel
from phantom_gateway.bridge.inside.link import Link
from phantom_gateway.bridge.keeper import Keeper
from phantom_gateway.spine.bridge import HEADER, BridgeSettings, BridgeSlot, written

pytestmark = pytest.mark.skipif(
    not Kernel().landlock_abi(), reason="THIS KERNEL HAS NO LANDLOCK: the sandbox is not tested here"
)


HOME = Path.home()
FORBIDDING = """#!PYTHON -IS
import ctypes, os, platform, struct, sys
number = {"unshare": {"x86_64": 272, "aarch64": 97}[platform.machine()], "landlock": 444}["CALL"]
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))) == 0
os.execve("PYTHON", sys.argv, {})
"""
"""An interpreter under a filter, as those of containers are: unshare(2) is what they usually forbid."""


class House:
    """A keeper with slots, and their sockets as the supervisor holds them."""

    def __init__(self, folder: Path, link: Link) -> None:
        self.folder = folder
        self.link = link
        self.sockets: dict[str, socket.socket] = {}

    def path(self, slot: str) -> Path:
        return self.folder / f"b-{slot}.sock"

    def plan(self, settings: BridgeSettings, *slots: BridgeSlot) -> None:
        self.link.send({"settings": written(settings), "slots": [slot.id for slot in slots]})
        for slot in slots:
            if slot.id not in self.sockets:
                sock = socket.socket(socket.AF_UNIX)
                sock.bind(str(self.path(slot.id)))
                sock.listen(100)
                self.sockets[slot.id] = sock
            self.link.send({"slot": written(slot)}, (self.sockets[slot.id].fileno(),))

    async def call(
        self, slot: str, model: str, key: str = "sk-canary-one", **fields: Any
    ) -> tuple[int, dict[str, Any]]:
        """One call, answered whole."""
        head, body = await self.raw(slot, model, key, **fields)
        return int(head.split()[1]), json.loads(body)

    async def raw(self, slot: str, model: str, key: str = "sk-canary-one", **fields: Any) -> tuple[bytes, bytes]:
        """The whole answer, as it came."""
        with await self.ask(slot, model, key, **fields) as sock:
            head, _, body = (await rest_of(sock)).partition(b"\r\n\r\n")
        return head, body

    async def ask(
        self, slot: str, model: str, key: str = "sk-canary-one", said: dict[str, Any] | None = None, **fields: Any
    ) -> socket.socket:
        """A call that is under way."""
        deployment = {
            "slot": slot, "provider": "fake", "params": {"api_key": key}, "environment": {}, "secrets": [key],
            "drop": False, "modify": False, "without": [], "named": False, **(said or {}),
        }  # fmt: skip
        body = json.dumps({"model": model, "messages": [], **fields}).encode()
        header = base64.b64encode(json.dumps(deployment).encode()).decode()
        head = f"POST /chat HTTP/1.1\r\nhost: x\r\n{HEADER}: {header}\r\ncontent-length: {len(body)}\r\n\r\n"
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, str(self.path(slot)))
        await loop.sock_sendall(sock, head.encode() + body)
        return sock

    async def text(self, slot: str, model: str, key: str = "sk-canary-one") -> str:
        status, answer = await self.call(slot, model, key)
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])


async def rest_of(sock: socket.socket) -> bytes:
    """What still comes; all of it is there when the other side closes."""
    came = b""
    async with asyncio.timeout(30):
        while data := await asyncio.get_running_loop().sock_recv(sock, 65536):
            came += data
    return came


@asynccontextmanager
async def house(folder: Path, settings: BridgeSettings, *slots: str) -> AsyncIterator[House]:
    ours, theirs = Link.pair()
    keeper = Keeper(theirs)
    running = asyncio.get_running_loop().create_task(keeper.run(), name="keeper")
    subject = House(folder, ours)
    subject.plan(
        settings,
        *(BridgeSlot(id=slot, provider="fake", hosts={"named.test": ()}, suffixes=("fake.test",)) for slot in slots),
    )
    try:
        yield subject
    finally:
        ours.close()
        async with asyncio.timeout(20):
            await running
        for sock in subject.sockets.values():
            sock.close()


@pytest.fixture
def python(tmp_path: Path) -> str:
    return str(fake_sdk.install(tmp_path / "env"))


def forbid(python: Path, call: str) -> None:
    """Put a filter around an interpreter."""
    real = python.resolve()
    python.unlink()
    python.write_text(FORBIDDING.replace("PYTHON", str(real)).replace("CALL", call))
    python.chmod(0o755)


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions are about other processes
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_hostile_sdk_finds_the_key_of_its_call_and_nothing_else(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Kernel().landlock_abi() < 4:
        pytest.skip(
            "LANDLOCK OF THIS KERNEL DOES NOT KNOW TCP, and namespaces may be forbidden: the walls are not whole here"
        )
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-environment")
    data = tmp_path / "data"
    data.mkdir()
    (data / "secret").write_text("sk-canary-data")
    with socket.create_server(("127.0.0.1", 0)) as inside, socket.socket(socket.AF_UNIX) as spine:
        spine.bind(str(data / "spine.sock"))
        spine.listen()
        async with house(tmp_path, BridgeSettings(python=python), "one", "two") as subject:
            other = int(await subject.text("two", "pid", "sk-canary-two"))
            aims = {
                "files": [str(data / "secret"), str(Path(__file__)), str(HOME / ".bashrc"), python + "../../pyvenv.cfg"],
                "folders": [str(data), str(tmp_path), "/tmp", "/home", "/root", "/proc", "/var/tmp"],
                "sockets": [str(data / "spine.sock"), str(subject.path("two")), str(subject.path("one"))],
                "ports": [inside.getsockname()[1]],
                "pids": [os.getpid(), other, 1],
                "targets": [f"127.0.0.1:{inside.getsockname()[1]}", "169.254.169.254:80", "localhost:443", "1.1.1.1:443",
                            "named.test.evil.example:443", "[::1]:443"],
            }  # fmt: skip
            said = json.loads(await subject.text("one", "look " + json.dumps(aims)))
    assert said == {"found": {}, "at_import": {}, "key": "sk-canary-one"}
    assert not (tmp_path / "env" / "pth-ran").exists(), "no site folder is read where the SDK is loaded"


async def test_where_no_namespace_can_be_made_the_walls_hold_as_far_as_they_reach(tmp_path: Path, python: str) -> None:
    """As in a container that forbids it: TCP is then bound to the port of the way out."""
    if Kernel().landlock_abi() < 4:
        pytest.skip("LANDLOCK OF THIS KERNEL DOES NOT KNOW TCP")
    forbid(Path(python), "unshare")
    with socket.create_server(("127.0.0.1", 0)) as inside:
        async with house(tmp_path, BridgeSettings(python=python), "one", "two") as subject:
            other = int(await subject.text("two", "pid"))
            aims = {
                "files": [str(Path(__file__))], "folders": [str(tmp_path), "/tmp"], "sockets": [str(subject.path("two"))],
                "ports": [inside.getsockname()[1]], "pids": [os.getpid(), other],
                "targets": [f"127.0.0.1:{inside.getsockname()[1]}"],
            }  # fmt: skip
            said = json.loads(await subject.text("one", "look " + json.dumps(aims)))
            assert said["found"] == {}


async def test_a_wall_that_is_required_and_missing_is_told(tmp_path: Path, python: str) -> None:
    forbid(Path(python), "landlock")
    async with house(tmp_path, BridgeSettings(python=python), "one") as subject:
        assert int(await subject.text("one", "pid"))
    async with house(tmp_path / "env", BridgeSettings(python=python, sandbox="required"), "one") as subject:
        status, answer = await subject.call("one", "pid")
    assert status == 503
    assert "the sandbox is required and not whole: files: " in answer["error"]["message"]


async def test_one_credential_one_process(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python), "one", "two") as subject:
        first, again = [await subject.text("one", "pid") for _ in range(2)]
        assert first == again
        assert await subject.text("two", "pid") != first
        status, answer = await subject.call("one", "pid", said={"slot": "two"})
        assert status == 421, answer


async def test_what_dies_is_replaced_and_nobody_waits_in_vain(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python), "one") as subject:
        first = int(await subject.text("one", "pid"))
        assert (await subject.raw("one", "crash"))[0] == b""
        second = int(await subject.text("one", "pid"))
        assert second != first
        os.kill(parent(second), signal.SIGKILL)
        await eventually(lambda: not alive(second))
        assert int(await subject.text("one", "pid")) not in (first, second)


async def test_a_process_that_grows_or_hangs_is_ended(tmp_path: Path, python: str) -> None:
    settings = BridgeSettings(python=python, memory_mb=64, hang_s=1.5)
    async with house(tmp_path, settings, "one") as subject:
        first = await subject.text("one", "pid")
        assert (await subject.raw("one", "grow 128"))[0] == b""
        second = await subject.text("one", "pid")
        assert (await subject.raw("one", "hang"))[0] == b""
        third = await subject.text("one", "pid")
        assert len({first, second, third}) == 3
        status, answer = await subject.call("one", "bomb 4096")
        assert (status, answer["error"]["type"]) == (500, "MemoryError")
        assert await subject.text("one", "pid") == third


async def test_the_idle_make_room(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python, max_processes=1), "one", "two") as subject:
        first = int(await subject.text("one", "pid"))
        assert int(await subject.text("two", "pid")) != first
        assert not alive(first)
    async with house(tmp_path / "env", BridgeSettings(python=python, idle_s=0.5), "one") as subject:
        first = int(await subject.text("one", "pid"))
        await eventually(lambda: not alive(first))
        assert int(await subject.text("one", "pid")) != first


async def test_many_calls_bring_another_process(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python, processes=2), "one") as subject:
        waiting = [await subject.ask("one", "wait") for _ in range(40)]
        first = {await subject.text("one", "pid")}
        async with asyncio.timeout(20):
            while len(first) < 2:
                first.add(await subject.text("one", "pid"))
        for sock in waiting:
            sock.close()


async def test_a_caller_that_leaves_ends_the_call(tmp_path: Path, python: str) -> None:
    settings = BridgeSettings(python=python, idle_s=0.5)
    async with house(tmp_path, settings, "one") as subject:
        pid = int(await subject.text("one", "pid"))
        (await subject.ask("one", "wait")).close()
        await eventually(lambda: not alive(pid))  # it waits no longer for the call, else it were not idle


async def test_streams_and_failures(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python), "one") as subject:
        head, body = await subject.raw("one", "stream 3", stream=True)
        assert b"text/event-stream" in head
        assert body.count(b"data: ") == 4
        assert body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        head, body = await subject.raw("one", "limit")
        assert head.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 7" in head
        assert b"slow down, [key]" in body
        status, answer = await subject.call("one", "asked", temperature=1, top_k=3, metadata={"a": 1})
        asked = json.loads(answer["choices"][0]["message"]["content"])
        assert status == 200
        assert {
            "temperature": 1,
            "top_k": 3,
            "max_retries": 0,
            "num_retries": 0,
            "api_key": "sk-canary-one",
        }.items() <= asked.items()
        assert "metadata" not in asked
        for name in (
            "api_base",
            "aws_profile_name",
            "extra_headers",
            "callbacks",
            "_x",
            "timeout",
            "vertex_credentials",
        ):
            status, answer = await subject.call("one", "asked", **{name: "http://127.0.0.1"})
            assert (status, answer["error"]["type"]) == (400, "Refused"), name


async def test_an_address_is_no_name_of_a_model(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python), "one") as subject:
        status, answer = await subject.call("one", "https://evil.test/v1")
        assert (status, answer["error"]["message"]) == (400, "The name of the model must not be an address.")
        assert (await subject.call("one", "https://mine.test/v1", said={"named": True}))[0] == 200


async def test_what_is_dropped_is_named(tmp_path: Path, python: str) -> None:
    async with house(tmp_path, BridgeSettings(python=python), "one") as subject:
        head, _ = await subject.raw("one", "asked", said={"drop": True}, temperature=1, seed=3, metadata={})
        assert b"x-phantom-dropped-params: metadata,seed\r\n" in head


async def test_without_the_sdk_every_call_is_told_what_to_do(tmp_path: Path) -> None:
    async with house(tmp_path, BridgeSettings(python=str(tmp_path / "nowhere" / "python")), "one") as subject:
        for _ in range(2):
            head, body = await subject.raw("one", "pid")
            assert head.startswith(b"HTTP/1.1 503")
            assert b"x-phantom-bridge-failed" in head
            assert b"make bridge" in body


async def test_an_sdk_that_does_not_load_says_why(tmp_path: Path) -> None:
    python = fake_sdk.install(tmp_path / "env", "raise RuntimeError('broken release')")
    async with house(tmp_path, BridgeSettings(python=str(python)), "one") as subject:
        status, answer = await subject.call("one", "pid")
        assert status == 503
        assert "RuntimeError: broken release" in answer["error"]["message"]


async def test_each_credential_may_load_the_sdk_by_itself(tmp_path: Path, python: str) -> None:
    settings = BridgeSettings(python=python, separation="import")
    async with house(tmp_path, settings, "one", "two") as subject:
        pids = [int(await subject.text(slot, "pid")) for slot in ("one", "two")]
        assert len({parent(pid) for pid in pids}) == 2
        subject.plan(settings, BridgeSlot(id="two", provider="fake"))
        await eventually(lambda: not alive(pids[0]))
        assert int(await subject.text("two", "pid")) == pids[1]


async def test_a_slot_that_is_not_planned_any_more_finishes_what_it_does(tmp_path: Path, python: str) -> None:
    settings = BridgeSettings(python=python)
    async with house(tmp_path, settings, "one", "two") as subject:
        with await subject.ask("one", "stream 30", stream=True) as sock:
            await asyncio.get_running_loop().sock_recv(sock, 1)
            subject.plan(settings, BridgeSlot(id="two", provider="fake"))
            assert (await rest_of(sock)).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
