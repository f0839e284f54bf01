from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.media import BytesTap, MediaTap, read_images, read_ranking, read_transcript

COMPLETED: dict[str, Any] = {
    "type": "image_generation.completed",
    "b64_json": "x",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
PARTIAL: dict[str, Any] = {"type": "image_generation.partial_image", "b64_json": "x"}
STREAM = b"".join(
    b"event: " + each["type"].encode() + b"\ndata: " + json.dumps(each).encode() + b"\n\n"
    for each in (PARTIAL, COMPLETED)
)


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_images_are_counted() -> None:
    found = read_images(raw({"data": [{"b64_json": "x"}, {"url": "y"}], "usage": {"input_tokens": 1}}))
    assert found is not None
    assert found.usage == {"input_tokens": 1, "images": 2}
    bare = read_images(raw({"data": [1]}))
    assert bare is not None
    assert bare.usage == {"images": 1}
    failed = read_images(raw({"error": {"message": "m"}}))
    assert failed is not None
    assert (failed.usage, failed.error) == (None, {"message": "m"})
    assert read_images(b"<html>") is read_images(b"[]") is None


def test_transcripts_have_their_length_in_three_places() -> None:
    for body, usage in (
        ({"text": "a", "usage": {"type": "duration", "seconds": 9}}, {"type": "duration", "seconds": 9}),
        ({"text": "a", "duration": 8.47}, {"seconds": 8.47}),
        ({"text": "a", "duration": "8.47"}, {"seconds": 8.47}),
        ({"text": "a"}, None),
    ):
        found = read_transcript(raw(body))
        assert found is not None
        assert found.usage == usage
    text = read_transcript(b"WEBVTT\n")
    assert text is not None
    assert text.usage is None
    assert read_transcript(b"") is read_transcript(b'{"text"') is None


def test_rankings_have_search_units_or_tokens() -> None:
    for body, usage in (
        ({"results": [], "meta": {"billed_units": {"search_units": 2}}}, {"search_units": 2}),
        ({"results": [], "model": "j", "usage": {"total_tokens": 5}}, {"total_tokens": 5}),
        ({"results": [], "meta": {"billed_units": None, "tokens": {"input_tokens": 7}}}, {"input_tokens": 7}),
        ({"results": []}, None),
    ):
        found = read_ranking(raw(body))
        assert found is not None
        assert found.usage == usage
    assert read_ranking(b'{"meta": 1}') is None


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_a_stream_in_any_pieces(cuts: list[int]) -> None:
    tap = MediaTap("public", False, 1 << 20)
    places = [0, *sorted(cuts), len(STREAM)]
    out = b"".join(tap.feed(STREAM[start:end]) for start, end in itertools.pairwise(places))
    assert out + tap.tail == STREAM
    assert b"completed" not in out
    assert (tap.usage, tap.complete, tap.error) == (COMPLETED["usage"], True, None)
    assert tap.events >= 1
    assert tap.produced() == 0


def test_a_stream_that_ends_without_saying_so_or_with_an_error() -> None:
    tap = MediaTap("public", False, 1 << 20)
    tap.feed(b"data: " + raw(PARTIAL) + b"\n\n")
    assert not tap.complete
    tap.feed(b'data: {"type":"error","error":{"message":"m"}}\n\n')
    assert tap.error == {"message": "m"}
    spoken = MediaTap("public", False, 1 << 20)
    spoken.feed(b'data: {"type":"speech.audio.done"}\n\n')
    assert (spoken.complete, spoken.events) == (True, 1)


@pytest.mark.parametrize("pieces", [[b"ab", b"c"], [b"abc"], [b""]])
def test_bytes_pass(pieces: list[bytes]) -> None:
    tap = BytesTap()
    assert [tap.feed(piece) for piece in pieces] == pieces
    assert (tap.octets, bool(tap.events), tap.complete, tap.done) == (sum(map(len, pieces)), any(pieces), True, False)
    tap.finish()
    assert (tap.tail, tap.usage, tap.produced()) == (b"", None, 0)
