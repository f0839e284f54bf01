from __future__ import annotations

from typing import Any

import msgspec

from phantom_gateway.gateway.own_routing import joined
from phantom_gateway.spine.messages import OwnRouting
from phantom_gateway.spine.snapshot import Routing

BASE = Routing(
    num_retries=4,
    retry_policy={"Timeout": 5},
    retry_policies={"gpt": {"RateLimit": 6}},
    fallbacks={"a": ("b",), "c": ("d",)},
    default_fallbacks=("e",),
    stream_timeout_s=7.0,
    total_timeout_s=60.0,
)


def own(**fields: Any) -> OwnRouting:
    return OwnRouting(name="n", said=tuple(fields), values=Routing(**fields))


def test_fallbacks_are_joined_model_by_model() -> None:
    made = joined(BASE, own(fallbacks={"a": ("x",)}))
    assert made == msgspec.structs.replace(BASE, fallbacks={"a": ("x",), "c": ("d",)})


def test_a_number_of_retries_is_for_every_failure_it_names_no_other_for() -> None:
    made = joined(BASE, own(num_retries=0, retry_policy={"RateLimit": 2}))
    assert (made.retry_policy, made.num_retries) == ({"Default": 0, "RateLimit": 2}, 0)
    assert made.retry_policies == {}
    assert joined(BASE, own(num_retries=1)).retry_policy == {"Default": 1}


def test_a_policy_goes_before_the_configurations_for_a_model() -> None:
    made = joined(BASE, own(retry_policy={"RateLimit": 1}))
    assert made.retry_policy == {"Timeout": 5, "RateLimit": 1}
    assert made.retry_policies == {"gpt": {"RateLimit": 1}}
    made = joined(BASE, own(retry_policies={"gpt": {"Timeout": 2}, "o": {"Timeout": 3}}))
    assert made.retry_policies == {"gpt": {"RateLimit": 6, "Timeout": 2}, "o": {"Timeout": 3}}


def test_a_timeout_is_for_streams_as_well() -> None:
    made = joined(BASE, own(timeout_s=2.0))
    assert (made.timeout_s, made.stream_timeout_s, made.total_timeout_s) == (2.0, None, 60.0)
    made = joined(BASE, own(timeout_s=2.0, stream_timeout_s=1.0))
    assert made.stream_timeout_s == 1.0
    assert joined(BASE, own(strategy="least-busy")).stream_timeout_s == 7.0
