"""Teams: what is said of one is in force for all its keys on every worker at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

pytestmark = pytest.mark.usefixtures("simulator")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """Two workers."""
    directory = tmp_path_factory.mktemp("teams")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config, workers=2) as running:
        yield running


def do(gateway: Gateway, path: str, method: str = "POST", **body: Any) -> Any:
    response = gateway.admin(method, path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def statuses(gateway: Gateway, key: str) -> set[int]:
    """What a key gets, asked often enough that both workers have answered."""
    return {gateway.chat(key).status_code for _ in range(8)}


def in_force(gateway: Gateway, key: str, status: int) -> None:
    """The call that made the change has returned, and with it every worker has confirmed. The rest is for a busy machine."""
    wait_until(lambda: statuses(gateway, key) == {status}, 3.0)


def test_a_blocked_team_stops_its_keys_at_once(gateway: Gateway) -> None:
    do(gateway, "/team/new", team_id="blocked")
    keys = [gateway.key(team_id="blocked"), gateway.key(team_id="blocked", user_id="somebody")]
    other = gateway.key()
    for key in (*keys, other):
        assert statuses(gateway, key) == {200}
    do(gateway, "/team/block", team_id="blocked")
    for key in keys:
        in_force(gateway, key, 401)
    assert "The team of this API key is blocked" in gateway.chat(keys[0]).text
    assert statuses(gateway, other) == {200}
    do(gateway, "/team/unblock", team_id="blocked")
    for key in keys:
        in_force(gateway, key, 200)


def test_a_deleted_team_takes_its_keys_along(gateway: Gateway) -> None:
    do(gateway, "/organization/new", organization_id="gone", organization_alias="gone")
    do(gateway, "/team/new", team_id="gone", organization_id="gone")
    do(gateway, "/team/new", team_id="gone-too", organization_id="gone")
    keys = [gateway.key(team_id="gone"), gateway.key(team_id="gone-too")]
    assert [statuses(gateway, key) for key in keys] == [{200}, {200}]
    do(gateway, "/team/delete", team_ids=["gone"])
    in_force(gateway, keys[0], 401)
    assert statuses(gateway, keys[1]) == {200}
    do(gateway, "/organization/delete", "DELETE", organization_ids=["gone"])
    in_force(gateway, keys[1], 401)


def test_a_member_who_left_spends_nothing_more(gateway: Gateway) -> None:
    do(gateway, "/team/new", team_id="left", members=["leaver", "stayer"])
    leaver, stayer = (gateway.key(team_id="left", user_id=name) for name in ("leaver", "stayer"))
    assert statuses(gateway, leaver) == {200}
    do(gateway, "/team/member_delete", team_id="left", user_id="leaver")
    in_force(gateway, leaver, 401)
    assert statuses(gateway, stayer) == {200}


def test_the_defaults_of_members_are_enforced(gateway: Gateway) -> None:
    do(gateway, "/team/new", team_id="poor", members=["ada", "bob"])
    ada, bob = (gateway.key(team_id="poor", user_id=name) for name in ("ada", "bob"))
    assert gateway.chat(ada, max_tokens=5).status_code == 200
    do(gateway, "/team/update", team_id="poor", team_member_budget=0.0000001)
    wait_until(lambda: gateway.chat(ada, max_tokens=5).status_code == 422, 3.0)
    details = gateway.chat(bob, max_tokens=5).json()["error"]["details"]
    assert (details["entity"], details["kind"]) == ("member:poor/bob", "budget")
    do(gateway, "/team/member_update", team_id="poor", user_id="bob", max_budget_in_team=1)
    wait_until(lambda: gateway.chat(bob, max_tokens=5).status_code == 200, 3.0)
    assert gateway.chat(ada, max_tokens=5).status_code == 422


def test_the_budget_of_a_team_is_one_for_all_its_keys(gateway: Gateway) -> None:
    do(gateway, "/team/new", team_id="shared", max_budget=0.0005, budget_duration="30d")
    first, second = gateway.key(team_id="shared"), gateway.key(team_id="shared")
    assert gateway.chat(first, max_tokens=180, simulate={"chunks": 180}).status_code == 200
    refused = gateway.chat(second, max_tokens=180)
    assert (refused.status_code, refused.json()["error"]["details"]["entity"]) == (422, "team:shared")
    assert time.time() < refused.json()["error"]["details"]["reset_at"]
