from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from phantom_gateway.ledger.media_usage import from_audio, from_images
from phantom_gateway.ledger.money import cost, usd_to_nano
from phantom_gateway.ledger.pass_usage import from_bedrock, from_cohere
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.ledger.usage import Usage, from_anthropic, from_gemini, from_openai


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def test_the_table_is_whole(table: PriceTable) -> None:
    assert table.version == "litellm-1.106.2"
    assert len(table) > 3500
    for key in table.keys():  # noqa: SIM118  not a dictionary
        entry = table.get(key)
        assert entry is not None
        assert entry.max_input_tokens >= 0
        assert entry.prices.input >= 0
        assert entry.prices.version == ("litellm-1.106.2" if entry.priced else "none")


@pytest.mark.parametrize(
    ("provider", "model", "key"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("azure", "gpt-4o", "azure/gpt-4o"),
        ("gemini", "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("vertex_ai", "claude-sonnet-4-5", "vertex_ai/claude-sonnet-4-5"),
        ("bedrock", "converse/apac.amazon.nova-pro-v1:0", "apac.amazon.nova-pro-v1:0"),
        ("bedrock", "apac.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0"),
        ("bedrock", "eu-west-3/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0"),
    ],
)
def test_lookup(table: PriceTable, provider: str, model: str, key: str) -> None:
    entry = table.lookup(provider, model)
    assert entry is not None
    assert (entry.key, entry.mode, entry.priced) == (key, "chat", True)


def test_a_price_is_never_guessed(table: PriceTable) -> None:
    assert table.lookup("openai", "my-own-llama") is None
    assert table.lookup("hosted_vllm", "gpt-4o") is None
    assert table.lookup("bedrock", "converse/my-own") is None
    assert table.lookup("openai", "converse/gpt-4o") is None
    assert table.lookup("openai", "gpt-4o-2099-01-01") is None
    assert table.get("nothing") is None


def test_prices_are_exact(table: PriceTable) -> None:
    entry = table.lookup("openai", "gpt-4o")
    assert entry is not None
    prices = entry.prices
    assert (prices.input, prices.output, prices.cache_read) == (2_500_000_000, 10_000_000_000, 1_250_000_000)
    assert (prices.cache_write_5m, prices.reasoning) == (None, None)
    assert (entry.max_input_tokens, entry.max_output_tokens) == (128_000, 16_384)
    assert "supports_vision" in entry.supports
    assert not entry.tiered
    assert not prices.tiers


def test_long_inputs_have_their_prices(table: PriceTable) -> None:
    long = table.lookup("gemini", "gemini-2.5-pro")
    assert long is not None
    assert not long.tiered
    (tier,) = long.prices.tiers
    assert tier.above == 200_000
    assert (long.prices.input, tier.prices.input) == (1_250_000_000, 2_500_000_000)
    assert (long.prices.output, tier.prices.output) == (10_000_000_000, 15_000_000_000)
    assert tier.prices.version == table.version
    for key in table.keys():  # noqa: SIM118  not a dictionary
        entry = table.get(key)
        assert entry is not None
        above = [each.above for each in entry.prices.tiers]
        assert above == sorted(set(above))
        assert not any(each.prices.tiers for each in entry.prices.tiers)


# Google's price list (ai.google.dev/gemini-api/docs/pricing), dollars per million tokens, as of November 2026 for these models:
# 2.5 Flash: 0.30 text and images, 1.00 audio, 2.50 output with thoughts, 0.03 cached; 2.5 Pro: 1.25 and 10.00 and 0.125 cached
# up to 200,000 tokens, else 2.50 and 15.00 and 0.25; 2.5 Flash Image: 0.039 an image; 2.5 Flash TTS: 10.00 audio.
GEMINI: list[tuple[str, dict[str, Any], float]] = [
    ("gemini-2.5-flash", {"promptTokenCount": 1_000_000, "candidatesTokenCount": 200_000, "thoughtsTokenCount": 800_000}, 2.80),
    ("gemini-2.5-flash", {"promptTokenCount": 1_000_000, "cachedContentTokenCount": 900_000, "candidatesTokenCount": 0}, 0.057),
    (
        "gemini-2.5-flash",
        {"promptTokenCount": 1_500_000, "candidatesTokenCount": 0,
         "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 500_000}]},
        0.80,
    ),
    ("gemini-2.5-pro", {"promptTokenCount": 200_000, "candidatesTokenCount": 10_000}, 0.35),
    ("gemini-2.5-pro", {"promptTokenCount": 300_000, "candidatesTokenCount": 10_000}, 0.90),
    ("gemini-2.5-pro", {"promptTokenCount": 300_000, "cachedContentTokenCount": 200_000, "candidatesTokenCount": 0}, 0.30),
    (
        "gemini-2.5-flash-image",
        {"promptTokenCount": 0, "candidatesTokenCount": 1290,
         "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]},
        0.039,
    ),
    (
        "gemini-2.5-flash-preview-tts",
        {"promptTokenCount": 0, "candidatesTokenCount": 1000,
         "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 1000}]},
        0.01,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "reported", "dollars"), GEMINI)
def test_geminis_usage_costs_what_google_publishes(
    table: PriceTable, model: str, reported: dict[str, Any], dollars: float
) -> None:
    entry = table.lookup("gemini", model)
    assert entry is not None
    assert cost(from_gemini(reported), entry.prices).total == usd_to_nano(dollars)


def _openai(
    prompt: int, completion: int, cached: int = 0, reasoning: int = 0, heard: int = 0, said: int = 0
) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": heard},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": said},
    }


def _anthropic(
    inputs: int, output: int, read: int = 0, write_5m: int = 0, write_1h: int = 0, thought: int = 0
) -> dict[str, Any]:
    return {
        "input_tokens": inputs,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thought},
    }


# The providers' price lists, dollars per million tokens (input / cached / output unless said otherwise), as of November 2026:
# gpt-4o 2.50 / 1.25 / 10.00; o3-mini 1.10 / 0.55 / 4.40 and gpt-5 1.25 / 0.125 / 10.00, reasoning is output; gpt-audio
# 2.50 / - / 10.00, audio 32.00 in and 64.00 out; gpt-image-1 text 5.00, images 10.00 in and 40.00 out; text-embedding-3-small 0.02;
# whisper 0.006 a minute. Claude Sonnet 4.5 3.00 / 0.30 / 15.00, Haiku 4.5 1.00 / 0.10 / 5.00, Opus 4.5 5.00 / 0.50 / 25.00,
# writing to the cache 1.25 times the input for five minutes and twice for an hour, thinking is output; on Bedrock Sonnet 4.5
# above 200,000 tokens 6.00 / 0.60 / 22.50, writes 7.50. Nova Pro 0.80 / 0.20 / 3.20. DeepSeek V3.2 0.28 / 0.028 / 0.42.
# Command R 0.15 / - / 0.60; Rerank 3.5 2.00 a thousand searches. Gemini 2.5 Pro on Vertex AI 1.25 / 0.125 / 10.00 up to
# 200,000 tokens, else 2.50 / 0.25 / 15.00.
Reader = Callable[[Mapping[str, Any]], Usage]
PUBLISHED: list[tuple[str, str, Reader, dict[str, Any], float]] = [
    ("openai", "gpt-4o", from_openai, _openai(1_000_000, 100_000), 2.5 + 1.0),
    ("openai", "gpt-4o", from_openai, _openai(1_000_000, 100_000, cached=600_000), 1.0 + 0.75 + 1.0),
    ("openai", "o3-mini", from_openai, _openai(100_000, 50_000, cached=20_000, reasoning=40_000), 0.088 + 0.011 + 0.22),
    ("openai", "gpt-5", from_openai, _openai(1_000_000, 100_000, cached=800_000, reasoning=90_000), 0.25 + 0.1 + 1.0),
    (
        "openai",
        "gpt-audio",
        from_openai,
        _openai(20_000, 12_000, heard=10_000, said=10_000),
        0.025 + 0.32 + 0.02 + 0.64,
    ),
    ("openai", "text-embedding-3-small", from_openai, {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}, 0.02),
    (
        "openai",
        "gpt-image-1",
        from_images,
        {
            "input_tokens": 1_000,
            "output_tokens": 4_160,
            "input_tokens_details": {"text_tokens": 800, "image_tokens": 200},
        },
        0.004 + 0.002 + 0.1664,
    ),
    ("openai", "whisper-1", from_audio, {"type": "duration", "seconds": 90}, 0.009),
    ("azure", "gpt-4o-2024-08-06", from_openai, _openai(1_000_000, 100_000, cached=600_000), 1.0 + 0.75 + 1.0),
    ("azure", "o3-mini", from_openai, _openai(100_000, 50_000, reasoning=40_000), 0.11 + 0.22),
    (
        "anthropic",
        "claude-sonnet-4-5",
        from_anthropic,
        _anthropic(100_000, 10_000, read=500_000, thought=8_000),
        0.3 + 0.15 + 0.15,
    ),
    (
        "anthropic",
        "claude-sonnet-4-5",
        from_anthropic,
        _anthropic(0, 0, write_5m=100_000, write_1h=100_000),
        0.375 + 0.6,
    ),
    (
        "anthropic",
        "claude-haiku-4-5",
        from_anthropic,
        _anthropic(10_000, 10_000, read=90_000, write_5m=4_000),
        0.01 + 0.05 + 0.009 + 0.005,
    ),
    ("anthropic", "claude-opus-4-5", from_anthropic, _anthropic(1_000, 2_000, write_1h=10_000), 0.005 + 0.05 + 0.1),
    (
        "bedrock",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        from_bedrock,
        {
            "inputTokens": 50_000,
            "outputTokens": 10_000,
            "cacheReadInputTokens": 200_000,
            "cacheWriteInputTokens": 10_000,
        },
        0.3 + 0.225 + 0.12 + 0.075,
    ),
    (
        "bedrock",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        from_bedrock,
        {"inputTokens": 200_000, "outputTokens": 10_000},
        0.6 + 0.15,
    ),
    (
        "bedrock",
        "amazon.nova-pro-v1:0",
        from_bedrock,
        {"inputTokens": 1_000_000, "outputTokens": 1_000, "cacheReadInputTokens": 10_000},
        0.8052,
    ),
    (
        "deepseek",
        "deepseek-chat",
        from_openai,
        {
            "prompt_tokens": 1_000_000,
            "completion_tokens": 100_000,
            "total_tokens": 1_100_000,
            "prompt_cache_hit_tokens": 900_000,
            "prompt_cache_miss_tokens": 100_000,
        },
        0.028 + 0.0252 + 0.042,
    ),
    (
        "cohere",
        "command-r-08-2024",
        from_cohere,
        {"billed_units": {"input_tokens": 100_000, "output_tokens": 10_000}},
        0.015 + 0.006,
    ),
    ("cohere", "rerank-v3.5", from_cohere, {"billed_units": {"search_units": 3}}, 0.006),
    (
        "vertex_ai",
        "gemini-2.5-pro",
        from_gemini,
        {"promptTokenCount": 200_000, "candidatesTokenCount": 1_000, "thoughtsTokenCount": 9_000},
        0.25 + 0.1,
    ),
    (
        "vertex_ai",
        "gemini-2.5-pro",
        from_gemini,
        {"promptTokenCount": 200_001, "cachedContentTokenCount": 100_001, "candidatesTokenCount": 10_000},
        0.25 + 0.02500025 + 0.15,
    ),
]


@pytest.mark.parametrize(("provider", "model", "reader", "reported", "dollars"), PUBLISHED)
def test_usage_costs_what_the_provider_publishes(
    table: PriceTable, provider: str, model: str, reader: Reader, reported: dict[str, Any], dollars: float
) -> None:
    entry = table.lookup(provider, model)
    assert entry is not None
    found = reader(reported)
    assert not found.flags
    assert cost(found, entry.prices).total == round(dollars * 1e9)
