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


BROKEN = Path(__file__).parents[2] / "golden" / "config_broken"


@pytest.mark.parametrize("case", sorted(path.stem for path in BROKEN.glob("*.yaml")))
def test_every_problem_of_a_broken_file_is_named(case: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config((BROKEN / f"{case}.yaml").read_text(), {"EMPTY": ""}, name="c.yaml")
    assert str(caught.value).splitlines() == (BROKEN / f"{case}.txt").read_text().splitlines()


def test_a_configuration_is_typed_and_its_secrets_are_secret() -> None:
    text = """
general_settings: {master_key: os.environ/MASTER}
model_list:
  - model_name: gpt-4o
    litellm_params:
      {model: openai/gpt-4o, api_key: sk-secret-1, temperature: 0.5, rpm: 10, timeout: 10m,
       aws_secret_access_key: sk-secret-2, x_token: sk-secret-3}
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
    text = """
environment_variables: {A: own, B: os.environ/C}
general_settings: {custom_auth: os.environ/A, control_plane_url: os.environ/B}
"""
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
        refusal = error
    else:
        return
    assert refusal.problems
    assert "sk-secret" not in str(refusal)


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
        refusal = error
    else:
        return
    assert refusal.problems


def test_what_litellm_knows_and_what_is_nobodys_is_reported() -> None:
    text = """
x-common: &common {api_key: sk-x, timeout: 5}
model_list: [{model_name: a, litellm_params: {model: openai/a, <<: *common}}]
router_settings: {model_group_affinity_config: {a: [session_affinity]}, num_retries: 1, plugins: null}
general_settings: {custom_sso: m.f}
agents: [{agent_name: a}]
"""
    config = parse_config(text, {})
    assert config.model_list[0].litellm_params.timeout == 5
    assert [(note.kind, note.path[-1]) for note in config.notes] == [
        ("noted", "x-common"),
        ("later", "model_group_affinity_config"),
        ("later", "custom_sso"),
        ("later", "agents"),
    ]


def test_own_variables_may_be_empty_or_true() -> None:
    text = """
environment_variables: {DEBUG: true, NOTHING: null, REGION: eu}
model_list: [{model_name: a, litellm_params: {model: openai/a, seed: os.environ/DEBUG, user: os.environ/REGION}}]
"""
    config = parse_config(text, {})
    assert {name: value.reveal() for name, value in config.environment_variables.items()} == {
        "DEBUG": "True",
        "REGION": "eu",
    }
    assert config.model_list[0].litellm_params.model_extra == {"seed": "True", "user": "eu"}
    with pytest.raises(ConfigError, match="NOTHING is not set"):
        parse_config(text.replace("os.environ/REGION", "os.environ/NOTHING"), {})


def test_a_shells_variables_are_not_replaced_and_that_is_said() -> None:
    text = """
model_list: [{model_name: a, litellm_params: {model: openai/a, api_key: "${OPENAI_API_KEY}"}}]
prompts: [{text: "Hello ${NAME}"}]
"""
    (note,) = (note for note in parse_config(text, {}).notes if note.kind == "warning")
    assert str(note).endswith(
        "litellm_params.api_key: the ${...} in it is not replaced here (write os.environ/OPENAI_API_KEY as the whole value)"
    )
    with pytest.raises(ConfigError, match=r"must be a whole number; the \$\{\.\.\.\} in it .*write os\.environ/PORT"):
        parse_config("litellm_settings: {cache_params: {port: '${PORT:-6379}'}}", {})


def test_what_resembles_nothing_is_left_out_and_what_looks_like_a_slip_is_not() -> None:
    sections = "router_settings: {default_model: a, num_retries: 2}", "general_settings: {enable_admin_ui: true}"
    config = parse_config("\n".join([*sections, "owebui_params: {a: 1}"]), {})
    assert config.router_settings.num_retries == 2
    warned = {".".join(map(str, note.path)) for note in config.notes if note.kind == "warning"}
    assert warned >= {"router_settings.default_model", "general_settings.enable_admin_ui", "owebui_params"}
    for slip in (
        "router_settings: {num_retry: 3}",
        "router_setting: {}",
        "general_settings: {max_budget: 3}",
        "phantom: {completely_different: 1}",
    ):
        with pytest.raises(ConfigError, match="unknown"):
            parse_config(slip, {})
