from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from phantom_gateway.config.errors import ConfigError, Note
from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile import (
    DEMO_PRICES,
    check_deployments,
    compile_default,
    compile_snapshot,
    read_config,
)
from phantom_gateway.spine import codec
from phantom_gateway.spine.snapshot import HttpLimits, Priorities, PriorityShare, Routing, Settings, Snapshot

MODEL = "model_list: [{model_name: a, litellm_params: {model: ollama/a}}, {model_name: b, litellm_params: {model: ollama/b}}]\n"


def no_price(_provider: str, _model: str) -> None:
    return None


def compiled(
    text: str, environment: dict[str, str] | None = None, socket: str | None = "/demo.sock"
) -> tuple[Snapshot, list[Note]]:
    environment = environment or {}
    config = parse_config(text, environment, checks=[check_deployments])
    return compile_snapshot(
        config,
        7,
        price_lookup=no_price,
        environment=environment,
        demo_socket=socket,
        pepper=Secret("ab"),
    )


def groups(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    return [(deployment.group, deployment.provider, deployment.model) for deployment in snapshot.deployments]


def test_an_empty_configuration_runs_on_the_defaults() -> None:
    snapshot, notes = compiled("")
    assert notes == []
    assert (snapshot.revision, snapshot.key_pepper) == (7, Secret("ab"))
    assert (snapshot.routing, snapshot.http, snapshot.settings) == (Routing(), HttpLimits(), Settings())
    (demo,) = snapshot.deployments
    assert (demo.id, demo.group, demo.prices, demo.address.socket_path) == ("demo", "demo", DEMO_PRICES, "/demo.sock")


def test_the_demo_model_gives_way() -> None:
    assert compiled("phantom: {demo: false}")[0].deployments == ()
    assert compiled("", socket=None)[0].deployments == ()
    own, _ = compiled("model_list: [{model_name: demo, litellm_params: {model: ollama/x}}]")
    assert groups(own) == [("demo", "ollama", "x")]


def test_without_a_configuration_the_keys_in_the_environment_decide() -> None:
    environment = {
        "OPENAI_API_KEY": "k",
        "GROQ_API_KEY": "k",
        "AZURE_API_KEY": "k",
        "AI21_API_KEY": "k",
        "MISTRAL_API_KEY": "",
    }
    snapshot, notes = compile_default(environment, price_lookup=no_price, demo_socket="/d", pepper=None)
    assert groups(snapshot) == [
        ("openai/*", "openai", "*"),
        ("groq/*", "groq", "*"),
        ("ai21/*", "ai21", "*"),
        ("demo", "demo", "demo"),
    ]
    assert snapshot.deployments[0].api_key == Secret("k")
    assert notes == []


def test_a_bare_star_stands_for_every_provider_with_a_key() -> None:
    text = "model_list: [{model_name: groq/*, litellm_params: {model: groq/*}}, {model_name: '*', litellm_params: {model: '*'}}]"
    snapshot, _ = compiled(text, {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k", "XAI_API_KEY": "k"})
    assert groups(snapshot)[:-1] == [
        ("groq/*", "groq", "*"),
        ("*", "openai", "*"),
        ("openai/*", "openai", "*"),
        ("xai/*", "xai", "*"),
    ]


def test_a_star_with_a_key_of_its_own_is_openais() -> None:
    text = "model_list: [{model_name: '*', litellm_params: {model: '*', api_key: k}}]"
    snapshot, notes = compiled(text, {"GROQ_API_KEY": "k"})
    assert groups(snapshot)[:-1] == [("*", "openai", "*")]
    assert any("names no provider" in note.message for note in notes)


def test_routing() -> None:
    text = f"""
{MODEL}
litellm_settings:
  {{num_retries: 9, request_timeout: 9, allowed_fails: 9, cooldown_time: 9, fallbacks: [{{b: a}}], default_fallbacks: a}}
router_settings:
  num_retries: 0
  retry_after: 2
  stream_timeout: 3
  max_fallbacks: 4
  fallbacks: [{{a: [b]}}, {{'*': [b]}}, {{a: [demo]}}]
  model_group_alias: {{x: y, y: {{model: a, hidden: true}}}}
phantom: {{upstream: {{connect_timeout: 1, stall_timeout: 2m}}}}
"""
    assert compiled(text)[0].routing == Routing(
        num_retries=0,
        retry_after_s=2.0,
        timeout_s=9.0,
        total_timeout_s=9.0,
        stream_timeout_s=3.0,
        connect_timeout_s=1.0,
        stall_timeout_s=120.0,
        allowed_fails=9,
        cooldown_s=9.0,
        max_fallbacks=4,
        fallbacks={"a": ("b", "demo")},
        default_fallbacks=("a", "b"),
        aliases={"x": "a", "y": "a"},
        hidden_aliases=frozenset({"y"}),
    )
    assert compiled("router_settings: {disable_cooldowns: true}")[0].routing.cooldown_s == 0.0


def test_rates_of_deployments_are_enforced_where_the_router_says_so() -> None:
    for line, enforced in (
        ("", False),
        ("optional_pre_call_checks: [enforce_model_rate_limits, encrypted_content_affinity]", True),
        ("routing_strategy: usage-based-routing-v2", True),
        ("routing_strategy: least-busy", False),
    ):
        found, notes = compiled(f"router_settings: {{default_max_parallel_requests: 7, {line}}}")
        assert (found.routing.enforce_rates, found.routing.max_parallel) == (enforced, 7)
        later = [note.path for note in notes if note.kind == "later" and "optional_pre_call_checks" in note.path]
        assert later == ([("router_settings", "optional_pre_call_checks", 1)] if "encrypted" in line else [])


def test_priorities() -> None:
    text = """
litellm_settings:
  priority_reservation: {a: 0.5, b: {type: rpm, value: 3}}
  priority_reservation_settings: {default_priority: 0, saturation_check_cache_ttl: 5}
"""
    assert compiled(text)[0].settings.priorities == Priorities(
        shares={"a": PriorityShare(value=0.5), "b": PriorityShare(kind="rpm", value=3)}, default=0.0, threshold=0.5
    )
    assert compiled("litellm_settings: {priority_reservation: {}}")[0].settings.priorities is None
    assert compiled("")[0].settings.priorities is None


def test_settings_and_http_limits() -> None:
    text = """
general_settings:
  {litellm_key_header_name: X-Key, user_header_name: X-User, global_max_parallel_requests: 5,
   always_include_stream_usage: true, cancel_on_disconnect: true, max_request_size_mb: 0.5}
litellm_settings: {budget_exceeded_status_code: 400}
phantom:
  {journal_sync: strict, drain_grace: 1m, admin: {listen: "127.0.0.1:1"},
   http: {max_target: 1000, idle_timeout: 1m, allowed_hosts: A.b}}
"""
    snapshot, _ = compiled(text)
    assert snapshot.settings == Settings(
        budget_exceeded_status=400,
        drain_grace_s=60.0,
        key_header="x-key",
        customer_headers=("x-user",),
        always_include_stream_usage=True,
        cancel_on_disconnect=True,
        journal_sync="strict",
        global_max_parallel=5,
        admin_listen="127.0.0.1:1",
        data_port_admin=False,
    )
    assert snapshot.http == HttpLimits(max_target=1000, max_body=524288, idle_timeout_s=60.0, allowed_hosts=("a.b",))
    bounds = compiled("phantom: {http: {max_body: 3000, max_buffered_bodies: 1000, body_timeout: 5}}")[0].http
    assert bounds == HttpLimits(max_body=3000, max_buffered=3000, body_timeout_s=5.0)
    assert (
        compiled("general_settings: {max_request_size_mb: 1}\nphantom: {http: {max_body: 300}}")[0].http.max_body == 300
    )


@pytest.mark.parametrize(
    ("params", "weights"),
    [
        (["rpm: 10", "rpm: 30"], [10.0, 30.0]),
        (["tpm: 10", "tpm: 30"], [10.0, 30.0]),
        (["rpm: 10, tpm: 1", "tpm: 3"], [1.0, 3.0]),
        (["rpm: 10", "tpm: 3"], [1.0, 1.0]),
        (["rpm: 10, weight: 5", "rpm: 30"], [5.0, 1.0]),
        (["weight: 0", "rpm: 30"], [0.0, 1.0]),
    ],
)
def test_shares(params: list[str], weights: list[float]) -> None:
    entries = ", ".join(f"{{model_name: a, litellm_params: {{model: ollama/a, {one}}}}}" for one in params)
    assert [deployment.weight for deployment in compiled(f"model_list: [{entries}]")[0].deployments[:-1]] == weights


def test_twins_get_different_ids() -> None:
    twin = "{model_name: a, litellm_params: {model: ollama/a}}"
    first, second, _ = compiled(f"model_list: [{twin}, {twin}]")[0].deployments
    assert second.id == f"{first.id}-2"


def test_all_problems_are_reported_together() -> None:
    text = """model_list:
  - {model_name: a, litellm_params: {model: opnai/a}}
  - {model_name: b, litellm_params: {model: azure/b}}
model_lists: 1
"""
    with pytest.raises(ConfigError) as caught:
        compiled(text, {"HTTPS_PROXY": "socks5://sk-secret@p"})
    assert [str(problem) for problem in caught.value.problems] == [
        "config:2: model_list[0].litellm_params.model: no provider is named opnai (did you mean openai?)",
        "config:3: model_list[1].litellm_params.api_base: is required for azure (write its address, or set AZURE_API_BASE)",
        "config:4: model_lists: unknown section (did you mean model_list?)",
        "environment: the environment variable HTTPS_PROXY must be http://[user:password@]host:port",
    ]


def test_a_file_is_read_with_every_check(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("model_list: [{model_name: a, litellm_params: {model: nobody/a}}]")
    with pytest.raises(ConfigError, match="no provider is named nobody"):
        read_config(path, {})
    path.write_text(MODEL)
    assert len(read_config(path, {}).model_list) == 2


def test_a_snapshot_crosses_the_spine() -> None:
    text = """
model_list:
  - model_name: a
    litellm_params:
      {model: openai/a, api_key: sk-1, extra_headers: {x-auth-token: t}, response_format: {type: json_object},
       input_cost_per_token: 1e-6}
    model_info: {input_cost_per_token: 0.000001, anything: [1, {b: null}], when: 2026-01-01}
phantom: {egress: {proxy: "http://u:p@h:1"}}
"""
    snapshot, _ = compiled(text)
    encoded = msgspec.msgpack.Encoder(enc_hook=codec._encode_secret).encode(snapshot)
    assert msgspec.msgpack.Decoder(Snapshot, dec_hook=codec._decode_secret).decode(encoded) == snapshot
    assert "sk-1" not in repr(snapshot)
    assert "u:p" not in repr(snapshot)


def test_who_may_call_and_who_is_named_by_headers() -> None:
    text = """
general_settings:
  allowed_ips: 192.0.2.1
  use_x_forwarded_for: true
  trusted_proxy_ranges: [10.0.0.0/8]
  enforce_user_param: true
  enforced_params: [user, metadata.app]
  max_parallel_requests: 3
  user_header_name: X-Old
  user_header_mappings:
    - {header_name: X-Id, litellm_user_role: internal_user}
    - {header_name: X-Mail, litellm_user_role: customer}
"""
    settings = compiled(text)[0].settings
    assert (settings.allowed_clients, settings.believes_forwarded_for) == (("192.0.2.1",), True)
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert (settings.customer_headers, settings.user_headers) == (("x-mail", "x-old"), ("x-id",))
    assert (settings.requires_customer, settings.required_fields) == (True, ("user", "metadata.app"))
    assert settings.key_max_parallel == 3
    one = "general_settings: {user_header_mappings: {header_name: X-Mail, litellm_user_role: customer}}"
    assert compiled(one)[0].settings.customer_headers == ("x-mail",)


@pytest.mark.parametrize(
    "settings",
    [
        "allowed_ips: [localhost]",
        "allowed_ips: [192.0.2.1/24]",
        "trusted_proxy_ranges: ['*']",
        "user_header_mappings: [{header_name: X-Mail, litellm_user_role: proxy_admin}]",
        "user_header_mappings: [{header_name: 'X Mail', litellm_user_role: customer}]",
        "max_parallel_requests: 0",
    ],
)
def test_settings_that_would_not_mean_what_they_say_are_errors(settings: str) -> None:
    with pytest.raises(ConfigError):
        compiled(f"general_settings: {{{settings}}}")
