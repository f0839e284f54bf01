from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.teams.defaults import defaulted
from phantom_gateway.control.teams.fields import TeamNew

PARAMS = {
    "max_budget": 10,
    "budget_duration": "30d",
    "rpm_limit": 5,
    "tpm_limit": 500,
    "team_member_permissions": ["/key/info"],
}
SETTINGS = LitellmSettings.model_validate({"default_team_params": PARAMS})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (10.0, "30d", 5, 500, ["/key/info"])),
        ({"max_budget": None, "rpm_limit": None}, (10.0, "30d", 5, 500, ["/key/info"])),
        ({"budget_duration": None}, (10.0, None, 5, 500, ["/key/info"])),
        ({"max_budget": 1.0, "rpm_limit": 0}, (1.0, "30d", 0, 500, ["/key/info"])),
        ({"budget_id": "b", "team_member_permissions": []}, (None, None, 5, 500, [])),
    ],
)
def test_what_a_request_leaves_open_is_filled(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = defaulted(SETTINGS, TeamNew(**given))
    assert tuple(getattr(found, name) for name in PARAMS) == expected


def test_without_defaults_the_request_is_what_it_was() -> None:
    fields = TeamNew(rpm_limit=1)
    assert defaulted(LitellmSettings(), fields) is fields


async def test_a_new_team_has_them_and_an_old_one_does_not_get_them(control: Rig) -> None:
    await cast(control)
    control.settings.set(default_team_params=PARAMS)
    made = (await control.post("/team/new", {"team_id": "fresh"})).json()
    assert [made[name] for name in PARAMS] == [10.0, "30d", 5, 500, ["/key/info"]]
    old = (await control.post("/team/update", {"team_id": "t", "team_alias": "x"})).json()["data"]
    assert (old["max_budget"], old["rpm_limit"]) == (None, None)
