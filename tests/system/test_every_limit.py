"""Every limit of everybody a request belongs to, set over the admin API and felt at the data plane."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

pytestmark = pytest.mark.usefixtures("simulator")

NANO = 0.000000001
"""Dollars: less than any request costs."""
LIMITS: dict[str, tuple[dict[str, Any], int, str]] = {
    "rpm": ({"rpm_limit": 0}, 429, ""),
    "tpm": ({"tpm_limit": 1}, 429, ""),
    "tpd": ({"tpd_limit": 1}, 429, ""),
    "parallel": ({"max_parallel_requests": 0}, 429, ""),
    "budget": ({"max_budget": NANO}, 422, ""),
    "windows": ({"budget_limits": [{"budget_duration": "1d", "max_budget": NANO}]}, 422, ""),
    "model budget": ({"model_max_budget": {"gpt": {"max_budget": NANO, "budget_duration": "1d"}}}, 422, "/model:gpt"),
    "model rpm": ({"model_rpm_limit": {"gpt": 0}}, 429, "/model:gpt"),
    "model tpm": ({"model_tpm_limit": {"gpt": 1}}, 429, "/model:gpt"),
}
"""By name: fields, the status of a refusal, and what stands behind the entity's name."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("every")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config, workers=1) as running:
        yield running
        assert running.verify() == 0


def do(gateway: Gateway, method: str, path: str, **body: Any) -> Any:
    answer = gateway.admin(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ahead(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()


class Someone:
    """An entity that a request belongs to: how it is limited, by its name in refusals, and how it is called for."""

    def __init__(self, gateway: Gateway, name: str, change: tuple[str, str, dict[str, Any]]) -> None:
        self.gateway, self.entity, self._change = gateway, name, change
        self.key = ""
        self.more: dict[str, Any] = {}

    def limit(self, **fields: Any) -> None:
        method, path, named = self._change
        do(self.gateway, method, path, **named, **self.renamed(fields))

    def renamed(self, fields: dict[str, Any]) -> dict[str, Any]:
        names = {
            "/team/member_update": "max_budget_in_team",
            "/organization/member_update": "max_budget_in_organization",
        }
        own = names.get(self._change[1], "max_budget")
        return {own if name == "max_budget" else name: value for name, value in fields.items()}

    def chat(self, model: str = "gpt") -> httpx.Response:
        return self.gateway.chat(self.key, model, **self.more)


def key(gateway: Gateway, n: str) -> Someone:
    made = do(gateway, "POST", "/key/generate", key_alias=n)
    shown = f"key:{made['token'][:8]}..."
    someone = Someone(gateway, shown, ("POST", "/key/update", {"key": made["token"]}))
    someone.key = made["key"]
    return someone


def user(gateway: Gateway, n: str) -> Someone:
    someone = Someone(gateway, f"user:{n}", ("POST", "/user/update", {"user_id": n}))
    someone.key = do(gateway, "POST", "/user/new", user_id=n)["key"]
    return someone


def team(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/team/new", team_id=n)
    someone = Someone(gateway, f"team:{n}", ("POST", "/team/update", {"team_id": n}))
    someone.key = gateway.key(team_id=n)
    return someone


def member(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/team/new", team_id=n, members=["u-" + n])
    named = {"team_id": n, "user_id": "u-" + n}
    someone = Someone(gateway, f"member:{n}/u-{n}", ("POST", "/team/member_update", named))
    someone.key = gateway.key(team_id=n, user_id="u-" + n)
    return someone


def organization(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/organization/new", organization_id=n, organization_alias=n)
    someone = Someone(gateway, f"org:{n}", ("PATCH", "/organization/update", {"organization_id": n}))
    someone.key = gateway.key(organization_id=n)
    return someone


def organization_member(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/organization/new", organization_id=n, organization_alias=n)
    person = {"user_id": "u-" + n, "role": "internal_user"}
    do(gateway, "POST", "/organization/member_add", organization_id=n, member=person)
    named = {"organization_id": n, "user_id": "u-" + n}
    someone = Someone(gateway, f"org_member:{n}/u-{n}", ("PATCH", "/organization/member_update", named))
    someone.key = gateway.key(organization_id=n, user_id="u-" + n)
    return someone


def project(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/team/new", team_id=n)
    do(gateway, "POST", "/project/new", project_id=n, team_id=n)
    someone = Someone(gateway, f"project:{n}", ("POST", "/project/update", {"project_id": n}))
    someone.key = gateway.key(project_id=n)
    return someone


def customer(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/customer/new", user_id=n)
    someone = Someone(gateway, f"customer:{n}", ("POST", "/customer/update", {"user_id": n}))
    someone.key, someone.more = gateway.key(), {"user": n}
    return someone


def tag(gateway: Gateway, n: str) -> Someone:
    do(gateway, "POST", "/tag/new", name=n)
    someone = Someone(gateway, f"tag:{n}", ("POST", "/tag/update", {"name": n}))
    someone.key = gateway.key(tags=[n])
    return someone


def shared_budget(gateway: Gateway, n: str) -> Someone:
    """A reusable budget, by whoever refers to it."""
    do(gateway, "POST", "/budget/new", budget_id=n)
    do(gateway, "POST", "/team/new", team_id=n, budget_id=n)
    someone = Someone(gateway, f"team:{n}", ("POST", "/budget/update", {"budget_id": n}))
    someone.key = gateway.key(team_id=n)
    return someone


EVERYBODY: dict[str, Callable[[Gateway, str], Someone]] = {
    each.__name__: each
    for each in (key, user, team, member, organization, organization_member, project, customer, tag, shared_budget)
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("kind", EVERYBODY)
def test_each_limit_of_everybody_is_enforced_and_taken_away(gateway: Gateway, kind: str, name: str) -> None:
    someone = EVERYBODY[kind](gateway, f"{kind}-{name}".replace(" ", "-"))
    fields, status, behind = LIMITS[name]
    assert someone.chat().status_code == 200
    someone.limit(**fields)
    if "tp" in name:  # the first request may always exceed a limit of tokens that nobody has used of
        assert someone.chat().status_code == 200
    refused = someone.chat()
    assert refused.status_code == status, refused.text
    assert refused.json()["error"]["details"]["entity"] == someone.entity + behind
    if behind:
        assert someone.chat("sim/other").status_code == 200
    someone.limit(**dict.fromkeys(fields))
    assert someone.chat().status_code == 200


FOR_A_WHILE = [name for name in EVERYBODY if name != "shared_budget"]


@pytest.fixture(scope="module")
def raised(gateway: Gateway) -> dict[str, Someone]:
    """Everybody with a budget that was spent, is higher for now, and ends in some seconds: for all of them at once."""
    found = {kind: EVERYBODY[kind](gateway, f"{kind}-while") for kind in FOR_A_WHILE}
    for someone in found.values():
        someone.limit(max_budget=NANO)
        assert someone.chat().status_code == 422
        someone.limit(temp_budget_increase=5.0, temp_budget_expiry=ahead(3600))
        assert someone.chat().status_code == 200
    for someone in found.values():
        someone.limit(temp_budget_expiry=ahead(5))
    return found


@pytest.mark.parametrize("kind", FOR_A_WHILE)
def test_a_budget_is_higher_for_a_while(raised: dict[str, Someone], kind: str) -> None:
    someone = raised[kind]
    wait_until(lambda: someone.chat().status_code == 422, 60.0)
    assert someone.chat().json()["error"]["details"]["entity"] == someone.entity


@pytest.mark.parametrize("kind", [name for name in EVERYBODY if name != "key"])
def test_what_is_wrong_is_refused_and_changes_nothing(gateway: Gateway, kind: str) -> None:
    someone = EVERYBODY[kind](gateway, f"{kind}-wrong")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("tpd_limit", {"tpd_limit": -1}),
        ("max_parallel_requests", {"max_parallel_requests": "many"}),
        ("model_rpm_limit", {"model_rpm_limit": {"gpt": -1}}),
        ("budget_limits", {"budget_limits": [{"budget_duration": "1d", "max_budget": 1}] * 2}),
        ("budget_limits", {"budget_limits": [{"budget_duration": "soon", "max_budget": 1}]}),
        ("model_max_budget", {"model_max_budget": {"gpt": {}}}),
    ]
    if kind != "shared_budget":
        past = {"temp_budget_increase": 1.0, "temp_budget_expiry": "2020-01-01"}
        wrong += [("temp_budget_expiry", past), ("temp_budget_expiry", {"temp_budget_increase": 1.0})]
    method, path, named = someone._change
    for field, fields in wrong:
        answer = gateway.admin(method, path, json=named | fields)
        assert answer.status_code == 400, (fields, answer.text)
        assert field in answer.json()["error"]["param"], answer.text
    assert someone.chat().status_code == 200
