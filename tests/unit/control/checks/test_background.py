"""Checks that control makes by itself: when they are due, and what follows."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from tests.unit.control.checks.test_service import deployments
from tests.unit.control.rig import SNAPSHOT, Rig

from phantom_gateway.control.checks.background import BY, BY_FREE, BackgroundChecks
from phantom_gateway.spine.messages import Heartbeat
from phantom_gateway.spine.snapshot import HealthChecks


class Told:
    """Who is told."""

    unhealthy: tuple[str, ...] = ()


class Hands:
    """A clock."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(control: Rig, checks: HealthChecks) -> tuple[BackgroundChecks, Told, Hands]:
    mocked = msgspec.structs.replace(deployments(1)[0], id="m", mock_response="hi")
    spared = msgspec.structs.replace(deployments(1)[0], id="s", info={"disable_background_health_check": True})
    dead = deployments(1)[0]
    snapshot = msgspec.structs.replace(SNAPSHOT, deployments=(dead, mocked, spared), checks=checks)
    control.services.configuration.snapshot = snapshot
    told, hands = Told(), Hands()
    return BackgroundChecks(control.services, told, hands), told, hands


async def test_without_a_word_in_the_configuration_nothing_is_asked(control: Rig) -> None:
    checks, told, hands = started(control, HealthChecks(decide=True))
    hands.now = 1e9
    await checks.look()
    assert (list(control.services.checks.checks), told.unhealthy) == ([], ())


async def test_rounds_are_made_when_they_are_due(control: Rig) -> None:
    checks, told, hands = started(control, HealthChecks(interval_s=60.0, decide=True))
    made = []
    for hands.now in (59.0, 60.0, 90.0, 119.0, 120.0, 500.0):
        await checks.look()
        made.append(len(control.services.checks.checks))
    assert made == [0, 2, 2, 2, 4, 6]
    assert {check.by for check in control.services.checks.checks} == {BY}
    assert told.unhealthy == ("d0",), "the mocked one is healthy, the spared one was not asked"


async def test_checks_do_not_decide_unless_told_to(control: Rig) -> None:
    checks, told, hands = started(control, HealthChecks(interval_s=60.0))
    hands.now = 60.0
    await checks.look()
    assert (len(control.services.checks.checks), told.unhealthy) == (2, ())


async def test_that_the_provider_is_there_does_not_heal_a_model(control: Rig) -> None:
    checks, told, hands = started(control, HealthChecks(interval_s=60.0, free_interval_s=30.0, decide=True))
    hands.now = 60.0
    await checks.look()
    assert {check.by for check in control.services.checks.checks} == {BY, BY_FREE}
    healed = msgspec.structs.replace(control.services.configuration.snapshot, deployments=(deployments(1)[0],))
    log = control.services.checks.checks
    (free,) = [check for check in log if check.by == BY_FREE and check.model_id == "d0"]
    log.append(replace(free, status="healthy"))
    control.services.configuration.snapshot = healed
    hands.now = 61.0
    await checks.look()
    assert list(told.unhealthy) == ["d0"]
    log.append(replace(free, status="healthy", by=BY))
    await checks.look()
    assert list(told.unhealthy) == []


async def test_workers_hear_of_it_with_the_next_beat(control: Rig) -> None:
    async with control.worker() as worker:
        control.spine.unhealthy = ("d1",)
        while (await worker.expect(Heartbeat)).unhealthy != ("d1",):
            pass
