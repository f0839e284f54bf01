from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from phantom_gateway.config.errors import ConfigError, Problem
from phantom_gateway.config.loader import load_config, parse_config
from phantom_gateway.config.schema import Config
from phantom_gateway.config.secret import Secret

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / "main.yaml"

    return write


def problems(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environment or {}, name="c")
    return str(caught.value).splitlines()


BROKEN = {
    "unknown section": ("model_lst: []", ["c:1: model_lst: unknown section (did you mean model_list?)"]),
    "unknown keys": (
        "router_settings:\n  num_retry: 1\ngeneral_settings:\n  masterkey: x\nphantom:\n  htpp: {}\n",
        [
            "c:2: router_settings.num_retry: unknown key (did you mean num_retries?)",
            "c:4: general_settings.masterkey: unknown key (did you mean master_key?)",
            "c:6: phantom.htpp: unknown key (did you mean http?)",
        ],
    ),
    "entries of model_list": (
        "model_list:\n  - model_name: a\n  - litellm_params: {model: openai/x}\n  - 7\n  - {model_name: '', litellm_params: {rpm: -1}}\n",
        [
            "c:2: model_list[0].litellm_params: is required",
            "c:3: model_list[1].model_name: is required",
            "c:4: model_list[2]: must be a mapping",
            "c:5: model_list[3].model_name: must not be empty",
            "c:5: model_list[3].litellm_params.model: is required",
            "c:5: model_list[3].litellm_params.rpm: must be at least 1",
        ],
    ),
    "types": (
        "model_list: {}\nrouter_settings:\n  num_retries: two\n  timeout: 5 parsecs\n  cooldown_time: 1mo\n  fallbacks: 3\n  allowed_fails: true\n"
        "litellm_settings:\n  drop_params: maybe\n  max_budget: -1\n  budget_duration: 1y\n  max_end_user_budget: .nan\n",
        [
            "c:1: model_list: must be a list",
            "c:3: router_settings.num_retries: must be a whole number",
            "c:4: router_settings.timeout: must be a duration such as 30s, 30m, 24h, 7d or 1mo",
            "c:5: router_settings.cooldown_time: a month has no fixed length in seconds",
            "c:6: router_settings.fallbacks: must be a list",
            "c:7: router_settings.allowed_fails: must be a number",
            "c:9: litellm_settings.drop_params: must be true or false",
            "c:10: litellm_settings.max_budget: must be at least 0",
            "c:11: litellm_settings.budget_duration: must be a duration such as 30s, 30m, 24h, 7d or 1mo",
            "c:12: litellm_settings.max_end_user_budget: must be a number",
        ],
    ),
    "choices": (
        "router_settings:\n  routing_strategy: least-bussy\nphantom:\n  journal_sync: always\n",
        [
            "c:2: router_settings.routing_strategy: must be one of simple-shuffle, least-busy, usage-based-routing, usage-based-routing-v2, "
            "latency-based-routing, cost-based-routing, provider-budget-routing (did you mean least-busy?)",
            "c:4: phantom.journal_sync: must be one of group, strict",
        ],
    ),
    "missing variables": (
        "general_settings:\n  master_key: os.environ/ABSENT\nmodel_list:\n  - model_name: a\n    litellm_params:\n      model: openai/a\n"
        "      api_key: os.environ/EMPTY\n",
        [
            "c:2: general_settings.master_key: the environment variable ABSENT is not set (export it, or set it under environment_variables)",
            "c:7: model_list[0].litellm_params.api_key: the environment variable EMPTY is empty "
            "(export it, or set it under environment_variables)",
        ],
    ),
    "names": (
        "model_list:\n  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o}}\nrouter_settings:\n  fallbacks:\n    - gpt-4: [gtp-4o]\n"
        "    - gpt-4o: [gpt-4o]\n  default_fallbacks: [nothing]\n  model_group_alias: {a: b, b: a, c: gpt-5o}\n",
        [
            "c:5: router_settings.fallbacks[0].gpt-4: no model is named gpt-4 (did you mean gpt-4o?)",
            "c:5: router_settings.fallbacks[0].gpt-4[0]: no model is named gtp-4o (did you mean gpt-4o?)",
            "c:6: router_settings.fallbacks[1].gpt-4o[0]: a model cannot fall back to itself",
            "c:7: router_settings.default_fallbacks[0]: no model is named nothing",
            "c:8: router_settings.model_group_alias.a: the alias leads back to itself",
            "c:8: router_settings.model_group_alias.b: the alias leads back to itself",
            "c:8: router_settings.model_group_alias.c: no model is named gpt-5o (did you mean gpt-4o?)",
        ],
    ),
    "ids, wildcards, addresses, headers": (
        "model_list:\n  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: x}}\n"
        "  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: x}}\n  - {model_name: a*b, litellm_params: {model: openai/*c}}\n"
        "  - {model_name: b, litellm_params: {model: openai/*}}\n"
        "  - {model_name: c, litellm_params: {model: openai/c, api_base: 'https://u:p@h', extra_headers: {host: x, x-a: 'b\\n'}}}\n"
        "  - model_name: d\n    litellm_params: {model: openai/d, litellm_credential_name: cred, ssl_verify: /no/such/file}\n",
        [
            "c:3: model_list[1].model_info.id: the id is already used in line 2",
            "c:4: model_list[2].model_name: a wildcard is a single * at the end",
            "c:4: model_list[2].litellm_params.model: a wildcard is a single * at the end",
            "c:5: model_list[3].litellm_params.model: a wildcard needs a model_name that ends in *, too",
            "c:6: model_list[4].litellm_params.api_base: must not contain a user name or password",
            "c:6: model_list[4].litellm_params.extra_headers.host: is not a header that can be set",
            "c:8: model_list[5].litellm_params.ssl_verify: must be true, false or the path of a CA file that exists",
            "c:8: model_list[5].litellm_params.litellm_credential_name: names no entry of credential_list (see credential_list)",
        ],
    ),
    "the gateway": (
        "general_settings:\n  master_key: sk-1234\n  database_url: mysql://x\n  budget_exceeded_status_code: 200\n  max_request_size_mb: 0\n"
        "  user_header_name: 'a b'\n",
        [
            "c:4: general_settings.budget_exceeded_status_code: must be at least 400",
            "c:5: general_settings.max_request_size_mb: must be greater than 0",
            "c:6: general_settings.user_header_name: has characters that are not allowed here",
        ],
    ),
    "keys and database": (
        "general_settings: {master_key: sk-1234, database_url: 'mysql://x'}",
        [
            "c:1: general_settings.master_key: is too short to be safe: at least 20 characters "
            "(remove it to have one made, or use sk- and 32 random characters)",
            "c:1: general_settings.database_url: must start with sqlite:/// or postgresql://",
        ],
    ),
    "phantom": (
        "phantom:\n  drain_grace: 0\n  egress: {allow_private: [10.0.0.1/8, 169.254.169.254/32, 0.0.0.0/0], proxy: 'socks5://p:1'}\n"
        "  admin: {listen: 4001}\n  http: {max_headers: 1}\n",
        [
            "c:2: phantom.drain_grace: must be greater than 0",
            "c:3: phantom.egress.allow_private[0]: must be an address block such as 10.0.0.0/8, without host bits",
            "c:3: phantom.egress.allow_private[1]: is a link-local, metadata or multicast address, which is never reached",
            "c:3: phantom.egress.allow_private[2]: is wider than any private network",
            "c:4: phantom.admin.listen: must be shared or host:port",
            "c:5: phantom.http.max_headers: must be at least 8",
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_problem_of_a_broken_file_is_named(name: str) -> None:
    text, expected = BROKEN[name]
    assert problems(text, {"EMPTY": ""}) == expected


def test_a_configuration_is_typed_and_its_secrets_are_secret() -> None:
    text = """
general_settings: {master_key: os.environ/MASTER}
model_list:
  - model_name: gpt-4o
    litellm_params:
      {model: openai/gpt-4o, api_key: sk-secret-1, temperature: 0.5, rpm: 10, timeout: 10m, aws_secret_access_key: sk-secret-2, x_token: sk-secret-3}
    model_info: {id: one, mine: {password: sk-secret-4}}
litellm_settings: {cache_params: {password: sk-secret-5, more: {api_key: sk-secret-6}}, some_token: sk-secret-7}
guardrails: [{litellm_params: {api_key: sk-secret-8}}]
"""
    config = parse_config(text, {"MASTER": "sk-secret-123456789012345"})
    entry = config.model_list[0]
    assert config.general_settings.master_key == Secret("sk-secret-123456789012345")
    assert entry.litellm_params.api_key == Secret("sk-secret-1")
    assert (entry.litellm_params.rpm, entry.litellm_params.timeout) == (10, 600.0)
    assert (entry.litellm_params.model_extra or {})["temperature"] == 0.5
    assert "sk-secret" not in repr(config)
    assert "sk-secret" not in str(config.notes)


def test_the_configurations_own_variables_win_and_are_not_exported() -> None:
    text = "environment_variables: {A: own, B: os.environ/C}\ngeneral_settings: {custom_auth: os.environ/A, control_plane_url: os.environ/B}"
    environment = {"A": "process", "C": "c"}
    config = parse_config(text, environment)
    assert (config.general_settings.custom_auth, config.general_settings.control_plane_url) == ("own", "c")
    assert environment == {"A": "process", "C": "c"}
    assert config.lookup(environment).first("missing", "A") == ("A", "own")
    assert "own" not in repr(config.environment_variables)


def test_a_weak_master_key_can_be_permitted() -> None:
    text = "general_settings: {master_key: sk-1234}"
    assert parse_config(
        text, {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    ).general_settings.master_key == Secret("sk-1234")


def test_keys_of_litellm_without_a_home_are_accepted() -> None:
    (note,) = parse_config("general_settings: {max_batch_file_size_mb: 3}", {}).notes
    assert (note.kind, note.path, note.position.line) == ("later", ("general_settings", "max_batch_file_size_mb"), 1)


def test_checks_of_other_layers_are_reported_with_the_rest() -> None:
    def check(config: Config, environment: Mapping[str, str]) -> Sequence[Problem]:
        assert environment == {"X": "y"}
        return [Problem(config.position(path), path, "is odd") for path, _ in config.entries()]

    text = "model_list:\n  - {}\n  - {model_name: a, litellm_params: {model: openai/a}}\n"
    with pytest.raises(ConfigError) as caught:
        parse_config(text, {"X": "y"}, name="c", checks=[check])
    assert str(caught.value).splitlines()[-1] == "c:3: model_list[1]: is odd"


def test_included_files_are_merged_with_their_own_positions(write: Write) -> None:
    model = "model_list:\n  - {model_name: %s, litellm_params: {model: openai/%s}}\n"
    path = write(
        main="include: [one.yaml, two.yaml]\nrouter_settings: {num_retries: 1}\n" + model % ("a", "a"),
        one="router_settings: {num_retries: 2, timeout: 5}\n" + model % ("b", "b") + "include: two.yaml\n",
        two=model % ("c", "c"),
    )
    config = load_config(path, {})
    assert [entry.model_name for entry in config.model_list] == ["a", "b", "c"]
    assert (config.router_settings.num_retries, config.router_settings.timeout) == (1, 5.0)
    assert config.position(("model_list", 1)).file.endswith("one.yaml")
    assert config.position(("model_list", 1)).line == 3


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"main": "include: [main.yaml]"}, "main.yaml:1: include[0]: the file includes itself"),
        (
            {"main": "include: [one.yaml]", "one": "\ninclude: [main.yaml]"},
            "one.yaml:2: include[0]: the file includes itself",
        ),
        ({"main": "include: [absent.yaml]"}, "absent.yaml: no such file"),
        ({"main": "include: [{}]"}, "main.yaml:1: include: must be a list of file names"),
        ({"main": 'include: ["a\\0b"]'}, "main.yaml:1: include[0]: is not a path that can be opened"),
    ],
)
def test_includes_that_cannot_be_followed(write: Write, files: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(**files), {})
    assert str(caught.value).endswith(message)


def test_includes_are_bounded_in_depth(write: Write) -> None:
    chain = {f"f{n}": f"include: [f{n + 1}.yaml]" for n in range(10)}
    with pytest.raises(ConfigError, match="deeper than 8 levels"):
        load_config(write(main="include: [f0.yaml]", **chain), {})


_KEYS = st.sampled_from(
    [
        *Config.model_fields,
        "model_name",
        "model",
        "api_key",
        "api_base",
        "id",
        "fallbacks",
        "model_group_alias",
        "http",
        "x",
        "*",
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "openai/gpt-4o",
            "os.environ/X",
            "*",
            "openai/*",
            "30s",
            "https://h/v1",
            "0.0.0.0/0",
            "sk-secret-value-1234567890",
        ]
    ),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_KEYS | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
_ENTRY = st.fixed_dictionaries(
    {"model_name": _LEAVES, "litellm_params": st.dictionaries(_KEYS, _VALUES, max_size=4)},
    optional={"model_info": _VALUES},
)


def outcome(text: str) -> None:
    try:
        assert isinstance(parse_config(text, {"X": "sk-secret-from-environment"}), Config)
    except ConfigError as error:
        assert error.problems
        assert "sk-secret" not in str(error)


@given(st.dictionaries(_KEYS | st.text(max_size=8), _VALUES | st.lists(_ENTRY, max_size=3), max_size=5))
@example({"model_list": [{"model_name": "a", "litellm_params": {"model": "openai/*", "api_base": "os.environ/X"}}]})
def test_any_yaml_is_a_configuration_or_a_config_error(document: dict[str, Any]) -> None:
    outcome(yaml.safe_dump(document))


@given(st.text())
@example("a: !!float x")
@example('"\\ud800": 1')
@example("? - a\n: b")
@example("%YAML 9.9\n---\na: 1")
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    outcome(text)


@given(st.binary(max_size=200))
def test_any_file_is_a_configuration_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "c.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(load_config(path, {}), Config)
    except ConfigError as error:
        assert error.problems
