"""The worker as a process, as the supervisor starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.unit.gateway.rig import PEPPER, Control, ask

from phantom_gateway.spine.snapshot import Snapshot

ROOT = Path(__file__).parents[3]


@dataclass
class Child:
    """A worker process, its port, and what it said when it was ready (empty when it ended instead)."""

    process: asyncio.subprocess.Process
    port: int
    said: bytes = b""

    async def ended(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def worker(data_dir: Path, *arguments: str, control: bool = True) -> AsyncIterator[Child]:
    """Start a worker and wait for its word."""
    (data_dir / "run").mkdir(parents=True)
    spine = None
    party = Control(Snapshot(revision=1, key_pepper=PEPPER))
    if control:
        path = str(data_dir / "run" / "spine.sock")
        spine = await asyncio.get_running_loop().create_unix_server(lambda: party, path)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        read_fd, write_fd = os.pipe()
        command = [sys.executable, "-m", "phantom_gateway.gateway", "--data-dir", str(data_dir), "--slot", "3"]
        command += ["--listen-fd", str(sock.fileno()), "--ready-fd", str(write_fd), "--grace", "1", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
            pass_fds=(sock.fileno(), write_fd),
        )
        os.close(write_fd)
        child = Child(process, sock.getsockname()[1])
        try:
            if control:
                child.said = await asyncio.get_running_loop().run_in_executor(None, os.read, read_fd, 1000)
            yield child
        finally:
            os.close(read_fd)
            if process.returncode is None:
                process.kill()
                await process.wait()
            party.hang_up()
            if spine is not None:
                spine.close()
                await spine.wait_closed()
            await asyncio.sleep(0)


async def test_it_says_that_it_is_ready_serves_and_ends_when_told(tmp_path: Path) -> None:
    async with worker(tmp_path) as child:
        assert json.loads(child.said) == {"ready": True}
        answer = await ask(child.port, "GET", "/health/readiness", b"", {})
        assert answer.status == 200
        child.process.send_signal(signal.SIGTERM)
        assert await child.ended() == 0


async def test_a_reload_is_not_its_business(tmp_path: Path) -> None:
    async with worker(tmp_path) as child:
        child.process.send_signal(signal.SIGHUP)
        assert (await ask(child.port, "GET", "/health/liveliness", b"", {})).status == 200


async def test_it_ends_with_its_supervisor(tmp_path: Path) -> None:
    async with worker(tmp_path) as child:
        assert child.process.stdin is not None
        child.process.stdin.close()
        assert await child.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_can_be_ended_while_it_waits_for_control(tmp_path: Path, number: signal.Signals) -> None:
    async with worker(tmp_path, control=False) as child:
        async with asyncio.timeout(10):
            while not list((tmp_path / "journal").glob("*/lock")):  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
        child.process.send_signal(number)
        assert await child.ended() == 0


async def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("gateway.example")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    arguments = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    async with worker(tmp_path / "data", *arguments) as child:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", child.port, ssl=context, server_hostname="gateway.example"
        )
        writer.write(b"GET /health/liveliness HTTP/1.1\r\nhost: gateway.example\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
        await writer.wait_closed()
