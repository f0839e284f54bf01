from __future__ import annotations

from typing import Any

import pytest
from tests.unit.store.samples import key_row

from phantom_gateway.control.policy import grants
from phantom_gateway.control.policy.grants import Measure

NOW = 1_800_000_000.0
GROUPS = {"g": ["x", "y"], "openai/trap": ["secret"]}
MEASURE = Measure(NOW, GROUPS)


@pytest.mark.parametrize(
    ("wanted", "held", "within"),
    [
        ([], [], True),
        (["a"], [], True),
        ([], ["a"], False),
        (["a"], ["a", "b"], True),
        (["c"], ["a", "b"], False),
        (["*"], ["a"], False),
        (["all-proxy-models"], ["a"], False),
        (["all-team-models"], ["a"], False),
        (["all-team-models"], ["*"], True),
        (["openai/a"], ["openai/*"], True),
        (["openai/a*"], ["openai/*"], True),
        (["openai/*"], ["openai/a*"], False),
        (["open*"], ["openai/*"], False),
        (["g"], ["g"], True),
        (["x"], ["g"], True),
        (["g"], ["x", "y"], False),
        (["g"], ["x"], False),
        (["openai/trap"], ["openai/*"], False),
        (["openai/trap"], ["openai/*", "secret"], True),
        (["openai/trap"], ["openai/trap"], True),
    ],
)
def test_models(wanted: list[str], held: list[str], within: bool) -> None:
    assert grants.models_within(wanted, held, GROUPS) is within


@pytest.mark.parametrize(
    ("wanted", "held", "within"),
    [
        ([], [], True),
        (["/key/info"], [], True),
        ([], ["/key/info"], False),
        (["/key/info"], ["/key/*"], True),
        (["/key/*"], ["/key/info"], False),
        (["/*"], ["/key/*"], False),
        (["*"], ["/key/*"], False),
        (["/user/update"], ["/*"], True),
        (["llm_api_routes"], ["/v1/chat/completions"], False),
        (["llm_api_routes"], ["llm_api_routes"], True),
    ],
)
def test_routes(wanted: list[str], held: list[str], within: bool) -> None:
    assert grants.routes_within(wanted, held) is within


def beyond(mine: dict[str, Any], held: dict[str, Any], *, must: bool = True) -> list[str]:
    return list(grants.beyond(key_row(**mine), key_row(**held), MEASURE, must=must))


def test_rates_must_be_there_and_no_larger() -> None:
    held = {"rpm_limit": 5, "max_parallel_requests": 2}
    assert beyond({}, held) == ["rpm_limit", "max_parallel_requests"]
    assert beyond({"rpm_limit": 5, "max_parallel_requests": 0}, held) == []
    assert beyond({"rpm_limit": 6, "max_parallel_requests": 1}, held) == ["rpm_limit"]
    assert beyond({"rpm_limit": 6}, held, must=False) == ["rpm_limit"]
    assert beyond({}, held, must=False) == []


@pytest.mark.parametrize(
    ("mine", "within"),
    [
        ({}, False),
        ({"max_budget_nano": 5, "budget_duration": "30d"}, True),
        ({"max_budget_nano": 5, "budget_duration": "1mo"}, True),
        ({"max_budget_nano": 5}, True),
        ({"max_budget_nano": 6, "budget_duration": "30d"}, False),
        ({"max_budget_nano": 5, "budget_duration": "1d"}, False),
        ({"max_budget_nano": 5, "budget_duration": "2mo"}, False),
        ({"budget_limits": [{"budget_duration": "30d", "max_budget_nano": 5}]}, True),
        ({"max_budget_nano": 9, "budget_limits": [{"budget_duration": "30d", "max_budget_nano": 4}]}, True),
        ({"max_budget_nano": 5, "budget_duration": "30d", "temp_increase_nano": 1, "temp_expiry": NOW + 1}, False),
        ({"max_budget_nano": 5, "budget_duration": "30d", "temp_increase_nano": 1, "temp_expiry": NOW}, True),
    ],
)
def test_budgets(mine: dict[str, Any], within: bool) -> None:
    held = {"max_budget_nano": 5, "budget_duration": "30d", "temp_increase_nano": 50, "temp_expiry": NOW + 1}
    assert (beyond(mine, held) == []) is within


def test_a_budget_that_never_resets_is_bounded_by_one_that_never_resets() -> None:
    assert beyond({"max_budget_nano": 5, "budget_duration": "1mo"}, {"max_budget_nano": 5}) == ["max_budget"]
    assert beyond({"max_budget_nano": 5}, {"max_budget_nano": 5}) == []


def test_limits_by_model() -> None:
    held = {"model_limits": {"m": {"rpm_limit": 3, "max_budget_nano": 7, "budget_duration": "1d"}}}
    assert beyond({}, held) == ["model_rpm_limit", "model_max_budget"]
    assert beyond({"model_limits": {"m": {"rpm_limit": 3, "max_budget_nano": 7}}}, held) == []
    assert beyond({"model_limits": {"m": {"rpm_limit": 4}}}, held, must=False) == ["model_rpm_limit"]


def test_what_only_keys_have() -> None:
    held = key_row(expires=NOW, key_type="management", allowed_routes=["/key/*"], tags=["a"])
    assert list(grants.beyond_key(key_row(), held)) == ["duration", "key_type", "allowed_routes", "tags"]
    same = key_row(expires=NOW - 1, key_type="read_only", allowed_routes=["/key/info"], tags=["b", "a"])
    assert list(grants.beyond_key(same, held)) == []
    assert list(grants.beyond_key(key_row(key_type="management"), key_row(key_type="default"))) == []
    assert list(grants.beyond_key(key_row(key_type="llm_api"), key_row(key_type="management"))) == ["key_type"]


def test_what_is_left_open_is_filled_in() -> None:
    held = key_row(
        models=["a"],
        access_groups=["g"],
        rpm_limit=3,
        max_budget_nano=5,
        budget_duration="30d",
        budget_limits=[{"budget_duration": "1d", "max_budget_nano": 1}],
        model_limits={"a": {"rpm_limit": 2, "tpm_limit": 9}},
        expires=NOW,
        key_type="management",
        allowed_routes=["/key/*"],
        tags=["t"],
    )
    rows = []
    owns: tuple[dict[str, Any], ...] = (
        {},
        {"max_budget_nano": 1, "budget_duration": "1d", "models": ["a"]},
        {"model_limits": {"a": {"rpm_limit": 1}, "z": {"rpm_limit": 1}}, "tags": ["u"]},
    )
    for own in owns:
        row = grants.filled_key(grants.filled(key_row(**own), held), held, ())
        assert list(grants.beyond(row, held, MEASURE, must=True)) == []
        assert list(grants.beyond_key(row, held)) == []
        rows.append(row)
    row = rows[-1]
    assert row.model_limits == {"a": {"rpm_limit": 1, "tpm_limit": 9}, "z": {"rpm_limit": 1}}
    assert row.tags == ["t", "u"]


def test_what_was_said_is_not_overruled() -> None:
    held = key_row(models=["a"], rpm_limit=3, max_budget_nano=5, expires=NOW, key_type="management")
    said = key_row(models=["b"], rpm_limit=4, max_budget_nano=6, budget_duration="1d", expires=NOW + 1)
    row = grants.filled_key(grants.filled(said, held), held, {"key_type"})
    assert (row.models, row.rpm_limit, row.max_budget_nano, row.expires) == (["b"], 4, 6, NOW + 1)
    assert row.key_type == "default"


def test_a_new_key_has_the_priority_of_the_one_it_was_made_with() -> None:
    held = key_row(metadata={"priority": "batch", "mine": 1})
    assert grants.filled_key(key_row(metadata={"new": 2}), held, ()).metadata == {"new": 2, "priority": "batch"}
    assert grants.filled_key(key_row(metadata={"new": 2}), key_row(), ()).metadata == {"new": 2}


def test_what_is_laid_down_for_a_key_is_laid_down_for_those_it_makes() -> None:
    held = key_row(extra={"enforced_params": ["user"], "tag_rpm_limit": {"a": 2}, "end_user_budget_id": "b"})
    assert list(grants.beyond_key(key_row(), held)) == ["enforced_params", "tag_rpm_limit", "end_user_budget_id"]
    made = grants.filled_key(key_row(extra={"enforced_params": ["seed"], "tag_rpm_limit": {"z": 1}}), held, ())
    assert made.extra == {
        "enforced_params": ["user", "seed"],
        "tag_rpm_limit": {"a": 2, "z": 1},
        "end_user_budget_id": "b",
    }
    assert list(grants.beyond_key(made, held)) == []
    more = key_row(extra=held.extra | {"tag_rpm_limit": {"a": 3}})
    assert list(grants.beyond_key(more, held)) == ["tag_rpm_limit"]
    assert grants.filled_key(key_row(), key_row(), ()).extra == {}


def test_a_promise_is_not_loosened_by_making_a_key() -> None:
    slow = key_row(extra={"throttle_on_budget_exceeded": True})
    assert list(grants.beyond_key(slow, key_row())) == ["throttle_on_budget_exceeded"]
    assert list(grants.beyond_key(slow, slow)) == list(grants.beyond_key(key_row(), slow)) == []
    assert grants.filled_key(key_row(), slow, ()).extra == {}


def test_what_may_be_said_to_the_cache_narrows_only() -> None:
    held = key_row(extra={"allowed_cache_controls": ["ttl", "no-cache"]})
    for said in ([], ["ttl", "no-store"]):
        row = key_row(extra={"allowed_cache_controls": said})
        assert list(grants.beyond_key(row, held)) == ["allowed_cache_controls"]
    less = key_row(extra={"allowed_cache_controls": ["ttl"]})
    assert list(grants.beyond_key(less, held)) == list(grants.beyond_key(less, key_row())) == []
    assert grants.filled_key(key_row(), held, ()).extra == held.extra
    assert grants.filled_key(less, held, ()).extra == less.extra


def test_what_is_passed_on_for_a_key_is_passed_on_for_those_it_makes() -> None:
    held = key_row(extra={"allowed_passthrough_routes": ["/svc", "/lib/*"], "denied_passthrough_routes": ["/lib/x"]})
    names = ["allowed_passthrough_routes", "denied_passthrough_routes"]
    assert list(grants.beyond_key(key_row(), held)) == names
    assert list(grants.beyond_key(grants.filled_key(key_row(), held, ()), held)) == []
    narrower = grants.filled_key(key_row(extra={names[0]: ["/lib/a"], names[1]: ["/svc/y"]}), held, ())
    assert narrower.extra == {names[0]: ["/lib/a"], names[1]: ["/lib/x", "/svc/y"]}
    assert list(grants.beyond_key(narrower, held)) == []
    assert list(grants.beyond_key(key_row(extra=held.extra | {names[0]: ["/other"]}), held)) == names[:1]
