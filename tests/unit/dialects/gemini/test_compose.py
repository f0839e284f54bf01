from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.gemini.compose import UNSIGNED, write_request
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Part,
    Settings,
    Structure,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
    Written,
)

HELLO = Message("user", [Text("hello")])


def written(*messages: Message, model: str = "gemini-2.5-flash", drop: bool = False, **fields: Any) -> Written:
    return write_request(Ask(list(messages) or [HELLO], **fields), Terms(model, drop=drop))


def test_an_instruction_alone_is_what_is_asked() -> None:
    system = Message("system", [Text("Be."), Text("")])
    assert written(system).body == {"contents": [{"role": "user", "parts": [{"text": "Be."}]}]}
    assert written(system, HELLO).body["systemInstruction"] == {"parts": [{"text": "Be."}]}


def test_turns_are_taken_together_and_empty_ones_left_out() -> None:
    body = written(HELLO, HELLO, Message("assistant", [Text("")]), HELLO).body
    hello = {"text": "hello"}
    assert body["contents"] == [{"role": "user", "parts": [hello, hello]}, {"role": "user", "parts": [hello]}]


def test_a_call_of_nobody_has_the_word_for_it_where_one_is_wanted() -> None:
    calls: list[Part] = [ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")]
    answers = Message("user", [ToolResult("b", [Text("2")]), ToolResult("a", [Text("1")]), Text("go on")])
    turns = written(HELLO, Message("assistant", calls), answers, model="gemini-3-pro").body["contents"]
    assert [part.get("thoughtSignature") for part in turns[1]["parts"]] == [UNSIGNED, None]
    assert [part["functionResponse"]["id"] for part in turns[2]["parts"]] == ["a", "b"]
    assert turns[3] == {"role": "user", "parts": [{"text": "go on"}]}
    old = written(HELLO, Message("assistant", calls), answers).body["contents"]
    assert "thoughtSignature" not in old[1]["parts"][0]
    own = Message("assistant", [Thinking("", "gemini:x"), Thinking("", "gemini:y"), *calls])
    turns = written(HELLO, own, answers, model="gemini-3-pro").body["contents"]
    assert [part["thoughtSignature"] for part in turns[1]["parts"]] == ["x", "y"]


def test_results_of_unknown_calls_are_refused() -> None:
    with pytest.raises(Untranslatable, match="not made"):
        written(Message("user", [ToolResult("x", [])]))


def test_thinking_of_others_is_left_out_and_named() -> None:
    result = written(HELLO, Message("assistant", [Thinking("a", "anthropics"), Text("b")]))
    assert result.body["contents"][1] == {"role": "model", "parts": [{"text": "b"}]}
    assert result.dropped == ["messages.thinking"]


def test_tools() -> None:
    tools = [
        Tool("plain", "d", {"type": "object", "properties": {}}),
        Tool("9 lives", schema={"type": "object", "properties": {"a": {"type": "string"}}}),
        Opaque("chat", {"google_search": {}}),
        Opaque("messages", {"type": "web_search_20250305", "name": "web_search"}),
        Opaque("chat", {"type": "custom"}),
    ]
    result = written(tools=tools, settings=Settings(choice=Choice("required")))
    declared = result.body["tools"][0]["functionDeclarations"]
    assert declared[0] == {"name": "plain", "description": "d"}
    assert result.renamed == {declared[1]["name"]: "9 lives"}
    assert declared[1]["name"].startswith("_9_lives_")
    assert result.body["tools"][1:] == [{"googleSearch": {}}, {"googleSearch": {}}]
    assert result.dropped == ["tools.custom"]
    assert result.body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    kinds = {"auto": "AUTO", "none": "NONE"}
    for kind, mode in kinds.items():
        body = written(tools=tools[:1], settings=Settings(choice=Choice(kind))).body  # type: ignore[arg-type]
        assert body["toolConfig"]["functionCallingConfig"] == {"mode": mode}
    assert "toolConfig" not in written(tools=tools[2:3], settings=Settings(choice=Choice("required"))).body


def test_structured_answers() -> None:
    config = written(settings=Settings(structure=Structure())).body["generationConfig"]
    assert config == {"responseMimeType": "application/json"}
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}}
    config = written(settings=Settings(structure=Structure(tree))).body["generationConfig"]
    assert config["responseJsonSchema"] == tree


def test_what_others_have_and_google_has_not() -> None:
    result = written(extra={"metadata": {"a": 1}, "logit_bias": {}, "store": None, "own_field": 5})
    assert written(extra={"n": 2}).body["generationConfig"] == {"candidateCount": 2}
    assert result.dropped == ["metadata"]
    assert result.body["own_field"] == 5
    for name, value in (("n", 2), ("logit_bias", {"1": 2}), ("functions", [{}])):
        with pytest.raises(Untranslatable, match="not supported"):
            written(extra={name: value}, stream=True)
        assert written(extra={name: value}, drop=True, stream=True).dropped == [name]
    assert "tools" in written(extra={"web_search_options": {}}).body


def test_fields_in_googles_words_go_on() -> None:
    extra = {"generation_config": {"media_resolution": "MEDIA_RESOLUTION_LOW"}, "cached_content": "c", "toolConfig": {}}
    body = written(extra=extra, settings=Settings(max_tokens=3)).body
    assert body["generationConfig"] == {"maxOutputTokens": 3, "mediaResolution": "MEDIA_RESOLUTION_LOW"}
    assert body["cachedContent"] == "c"


def test_breakpoints_and_users_are_named() -> None:
    message = Message("user", [Text("a", {"type": "ephemeral"})])
    assert written(message, settings=Settings(user="u", parallel=False)).dropped == ["cache_control", "user"]
