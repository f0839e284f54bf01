"""Anthropic's SDK for Python against the gateway."""

from __future__ import annotations

from typing import Any

import anthropic
from pydantic import BaseModel
from runner import ABOUT, BOTH, HELLO, KEY, LOOK, PNG, RESULTS, TOOLS, UNKNOWN_KEY, URL, Facts, failure, run

CLIENT = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=20)
STRANGER = CLIENT.with_options(api_key=UNKNOWN_KEY)
OFFERED: Any = [{"name": name, "description": ABOUT[name], "input_schema": schema} for name, schema in TOOLS.items()]


class Person(BaseModel):
    name: str
    age: int


def ask(model: str, content: Any = HELLO, **fields: Any) -> Any:
    return CLIENT.messages.create(
        model=model, max_tokens=2000, messages=[{"role": "user", "content": content}], **fields
    )


def facts_of(message: Any) -> Facts:
    return {
        "text": "".join(block.text for block in message.content if block.type == "text"),
        "end": message.stop_reason,
        "input": message.usage.input_tokens,
        "output": message.usage.output_tokens,
        "model": message.model,
    }


def plain(model: str) -> Facts:
    return facts_of(ask(model))


def stream(model: str) -> Facts:
    with CLIENT.messages.stream(model=model, max_tokens=2000, messages=[{"role": "user", "content": HELLO}]) as events:
        pieces = list(events.text_stream)
        final = events.get_final_message()
    return facts_of(final) | {"pieces": len(pieces), "same": "".join(pieces) == facts_of(final)["text"]}


def answered(model: str, said: Any, **fields: Any) -> Facts:
    """Give the results of the calls in ``said`` back."""
    calls = [block for block in said.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    turns: Any = [
        {"role": "user", "content": BOTH},
        {"role": "assistant", "content": said.content},
        {"role": "user", "content": results},
    ]
    last = CLIENT.messages.create(model=model, max_tokens=2000, messages=turns, tools=OFFERED, **fields)
    return {"calls": [[call.name, call.input] for call in calls], "end": said.stop_reason, "last": facts_of(last)}


def tools(model: str) -> Facts:
    return answered(model, ask(model, BOTH, tools=OFFERED))


def tools_streamed(model: str) -> Facts:
    with CLIENT.messages.stream(
        model=model, max_tokens=2000, messages=[{"role": "user", "content": BOTH}], tools=OFFERED
    ) as events:
        return answered(model, events.get_final_message())


def image(model: str) -> Facts:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    return facts_of(ask(model, [{"type": "image", "source": source}, {"type": "text", "text": LOOK}]))


def structured(model: str) -> Facts:
    answer = CLIENT.messages.parse(
        model=model, max_tokens=2000, messages=[{"role": "user", "content": HELLO}], output_format=Person
    )
    parsed = answer.parsed_output
    return {"parsed": parsed.model_dump() if parsed else None}


def thinking(model: str) -> Facts:
    """A thought, a call, and both given back."""
    think = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    with CLIENT.messages.stream(
        model=model,
        max_tokens=2000,
        messages=[{"role": "user", "content": BOTH}],
        tools=OFFERED,
        **think,
    ) as events:
        said = events.get_final_message()
    thoughts = [block for block in said.content if block.type == "thinking"]
    facts = answered(model, said, **think)
    signed = all(block.signature for block in thoughts)
    return facts | {"thought": "".join(block.thinking for block in thoughts), "signed": signed}


def count(model: str) -> Facts:
    counted = CLIENT.messages.count_tokens(model=model, messages=[{"role": "user", "content": HELLO}])
    return {"input": counted.input_tokens}


def errors(model: str) -> Facts:
    hello: Any = {"max_tokens": 10, "messages": [{"role": "user", "content": HELLO}]}
    return {
        "key": failure(lambda: STRANGER.messages.create(model=model, **hello)),
        "rate": failure(lambda: ask(f"{model}-limited")),
        "long": failure(lambda: ask(f"{model}-long")),
        "cut": failure(lambda: list(CLIENT.messages.create(model=f"{model}-cut", stream=True, **hello))),
        "model": failure(lambda: ask("nobody")),
    }


if __name__ == "__main__":
    run(
        {
            "plain": plain,
            "stream": stream,
            "tools": tools,
            "tools_streamed": tools_streamed,
            "image": image,
            "structured": structured,
            "thinking": thinking,
            "count": count,
            "errors": errors,
        }
    )
