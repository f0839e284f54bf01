"""One run: make everybody, load, let it storm, end in order, and hold the books against each other."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.books import rules, sums
from bench.books.asks import Ask, Draw
from bench.books.caller import Caller, Seen
from bench.books.installation import Installation
from bench.books.rules import Verdict
from bench.books.storm import Storm
from bench.books.sums import Compared
from bench.books.tenants import CUSTOMERS, TAGS, Api, Editor, Tenants, settle_in

CALLERS = 24
PAUSE_S = 0.05
EDIT_S = 0.4
WORTH = 1_000_000
"""Nano-dollars; more than any of the requests may reserve."""
QUIET_S = 30.0
TRACE = 12
"""Lines of the log that are shown of a trace."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of load on so many ``nodes``."""

    seconds: float
    nodes: int = 1
    seed: int = 1
    callers: int = CALLERS


@dataclass(slots=True)
class Outcome:
    """Everything that was counted."""

    plan: Plan
    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """What callers saw, by kind."""
    storm: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    upstream: dict[str, int] = field(default_factory=dict)
    """The simulator's own totals."""
    verdict: Verdict = field(default_factory=Verdict)
    compared: Compared = field(default_factory=Compared)
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the ledger."""
        return not self.faults and not self.verdict.faults and not self.compared.faults


class Load:
    """Callers that send until told to end, each to any node with any key."""

    def __init__(self, installation: Installation, tenants: Tenants, plan: Plan) -> None:
        self._installation = installation
        self._tenants = tenants
        self._random = random.Random(plan.seed)
        self._draw = Draw(plan.seed, CUSTOMERS, TAGS)
        self.ending = False
        self.asks: dict[str, Ask] = {}
        self.seen: dict[str, Seen] = {}

    async def run(self) -> None:
        """One caller."""
        caller = Caller()
        while not self.ending:
            running = self._installation.running()
            if not running:
                await asyncio.sleep(0.1)
                continue
            key = self._random.choice(self._tenants.callers()).value
            ask = self._draw.next()
            self.asks[ask.label] = ask
            self.seen[ask.label] = await caller.ask(ask, self._random.choice(running).port, key)
            await asyncio.sleep(self._random.random() * PAUSE_S)
        caller.hang_up()

    def answers(self) -> Counter[str]:
        """What they saw."""
        found: Counter[str] = Counter()
        for seen in self.seen.values():
            left = "left" if seen.left else ""
            found["complete" if seen.complete else left or f"{seen.status or ''} {seen.error}".strip()] += 1
        return found


async def run(plan: Plan, directory: Path) -> Outcome:
    """Carry out ``plan`` in ``directory``. Raises AssertionError when a gateway does not start."""
    outcome = Outcome(plan)
    async with Installation(directory, plan.nodes) as installation:
        async with httpx.AsyncClient() as client:
            pick = random.Random(plan.seed)
            api = Api(client, lambda: _base(installation, pick))
            tenants = await settle_in(api)
            load = await _storm(installation, api, tenants, outcome)
        await _end(installation, outcome)
        outcome.upstream = installation.simulator.counts()["total"]
        outcome.sent, outcome.answers = len(load.asks), load.answers()
        database = installation.database()
        try:
            lines = sums.rows_of(database)
            calls = rules.tallied(installation.simulator.tallies())
            outcome.verdict = rules.judge(load.asks, load.seen, calls, lines)
            outcome.compared = sums.compare(database, lines, tenants.budgets, WORTH)
        finally:
            database.close()
    return outcome


def _base(installation: Installation, pick: random.Random) -> str:
    running = installation.running()
    return pick.choice(running).url if running else "http://127.0.0.1:9"


async def _storm(installation: Installation, api: Api, tenants: Tenants, outcome: Outcome) -> Load:
    plan = outcome.plan
    load = Load(installation, tenants, plan)
    storm, editor = Storm(installation, plan.seed), Editor(api, tenants, plan.seed)

    async def edits() -> None:
        while not load.ending:
            await editor.edit()
            await asyncio.sleep(EDIT_S)

    async def weather() -> None:
        try:
            began = time.monotonic()
            await storm.run(plan.seconds)
            await asyncio.sleep(max(plan.seconds - (time.monotonic() - began), 0))
        finally:
            load.ending = True

    await asyncio.gather(weather(), edits(), *(load.run() for _ in range(plan.callers)))
    outcome.storm, outcome.edits = storm.done, editor.done
    return load


async def _end(installation: Installation, outcome: Outcome) -> None:
    """Let the upstream come to rest, end every node in order, and let each settle what a kill before has left."""
    for _ in range(int(QUIET_S * 10)):
        if not _under_way(installation):
            break
        await asyncio.sleep(0.1)
    if busy := _under_way(installation):
        outcome.faults.append(f"{busy} upstream calls never ended")
    for node in installation.nodes:
        if code := await asyncio.to_thread(node.stop):
            outcome.faults.append(f"a node ended with {code}")
    for node in installation.nodes:
        await asyncio.to_thread(node.start)
    for node in installation.nodes:
        if code := await asyncio.to_thread(node.stop):
            outcome.faults.append(f"a node ended with {code}")
    for node in installation.nodes:
        if await asyncio.to_thread(node.verify):
            outcome.faults.append(f"phantom verify fails on {node.data_dir.name}")
        for at in [number for number, line in enumerate(node.log) if "Traceback" in line][:3]:
            outcome.faults.append(
                "in the log: " + "".join(line[:300] for line in node.log[max(at - 2, 0) : at + TRACE])
            )


def _under_way(installation: Installation) -> int:
    total = installation.simulator.counts()["total"]
    return int(total["requests"] - total["completed"] - total["aborted"] - total["cut"])
