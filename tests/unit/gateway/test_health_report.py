"""Only what has changed is reported."""

from __future__ import annotations

from pathlib import Path

from tests.unit.gateway.rig import eventually, running
from tests.unit.gateway.test_table import deployment, table

from phantom_gateway.gateway.health_report import MAX_REPORTED, HealthReport
from phantom_gateway.spine.messages import DeploymentHealth, Heartbeat, Load


def test_what_is_new_and_nothing_else() -> None:
    routes, report = table(deployment("a"), deployment("b")), HealthReport()
    assert report.changed(None, 0.0) == report.changed(routes, 0.0) == (), "idle ones are never told"
    health = routes.targets[0].health
    health.requests = 3
    health.failed(0.0, allowed=0, cooldown_s=5.0, kind="Timeout")
    (found,) = report.changed(routes, 1.0)
    assert found == DeploymentHealth(
        id="a", state="open", rests_s=4.0, requests=3, failures=1, fails=1, last_fault="Timeout"
    )
    assert report.changed(routes, 2.0) == ()
    assert [each.state for each in report.changed(routes, 5.0)] == ["half_open"]
    report.forget()
    assert [each.id for each in report.changed(routes, 5.0)] == ["a"]


def test_a_report_is_bounded_and_the_rest_follows() -> None:
    routes, report = table(*(deployment(str(n)) for n in range(MAX_REPORTED + 7))), HealthReport()
    for target in routes.targets:
        target.health.requests = 1
    assert [len(report.changed(routes, 0.0)) for _ in range(3)] == [MAX_REPORTED, 7, 0]


async def test_a_worker_tells_control_and_hears_of_failed_checks(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.chat(rig.key())
        await eventually(lambda: any(load.deployments for load in rig.control.told(Load)))
        (found,) = next(load.deployments for load in rig.control.told(Load) if load.deployments)
        assert (found.id, found.state, found.requests, found.failures) == ("d1", "closed", 1, 0)
        assert found.latency_ms > 0
        rig.control.send(Heartbeat(revision=1, key_epoch=0, unhealthy=("d1",)))
        table = rig.worker.table
        assert table is not None
        await eventually(lambda: table.unhealthy == {"d1"})
        rig.control.send(Heartbeat(revision=1, key_epoch=0))
        await eventually(lambda: not table.unhealthy)
