"""Requests of the Responses API: from the neutral form, for an upstream that has nothing else for a model.

Nothing is kept there: the caller's own API sends the whole conversation each time, reasoning included.
"""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import (
    GEMINI_SIGNED,
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
from phantom_gateway.dialects.responses.parts import DIALECT, write_part

_FOREIGN = frozenset(
    {"container", "diagnostics", "inference_geo", "mcp_servers", "speed", "user_profile_id", "workspace_id", "prefill", "betas",
     "prediction", "store", "context_management", "safetySettings", "safety_settings", "labels", "speechConfig", "mediaResolution",
     "imageConfig", "enableEnhancedCivicAnswers"}
)  # fmt: skip
"""Fields without a counterpart: they are left out, and named."""
_PLAIN: dict[str, tuple[Any, ...]] = {
    "n": (1,), "logprobs": (False,), "top_logprobs": (0,), "frequency_penalty": (0,), "presence_penalty": (0,), "seed": (),
    "logit_bias": ({},), "modalities": (["text"],), "audio": (), "functions": ([],), "function_call": ("none", "auto"),
    "web_search_options": (), "cachedContent": (),
}  # fmt: skip
"""Fields whose absence changes the answer, and the values that say nothing."""
_RENAMED = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


def in_own_words(defaults: dict[str, Any]) -> dict[str, Any]:
    """What a deployment sets, in the words of a chat, as fields of this API. Raises Untranslatable."""
    fields: dict[str, Any] = {}
    for name, value in defaults.items():
        if name == "reasoning_effort":
            fields["reasoning"] = {"effort": value}
        elif name == "response_format":
            fields["text"] = {**fields.get("text", {}), "format": _format_of_chat(value)}
        elif name == "verbosity":
            fields["text"] = {**fields.get("text", {}), "verbosity": value}
        elif name != "stop":
            fields[_RENAMED.get(name, name)] = value
    return fields


def _format_of_chat(value: Any) -> Any:
    described = value.get("json_schema") if isinstance(value, dict) else None
    return {"type": "json_schema", **described} if isinstance(described, dict) else value


def write_request(ask: Ask, terms: Terms) -> Written:
    """The request for an upstream. Raises Untranslatable."""
    written = Written({"model": terms.model, "input": [], "store": False})
    body = written.body
    for message in ask.messages:
        body["input"] += _items(message, written)
    tools = [_tool(tool, written) for tool in ask.tools]
    if kept := [tool for tool in tools if tool is not None]:
        body["tools"] = kept
        if ask.settings.choice is not None:
            body["tool_choice"] = _choice(ask.settings.choice)
        if ask.settings.parallel is not None:
            body["parallel_tool_calls"] = ask.settings.parallel
    _settle(body, ask.settings, terms, written)
    for name, value in ask.extra.items():
        _take_over(name, value, body, terms, written)
    if ask.cache is not None:
        written.dropped.append("cache_control")
    if ask.stream:
        body["stream"] = True
    return written


def _take_over(name: str, value: Any, body: dict[str, Any], terms: Terms, written: Written) -> None:
    if name in _FOREIGN:
        written.dropped.append(name)
    elif name in _PLAIN:
        if value is None or value in _PLAIN[name]:
            return
        _drop(name, terms, written)
    elif name == "verbosity":
        body["text"] = {**body.get("text", {}), "verbosity": value}
    elif name not in body:
        body[name] = value


def _drop(name: str, terms: Terms, written: Written) -> None:
    """Leave out what changes the answer, where that was agreed to. Raises Untranslatable."""
    if not terms.drop:
        message = (
            f"The field '{name}' is not supported by this model. Leave it out, or let it be dropped (drop_params)."
        )
        raise Untranslatable(message, name)
    written.dropped.append(name)


def _settle(body: dict[str, Any], settings: Settings, terms: Terms, written: Written) -> None:
    values = {
        "max_output_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "user": None if settings.user is None else read.short_user(settings.user),
        "text": None if settings.structure is None else {"format": _format(settings.structure)},
    }
    body.update({name: value for name, value in values.items() if value is not None})
    if settings.top_k:
        written.dropped.append("top_k")
    if settings.stop:
        _drop("stop", terms, written)
    effort = settings.effort
    if effort is None and settings.thinking is not None and settings.thinking.get("type") in ("enabled", "adaptive"):
        effort = "medium"
    if "no_reasoning" in terms.traits:
        if effort is not None:
            written.dropped.append("reasoning_effort")
        return
    body["include"] = ["reasoning.encrypted_content"]
    if effort is not None:
        body["reasoning"] = {"effort": effort, "summary": "auto"}


def _format(structure: Structure) -> dict[str, Any]:
    if structure.schema is None:
        return {"type": "json_object"}
    strict = True if structure.strict is None else structure.strict
    return {"type": "json_schema", "name": structure.name or "answer", "schema": structure.schema, "strict": strict}


def _choice(choice: Choice) -> Any:
    return {"type": "function", "name": choice.name} if choice.kind == "named" else choice.kind


def _tool(tool: Tool | Opaque, written: Written) -> dict[str, Any] | None:
    if isinstance(tool, Opaque):
        if tool.dialect == DIALECT:
            return tool.value
        written.dropped.append(f"tools.{tool.kind}")
        return None
    described: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        described["description"] = tool.description
    described["parameters"] = tool.schema if tool.schema is not None else {"type": "object", "properties": {}}
    described["strict"] = tool.strict is True
    return described


def _items(message: Message, written: Written) -> list[dict[str, Any]]:
    if message.role == "assistant":
        return [item for part in message.parts if (item := _said(part, written)) is not None]
    items: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            items.append({"type": "function_call_output", "call_id": part.call_id, "output": _result(part, written)})
        elif (one := _written(part, written)) is not None:
            content.append(one)
    if content:
        items.append({"type": "message", "role": message.role, "content": content})
    return items


def _written(part: Part, written: Written) -> dict[str, Any] | None:
    one = write_part(part)
    if one is None:
        kind = part.kind if isinstance(part, Opaque) else type(part).__name__.lower()
        written.dropped.append(f"messages.{kind}")
    return one


def _result(result: ToolResult, written: Written) -> Any:
    prefix = "Error: " if result.is_error else ""
    if all(isinstance(part, Text) for part in result.parts):
        return prefix + "\n\n".join(part.text for part in result.parts if isinstance(part, Text))
    return [one for part in result.parts if (one := _written(part, written)) is not None]


def _said(part: Part, written: Written) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": part.text}]}
    if isinstance(part, ToolCall):
        arguments = part.arguments or "{}"
        return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
    if isinstance(part, Thinking) and part.signature and not part.signature.startswith(GEMINI_SIGNED):
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        return {"type": "reasoning", "summary": summary, "encrypted_content": part.signature}
    if isinstance(part, Thinking | Redacted):
        # nobody takes back thinking that it cannot check
        written.dropped.append("messages.thinking")
        return None
    return _written(part, written)
