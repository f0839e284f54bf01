from __future__ import annotations

from tests.unit.control.rig import SNAPSHOT

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.models_view import group_view, model_view


def test_no_secret_has_a_way_into_the_view() -> None:
    (deployment,) = SNAPSHOT.deployments
    shown = str(model_view(deployment)) + str(group_view("demo", [deployment]))
    assert "***" not in shown, "not even a hidden one"
    assert isinstance(deployment.api_key, Secret)
    assert deployment.api_key.reveal() not in shown


def test_prices_are_per_token() -> None:
    info = model_view(SNAPSHOT.deployments[0])["model_info"]
    assert (info["input_cost_per_token"], info["output_cost_per_token"], info["cache_read_input_token_cost"]) == (
        1e-06,
        2e-06,
        None,
    )
