from __future__ import annotations

import msgspec
from tests.unit.control.rig import SNAPSHOT, Rig

from phantom_gateway.control.answers.health import HealthRound
from phantom_gateway.control.checks.service import check_all, check_one
from phantom_gateway.spine.snapshot import Address, Deployment

DEAD = Address(scheme="http", host="127.0.0.1", port=1, allow_private=("127.0.0.1/32",))


def deployments(count: int) -> list[Deployment]:
    first = msgspec.structs.replace(SNAPSHOT.deployments[0], address=DEAD, paths={"chat": "/chat/completions"})
    return [msgspec.structs.replace(first, id=f"d{number}") for number in range(count)]


async def test_all_are_checked_and_remembered(control: Rig) -> None:
    mocked = msgspec.structs.replace(deployments(1)[0], id="m", mock_response="hi")
    silent = msgspec.structs.replace(deployments(1)[0], id="s", mode="realtime")
    found = await check_all(control.services, [*deployments(40), mocked, silent], "somebody")
    view = HealthRound.model_validate(found.view())
    assert (view.healthy_count, view.unhealthy_count, len(view.unchecked_endpoints)) == (1, 40, 1)
    assert view.unhealthy_endpoints[0].error == "cannot be reached"
    assert view.unhealthy_endpoints[0].api_base == "http://127.0.0.1:1"
    assert "sk-provider-secret" not in str(found.view())
    latest = control.services.checks.latest()
    assert {latest["m"].status, latest["s"].status, latest["d0"].status} == {"healthy", "unknown", "unhealthy"}
    assert (await check_all(control.services, [], "somebody")).view()["healthy_count"] == 0


async def test_a_test_is_not_remembered(control: Rig) -> None:
    assert (await check_one(control.services, deployments(1)[0], None)).healthy is False
    assert not control.services.checks.checks
