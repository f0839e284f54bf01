"""Anthropic's message requests: into the neutral form (API reference, read November 2026; SDK 2.12)."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.messages.parts import read_parts
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

_READ = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences",
     "thinking", "output_config", "output_format", "stream", "cache_control"}
)  # fmt: skip


def read_request(body: dict[str, Any]) -> Ask:
    """The request in the neutral form. Raises Untranslatable."""
    messages = []
    system = read_parts(body.get("system"), "system")
    if system:
        messages.append(Message("system", system))
    for index, value in enumerate(read.items(body.get("messages"), "messages")):
        messages.append(_message(read.table(value, f"messages[{index}]"), f"messages[{index}]"))
    tools = [
        _tool(read.table(value, f"tools[{index}]"), f"tools[{index}]")
        for index, value in enumerate(read.items(body.get("tools") or [], "tools"))
    ]
    extra = {name: value for name, value in body.items() if name not in _READ}
    settings = _settings(body)
    metadata = extra.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("user_id"), str):
        settings.user = metadata["user_id"]
        if len(metadata) == 1:
            del extra["metadata"]
    return Ask(
        messages=messages,
        tools=tools,
        settings=settings,
        stream=body.get("stream") is True,
        cache=read.cache(body.get("cache_control"), "request"),
        extra=extra,
    )


def _message(value: dict[str, Any], where: str) -> Message:
    role = value.get("role")
    if role != "user" and role != "assistant" and role != "system":
        raise Untranslatable(f"'{where}.role' must be user, assistant or system.", f"{where}.role")
    return Message(role, read_parts(value.get("content"), f"{where}.content"))


def _settings(body: dict[str, Any]) -> Settings:
    thinking = body.get("thinking")
    output = read.table(body.get("output_config") or {}, "output_config")
    choice, parallel = _choice(body.get("tool_choice"))
    stop = body.get("stop_sequences")
    return Settings(
        max_tokens=read.whole(body.get("max_tokens"), "max_tokens"),
        temperature=read.number(body.get("temperature"), "temperature"),
        top_p=read.number(body.get("top_p"), "top_p"),
        top_k=read.whole(body.get("top_k"), "top_k"),
        stop=None
        if stop is None
        else [read.text(each, "stop_sequences") for each in read.items(stop, "stop_sequences")],
        effort=read.optional_text(output.get("effort"), "output_config.effort") or None,
        thinking=None if thinking is None else read.table(thinking, "thinking"),
        structure=_structure(output.get("format") or body.get("output_format")),
        choice=choice,
        parallel=parallel,
    )


def _structure(value: Any) -> Structure | None:
    if value is None:
        return None
    wanted = read.table(value, "output_config.format")
    if wanted.get("type") != "json_schema":
        raise Untranslatable("'output_config.format.type' must be json_schema.", "output_config.format")
    return Structure(schema=read.table(wanted.get("schema"), "output_config.format.schema"))


def _choice(value: Any) -> tuple[Choice | None, bool | None]:
    if value is None:
        return None, None
    wanted = read.table(value, "tool_choice")
    single = read.truth(wanted.get("disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use")
    parallel = None if single is None else not single
    kind = wanted.get("type")
    if kind == "auto" or kind == "none":
        return Choice(kind), parallel
    if kind == "any":
        return Choice("required"), parallel
    if kind == "tool":
        return Choice("named", read.text(wanted.get("name"), "tool_choice.name")), parallel
    raise Untranslatable("'tool_choice.type' must be auto, any, tool or none.", "tool_choice")


def _tool(value: dict[str, Any], where: str) -> Tool | Opaque:
    if value.get("type") not in (None, "custom"):
        return Opaque("messages", value)
    schema = value.get("input_schema")
    return Tool(
        name=read.text(value.get("name"), f"{where}.name"),
        description=read.optional_text(value.get("description"), f"{where}.description"),
        schema=None if schema is None else read.table(schema, f"{where}.input_schema"),
        strict=read.truth(value.get("strict"), f"{where}.strict"),
        cache=read.cache(value.get("cache_control"), where),
    )
