"""What is loaded and killed: the simulator, one node on SQLite, or two on a PostgreSQL and a Redis."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psutil
import psycopg
from tests.support.gateway import Gateway, running_gateway
from tests.support.nodes import environment, share_root_key
from tests.support.servers import PostgresServer, RedisServer, running_postgres, running_redis

from bench.books.asks import PRICES
from phantom_gateway.simulator import Simulator
from phantom_gateway.store.database import Database, open_sqlite_readonly

GRACE_S = 2
WORKERS = 2
GATEWAY_BUDGET = 500
"""Dollars in 30 days, for everything."""
ENTRY = """\
  - model_name: "{group}"
    litellm_params:
      model: openai/{name}
      api_base: http://127.0.0.1:{port}/v1
      api_key: sk-upstream-of-the-books
      input_cost_per_token: {input}
      output_cost_per_token: {output}
      timeout: 10
    model_info:
      id: "{name}"
      max_output_tokens: 1000
"""
CONFIG = """\
model_list:
{entries}router_settings:
  num_retries: 1
  allowed_fails: 1000000
  fallbacks: [{{"beta": ["alpha"]}}]
litellm_settings:
  max_budget: {budget}
  budget_duration: 30d
phantom:
  upstream:
    stall_timeout: 1
"""


def config(port: int) -> str:
    """The configuration of every node; each upstream model is a deployment of its own."""
    homes = {"up-a1": "alpha", "up-a2": "alpha", "up-b": "beta", "up-c": "gamma", "up-d": "delta"}
    entries = [
        ENTRY.format(group=homes[name], name=name, port=port, input=f"{dear[0]}e-15", output=f"{dear[1]}e-15")
        for name, dear in PRICES.items()
    ]
    return CONFIG.format(entries="".join(entries), budget=GATEWAY_BUDGET)


class Node:
    """One gateway with its data directory, over all its lives."""

    def __init__(self, data_dir: Path, config_file: Path, variables: dict[str, str]) -> None:
        self.data_dir = data_dir
        self._config = config_file
        self._variables = variables
        self._stack = ExitStack()
        self.gateway: Gateway | None = None
        self.log: list[str] = []

    def start(self) -> None:
        """Start and wait until it serves. Raises AssertionError when it does not."""
        arguments = ("--grace", str(GRACE_S))
        options = {"workers": WORKERS, "arguments": arguments, "environment": self._variables}
        self.gateway = self._stack.enter_context(running_gateway(self.data_dir, self._config, **options))  # type: ignore[arg-type]

    def stop(self) -> int:
        """End it in order; its exit code."""
        gateway, self.gateway = self.gateway, None
        assert gateway is not None, "a node that runs"
        code = gateway.stop()
        self._end(gateway)
        return code

    def kill(self) -> None:
        """All processes at once, the supervisor first: nobody can do anything any more."""
        gateway, self.gateway = self.gateway, None
        assert gateway is not None, "a node that runs"
        family = psutil.Process(gateway.process.pid)
        for process in (family, *family.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        gateway.process.wait(30)
        self._end(gateway)

    def verify(self) -> int:
        """The exit code of ``phantom verify``; it says what it finds."""
        return Gateway(None, "", self.data_dir).verify(self._variables)  # type: ignore[arg-type]

    def close(self) -> None:
        """End it if it runs."""
        self._stack.close()

    def _end(self, gateway: Gateway) -> None:
        self._stack.close()
        self.log += gateway.lines


class Installation:
    """The nodes and what they share. Use with ``async with``."""

    def __init__(self, directory: Path, count: int) -> None:
        self._directory = directory
        self._count = count
        self._stack = ExitStack()
        self.simulator = Simulator(keep=0, tallies=10_000_000)
        self.nodes: list[Node] = []
        self.postgres: PostgresServer | None = None
        self.redis: RedisServer | None = None
        self._url = ""

    async def __aenter__(self) -> Self:
        port = await self.simulator.start_tcp()
        path = self._directory / "config.yaml"
        path.write_text(config(port))
        try:
            await asyncio.to_thread(self._start, path)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            await asyncio.to_thread(node.close)
        await asyncio.to_thread(self._stack.close)
        await self.simulator.close()

    def _start(self, path: Path) -> None:
        variables: dict[str, str] = {}
        if self._count > 1:
            self.postgres = self._stack.enter_context(running_postgres())
            self.redis = self._stack.enter_context(running_redis())
            self._url = self.postgres.migrated()
            self._never_forget()
            variables = environment(self._url, self.redis)
        for number in range(self._count):
            node = Node(self._directory / f"node-{number}", path, variables)
            if number:
                share_root_key(self.nodes[0].data_dir, node.data_dir)
            self.nodes.append(node)
            node.start()

    def _never_forget(self) -> None:
        """A killed PostgreSQL must not lose what it has confirmed: its setting for tests does."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(b"ALTER SYSTEM SET synchronous_commit = on")
            connection.execute(b"SELECT pg_reload_conf()")

    def database(self) -> Database:
        """The one database, to look at."""
        if self.postgres is not None:
            return self.postgres.open(self._url)
        return open_sqlite_readonly(self.nodes[0].data_dir / "phantom.db")

    def running(self) -> list[Gateway]:
        """The gateways that are there now."""
        return [node.gateway for node in self.nodes if node.gateway is not None]
