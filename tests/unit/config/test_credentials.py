from __future__ import annotations

import pytest

from phantom_gateway.config.credentials import conceal, holds_secret, is_credential_name
from phantom_gateway.config.secret import Secret


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "X-Api-Key",
        "authorization",
        "aws_secret_access_key",
        "password",
        "redis_password",
        "auth_token",
        "Cookie",
        "webhook_url",
        "client_secret",
        "azure_ad_token",
        "vertex_credentials",
        "s3_access_key_id",
        "database_url",
        "dsn",
        "private_key",
    ],
)
def test_names_of_credentials(name: str) -> None:
    assert is_credential_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens",
        "max_completion_tokens",
        "input_cost_per_token",
        "budget_tokens",
        "temperature",
        "keyword",
        "tokenizer",
        "model",
        "api_base",
        "token_rate_limit_type",
        "stop_token",
        "min_tokens",
    ],
)
def test_other_names(name: str) -> None:
    assert not is_credential_name(name)


def test_concealing_reaches_every_depth_and_leaves_the_rest() -> None:
    value = {
        "a": [{"api_key": "x", "n": 1}],
        "credentials": {"user": "u", "list": ["p", 5]},
        "max_tokens": 3,
        "token": None,
        "auth": True,
    }
    hidden = conceal(value)
    assert hidden == {
        "a": [{"api_key": Secret("x"), "n": 1}],
        "credentials": {"user": Secret("u"), "list": [Secret("p"), Secret("5")]},
        "max_tokens": 3,
        "token": None,
        "auth": True,
    }
    assert conceal(hidden) == hidden
    assert holds_secret(hidden)
    assert not holds_secret({"a": [1, ("x",)]})
