from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, CONFIG, Rig, rig

from phantom_gateway.config.secret import Secret
from phantom_gateway.store.tenants import OVERRIDES

ROUTER = "router_settings"


async def field(control: Rig, name: str, value: Any, section: str = ROUTER) -> Any:
    body = {"field_name": name, "field_value": value, "config_type": section}
    return await control.post("/config/field/update", body)


async def test_a_setting_is_in_force_when_the_answer_comes(control: Rig) -> None:
    assert (await field(control, "num_retries", 7)).status_code == 200
    assert control.services.configuration.snapshot.routing.num_retries == 7
    shown = (await control.get("/config/field/info", field_name="num_retries", config_type=ROUTER)).json()
    assert (shown["field_value"], shown["stored_in_db"], shown["source"]) == (7, True, "db")
    assert shown["field_type"] == "Integer"
    assert (await field(control, "num_retries", 1)).status_code == 200
    assert control.services.configuration.snapshot.routing.num_retries == 1
    body = {"field_name": "num_retries", "config_type": ROUTER}
    assert (await control.post("/config/field/delete", body)).status_code == 200
    assert control.services.configuration.snapshot.routing.num_retries == 2
    assert (await control.post("/config/field/delete", body)).status_code == 404
    records = (await control.get("/audit", table_name="LiteLLM_Config")).json()["audit_logs"]
    assert [record["event"] for record in records] == ["config.deleted", "config.updated", "config.updated"]


async def test_several_settings_are_set_all_or_none(control: Rig) -> None:
    body = {
        "router_settings": {"timeout": 30, "default_fallbacks": ["demo"], "model_group_alias": {"a": "demo"}},
        "general_settings": {"budget_exceeded_status_code": 429},
    }
    assert (await control.post("/config/update", body)).status_code == 200
    snapshot = control.services.configuration.snapshot
    assert (snapshot.routing.timeout_s, snapshot.routing.default_fallbacks) == (30.0, ("demo",))
    assert snapshot.routing.aliases == {"a": "demo"}
    assert snapshot.settings.budget_exceeded_status == 429
    before = await control.services.database.read(OVERRIDES.all)
    assert (
        await control.post("/config/update", {"router_settings": {"timeout": 5, "num_retries": "x"}})
    ).status_code == 400
    assert await control.services.database.read(OVERRIDES.all) == before
    shown = (await control.get("/get/config/callbacks")).json()
    assert (shown["callbacks"], shown["router_settings"]["timeout"]) == ([], 30.0)


@pytest.mark.parametrize(
    ("param", "body"),
    [
        ("general_settings.master_key", {"general_settings": {"master_key": "sk-1"}}),
        ("general_settings.database_url", {"general_settings": {"database_url": "sqlite:////tmp/x"}}),
        ("general_settings.custom_auth", {"general_settings": {"custom_auth": "os.system"}}),
        ("litellm_settings.ssl_verify", {"litellm_settings": {"ssl_verify": False}}),
        ("litellm_settings.callbacks", {"litellm_settings": {"callbacks": ["x"]}}),
        ("router_settings.redis_host", {"router_settings": {"redis_host": "x"}}),
        ("router_settings.num_retries", {"router_settings": {"num_retries": -1}}),
        ("router_settings.default_fallbacks[0]", {"router_settings": {"default_fallbacks": ["nope"]}}),
        ("router_settings.model_group_alias.a", {"router_settings": {"model_group_alias": {"a": "a"}}}),
        (
            "litellm_settings.cache_params.host",
            {"litellm_settings": {"cache_params": {"ttl": 5, "host": "redis.example"}}},
        ),
        ("litellm_settings.cache_params.password", {"litellm_settings": {"cache_params": {"password": "x"}}}),
        ("litellm_settings.cache_params.ttl", {"litellm_settings": {"cache_params": {"ttl": -5}}}),
        (
            "litellm_settings.cache_params.type",
            {"litellm_settings": {"cache": True, "cache_params": {"type": "redis"}}},
        ),
        ("environment_variables", {"environment_variables": {"PATH": "x"}}),
        ("model_list", {"model_list": []}),
        ("guardrails", {"guardrails": []}),
    ],
)
async def test_what_is_not_listed_is_refused_by_name(control: Rig, param: str, body: dict[str, Any]) -> None:
    answer = await control.post("/config/update", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert await control.services.database.read(OVERRIDES.all) == []


async def test_what_the_file_sets_is_read_only(tmp_path: Path) -> None:
    async with rig(tmp_path, CONFIG + "litellm_settings: {num_retries: 4}\n") as control:
        answer = await field(control, "num_retries", 7)
        assert answer.status_code == 409
        assert control.services.configuration.snapshot.routing.num_retries == 4
        found = {each["field_name"]: each for each in (await control.get("/config/list", config_type=ROUTER)).json()}
        assert found["num_retries"]["source"] == "config"
        assert found["timeout"]["source"] == "default"
        body = {"field_name": "num_retries", "config_type": ROUTER}
        assert (await control.post("/config/field/delete", body)).status_code == 409


async def test_what_would_have_no_effect_is_refused(control: Rig) -> None:
    unpriced = "/config/block_requests_for_models_without_pricing"
    answer = await control.http.request("PATCH", unpriced, json={"enabled": True}, headers=ADMIN)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "enabled")
    answer = await control.http.request("PATCH", unpriced, json={"enabled": False}, headers=ADMIN)
    assert answer.json() == (await control.get(unpriced)).json() == {"enabled": False}
    assert (await field(control, "nope", 1)).status_code == 400
    assert (await field(control, "num_retries", None)).status_code == 400


async def test_what_new_users_get_can_be_set(control: Rig) -> None:
    body = {"user_role": "internal_user_viewer", "max_budget": 5.0, "models": ["demo"], "teams": None}
    answer = await control.http.request("PATCH", "/update/internal_user_settings", json=body, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    shown = (await control.get("/get/internal_user_settings")).json()["values"]
    assert shown == {"user_role": "internal_user_viewer", "max_budget": 5.0, "models": ["demo"]}
    new = control.services.loader.people.new_user
    assert (new.role, new.max_budget_nano, new.models) == ("internal_user_viewer", 5_000_000_000, ("demo",))
    for bad in ({"user_role": "proxy_admin"}, {"max_budget": -1}, {"surprise": 1}):
        answer = await control.http.request("PATCH", "/update/internal_user_settings", json=bad, headers=ADMIN)
        assert answer.status_code == 400, answer.text
    assert control.services.loader.people.new_user == new


async def test_the_cache_is_switched_on_and_set(control: Rig) -> None:
    control.services.loader.cache_secret = Secret("12" * 32)
    body = {"litellm_settings": {"cache": True, "cache_params": {"ttl": 30, "mode": "default_off"}}}
    answer = await control.post("/config/update", body)
    assert answer.status_code == 200, answer.text
    rules = control.services.configuration.snapshot.cache
    assert rules is not None
    assert (rules.ttl_s, rules.default_on, rules.redis) == (30.0, False, None)
    assert (await control.get("/cache/ping")).json()["cache_type"] == "local"
    shown = (await control.get("/config/running", search="cache_params.ttl")).json()
    assert shown["settings"] == [
        {"path": "litellm_settings.cache_params.ttl", "value": 30.0, "source": "db", "file": None, "line": None}
    ]


async def test_where_the_cache_is_stays_the_files_word(tmp_path: Path) -> None:
    written = CONFIG + "litellm_settings:\n  cache: true\n  cache_params: {type: local, password: hidden-in-file}\n"
    async with rig(tmp_path, written) as control:
        answer = await control.post("/config/update", {"litellm_settings": {"cache_params": {"ttl": 5}}})
        assert answer.status_code == 409
        for path in ("/config/list?config_type=litellm_settings", "/config/running", "/config/reloads"):
            answer = await control.get(path)
            assert answer.status_code == 200
            assert "hidden-in-file" not in answer.text
