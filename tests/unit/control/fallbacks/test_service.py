from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, CONFIG, Rig, bearer, rig

from phantom_gateway.store.tenants import OVERRIDES

SECOND: dict[str, Any] = {
    "model_name": "other/model",
    "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-provider-secret-too"},
    "model_info": {"id": "m1"},
}
SET: dict[str, Any] = {"model": "demo", "fallback_models": ["other/model"]}


async def test_fallbacks_are_set_replaced_and_removed(control: Rig) -> None:
    await control.post("/model/new", SECOND)
    assert (await control.get("/fallback/demo")).status_code == 404
    answer = await control.post("/fallback", SET)
    assert answer.json() == SET | {
        "fallback_type": "general",
        "message": "Fallback configuration created successfully",
    }
    assert control.services.configuration.snapshot.routing.fallbacks == {"demo": ("other/model",)}
    assert (await control.get("/fallback/demo")).json()["source"] == "db"
    back = {"model": "other/model", "fallback_models": ["demo"]}
    assert (await control.post("/fallback", back)).status_code == 200
    assert (await control.get("/fallback/other/model")).json()["fallback_models"] == ["demo"]
    assert "updated" in (await control.post("/fallback", SET)).json()["message"]
    assert (await control.http.request("DELETE", "/fallback/demo", headers=ADMIN)).status_code == 200
    assert control.services.configuration.snapshot.routing.fallbacks == {"other/model": ("demo",)}
    assert (await control.http.request("DELETE", "/fallback/demo", headers=ADMIN)).status_code == 404


async def test_the_files_fallbacks_are_read_only(tmp_path: Path) -> None:
    more = "  - {model_name: spare, litellm_params: {model: openai/x, api_key: sk-x}}\nphantom:"
    config = CONFIG.replace("phantom:", more) + "litellm_settings: {fallbacks: [{demo: [spare]}]}\n"
    async with rig(tmp_path, config) as control:
        assert (await control.get("/fallback/demo")).json() == {
            "model": "demo",
            "fallback_models": ["spare"],
            "fallback_type": "general",
            "source": "config",
        }
        assert (await control.post("/fallback", {"model": "demo", "fallback_models": ["spare"]})).status_code == 409
        assert (await control.http.request("DELETE", "/fallback/demo", headers=ADMIN)).status_code == 409
        assert (await control.post("/fallback", {"model": "spare", "fallback_models": ["demo"]})).status_code == 200
        routing = control.services.configuration.snapshot.routing
        assert routing.fallbacks == {"demo": ("spare",), "spare": ("demo",)}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", {"model": "nope"}),
        ("fallback_models.0", {"fallback_models": ["nope"]}),
        ("fallback_models", {"fallback_models": ["demo"]}),
        ("fallback_models", {"fallback_models": ["other/model", "other/model"]}),
        ("fallback_models", {"fallback_models": []}),
        ("fallback_type", {"fallback_type": "nope"}),
        ("surprise", {"surprise": 1}),
    ],
)
async def test_bad_fields_are_refused_by_name(control: Rig, field: str, change: dict[str, Any]) -> None:
    await control.post("/model/new", SECOND)
    answer = await control.post("/fallback", SET | change)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert await control.services.database.read(OVERRIDES.all) == []


async def test_a_fallback_to_a_model_that_has_gone_keeps_nothing_from_being_served(control: Rig) -> None:
    await control.post("/model/new", SECOND)
    await control.post("/fallback", SET)
    assert (await control.post("/model/delete", {"id": "m1"})).status_code == 200
    assert len(control.services.configuration.snapshot.deployments) == 1
    assert (await control.get("/fallback/demo")).json()["fallback_models"] == ["other/model"]


async def test_changes_are_recorded_and_for_administrators(control: Rig) -> None:
    await control.post("/model/new", SECOND)
    key = (await control.generate())["key"]
    assert (await control.post("/fallback", SET, headers=bearer(key))).status_code == 403
    await control.post("/fallback", SET)
    await control.post("/fallback", SET | {"fallback_models": ["other/model"]})
    await control.http.request("DELETE", "/fallback/demo", headers=ADMIN)
    records = (await control.get("/audit", object_id="demo")).json()["audit_logs"]
    assert [record["event"] for record in reversed(records)] == [
        "fallback.created",
        "fallback.updated",
        "fallback.deleted",
    ]


@pytest.mark.parametrize("kind", ["context_window", "content_policy"])
async def test_each_kind_is_set_by_itself(control: Rig, kind: str) -> None:
    await control.post("/model/new", SECOND)
    answer = await control.post("/fallback", SET | {"fallback_type": kind})
    assert (answer.status_code, answer.json()["fallback_type"]) == (200, kind), answer.text
    routing = control.services.configuration.snapshot.routing
    assert getattr(routing, f"{kind}_fallbacks") == {"demo": ("other/model",)}
    assert routing.fallbacks == {}
    assert (await control.get("/fallback/demo")).status_code == 404
    found = await control.get("/fallback/demo", fallback_type=kind)
    assert (found.json()["fallback_models"], found.json()["fallback_type"]) == (["other/model"], kind)
    gone = await control.http.request("DELETE", f"/fallback/demo?fallback_type={kind}", headers=ADMIN)
    assert gone.status_code == 200
    assert getattr(control.services.configuration.snapshot.routing, f"{kind}_fallbacks") == {}


async def test_the_files_special_fallbacks_are_read_only(tmp_path: Path) -> None:
    more = "  - {model_name: spare, litellm_params: {model: openai/x, api_key: sk-x}}\nphantom:"
    config = CONFIG.replace("phantom:", more) + "litellm_settings: {context_window_fallbacks: [{demo: [spare]}]}\n"
    async with rig(tmp_path, config) as control:
        body = {"model": "demo", "fallback_models": ["spare"], "fallback_type": "context_window"}
        assert (await control.post("/fallback", body)).status_code == 409
        assert (await control.post("/fallback", body | {"fallback_type": "content_policy"})).status_code == 200
        routing = control.services.configuration.snapshot.routing
        assert routing.context_window_fallbacks == routing.content_policy_fallbacks == {"demo": ("spare",)}


async def test_how_deployments_are_chosen_can_be_set_over_the_api(control: Rig) -> None:
    settings = {"routing_strategy": "least-busy", "retry_policy": {"TimeoutErrorRetries": 4}}
    assert (await control.post("/config/update", {"router_settings": settings})).status_code == 200
    routing = control.services.configuration.snapshot.routing
    assert (routing.strategy, routing.retry_policy) == ("least-busy", {"Timeout": 4})
    bad = await control.post("/config/update", {"router_settings": {"routing_strategy": "dice"}})
    assert bad.status_code == 400
