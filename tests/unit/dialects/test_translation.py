"""One input against all formats; every split of a stream; and that no bytes whatever do more than succeed or fail by name."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.golden import ROOT, compare, names

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.neutral import Terms, Untranslatable
from phantom_gateway.dialects.translation import (
    CHAT,
    FORMATS,
    GENERATE,
    MESSAGES,
    RESPONSES,
    Format,
    TranslatingTap,
    rewritten,
)
from phantom_gateway.wire.errors import BadResponse

KEY = Secret("sk-up-canary")
MAX_EVENT = 1 << 20
ALL = (CHAT, MESSAGES, GENERATE, RESPONSES)


def tap(upstream: Format, caller: Format, wants_usage: bool = True) -> TranslatingTap:
    return TranslatingTap(upstream.reader(), caller.writer("public", 1, wants_usage, {}), MAX_EVENT, KEY)


def run(stand: TranslatingTap, pieces: list[bytes]) -> bytes:
    """What the caller gets of a stream whose response ends cleanly."""
    written = b"".join([stand.feed(piece) for piece in pieces])
    if stand.complete and not stand.done:
        stand.finish()
    return written + stand.tail


def load(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / kind / f"{name}.json").read_text())
    return found


def expected(kind: str, name: str, suffix: str = "json") -> Path:
    return ROOT / kind / f"{name}.expected.{suffix}"


@pytest.mark.parametrize("name", names("requests", ".json"))
def test_one_request_for_all_upstreams(name: str) -> None:
    case = load("requests", name)
    given_terms = case.get("terms", {})
    terms = Terms("upstream-model", **{**given_terms, "traits": frozenset(given_terms.get("traits", ()))})
    result: dict[str, Any] = {}
    for upstream in ALL:
        try:
            written = rewritten((FORMATS[case["dialect"]], upstream), case["body"], {}, terms)
        except Untranslatable as error:
            result[upstream.name] = {"refused": error.message, "param": error.param}
            continue
        body = json.loads(upstream_bytes(written.body))
        result[upstream.name] = {"body": body, "dropped": written.dropped, "renamed": written.renamed}
    compare(expected("requests", name), result)


def upstream_bytes(body: dict[str, Any]) -> bytes:
    from phantom_gateway.dialects.reading import encode

    return encode(body)


@pytest.mark.parametrize("name", names("answers", ".json"))
def test_one_answer_for_all_callers(name: str) -> None:
    case = load("answers", name)
    answer = json.dumps(case["body"]).encode()
    result = {
        caller.name: json.loads(caller.write_answer(FORMATS[case["dialect"]].read_answer(answer), "public", 1, {}))
        for caller in ALL
    }
    compare(expected("answers", name), result)


@pytest.mark.parametrize("name", names("streams", ".sse"))
def test_one_stream_for_all_callers(name: str) -> None:
    data = (ROOT / "streams" / f"{name}.sse").read_bytes()
    upstream = FORMATS[name.partition("_")[0]]
    for caller in ALL:
        whole = run(tap(upstream, caller), [data])
        compare(expected("streams", f"{name}.{caller.name}", "sse"), whole.decode())


@pytest.mark.parametrize("name", names("streams", ".sse"))
def test_every_split_of_a_stream_gives_the_same(name: str) -> None:
    data = (ROOT / "streams" / f"{name}.sse").read_bytes()
    upstream = FORMATS[name.partition("_")[0]]
    whole = run(tap(upstream, CHAT), [data])
    for cut in range(1, len(data)):
        assert run(tap(upstream, CHAT), [data[:cut], data[cut:]]) == whole, cut


@pytest.mark.parametrize("name", names("streams", ".sse"))
@pytest.mark.parametrize("caller", ALL, ids=lambda each: each.name)
def test_single_bytes_and_other_line_ends_give_the_same(name: str, caller: Format) -> None:
    data = (ROOT / "streams" / f"{name}.sse").read_bytes()
    upstream = FORMATS[name.partition("_")[0]]
    whole = run(tap(upstream, caller), [data])
    assert run(tap(upstream, caller), [bytes([byte]) for byte in data]) == whole
    assert run(tap(upstream, caller), [data.replace(b"\n", b"\r\n")]) == whole
    for cut in range(1, len(data), 7):
        assert run(tap(upstream, caller), [data[:cut], data[cut:]]) == whole, cut


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES, RESPONSES], ids=lambda each: each.name)
def test_what_is_held_back_is_the_end(upstream: Format) -> None:
    data = (ROOT / "streams" / f"{upstream.name}_all.sse").read_bytes()
    stand = tap(upstream, CHAT)
    before = stand.feed(data)
    assert stand.done
    assert b'"finish_reason":"tool_calls"' in before
    assert stand.tail == b"data: [DONE]\n\n"
    stand.feed(b'data: {"choices":[{"index":0,"delta":{"content":"behind the end"}}]}\n\n')
    assert stand.tail == b"data: [DONE]\n\n"


def test_the_end_of_an_answer_without_markers_comes_with_the_end_of_the_response() -> None:
    data = (ROOT / "streams" / "generate_all.sse").read_bytes()
    stand = tap(GENERATE, CHAT)
    before = stand.feed(data)
    assert stand.complete
    assert not stand.done
    assert b'"finish_reason":"' not in before
    stand.finish()
    assert b'"finish_reason":"tool_calls"' in stand.tail
    assert stand.tail.endswith(b"data: [DONE]\n\n")
    assert run(tap(GENERATE, MESSAGES), [data]).count(b"event: message_stop") == 1
    cut = data[: data.rindex(b"data: ")]
    assert b"[DONE]" not in run(tap(GENERATE, CHAT), [cut])


def test_the_end_is_never_invented_for_a_stream_that_breaks() -> None:
    data = (ROOT / "streams" / "messages_all.sse").read_bytes()
    cut = data[: data.index(b"event: message_delta")]
    for caller in ALL:
        stand = tap(MESSAGES, caller)
        written = run(stand, [cut])
        assert not stand.complete
        assert b"[DONE]" not in written
        assert b"message_stop" not in written
        assert b'stop_reason":"' not in written
        assert stand.produced() >= 8


def test_an_answer_without_end_marker_gets_the_end_callers_wait_for() -> None:
    data = (ROOT / "streams" / "chat_no_marker.sse").read_bytes()
    assert run(tap(CHAT, MESSAGES), [data]).endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert b"[DONE]" not in run(tap(CHAT, CHAT), [data])
    stopped = (ROOT / "streams" / "messages_all.sse").read_bytes().rpartition(b"event: message_stop")[0]
    assert b"[DONE]" not in run(tap(MESSAGES, CHAT), [stopped])
    assert b'"finish_reason":"tool_calls"' in run(tap(MESSAGES, CHAT), [stopped])


def test_an_error_inside_is_told_without_the_upstreams_key() -> None:
    for upstream in ALL:
        data = (ROOT / "streams" / f"{upstream.name}_error.sse").read_bytes()
        for caller in ALL:
            stand = tap(upstream, caller)
            written = run(stand, [data])
            assert stand.error is not None
            assert b"canary" not in written
            assert b"[key]" in written


def test_what_cannot_be_read_ends_the_stream() -> None:
    for upstream in ALL:
        with pytest.raises(BadResponse):
            tap(upstream, CHAT).feed(b"data: {half\n\n")
    with pytest.raises(BadResponse):
        tap(CHAT, MESSAGES).feed(b"data: " + b"x" * MAX_EVENT)


def test_defaults_reach_those_who_speak_another_language() -> None:
    asked = {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    defaults = {"temperature": 1, "stop": ["A"], "max_tokens": 7, "seed": 3, "safety_settings": []}
    body = rewritten((MESSAGES, GENERATE), asked, defaults, Terms("up")).body
    assert body["generationConfig"] == {"maxOutputTokens": 9, "temperature": 1, "stopSequences": ["A"], "seed": 3}
    assert body["safetySettings"] == []


def test_usage_is_shown_in_a_chat_only_when_asked_for() -> None:
    data = (ROOT / "streams" / "messages_all.sse").read_bytes()
    assert b'"usage"' not in run(tap(MESSAGES, CHAT, wants_usage=False), [data])
    stand = tap(MESSAGES, CHAT)
    assert b'"prompt_tokens":60' in run(stand, [data])
    assert stand.usage == {
        "input_tokens": 10, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 20, "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 12},
    }  # fmt: skip


def test_defaults_of_the_deployment_are_in_openais_words() -> None:
    chat = {"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": 0}
    defaults = {"temperature": 1, "stop": ["A"], "max_completion_tokens": 7}
    written = rewritten((CHAT, MESSAGES), chat, defaults, Terms("up")).body
    assert (written["temperature"], written["stop_sequences"], written["max_tokens"]) == (0, ["A"], 7)
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    written = rewritten((MESSAGES, CHAT), asked, {"stop": ["A"], "max_tokens": 7}, Terms("up")).body
    assert (written["stop"], written["max_tokens"]) == (["A"], 9)


# --- any bytes: success or one named error

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
words = st.sampled_from(
    ["type", "text", "role", "user", "assistant", "system", "tool", "content", "image_url", "url", "source", "base64", "data",
     "tool_calls", "function", "name", "arguments", "id", "output_text", "input_image", "reasoning", "summary", "function_call",
     "call_id", "output", "item", "response", "encrypted_content", "custom", "format", "tools", "mode",
     "tool_use", "tool_result", "input", "thinking", "signature", "index",
     "delta", "choices", "usage", "error", "message", "file", "document", "citations", "json_schema", "enabled", "none",
     "parts", "functionCall", "functionResponse", "args", "inlineData", "inline_data", "fileData", "mimeType",
     "fileUri", "thought", "thoughtSignature", "model", "candidates", "finishReason", "STOP", "usageMetadata", "web", "uri"]
)  # fmt: skip
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5),
    max_leaves=10,
)
FIELDS = ("messages", "tools", "tool_choice", "response_format", "stop", "system", "thinking", "output_config", "max_tokens",
          "input", "instructions", "text", "reasoning", "include", "previous_response_id", "stop_sequences", "metadata",
          "reasoning_effort", "parallel_tool_calls", "cache_control", "temperature", "n",
          "generationConfig", "generation_config", "systemInstruction", "toolConfig", "safetySettings", "logprobs",
          "modalities")  # fmt: skip
roles = st.sampled_from(["user", "assistant", "system", "tool", "developer", "model"])
parts = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["text", "image_url", "file", "image", "document", "tool_use", "tool_result", "thinking"]
            )
        },
        optional=dict.fromkeys(
            (
                "text",
                "image_url",
                "file",
                "source",
                "id",
                "name",
                "input",
                "content",
                "tool_use_id",
                "functionCall",
                "functionResponse",
                "inlineData",
                "fileData",
                "thought",
                "thoughtSignature",
            ),
            values,
        ),
    ),
    max_size=3,
)
turns = st.lists(
    st.fixed_dictionaries(
        {"role": roles, "content": st.text(max_size=8) | parts | values},
        optional={"tool_calls": values, "tool_call_id": st.text(max_size=3), "thinking_blocks": values, "parts": parts},
    ),
    max_size=4,
)


DEFAULTS = {"temperature": 1, "response_format": {"type": "json_object"}, "reasoning_effort": "low", "stop": ["x"]}
input_items = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["message", "reasoning", "function_call", "custom_tool_call", "function_call_output", "item_reference",
                 "web_search_call", "custom_tool_call_output"]
            )
        },
        optional={"role": roles} | dict.fromkeys(
            ("content", "summary", "encrypted_content", "call_id", "name", "arguments", "input", "output"), values
        ),
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    body=st.dictionaries(st.sampled_from(FIELDS), values, max_size=6),
    messages=turns,
    items=input_items,
    asked=st.sampled_from(ALL),
)
def test_any_request_is_written_or_refused_by_name(
    body: dict[str, Any], messages: Any, items: Any, asked: Format
) -> None:
    for upstream in ALL:
        with suppress(Untranslatable):
            said = {"messages": messages, "contents": messages}
            upstream_bytes(rewritten((asked, upstream), body | said, {}, Terms("gemini-3-up")).body)
        with suppress(Untranslatable):
            upstream_bytes(rewritten((asked, upstream), body | {"input": items}, DEFAULTS, Terms("up")).body)


@settings(max_examples=150, deadline=None)
@given(answer=values | st.dictionaries(words, values), upstream=st.sampled_from(ALL))
def test_any_answer_is_translated_or_refused_by_name(answer: Any, upstream: Format) -> None:
    shaped = {
        "chat": {"id": "x", "choices": [{"message": answer}], "usage": answer},
        "messages": {"id": "x", "content": [answer], "usage": answer},
        "generate": {
            "candidates": [{"content": {"parts": [answer]}, "groundingMetadata": answer}],
            "usageMetadata": answer,
        },
        "responses": {"id": "x", "output": [answer], "usage": answer, "incomplete_details": answer},
    }
    for body in (answer, shaped[upstream.name]):
        for caller in ALL:
            with suppress(Untranslatable):
                caller.write_answer(upstream.read_answer(json.dumps(body).encode()), "public", 1, {})


@settings(max_examples=150, deadline=None)
@given(
    events=st.lists(
        st.binary(max_size=20)
        | values.map(lambda value: json.dumps(value).encode())
        | st.dictionaries(words, values, max_size=4).map(lambda value: json.dumps(value).encode())
        | st.sampled_from([b"[DONE]", b'{"type":"message_stop"}', b'{"choices":[{"delta":{"content":"a"}}]}'])
        | values.map(lambda value: json.dumps({"choices": [{"delta": value, "finish_reason": "stop"}]}).encode())
        | values.map(lambda value: json.dumps({"candidates": [{"content": {"parts": [value]}}]}).encode())
        | values.map(lambda value: json.dumps({"type": "content_block_start", "content_block": value}).encode())
        | values.map(lambda value: json.dumps({"type": "content_block_delta", "delta": value}).encode())
        | st.tuples(
            st.sampled_from(
                [
                    "created",
                    "output_item.added",
                    "output_item.done",
                    "content_part.added",
                    "output_text.delta",
                    "completed",
                    "function_call_arguments.delta",
                    "reasoning_summary_part.added",
                    "reasoning_summary_text.delta",
                    "failed",
                ]
            ),
            values,
        ).map(
            lambda pair: json.dumps(
                {"type": f"response.{pair[0]}"} | dict.fromkeys(("item", "part", "delta", "response"), pair[1])
            ).encode()
        ),
        max_size=6,
    ),
    upstream=st.sampled_from(ALL),
    caller=st.sampled_from(ALL),
)
def test_any_stream_is_translated_or_refused_by_name(events: list[bytes], upstream: Format, caller: Format) -> None:
    stand = tap(upstream, caller)
    with suppress(BadResponse):
        run(stand, [b"data: " + event + b"\n\n" for event in events])
    assert stand.produced() >= 0
