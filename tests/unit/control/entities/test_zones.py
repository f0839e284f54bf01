from __future__ import annotations

from tests.unit.control.rig import Rig

from phantom_gateway.control.entities.fields import AllowanceFields
from phantom_gateway.control.entities.zones import zoned

BERLIN = "Europe/Berlin"


def test_every_window_that_names_none_gets_the_zone() -> None:
    fields = AllowanceFields.model_validate(
        {
            "max_budget": 1.0,
            "budget_duration": "1d",
            "budget_limits": [
                {"budget_duration": "1mo", "max_budget": 2.0},
                {"budget_duration": "1h", "max_budget": 3.0},
            ],
            "model_max_budget": {"m": {"max_budget": 1.0, "time_period": "7d@Asia/Tokyo"}},
        }
    )
    found = zoned(fields, BERLIN)
    assert found.budget_duration == "1d@Europe/Berlin"
    assert [each.budget_duration for each in found.budget_limits or []] == ["1mo@Europe/Berlin", "1h"]
    assert found.model_max_budget is not None
    assert found.model_max_budget["m"].time_period == "7d@Asia/Tokyo"
    assert found.model_fields_set == fields.model_fields_set
    assert zoned(fields, "") is fields
    assert zoned(AllowanceFields(budget_duration=None, rpm_limit=1), BERLIN).budget_duration is None


async def test_budgets_of_every_kind_begin_at_the_midnights_of_the_setting(control: Rig) -> None:
    budget = {"max_budget": 1.0, "budget_duration": "1d"}
    made = {"user_id": "ada", **budget}, {"team_id": "t", **budget}, {"organization_alias": "o", **budget}
    control.settings.set(timezone=BERLIN)
    for path, body in zip(("/user/new", "/team/new", "/organization/new"), made, strict=True):
        answer = await control.post(path, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["budget_duration"] == "1d@Europe/Berlin", path
    key = await control.generate(**budget)
    assert key["budget_duration"] == "1d@Europe/Berlin"
    assert key["budget_reset_at"].endswith(("T22:00:00.000000Z", "T23:00:00.000000Z"))
    plain = await control.generate(max_budget=1.0, budget_duration="1d@UTC")
    assert plain["budget_duration"] == "1d@UTC"
    assert plain["budget_reset_at"].endswith("T00:00:00.000000Z")
    refused = await control.post("/key/generate", {"max_budget": 1.0, "budget_duration": "1d@Mars/Base"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "budget_duration")
