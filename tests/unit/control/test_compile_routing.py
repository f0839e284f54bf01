"""``router_settings`` as the attempt loop takes them."""

from __future__ import annotations

import pytest

from phantom_gateway.config.loader import parse_config
from phantom_gateway.control.compile_routing import compile_checks, compile_routing
from phantom_gateway.spine.snapshot import HealthChecks, Routing

MODELS = """
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
"""


def compiled(text: str) -> Routing:
    return compile_routing(parse_config(MODELS + text, {}))


def test_nothing_written_is_the_default() -> None:
    assert compiled("") == Routing()


@pytest.mark.parametrize(
    ("written", "strategy"),
    [
        ("simple-shuffle", "simple-shuffle"),
        ("least-busy", "least-busy"),
        ("latency-based-routing", "latency-based-routing"),
        ("usage-based-routing", "usage-based-routing-v2"),
        ("usage-based-routing-v2", "usage-based-routing-v2"),
        ("cost-based-routing", "cost-based-routing"),
        ("provider-budget-routing", "simple-shuffle"),
    ],
)
def test_strategies_by_litellms_names(written: str, strategy: str) -> None:
    assert compiled(f"router_settings: {{routing_strategy: {written}}}").strategy == strategy


def test_policies_by_kind_of_failure() -> None:
    found = compiled("""
router_settings:
  retry_policy: {TimeoutErrorRetries: 3, DefaultRetries: 1, ContentPolicyViolationErrorRetries: 0}
  model_group_retry_policy: {a: {RateLimitErrorRetries: 5}}
  allowed_fails_policy: {BadGatewayErrorAllowedFails: 9}
""")
    assert found.retry_policy == {"Timeout": 3, "Default": 1, "ContentPolicyViolation": 0}
    assert found.retry_policies == {"a": {"RateLimit": 5}}
    assert found.allowed_fails_policy == {"BadGateway": 9}


def test_fallbacks_by_reason_and_the_router_wins() -> None:
    found = compiled("""
litellm_settings:
  context_window_fallbacks: [{a: [b]}]
  content_policy_fallbacks: [{"*": [b]}]
router_settings:
  context_window_fallbacks: [{b: [a]}, {"*": [b]}]
""")
    assert found.context_window_fallbacks == {"b": ("a",), "*": ("b",)}
    assert found.content_policy_fallbacks == {"*": ("b",)}


def test_tags_affinity_checks_and_the_share_of_retries() -> None:
    found = compiled("""
router_settings:
  enable_tag_filtering: true
  tag_filtering_match_any: false
  enable_pre_call_checks: true
  optional_pre_call_checks: [session_affinity, prompt_caching, router_budget_limiting]
phantom: {upstream: {retry_share: 0.25}}
""")
    assert (found.tag_filtering, found.tags_match_any, found.input_check) == (True, False, True)
    assert found.affinity == ("prompt_caching", "session_affinity"), "the strongest first, whatever the order"
    assert found.retry_share == 0.25
    assert compiled("").tags_match_any


def test_nothing_is_asked_of_upstreams_unless_it_is_wanted() -> None:
    def checks(text: str) -> HealthChecks:
        return compile_checks(parse_config(MODELS + text, {}))

    assert checks("") == checks("general_settings: {health_check_interval: 60}") == HealthChecks()
    paid = checks("general_settings: {background_health_checks: true, health_check_concurrency: 3}")
    assert paid == HealthChecks(interval_s=300.0, at_once=3)
    often = checks("general_settings: {background_health_checks: true, health_check_interval: 1}")
    assert often.interval_s == 5.0
    free = checks(
        "phantom: {upstream: {free_probe_interval: 30}}\nrouter_settings: {enable_health_check_routing: true}"
    )
    assert free == HealthChecks(free_interval_s=30.0, decide=True)
