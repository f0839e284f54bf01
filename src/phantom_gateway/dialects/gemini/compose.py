"""Requests to ``generateContent``: from the neutral form, for an upstream that speaks it."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini import thinking
from phantom_gateway.dialects.gemini.parts import called, own_signature, write_part, write_result
from phantom_gateway.dialects.gemini.schema import Recursive, to_gemini
from phantom_gateway.dialects.gemini.spelling import camel, optional_fields
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Part,
    Redacted,
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

UNSIGNED = "skip_thought_signature_validator"
"""Instead of the signature of a call that has none, for models that insist: Google's documentation names it for calls of others."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_IDLE = frozenset(
    {"metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options",
     "safety_identifier", "verbosity", "prediction", "moderation", "container", "context_management", "betas",
     "inference_geo", "mcp_servers", "speed"}
)  # fmt: skip
"""Fields of others that are left out, and named."""
_PLAIN: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logit_bias": ({},),
    "functions": ([],),
    "function_call": ("none", "auto"),
}
"""Fields whose absence changes what is answered, and the values that say nothing."""
_OWN_TOOLS = frozenset(
    {"googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "fileSearch", "computerUse"}
)
_CONFIGURED = {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty", "seed": "seed",
               "speechConfig": "speechConfig", "mediaResolution": "mediaResolution", "imageConfig": "imageConfig"}  # fmt: skip


def write_request(ask: Ask, terms: Terms) -> Written:
    """The request for an upstream; its model and whether it streams stand in the path. Raises Untranslatable."""
    written = Written({})
    body = written.body
    names = _names(ask, written)
    system = [part for message in ask.messages if message.role == "system" for part in message.parts]
    body["contents"] = _turns(ask.messages, names, terms, written)
    instruction = _instructed(system, written)
    if instruction and not body["contents"]:
        # nobody has said anything but the instruction: it is what is asked
        body["contents"] = [{"role": "user", "parts": instruction}]
    elif instruction:
        body["systemInstruction"] = {"parts": instruction}
    if tools := _tools(ask.tools, names, written):
        body["tools"] = tools
        choice = _choice(ask.settings.choice, names)
        if choice is not None and any("functionDeclarations" in tool for tool in tools):
            body["toolConfig"] = {"functionCallingConfig": choice}
        if ask.settings.parallel is False:
            written.dropped.append("parallel_tool_calls")
    config = _configured(ask.settings, terms, written)
    extra = dict(ask.extra)
    if not ask.stream and extra.get("n", 1) not in (1, None):
        config["candidateCount"] = extra.pop("n")
    _take_over(extra, body, config, terms, written)
    if config:
        body["generationConfig"] = config
    if ask.cache is not None or any(getattr(part, "cache", None) for message in ask.messages for part in message.parts):
        written.dropped.append("cache_control")
    if ask.settings.user is not None:
        written.dropped.append("user")
    return written


def _names(ask: Ask, written: Written) -> dict[str, str]:
    """Names of tools that Gemini does not take, and what stands for them."""
    names: dict[str, str] = {}
    used = [tool.name for tool in ask.tools if isinstance(tool, Tool)]
    used += [part.name for message in ask.messages for part in message.parts if isinstance(part, ToolCall)]
    for name in dict.fromkeys(used):
        if not _NAME.fullmatch(name):
            mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
            plain = re.sub(r"[^A-Za-z0-9_.:-]", "_", name)[:54]
            names[name] = f"{plain if _NAME.fullmatch(plain) else f'_{plain}'}_{mark}"
            written.renamed[names[name]] = name
    return names


def _instructed(parts: list[Part], written: Written) -> list[dict[str, Any]]:
    """An instruction."""
    found = []
    for part in parts:
        if isinstance(part, Text) and not part.text:
            continue
        one = write_part(part)
        if one is None:
            written.dropped.append(f"messages.{_kind(part)}")
        else:
            found.append(one)
    return found


def _turns(messages: list[Message], names: dict[str, str], terms: Terms, written: Written) -> list[dict[str, Any]]:
    """The turns, one after the other; results stand in the order of their calls and alone, as Gemini wants them."""
    gathered: list[tuple[str, list[Part]]] = []
    for message in messages:
        if message.role == "system":
            continue
        if gathered and gathered[-1][0] == message.role:
            gathered[-1][1].extend(message.parts)
        else:
            gathered.append((message.role, list(message.parts)))
    turns: list[dict[str, Any]] = []
    known: dict[str, str] = {}
    for role, parts in gathered:
        if role == "assistant":
            known |= {part.id: names.get(part.name, part.name) for part in parts if isinstance(part, ToolCall)}
            spoken = [("model", _said(parts, names, terms, written))]
        else:
            spoken = [("user", each) for each in _asked(parts, known, written)]
        turns += [{"role": who, "parts": what} for who, what in spoken if what]
    return turns


def _asked(parts: list[Part], known: dict[str, str], written: Written) -> list[list[dict[str, Any]]]:
    """What a user said: results of tools first, in the order of their calls, then the rest."""
    order = list(known)
    results = [part for part in parts if isinstance(part, ToolResult)]
    for result in results:
        if result.call_id not in known:
            raise Untranslatable(
                f"A tool's result names the call '{result.call_id[:64]}', which was not made.", "messages"
            )
    results.sort(key=lambda part: order.index(part.call_id))
    answered, seen = [], list[Part]()
    for result in results:
        response, media = write_result(result, known[result.call_id])
        answered.append(response)
        seen += media
    return [answered, _instructed([*seen, *[part for part in parts if not isinstance(part, ToolResult)]], written)]


def _said(parts: list[Part], names: dict[str, str], terms: Terms, written: Written) -> list[dict[str, Any]]:
    """What the model said. The signature of a thought goes to the call after it."""
    signatures: list[str] = []
    said: list[dict[str, Any]] = []
    unsigned = thinking.wants_signatures(terms.model)
    for part in parts:
        if isinstance(part, Thinking | Redacted):
            signature = own_signature(part) if isinstance(part, Thinking) else ""
            if signature:
                signatures.append(signature)
            else:
                written.dropped.append("messages.thinking")
        elif isinstance(part, ToolCall):
            call: dict[str, Any] = {"functionCall": called(part, names.get(part.name, part.name))}
            if signatures:
                call["thoughtSignature"] = signatures.pop(0)
            elif unsigned:
                call["thoughtSignature"] = UNSIGNED
            unsigned = False
            said.append(call)
        else:
            said += _instructed([part], written)
    return said


def _kind(part: Part) -> str:
    return part.kind if isinstance(part, Opaque) else type(part).__name__.lower()


def _tools(tools: list[Tool | Opaque], names: dict[str, str], written: Written) -> list[dict[str, Any]]:
    declared = [_declared(tool, names) for tool in tools if isinstance(tool, Tool)]
    found: list[dict[str, Any]] = [{"functionDeclarations": declared}] if declared else []
    for tool in tools:
        if isinstance(tool, Tool):
            continue
        own = {camel(name): value for name, value in tool.value.items() if camel(name) in _OWN_TOOLS}
        if own:
            found.append(own)
        elif tool.kind.startswith("web_search"):
            found.append({"googleSearch": {}})
        else:
            written.dropped.append(f"tools.{tool.kind}")
    return found


def _declared(tool: Tool, names: dict[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": names.get(tool.name, tool.name)}
    if tool.description:
        described["description"] = tool.description
    if tool.schema and tool.schema.get("properties"):
        try:
            described["parameters"] = to_gemini(tool.schema)
        except Recursive:
            described["parametersJsonSchema"] = tool.schema
    return described


def _choice(choice: Choice | None, names: dict[str, str]) -> dict[str, Any] | None:
    if choice is None:
        return None
    if choice.kind == "named":
        return {"mode": "ANY", "allowedFunctionNames": [names.get(choice.name, choice.name)]}
    return {"mode": {"auto": "AUTO", "none": "NONE"}.get(choice.kind, "ANY")}


def _configured(settings: Settings, terms: Terms, written: Written) -> dict[str, Any]:
    values = {
        "maxOutputTokens": settings.max_tokens,
        "temperature": settings.temperature,
        "topP": settings.top_p,
        "topK": settings.top_k,
        "stopSequences": settings.stop or None,
    }
    config: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if settings.structure is not None:
        config |= _structure(settings.structure)
    thought, left_out = thinking.config(settings, terms)
    if thought:
        config["thinkingConfig"] = thought
    written.dropped += left_out
    return config


def _structure(structure: Structure) -> dict[str, Any]:
    wanted: dict[str, Any] = {"responseMimeType": "application/json"}
    if structure.schema:
        try:
            wanted["responseSchema"] = to_gemini(structure.schema)
        except Recursive:
            wanted["responseJsonSchema"] = structure.schema
    return wanted


def _take_over(
    extra: dict[str, Any], body: dict[str, Any], config: dict[str, Any], terms: Terms, written: Written
) -> None:
    """What the reader had no place for: what Google has under another name is written there, and its own fields go on."""
    for name, value in extra.items():
        if value is None:
            continue
        if name in _IDLE:
            written.dropped.append(name)
        elif name in _CONFIGURED:
            config[_CONFIGURED[name]] = value
        elif name in _PLAIN:
            if value not in _PLAIN[name] and not terms.drop:
                message = f"The field '{name}' is not supported by this model. Leave it out, or let it be dropped (drop_params)."
                raise Untranslatable(message, name)
            written.dropped += [] if value in _PLAIN[name] else [name]
        elif name == "logprobs":
            config |= {"responseLogprobs": True} if value is True else {}
        elif name == "top_logprobs":
            config |= {"logprobs": value} if extra.get("logprobs") is True else {}
        elif name == "modalities":
            config["responseModalities"] = [
                read.text(kind, "modalities").upper() for kind in read.items(value, "modalities")
            ]
        elif name == "audio":
            voice = read.table(value, "audio").get("voice")
            config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
        elif name == "web_search_options":
            body.setdefault("tools", []).append({"googleSearch": {}})
        elif name in ("generationConfig", "generation_config"):
            config |= optional_fields(value, name)
        else:
            body[camel(name) if camel(name) in _OWN else name] = value


_OWN = frozenset({"safetySettings", "cachedContent", "toolConfig", "labels"})
