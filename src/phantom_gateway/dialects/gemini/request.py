"""Requests to ``generateContent``: into the neutral form (Google's API reference, read November 2026; google-genai 1.x)."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini.parts import Calls, read_parts
from phantom_gateway.dialects.gemini.schema import from_gemini
from phantom_gateway.dialects.gemini.spelling import NAME, fields, optional_fields
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Settings,
    Structure,
    Tool,
    Untranslatable,
)

LOW, MEDIUM = 1024, 8192
"""Tokens of thinking up to which the effort counts as low, and as medium: Google's own table for OpenAI's efforts."""
_READ = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "stream", "model"})
_CONFIG = frozenset(
    {"maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "thinkingConfig", "responseSchema",
     "responseJsonSchema", "_responseJsonSchema", "responseMimeType", "presencePenalty", "frequencyPenalty", "seed",
     "responseLogprobs", "logprobs", "candidateCount", "responseModalities"}
)  # fmt: skip
_EFFORTS = ("minimal", "low", "medium", "high")


def read_request(body: dict[str, Any]) -> Ask:
    """The request in the neutral form; ``stream`` stands beside Google's fields, because there it is said by the path.

    Raises Untranslatable.
    """
    given = fields(body, "request")
    config = optional_fields(given.get("generationConfig"), "generationConfig")
    messages = _messages(given)
    tools: list[Tool | Opaque] = []
    for index, value in enumerate(read.items(given.get("tools") or [], "tools")):
        tools += _tools(value, f"tools[{index}]")
    settings = _settings(config)
    settings.choice = _choice(given.get("toolConfig"))
    extra = _extra(config)
    if "n" in extra and given.get("stream") is True:
        where = "generationConfig.candidateCount"
        raise Untranslatable(f"'{where}' must be 1 for a stream of this model.", where)
    extra |= {name: value for name, value in given.items() if name not in _READ}
    return Ask(messages, tools, settings, stream=given.get("stream") is True, extra=extra)


def _messages(given: dict[str, Any]) -> list[Message]:
    messages = []
    calls = Calls()
    if "systemInstruction" in given:
        system = given["systemInstruction"]
        parts = (
            [{"text": system}] if isinstance(system, str) else fields(system, "systemInstruction").get("parts") or []
        )
        messages.append(Message("system", read_parts(parts, "systemInstruction.parts", calls)))
    contents = given.get("contents")
    if isinstance(contents, dict):
        contents = [contents]
    for index, value in enumerate(read.items(contents, "contents")):
        where = f"contents[{index}]"
        content = fields(value, where)
        role = content.get("role", "user")
        if role not in ("user", "model", "function", "system"):
            raise Untranslatable(f"'{where}.role' must be user or model.", f"{where}.role")
        spoken = read_parts(content.get("parts") or [], f"{where}.parts", calls)
        messages.append(Message("assistant" if role == "model" else "system" if role == "system" else "user", spoken))
    return messages


def _settings(config: dict[str, Any]) -> Settings:
    where = "generationConfig"
    stop = config.get("stopSequences")
    return Settings(
        max_tokens=read.whole(config.get("maxOutputTokens"), f"{where}.maxOutputTokens"),
        temperature=read.number(config.get("temperature"), f"{where}.temperature"),
        top_p=read.number(config.get("topP"), f"{where}.topP"),
        top_k=read.whole(config.get("topK"), f"{where}.topK"),
        stop=None
        if stop is None
        else [read.text(each, f"{where}.stopSequences") for each in read.items(stop, f"{where}.stopSequences")],
        effort=_effort(optional_fields(config.get("thinkingConfig"), f"{where}.thinkingConfig")),
        structure=_structure(config),
    )


def _effort(thinking: dict[str, Any]) -> str | None:
    where = "generationConfig.thinkingConfig"
    level = read.optional_text(thinking.get("thinkingLevel"), f"{where}.thinkingLevel").lower()
    if level in _EFFORTS:
        return level
    budget = read.whole(thinking.get("thinkingBudget"), f"{where}.thinkingBudget")
    if budget is None:
        return None
    if budget <= 0:
        return "medium" if budget else "none"
    return "low" if budget <= LOW else "medium" if budget <= MEDIUM else "high"


def _structure(config: dict[str, Any]) -> Structure | None:
    for name in ("responseJsonSchema", "_responseJsonSchema"):
        if name in config:
            return Structure(read.table(config[name], f"generationConfig.{name}"), strict=False)
    if "responseSchema" in config:
        return Structure(from_gemini(config["responseSchema"]), strict=False)
    kind = config.get("responseMimeType")
    if kind == "application/json":
        return Structure()
    if kind in (None, "text/plain"):
        return None
    raise Untranslatable(
        "'generationConfig.responseMimeType' must be text/plain or application/json for this model.",
        "generationConfig.responseMimeType",
    )


def _extra(config: dict[str, Any]) -> dict[str, Any]:
    """What others have too, under OpenAI's names, and what only Google has, as it came."""
    extra = {name: value for name, value in config.items() if name not in _CONFIG}
    if (read.whole(config.get("candidateCount"), "generationConfig.candidateCount") or 1) > 1:
        extra["n"] = config["candidateCount"]
    for own, common in (("presencePenalty", "presence_penalty"), ("frequencyPenalty", "frequency_penalty")):
        if own in config:
            extra[common] = read.number(config[own], f"generationConfig.{own}")
    if "seed" in config:
        extra["seed"] = read.whole(config["seed"], "generationConfig.seed")
    if read.truth(config.get("responseLogprobs"), "generationConfig.responseLogprobs"):
        extra["logprobs"] = True
        if (most := read.whole(config.get("logprobs"), "generationConfig.logprobs")) is not None:
            extra["top_logprobs"] = most
    kinds = [
        read.text(kind, "generationConfig.responseModalities").lower()
        for kind in read.items(config.get("responseModalities") or [], "generationConfig.responseModalities")
    ]
    if kinds and kinds != ["text"]:
        extra["modalities"] = kinds
    return extra


def _tools(value: Any, where: str) -> list[Tool | Opaque]:
    tools: list[Tool | Opaque] = []
    for name, given in fields(value, where).items():
        if name != "functionDeclarations":
            tools.append(Opaque(NAME, {name: given}))
            continue
        for index, each in enumerate(read.items(given, f"{where}.functionDeclarations")):
            tools.append(_function(each, f"{where}.functionDeclarations[{index}]"))
    return tools


def _function(value: Any, where: str) -> Tool:
    given = fields(value, where)
    schema = given.get("parametersJsonSchema")
    if schema is None and "parameters" in given:
        schema = from_gemini(given["parameters"])
    return Tool(
        name=read.text(given.get("name"), f"{where}.name"),
        description=read.optional_text(given.get("description"), f"{where}.description"),
        schema=None if schema is None else read.table(schema, f"{where}.parameters"),
    )


def _choice(value: Any) -> Choice | None:
    where = "toolConfig.functionCallingConfig"
    wanted = optional_fields(optional_fields(value, "toolConfig").get("functionCallingConfig"), where)
    mode = read.optional_text(wanted.get("mode"), f"{where}.mode").upper()
    names = read.items(wanted.get("allowedFunctionNames") or [], f"{where}.allowedFunctionNames")
    if mode == "ANY" and len(names) == 1:
        return Choice("named", read.text(names[0], f"{where}.allowedFunctionNames"))
    kinds = {"AUTO": Choice("auto"), "VALIDATED": Choice("auto"), "NONE": Choice("none"), "ANY": Choice("required")}
    return kinds.get(mode)
