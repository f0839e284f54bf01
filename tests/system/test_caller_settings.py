"""Settings about who calls, in front of a whole gateway: addresses, headers that name people, what requests must have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

pytestmark = pytest.mark.usefixtures("simulator")

SETTINGS = """
general_settings:
  allowed_ips: [127.0.0.1, 203.0.113.0/24]
  use_x_forwarded_for: true
  trusted_proxy_ranges: [127.0.0.0/8]
  user_header_mappings:
    - {header_name: X-OpenWebUI-User-Id, litellm_user_role: internal_user}
    - {header_name: X-OpenWebUI-User-Email, litellm_user_role: customer}
  enforce_user_param: true
  enforced_params: [metadata.app]
  max_parallel_requests: 1
litellm_settings:
  default_team_params: {max_budget: 7, rpm_limit: 3}
  budget_exceeded_throttle_percentage: 0.5
"""
BODY: dict[str, Any] = {
    "model": "gpt",
    "messages": [{"role": "user", "content": "hello"}],
    "user": "c",
    "metadata": {"app": "a"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("callers")
    config = write_config(directory, shared_simulator)
    config.write_text(config.read_text() + SETTINGS)
    with running_gateway(directory / "data", config, workers=1) as running:
        yield running
        assert running.verify() == 0


def call(gateway: Gateway, key: str, body: dict[str, Any] = BODY, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(
        gateway.url + "/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}", **named},
        json=body,
        timeout=20,
    )


def test_only_allowed_addresses_are_served_by_data_and_admin_plane(gateway: Gateway) -> None:
    key = gateway.key()
    assert call(gateway, key).status_code == 200
    assert call(gateway, key, x_forwarded_for="198.51.100.1, 203.0.113.5").status_code == 200
    for said in ("198.51.100.1", "203.0.113.5, 198.51.100.1"):
        refused = call(gateway, key, x_forwarded_for=said)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "auth_error")
        assert "IP address not allowed" in refused.json()["error"]["message"]
        headers = {"Authorization": f"Bearer {gateway.master_key}", "x-forwarded-for": said}
        assert httpx.get(gateway.url + "/key/list", headers=headers, timeout=10).status_code == 403
        assert httpx.get(gateway.url + "/health/liveliness", headers=headers, timeout=10).status_code == 200
        unknown = {"Authorization": "Bearer sk-unknown", "x-forwarded-for": said}
        assert httpx.get(gateway.url + "/v1/models", headers=unknown, timeout=10).status_code == 403


def test_headers_name_the_customer_and_the_user_of_a_key_that_has_none(gateway: Gateway) -> None:
    body = {name: value for name, value in BODY.items() if name != "user"}
    shared = gateway.key()
    named = {"x_openwebui_user_id": "ann", "x_openwebui_user_email": "c-7"}
    assert call(gateway, shared, body).json()["error"]["param"] == "user"
    assert call(gateway, shared, body, **named).status_code == 200
    assert gateway.admin("POST", "/user/new", json={"user_id": "ann", "rpm_limit": 0}).status_code == 200
    refused = call(gateway, shared, body, **named)
    assert (refused.status_code, refused.json()["error"]["details"]["entity"]) == (429, "user:ann")
    assert call(gateway, shared, body, x_openwebui_user_email="c-7").status_code == 200
    personal = gateway.key(user_id="bob")
    assert call(gateway, personal, body, **named).status_code == 200, "a key that has a user stays his"
    assert gateway.admin("POST", "/user/update", json={"user_id": "ann", "blocked": True}).status_code == 200
    assert call(gateway, shared, body, **named).status_code == 401

    def users_of_the_customer() -> set[str]:
        return {row["user"] for row in gateway.spend_logs() if row["end_user"] == "c-7"}

    wait_until(lambda: users_of_the_customer() >= {"ann", "bob"})


def test_what_requests_must_have(gateway: Gateway) -> None:
    key = gateway.key(enforced_params=["temperature"])
    missing = call(gateway, gateway.key(), BODY | {"metadata": {}})
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "metadata.app")
    assert call(gateway, key).json()["error"]["param"] == "temperature"
    assert call(gateway, key, BODY | {"temperature": 1}).status_code == 200


def test_who_may_goes_on_slowly_when_his_budget_is_spent(gateway: Gateway) -> None:
    terms: dict[str, Any] = {"max_budget": 1e-9, "rpm_limit": 4}
    assert call(gateway, gateway.key(**terms)).status_code == 422
    key = gateway.key(**terms, throttle_on_budget_exceeded=True)
    answers = [call(gateway, key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429], [answer.text for answer in answers]
    cost = sum(float(answer.headers["x-litellm-response-cost"]) for answer in answers[:2])
    deadline = time.monotonic() + 20
    while True:
        info = gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]
        if info["spend"] == info["total_spend"] == pytest.approx(cost) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert cost > terms["max_budget"]
    assert info["spend"] == info["total_spend"] == pytest.approx(cost)


def test_new_teams_get_what_is_configured(gateway: Gateway) -> None:
    made = gateway.admin("POST", "/team/new", json={"rpm_limit": 0}).json()
    assert (made["max_budget"], made["rpm_limit"]) == (7.0, 0)
    refused = call(gateway, gateway.key(team_id=made["team_id"]))
    assert refused.json()["error"]["details"]["entity"] == f"team:{made['team_id']}"


def test_limits_that_a_key_lays_down_for_its_requests(gateway: Gateway) -> None:
    gateway.admin("POST", "/budget/new", json={"budget_id": "nothing", "max_budget": 0})
    key = gateway.key(end_user_budget_id="nothing")
    refused = call(gateway, key)
    assert (refused.status_code, refused.json()["error"]["details"]["entity"]) == (422, "customer:c")
    assert gateway.admin("POST", "/budget/delete", json={"id": "nothing"}).status_code == 409
    gateway.admin("POST", "/budget/update", json={"budget_id": "nothing", "max_budget": 5})
    assert call(gateway, key).status_code == 200
    tagged = gateway.key(tag_rpm_limit={"slow": 0})
    assert call(gateway, tagged, x_litellm_tags="slow").status_code == 429
    assert call(gateway, tagged, x_litellm_tags="fast").status_code == 200
    expecting = gateway.key(tpm_limit=100_000, default_estimated_output_tokens_per_model={"gpt": 1_000_000})
    assert call(gateway, expecting, BODY | {"max_tokens": 5}).status_code == 200
    assert call(gateway, expecting).status_code == 429
    wrong = gateway.admin("POST", "/key/generate", json={"end_user_budget_id": "none"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (404, "end_user_budget_id")


def test_a_group_of_models_has_a_budget_and_the_queue_is_another_name(gateway: Gateway) -> None:
    key = gateway.key()
    gateway.admin("POST", "/access_group/new", json={"access_group": "all", "model_names": ["gpt"]})
    assert gateway.admin("PUT", "/access_group/all/budget", json={"max_budget": 0}).status_code == 200
    refused = call(gateway, key)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["entity"].startswith("access_group:")
    assert call(gateway, key, BODY | {"model": "sim/other"}).status_code == 200
    assert gateway.admin("DELETE", "/access_group/all/budget").json()["budget_deleted"] is True
    queued = httpx.post(
        gateway.url + "/queue/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=BODY | {"priority": 0},
        timeout=20,
    )
    assert queued.status_code == 200
