"""LangChain's chat models for OpenAI's and Anthropic's formats against the gateway."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from runner import ABOUT, BOTH, HELLO, KEY, LOOK, PNG, RESULTS, TOOLS, UNKNOWN_KEY, URL, Facts, failure, run

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
    """Somebody."""

    name: str
    age: int


def chat(model: str, key: str = KEY, **fields: Any) -> Any:
    if Speaking.format == "anthropic":
        return ChatAnthropic(
            model=model, anthropic_api_url=URL, anthropic_api_key=key, max_retries=0, max_tokens=2000, **fields
        )
    if Speaking.format == "responses":
        fields["use_responses_api"] = True
    return ChatOpenAI(model=model, base_url=f"{URL}/v1", api_key=key, max_retries=0, stream_usage=True, **fields)


def facts_of(message: Any) -> Facts:
    usage = message.usage_metadata or {}
    told = message.response_metadata
    return {
        "text": message.text if isinstance(message.text, str) else message.text(),
        "end": told.get("finish_reason") or told.get("stop_reason") or told.get("status"),
        "input": usage.get("input_tokens"),
        "output": usage.get("output_tokens"),
        "model": told.get("model_name") or told.get("model"),
    }


def plain(model: str) -> Facts:
    return facts_of(chat(model).invoke(HELLO))


def gathered(runnable: Any, given: Any) -> tuple[Any, int]:
    """A stream's message, and of how many pieces with text it is made."""
    whole: Any = None
    pieces = 0
    for piece in runnable.stream(given):
        pieces += bool(piece.text if isinstance(piece.text, str) else piece.text())
        whole = piece if whole is None else whole + piece
    return whole, pieces


def stream(model: str) -> Facts:
    whole, pieces = gathered(chat(model), HELLO)
    return facts_of(whole) | {"pieces": pieces, "same": True}


def answered(runnable: Any, said: Any) -> Facts:
    """Give the results of the calls in ``said`` back."""
    results = [ToolMessage(RESULTS[call["name"]], tool_call_id=call["id"]) for call in said.tool_calls]
    last = runnable.invoke([HumanMessage(BOTH), said, *results])
    calls = [[call["name"], call["args"]] for call in said.tool_calls]
    return {"calls": calls, "end": facts_of(said)["end"], "last": facts_of(last)}


def tools(model: str) -> Facts:
    runnable = chat(model).bind_tools(OFFERED)
    return answered(runnable, runnable.invoke(BOTH))


def tools_streamed(model: str) -> Facts:
    runnable = chat(model).bind_tools(OFFERED)
    return answered(runnable, gathered(runnable, BOTH)[0])


def image(model: str) -> Facts:
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    return facts_of(chat(model).invoke([HumanMessage([picture, {"type": "text", "text": LOOK}])]))


def structured(model: str) -> Facts:
    parsed = chat(model).with_structured_output(Person, method="json_schema").invoke(HELLO)
    return {"parsed": parsed.model_dump() if parsed else None}


def thinking(model: str) -> Facts:
    """A thought, a call, and both given back."""
    think: Facts = {"reasoning_effort": "low"}
    if Speaking.format == "anthropic":
        think = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    elif Speaking.format == "responses":
        think = {
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
        }
    runnable = chat(model, **think).bind_tools(OFFERED)
    said = gathered(runnable, BOTH)[0]
    thoughts = [block.get("reasoning", "") for block in said.content_blocks if block["type"] == "reasoning"]
    return answered(runnable, said) | {"thought": "".join(thoughts), "signed": None}


def errors(model: str) -> Facts:
    return {
        "key": failure(lambda: chat(model, UNKNOWN_KEY).invoke(HELLO)),
        "rate": failure(lambda: chat(f"{model}-limited").invoke(HELLO)),
        "long": failure(lambda: chat(f"{model}-long").invoke(HELLO)),
        "cut": failure(lambda: gathered(chat(f"{model}-cut"), HELLO)),
        "model": failure(lambda: chat("nobody").invoke(HELLO)),
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
        ("openai", "responses", "anthropic"),
        Speaking.enter,
    )
