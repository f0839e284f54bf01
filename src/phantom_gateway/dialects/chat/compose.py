"""Chat completion requests: from the neutral form, for an OpenAI-compatible upstream."""

from __future__ import annotations

import hashlib
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.chat.parts import write_part
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Document,
    Image,
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

MAX_NAME = 64
"""Characters of a tool's name in OpenAI's format."""
HIGH, MEDIUM = 10_000, 5_000
"""Tokens of thinking from which the effort counts as high, and as medium."""
_FOREIGN = frozenset(
    {"container", "context_management", "diagnostics", "inference_geo", "mcp_servers", "metadata", "service_tier", "speed",
     "user_profile_id", "workspace_id", "prefill", "betas", "fallbacks", "safetySettings", "safety_settings", "labels",
     "speechConfig", "mediaResolution", "imageConfig", "enableEnhancedCivicAnswers"}
)  # fmt: skip
"""Fields of Anthropic's and Google's requests without a counterpart: they are left out, and named."""


def write_request(ask: Ask, terms: Terms) -> Written:
    """The request for an upstream. Raises Untranslatable."""
    written = Written({"model": terms.model, "messages": []})
    body = written.body
    cached = "cache_control" in terms.traits
    names = _names(ask, written)
    for message in ask.messages:
        body["messages"] += _messages(message, written, names, cached=cached)
    tools = [_tool(tool, names, written, cached=cached) for tool in ask.tools]
    if kept := [tool for tool in tools if tool is not None]:
        body["tools"] = kept
        if ask.settings.choice is not None:
            body["tool_choice"] = _choice(ask.settings.choice, names)
        if ask.settings.parallel is not None:
            body["parallel_tool_calls"] = ask.settings.parallel
    _settle(body, ask.settings, terms, written)
    for name, value in ask.extra.items():
        if name in _FOREIGN:
            written.dropped.append(name)
        elif name == "cachedContent":
            raise Untranslatable("The field 'cachedContent' is not supported by this model.", name)
        else:
            body[name] = value
    if ask.cache is not None and not cached:
        written.dropped.append("cache_control")
    if ask.stream:
        body["stream"] = True
        if terms.ask_usage:
            body["stream_options"] = {"include_usage": True}
    return written


def _names(ask: Ask, written: Written) -> dict[str, str]:
    """Names of tools that are too long, and what stands for them."""
    names: dict[str, str] = {}
    used = [tool.name for tool in ask.tools if isinstance(tool, Tool)]
    used += [part.name for message in ask.messages for part in message.parts if isinstance(part, ToolCall)]
    for name in dict.fromkeys(used):
        if len(name) > MAX_NAME:
            mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
            names[name] = f"{name[: MAX_NAME - 9]}_{mark}"
            written.renamed[names[name]] = name
    return names


def _settle(body: dict[str, Any], settings: Settings, terms: Terms, written: Written) -> None:
    limit = "max_completion_tokens" if "max_completion_tokens" in terms.traits else "max_tokens"
    values = {
        limit: settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "stop": settings.stop or None,
        "user": None if settings.user is None else read.short_user(settings.user),
        "response_format": _format(settings.structure),
    }
    body.update({name: value for name, value in values.items() if value is not None})
    if settings.top_k is not None:
        written.dropped.append("top_k")
    effort = settings.effort or _effort(settings.thinking)
    if effort is None:
        return
    if "no_reasoning" in terms.traits:
        written.dropped.append("thinking")
    else:
        body["reasoning_effort"] = {"max": "xhigh"}.get(effort, effort)


def _effort(thinking: dict[str, Any] | None) -> str | None:
    if thinking is None or thinking.get("type") != "enabled":
        return None
    budget = read.count(thinking.get("budget_tokens"))
    return "high" if budget >= HIGH else "medium" if budget >= MEDIUM else "low"


def _format(structure: Structure | None) -> dict[str, Any] | None:
    if structure is None:
        return None
    if structure.schema is None:
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": structure.name or "answer", "schema": structure.schema}
    described["strict"] = True if structure.strict is None else structure.strict
    return {"type": "json_schema", "json_schema": described}


def _choice(choice: Choice, names: dict[str, str]) -> Any:
    if choice.kind == "named":
        return {"type": "function", "function": {"name": names.get(choice.name, choice.name)}}
    return choice.kind


def _tool(tool: Tool | Opaque, names: dict[str, str], written: Written, *, cached: bool) -> dict[str, Any] | None:
    if isinstance(tool, Opaque):
        if tool.dialect == "chat":
            return tool.value
        written.dropped.append(f"tools.{tool.kind}")
        return None
    function: dict[str, Any] = {"name": names.get(tool.name, tool.name)}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.schema if tool.schema is not None else {"type": "object", "properties": {}}
    if tool.strict is not None:
        function["strict"] = tool.strict
    described: dict[str, Any] = {"type": "function", "function": function}
    if cached and tool.cache is not None:
        described["cache_control"] = tool.cache
    return described


def _messages(message: Message, written: Written, names: dict[str, str], *, cached: bool) -> list[dict[str, Any]]:
    if message.role == "assistant":
        return [_said(message, written, names, cached=cached)]
    if message.role == "system":
        message = Message("system", [part for part in message.parts if not _is_billing(part)], message.name)
        if not message.parts:
            return []
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest: list[Part] = [part for part in message.parts if not isinstance(part, ToolResult)]
    spoken = [_result(result, written, cached=cached) for result in results]
    # a result is a text there: what can be seen follows as said by the user
    seen = [
        part for result in results for part in result.parts if isinstance(part, Image | Document) and not _plain(part)
    ]
    rest = [*seen, *rest]
    if rest or not results:
        content = _content(rest, written, cached=cached)
        spoken.append({"role": message.role, "content": content} | ({"name": message.name} if message.name else {}))
    return spoken


def _is_billing(part: Part) -> bool:
    """Claude Code's word to Anthropic about itself: nobody else's business, and another one in each release."""
    return isinstance(part, Text) and part.text.startswith("x-anthropic-billing-header:")


def _plain(part: Part) -> bool:
    return isinstance(part, Text) or (isinstance(part, Document) and bool(part.text))


def _result(result: ToolResult, written: Written, *, cached: bool) -> dict[str, Any]:
    plain = [part for part in result.parts if _plain(part)]
    if not plain:
        seen = any(isinstance(part, Image | Document) for part in result.parts)
        plain = [Text("See the attachment that follows." if seen else "")]
    content = _content(plain, written, cached=cached)
    if result.is_error and isinstance(content, str):
        content = f"Error: {content}"
    spoken: dict[str, Any] = {"role": "tool", "tool_call_id": result.call_id, "content": content}
    if cached and result.cache is not None:
        spoken["cache_control"] = result.cache
    return spoken


def _content(parts: list[Part], written: Written, *, cached: bool) -> str | list[dict[str, Any]]:
    """A plain text where texts are all there is: every server understands that."""
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts) and not (cached and any(part.cache is not None for part in texts)):
        return "\n\n".join(part.text for part in texts) if len(texts) != 1 else texts[0].text
    content = []
    for part in parts:
        one = write_part(part, cached=cached)
        if one is None:
            written.dropped.append(f"messages.{_kind(part)}")
        else:
            content.append(one)
    return content


def _said(message: Message, written: Written, names: dict[str, str], *, cached: bool) -> dict[str, Any]:
    calls = [
        {
            "id": part.id,
            "type": "function",
            "function": {"name": names.get(part.name, part.name), "arguments": part.arguments or "{}"},
        }
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    kept: list[Part] = [part for part in message.parts if not isinstance(part, ToolCall | Thinking | Redacted)]
    if any(isinstance(part, Thinking | Redacted) for part in message.parts):
        written.dropped.append("messages.thinking")
    spoken: dict[str, Any] = {"role": "assistant"}
    content = _content(kept, written, cached=cached)
    spoken["content"] = content or (None if calls else "")
    if message.name:
        spoken["name"] = message.name
    if calls:
        spoken["tool_calls"] = calls
    return spoken


def _kind(part: Part) -> str:
    return part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
