"""Models, credentials and fallbacks made over the API: in force on every worker when the answer comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

SECRET = "sk-of-a-stored-model-0123456789"
TRIES = 12
"""More than enough connections to reach each of the workers."""


def model(port: int, name: str = "stored", **params: Any) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {
            "model": "openai/up",
            "api_base": f"http://127.0.0.1:{port}/v1",
            "api_key": SECRET,
            **params,
        },
        "model_info": {"id": f"{name}-1"},
    }


def statuses(gateway: Gateway, name: str = "stored") -> set[int]:
    key = gateway.master_key
    return {gateway.chat(key, model=name).status_code for _ in range(TRIES)}


def listed(gateway: Gateway) -> set[str]:
    return {each["id"] for each in gateway.admin("GET", "/v1/models").json()["data"]}


def test_a_model_is_served_by_all_workers_at_once_and_gone_at_once(
    tmp_path: Path, shared_simulator: SimulatorThread
) -> None:
    with running_gateway(tmp_path / "data", workers=3) as gateway:
        assert statuses(gateway) == {400}
        made = gateway.admin("POST", "/model/new", json=model(shared_simulator.port))
        assert made.status_code == 200, made.text
        assert statuses(gateway) == {200}
        assert "stored" in listed(gateway)
        blocked = gateway.admin("POST", "/model/block", json={"model_id": "stored-1"})
        assert blocked.status_code == 200
        assert statuses(gateway) == {400}
        gateway.admin("POST", "/model/unblock", json={"model_id": "stored-1"})
        assert statuses(gateway) == {200}
        deleted = gateway.admin("POST", "/model/delete", json={"id": "stored-1"})
        assert deleted.json() == {"message": "Model: stored-1 deleted successfully"}
        assert statuses(gateway) == {400}
        assert "stored" not in listed(gateway)
        assert "demo" in listed(gateway)


def test_what_was_made_is_there_after_a_restart(tmp_path: Path, shared_simulator: SimulatorThread) -> None:
    with running_gateway(tmp_path / "data") as gateway:
        credential = {"credential_name": "shared", "credential_values": {"api_key": SECRET}, "credential_info": {}}
        assert gateway.admin("POST", "/credentials", json=credential).status_code == 200
        new = model(shared_simulator.port, litellm_credential_name="shared", api_key=None)
        assert gateway.admin("POST", "/model/new", json=new).status_code == 200
        fallback = {"model": "stored", "fallback_models": ["demo"]}
        assert gateway.admin("POST", "/fallback", json=fallback).status_code == 200
        setting = {"field_name": "num_retries", "field_value": 0, "config_type": "router_settings"}
        assert gateway.admin("POST", "/config/field/update", json=setting).status_code == 200
        assert gateway.stop() == 0
    with running_gateway(tmp_path / "data") as gateway:
        assert statuses(gateway) == {200}
        assert gateway.admin("GET", "/fallback/stored").json()["fallback_models"] == ["demo"]
        broken = {"model_info": {"id": "stored-1"}, "litellm_params": {"api_base": "http://127.0.0.1:1/v1"}}
        assert gateway.admin("POST", "/model/update", json=broken).status_code == 200
        assert statuses(gateway) == {200}, "the fallback answers"
        assert gateway.admin("DELETE", "/fallback/stored").status_code == 200
        wait_until(lambda: statuses(gateway) == {502}, 20)  # it is asked again when it has rested


def test_a_broken_file_does_not_stand_in_the_way(tmp_path: Path, shared_simulator: SimulatorThread) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("model_list: []\n")
    with running_gateway(tmp_path / "data", config) as gateway:
        config.write_text("modellist: []\n")
        assert gateway.admin("POST", "/model/new", json=model(shared_simulator.port)).status_code == 200
        assert statuses(gateway) == {200}
        config.write_text("model_list: []\nlitellm_settings: {num_retries: 1}\n")
        assert gateway.admin("POST", "/model/delete", json={"id": "stored-1"}).status_code == 200
        assert statuses(gateway) == {400}
