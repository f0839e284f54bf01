from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.ledger.money import cost, usd_to_nano
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.ledger.usage import from_gemini


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
    ],
)
def test_lookup(table: PriceTable, provider: str, model: str, key: str) -> None:
    entry = table.lookup(provider, model)
    assert entry is not None
    assert (entry.key, entry.mode, entry.priced) == (key, "chat", True)


def test_a_price_is_never_guessed(table: PriceTable) -> None:
    assert table.lookup("openai", "my-own-llama") is None
    assert table.lookup("hosted_vllm", "gpt-4o") is None
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
