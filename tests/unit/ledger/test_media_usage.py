from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.ledger.media_usage import from_audio, from_images, from_rerank, from_speech
from phantom_gateway.ledger.usage import Media, Usage

READERS = (from_audio, from_images, from_rerank, from_speech)
CASES: list[tuple[Callable[[Mapping[str, Any]], Usage], dict[str, Any], dict[str, Any]]] = [
    (
        from_images,
        {"input_tokens": 150, "output_tokens": 4160, "input_tokens_details": {"text_tokens": 50, "image_tokens": 100}},
        {"input": 50, "output": 0, "media": Media(image_input=100, image_output=4160)},
    ),
    (
        from_images,
        {
            "input_tokens": 50,
            "output_tokens": 1100,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens_details": {"text_tokens": 44, "image_tokens": 1056},
        },
        {"input": 30, "cache_read": 20, "output": 44, "media": Media(image_output=1056)},
    ),
    (from_audio, {"type": "duration", "seconds": 8.4}, {"input": 0, "output": 0, "media": Media(audio_ms=8400)}),
    (
        from_audio,
        {"type": "tokens", "input_tokens": 114, "output_tokens": 45, "input_token_details": {"audio_tokens": 100}},
        {"input": 14, "audio_input": 100, "output": 45},
    ),
    (from_speech, {"input_tokens": 14, "output_tokens": 101}, {"input": 14, "audio_output": 101, "output": 0}),
    (from_rerank, {"search_units": 2}, {"output": 0, "media": Media(queries=2)}),
    (from_rerank, {"total_tokens": 815}, {"input": 815, "output": 0}),
    (from_rerank, {"prompt_tokens": 8, "completion_tokens": 0, "total_tokens": 8}, {"input": 8, "output": 0}),
]


@pytest.mark.parametrize(("read", "reported", "counts"), CASES)
def test_published_examples(
    read: Callable[[Mapping[str, Any]], Usage], reported: dict[str, Any], counts: dict[str, Any]
) -> None:
    assert read(reported) == Usage(**counts, source="provider")


@given(
    st.dictionaries(
        st.sampled_from(
            ["input_tokens", "output_tokens", "total_tokens", "seconds", "search_units", "input_tokens_details"]
        ),
        st.one_of(
            st.integers(),
            st.floats(),
            st.text(max_size=3),
            st.none(),
            st.booleans(),
            st.dictionaries(st.sampled_from(["image_tokens", "cached_tokens", "audio_tokens"]), st.integers()),
        ),
    )
)
def test_no_report_is_negative_or_raises(reported: dict[str, Any]) -> None:
    for read in READERS:
        found = read(reported)
        assert found.prompt_tokens >= 0
        assert found.completion_tokens >= 0
        assert all((getattr(found.media or Media(), name) or 0) >= 0 for name in Media.__struct_fields__)


def test_what_is_no_length_is_flagged() -> None:
    assert from_audio({"seconds": "x"}).flags == ("bad:seconds",)
    assert from_audio({"seconds": -1}).source == "none"


COUNTS = st.none() | st.integers(0, 1 << 40)
MEDIA = st.builds(Media, **dict.fromkeys(Media.__struct_fields__, COUNTS))
USAGES = st.builds(Usage, input=COUNTS, output=COUNTS, media=st.none() | MEDIA)


@given(USAGES, USAGES)
def test_sums_and_the_flat_form_lose_nothing(one: Usage, other: Usage) -> None:
    both = one.plus(other)
    for name in Media.__struct_fields__:
        parts = [getattr(each.media or Media(), name) or 0 for each in (one, other)]
        assert (getattr(both.media or Media(), name) or 0) == sum(parts)
    assert both.sides() == tuple(map(sum, zip(one.sides(), other.sides(), strict=True)))
    flat = both.flat()
    assert flat.sides() == both.sides()
    assert (flat.input or 0, flat.output or 0) == both.sides()
    assert one.plain() == (one.media is None)
