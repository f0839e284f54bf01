"""Chat completion requests: into the neutral form.

Beside OpenAI's own fields this reads the ones that LiteLLM 1.106.2 and others have added for Anthropic's models:
``cache_control`` on parts, messages and tools, ``thinking``, ``thinking_blocks`` and ``reasoning_content``.
"""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.chat.parts import read_parts
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Part,
    Redacted,
    Settings,
    Structure,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
)

_READ = frozenset(
    {
        "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "temperature",
        "top_p", "top_k", "stop", "user", "reasoning_effort", "thinking", "response_format", "stream", "stream_options",
        "cache_control",
    }
)  # fmt: skip


def read_request(body: dict[str, Any]) -> Ask:
    """The request in the neutral form. Raises Untranslatable."""
    messages = [
        message
        for index, value in enumerate(read.items(body.get("messages"), "messages"))
        for message in _message(read.table(value, f"messages[{index}]"), f"messages[{index}]")
    ]
    tools = [
        _tool(read.table(value, f"tools[{index}]"), f"tools[{index}]")
        for index, value in enumerate(read.items(body.get("tools") or [], "tools"))
    ]
    return Ask(
        messages=messages,
        tools=tools,
        settings=_settings(body),
        stream=body.get("stream") is True,
        cache=read.cache(body.get("cache_control"), "request"),
        extra={name: value for name, value in body.items() if name not in _READ},
    )


def _settings(body: dict[str, Any]) -> Settings:
    limit = read.whole(body.get("max_completion_tokens"), "max_completion_tokens")
    if limit is None:
        limit = read.whole(body.get("max_tokens"), "max_tokens")
    thinking = body.get("thinking")
    stop = body.get("stop")
    return Settings(
        max_tokens=limit,
        temperature=read.number(body.get("temperature"), "temperature"),
        top_p=read.number(body.get("top_p"), "top_p"),
        top_k=read.whole(body.get("top_k"), "top_k"),
        stop=None if stop is None else [stop] if isinstance(stop, str) else _texts(stop, "stop"),
        user=read.optional_text(body.get("user"), "user") or None,
        effort=read.optional_text(body.get("reasoning_effort"), "reasoning_effort") or None,
        thinking=None if thinking is None else read.table(thinking, "thinking"),
        structure=_structure(body.get("response_format")),
        choice=_choice(body.get("tool_choice")),
        parallel=read.truth(body.get("parallel_tool_calls"), "parallel_tool_calls"),
    )


def _texts(value: Any, where: str) -> list[str]:
    return [read.text(each, where) for each in read.items(value, where)]


def _structure(value: Any) -> Structure | None:
    if value is None:
        return None
    wanted = read.table(value, "response_format")
    kind = wanted.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Structure()
    if kind == "json_schema":
        where = "response_format.json_schema"
        described = read.table(wanted.get("json_schema"), where)
        return Structure(
            schema=read.table(described.get("schema") or {}, f"{where}.schema"),
            name=read.optional_text(described.get("name"), f"{where}.name"),
            strict=read.truth(described.get("strict"), f"{where}.strict"),
        )
    raise Untranslatable("'response_format.type' must be text, json_object or json_schema.", "response_format")


def _choice(value: Any) -> Choice | None:
    if value is None:
        return None
    if value == "auto" or value == "none" or value == "required":
        return Choice(value)
    if isinstance(value, dict) and value.get("type") == "function":
        named = read.table(value.get("function"), "tool_choice.function")
        return Choice("named", read.text(named.get("name"), "tool_choice.function.name"))
    raise Untranslatable("'tool_choice' must be auto, none, required, or name a function.", "tool_choice")


def _tool(value: dict[str, Any], where: str) -> Tool | Opaque:
    if value.get("type", "function") != "function" or "function" not in value:
        return Opaque("chat", value)
    function = read.table(value["function"], f"{where}.function")
    parameters = function.get("parameters")
    return Tool(
        name=read.text(function.get("name"), f"{where}.function.name"),
        description=read.optional_text(function.get("description"), f"{where}.function.description"),
        schema=None if parameters is None else read.table(parameters, f"{where}.function.parameters"),
        strict=read.truth(function.get("strict"), f"{where}.function.strict"),
        cache=read.cache(value.get("cache_control") or function.get("cache_control"), where),
    )


def _message(value: dict[str, Any], where: str) -> list[Message]:
    role = value.get("role")
    parts = read_parts(value.get("content"), f"{where}.content")
    name = read.optional_text(value.get("name"), f"{where}.name")
    breakpoint_ = read.cache(value.get("cache_control"), where)
    if role == "tool":
        call_id = read.text(value.get("tool_call_id"), f"{where}.tool_call_id")
        return [Message("user", [ToolResult(call_id, parts, cache=breakpoint_)])]
    if role == "assistant":
        parts = _said(value, parts, where)
    if breakpoint_ is not None and parts and not isinstance(parts[-1], Thinking | Redacted | Opaque):
        parts[-1].cache = breakpoint_
    if role == "assistant":
        return [Message("assistant", parts, name)]
    if role == "user":
        return [Message("user", parts, name)]
    if role in ("system", "developer"):
        return [Message("system", parts, name)]
    raise Untranslatable(f"'{where}.role' must be system, developer, user, assistant or tool.", f"{where}.role")


def _said(value: dict[str, Any], parts: list[Part], where: str) -> list[Part]:
    """An assistant's message: what it thought, what it said, what it called."""
    refusal = read.optional_text(value.get("refusal"), f"{where}.refusal")
    if refusal:
        parts = [*parts, Text(refusal)]
    calls = [
        _call(read.table(call, f"{where}.tool_calls[{index}]"), f"{where}.tool_calls[{index}]")
        for index, call in enumerate(read.items(value.get("tool_calls") or [], f"{where}.tool_calls"))
    ]
    return [*_thought(value, where), *parts, *calls]


def _thought(value: dict[str, Any], where: str) -> list[Part]:
    blocks = read.items(value.get("thinking_blocks") or [], f"{where}.thinking_blocks")
    thought: list[Part] = []
    for block in blocks:
        each = read.table(block, f"{where}.thinking_blocks")
        if each.get("type") == "redacted_thinking":
            thought.append(Redacted(read.optional_text(each.get("data"), f"{where}.thinking_blocks.data")))
            continue
        thought.append(
            Thinking(
                read.optional_text(each.get("thinking"), f"{where}.thinking_blocks.thinking"),
                read.optional_text(each.get("signature"), f"{where}.thinking_blocks.signature"),
            )
        )
    if not thought and (reasoning := value.get("reasoning_content")):
        thought.append(Thinking(read.text(reasoning, f"{where}.reasoning_content")))
    return thought


def _call(value: dict[str, Any], where: str) -> ToolCall:
    function = read.table(value.get("function"), f"{where}.function")
    return ToolCall(
        id=read.text(value.get("id"), f"{where}.id"),
        name=read.text(function.get("name"), f"{where}.function.name"),
        arguments=read.optional_text(function.get("arguments"), f"{where}.function.arguments"),
        cache=read.cache(value.get("cache_control"), where),
    )
