from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.chat.parts import read_parts, write_part
from phantom_gateway.dialects.neutral import Document, Image, Opaque, Redacted, Text, Untranslatable

CACHE = {"type": "ephemeral"}


def test_a_text_and_nothing() -> None:
    assert read_parts("a", "c") == [Text("a")]
    assert read_parts(None, "c") == read_parts("", "c") == []


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"type": "text", "text": "a", "cache_control": CACHE}, Text("a", CACHE)),
        ({"type": "refusal", "refusal": "no"}, Text("no")),
        ({"type": "image_url", "image_url": "https://e.com/a"}, Image(url="https://e.com/a")),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
         Image(media_type="image/png", data="AA", detail="low")),
        ({"type": "file", "file": {"file_data": "AA"}}, Document(media_type="application/pdf", data="AA")),
        ({"type": "file", "file": {"file_id": "https://e.com/a.pdf"}}, Document(url="https://e.com/a.pdf")),
        ({"type": "file", "file": {"file_id": "f"}, "cache_control": CACHE}, Document(file_id="f", cache=CACHE)),
        ({"type": "file", "file": {"file_id": "gs://b/a.mp4", "format": "video/mp4"}},
         Document(url="gs://b/a.mp4", media_type="video/mp4")),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}, Document(media_type="audio/mpeg", data="AA")),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, Document(media_type="audio/wav", data="AA")),
        ({"type": "video_url", "video_url": {}}, Opaque("chat", {"type": "video_url", "video_url": {}})),
    ],
)  # fmt: skip
def test_each_kind_of_part(value: dict[str, Any], part: Any) -> None:
    assert read_parts([value], "c") == [part]


@pytest.mark.parametrize(
    "value",
    [
        1,
        {"type": "text"},
        {"type": "image_url", "image_url": {}},
        {"type": "file", "file": []},
        {"type": "input_audio", "input_audio": {"data": "AA"}},
        {"type": "text", "text": 1},
    ],
)
def test_a_broken_part_is_refused_by_name(value: Any) -> None:
    with pytest.raises(Untranslatable) as caught:
        read_parts([value], "messages[3].content")
    assert str(caught.value.param).startswith("messages[3].content[0]")


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Text("a", CACHE), {"type": "text", "text": "a", "cache_control": CACHE}),
        (
            Image(media_type="image/png", data="AA"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        ),
        (
            Document(media_type="audio/mpeg", data="AA"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        ),
        (Image(file_id="f"), None),
        (Document(text="all", title="T"), {"type": "text", "text": "T\n\nall"}),
        (Document(file_id="f", title="T"), {"type": "file", "file": {"file_id": "f", "filename": "T"}}),
        (Document(url="https://e.com"), None),
        (Opaque("messages", {"type": "x"}), None),
        (Opaque("chat", {"type": "x"}), {"type": "x"}),
        (Redacted("x"), None),
    ],
)
def test_what_is_written(part: Any, written: Any) -> None:
    assert write_part(part, cached=True) == written


def test_breakpoints_are_left_out_where_nobody_reads_them() -> None:
    assert write_part(Text("a", CACHE), cached=False) == {"type": "text", "text": "a"}
