from __future__ import annotations

import asyncio

from tests.unit.control.rig import SNAPSHOT, Rig

from phantom_gateway.control.checks.passive import of_traffic
from phantom_gateway.spine.messages import DeploymentHealth, Load

ONE = DeploymentHealth(id="d1", state="half_open", in_flight=1, requests=30, failures=2, fails=1, latency_ms=100.0)
TWO = DeploymentHealth(
    id="d1", state="open", rests_s=7.5, requests=10, failures=5, latency_ms=300.0, last_fault="Timeout"
)


def test_workers_are_summed_up_and_the_worst_state_counts() -> None:
    found = of_traffic(SNAPSHOT.deployments, {"w1": {"d1": ONE}, "w2": {"d1": TWO, "gone": TWO}})
    assert found == {
        "d1": {
            "model_name": "demo", "provider": "openai", "state": "open", "rests_s": 7.5, "in_flight": 1, "requests": 40,
            "failures": 7, "failures_in_a_row": 1, "last_failure": "Timeout", "latency_ms": 150.0, "workers": 2,
        }
    }  # fmt: skip


def test_without_traffic_nothing_is_known() -> None:
    (found,) = of_traffic(SNAPSHOT.deployments, {}).values()
    assert (found["state"], found["requests"], found["latency_ms"], found["workers"]) == ("closed", 0, None, 0)


async def test_reports_of_workers_are_kept_while_they_are_there(control: Rig) -> None:
    async with control.worker() as worker:
        worker.send(Load(deployments=(ONE,)))
        worker.send(Load(in_flight=1))
        worker.send(Load(deployments=(TWO,)))
        async with asyncio.timeout(5):
            while control.spine.healths.get("w1", {}).get("d1") != TWO:  # noqa: ASYNC110 - about another party
                await asyncio.sleep(0.005)
        found = (await control.get("/health/latest")).json()["deployments"]["d1"]
        assert (found["state"], found["requests"]) == ("open", 10)
    async with asyncio.timeout(5):
        while control.spine.healths:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    assert (await control.get("/health/latest")).json()["deployments"]["d1"]["workers"] == 0
