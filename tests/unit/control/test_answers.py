"""The descriptions against what is answered: each GET of these families, and the changes of each."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.control.app import create_app
from phantom_gateway.control.guard import GuardedRoute

CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/credentials", {"credential_name": "c", "credential_values": {"api_key": "sk-x"}}),
    ("PATCH", "/credentials/c", {"credential_info": {"a": 1}}),
    ("POST", "/model/new", {"model_name": "n", "litellm_params": {"model": "openai/x", "litellm_credential_name": "c"},
                            "model_info": {"id": "m"}}),
    ("POST", "/model/update", {"model_info": {"id": "m"}, "litellm_params": {"rpm": 1}}),
    ("PATCH", "/model/m/update", {"model_name": "n2"}),
    ("POST", "/model/block", {"model_id": "m"}),
    ("POST", "/model/unblock", {"model_id": "m"}),
    ("POST", "/fallback", {"model": "demo", "fallback_models": ["n2"]}),
    ("POST", "/config/field/update", {"field_name": "timeout", "field_value": 5, "config_type": "router_settings"}),
    ("POST", "/config/update", {"router_settings": {"num_retries": 1}}),
    ("POST", "/config/field/delete", {"field_name": "timeout", "config_type": "router_settings"}),
    ("PATCH", "/config/block_requests_for_models_without_pricing", {"enabled": False}),
    ("POST", "/utils/token_counter", {"model": "demo", "prompt": "hello"}),
    ("POST", "/utils/transform_request", {"call_type": "completion", "request_body": {"model": "n2", "messages": []}}),
    ("POST", "/cost/estimate", {"model": "demo", "input_tokens": 1, "output_tokens": 1}),
    ("POST", "/spend/calculate", {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}),
    ("POST", "/health/test_connection", {"litellm_params": {"model": "openai/x", "api_base": "http://127.0.0.1:1"}}),
    ("GET", "/model/info", None),
    ("GET", "/v1/model/info", None),
    ("GET", "/v2/model/info", None),
    ("GET", "/credentials", None),
    ("GET", "/credentials/by_name/c", None),
    ("GET", "/credentials/by_model/m", None),
    ("GET", "/fallback/demo", None),
    ("GET", "/config/list?config_type=router_settings", None),
    ("GET", "/config/field/info?field_name=num_retries&config_type=router_settings", None),
    ("GET", "/config/cost_discount_config", None),
    ("GET", "/config/cost_margin_config", None),
    ("GET", "/config/block_requests_for_models_without_pricing", None),
    ("GET", "/get/internal_user_settings", None),
    ("GET", "/get/default_team_settings", None),
    ("GET", "/health?model_id=m", None),
    ("GET", "/health/latest", None),
    ("GET", "/health/history", None),
    ("GET", "/health/backlog", None),
    ("GET", "/utils/supported_openai_params?model=demo", None),
    ("DELETE", "/fallback/demo", None),
    ("POST", "/model/delete", {"id": "m"}),
    ("DELETE", "/credentials/c", None),
]  # fmt: skip


async def test_answers_are_as_described(control: Rig) -> None:
    seen = set()
    routes = [each for each in create_app(control.services).routes if isinstance(each, GuardedRoute)]
    for method, target, body in CHANGES:
        if target.startswith("/health?"):  # without an address to reach
            block = {"model_info": {"id": "m"}, "litellm_params": {"api_base": "http://127.0.0.1:1"}}
            await control.post("/model/update", block)
        answer = await control.http.request(method, target, json=body, headers=ADMIN)
        assert answer.status_code == 200, (target, answer.text)
        path = target.partition("?")[0]
        (route,) = [r for r in routes if r.path_regex.match(path) and method in (r.methods or ())][:1]
        assert route.answer is not None, route.path
        TypeAdapter(route.answer).validate_json(answer.content)
        seen.add((method, route.path))
    described = {(method, each.path) for each in routes if each.answer is not None for method in each.methods or ()}
    refused = {"/config/cost_discount_config", "/config/cost_margin_config", "/update/internal_user_settings",
               "/update/default_team_settings", "/health", "/utils/explain"}  # fmt: skip
    assert {each for each in described - seen if each[1] not in refused} == set()
