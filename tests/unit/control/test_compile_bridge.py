"""From an entry to what the bridge needs: parameters, credentials, slots, ways out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from phantom_gateway.config.errors import KeyPath
from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile_address import Egress
from phantom_gateway.control.compile_bridge import Around, Bridge, BridgeError, compile_bridge, settings_of

FILE: KeyPath = ("model_list", 0)
DATABASE: KeyPath = ("models", "x")


def compiled(
    provider: str,
    params: dict[str, Any],
    environment: dict[str, str] | None = None,
    path: KeyPath = FILE,
    **phantom: Any,
) -> Bridge:
    config = Config.model_validate({"phantom": {"bridge": phantom}})
    around = Around(
        config,
        Environment({}, environment or {}),
        Egress(allow_private=("10.0.0.0/8",)),
        Path("/run"),
        Secret("pepper"),
    )
    return compile_bridge(provider, LitellmParams.model_validate({"model": f"{provider}/m"} | params), path, around)


def said(bridge: Bridge) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(bridge.header[1].reveal()))
    return found


def test_parameters_and_their_secrets() -> None:
    bridge = compiled(
        "watsonx",
        {"api_key": "k" * 12, "project_id": "p", "extra_body": {"a": 1}, "temperature": 0.5, "rpm": 9,
         "extra_headers": {"x-key": "h" * 9, "x-a": "b"},
         "additional_drop_params": ["seed"], "drop_params": True, "input_cost_per_token": 1},
    )  # fmt: skip
    found = said(bridge)
    assert found["params"] == {
        "api_key": "k" * 12,
        "project_id": "p",
        "extra_body": {"a": 1},
        "extra_headers": {"x-key": "h" * 9, "x-a": "b"},
    }
    assert found["secrets"] == ["h" * 9, "k" * 12]
    assert (found["drop"], found["modify"], found["without"]) == (True, False, ["seed"])
    assert bridge.defaults == {"temperature": 0.5}
    assert bridge.key_source == "config"


def test_a_slot_is_one_credential() -> None:
    first = compiled("databricks", {"api_key": "one", "temperature": 1}).slot
    assert compiled("databricks", {"api_key": "one", "temperature": 2, "rpm": 1}).slot == first
    for other in (
        compiled("databricks", {"api_key": "two"}),
        compiled("watsonx", {"api_key": "one"}),
        compiled("databricks", {"api_key": "one", "api_base": "https://a.test"}),
        compiled("databricks", {"api_key": "one"}, {"DATABRICKS_CLIENT_ID": "x"}),
        compiled("databricks", {"api_key": "one"}, hosts=["b.test"]),
    ):
        assert other.slot.id != first.id


def test_a_provider_gets_its_own_variables_and_no_others() -> None:
    environment = {
        "AWS_REGION": "eu",
        "AWS_SECRET_ACCESS_KEY": "s" * 20,
        "AWS_PROFILE": "me",
        "OPENAI_API_KEY": "sk",
        "HOME": "/root",
    }
    bridge = compiled("bedrock", {}, environment)
    assert said(bridge)["environment"] == {"AWS_REGION": "eu", "AWS_SECRET_ACCESS_KEY": "s" * 20}
    assert said(bridge)["secrets"] == ["s" * 20]
    assert bridge.key_source == "AWS_SECRET_ACCESS_KEY"


def test_over_the_api_an_address_of_ones_own_gets_no_variables() -> None:
    """Else whoever may add a model could have the provider's key sent to himself."""
    environment = {"DATABRICKS_API_KEY": "secret"}
    assert said(compiled("databricks", {}, environment, DATABASE))["environment"] == environment
    for address in (
        {"api_base": "https://evil.test"},
        {"base_url": "http://evil.test"},
        {"token_url": "https://evil.test"},
    ):
        assert said(compiled("databricks", address, environment, DATABASE))["environment"] == {}
        assert said(compiled("databricks", address, environment, FILE))["environment"] == environment
    bridge = compiled("huggingface", {"model": "huggingface/https://evil.test"}, {"HF_TOKEN": "secret"}, DATABASE)
    assert said(bridge)["environment"] == {}
    assert list(bridge.slot.hosts) == ["evil.test"]


def test_ways_out() -> None:
    slot = compiled("databricks", {"api_base": "http://192.168.1.9:8080/x"}, hosts=["*.Pictures.test"]).slot
    assert slot.hosts == {"192.168.1.9": ("192.168.1.9/32",)}
    assert slot.suffixes[-1] == "pictures.test"
    assert "databricks.com" in slot.suffixes
    assert slot.allow_private == ("10.0.0.0/8",)
    assert compiled("databricks", {}, hosts=["*"]).slot.suffixes == ()
    assert compiled("maritalk", {}, hosts=["a.test"]).slot.suffixes == (), (
        "of an unknown provider any public host is reached"
    )


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"api_base": "http://169.254.169.254/"}, "api_base"),
        ({"api_base": "http://[fe80::1]/"}, "api_base"),
        ({"base_url": "https://user:pw@host.test"}, "api_base"),
        ({"vertex_credentials": "/nowhere/at/all.json"}, "vertex_credentials"),
        ({"api_version": "v" * 4000, "extra_headers": {f"x-{n}": "y" * 1000 for n in range(140)}}, "model"),
    ],
)
def test_problems(params: dict[str, Any], key: str) -> None:
    with pytest.raises(BridgeError) as caught:
        compiled("vertex_ai", params)
    assert caught.value.key == key


def test_credentials_of_google(tmp_path: Path) -> None:
    content = {"type": "service_account", "private_key": "-----BEGIN", "project_id": "p"}
    file = tmp_path / "sa.json"
    file.write_text(json.dumps(content))
    for params, environment in (
        ({"vertex_credentials": str(file)}, {}),
        ({"vertex_credentials": json.dumps(content)}, {}),
        ({"vertex_credentials": content}, {}),
        ({}, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}),
    ):
        found = said(compiled("vertex_ai", params, environment))
        assert json.loads(found["params"]["vertex_credentials"]) == content
    evil = compiled(
        "vertex_ai", {"api_base": "https://evil.test"}, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}, DATABASE
    )
    assert "vertex_credentials" not in said(evil)["params"]
    with pytest.raises(BridgeError, match="configuration file only"):
        compiled("vertex_ai", {"vertex_credentials": str(file)}, path=DATABASE)
    file.write_text('["no object"]')
    with pytest.raises(BridgeError, match="readable file"):
        compiled("vertex_ai", {"vertex_credentials": str(file)})


def test_settings() -> None:
    written = {"python": "/p", "processes": 3, "idle_timeout": "1m", "sandbox": "required", "separation": "import"}
    settings = settings_of(Config.model_validate({"phantom": {"bridge": written}}))
    assert (settings.python, settings.processes, settings.idle_s, settings.sandbox) == ("/p", 3, 60.0, "required")


def test_the_project_of_all_deployments_of_google() -> None:
    config = Config.model_validate({"litellm_settings": {"vertex_project": "all", "vertex_location": "europe-west1"}})
    around = Around(config, Environment({}, {}), Egress(), Path("/run"), None)
    own = LitellmParams.model_validate({"model": "vertex_ai/m", "vertex_project": "own"})
    assert said(compile_bridge("vertex_ai", own, FILE, around))["params"] == {
        "vertex_project": "own",
        "vertex_location": "europe-west1",
    }
    elsewhere = LitellmParams(model="bedrock/m")
    assert said(compile_bridge("bedrock", elsewhere, FILE, around))["params"] == {}
