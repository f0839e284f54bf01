from __future__ import annotations

import pytest

from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.control.compile_prices import ModelPrice
from phantom_gateway.control.compile_provider import UnknownProviderError, resolve
from phantom_gateway.spine.snapshot import Prices


class Known:
    prices = Prices()
    max_input_tokens = max_output_tokens = 0
    mode = ""
    supports: frozenset[str] = frozenset()


KNOWN = {
    ("openai", "gpt-4o"),
    ("anthropic", "claude-x"),
    ("gemini", "gemini-2.5-pro"),
    ("vertex_ai", "gemini-2.5-pro"),
    ("bedrock", "anthropic.claude-v1"),
    ("cohere", "embed-x"),
}


def lookup(provider: str, model: str) -> ModelPrice | None:
    return Known() if (provider, model) in KNOWN else None


@pytest.mark.parametrize(
    ("model", "custom", "expected"),
    [
        ("openai/gpt-4o", None, ("openai", "gpt-4o", False)),
        ("openrouter/openai/gpt-4o", None, ("openrouter", "openai/gpt-4o", False)),
        ("groq/*", None, ("groq", "*", False)),
        ("gpt-4o", None, ("openai", "gpt-4o", False)),
        ("claude-x", None, ("anthropic", "claude-x", True)),
        ("my-own", None, ("openai", "my-own", True)),
        ("meta/llama", "together_ai", ("together_ai", "meta/llama", False)),
        ("together_ai/llama", "together_ai", ("together_ai", "llama", False)),
        ("azure/o_series/my-o3", None, ("azure", "my-o3", False)),
        ("bedrock/converse/x", None, ("bedrock", "converse/x", False)),
        ("demo/slow", None, ("demo", "slow", False)),
    ],
)
def test_models_name_their_provider(model: str, custom: str | None, expected: tuple[str, str, bool]) -> None:
    target = resolve(LitellmParams(model=model, custom_llm_provider=custom), lookup)
    assert (target.provider, target.model, target.guessed) == expected
    assert (target.native is None) == (target.provider == "bedrock")


@pytest.mark.parametrize(
    ("params", "provider"),
    [
        ({"model": "anthropic.claude-v1"}, "bedrock"),
        ({"model": "embed-x"}, "cohere"),
        ({"model": "gemini-2.5-pro", "api_key": "k"}, "gemini"),
        ({"model": "gemini-2.5-pro", "vertex_project": "p"}, "vertex_ai"),
        ({"model": "text-bison", "vertex_location": "europe-west1"}, "vertex_ai"),
        ({"model": "claude-2-retired", "api_key": "k"}, "anthropic"),
        ({"model": "gemini-retired", "api_key": "k"}, "gemini"),
        ({"model": "amazon.retired-v1"}, "bedrock"),
        ({"model": "claude-local", "api_base": "http://h/v1"}, "openai"),
    ],
)
def test_a_name_without_a_provider_goes_to_nobody_elses(params: dict[str, str], provider: str) -> None:
    target = resolve(LitellmParams.model_validate(params), lookup)
    assert (target.provider, target.model, target.guessed) == (provider, params["model"], True)


@pytest.mark.parametrize(
    ("model", "custom", "hint"),
    [
        ("opnai/x", None, "did you mean openai?"),
        ("meta-llama/Llama-3", None, "did you mean meta_llama?"),
        ("Qwen/Qwen2", None, "for an OpenAI-compatible server write openai/NAME and api_base"),
        ("x", "antropic", "did you mean anthropic?"),
        ("openai/", None, "write provider/model"),
    ],
)
def test_unknown_providers_get_a_hint(model: str, custom: str | None, hint: str) -> None:
    with pytest.raises(UnknownProviderError) as caught:
        resolve(LitellmParams(model=model, custom_llm_provider=custom), lookup)
    assert caught.value.hint == hint
