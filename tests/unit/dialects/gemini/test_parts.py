from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from phantom_gateway.dialects.gemini.parts import (
    FILES,
    Calls,
    attach,
    called,
    own_signature,
    read_parts,
    write_part,
    write_result,
    write_thought,
)
from phantom_gateway.dialects.neutral import (
    Document,
    Image,
    Opaque,
    Part,
    Redacted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Untranslatable,
)


def read(*parts: dict[str, Any]) -> list[Part]:
    return read_parts(list(parts), "parts", Calls())


@pytest.mark.parametrize(
    "part",
    [
        {"text": "a"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://e.com/a.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://e.com/a.pdf", "mimeType": "application/pdf"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ],
)
def test_what_is_read_can_be_written(part: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(write_part(read(part)[0]))) == part


def test_calls_get_ids_and_results_find_them() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    calls = Calls("c_")
    asked = read_parts([call, call, {"functionCall": {"id": "own", "name": "g"}}], "p", calls)
    assert [part.id for part in asked if isinstance(part, ToolCall)] == ["c_0", "c_1", "own"]
    answers = [
        {"functionResponse": {"name": "f", "response": {"output": "x"}}},
        {"functionResponse": {"id": "own", "name": "g", "response": {"error": "no"}}},
        {"functionResponse": {"name": "f", "response": {"a": 1}}},
    ]
    assert read_parts(answers, "p", calls) == [
        ToolResult("c_0", [Text("x")]),
        ToolResult("own", [Text("no")], is_error=True),
        ToolResult("c_1", [Text('{"a":1}')]),
    ]
    with pytest.raises(Untranslatable, match="not made"):
        read_parts([answers[0]], "p", calls)
    assert calls.answered("f", "theirs", "p") == "theirs"
    own = calls.called("h", "")
    assert calls.answered("h", "theirs", "p") == own


def test_a_signature_belongs_to_the_thought_before_the_call() -> None:
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    thought = {"text": "Hm", "thought": True}
    assert read(thought, call)[0] == Thinking("Hm", "gemini:c2ln")
    assert read({"text": "a"}, call)[1] == Thinking("", "gemini:c2ln")
    assert read({"text": "a", "thoughtSignature": "c2ln"}, {"text": "", "thoughtSignature": "c2ln"}) == [Text("a")]
    parts: list[Part] = [Thinking("a", "s")]
    attach(parts, "t")
    assert parts == [Thinking("a", "s"), Thinking("", "t")]
    assert own_signature(Thinking("", "gemini:c2ln")) == "c2ln"
    assert own_signature(Thinking("", "anthropics")) == ""


def test_thoughts_of_others_come_back() -> None:
    for part in (Thinking("Hm", "sig="), Redacted("xyz"), Thinking("Hm")):
        assert read(write_thought(part)) == [part]


def test_media() -> None:
    assert read({"inline_data": {"mime_type": "text/plain", "data": "YQ"}}) == [
        Document(text="a", media_type="text/plain")
    ]
    assert read({"inlineData": {"mimeType": "image/png", "data": "-_A"}}) == [
        Image(media_type="image/png", data="+/A=")
    ]
    assert write_part(Document(text="a", title="T")) == {"text": "T\n\na"}
    assert write_part(Image(file_id="files/1")) == {"fileData": {"fileUri": FILES + "files/1"}}
    assert write_part(Image(file_id="file-1")) is None
    assert write_part(Image(url="https://e.com/a.jpg?x=1")) == {
        "fileData": {"fileUri": "https://e.com/a.jpg?x=1", "mimeType": "image/jpeg"}
    }
    with pytest.raises(Untranslatable, match="base64"):
        read({"inlineData": {"mimeType": "text/plain", "data": "%"}})


def test_results_are_objects() -> None:
    def response(*parts: Part, is_error: bool = False) -> tuple[Any, list[Part]]:
        written, seen = write_result(ToolResult("c", list(parts), is_error=is_error), "f")
        return json.loads(msgspec.json.encode(written["functionResponse"]["response"])), seen

    assert response(Text("a"), Text("b")) == ({"output": "a\n\nb"}, [])
    assert response(Text(' {"a": 1}')) == ({"a": 1}, [])
    assert response(Text("{a}")) == ({"output": "{a}"}, [])
    assert response(Text('{"a": 1}'), is_error=True) == ({"error": '{"a": 1}'}, [])
    image = Image(media_type="image/png", data="AA")
    assert response(image) == ({"output": "See the attachment that follows."}, [image])


def test_arguments_are_objects() -> None:
    assert json.loads(msgspec.json.encode(called(ToolCall("c", "f", ""), "g"))) == {"id": "c", "name": "g", "args": {}}
    with pytest.raises(Untranslatable):
        called(ToolCall("c", "f", "[1]"), "g")
    assert write_part(Opaque("chat", {"type": "x"})) is None
