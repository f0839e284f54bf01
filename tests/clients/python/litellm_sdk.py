"""LiteLLM's SDK as a client of the gateway, as of a LiteLLM proxy, and with its adapters for OpenAI's and Anthropic's formats."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before the import: else it asks the internet

import litellm
from pydantic import BaseModel
from runner import ABOUT, BOTH, HELLO, KEY, LOOK, PNG, RESULTS, TOOLS, UNKNOWN_KEY, URL, Facts, failure, run

litellm.telemetry = False
litellm.suppress_debug_info = True
OFFERED: Any = [
    {"type": "function", "function": {"name": name, "description": ABOUT[name], "parameters": schema}}
    for name, schema in TOOLS.items()
]


class Speaking:
    """The format that is spoken now."""

    format = ""

    @classmethod
    def enter(cls, name: str) -> None:
        cls.format = name


class Person(BaseModel):
    name: str
    age: int


def ask(model: str, content: Any = HELLO, key: str = KEY, **fields: Any) -> Any:
    """``fields`` may have the whole ``messages``."""
    turns = fields.pop("messages", [{"role": "user", "content": content}])
    base = URL if Speaking.format == "anthropic" else f"{URL}/v1"
    return litellm.completion(
        model=f"{Speaking.format}/{model}", messages=turns, api_base=base, api_key=key, max_tokens=2000, num_retries=0, timeout=20,
        _skip_mcp_handler=True,  # calls with tools would import a package that 1.106.2 does not bring
        **fields,
    )  # fmt: skip


def facts_of(answer: Any) -> Facts:
    usage = answer.usage
    return {
        "text": answer.choices[0].message.content,
        "end": answer.choices[0].finish_reason,
        "input": usage.prompt_tokens,
        "output": usage.completion_tokens,
        "model": answer.model,
    }


def plain(model: str) -> Facts:
    return facts_of(ask(model))


def gathered(model: str, content: str, **fields: Any) -> tuple[Any, int]:
    chunks = list(ask(model, content, stream=True, stream_options={"include_usage": True}, **fields))
    pieces = sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content)
    return litellm.stream_chunk_builder(chunks), pieces


def stream(model: str) -> Facts:
    whole, pieces = gathered(model, HELLO)
    return facts_of(whole) | {"pieces": pieces, "same": True}


def answered(model: str, said: Any, **fields: Any) -> Facts:
    """Give the results of the calls in ``said`` back."""
    message = said.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": RESULTS[call.function.name]}
        for call in message.tool_calls
    ]
    turns = [{"role": "user", "content": BOTH}, message.model_dump(exclude_none=True), *results]
    last = ask(model, messages=turns, tools=OFFERED, **fields)
    calls = [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls]
    return {"calls": calls, "end": said.choices[0].finish_reason, "last": facts_of(last)}


def tools(model: str) -> Facts:
    return answered(model, ask(model, BOTH, tools=OFFERED))


def tools_streamed(model: str) -> Facts:
    return answered(model, gathered(model, BOTH, tools=OFFERED)[0])


def image(model: str) -> Facts:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    return facts_of(ask(model, [picture, {"type": "text", "text": LOOK}]))


def structured(model: str) -> Facts:
    answer = ask(model, response_format=Person)
    return {"parsed": json.loads(answer.choices[0].message.content)}


def thinking(model: str) -> Facts:
    """A thought, a call, and both given back."""
    # what LiteLLM does not know of a model it only sends when told to
    think: Facts = {"reasoning_effort": "low", "allowed_openai_params": ["reasoning_effort"]}
    if Speaking.format == "anthropic":
        think = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "allowed_openai_params": ["thinking"]}
    said = gathered(model, BOTH, tools=OFFERED, **think)[0]
    thought = getattr(said.choices[0].message, "reasoning_content", None) or ""
    return answered(model, said, **think) | {"thought": thought, "signed": None}


def errors(model: str) -> Facts:
    return {
        "key": failure(lambda: ask(model, key=UNKNOWN_KEY)),
        "rate": failure(lambda: ask(f"{model}-limited")),
        "long": failure(lambda: ask(f"{model}-long")),
        "cut": failure(lambda: gathered(f"{model}-cut", HELLO)),
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
            "errors": errors,
        },
        ("litellm_proxy", "openai", "anthropic"),
        Speaking.enter,
    )
