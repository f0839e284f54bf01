from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phantom_gateway.ledger.money import cost
from phantom_gateway.ledger.pass_usage import READERS
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.ledger.usage import Media, Usage

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("openai", {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}, {"input": 8, "output": 2}),
    (
        "anthropic",
        {"input_tokens": 8, "cache_read_input_tokens": 4, "output_tokens": 2},
        {"input": 8, "cache_read": 4, "output": 2},
    ),
    (
        "gemini",
        {"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 20, "thoughtsTokenCount": 30,
         "toolUsePromptTokenCount": 5, "totalTokenCount": 155},
        {"input": 45, "cache_read": 60, "output": 20, "reasoning": 30},
    ),
    ("gemini", {"promptTokenCount": 7}, {"input": 7, "output": 0}),
    (
        "gemini",
        {"promptTokenCount": 100, "candidatesTokenCount": 1290, "totalTokenCount": 1390,
         "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}],
         "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]},
        {"input": 40, "audio_input": 60, "output": 0, "images": 1},
    ),
    (
        "bedrock",
        {"inputTokens": 30, "outputTokens": 628, "cacheReadInputTokens": 5, "cacheWriteInputTokens": 6, "totalTokens": 658},
        {"input": 30, "output": 628, "cache_read": 5, "cache_write_5m": 6},
    ),
    ("bedrock", {"input_tokens": 8, "output_tokens": 2}, {"input": 8, "output": 2}),
    (
        "cohere",
        {"billed_units": {"input_tokens": 5, "output_tokens": 418}, "tokens": {"input_tokens": 71}},
        {"input": 5, "output": 418},
    ),
    ("cohere", {"billed_units": {"search_units": 3}}, {"output": 0, "media": Media(queries=3)}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "reported", "counts"), CASES)
def test_published_examples(shape: str, reported: dict[str, Any], counts: dict[str, Any]) -> None:
    found = READERS[shape](reported)
    assert {name: getattr(found, name) for name in counts} == counts
    assert found.source == "provider"


def test_a_published_price() -> None:
    """Google, Gemini 2.5 Flash: $0.30 a million tokens in, $0.03 from the cache, $2.50 out, thoughts included (pricing page of
    ai.google.dev, November 2026).
    """
    price = PriceTable.load().lookup("gemini", "gemini-2.5-flash")
    assert price is not None
    usage = READERS["gemini"](CASES[2][1])
    assert cost(usage, price.prices).total == 45 * 300 + 60 * 30 + (20 + 30) * 2500


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(
    st.sampled_from(sorted(READERS)),
    st.dictionaries(
        st.sampled_from([name for _, reported, _ in CASES for name in reported]),
        st.one_of(
            st.integers(),
            st.text(max_size=2),
            st.none(),
            st.dictionaries(st.sampled_from(["input_tokens", "search_units"]), st.integers()),
        ),
    ),
)  # fmt: skip
def test_no_report_is_negative_or_raises(shape: str, reported: dict[str, Any]) -> None:
    found: Usage = READERS[shape](reported)
    assert found.prompt_tokens >= 0
    assert found.completion_tokens >= 0
