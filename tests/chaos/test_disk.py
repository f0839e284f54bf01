"""A disk that is full, and one that refuses to sync: nothing acknowledged is lost, and no upstream is called in vain."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO, chat, row_of_user
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway, wait_until

from phantom_gateway.gateway.worker import Worker
from phantom_gateway.ledger.files import OsLayer
from phantom_gateway.ledger.journal import Journal

PATH = "/v1/chat/completions"
DISK = "40m"
"""The journal keeps a reserve of 8 MiB and wants some room beside it."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(directory)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: the full disk; a tmpfs cannot be mounted here ({mounted.stderr.strip()})")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> Path:
    """Take every byte there is."""
    path = directory / "filler"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    size = 1 << 20
    while size:
        try:
            os.write(descriptor, b"x" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2
    os.close(descriptor)
    return path


@pytest.mark.slow
def test_a_full_disk(small_disk: Path, tmp_path: Path, simulator: SimulatorThread) -> None:
    config = write_config(tmp_path, simulator)
    with running_gateway(small_disk / "data", config) as gateway:
        key = gateway.key(max_budget=1)
        assert chat(gateway, key, user="before").status == 200
        headers = {"Authorization": f"Bearer {key}"}
        asked = {"model": "gpt", "messages": HELLO, "stream": True, "user": "under-way", "max_tokens": 400}
        asked["simulate"] = {"chunks": 400, "pace_ms": 20}
        url = gateway.url + PATH
        with httpx.stream("POST", url, json=asked, headers=headers, timeout=60) as stream:
            pieces = stream.iter_bytes()
            seen = next(pieces)
            filler = fill(small_disk)
            refused = until_refused(gateway, key)
            assert "503" in str(httpx.get(f"{gateway.url}/health/readiness").status_code)
            assert httpx.get(f"{gateway.url}/health/liveliness").status_code == 200
            for number in range(5):
                again = chat(gateway, key, user=f"full-{number}", stream=number % 2 == 1)
                assert again.error is not None
                assert (again.status, again.error["type"]) == (503, "storage_full")
                assert again.headers["retry-after"]
            # what runs is finished and settled from the reserve
            seen += b"".join(pieces)
        assert seen.endswith(b"data: [DONE]\n\n")
        counted = simulator.counts()["users"]
        assert not [user for user in counted if user.startswith("full-")]
        assert refused not in counted
        assert gateway.process.poll() is None
        filler.unlink()
        wait_until(lambda: chat(gateway, key, user="after").status == 200, 30)
        wait_until(lambda: httpx.get(f"{gateway.url}/health/readiness").status_code == 200)
        assert (row_of_user(gateway, "under-way")["status"], row_of_user(gateway, "under-way")["output"]) == (
            "success",
            400,
        )
        wait_until(lambda: gateway.admin("POST", "/key/generate", json={}).status_code == 200, 30)
        assert gateway.stop() == 0
        assert gateway.verify() == 0
        assert "Traceback" not in "".join(gateway.lines)


@pytest.mark.slow
def test_who_dies_while_the_disk_is_full_comes_back(
    small_disk: Path, tmp_path: Path, simulator: SimulatorThread
) -> None:
    """Nobody hangs: a worker without room for a journal says so, and needs nobody when there is room again."""
    with running_gateway(small_disk / "data", write_config(tmp_path, simulator)) as gateway:
        key = gateway.key(max_budget=1)
        assert chat(gateway, key, user="before").status == 200
        filler = fill(small_disk)
        until_refused(gateway, key)
        for name in ("gateway", "control", "gateway"):
            (child,) = gateway.children(name)
            child.kill()
            child.wait(10)
            seen = chat(gateway, MASTER_KEY, user=f"full-{name}")
            assert seen.error is not None
            assert (seen.status, seen.error["type"]) == (503, "storage_full")
        filler.unlink()
        wait_until(lambda: chat(gateway, key, user="after").status == 200, 30)
        assert not [user for user in simulator.counts()["users"] if user.startswith("full-")]
        assert gateway.stop() == 0
        assert gateway.verify() == 0
        assert "Traceback" not in "".join(gateway.lines)


def until_refused(gateway: Gateway, key: str) -> str:
    """The label of the first request that is refused: a little of what was allocated before may still be free."""
    for number in range(2000):
        label = f"last-{number}"
        seen = chat(gateway, key, user=label, simulate={"chunks": 1})
        if seen.status != 200:
            assert seen.error is not None
            assert (seen.status, seen.error["type"]) == (503, "storage_full")
            return label
    raise AssertionError("the disk is never full")


class Faulty(OsLayer):
    """Fails the syncs whose numbers are asked for."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails: range = range(0)

    def fdatasync(self, fd: int) -> None:
        self.calls += 1
        if self.calls in self.fails:
            raise OSError(errno.EIO, "injected")
        super().fdatasync(fd)


@asynccontextmanager
async def worker_here(gateway: Gateway, layer: OsLayer) -> AsyncIterator[str]:
    """A real worker in this process, joined to the gateway's control; the address it serves at."""
    worker = Worker(gateway.data_dir, slot=99)
    journal = worker.journal
    faulty = Journal(journal.directory, journal.incarnation, os_layer=layer, reserve_bytes=1 << 20)
    worker.journal = faulty
    worker.books = worker.books._replace(journal=faulty)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await worker.start()
        await worker.serve(listener, None)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await worker.stop(5)


async def ask(client: httpx.AsyncClient, label: str, *, stream: bool = False) -> tuple[int, bool]:
    """Status, and whether the answer was acknowledged as complete."""
    body: dict[str, Any] = {
        "model": "gpt",
        "messages": HELLO,
        "user": label,
        "stream": stream,
        "simulate": {"chunks": 2},
    }
    answer = await client.post(PATH, json=body)
    if stream:
        return answer.status_code, answer.content.endswith(b"data: [DONE]\n\n")
    return answer.status_code, answer.status_code == 200 and "choices" in answer.json()


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["group", "strict"])
async def test_a_sync_that_fails_once(tmp_path: Path, simulator: SimulatorThread, sync: str) -> None:
    """The n-th sync fails, n from 1 to 50: the records go to a new file, and everything acknowledged is there once."""
    config = write_config(tmp_path, simulator)
    config.write_text(config.read_text() + f"phantom: {{journal_sync: {sync}}}\n")
    acknowledged = []
    with running_gateway(tmp_path / "data", config) as gateway:
        layer = Faulty()
        async with worker_here(gateway, layer) as url, client_of(url) as client:
            for n in range(1, 51):
                layer.fails = range(layer.calls + 1 + n % 3, layer.calls + 2 + n % 3)
                for turn in range(3):
                    label = f"once-{n}-{turn}"
                    status, complete = await ask(client, label, stream=turn == 1)
                    assert (status, complete) == (200, True)
                    acknowledged.append(label)
                deadline = time.monotonic() + 10
                while layer.calls < layer.fails.stop:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.02)
                    acknowledged.append(f"wait-{n}-{layer.calls}-{len(acknowledged)}")
                    assert await ask(client, acknowledged[-1]) == (200, True)
        await asyncio.to_thread(holds, gateway, acknowledged)


@pytest.mark.slow
async def test_a_disk_that_refuses_to_sync_for_a_while(tmp_path: Path, simulator: SimulatorThread) -> None:
    """With strict syncing nothing is acknowledged meanwhile; afterwards it goes on by itself."""
    config = write_config(tmp_path, simulator)
    config.write_text(config.read_text() + "phantom: {journal_sync: strict}\n")
    acknowledged, refused = [], 0
    with running_gateway(tmp_path / "data", config) as gateway:
        layer = Faulty()
        async with worker_here(gateway, layer) as url, client_of(url) as client:
            assert await ask(client, "strict-0") == (200, True)
            acknowledged.append("strict-0")
            layer.fails = range(layer.calls + 1, 10**9)
            for number in range(1, 6):
                status, complete = await ask(client, f"strict-{number}", stream=number % 2 == 0)
                assert not complete
                refused += status == 503
            assert refused >= 4
            layer.fails = range(0)
            deadline = time.monotonic() + 30
            number = 6
            while not (await ask(client, f"strict-{number}"))[1]:
                assert time.monotonic() < deadline
                number += 1
                await asyncio.sleep(0.1)
            acknowledged.append(f"strict-{number}")
            assert await ask(client, "strict-last", stream=True) == (200, True)
            acknowledged.append("strict-last")
        await asyncio.to_thread(holds, gateway, acknowledged)


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=30)


def holds(gateway: Gateway, acknowledged: list[str]) -> None:
    """All of them are in the ledger, each once, and it proves."""
    for label in acknowledged:
        row = row_of_user(gateway, label)
        assert (row["status"], row["output"]) == ("success", 2)
    doubled = gateway.rows("SELECT end_user FROM requests GROUP BY end_user HAVING count(*) > 1")
    assert doubled == []
    assert gateway.stop() == 0
    assert gateway.verify() == 0
