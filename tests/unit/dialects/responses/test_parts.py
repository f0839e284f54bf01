from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.neutral import Document, Image, Opaque, Redacted, Text, Thinking, Untranslatable
from phantom_gateway.dialects.responses.parts import kept_of, read_parts, said_again, thought, write_part


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}, Text("a", {"type": "ephemeral"})),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"ttl": "12h"}},
            Text("a", {"type": "ephemeral", "ttl": "1h"}),
        ),
        ({"type": "output_text", "text": "a", "annotations": []}, Text("a")),
        ({"type": "refusal", "refusal": "no"}, Text("no")),
        ({"type": "input_image", "image_url": "https://x/i.png", "detail": "low"}, Image(url="https://x/i.png", detail="low")),
        ({"type": "input_image", "image_url": "data:image/png;base64,aGk="}, Image(media_type="image/png", data="aGk=")),
        ({"type": "input_image", "file_id": "file_1"}, Image(file_id="file_1")),
        ({"type": "input_file", "file_url": "https://x/f.pdf"}, Document(url="https://x/f.pdf")),
        ({"type": "input_file", "file_id": "file_1"}, Document(file_id="file_1")),
        ({"type": "input_file", "file_data": "aGk="}, Document(media_type="application/pdf", data="aGk=")),
        ({"type": "input_audio", "data": "x"}, Opaque("responses", {"type": "input_audio", "data": "x"})),
    ],
)  # fmt: skip
def test_every_kind_of_content(value: dict[str, Any], part: Any) -> None:
    assert read_parts([value], "x") == [part]


def test_texts_and_nothing() -> None:
    assert read_parts("a", "x") == [Text("a")]
    assert read_parts(None, "x") == read_parts("", "x") == []
    with pytest.raises(Untranslatable) as raised:
        read_parts([{"type": "input_text"}], "input[0].content")
    assert raised.value.param == "input[0].content[0].text"


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (Text("a"), {"type": "input_text", "text": "a"}),
        (Image(url="u"), {"type": "input_image", "detail": "auto", "image_url": "u"}),
        (Image(file_id="f", detail="low"), {"type": "input_image", "detail": "low", "file_id": "f"}),
        (Document(text="a", title="t"), {"type": "input_text", "text": "t\n\na"}),
        (Document(media_type="m/t", data="d"), {"type": "input_file", "filename": "document", "file_data": "data:m/t;base64,d"}),
        (Document(url="u", title="t"), {"type": "input_file", "file_url": "u", "filename": "t"}),
        (Document(file_id="f"), {"type": "input_file", "file_id": "f"}),
        (Opaque("chat", {}), None),
    ],
)  # fmt: skip
def test_every_kind_is_written(part: Any, value: Any) -> None:
    assert write_part(part) == value


def test_thinking_comes_back_as_what_it_was() -> None:
    for part in (Thinking("Hm.", "sig"), Redacted("hidden")):
        shown = "Hm." if isinstance(part, Thinking) else ""
        item = {"summary": [{"type": "summary_text", "text": shown}], "encrypted_content": kept_of(part)}
        assert said_again(item, "x") == part
    assert kept_of(Thinking("Hm.")) is None


def test_thinking_sealed_by_somebody_else_has_no_signature() -> None:
    item = {"summary": [], "content": [{"type": "reasoning_text", "text": "A"}], "encrypted_content": "gAAAA"}
    assert said_again(item, "x") == Thinking("A", "")
    assert thought({"summary": [{"text": "A"}, {"text": "B"}]}, "x") == "A\n\nB"
