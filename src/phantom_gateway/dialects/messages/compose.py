"""Anthropic's message requests: from the neutral form, for an upstream that speaks it."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects.messages.parts import write_part
from phantom_gateway.dialects.neutral import (
    GEMINI_SIGNED,
    Ask,
    Choice,
    Message,
    Opaque,
    Part,
    Settings,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolResult,
    Untranslatable,
    Written,
)

DEFAULT_MAX_TOKENS = 4096
"""Where neither the caller nor the model's data bounds the output: Anthropic wants a bound."""
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}
"""Tokens of thinking for an effort; the first four as LiteLLM 1.106.2 has them."""
SMALLEST_BUDGET = 1024
ONLY_JSON = "Answer with one JSON object and nothing else: no prose, no code fence."
_IDLE = frozenset(
    {"metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options",
     "safety_identifier", "verbosity", "prediction", "moderation", "safetySettings", "safety_settings", "labels", "toolConfig",
     "speechConfig", "mediaResolution", "imageConfig", "enableEnhancedCivicAnswers"}
)  # fmt: skip
"""Fields of OpenAI's and Google's requests whose absence does not change what is answered: they are left out, and named."""
_FOREIGN = frozenset({"generate", "responses"})
"""Formats whose own tools and parts are left out, and named."""
_PLAIN: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "seed": (),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "audio": (),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "web_search_options": (),
    "cachedContent": (),
}
"""Fields whose absence does, and the values that say nothing."""


def write_request(ask: Ask, terms: Terms) -> Written:
    """The request for an upstream. Raises Untranslatable."""
    settings = ask.settings
    limit = settings.max_tokens if settings.max_tokens is not None else terms.output_limit or DEFAULT_MAX_TOKENS
    written = Written({"model": terms.model, "max_tokens": limit})
    body = written.body
    system = [part for message in ask.messages if message.role == "system" for part in message.parts]
    if settings.structure is not None and settings.structure.schema is None:
        system.append(Text(ONLY_JSON))
    if system:
        body["system"] = _blocks(system, written)
    body["messages"] = _turns(ask.messages, written)
    _settle(body, settings, terms, written)
    if tools := [tool for each in ask.tools if (tool := _tool(each, written)) is not None]:
        body["tools"] = tools
        if (choice := _choice(settings.choice, settings.parallel)) is not None:
            body["tool_choice"] = choice
    if ask.cache is not None:
        body["cache_control"] = ask.cache
    _take_over(ask.extra, body, terms, written)
    if ask.stream:
        body["stream"] = True
    return written


def _settle(body: dict[str, Any], settings: Settings, terms: Terms, written: Written) -> None:
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
        if settings.temperature > 1:
            # OpenAI's scale ends at 2
            body["temperature"] = 1
            written.dropped.append("temperature>1")
    values = {"top_p": settings.top_p, "top_k": settings.top_k, "stop_sequences": settings.stop}
    body.update({name: value for name, value in values.items() if value is not None})
    if settings.user is not None:
        body["metadata"] = {"user_id": settings.user[:256]}
    output: dict[str, Any] = {}
    if settings.structure is not None and settings.structure.schema is not None:
        output["format"] = {"type": "json_schema", "schema": settings.structure.schema}
    if settings.thinking is not None:
        body["thinking"] = settings.thinking
        if settings.effort is not None and settings.effort != "none" and "adaptive_thinking" in terms.traits:
            output["effort"] = settings.effort
    elif settings.effort is not None:
        _think(body, output, settings.effort, terms, written)
    if output:
        body["output_config"] = output


def _think(body: dict[str, Any], output: dict[str, Any], effort: str, terms: Terms, written: Written) -> None:
    if effort == "none":
        return
    if effort not in BUDGETS:
        raise Untranslatable(f"'reasoning_effort' must be none, {', '.join(BUDGETS)}.", "reasoning_effort")
    if "no_reasoning" in terms.traits:
        written.dropped.append("reasoning_effort")
    elif "adaptive_thinking" in terms.traits:
        body["thinking"] = {"type": "adaptive"}
        output["effort"] = "low" if effort == "minimal" else effort
    else:
        # thinking is part of what the caller has bounded, and of what is reserved for it
        budget = min(BUDGETS[effort], body["max_tokens"] - 1)
        if budget >= SMALLEST_BUDGET:
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        else:
            written.dropped.append("reasoning_effort")


def _take_over(extra: dict[str, Any], body: dict[str, Any], terms: Terms, written: Written) -> None:
    """What the reader had no place for: Anthropic's own fields go on, OpenAI's do not exist here."""
    for name, value in extra.items():
        if name in _IDLE:
            written.dropped.append(name)
        elif name in _PLAIN:
            if value is None or value in _PLAIN[name]:
                continue
            if not terms.drop:
                message = f"The field '{name}' is not supported by this model. Leave it out, or let it be dropped (drop_params)."
                raise Untranslatable(message, name)
            written.dropped.append(name)
        elif name == "output_config" and isinstance(value, dict):
            body[name] = body.get(name, {}) | value
        else:
            body[name] = value


def _tool(tool: Tool | Opaque, written: Written) -> dict[str, Any] | None:
    if isinstance(tool, Opaque):
        if tool.dialect not in _FOREIGN:
            return tool.value
        written.dropped.append(f"tools.{tool.kind}")
        return None
    described: dict[str, Any] = {"name": tool.name}
    if tool.description:
        described["description"] = tool.description
    schema = dict(tool.schema or {})
    schema.setdefault("type", "object")
    described["input_schema"] = schema
    if tool.strict is not None:
        described["strict"] = tool.strict
    if tool.cache is not None:
        described["cache_control"] = tool.cache
    return described


_KINDS = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


def _choice(choice: Choice | None, parallel: bool | None) -> dict[str, Any] | None:
    if choice is None and parallel is None:
        return None
    written: dict[str, Any] = {"type": _KINDS["auto" if choice is None else choice.kind]}
    if choice is not None and choice.kind == "named":
        written["name"] = choice.name
    if parallel is not None and written["type"] != "none":
        written["disable_parallel_tool_use"] = not parallel
    return written


def _turns(messages: list[Message], written: Written) -> list[dict[str, Any]]:
    """The turns: one after the other by turns, results of tools first in theirs."""
    turns: list[dict[str, Any]] = []
    gathered: list[tuple[str, list[Part]]] = []
    for message in messages:
        if message.role == "system":
            continue
        if gathered and gathered[-1][0] == message.role:
            gathered[-1][1].extend(message.parts)
        else:
            gathered.append((message.role, list(message.parts)))
    for role, parts in gathered:
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
        content = _content(parts, written)
        if content:
            turns.append({"role": role, "content": content})
    return turns


def _content(parts: list[Part], written: Written) -> str | list[dict[str, Any]]:
    first = parts[0] if len(parts) == 1 else None
    if isinstance(first, Text) and first.cache is None and not first.citations:
        return first.text
    return _blocks(parts, written)


def _blocks(parts: list[Part], written: Written) -> list[dict[str, Any]]:
    blocks = []
    for part in parts:
        if isinstance(part, Thinking) and (not part.signature or part.signature.startswith(GEMINI_SIGNED)):
            # nobody takes back thinking that it cannot check
            written.dropped.append("messages.thinking")
            continue
        if isinstance(part, Text) and not part.text:
            continue
        if isinstance(part, Opaque) and part.dialect in _FOREIGN:
            written.dropped.append(f"messages.{part.kind}")
            continue
        block = write_part(part)
        if block is None:
            kind = part.kind if isinstance(part, Opaque) else "unknown"
            raise Untranslatable(f"A part of type '{kind}' is not supported by this model.", "messages")
        blocks.append(block)
    return blocks
