from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from phantom_gateway.control.entities.routing import MAX_BYTES, OwnSettings, aliases_of, own_routing

CHECK: TypeAdapter[dict[str, Any]] = TypeAdapter(OwnSettings)


def extras(*settings: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [{} if each is None else {"router_settings": CHECK.validate_python(each)} for each in settings]


def test_nothing_said_is_nothing_carried() -> None:
    assert own_routing(extras(None, None)) is None
    assert own_routing(extras({"num_retries": None, "fallbacks": []}, {})) is None
    assert own_routing(extras({"model_group_alias": {"a": "b"}})) is None


def test_what_is_said_is_carried_and_nothing_else() -> None:
    own = own_routing(extras({"num_retries": 0, "timeout": 5, "fallbacks": [{"gpt": ["other"]}]}))
    assert own is not None
    assert set(own.said) == {"num_retries", "timeout_s", "fallbacks"}
    assert (own.values.num_retries, own.values.timeout_s) == (0, 5.0)
    assert own.values.fallbacks == {"gpt": ("other",)}
    everywhere = own_routing(extras({"fallbacks": [{"*": ["other"]}]}))
    assert everywhere is not None
    assert everywhere.values.default_fallbacks == ("other",)
    assert "default_fallbacks" in everywhere.said


def test_the_keys_word_goes_before_its_teams() -> None:
    own = own_routing(extras({"num_retries": 3, "routing_strategy": "least-busy"}, {"num_retries": 1}))
    assert own is not None
    assert (own.values.num_retries, own.values.strategy) == (1, "least-busy")
    same = own_routing(extras({"routing_strategy": "least-busy", "num_retries": 1}))
    assert same is not None
    assert same.name == own.name
    assert aliases_of(extras({"model_group_alias": {"a": "b"}}, {"model_group_alias": {"c": "d", "d": "e"}})) == {
        "c": "e",
        "d": "e",
    }


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"nope": 1}, "nope"),
        ({"cooldown_time": 5}, "cooldown_time"),
        ({"weights": {"g": {"d": 1}}}, "weights"),
        ({"redis_password": "x"}, "redis_password"),
        ({"routing_strategy": "fastest"}, "routing_strategy"),
        ({"num_retries": -1}, "num_retries"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"fallbacks": "other"}, "fallbacks"),
        ({"retry_policy": {"NopeErrorRetries": 1}}, "retry_policy"),
        ({"fallbacks": [{"m": ["x" * 200] * 99}]}, str(MAX_BYTES)),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        CHECK.validate_python(settings)


def test_what_another_release_has_stored_leaves_the_key_as_it_is() -> None:
    odd = [{"router_settings": {"routing_strategy": "of-tomorrow", "model_group_alias": {"a": []}}}]
    assert own_routing(odd) is None
    assert aliases_of(odd) == {}
