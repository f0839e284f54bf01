"""Orders are priced as published: the examples name their source and when it was read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import (
    IMAGE_EDITS,
    IMAGES,
    MODERATIONS,
    RERANK,
    SPEECH,
    TRANSCRIPTIONS,
    Operation,
)
from phantom_gateway.gateway import body, form
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.order import Order, read
from phantom_gateway.ledger.media_usage import from_audio, from_images, from_rerank, from_speech
from phantom_gateway.ledger.money import NANO, cost
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Prices
from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import Part, field

TABLE = PriceTable.load()
FILE = b'Content-Disposition: form-data; name="%b"; filename="a"\r\n'


def prices(provider: str, model: str) -> Prices:
    found = TABLE.lookup(provider, model)
    assert found is not None
    return found.prices


def order(operation: Operation, **fields: Any) -> Order:
    assert operation.media is not None
    call = body.parse(json.dumps({"model": "m"} | fields).encode(), operation, "")
    return read(call, operation.media)


def upload(operation: Operation, content: bytes, *more: Part) -> Order:
    assert operation.media is not None
    name = b"file" if operation is TRANSCRIPTIONS else b"image"
    parts = [field("model", b"m"), *more, Part(name.decode(), memoryview(content), FILE % name, True)]
    call = form.parse(multipart.render(parts, b"b"), b"b", operation.media, "")
    return read(call, operation.media)


def dollars(asked: Order, usage: Usage, of: Prices, reported: dict[str, Any] | None = None) -> float:
    """What is billed; never more than was reserved."""
    billed, at = asked.priced(asked.answered(usage, reported), of)
    total = cost(billed, at).total
    assert total <= asked.ceiling(of)
    return total / NANO


NONE = Usage()
GPT_IMAGE = {"input_tokens": 50, "output_tokens": 4160, "input_tokens_details": {"text_tokens": 50, "image_tokens": 0}}


def test_images_by_tokens() -> None:
    """OpenAI, gpt-image-1: $5 a million tokens of text, $10 of images that are sent, $40 of images that are made (pricing page,
    November 2026); 1024x1024 in high quality has 4,160 tokens (guide on image generation), some $0.167.
    """
    asked = order(IMAGES, prompt="a cat " * 30, size="1024x1024", quality="high")
    of = prices("openai", "gpt-image-1")
    assert dollars(asked, from_images(GPT_IMAGE), of, {"images": 1}) == pytest.approx(0.1664 + 0.00025)
    edited = {
        "input_tokens": 373,
        "output_tokens": 1056,
        "input_tokens_details": {"text_tokens": 50, "image_tokens": 323},
    }
    sent = upload(
        IMAGE_EDITS, b"png", field("prompt", b"a cat " * 30), field("quality", b"medium"), field("size", b"1024x1024")
    )
    assert dollars(sent, from_images(edited), of) == pytest.approx(0.00025 + 0.00323 + 0.04224)


@pytest.mark.parametrize(
    ("fields", "each"),
    [
        ({"size": "1024x1024", "quality": "low"}, 0.011),
        ({"size": "1024x1536", "quality": "medium"}, 0.063),
        ({"size": "1536x1024", "quality": "high"}, 0.25),
        ({}, 0.25),
        ({"quality": "low"}, 0.011),
    ],
)
def test_images_by_size_where_nobody_reports_tokens(fields: dict[str, str], each: float) -> None:
    """OpenAI, gpt-image-1 (pricing page, November 2026): an image is $0.011 to $0.25."""
    asked = order(IMAGES, prompt="a", n=2, **fields)
    assert dollars(asked, NONE, prices("openai", "gpt-image-1")) == pytest.approx(2 * each, abs=0.0001)


def test_images_by_size_or_pixel_or_each() -> None:
    """Azure, DALL-E 3: $4.40 for 100 standard images of 1024x1024, $8.80 in hd, $13.20 larger (Azure OpenAI pricing, November
    2026). Nscale, FLUX.1 schnell: $0.0013 a megapixel. xAI, Grok Imagine: $0.02 an image.
    """
    azure = prices("azure", "dall-e-3")
    assert dollars(order(IMAGES, prompt="a"), NONE, azure) == pytest.approx(0.044)
    assert dollars(order(IMAGES, prompt="a", quality="hd", size="1024x1024"), NONE, azure) == pytest.approx(0.088)
    assert dollars(order(IMAGES, prompt="a", quality="hd", size="1792x1024"), NONE, azure) == pytest.approx(0.132)
    flux = prices("nscale", "black-forest-labs/FLUX.1-schnell")
    assert dollars(order(IMAGES, prompt="a", size="512x512"), NONE, flux) == pytest.approx(1.3e-9 * 512 * 512)
    xai = prices("xai", "grok-imagine-image")
    assert dollars(order(IMAGES, prompt="a", n=3), NONE, xai) == pytest.approx(0.06)
    assert dollars(order(IMAGES, prompt="a", n=3), NONE, xai, {"images": 2}) == pytest.approx(0.04)


def test_speech() -> None:
    """OpenAI (pricing page, November 2026): tts-1 $15 and tts-1-hd $30 a million characters; gpt-4o-mini-tts $0.60 a million tokens
    of text and $12 of audio, some $0.015 a minute.
    """
    text = "Grüße " * 100
    asked = order(SPEECH, input=text, voice="alloy")
    assert dollars(asked, NONE, prices("openai", "tts-1")) == pytest.approx(600 * 15 / 1e6)
    assert dollars(asked, NONE, prices("openai", "tts-1-hd")) == pytest.approx(600 * 30 / 1e6)
    mini = prices("openai", "gpt-4o-mini-tts")
    reported = from_speech({"input_tokens": 120, "output_tokens": 900})
    assert dollars(asked, reported, mini) == pytest.approx(120 * 0.6e-6 + 900 * 12e-6)
    estimated = dollars(asked, NONE, mini)
    assert estimated == pytest.approx(50 * 0.00025, rel=0.05)
    slow = order(SPEECH, input=text, speed=0.5)
    assert dollars(slow, NONE, mini) == pytest.approx(2 * estimated, rel=0.05)


def test_transcripts() -> None:
    """OpenAI (pricing page, November 2026): whisper-1 $0.006 a minute; gpt-4o-transcribe $2.50 a million tokens in, $10 out.
    Groq: whisper-large-v3 $0.111 an hour.
    """
    asked = upload(TRANSCRIPTIONS, bytes(240_000))
    minute = from_audio({"type": "duration", "seconds": 60})
    assert dollars(asked, minute, prices("openai", "whisper-1")) == pytest.approx(0.006)
    assert dollars(asked, minute, prices("groq", "whisper-large-v3")) == pytest.approx(0.111 / 60, rel=0.001)
    tokens = from_audio({"input_tokens": 600, "output_tokens": 200, "input_token_details": {"audio_tokens": 600}})
    of = prices("openai", "gpt-4o-transcribe")
    assert dollars(asked, tokens, of) == pytest.approx(600 * 2.5e-6 + 200 * 10e-6)
    # nobody says how long it was: by its size
    billed, _ = asked.priced(asked.answered(NONE, None), of)
    assert billed.media is not None
    assert billed.media.audio_ms == 60_001
    assert "estimated_units" in billed.flags


def test_rankings() -> None:
    """Cohere, rerank-v3.5: $2 a thousand searches of up to 100 documents (pricing page, November 2026). Jina: by token."""
    few, many = order(RERANK, query="q", documents=["d"] * 10), order(RERANK, query="q", documents=["d"] * 150)
    cohere = prices("cohere", "rerank-v3.5")
    assert dollars(few, NONE, cohere) == pytest.approx(0.002)
    assert dollars(many, from_rerank({"search_units": 2}), cohere) == pytest.approx(0.004)
    jina = prices("jina_ai", "jina-reranker-v2-base-multilingual")
    assert dollars(few, from_rerank({"total_tokens": 20}), jina) == pytest.approx(20 * 0.05e-6)


def test_moderations_cost_nothing_or_their_tokens() -> None:
    asked = order(MODERATIONS, input="hello")
    assert dollars(asked, NONE, prices("openai", "omni-moderation-latest")) == 0
    assert dollars(asked, NONE, Prices(input=NANO)) > 0


@pytest.mark.parametrize(
    ("operation", "fields", "param"),
    [
        (IMAGES, {"n": "x"}, "n"),
        (IMAGES, {"n": 0}, "n"),
        (IMAGES, {"n": 100_000}, "n"),
        (IMAGES, {"size": ["1024x1024"]}, "size"),
        (IMAGES, {"quality": "q" * 40}, "quality"),
        (IMAGES, {"partial_images": -1}, "partial_images"),
        (SPEECH, {"input": ["a"]}, "input"),
        (SPEECH, {"input": "a", "speed": 0}, "speed"),
        (SPEECH, {"input": "a", "speed": True}, "speed"),
        (TRANSCRIPTIONS, {}, "file"),
        (RERANK, {"documents": "a"}, "documents"),
    ],
)
def test_what_cannot_be_reserved_is_refused(operation: Operation, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        order(operation, **fields)
    assert (caught.value.status, caught.value.param) == (400, param)


PRICES = st.builds(
    Prices,
    input=st.integers(0, 10**10),
    output=st.integers(0, 10**11),
    image=st.none() | st.integers(0, 10**15),
    image_input=st.none() | st.integers(0, 10**11),
    image_output=st.none() | st.integers(0, 10**11),
    character=st.integers(0, 10**11),
    audio_ms=st.integers(0, 10**9),
    audio_output=st.none() | st.integers(0, 10**11),
    pixel=st.integers(0, 10**7),
    request=st.integers(0, 10**7),
    sizes=st.dictionaries(st.sampled_from(["low/1024x1024", "high/1024x1536", "512x512"]), st.integers(1, 10**15)),
)
ORDERS = [
    order(IMAGES, prompt="a cat", n=3),
    order(IMAGES, prompt="a", size="1024x1536", quality="high"),
    order(IMAGES, prompt="a", size="auto", quality="auto"),
    upload(IMAGE_EDITS, b"png", field("prompt", b"a")),
    order(SPEECH, input="hello " * 50),
    upload(TRANSCRIPTIONS, bytes(5000)),
    order(RERANK, query="q", documents=["d"] * 250),
    order(MODERATIONS, input="hello"),
]


@given(st.sampled_from(ORDERS), PRICES)
def test_what_nobody_reports_never_costs_more_than_was_reserved(asked: Order, of: Prices) -> None:
    for usage in (asked.answered(NONE, None), asked.unseen()):
        billed, at = asked.priced(usage, of)
        found = cost(billed, at)
        assert 0 <= found.total <= asked.ceiling(of)
        assert sum(found[1:]) == found.total


def test_every_operation_of_media_has_an_order() -> None:
    units = {each.media.unit for _, each in operations.paths() if each.media is not None}
    assert units == {asked.unit for asked in ORDERS}
    assert msgspec.json.encode(ORDERS[0].unseen())
