"""Google's SDK for Python (google-genai) against the gateway."""

from __future__ import annotations

import base64
from typing import Any

from google import genai
from google.genai import types
from pydantic import BaseModel
from runner import ABOUT, BOTH, HELLO, KEY, LOOK, PNG, RESULTS, TOOLS, UNKNOWN_KEY, URL, Facts, failure, run

OPTIONS = types.HttpOptions(base_url=URL, timeout=20_000)
CLIENT = genai.Client(api_key=KEY, http_options=OPTIONS)
STRANGER = genai.Client(api_key=UNKNOWN_KEY, http_options=OPTIONS)
DECLARED = [
    types.FunctionDeclaration(name=name, description=ABOUT[name], parameters_json_schema=schema)
    for name, schema in TOOLS.items()
]
OFFERED = {
    "tools": [types.Tool(function_declarations=DECLARED)],
    "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
}


class Person(BaseModel):
    name: str
    age: int


def ask(model: str, contents: Any = HELLO, **config: Any) -> Any:
    return CLIENT.models.generate_content(
        model=model, contents=contents, config=types.GenerateContentConfig(**config) if config else None
    )


def parts_of(answer: Any) -> list[Any]:
    return answer.candidates[0].content.parts or []


def facts_of(answer: Any) -> Facts:
    usage = answer.usage_metadata
    return {
        "text": "".join(part.text for part in parts_of(answer) if part.text and not part.thought),
        "end": answer.candidates[0].finish_reason.name,
        "input": usage.prompt_token_count,
        "output": (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        "model": answer.model_version,
    }


def plain(model: str) -> Facts:
    return facts_of(ask(model))


def streamed(model: str, contents: Any, **config: Any) -> tuple[list[Any], Any]:
    """All parts of a stream, and its last piece."""
    answers = list(
        CLIENT.models.generate_content_stream(
            model=model, contents=contents, config=types.GenerateContentConfig(**config) if config else None
        )
    )
    return [part for answer in answers if answer.candidates for part in parts_of(answer)], answers[-1]


def stream(model: str) -> Facts:
    parts, last = streamed(model, HELLO)
    pieces = [part.text for part in parts if part.text]
    return facts_of(last) | {"text": "".join(pieces), "pieces": len(pieces), "same": True}


def answered(model: str, parts: list[Any], **config: Any) -> Facts:
    """Give the results of the calls in ``parts`` back."""
    calls = [part.function_call for part in parts if part.function_call]
    results = []
    for call in calls:
        response = types.FunctionResponse(id=call.id, name=call.name, response={"output": RESULTS[call.name]})
        results.append(types.Part(function_response=response))
    turns = [
        types.Content(role="user", parts=[types.Part(text=BOTH)]),
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=results),
    ]
    last = ask(model, turns, **OFFERED, **config)
    return {"calls": [[call.name, call.args] for call in calls], "end": "STOP", "last": facts_of(last)}


def tools(model: str) -> Facts:
    return answered(model, parts_of(ask(model, BOTH, **OFFERED)))


def tools_streamed(model: str) -> Facts:
    parts, _last = streamed(model, BOTH, **OFFERED)
    return answered(model, [part for part in parts if part.text or part.function_call])


def image(model: str) -> Facts:
    picture = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    return facts_of(ask(model, [picture, types.Part(text=LOOK)]))


def structured(model: str) -> Facts:
    answer = ask(model, HELLO, response_mime_type="application/json", response_schema=Person)
    return {"parsed": answer.parsed.model_dump() if answer.parsed else None}


def thinking(model: str) -> Facts:
    """A thought, a call, and both given back."""
    think = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    parts = parts_of(ask(model, BOTH, thinking_config=think, **OFFERED))
    thoughts = [part.text for part in parts if part.thought]
    signed = any(part.thought_signature for part in parts)
    return answered(model, parts, thinking_config=think) | {"thought": "".join(thoughts), "signed": signed}


def count(model: str) -> Facts:
    return {"input": CLIENT.models.count_tokens(model=model, contents=HELLO).total_tokens}


def errors(model: str) -> Facts:
    return {
        "key": failure(lambda: STRANGER.models.generate_content(model=model, contents=HELLO)),
        "rate": failure(lambda: ask(f"{model}-limited")),
        "long": failure(lambda: ask(f"{model}-long")),
        "cut": failure(lambda: streamed(f"{model}-cut", HELLO)),
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
