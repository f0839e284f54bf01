"""Sixty kill -9 of workers and of control under load: what a caller saw complete is in the ledger once, and nothing twice.

The upstream keeps its own books, by the label of each request; the ledger is held against them.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO
from tests.support.gateway import Gateway, SimulatorThread, running_gateway

KILLS = 30
"""Of each kind."""
CALLERS = 6
PATH = "/v1/chat/completions"
SECONDS = 600


class Load:
    """Callers that each keep a connection, and what they saw."""

    def __init__(self, gateway: Gateway, keys: list[str]) -> None:
        self._gateway = gateway
        self._keys = keys
        self._number = 0
        self.ending = False
        self.complete: dict[str, dict[str, int]] = {}
        """By label: the usage of each answer that was seen complete."""
        self.others: Counter[str] = Counter()

    async def run(self, caller: int) -> None:
        """Send until told to end; every second request is streamed."""
        headers = {"Authorization": f"Bearer {self._keys[caller % len(self._keys)]}"}
        async with httpx.AsyncClient(base_url=self._gateway.url, headers=headers, timeout=60) as client:
            turn = caller
            while not self.ending:
                turn += 1
                self._number += 1
                label = f"kill-{self._number}"
                try:
                    usage = await (self._streamed(client, label) if turn % 2 else self._plain(client, label))
                except httpx.TransportError as error:
                    self.others[type(error).__name__] += 1
                else:
                    if usage is not None:
                        self.complete[label] = usage
                await asyncio.sleep(random.random() * 0.05)

    async def _plain(self, client: httpx.AsyncClient, label: str) -> dict[str, int] | None:
        asked = {"model": "gpt", "messages": HELLO, "max_tokens": 9, "user": label}
        answer = await client.post(PATH, json=asked | {"simulate": {"chunks": random.randint(1, 9), "first_ms": 20}})
        if answer.status_code != 200:
            self.others[f"{answer.status_code} {answer.json()['error']['type']}"] += 1
            return None
        usage: dict[str, int] = answer.json()["usage"]
        return usage

    async def _streamed(self, client: httpx.AsyncClient, label: str) -> dict[str, int] | None:
        asked: dict[str, Any] = {"model": "gpt", "messages": HELLO, "max_tokens": 30, "user": label, "stream": True}
        asked["stream_options"] = {"include_usage": True}
        asked["simulate"] = {"chunks": random.randint(5, 30), "pace_ms": 5}
        async with client.stream("POST", PATH, json=asked) as answer:
            lines = [line async for line in answer.aiter_lines() if line]
            if answer.status_code != 200:
                self.others[f"{answer.status_code} {json.loads(lines[0])['error']['type']}"] += 1
                return None
        if lines[-1] != "data: [DONE]":
            self.others["stream without an end"] += 1
            return None
        usage: dict[str, int] = json.loads(lines[-2][6:])["usage"]
        return usage


async def kill(gateway: Gateway, name: str) -> None:
    """Kill a process of this kind at a random moment of its life: one in four while it starts."""
    deadline = time.monotonic() + 30
    while not (processes := gateway.children(name)):
        assert time.monotonic() < deadline, f"there is no {name}"
        await asyncio.sleep(0.02)
    victim = random.choice(processes)
    await asyncio.sleep(random.uniform(0.0, 1.0) if random.random() < 1 / 4 else random.uniform(1.7, 2.8))
    with suppress(psutil.NoSuchProcess):
        victim.send_signal(signal.SIGKILL)


async def storm(gateway: Gateway, load: Load) -> None:
    """The kills of both kinds, side by side."""

    async def kills(name: str) -> None:
        for _ in range(KILLS):
            await kill(gateway, name)

    await asyncio.gather(kills("gateway"), kills("control"))
    # and that it serves after all of them
    served = len(load.complete)
    deadline = time.monotonic() + 60
    while len(load.complete) < served + 20:
        assert time.monotonic() < deadline, f"it does not serve any more: {load.others}"
        await asyncio.sleep(0.05)
    load.ending = True


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
async def test_sixty_kills(tmp_path: Path, simulator: SimulatorThread) -> None:
    config = write_config(tmp_path, simulator)
    with running_gateway(tmp_path / "data", config, workers=2) as gateway:
        keys = [gateway.key(max_budget=1, budget_duration="30d", tpm_limit=10**8), gateway.key()]
        load = Load(gateway, keys)
        await asyncio.gather(*(load.run(caller) for caller in range(CALLERS)), storm(gateway, load))
        assert gateway.stop() == 0
        assert gateway.verify() == 0
        assert "Traceback" not in "".join(gateway.lines)
    upstream = simulator.counts()["users"]
    # what the last ones left behind, control included, is settled by the next start
    with running_gateway(tmp_path / "data", config) as again:
        assert again.stop() == 0
        assert again.verify() == 0
        assert again.rows("SELECT count(*) FROM open_records") == [(0,)]
        holds(again, load, upstream)


def holds(gateway: Gateway, load: Load, upstream: dict[str, dict[str, int]]) -> None:
    """The ledger against what the callers saw and against what the upstream counted."""
    rows = gateway.records("SELECT * FROM requests WHERE end_user LIKE 'kill-%'")
    by_label = {row["end_user"]: row for row in rows}
    assert len(by_label) == len(rows), "a request is in the ledger twice"
    assert len(load.complete) > 100
    for label, usage in load.complete.items():
        assert label in by_label, f"{label} was acknowledged and is not in the ledger"
        row = by_label[label]
        assert row["status"] == "success"
        assert (row["input"], row["output"]) == (usage["prompt_tokens"], usage["completion_tokens"])
        assert row["cost_nano"] == row["input"] * 1000 + row["output"] * 2000
    for label, row in by_label.items():
        counted = upstream.get(label)
        if row["status"] == "success" and not row["client_left"]:
            assert counted is not None, f"{label} is billed and never reached the upstream"
            assert counted["completed"] == counted["requests"] == 1
            assert (row["input"], row["output"]) == (counted["prompt_tokens"], counted["completion_tokens"])
        if row["status"] == "interrupted":
            assert row["usage_source"] == "estimated"
    unknown = {label for label in upstream if label.startswith("kill-")} - by_label.keys()
    assert not unknown, "the upstream was called for requests that the ledger does not know"
    for key_id, cost in gateway.rows("SELECT key_id, sum(cost_nano) FROM requests GROUP BY key_id"):
        assert gateway.rows("SELECT amount_nano FROM totals WHERE entity = ?", f"key:{key_id}") == [(cost,)]
