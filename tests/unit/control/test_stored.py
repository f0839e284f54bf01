from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_models import CredentialEntry
from phantom_gateway.control.stored import Stored, is_written, merged


def config(text: str = "") -> Config:
    return parse_config(text, {}, name="c")


def credential(name: str, key: str) -> CredentialEntry:
    return CredentialEntry.model_validate({"credential_name": name, "credential_values": {"api_key": key}})


def test_the_file_wins_over_the_database_credential_by_credential() -> None:
    written = config("credential_list: [{credential_name: a, credential_values: {api_key: of-file}}]")
    both = merged(written, Stored(credentials=(credential("a", "of-db"), credential("b", "of-db"))))
    values = {entry.credential_name: entry.credential_values["api_key"].reveal() for entry in both.credential_list}
    assert values == {"a": "of-file", "b": "of-db"}
    assert len(written.credential_list) == 1


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings"])
def test_fallbacks_of_the_file_stay_and_others_are_added(section: str) -> None:
    entries = ", ".join(f"{{model_name: {name}, litellm_params: {{model: openai/{name}}}}}" for name in "ab")
    written = config(f"model_list: [{entries}]\n" + section + ": {fallbacks: [{a: [b]}]}")
    both = merged(written, Stored(fallbacks={"a": ("c",), "b": ("a",)}))
    assert both.router_settings.fallbacks == [{"a": ["b"]}, {"b": ["a"]}]


def test_settings_fill_what_the_file_leaves_open() -> None:
    written = config("litellm_settings: {num_retries: 4}")
    both = merged(
        written,
        Stored(
            settings={
                ("router_settings", "num_retries"): 9,
                ("router_settings", "timeout"): "30s",
                ("router_settings", "nope"): 1,
                ("general_settings", "global_max_parallel_requests"): -1,
                ("nope", "x"): 1,
            }
        ),
    )
    assert both.router_settings.num_retries is None
    assert both.router_settings.timeout == 30.0
    assert both.general_settings.global_max_parallel_requests is None, "what has become invalid is left out"
    assert both.litellm_settings == written.litellm_settings


@pytest.mark.parametrize(
    ("text", "section", "name", "expected"),
    [
        ("litellm_settings: {num_retries: 1}", "router_settings", "num_retries", True),
        ("litellm_settings: {request_timeout: 1}", "router_settings", "timeout", True),
        ("router_settings: {timeout: 1}", "litellm_settings", "request_timeout", True),
        ("router_settings: {timeout: null}", "router_settings", "timeout", False),
        ("", "router_settings", "timeout", False),
        (
            "litellm_settings: {budget_exceeded_status_code: 429}",
            "general_settings",
            "budget_exceeded_status_code",
            True,
        ),
    ],
)
def test_a_setting_has_one_owner_whichever_section_it_stands_in(
    text: str, section: str, name: str, expected: Any
) -> None:
    assert is_written(config(text), section, name) is expected
