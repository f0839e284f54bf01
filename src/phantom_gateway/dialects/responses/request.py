"""Requests of the Responses API: into the neutral form (API reference and SDK 3.54, read November 2026)."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Part,
    Settings,
    Structure,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
)
from phantom_gateway.dialects.responses.parts import DIALECT, read_parts, said_again

_READ = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens", "temperature", "top_p",
     "user", "reasoning", "text", "stream", "stream_options", "previous_response_id", "conversation", "prompt", "background",
     "top_logprobs"}
)  # fmt: skip
_IDLE: dict[str, tuple[Any, ...]] = {
    "metadata": ({},),
    "store": (False,),
    "include": ([], ["reasoning.encrypted_content"]),
    "truncation": ("disabled",),
    "max_tool_calls": (),
    "service_tier": ("auto", "default"),
    "safety_identifier": (),
    "prompt_cache_key": (),
    "prompt_cache_retention": (),
    "prompt_cache_options": ({},),
    "context_management": ([],),
    "background_options": ({},),
    "moderation": (),
    "image": ({},),
    "access_programs": (),
    "client_metadata": (),
}
"""Fields whose absence does not change what is answered, and the values that say nothing: left out, and else named."""
_KEPT = ("previous_response_id", "conversation", "prompt")
"""Fields that name what only a provider with this API keeps."""
_SERVED = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call",
     "tool_search_call", "tool_search_output"}
)  # fmt: skip
"""What a provider has done on its own in an earlier turn; what came of it is in what was said."""
INPUT = "input"
"""The one argument of a function that stands for a custom tool."""
_CUSTOM = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": [INPUT],
    "additionalProperties": False,
}


def read_request(body: dict[str, Any]) -> Ask:
    """The request in the neutral form. Raises Untranslatable."""
    for name in _KEPT:
        if body.get(name) is not None:
            raise Untranslatable(
                f"'{name}' is not supported by this model: nothing is kept for it. Send the conversation as 'input'.",
                name,
            )
    if body.get("background") is True:
        raise Untranslatable("'background' is not supported by this model.", "background")
    if read.whole(body.get("top_logprobs"), "top_logprobs"):
        raise Untranslatable("'top_logprobs' is not supported by this model.", "top_logprobs")
    messages: list[Message] = []
    left_out = [name for name, silent in _IDLE.items() if body.get(name) is not None and body[name] not in silent]
    if instructions := read.optional_text(body.get("instructions"), "instructions"):
        messages.append(Message("system", [Text(instructions)]))
    given = body.get("input")
    if isinstance(given, str):
        messages.append(Message("user", [Text(given)]))
    else:
        for index, value in enumerate(read.items(given, "input")):
            item = read.table(value, f"input[{index}]")
            if item.get("type") in _SERVED:
                left_out.append(f"input.{item['type']}")
            else:
                _item(item, f"input[{index}]", messages)
    choice, allowed = _choice(body.get("tool_choice"))
    tools = [
        _tool(read.table(value, f"tools[{index}]"), f"tools[{index}]")
        for index, value in enumerate(read.items(body.get("tools") or [], "tools"))
    ]
    if allowed is not None:
        tools = [tool for tool in tools if isinstance(tool, Tool) and tool.name in allowed]
    text = read.table(body.get("text") or {}, "text")
    extra = {name: value for name, value in body.items() if name not in _READ and name not in _IDLE}
    if text.get("verbosity") not in (None, "medium"):
        extra["verbosity"] = read.text(text["verbosity"], "text.verbosity")
    return Ask(
        messages=messages,
        tools=tools,
        settings=_settings(body, text, choice),
        stream=body.get("stream") is True,
        extra=extra,
        left_out=left_out,
    )


def _settings(body: dict[str, Any], text: dict[str, Any], choice: Choice | None) -> Settings:
    reasoning = read.table(body.get("reasoning") or {}, "reasoning")
    return Settings(
        max_tokens=read.whole(body.get("max_output_tokens"), "max_output_tokens"),
        temperature=read.number(body.get("temperature"), "temperature"),
        top_p=read.number(body.get("top_p"), "top_p"),
        user=read.optional_text(body.get("user"), "user") or None,
        effort=read.optional_text(reasoning.get("effort"), "reasoning.effort") or None,
        structure=_structure(text.get("format")),
        choice=choice,
        parallel=read.truth(body.get("parallel_tool_calls"), "parallel_tool_calls"),
    )


def _structure(value: Any) -> Structure | None:
    if value is None:
        return None
    wanted = read.table(value, "text.format")
    kind = wanted.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Structure()
    if kind == "json_schema":
        return Structure(
            schema=read.table(wanted.get("schema") or {}, "text.format.schema"),
            name=read.optional_text(wanted.get("name"), "text.format.name"),
            strict=read.truth(wanted.get("strict"), "text.format.strict"),
        )
    raise Untranslatable("'text.format.type' must be text, json_object or json_schema.", "text.format")


def _choice(value: Any) -> tuple[Choice | None, frozenset[str] | None]:
    """The choice, and the names it leaves of the tools, if it leaves some only."""
    if value is None:
        return None, None
    if value == "auto" or value == "none" or value == "required":
        return Choice(value), None
    wanted = read.table(value, "tool_choice")
    kind = wanted.get("type")
    if kind in ("function", "custom"):
        return Choice("named", read.text(wanted.get("name"), "tool_choice.name")), None
    if kind == "allowed_tools":
        tools = [read.table(each, "tool_choice.tools") for each in read.items(wanted.get("tools"), "tool_choice.tools")]
        names = frozenset(read.text(each.get("name"), "tool_choice.tools.name") for each in tools if "name" in each)
        return Choice("required" if wanted.get("mode") == "required" else "auto"), names
    raise Untranslatable(
        "'tool_choice' must be auto, none, required, or name a function or custom tool.", "tool_choice"
    )


def _tool(value: dict[str, Any], where: str) -> Tool | Opaque:
    kind = value.get("type")
    if kind not in ("function", "custom"):
        return Opaque(DIALECT, value)
    name = read.text(value.get("name"), f"{where}.name")
    description = read.optional_text(value.get("description"), f"{where}.description")
    if kind == "custom":
        return Tool(name, _grammar(value.get("format"), description), dict(_CUSTOM))
    parameters = value.get("parameters")
    return Tool(
        name=name,
        description=description,
        schema=None if parameters is None else read.table(parameters, f"{where}.parameters"),
        strict=read.truth(value.get("strict"), f"{where}.strict"),
        cache=read.cache(value.get("cache_control"), where),
    )


def _grammar(form: Any, description: str) -> str:
    """What a custom tool takes, told in words: only OpenAI's API can hold a model to a grammar."""
    if not isinstance(form, dict) or not isinstance(form.get("definition"), str):
        return description
    return (
        f"{description}\n\nThe input must follow this {form.get('syntax', '')} grammar:\n{form['definition']}".strip()
    )


def _item(value: dict[str, Any], where: str, messages: list[Message]) -> None:
    """One item of the conversation, put to what the same side has just said where one turn of it goes on."""
    kind = value.get("type") or "message"
    if kind == "message":
        _message(value, where, messages)
    elif kind == "reasoning":
        _add(messages, said_again(value, where))
    elif kind == "function_call" or kind == "custom_tool_call":
        _add(messages, _call(value, where, custom=kind == "custom_tool_call"))
    elif kind == "function_call_output" or kind == "custom_tool_call_output":
        call_id = read.text(value.get("call_id"), f"{where}.call_id")
        result = ToolResult(call_id, read_parts(value.get("output"), f"{where}.output"))
        last = messages[-1] if messages else None
        if last is not None and last.role == "user" and all(isinstance(part, ToolResult) for part in last.parts):
            last.parts.append(result)
        else:
            messages.append(Message("user", [result]))
    elif kind == "item_reference":
        raise Untranslatable(
            "An item of type 'item_reference' names what is kept nowhere: send the item itself.", where
        )
    else:
        raise Untranslatable(f"An item of type '{kind}' is not supported by this model.", f"{where}.type")


def _message(value: dict[str, Any], where: str, messages: list[Message]) -> None:
    role = value.get("role")
    parts = read_parts(value.get("content"), f"{where}.content")
    if role == "assistant":
        for part in parts:
            _add(messages, part)
    elif role in ("system", "developer"):
        messages.append(Message("system", parts))
    elif role == "user":
        messages.append(Message("user", parts))
    else:
        raise Untranslatable(f"'{where}.role' must be user, assistant, system or developer.", f"{where}.role")


def _add(messages: list[Message], part: Part) -> None:
    if messages and messages[-1].role == "assistant":
        messages[-1].parts.append(part)
    else:
        messages.append(Message("assistant", [part]))


def _call(value: dict[str, Any], where: str, *, custom: bool) -> ToolCall:
    if custom:
        arguments = read.encode({INPUT: read.optional_text(value.get("input"), f"{where}.input")}).decode()
    else:
        arguments = read.optional_text(value.get("arguments"), f"{where}.arguments")
    return ToolCall(
        read.text(value.get("call_id"), f"{where}.call_id"), read.text(value.get("name"), f"{where}.name"), arguments
    )
