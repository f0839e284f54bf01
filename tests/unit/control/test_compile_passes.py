from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Route

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.app import routes
from phantom_gateway.control.compile import compile_snapshot, read_config
from phantom_gateway.control.compile_passes import RESERVED, VERSIONS
from phantom_gateway.control.stored import Stored, StoredPass
from phantom_gateway.spine.snapshot import Pass, Prices, Snapshot


def compiled(tmp_path: Path, config: dict[str, Any], **environment: str) -> tuple[Snapshot, list[str]]:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    loaded = read_config(path, environment)
    snapshot, notes = compile_snapshot(
        loaded, 1, price_lookup=lambda _provider, _model: None, environment=environment, demo_socket=None, pepper=None
    )
    return snapshot, [str(note) for note in notes]


def endpoint(tmp_path: Path, **fields: Any) -> Pass:
    entry = {"path": "/svc", "target": "https://api.example/base"} | fields
    snapshot, _ = compiled(tmp_path, {"general_settings": {"pass_through_endpoints": [entry]}}, TOKEN="tok")
    (made,) = snapshot.passes
    return made


def test_providers_whose_key_is_known(tmp_path: Path) -> None:
    snapshot, _ = compiled(
        tmp_path, {}, OPENAI_API_KEY="sk-1", ANTHROPIC_API_KEY="sk-2", GEMINI_API_KEY="g", AZURE_API_KEY="a", MISTRAL_API_KEY="m",
        AZURE_API_BASE="https://mine.openai.azure.com/openai/v1", AWS_BEARER_TOKEN_BEDROCK="b", AWS_REGION="eu-west-1",
    )  # fmt: skip
    passes = {each.path: each.upstream for each in snapshot.passes}
    assert set(passes) == {"/openai", "/openai_passthrough", "/anthropic", "/gemini", "/azure", "/bedrock", "/mistral"}
    assert passes["/openai"].address.host == "api.openai.com"
    assert (passes["/anthropic"].auth_header, passes["/gemini"].auth_header) == ("x-api-key", "x-goog-api-key")
    assert (passes["/azure"].address.host, passes["/azure"].base_path) == ("mine.openai.azure.com", "")
    assert passes["/bedrock"].address.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert all(each.api_key is not None for each in passes.values())
    assert compiled(tmp_path, {})[0].passes == ()


def test_a_region_that_is_none_is_no_part_of_an_address(tmp_path: Path) -> None:
    for region in ("eu.evil.example/", "eu@evil", ""):
        assert compiled(tmp_path, {}, AWS_BEARER_TOKEN_BEDROCK="b", AWS_REGION=region)[0].passes == ()


def test_a_deployment_may_lend_its_address_and_key(tmp_path: Path) -> None:
    params = {
        "model": "openai/gpt-4o",
        "api_base": "http://10.0.0.1:8000/proxy/v1",
        "api_key": "sk-own",
        "use_in_pass_through": True,
    }
    snapshot, _ = compiled(
        tmp_path, {"model_list": [{"model_name": "gpt", "litellm_params": params}]}, OPENAI_API_KEY="sk-1"
    )
    upstream = snapshot.passes[0].upstream
    assert (upstream.address.host, upstream.base_path) == ("10.0.0.1", "/proxy")
    assert upstream.api_key is not None
    assert upstream.api_key.reveal() == "sk-own"
    token = {"model": "azure/x", "api_base": "https://r", "azure_ad_token": "t", "use_in_pass_through": True}
    (lent,) = compiled(tmp_path, {"model_list": [{"model_name": "x", "litellm_params": token}]})[0].passes
    assert (lent.upstream.auth_header, lent.upstream.auth_prefix) == ("authorization", "Bearer ")


def test_what_belongs_to_a_team_is_not_lent_to_everybody(tmp_path: Path) -> None:
    params = {"model": "openai/gpt-4o", "api_key": "sk-own", "use_in_pass_through": True}
    entry = {"model_name": "gpt", "litellm_params": params, "model_info": {"team_id": "t"}}
    assert compiled(tmp_path, {"model_list": [entry]})[0].passes == ()
    assert compiled(tmp_path, {"model_list": [entry | {"model_info": {}}]})[0].passes != ()


def test_an_endpoint_of_the_configuration(tmp_path: Path) -> None:
    made = endpoint(
        tmp_path,
        path="/svc/v1/",
        headers={"Authorization": "bearer os.environ/TOKEN", "X-Plain": "1"},
        include_subpath=True,
        cost_per_request=0.005,
        methods=["post", "GET"],
        timeout=7,
        default_query_params={"api-version": "2", "token": "os.environ/TOKEN"},
        forward_headers=True,
    )
    upstream = made.upstream
    assert (made.path, made.subpaths, made.methods, made.all_headers) == ("/svc/v1", True, ("POST", "GET"), True)
    assert made.query == (("api-version", "2"), ("token", "tok"))
    assert (upstream.base_path, upstream.headers, upstream.timeout_s) == ("/base", (("x-plain", "1"),), 7)
    assert [(name, value.reveal()) for name, value in upstream.secret_headers] == [("authorization", "bearer tok")]
    assert upstream.prices == Prices(version="config", request=5_000_000)
    assert endpoint(tmp_path).subpaths is False


def test_a_known_host_is_metered_in_its_own_words(tmp_path: Path) -> None:
    made = endpoint(tmp_path, target="https://api.anthropic.com", include_subpath=True)
    assert (made.shape, made.upstream.provider, bool(made.metered)) == ("anthropic", "anthropic", True)
    assert endpoint(tmp_path, target="https://api.anthropic.com", cost_per_request=1).metered == ""
    exact = endpoint(tmp_path, target="https://api.cohere.com/v2/rerank")
    assert exact.metered.endswith("|^$")


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("/svc", ""),
        ({}, "path"),
        ({"path": "svc"}, "path"),
        ({"path": "/a/../b"}, "path"),
        ({"path": "/a?b"}, "path"),
        ({"path": "/key/generate"}, "path"),
        ({"path": "/svc"}, "target"),
        ({"path": "/svc", "target": "ftp://x"}, "target"),
        ({"path": "/svc", "target": "https://u:p@api.example"}, "target"),
        ({"path": "/svc", "target": "http://169.254.169.254/latest"}, "target"),
        ({"headers": ["a"]}, "headers"),
        ({"headers": {"a b": "c"}}, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"headers": {"Authorization": "bearer os.environ/ABSENT"}}, "headers"),
        ({"cost_per_request": -1}, "cost_per_request"),
        ({"cost_per_request": "x"}, "cost_per_request"),
        ({"methods": ["TRACE"]}, "methods"),
        ({"methods": "GET"}, "methods"),
        ({"timeout": 0}, "timeout"),
        ({"default_query_params": ["a"]}, "default_query_params"),
        ({"include_subpath": "yes"}, "include_subpath"),
        ({"targets": "x"}, "targets"),
    ],
)
def test_what_an_operator_may_get_wrong(tmp_path: Path, entry: Any, key: str) -> None:
    if isinstance(entry, dict) and entry and "path" not in entry:
        entry = {"path": "/svc", "target": "https://api.example"} | entry
    with pytest.raises(ConfigError) as caught:
        compiled(tmp_path, {"general_settings": {"pass_through_endpoints": [entry]}})
    (problem,) = caught.value.problems
    assert problem.path[-1] == (key or 0)
    assert problem.path[:2] == ("general_settings", "pass_through_endpoints")


def test_what_is_worth_knowing(tmp_path: Path) -> None:
    entry = {"path": "/v1/rerank", "target": "https://api.cohere.com/v1/rerank", "auth": False, "guardrails": ["a"]}
    _, notes = compiled(tmp_path, {"general_settings": {"pass_through_endpoints": [entry]}})
    assert [
        word
        for word in ("served by the gateway itself", "key is always needed", "guardrails")
        if any(word in n for n in notes)
    ] == [
        "served by the gateway itself",
        "key is always needed",
        "guardrails",
    ]


def test_the_same_path_twice(tmp_path: Path) -> None:
    entry = {"path": "/svc", "target": "https://api.example"}
    with pytest.raises(ConfigError):
        compiled(tmp_path, {"general_settings": {"pass_through_endpoints": [entry, entry]}})
    snapshot, _ = compiled(
        tmp_path, {"general_settings": {"pass_through_endpoints": [entry | {"path": "/openai"}]}}, OPENAI_API_KEY="k"
    )
    assert [each.upstream.address.host for each in snapshot.passes if each.path == "/openai"] == ["api.example"]


def test_no_path_of_the_admin_api_can_be_passed_on() -> None:
    taken = RESERVED | {each.lstrip("/") for each in VERSIONS}
    assert {route.path.split("/")[1] for route in routes() if isinstance(route, Route)} <= taken


def test_what_is_stored_stands_beside_the_file_and_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("general_settings: {pass_through_endpoints: [{path: /svc, target: 'https://file.example'}]}")
    entry = {"target": "https://stored.example", "headers": {"authorization": Secret("bearer os.environ/TOKEN")}}
    stored = Stored(
        passes=(
            StoredPass("a", {"path": "/svc", **entry}),
            StoredPass("b", {"path": "/other", **entry}),
            StoredPass("c", {"path": "/key", **entry}),
        )
    )
    snapshot, notes = compile_snapshot(
        read_config(path, {}), 1, price_lookup=lambda _provider, _model: None, environment={"TOKEN": "t"},
        demo_socket=None, pepper=None, stored=stored,
    )  # fmt: skip
    assert {each.path: each.upstream.address.host for each in snapshot.passes} == {
        "/svc": "file.example",
        "/other": "stored.example",
    }
    (other,) = [each for each in snapshot.passes if each.path == "/other"]
    assert other.upstream.secret_headers[0][1].reveal() == "bearer os.environ/TOKEN", "a variable is not read"
    assert sorted(note.path[-1] for note in notes if note.path[:1] == ("pass_through_endpoints",)) == ["a", "c"]
