from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.ledger.usage import MAX_COUNT, Usage, estimate, from_anthropic, from_gemini, from_openai

CLASSES = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "images",
)

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("plain", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, {"input": 10, "output": 5}),
    ("explicit zero", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {"input": 0, "output": 0}),
    ("embedding", {"prompt_tokens": 8, "total_tokens": 8}, {"input": 8}),
    (
        "openai details",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5, "rejected_prediction_tokens": 0},
        },
        {"input": 30, "cache_read": 60, "audio_input": 10, "output": 25, "reasoning": 20, "audio_output": 5},
    ),
    (
        "responses",
        {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 40},
            "output_tokens": 10,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 110,
        },
        {"input": 60, "cache_read": 40, "output": 6, "reasoning": 4},
    ),
    (
        "deepseek",
        {"prompt_tokens": 30, "completion_tokens": 2, "prompt_cache_hit_tokens": 20, "prompt_cache_miss_tokens": 10},
        {"input": 10, "cache_read": 20, "output": 2},
    ),
    (
        "anthropic inside the prompt tokens",
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "total_tokens": 101,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 50,
        },
        {"input": 20, "cache_read": 50, "cache_write_5m": 30, "output": 1},
    ),
    (
        "anthropic beside the prompt tokens",
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "total_tokens": 181,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 50,
        },
        {"input": 100, "cache_read": 50, "cache_write_5m": 30, "output": 1},
    ),
    (
        "anthropic native with lifetimes",
        {
            "input_tokens": 7,
            "output_tokens": 1,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 500,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        },
        {"input": 7, "cache_read": 500, "cache_write_5m": 10, "cache_write_1h": 20, "output": 1},
    ),
    (
        "xai: reasoning outside of the completion",
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 115,
            "completion_tokens_details": {"reasoning_tokens": 100},
        },
        {"input": 10, "output": 5, "reasoning": 100},
    ),
]


@pytest.mark.parametrize(("report", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_known_reports(report: dict[str, Any], expected: dict[str, Any]) -> None:
    usage = from_openai(report)
    assert {name: getattr(usage, name) for name in CLASSES if getattr(usage, name) is not None} == expected
    assert usage.source == "provider"
    assert usage.flags == ()


def test_thinking_tokens_only_in_the_total_are_reasoning() -> None:
    usage = from_openai({"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 50})
    assert (usage.input, usage.output, usage.reasoning) == (7, 9, 34)
    assert usage.flags == ("total_exceeds_parts",)
    assert usage.total == 50


@pytest.mark.parametrize("bad", [-1, MAX_COUNT + 1, True, "12", 1.5, [], {}, float("nan"), float("inf")])
def test_a_bad_count_is_not_reported_and_flagged(bad: object) -> None:
    usage = from_openai({"prompt_tokens": bad, "completion_tokens": 3})
    assert usage.input is None
    assert usage.output == 3
    assert usage.flags == ("bad:prompt_tokens",)
    assert from_openai({"prompt_tokens": bad}).source == "none"


def test_whole_floats_count() -> None:
    assert from_openai({"prompt_tokens": 12.0}).input == 12


def test_details_never_exceed_their_total() -> None:
    usage = from_openai(
        {
            "prompt_tokens": 10,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 50, "audio_tokens": 9},
            "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 7},
        }
    )
    assert usage.prompt_tokens == 10
    assert usage.completion_tokens == 3
    assert "details_exceed_total" in usage.flags


def test_nothing_reported() -> None:
    assert from_openai({}) == Usage()
    assert from_openai({"prompt_tokens_details": "x"}).source == "none"


COUNTS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-5, 500), st.sampled_from([None, "7", True, 1.5, 3.0, -1, 1 << 60, float("nan"), [], {}])
)
DETAILS = st.one_of(
    st.sampled_from([None, "x", [], 3]),
    st.dictionaries(
        st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens", "cache_write_tokens"]), COUNTS, max_size=3
    ),
)
NUMBERS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_cache_hit_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
TABLES = ("prompt_tokens_details", "completion_tokens_details", "cache_creation")
REPORTS = st.builds(
    lambda numbers, tables: {**numbers, **tables},
    st.dictionaries(st.sampled_from(NUMBERS), COUNTS, max_size=6),
    st.dictionaries(st.sampled_from(TABLES), DETAILS, max_size=3),
)


@given(REPORTS)
def test_any_report_gives_sane_classes(report: dict[str, Any]) -> None:
    usage = from_openai(report)
    for name in CLASSES:
        value = getattr(usage, name)
        assert value is None or (type(value) is int and value >= 0)
    assert (usage.source == "none") == all(getattr(usage, name) is None for name in CLASSES)


@given(
    prompt=st.integers(0, 10_000),
    cached=st.integers(0, 12_000),
    audio=st.integers(0, 12_000),
    completion=st.integers(0, 10_000),
    reasoning=st.integers(0, 12_000),
)
def test_openai_totals_are_kept(prompt: int, cached: int, audio: int, completion: int, reasoning: int) -> None:
    usage = from_openai(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    )
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total) == (prompt, completion, prompt + completion)


def test_estimate_counts_bytes_characters_and_chunks() -> None:
    assert estimate(9) == Usage(input=3, output=0, source="estimated")
    assert estimate(0, 100, 7).output == 25
    assert estimate(0, 3, 7).output == 7


def test_only_what_is_missing_is_estimated() -> None:
    guess = estimate(40, 40)
    partly = Usage(input=3, cache_read=2, source="provider")
    assert partly.filled(guess) == Usage(input=3, cache_read=2, output=10, source="estimated")
    whole = Usage(input=0, output=0, source="provider")
    assert whole.filled(guess) is whole


counts = st.none() | st.integers(0, 1 << 40)


@given(st.fixed_dictionaries(dict.fromkeys(Usage.__struct_fields__[:9], counts)))
def test_both_sides_at_once_are_the_sides_one_by_one(values: dict[str, Any]) -> None:
    for usage in (Usage(**values), Usage(input=values["input"], output=values["output"])):
        assert usage.sides() == (usage.prompt_tokens, usage.completion_tokens)
        extra = usage.total - (usage.input or 0) - (usage.output or 0) + (usage.images or 0)
        assert usage.plain() is (extra == 0)


def test_two_usages_together() -> None:
    mine = Usage(input=1, output=None, cache_read=2, source="provider", flags=("a",))
    its = Usage(input=10, reasoning=5, source="estimated", flags=("a", "b"))
    both = mine.plus(its)
    assert (both.input, both.output, both.cache_read, both.reasoning) == (11, None, 2, 5)
    assert (both.source, both.flags) == ("estimated", ("a", "b"))
    assert mine.plus(Usage()) == mine
    assert Usage().plus(Usage()) == Usage()


ANTHROPIC: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"input_tokens": 10, "output_tokens": 5}, {"input": 10, "output": 5}),
    (
        {"input_tokens": 10, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 30, "output_tokens": 5,
         "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}},
        {"input": 10, "cache_read": 7, "cache_write_5m": 10, "cache_write_1h": 20, "output": 5},
    ),
    ({"input_tokens": 1, "cache_creation_input_tokens": 3, "output_tokens": 2}, {"input": 1, "cache_write_5m": 3, "output": 2}),
    (
        {"input_tokens": 1, "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20}},
        {"input": 1, "output": 30, "reasoning": 20},
    ),
    ({"input_tokens": 10}, {"input": 10}),
]  # fmt: skip


@pytest.mark.parametrize(("reported", "expected"), ANTHROPIC)
def test_anthropics_classes_do_not_overlap(reported: dict[str, Any], expected: dict[str, Any]) -> None:
    assert from_anthropic(reported) == Usage(**expected, source="provider")


def test_nonsense_of_anthropics_is_flagged() -> None:
    bad = from_anthropic({"input_tokens": -1, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 9}})
    assert (bad.input, bad.output, bad.reasoning) == (None, 0, 3)
    assert bad.flags == ("details_exceed_total", "bad:input_tokens")
    assert from_anthropic({}).source == "none"


@given(st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
       "cache_creation", "output_tokens_details"]), st.integers() | st.text() | st.none() | st.dictionaries(st.sampled_from(
       ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "thinking_tokens"]), st.integers())))  # fmt: skip
def test_whatever_anthropic_reports_counts_are_sane(reported: dict[str, Any]) -> None:
    usage = from_anthropic(reported)
    for name in CLASSES:
        value = getattr(usage, name)
        assert value is None or 0 <= value <= MAX_COUNT
    if isinstance(written := reported.get("cache_creation_input_tokens"), int) and 0 <= written <= MAX_COUNT:
        assert usage.cache_write == written


GEMINI: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, {"input": 10, "output": 5}),
    (
        {"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 20, "thoughtsTokenCount": 30,
         "toolUsePromptTokenCount": 7, "totalTokenCount": 157},
        {"input": 47, "cache_read": 60, "output": 20, "reasoning": 30},
    ),
    ({"promptTokenCount": 4, "thoughtsTokenCount": 96, "totalTokenCount": 100}, {"input": 4, "output": 0, "reasoning": 96}),
    ({"candidatesTokenCount": 4, "totalTokenCount": 9}, {"input": 5, "output": 4}),
    ({"promptTokenCount": 4}, {"input": 4}),
    (
        {"promptTokenCount": 4, "candidatesTokenCount": 10, "thoughtsTokenCount": 6, "totalTokenCount": 14},
        {"input": 4, "output": 4, "reasoning": 6},
    ),
    (
        {"promptTokenCount": 300, "cachedContentTokenCount": 40, "candidatesTokenCount": 25, "totalTokenCount": 325,
         "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 200}],
         "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
         "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}]},
        {"input": 100, "cache_read": 40, "audio_input": 160, "output": 0, "audio_output": 25},
    ),
    (
        {"promptTokenCount": 4, "candidatesTokenCount": 2592, "totalTokenCount": 2596,
         "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 12}, {"modality": "IMAGE", "tokenCount": 2580}]},
        {"input": 4, "output": 12, "images": 2},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("reported", "expected"), GEMINI)
def test_geminis_classes_do_not_overlap(reported: dict[str, Any], expected: dict[str, Any]) -> None:
    assert from_gemini(reported) == Usage(**expected, source="provider")


def test_nonsense_of_geminis_is_flagged() -> None:
    bad = from_gemini({"promptTokenCount": -1, "candidatesTokenCount": 3, "totalTokenCount": 2})
    assert (bad.input, bad.output, bad.flags) == (None, 3, ("bad:promptTokenCount",))
    more = from_gemini({"promptTokenCount": 3, "cachedContentTokenCount": 9, "candidatesTokenCount": 1})
    assert (more.input, more.cache_read, more.flags) == (0, 3, ("details_exceed_total",))
    assert from_gemini({}).source == "none"


@given(st.dictionaries(st.sampled_from(["promptTokenCount", "candidatesTokenCount", "cachedContentTokenCount", "totalTokenCount",
       "thoughtsTokenCount", "toolUsePromptTokenCount", "promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails"]),
       st.integers() | st.text() | st.none() | st.lists(st.fixed_dictionaries({"modality": st.sampled_from(["AUDIO", "IMAGE", []]),
       "tokenCount": st.integers() | st.none()}))))  # fmt: skip
def test_whatever_gemini_reports_counts_are_sane(reported: dict[str, Any]) -> None:
    usage = from_gemini(reported)
    for name in CLASSES:
        value = getattr(usage, name)
        assert value is None or value >= 0
