from __future__ import annotations

import msgspec
from tests.unit.control.rig import SNAPSHOT

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.models_view import api_base, group_view, model_view
from phantom_gateway.spine.snapshot import Address


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


def test_an_address_is_shown_as_its_owner_would_write_it() -> None:
    (one,) = SNAPSHOT.deployments
    assert "api_base" not in model_view(one)["litellm_params"]
    assert model_view(one, full=True)["litellm_params"]["api_base"] == "https://api.openai.com"
    for scheme, host, port, expected in (
        ("https", "a.example", 443, "https://a.example/v1"),
        ("http", "a.example", 8000, "http://a.example:8000/v1"),
        ("http", "a.example", 443, "http://a.example:443/v1"),
        ("https", "::1", 8443, "https://[::1]:8443/v1"),
    ):
        address = Address(scheme=scheme, host=host, port=port)
        moved = msgspec.structs.replace(one, address=address, base_path="/v1", query="key=secret")
        assert api_base(moved) == expected
