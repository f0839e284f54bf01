from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.keys.fields import KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.rules import bounded, check_generation, defaulted, given
from phantom_gateway.control.policy.actor import Actor

BOUNDS = LitellmSettings.model_validate(
    {"upperbound_key_generate_params": {"max_budget": 10, "budget_duration": "10d", "duration": "30d", "rpm_limit": 5}}
)
DEFAULTS = LitellmSettings.model_validate(
    {"default_key_generate_params": {"max_budget": 1.5, "models": ["demo"], "metadata": {"a": 1}}}
)
RULES = LitellmSettings.model_validate(
    {
        "key_generation_settings": {
            "team_key_generation": {"allowed_team_member_roles": ["admin"], "required_params": ["tags"]},
            "personal_key_generation": {"allowed_user_roles": ["internal_user"]},
        }
    }
)


def test_defaults_are_for_what_is_left_open() -> None:
    found = defaulted(DEFAULTS, KeyGenerate(models=[], max_budget=3.0))
    assert (found.models, found.max_budget, found.metadata) == (["demo"], 3.0, {"a": 1})
    assert given(found) == {"models", "max_budget", "metadata"}
    assert defaulted(LitellmSettings(), found) is found


def test_defaults_that_are_none_are_named() -> None:
    wrong = LitellmSettings.model_validate({"default_key_generate_params": {"key_type": "root"}})
    with pytest.raises(ApiError, match="configuration") as caught:
        defaulted(wrong, KeyGenerate())
    assert caught.value.param == "key_type"


def test_bounds_fill_a_new_key() -> None:
    found = bounded(BOUNDS, KeyGenerate(rpm_limit=2), new=True)
    assert (found.max_budget, found.budget_duration, found.duration, found.rpm_limit) == (10.0, "10d", "30d", 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_budget", 10.01), ("budget_duration", "1mo"), ("duration", "31d"), ("duration", "-1"), ("rpm_limit", 6)],
)
def test_nothing_is_beyond_a_bound(field: str, value: Any) -> None:
    for fields in (KeyGenerate(**{field: value}), KeyUpdate(key="k", **{field: value})):
        with pytest.raises(ApiError) as caught:
            bounded(BOUNDS, fields, new=isinstance(fields, KeyGenerate))
        assert (caught.value.status, caught.value.param) == (400, field)


def test_a_bound_cannot_be_cleared_and_is_not_filled_in_by_an_update() -> None:
    assert bounded(BOUNDS, KeyUpdate(key="k", tpm_limit=1), new=False).model_fields_set == {"key", "tpm_limit"}
    with pytest.raises(ApiError, match="max_budget"):
        bounded(BOUNDS, KeyUpdate(key="k", max_budget=None), new=False)
    limits: Any = [{"budget_duration": "1d", "max_budget": 11.0}]
    with pytest.raises(ApiError, match="budget_limits"):
        bounded(BOUNDS, KeyUpdate(key="k", budget_limits=limits), new=False)


def test_who_may_make_keys() -> None:
    boss = Actor(key_id="k", role="internal_user", teams_administered=frozenset({"t"}))
    check_generation(RULES, boss, "t", {"tags"})
    check_generation(RULES, boss, None, ())
    check_generation(LitellmSettings(), Actor(key_id="k"), "t", ())
    with pytest.raises(ApiError, match="tags"):
        check_generation(RULES, boss, "t", {"models"})
    for actor, team in ((boss, "s"), (Actor(key_id="k", role="internal_user_viewer"), None)):
        with pytest.raises(ApiError) as caught:
            check_generation(RULES, actor, team, {"tags"})
        assert caught.value.status == 403
