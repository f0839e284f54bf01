"""One of three deployments fails in each way the simulator knows: no caller notices where another can be asked; nothing storms.

Where another cannot be asked: what was refused for its own sake (400, 413, a prompt that is too long), and a stream of which the
caller has seen something.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.conftest import write_config
from tests.support.calls import Seen, chat
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until
from tests.system.test_faults import AT_ONCE, KINDS, LARGE, TABLE, Outcome

REFUSED = ("400", "413", "too_long")
REQUESTS = 4
ALLOWED = 1
"""Failures in a row before a deployment rests."""

ENTRY = """\
  - model_name: "{name}"
    litellm_params:
      model: "openai/{model}"
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      timeout: 3
      weight: {weight}
    model_info:
      id: "{name}-{place}"
      max_output_tokens: 1000
"""
END = f"""\
router_settings:
  num_retries: 2
  allowed_fails: {ALLOWED}
  cooldown_time: 600
phantom:
  upstream:
    stall_timeout: 0.5
    retry_share: 1  # every case is a failure here
"""


def retried(mode: str, kind: str) -> bool:
    """Whether the caller is to see nothing of it."""
    return mode not in REFUSED and (kind == "plain" or isinstance(TABLE[mode][1], Outcome))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """Three deployments for each case, the first of them broken."""
    entries = ""
    for mode in TABLE:
        for kind in KINDS:
            size = ",size=70000000" if mode == "huge_body" else ""
            for place, model in enumerate((f"{mode}-{kind};mode={mode}{size}", f"{mode}-{kind}-b", f"{mode}-{kind}-c")):
                entries += ENTRY.format(
                    name=f"{mode}-{kind}",
                    model=model,
                    place=place,
                    weight=8 if place == 0 else 1,
                    simulator="{simulator}",
                )
    directory = tmp_path_factory.mktemp("failover")
    config = write_config(directory, shared_simulator, f"model_list:\n{entries}{END}")
    with running_gateway(directory / "data", config) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.key(max_budget=1000)


Found = tuple[list[Seen], int]
"""What a caller saw of a case's requests, and how many of them have reached an upstream."""


@pytest.fixture(scope="module")
def found(gateway: Gateway, key: str, shared_simulator: SimulatorThread) -> dict[str, Found]:
    """The requests of each case one after the other; several cases at a time, because most of them wait."""
    shared_simulator.reset()
    cases = [(mode, kind) for mode in sorted(TABLE) for kind in KINDS]

    def ask(case: tuple[str, str]) -> list[Seen]:
        mode, kind = case
        name = f"{mode}-{kind}"
        asked: dict[str, Any] = {"user": name, "stream": kind == "stream", "simulate": {"chunks": 3, "pace_ms": 1}}
        return [chat(gateway, key, model=name, **asked) for _ in range(REQUESTS)]

    large = [case for case in cases if case[0] in LARGE]
    seen = {case: ask(case) for case in large}
    rest = [case for case in cases if case not in seen]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen |= dict(zip(rest, pool.map(ask, rest), strict=True))
    counts = shared_simulator.counts()["users"]
    return {f"{mode}-{kind}": (answers, counts[f"{mode}-{kind}"]["requests"]) for (mode, kind), answers in seen.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", sorted(TABLE))
def test_no_caller_notices(gateway: Gateway, found: dict[str, Found], mode: str, kind: str) -> None:
    name = f"{mode}-{kind}"
    answers, requests = found[name]
    for n, seen in enumerate(answers):
        assert seen.seconds < 20
        if retried(mode, kind):
            assert (seen.status, seen.whole) == (200, True), (n, seen.body[:300])
            assert seen.error is None
    query = "SELECT attempts, status, trail FROM requests WHERE end_user = ?"
    wait_until(lambda: len(gateway.records(query, name)) == REQUESTS)
    rows = gateway.records(query, name)
    attempts = sum(row["attempts"] for row in rows)
    assert requests == attempts, "every attempt is in the ledger, none beside it"
    if retried(mode, kind):
        assert attempts <= REQUESTS + ALLOWED + 1, "one more failure than allowed, then it rests"
    for row in rows:
        steps = json.loads(row["trail"])
        assert steps[0][0] in ("among", "skip")
        assert sum(step[0] == "try" for step in steps) == row["attempts"]


def test_the_ledger_is_exact(gateway: Gateway) -> None:
    assert gateway.verify() == 0
