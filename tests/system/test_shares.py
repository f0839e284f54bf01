"""Limits of deployments and shares by priority on a running gateway: with two workers, as with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/up, api_base: "http://127.0.0.1:{simulator}/v1", api_key: sk-up, rpm: 20}}
    model_info: {{id: one}}
  - model_name: other
    litellm_params: {{model: openai/up, api_base: "http://127.0.0.1:{simulator}/v1", api_key: sk-up, rpm: 20}}
    model_info: {{id: two}}
router_settings: {{optional_pre_call_checks: [enforce_model_rate_limits], num_retries: 0}}
litellm_settings:
  priority_reservation: {{live: 0.75, batch: {{type: percent, value: 0.1}}}}
  priority_reservation_settings: {{default_priority: 0, saturation_threshold: 0.5}}
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("shares")
    config = write_config(directory, shared_simulator, CONFIG)
    with running_gateway(directory / "data", config, workers=request.param) as running:
        yield running
        assert running.verify() == 0


def ask(gateway: Gateway, key: str, model: str, **headers: str) -> httpx.Response:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    headers |= {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=body, timeout=20)


def statuses(gateway: Gateway, key: str, model: str, times: int) -> list[int]:
    return [ask(gateway, key, model).status_code for _ in range(times)]


def test_batch_may_borrow_until_the_model_is_saturated_and_then_has_its_share(gateway: Gateway) -> None:
    batch, live = gateway.key(metadata={"priority": "batch"}), gateway.key(metadata={"priority": "live"})
    nobody = gateway.key()
    assert statuses(gateway, batch, "gpt", 10) == [200] * 10, "half of the model, though its share is 2"
    refused = ask(gateway, batch, "gpt")
    error = refused.json()["error"]
    assert refused.status_code == 429
    assert (error["details"]["priority"], error["details"]["model"], error["details"]["limit"]) == ("batch", "gpt", 2)
    assert "priority 'batch'" in error["message"]
    assert refused.headers["x-litellm-priority"] == "batch"
    assert 1 <= int(refused.headers["retry-after"]) <= 120, "the window slides: what was used counts for two of them"
    assert ask(gateway, nobody, "gpt").status_code == 429
    assert statuses(gateway, live, "gpt", 12) == [200] * 10 + [429] * 2, "the model itself is full"


def test_a_team_decides_and_a_request_may_ask_for_less(gateway: Gateway) -> None:
    team = gateway.admin("POST", "/team/new", json={"metadata": {"priority": "live"}}).json()["team_id"]
    live, batch = gateway.key(team_id=team, metadata={"priority": "batch"}), gateway.key(metadata={"priority": "batch"})
    assert statuses(gateway, live, "other", 11) == [200] * 11
    lowered = ask(gateway, live, "other", **{"x-litellm-priority": "batch"})
    assert lowered.status_code == 200, "2 of batch are left"
    assert statuses(gateway, batch, "other", 2) == [200, 429]
    raised = ask(gateway, batch, "other", **{"x-litellm-priority": "live"})
    assert (raised.status_code, raised.json()["error"]["param"]) == (400, "x-litellm-priority")
    # another priority is known of the key at once
    assert gateway.admin("POST", "/team/update", json={"team_id": team, "metadata": {}}).status_code == 200
    assert ask(gateway, live, "other").json()["error"]["details"]["priority"] == "batch"


FULL = """
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/up, api_base: "http://127.0.0.1:{simulator}/v1", api_key: sk-up, rpm: 3,
                     input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
    model_info: {{id: small}}
  - model_name: gpt
    litellm_params: {{model: openai/up, api_base: "http://127.0.0.1:{simulator}/v1", api_key: sk-up, rpm: 4,
                     input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
    model_info: {{id: large}}
router_settings: {{optional_pre_call_checks: [enforce_model_rate_limits], num_retries: 0}}
"""


def test_full_deployments_are_left_out_until_all_are(tmp_path: Path, simulator: SimulatorThread) -> None:
    config = write_config(tmp_path, simulator, FULL)
    with running_gateway(tmp_path / "data", config, workers=2) as gateway:
        key = gateway.key()
        answers = [ask(gateway, key, "gpt") for _ in range(10)]
        served = [each.headers["x-litellm-model-id"] for each in answers if each.status_code == 200]
        assert sorted(served) == ["large"] * 4 + ["small"] * 3
        assert {each.status_code for each in answers[7:]} == {429}
        assert all(1 <= int(each.headers["retry-after"]) <= 120 for each in answers[7:])


def test_the_status_of_a_spent_budget_is_a_setting_and_a_soft_one_is_reported(
    tmp_path: Path, simulator: SimulatorThread
) -> None:
    config = write_config(tmp_path, simulator, FULL + "general_settings: {{budget_exceeded_status_code: 402}}\n")
    with running_gateway(tmp_path / "data", config) as gateway:
        assert ask(gateway, gateway.key(soft_budget=0), "gpt").status_code == 200
        refused = ask(gateway, gateway.key(max_budget=1e-9), "gpt")
        assert (refused.status_code, refused.json()["error"]["type"]) == (402, "budget_exceeded")
        wait_until(lambda: any("soft budget of key:" in line and "exceeded" in line for line in gateway.lines), 20)
