from __future__ import annotations

from typing import Any

from tests.unit.control.people import cast
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.control.checks.log import Check


async def test_models_are_shown_without_secrets(control: Rig) -> None:
    for path in ("/model/info", "/v1/model/info"):
        answer = await control.get(path)
        (model,) = answer.json()["data"]
        assert (model["model_name"], model["litellm_params"]["model"]) == ("demo", "openai/gpt-x")
        assert model["model_info"]["id"] == "d1"
        assert "sk-provider-secret" not in answer.text
        assert "api_key" not in answer.text
        assert model["litellm_params"]["api_base"] == "https://api.openai.com", "of the file, too"
        mine = await control.get(path, bearer((await control.generate())["key"]))
        assert "api_base" not in mine.text
    assert (await control.get("/model/info", litellm_model_id="d1")).json()["data"][0]["model_info"]["id"] == "d1"
    assert (await control.get("/model/info", litellm_model_id="nope")).status_code == 400


async def test_groups_are_summed_up(control: Rig) -> None:
    (group,) = (await control.get("/model_group/info")).json()["data"]
    assert (group["model_group"], group["providers"], group["mode"]) == ("demo", ["openai"], "chat")
    assert (group["input_cost_per_token"], group["output_cost_per_token"]) == (1e-06, 2e-06)
    assert (await control.get("/model_group/info", model_group="other")).json() == {"data": []}


async def test_a_key_sees_the_models_it_may_use(control: Rig) -> None:
    some, none = await control.generate(models=["demo"]), await control.generate(models=["gpt-4o"])
    assert len((await control.get("/model/info", headers=bearer(some["key"]))).json()["data"]) == 1
    assert (await control.get("/model/info", headers=bearer(none["key"]))).json() == {"data": []}
    assert (await control.get("/model_group/info", headers=bearer(none["key"]))).json() == {"data": []}


async def test_pages_are_searched_and_sorted(control: Rig) -> None:
    for number, name in enumerate(("beta", "alpha", "100%_gamma")):
        params = {"model": "openai/gpt-x", "api_key": "sk-x", "input_cost_per_token": number}
        body = {"model_name": name, "litellm_params": params, "model_info": {"id": name, "access_groups": ["g"]}}
        assert (await control.post("/model/new", body)).status_code == 200

    async def names(**query: Any) -> list[str]:
        answer = await control.get("/v2/model/info", **query)
        assert answer.status_code == 200, answer.text
        return [each["model_name"] for each in answer.json()["data"]]

    assert await names(sortBy="model_name") == ["100%_gamma", "alpha", "beta", "demo"]
    assert await names(sortBy="model_name", sortOrder="desc", size=2) == ["demo", "beta"]
    assert await names(sortBy="model_name", size=3, page=2) == ["demo"]
    assert await names(sortBy="costs", sortOrder="desc", size=1) == ["100%_gamma"]
    assert await names(search="ALPH") == ["alpha"]
    assert await names(search="%") == ["100%_gamma"]
    assert await names(modelId="beta") == ["beta"]
    assert len(await names(access_group="g")) == 3
    answer = (await control.get("/v2/model/info", size=3)).json()
    assert (answer["total_count"], answer["total_pages"], answer["current_page"], answer["size"]) == (4, 2, 1, 3)
    for bad in ({"size": 0}, {"page": 0}, {"sortBy": "nope"}, {"surprise": 1}):
        assert (await control.get("/v2/model/info", **bad)).status_code == 400


async def test_a_model_is_read_with_its_etag_and_changed_by_it(control: Rig) -> None:
    body = {"model_name": "m", "litellm_params": {"model": "openai/x", "api_key": "sk-x"}, "model_info": {"id": "m"}}
    await control.post("/model/new", body)
    read = await control.get("/model/info", litellm_model_id="m")
    change = {"model_info": {"id": "m"}, "litellm_params": {"rpm": 1}}
    headers = {**ADMIN, "if-match": read.headers["etag"]}
    assert (await control.post("/model/update", change, headers=headers)).status_code == 200
    assert (await control.post("/model/update", change, headers=headers)).status_code == 412


async def test_a_model_is_named_by_a_plain_id_too(control: Rig) -> None:
    body = {"model_name": "m", "litellm_params": {"model": "openai/x", "api_key": "sk-x"}, "model_info": {"id": "m"}}
    assert (await control.post("/model/new", body)).status_code == 200
    assert (await control.post("/model/update", {"id": "m", "model_name": "n"})).json()["model_name"] == "n"
    refused = await control.http.patch("/model/m/update", json={"id": "other", "model_name": "o"}, headers=ADMIN)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "id"
    assert (await control.post("/model/update", {"model_name": "o"})).status_code == 400


async def test_models_of_a_team_and_ones_own(control: Rig) -> None:
    people = await cast(control)
    for name in ("alpha", "beta*"):
        params = {"model": f"openai/{name}", "api_key": "sk-x"}
        body = {"model_name": name, "litellm_params": params, "model_info": {"id": name}}
        assert (await control.post("/model/new", body)).status_code == 200
    limited = await control.post("/team/update", {"team_id": "t", "models": ["alpha"]})
    assert limited.status_code == 200, limited.text

    async def names(who: str, path: str = "/v2/model/info", **query: Any) -> list[str]:
        answer = await people.get(who, path, **query)
        assert answer.status_code == 200, answer.text
        return sorted(each["model_name"] for each in answer.json()["data"])

    for path in ("/model/info", "/v2/model/info"):
        assert await names("admin", path, teamId="t", include_team_models=True) == ["alpha"]
        assert await names("member", path, teamId="t") == ["alpha"]
        assert await names("admin", path, teamId="s") == ["alpha", "beta*", "demo"]
        foreign = await people.get("member", path, teamId="s")
        missing = await people.get("member", path, teamId="nowhere")
        assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert await names("admin", wildcard_only=True) == ["beta*"]
    assert await names("admin", user_models_only=True) == ["alpha", "beta*"]
    assert await names("user", user_models_only=True) == []
    failed = Check(
        model_name="alpha", model_id="alpha", status="unhealthy", error="x", response_time_ms=1, at=1, by="me"
    )
    control.services.checks.checks.append(failed)
    healthy = (await control.get("/model/info", healthy_only=True)).json()["data"]
    assert [each["model_name"] for each in healthy] == ["demo", "beta*"]
