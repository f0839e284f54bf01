"""pydantic-ai's agents on OpenAI's, Anthropic's and Google's formats against the gateway."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.messages import ThinkingPart, ToolCallPart
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from runner import BOTH, HELLO, KEY, LOOK, PNG, RESULTS, UNKNOWN_KEY, URL, Facts, failure, run


class Speaking:
    """The format that is spoken now."""

    format = ""

    @classmethod
    def enter(cls, name: str) -> None:
        cls.format = name


class Person(BaseModel):
    name: str
    age: int


def model_of(name: str, key: str = KEY) -> Any:
    if Speaking.format == "anthropic":
        anthropic = AsyncAnthropic(api_key=key, base_url=URL, max_retries=0)
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=anthropic))
    if Speaking.format == "google":
        return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=URL))
    kind = OpenAIResponsesModel if Speaking.format == "responses" else OpenAIChatModel
    openai = AsyncOpenAI(api_key=key, base_url=f"{URL}/v1", max_retries=0)
    return kind(name, provider=OpenAIProvider(openai_client=openai))


def agent(name: str, key: str = KEY, **fields: Any) -> Any:
    return Agent(model_of(name, key), retries=0, **fields)


def armed(name: str, **fields: Any) -> Any:
    """With both tools."""
    made = agent(name, **fields)

    def weather(city: str) -> str:
        """How the weather is."""
        return f"{RESULTS['weather']}"

    def clock(zone: str) -> str:
        """What the time is."""
        return f"{RESULTS['clock']}"

    made.tool_plain(weather)
    made.tool_plain(clock)
    return made


def facts_of(result: Any) -> Facts:
    last = result.all_messages()[-1]
    return {
        "text": result.output,
        "end": last.finish_reason,
        "input": last.usage.input_tokens,
        "output": last.usage.output_tokens,
        "model": last.model_name,
    }


def plain(model: str) -> Facts:
    return facts_of(agent(model).run_sync(HELLO))


async def _streamed(made: Any, prompt: str) -> tuple[Any, list[str]]:
    async with made.run_stream(prompt) as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
        result.output = await result.get_output()
    return result, pieces


def stream(model: str) -> Facts:
    result, pieces = LOOP.run_until_complete(_streamed(agent(model), HELLO))
    return facts_of(result) | {"pieces": len(pieces), "same": "".join(pieces) == result.output}


def called(result: Any) -> Facts:
    """What was called, and the answer to the results."""
    said = next(message for message in result.all_messages() if message.kind == "response")
    calls = [[part.tool_name, part.args_as_dict()] for part in said.parts if isinstance(part, ToolCallPart)]
    thoughts = [part for part in said.parts if isinstance(part, ThinkingPart)]
    thought = "".join(part.content for part in thoughts)
    return {"calls": calls, "end": said.finish_reason, "last": facts_of(result), "thought": thought}


def tools(model: str) -> Facts:
    return called(armed(model).run_sync(BOTH))


def tools_streamed(model: str) -> Facts:
    return called(LOOP.run_until_complete(_streamed(armed(model), BOTH))[0])


def image(model: str) -> Facts:
    return facts_of(agent(model).run_sync([BinaryContent(base64.b64decode(PNG), media_type="image/png"), LOOK]))


def structured(model: str) -> Facts:
    output = NativeOutput(Person) if Speaking.format != "anthropic" else Person
    return {"parsed": agent(model, output_type=output).run_sync(HELLO).output.model_dump()}


def thinking(model: str) -> Facts:
    """A thought, a call, and both given back."""
    settings: Facts = {
        "openai": {"openai_reasoning_effort": "low"},
        "responses": {"openai_reasoning_effort": "low", "openai_reasoning_summary": "auto"},
        "anthropic": {"anthropic_thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
        "google": {"google_thinking_config": {"include_thoughts": True, "thinking_budget": 1024}},
    }[Speaking.format]
    return called(armed(model, model_settings=settings).run_sync(BOTH)) | {"signed": None}


def errors(model: str) -> Facts:
    return {
        "key": failure(lambda: agent(model, UNKNOWN_KEY).run_sync(HELLO)),
        "rate": failure(lambda: agent(f"{model}-limited").run_sync(HELLO)),
        "long": failure(lambda: agent(f"{model}-long").run_sync(HELLO)),
        "cut": failure(lambda: LOOP.run_until_complete(_streamed(agent(f"{model}-cut"), HELLO))),
        "model": failure(lambda: agent("nobody").run_sync(HELLO)),
    }


if __name__ == "__main__":
    LOOP = asyncio.new_event_loop()
    asyncio.set_event_loop(LOOP)
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
        ("openai", "responses", "anthropic", "google"),
        Speaking.enter,
    )
