from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.gemini.request import read_request
from phantom_gateway.dialects.neutral import Ask, Choice, Image, Message, Opaque, Structure, Text, Untranslatable


def read(**fields: Any) -> Ask:
    return read_request({"contents": [{"parts": [{"text": "a"}]}]} | fields)


def configured(**fields: Any) -> Ask:
    return read(generationConfig=fields)


def test_contents() -> None:
    assert read().messages == [Message("user", [Text("a")])]
    assert read(contents={"role": "user", "parts": [{"text": "b"}]}).messages == [Message("user", [Text("b")])]
    turns = [{"role": "model", "parts": [{"text": "b"}]}, {"role": "function", "parts": []}, {"role": "system"}]
    assert [message.role for message in read(contents=turns).messages] == ["assistant", "user", "system"]
    assert read(systemInstruction="Be.").messages[0] == Message("system", [Text("Be.")])
    with pytest.raises(Untranslatable, match=r"contents\[0\].role"):
        read(contents=[{"role": "assistant", "parts": []}])
    with pytest.raises(Untranslatable, match="contents"):
        read_request({})


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({}, None), ({"thinkingBudget": 0}, "none"), ({"thinkingBudget": -1}, "medium"), ({"thinking_budget": 1024}, "low"),
        ({"thinkingBudget": 8192}, "medium"), ({"thinkingBudget": 9000}, "high"), ({"thinkingLevel": "LOW"}, "low"),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None), ({"includeThoughts": True}, None),
    ],
)  # fmt: skip
def test_thinking(thinking: dict[str, Any], effort: str | None) -> None:
    assert configured(thinkingConfig=thinking).settings.effort == effort


def test_structured_answers() -> None:
    assert configured(responseMimeType="application/json").settings.structure == Structure()
    assert configured(responseMimeType="text/plain").settings.structure is None
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    plain = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert configured(responseSchema=schema).settings.structure == Structure(plain, strict=False)
    for name in ("responseJsonSchema", "_responseJsonSchema", "response_json_schema"):
        assert configured(**{name: plain}).settings.structure == Structure(plain, strict=False)
    with pytest.raises(Untranslatable, match="responseMimeType"):
        configured(responseMimeType="text/x.enum")


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, Choice("auto")),
        ({"mode": "any"}, Choice("required")),
        ({"mode": "NONE"}, Choice("none")),
        ({"mode": "ANY", "allowed_function_names": ["f"]}, Choice("named", "f")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, Choice("required")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, Choice("auto")),
        ({}, None),
    ],
)
def test_choices(calling: dict[str, Any], choice: Choice | None) -> None:
    assert read(tool_config={"function_calling_config": calling}).settings.choice == choice


def test_what_others_have_has_their_names() -> None:
    ask = configured(
        presencePenalty=1, frequencyPenalty=0.5, seed=3, responseLogprobs=True, logprobs=2, responseModalities=["TEXT", "IMAGE"],
        speechConfig={},
    )  # fmt: skip
    assert ask.extra == {
        "presence_penalty": 1, "frequency_penalty": 0.5, "seed": 3, "logprobs": True, "top_logprobs": 2,
        "modalities": ["text", "image"], "speechConfig": {},
    }  # fmt: skip
    assert configured(responseModalities=["TEXT"], logprobs=2).extra == {}
    assert read(safetySettings=[], cached_content="c").extra == {"safetySettings": [], "cachedContent": "c"}
    assert read(stream=True).stream


def test_tools() -> None:
    tools = read(tools=[{"function_declarations": [{"name": "f"}]}, {"urlContext": {}, "googleSearch": {}}]).tools
    assert [getattr(tool, "name", None) or getattr(tool, "kind", None) for tool in tools] == [
        "f",
        "urlContext",
        "googleSearch",
    ]
    assert isinstance(tools[1], Opaque)


def test_several_candidates_are_several_choices_but_not_in_a_stream() -> None:
    assert configured(candidateCount=2).extra == {"n": 2}
    assert configured(candidateCount=1).extra == {}
    with pytest.raises(Untranslatable, match="candidateCount"):
        read(generationConfig={"candidateCount": 2}, stream=True)


def test_media() -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    assert read(contents=[{"parts": parts}]).messages[0].parts == [Image(media_type="image/png", data="AAAA")]
