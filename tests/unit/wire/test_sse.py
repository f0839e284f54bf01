"""Events come out the same however the stream was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.errors import BadResponse
from phantom_gateway.wire.sse import SseSplitter, event_data

STREAMS = [
    (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"], b""),
    (b"data: a\r\n\r\ndata: b\r\n\r\nda", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"], b"da"),
    (b"data: a\r\rdata: b\r\r", [b"data: a\r\r", b"data: b\r\r"], b""),
    (b"data: a\r\n\ndata: b\n\r\n", [b"data: a\r\n\n", b"data: b\n\r\n"], b""),
    (b"data: a\n\rdata: b\n\n", [b"data: a\n\r", b"data: b\n\n"], b""),
    (b"\xef\xbb\xbfdata: a\n\n", [b"data: a\n\n"], b""),
    (b": ping\n\n\n\ndata: a\n\n\n", [b": ping\n\n", b"\n\n", b"data: a\n\n"], b"\n"),
    (b"event: x\ndata: a\ndata:b\n\n", [b"event: x\ndata: a\ndata:b\n\n"], b""),
]


@pytest.mark.parametrize(("stream", "events", "pending"), STREAMS)
def test_every_split(stream: bytes, events: list[bytes], pending: bytes) -> None:
    for size in range(1, len(stream) + 1):
        splitter = SseSplitter()
        got = [each for i in range(0, len(stream), size) for each in splitter.feed(stream[i : i + size])]
        assert got == events
        assert splitter.pending == pending
    for cut in range(len(stream)):
        splitter = SseSplitter()
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == events


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b"\n\n", b"a"])), st.lists(st.integers(0, 40)))
def test_any_text_any_cuts(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole = SseSplitter()
    expected = whole.feed(stream)
    splitter = SseSplitter()
    got: list[bytes] = []
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for start, end in pairwise(places):
        got += splitter.feed(stream[start:end])
    assert got == expected
    assert splitter.pending == whole.pending
    assert b"".join(got) + splitter.pending == stream


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n\n"])
def test_event_size_is_bounded(raw: bytes) -> None:
    for size in (1, 1000):
        splitter = SseSplitter(max_event=50)
        splitter.feed(b": begin\n\n")
        with pytest.raises(BadResponse):
            _ = [splitter.feed(raw[i : i + size]) for i in range(0, len(raw), size)]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\r\n\r\n", b"{}"),
        (b"event: x\ndata: a\ndata:  b\n\n", b"a\n b"),
        (b"\ndata: a\r\r", b"a"),
        (b": comment\n\n", b""),
        (b"data\n\n", b""),
        (b"data: a\rdata: b\n\n", b"a\nb"),
        (b"database: x\n\n", b""),
        (b"data: [DONE]\n\n", b"[DONE]"),
    ],
)
def test_event_data(raw: bytes, data: bytes) -> None:
    assert event_data(raw) == data
