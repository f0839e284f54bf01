"""A whole gateway (`phantom serve`) as a child of the test, with its own data directory and a free port."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

MASTER_KEY = "sk-test-master-0123456789abcdefghijABCDEFGHIJ"
START_SECONDS = 60.0

CONFIG = """\
model_list:
  - model_name: gpt
    litellm_params:
      model: openai/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
    model_info:
      id: gpt-1
      max_output_tokens: 1000
  - model_name: "sim/*"
    litellm_params:
      model: "openai/*"
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
    model_info:
      id: sim-any
      max_output_tokens: 1000
  - model_name: claude
    litellm_params:
      model: anthropic/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
    model_info:
      id: claude-1
      max_output_tokens: 1000
{faults}router_settings:
  num_retries: 0
  allowed_fails: 1000
"""

FAULT = """\
  - model_name: "fault-{name}"
    litellm_params:
      model: openai/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
    model_info:
      id: "fault-{name}"
      max_output_tokens: 1000
"""
FAULTS = ("400", "401", "404", "429", "500", "503", "html", "fin", "retry", "js-401", "js-429", "js-503", "js-fin")
"""Models of the shared gateway that tests may break: each has a deployment of its own, because a broken one rests."""


@dataclass
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[str]
    url: str
    data_dir: Path
    master_key: str = MASTER_KEY
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The public port."""
        return int(self.url.rsplit(":", 1)[1])

    def children(self, name: str) -> list[psutil.Process]:
        """Processes of the module ``phantom_gateway.<name>`` below the supervisor."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if f"phantom_gateway.{name}" in child.cmdline():
                    found.append(child)
        return found

    def admin(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A request with the master key."""
        headers = {"Authorization": f"Bearer {self.master_key}"}
        return httpx.request(method, self.url + path, headers=headers, timeout=10, **arguments)

    def key(self, **fields: Any) -> str:
        """A new virtual key."""
        response = self.admin("POST", "/key/generate", json=fields)
        assert response.status_code == 200, response.text
        return str(response.json()["key"])

    def chat(self, key: str, model: str = "gpt", **fields: Any) -> httpx.Response:
        """One chat request."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello there"}]} | fields
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(self.url + "/v1/chat/completions", headers=headers, json=body, timeout=20)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database directly, read-only."""
        with sqlite3.connect(f"file:{self.data_dir}/phantom.db?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute(query, parameters).fetchall()

    def records(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """The same, each row with the names of its columns."""
        with sqlite3.connect(f"file:{self.data_dir}/phantom.db?mode=ro", uri=True, timeout=10) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, parameters)]

    def spend_logs(self, **filters: str) -> list[dict[str, Any]]:
        """``GET /spend/logs``."""
        rows: list[dict[str, Any]] = self.admin("GET", "/spend/logs", params=filters).json()
        return rows

    def settled(self, count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        """The spend log as soon as it has ``count`` rows."""
        deadline = time.monotonic() + seconds
        while len(rows := self.spend_logs()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return rows

    def verify(self, environment: Mapping[str, str] | None = None) -> int:
        """The exit code of ``phantom verify``; what it says is printed."""
        command = [sys.executable, "-m", "phantom_gateway.cli", "verify", "--data-dir", str(self.data_dir)]
        variables = {**os.environ, **(environment or {})}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables)
        sys.stdout.write(done.stdout + done.stderr)
        return done.returncode

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    """Poll until ``condition()`` is true. Raises AssertionError when it stays false."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@contextmanager
def running_gateway(
    data_dir: Path,
    config: Path | None = None,
    *,
    workers: int = 1,
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """Start ``phantom serve`` on a free port and wait until it says that it is ready; end it at the end."""
    command = [sys.executable, "-m", "phantom_gateway.cli", "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--data-dir", str(data_dir), "--workers", str(workers), *arguments]
    if config is not None:
        command += ["--config", str(config)]
    variables = {
        name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_PROXY", "_proxy"))
    }
    variables |= {"PHANTOM_MASTER_KEY": MASTER_KEY} | dict(environment or {})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables)
    assert process.stdout is not None
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "is ready on" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(START_SECONDS), "".join(lines)
        match = next((m for line in lines if (m := re.search(r"is ready on (\S+)", line))), None)
        assert match is not None, "".join(lines)
        yield Gateway(process, match[1], data_dir, lines=lines)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(5)
        process.stdout.close()


class SimulatorThread:
    """The simulator on a loop of its own, so that synchronous tests can use it."""

    def __init__(self) -> None:
        from phantom_gateway.simulator import Simulator  # imported here: only tests that use it pay for it

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._simulator = asyncio.run_coroutine_threadsafe(self._make(Simulator), self._loop).result(10)
        self.port = asyncio.run_coroutine_threadsafe(self._simulator.start_tcp("127.0.0.1", 0), self._loop).result(10)

    @staticmethod
    async def _make(kind: Any) -> Any:
        return kind()

    def counts(self) -> dict[str, Any]:
        """The simulator's own bookkeeping."""
        counts: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/sim/counts", timeout=10).json()
        return counts

    def requests(self, limit: int = 100) -> list[dict[str, Any]]:
        """What arrived, the last first or last as the simulator keeps it."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/sim/requests?limit={limit}", timeout=10).json()
        found: list[dict[str, Any]] = answer["requests"] if isinstance(answer, dict) else answer
        return found

    def reset(self) -> None:
        """Forget all counts."""
        httpx.post(f"http://127.0.0.1:{self.port}/sim/reset", timeout=10)

    def close(self) -> None:
        """End the simulator and its loop."""
        asyncio.run_coroutine_threadsafe(self._simulator.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
