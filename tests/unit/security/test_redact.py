from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.redact import HIDDEN, is_secret_name, redacted

CANARY = "correct-horse-battery"


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "API-KEY", "key", "password", "new_password", "client_secret", "aws_secret_access_key", "token",
        "aws_session_token", "authorization", "Authorization", "vertex_credentials", "azure_ad_token", "private_key", "cookie",
        "redis_password", "connection_string", "webhook_secret", "langfuse_secret_key",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    for value in (CANARY, [CANARY], {"inner": CANARY}, {"a": {"b": [CANARY]}}):
        assert CANARY not in str(redacted({"x": {name: value}}))


@pytest.mark.parametrize(
    "name",
    [
        "key_name", "key_alias", "key_type", "max_tokens", "max_output_tokens", "total_tokens", "input_cost_per_token",
        "output_cost_per_audio_token", "cache_read_input_token_cost", "tpm_limit", "credential_name", "models", "metadata",
        "monkey", "user_id", "allowed_routes", "tokenizer",
    ],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert redacted({name: "shown"}) == {name: "shown"}


def test_secrets_by_type_and_by_looks() -> None:
    value = {
        "note": "use sk-ph-0123456789abcdef please",
        "url": f"https://ada:{CANARY}@proxy.example/path",
        "list": [Secret(CANARY), "AKIA" + "ABCDEFGHIJKLMNOP"],
        "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def",
    }
    shown = redacted(value)
    assert shown["note"] == f"use {HIDDEN} please"
    assert shown["url"] == f"https://{HIDDEN}@proxy.example/path"
    assert shown["list"] == [HIDDEN, HIDDEN]
    assert shown["jwt"] == HIDDEN


def test_ids_of_keys_are_not_secret() -> None:
    assert redacted({"token": "a" * 64, "keys": ["b" * 64], "key": CANARY}) == {
        "token": "a" * 64,
        "keys": ["b" * 64],
        "key": HIDDEN,
    }


def test_what_says_nothing_stays() -> None:
    value: dict[str, Any] = {"api_key": None, "password": "", "blocked": True, "rpm_limit": 5, "max_budget": 1.5}
    assert redacted(value) == value
    assert redacted({"password": 5}) == {"password": HIDDEN}
    assert redacted(None) is None


def test_depth_is_bounded() -> None:
    value: Any = CANARY
    for _ in range(1000):
        value = [value]
    assert CANARY not in str(redacted(value))
