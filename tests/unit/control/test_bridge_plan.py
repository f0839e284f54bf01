"""What control tells of the bridge, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phantom_gateway.control import bridge_plan
from phantom_gateway.control.bridge_plan import BridgePlanner, plan_of
from phantom_gateway.spine.bridge import BridgeSettings, BridgeSlot, socket_path
from phantom_gateway.spine.snapshot import Address, Deployment, Snapshot


def snapshot(*slots: str) -> Snapshot:
    deployments = tuple(
        Deployment(id=f"{index}", group="g", provider="p", model="m", address=Address(scheme="unix", socket_path="x"),
                   bridge=BridgeSlot(id=name, provider="p") if name else None)
        for index, name in enumerate(slots)
    )  # fmt: skip
    return Snapshot(revision=1, deployments=deployments, bridge=BridgeSettings(processes=3))


def test_each_credential_once() -> None:
    plan = plan_of(snapshot("b", "", "a", "b"))
    assert [slot.id for slot in plan.slots] == ["a", "b"]
    assert plan.settings.processes == 3


async def test_told_is_what_has_changed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    told: list[dict[str, Any]] = []

    def tell(line: dict[str, Any]) -> None:
        told.append(line)
        for slot in line["bridge"]["slots"]:
            socket_path(tmp_path / "run", slot["id"]).touch()

    planner = BridgePlanner(tell, tmp_path)
    await planner.tell(snapshot())
    assert told == [], "there is nothing to run"
    for names in (("a",), ("a", "a"), ("a", "b"), ()):
        await planner.tell(snapshot(*names))
    assert [[slot["id"] for slot in line["bridge"]["slots"]] for line in told] == [["a"], ["a", "b"], []]


async def test_a_supervisor_that_does_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_plan, "WAIT_S", 0.01)
    await BridgePlanner(lambda _: None, tmp_path).tell(snapshot("a"))
    await BridgePlanner(None, tmp_path).tell(snapshot("a"))
