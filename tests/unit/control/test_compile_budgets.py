from __future__ import annotations

from decimal import Decimal

import pytest

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.schema_base import BudgetEntry
from phantom_gateway.control.compile import check_deployments, compile_snapshot
from phantom_gateway.control.compile_budgets import budget, budget_of, budgets_of
from phantom_gateway.spine.snapshot import Budget, Snapshot

WHOLE = """
model_list:
  - model_name: a
    litellm_params: {model: ollama/a, max_budget: 0.5, budget_duration: 7d}
    model_info: {access_groups: [beta]}
litellm_settings:
  max_budget: 100
  budget_duration: 30d
  max_end_user_budget: 0.000000001
  max_end_user_budget_id: b
  tag_budget_config: {"team:x": {max_budget: 2, budget_duration: 1d}}
router_settings:
  provider_budget_config: {openai: {budget_limit: 3.25, time_period: 1d}}
general_settings: {token_rate_limit_type: output}
phantom: {master_key_budget: {max_budget: 1}}
"""


def compiled(text: str) -> Snapshot:
    config = parse_config(text, {}, checks=[check_deployments])
    snapshot, notes = compile_snapshot(
        config, 1, price_lookup=lambda _provider, _model: None, environment={}, demo_socket=None, pepper=None
    )
    assert notes == []
    return snapshot


def test_every_budget_of_the_configuration_reaches_the_workers() -> None:
    snapshot = compiled(WHOLE)
    (deployment,) = snapshot.deployments
    assert deployment.budget == Budget(amount=500_000_000, window="7d")
    assert deployment.access_groups == ("beta",)
    settings = snapshot.settings
    assert settings.budget == Budget(amount=100_000_000_000, window="30d")
    assert settings.master_key_budget == Budget(amount=1_000_000_000)
    assert (settings.customer_budget, settings.customer_budget_id) == (Budget(amount=1), "b")
    assert settings.tag_budgets == {"team:x": Budget(amount=2_000_000_000, window="1d")}
    assert settings.limited_tokens == "output"
    assert snapshot.routing.provider_budgets == {"openai": Budget(amount=3_250_000_000, window="1d")}


@pytest.mark.parametrize(
    "text",
    [
        "litellm_settings: {max_budget: -1}",
        "litellm_settings: {max_budget: 10000000000}",
        "litellm_settings: {max_budget: .nan}",
        "litellm_settings: {budget_duration: soon}",
        "litellm_settings: {tag_budget_config: {t: {budget_duration: 1d}}}",
        "litellm_settings: {tag_budget_config: {t: {max_budget: 1, colour: red}}}",
        "router_settings: {provider_budget_config: {openai: {}}}",
        "router_settings: {provider_budget_config: [openai]}",
        "phantom: {master_key_budget: {budget_duration: 1d}}",
        "general_settings: {token_rate_limit_type: all}",
    ],
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        compiled(text)


def test_both_spellings_and_nothing() -> None:
    assert budget(None, "1d") is None
    assert budget_of(None, None) is None
    assert budgets_of(None, None) == {}
    long = BudgetEntry(max_budget=Decimal("0.1"), budget_duration="1d")
    short = BudgetEntry(budget_limit=Decimal("0.1"), time_period="1d")
    assert budget_of(long, None) == budget_of(short, "UTC") == Budget(amount=100_000_000, window="1d")
    assert budget_of(long, "Asia/Tokyo") == Budget(amount=100_000_000, window="1d@Asia/Tokyo")


def test_windows_begin_at_midnights_of_the_time_zone() -> None:
    settings = compiled(
        "litellm_settings: {timezone: Europe/Berlin, max_budget: 1, budget_duration: 1mo, tag_budget_config: "
        "{t: {max_budget: 1, budget_duration: 1d@Asia/Tokyo}, u: {max_budget: 1, budget_duration: 1h}}}"
    ).settings
    assert settings.budget is not None
    assert settings.budget.window == "1mo@Europe/Berlin"
    assert {name: each.window for name, each in settings.tag_budgets.items()} == {"t": "1d@Asia/Tokyo", "u": "1h"}
    for text in ("{timezone: Mars/Base}", "{timezone: 5}", "{max_budget: 1, budget_duration: 1h@UTC}"):
        with pytest.raises(ConfigError):
            compiled(f"litellm_settings: {text}")
