from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.unit.control.rig import Rig, bearer

from phantom_gateway.simulator.server import Simulator


async def test_alive_is_litellms_sentence(control: Rig) -> None:
    for path in ("/health/liveliness", "/health/liveness"):
        answer = await control.get(path, headers={})
        assert (answer.status_code, answer.json()) == (200, "I'm alive!")


async def test_ready_means_the_database_answers(control: Rig) -> None:
    answer = await control.get("/health/readiness", headers={})
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "db": "connected"})
    path = control.path / "phantom.db"
    path.rename(control.path / "gone.db")
    path.mkdir()
    control.services.database.database.engine.dispose()
    answer = await control.get("/health/readiness", headers={})
    assert (answer.status_code, answer.json()) == (503, {"status": "unhealthy", "db": "Not connected"})
    path.rmdir()
    (control.path / "gone.db").rename(path)
    assert (await control.get("/health/readiness", headers={})).status_code == 200


async def test_upstreams_are_called_and_remembered(control: Rig, simulator_port: int) -> None:
    for name, port in (("good", simulator_port), ("bad", 1)):
        params = {"model": "openai/up", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "sk-canary-of-a-model"}
        new = {"model_name": name, "litellm_params": params, "model_info": {"id": name}}
        assert (await control.post("/model/new", new)).status_code == 200
    good = (await control.get("/health", model="good")).json()
    assert (good["healthy_count"], good["unhealthy_count"]) == (1, 0)
    answer = await control.get("/health", model_id="bad")
    (bad,) = answer.json()["unhealthy_endpoints"]
    assert (bad["model_id"], bad["error"], bad["api_base"]) == ("bad", "cannot be reached", "http://127.0.0.1:1/v1")
    assert "sk-canary" not in answer.text
    assert "Traceback" not in answer.text
    assert (await control.get("/health", model="nope")).status_code == 400
    latest = (await control.get("/health/latest")).json()["latest_health_checks"]
    assert (latest["good"]["status"], latest["bad"]["status"]) == ("healthy", "unhealthy")
    history = (await control.get("/health/history", status_filter="unhealthy")).json()
    assert [each["model_id"] for each in history["health_checks"]] == ["bad"]


async def test_a_connection_is_tested_under_the_rules_of_new_models(control: Rig, simulator_port: int) -> None:
    params = {"model": "openai/up", "api_base": f"http://127.0.0.1:{simulator_port}/v1", "api_key": "sk-canary"}
    answer = await control.post("/health/test_connection", {"mode": "chat", "litellm_params": params})
    assert answer.json()["status"] == "success"
    dead = params | {"api_base": "http://127.0.0.1:1"}
    assert (await control.post("/health/test_connection", {"litellm_params": dead})).json()["status"] == "error"
    for bad in ({"api_base": "http://169.254.169.254"}, {"api_key": "os.environ/HOME"}, {"model": "nobody/x"}):
        answer = await control.post("/health/test_connection", {"litellm_params": params | bad})
        assert answer.status_code == 400, answer.text
    assert (await control.get("/health/latest")).json()["total_models"] == 0


async def test_what_tools_ask_has_an_answer(control: Rig) -> None:
    details = (await control.get("/health/readiness/details")).json()
    assert (details["status"], details["db"], details["workers"]) == ("healthy", "connected", 0)
    assert (await control.get("/health/backlog")).json() == {"in_flight_requests": 0}
    assert (await control.get("/health/license")).json()["has_license"] is False
    assert (await control.get("/health/shared-status")).json()["shared_health_check_enabled"] is False
    assert (await control.get("/health/drain")).status_code == 400
    answer = await control.get("/health/services", service="slack")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "service")


async def test_who_may_not_check_may_not(control: Rig) -> None:
    key = (await control.generate())["key"]
    for path in ("/health", "/health/latest", "/health/readiness/details", "/health/backlog"):
        assert (await control.get(path, headers=bearer(key))).status_code == 403
        assert (await control.get(path, headers={})).status_code == 401


@pytest.fixture
async def simulator_port() -> AsyncIterator[int]:
    made = Simulator()
    yield await made.start_tcp("127.0.0.1", 0)
    await made.close()
