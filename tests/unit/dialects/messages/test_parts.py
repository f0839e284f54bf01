from __future__ import annotations

from typing import Any

import msgspec
import pytest

from phantom_gateway.dialects.messages.parts import read_parts, write_part
from phantom_gateway.dialects.neutral import Document, Opaque, Text, ToolCall, ToolResult, Untranslatable

CACHE = {"type": "ephemeral", "ttl": "1h"}
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "a", "cache_control": CACHE},
    {"type": "text", "text": "a", "citations": [{"type": "page_location"}]},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
    {"type": "image", "source": {"type": "url", "url": "https://e.com"}, "cache_control": CACHE},
    {"type": "image", "source": {"type": "file", "file_id": "f"}},
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}, "title": "T"},
    {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
        "citations": {"enabled": True},
    },
    {"type": "document", "source": {"type": "url", "url": "https://e.com"}, "context": "C"},
    {"type": "document", "source": {"type": "file", "file_id": "f"}},
    {"type": "document", "source": {"type": "content", "content": "x"}},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, None]}},
    {"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": True, "cache_control": CACHE},
    {"type": "tool_result", "tool_use_id": "t"},
    {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    },
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "mcp_tool_use", "id": "m", "server_name": "s", "input": {}},
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["type"])
def test_every_block_comes_back_as_it_was(block: dict[str, Any]) -> None:
    (part,) = read_parts([block], "content")
    assert msgspec.json.decode(msgspec.json.encode(write_part(part))) == block


def test_a_text_and_nothing() -> None:
    assert read_parts("a", "c") == [Text("a")]
    assert read_parts(None, "c") == read_parts("", "c") == []


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text"}, {"type": "image"}, {"type": "image", "source": {"type": "ftp"}},
        {"type": "tool_use", "id": "t", "name": "f"},
        {"type": "tool_result"}, {"type": "text", "text": "a", "citations": {}}, {"type": "document", "source": "x"}, "text",
    ],
)  # fmt: skip
def test_a_broken_block_is_refused_by_name(block: Any) -> None:
    with pytest.raises(Untranslatable) as caught:
        read_parts([block], "messages[1].content")
    assert str(caught.value.param).startswith("messages[1].content[0]")


def test_what_anthropic_has_no_word_for() -> None:
    assert write_part(Opaque("chat", {"type": "input_audio"})) is None
    with pytest.raises(Untranslatable, match="audio/wav"):
        write_part(Document(media_type="audio/wav", data="AA"))
    with pytest.raises(Untranslatable):
        write_part(ToolCall("c", "f", "no json"))


def test_an_image_in_a_file_is_an_image() -> None:
    written = write_part(Document(media_type="image/png", data="AA"))
    assert written == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}


def test_breakpoints_inside_a_result_are_kept() -> None:
    written = write_part(ToolResult("t", [Text("a", CACHE)]))
    assert written is not None
    assert written["content"] == [{"type": "text", "text": "a", "cache_control": CACHE}]
