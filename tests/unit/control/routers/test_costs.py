from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer


async def test_an_answer_costs_what_the_ledger_would_bill(control: Rig) -> None:
    answer = {"model": "demo", "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}}
    found = await control.post("/spend/calculate", {"completion_response": answer})
    assert found.json() == {"cost": pytest.approx(1000e-6 + 1000e-6)}
    guessed = await control.post(
        "/spend/calculate", {"model": "demo", "messages": [{"role": "user", "content": "x" * 40}]}
    )
    assert 0 < guessed.json()["cost"] < 1e-4


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("messages", {"model": "demo"}),
        ("messages", {"model": "demo", "messages": [], "completion_response": {}}),
        ("model", {"messages": []}),
        ("model", {"completion_response": {"model": 5, "usage": {}}}),
        ("completion_response.usage", {"completion_response": {"model": "demo"}}),
    ],
)
async def test_what_cannot_be_priced_is_refused_by_name(control: Rig, field: str, body: dict[str, Any]) -> None:
    answer = await control.post("/spend/calculate", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_usage_of_strangers_never_costs_less_than_nothing(control: Rig) -> None:
    for usage in ({"prompt_tokens": -5}, {"prompt_tokens": 1e308}, {"prompt_tokens": "many"}, {}):
        found = await control.post("/spend/calculate", {"completion_response": {"model": "demo", "usage": usage}})
        assert found.status_code == 200
        assert found.json()["cost"] >= 0


async def test_a_key_learns_nothing_of_models_it_may_not_use(control: Rig) -> None:
    key = (await control.generate(models=["other"]))["key"]
    body = {"model": "demo", "input_tokens": 1, "output_tokens": 1}
    assert (await control.post("/cost/estimate", body, headers=bearer(key))).status_code == 404
    assert (await control.post("/cost/estimate", body)).json()["provider"] == "openai"
