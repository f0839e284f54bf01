from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_models import CredentialEntry, ModelEntry
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile_address import Egress
from phantom_gateway.control.compile_deployment import (
    AZURE_API_VERSION,
    Compiled,
    Context,
    compile_deployment,
    deployment_id,
)
from phantom_gateway.control.compile_grant import SCOPE
from phantom_gateway.providers.catalogue import ALL, OPENAI_PATHS, PATHS, RESPONSES_PATHS
from phantom_gateway.spine.snapshot import Deployment, Prices

PATH = ("model_list", 0)


class Known:
    prices = Prices(version="t", input=5, output=6)
    max_input_tokens = 100
    max_output_tokens = 10
    mode = "chat"
    supports = frozenset({"supports_reasoning"})


def entry(params: dict[str, Any], info: dict[str, Any] | None = None) -> ModelEntry:
    return ModelEntry.model_validate({"model_name": "a", "litellm_params": params, "model_info": info or {}})


def run(
    params: dict[str, Any], info: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Compiled:
    credentials = [
        CredentialEntry(
            credential_name="c", credential_values={"api_key": Secret("ck"), "api_base": Secret("https://cred/v1")}
        )
    ]
    context = Context(
        Config(credential_list=credentials),
        Environment({}, environment or {}),
        Egress(),
        lambda _provider, model: Known() if model == "known" else None,
        "/run/demo.sock",
    )
    return compile_deployment(entry(params, info), PATH, context)


def built(
    params: dict[str, Any], info: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Deployment:
    compiled = run(params, info, environment)
    assert compiled.problems == []
    assert compiled.deployment is not None
    return compiled.deployment


TEXT_PATHS = {**{name: OPENAI_PATHS[name] for name in ALL}, **RESPONSES_PATHS}
EVERY_PATH = {**OPENAI_PATHS, **RESPONSES_PATHS}


def test_a_model_that_does_one_thing_serves_nothing_else() -> None:
    embedding = {"mode": "embedding"}
    for model in ("openai/known", "openai/unheard-of", "azure/x", "hosted_vllm/x", "bedrock/amazon.titan-embed"):
        params = {"model": model, "api_key": "k", "api_base": "https://a.example/v1"}
        assert set(built(params, embedding).paths) == {"embeddings"}
    assert set(built({"model": "gemini/x", "api_key": "k"}, embedding).paths) <= {
        "embed_contents",
        "count_contents",
        "embeddings",
    }
    assert set(built({"model": "openai/x", "api_key": "k"}, {"mode": "moderation"}).paths) == {"moderations"}
    assert set(built({"model": "openai/x", "api_key": "k"}, {"mode": "rerank"}).paths) == {"rerank"}
    none = run({"model": "anthropic/x", "api_key": "k"}, embedding)
    assert none.deployment is not None
    assert none.deployment.paths == {}
    assert any("answers nothing" in str(note) for note in none.notes)
    mocked = run({"model": "openai/x", "api_key": "k", "mock_response": "a"}, embedding)
    assert mocked.deployment is not None
    assert mocked.deployment.paths == {}
    assert any("answers nothing" in str(note) for note in mocked.notes)


@pytest.mark.parametrize(
    ("costs", "info", "said"),
    [
        ({"input_cost_per_token": 1e-7}, {}, "output"),
        ({"output_cost_per_token": 1e-7}, {}, "input"),
        ({"input_cost_per_token": 1e-7, "output_cost_per_token": 0}, {}, ""),
        ({"input_cost_per_token": 1e-7}, {"output_cost_per_token": 0}, ""),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, {}, ""),
        ({"input_cost_per_token": 1e-7}, {"mode": "embedding"}, ""),
    ],
)
def test_a_side_without_a_price_is_told_unless_it_was_written(
    costs: dict[str, Any], info: dict[str, Any], said: str
) -> None:
    notes = run({"model": "openai/x", "api_key": "k", **costs}, info).notes
    told = [note.path[-1] for note in notes if "counts as free" in note.message]
    assert told == ([f"{said}_cost_per_token"] if said else [])


def test_a_model_carries_what_its_kind_can_do() -> None:
    assert built({"model": "openai/known", "api_key": "k"}).paths == TEXT_PATHS
    assert built({"model": "openai/unheard-of", "api_key": "k"}).paths == EVERY_PATH
    assert built({"model": "openai/*", "api_key": "k"}).paths == EVERY_PATH
    assert built({"model": "openai/known", "api_key": "k"}, {"mode": "image_generation"}).paths == EVERY_PATH


def test_every_field_is_filled() -> None:
    deployment = built(
        {
            "model": "openai/known",
            "api_key": "k",
            "organization": "org",
            "extra_headers": {"X-Team": "t", "Authorization": "Bearer x"},
            "temperature": 0.5,
            "rpm": 5,
            "tpm": 6,
            "weight": 2,
            "order": 3,
            "max_parallel_requests": 4,
            "timeout": "1m",
            "stream_timeout": 7,
            "num_retries": 1,
            "tags": ["x"],
            "mock_response": "hi",
            "ssl_verify": False,
        },
        {"id": "me", "max_tokens": 11, "password": "p", "team": "t"},
    )
    assert (deployment.id, deployment.group, deployment.provider, deployment.model) == ("me", "a", "openai", "known")
    assert (deployment.address.scheme, deployment.address.host, deployment.address.port) == (
        "https",
        "api.openai.com",
        443,
    )
    assert not deployment.address.verify
    assert (deployment.base_path, deployment.paths, deployment.query) == (
        "/v1",
        TEXT_PATHS,
        "",
    )
    assert deployment.headers == (("openai-organization", "org"), ("x-team", "t"))
    assert deployment.secret_headers == (("authorization", Secret("Bearer x")),)
    assert (deployment.auth_header, deployment.auth_prefix, deployment.api_key) == (
        "authorization",
        "Bearer ",
        Secret("k"),
    )
    assert deployment.defaults == {"temperature": 0.5}
    assert deployment.prices == Known.prices
    assert (deployment.max_input_tokens, deployment.max_output_tokens, deployment.mode) == (100, 11, "chat")
    assert (deployment.weight, deployment.order, deployment.rpm, deployment.tpm, deployment.max_parallel_requests) == (
        2.0,
        3,
        5,
        6,
        4,
    )
    assert (deployment.timeout_s, deployment.stream_timeout_s, deployment.max_retries) == (60.0, 7.0, 1)
    assert (deployment.tags, deployment.mock_response) == (("x",), "hi")
    assert deployment.info == {"id": "me", "max_tokens": 11, "team": "t"}


@pytest.mark.parametrize(
    ("params", "base", "chat", "query"),
    [
        (
            {"api_base": "https://r.openai.azure.com", "api_version": "2024-10-21"},
            "/openai/deployments",
            "/{model}/chat/completions",
            "2024-10-21",
        ),
        (
            {"api_base": "https://r.openai.azure.com/openai/", "api_version": "x"},
            "/openai/deployments",
            "/{model}/chat/completions",
            "x",
        ),
        (
            {"api_base": "https://r.openai.azure.com"},
            "/openai/deployments",
            "/{model}/chat/completions",
            AZURE_API_VERSION,
        ),
        (
            {"api_base": "https://r.openai.azure.com?api-version=q"},
            "/openai/deployments",
            "/{model}/chat/completions",
            "q",
        ),
        (
            {"api_base": "https://apim/x/openai/deployments/d", "api_version": "v"},
            "/x/openai/deployments/d",
            "/chat/completions",
            "v",
        ),
        ({"api_base": "https://r.openai.azure.com/openai/v1/"}, "/openai/v1", "/chat/completions", ""),
        ({"api_base": "https://r.openai.azure.com", "api_version": "v1"}, "/openai/v1", "/chat/completions", ""),
        (
            {"api_base": "https://r.openai.azure.com/openai", "api_version": "preview"},
            "/openai/v1",
            "/chat/completions",
            "preview",
        ),
    ],
)
def test_the_forms_of_azure(params: dict[str, Any], base: str, chat: str, query: str) -> None:
    deployment = built({"model": "azure/d", "api_key": "k", **params})
    assert (deployment.base_path, deployment.paths["chat"]) == (base, chat)
    assert deployment.query == (f"api-version={query}" if query else "")
    assert (deployment.auth_header, deployment.auth_prefix) == ("api-key", "")


@pytest.mark.parametrize(
    ("params", "base"),
    [
        ({"model": "ollama/x"}, "/v1"),
        ({"model": "ollama/x", "api_base": "http://h:11434/"}, "/v1"),
        ({"model": "ollama/x", "api_base": "http://h:11434/v1"}, "/v1"),
        ({"model": "openai/x", "api_base": "http://h/v1/chat/completions"}, "/v1"),
        ({"model": "openai/x", "base_url": "http://h"}, ""),
        ({"model": "perplexity/x"}, ""),
        ({"model": "groq/x"}, "/openai/v1"),
        ({"model": "demo/x"}, "/v1"),
        ({"model": "anthropic/x"}, "/v1"),
        ({"model": "anthropic/x", "api_base": "http://h"}, "/v1"),
        ({"model": "anthropic/x", "api_base": "http://h/v1/messages"}, "/v1"),
        ({"model": "ollama/x", "api_base": "http://h/v1/chat/completions"}, "/v1"),
        ({"model": "gemini/x"}, "/v1beta"),
        ({"model": "gemini/x", "api_base": "http://h"}, "/v1beta"),
        ({"model": "gemini/x", "api_base": "http://h/v1beta/"}, "/v1beta"),
        ({"model": "gemini/x", "api_base": "https://h/v1/publishers/google"}, "/v1/publishers/google"),
        ({"model": "minimax/x", "api_base": "https://h"}, "/v1"),
        ({"model": "cometapi/x", "api_base": "https://h/v1"}, "/v1"),
    ],
)
def test_base_paths(params: dict[str, Any], base: str) -> None:
    assert built(params).base_path == base


def test_the_demo_provider_is_the_simulators_socket() -> None:
    address = built({"model": "demo/x"}).address
    assert (address.scheme, address.socket_path) == ("unix", "/run/demo.sock")


@pytest.mark.parametrize(
    ("params", "environment", "source"),
    [
        ({"model": "openai/x", "api_key": "k"}, {"OPENAI_API_KEY": "e"}, "config"),
        ({"model": "openai/x"}, {"OPENAI_API_KEY": "e"}, "OPENAI_API_KEY"),
        ({"model": "openai/x", "api_base": "https://api.openai.com/v1/"}, {"OPENAI_API_KEY": "e"}, "OPENAI_API_KEY"),
        ({"model": "openai/x", "api_base": "https://evil.example/v1"}, {"OPENAI_API_KEY": "e"}, ""),
        ({"model": "openai/x", "api_base": "http://api.openai.com/v1"}, {"OPENAI_API_KEY": "e"}, ""),
        ({"model": "openai/x"}, {"OPENAI_API_KEY": "e", "OPENAI_BASE_URL": "https://relay/v1"}, "OPENAI_API_KEY"),
        ({"model": "azure/x", "api_base": "https://r"}, {"AZURE_API_KEY": "e"}, "AZURE_API_KEY"),
        ({"model": "hosted_vllm/x", "api_base": "http://v"}, {"HOSTED_VLLM_API_KEY": "e"}, "HOSTED_VLLM_API_KEY"),
        ({"model": "ollama/x"}, {}, ""),
        ({"model": "openai/x", "litellm_credential_name": "c"}, {"OPENAI_API_KEY": "e"}, "config"),
    ],
)
def test_a_key_goes_to_its_own_provider_only(params: dict[str, Any], environment: dict[str, str], source: str) -> None:
    compiled = run(params, environment=environment)
    assert compiled.deployment is not None
    assert compiled.key_source == source
    assert (compiled.deployment.api_key is not None) == bool(source)
    named = [note for note in compiled.notes if note.path[-1] == "api_key"]
    assert bool(named) == (not source and "openai/" in params["model"])


def test_a_token_of_entra_id_is_sent_as_one() -> None:
    azure = {"model": "azure/x", "api_base": "https://r", "azure_ad_token": "t"}
    compiled = run(azure, environment={"AZURE_API_KEY": "e"})
    sent = compiled.deployment
    assert sent is not None
    assert (sent.auth_header, sent.auth_prefix, sent.api_key) == ("authorization", "Bearer ", Secret("t"))
    assert compiled.key_source == "config"
    for params in (azure | {"api_key": "k"}, azure | {"model": "openai/x", "api_key": "k"}):
        other = run(params)
        assert other.deployment is not None
        assert other.deployment.api_key == Secret("k")
        assert [note.path[-1] for note in other.notes if note.path[-1] == "azure_ad_token"] == ["azure_ad_token"]
    assert [each.path[-1] for each in run(azure | {"azure_ad_token": "oidc/x"}).problems] == ["azure_ad_token"]


ENTRA = {"tenant_id": "contoso.example", "client_id": "app", "client_secret": "s3cret"}


def test_tokens_of_entra_id_are_had_with_client_credentials() -> None:
    azure = {"model": "azure/x", "api_base": "https://r"}
    compiled = run(azure | ENTRA, environment={"AZURE_API_KEY": "e"})
    made = compiled.deployment
    assert made is not None
    assert made.grant is not None
    assert (made.auth_header, made.auth_prefix, made.api_key) == ("authorization", "Bearer ", None)
    assert (made.grant.address.host, made.grant.path) == (
        "login.microsoftonline.com",
        "/contoso.example/oauth2/v2.0/token",
    )
    assert (made.grant.client_secret, made.grant.scope) == (Secret("s3cret"), SCOPE)
    assert (compiled.problems, compiled.key_source) == ([], "config")
    environment = {f"AZURE_{name.upper()}": value for name, value in ENTRA.items()}
    environment["AZURE_AUTHORITY_HOST"] = "https://login.example/base"
    made = run(azure, environment=environment).deployment
    assert made is not None
    assert made.grant is not None
    assert (made.grant.address.host, made.grant.path[:6]) == ("login.example", "/base/")
    for more in ({"AZURE_API_KEY": "e"}, {"AZURE_TENANT_ID": ""}):
        other = run(azure, environment=environment | more).deployment
        assert other is not None
        assert other.grant is None
    keyed = run(azure | ENTRA | {"api_key": "k"}).deployment
    assert keyed is not None
    assert (keyed.grant, keyed.api_key) == (None, Secret("k"))


def test_tokens_of_the_environment_go_to_no_address_of_an_entry_of_the_api() -> None:
    config = Config.model_validate({})
    entry = ModelEntry.model_validate(
        {"model_name": "m", "litellm_params": {"model": "azure/x", "api_base": "https://r"}}
    )
    environment = {f"AZURE_{name.upper()}": value for name, value in ENTRA.items()}
    context = Context(config, Environment({}, environment), Egress(), lambda _provider, _model: None)
    for path, has in ((("models", "m"), False), (("model_list", 0), True)):
        made = compile_deployment(entry, path, context).deployment
        assert made is not None
        assert (made.grant is not None) == has


def test_named_credentials_fill_what_is_missing() -> None:
    deployment = built({"model": "openai/x", "litellm_credential_name": "c"})
    assert (deployment.api_key, deployment.address.host) == (Secret("ck"), "cred")
    assert built({"model": "openai/x", "litellm_credential_name": "c", "api_base": "https://own"}).address.host == "own"


def test_parameters_are_defaults_but_for_credentials_prices_and_litellms_own() -> None:
    compiled = run(
        {
            "model": "ollama/x",
            "top_p": 1,
            "my_token": "sk-secret",
            "tpm_cost": 5,
            "tag_regex": [],
            "stop": None,
            "extra_body": {"password": "p"},
        }
    )
    assert compiled.deployment is not None
    assert compiled.deployment.defaults == {"top_p": 1}
    assert {note.path[-1] for note in compiled.notes} == {"my_token", "tag_regex", "extra_body"}


@pytest.mark.parametrize(
    ("params", "key", "message"),
    [
        ({"model": "nobody/x"}, "model", "no provider is named nobody"),
        ({"model": "x", "custom_llm_provider": "nobody"}, "custom_llm_provider", "no provider is named nobody"),
        ({"model": "azure/x"}, "api_base", "is required for azure"),
        ({"model": "custom_openai/x"}, "api_base", "is required for custom_openai"),
        (
            {"model": "openai/x", "api_base": "http://169.254.169.254/"},
            "api_base",
            "is a link-local, metadata or multicast address",
        ),
    ],
)
def test_problems(params: dict[str, Any], key: str, message: str) -> None:
    (problem,) = run(params).problems
    assert problem.path == (*PATH, "litellm_params", key)
    assert problem.message.startswith(message)


def test_a_broken_variable_is_named() -> None:
    (problem,) = run({"model": "openai/x"}, environment={"OPENAI_BASE_URL": "ftp://x"}).problems
    assert problem.message == "(from OPENAI_BASE_URL) must start with https:// or http://"


def test_what_has_no_adapter_goes_to_the_bridge() -> None:
    deployment = built({"model": "bedrock/claude", "aws_secret_access_key": "s3cret", "temperature": 1})
    assert deployment.bridge is not None
    assert deployment.address.socket_path == f"/run/b-{deployment.bridge.id}.sock"
    assert (deployment.provider, deployment.model, deployment.api_key) == ("bedrock", "claude", None)
    assert deployment.paths["chat"] == "/chat"
    assert deployment.defaults == {"temperature": 1}
    assert [name for name, _ in deployment.secret_headers] == ["x-phantom-bridge"]
    assert "s3cret" not in repr(deployment)


@pytest.mark.parametrize(
    ("params", "info", "words"),
    [
        ({"model": "groq/x", "api_key": "k"}, {}, "the model has no known price"),
        ({"model": "groq/*", "api_key": "k"}, {}, ""),
        ({"model": "groq/x", "api_key": "k", "input_cost_per_token": 1}, {}, "is not set: output counts as free"),
        ({"model": "groq/x", "api_key": "k"}, {"base_model": "known"}, ""),
        ({"model": "ollama/x"}, {}, ""),
    ],
)
def test_a_missing_price_is_said(params: dict[str, Any], info: dict[str, Any], words: str) -> None:
    messages = [note.message for note in run(params, info).notes]
    assert any(words in message for message in messages) if words else messages == []


def test_ids_are_stable_and_depend_on_every_parameter() -> None:
    pepper = Secret("p")
    base = {"model": "openai/x", "api_key": "k", "temperature": 1}
    same = deployment_id(entry(dict(reversed(base.items()))), pepper)
    assert deployment_id(entry(base), pepper) == same
    assert len(same) == 32
    others = [{**base, "api_key": "l"}, {**base, "temperature": 2}, {**base, "rpm": 1}]
    assert (
        len({same, deployment_id(entry(base), None), *(deployment_id(entry(other), pepper) for other in others)}) == 5
    )


def test_anthropic_is_asked_in_its_own_way() -> None:
    made = built(
        {"model": "anthropic/known", "extra_headers": {"anthropic-beta": "a"}}, environment={"ANTHROPIC_API_KEY": "k"}
    )
    assert made.paths == {"messages": "/messages", "count_tokens": "/messages/count_tokens"}
    assert (made.auth_header, made.auth_prefix, made.usage_in_stream) == ("x-api-key", "", "always")
    assert made.headers == (("anthropic-beta", "a"), ("anthropic-version", "2023-06-01"))
    own = built({"model": "anthropic/known", "extra_headers": {"anthropic-version": "2024-01-01"}})
    assert own.headers == (("anthropic-version", "2024-01-01"),)


def test_what_translation_has_to_know() -> None:
    made = built({"model": "openai/known", "drop_params": True, "additional_drop_params": ["a", "b"]})
    assert (made.traits, made.drop_params, made.without) == (("max_completion_tokens",), True, frozenset({"a", "b"}))
    assert built({"model": "openrouter/x"}).traits == ("cache_control",)
    assert built({"model": "groq/x"}).drop_params is False


def test_who_has_the_responses_api_and_who_has_nothing_else() -> None:
    assert "responses" not in built({"model": "groq/x", "api_key": "k"}).paths
    assert set(built({"model": "openai/x", "api_key": "k"}, {"mode": "responses"}).paths) == set(RESPONSES_PATHS)
    plain = built({"model": "openai/x", "api_key": "k", "use_chat_completions_api": True})
    assert plain.paths == dict(OPENAI_PATHS)
    assert "use_chat_completions_api" not in plain.defaults
    azure = {"model": "azure/x", "api_key": "k", "api_base": "https://x.openai.azure.com"}
    assert built(azure | {"api_version": "v1"}).paths["responses"] == PATHS["responses"]
    assert "responses" not in built(azure | {"api_version": "2024-10-21"}).paths
    pasted = built({"model": "openai/x", "api_key": "k", "api_base": "https://api.openai.com/v1/responses"})
    assert pasted.base_path == "/v1"


def test_an_extra_body_is_part_of_the_body() -> None:
    params = {
        "model": "ollama/x",
        "top_k": 1,
        "seed": 2,
        "extra_body": {"stream": True, "top_k": 5, "chat_template_kwargs": {"a": True}},
    }
    assert built(params).defaults == {"top_k": 5, "seed": 2, "chat_template_kwargs": {"a": True}}


def test_limits_are_read_where_litellm_reads_them() -> None:
    params, info = {"model": "openai/x", "rpm": 2, "tpm": 3}, {"rpm": 4, "tpm": 5}
    compiled = built(params, info)
    assert (compiled.rpm, compiled.tpm) == (2, 3)
    assert (built({"model": "openai/x"}, info).rpm, built({"model": "openai/x"}, info).tpm) == (4, 5)
    whole = ModelEntry.model_validate({"model_name": "a", "litellm_params": params, "model_info": info, "rpm": 9})
    context = Context(Config(), Environment({}, {}), Egress(), lambda _provider, _model: None, None)
    deployment = compile_deployment(whole, PATH, context).deployment
    assert deployment is not None
    assert (deployment.rpm, deployment.tpm) == (9, 3)


def test_a_router_of_litellms_is_left_out_and_said() -> None:
    compiled = run({"model": "auto_router/complexity_router", "complexity_router_config": {}})
    assert (compiled.deployment, compiled.problems) == (None, [])
    assert [(note.kind, note.path[-1]) for note in compiled.notes] == [("later", "model")]


def test_a_provider_written_in_python_is_called_by_its_name() -> None:
    config = Config.model_validate(
        {"litellm_settings": {"custom_provider_map": [{"provider": "mine", "custom_handler": "m.f"}]}}
    )
    context = Context(config, Environment({}, {}), Egress(), lambda _provider, _model: None, None)
    for params in ({"model": "mine/x"}, {"model": "x", "custom_llm_provider": "mine"}):
        (problem,) = compile_deployment(entry(params), PATH, context).problems
        assert problem.message.startswith("mine is a provider written in Python")
