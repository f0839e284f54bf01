from __future__ import annotations

from tests.unit.control.rig import Rig, bearer


async def test_models_are_shown_without_secrets(control: Rig) -> None:
    for path in ("/model/info", "/v1/model/info"):
        answer = await control.get(path)
        (model,) = answer.json()["data"]
        assert (model["model_name"], model["litellm_params"]["model"]) == ("demo", "openai/gpt-x")
        assert model["model_info"]["id"] == "d1"
        assert "sk-provider-secret" not in answer.text
        assert "api_key" not in answer.text
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
