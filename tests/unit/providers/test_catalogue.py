from __future__ import annotations

import subprocess
import sys

import pytest

from phantom_gateway.config.urls import parse_url
from phantom_gateway.providers.catalogue import BRIDGED, PATHS, PROVIDERS, Provider


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_every_provider_can_be_addressed(provider: Provider) -> None:
    assert provider.operations
    assert set(provider.operations) <= PATHS.keys()
    if provider.base_url:
        url = parse_url(provider.base_url)
        assert url.scheme == "https" or provider.key_optional
        assert not provider.base_url.endswith("/")
    if not provider.key_optional:
        assert provider.key_env
        assert provider.base_url or provider.base_env
    assert all(name.isupper() for name in (*provider.key_env, *provider.base_env))


def test_a_prefix_is_native_or_bridged() -> None:
    assert not BRIDGED & PROVIDERS.keys()
    assert {"bedrock", "vertex_ai", "cohere_chat", "watsonx", "sagemaker"} <= BRIDGED


def test_what_must_be_there() -> None:
    assert {
        "openai",
        "azure",
        "groq",
        "mistral",
        "deepseek",
        "together_ai",
        "fireworks_ai",
        "openrouter",
        "xai",
        "perplexity",
    } <= PROVIDERS.keys()
    assert {
        "cerebras",
        "nvidia_nim",
        "ollama",
        "hosted_vllm",
        "lm_studio",
        "litellm_proxy",
        "openai_like",
        "custom_openai",
    } <= PROVIDERS.keys()
    assert {
        "deepinfra",
        "sambanova",
        "moonshot",
        "dashscope",
        "novita",
        "hyperbolic",
        "nebius",
        "github",
        "demo",
    } <= PROVIDERS.keys()
    assert PROVIDERS["azure"].auth_header == "api-key"
    assert PROVIDERS["azure"].auth_prefix == ""


def test_the_catalogue_is_light_enough_for_a_worker() -> None:
    code = "import sys, phantom_gateway.providers.catalogue; sys.exit(bool({'pydantic', 'yaml', 'typer'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
