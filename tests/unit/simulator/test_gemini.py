from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.simulator import gemini
from phantom_gateway.simulator.answers import ABSURD, Answer
from phantom_gateway.simulator.desk import Desk
from phantom_gateway.simulator.modes import MODES, build
from phantom_gateway.simulator.reading import BadRequestError, read

HELLO = [{"role": "user", "parts": [{"text": "hello there"}]}]
TOOLS = [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}, "required": ["a"]}}]}]  # fmt: skip  # noqa: E501


def answer(stream: bool = False, model: str = "gemini-2.5-flash", **fields: Any) -> Answer:
    ask = read(json.dumps({"contents": HELLO} | fields).encode(), "", model)
    return gemini.stream(ask) if stream else gemini.generate(ask)


def shown(**fields: Any) -> Any:
    return json.loads(answer(**fields).body)


def parts(**fields: Any) -> Any:
    return shown(**fields)["candidates"][0]["content"]["parts"]


def events(**fields: Any) -> list[Any]:
    return [json.loads(event.data) for event in answer(stream=True, **fields).events]


def test_an_answer() -> None:
    whole = shown(simulate={"chunks": 3})
    assert whole["candidates"][0]["finishReason"] == "STOP"
    assert len(whole["candidates"][0]["content"]["parts"][0]["text"].split()) == 3
    assert whole["usageMetadata"] == {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
    cut = shown(generationConfig={"maxOutputTokens": 2}, simulate={"chunks": 3})
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_a_stream_says_the_same() -> None:
    said = events(simulate={"chunks": 3})
    assert len(said) == 4
    text = "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in said)
    assert text == parts(simulate={"chunks": 3})[0]["text"]
    assert said[0]["usageMetadata"] == {"promptTokenCount": 5, "totalTokenCount": 5}
    assert said[-1]["candidates"][0]["finishReason"] == "STOP"
    assert said[-1]["usageMetadata"]["candidatesTokenCount"] == 3


def test_thoughts_and_functions() -> None:
    config = {"thinkingConfig": {"includeThoughts": True}}
    thought, called = parts(contents=[{"parts": [{"text": "call f"}]}], tools=TOOLS, generationConfig=config)
    assert thought["thought"] is True
    assert called["functionCall"] == {"name": "f", "args": {"a": 0}}
    back = [{"parts": [{"text": "call f"}]}, {"role": "model", "parts": [thought, called]}]
    result = {"parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]}
    assert "text" in parts(contents=[*back, result], tools=TOOLS, model="gemini-3-flash")[0]
    with pytest.raises(BadRequestError):
        answer(contents=back + HELLO, tools=TOOLS)
    streamed = events(contents=[{"parts": [{"text": "call f"}]}], tools=TOOLS, generationConfig=config)
    assert len(streamed) == len(gemini.THOUGHT) + 2
    calling = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    assert "functionCall" in parts(tools=TOOLS, toolConfig=calling)[0]
    assert "text" in parts(tools=TOOLS, toolConfig={"functionCallingConfig": {"mode": "NONE"}})[0]


def test_structured_answers_sources_and_images() -> None:
    config = {
        "responseMimeType": "application/json",
        "responseSchema": TOOLS[0]["functionDeclarations"][0]["parameters"],
    }
    assert parts(generationConfig=config) == [{"text": '{"a":0}'}]
    assert parts(generationConfig={"responseMimeType": "application/json"}) == [{"text": '{"demo":true}'}]
    found = shown(tools=[{"googleSearch": {}}])["candidates"][0]["groundingMetadata"]
    assert found["groundingChunks"][0]["web"]["uri"].startswith("https://")
    drawn = shown(generationConfig={"responseModalities": ["TEXT", "IMAGE"]})
    assert drawn["candidates"][0]["content"]["parts"][1]["inlineData"]["mimeType"] == "image/png"
    assert drawn["usageMetadata"]["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 1290}]
    likely = shown(generationConfig={"responseLogprobs": True}, simulate={"chunks": 2})["candidates"][0][
        "logprobsResult"
    ]
    assert len(likely["chosenCandidates"]) == 2
    assert len(shown(generationConfig={"candidateCount": 2})["candidates"]) == 2


def test_usage() -> None:
    assert "usageMetadata" not in shown(simulate={"usage": "off"})
    assert shown(simulate={"usage": "negative"})["usageMetadata"]["promptTokenCount"] < 0
    assert shown(simulate={"usage": "absurd"})["usageMetadata"]["promptTokenCount"] == ABSURD
    usage = shown(simulate={"cached_tokens": 2, "reasoning_tokens": 3, "completion_tokens": 9})["usageMetadata"]
    assert (usage["cachedContentTokenCount"], usage["thoughtsTokenCount"], usage["candidatesTokenCount"]) == (2, 3, 6)
    media = [{"parts": [{"inline_data": {"mime_type": "audio/wav", "data": ""}}, {"text": "a"}]}]
    assert {"modality": "AUDIO", "tokenCount": 32} in shown(contents=media)["usageMetadata"]["promptTokensDetails"]
    ask = read(json.dumps({"generateContentRequest": {"contents": HELLO}}).encode(), "", "m")
    assert json.loads(gemini.count_tokens(ask).body) == {"totalTokens": 5}


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("stream", [False, True])
def test_every_mode_has_a_script(mode: str, stream: bool) -> None:
    made = read(
        json.dumps({"contents": HELLO, "simulate": {"mode": mode, "size": 1000, "chunks": 6}}).encode(), "", "m"
    )
    script = build(made, answer(stream, simulate={"chunks": 6}))
    assert b"[DONE]" not in b"".join(piece.data for piece in script.pieces)


def test_paths_and_errors() -> None:
    assert gemini.find("/v1beta/models/a%2Fb:streamGenerateContent") == (gemini.stream, "a/b")
    for path in ("/v1beta/models/a", "/v1/models/a:generateContent", "/v1beta/models/a:x", "/v1beta/models/:"):
        assert gemini.find(path) is None
    desk = Desk()
    script, _ = desk.receive(b"POST", b"/v1beta/models/m:generateContent", [], b'{"x":1}', b"")
    assert json.loads(script.pieces[0].data.partition(b"\r\n\r\n")[2])["error"]["status"] == "INVALID_ARGUMENT"
    script, _ = desk.receive(b"GET", b"/v1beta/models", [], b"", b"")
    assert b'"models/demo"' in script.pieces[0].data
    assert json.loads(gemini.error(529, "m"))["error"]["status"] == "UNAVAILABLE"
    assert json.loads(gemini.error(500, "m"))["error"]["status"] == "INTERNAL"
