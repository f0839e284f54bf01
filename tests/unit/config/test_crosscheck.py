from __future__ import annotations

import pytest

from phantom_gateway.config.crosscheck import alias_target, cross_check, matches, proxy_problem
from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_router import AliasTarget, RouterSettings


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a*", "ab", True),
        ("*", "x", True),
        ("openai/*", "openai/", True),
        ("openai/*", "openai", False),
    ],
)
def test_wildcards_match_by_prefix(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_both_forms_of_an_alias() -> None:
    assert alias_target("a") == alias_target(AliasTarget(model="a")) == "a"


def test_names_of_broken_entries_count_as_models() -> None:
    config = Config(router_settings=RouterSettings(fallbacks=[{"a": ["b"]}]))
    values = {"model_list": [{"model_name": "a"}, {"model_name": "b", "litellm_params": 5}]}
    assert list(cross_check(config, values, {})) == []
    assert len(list(cross_check(config, {"model_list": [{"model_name": "a"}, 5]}, {}))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "router_settings: {fallbacks: [{openai/gpt-4o: [groq/llama]}]}",
        "model_list: [{model_name: a, litellm_params: {model: openai/a}}]\nrouter_settings: {default_fallbacks: [demo]}",
        "model_list: [{model_name: x/*, litellm_params: {model: openai/*}}]\nrouter_settings: {fallbacks: [{'*': [x/y]}]}",
        "model_list: [{model_name: a, litellm_params: {model: openai/a}}]\nrouter_settings: {model_group_alias: {b: a, c: b}}",
    ],
)
def test_names_that_exist(text: str) -> None:
    parse_config(text, {})


@pytest.mark.parametrize("url", ["http://proxy:3128", "http://user:p%40ss@proxy.corp:8080", "http://10.0.0.1:3128/"])
def test_proxies(url: str) -> None:
    assert proxy_problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy:3128",
        "https://proxy",
        "socks5://proxy:1",
        "http://proxy/path",
        "http://",
        "http://u:é@h",
        "http://u:p@127.1",
    ],
)
def test_other_proxies(url: str) -> None:
    assert proxy_problem(url)


def test_credentials_of_litellms_that_look_like_another_are_no_slip() -> None:
    params = "{model: openai/a, s3_access_key_id: x, s3_secret_access_key: y}"
    parse_config(f"model_list: [{{model_name: a, litellm_params: {params}}}]", {})
